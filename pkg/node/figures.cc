#include "node/figures.h"

#include <filesystem>
#include <fstream>
#include <string_view>
#include <utility>

#include <sys/resource.h>
#include <unistd.h>

namespace zc::node {
namespace {

using stats::Metric;
using Kind = Metric::Kind;

const std::array<std::string_view, catalogue::reasons> reason_names = [] {
    std::array<std::string_view, catalogue::reasons> out;
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = catalogue::to_string(static_cast<catalogue::Reason>(i));
    return out;
}();
const stats::LabelSet reason_label = {"reason", reason_names};

double unix_time(base::Instant instant) {
    return static_cast<double>(instant.nanoseconds) / 1e9;
}

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

Figures figures_of(const NodeFigures& node, const Zones& zones, const ProcessFigures& process) {
    const Served& served = zones.served();
    Figures out;
    out.version = node.version;
    out.zones = node.count.zones;
    for (std::size_t i = 0; i < catalogue::reasons; ++i)
        out.zones_not_served[i] = served.not_served().of(static_cast<catalogue::Reason>(i));
    out.zones_outdated = served.outdated();
    out.records = node.count.records;
    out.zone_octets = node.answers ? served.catalogue().octets() : 0;
    if (const StoreState* store = zones.store_or_null()) {
        out.zone_octets += store->served().mapped_octets;
        out.store = Figures::Store{.position_served = store->served().position.number,
                                   .committed_served = store->served().committed_at,
                                   .position = store->newest().position.number,
                                   .behind = store->behind()};
    }
    out.workers = node.workers;
    out.uptime = node.uptime;
    out.loaded = served.loaded_at();
    out.process = process;
    return out;
}

std::vector<Metric> metrics(const Figures& figures) {
    Metric not_served("zones_not_served", Kind::gauge,
                      "Zones known but not served, answered with SERVFAIL, by reason.");
    for (std::size_t i = 0; i < catalogue::reasons; ++i)
        not_served.add({reason_label[i]}, figures.zones_not_served[i]);
    const ProcessFigures& process = figures.process;
    std::vector<Metric> out = {
        {"zones", Kind::gauge, "Zones known, those that are not served too.", figures.zones},
        std::move(not_served),
        {"zones_outdated", Kind::gauge,
         "Zones served as they were, since what came later was refused.", figures.zones_outdated},
        {"records", Kind::gauge, "Records in the zones served.", figures.records},
        {"zone_octets", Kind::gauge, "Memory that holds the zones.", figures.zone_octets},
        {"zones_loaded_timestamp_seconds", Kind::gauge, "When zones were last published.",
         unix_time(figures.loaded)},
        {"workers", Kind::gauge, "Workers that answer queries.", figures.workers},
        {"resident_octets", Kind::gauge, "Resident memory of the process.",
         process.resident_octets},
        {"file_descriptors", Kind::gauge, "Open file descriptors.", process.file_descriptors},
        {"cpu_user_seconds_total", Kind::counter, "Processor time in user space.",
         process.cpu_user.as_seconds()},
        {"cpu_system_seconds_total", Kind::counter, "Processor time in the kernel.",
         process.cpu_system.as_seconds()},
        {"uptime_seconds", Kind::gauge, "Time since the start.", figures.uptime.as_seconds()},
    };
    if (!figures.store) return out;
    const Figures::Store& store = *figures.store;
    out.emplace_back("store_position_served", Kind::gauge,
                     "Number of the store's commit that is served.", store.position_served);
    out.emplace_back("store_committed_served_timestamp_seconds", Kind::gauge,
                     "When that was committed.", unix_time(store.committed_served));
    out.emplace_back("store_position", Kind::gauge, "Number of the store's last commit.",
                     store.position);
    out.emplace_back("store_behind", Kind::gauge,
                     "1 when what is served is not the store's last commit.",
                     std::uint64_t{store.behind});
    return out;
}

std::vector<Metric> pdns_metrics(const Figures& figures) {
    const auto counter = [](std::string_view name, std::string_view help, std::int64_t value) {
        return Metric(name, Kind::counter, help, static_cast<std::uint64_t>(value));
    };
    const ProcessFigures& process = figures.process;
    return {
        {"zone_cache_size", Kind::gauge, "Number of zones in memory", figures.zones},
        {"fd_usage", Kind::gauge, "Number of open file descriptors", process.file_descriptors},
        {"real_memory_usage", Kind::gauge, "Actual unique use of memory in bytes",
         process.resident_octets},
        counter("uptime", "Uptime of process in seconds", figures.uptime.whole_seconds()),
        counter("user_msec", "CPU milliseconds spent in user space",
                process.cpu_user.nanoseconds / 1'000'000),
        counter("sys_msec", "CPU milliseconds spent in the kernel",
                process.cpu_system.nanoseconds / 1'000'000),
    };
}

stats::Report metrics_report(const server::Totals& totals, const Figures& figures) {
    stats::Report out;
    out.version = figures.version;
    out.add(server::metrics(totals), server::pdns_metrics(totals));
    out.add(metrics(figures), pdns_metrics(figures));
    return out;
}

}  // namespace zc::node
