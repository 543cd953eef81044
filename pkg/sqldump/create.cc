// CREATE TABLE and CREATE VIEW.
#include <algorithm>
#include <utility>

#include "sqldump/powerdns_tables.h"
#include "sqldump/schema.h"

namespace zc::sqldump {

Status DumpSchema::create() {
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

/// A literal that may be a default; NULL is none.
bool DumpSchema::is_literal() const noexcept {
    return token_.kind == Token::Kind::string || token_.kind == Token::Kind::number ||
           token_.is("true") || token_.is("false");
}

/// One column or constraint, up to the "," or ")" behind it.
Status DumpSchema::column_of_create(Columns& columns) {
    const bool is_constraint =
        token_.kind == Token::Kind::word &&
        is_one_of(token_.text, {"constraint", "primary", "unique", "key", "foreign", "check",
                                "index", "fulltext", "spatial", "exclude", "like", "period"});
    DumpColumn* column = nullptr;
    if (is_name() && !is_constraint) {
        if (columns.known.size() == columns_of_table_max) return unexpected("fewer columns");
        column = &columns.known.emplace_back(DumpColumn{lower(token_.text), {}});
    } else if (token_.is("like")) {
        columns.are_known = false;
    }
    CharsetClause charset;
    bool is_behind_literal = false;
    for (int depth = 0; token_.kind != Token::Kind::end; next()) {
        if (depth == 0 && (token_.is(',') || token_.is(')'))) break;
        // DEFAULT 1 + 1
        if (std::exchange(is_behind_literal, false) && token_.kind == Token::Kind::symbol &&
            !token_.is(':'))
            columns.odd_defaults.push_back(column->name);
        charset.step(token_);
        if (column != nullptr) column->charset = charset.charset();
        if (token_.is_stop()) return unexpected("\")\" behind the columns");
        if (token_.is('(')) ++depth;
        if (token_.is(')')) --depth;
        if (column == nullptr || depth != 0 || !token_.is("default")) continue;
        next();
        is_behind_literal = is_literal();
        if (is_behind_literal) column->fallback = token_.text;
        if (!is_behind_literal && !token_.is("null") && column->name != "id")
            columns.odd_defaults.push_back(column->name);
        if (token_.is('(')) ++depth;
        if (token_.is_stop()) return unexpected("\")\" behind the columns");
        if (token_.is(',') || token_.is(')')) break;
    }
    return {};
}

/// The columns in parentheses; the current token is "(", if there are any.
Status DumpSchema::columns_of_create(Columns& columns) {
    columns.are_known = token_.is('(');
    if (!columns.are_known) return {};
    do {
        next();
        ZC_TRY_STATUS(column_of_create(columns));
    } while (token_.is(','));
    if (!token_.is(')')) return unexpected("\",\" or \")\"");
    next();
    return {};
}

/// From behind the columns: parents, the query that fills the table, its charset.
Status DumpSchema::end_create_table(DumpTable& table, Columns& columns, bool foreign,
                                    std::string& charset_named, std::uint64_t line) {
    const bool is_ours = table.ours && tables_.is_chosen(table.place);
    CharsetClause charset;
    Effect filled;          // by its query
    Effect joined;          // by other tables that it shows
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
            ZC_TRY_STATUS(parents(table, columns.known, line));
            columns.are_known = columns.are_known || !columns.known.empty();
            continue;
        }
        if (token_.is('(')) ++depth;
        if (token_.is(')')) --depth;
        if (token_.is("engine")) found(Dialect::mysql);
        if (is_ours && is_query) return refuse_effect("CREATE TABLE … AS fills", table.name, line);
        next();
    }
    ZC_TRY_STATUS(refuse_query("CREATE TABLE … AS", filled, line));
    charset_named = charset.charset();
    return table.ours ? Status() : show(table, joined.table);
}

Status DumpSchema::create_table(bool temporary, bool foreign, std::uint64_t line) {
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
    Columns columns;
    ZC_TRY_STATUS(columns_of_create(columns));
    std::string charset;
    ZC_TRY_STATUS(end_create_table(table, columns, foreign, charset, line));
    if (is_there && if_not_exists) return {};
    table.columns.reset();
    if (columns.are_known) table.columns = std::move(columns.known);
    table.odd_defaults = std::move(columns.odd_defaults);
    table.charset = std::move(charset);
    return {};
}

/// INHERITS (a, b) and PARTITION OF a. Columns of the parents come before the table's own.
Status DumpSchema::parents(DumpTable& table, std::vector<DumpColumn>& columns, std::uint64_t line) {
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

Status DumpSchema::attach(DumpTable& child, DumpTable& parent, std::uint64_t line) {
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

Status DumpSchema::detach(DumpTable& child, std::uint64_t line) {
    if (child.ours && child.rows_line != 0 && tables_.is_chosen(child.place))
        return refuse_effect("ALTER TABLE … DETACH behind the rows of", child.name, line);
    tables_.detach(child);
    return {};
}

Status DumpSchema::create_view(bool materialized, std::uint64_t line) {
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
Status DumpSchema::view_query(DumpTable& view, bool materialized, std::uint64_t line) {
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
Status DumpSchema::show(DumpTable& view, const std::string& table) {
    view.shows = table.substr(0, table.find(','));
    return stand_in(StandIn::view, view.name, view.shows);
}

}  // namespace zc::sqldump
