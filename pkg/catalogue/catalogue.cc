#include "catalogue/catalogue.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"
#include "catalogue/arena.h"
#include "catalogue/lookup.h"

namespace zc::catalogue {

namespace {

constexpr std::size_t zones_per_shard =
    1024;  // at most, when the root is made: about 8 KiB a shard
constexpr std::size_t zones_per_shard_max = 4096;  // above this on average, the root grows
constexpr unsigned shard_bits_max = 16;
constexpr std::uint64_t owned_bit = 1;  // allocated alone, freed alone
constexpr std::uint64_t arena_bit = 2;  // in the catalogue's arena
constexpr std::size_t apex_labels_buckets = dns::name_labels_max + 1;
// Ranges of a bulk load: one of 2.1 million zones is half a megabyte of buckets.
constexpr unsigned range_bits_max = 6;
constexpr std::size_t ranges_max = std::size_t{1} << range_bits_max;

/// Load factor 0.8: on average 1.05 cache lines for a hit.
std::uint32_t buckets_for(std::size_t zones) {
    return static_cast<std::uint32_t>(zones * 10 / (8 * bucket_slots) + 1);
}

Bucket* allocate_buckets(std::uint32_t count) {
    void* memory = std::aligned_alloc(alignof(Bucket), sizeof(Bucket) * count);
    if (memory == nullptr) throw std::bad_alloc();
    std::memset(memory, 0, sizeof(Bucket) * count);
    return static_cast<Bucket*>(memory);
}

void place(const Shard& shard, Bucket* buckets, std::uint64_t hash, std::uint64_t slot) {
    std::uint32_t at = Table::first_bucket(shard, hash);
    for (std::uint32_t i = 0; i < shard.bucket_count; ++i) {
        for (std::uint64_t& here : buckets[at].slots) {
            if (here != 0) continue;
            here = slot;
            return;
        }
        if (++at == shard.bucket_count) at = 0;
    }
    ZC_CHECK(false);  // there is always room: see buckets_for
}

std::uint64_t hash_apex(base::Octets apex, std::uint64_t seed) {
    zone::LookupName name;
    name.assign(dns::NameView(apex));
    SuffixHashes hashes;
    hash_suffixes(name, seed, hashes);
    return hashes.of[name.labels];
}

base::Octets apex_of(std::uint64_t slot) {
    return zone::ImageView(Table::image(slot)).apex().wire();
}

unsigned bits_for(std::size_t zones) {
    const std::size_t shards = std::bit_ceil(std::max<std::size_t>(1, zones / zones_per_shard));
    return std::min(shard_bits_max, static_cast<unsigned>(std::countr_zero(shards)));
}

}  // namespace

struct Garbage::Items {
    std::vector<std::uint8_t*> images;
    std::vector<const Bucket*> shards;
    std::vector<std::unique_ptr<Catalogue>> catalogues;
    std::vector<std::shared_ptr<const void>> kept;  // shared with who made it
    std::uint64_t octets = 0;

    Items() = default;
    Items(const Items&) = delete;
    Items& operator=(const Items&) = delete;
    ~Items() {
        for (std::uint8_t* image : images) zone::Image::free(image);
        for (const Bucket* buckets : shards)
            std::free(const_cast<Bucket*>(buckets));  // NOLINT: published as const
    }
};

Garbage::Garbage() noexcept = default;
Garbage::~Garbage() = default;
Garbage::Garbage(Garbage&&) noexcept = default;
Garbage& Garbage::operator=(Garbage&&) noexcept = default;

void Garbage::join(Garbage&& other) {
    if (other.items_ == nullptr) return;
    if (items_ == nullptr) {
        items_ = std::move(other.items_);
        return;
    }
    Items& from = *other.items_;
    items_->images.insert(items_->images.end(), from.images.begin(), from.images.end());
    items_->shards.insert(items_->shards.end(), from.shards.begin(), from.shards.end());
    std::ranges::move(from.catalogues, std::back_inserter(items_->catalogues));
    std::ranges::move(from.kept, std::back_inserter(items_->kept));
    items_->octets += from.octets;
    from.images.clear();
    from.shards.clear();
    other.items_.reset();
}

void Garbage::keep(std::shared_ptr<const void> what) {
    if (items_ == nullptr) items_ = std::make_unique<Items>();
    items_->kept.push_back(std::move(what));
}

std::uint64_t Garbage::octets() const noexcept {
    return items_ == nullptr ? 0 : items_->octets;
}

struct Catalogue::Inside {
    Table table;
    std::vector<Shard> shards;
    std::array<std::uint32_t, apex_labels_buckets> zones_of_depth{};
    std::size_t zones = 0;
    std::uint64_t image_octets = 0;  // alone and in the arena; not those of a mapped file
    std::uint64_t bucket_octets = 0;
    Advise advise = nullptr;
    // Shared by a catalogue and the one made of it: the old one is read until its garbage goes.
    std::shared_ptr<Arena> arena;  // bulk-loaded images
    std::shared_ptr<Block>
        shard_block;   // the shards' buckets as resize() laid them; those changed since stand alone
    bool owns = true;  // shards and images; false once `with` has handed them on

