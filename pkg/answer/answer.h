// From the octets of a query to the octets of its response.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/octets.h"
#include "base/time.h"
#include "dns/types.h"
#include "store/catalogue.h"

namespace zc::answer {

/// Secrets of DNS cookies (RFC 9018): server cookies are made with `current` and accepted with
/// either.
struct CookieSecrets {
    std::array<std::uint8_t, 16> current{};
    std::array<std::uint8_t, 16> previous{};
    bool enabled = true;
};

/// What this node tells of itself. Immutable once workers see it.
struct Identity {
    std::string nsid;      // NSID (RFC 5001); empty: the option is not answered
    std::string version;   // CH TXT version.bind, version.server; empty: REFUSED
    std::string hostname;  // CH TXT hostname.bind, id.server; empty: REFUSED
    CookieSecrets cookies;
    std::uint16_t tcp_keepalive =
        0;  // in units of 100 ms (RFC 7828); 0: the option is not answered
    std::uint16_t udp_octets_max =
        1232;  // 512..4096: the largest UDP response, and what our OPT offers
};

/// What the socket knows and the message does not say.
struct Arrival {
    dns::Transport transport = dns::Transport::udp;
    dns::Address client;             // for cookies
    base::Instant now;               // one clock read for the whole batch
    const Identity* node = nullptr;  // never null
};

/// What happened, for counters, rate limiting and capture. `response_octets` 0: send nothing.
struct Outcome {
    std::uint16_t response_octets = 0;
    dns::Rcode rcode = dns::Rcode::noerror;
    dns::RrType qtype{};
    dns::Opcode opcode = dns::Opcode::query;
    bool truncated = false;
    bool edns = false;
    bool dnssec_ok = false;
    bool cookie_valid = false;  // the client showed a server cookie of ours: its address is its own
    bool wildcard = false;      // synthesised
    /// Of the zone that answered and of the kind of answer: equal for all answers that a rate limit
    /// should count as one.
    std::uint32_t account = 0;
};

/// One query with its place for the response.
struct Exchange {
    base::Octets query;            // 0..65535 octets as they arrived, of any content
    base::MutableOctets response;  // at least 512 octets; for TCP the caller gives up to 65535
    Arrival arrival;
    Outcome outcome;  // out
};

inline constexpr std::size_t batch_max = 64;

/// Answers queries out of `zones`: RFC 1034 section 4.3.2, wildcards RFC 4592, DNAME RFC 6672,
/// rcodes of chains RFC 6604, negative answers RFC 2308, EDNS RFC 6891, denial of existence RFC
/// 4035 section 3.1.3 and RFC 5155 section 7.2. Up to `batch_max` at once: the batch is walked in
/// stages so that its cache misses overlap; each answer is the same octets as if it were alone.
///
/// Errors:  none. Every input has an outcome: FORMERR, REFUSED, SERVFAIL and dropping are outcomes.
/// Memory:  allocates nothing and keeps nothing.
/// Threads: any; `zones` is immutable.
void respond(std::span<Exchange> batch, const store::Catalogue& zones) noexcept;

/// A batch of one.
Outcome respond(base::Octets query, const Arrival& arrival, const store::Catalogue& zones,
                base::MutableOctets response) noexcept;

}  // namespace zc::answer
