// Where the rows of a source went: each row that was read is exactly one of these.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <string_view>

namespace zc::ingest {

enum class Fate : std::uint8_t {
    served,         // as they are; of other tables than `records`: taken over as they are
    repaired,       // changed into something legal, only with `Repair::yes`
    disabled,       // kept, and never answered
    powerdns_only,  // ALIAS, LUA, URL, …: kept, and answered by policy
    made_anew,      // NSEC, NSEC3, NSEC3PARAM: made out of the zone's other records
    without_type,   // of rectify's making, one for each empty non-terminal: recomputed
    same_twice,     // equal to another row: answered once
    not_served,     // good by themselves; their zone is broken, withheld or hidden
    unchanged,      // of a zone that is in the store as it was, and was not looked at again
    refused,        // not taken over
};
inline constexpr std::size_t fates_count = 10;

/// For people: "of zones not served".
std::string_view to_string(Fate fate) noexcept;
/// For programs, the same words: "of_zones_not_served".
std::string_view key_of(Fate fate) noexcept;

/// The rows of one table. `read` is the sum of all fates.
struct RowSums {
    std::uint64_t read = 0;
    std::array<std::uint64_t, fates_count> fates{};
    std::uint64_t doubtful = 0;  // neither refused nor repaired, and to be looked at

    std::uint64_t& of(Fate fate) noexcept { return fates[static_cast<std::size_t>(fate)]; }
    std::uint64_t of(Fate fate) const noexcept { return fates[static_cast<std::size_t>(fate)]; }
    std::uint64_t sum() const noexcept {
        return std::accumulate(fates.begin(), fates.end(), std::uint64_t{0});
    }
    void move(Fate from, Fate to, std::uint64_t rows) noexcept {
        of(from) -= rows;
        of(to) += rows;
    }
    /// All rows are of one fate, whatever was said of each before.
    void all(Fate fate) noexcept {
        fates = {};
        of(fate) = read;
        doubtful = 0;
    }
    void add(const RowSums& more) noexcept {
        read += more.read;
        doubtful += more.doubtful;
        for (std::size_t i = 0; i < fates_count; ++i) fates[i] += more.fates[i];
    }
};

}  // namespace zc::ingest