    explicit Inside(std::uint64_t seed, std::size_t zones_expected, Advise advise_or_null)
        : advise(advise_or_null), arena(std::make_shared<Arena>(advise_or_null)) {
        table.seed = seed;
        resize(bits_for(zones_expected), zones_expected);
    }
    Inside(const Inside& other) = default;
    Inside& operator=(const Inside&) = delete;
    ~Inside() {
        if (!owns) return;
        for (const Shard& shard : shards) {
            for (std::uint32_t i = 0; i < shard.bucket_count; ++i)
                for (const std::uint64_t slot : shard.buckets[i].slots)
                    if ((slot & owned_bit) != 0)
                        zone::Image::free(const_cast<std::uint8_t*>(Table::image(slot)));  // NOLINT
            free_buckets(shard.buckets);
        }
    }

    bool stands_alone(const Bucket* buckets) const {
        return shard_block == nullptr || !shard_block->contains(buckets);
    }
    void free_buckets(const Bucket* buckets) const {
        if (stands_alone(buckets))
            std::free(const_cast<Bucket*>(buckets));  // NOLINT: published as const
    }

    void point() {
        table.shards = shards.data();
        table.shard_bits = static_cast<unsigned>(std::countr_zero(shards.size()));
        table.depths[0] = table.depths[1] = 0;
        for (std::size_t n = 0; n < apex_labels_buckets; ++n)
            if (zones_of_depth[n] > 0) table.depths[n >> 6] |= std::uint64_t{1} << (n & 63U);
    }

    /// Spreads all slots over 2^bits new shards. The old buckets are freed, or go to
    /// `garbage_or_null`. When it throws, nothing has changed.
    void resize(unsigned bits, std::size_t zones_expected,
                Garbage::Items* garbage_or_null = nullptr) {
        const std::size_t count = std::size_t{1} << bits;
        struct Entry {
            std::uint64_t hash, slot;
        };
        std::vector<std::vector<Entry>> entries(shards.empty() ? 0 : count);
        for (const Shard& shard : shards) {
            for (std::uint32_t i = 0; i < shard.bucket_count; ++i) {
                for (const std::uint64_t slot : shard.buckets[i].slots) {
                    if (slot == 0) continue;
                    const std::uint64_t hash = hash_apex(apex_of(slot), table.seed);
                    entries[bits == 0 ? 0 : hash >> (64 - bits)].push_back({hash, slot});
                }
            }
        }
        std::vector<Shard> spread(count);
        std::size_t all_buckets = 0;
        for (std::size_t s = 0; s < count; ++s) {
            const std::size_t here = entries.empty() ? 0 : entries[s].size();
            // Four deviations above the mean, so that bulk loading rarely makes a shard grow.
            const std::size_t mean = std::max(here, zones_expected / count);
            std::size_t room = mean;
            if (here < mean)
                for (std::size_t root = 1; root * root <= mean; ++root) room = mean + 2 * root;
            spread[s] = {nullptr, buckets_for(room), static_cast<std::uint32_t>(here)};
            all_buckets += spread[s].bucket_count;
        }
        auto block = std::make_shared<Block>(sizeof(Bucket) * all_buckets, advise);
        if (garbage_or_null != nullptr)
            garbage_or_null->shards.reserve(garbage_or_null->shards.size() + shards.size());

        for (const Shard& shard : shards) {
            if (garbage_or_null == nullptr)
                free_buckets(shard.buckets);
            else if (stands_alone(shard.buckets))
                garbage_or_null->shards.push_back(shard.buckets);
        }
        shards = std::move(spread);
        bucket_octets = sizeof(Bucket) * all_buckets;
        std::memset(block->at(), 0, bucket_octets);
        auto* buckets = reinterpret_cast<Bucket*>(block->at());
        for (std::size_t s = 0; s < count; ++s) {
            shards[s].buckets = buckets;
            if (shards[s].zones > 0)
                for (const Entry& entry : entries[s])
                    place(shards[s], buckets, entry.hash, entry.slot);
            buckets += shards[s].bucket_count;
        }
        shard_block = std::move(block);
        point();
    }

