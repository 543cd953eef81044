#include "runtime/random.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>

namespace zc::runtime {
namespace {

TEST_CASE("random: two values differ, and no octet stays as it was in all of many fillings") {
    const auto a = random_value<std::array<std::uint64_t, 2>>();
    const auto b = random_value<std::array<std::uint64_t, 2>>();
    REQUIRE(a.has_value());
    REQUIRE(b.has_value());
    CHECK(*a != *b);

    // 300 octets are more than one call must give (getrandom(2)).
    std::vector<std::uint8_t> octets(300), ever(300);
    for (int i = 0; i < 16; ++i) {
        std::fill(octets.begin(), octets.end(), std::uint8_t{0});
        REQUIRE(fill_randomly(octets).has_value());
        for (std::size_t at = 0; at < octets.size(); ++at) ever[at] |= octets[at];
    }
    CHECK(std::count(ever.begin(), ever.end(), 0) == 0);
    CHECK(fill_randomly({}).has_value());
}

}  // namespace
}  // namespace zc::runtime
