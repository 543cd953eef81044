#include "base/limit.h"

#include <doctest/doctest.h>

namespace zc::base {
namespace {

constexpr Limit<std::uint8_t> bits = {
    .name = "bits", .min = 8, .initial = 24, .max = 32, .unit = Unit::bits};
constexpr Limit<Duration> idle = {.name = "idle",
                                  .min = Duration::seconds(1),
                                  .initial = Duration::seconds(10),
                                  .max = Duration::seconds(60)};
constexpr Limit<Duration> lag = {.name = "lag",
                                 .min = {},
                                 .initial = {},
                                 .max = Duration::milliseconds(60),
                                 .unit = Unit::milliseconds};

std::string error_of(const Status& status) {
    return status ? std::string()
                  : std::string(to_string(status.error().code)) + ": " + status.error().message;
}

}  // namespace

TEST_CASE("a number is inside from the least to the most") {
    CHECK(error_of(check(bits, std::uint8_t{7})) == "limit: bits: found 7, wanted 8..32");
    CHECK(error_of(check(bits, std::uint8_t{8})) == "");
    CHECK(error_of(check(bits, std::uint8_t{32})) == "");
    CHECK(error_of(check(bits, std::uint8_t{33})) == "limit: bits: found 33, wanted 8..32");
}

TEST_CASE("a time is told in its unit, and a part of the least unit is enough") {
    CHECK(error_of(check(idle, Duration())) == "limit: idle: found 0, wanted 1..60");
    CHECK(error_of(check(idle, Duration::milliseconds(-1))) ==
          "limit: idle: found 0, wanted 1..60");
    CHECK(error_of(check(idle, Duration::milliseconds(1))) == "");
    CHECK(error_of(check(idle, Duration::seconds(60))) == "");
    CHECK(error_of(check(idle, Duration::seconds(61))) == "limit: idle: found 61, wanted 1..60");
    CHECK(error_of(check(lag, Duration())) == "");
    CHECK_FALSE(lag.contains(Duration::milliseconds(-1)));
    CHECK(error_of(check(lag, Duration::milliseconds(61))) == "limit: lag: found 61, wanted 0..60");
    CHECK(lag.value_of(7) == Duration::milliseconds(7));
    CHECK(lag.units(Duration::milliseconds(7)) == 7);
}

}  // namespace zc::base
