#include "catalogue/lookup.h"

#include <cstring>

namespace zc::catalogue {

const std::uint8_t* probe_tag_or_null(const Table& table, std::uint64_t hash) noexcept {
    const Shard& shard = table.shard(hash);
    std::uint32_t at = Table::first_bucket(shard, hash);
    const std::uint64_t tag = Table::tag(hash);
    for (std::uint32_t i = 0; i < shard.bucket_count; ++i) {
        for (const std::uint64_t slot : shard.buckets[at].slots) {
            if (slot == 0) return nullptr;
            if (((slot ^ tag) >> 48) == 0) return Table::image(slot);
        }
        if (++at == shard.bucket_count) at = 0;
    }
    return nullptr;
}

const std::uint8_t* probe_or_null(const Table& table, std::uint64_t hash,
                                  base::Octets apex) noexcept {
    const Shard& shard = table.shard(hash);
    std::uint32_t at = Table::first_bucket(shard, hash);
    const std::uint64_t tag = Table::tag(hash);
    for (std::uint32_t i = 0; i < shard.bucket_count; ++i) {
        for (const std::uint64_t slot : shard.buckets[at].slots) {
            if (slot == 0) return nullptr;
            if (((slot ^ tag) >> 48) != 0) continue;
            const zone::ImageView image(Table::image(slot));
            if (image.apex_octets() == apex.size() &&
                std::memcmp(image.apex_at(), apex.data(), apex.size()) == 0)
                return Table::image(slot);
        }
        if (++at == shard.bucket_count) at = 0;
    }
    return nullptr;
}

const std::uint8_t* find_or_null(const Table& table, const zone::LookupName& name,
                                 const SuffixHashes& hashes, std::size_t labels_max,
                                 std::uint8_t& labels) noexcept {
    for (std::size_t n = labels_max + 1; n-- > 0;) {
        if (!table.has_depth(n)) continue;
        const std::uint8_t* image =
            probe_or_null(table, hashes.of[n], name.suffix(name.labels - n));
        if (image == nullptr) continue;
        labels = static_cast<std::uint8_t>(n);
        return image;
    }
    return nullptr;
}

}  // namespace zc::catalogue