    /// Gives a shard other buckets, as many as `zones_wanted` need; the old ones are the caller's,
    /// and so is `bucket_octets`. Touches nothing but the shard.
    const Bucket* rebuild_shard(Shard& shard, std::uint32_t zones_wanted) const {
        const Shard old = shard;
        shard.bucket_count = buckets_for(zones_wanted);
        Bucket* buckets = allocate_buckets(shard.bucket_count);
        shard.buckets = buckets;
        for (std::uint32_t i = 0; i < old.bucket_count; ++i)
            for (const std::uint64_t slot : old.buckets[i].slots)
                if (slot != 0) place(shard, buckets, hash_apex(apex_of(slot), table.seed), slot);
        return old.buckets;
    }

    /// As `rebuild_shard`, for who has the catalogue alone.
    void rebuild_and_count(Shard& shard, std::uint32_t zones_wanted) {
        bucket_octets -= sizeof(Bucket) * shard.bucket_count;
        free_buckets(rebuild_shard(shard, zones_wanted));
        bucket_octets += sizeof(Bucket) * shard.bucket_count;
    }

    void grow_if_full() {
        if (table.shard_bits < shard_bits_max && zones > (zones_per_shard_max << table.shard_bits))
            resize(bits_for(zones * 4), zones * 4);
    }

    static std::uint64_t* find_slot_or_null(const Shard& shard, std::uint64_t hash,
                                            base::Octets apex) {
        const Table one{.shards = &shard, .shard_bits = 0};
        const std::uint8_t* image = probe_or_null(one, hash, apex);
        if (image == nullptr) return nullptr;
        std::uint32_t at = Table::first_bucket(shard, hash);
        for (;;) {
            for (const std::uint64_t& slot : shard.buckets[at].slots)
                if (Table::image(slot) == image)
                    return const_cast<std::uint64_t*>(
                        &slot);  // NOLINT: the caller owns the buckets
            if (++at == shard.bucket_count) at = 0;
        }
    }

