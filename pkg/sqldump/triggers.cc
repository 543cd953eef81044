// Triggers, rules and routines, and their bodies.
#include <algorithm>
#include <utility>

#include "sqldump/schema.h"

namespace zc::sqldump {

namespace {

constexpr std::size_t body_depth_max = 256;

/// Counts BEGIN and END as far as the three dialects have them, with CASE … END in expressions, END
/// IF of MySQL's, the parentheses of CREATE RULE, and columns that are called "end".
class BodyNesting {
public:
    explicit BodyNesting(Dialect dialect) : dialect_(dialect) {}

    /// Whether a ";" here is not the end of the statement.
    bool is_open() const noexcept { return !open_.empty() || parentheses_ > 0; }

    /// False: nested too deep.
    bool step(const Token& token) {
        const bool is_word = token.kind == Token::Kind::word && before_ != ".";
        const bool is_block =
            is_word && is_one_of(token.text, {"if", "while", "loop", "repeat", "for"});
        const bool is_behind_end = std::exchange(ends_, false);
        if (is_behind_end && !open_.empty()) {
            if (is_block ? open_.back() == Open::block : closes_) open_.pop_back();
        }
        // PostgreSQL's body is BEGIN ATOMIC; a parameter may be called "begin".
        if (before_ == "begin" && dialect_ == Dialect::postgresql && !open_.empty() &&
            !(is_word && token.text == "atomic"))
            open_.pop_back();
        if (token.is('(')) ++parentheses_;
        if (token.is(')')) --parentheses_;
        if (token.is_stop()) is_handler_ = false;
        if (is_word) {
            const bool starts = is_one_of(before_, {";", "begin", "atomic", "then", "else", "do",
                                                    "loop", "repeat", ":", "row"});
            if (token.text == "begin" &&
                (open_.empty() ? parentheses_ <= 0 : starts || is_handler_)) {
                open_.push_back(Open::begin);
            } else if (is_block && starts && dialect_ == Dialect::mysql) {
                open_.push_back(Open::block);
            } else if (token.text == "case" && !is_behind_end) {
                open_.push_back(Open::conditional);
            } else if (token.text == "handler") {
                is_handler_ = true;
            } else if (token.text == "end" && !open_.empty()) {
                ends_ = true;
                closes_ =
                    open_.back() == Open::conditional ||
                    (open_.back() == Open::begin && is_one_of(before_, {";", "begin", "atomic"}));
            }
        }
        const bool is_of_use = is_word || token.is_stop() || token.kind == Token::Kind::symbol;
        before_ = !is_of_use ? "" : token.text.substr(0, identifier_octets_max);
        return open_.size() <= body_depth_max;
    }

private:
    enum class Open : std::uint8_t { begin, conditional, block };
    const Dialect dialect_;
    std::vector<Open> open_;
    int parentheses_ = 0;
    std::string before_;  // the word or symbol before this one
    bool is_handler_ = false;
    bool ends_ = false, closes_ = false;  // of an END before this one
};

}  // namespace

/// CREATE FUNCTION and PROCEDURE; the current token is that word.
Status DumpSchema::create_routine() {
    next();
    skip_if_exists();
    std::vector<std::string> parts;
    ZC_TRY_STATUS(qualified(parts));
    Body body;
    ZC_TRY_STATUS(end_body(&body));
    return body.changes ? stand_in(StandIn::routine, parts.back(), body.table) : Status();
}

/// CREATE TRIGGER name AFTER INSERT OR UPDATE ON table …; the current token is TRIGGER.
Status DumpSchema::create_trigger(std::uint64_t line) {
    DumpTrigger trigger{.name = {}, .line = line, .into = {}};
    next();
    skip_if_exists();
    std::vector<std::string> parts;
    ZC_TRY_STATUS(qualified(parts));
    trigger.name = lower(parts.back());
    for (; !token_.is("on"); next()) {
        if (token_.kind == Token::Kind::end || token_.is_stop()) return unexpected("ON");
        if (token_.is("insert")) trigger.on_insert = true;
        if (token_.is("update") || token_.is("delete") || token_.is("truncate"))
            trigger.on_change = true;
    }
    next();
    ZC_TRY_STATUS(qualified(parts));
    DumpTable& table = tables_.find(parts);
    Body body;
    ZC_TRY_STATUS(end_body(&body));
    if (body.changes) trigger.into = std::move(body.table);
    table.triggers.push_back(std::move(trigger));
    return {};
}

/// CREATE RULE name AS ON INSERT TO table …; the current token is RULE.
Status DumpSchema::create_rule(std::uint64_t line) {
    DumpTrigger rule{.name = {}, .line = line, .is_rule = true, .into = {}};
    next();
    if (!is_name()) return unexpected("the name of a rule");
    rule.name = lower(token_.text);
    while (token_.kind != Token::Kind::end && !token_.is_stop() && !token_.is("on")) next();
    next();
    rule.on_insert = token_.is("insert");
    rule.on_change = token_.is("update") || token_.is("delete");
    const bool is_view = token_.is("select");
    next();
    if (!token_.is("to")) return unexpected("TO");
    next();
    std::vector<std::string> parts;
    ZC_TRY_STATUS(qualified(parts));
    DumpTable& table = tables_.find(parts);
    Body body;
    ZC_TRY_STATUS(end_body(&body));
    if (is_view) return table.ours ? Status() : show(table, body.table);
    if (body.changes) rule.into = std::move(body.table);
    table.triggers.push_back(std::move(rule));
    return {};
}

/// ENABLE and DISABLE TRIGGER or RULE; the current token is the first of them.
Status DumpSchema::alter_triggers(DumpTable& table) {
    const bool is_off = token_.is("disable");
    if (!is_off && !token_.is("enable")) return {};
    next();
    while (token_.is("replica") || token_.is("always")) next();
    const bool is_rule = token_.is("rule");
    if (!is_rule && !token_.is("trigger")) return {};
    next();
    if (!is_name()) return unexpected("the name of a trigger");
    const bool is_all = token_.is("all") || token_.is("user");
    const std::string name = lower(token_.text);
    for (DumpTrigger& trigger : table.triggers)
        if (trigger.is_rule == is_rule && (is_all || trigger.name == name)) trigger.is_off = is_off;
    next();
    return {};
}

/// DROP TRIGGER and RULE: PostgreSQL's say of which table. The current token is that word.
Status DumpSchema::drop_trigger() {
    next();
    skip_if_exists();
    std::vector<std::string> parts;
    ZC_TRY_STATUS(qualified(parts));
    const std::string name = lower(parts.back());
    const DumpTable* table_or_null = nullptr;
    if (token_.is("on")) {
        next();
        ZC_TRY_STATUS(qualified(parts));
        table_or_null = &tables_.find(parts);
    }
    tables_.drop_trigger(name, table_or_null);
    return end_harmless();
}

/// Rows for which a trigger or rule that stands before them fires.
Status DumpSchema::refuse_fired(const DumpTable& table, Rows rows, std::uint64_t line) {
    for (const DumpTable* at = &table; at != nullptr; at = at->parent_or_null) {
        for (const DumpTrigger& trigger : at->triggers) {
            if (!trigger.on_insert || trigger.is_off) continue;
            if (trigger.is_rule && rows == Rows::copied) continue;
            const std::string which = (trigger.is_rule ? "rule " : "trigger ") + trigger.name +
                                      " (line " + std::to_string(trigger.line) + ")";
            if (table.ours) return refuse_effect("rows behind " + which + " of", table.name, line);
            if (!trigger.into.empty())
                return refuse_effect("rows behind " + which + ", which names", trigger.into, line);
        }
    }
    return {};
}

/// The rest of CREATE TRIGGER, FUNCTION, … with the statements of its body, which are no data.
/// Where DELIMITER is set, that ends it.
Status DumpSchema::end_body(Body* body_or_null) {
    BodyNesting nesting(dialect_);
    const auto look_at = [&](std::string_view text) {
        while (!text.empty()) {
            std::size_t size = 0;
            while (size < text.size() && is_word(text[size])) ++size;
            const std::string word = lower(text.substr(0, size));
            text.remove_prefix(std::max<std::size_t>(size, 1));
            if (word.empty()) continue;
            std::string table = table_meant(word);
            body_or_null->changes = body_or_null->changes || is_word_of_change(word) ||
                                    !stood_for(StandIn::routine, word).empty() ||
                                    !stood_for(StandIn::runner, word).empty();
            if (body_or_null->table.empty()) body_or_null->table = std::move(table);
        }
    };
    for (; token_.kind != Token::Kind::end; next()) {
        const bool has_words = token_.kind == Token::Kind::word ||
                               token_.kind == Token::Kind::name ||
                               token_.kind == Token::Kind::string;
        if (body_or_null != nullptr && has_words) look_at(token_.text);
        if (token_.is('\\')) return unexpected("\";\" before a command of the client");
        if (!delimiter_.empty()) {
            if (token_.is_stop() && token_.text == delimiter_) return {};
            continue;
        }
        if (!nesting.step(token_)) return unexpected("a body that is less nested");
        if (token_.is_stop() && !nesting.is_open()) return {};
    }
    return unexpected("the end of its body");
}

}  // namespace zc::sqldump
