#include <algorithm>
#include <array>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "stats/counters.h"
#include "stats/report.h"
#include "testkit/script.h"

using namespace zc;
using namespace zc::stats;

TEST_CASE("each counted rcode and type has a slot of its own, and all others share the last") {
    for (std::size_t i = 0; i < counted_rcodes.size(); ++i) {
        CHECK(rcode_slot(counted_rcodes[i]) == i);
        CHECK(rcode_label(i) == dns::to_string(counted_rcodes[i]));
    }
    CHECK(rcode_slot(static_cast<dns::Rcode>(11)) == rcode_slots - 1);
    CHECK(rcode_slot(static_cast<dns::Rcode>(4095)) == rcode_slots - 1);
    for (std::size_t i = 0; i < counted_qtypes.size(); ++i) {
        CHECK(qtype_slot(counted_qtypes[i]) == i);
        CHECK(qtype_label(i) == dns::to_string(counted_qtypes[i]));
    }
    CHECK(qtype_slot(static_cast<dns::RrType>(0)) == qtype_slots - 1);
    CHECK(qtype_slot(static_cast<dns::RrType>(258)) == qtype_slots - 1);
    CHECK(qtype_slot(static_cast<dns::RrType>(65535)) == qtype_slots - 1);
}

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

namespace {

/// `set` steps count; the others print.
class Reporter {
public:
    std::string run(const testkit::Step& step) {
        if (step.directive == "count") return count(step.body);
        if (step.directive == "prometheus") return prometheus(totals(), gauges_, Names::zonectl);
        if (step.directive == "pdns")  // what the switch adds
            return prometheus(totals(), gauges_, Names::zonectl_and_pdns)
                .substr(prometheus(totals(), gauges_, Names::zonectl).size());
        if (step.directive == "json") return json(totals(), gauges_);
        return "unknown step " + step.directive;
    }

private:
    Totals totals() const {
        Totals sum;
        sum.add(worker_);
        sum.socket_overflows = overflows_;
        return sum;
    }

    std::string count(const std::string& body) {
        std::istringstream lines(body);
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::string what;
            words >> what;
            if (what == "response") {
                std::string transport;
                std::string family;
                int rcode = 0;
                int type = 0;
                std::uint64_t octets = 0;
                words >> transport >> family >> rcode >> type >> octets;
                Channel& channel =
                    worker_.channel(transport == "udp" ? dns::Transport::udp : dns::Transport::tcp,
                                    family == "ipv4" ? Family::ipv4 : Family::ipv6);
                channel.queries.add(1);
                channel.responses[rcode_slot(static_cast<dns::Rcode>(rcode))].add(1);
                channel.response_octets.add(octets);
                worker_.qtypes[qtype_slot(static_cast<dns::RrType>(type))].add(1);
            } else if (what == "drop") {
                int reason = 0;
                words >> reason;
                worker_.drop(static_cast<Drop>(reason));
            } else if (what == "batch") {
                std::int64_t nanoseconds = 0;
                words >> nanoseconds;
                worker_.batches.add({nanoseconds});
                worker_.batch_count.add(16);
            } else if (what == "connections") {
                std::uint64_t accepted = 0;
                std::uint64_t closed = 0;
                words >> accepted >> closed;
                worker_.connections_accepted.add(accepted);
                worker_.connections_closed.add(closed);
            } else if (what == "overflows") {
                words >> overflows_;
            } else if (what == "gauges") {
                gauges_ = {.version = "1.2.3\"\\",
                           .zones = 10,
                           .zones_not_served = {{"withheld", 1}, {"broken", 0}},
                           .zones_outdated = 2,
                           .records = 90,
                           .zone_octets = 3300,
                           .resident_octets = 5'000'000,
                           .file_descriptors = 12,
                           .workers = 2,
                           .uptime = base::Duration::milliseconds(61'500),
                           .cpu_user = base::Duration::milliseconds(1250),
                           .cpu_system = base::Duration::milliseconds(2500),
                           .loaded = {1'700'000'000'500'000'000},
                           .store = Gauges::Store{.position_served = 41,
                                                  .committed_served = {1'699'999'999'000'000'000},
                                                  .position = 42,
                                                  .behind = true}};
            } else {
                return "unknown line " + line;
            }
        }
        return "ok";
    }

    WorkerCounters worker_;
    std::uint64_t overflows_ = 0;
    Gauges gauges_;
};

}  // namespace

TEST_CASE("reports are what testdata/stats says") {
    testkit::run_scripts("stats", [] {
        return [reporter = std::make_shared<Reporter>()](const testkit::Step& step) {
            return reporter->run(step);
        };
    });
}
