// ALTER and DROP.
#include <algorithm>
#include <utility>

#include "sqldump/powerdns_tables.h"
#include "sqldump/schema.h"

namespace zc::sqldump {

namespace {

/// Actions of ALTER TABLE that change no row and no column.
constexpr std::string_view harmless_actions[] = {"owner",
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
                                                 "min_rows"};

}  // namespace

/// RENAME of a table that is none of PowerDNS's; the current token is behind RENAME.
Status DumpSchema::alter_rename(DumpTable& table, const std::vector<std::string>& parts,
                                std::uint64_t line) {
    if (token_.is("to") || token_.is("as")) next();
    ZC_TRY_STATUS(rename_view(table, parts));
    Mentions named;
    ZC_TRY_STATUS(mentions({}, named));
    if (named.table.empty()) return {};
    return refuse_effect("ALTER TABLE … RENAME TO, of another one into", named.table, line);
}

/// ALTER TABLE of a table that is none of PowerDNS's: it may become one.
Status DumpSchema::alter_others_table(DumpTable& table, const std::vector<std::string>& parts,
                                      std::uint64_t line) {
    ZC_TRY_STATUS(alter_triggers(table));
    ZC_TRY([[maybe_unused]] const bool is_family, alter_family(table, line));
    for (; token_.kind != Token::Kind::end && !token_.is_stop(); next()) {
        if (token_.is('\\')) return unexpected("\";\" before a command of the client");
        if (token_.is("exchange")) {
            Mentions named;
            ZC_TRY_STATUS(mentions({}, named));
            if (named.table.empty()) return {};
            return refuse_effect("ALTER TABLE … EXCHANGE PARTITION with", named.table, line);
        }
        if (!token_.is("rename")) continue;
        next();
        if (!token_.is("column") && !token_.is("index") && !token_.is("key") &&
            !token_.is("constraint"))
            return alter_rename(table, parts, line);
    }
    return {};
}

Status DumpSchema::alter(std::uint64_t line) {
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
    if (!table.ours) return alter_others_table(table, parts, line);
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

/// ATTACH PARTITION a, DETACH PARTITION a, INHERIT a, NO INHERIT a. False: another action.
Result<bool> DumpSchema::alter_family(DumpTable& table, std::uint64_t line) {
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

Status DumpSchema::refuse_alter(const DumpTable& table, std::string_view action,
                                std::uint64_t line) {
    return refuse_effect("ALTER TABLE … " + std::string(action) + " of", table.name, line);
}

/// Columns come, go or change their names: CREATE TABLE does not tell them any more.
Status DumpSchema::columns_change(DumpTable& table, std::string_view action, std::uint64_t line) {
    if (table.rows_line != 0)
        return refuse_alter(table, std::string(action) + " behind its rows", line);
    forget_columns(table);
    return {};
}

/// ADD and DROP of ALTER TABLE; the current token is behind that word.
Status DumpSchema::add_or_drop(DumpTable& table, bool adds, std::uint64_t line) {
    const bool is_word = token_.kind == Token::Kind::word;
    if (is_word && is_one_of(token_.text, {"constraint", "primary", "unique", "index", "key",
                                           "foreign", "fulltext", "spatial", "check", "exclude"}))
        return {};
    if (is_word && is_one_of(token_.text, {"partition", "period", "system"}))
        return adds ? Status() : columns_change(table, "DROP PARTITION", line);
    if (!adds) return columns_change(table, "DROP COLUMN", line);
    if (token_.is("column")) next();
    skip_if_exists();
    const auto kept = columns_of(*table.ours);
    if (std::ranges::find(kept, lower(token_.text)) != kept.end() || token_.is('('))
        return columns_change(table, "ADD COLUMN", line);
    forget_columns(table);
    return {};
}

/// CHANGE and MODIFY of MySQL's ALTER TABLE; the current token is behind that word.
Status DumpSchema::change_or_modify(DumpTable& table, bool renames, std::uint64_t line) {
    if (token_.is("column")) next();
    skip_if_exists();
    const std::string from = lower(token_.text);
    if (renames) next();
    if (lower(token_.text) != from) return columns_change(table, "CHANGE COLUMN", line);
    const auto kept = columns_of(*table.ours);
    if (from == "id" || std::ranges::find(kept, from) == kept.end()) return {};
    if (table.rows_line != 0)
        return refuse_alter(
            table, renames ? "CHANGE COLUMN behind its rows" : "MODIFY COLUMN behind its rows",
            line);
    set_default(table, from, std::nullopt, true);
    return {};
}

/// One of the actions of ALTER TABLE. Many of them change nothing in rows.
Status DumpSchema::alter_action(DumpTable& table, std::uint64_t line) {
    const std::string action = token_.text;
    if (token_.kind == Token::Kind::stop || token_.kind == Token::Kind::end) return {};
    if (token_.kind != Token::Kind::word) return unexpected("an action of ALTER TABLE");
    next();
    if (action == "add" || action == "drop") return add_or_drop(table, action == "add", line);
    if (action == "alter") return alter_column(table, line);
    if (action == "change" || action == "modify")
        return change_or_modify(table, action == "change", line);
    if (action == "rename") {
        if (token_.is("index") || token_.is("key") || token_.is("constraint")) return {};
        if (token_.is("column")) return columns_change(table, "RENAME COLUMN", line);
        return refuse_alter(table, "RENAME", line);
    }
    if (action == "set")
        return token_.is("schema") ? refuse_alter(table, "SET SCHEMA", line) : Status();
    const bool is_harmless =
        std::ranges::find(harmless_actions, action) != std::end(harmless_actions);
    return is_harmless ? Status() : refuse_alter(table, action, line);
}

/// ALTER COLUMN of ALTER TABLE; the current token is behind ALTER.
Status DumpSchema::alter_column(DumpTable& table, std::uint64_t line) {
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
            const bool is_value = is_literal() || token_.is("null");
            std::optional<std::string> literal;
            if (is_literal()) literal = token_.text;
            if (is_value) next();
            const bool is_whole =
                is_value && (token_.is_stop() || token_.is(',') || token_.is(':'));
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

/// ALTER of what is no table: a view's new query, a new name. The current token is behind ALTER.
Status DumpSchema::alter_other(std::uint64_t line) {
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

/// RENAME TO the current token, of what `parts` name.
Status DumpSchema::rename_view(const DumpTable& view, std::vector<std::string> parts) {
    if (view.ours || view.shows.empty() || !is_name()) return {};
    parts.back() = token_.text;
    return show(tables_.find(parts), view.shows);
}

/// The default of a column from here on: none, a literal, or what cannot be followed.
void DumpSchema::set_default(DumpTable& table, const std::string& column,
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
void DumpSchema::forget_columns(DumpTable& table) {
    if (!table.columns) return;
    for (const DumpColumn& column : *table.columns)
        if (column.fallback) table.odd_defaults.push_back(column.name);
    table.columns.reset();
}

Status DumpSchema::drop(std::uint64_t line) {
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

}  // namespace zc::sqldump
