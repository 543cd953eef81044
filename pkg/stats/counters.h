// What a worker counts while it answers: written by one thread, read by any, never locked.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/time.h"
#include "dns/types.h"

namespace zc::stats {

/// A number that one thread adds to and others read. An addition is a load, an add and a store: no
/// `lock` prefix.
class Counter {
public:
    void add(std::uint64_t n) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

enum class Family : std::uint8_t { ipv4, ipv6 };
inline constexpr std::size_t families = 2;
inline constexpr std::size_t transports = 4;  // dns::Transport

/// Rcodes that are counted by name; all others together, in the last slot.
inline constexpr std::array<dns::Rcode, 13> counted_rcodes = {
    dns::Rcode::noerror,  dns::Rcode::formerr, dns::Rcode::servfail, dns::Rcode::nxdomain,
    dns::Rcode::notimp,   dns::Rcode::refused, dns::Rcode::yxdomain, dns::Rcode::yxrrset,
    dns::Rcode::nxrrset,  dns::Rcode::notauth, dns::Rcode::notzone,  dns::Rcode::badvers,
    dns::Rcode::badcookie};
inline constexpr std::size_t rcode_slots = counted_rcodes.size() + 1;
std::size_t rcode_slot(dns::Rcode rcode) noexcept;
/// "NOERROR", …, "other".
std::string_view rcode_label(std::size_t slot) noexcept;

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
std::string_view qtype_label(std::size_t slot) noexcept;

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
};
inline constexpr std::size_t drops = 5;
std::string_view to_string(Drop drop) noexcept;

/// Times in powers of two: bucket i counts what took at most 1 µs × 2^i, the last one everything
/// longer.
class Histogram {
public:
    static constexpr std::size_t buckets = 22;  // 1 µs to 1.05 s, and longer
    void add(base::Duration taken) noexcept;
    std::uint64_t count(std::size_t bucket) const noexcept { return counts_[bucket].value(); }
    std::uint64_t nanoseconds() const noexcept { return nanoseconds_.value(); }
    /// The upper edge of `bucket` in nanoseconds; the last bucket has none.
    static constexpr std::uint64_t edge(std::size_t bucket) noexcept {
        return std::uint64_t{1000} << bucket;
    }

private:
    std::array<Counter, buckets> counts_;
    Counter nanoseconds_;
};

/// Of one transport and address family.
struct Channel {
    Counter queries;          // what arrived, malformed included
    Counter response_octets;  // without the length prefix of TCP
    Counter truncated;        // answers with TC
    Counter edns;             // queries with OPT
    Counter dnssec_ok;        // queries with DO
    Counter cookie_valid;     // queries with a server cookie of ours
    std::array<Counter, rcode_slots> responses;
};

/// All that one thread counts. On cache lines of its own.
struct alignas(64) WorkerCounters {
    std::array<std::array<Channel, families>, transports> channels;
    std::array<Counter, qtype_slots> qtypes;
    std::array<Counter, drops> dropped;
    Histogram
        batches;  // UDP: from a batch's arrival to its answers' departure; one batch in 16 is timed
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

}  // namespace zc::stats
