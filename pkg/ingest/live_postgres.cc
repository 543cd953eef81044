#include "ingest/live_postgres.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include <libpq-fe.h>

namespace zc::ingest {

namespace {

struct EndConnection {
    void operator()(PGconn* connection) const noexcept { PQfinish(connection); }
};
struct ClearResult {
    void operator()(PGresult* result) const noexcept { PQclear(result); }
};
struct FreeRow {
    void operator()(char* row) const noexcept { PQfreemem(row); }
};
using Connection = std::unique_ptr<PGconn, EndConnection>;
using Answer = std::unique_ptr<PGresult, ClearResult>;

class LivePostgres {
public:
    LivePostgres(Connection connection, std::string name, const std::atomic<bool>* stop_or_null,
                 RowPipeline& pipeline)
        : connection_(std::move(connection)),
          name_(std::move(name)),
          stop_or_null_(stop_or_null),
          pipeline_(pipeline) {}

    Status run() {
        ZC_TRY_STATUS(command("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
        // Octets as they are stored, whatever the environment says of encodings.
        const char* encoding = PQparameterStatus(connection_.get(), "server_encoding");
        if (encoding == nullptr || PQsetClientEncoding(connection_.get(), encoding) != 0) {
            return failed("set client_encoding");
        }
        for (std::size_t i = 0; i < static_cast<std::size_t>(Table::other); ++i) {
            ZC_TRY_STATUS(table(static_cast<Table>(i)));
        }
        return command("COMMIT");
    }

private:
    tl::unexpected<Error> failed(const std::string& what) const {
        std::string words = PQerrorMessage(connection_.get());
        while (!words.empty() && words.back() == '\n') words.pop_back();
        return fail(Errc::io, what + ": " + words, {name_, 0});
    }

    Status command(const char* text) {
        const Answer answer(PQexec(connection_.get(), text));
        if (PQresultStatus(answer.get()) != PGRES_COMMAND_OK) return failed(text);
        return {};
    }

    Status table(Table table) {
        const std::string name(to_string(table));
        // Only this server's own names go into this text.
        const std::string query =
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('" + name +
            "') AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
        const Answer answer(PQexec(connection_.get(), query.c_str()));
        if (PQresultStatus(answer.get()) != PGRES_TUPLES_OK) return failed("columns of " + name);
        std::vector<std::string> columns;
        columns.reserve(static_cast<std::size_t>(PQntuples(answer.get())));
        for (int i = 0; i < PQntuples(answer.get()); ++i)
            columns.emplace_back(PQgetvalue(answer.get(), i, 0));
        if (columns.empty()) {
            if (table != Table::domains && table != Table::records) return {};  // an older schema
            return fail(Errc::malformed,
                        "no table " + name + ": not a database of PowerDNS, or another search_path",
                        {name_, 0});
        }
        if (pipeline_.passes_over(table, columns)) return {};
        ZC_TRY(const auto layout, pipeline_.layout(table, columns, 0));
        // A query, so that views, and the rows of partitions and of tables that inherit, are read.
        std::string copy = "COPY (SELECT ";
        TableLayout used = *layout;
        used.targets.clear();
        for (std::size_t i = 0; i < columns.size(); ++i) {
            if (layout->targets[i] < 0) continue;
            if (!used.targets.empty()) copy += ", ";
            // All of them are in columns_of(): plain words.
            copy += columns[i];
            used.targets.push_back(layout->targets[i]);
        }
        copy += " FROM " + name + ") TO STDOUT";
        return rows(copy, std::make_shared<const TableLayout>(std::move(used)));
    }

    Status rows(const std::string& copy, const std::shared_ptr<const TableLayout>& layout) {
        const Answer started(PQexec(connection_.get(), copy.c_str()));
        if (PQresultStatus(started.get()) != PGRES_COPY_OUT) return failed(copy);
        CopyBlock block{
            .octets = pipeline_.buffer(), .begin = 0, .end = 0, .first_line = 1, .layout = layout};
        std::uint64_t line = 1;
        for (;;) {
            if (stop_or_null_ != nullptr && stop_or_null_->load(std::memory_order_relaxed)) {
                return fail(Errc::interrupted, "stopped while reading", {name_, 0});
            }
            char* raw = nullptr;
            const int octets = PQgetCopyData(connection_.get(), &raw, 0);
            const std::unique_ptr<char, FreeRow> row(raw);
            if (octets == -2) return failed(copy);
            if (octets == -1) break;
            const auto size = static_cast<std::size_t>(octets);
            if (size > copy_block_octets - block.end) {
                ZC_TRY_STATUS(pipeline_.copy_block(std::move(block)));
                block = {.octets = size > copy_block_octets
                                       ? std::make_unique_for_overwrite<char[]>(size)
                                       : pipeline_.buffer(),
                         .begin = 0,
                         .end = 0,
                         .first_line = line,
                         .layout = layout};
            }
            std::memcpy(block.octets.get() + block.end, row.get(), size);
            block.end += size;
            ++line;
        }
        ZC_TRY_STATUS(pipeline_.copy_block(std::move(block)));
        const Answer ended(PQgetResult(connection_.get()));
        if (PQresultStatus(ended.get()) != PGRES_COMMAND_OK) return failed(copy);
        while (const Answer more{PQgetResult(connection_.get())}) {
        }
        return {};
    }

    Connection connection_;
    const std::string name_;
    const std::atomic<bool>* const stop_or_null_;
    RowPipeline& pipeline_;
};

}  // namespace

std::string shown_uri(const std::string& uri) {
    // scheme://user:password@host/…?password=…
    std::string shown = uri;
    const std::size_t begin = shown.find("://");
    if (begin != std::string::npos) {
        const std::size_t host = shown.find_first_of("/?", begin + 3);
        const std::size_t at = shown.rfind('@', host);
        const std::size_t colon = shown.find(':', begin + 3);
        if (at != std::string::npos && at > begin && colon < at) shown.erase(colon, at - colon);
    }
    if (const std::size_t query = shown.find("password="); query != std::string::npos) {
        const std::size_t value = query + std::strlen("password=");
        shown.erase(value, std::min(shown.find('&', value), shown.size()) - value);
    }
    return shown;
}

Status read_live_postgres(const std::string& uri, const std::atomic<bool>* stop_or_null,
                          RowPipeline& pipeline) {
    Connection connection(PQconnectdb(uri.c_str()));
    const std::string name = shown_uri(uri);
    if (!connection) return fail(Errc::io, "no memory for a connection", {name, 0});
    if (PQstatus(connection.get()) != CONNECTION_OK) {
        std::string words = PQerrorMessage(connection.get());
        while (!words.empty() && words.back() == '\n') words.pop_back();
        return fail(Errc::io, words, {name, 0});
    }
    return LivePostgres(std::move(connection), name, stop_or_null, pipeline).run();
}

}  // namespace zc::ingest
