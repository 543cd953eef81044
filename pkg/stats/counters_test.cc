#include "stats/counters.h"

#include <algorithm>

#include <doctest/doctest.h>

using namespace zc;
using namespace zc::stats;

TEST_CASE("a time lies in the first bucket whose edge it does not exceed") {
    struct Case {
        std::int64_t nanoseconds;
        std::size_t bucket;
    };
    for (const Case c : {Case{-5, 0},
                         {0, 0},
                         {1, 0},
                         {1000, 0},
                         {1001, 1},
                         {2000, 1},
                         {2001, 2},
                         {4000, 2},
                         {4001, 3},
                         {1'048'576'000, 20},
                         {1'048'576'001, 21},
                         {INT64_MAX, 21}}) {
        Histogram histogram;
        histogram.add({c.nanoseconds});
        CAPTURE(c.nanoseconds);
        CHECK(histogram.count(c.bucket) == 1);
        if (c.bucket + 1 < Histogram::buckets)
            CHECK(static_cast<std::uint64_t>(std::max<std::int64_t>(c.nanoseconds, 0)) <=
                  Histogram::edge(c.bucket));
    }
}
