#include "ingest/sqlite_reader.h"

#include <vector>

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
        columns.emplace_back(names.text(0));
    }
    if (columns.empty()) {
        if (table != Table::domains && table != Table::records) return {};  // an older schema
        return fail(Errc::malformed, "no table " + name + ": not a database of PowerDNS",
                    {database.path(), 0});
    }
    ZC_TRY(const auto layout, pipeline.layout(table, columns, 0));
    // supermasters has a rowid too: none of the tables is made WITHOUT ROWID.
    ZC_TRY(sqlite::Statement rows, database.prepare("SELECT rowid, * FROM " + name));
    std::vector<std::string> texts(columns.size());
    std::vector<Value> values(columns.size());
    for (;;) {
        if (stop_or_null != nullptr && stop_or_null->load(std::memory_order_relaxed)) {
            return fail(Errc::interrupted, "stopped while reading", {database.path(), 0});
        }
        ZC_TRY(const bool some, rows.step());
        if (!some) return {};
        for (std::size_t i = 0; i < columns.size(); ++i) {
            const int column = static_cast<int>(i) + 1;
            if (rows.is_null(column)) {
                values[i] = std::nullopt;
            } else {
                texts[i] = rows.text(column);
                values[i] = texts[i];
            }
        }
        ZC_TRY_STATUS(pipeline.row(*layout, values, static_cast<std::uint64_t>(rows.integer(0))));
    }
}

}  // namespace

Status read_sqlite(const std::string& path, const std::atomic<bool>* stop_or_null,
                   RowPipeline& pipeline) {
    ZC_TRY(sqlite::Database database,
           sqlite::Database::open(path, sqlite::Database::Mode::read_only));
    ZC_TRY(sqlite::Transaction transaction,
           sqlite::Transaction::begin(database, sqlite::Transaction::Kind::deferred));
    for (std::size_t i = 0; i < static_cast<std::size_t>(Table::other); ++i) {
        ZC_TRY_STATUS(read_table(database, static_cast<Table>(i), stop_or_null, pipeline));
    }
    return transaction.commit();
}

}  // namespace zc::ingest
