#include "ingest/dump_statements.h"

#include <algorithm>
#include <utility>

#include "ingest/row_store.h"

namespace zc::ingest {

namespace {

constexpr std::size_t body_depth_max = 256;
constexpr std::size_t delimiter_octets_max = 16;
constexpr std::size_t stand_ins_max = 65536;

/// What stands before "(" in a SELECT of a dump and runs no code of the database's users.
constexpr std::string_view selected_before_parenthesis[] = {"all",
                                                            "and",
                                                            "any",
                                                            "as",
                                                            "avg",
                                                            "by",
                                                            "case",
                                                            "cast",
                                                            "char_length",
                                                            "coalesce",
                                                            "concat",
                                                            "convert",
                                                            "count",
                                                            "current_date",
                                                            "currval",
                                                            "database",
                                                            "else",
                                                            "except",
                                                            "exists",
                                                            "from",
                                                            "greatest",
                                                            "group_concat",
                                                            "if",
                                                            "ifnull",
                                                            "in",
                                                            "join",
                                                            "last_insert_id",
                                                            "lastval",
                                                            "least",
                                                            "length",
                                                            "lower",
                                                            "max",
                                                            "min",
                                                            "not",
                                                            "now",
                                                            "nextval",
                                                            "nullif",
                                                            "on",
                                                            "or",
                                                            "over",
                                                            "pg_get_serial_sequence",
                                                            "replace",
                                                            "round",
                                                            "select",
                                                            "setval",
                                                            "string_agg",
                                                            "substr",
                                                            "substring",
                                                            "sum",
                                                            "then",
                                                            "trim",
                                                            "union",
                                                            "unix_timestamp",
                                                            "upper",
                                                            "using",
                                                            "values",
                                                            "version",
                                                            "when",
                                                            "where"};

/// Words of statements that change rows or tables, or run what does.
constexpr std::string_view words_of_change[] = {"alter",   "call",     "copy",  "delete", "drop",
                                                "execute", "insert",   "load",  "merge",  "rename",
                                                "replace", "truncate", "update"};

bool is_word_of_change(std::string_view word) noexcept {
    return std::ranges::find(words_of_change, word) != std::end(words_of_change);
}

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

/// To the end of a statement, whatever it holds.
void DumpStatements::skip_statement() {
    while (token_.kind != Token::Kind::end && !token_.is_stop() && !token_.is('\\')) next();
}

/// The rest of a statement that changes no row. Another one inside of it would be lost: a ";" is
/// missing. What set_config would set there is not followed.
Status DumpStatements::end_harmless(Effect* effect_or_null) {
    bool is_insert = false;
    for (; token_.kind != Token::Kind::end && !token_.is_stop(); next()) {
        if (token_.is('\\')) return unexpected("\";\" before a command of the client");
        if (token_.is("set_config")) return unexpected("set_config in a SELECT");
        if (effect_or_null != nullptr) note(*effect_or_null);
        if (token_.kind != Token::Kind::word) {
            is_insert = false;
        } else if (token_.text == "insert" || token_.text == "replace") {
            is_insert = true;
        } else if (is_insert && token_.text == "into") {
            return unexpected("\";\" before INSERT INTO");
        } else if (!is_one_of(token_.text, {"or", "ignore", "delayed", "low_priority",
                                            "high_priority", "abort", "fail", "rollback"})) {
            is_insert = false;
        }
    }
    return {};
}

/// The table that `name` stands for; or empty.
std::string DumpStatements::stood_for(StandIn kind, const std::string& name) const {
    const auto& names = stand_ins_[static_cast<std::size_t>(kind)];
    if (names.empty()) return {};
    const auto found = names.find(name);
    return found == names.end() ? "" : found->second + ", by way of " + name;
}

/// The table of PowerDNS's that a word means, which may be its name or a stand-in; or empty.
std::string DumpStatements::table_meant(const std::string& word) {
    if (table_of(word)) {
        const DumpTable* table = tables_.find_or_null({word});
        return table == nullptr || tables_.is_chosen(table->place) ? word : "";
    }
    for (const StandIn kind : {StandIn::text, StandIn::view, StandIn::routine, StandIn::runner})
        if (std::string table = stood_for(kind, word); !table.empty()) return table;
    return {};
}

/// The first of PowerDNS's tables that stands in `text` as a word of its own; or empty.
std::string DumpStatements::table_meant_in(std::string_view text) {
    while (!text.empty()) {
        std::size_t size = 0;
        while (size < text.size() && is_word(text[size])) ++size;
        if (std::string table = table_meant(lower(text.substr(0, size))); !table.empty())
            return table;
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
    return {};
}

/// The same of the current token, which may be a string with code.
std::string DumpStatements::table_meant_in_token() {
    if (token_.kind == Token::Kind::number && token_.text.starts_with("0x"))
        return table_meant_in(octets_of_hex(std::string_view(token_.text).substr(2)));
    const bool has_words = token_.kind == Token::Kind::word || token_.kind == Token::Kind::name ||
                           token_.kind == Token::Kind::string;
    return has_words ? table_meant_in(token_.text) : "";
}

Status DumpStatements::stand_in(StandIn kind, const std::string& name, const std::string& table) {
    if (name.empty() || table.empty()) return {};
    auto& names = stand_ins_[static_cast<std::size_t>(kind)];
    if (names.size() == stand_ins_max) {
        return fail(Errc::limit,
                    "more than " + std::to_string(stand_ins_max) +
                        " views, routines or variables that name tables of PowerDNS's",
                    {name_, line_});
    }
    names.emplace(lower(name), table.substr(0, table.find(',')));
    return {};
}

/// Adds the current token to what the statement does.
void DumpStatements::note(Effect& effect) {
    // replace(a, b, c) is a function.
    if (token_.kind == Token::Kind::word)
        effect.last_but_one = std::exchange(effect.last, token_.text);
    if (std::exchange(effect.may_change, false)) effect.changes = effect.changes || !token_.is('(');
    if (effect.table.empty()) effect.table = table_meant_in_token();
    const bool is_word = token_.kind == Token::Kind::word || token_.kind == Token::Kind::name;
    if (is_word && effect.through.empty())
        effect.through = stood_for(StandIn::runner, lower(token_.text));
    if (token_.is('(') && !effect.before.empty()) {
        if (effect.through.empty())
            effect.through = stood_for(StandIn::routine, lower(effect.before));
        if (effect.is_own && std::ranges::find(selected_before_parenthesis, effect.before) ==
                                 std::end(selected_before_parenthesis))
            effect.runs_code = true;
    }
    if (is_word) {
        // FOR UPDATE, ON DUPLICATE KEY UPDATE, ON DELETE
        const bool is_clause =
            effect.before == "on" ||
            (token_.is("update") && is_one_of(effect.before, {"for", "key", "do"}));
        effect.may_change =
            token_.kind == Token::Kind::word && !is_clause && is_word_of_change(token_.text);
        effect.is_own = effect.before != "pg_catalog";
        effect.before = token_.text;
    } else if (!token_.is('.')) {
        effect.before.clear();
    }
    if (token_.is("into")) effect.changes = true;
}

/// A query reads, unless it says otherwise or runs code.
Status DumpStatements::refuse_query(std::string_view verb, const Effect& effect,
                                    std::uint64_t line) {
    if (!effect.through.empty())
        return refuse_effect(std::string(verb) + " that runs code and names", effect.through, line);
    if (effect.table.empty()) return {};
    if (effect.changes || effect.may_change)
        return refuse_effect(std::string(verb) + " that names", effect.table, line);
    if (effect.runs_code)
        return refuse_effect(std::string(verb) + " that runs code and names", effect.table, line);
    return {};
}

/// The rest of a statement that reads tables.
Status DumpStatements::end_query(std::string_view verb, std::uint64_t line) {
    Effect effect;
    ZC_TRY_STATUS(end_harmless(&effect));
    return refuse_query(verb, effect, line);
}

/// The rest of a statement that changes rows of another table.
Status DumpStatements::end_change(std::string_view verb, std::uint64_t line) {
    Effect effect;
    ZC_TRY_STATUS(end_harmless(&effect));
    if (effect.through.empty()) return {};
    return refuse_effect(std::string(verb) + " that runs code and names", effect.through, line);
}

/// A statement that puts rows into what stands for a table of PowerDNS's.
Status DumpStatements::refuse_stand_in(std::string_view what, const DumpTable& table,
                                       std::uint64_t line) {
    if (table.ours || table.shows.empty()) return {};
    return refuse_effect(what, table.shows + ", by way of " + table.name, line);
}

/// A call of a routine among values.
Status DumpStatements::refuse_call(std::string_view verb, const std::string& function) {
    const std::string meant = stood_for(StandIn::routine, lower(function));
    if (meant.empty()) return {};
    return refuse_effect(std::string(verb) + " that runs code and names", meant, line_);
}

/// CREATE FUNCTION and PROCEDURE; the current token is that word.
Status DumpStatements::create_routine() {
    next();
    skip_if_exists();
    std::vector<std::string> parts;
    ZC_TRY_STATUS(qualified(parts));
    Body body;
    ZC_TRY_STATUS(end_body(&body));
    return body.changes ? stand_in(StandIn::routine, parts.back(), body.table) : Status();
}

/// CREATE TRIGGER name AFTER INSERT OR UPDATE ON table …; the current token is TRIGGER.
Status DumpStatements::create_trigger(std::uint64_t line) {
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
Status DumpStatements::create_rule(std::uint64_t line) {
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
Status DumpStatements::alter_triggers(DumpTable& table) {
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
Status DumpStatements::drop_trigger() {
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
Status DumpStatements::refuse_fired(const DumpTable& table, Rows rows, std::uint64_t line) {
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
Status DumpStatements::end_body(Body* body_or_null) {
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

/// schema.table, each plain or quoted; the current token is the first of it.
Status DumpStatements::qualified(std::vector<std::string>& parts) {
    parts.clear();
    bool is_exact = false;
    for (;;) {
        if (!is_name()) return unexpected("the name of a table");
        if (parts.size() == 2) return unexpected("a name of one part or two");
        // PostgreSQL's "Domains" is another table than domains.
        is_exact = token_.kind == Token::Kind::name && dialect_ == Dialect::postgresql;
        parts.push_back(token_.text);
        next();
        if (!token_.is('.')) break;
        next();
    }
    if (!is_exact) parts.back() = lower(parts.back());
    return {};
}

void DumpStatements::skip_if_exists() {
    if (!token_.is("if")) return;
    while (is_one_of(token_.text, {"if", "not", "exists"}) && token_.kind == Token::Kind::word)
        next();
}

void DumpStatements::mention(const std::vector<std::string>& parts, Mentions& out) {
    for (std::size_t i = 0; i < parts.size(); ++i) {  // table.column, schema.table
        std::string name = lower(parts[i]);
        const DumpTable* table =
            tables_.find_or_null(i == 0 ? std::vector{name} : std::vector{parts[i - 1], name});
        if (table != nullptr && table->ours && !tables_.is_chosen(table->place)) continue;
        bool has_rows = table != nullptr && table->ours && table->rows_line != 0;
        if (!table_of(name) && (table == nullptr || !table->ours)) {
            std::string meant;
            has_rows = tables_.has_rows("");
            if (table != nullptr && !table->shows.empty())
                meant = table->shows + ", by way of " + name;
            if (meant.empty() && table != nullptr) {
                const DumpTable* const heir = tables_.heir_with_rows_or_null(*table);
                if (heir != nullptr) meant = heir->name + ", which inherits from " + name;
            }
            if (meant.empty() && table != nullptr) {
                for (const DumpTrigger& trigger : table->triggers)
                    if (trigger.on_change && !trigger.is_off && !trigger.into.empty())
                        meant = trigger.into + ", by way of trigger " + trigger.name;
            }
            if (meant.empty()) continue;
            name = std::move(meant);
        }
        if (out.table.empty()) out.table = name;
        if (has_rows && out.table_with_rows.empty()) out.table_with_rows = name;
    }
}

/// Passes over the statement up to one of the words, or to its end, and says which tables of
/// PowerDNS's it names.
Status DumpStatements::mentions(std::initializer_list<std::string_view> until, Mentions& out) {
    std::vector<std::string> parts;
    while (token_.kind != Token::Kind::end && !token_.is_stop()) {
        if (token_.is('\\')) return unexpected("\";\" before a command of the client");
        if (token_.kind == Token::Kind::word && is_one_of(token_.text, until)) return {};
        if (token_.kind != Token::Kind::word && token_.kind != Token::Kind::name) {
            next();
            continue;
        }
        parts.assign(1, token_.text);
        for (next(); token_.is('.'); next()) {
            next();
            if (!is_name()) break;
            parts.push_back(token_.text);
        }
        if (parts.back() == "pg_settings")
            return refuse_setting("pg_settings", "SET in a statement of its own", line_);
        mention(parts, out);
    }
    return {};
}

Status DumpStatements::refuse_effect(std::string_view what, const std::string& table,
                                     std::uint64_t line) {
    return fail(Errc::unsupported,
                std::string(what) + " table " + table +
                    ": a database would carry that out, an import cannot; make the dump anew from "
                    "the database in which it was done",
                {name_, line});
}

/// A statement that changes rows: of a table that has none yet it changes nothing.
Status DumpStatements::change_of_rows(std::string_view verb,
                                      std::initializer_list<std::string_view> until,
                                      std::uint64_t line) {
    Mentions named;
    ZC_TRY_STATUS(mentions(until, named));
    if (!named.table_with_rows.empty())
        return refuse_effect(std::string(verb) + " behind rows of", named.table_with_rows, line);
    return end_change(verb, line);
}

Status DumpStatements::column_names(std::vector<std::string>& columns) {
    // The current token is the first name.
    for (;; next()) {
        if (!is_name()) return unexpected("the name of a column");
        if (columns.size() == columns_of_table_max) return unexpected("fewer columns");
        columns.push_back(lower(token_.text));
        next();
        if (!token_.is(',')) break;
    }
    if (!token_.is(')')) return unexpected("\",\" or \")\"");
    next();
    return {};
}

Status DumpStatements::create() {
    const std::uint64_t line = line_;
    next();
    bool is_temporary = false;
    bool is_foreign = false;
    bool is_materialized = false;
    while (token_.kind != Token::Kind::end && !token_.is_stop()) {
        if (token_.is('=') || token_.is('@')) {  // DEFINER=root@localhost
            next();
            next();
            continue;
        }
        if (token_.kind != Token::Kind::word) {
            next();
            continue;
        }
        const std::string word = token_.text;
        if (word == "temp" || word == "temporary") is_temporary = true;
        if (word == "foreign" || word == "virtual") is_foreign = true;
        if (word == "table") return create_table(is_temporary, is_foreign, line);
        if (word == "materialized") is_materialized = true;
        if (word == "view") return create_view(is_materialized, line);
        if (word == "function" || word == "procedure") return create_routine();
        if (word == "trigger") return create_trigger(line);
        if (word == "rule") return create_rule(line);
        if (word == "event" || word == "package") return end_body();
        if (!is_one_of(word, {"or",        "replace",     "temp",      "temporary", "foreign",
                              "virtual",   "global",      "local",     "unlogged",  "materialized",
                              "recursive", "constraint",  "aggregate", "sql",       "security",
                              "invoker",   "definer",     "algorithm", "merge",     "temptable",
                              "undefined", "current_user"}))
            break;
        next();
        if (token_.is('=')) {  // the value may be any word
            next();
            next();
        }
    }
    return end_harmless();
}

Status DumpStatements::create_table(bool temporary, bool foreign, std::uint64_t line) {
    next();
    const bool if_not_exists = token_.is("if");
    skip_if_exists();
    std::vector<std::string> parts;
    ZC_TRY_STATUS(qualified(parts));
    DumpTable& table = tables_.create(parts);
    const bool is_ours = table.ours && tables_.is_chosen(table.place);
    if (is_ours && temporary)
        return refuse_effect("CREATE TEMPORARY TABLE hides", table.name, line);
    if (is_ours && table.rows_line != 0 && !if_not_exists) {
        return fail(Errc::malformed,
                    "table " + table.name +
                        " is created behind rows of it: two dumps in one file; import them one by "
                        "one",
                    {name_, line});
    }
    const bool is_there = table.created;
    table.created = true;
    table.named = true;
    table.is_view = foreign;
    std::vector<DumpColumn> columns;
    std::vector<std::string> odd_defaults;
    bool are_known = token_.is('(');
    if (are_known) {
        do {
            next();
            const bool is_constraint =
                token_.kind == Token::Kind::word &&
                is_one_of(token_.text,
                          {"constraint", "primary", "unique", "key", "foreign", "check", "index",
                           "fulltext", "spatial", "exclude", "like", "period"});
            DumpColumn* column = nullptr;
            if (is_name() && !is_constraint) {
                if (columns.size() == columns_of_table_max) return unexpected("fewer columns");
                column = &columns.emplace_back(DumpColumn{lower(token_.text), {}});
            } else if (token_.is("like")) {
                are_known = false;
            }
            CharsetClause charset;
            bool is_behind_literal = false;
            for (int depth = 0; token_.kind != Token::Kind::end; next()) {
                if (depth == 0 && (token_.is(',') || token_.is(')'))) break;
                // DEFAULT 1 + 1
                if (std::exchange(is_behind_literal, false) && token_.kind == Token::Kind::symbol &&
                    !token_.is(':'))
                    odd_defaults.push_back(column->name);
                charset.step(token_);
                if (column != nullptr) column->charset = charset.charset();
                if (token_.is_stop()) return unexpected("\")\" behind the columns");
                if (token_.is('(')) ++depth;
                if (token_.is(')')) --depth;
                if (column == nullptr || depth != 0 || !token_.is("default")) continue;
                next();
                const bool is_literal = token_.kind == Token::Kind::string ||
                                        token_.kind == Token::Kind::number || token_.is("true") ||
                                        token_.is("false");
                if (is_literal) column->fallback = token_.text;
                if (!is_literal && !token_.is("null") && column->name != "id")
                    odd_defaults.push_back(column->name);
                is_behind_literal = is_literal;
                if (token_.is('(')) ++depth;
                if (token_.is_stop()) return unexpected("\")\" behind the columns");
                if (token_.is(',') || token_.is(')')) break;
            }
        } while (token_.is(','));
        if (!token_.is(')')) return unexpected("\",\" or \")\"");
        next();
    }
    CharsetClause charset;
    Effect filled;          // of its query
    Effect joined;          // of what it shows of other tables
    bool is_query = false;  // CREATE TABLE … AS
    bool is_joined = foreign;
    for (int depth = 0; token_.kind != Token::Kind::end && !token_.is_stop();) {
        charset.step(token_);
        if (token_.is('\\')) return unexpected("\";\" before a command of the client");
        is_query = is_query ||
                   (depth == 0 && (token_.is("as") || token_.is("select") || token_.is("execute")));
        is_joined = is_joined || token_.is("union") || token_.is("connection");
        if (is_query) {
            note(filled);
        } else if (is_joined) {
            note(joined);
        }
        if (depth == 0 && (token_.is("inherits") || token_.is("partition"))) {
            ZC_TRY_STATUS(parents(table, columns, line));
            are_known = are_known || columns.size() > 0;
            continue;
        }
        if (token_.is('(')) ++depth;
        if (token_.is(')')) --depth;
        if (token_.is("engine")) found(Dialect::mysql);
        if (is_ours && is_query) return refuse_effect("CREATE TABLE … AS fills", table.name, line);
        next();
    }
    ZC_TRY_STATUS(refuse_query("CREATE TABLE … AS", filled, line));
    if (!table.ours) ZC_TRY_STATUS(show(table, joined.table));
    if (!is_there || !if_not_exists) {
        table.columns.reset();
        if (are_known) table.columns = std::move(columns);
        table.odd_defaults = std::move(odd_defaults);
        table.charset = charset.charset();
    }
    return {};
}

/// INHERITS (a, b) and PARTITION OF a. Columns of the parents come before the table's own.
Status DumpStatements::parents(DumpTable& table, std::vector<DumpColumn>& columns,
                               std::uint64_t line) {
    const bool inherits = token_.is("inherits");
    next();
    if (!inherits) {
        if (!token_.is("of")) return {};  // PARTITION BY
        columns.clear();                  // options of the parent's
    } else if (!token_.is('(')) {
        return {};
    }
    std::vector<DumpColumn> all;
    do {
        next();
        std::vector<std::string> parts;
        ZC_TRY_STATUS(qualified(parts));
        DumpTable& parent = tables_.find(parts);
        for (const DumpColumn& column : parent.columns.value_or(std::vector<DumpColumn>()))
            if (std::ranges::find(all, column.name, &DumpColumn::name) == all.end())
                all.push_back(column);
        ZC_TRY_STATUS(attach(table, parent, line));
    } while (inherits && token_.is(','));
    if (inherits && !token_.is(')')) return unexpected("\",\" or \")\"");
    if (inherits) next();
    for (DumpColumn& column : columns) {
        const auto known = std::ranges::find(all, column.name, &DumpColumn::name);
        if (known == all.end())
            all.push_back(std::move(column));
        else if (column.fallback)
            known->fallback = column.fallback;
    }
    columns = std::move(all);
    return {};
}

Status DumpStatements::attach(DumpTable& child, DumpTable& parent, std::uint64_t line) {
    const DumpTable* const late = tables_.attach(child, parent);
    if (child.ours && !table_of(child.name) && tables_.is_chosen(child.place))
        ZC_TRY_STATUS(stand_in(StandIn::view, child.name, std::string(to_string(*child.ours))));
    if (late == nullptr || !tables_.is_chosen(late->place)) return {};
    return fail(Errc::unsupported,
                "table " + late->name + " becomes a part of " +
                    std::string(to_string(*late->ours)) + " behind its rows (line " +
                    std::to_string(late->rows_line) +
                    "): dump with the schema first, as pg_dump does",
                {name_, line});
}

Status DumpStatements::detach(DumpTable& child, std::uint64_t line) {
    if (child.ours && child.rows_line != 0 && tables_.is_chosen(child.place))
        return refuse_effect("ALTER TABLE … DETACH behind the rows of", child.name, line);
    tables_.detach(child);
    return {};
}

/// ATTACH PARTITION a, DETACH PARTITION a, INHERIT a, NO INHERIT a. False: another action.
Result<bool> DumpStatements::alter_family(DumpTable& table, std::uint64_t line) {
    if (token_.kind != Token::Kind::word ||
        !is_one_of(token_.text, {"attach", "detach", "inherit", "no"}))
        return false;
    const std::string action = token_.text;
    next();
    if (action != "inherit" && !token_.is(action == "no" ? "inherit" : "partition")) return false;
    if (action != "inherit") next();
    std::vector<std::string> parts;
    ZC_TRY_STATUS(qualified(parts));
    DumpTable& other = tables_.find(parts);
    if (action == "attach") {
        ZC_TRY_STATUS(attach(other, table, line));
    } else if (action == "inherit") {
        ZC_TRY_STATUS(attach(table, other, line));
    } else {
        ZC_TRY_STATUS(detach(action == "no" ? table : other, line));
    }
    return true;
}

Status DumpStatements::create_view(bool materialized, std::uint64_t line) {
    next();
    skip_if_exists();
    if (token_.is("concurrently")) next();
    std::vector<std::string> parts;
    ZC_TRY_STATUS(qualified(parts));
    DumpTable& view = tables_.find(parts);
    if (view.ours) {
        // mysqldump writes a table that it drops again in the place of a view.
        if (view.rows_line != 0 && tables_.is_chosen(view.place))
            return refuse_effect("CREATE VIEW replaces", view.name, line);
        view.is_view = view.named = true;
    }
    return view_query(view, materialized, line);
}

/// The rest of a view, from behind its name.
Status DumpStatements::view_query(DumpTable& view, bool materialized, std::uint64_t line) {
    Effect effect;
    ZC_TRY_STATUS(end_harmless(&effect));
    if (view.ours) return {};
    if (!effect.through.empty()) {
        const bool is_filled = effect.last != "data" || effect.last_but_one != "no";
        if (materialized && is_filled)
            return refuse_effect("CREATE MATERIALIZED VIEW that runs code and names",
                                 effect.through, line);
        return stand_in(StandIn::runner, view.name, effect.through);
    }
    return materialized ? Status() : show(view, effect.table);
}

/// From here on `view` is one of a table of PowerDNS's, if `table` names one.
Status DumpStatements::show(DumpTable& view, const std::string& table) {
    view.shows = table.substr(0, table.find(','));
    return stand_in(StandIn::view, view.name, view.shows);
}

/// RENAME TO the current token, of what `parts` name.
Status DumpStatements::rename_view(const DumpTable& view, std::vector<std::string> parts) {
    if (view.ours || view.shows.empty() || !is_name()) return {};
    parts.back() = token_.text;
    return show(tables_.find(parts), view.shows);
}

/// ALTER of what is no table: a view's new query, a new name. The current token is behind ALTER.
Status DumpStatements::alter_other(std::uint64_t line) {
    if (is_one_of(token_.text, {"algorithm", "definer", "sql"})) {
        while (token_.kind != Token::Kind::end && !token_.is_stop() && !token_.is("view")) next();
    }
    if (token_.is("materialized")) next();
    if (!token_.is("view") && !token_.is("function") && !token_.is("procedure") &&
        !token_.is("routine"))
        return end_harmless();
    const bool is_view = token_.is("view");
    next();
    skip_if_exists();
    std::vector<std::string> parts;
    ZC_TRY_STATUS(qualified(parts));
    const std::string name = lower(parts.back());
    if (is_view && (token_.is("as") || token_.is('('))) {
        DumpTable& view = tables_.find(parts);
        return view.ours ? end_harmless() : view_query(view, false, line);
    }
    while (token_.kind != Token::Kind::end && !token_.is_stop() && !token_.is("rename")) next();
    if (!token_.is("rename")) return {};
    next();
    if (!token_.is("to")) return end_harmless();
    next();
    if (!is_name()) return unexpected("a name");
    for (const StandIn kind : {StandIn::routine, StandIn::runner})
        ZC_TRY_STATUS(stand_in(kind, token_.text, stood_for(kind, name)));
    if (is_view) ZC_TRY_STATUS(rename_view(tables_.find(parts), parts));
    return end_harmless();
}

Status DumpStatements::alter(std::uint64_t line) {
    next();
    while (token_.is("ignore") || token_.is("online") || token_.is("offline") ||
           token_.is("foreign"))
        next();
    if (!token_.is("table")) {
        // A body of its own: ALTER EVENT … DO, ALTER PROCEDURE has none.
        if (token_.is("event")) return end_body();
        if (is_one_of(token_.text, {"database", "role", "user", "system"})) return alter_default();
        return alter_other(line);
    }
    next();
    skip_if_exists();
    if (token_.is("only")) next();
    if (token_.is("all")) return end_harmless();  // IN TABLESPACE
    std::vector<std::string> parts;
    ZC_TRY_STATUS(qualified(parts));
    if (token_.is('*')) next();
    DumpTable& table = tables_.find(parts);
    if (!table.ours) {
        ZC_TRY_STATUS(alter_triggers(table));
        // RENAME TO one of ours.
        ZC_TRY([[maybe_unused]] const bool is_family, alter_family(table, line));
        for (; token_.kind != Token::Kind::end && !token_.is_stop(); next()) {
            if (token_.is('\\')) return unexpected("\";\" before a command of the client");
            if (token_.is("exchange")) {
                Mentions named;
                ZC_TRY_STATUS(mentions({}, named));
                if (!named.table.empty())
                    return refuse_effect("ALTER TABLE … EXCHANGE PARTITION with", named.table,
                                         line);
                break;
            }
            if (!token_.is("rename")) continue;
            next();
            if (token_.is("column") || token_.is("index") || token_.is("key") ||
                token_.is("constraint"))
                continue;
            if (token_.is("to") || token_.is("as")) next();
            ZC_TRY_STATUS(rename_view(table, parts));
            Mentions named;
            ZC_TRY_STATUS(mentions({}, named));
            if (!named.table.empty())
                return refuse_effect("ALTER TABLE … RENAME TO, of another one into", named.table,
                                     line);
            break;
        }
        return {};
    }
    if (!tables_.is_chosen(table.place)) {
        skip_statement();
        return {};
    }
    for (;;) {
        CharsetClause charset;
        charset.step(token_);
        ZC_TRY(const bool is_family, alter_family(table, line));
        if (token_.is("disable") || token_.is("enable")) {
            ZC_TRY_STATUS(alter_triggers(table));
        } else if (!is_family) {
            ZC_TRY_STATUS(alter_action(table, line));
        }
        for (int depth = 0; token_.kind != Token::Kind::end && !token_.is_stop(); next()) {
            if (token_.is('\\')) return unexpected("\";\" before a command of the client");
            charset.step(token_);
            if (depth == 0 && token_.is(',')) break;
            if (token_.is('(')) ++depth;
            if (token_.is(')')) --depth;
        }
        if (!charset.charset().empty()) table.charset = "several";
        if (!token_.is(',')) return {};
        next();
    }
}

/// The default of a column from here on: none, a literal, or what cannot be followed.
void DumpStatements::set_default(DumpTable& table, const std::string& column,
                                 std::optional<std::string> literal, bool is_odd) {
    std::erase(table.odd_defaults, column);
    if (table.columns) {
        const auto known = std::ranges::find(*table.columns, column, &DumpColumn::name);
        is_odd = is_odd || (literal && known == table.columns->end());
        if (known != table.columns->end()) known->fallback = is_odd ? std::nullopt : literal;
    } else {
        is_odd = is_odd || literal;
    }
    if (is_odd && column != "id") table.odd_defaults.push_back(column);
}

/// Which columns it has is not known any more; what their defaults were is not followed.
void DumpStatements::forget_columns(DumpTable& table) {
    if (!table.columns) return;
    for (const DumpColumn& column : *table.columns)
        if (column.fallback) table.odd_defaults.push_back(column.name);
    table.columns.reset();
}

/// ALTER COLUMN of ALTER TABLE; the current token is behind ALTER.
Status DumpStatements::alter_column(DumpTable& table, std::uint64_t line) {
    if (token_.is("column")) next();
    if (token_.is("index") || token_.is("constraint") || token_.is("check")) return {};
    const std::string name = lower(token_.text);
    next();
    bool to_type = token_.is("type");
    if (token_.is("drop")) {
        next();
        if (token_.is("default")) set_default(table, name, std::nullopt, false);
    }
    if (token_.is("set")) {
        next();
        to_type = token_.is("data");
        if (token_.is("default")) {
            next();
            const bool is_literal = token_.kind == Token::Kind::string ||
                                    token_.kind == Token::Kind::number || token_.is("true") ||
                                    token_.is("false");
            const bool is_null = token_.is("null");
            std::optional<std::string> literal;
            if (is_literal) literal = token_.text;
            if (is_literal || is_null) next();
            const bool is_whole =
                (is_literal || is_null) && (token_.is_stop() || token_.is(',') || token_.is(':'));
            set_default(table, name, is_whole ? literal : std::nullopt, !is_whole);
        }
    }
    if (!to_type) return {};
    if (table.rows_line != 0)
        return refuse_effect("ALTER TABLE … ALTER COLUMN TYPE behind its rows of", table.name,
                             line);
    forget_columns(table);
    return {};
}

/// One of the actions of ALTER TABLE, of which many change nothing in rows. What adds, removes or
/// renames columns makes what CREATE TABLE said of them void.
Status DumpStatements::alter_action(DumpTable& table, std::uint64_t line) {
    const std::string action = token_.text;
    if (token_.kind == Token::Kind::stop || token_.kind == Token::Kind::end) return {};
    if (token_.kind != Token::Kind::word) return unexpected("an action of ALTER TABLE");
    next();
    const auto refuse = [&](const std::string& what) {
        return refuse_effect("ALTER TABLE … " + what + " of", table.name, line);
    };
    const auto changes_columns = [&](const std::string& what) -> Status {
        if (table.rows_line != 0) return refuse(what + " behind its rows");
        forget_columns(table);
        return {};
    };
    const bool is_word = token_.kind == Token::Kind::word;
    if (action == "add" || action == "drop") {
        if (is_word &&
            is_one_of(token_.text, {"constraint", "primary", "unique", "index", "key", "foreign",
                                    "fulltext", "spatial", "check", "exclude"}))
            return {};
        if (is_word && is_one_of(token_.text, {"partition", "period", "system"}))
            return action == "add" ? Status() : changes_columns("DROP PARTITION");
        if (action == "drop") return changes_columns("DROP COLUMN");
        if (token_.is("column")) next();
        skip_if_exists();
        const auto kept = columns_of(*table.ours);
        if (std::ranges::find(kept, lower(token_.text)) != kept.end() || token_.is('('))
            return changes_columns("ADD COLUMN");
        forget_columns(table);
        return {};
    }
    if (action == "alter") return alter_column(table, line);
    if (action == "change" || action == "modify") {
        if (token_.is("column")) next();
        skip_if_exists();
        const std::string from = lower(token_.text);
        if (action == "change") next();
        if (lower(token_.text) != from) return changes_columns("CHANGE COLUMN");
        const auto kept = columns_of(*table.ours);
        if (from == "id" || std::ranges::find(kept, from) == kept.end()) return {};
        if (table.rows_line != 0)
            return refuse(action == "change" ? "CHANGE COLUMN behind its rows"
                                             : "MODIFY COLUMN behind its rows");
        set_default(table, from, std::nullopt, true);
        return {};
    }
    if (action == "rename") {
        if (token_.is("index") || token_.is("key") || token_.is("constraint")) return {};
        if (token_.is("column")) return changes_columns("RENAME COLUMN");
        return refuse("RENAME");
    }
    if (action == "set") return token_.is("schema") ? refuse("SET SCHEMA") : Status();
    if (is_one_of(action, {"owner",
                           "cluster",
                           "reset",
                           "replica",
                           "validate",
                           "no",
                           "force",
                           "engine",
                           "convert",
                           "order",
                           "comment",
                           "default",
                           "character",
                           "charset",
                           "collate",
                           "row_format",
                           "auto_increment",
                           "key_block_size",
                           "checksum",
                           "pack_keys",
                           "stats_persistent",
                           "algorithm",
                           "lock",
                           "with",
                           "without",
                           "of",
                           "not",
                           "add_period",
                           "partition",
                           "remove",
                           "analyze",
                           "optimize",
                           "check",
                           "repair",
                           "rebuild",
                           "page_checksum",
                           "transactional",
                           "autoextend_size",
                           "secondary_load",
                           "max_rows",
                           "min_rows"}))
        return {};
    return refuse(action);
}

Status DumpStatements::drop(std::uint64_t line) {
    next();
    if (token_.is("temporary")) next();
    if (token_.is("schema") || token_.is("database")) {
        next();
        skip_if_exists();
        const std::string name = token_.text;
        if (!name.empty() && tables_.has_rows(name)) {
            return fail(Errc::unsupported,
                        "DROP of " + name + ", which has rows of PowerDNS's tables before it",
                        {name_, line});
        }
        skip_statement();
        return {};
    }
    if (token_.is("owned") && tables_.has_rows("")) {
        return fail(Errc::unsupported, "DROP OWNED behind rows of PowerDNS's tables",
                    {name_, line});
    }
    if (token_.is("trigger") || token_.is("rule")) return drop_trigger();
    if (!token_.is("table")) {
        // Columns go with their type.
        const bool may_take = token_.is("type") || token_.is("domain") || token_.is("extension");
        Effect effect;
        ZC_TRY_STATUS(end_harmless(&effect));
        if (may_take && effect.last == "cascade" && tables_.has_rows("")) {
            return fail(Errc::unsupported,
                        "DROP … CASCADE of a type behind rows of PowerDNS's tables", {name_, line});
        }
        return {};
    }
    next();
    skip_if_exists();
    std::vector<std::string> parts;
    for (;;) {
        ZC_TRY_STATUS(qualified(parts));
        if (DumpTable* table = tables_.find_or_null(parts); table != nullptr) {
            if (table->ours && table->rows_line != 0 && tables_.is_chosen(table->place))
                return refuse_effect("DROP TABLE behind rows of", table->name, line);
            const DumpTable* const heir = tables_.heir_with_rows_or_null(*table);
            if (heir != nullptr)
                return refuse_effect("DROP TABLE " + table->name + " behind rows of", heir->name,
                                     line);
            table->created = table->is_view = table->named = false;
            table->columns.reset();
        }
        if (!token_.is(',')) break;
        next();
    }
    return end_harmless();
}

Status DumpStatements::select(std::uint64_t line) {
    Effect effect;
    std::string in_text;   // a table of PowerDNS's in a string
    std::string variable;  // @a, before this token
    std::string assigned;  // the one to which ":=" gave a value
    int signs = 0;
    for (next(); token_.kind != Token::Kind::end && !token_.is_stop();) {
        if (token_.is('\\')) return unexpected("\";\" before a command of the client");
        note(effect);
        if (in_text.empty() && token_.kind == Token::Kind::string) in_text = table_meant_in_token();
        if (token_.is(':') && !variable.empty()) {  // SELECT @a := 1
            remember(variable, std::nullopt);
            assigned = variable;
        }
        if (!assigned.empty() && token_.kind == Token::Kind::string)
            ZC_TRY_STATUS(stand_in(StandIn::text, assigned, table_meant_in_token()));
        variable = signs == 1 ? lower(token_.text) : "";
        signs = token_.is('@') ? signs + 1 : 0;
        if (is_name() && token_.kind != Token::Kind::string && lower(token_.text) == "set_config") {
            next();
            if (token_.is('(')) ZC_TRY_STATUS(set_config(line));
            continue;
        }
        if (!token_.is("into")) {
            next();
            continue;
        }
        next();
        while (token_.is("table") || token_.is("temp") || token_.is("temporary") ||
               token_.is("unlogged"))
            next();
        if (token_.is('@')) {  // a variable of MySQL's
            next();
            ZC_TRY_STATUS(stand_in(StandIn::text, token_.text, in_text));
            remember(lower(token_.text), std::nullopt);
            continue;
        }
        if (token_.kind != Token::Kind::word && token_.kind != Token::Kind::name) continue;
        std::vector<std::string> parts;
        ZC_TRY_STATUS(qualified(parts));
        if (table_of(parts.back())) return refuse_effect("SELECT … INTO fills", parts.back(), line);
    }
    effect.changes = effect.may_change = false;  // it has no place for that
    ZC_TRY_STATUS(refuse_query("SELECT", effect, line));
    if (effect.runs_code) note_unknown_effect("SELECT", line);
    return {};
}

/// The schemas of a list, or of a string with one.
Status DumpStatements::set_search_path() {
    std::vector<std::string> path;
    const auto add = [&](std::string_view name) {
        const std::string folded = lower(name);
        if (!name.empty() && !name.starts_with("pg_") && name != "$user" &&
            folded != "information_schema" && folded != "default")
            path.emplace_back(name);
    };
    for (;;) {
        if (token_.kind == Token::Kind::string) {
            // One name, or, of set_config, a list.
            std::string_view rest = token_.text;
            while (!rest.empty()) {
                const std::size_t comma = std::min(rest.find(','), rest.size());
                std::string_view name = rest.substr(0, comma);
                while (!name.empty() && (is_blank(name.front()) || name.front() == '"'))
                    name.remove_prefix(1);
                while (!name.empty() && (is_blank(name.back()) || name.back() == '"'))
                    name.remove_suffix(1);
                add(name);
                rest.remove_prefix(std::min(comma + 1, rest.size()));
            }
        } else if (is_name()) {
            add(token_.text);
        } else {
            break;
        }
        next();
        if (!token_.is(',')) break;
        next();
        if (token_.is("false") || token_.is("true")) break;  // of set_config
    }
    tables_.search_path(std::move(path));
    return {};
}

/// What runs code: PostgreSQL's DO, MySQL's EXECUTE, a WITH that may hold an INSERT.
Status DumpStatements::code(std::string_view verb, bool is_block, std::uint64_t line) {
    Effect effect;
    for (next(); token_.kind != Token::Kind::end; next()) {
        // Of MariaDB's IF … END IF, only what DELIMITER says is the end.
        if (token_.is_stop() && (!is_block || token_.text == delimiter_)) break;
        if (token_.is('\\')) return unexpected("\";\" before a command of the client");
        if (is_name()) {
            if (const std::string_view setting = setting_in(token_.text); !setting.empty())
                return refuse_setting(setting, "SET in a statement of its own", line);
        }
        const bool is_inner = verb == "set statement" && effect.before == "for";
        note(effect);
        if (is_inner && effect.may_change) effect.changes = true;
        if (is_inner && token_.is("update")) effect.changes = true;
    }
    std::string shown(verb);
    for (char& c : shown) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
    const bool runs = is_block || is_one_of(verb, {"call", "do", "execute", "import", "prepare"});
    if (verb == "analyze") effect.runs_code = false;  // ANALYZE a (b, c)
    if (!runs) return refuse_query(shown, effect, line);
    if (!effect.table.empty()) return refuse_effect(shown + " that names", effect.table, line);
    if (verb != "prepare" && !is_block) note_unknown_effect(shown, line);
    return {};
}

void DumpStatements::note_unknown_effect(const std::string& verb, std::uint64_t line) {
    UnknownEffect& effect = unknown_effects_[verb];
    if (effect.statements++ == 0) effect.line = line;
}

/// DELIMITER of the mysql client: the rest of the line, up to a blank.
Status DumpStatements::set_delimiter() {
    found(Dialect::mysql);
    const std::uint64_t line = line_;
    std::string rest;
    skip_line(&rest);
    const std::size_t start = rest.find_first_not_of(" \t\r");
    if (start == std::string::npos)
        return fail(Errc::malformed, "DELIMITER without one", {name_, line});
    rest.erase(0, start);
    if (const char quote = rest.front();
        std::string_view("'\"`").find(quote) != std::string_view::npos) {
        const std::size_t end = rest.find(quote, 1);
        if (end == std::string::npos || end == 1)
            return fail(Errc::malformed, "DELIMITER " + rest.substr(0, 60) + " without its end",
                        {name_, line});
        rest = rest.substr(1, end - 1);
    } else {
        rest.resize(std::min(rest.find_first_of(" \t\r"), rest.size()));
    }
    if (rest.size() > delimiter_octets_max) {
        return fail(Errc::limit,
                    "a DELIMITER of " + std::to_string(rest.size()) + " octets, limit is " +
                        std::to_string(delimiter_octets_max),
                    {name_, line});
    }
    delimiter_ = rest == ";" ? "" : rest;
    token_ = {};
    token_.kind = Token::Kind::stop;
    return {};
}

/// A line that begins with a backslash, of psql's; the current token is that.
Status DumpStatements::command() {
    const std::uint64_t line = line_;
    std::string text;
    skip_line(&text);
    token_ = {};
    token_.kind = Token::Kind::stop;
    while (!text.empty() && is_blank(text.back())) text.pop_back();
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    const std::string_view name = std::string_view(text).substr(0, end);
    std::string_view rest = std::string_view(text).substr(end);
    rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
    if (name == "connect" || name == "c") return connect(rest);
    if (name == "encoding" && !rest.empty()) return set_encoding(std::string(rest), line);
    if (name == "copy") {
        return fail(Errc::unsupported,
                    "\\copy " + std::string(rest.substr(0, 60)) +
                        ": its rows are in another file; wanted COPY … FROM stdin, as pg_dump "
                        "writes it",
                    {name_, line});
    }
    if (is_one_of(name, {"i", "ir", "include", "include_relative", "."})) {
        return fail(Errc::unsupported,
                    "\\" + text.substr(0, 60) +
                        ": another file, which is not read; give it too, or "
                        "one dump of the whole database",
                    {name_, line});
    }
    if (is_one_of(name, {"restrict", "unrestrict", "pset", "timing", "encoding", "x", "a", "t", "r",
                         "p", "unset", "warn", "echo", "qecho", "set", "o", "!"})) {
        // A program may run: by "!", by a pipe, or in grave accents.
        const bool runs = name == "!" || rest.find('`') != std::string_view::npos ||
                          (name == "o" && rest.starts_with('|'));
        const std::string table = runs || name == "set" ? table_meant_in(rest) : "";
        if (!table.empty())
            return refuse_effect("\\" + std::string(name) + " that names", table, line);
        if (runs) note_unknown_effect("\\" + std::string(name), line);
        return {};
    }
    return fail(Errc::malformed,
                "found \"\\" + text.substr(0, 60) + "\", wanted a statement of SQL", {name_, line});
}

/// \connect NAME, "NAME", -reuse-previous=on "dbname='NAME'", - USER, postgresql://HOST/NAME
Status DumpStatements::connect(std::string_view arguments) {
    found(Dialect::postgresql);
    begin_session();
    while (arguments.starts_with("-reuse-previous")) {
        arguments.remove_prefix(std::min(arguments.find(' '), arguments.size()));
        arguments.remove_prefix(std::min(arguments.find_first_not_of(" \t"), arguments.size()));
    }
    std::string name;
    char quote = '\0';
    std::size_t at = 0;
    for (; at < arguments.size(); ++at) {
        const char c = arguments[at];
        if (quote == '\0' && is_blank(c)) break;
        if (quote == '\0' && (c == '"' || c == '\'')) {
            quote = c;
        } else if (c == quote) {
            if (at + 1 >= arguments.size() || arguments[at + 1] != quote) {
                quote = '\0';
                continue;
            }
            name += arguments[at++];
        } else {
            name += c;
        }
    }
    if (const std::size_t value = name.find("dbname="); value != std::string::npos) {
        std::string_view rest =
            std::string_view(name).substr(value + std::string_view("dbname=").size());
        std::string database;
        const bool is_quoted = rest.starts_with('\'');
        if (is_quoted) rest.remove_prefix(1);
        for (std::size_t i = 0; i < rest.size(); ++i) {
            if (is_quoted ? rest[i] == '\'' : is_blank(rest[i])) break;
            if (rest[i] == '\\' && i + 1 < rest.size()) ++i;
            database += rest[i];
        }
        name = database;
    } else if (name.starts_with("postgresql://") || name.starts_with("postgres://")) {
        const std::size_t slash = name.find('/', name.find("://") + 3);
        name = slash == std::string::npos
                   ? ""
                   : name.substr(slash + 1, name.find('?', slash) - slash - 1);
    }
    if (!name.empty() && name != "-") tables_.connect(name);
    return {};
}

}  // namespace zc::ingest
