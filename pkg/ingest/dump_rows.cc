#include "ingest/dump_rows.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "ingest/row_store.h"

namespace zc::ingest {

using sqldump::charset_family;
using sqldump::Encoding;
using sqldump::encoding_of;
using sqldump::number_of;
using sqldump::octets_of;
using sqldump::parse_number;

bool is_flag(Table table, std::string_view column) noexcept {
    return table == Table::records      ? column == "disabled" || column == "auth"
           : table == Table::cryptokeys ? column == "active" || column == "published"
                                        : false;
}

bool is_number(Table table, std::string_view column) noexcept {
    return is_flag(table, column) ||
           is_one_of(column, {"id", "domain_id", "ttl", "prio", "flags", "modified_at",
                              "last_check", "notified_serial"});
}

/// The columns of an INSERT, which may name none.
Result<std::vector<std::string>> DumpRows::columns_of_insert(const DumpTable& table,
                                                             std::vector<std::string> columns,
                                                             std::uint64_t line) {
    if (!columns.empty()) return columns;
    if (!table.columns) {
        return fail(Errc::malformed,
                    "rows of table " + table.name +
                        " without column names and no CREATE TABLE before: dump with the "
                        "schema, or with --column-inserts",
                    {name_, line});
    }
    for (const DumpColumn& column : *table.columns) columns.push_back(column.name);
    return columns;
}

/// Whether rows of `table` go into the pipeline; else they are counted and said at the end.
Result<bool> DumpRows::takes_rows_of(DumpTable& table, std::span<const std::string> columns,
                                     Rows rows, std::uint64_t line) {
    if (!table.ours) return false;
    if (dialect_ == Dialect::mysql) tables_.set_mysql();
    // The shape is that of the whole table where it is known: a statement may name a part of it.
    std::vector<std::string> all(columns.begin(), columns.end());
    if (table.columns) {
        all.clear();
        for (const DumpColumn& column : *table.columns) all.push_back(column.name);
    }
    const std::string_view missing = RowPipeline::missing_column(*table.ours, all);
    if (!missing.empty() && RowPipeline::may_be_foreign(*table.ours)) {
        if (table.rows_line == 0) table.rows_line = line;
        table.missing_column = missing;
        return false;
    }
    ZC_TRY(const bool is_taken, tables_.admit(table, line, name_));
    if (is_taken && !missing.empty() && table.columns) {
        // In a dump of several databases it may be that of another program.
        if (!shape_problem_) {
            shape_problem_ =
                Error{Errc::malformed,
                      "table " + table.name + " without a column " + std::string(missing),
                      {name_, line}};
        }
        return false;
    }
    if (is_taken) ZC_TRY_STATUS(refuse_fired(table, rows, line));
    return is_taken;
}

/// A column that rows leave out has the table's default, which must be known.
Status DumpRows::refuse_odd_default(const DumpTable& table, std::span<const std::string> columns,
                                    std::uint64_t line) const {
    const auto kept = columns_of(*table.ours);
    for (const std::string& name : table.odd_defaults) {
        if (std::ranges::find(kept, name) == kept.end() ||
            std::ranges::find(columns, name) != columns.end())
            continue;
        return fail(Errc::unsupported,
                    "rows of table " + table.name + " without column " + name +
                        ", whose default is no literal or was changed",
                    {name_, line});
    }
    return {};
}

/// Rows of one table that no one database has together.
Status DumpRows::two_dumps(std::string what, std::uint64_t line) const {
    return fail(Errc::malformed,
                std::move(what) + ": two dumps in one file; import them one by one", {name_, line});
}

RowIds& DumpRows::ids_of(const DumpTable& table) {
    RowIds*& ids = ids_[&table];
    if (ids == nullptr) ids = &pipeline_.ids(table.name);
    return *ids;
}

/// Tells which columns the database may have in other octets than the dump, when they are above
/// 127.
void DumpRows::note_encoding(const DumpTable& table, std::span<const std::string> columns) {
    const std::string& encoding = encoding_.now();
    const auto doubt = [&](std::string_view column, std::string in) {
        const auto kept = columns_of(*table.ours);
        const auto at = std::ranges::find(kept, column);
        if (at == kept.end() || is_number(*table.ours, column)) return;
        pipeline_.doubt_octets(*table.ours, static_cast<std::size_t>(at - kept.begin()),
                               "octets above 127 in text of encoding " +
                                   (encoding.empty() ? "unknown" : encoding) + std::move(in));
    };
    if (dialect_ != Dialect::mysql) {
        if (encoding.empty() || encoding_of(encoding) == Encoding::utf8) return;
        for (const std::string& column : columns) doubt(column, "");
        return;
    }
    const std::string text = charset_family(encoding);
    const bool is_utf8 = text.empty() || text == "utf8";
    if (text == "binary") return;  // as the database has it
    for (const std::string& column : columns) {
        std::string charset = table.charset;
        for (const DumpColumn& known : table.columns.value_or(std::vector<DumpColumn>()))
            if (known.name == column && !known.charset.empty() && charset != "several")
                charset = known.charset;
        const bool is_same = charset == text || charset == "binary" ||
                             (is_utf8 && (charset.empty() || charset == "utf8"));
        if (!is_same) {
            doubt(column, ", of a column of charset " +
                              (charset.empty() ? std::string("unknown") : charset));
        }
    }
}

/// Makes of a literal what the database does, by the type that PowerDNS's schema gives the column.
/// False: nothing that can be stored.
bool DumpRows::settle(Table table, std::string_view column, std::string& text,
                      SqlValue::Form form) const {
    // SQLite has text and octets in any column, and PowerDNS asks for what is 0.
    const bool is_sqlites = is_sqlite_ && column == "disabled";
    if (form == SqlValue::Form::digits) {
        if (is_number(table, column) && !is_sqlite_) return number_of(text);
        // In PostgreSQL they are bits.
        if (dialect_ == Dialect::postgresql || !octets_of(text)) return false;
        if (is_sqlites) text = '\'' + text + '\'';
        return true;
    }
    if (!is_sqlites && !(is_flag(table, column) && dialect_ == Dialect::mysql)) return true;
    if (form != SqlValue::Form::string && form != SqlValue::Form::number) return true;
    if (text == "0" || text == "1") return true;
    const auto number = parse_number(text);
    if (!number && is_sqlites) {
        text = '\'' + text + '\'';
    } else if (!number) {
        if (text != std::string_view("\0", 1) && text != "\1") text = '"' + text + '"';  // no BIT
    } else if (!is_sqlites || *number == std::round(*number)) {
        // MySQL rounds; in SQLite a number in text becomes one in a column of its official type.
        text = std::to_string(std::llround(*number));
    }
    return true;
}

}  // namespace zc::ingest
