#include "ingest/row_store.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ingest/hash.h"
#include "ingest/row_form.h"

namespace zc::ingest {

namespace {

constexpr std::uint32_t chunk_octets = 32768;
constexpr std::size_t row_octets_typical = 48;  // plain; rather less, so that there is room for all

std::size_t bucket_of(Table table, std::int64_t domain) noexcept {
    if (first_value(table) == 0 || domain <= domain_malformed) return buckets_count;
    return static_cast<std::size_t>((static_cast<std::uint64_t>(domain) * 0x9e3779b97f4a7c15U) >>
                                    55);
}
static_assert(buckets_count == std::size_t{1} << (64 - 55));

}  // namespace

RowStore::RowStore(Options options) : options_(std::move(options)) {}

RowStore::~RowStore() {
    for (const Slabs& some : slabs_)
        for (std::uint8_t* const slab : some.slabs) ::munmap(slab, slab_octets);
}

RowStore::Writer& RowStore::add_writer() {
    return *writers_.emplace_back(std::make_unique<Writer>(*this));
}

RowStore::Chunk RowStore::new_chunk(std::size_t bucket, std::size_t octets) {
    static_assert(slab_octets % chunk_octets == 0);
    Chunk chunk;
    if (octets > chunk_octets) {  // of one long row
        chunk.own = std::make_unique_for_overwrite<std::uint8_t[]>(octets);
        chunk.octets = chunk.own.get();
        chunk.capacity = static_cast<std::uint32_t>(octets);
        return chunk;
    }
    const std::lock_guard lock(slabs_mutex_);
    Slabs& some = slabs_[bucket / slab_buckets];
    if (some.used == slab_octets) {
        some.slabs.reserve(some.slabs.size() + 1);
        void* const slab = ::mmap(nullptr, slab_octets, PROT_READ | PROT_WRITE,
                                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (slab == MAP_FAILED) throw std::bad_alloc();
        some.slabs.push_back(static_cast<std::uint8_t*>(slab));
        some.used = 0;
    }
    chunk.octets = some.slabs.back() + some.used;
    chunk.capacity = chunk_octets;
    some.used += chunk_octets;
    return chunk;
}

void RowStore::bucket_is_taken(std::size_t bucket) noexcept {
    std::vector<std::uint8_t*> unused;
    {
        const std::lock_guard lock(slabs_mutex_);
        Slabs& some = slabs_[bucket / slab_buckets];
        if (++some.taken == slab_buckets) unused.swap(some.slabs);
    }
    for (std::uint8_t* const slab : unused) ::munmap(slab, slab_octets);
}

RowStore::Writer::Writer(RowStore& store)
    : store_(store), packers_(std::make_unique<RowPacker[]>(buckets_count + 1)) {}
RowStore::Writer::~Writer() = default;

Status RowStore::Writer::add(const Row& row) {
    const std::size_t octets_max = RowPacker::octets_max(row);
    if (octets_max > row_octets_max) {
        return fail(Errc::limit,
                    "a row of " + std::to_string(octets_max) + " octets, limit is " +
                        std::to_string(row_octets_max),
                    {{}, row.line});
    }
    const std::size_t bucket = bucket_of(row.table, row.domain);
    Shelf& shelf = shelves_[bucket];
    if (shelf.open.capacity - shelf.open.size < octets_max) {
        ZC_TRY_STATUS(seal(shelf));
        if (shelf.open.capacity < octets_max) shelf.open = store_.new_chunk(bucket, octets_max);
        packers_[bucket].restart();
    }
    std::uint8_t* const begin = shelf.open.octets + shelf.open.size;
    std::uint8_t* const end = packers_[bucket].pack(row, begin, shelf.open.plain_octets);
    shelf.open.size += static_cast<std::uint32_t>(end - begin);
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
            ::pwrite(file_.get(), shelf.open.octets + done, shelf.open.size - done,
                     static_cast<off_t>(file_octets_ + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) {
            return base::fail_errno(count < 0 ? errno : ENOSPC,
                                    "temporary file in " + store_.options_.temporary_directory);
        }
        done += static_cast<std::uint32_t>(count);
    }
    shelf.spilled.push_back({file_octets_, shelf.open.plain_octets, shelf.open.size});
    file_octets_ += shelf.open.size;
    store_.octets_spilled_.fetch_add(shelf.open.size, std::memory_order_relaxed);
    shelf.open.size = 0;
    shelf.open.plain_octets = 0;
    return {};
}

Status RowStore::Writer::read_back(const Spilled& spilled, std::vector<std::uint8_t>& out) const {
    out.resize(spilled.size);
    for (std::uint32_t done = 0; done < spilled.size;) {
        const ssize_t count = ::pread(file_.get(), out.data() + done, spilled.size - done,
                                      static_cast<off_t>(spilled.offset + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0)
            return base::fail_errno(count < 0 ? errno : EIO, "read back a temporary file");
        done += static_cast<std::uint32_t>(count);
    }
    return {};
}

Status RowStore::take(std::size_t bucket, Bucket& taken) {
    std::uint64_t octets = 0;
    for (const std::unique_ptr<Writer>& writer : writers_) {
        const Writer::Shelf& shelf = writer->shelves_[bucket];
        for (const Chunk& chunk : shelf.full) octets += chunk.plain_octets;
        for (const Writer::Spilled& spilled : shelf.spilled) octets += spilled.plain_octets;
        octets += shelf.open.plain_octets;
    }
    taken.make_room(octets);
    std::uint8_t* plain = taken.plain_.get();
    const auto unpack = [&taken, &plain](const std::uint8_t* at, std::size_t size) {
        for (RowUnpacker rows(at, at + size); !rows.at_end();)
            taken.refs.push_back(rows.unpack(plain));
    };
    for (const std::unique_ptr<Writer>& writer : writers_) {
        Writer::Shelf& shelf = writer->shelves_[bucket];
        for (const Chunk& chunk : shelf.full) unpack(chunk.octets, chunk.size);
        for (const Writer::Spilled& spilled : shelf.spilled) {
            ZC_TRY_STATUS(writer->read_back(spilled, taken.packed_));
            unpack(taken.packed_.data(), taken.packed_.size());
        }
        if (shelf.open.size != 0) unpack(shelf.open.octets, shelf.open.size);
        shelf = {};
    }
    bucket_is_taken(bucket);
    return {};
}

void RowStore::Bucket::make_room(std::uint64_t octets) {
    refs.clear();
    refs.reserve(octets / row_octets_typical);
    if (capacity_ >= octets) return;
    plain_.reset();
    capacity_ = octets + octets / 4;  // others are as large as this one, more or less
    plain_ = std::make_unique_for_overwrite<std::uint8_t[]>(capacity_);
}

std::uint64_t RowStore::Bucket::hash(const Ref& ref) noexcept {
    return hash64({ref.values, ref.octets}) * (2 * static_cast<std::uint64_t>(ref.table) + 1);
}

Row RowStore::Bucket::read(const Ref& ref) noexcept {
    Row row{.table = ref.table, .domain = ref.domain, .line = ref.line, .values = {}};
    const std::uint8_t* at = ref.values;
    const std::size_t count = columns_count(ref.table);
    for (std::size_t i = first_value(ref.table); i < count; ++i) {
        const std::uint64_t size = take_varint(at);
        if (size == 0) continue;
        row.values[i] = std::string_view(reinterpret_cast<const char*>(at), size - 1);
        at += size - 1;
    }
    return row;
}

}  // namespace zc::ingest
