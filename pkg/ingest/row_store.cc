#include "ingest/row_store.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <unistd.h>

#include "ingest/hash.h"

namespace zc::ingest {

namespace {

constexpr std::uint32_t chunk_octets = 32768;
constexpr std::size_t varint_octets_max = 10;
constexpr std::size_t row_octets_typical = 48;  // rather less, so that there is room for all

constexpr std::array<std::string_view, 9> domains_columns = {
    "id",      "name",    "master", "last_check", "type", "notified_serial",
    "account", "options", "catalog"};
constexpr std::array<std::string_view, 8> records_columns = {
    "domain_id", "name", "type", "content", "ttl", "prio", "disabled", "auth"};
constexpr std::array<std::string_view, 3> metadata_columns = {"domain_id", "kind", "content"};
constexpr std::array<std::string_view, 6> comments_columns = {"domain_id",   "name",    "type",
                                                              "modified_at", "account", "comment"};
constexpr std::array<std::string_view, 5> keys_columns = {"domain_id", "flags", "active",
                                                          "published", "content"};
constexpr std::array<std::string_view, 3> tsig_columns = {"name", "algorithm", "secret"};
constexpr std::array<std::string_view, 3> supermasters_columns = {"ip", "nameserver", "account"};

/// Rows of tables with a domain id have it in the header and not among the values.
constexpr std::size_t first_value(Table table) noexcept {
    return table == Table::tsigkeys || table == Table::supermasters ? 0 : 1;
}

std::uint8_t* put_varint(std::uint8_t* at, std::uint64_t value) noexcept {
    while (value >= 0x80) {
        *at++ = static_cast<std::uint8_t>(value | 0x80);
        value >>= 7;
    }
    *at++ = static_cast<std::uint8_t>(value);
    return at;
}

std::uint64_t take_varint(const std::uint8_t*& at) noexcept {
    std::uint64_t value = *at & 0x7fU;
    for (unsigned shift = 7; (*at++ & 0x80U) != 0; shift += 7)
        value |= std::uint64_t{*at & 0x7fU} << shift;
    return value;
}

constexpr std::uint64_t zigzag(std::int64_t value) noexcept {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t value) noexcept {
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

std::size_t bucket_of(Table table, std::int64_t domain) noexcept {
    if (first_value(table) == 0 || domain <= domain_malformed) return buckets_count;
    return static_cast<std::size_t>((static_cast<std::uint64_t>(domain) * 0x9e3779b97f4a7c15U) >>
                                    55);
}
static_assert(buckets_count == std::size_t{1} << (64 - 55));

}  // namespace

std::span<const std::string_view> columns_of(Table table) noexcept {
    switch (table) {
        case Table::domains:
            return domains_columns;
        case Table::records:
            return records_columns;
        case Table::domainmetadata:
            return metadata_columns;
        case Table::comments:
            return comments_columns;
        case Table::cryptokeys:
            return keys_columns;
        case Table::tsigkeys:
            return tsig_columns;
        case Table::supermasters:
            return supermasters_columns;
        case Table::other:
            return {};
    }
    return {};
}

bool is_ignored_column(Table table, std::string_view column) noexcept {
    if (table != Table::domains && column == "id") return true;
    return table == Table::records && (column == "ordername" || column == "change_date");
}

std::optional<Table> table_of(std::string_view name) noexcept {
    for (std::size_t i = 0; i < static_cast<std::size_t>(Table::other); ++i) {
        if (to_string(static_cast<Table>(i)) == name) return static_cast<Table>(i);
    }
    return std::nullopt;
}

RowStore::Writer& RowStore::add_writer() {
    return *writers_.emplace_back(std::make_unique<Writer>(*this));
}

Status RowStore::Writer::add(const Row& row) {
    const std::size_t count = columns_of(row.table).size();
    std::size_t octets_max = 1 + (count + 3) * varint_octets_max;
    for (std::size_t i = first_value(row.table); i < count; ++i) {
        if (row.values[i]) octets_max += row.values[i]->size();
    }
    if (octets_max > row_octets_max) {
        return fail(Errc::limit,
                    "a row of " + std::to_string(octets_max) + " octets, limit is " +
                        std::to_string(row_octets_max),
                    {{}, row.line});
    }
    Shelf& shelf = shelves_[bucket_of(row.table, row.domain)];
    if (shelf.open.capacity - shelf.open.size < octets_max) {
        ZC_TRY_STATUS(seal(shelf));
        const auto capacity = std::max(chunk_octets, static_cast<std::uint32_t>(octets_max));
        if (shelf.open.capacity < capacity) {
            shelf.open.octets = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
            shelf.open.capacity = capacity;
        }
    }
    std::uint8_t* const begin = shelf.open.octets.get() + shelf.open.size;
    std::uint8_t* at = begin;
    *at++ = static_cast<std::uint8_t>(row.table);
    at = put_varint(at, zigzag(row.domain));
    at = put_varint(at, row.line);
    for (std::size_t i = first_value(row.table); i < count; ++i) {
        const Value& value = row.values[i];
        if (!value) {
            *at++ = 0;
            continue;
        }
        at = put_varint(at, value->size() + 1);
        if (!value->empty()) std::memcpy(at, value->data(), value->size());
        at += value->size();
    }
    shelf.open.size += static_cast<std::uint32_t>(at - begin);
    return {};
}

Status RowStore::Writer::seal(Shelf& shelf) {
    if (shelf.open.size == 0) return {};
    const std::uint64_t in_memory =
        store_.octets_in_memory_.fetch_add(shelf.open.capacity, std::memory_order_relaxed) +
        shelf.open.capacity;
    if (in_memory > store_.options_.memory_octets || !shelf.spilled.empty()) {
        store_.octets_in_memory_.fetch_sub(shelf.open.capacity, std::memory_order_relaxed);
        return spill(shelf);
    }
    shelf.full.push_back(std::move(shelf.open));
    shelf.open = {};
    return {};
}

Status RowStore::Writer::spill(Shelf& shelf) {
    if (!file_.is_open()) {
        const std::string& directory = store_.options_.temporary_directory;
        // Without a name: nothing is left behind, whatever happens.
        file_ = Descriptor(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
        if (!file_.is_open()) return base::fail_errno(errno, "temporary file in " + directory);
    }
    for (std::uint32_t done = 0; done < shelf.open.size;) {
        const ssize_t count =
            ::pwrite(file_.get(), shelf.open.octets.get() + done, shelf.open.size - done,
                     static_cast<off_t>(file_octets_ + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            return base::fail_errno(count < 0 ? errno : ENOSPC,
                                    "temporary file in " + store_.options_.temporary_directory);
        }
        done += static_cast<std::uint32_t>(count);
    }
    shelf.spilled.push_back({file_octets_, shelf.open.size});
    file_octets_ += shelf.open.size;
    store_.octets_spilled_.fetch_add(shelf.open.size, std::memory_order_relaxed);
    shelf.open.size = 0;
    return {};
}

Result<RowStore::Bucket> RowStore::take(std::size_t bucket) {
    Bucket taken;
    for (const std::unique_ptr<Writer>& writer : writers_) {
        Writer::Shelf& shelf = writer->shelves_[bucket];
        for (Writer::Chunk& chunk : shelf.full) taken.chunks_.push_back(std::move(chunk));
        for (const Writer::Spilled& spilled : shelf.spilled) {
            Writer::Chunk chunk{std::make_unique_for_overwrite<std::uint8_t[]>(spilled.size),
                                spilled.size, spilled.size};
            for (std::uint32_t done = 0; done < chunk.size;) {
                const ssize_t count =
                    ::pread(writer->file_.get(), chunk.octets.get() + done, chunk.size - done,
                            static_cast<off_t>(spilled.offset + done));
                if (count < 0 && errno == EINTR) continue;
                if (count <= 0)
                    return base::fail_errno(count < 0 ? errno : EIO, "read back a temporary file");
                done += static_cast<std::uint32_t>(count);
            }
            taken.chunks_.push_back(std::move(chunk));
        }
        if (shelf.open.size != 0) taken.chunks_.push_back(std::move(shelf.open));
        shelf = {};
    }
    std::size_t octets = 0;
    for (const Writer::Chunk& chunk : taken.chunks_) octets += chunk.size;
    taken.refs.reserve(octets / row_octets_typical);
    for (const Writer::Chunk& chunk : taken.chunks_)
        taken.index(chunk.octets.get(), chunk.octets.get() + chunk.size);
    return taken;
}

void RowStore::Bucket::index(const std::uint8_t* at, const std::uint8_t* end) {
    while (at != end) {
        Ref ref{};
        ref.table = static_cast<Table>(*at++);
        ref.domain = unzigzag(take_varint(at));
        ref.line = take_varint(at);
        ref.values = at;
        const std::size_t count = columns_of(ref.table).size();
        for (std::size_t i = first_value(ref.table); i < count; ++i) {
            const std::uint64_t size = take_varint(at);
            if (size > 1) at += size - 1;
        }
        ref.octets = static_cast<std::uint32_t>(at - ref.values);
        refs.push_back(ref);
    }
}

std::uint64_t RowStore::Bucket::hash(const Ref& ref) noexcept {
    return hash64({ref.values, ref.octets}) * (2 * static_cast<std::uint64_t>(ref.table) + 1);
}

Row RowStore::Bucket::read(const Ref& ref) noexcept {
    Row row{.table = ref.table, .domain = ref.domain, .line = ref.line, .values = {}};
    const std::uint8_t* at = ref.values;
    const std::size_t count = columns_of(ref.table).size();
    for (std::size_t i = first_value(ref.table); i < count; ++i) {
        const std::uint64_t size = take_varint(at);
        if (size == 0) continue;
        row.values[i] = std::string_view(reinterpret_cast<const char*>(at), size - 1);
        at += size - 1;
    }
    return row;
}

}  // namespace zc::ingest
