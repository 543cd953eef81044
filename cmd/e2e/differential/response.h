// A response of any server as plain values that can be compared: names whole and folded, records
// sorted.
//
// Its own reader on purpose: what the differential test sees of our answers must not depend on the
// code that wrote them.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/octets.h"

namespace zc::e2e {

/// Names are wire format, lower case: those in RDATA too where canonical form folds them (RFC 4034
/// section 6.2 with RFC 6840 section 5.1, so not NSEC's next name: its signature covers the case).
struct Record {
    std::string owner;
    std::uint16_t type = 0;
    std::uint16_t rclass = 0;
    std::uint32_t ttl = 0;
    std::string rdata;

    auto operator<=>(const Record&) const = default;
};

struct Response {
    /// Faults of it as a response to its query; empty: none.
    std::vector<std::string> faults;
    std::uint16_t size = 0;   // octets on the wire
    std::uint16_t rcode = 0;  // with EDNS's upper bits
    bool authoritative = false, truncated = false, authentic = false, checking_disabled = false;
    bool edns = false;
    std::vector<Record> answer;                 // in the order sent
    std::vector<Record> authority, additional;  // sorted
};

/// Reads `message`, the answer to `query` over UDP (then `octets_max` is the limit) or TCP (65535).
/// A response may break rules that hold for every correct one: then `faults` says so. The rules are
/// on header bits, question, section counts, record order of chains, a record twice, OPT out of
/// place, length.
Response read_response(base::Octets message, base::Octets query, std::size_t octets_max);

/// The name at the front of a question or of wire format, folded; for `base::Octets` that are
/// valid.
std::string fold(std::string_view wire);
/// Without its leftmost label; not for the root.
std::string parent(const std::string& wire);
/// At or below.
bool is_within(const std::string& name, const std::string& ancestor);
/// Presentation format of a record, by ldns.
std::string to_text(const Record& record);
std::string name_to_text(const std::string& wire);
std::string type_to_text(std::uint16_t type);
/// By ldns; 0 when it does not know it.
std::uint16_t type_from_text(const std::string& text);
/// Wire format of a name with escapes; empty when it is none.
std::string name_from_text(std::string_view text);

namespace rr {
inline constexpr std::uint16_t a = 1, ns = 2, md = 3, mf = 4, cname = 5, soa = 6, mb = 7, mg = 8,
                               mr = 9, ptr = 12, minfo = 14, mx = 15, rp = 17, afsdb = 18, rt = 21,
                               sig = 24, px = 26, aaaa = 28, nxt = 30, srv = 33, naptr = 35,
                               kx = 36, dname = 39, opt = 41, ds = 43, rrsig = 46, nsec = 47,
                               nsec3 = 50, any = 255;
}  // namespace rr

}  // namespace zc::e2e
