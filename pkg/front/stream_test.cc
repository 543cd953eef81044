#include "front/stream.h"

#include <algorithm>
#include <array>
#include <utility>

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "net/socket.h"

using namespace zc;
using namespace zc::front;

TEST_CASE(
    "octets that a reader has taken take no memory, even when something always waits for him") {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    net::PlainStream ours{net::Descriptor(ends[0])};
    const net::Descriptor theirs(ends[1]);
    Outbox outbox;
    std::vector<std::uint8_t> block(1 << 16);
    std::uint8_t next = 0, expected = 0;
    std::size_t largest = 0;
    constexpr std::size_t rounds = 500;
    for (std::size_t round = 0; round < rounds; ++round) {
        while (outbox.size() < waiting_octets_max) {
            std::ranges::generate(block, [&next] { return next++; });
            outbox.add(block);
        }
        REQUIRE(outbox.flush(ours));
        REQUIRE(outbox.size() > 0);
        largest = std::max(largest, outbox.octets.capacity());
        std::vector<std::uint8_t> got(block.size());
        const ssize_t octets = ::recv(theirs.get(), got.data(), got.size(), 0);
        REQUIRE(octets > 0);
        got.resize(static_cast<std::size_t>(octets));
        CHECK(
            std::ranges::all_of(got, [&expected](std::uint8_t one) { return one == expected++; }));
    }
    CHECK(largest <= 4 * waiting_octets_max);
}
