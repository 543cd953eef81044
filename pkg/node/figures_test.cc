#include "node/figures.h"

#include <memory>
#include <sstream>
#include <string>

#include <doctest/doctest.h>

#include "server/counters.h"
#include "stats/report.h"
#include "testkit/script.h"

using namespace zc;
using namespace zc::node;
using namespace zc::server;

namespace {

/// The step `count` counts; the others print.
class Reporter {
public:
    std::string run(const testkit::Step& step) {
        if (step.directive == "count") return count(step.body);
        const stats::Report report = metrics_report(totals(), figures_);
        const std::string own = prometheus(report, stats::Names::zonectl);
        if (step.directive == "prometheus") return own;
        if (step.directive == "pdns")  // the part that the switch adds
            return prometheus(report, stats::Names::zonectl_and_pdns).substr(own.size());
        if (step.directive == "json") return json(report);
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
                figures_ = {.version = "1.2.3\"\\",
                            .zones = 10,
                            .zones_not_served = {1},
                            .zones_outdated = 2,
                            .records = 90,
                            .zone_octets = 3300,
                            .workers = 2,
                            .uptime = base::Duration::milliseconds(61'500),
                            .loaded = {1'700'000'000'500'000'000},
                            .process = {.resident_octets = 5'000'000,
                                        .file_descriptors = 12,
                                        .cpu_user = base::Duration::milliseconds(1250),
                                        .cpu_system = base::Duration::milliseconds(2500)},
                            .store = Figures::Store{.position_served = 41,
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
    Figures figures_;
};

}  // namespace

TEST_CASE("reports are what testdata/node says") {
    testkit::run_scripts("node", [] {
        return [reporter = std::make_shared<Reporter>()](const testkit::Step& step) {
            return reporter->run(step);
        };
    });
}
