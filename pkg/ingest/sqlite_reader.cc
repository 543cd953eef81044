#include "ingest/sqlite_reader.h"

#include <vector>

#include "dns/name.h"
#include "sqlite/sqlite.h"

namespace zc::ingest {

namespace {

Status read_table(sqlite::Database& database, Table table, const std::atomic<bool>* stop_or_null,
                  RowPipeline& pipeline) {
    const std::string name(to_string(table));
    ZC_TRY(sqlite::Statement names, database.prepare("SELECT name FROM pragma_table_info(?)"));
    names.bind(1, std::string_view(name));
    std::vector<std::string> columns;
    for (;;) {
        ZC_TRY(const bool some, names.step());
        if (!some) break;
        std::string& column = columns.emplace_back(names.text(0));
        for (char& c : column) c = static_cast<char>(dns::fold(static_cast<std::uint8_t>(c)));
    }
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

}  // namespace

Status read_sqlite(const std::string& path, const std::atomic<bool>* stop_or_null,
                   RowPipeline& pipeline) {
    ZC_TRY(sqlite::Database database,
           sqlite::Database::open(path, sqlite::Database::Mode::read_only));
    ZC_TRY_STATUS(database.distrust(static_cast<int>(row_octets_max)));
    const sqlite::StopWatch watch(database, stop_or_null);
    ZC_TRY(sqlite::Transaction transaction,
           sqlite::Transaction::begin(database, sqlite::Transaction::Kind::deferred));
    // A dump without its end is refused; a file with a damaged page is no better.
    ZC_TRY_STATUS(database.verify());
    for (std::size_t i = 0; i < static_cast<std::size_t>(Table::other); ++i) {
        ZC_TRY_STATUS(read_table(database, static_cast<Table>(i), stop_or_null, pipeline));
    }
    return transaction.commit();
}

}  // namespace zc::ingest
