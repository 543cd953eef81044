// Inside of package ingest: statements that bring rows: COPY, INSERT … VALUES, and the INSERT …
// SELECT of zone2sql. Rows of PowerDNS's tables go into the pipeline, others are counted.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ingest/dump_reader.h"
#include "ingest/row_pipeline.h"
#include "sqldump/values.h"

namespace zc::ingest {

using sqldump::Dialect;
using sqldump::DumpColumn;
using sqldump::DumpTable;
using sqldump::is_one_of;
using sqldump::lower;
using sqldump::SqlValue;
using sqldump::SqlValues;
using sqldump::Token;

class DumpRows : protected SqlValues {
protected:
    DumpRows(ByteSource& source, const std::string& name, const DumpOptions& options,
             RowPipeline& pipeline)
        : SqlValues(source, name, pipeline.buffer(), options.choice), pipeline_(pipeline) {}

    Status copy();
    Status insert(bool replaces, std::uint64_t line);
    /// Another statement came: the layout of the last INSERT may hold no longer.
    void forget_target() { target_.layout.reset(); }

    RowPipeline& pipeline_;
    bool is_sqlite_ = false;              // by the first statement of sqlite3 .dump
    std::optional<Error> shape_problem_;  // domains or records is another program's table

private:
    /// How the columns of one INSERT become those of the table.
    struct InsertTarget {
        const DumpTable* table = nullptr;
        std::vector<std::string> columns;                  // as the statement names them
        std::vector<bool> is_flag;                         // of those, for `settle`
        std::optional<std::string> encoding;               // in which rows came last
        std::shared_ptr<const TableLayout> layout;         // of those, and the ones behind them
        std::vector<std::optional<std::string>> appended;  // of columns that the statement left out
        std::vector<std::optional<std::string>> fallbacks;  // the values of DEFAULT
        std::vector<bool> odd;                              // where that is not known
        std::ptrdiff_t id = -1;                             // where it stands, or -1
        RowIds* ids = nullptr;
    };

    // For COPY and INSERT: dump_rows.cc.
    Result<std::vector<std::string>> columns_of_insert(const DumpTable& table,
                                                       std::vector<std::string> columns,
                                                       std::uint64_t line);
    Result<bool> takes_rows_of(DumpTable& table, std::span<const std::string> columns, Rows rows,
                               std::uint64_t line);
    Status refuse_odd_default(const DumpTable& table, std::span<const std::string> columns,
                              std::uint64_t line) const;
    Status two_dumps(std::string what, std::uint64_t line) const;
    RowIds& ids_of(const DumpTable& table);
    void note_encoding(const DumpTable& table, std::span<const std::string> columns);
    bool settle(Table table, std::string_view column, std::string& text, SqlValue::Form form) const;

    // COPY: dump_copy.cc.
    /// A COPY whose rows are in the dump.
    struct Copy {
        std::uint64_t line;
        DumpTable& table;
        std::vector<std::string> columns;
        bool is_empty = false;
        std::shared_ptr<const TableLayout> layout;  // null: its rows are passed over
        RowIds::Copy* ids_or_null = nullptr;
    };
    Status copy_of_elsewhere(const DumpTable& table, bool is_ours, std::uint64_t line);
    Status end_of_copy_statement(bool is_ours, std::uint64_t line);
    Status take_copy(Copy& copy);
    Status refuse_left_out(const Copy& copy) const;
    Status count_copy(Copy& copy, std::uint64_t rows_line_before);
    Status copy_data(const Copy& copy);
    Status queue_copied_lines(std::size_t data, std::uint64_t lines, const Copy& copy);

    // INSERT: dump_insert.cc.
    Status insert_modifiers(bool& replaces);
    Status insert_values(DumpTable& table, std::vector<std::string> columns, bool replaces,
                         std::uint64_t line);
    Result<InsertTarget*> target_of(DumpTable& table, std::vector<std::string> columns,
                                    std::uint64_t line);
    std::optional<std::string> settled_default(Table table, const DumpColumn& column) const;
    std::optional<std::string> fallback_of(const DumpTable& table, const std::string& column) const;
    void append_left_out(const DumpTable& table, std::vector<std::string>& columns);
    Status insert_row(InsertTarget& target, std::uint64_t line);
    Status end_insert(DumpTable& table, bool replaces, std::optional<std::int64_t> collided,
                      std::uint64_t line);
    Status number_domain(std::optional<std::string>& id, const std::vector<Value>& row,
                         const TableLayout& layout, std::uint64_t line);
    std::string shown_cells() const;

    // INSERT … SELECT: dump_zone2sql.cc.
    Status insert_select(DumpTable& table, const std::vector<std::string>& columns,
                         std::uint64_t line);
    Status selected_value(std::optional<std::string>& out, bool& is_id, bool& is_literal);
    Status guess_escapes();

    InsertTarget target_;  // of the last INSERT: the next one is mostly the same
    std::vector<SqlValue> cells_;
    std::vector<Value> views_;
    std::optional<std::string> made_id_;
    /// Ids of each table that is taken; partitions and tables that inherit have ids of their own.
    std::unordered_map<const DumpTable*, RowIds*> ids_;
    const DumpTable* copied_last_or_null_ = nullptr;
    /// Which dump of the file gave rows by COPY.
    std::array<std::optional<int>, tables_count> copied_by_{};

    // Rows of domains without an id get one, as the database would give it.
    std::int64_t domains_numbered_ = 0;
    bool domains_with_id_ = false;
    std::unordered_map<std::string, std::int64_t> numbered_;  // by name in lower case
};

/// Whether PowerDNS's schema gives the column a flag.
bool is_flag(Table table, std::string_view column) noexcept;
/// Whether PowerDNS's schema gives the column a number; flags are numbers too.
bool is_number(Table table, std::string_view column) noexcept;

}  // namespace zc::ingest
