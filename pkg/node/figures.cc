#include "node/figures.h"

#include <filesystem>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

namespace zc::node {
namespace {

base::Duration duration_of(const timeval& time) {
    return base::Duration::seconds(time.tv_sec) + base::Duration::microseconds(time.tv_usec);
}

std::uint64_t resident_octets() {
    std::ifstream in("/proc/self/statm");
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    in >> all >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t open_descriptors() {
    std::error_code error;
    std::uint64_t count = 0;
    for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end;
         at.increment(error))
        ++count;
    return count;
}

}  // namespace

ProcessFigures process_figures() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return {.resident_octets = resident_octets(),
            .file_descriptors = open_descriptors(),
            .cpu_user = duration_of(usage.ru_utime),
            .cpu_system = duration_of(usage.ru_stime)};
}

stats::Gauges gauges_of(const NodeFigures& node, const Zones& zones,
                        const ProcessFigures& process) {
    const Served& served = zones.served();
    stats::Gauges out;
    out.version = node.version;
    out.zones = node.count.zones;
    for (std::size_t i = 0; i < catalogue::reasons; ++i) {
        const auto reason = static_cast<catalogue::Reason>(i);
        out.zones_not_served.emplace_back(catalogue::to_string(reason),
                                          served.not_served().of(reason));
    }
    out.zones_outdated = served.outdated();
    out.records = node.count.records;
    out.zone_octets = node.answers ? served.catalogue().octets() : 0;
    if (const StoreState* store = zones.store_or_null()) {
        out.zone_octets += store->served().mapped_octets;
        out.store = stats::Gauges::Store{.position_served = store->served().position.number,
                                         .committed_served = store->served().committed_at,
                                         .position = store->newest().position.number,
                                         .behind = store->behind()};
    }
    out.resident_octets = process.resident_octets;
    out.file_descriptors = process.file_descriptors;
    out.workers = node.workers;
    out.uptime = node.uptime;
    out.cpu_user = process.cpu_user;
    out.cpu_system = process.cpu_system;
    out.loaded = served.loaded_at();
    return out;
}

}  // namespace zc::node
