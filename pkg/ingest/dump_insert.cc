// INSERT … VALUES.
#include <algorithm>
#include <charconv>
#include <utility>

#include "ingest/dump_rows.h"
#include "ingest/row_store.h"

namespace zc::ingest {

using sqldump::is_digits;

/// From behind INSERT or REPLACE to the name of the table.
Status DumpRows::insert_modifiers(bool& replaces) {
    for (next(); token_.kind == Token::Kind::word; next()) {
        if (is_one_of(token_.text, {"low_priority", "delayed", "high_priority", "ignore"})) {
            found(Dialect::mysql);
            replaces = replaces || token_.text == "ignore";
        } else if (token_.text == "or") {
            found(Dialect::sqlite);
            next();
            if (!is_one_of(token_.text, {"replace", "ignore", "abort", "fail", "rollback"}))
                return unexpected("REPLACE, IGNORE, ABORT, FAIL or ROLLBACK");
            replaces = replaces || token_.text == "replace" || token_.text == "ignore";
        } else {
            break;
        }
    }
    return {};
}

Status DumpRows::insert(bool replaces, std::uint64_t line) {
    ZC_TRY_STATUS(insert_modifiers(replaces));
    if (token_.is("into")) next();  // MySQL can do without
    std::vector<std::string> parts;
    ZC_TRY_STATUS(qualified(parts));
    DumpTable& table = tables_.find(parts);
    table.named = true;
    const bool is_ours = table.ours && tables_.is_chosen(table.place);
    ZC_TRY_STATUS(refuse_stand_in("INSERT into", table, line));
    if (!table.ours) ZC_TRY_STATUS(refuse_fired(table, Rows::inserted, line));
    if (token_.is("partition")) {
        while (token_.kind != Token::Kind::end && !token_.is_stop() && !token_.is(')')) next();
        next();
    }
    if (token_.is("as")) next(), next();
    std::vector<std::string> columns;
    if (token_.is('(')) {
        next();
        if (!token_.is("select") && !token_.is("with") && !token_.is('('))
            ZC_TRY_STATUS(column_names(columns));
    }
    if (token_.is("overriding")) {
        for (next(); token_.is("system") || token_.is("user") || token_.is("value");) next();
    }
    if (token_.is("values") || token_.is("value")) {
        next();
        return insert_values(table, std::move(columns), replaces, line);
    }
    if (!is_ours) return end_change("INSERT", line);  // its rows go into another table
    if (token_.is("select") && table.ours == Table::records && !columns.empty())
        return insert_select(table, columns, line);
    if (token_.is("set")) return refuse_effect("INSERT … SET into", table.name, line);
    if (token_.is("default"))
        return refuse_effect("INSERT … DEFAULT VALUES into", table.name, line);
    if (is_one_of(token_.text, {"select", "with", "table", "("}))
        return refuse_effect("INSERT … SELECT into", table.name, line);
    return unexpected("VALUES");
}

Status DumpRows::insert_values(DumpTable& table, std::vector<std::string> columns, bool replaces,
                               std::uint64_t line) {
    // The current token is the first "(".
    InsertTarget* target = nullptr;
    if (table.ours && tables_.is_chosen(table.place)) {
        ZC_TRY(columns, columns_of_insert(table, std::move(columns), line));
        ZC_TRY(const bool is_taken, takes_rows_of(table, columns, Rows::inserted, line));
        if (is_taken) {
            ZC_TRY(target, target_of(table, std::move(columns), line));
            if (target->encoding != encoding_.now()) {
                note_encoding(table, target->columns);
                target->encoding = encoding_.now();
            }
        }
    } else if (table.rows_line == 0) {
        table.rows_line = line;
        table.columns_with_rows = std::move(columns);
    }
    std::optional<std::int64_t> collided;
    for (;;) {
        if (token_.is("row")) next();  // VALUES ROW(…), of MySQL's
        if (!token_.is('(')) return unexpected("\"(\"");
        const std::uint64_t row_line = line_;
        ZC_TRY_STATUS(tuple(cells_));
        if (target == nullptr) {
            ++table.rows_passed_over;
        } else {
            const auto id = static_cast<std::size_t>(target->id);
            if (target->id >= 0 && id < cells_.size() && cells_[id].text) {
                std::int64_t number = 0;
                const std::string& text = *cells_[id].text;
                const auto [end, error] =
                    std::from_chars(text.data(), text.data() + text.size(), number);
                if (error == std::errc::result_out_of_range && is_beyond_ids(text) &&
                    table.ours != Table::domains) {
                    ZC_TRY_STATUS(pipeline_.refuse(*table.ours, row_line, shown_cells(),
                                                   "an id of more than 64 bits"));
                    if (!token_.is(',')) break;
                    next();
                    continue;
                }
                // In MySQL's domains and records, 0 asks for the next one.
                if (error == std::errc() && end == text.data() + text.size() && number != 0 &&
                    !target->ids->insert(number, line) && !collided)
                    collided = number;
            }
            ZC_TRY_STATUS(insert_row(*target, row_line));
        }
        if (!token_.is(',')) break;
        next();
    }
    if (target == nullptr) return end_change("INSERT", line);
    return end_insert(table, replaces, collided, line);
}

/// The literal that CREATE TABLE gives as the column's default, as the database stores it.
std::optional<std::string> DumpRows::settled_default(Table table, const DumpColumn& column) const {
    std::optional<std::string> text = column.fallback;
    if (text && is_digits(*text) && !settle(table, column.name, *text, SqlValue::Form::digits))
        text.reset();
    return text;
}

/// The value of DEFAULT. Absent: NULL.
std::optional<std::string> DumpRows::fallback_of(const DumpTable& table,
                                                 const std::string& column) const {
    for (const DumpColumn& known : table.columns.value_or(std::vector<DumpColumn>()))
        if (known.name == column) return settled_default(*table.ours, known);
    // As in PowerDNS's schema.
    if (table.ours == Table::records && column == "disabled") return "0";
    if (table.ours == Table::records && column == "auth") return "1";
    return std::nullopt;
}

/// A column that the statement leaves out has the table's default; an id of domains is made later.
void DumpRows::append_left_out(const DumpTable& table, std::vector<std::string>& columns) {
    const auto kept = columns_of(*table.ours);
    const auto is_among = [](const auto& names, const std::string& name) {
        return std::ranges::find(names, name) != std::ranges::end(names);
    };
    for (const DumpColumn& column : table.columns.value_or(std::vector<DumpColumn>())) {
        if (!column.fallback || !is_among(kept, column.name) ||
            is_among(target_.columns, column.name))
            continue;
        columns.push_back(column.name);
        target_.appended.push_back(settled_default(*table.ours, column));
    }
    if (table.ours == Table::domains && !is_among(columns, "id")) {
        columns.emplace_back("id");
        target_.appended.emplace_back();
    }
}

Result<DumpRows::InsertTarget*> DumpRows::target_of(DumpTable& table,
                                                    std::vector<std::string> columns,
                                                    std::uint64_t line) {
    if (target_.table == &table && target_.columns == columns && target_.layout) return &target_;
    target_ = InsertTarget();
    ZC_TRY_STATUS(refuse_odd_default(table, columns, line));
    target_.table = &table;
    target_.columns = columns;
    for (const std::string& name : columns) {
        target_.fallbacks.push_back(fallback_of(table, name));
        target_.is_flag.push_back(is_flag(*table.ours, name));
        target_.odd.push_back(std::ranges::find(table.odd_defaults, name) !=
                              table.odd_defaults.end());
    }
    append_left_out(table, columns);
    const auto id = std::ranges::find(columns, "id");
    if (id != columns.end()) target_.id = id - columns.begin();
    target_.ids = &ids_of(table);
    ZC_TRY(target_.layout, pipeline_.layout(*table.ours, columns, line));
    return &target_;
}

Status DumpRows::insert_row(InsertTarget& target, std::uint64_t line) {
    const TableLayout& layout = *target.layout;
    bool usable = true;
    const bool fits = cells_.size() + target.appended.size() == layout.targets.size();
    for (std::size_t i = 0; i < cells_.size(); ++i) {
        SqlValue& cell = cells_[i];
        if (cell.kind == SqlValue::Kind::fallback && i < target.fallbacks.size() &&
            !target.odd[i]) {
            cell.text = target.fallbacks[i];
            cell.kind = SqlValue::Kind::literal;
            cell.form = SqlValue::Form::other;
        }
        const bool is_open = fits && (cell.form == SqlValue::Form::digits ||
                                      (target.is_flag[i] && cell.text != "0" && cell.text != "1"));
        if (is_open && cell.text && cell.kind == SqlValue::Kind::literal &&
            layout.targets[i] >= 0) {
            const auto at = static_cast<std::size_t>(layout.targets[i]);
            if (!settle(layout.table, columns_of(layout.table)[at], *cell.text, cell.form))
                cell.kind = SqlValue::Kind::expression;
        }
        // A column that is not kept may have any expression: now(), a sequence.
        if (cell.kind != SqlValue::Kind::literal && (!fits || layout.targets[i] >= 0))
            usable = false;
    }
    if (!usable && layout.table != Table::cryptokeys) {
        // A key goes on without what could not be read: its zone must not be served as if it had
        // none.
        return pipeline_.refuse(layout.table, line, shown_cells(),
                                "a value that is an expression, wanted a literal");
    }
    views_.clear();
    for (const SqlValue& cell : cells_) views_.emplace_back(cell.text);
    for (const auto& text : target.appended) views_.emplace_back(text);
    if (layout.table == Table::domains && fits) {
        const auto at = static_cast<std::size_t>(target.id);
        made_id_ = views_[at] ? std::optional<std::string>(*views_[at]) : std::nullopt;
        ZC_TRY_STATUS(number_domain(made_id_, views_, layout, line));
        views_[at] = *made_id_;
    }
    return pipeline_.row(layout, views_, line);
}

/// The id that a database gives: they are counted from 1. Only where no row brings its own.
Status DumpRows::number_domain(std::optional<std::string>& id, const std::vector<Value>& row,
                               const TableLayout& layout, std::uint64_t line) {
    const bool has_id = id.has_value();
    if (has_id ? domains_numbered_ != 0 : domains_with_id_) {
        return fail(Errc::unsupported,
                    "rows of domains with an id and others without one: which id a database would "
                    "give is not known; dump the database itself",
                    {name_, line});
    }
    if (has_id) {
        domains_with_id_ = true;
        return {};
    }
    id = std::to_string(++domains_numbered_);
    for (std::size_t i = 0; i < row.size() && i < layout.targets.size(); ++i) {
        if (layout.targets[i] == column::domain_name && row[i])
            numbered_.emplace(lower(*row[i]), domains_numbered_);
    }
    return {};
}

/// The row in `cells_`, for a finding.
std::string DumpRows::shown_cells() const {
    std::string record;
    for (const SqlValue& cell : cells_)
        record += (record.empty() ? "" : ", ") + cell.text.value_or("NULL").substr(0, 60);
    return record;
}

/// The rest behind the rows, which tells whether a row that meets another is an error.
Status DumpRows::end_insert(DumpTable& table, bool replaces, std::optional<std::int64_t> collided,
                            std::uint64_t line) {
    if (token_.is("as") || token_.is("returning")) {
        while (token_.kind != Token::Kind::end && !token_.is_stop() && !token_.is("on")) next();
    }
    if (token_.is("on")) {
        next();
        if (!token_.is("conflict") && !token_.is("duplicate"))
            return unexpected("ON CONFLICT or ON DUPLICATE KEY");
        replaces = true;
        ZC_TRY_STATUS(end_harmless());
    } else if (token_.is("returning")) {
        ZC_TRY_STATUS(end_harmless());
    }
    if (!token_.is_stop()) return unexpected("\";\" behind the rows");
    if (!replaces && collided) {
        return two_dumps("a row of table " + table.name + " with the id " +
                             std::to_string(*collided) + ", which one since line " +
                             std::to_string(table.rows_line) + " has",
                         line);
    }
    if (!replaces) return {};
    if (copied_by_[static_cast<std::size_t>(*table.ours)])
        return refuse_effect("INSERT that may meet rows of COPY, in", table.name, line);
    if (collided)
        return refuse_effect("INSERT whose row meets another with its id, in", table.name, line);
    return {};
}

}  // namespace zc::ingest
