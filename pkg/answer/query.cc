#include "answer/query.h"

#include <cstring>

#include <sodium.h>

namespace zc::answer {

using base::load_u16;
using base::load_u32;

namespace {

constexpr std::uint16_t flag_qr = 0x8000;

constexpr std::uint64_t fold_word(std::uint64_t word) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101U;
    const std::uint64_t low = word & (0x7f * ones);
    const std::uint64_t above_z = low + (0x7f - 'Z') * ones;
    const std::uint64_t from_a = low + (0x80 - 'A') * ones;
    return word | (((from_a ^ above_z) & ~word & (0x80 * ones)) >> 2);
}

/// Eight octets at a time; `to` has room for seven more, `from` has `available` in all. A label's
/// length is at most 63 and so never looks like a capital.
void fold_into(std::uint8_t* to, const std::uint8_t* from, std::size_t size,
               std::size_t available) noexcept {
    std::size_t at = 0;
    for (; at < size && available - at >= 8; at += 8) {
        const std::uint64_t word = fold_word(zone::load<std::uint64_t>(from + at));
        std::memcpy(to + at, &word, 8);
    }
    for (; at < size; ++at) to[at] = dns::fold(from[at]);
}

/// Reads an uncompressed name at `at`; 0 when there is none, else its octets.
std::size_t read_qname(base::Octets message, std::size_t at, zone::LookupName& name) noexcept {
    const std::uint8_t* octets = message.data() + at;
    const std::size_t available = message.size() - at;
    std::size_t size = 0;
    std::uint8_t labels = 0;
    for (;;) {
        if (size >= available || size >= dns::name_octets_max) return 0;
        const std::uint8_t length = octets[size];
        name.label_at[labels] = static_cast<std::uint8_t>(size);
        if (length == 0) break;
        if (length > dns::label_octets_max)
            return 0;  // RFC 1035 4.1.4 pointers have nothing before them to point to
        size += std::size_t{1} + length;
        ++labels;
        if (size >= dns::name_octets_max) return 0;
    }
    ++size;
    name.size = static_cast<std::uint8_t>(size);
    name.labels = labels;
    fold_into(name.octets, octets, size, available);
    return size;
}

/// Behind the name at `at`, compressed or not; 0 when it is cut off.
std::size_t skip_name(base::Octets message, std::size_t at) noexcept {
    while (at < message.size()) {
        const std::uint8_t length = message[at];
        if (length == 0) return at + 1;
        if ((length & 0xc0U) == 0xc0) return at + 2 <= message.size() ? at + 2 : 0;
        if (length > dns::label_octets_max) return 0;
        at += std::size_t{1} + length;
    }
    return 0;
}

/// RFC 9018 section 4.4. `head`: the server cookie's version, reserved octets as they came
/// (section 4.2: hashed, not checked) and time.
void hash_cookie(const std::uint8_t* client_cookie, const std::uint8_t* head,
                 const dns::Address& client, const std::array<std::uint8_t, 16>& secret,
                 std::uint8_t (&hash)[8]) noexcept {
    std::uint8_t input[client_cookie_octets + 8 + 16];
    std::memcpy(input, client_cookie, client_cookie_octets);
    std::memcpy(input + client_cookie_octets, head, 8);
    std::memcpy(input + client_cookie_octets + 8, client.octets.data(), client.size);
    static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == 8);
    crypto_shorthash(hash, input, client_cookie_octets + 8U + client.size,
                     secret.data());  // SipHash-2-4
}

constexpr std::uint16_t tsig_error_badkey = 17;

enum : std::uint16_t { option_nsid = 3, option_cookie = 10, option_keepalive = 11 };

/// False: FORMERR.
bool read_options(base::Octets options, const Exchange& exchange, Query& query) noexcept {
    std::size_t at = 0;
    while (at < options.size()) {
        if (options.size() - at < 4) return false;
        const std::uint16_t code = load_u16(&options[at]);
        const std::size_t octets = load_u16(&options[at + 2]);
        at += 4;
        if (options.size() - at < octets) return false;
        const base::Octets data = options.subspan(at, octets);
        at += octets;
        if (code == option_nsid) {
            query.wants_nsid = true;
        } else if (code == option_cookie) {
            // RFC 7873 section 5.2: 8 octets, or 16 to 40; anything else is FORMERR.
            if (octets != client_cookie_octets && (octets < 16 || octets > 40)) return false;
            if (!exchange.arrival.node->cookies.enabled || query.has_cookie) continue;
            query.has_cookie = true;
            std::memcpy(query.client_cookie, data.data(), client_cookie_octets);
            const base::Octets head = data.subspan(client_cookie_octets);
            if (head.size() != server_cookie_octets || head[0] != 1) continue;
            // RFC 9018 section 4.3: valid from an hour ago to five minutes ahead, in serial
            // arithmetic.
            const auto age =
                static_cast<std::int32_t>(exchange.arrival.now.unix_seconds() - load_u32(&head[4]));
            if (age > 3600 || age < -300) continue;
            for (const auto* secret : {&exchange.arrival.node->cookies.current,
                                       &exchange.arrival.node->cookies.previous}) {
                // No previous secret is not one of zeros, with which anybody could make cookies.
                if (sodium_is_zero(secret->data(), secret->size()) != 0) continue;
                std::uint8_t expected[8];
                hash_cookie(query.client_cookie, head.data(), exchange.arrival.client, *secret,
                            expected);
                if (sodium_memcmp(expected, &head[8], sizeof expected) == 0)
                    query.cookie_valid = true;
            }
        } else if (code == option_keepalive &&
                   (exchange.arrival.transport == dns::Transport::tcp ||
                    exchange.arrival.transport == dns::Transport::dot)) {
            if (octets != 0) return false;  // RFC 7828 section 3.2.1: a client sends no timeout
            query.wants_keepalive = true;
        }
    }
    return true;
}

