// From the counters of all workers to the text that monitoring reads.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "stats/counters.h"

namespace zc::stats {

/// The sums over workers, as plain numbers.
struct Totals {
    struct PerChannel {
        std::uint64_t queries = 0;
        std::uint64_t response_octets = 0;
        std::uint64_t truncated = 0;
        std::uint64_t edns = 0;
        std::uint64_t dnssec_ok = 0;
        std::uint64_t cookie_valid = 0;
        std::array<std::uint64_t, rcode_slots> responses{};
    };
    std::array<std::array<PerChannel, families>, transports> channels{};
    std::array<std::uint64_t, qtype_slots> qtypes{};
    std::array<std::uint64_t, drops> dropped{};
    std::array<std::uint64_t, Histogram::buckets>
        batches{};                        // timed ones, by duration; not cumulative
    std::uint64_t batch_nanoseconds = 0;  // of the timed ones
    std::uint64_t batch_count = 0;        // all
    std::uint64_t connections_accepted = 0;
    std::uint64_t connections_refused = 0;
    std::uint64_t connections_closed = 0;
    std::uint64_t connections_timed_out = 0;
    std::uint64_t socket_overflows =
        0;  // datagrams that the kernel dropped because a receive buffer was full

    /// Adds what one worker has counted. `socket_overflows` is not a worker's: the server fills it.
    void add(const WorkerCounters& worker) noexcept;

    std::uint64_t queries(dns::Transport transport) const noexcept;
    std::uint64_t responses(dns::Transport transport) const noexcept;
    std::uint64_t responses(dns::Rcode rcode) const noexcept;  // of all transports
    std::uint64_t connections_open() const noexcept {
        return connections_accepted - connections_closed;
    }
};

/// What workers do not count: given by the caller at each report.
struct Gauges {
    std::string version;
    std::uint64_t zones = 0;  // known, those that are not served too
    /// By reason, the whole closed set of them also when there are none; static text.
    std::vector<std::pair<std::string_view, std::uint64_t>> zones_not_served;
    std::uint64_t zones_outdated = 0;  // served as they were, since what came later was refused
    std::uint64_t records = 0;
    std::uint64_t zone_octets = 0;       // memory of images, mapped ones too, and catalogue
    std::uint64_t resident_octets = 0;   // of the process
    std::uint64_t file_descriptors = 0;  // open
    std::uint64_t workers = 0;
    base::Duration uptime;
    base::Duration cpu_user;
    base::Duration cpu_system;
    base::Instant loaded;  // when zones were last published; 0: never
    struct Store {
        std::uint64_t position_served = 0;
        base::Instant committed_served;  // when that was committed; 0: not known
        std::uint64_t position = 0;      // as the store stands now
        bool behind = false;             // it is not what is served
    };
    std::optional<Store> store;  // absent: zone files are served
};

enum class Names : std::uint8_t {
    zonectl,           // zonectl_*
    zonectl_and_pdns,  // and pdns_auth_*, where PowerDNS has the same figure: boards keep working
};

/// Prometheus text exposition format 0.0.4.
std::string prometheus(const Totals& totals, const Gauges& gauges, Names names);
/// One JSON object with the same figures; keys are the metrics' names without prefix and are an
/// interface.
std::string json(const Totals& totals, const Gauges& gauges);

}  // namespace zc::stats
