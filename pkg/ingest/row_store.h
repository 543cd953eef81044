// Inside of package ingest: rows of a source, waiting to be grouped by domain.
//
// A row goes into one of 512 buckets by its domain id, so that later one bucket at a time holds all
// rows of some domains, wherever in the source they lay. Threads write into chunks of their own
// without locking; full chunks stay in memory up to a limit and go to temporary files beyond it.
// In chunks they are packed (row_form.h), in a bucket that is worked on they are not, and the
// memory of its chunks is given back. Sketch: 20 million rows are 0.7 GB; a bucket 2.7 MB.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ingest/powerdns.h"
#include "ingest/zone_walk.h"
#include "sqldump/lexer.h"
#include "sqldump/powerdns_tables.h"

namespace zc::ingest {

using sqldump::columns_count;
using sqldump::columns_of;
using sqldump::is_ignored_column;
using sqldump::table_of;

inline constexpr std::size_t buckets_count = 512;
inline constexpr std::size_t columns_max = 9;  // of one table, that are kept

/// Columns whose values are doubtful where they have octets above 127, a bit each, by table; and
/// why.
struct DoubtfulOctets {
    std::array<std::uint16_t, tables_count> columns{};
    std::string reason;
};
using sqldump::row_octets_max;

namespace column {
enum Domains : std::uint8_t {
    domain_id_own,
    domain_name,
    master,
    last_check,
    domain_type,
    notified_serial,
    domain_account,
    options,
    catalog
};
enum Records : std::uint8_t {
    record_domain,
    record_name,
    record_type,
    record_content,
    ttl,
    prio,
    disabled,
    auth
};
enum Metadata : std::uint8_t { metadata_domain, kind, metadata_content };
enum Comments : std::uint8_t {
    comment_domain,
    comment_name,
    comment_type,
    modified_at,
    comment_account,
    comment
};
enum Keys : std::uint8_t { key_domain, flags, active, published, key_content };
enum Tsig : std::uint8_t { tsig_name, algorithm, secret };
enum Supermasters : std::uint8_t { ip, nameserver, supermaster_account };
}  // namespace column

/// Domain ids of rows that name none. They have a bucket of their own, the last.
inline constexpr std::int64_t domain_null = std::numeric_limits<std::int64_t>::min();
inline constexpr std::int64_t domain_malformed = domain_null + 1;

using Value = std::optional<std::string_view>;  // unescaped; absent: NULL

/// One row, borrowed from its chunk.
struct Row {
    Table table{};
    std::int64_t domain = 0;
    std::uint64_t line = 0;
    std::array<Value, columns_max>
        values;  // as in columns_of(); the domain id itself is not repeated
};

class RowPacker;

class RowStore {
public:
    struct Options {
        std::uint64_t memory_octets;
        std::string temporary_directory;
    };
    explicit RowStore(Options options);
    ~RowStore();
    RowStore(const RowStore&) = delete;
    RowStore& operator=(const RowStore&) = delete;

    class Writer;
    /// A writer for one thread; lives as long as the store.
    Writer& add_writer();

    /// All rows of a bucket, those of one writer in its order; valid until `taken` is used again,
    /// which keeps its memory. Each bucket once. Threads: any, after all writing.
    class Bucket;
    Status take(std::size_t bucket, Bucket& taken);

    std::uint64_t octets_spilled() const noexcept {
        return octets_spilled_.load(std::memory_order_relaxed);
    }

private:
    friend class Writer;
    struct Chunk {
        std::uint8_t* octets = nullptr;       // in a slab, or `own`
        std::unique_ptr<std::uint8_t[]> own;  // when it is larger than others
        std::uint64_t plain_octets = 0;       // of its rows, unpacked
        std::uint32_t size = 0;
        std::uint32_t capacity = 0;
    };
    /// Memory for the chunks of some buckets that follow each other. Not from the allocator: that
    /// would keep what becomes free, and half of it is free before the last zone is made. And not
    /// given back chunk by chunk: that costs 20 µs each.
    struct Slabs {
        std::vector<std::uint8_t*> slabs;
        std::size_t used = slab_octets;  // of the last one
        std::size_t taken = 0;           // buckets
    };
    static constexpr std::size_t slab_octets = std::size_t{1} << 20;
    static constexpr std::size_t slab_buckets = 16;
    Chunk new_chunk(std::size_t bucket, std::size_t octets);
    void bucket_is_taken(std::size_t bucket) noexcept;

    const Options options_;
    std::atomic<std::uint64_t> octets_in_memory_ = 0;
    std::atomic<std::uint64_t> octets_spilled_ = 0;
    std::vector<std::unique_ptr<Writer>> writers_;
    std::mutex slabs_mutex_;  // guards what follows
    std::array<Slabs, buckets_count / slab_buckets + 1> slabs_;
};

class RowStore::Writer {
public:
    explicit Writer(RowStore& store);
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    /// Errors: `full`, `io` when a chunk could not be put into the temporary file; `limit` for a
    /// row over `row_octets_max`.
    Status add(const Row& row);

private:
    friend class RowStore;
    struct Spilled {
        std::uint64_t offset;
        std::uint64_t plain_octets;
        std::uint32_t size;
    };
    /// In the order of writing: full chunks, spilled ones, the open one.
    struct Shelf {
        Chunk open;
        std::vector<Chunk> full;
        std::vector<Spilled> spilled;
    };

    Status seal(Shelf& shelf);
    Status spill(Shelf& shelf);
    Status read_back(const Spilled& spilled, std::vector<std::uint8_t>& out) const;

    RowStore& store_;
    std::array<Shelf, buckets_count + 1> shelves_;
    std::unique_ptr<RowPacker[]> packers_;  // of the open chunks
    Descriptor file_;
    std::uint64_t file_octets_ = 0;
};

class RowStore::Bucket {
public:
    /// A row by its place; cheap to sort.
    struct Ref {
        std::int64_t domain;
        std::uint64_t line;
        const std::uint8_t* values;
        std::uint32_t octets;  // of the values
        Table table;
    };
    static_assert(sizeof(std::uint8_t*) != 8 || sizeof(Ref) == 32);
    std::vector<Ref> refs;
    static Row read(const Ref& ref) noexcept;
    /// Hash of its table and values, without the line and the domain id.
    static std::uint64_t hash(const Ref& ref) noexcept;

private:
    friend class RowStore;
    void make_room(std::uint64_t octets);
    std::unique_ptr<std::uint8_t[]> plain_;  // the values of all rows
    std::uint64_t capacity_ = 0;
    std::vector<std::uint8_t> packed_;  // a chunk that was read back
};

}  // namespace zc::ingest
