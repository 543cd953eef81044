// The figures of a node beside those that its workers count, and the metrics that they are.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "catalogue/not_served.h"
#include "node/report.h"
#include "node/zones.h"
#include "server/counters.h"
#include "stats/report.h"

namespace zc::node {

/// This process, as the system sees it.
struct ProcessFigures {
    std::uint64_t resident_octets = 0;
    std::uint64_t file_descriptors = 0;  // open
    base::Duration cpu_user, cpu_system;
};
ProcessFigures process_figures();

/// The figures of a node now.
struct Figures {
    std::string version;
    std::uint64_t zones = 0;                                           // known; some are not served
    std::array<std::uint64_t, catalogue::reasons> zones_not_served{};  // by Reason
    std::uint64_t zones_outdated = 0;  // served as they were, since what came later was refused
    std::uint64_t records = 0;
    std::uint64_t zone_octets = 0;  // memory of images, mapped ones too, and catalogue
    std::uint64_t workers = 0;
    base::Duration uptime;
    base::Instant loaded;  // when zones were last published; 0: never
    ProcessFigures process;
    struct Store {
        std::uint64_t position_served = 0;
        base::Instant committed_served;  // when that was committed; 0: not known
        std::uint64_t position = 0;      // as the store stands now
        bool behind = false;             // it is not what is served
    };
    std::optional<Store> store;  // absent: zone files are served
};

struct NodeFigures {
    std::string version;
    std::uint64_t workers = 0;
    base::Duration uptime;
    ZoneCount count;
    bool answers = false;  // false: what is served is still to come
};
Figures figures_of(const NodeFigures& node, const Zones& zones, const ProcessFigures& process);

/// zonectl_*
std::vector<stats::Metric> metrics(const Figures& figures);
/// pdns_auth_*: see `server::pdns_metrics`.
std::vector<stats::Metric> pdns_metrics(const Figures& figures);

/// All of a node: its workers' metrics, then its own.
stats::Report metrics_report(const server::Totals& totals, const Figures& figures);

}  // namespace zc::node