    /// Makes one change in a shard whose buckets nobody else sees. Returns the slot that went, or
    /// 0. When it throws, nothing has changed, and `what` still has its image.
    enum class Place : std::uint8_t { alone, arena };
    std::uint64_t change(ApexChange& what, std::uint64_t hash, Place where) {
        Shard& shard = shards[table.shard_bits == 0 ? 0 : hash >> (64 - table.shard_bits)];
        dns::Name apex = what.apex;
        apex.fold_case();
        const bool stays = !std::holds_alternative<Removed>(what.image);
        std::uint64_t* at = find_slot_or_null(shard, hash, apex.wire());
        if (stays && at == nullptr && buckets_for(shard.zones + 1) > shard.bucket_count)
            rebuild_and_count(shard, shard.zones + shard.zones / 8 + 4);
        std::uint64_t slot = 0;
        if (auto* const image = std::get_if<zone::Image>(&what.image)) {
            const std::uint64_t octets = image->octets().size();
            if (where == Place::arena)
                slot = reinterpret_cast<std::uint64_t>(arena->copy(image->octets())) | arena_bit;
            else
                slot = reinterpret_cast<std::uint64_t>(image->release()) | owned_bit;
            image_octets += octets;
        } else if (const auto* const borrowed = std::get_if<BorrowedImage>(&what.image)) {
            slot = reinterpret_cast<std::uint64_t>(borrowed->octets);
            ZC_CHECK(slot != 0);
        }
        ZC_CHECK((slot >> 48) == 0);  // user space of x86-64 and arm64
        if (slot != 0) {
            ZC_CHECK((slot & 4) == 0 &&
                     dns::equal(zone::ImageView(Table::image(slot)).apex(), apex));
            slot |= Table::tag(hash);
        }

        const std::uint64_t old = at == nullptr ? 0 : *at;
        if ((old & (owned_bit | arena_bit)) != 0)
            image_octets -= zone::ImageView(Table::image(old)).size();
        const std::size_t depth = apex.view().labels();
        if (at != nullptr && slot != 0) {
            *at = slot;
        } else if (slot != 0) {
            place(shard, const_cast<Bucket*>(shard.buckets), hash, slot);  // NOLINT
            ++shard.zones;
            ++zones;
            if (zones_of_depth[depth]++ == 0)
                table.depths[depth >> 6] |= std::uint64_t{1} << (depth & 63U);
        } else if (at != nullptr) {
            // Probing stops at an empty slot, so the ring is laid anew.
            *at = 0;
            try {
                rebuild_and_count(shard, shard.zones - 1);
            } catch (const std::bad_alloc&) {
                *at = old;
                throw;
            }
            --shard.zones;
            --zones;
            if (--zones_of_depth[depth] == 0)
                table.depths[depth >> 6] &= ~(std::uint64_t{1} << (depth & 63U));
        }
        return old;
    }
};

Catalogue::Catalogue(std::uint64_t seed, std::size_t zones_expected, Advise advise_or_null)
    : inside_(std::make_unique<Inside>(seed, zones_expected, advise_or_null)) {}
Catalogue::Catalogue(std::unique_ptr<Inside> inside) noexcept : inside_(std::move(inside)) {}
Catalogue::~Catalogue() = default;

void Catalogue::insert(ApexChange change) {
    Inside& in = *inside_;
    ZC_CHECK(in.owns);
    const std::uint64_t old =
        in.change(change, hash_apex(change.apex.wire(), in.table.seed), Inside::Place::arena);
    if ((old & owned_bit) != 0)
        zone::Image::free(const_cast<std::uint8_t*>(Table::image(old)));  // NOLINT
    in.grow_if_full();
}

struct Catalogue::BulkLoad::Work {
    struct Entry {
        std::uint64_t hash, slot;
    };
    struct Part {
        std::vector<Entry> entries;  // by range
        std::array<std::uint32_t, ranges_max + 1> begin{};
        std::array<std::uint32_t, apex_labels_buckets> images_of_depth{};
    };
    struct Range {
        std::size_t zones = 0;
        std::array<std::uint32_t, apex_labels_buckets> replaced_of_depth{};
        std::int64_t bucket_octets_more = 0;
    };

    Inside& in;
    unsigned range_bits;
    std::vector<Part> parts;
    std::vector<Range> ranges;

