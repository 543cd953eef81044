// Inside of package ingest: from what readers cut out of a source to rows in the store.
//
// A reader is one function that is given a pipeline. Whole lines of COPY text it passes on
// unparsed: they are cut into columns by the pipeline's threads. Other rows it passes on one by
// one.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ingest/bounded_queue.h"
#include "ingest/domain_names.h"
#include "ingest/powerdns.h"
#include "ingest/row_ids.h"
#include "ingest/row_store.h"
#include "runtime/workers.h"

namespace zc::ingest {

/// Whether `id` is a number of more than 64 bits, which no database keeps.
bool is_beyond_ids(std::string_view id) noexcept;

/// Where the columns of one statement go.
struct TableLayout {
    Table table = Table::other;
    std::vector<std::int8_t>
        targets;  // of each column of the source: its place in a Row; or not kept, below 0
    static constexpr std::int8_t not_kept = -1;
    static constexpr std::int8_t own_id = -2;  // nor is the row's own number, outside of domains
    // The schema has no such column of `records`: then all is authoritative, and nothing disabled.
    // NULL in the column says the opposite.
    bool lacks_auth = false;
    bool lacks_disabled = false;
    bool has_ids = false;  // numbers of the rows themselves
};

/// Whole lines of COPY text, each with its newline.
struct CopyBlock {
    std::unique_ptr<char[]> octets;
    std::size_t begin = 0, end = 0;
    std::uint64_t first_line = 0;
    std::shared_ptr<const TableLayout> layout;  // shared by the blocks of one COPY and its reader
    RowIds::Copy* ids_or_null = nullptr;        // of that COPY, where they are looked at
};
using sqldump::copy_block_octets;

class RowPipeline {
public:
    struct Options {
        std::string source;  // for findings
        std::uint32_t threads = 1;
        std::function<void()> tick;  // called by the reader's thread now and then; may be empty
    };
    RowPipeline(Options options, RowStore& store);
    ~RowPipeline();
    RowPipeline(const RowPipeline&) = delete;
    RowPipeline& operator=(const RowPipeline&) = delete;

    /// For a table of PowerDNS's with these columns. Unknown columns make a finding; the ones
    /// without which nothing can be made of the table are an error.
    Result<std::shared_ptr<const TableLayout>> layout(Table table,
                                                      std::span<const std::string> columns,
                                                      std::uint64_t line);

    /// A column without which no row of the table means anything and that is not among `columns`;
    /// or empty.
    static std::string_view missing_column(Table table, std::span<const std::string> columns);
    /// The table whose rows may stand in a table of another name, by its columns.
    static std::optional<Table> table_like(std::span<const std::string> columns);
    /// Whether a table of that name and other columns may be another program's: comments,
    /// tsigkeys, supermasters. It stops no import.
    static bool may_be_foreign(Table table) noexcept;
    /// Whether this table of a database is such a one, of another program's; a finding says so.
    bool passes_over(Table table, std::span<const std::string> columns);

    // For the reader's thread.
    /// Errors: those of the threads, as soon as they are known.
    Status copy_block(CopyBlock block);
    Status row(const TableLayout& layout, std::span<const Value> columns, std::uint64_t line);
    Status refuse(Table table, std::uint64_t line, std::string record, std::string reason);
    /// A finding on the source, not on one row. `refused_rows`: so many rows are of none of our
    /// tables and may belong into one.
    void note(Acceptance acceptance, std::string reason, std::string effect, std::uint64_t line,
              std::uint64_t refused_rows = 0);
    /// MySQL's comparisons find names in whatever case.
    void set_finds_capitals() noexcept { finds_capitals_ = true; }
    bool finds_capitals() const noexcept { return finds_capitals_; }
    /// Values of that column that have octets above 127 are doubtful, for the database may have
    /// others. The first reason is the one that is given.
    void doubt_octets(Table table, std::size_t column, std::string reason);
    const DoubtfulOctets& doubtful_octets() const noexcept { return doubtful_octets_; }
    /// A buffer of `copy_block_octets`, used before if there is one.
    std::unique_ptr<char[]> buffer();

    /// The ids of one more table of the source; lives as long as this. `finish` looks at them.
    RowIds& ids(std::string table) { return ids_.emplace_back(std::move(table)); }

    /// The names that several rows of `domains` have. After `finish`, once.
    std::vector<std::uint64_t> repeated_names() { return names_.take_repeated(); }

    /// Waits until everything is in the store. Errors: those of `RowIds::check` too.
    Status finish();

    /// Whether any statement named the table.
    bool saw(Table table) const noexcept { return seen_[static_cast<std::size_t>(table)]; }
    std::uint64_t rows() const noexcept { return rows_.load(std::memory_order_relaxed); }
    /// Findings on rows that never came into the store, and on the source itself, by line. After
    /// `finish`.
    std::vector<Finding>& findings() noexcept { return findings_; }
    /// How many rows of each table `findings` refuses.
    const std::array<std::uint64_t, tables_count>& refused() const noexcept { return refused_; }

private:
    void work();
    /// Memory that is used again for block after block.
    struct Scratch {
        std::string unescaped;
        std::vector<IdRun> ids;
        std::vector<std::uint64_t> names;  // of rows of `domains`
    };
    Status parse(const CopyBlock& block, RowStore::Writer& writer, Scratch& scratch);
    class Stops;
    /// The line at `at`, which moves behind it.
    Status parse_line(const char*& at, Stops& stops, const CopyBlock& block, std::uint64_t number,
                      RowStore::Writer& writer, Scratch& scratch);
    Status store(const TableLayout& layout, Row& row, const Value& domain, RowStore::Writer& writer,
                 std::vector<std::uint64_t>& names);
    void note_failure(Error error);

    const Options options_;
    RowStore::Writer& reader_writer_;
    std::vector<std::uint64_t> reader_names_;
    DomainNames names_;
    std::array<bool, tables_count> seen_{};
    std::list<RowIds> ids_;
    bool finds_capitals_ = false;
    DoubtfulOctets doubtful_octets_;
    std::atomic<std::uint64_t> rows_ = 0;
    std::atomic<bool> failed_ = false;
    BoundedQueue<CopyBlock> queue_;
    std::atomic<std::size_t> next_writer_ = 0;
    std::vector<RowStore::Writer*> writers_;  // one a thread
    std::optional<runtime::Workers> workers_;

    std::mutex mutex_;  // guards what follows
    std::vector<std::unique_ptr<char[]>> buffers_;
    std::vector<Finding> findings_;
    std::array<std::uint64_t, tables_count> refused_{};
    std::unique_ptr<Error> failure_;
};

}  // namespace zc::ingest
