#include "runtime/clock.h"

#include <doctest/doctest.h>

TEST_CASE("the wall clock is this century's and monotonic time does not go back") {
    CHECK(zc::runtime::now().unix_seconds() > 1'700'000'000);
    const auto before = zc::runtime::monotonic();
    CHECK(zc::runtime::monotonic() >= before);
}
