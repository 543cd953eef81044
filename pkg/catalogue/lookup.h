// The inside of a catalogue, for those who look up batches: hash, prefetch, probe as separate
// steps.
#pragma once

#include <array>
#include <cstdint>

#include "catalogue/catalogue.h"
#include "zone/lookup.h"

namespace zc::catalogue {

inline constexpr std::size_t bucket_slots = 8;

/// One cache line. A slot is 0 or 16 bits of hash above 48 bits of pointer, of which the lowest
/// three say who owns the image.
struct alignas(64) Bucket {
    std::uint64_t slots[bucket_slots];
};
static_assert(sizeof(Bucket) == 64);

/// Where a hash belongs: a shard's buckets, probed in a ring from `first`.
struct Shard {
    const Bucket* buckets = nullptr;
    std::uint32_t bucket_count = 0;  // at least 1
    std::uint32_t zones = 0;
};

/// The part of a catalogue that lookups read; the same for the lifetime of the catalogue.
struct Table {
    const Shard* shards = nullptr;
    unsigned shard_bits = 0;  // 2^bits shards
    std::uint64_t seed = 0;
    std::uint64_t depths[2] = {0, 0};  // bit n: there are apexes of n labels

    bool has_depth(std::size_t labels) const noexcept {
        return ((depths[labels >> 6] >> (labels & 63U)) & 1U) != 0;
    }
    const Shard& shard(std::uint64_t hash) const noexcept {
        return shards[shard_bits == 0 ? 0 : hash >> (64 - shard_bits)];
    }
    /// The bits below the shard's choose the bucket, the lowest sixteen are the tag.
    static std::uint32_t first_bucket(const Shard& shard, std::uint64_t hash) noexcept {
        return static_cast<std::uint32_t>((((hash >> 16) & 0xffffffffU) * shard.bucket_count) >>
                                          32);
    }
    static std::uint64_t tag(std::uint64_t hash) noexcept { return hash << 48; }
    static const std::uint8_t* image(std::uint64_t slot) noexcept {
        // NOLINTNEXTLINE(performance-no-int-to-ptr): a slot is 16 bits of tag and a pointer.
        return reinterpret_cast<const std::uint8_t*>(slot & 0x0000fffffffffff8U);
    }
};

/// Seeded hashes of all suffixes of a name: [n] is that of its n rightmost labels. One pass, right
/// to left.
struct SuffixHashes {
    std::uint64_t of[dns::name_labels_max + 1];
};
inline void hash_suffixes(const zone::LookupName& name, std::uint64_t seed,
                          SuffixHashes& hashes) noexcept {
    std::uint64_t hash = seed;
    hashes.of[0] = zone::mix(seed, 0x8ebc6af09c88c6e3U);
    for (std::size_t n = 1; n <= name.labels; ++n) {
        const std::uint8_t* label = name.octets + name.label_at[name.labels - n];
        hash = zone::hash_label(hash, label + 1, *label);
        hashes.of[n] = hash;
    }
}

inline void prefetch(const Table& table, std::uint64_t hash) noexcept {
    const Shard& shard = table.shard(hash);
    __builtin_prefetch(shard.buckets + Table::first_bucket(shard, hash));
}

/// An image whose tag fits, or null: a hint, the apex is not compared. Touches buckets only.
const std::uint8_t* probe_tag_or_null(const Table& table, std::uint64_t hash) noexcept;

/// The image whose apex is `apex` (lower case), or null.
const std::uint8_t* probe_or_null(const Table& table, std::uint64_t hash,
                                  base::Octets apex) noexcept;

/// The longest suffix of `name` with at most `labels_max` labels that is an apex: its image, or
/// null; `labels` gets the apex's labels.
const std::uint8_t* find_or_null(const Table& table, const zone::LookupName& name,
                                 const SuffixHashes& hashes, std::size_t labels_max,
                                 std::uint8_t& labels) noexcept;

}  // namespace zc::catalogue
