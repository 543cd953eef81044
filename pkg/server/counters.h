// The counters of a worker: written by its thread while it answers, read by any, never locked. Their
// sums, and the metrics that those are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dns/types.h"
#include "stats/counters.h"
#include "stats/metric.h"

namespace zc::server {

enum class Family : std::uint8_t { ipv4, ipv6 };
inline constexpr std::size_t families = 2;
inline constexpr std::size_t transports =
    static_cast<std::size_t>(dns::Transport::doh) + 1;  // the last of them

/// Rcodes that are counted by name; all others together, in the last slot.
inline constexpr std::array<dns::Rcode, 13> counted_rcodes = {
    dns::Rcode::noerror,  dns::Rcode::formerr, dns::Rcode::servfail, dns::Rcode::nxdomain,
    dns::Rcode::notimp,   dns::Rcode::refused, dns::Rcode::yxdomain, dns::Rcode::yxrrset,
    dns::Rcode::nxrrset,  dns::Rcode::notauth, dns::Rcode::notzone,  dns::Rcode::badvers,
    dns::Rcode::badcookie};
inline constexpr std::size_t rcode_slots = counted_rcodes.size() + 1;
std::size_t rcode_slot(dns::Rcode rcode) noexcept;
extern const stats::LabelSet rcode_label;  // by slot: "NOERROR", …, "other"

/// QTYPEs that are counted by name; all others together, in the last slot.
inline constexpr std::array<dns::RrType, 27> counted_qtypes = {
    dns::RrType::a,          dns::RrType::ns,    dns::RrType::cname, dns::RrType::soa,
    dns::RrType::ptr,        dns::RrType::hinfo, dns::RrType::mx,    dns::RrType::txt,
    dns::RrType::aaaa,       dns::RrType::srv,   dns::RrType::naptr, dns::RrType::dname,
    dns::RrType::ds,         dns::RrType::rrsig, dns::RrType::nsec,  dns::RrType::dnskey,
    dns::RrType::nsec3param, dns::RrType::tlsa,  dns::RrType::cds,   dns::RrType::cdnskey,
    dns::RrType::svcb,       dns::RrType::https, dns::RrType::spf,   dns::RrType::ixfr,
    dns::RrType::axfr,       dns::RrType::any,   dns::RrType::caa};
inline constexpr std::size_t qtype_slots = counted_qtypes.size() + 1;
extern const stats::LabelSet qtype_label;  // by slot

namespace detail {
inline constexpr std::size_t qtype_table_size = 258;  // CAA, the highest that has a name, is 257
extern const std::array<std::uint8_t, qtype_table_size> qtype_slot_of;
}  // namespace detail
inline std::size_t qtype_slot(dns::RrType type) noexcept {
    const auto number = static_cast<std::size_t>(type);
    return number < detail::qtype_table_size ? detail::qtype_slot_of[number] : qtype_slots - 1;
}

/// Why a query got no answer, or not the whole one.
enum class Drop : std::uint8_t {
    malformed,     // nothing that deserves an answer: too short, a response, a broken PROXY header
    rate_limited,  // by response rate limiting, silently
    slipped,       // by response rate limiting, with an empty truncated answer: come back over TCP
    would_limit,   // response rate limiting in log-only mode let it pass
    send_failed,   // the system did not take the answer: full buffer, no route, source port 0
    unanswered,    // a datagram that was handed over, and no answer came in time
};
inline constexpr std::size_t drops = 6;
extern const stats::LabelSet drop_label;  // by Drop; the last one is what the kernel dropped

/// The counters of one transport and address family.
struct Channel {
    using Counter = stats::Counter;
    Counter queries;          // all that arrived, malformed ones included
    Counter response_octets;  // without the length prefix of TCP
    Counter truncated;        // answers with TC
    Counter edns;             // queries with OPT
    Counter dnssec_ok;        // queries with DO
    Counter cookie_valid;     // queries with a server cookie of ours
    std::array<Counter, rcode_slots> responses;
};

/// All that one thread counts. On cache lines of its own.
struct alignas(64) WorkerCounters {
    using Counter = stats::Counter;
    std::array<std::array<Channel, families>, transports> channels;
    std::array<Counter, qtype_slots> qtypes;
    std::array<Counter, drops> dropped;
    // UDP: from a batch's arrival to its answers' departure; one batch in 16 is timed.
    stats::Histogram batches;
    Counter batch_count;  // batches, timed or not
    Counter connections_accepted;
    Counter connections_refused;  // over a limit
    Counter connections_closed;
    Counter connections_timed_out;  // idle, too old, or too slow a reader; counted in `closed` too

    Channel& channel(dns::Transport transport, Family family) noexcept {
        return channels[static_cast<std::size_t>(transport)][static_cast<std::size_t>(family)];
    }
    void drop(Drop why, std::uint64_t n = 1) noexcept {
        dropped[static_cast<std::size_t>(why)].add(n);
    }
};

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
    std::array<std::uint64_t, stats::Histogram::buckets>
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

/// zonectl_*
std::vector<stats::Metric> metrics(const Totals& totals);
/// pdns_auth_*: the figures that PowerDNS has too, under its names. The values mean what PowerDNS
/// means by them.
std::vector<stats::Metric> pdns_metrics(const Totals& totals);

}  // namespace zc::server
