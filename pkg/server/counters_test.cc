#include "server/counters.h"

#include <array>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

using namespace zc;
using namespace zc::server;

TEST_CASE("each counted rcode and type has a slot of its own, and all others share the last") {
    for (std::size_t i = 0; i < counted_rcodes.size(); ++i) {
        CHECK(rcode_slot(counted_rcodes[i]) == i);
        CHECK(rcode_label[i].value() == dns::to_string(counted_rcodes[i]));
    }
    CHECK(rcode_slot(static_cast<dns::Rcode>(11)) == rcode_slots - 1);
    CHECK(rcode_slot(static_cast<dns::Rcode>(4095)) == rcode_slots - 1);
    for (std::size_t i = 0; i < counted_qtypes.size(); ++i) {
        CHECK(qtype_slot(counted_qtypes[i]) == i);
        CHECK(qtype_label[i].value() == dns::to_string(counted_qtypes[i]));
    }
    CHECK(qtype_slot(static_cast<dns::RrType>(0)) == qtype_slots - 1);
    CHECK(qtype_slot(static_cast<dns::RrType>(258)) == qtype_slots - 1);
    CHECK(qtype_slot(static_cast<dns::RrType>(65535)) == qtype_slots - 1);
}

TEST_CASE("totals are the sums of what threads count while they count it") {
    constexpr std::uint64_t rounds = 20'000;
    std::array<WorkerCounters, 2> workers;
    std::vector<std::thread> threads;
    for (WorkerCounters& worker : workers) {
        threads.emplace_back([&worker] {
            for (std::uint64_t i = 0; i < rounds; ++i) {
                worker.channel(dns::Transport::udp, Family::ipv6).queries.add(1);
                worker.drop(Drop::malformed, 2);
            }
        });
    }
    std::uint64_t last = 0;
    for (int i = 0; i < 100; ++i) {
        Totals totals;
        for (const WorkerCounters& worker : workers) totals.add(worker);
        CHECK(totals.queries(dns::Transport::udp) >= last);
        last = totals.queries(dns::Transport::udp);
    }
    for (std::thread& thread : threads) thread.join();
    Totals totals;
    for (const WorkerCounters& worker : workers) totals.add(worker);
    CHECK(totals.queries(dns::Transport::udp) == 2 * rounds);
    CHECK(totals.channels[0][1].queries == 2 * rounds);
    CHECK(totals.dropped[0] == 4 * rounds);
}
