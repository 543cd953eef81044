// RDATA in wire format: checked, walked through, read out of messages.
#include <algorithm>
#include <array>

#include "base/check.h"
#include "dns/presentation.h"
#include "dns/svc_params.h"
#include "dns/type_table.h"

namespace zc::dns {

namespace {

/// Octets of a name that is known to be valid.
std::size_t valid_name_octets(const std::uint8_t* at) noexcept {
    const std::uint8_t* const start = at;
    while (*at != 0) at += 1U + *at;
    return static_cast<std::size_t>(at - start) + 1;
}

/// Octets of the prefix length and address suffix in front of an A6 record's name (RFC 2874
/// section 3.1).
std::size_t a6_head_octets(std::uint8_t prefix_bits) noexcept {
    return 1 + (128U - std::min<std::size_t>(prefix_bits, 128) + 7) / 8;
}

/// Octets of a field that may stand in front of a name and is none itself. May be more than are
/// there.
std::size_t field_octets(Field field, base::Octets rest) noexcept {
    switch (field) {
        case Field::u8:
        case Field::algorithm:
        case Field::dsync_scheme:
            return 1;
        case Field::u16:
        case Field::type:
        case Field::certificate_type:
            return 2;
        case Field::u32:
        case Field::ttl:
        case Field::time:
        case Field::ipv4:
            return 4;
        case Field::u48:
        case Field::eui48:
            return 6;
        case Field::u64:
        case Field::eui64:
        case Field::nodeid:
            return 8;
        case Field::ipv6:
            return 16;
        case Field::text:
        case Field::tag:
        case Field::hex_counted8:
        case Field::base32hex_counted8:
            return rest.empty() ? 1 : 1U + rest[0];
        case Field::base64_counted16:
            return rest.size() < 2 ? 2 : 2U + base::load_u16(rest.data());
        case Field::a6:
            return rest.empty() ? 1 : a6_head_octets(rest[0]);
        case Field::name:
        case Field::name_compressible:
        case Field::name_folded:
        case Field::texts:
        case Field::text_long:
        case Field::hex:
        case Field::base64:
        case Field::base64_or_none:
        case Field::base64_or_dash:
        case Field::type_bitmap:
        case Field::nxt_bitmap:
        case Field::wks:
        case Field::loc:
        case Field::apl:
        case Field::ipseckey:
        case Field::amtrelay:
        case Field::svc_params:
        case Field::hip:
        case Field::nsap:
        case Field::atma:
        case Field::isdn:
            return rest.size();
    }
    return rest.size();
}

constexpr bool is_name(Field field) noexcept {
    return field == Field::name || field == Field::name_compressible || field == Field::name_folded;
}

// Checks of one field each: they move the reader behind it and return what is wrong, or null.
using Fault = const char*;
constexpr Fault cut_off = "RDATA ends inside it";

Fault check_name(base::Reader& in) {
    std::size_t octets = 0;
    while (true) {
        const std::uint8_t length = in.u8();
        if (!in.ok()) return "RDATA ends inside the name";
        if (length >= 0xc0) return "compressed name, wanted a whole one";
        if (length > label_octets_max) return "label of a reserved type in the name";
        octets += 1U + length;
        if (octets > name_octets_max) return "name of more than 255 octets";
        if (length == 0) return nullptr;
        in.skip(length);
    }
}

Fault check_text(base::Reader& in) {
    in.skip(in.u8());
    return in.ok() ? nullptr : cut_off;
}

Fault check_texts(base::Reader& in) {
    do {
        if (const Fault fault = check_text(in)) return fault;
    } while (!in.at_end());
    return nullptr;
}

Fault check_tag(base::Reader& in) {
    const base::Octets tag = in.octets(in.u8());
    if (!in.ok()) return cut_off;
    const bool alphanumeric = std::ranges::all_of(tag, [](std::uint8_t octet) {
        const std::uint8_t lower = fold(octet);
        return (lower >= 'a' && lower <= 'z') || (octet >= '0' && octet <= '9');
    });
    if (tag.empty() || !alphanumeric) return "wanted one letter or digit or more";
    return nullptr;
}

Fault check_rest_filled(base::Reader& in) {
    if (in.at_end()) return "no octet, wanted one or more";
    in.skip(in.remaining());
    return nullptr;
}

Fault check_type_bitmap(base::Reader& in) {
    int window_last = -1;
    while (!in.at_end()) {
        const std::uint8_t window = in.u8();
        const base::Octets bits = in.octets(in.u8());
        if (!in.ok()) return "RDATA ends inside the type bitmap";
        if (window <= window_last) return "windows of the type bitmap not in ascending order";
        if (bits.empty() || bits.size() > 32)
            return "window of the type bitmap not of 1..32 octets";
        if (bits.back() == 0) return "window of the type bitmap ends in a zero octet";
        window_last = window;
    }
    return nullptr;
}

// Types 0 to 127; a set first bit would announce a format that was never defined.
Fault check_nxt_bitmap(base::Reader& in) {
    const base::Octets bits = in.octets(in.remaining());
    if (bits.empty() || bits.size() > 16) return "type bitmap not of 1..16 octets";
    if ((bits[0] & 0x80U) != 0) return "type bitmap with its first bit set";
    if (bits.back() == 0) return "type bitmap ends in a zero octet";
    return nullptr;
}

Fault check_wks(base::Reader& in) {
    in.u8();
    if (!in.ok()) return cut_off;
    if (in.remaining() > 65536 / 8) return "port bitmap of more than 8192 octets";
    in.skip(in.remaining());
    return nullptr;
}

Fault check_loc(base::Reader& in) {
    const std::uint8_t version = in.u8();
    if (!in.ok()) return cut_off;
    if (version != 0) {  // RFC 1876 section 2: nothing is known of it then
        in.skip(in.remaining());
        return nullptr;
    }
    for (int i = 0; i < 3; ++i) {
        const std::uint8_t precision = in.u8();
        if (precision >> 4U > 9 || (precision & 15U) > 9)
            return "size or precision with a digit over 9";
    }
    constexpr std::uint32_t equator = 0x80000000U;
    constexpr std::uint32_t degree = 3600000;  // thousandths of arc seconds
    const std::uint32_t latitude = in.u32();
    const std::uint32_t longitude = in.u32();
    in.u32();
    if (!in.ok()) return cut_off;
    const auto within = [](std::uint32_t value, std::uint32_t limit) {
        return value >= equator ? value - equator <= limit : equator - value <= limit;
    };
    if (!within(latitude, 90 * degree)) return "latitude over 90 degrees";
    if (!within(longitude, 180 * degree)) return "longitude over 180 degrees";
    return nullptr;
}

Fault check_apl(base::Reader& in) {
    while (!in.at_end()) {
        const std::uint16_t family = in.u16();
        const std::uint8_t prefix_bits = in.u8();
        const base::Octets address = in.octets(in.u8() & 0x7fU);
        if (!in.ok()) return "RDATA ends inside an address prefix";
        if (!address.empty() && address.back() == 0) return "address that ends in a zero octet";
        const std::size_t octets_max = family == 1 ? 4 : family == 2 ? 16 : 127;
        if (address.size() > octets_max) return "address too long for its family";
        if (family <= 2 && family > 0 && prefix_bits > octets_max * 8)
            return "prefix too long for its family";
    }
    return nullptr;
}

/// A gateway of IPSECKEY (RFC 4025 section 2.5) or relay of AMTRELAY (RFC 8777 section 4.2.4). One
/// of an unknown kind takes the rest.
Fault check_gateway(std::uint8_t kind, base::Reader& in) {
    switch (kind) {
        case 0:
            return nullptr;
        case 1:
            in.skip(4);
            break;
        case 2:
            in.skip(16);
            break;
        case 3:
            return check_name(in);
        default:
            in.skip(in.remaining());
            break;
    }
    return in.ok() ? nullptr : "RDATA ends inside the address";
}

Fault check_ipseckey(base::Reader& in) {
    in.u8();
    const std::uint8_t kind = in.u8();
    in.u8();
    if (!in.ok()) return cut_off;
    if (const Fault fault = check_gateway(kind, in)) return fault;
    in.skip(in.remaining());
    return nullptr;
}

Fault check_amtrelay(base::Reader& in) {
    in.u8();
    const std::uint8_t kind = in.u8() & 0x7fU;
    if (!in.ok()) return cut_off;
    return check_gateway(kind, in);
}

Fault check_svc_value(std::uint16_t key, base::Octets value) {
    if (key >= svc_key_names.size())
        return key == svc_key_invalid ? "key 65535 is not allowed" : nullptr;
    switch (static_cast<SvcKey>(key)) {
        case SvcKey::mandatory:
            if (value.empty() || value.size() % 2 != 0) return "mandatory is no list of keys";
            for (std::size_t i = 0; i < value.size(); i += 2) {
                if (base::load_u16(&value[i]) == 0) return "mandatory names itself";
                if (i > 0 && base::load_u16(&value[i]) <= base::load_u16(&value[i - 2]))
                    return "keys in mandatory not in ascending order";
            }
            return nullptr;
        case SvcKey::alpn: {
            if (value.empty()) return "alpn is empty";
            base::Reader in(value);
            while (!in.at_end()) {
                const std::uint8_t octets = in.u8();
                in.skip(octets);
                if (!in.ok() || octets == 0) return "alpn is no list of identifiers";
            }
            return nullptr;
        }
        case SvcKey::no_default_alpn:
            return value.empty() ? nullptr : "no-default-alpn has a value";
        case SvcKey::port:
            return value.size() == 2 ? nullptr : "port is not of two octets";
        case SvcKey::ipv4hint:
            return !value.empty() && value.size() % 4 == 0 ? nullptr
                                                           : "ipv4hint is no list of addresses";
        case SvcKey::ech:
            return value.empty() ? "ech is empty" : nullptr;
        case SvcKey::ipv6hint:
            return !value.empty() && value.size() % 16 == 0 ? nullptr
                                                            : "ipv6hint is no list of addresses";
        case SvcKey::dohpath:
            return value.empty() ? "dohpath is empty" : nullptr;
        case SvcKey::ohttp:
            return value.empty() ? nullptr : "ohttp has a value";
        case SvcKey::tls_supported_groups:
            return !value.empty() && value.size() % 2 == 0
                       ? nullptr
                       : "tls-supported-groups is no list of numbers";
    }
    return nullptr;
}

/// Every parameter well-formed, keys ascending, and the set self-consistent (RFC 9460
/// sections 2.2, 7.1.1, 8).
Fault check_svc_params(base::Reader& in) {
    const std::size_t start = in.offset();
    std::int32_t key_last = -1;
    base::Octets mandatory;
    bool alpn = false;
    bool no_default_alpn = false;
    while (!in.at_end()) {
        const std::uint16_t key = in.u16();
        const base::Octets value = in.octets(in.u16());
        if (!in.ok()) return "RDATA ends inside a parameter";
        if (key <= key_last) return "parameters not in ascending order of their keys";
        key_last = key;
        if (const Fault fault = check_svc_value(key, value)) return fault;
        if (key == static_cast<std::uint16_t>(SvcKey::mandatory)) mandatory = value;
        alpn = alpn || key == static_cast<std::uint16_t>(SvcKey::alpn);
        no_default_alpn =
            no_default_alpn || key == static_cast<std::uint16_t>(SvcKey::no_default_alpn);
    }
    if (no_default_alpn && !alpn) return "no-default-alpn without alpn";

    // Both lists ascend, so one walk along the parameters meets every key that mandatory names.
    base::Reader again(in.whole());
    again.seek(start);
    for (std::size_t i = 0; i < mandatory.size(); i += 2) {
        const std::uint16_t wanted = base::load_u16(&mandatory[i]);
        std::uint16_t key = 0;
        while (key < wanted && !again.at_end()) {
            key = again.u16();
            again.skip(again.u16());
        }
        if (key != wanted) return "mandatory names a key that is not there";
    }
    return nullptr;
}

Fault check_hip(base::Reader& in) {
    const std::uint8_t hit_octets = in.u8();
    in.u8();
    const std::uint16_t key_octets = in.u16();
    in.skip(hit_octets);
    in.skip(key_octets);
    if (!in.ok()) return cut_off;
    if (hit_octets == 0 || key_octets == 0) return "empty identity tag or public key";
    while (!in.at_end())
        if (const Fault fault = check_name(in)) return fault;
    return nullptr;
}

Fault check_isdn(base::Reader& in) {
    if (const Fault fault = check_text(in)) return fault;
    return in.at_end() ? nullptr : check_text(in);
}

Fault check_a6(base::Reader& in) {
    const std::uint8_t prefix_bits = in.u8();
    if (!in.ok()) return cut_off;
    if (prefix_bits > 128) return "prefix length over 128";
    in.skip(a6_head_octets(prefix_bits) - 1);
    if (!in.ok()) return cut_off;
    return prefix_bits == 0 ? nullptr : check_name(in);
}

Fault check_field(Field field, base::Reader& in) {
    switch (field) {
        case Field::u8:
        case Field::u16:
        case Field::u32:
        case Field::u48:
        case Field::u64:
        case Field::ttl:
        case Field::ipv4:
        case Field::ipv6:
        case Field::eui48:
        case Field::eui64:
        case Field::nodeid:
        case Field::type:
        case Field::algorithm:
        case Field::certificate_type:
        case Field::dsync_scheme:
        case Field::time:
        case Field::hex_counted8:
        case Field::base64_counted16:
            in.skip(field_octets(field, in.whole().subspan(in.offset())));
            return in.ok() ? nullptr : cut_off;
        case Field::base32hex_counted8: {
            const std::uint8_t octets = in.u8();
            in.skip(octets);
            if (in.ok() && octets == 0) return "no octet, wanted one or more";
            return in.ok() ? nullptr : cut_off;
        }
        case Field::name:
        case Field::name_compressible:
        case Field::name_folded:
            return check_name(in);
        case Field::text:
            return check_text(in);
        case Field::texts:
            return check_texts(in);
        case Field::tag:
            return check_tag(in);
        case Field::hex:
        case Field::base64:
        case Field::nsap:
        case Field::atma:
            return check_rest_filled(in);
        case Field::text_long:
        case Field::base64_or_none:
        case Field::base64_or_dash:
            in.skip(in.remaining());
            return nullptr;
        case Field::type_bitmap:
            return check_type_bitmap(in);
        case Field::nxt_bitmap:
            return check_nxt_bitmap(in);
        case Field::wks:
            return check_wks(in);
        case Field::loc:
            return check_loc(in);
        case Field::apl:
            return check_apl(in);
        case Field::ipseckey:
            return check_ipseckey(in);
        case Field::amtrelay:
            return check_amtrelay(in);
        case Field::svc_params:
            return check_svc_params(in);
        case Field::hip:
            return check_hip(in);
        case Field::isdn:
            return check_isdn(in);
        case Field::a6:
            return check_a6(in);
    }
    return nullptr;
}

struct DigestLength {
    std::uint8_t algorithm;
    std::uint8_t octets;
};
// IANA "Digest Algorithms" of DS: RFC 4034 appendix A.2, RFC 4509, RFC 5933, RFC 6605, RFC 9558,
// RFC 9563.
constexpr DigestLength ds_digests[] = {{1, 20}, {2, 32}, {3, 32}, {4, 48}, {5, 32}, {6, 32}};
constexpr DigestLength sshfp_digests[] = {{1, 20}, {2, 32}};   // RFC 4255, RFC 6594
constexpr DigestLength zonemd_digests[] = {{1, 48}, {2, 64}};  // RFC 8976 section 2.2.3
constexpr DigestLength nsec3_hashes[] = {{1, 20}};             // RFC 5155 section 3.1.7
constexpr std::size_t zonemd_octets_min = 12;                  // RFC 8976 section 2.2.4
constexpr std::uint16_t key_flags_none = 0xc000;               // RFC 2535 section 3.1.2

/// Octets that `algorithm` makes; 0 when it is not known.
std::size_t octets_of(std::span<const DigestLength> lengths, std::uint8_t algorithm) noexcept {
    for (const DigestLength& each : lengths)
        if (each.algorithm == algorithm) return each.octets;
    return 0;
}

std::string digest_fault(const char* field, std::span<const DigestLength> lengths,
                         std::uint8_t algorithm, std::size_t octets) {
    const std::size_t wanted = octets_of(lengths, algorithm);
    if (wanted == 0 || wanted == octets) return {};
    return std::string(field) + ": found " + std::to_string(octets) + " octets, wanted the " +
           std::to_string(wanted) + " that its algorithm " + std::to_string(algorithm) + " makes";
}

/// Copies RDATA out of a message, its names whole. The octets behind the last name are copied unseen.
Status copy_rdata(base::Reader& message, RrType type, std::uint16_t octets,
                  std::vector<std::uint8_t>& out) {
    if (message.remaining() < octets)
        return fail(Errc::malformed, "RDATA of " + std::to_string(octets) +
                                         " octets, the message has " +
                                         std::to_string(message.remaining()) + " left");
    const std::size_t end = message.offset() + octets;
    const auto append = [&](base::Octets source) {
        out.insert(out.end(), source.begin(), source.end());
    };
    const TypeRow* row = type_row_or_null(type);
    for (std::size_t i = 0; row != nullptr && i < row->name_end; ++i) {
        if (is_name(row->fields[i])) {
            ZC_TRY(const Name name, read_name(message));
            if (message.offset() > end)
                return fail(Errc::malformed, "name that runs over the end of its RDATA");
            append(name.wire());
            continue;
        }
        const base::Octets rest = message.whole().subspan(message.offset(), end - message.offset());
        const std::size_t field = field_octets(row->fields[i], rest);
        if (field > rest.size()) break;  // the check will say so
        append(message.octets(field));
    }
    append(message.octets(end - message.offset()));
    return {};
}

}  // namespace

std::size_t names_in(RrType type, base::Octets rdata,
                     std::span<NamePlace, rdata_names_max> places) noexcept {
    const TypeRow* row = type_row_or_null(type);
    // In a message 0 and 65535 are no LUA and ALIAS: their octets may be anything.
    if (row == nullptr || row->name_end == 0 || is_powerdns_only(type)) return 0;
    std::size_t count = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i < row->name_end; ++i) {
        Field field = row->fields[i];
        if (!is_name(field)) {
            const bool nameless_a6 = field == Field::a6 && rdata[at] == 0;
            at += field_octets(field, rdata.subspan(at));
            if (field != Field::a6 || nameless_a6) continue;
            field = Field::name_folded;
        }
        const std::size_t octets = valid_name_octets(rdata.data() + at);
        places[count++] = {static_cast<std::uint16_t>(at), static_cast<std::uint16_t>(octets),
                           field};
        at += octets;
    }
    return count;
}

