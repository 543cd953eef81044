#include "ingest/sqlite_reader.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "dns/name.h"
#include "sqlite/sqlite.h"

namespace zc::ingest {

namespace {

/// Columns of a table or view, in lower case. None: there is no such thing.
Result<std::vector<std::string>> columns_in(sqlite::Database& database, std::string_view table) {
    // Generated columns too (hidden is 2 or 3), which PowerDNS reads like others.
    ZC_TRY(sqlite::Statement names,
           database.prepare("SELECT name FROM pragma_table_xinfo(?, 'main') WHERE hidden <> 1"));
    names.bind(1, table);
    std::vector<std::string> columns;
    for (;;) {
        ZC_TRY(const bool some, names.step());
        if (!some) return columns;
        std::string& column = columns.emplace_back(names.text(0));
        for (char& c : column) c = static_cast<char>(dns::fold(static_cast<std::uint8_t>(c)));
    }
}

Status read_table(sqlite::Database& database, Table table, const std::atomic<bool>* stop_or_null,
                  RowPipeline& pipeline) {
    const std::string name(to_string(table));
    ZC_TRY(const std::vector<std::string> columns, columns_in(database, name));
    if (columns.empty()) {
        if (table != Table::domains && table != Table::records) return {};  // an older schema
        return fail(Errc::malformed, "no table " + name + ": not a database of PowerDNS",
                    {database.path(), 0});
    }
    if (pipeline.passes_over(table, columns)) return {};
    ZC_TRY(const auto layout, pipeline.layout(table, columns, 0));
    // By name: `*` has generated columns too, and a table WITHOUT ROWID has no rowid.
    ZC_TRY(sqlite::Statement kind,
           database.prepare("SELECT wr OR type <> 'table' FROM pragma_table_list WHERE name = ? "
                            "COLLATE NOCASE AND schema = 'main'"));
    kind.bind(1, std::string_view(name));
    ZC_TRY(const bool is_listed, kind.step());
    const bool has_rowid = is_listed && kind.integer(0) == 0;
    std::string query = has_rowid ? "SELECT rowid" : "SELECT 0";
    TableLayout used = *layout;
    used.targets.clear();
    std::vector<bool> is_flag;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (layout->targets[i] < 0) continue;
        // All of them are in columns_of(): plain words.
        query += ", " + columns[i];
        used.targets.push_back(layout->targets[i]);
        is_flag.push_back(table == Table::records && columns[i] == "disabled");
    }
    ZC_TRY(sqlite::Statement rows, database.prepare(query + " FROM main." + name));
    std::vector<std::string> texts(is_flag.size());
    std::vector<Value> values(is_flag.size());
    std::uint64_t number = 0;
    for (;;) {
        if (stop_or_null != nullptr && stop_or_null->load(std::memory_order_relaxed)) {
            return fail(Errc::interrupted, "stopped while reading", {database.path(), 0});
        }
        ZC_TRY(const bool some, rows.step());
        if (!some) return {};
        ++number;
        for (std::size_t i = 0; i < values.size(); ++i) {
            const int column = static_cast<int>(i) + 1;
            if (rows.is_null(column)) {
                values[i] = std::nullopt;
            } else {
                texts[i] = rows.text(column);
                // PowerDNS asks for what is 0, and no text is: not 'f', and not '0' either.
                if (is_flag[i] && !rows.is_number(column)) texts[i] = '\'' + texts[i] + '\'';
                values[i] = texts[i];
            }
        }
        const std::uint64_t line = has_rowid ? static_cast<std::uint64_t>(rows.integer(0)) : number;
        ZC_TRY_STATUS(pipeline.row(used, values, line));
    }
}

/// Tables that PowerDNS does not read and that may have rows of zones: copies that somebody keeps.
Status note_others(sqlite::Database& database, RowPipeline& pipeline) {
    ZC_TRY(
        sqlite::Statement tables,
        database.prepare("SELECT name, type = 'view' FROM pragma_table_list WHERE schema = 'main' "
                         "AND type IN ('table', 'view') ORDER BY name"));
    std::vector<std::string> others;
    std::array<bool, tables_count> is_view{};
    for (;;) {
        ZC_TRY(const bool some, tables.step());
        if (!some) break;
        std::string name(tables.text(0));
        std::string lower = name;
        for (char& c : lower) c = static_cast<char>(dns::fold(static_cast<std::uint8_t>(c)));
        if (const auto ours = table_of(lower))
            is_view[static_cast<std::size_t>(*ours)] = tables.integer(1) != 0;
        else if (tables.integer(1) == 0)
            others.push_back(std::move(name));
    }
    for (const std::string& name : others) {
        ZC_TRY(const std::vector<std::string> columns, columns_in(database, name));
        const std::optional<Table> like = RowPipeline::table_like(columns);
        // A view has its rows from somewhere.
        if (!like || is_view[static_cast<std::size_t>(*like)]) continue;
        std::string quoted = "\"";
        for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
        ZC_TRY(const std::int64_t rows,
               database.integer("SELECT count(*) FROM main." + quoted + '"'));
        if (rows == 0) continue;
        pipeline.note(Acceptance::doubtful,
                      "table " + name + " is none of PowerDNS's schema: " + std::to_string(rows) +
                          " rows, which have the columns of " + std::string(to_string(*like)),
                      "not taken over; PowerDNS does not read it", 0);
    }
    return {};
}

/// A file in WAL mode that has no log gets one by being opened, and only a process that may write
/// takes it away again. A log that is there is somebody else's.
bool gets_a_log(const std::string& path) {
    constexpr std::size_t mode_at = 18;  // the two numbers of the file format
    std::array<char, mode_at + 2> head{};
    std::ifstream file(path, std::ios::binary);
    if (!file.read(head.data(), head.size()) || head[mode_at] != 2) return false;
    const auto is_there = [&](const char* suffix) {
        std::error_code error;
        return std::filesystem::exists(path + suffix, error) || error;
    };
    return !is_there("-wal") && !is_there("-shm");
}

/// To be read: nothing of it changes, and nothing is left beside it.
Result<sqlite::Database> open_source(const std::string& path) {
    using sqlite::Database;
    if (gets_a_log(path)) {
        auto database = Database::open(path, Database::Mode::read_write);
        if (database && database->execute("PRAGMA query_only = ON")) return database;
    }
    return Database::open(path, Database::Mode::read_only);
}

}  // namespace

Status read_sqlite(const std::string& path, const std::atomic<bool>* stop_or_null,
                   RowPipeline& pipeline) {
    ZC_TRY(sqlite::Database database, open_source(path));
    ZC_TRY_STATUS(database.distrust(static_cast<int>(row_octets_max)));
    const sqlite::StopWatch watch(database, stop_or_null);
    ZC_TRY(sqlite::Transaction transaction,
           sqlite::Transaction::begin(database, sqlite::Transaction::Kind::deferred));
    // A dump without its end is refused; a file with a damaged page is no better.
    ZC_TRY_STATUS(database.verify());
    for (std::size_t i = 0; i < static_cast<std::size_t>(Table::other); ++i) {
        ZC_TRY_STATUS(read_table(database, static_cast<Table>(i), stop_or_null, pipeline));
    }
    ZC_TRY_STATUS(note_others(database, pipeline));
    return transaction.commit();
}

}  // namespace zc::ingest
