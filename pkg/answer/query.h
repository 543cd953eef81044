// A query's octets, read once: header, question, EDNS.
#pragma once

#include <cstdint>

#include "answer/answer.h"
#include "catalogue/lookup.h"
#include "dns/message.h"
#include "zone/lookup.h"

namespace zc::answer {

inline constexpr std::size_t client_cookie_octets = 8;
inline constexpr std::size_t server_cookie_octets = 16;  // RFC 9018 section 4

/// The result of reading. `answer`: the zones decide; all others are settled.
enum class Verdict : std::uint8_t {
    answer,
    drop,
    formerr,
    notimp,
    badvers,
    refused,
    notauth,
    chaos
};

/// Not initialised but for what parse() sets: 1.5 KiB, of which a usual query touches four cache
/// lines.
struct Query {
    Verdict verdict;
    std::uint16_t id;
    std::uint16_t flags;  // second 16 bits of the header
    dns::Opcode opcode;
    bool has_question;
    bool has_cookie, cookie_valid, wants_nsid, wants_keepalive;
    bool edns, dnssec_ok;
    std::uint16_t question_end;  // in the message; what follows the question
    std::uint16_t tsig_at;       // in the message: a TSIG that is well-formed, 0 when there is none
    std::uint16_t edns_udp_octets;
    dns::RrType qtype;
    dns::RrClass qclass;
    std::uint8_t client_cookie[client_cookie_octets];
    const std::uint8_t* image;  // a hint: the zone's image by its tag, or null
    std::uint8_t image_labels;
    zone::LookupName name;
    catalogue::SuffixHashes hashes;  // only when `verdict` is answer
};

/// Reads `exchange.query` into `query`. RFC 1035 section 4.1, RFC 6891, RFC 9619 (one question).
void parse(const Exchange& exchange, Query& query) noexcept;

/// The most that make_tsig_error() writes: two names, 26 octets.
inline constexpr std::size_t tsig_error_octets_max = 2 * dns::name_octets_max + 26;

/// Writes the TSIG record that tells a client that its key is not known: unsigned, with the time
/// that it sent (RFC 8945 sections 5.2.1 and 5.3.2). `message` is the query, `at` its TSIG, as
/// parse() found it. Gives how many octets.
std::size_t make_tsig_error(base::Octets message, std::size_t at,
                            std::uint8_t (&out)[tsig_error_octets_max]) noexcept;

/// Writes the sixteen octets of a new server cookie (RFC 9018 section 4).
void make_server_cookie(const std::uint8_t* client_cookie, const dns::Address& client,
                        std::uint32_t unix_seconds, const std::array<std::uint8_t, 16>& secret,
                        std::uint8_t* out) noexcept;

}  // namespace zc::answer