namespace {

/// Empty when the lengths are right.
std::string length_fault(RrType type, base::Octets rdata) {
    switch (type) {
        case RrType::ds:
            return digest_fault("digest of DS", ds_digests, rdata[3], rdata.size() - 4);
        case RrType::cds:
            return digest_fault("digest of CDS", ds_digests, rdata[3], rdata.size() - 4);
        case RrType::ta:
            return digest_fault("digest of TA", ds_digests, rdata[3], rdata.size() - 4);
        case RrType::dlv:
            return digest_fault("digest of DLV", ds_digests, rdata[3], rdata.size() - 4);
        case RrType::sshfp:
            return digest_fault("fingerprint of SSHFP", sshfp_digests, rdata[1], rdata.size() - 2);
        case RrType::zonemd:
            if (rdata.size() - 6 < zonemd_octets_min)
                return "digest of ZONEMD: found " + std::to_string(rdata.size() - 6) +
                       " octets, wanted " + std::to_string(zonemd_octets_min) + " or more";
            return digest_fault("digest of ZONEMD", zonemd_digests, rdata[5], rdata.size() - 6);
        case RrType::nsec3:
            return digest_fault("next hash of NSEC3", nsec3_hashes, rdata[0],
                                rdata[5 + std::size_t{rdata[4]}]);
        case RrType::key: {
            const bool none = (base::load_u16(rdata.data()) & key_flags_none) == key_flags_none;
            if (none == (rdata.size() == 4)) return {};
            return none ? "key of KEY: found " + std::to_string(rdata.size() - 4) +
                              " octets, wanted none, as its flags say (RFC 2535 section 3.1.2)"
                        : "key of KEY: missing, only flags of 49152 and above mean no key "
                          "(RFC 2535 section 3.1.2)";
        }
        case RrType::ipseckey: {
            base::Reader in(rdata);
            in.skip(1);
            const std::uint8_t kind = in.u8();
            if (in.u8() == 0 || kind > 3) return {};  // no key, or a gateway that takes the rest
            if (check_gateway(kind, in) != nullptr || !in.at_end()) return {};
            return "key of IPSECKEY: missing, only algorithm 0 means no key (RFC 4025 section 2.4)";
        }
        default:
            return {};
    }
}

}  // namespace

