#include "base/seed.h"

#include <array>

#include <doctest/doctest.h>

namespace zc::base {
namespace {

TEST_CASE("the same seed gives the same numbers, those of the published splitmix64") {
    Seed seed(1234567);
    CHECK(seed.next() == 6457827717110365317U);
    CHECK(seed.next() == 3203168211198807973U);
    CHECK(seed.next() == 9817491932198370423U);
}

TEST_CASE("a number below a limit is below it, and each comes up about equally often") {
    Seed seed(42);
    std::array<int, 10> counts{};
    for (int i = 0; i < 100'000; ++i) {
        const auto value = seed.below(10);
        REQUIRE(value < 10);
        ++counts[value];
    }
    for (const int count : counts) {
        CHECK(count > 9'500);  // five standard deviations from 10000
        CHECK(count < 10'500);
    }
    CHECK(seed.below(1) == 0);
}

}  // namespace
}  // namespace zc::base
