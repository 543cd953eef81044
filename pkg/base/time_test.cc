#include "base/time.h"

#include <doctest/doctest.h>

namespace zc::base {
namespace {

TEST_CASE("instants and durations compare and add as numbers on a line") {
    const Instant start{Duration::seconds(1'700'000'000).nanoseconds};
    CHECK(start.unix_seconds() == 1'700'000'000U);
    CHECK(start + Duration::milliseconds(1500) > start + Duration::seconds(1));
    CHECK((start + Duration::seconds(5)) - start == Duration::seconds(5));
    CHECK((start - Duration::seconds(5)) - start == Duration::seconds(-5));
    CHECK(Duration::microseconds(250) * 4 == Duration::milliseconds(1));
    CHECK(Duration::seconds(1) - Duration::milliseconds(1) == Duration::milliseconds(999));
    CHECK(Duration::milliseconds(2999).whole_seconds() == 2);
    CHECK(Duration::milliseconds(1500).as_seconds() == 1.5);
}

TEST_CASE("an instant holds every 32-bit time of a signature") {
    const Instant last{Duration::seconds(4'294'967'295).nanoseconds};
    CHECK(last.unix_seconds() == 4'294'967'295U);
}

}  // namespace
}  // namespace zc::base
