// All zones in memory: the longest match of a name among millions of apexes.
//
// A root of shards, each a small open-addressed table of cache-line buckets: eight slots of 16 bits
// of hash and 48 bits of pointer to the image. Immutable once published; a change copies one shard
// and the root (16 octets a shard), so it costs microseconds at any size. Sketch: 2.1 million
// zones: 10 to 13 octets a zone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/octets.h"
#include "dns/name.h"
#include "dns/types.h"
#include "zone/zone.h"

namespace zc::catalogue {

class Catalogue;
struct Table;

/// Memory that a change made superfluous. Frees it when destroyed: only after no reader can still
/// see the old catalogue.
class Garbage {
public:
    Garbage() noexcept;
    ~Garbage();
    Garbage(Garbage&&) noexcept;
    Garbage& operator=(Garbage&&) noexcept;
    /// Takes what `other` holds too.
    void join(Garbage&& other);
    /// Lets go of `what` with all else: of images that a catalogue borrowed.
    void keep(std::shared_ptr<const void> what);
    std::uint64_t octets() const noexcept;  // about

private:
    friend class Catalogue;
    struct Items;
    std::unique_ptr<Items> items_;
};

/// Tells the system that a large block is worth huge pages (madvise): this package makes no system
/// calls itself.
using Advise = void (*)(void* at, std::size_t octets) noexcept;

/// The apex goes away.
struct Removed {};

/// An image that outlives the catalogue, which does not free it: in a mapped file. 8-octet aligned.
struct BorrowedImage {
    const std::uint8_t* octets;  // never null
};

/// One apex, and what stands there from now on.
struct ApexChange {
    dns::Name apex;
    std::variant<Removed, zone::Image, BorrowedImage> image;
};

/// Immutable; any thread may read. Not copied: a pointer to it is published.
class Catalogue {
public:
    /// No zones. `seed` is secret and random: it keys the hash, so that nobody can choose apexes
    /// that collide.
    explicit Catalogue(std::uint64_t seed, std::size_t zones_expected = 0,
                       Advise advise_or_null = nullptr);
    ~Catalogue();  // frees the structure and owned images that were not handed to a Garbage
    Catalogue(const Catalogue&) = delete;
    Catalogue& operator=(const Catalogue&) = delete;

    struct Next;
    /// A new catalogue with `changes` made, in order. Shares every untouched shard and image with
    /// this one, which from then on owns nothing: it stays readable until the returned garbage is
    /// destroyed, and is part of that garbage (a catalogue passed as `unique_ptr`). Cost: per
    /// touched shard about 8 KiB copied; the whole table when it has to grow. Throws
    /// std::bad_alloc; then `current` is the caller's still, and as it was.
    static Next with(std::unique_ptr<Catalogue>&& current, std::vector<ApexChange> changes);
    /// All of a catalogue as garbage: when a new one, made from scratch, takes its place. Throws as
    /// `with`.
    static Garbage retire(std::unique_ptr<Catalogue>&& old);

    /// For bulk loading before publication: adds or replaces in place. Images are copied into large
    /// blocks that are freed with the last catalogue that shares them.
    void insert(ApexChange change);

    class BulkLoad;

    /// The zone with exactly this apex.
    std::optional<zone::Zone> find_exact(dns::NameView apex) const noexcept;
    /// The zone whose apex is the longest suffix of `name`. Case ignored.
    std::optional<zone::Zone> find(dns::NameView name) const noexcept;

    std::size_t size() const noexcept;
    /// Octets of the structure and of the images it owns.
    std::uint64_t octets() const noexcept;
    /// The table that lookups read; catalogue/lookup.h. Valid as long as the catalogue.
    const Table& table() const noexcept;
    /// In no order. Cost: linear.
    void for_each(const std::function<void(zone::Zone)>& each) const;

private:
    struct Inside;
    struct Fresh;
    explicit Catalogue(std::unique_ptr<Inside> inside) noexcept;
    std::unique_ptr<Inside> inside_;
};

struct Catalogue::Next {
    std::unique_ptr<Catalogue> catalogue;
    Garbage garbage;
};

/// As `insert` of many borrowed images, on several threads: `add` for each part, then `place` for
/// each range, then `finish` once. Calls of one step may run at once, each part and range once.
///
/// A slot anywhere in the table misses the cache. So `add` only hashes, and puts what belongs to
/// one range of shards together; `place` then works on a piece of the table that fits the cache.
/// Cost, 2.1 million zones: 0.3 s of CPU with `insert`, 0.1 s so. 16 octets a zone until `finish`.
class Catalogue::BulkLoad {
public:
    /// `catalogue` is empty, and grows best when it was told how many zones to expect.
    BulkLoad(Catalogue& catalogue, std::size_t parts);
    ~BulkLoad();
    BulkLoad(const BulkLoad&) = delete;
    BulkLoad& operator=(const BulkLoad&) = delete;

    /// `images`: as in `BorrowedImage`. The last one with an apex counts: that of the last part, in
    /// its order.
    void add(std::size_t part, std::span<const std::uint8_t* const> images);
    std::size_t ranges() const noexcept;
    void place(std::size_t range);
    void finish();

private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::catalogue