/// Copies the name at `at`, without its compression; pointers lead strictly backwards. Gives how
/// many octets; 0 when it is none.
std::size_t copy_name(base::Octets message, std::size_t at, std::uint8_t* out) noexcept {
    std::size_t size = 0;
    for (std::size_t before = at; at < message.size();) {
        const std::uint8_t length = message[at];
        if ((length & 0xc0U) == 0xc0) {
            if (message.size() - at < 2) return 0;
            at = load_u16(&message[at]) & 0x3fffU;
            if (at >= before) return 0;
            before = at;
            continue;
        }
        const std::size_t octets = std::size_t{1} + length;
        if (length > dns::label_octets_max || message.size() - at < octets ||
            dns::name_octets_max - size < octets)
            return 0;
        std::memcpy(out + size, &message[at], octets);
        size += octets;
        at += octets;
        if (length == 0) return size;
    }
    return 0;
}

/// RFC 8945 section 4.2. `at`: behind the owner; `octets` of RDATA begin ten octets further on.
bool is_tsig(base::Octets message, std::size_t owner, std::size_t at, std::size_t octets) noexcept {
    std::uint8_t name[dns::name_octets_max];
    if (load_u16(&message[at + 2]) != static_cast<std::uint16_t>(dns::RrClass::any) ||
        load_u32(&message[at + 4]) != 0 || copy_name(message, owner, name) == 0)
        return false;
    const std::size_t end = at + 10 + octets;
    if (copy_name(message.first(end), at + 10, name) == 0) return false;
    at = skip_name(message, at + 10);
    if (end - at < 10) return false;
    const std::size_t mac_octets = load_u16(&message[at + 8]);
    at += 10;
    if (end - at < mac_octets + 6) return false;
    at += mac_octets;
    return end - at - 6 == load_u16(&message[at + 4]);
}

/// Everything behind the question. False: FORMERR.
bool read_records(const Exchange& exchange, std::size_t at, std::size_t answers,
                  std::size_t additionals, Query& query) noexcept {
    const base::Octets message = exchange.query;
    bool tsig = false;
    for (std::size_t i = 0; i < answers + additionals; ++i) {
        if (tsig) return false;  // RFC 8945 section 5.1: it is the last
        const std::size_t owner = at;
        at = skip_name(message, at);
        if (at == 0 || message.size() - at < 10) return false;
        const std::uint8_t* head = message.data() + at;
        const auto type = static_cast<dns::RrType>(load_u16(head));
        const std::size_t octets = load_u16(head + 8);
        at += 10;
        if (message.size() - at < octets) return false;
        if (type == dns::RrType::opt) {
            // RFC 6891 section 6.1.1: one, in the additional section, owned by the root.
            if (i < answers || query.edns || message[owner] != 0) return false;
            query.edns = true;
            query.edns_udp_octets = load_u16(head + 2);
            query.dnssec_ok = (head[6] & 0x80U) != 0;
            if (head[5] != 0) {
                query.verdict = Verdict::badvers;  // its options mean what we do not know
            } else if (!read_options(message.subspan(at, octets), exchange, query)) {
                return false;
            }
        } else if (type == dns::RrType::tsig) {
            if (i < answers || !is_tsig(message, owner, at - 10, octets)) return false;
            tsig = true;
            query.tsig_at = static_cast<std::uint16_t>(owner);
        }
        at += octets;
    }
    if (tsig && query.verdict == Verdict::answer)
        query.verdict = Verdict::notauth;  // no key is known here: RFC 8945 section 5.2
    return at == message.size();
}

/// Settles what an operation may not have, and operations that are not known.
void judge_opcode(Query& query) noexcept {
    switch (query.opcode) {
        case dns::Opcode::query:
            break;
        case dns::Opcode::notify:
            if (!query.has_question) query.verdict = Verdict::formerr;
            break;                 // refused, or not authoritative: the zones decide
        case dns::Opcode::update:  // RFC 2136 section 3.1.1: one zone, and its type is SOA
            if (!query.has_question || query.qtype != dns::RrType::soa)
                query.verdict = Verdict::formerr;
            break;
        case dns::Opcode::iquery:
        case dns::Opcode::status:
        case dns::Opcode::dso:
        default:
            query.verdict = Verdict::notimp;
    }
}

