// From the octets of a query to the octets of its response.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>

#include "base/limit.h"
#include "base/octets.h"
#include "base/time.h"
#include "catalogue/catalogue.h"
#include "dns/types.h"

namespace zc::answer {

/// Secrets of DNS cookies (RFC 9018): server cookies are made with `current` and accepted with
/// either.
struct CookieSecrets {
    std::array<std::uint8_t, 16> current{};
    std::array<std::uint8_t, 16> previous{};
    bool enabled = true;
};

/// The names by which this node tells who it is. Immutable once workers see it.
struct Identity {
    std::string nsid;      // NSID (RFC 5001); empty: the option is not answered
    std::string version;   // CH TXT version.bind, version.server; empty: REFUSED
    std::string hostname;  // CH TXT hostname.bind, id.server; empty: REFUSED
    CookieSecrets cookies;
    std::uint16_t tcp_keepalive =
        0;  // in units of 100 ms (RFC 7828); 0: the option is not answered
    static constexpr base::Limit<std::uint16_t> udp_octets_limit = {.name = "udp-octets-max",
                                                                    .min = 512,
                                                                    .initial = 1232,
                                                                    .max = 4096,
                                                                    .unit = base::Unit::octets};
    std::uint16_t udp_octets_max =
        udp_octets_limit.initial;  // the largest UDP response, and what our OPT offers
};

/// How much NSEC3 hashing beyond the ordinary the answers of one worker may cost.
///
/// The first `hash_rounds_free` rounds of an answer are not counted: a zone of
/// `zone::nsec3_iterations_ordinary` iterations takes as many. All further rounds are taken from
/// the rounds of a second. No zone gets more of them than are left for all others: one zone alone
/// gets half, a second zone that comes later a quarter, and so on. An answer that gets none is
/// truncated over UDP, and SERVFAIL with EDE 27 over TCP: without its proof it would be bogus. The
/// object is a worker's own: one thread, no lock.
class HashBudget {
public:
    /// Some 0.1 µs each: a tenth of a core at most, a twentieth for one zone.
    static constexpr std::uint32_t rounds_per_second = 1'000'000;

    explicit HashBudget(std::uint32_t of_a_second = rounds_per_second) noexcept
        : of_a_second_(of_a_second) {}

    /// `zone`: a hash of its apex. False: nothing was taken.
    bool take(std::uint64_t zone, std::uint32_t rounds, base::Instant now) noexcept;

private:
    std::uint32_t of_a_second_;
    base::Instant since_{INT64_MIN};
    std::uint32_t left_ = 0;
    std::array<std::uint32_t, 256> used_{};  // by zones, those that fall together counting as one
};
inline constexpr std::uint32_t hash_rounds_free = 151;

/// A message about a whole zone. Its answer may come later or in many messages, so that a caller
/// may have somebody else answer it.
enum class HandOver : std::uint8_t { none = 0, update = 1, notify = 2, axfr = 4, ixfr = 8 };

/// A set of them.
class HandOvers {
public:
    constexpr HandOvers() noexcept = default;
    constexpr HandOvers(std::initializer_list<HandOver> kinds) noexcept {
        for (const HandOver kind : kinds)
            bits_ = static_cast<std::uint8_t>(bits_ | static_cast<std::uint8_t>(kind));
    }
    constexpr bool has(HandOver kind) const noexcept {
        return (bits_ & static_cast<std::uint8_t>(kind)) != 0;
    }

private:
    std::uint8_t bits_ = 0;
};

/// The facts about a query that the socket knows and the message does not tell.
struct Arrival {
    dns::Transport transport = dns::Transport::udp;
    dns::Address client;                // for cookies
    base::Instant now;                  // one clock read for the whole batch
    const Identity* node = nullptr;     // never null
    HashBudget* hash_budget = nullptr;  // null: hashing is not limited
    HandOvers takes{};                  // kinds that the caller has answered by others
};

/// The result, for counters, rate limiting and capture. `response_octets` 0: send nothing.
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
    /// One of `Arrival::takes`: the caller has this message answered. Nothing was written, and
    /// `response_octets` is 0.
    HandOver handed_over = HandOver::none;
    std::uint16_t late_octets_max = 0;  // handed over: the client takes so much in one message
    /// Stands for the zone that answered and for the kind of answer: equal for all answers that a
    /// rate limit should count as one.
    std::uint32_t rate_key = 0;
};

/// One query with its place for the response.
struct Exchange {
    base::Octets query;            // 0..65535 octets as they arrived, of any content
    base::MutableOctets response;  // at least 512 octets; for TCP the caller gives up to 65535
    Arrival arrival;
    Outcome outcome;  // out
};

/// Queries that are walked together. With 32 a look-up takes 109 ns and with 64 it takes 110 ns, so
/// that more would only make the first answer wait longer.
inline constexpr std::size_t batch_max = 32;

/// Answers queries out of `zones`: RFC 1034 section 4.3.2, wildcards RFC 4592, DNAME RFC 6672,
/// rcodes of chains RFC 6604, negative answers RFC 2308, EDNS RFC 6891, denial of existence RFC
/// 4035 section 3.1.3 and RFC 5155 section 7.2. `batch` is walked in stages, `batch_max` queries at
/// a time, so that their cache misses overlap. Each answer is the same octets as if it were alone.
///
/// A message of a kind in `Arrival::takes` is handed over if it is well-formed and its name is the
/// apex of a zone here. For a transfer that zone has to be served, and AXFR has to come over a
/// stream (RFC 5936 section 4.2). A message with TSIG is handed over for any name, and unverified:
/// no key is known here.
///
/// Errors:  none. Every input has an outcome: FORMERR, REFUSED, SERVFAIL and dropping are outcomes.
/// Memory:  allocates nothing and keeps nothing but what `Arrival::hash_budget` counts.
/// Threads: any; `zones` is immutable.
void respond(std::span<Exchange> batch, const catalogue::Catalogue& zones) noexcept;

/// A batch of one.
Outcome respond(base::Octets query, const Arrival& arrival, const catalogue::Catalogue& zones,
                base::MutableOctets response) noexcept;

}  // namespace zc::answer
