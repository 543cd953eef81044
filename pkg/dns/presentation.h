// RDATA between text and wire, from one table of the fields of each type.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/limit.h"
#include "base/octets.h"
#include "base/result.h"
#include "dns/name.h"
#include "dns/rrset.h"
#include "dns/types.h"

namespace zc::dns {

/// Kinds of fields RDATA is made of. How each is parsed, printed, checked, made canonical and
/// compressed follows from the kind, so a new type is one row in types.cc.
enum class Field : std::uint8_t {
    // clang-format off
    u8, u16, u32, u48, u64, ttl,       // decimal (ttl: with units on input, seconds on output)
    name,                              // never compressed on sending (RFC 3597 section 4), keeps its case
    name_compressible,                 // a well-known type's of RFC 1035; lower case in canonical form
    name_folded,                       // not compressed, but lower case in canonical form (RFC 4034 6.2 as
                                       // changed by RFC 6840 5.1: RP, AFSDB, RT, SIG, PX, NXT, NAPTR, KX, SRV, DNAME, A6, RRSIG)
    ipv4, ipv6, eui48, eui64, nodeid,  // addresses; nodeid: four groups of hex with colons (RFC 6742)
    text, texts,                       // one <character-string>; one or more to the end
    text_long,                         // to the end of the RDATA, quoted, no length octet (CAA, URI)
    tag,                               // one <character-string> of letters and digits, unquoted (CAA)
    hex, base64,                       // one octet or more to the end of the RDATA, blanks allowed between
    base64_or_none, base64_or_dash,    // or no octet: nothing is written (KEY, SINK); "-" is written (DOA)
    hex_counted8, base32hex_counted8,  // with one length octet before (salt "-" is empty; NSEC3's next owner)
    base64_counted16,                  // with two; in text the number of octets, then them unless there are none
    type, type_bitmap, nxt_bitmap,     // covered type; RFC 4034 section 4.1.2; RFC 2535 section 5.2
    algorithm, certificate_type, dsync_scheme,  // number or mnemonic on input, number on output (scheme: NOTIFY)
    time,                              // YYYYMMDDHHmmSS (RFC 4034 section 3.2), or seconds on input
    // Fields of one type each, mostly all of its RDATA.
    wks, loc, apl, ipseckey, amtrelay, svc_params, hip, nsap, atma, isdn, a6,
    // clang-format on
};

/// The fields of `type` in order, or an empty span for a type without a row: RFC 3597's \# form
/// alone.
std::span<const Field> fields_of(RrType type) noexcept;

/// Positions of the names inside one RDATA: where the wire format has a domain name.
struct NamePlace {
    std::uint16_t offset;  // of its first length octet in the RDATA
    std::uint16_t octets;
    Field kind;  // name, name_compressible or name_folded
};
/// The names inside of HIP, IPSECKEY and AMTRELAY are never compressed nor folded: they are not
/// listed.
inline constexpr std::size_t rdata_names_max = 4;

/// Fills `places` with the names in a valid RDATA of `type`, returns how many. Allocates nothing.
/// Types that have no name in their row return 0 at once.
std::size_t names_in(RrType type, base::Octets rdata,
                     std::span<NamePlace, rdata_names_max> places) noexcept;

/// Checks that `rdata` is well-formed wire format for `type`: lengths, names valid and
/// uncompressed, bitmaps in order. Any octets are well-formed for a type without a row.
Status check_rdata(RrType type, base::Octets rdata);
/// The part of it that `read_rdata` leaves out: lengths that another field of the same RDATA
/// decides (digests by their algorithm, keys by flags and algorithm). `rdata` has all fields of its
/// type, or is empty.
Status check_lengths(RrType type, base::Octets rdata);

/// Lower-cases in place the names that canonical form folds (RFC 4034 section 6.2). `rdata` is
/// well-formed.
void fold_rdata(RrType type, base::MutableOctets rdata) noexcept;

/// Reads the RDATA of one record out of a message: `octets` long at the reader's place, the names
/// that `names_in` finds decompressed (in types that must not be sent compressed too: RFC 4034
/// section 3.1.7 asks receivers for it). Appends to `out`, or leaves it as it was. The result has
/// all the fields of its type, well-formed; their lengths need not agree (`check_lengths`).
Status read_rdata(base::Reader& message, RrType type, std::uint16_t octets,
                  std::vector<std::uint8_t>& out);

/// Appends the presentation format of a well-formed RDATA: one line, blanks between fields, names
/// absolute, canonical spelling (the form PowerDNS's API expects where it has one), RFC 3597's \#
/// form when the type has no row, or the octets have no text in its own (a LOC of another version,
/// a port bitmap that ends in zeros). `parse_rdata` makes the same octets of it.
void append_rdata_text(std::string& out, RrType type, base::Octets rdata);
std::string rdata_text(RrType type, base::Octets rdata);

/// Text of RDATA → wire, appended to `out`. Names without final dot are relative to `origin`; the
/// \# form is taken for every type and checked where the type is known. `text` is one line, or
/// several inside parentheses; comments are allowed. The error says which field, what was found and
/// what was wanted.
Status parse_rdata(std::string_view text, RrType type, NameView origin,
                   std::vector<std::uint8_t>& out);

/// "example. 3600 IN A 192.0.2.1\n": one record as a line of a master file, tab-separated.
void append_record_text(std::string& out, const RecordView& record);

/// Reads a master file (RFC 1035 section 5, RFC 2308 section 4 for $TTL, BIND's $GENERATE): one
/// pass over octets in memory, no allocation per record, at least two million records a second of
/// plain A, MX, TXT. $INCLUDE is handed to the caller: this package opens no file.
struct IncludedText {
    std::string text;
    std::string source;  // for locations of errors in it
};
inline constexpr base::Limit<std::uint32_t> default_ttl_limit = {.name = "default-ttl",
                                                                 .min = 0,
                                                                 .initial = 3600,
                                                                 .max = ttl_seconds_max,
                                                                 .unit = base::Unit::seconds};
struct MasterOptions {
    Name origin{};         // until a $ORIGIN
    std::string source{};  // for error locations
    // When neither the record, $TTL, an earlier record nor the SOA's minimum gives one.
    std::uint32_t default_ttl = default_ttl_limit.initial;
    std::uint32_t errors_max = 100;         // then it gives up
    std::uint64_t generated_max = 1 << 20;  // records that all $GENERATE lines together may make
    std::uint64_t generated_octets_max = 1 << 28;  // of their owner names and RDATA
    /// Contents of an included file, or why not; the caller refuses cycles. `depth` is that of the
    /// file with the $INCLUDE: 0 for the text itself, 1 for what it includes. Files are read one
    /// inside the other, so that the last one handed out at `depth` - 1 is the one with the
    /// $INCLUDE. Absent: $INCLUDE is an error.
    std::function<Result<IncludedText>(std::string_view path, std::uint32_t depth)> include{};
    /// Whether an error that `record` gave for this record leaves it out and no more: then it
    /// stands in the report's `left_out`. May be empty: never.
    std::function<bool(const RecordView& record)> leaves_out{};
    /// Asked every few thousand entries and records. Once true, reading ends with `interrupted` as
    /// the last error. May be empty.
    std::function<bool()> stopped{};
};
struct MasterReport {
    /// Something legal that may not be meant: how often, and where first.
    struct Oddity {
        std::uint64_t count = 0;
        base::Location first;
    };
    std::uint64_t records = 0;  // without those left out
    Oddity ttl_from_above;      // records that have their TTL from an earlier one, for want of $TTL
    Oddity string_over_lines;   // quoted strings with a line end in them: a quote may be missing
    std::vector<Error> errors;  // in order, at most errors_max + 2
    std::vector<Error> left_out;  // in order, at most errors_max of `left_out_count`
    std::uint64_t left_out_count = 0;
};
/// Calls `record(view, line)` for each record; the view is valid during the call only. Owner and
/// RDATA names keep their case. A bad line is reported and skipped; reading goes on with the next
/// entry. `record` may return an error of its own (out of zone, …), which is put into the report
/// with source and line.
MasterReport read_master(
    std::string_view text, const MasterOptions& options,
    const std::function<Status(const RecordView& record, std::uint64_t line)>& record);

}  // namespace zc::dns
