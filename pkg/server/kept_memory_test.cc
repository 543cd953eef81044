#include "server/kept_memory.h"

#include <doctest/doctest.h>

using namespace zc::server;

TEST_CASE("a network over its eighth has to make room itself") {
    KeptMemory kept(7);
    CHECK_FALSE(kept.add(1, 100, 800).has_value());
    CHECK(kept.add(1, 1, 800) == 1);
    CHECK_FALSE(kept.add(2, 100, 800).has_value());
    kept.remove(1, 1);
    CHECK(kept.add(1, 1, 800) == 1);
}

TEST_CASE("when all is full the network that keeps most has to make room") {
    KeptMemory kept(7);
    for (std::uint64_t network = 1; network <= 9; ++network)
        CHECK_FALSE(kept.add(network, network == 5 ? 100 : 85, 800).has_value());
    CHECK(kept.add(10, 50, 800) == 5);
    kept.remove(5, 60);
    CHECK_FALSE(kept.add(10, 10, 800).has_value());
}

TEST_CASE("a network that keeps nothing is forgotten") {
    KeptMemory kept(7);
    CHECK_FALSE(kept.add(1, 50, 800).has_value());
    kept.remove(1, 50);
    kept.remove(2, 0);  // never kept anything
    CHECK_FALSE(kept.add(1, 100, 800).has_value());
}
