#include "stats/counters.h"

#include <algorithm>
#include <bit>

namespace zc::stats {

void Histogram::add(base::Duration taken) noexcept {
    // A wall clock that was set back in between: the shortest.
    const auto nanoseconds =
        static_cast<std::uint64_t>(std::max<std::int64_t>(taken.nanoseconds, 1));
    const auto bucket = static_cast<std::size_t>(std::bit_width((nanoseconds - 1) / 1000));
    counts_[std::min(bucket, buckets - 1)].add(1);
    nanoseconds_.add(nanoseconds);
}

}  // namespace zc::stats
