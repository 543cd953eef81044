// The figures of a node beside those that its workers count.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "node/report.h"
#include "node/zones.h"
#include "stats/report.h"

namespace zc::node {

/// This process, as the system sees it.
struct ProcessFigures {
    std::uint64_t resident_octets = 0;
    std::uint64_t file_descriptors = 0;  // open
    base::Duration cpu_user, cpu_system;
};
ProcessFigures process_figures();

struct NodeFigures {
    std::string version;
    std::uint64_t workers = 0;
    base::Duration uptime;
    ZoneCount count;
    bool answers = false;  // false: what is served is still to come
};
stats::Gauges gauges_of(const NodeFigures& node, const Zones& zones, const ProcessFigures& process);

}  // namespace zc::node
