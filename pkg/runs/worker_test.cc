#include "runs/worker.h"

#include <doctest/doctest.h>

using namespace zc;
using namespace zc::ask;
using namespace zc::judge;
using namespace zc::runs;

namespace {

constexpr auto timeout = base::Duration::seconds(1);
base::Duration at(std::int64_t milliseconds) {
    return base::Duration::milliseconds(milliseconds);
}

}  // namespace

TEST_CASE("as many questions are in flight as the window has, when nothing is lost") {
    FlightControl flight(1000);
    CHECK(flight.allowed() < 1000);
    for (int i = 0; i < 10; ++i) flight.answered(flight.allowed(), 0, at(i), timeout);
    CHECK(flight.allowed() == 1000);
    FlightControl narrow(3);
    CHECK(narrow.allowed() == 3);
}

TEST_CASE("the losses of one burst halve it once, those of the next again, down to a few") {
    FlightControl flight(1000);
    for (int i = 0; i < 10; ++i) flight.answered(flight.allowed(), 0, at(i), timeout);
    flight.answered(10, 3, at(2000), timeout);
    CHECK(flight.allowed() == 500);
    flight.answered(10, 3, at(2500), timeout);
    CHECK(flight.allowed() == 500);
    flight.answered(10, 1, at(3000), timeout);
    CHECK(flight.allowed() == 250);
    for (int i = 4; i < 100; ++i) flight.answered(1, 1, at(i * 1000), timeout);
    CHECK(flight.allowed() == 8);
    FlightControl narrow(3);
    narrow.answered(1, 1, at(5000), timeout);
    CHECK(narrow.allowed() == 3);
}

TEST_CASE("after a loss it grows slowly") {
    FlightControl flight(64);
    flight.answered(1, 1, at(2000), timeout);
    CHECK(flight.allowed() == 32);
    for (int i = 0; i < 8; ++i) flight.answered(32, 0, at(2001), timeout);
    CHECK(flight.allowed() == 33);
    for (int i = 0; i < 10'000; ++i) flight.answered(64, 0, at(2001), timeout);
    CHECK(flight.allowed() == 64);
}

TEST_CASE("questions go at their rate, or at the times of the recording") {
    Options options;
    SUBCASE("as fast as they can") {
        Pacing pacing(options, at(0));
        CHECK(pacing.due({}, at(7)) == at(7));
    }
    SUBCASE("by rate, with little to be caught up") {
        options.rate = 100;
        Pacing pacing(options, at(1000));
        CHECK(pacing.due({}, at(1000)) == at(1000));
        CHECK(pacing.due({}, at(1000)) == at(1010));
        CHECK(pacing.due({}, at(1000)) == at(1020));
        CHECK(pacing.due({}, at(5000)) == at(4990));
        CHECK(pacing.due({}, at(5000)) == at(5000));
        CHECK(pacing.due({}, at(5000)) == at(5010));
    }
    SUBCASE("recorded") {
        options.pace = Options::Pace::recorded;
        Pacing pacing(options, at(0));
        const base::Instant start{1'700'000'000'000'000'000};
        CHECK(pacing.due(start, at(5000)) == at(5000));
        CHECK(pacing.due(start + at(250), at(5001)) == at(5250));
        CHECK(pacing.due(start + at(100), at(9000)) == at(5100));
    }
}