Status check_lengths(RrType type, base::Octets rdata) {
    std::string fault = rdata.empty() ? std::string() : length_fault(type, rdata);
    return fault.empty() ? Status{} : fail(Errc::malformed, std::move(fault));
}

namespace {

/// Every field is there and well-formed.
Status check_fields(RrType type, base::Octets rdata) {
    if (rdata.size() > 0xffff)
        return fail(Errc::limit,
                    "RDATA of " + std::to_string(rdata.size()) + " octets, limit is 65535");
    const TypeRow* row = type_row_or_null(type);
    if (row == nullptr || row->field_count == 0) return {};
    base::Reader in(rdata);
    for (std::size_t i = 0; i < row->field_count; ++i)
        if (const Fault fault = check_field(row->fields[i], in))
            return fail(Errc::malformed, "field " + std::to_string(i + 1) + " of " +
                                             std::string(row->mnemonic) + ": " + fault);
    if (!in.at_end())
        return fail(Errc::malformed, std::to_string(in.remaining()) +
                                         " octets behind the last field of " +
                                         std::string(row->mnemonic));
    return {};
}

}  // namespace

Status check_rdata(RrType type, base::Octets rdata) {
    ZC_TRY_STATUS(check_fields(type, rdata));
    return check_lengths(type, rdata);
}

void fold_rdata(RrType type, base::MutableOctets rdata) noexcept {
    const TypeRow* row = type_row_or_null(type);
    if (row == nullptr || !row->has_folded) return;
    std::array<NamePlace, rdata_names_max> places;
    const std::size_t count = names_in(type, rdata, places);
    for (const NamePlace& place : std::span(places).first(count)) {
        if (place.kind == Field::name) continue;
        for (std::uint8_t& octet : rdata.subspan(place.offset, place.octets)) octet = fold(octet);
    }
}

Status read_rdata(base::Reader& message, RrType type, std::uint16_t octets,
                  std::vector<std::uint8_t>& out) {
    const std::size_t out_start = out.size();
    Status status = copy_rdata(message, type, octets, out);
    if (status) status = check_fields(type, base::Octets(out).subspan(out_start));
    if (!status) out.resize(out_start);
    return status;
}

}  // namespace zc::dns
