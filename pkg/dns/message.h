// A DNS message as plain values: parsed with every bound checked, built with compression, printed
// as text. For tests, transfers and comparing servers; the answering path writes its octets itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "dns/name.h"
#include "dns/rrset.h"
#include "dns/types.h"

namespace zc::dns {

inline constexpr std::size_t message_octets_max = 65535;
inline constexpr std::size_t header_octets = 12;  // RFC 1035 section 4.1.1

struct Question {
    Name name;
    RrType type{};
    RrClass rr_class = RrClass::in;
};

/// A record of any class, as UPDATE and TSIG have them. `rdata`: names in it are whole.
struct Record {
    Name owner;
    RrType type{};
    RrClass rr_class = RrClass::in;
    std::uint32_t ttl = 0;  // as it stands in the message, all 32 bits
    Rdata rdata{};
};

struct EdnsOption {
    std::uint16_t code = 0;
    std::vector<std::uint8_t> value{};
};

/// The OPT record (RFC 6891 section 6.1); its part of the rcode is in `Message::rcode`.
struct Edns {
    std::uint16_t udp_octets = 1232;  // what the sender can take
    std::uint8_t version = 0;
    bool dnssec_ok = false;
    std::uint16_t other_flags = 0;  // the fifteen bits behind DO
    std::vector<EdnsOption> options{};
};

struct Message {
    std::uint16_t id = 0;
    bool qr = false, aa = false, tc = false, rd = false, ra = false, z = false, ad = false,
         cd = false;
    Opcode opcode = Opcode::query;  // any of four bits
    Rcode rcode = Rcode::noerror;   // twelve bits with EDNS
    std::vector<Question> questions;
    std::vector<Record> answer;
    std::vector<Record> authority;
    std::vector<Record> additional;  // without the OPT record
    std::optional<Edns> edns;
    std::size_t trailing_octets = 0;  // behind the last record
};

/// Octets → message. RDATA of known types is checked (`check_rdata`) but for the empty RDATA that
/// UPDATE has in classes ANY and NONE. An error says in which section, at which octet. Two OPT
/// records, or one with an owner or in another section than additional, are an error (RFC 6891
/// section 6.1.1).
Result<Message> parse_message(base::Octets octets);

/// Message → octets, owner names and the names of RFC 1035's types compressed (RFC 3597 section 4),
/// the OPT record last but for TSIG and SIG(0), which close the additional section. Fails with
/// `limit` when longer than `octets_max`, and with `invalid` when the rcode needs EDNS and there is
/// none.
Result<std::vector<std::uint8_t>> encode_message(const Message& message,
                                                 std::size_t octets_max = message_octets_max);

/// A question as clients send it.
struct QueryOptions {
    std::uint16_t id = 0;
    bool rd = false, ad = false, cd = false;
    RrClass qclass = RrClass::in;
    std::optional<Edns> edns{};  // options of 65000 octets at most
};
std::vector<std::uint8_t> encode_query(NameView qname, RrType qtype, const QueryOptions& options);

/// The form of testdata/:
///
///     NOERROR aa tc
///     answer example. 3600 A 192.0.2.1
///     edns 1232 do
///     ede 14 "not ready"
///
/// First line: opcode unless QUERY, rcode, flags that are set but qr. Then records in the order of
/// the message: section, owner, TTL, class unless IN, type, RDATA; EDNS; one line an option (ede,
/// nsid, cookie, ecs, padding, else "option CODE HEX"); "trailing N octets". The question is not
/// printed.
std::string message_text(const Message& message);

/// The same line for one record: "example. 3600 A 192.0.2.1".
std::string record_text(const Record& record);

}  // namespace zc::dns