    Work(Inside& inside, std::size_t parts_count)
        : in(inside),
          range_bits(std::min(inside.table.shard_bits, range_bits_max)),
          parts(parts_count),
          ranges(std::size_t{1} << range_bits) {}
    std::size_t range_of(std::uint64_t hash) const noexcept {
        return range_bits == 0 ? 0 : hash >> (64 - range_bits);
    }
};

Catalogue::BulkLoad::BulkLoad(Catalogue& catalogue, std::size_t parts)
    : work_(std::make_unique<Work>(*catalogue.inside_, parts)) {
    ZC_CHECK(work_->in.owns && work_->in.zones == 0);
}
Catalogue::BulkLoad::~BulkLoad() = default;

std::size_t Catalogue::BulkLoad::ranges() const noexcept {
    return work_->ranges.size();
}

void Catalogue::BulkLoad::add(std::size_t part, std::span<const std::uint8_t* const> images) {
    const Work& work = *work_;
    Work::Part& to = work_->parts[part];
    std::vector<Work::Entry> entries;
    entries.reserve(images.size());
    std::array<std::uint32_t, ranges_max> count{};
    zone::LookupName name;
    SuffixHashes hashes;
    for (const std::uint8_t* const image : images) {
        const auto at = reinterpret_cast<std::uint64_t>(image);
        ZC_CHECK((at >> 48) == 0 && (at & 7) == 0);  // user space of x86-64 and arm64
        name.assign(dns::NameView(apex_of(at)));
        hash_suffixes(name, work.in.table.seed, hashes);
        const std::uint64_t hash = hashes.of[name.labels];
        entries.push_back({hash, at | Table::tag(hash)});
        ++count[work.range_of(hash)];
        ++to.images_of_depth[name.labels];
    }
    for (std::size_t range = 0; range < work.ranges.size(); ++range)
        to.begin[range + 1] = to.begin[range] + count[range];
    to.entries.resize(entries.size());
    auto next = to.begin;
    for (const Work::Entry& entry : entries) to.entries[next[work.range_of(entry.hash)]++] = entry;
}

void Catalogue::BulkLoad::place(std::size_t range) {
    Inside& in = work_->in;
    Work::Range& sums = work_->ranges[range];
    for (const Work::Part& part : work_->parts) {
        for (std::uint32_t i = part.begin[range]; i < part.begin[range + 1]; ++i) {
            const auto [hash, slot] = part.entries[i];
            Shard& shard =
                in.shards[in.table.shard_bits == 0 ? 0 : hash >> (64 - in.table.shard_bits)];
            // Its image would miss the cache: it is looked at only where the tag is there already.
            if (probe_tag_or_null({.shards = &shard, .shard_bits = 0}, hash) != nullptr) {
                const base::Octets apex = apex_of(slot);
                std::uint64_t* const there = Inside::find_slot_or_null(shard, hash, apex);
                if (there != nullptr) {
                    *there = slot;
                    ++sums.replaced_of_depth[dns::NameView(apex).labels()];
                    continue;
                }
            }
            if (buckets_for(shard.zones + 1) > shard.bucket_count) {
                sums.bucket_octets_more -= std::int64_t{sizeof(Bucket)} * shard.bucket_count;
                in.free_buckets(in.rebuild_shard(shard, shard.zones + shard.zones / 8 + 4));
                sums.bucket_octets_more += std::int64_t{sizeof(Bucket)} * shard.bucket_count;
            }
            catalogue::place(shard, const_cast<Bucket*>(shard.buckets), hash, slot);  // NOLINT
            ++shard.zones;
            ++sums.zones;
        }
    }
}

void Catalogue::BulkLoad::finish() {
    Inside& in = work_->in;
    for (const Work::Part& part : work_->parts)
        for (std::size_t n = 0; n < apex_labels_buckets; ++n)
            in.zones_of_depth[n] += part.images_of_depth[n];
    for (const Work::Range& range : work_->ranges) {
        in.zones += range.zones;
        for (std::size_t n = 0; n < apex_labels_buckets; ++n)
            in.zones_of_depth[n] -= range.replaced_of_depth[n];
        in.bucket_octets += static_cast<std::uint64_t>(range.bucket_octets_more);
    }
    in.point();
    in.grow_if_full();
}

/// The memory that a catalogue in the making has and the one before it has not. Unless it is kept,
/// frees that memory and forgets the garbage.
struct Catalogue::Fresh {
    const Inside& before;
    const Inside& now;
    Garbage::Items& superfluous;
    std::vector<std::uint8_t*> images;
    std::vector<bool> copied;  // by shard
    bool kept = false;

