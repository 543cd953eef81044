#include "sqldump/effects.h"

#include <algorithm>
#include <utility>

#include "sqldump/powerdns_tables.h"

namespace zc::sqldump {

namespace {

constexpr std::size_t stand_ins_max = 65536;

/// Words before "(" in a SELECT of a dump that run no code of the database's users.
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

}  // namespace

bool is_word_of_change(std::string_view word) noexcept {
    return std::ranges::find(words_of_change, word) != std::end(words_of_change);
}

/// To the end of a statement, whatever it holds.
void DumpEffects::skip_statement() {
    while (token_.kind != Token::Kind::end && !token_.is_stop() && !token_.is('\\')) next();
}

/// The rest of a statement that changes no row. Another one inside of it would be lost: a ";" is
/// missing. A set_config there is an error, since it is not followed.
Status DumpEffects::end_harmless(Effect* effect_or_null) {
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
std::string DumpEffects::stood_for(StandIn kind, const std::string& name) const {
    const auto& names = stand_ins_[static_cast<std::size_t>(kind)];
    if (names.empty()) return {};
    const auto found = names.find(name);
    return found == names.end() ? "" : found->second + ", by way of " + name;
}

/// The table of PowerDNS's that a word means, which may be its name or a stand-in; or empty.
std::string DumpEffects::table_meant(const std::string& word) {
    if (table_of(word)) {
        const DumpTable* table = tables_.find_or_null({word});
        return table == nullptr || tables_.is_chosen(table->place) ? word : "";
    }
    for (const StandIn kind : {StandIn::text, StandIn::view, StandIn::routine, StandIn::runner})
        if (std::string table = stood_for(kind, word); !table.empty()) return table;
    return {};
}

/// The first of PowerDNS's tables that stands in `text` as a word of its own; or empty.
std::string DumpEffects::table_meant_in(std::string_view text) {
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
std::string DumpEffects::table_meant_in_token() {
    if (token_.kind == Token::Kind::number && token_.text.starts_with("0x"))
        return table_meant_in(octets_of_hex(std::string_view(token_.text).substr(2)));
    const bool has_words = token_.kind == Token::Kind::word || token_.kind == Token::Kind::name ||
                           token_.kind == Token::Kind::string;
    return has_words ? table_meant_in(token_.text) : "";
}

Status DumpEffects::stand_in(StandIn kind, const std::string& name, const std::string& table) {
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
void DumpEffects::note(Effect& effect) {
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
Status DumpEffects::refuse_query(std::string_view verb, const Effect& effect, std::uint64_t line) {
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
Status DumpEffects::end_query(std::string_view verb, std::uint64_t line) {
    Effect effect;
    ZC_TRY_STATUS(end_harmless(&effect));
    return refuse_query(verb, effect, line);
}

/// The rest of a statement that changes rows of another table.
Status DumpEffects::end_change(std::string_view verb, std::uint64_t line) {
    Effect effect;
    ZC_TRY_STATUS(end_harmless(&effect));
    if (effect.through.empty()) return {};
    return refuse_effect(std::string(verb) + " that runs code and names", effect.through, line);
}

/// A statement that puts rows into what stands for a table of PowerDNS's.
Status DumpEffects::refuse_stand_in(std::string_view what, const DumpTable& table,
                                    std::uint64_t line) {
    if (table.ours || table.shows.empty()) return {};
    return refuse_effect(what, table.shows + ", by way of " + table.name, line);
}

/// A call of a routine among values.
Status DumpEffects::refuse_call(std::string_view verb, const std::string& function) {
    const std::string meant = stood_for(StandIn::routine, lower(function));
    if (meant.empty()) return {};
    return refuse_effect(std::string(verb) + " that runs code and names", meant, line_);
}

/// schema.table, each plain or quoted; the current token is the first of it.
Status DumpEffects::qualified(std::vector<std::string>& parts) {
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

void DumpEffects::skip_if_exists() {
    if (!token_.is("if")) return;
    while (is_one_of(token_.text, {"if", "not", "exists"}) && token_.kind == Token::Kind::word)
        next();
}

void DumpEffects::mention(const std::vector<std::string>& parts, Mentions& out) {
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
Status DumpEffects::mentions(std::initializer_list<std::string_view> until, Mentions& out) {
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

Status DumpEffects::refuse_effect(std::string_view what, const std::string& table,
                                  std::uint64_t line) {
    return fail(Errc::unsupported,
                std::string(what) + " table " + table +
                    ": a database would carry that out, an import cannot; make the dump anew from "
                    "the database in which it was done",
                {name_, line});
}

Status DumpEffects::refuse_setting(std::string_view name, std::string_view wanted,
                                   std::uint64_t line) const {
    return fail(Errc::unsupported,
                std::string(name) +
                    " decides how the text of a dump is read, and what it is set to here is not "
                    "understood; wanted " +
                    std::string(wanted),
                {name_, line});
}

/// A statement that changes rows: of a table that has none yet it changes nothing.
Status DumpEffects::change_of_rows(std::string_view verb,
                                   std::initializer_list<std::string_view> until,
                                   std::uint64_t line) {
    Mentions named;
    ZC_TRY_STATUS(mentions(until, named));
    if (!named.table_with_rows.empty())
        return refuse_effect(std::string(verb) + " behind rows of", named.table_with_rows, line);
    return end_change(verb, line);
}

Status DumpEffects::column_names(std::vector<std::string>& columns) {
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

void DumpEffects::note_unknown_effect(const std::string& verb, std::uint64_t line) {
    UnknownEffect& effect = unknown_effects_[verb];
    if (effect.statements++ == 0) effect.line = line;
}

}  // namespace zc::sqldump