/// Settles questions that no zone decides.
void judge_question(Query& query) noexcept {
    if (!query.has_question) {
        // RFC 7873 section 5.4: a query without question may fetch a cookie.
        if (!query.has_cookie) query.verdict = Verdict::formerr;
        return;
    }
    if (query.qclass == dns::RrClass::ch) {
        query.verdict = Verdict::chaos;
    } else if (query.qclass != dns::RrClass::in && query.qclass != dns::RrClass::any) {
        query.verdict = Verdict::refused;
    } else if (query.qtype == dns::RrType::opt || query.qtype == dns::RrType::tsig ||
               query.qtype == dns::RrType::tkey || query.qtype == dns::RrType::nxname) {
        query.verdict = Verdict::formerr;  // no questions: RFC 6891 section 6.1.1, RFC 8945, RFC
                                           // 9824 section 3.4
    } else if (query.qtype == dns::RrType::maila || query.qtype == dns::RrType::mailb) {
        query.verdict =
            Verdict::notimp;  // RFC 1035's experiments, obsolete since RFC 1035 itself for MAILA
    }
}

}  // namespace

std::size_t make_tsig_error(base::Octets message, std::size_t at,
                            std::uint8_t (&out)[tsig_error_octets_max]) noexcept {
    std::size_t size = copy_name(message, at, out);
    at = skip_name(message, at);
    std::uint8_t* head = out + size;  // type, class, TTL, length of the RDATA
    std::memcpy(head, &message[at], 8);
    size += 10;
    at += 10;
    const std::size_t algorithm = copy_name(message, at, out + size);
    at = skip_name(message, at);
    size += algorithm;
    std::memcpy(out + size, &message[at], 8);      // time signed, fudge
    base::store_u16(out + size + 8, 0);            // no MAC
    std::memcpy(out + size + 10, &message[0], 2);  // original ID
    base::store_u16(out + size + 12, tsig_error_badkey);
    base::store_u16(out + size + 14, 0);  // no other data
    base::store_u16(head + 8, static_cast<std::uint16_t>(algorithm + 16));
    return size + 16;
}

void make_server_cookie(const std::uint8_t* client_cookie, const dns::Address& client,
                        std::uint32_t unix_seconds, const std::array<std::uint8_t, 16>& secret,
                        std::uint8_t* out) noexcept {
    out[0] = 1;
    out[1] = out[2] = out[3] = 0;
    base::store_u32(out + 4, unix_seconds);
    std::uint8_t hash[8];
    hash_cookie(client_cookie, out, client, secret, hash);
    std::memcpy(out + 8, hash, sizeof hash);
}

void parse(const Exchange& exchange, Query& query) noexcept {
    const base::Octets message = exchange.query;
    query.has_question = query.has_cookie = query.cookie_valid = query.wants_nsid =
        query.wants_keepalive = false;
    query.edns = query.dnssec_ok = false;
    query.image = nullptr;
    query.question_end = dns::header_octets;
    query.tsig_at = 0;
    query.qtype = dns::RrType{};
    query.opcode = dns::Opcode::query;
    if (message.size() < dns::header_octets) {
        query.verdict = Verdict::drop;
        return;
    }
    query.id = load_u16(&message[0]);
    query.flags = load_u16(&message[2]);
    query.opcode = static_cast<dns::Opcode>((query.flags >> 11) & 15U);
    if ((query.flags & flag_qr) != 0) {
        query.verdict = Verdict::drop;  // never answer an answer: two servers would talk for ever
        return;
    }
    const std::size_t questions = load_u16(&message[4]);
    const std::size_t answers = std::size_t{load_u16(&message[6])} + load_u16(&message[8]);
    const std::size_t additionals = load_u16(&message[10]);
    query.verdict = Verdict::answer;
    // The message of an operation that we do not know may have any form behind its header.
    const bool known = query.opcode == dns::Opcode::query || query.opcode == dns::Opcode::notify ||
                       query.opcode == dns::Opcode::update;
    const Verdict malformed = known ? Verdict::formerr : Verdict::notimp;
    std::size_t at = dns::header_octets;
    if (questions == 1) {
        const std::size_t octets = read_qname(message, at, query.name);
        if (octets == 0 || message.size() - at - octets < 4) {
            query.verdict = malformed;
            return;
        }
        at += octets;
        query.qtype = static_cast<dns::RrType>(load_u16(&message[at]));
        query.qclass = static_cast<dns::RrClass>(load_u16(&message[at + 2]));
        at += 4;
        query.has_question = true;
        query.question_end = static_cast<std::uint16_t>(at);
    } else if (questions > 1) {
        query.verdict = malformed;  // RFC 9619; RFC 2136 section 3.1.1
        return;
    }
    if (answers + additionals != 0 || at != message.size()) {
        if (!read_records(exchange, at, answers, additionals, query)) {
            query.verdict = malformed;
            query.edns = query.edns && known;
            return;
        }
    }
    if (query.verdict != Verdict::answer) return;

    judge_opcode(query);
    if (query.verdict == Verdict::answer) judge_question(query);
}

}  // namespace zc::answer