    Fresh(const Inside& of, const Inside& made, Garbage::Items& garbage, std::size_t changes)
        : before(of), now(made), superfluous(garbage), copied(made.shards.size(), false) {
        images.reserve(changes);
        superfluous.images.reserve(changes);
        superfluous.catalogues.reserve(1);
    }
    Fresh(const Fresh&) = delete;
    Fresh& operator=(const Fresh&) = delete;
    ~Fresh() {
        if (kept) return;
        superfluous.images.clear();
        superfluous.shards.clear();
        for (std::uint8_t* const image : images) zone::Image::free(image);
        for (std::size_t s = 0; s < copied.size(); ++s)
            if (copied[s]) std::free(const_cast<Bucket*>(now.shards[s].buckets));  // NOLINT
    }
};

Catalogue::Next Catalogue::with(std::unique_ptr<Catalogue>&& current,
                                std::vector<ApexChange> changes) {
    Inside& before = *current->inside_;
    ZC_CHECK(before.owns);
    Next next{std::unique_ptr<Catalogue>(new Catalogue(std::make_unique<Inside>(before))), {}};
    Inside& in = *next.catalogue->inside_;
    in.owns = false;  // until all is done
    in.point();
    auto items = std::make_unique<Garbage::Items>();
    Fresh fresh(before, in, *items, changes.size());

    for (ApexChange& change : changes) {
        const std::uint64_t hash = hash_apex(change.apex.wire(), in.table.seed);
        const std::size_t s = in.table.shard_bits == 0 ? 0 : hash >> (64 - in.table.shard_bits);
        if (!fresh.copied[s]) {
            Shard& shard = in.shards[s];
            if (before.stands_alone(shard.buckets)) items->shards.push_back(shard.buckets);
            Bucket* buckets = allocate_buckets(shard.bucket_count);
            std::memcpy(buckets, shard.buckets, sizeof(Bucket) * shard.bucket_count);
            items->octets += sizeof(Bucket) * shard.bucket_count;
            shard.buckets = buckets;
            fresh.copied[s] = true;
        }
        const auto* const owned = std::get_if<zone::Image>(&change.image);
        const std::uint8_t* const image = owned != nullptr ? owned->octets().data() : nullptr;
        const std::uint64_t old = in.change(change, hash, Inside::Place::alone);
        if (image != nullptr) fresh.images.push_back(const_cast<std::uint8_t*>(image));  // NOLINT
        if ((old & owned_bit) != 0) {
            items->octets += zone::ImageView(Table::image(old)).size();
            items->images.push_back(const_cast<std::uint8_t*>(Table::image(old)));  // NOLINT
        }
    }
    if (in.table.shard_bits < shard_bits_max &&
        in.zones > (zones_per_shard_max << in.table.shard_bits)) {
        in.resize(bits_for(in.zones * 4), in.zones * 4, items.get());
    }
    // Nothing throws any more.
    fresh.kept = true;
    in.owns = true;
    before.owns = false;
    items->octets += sizeof(Shard) * before.shards.size();
    items->catalogues.push_back(std::move(current));
    next.garbage.items_ = std::move(items);
    return next;
}

Garbage Catalogue::retire(std::unique_ptr<Catalogue>&& old) {
    auto items = std::make_unique<Garbage::Items>();
    items->catalogues.reserve(1);
    items->octets = old->octets();
    items->catalogues.push_back(std::move(old));
    Garbage garbage;
    garbage.items_ = std::move(items);
    return garbage;
}

std::optional<zone::Zone> Catalogue::find_exact(dns::NameView apex) const noexcept {
    zone::LookupName name;
    name.assign(apex);
    SuffixHashes hashes;
    hash_suffixes(name, inside_->table.seed, hashes);
    const std::uint8_t* image =
        probe_or_null(inside_->table, hashes.of[name.labels], name.view().wire());
    if (image == nullptr) return std::nullopt;
    return zone::Zone(image);
}

std::optional<zone::Zone> Catalogue::find(dns::NameView wanted) const noexcept {
    zone::LookupName name;
    name.assign(wanted);
    SuffixHashes hashes;
    hash_suffixes(name, inside_->table.seed, hashes);
    std::uint8_t labels = 0;
    const std::uint8_t* image = find_or_null(inside_->table, name, hashes, name.labels, labels);
    if (image == nullptr) return std::nullopt;
    return zone::Zone(image);
}

std::size_t Catalogue::size() const noexcept {
    return inside_->zones;
}

std::uint64_t Catalogue::octets() const noexcept {
    return inside_->image_octets + inside_->bucket_octets + sizeof(Shard) * inside_->shards.size();
}

const Table& Catalogue::table() const noexcept {
    return inside_->table;
}

void Catalogue::for_each(const std::function<void(zone::Zone)>& each) const {
    for (const Shard& shard : inside_->shards)
        for (std::uint32_t i = 0; i < shard.bucket_count; ++i)
            for (const std::uint64_t slot : shard.buckets[i].slots)
                if (slot != 0) each(zone::Zone(Table::image(slot)));
}

}  // namespace zc::catalogue
