// The numbers of DNS: types, classes, response codes, transports, addresses.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/octets.h"
#include "base/result.h"

namespace zc::dns {

/// An RR type. Every value of 16 bits is legal (RFC 3597); the enumerators are those that code
/// names.
enum class RrType : std::uint16_t {
    // clang-format off
    a = 1, ns = 2, cname = 5, soa = 6, null = 10, ptr = 12, hinfo = 13, mx = 15, txt = 16, sig = 24, key = 25,
    aaaa = 28, nxt = 30, srv = 33, naptr = 35, dname = 39, opt = 41, ds = 43, sshfp = 44, ipseckey = 45, rrsig = 46, nsec = 47, dnskey = 48,
    nsec3 = 50, nsec3param = 51, tlsa = 52, cds = 59, cdnskey = 60, csync = 62, zonemd = 63, svcb = 64, https = 65,
    spf = 99, nxname = 128, tkey = 249, tsig = 250, ixfr = 251, axfr = 252, mailb = 253, maila = 254, any = 255,
    uri = 256, caa = 257, ta = 32768, dlv = 32769,
    // PowerDNS uses these for its ALIAS and LUA. They are of the private range (RFC 6895 section 3.1), so that
    // such data from anyone else is opaque, and answered.
    powerdns_alias = 65401, powerdns_lua = 65402,
    // ALIAS and LUA as this program keeps them, told from all data by numbers that no data can have
    // (RFC 6895 section 3.1): never answered, kept for export. They leave only by name.
    lua = 0, alias = 65535,
    // clang-format on
};

/// Types 128 to 255 but for NXNAME's neighbours have a meaning only in questions (RFC 6895
/// section 3.1), OPT and TSIG only in messages, 0 and 65535 are reserved: none of them is zone
/// data.
constexpr bool is_data_type(RrType type) noexcept {
    const auto n = static_cast<std::uint16_t>(type);
    return n != 0 && n != 65535 && type != RrType::opt && !(n >= 128 && n <= 255);
}

/// Whether an RRset of `type` may stand at the owner name of a CNAME, which bars all others (RFC
/// 1034 section 3.6.2). Signatures and denial may (RFC 4035 section 2.5), as might SIG and NXT
/// before them and KEY (RFC 2181 section 10.1). A CNAME itself: no, there is one at a name.
constexpr bool may_stand_beside_cname(RrType type) noexcept {
    return type == RrType::rrsig || type == RrType::nsec || type == RrType::key ||
           type == RrType::sig || type == RrType::nxt;
}

/// ALIAS and LUA, as kept here.
constexpr bool is_powerdns_only(RrType type) noexcept {
    return type == RrType::alias || type == RrType::lua;
}
/// The type here of a PowerDNS server's record with the number `type`; and the number that a
/// PowerDNS server has for the type `type` of here.
constexpr RrType from_powerdns(RrType type) noexcept {
    return type == RrType::powerdns_alias ? RrType::alias
           : type == RrType::powerdns_lua ? RrType::lua
                                          : type;
}
constexpr RrType to_powerdns(RrType type) noexcept {
    return type == RrType::alias ? RrType::powerdns_alias
           : type == RrType::lua ? RrType::powerdns_lua
                                 : type;
}

enum class RrClass : std::uint16_t { in = 1, ch = 3, hs = 4, none = 254, any = 255 };

enum class Opcode : std::uint8_t {
    query = 0,
    iquery = 1,
    status = 2,
    notify = 4,
    update = 5,
    dso = 6
};

/// Twelve bits with EDNS (RFC 6891 section 6.1.3).
enum class Rcode : std::uint16_t {
    // clang-format off
    noerror = 0, formerr = 1, servfail = 2, nxdomain = 3, notimp = 4, refused = 5, yxdomain = 6, yxrrset = 7,
    nxrrset = 8, notauth = 9, notzone = 10, badvers = 16, badcookie = 23,
    // clang-format on
};

/// Extended DNS errors (RFC 8914) that this server sends.
enum class Ede : std::uint16_t {
    other = 0,
    not_ready = 14,
    prohibited = 18,
    not_authoritative = 20,
    not_supported = 21,
    invalid_data = 24,
    unsupported_nsec3_iterations = 27  // RFC 9276 section 4
};

enum class Transport : std::uint8_t { udp, tcp, dot, doh };

/// An IPv4 address as its four octets, an IPv6 address as its sixteen.
struct Address {
    std::array<std::uint8_t, 16> octets{};
    std::uint8_t size = 0;  // 4, 16; 0 is none

    base::Octets view() const noexcept { return base::Octets(octets).first(size); }
    bool operator==(const Address&) const = default;
};

/// Addresses whose first `bits` bits are those of `address`.
struct Prefix {
    Address address;
    std::uint8_t bits = 0;

    bool contains(const Address& other) const noexcept;
};

/// "192.0.2.1", "2001:db8::1" (RFC 5952 form when printed).
Result<Address> parse_address(std::string_view text);
std::string to_string(const Address& address);
/// "192.0.2.0/24", or an address alone. Bits beyond the length must be zero.
Result<Prefix> parse_prefix(std::string_view text);

/// The IANA registry's mnemonic, in capitals ("AAAA"), or "TYPE65280" (RFC 3597 section 5), of a
/// number in messages: 0 and 65535 are "TYPE0" and "TYPE65535".
std::string to_string(RrType type);
/// The same of the type of a record in a zone, with ALIAS and LUA.
std::string record_type_text(RrType type);
/// A mnemonic or TYPEnnn, in any case, as a number in messages: ALIAS and LUA are PowerDNS's.
Result<RrType> parse_type(std::string_view text);
/// The same as the type of a record in a zone: ALIAS and LUA, by name alone, are `RrType::alias`
/// and `RrType::lua`.
Result<RrType> parse_record_type(std::string_view text);
/// "IN", "CH", "HS", "NONE", "ANY" or "CLASS65280".
std::string to_string(RrClass value);
Result<RrClass> parse_class(std::string_view text);
/// "NOERROR", "NXDOMAIN", … or "RCODE42".
std::string to_string(Rcode rcode);
std::string to_string(Opcode opcode);
std::string_view to_string(Transport transport) noexcept;

}  // namespace zc::dns
