// RDATA in wire format → presentation format. The spelling is PowerDNS's where it has one.
#include <algorithm>
#include <array>
#include <charconv>

#include "base/check.h"
#include "dns/address_text.h"
#include "dns/base32hex.h"
#include "dns/octets_text.h"
#include "dns/presentation.h"
#include "dns/svc_params.h"
#include "dns/type_table.h"

namespace zc::dns {

namespace {

void append_base64(std::string& out, base::Octets octets) {
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (; octets.size() >= 3; octets = octets.subspan(3)) {
        const std::uint32_t bits = (std::uint32_t{octets[0]} << 16U) | base::load_u16(&octets[1]);
        for (const unsigned shift : {18U, 12U, 6U, 0U}) out += digits[bits >> shift & 0x3fU];
    }
    if (octets.empty()) return;
    const std::uint32_t bits = (std::uint32_t{octets[0]} << 16U) |
                               (octets.size() == 2 ? std::uint32_t{octets[1]} << 8U : 0U);
    out += digits[bits >> 18U];
    out += digits[bits >> 12U & 0x3fU];
    out += octets.size() == 2 ? digits[bits >> 6U & 0x3fU] : '=';
    out += '=';
}

void append_base32hex(std::string& out, base::Octets octets) {
    const std::size_t at = out.size();
    out.resize(at + base32hex_digits(octets.size()));
    to_base32hex(octets, out.data() + at);
}

/// A date of the Gregorian calendar from days since 1970-01-01.
struct Date {
    std::uint32_t year, month, day;
};
Date civil_from_days(std::uint32_t days) {
    const std::uint32_t shifted = days + 719468;  // since 0000-03-01
    const std::uint32_t era = shifted / 146097;
    const std::uint32_t day_of_era = shifted % 146097;
    const std::uint32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const std::uint32_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::uint32_t month_from_march = (5 * day_of_year + 2) / 153;
    const std::uint32_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    return {year_of_era + era * 400 + (month <= 2 ? 1U : 0U), month,
            day_of_year - (153 * month_from_march + 2) / 5 + 1};
}

void append_time(std::string& out, std::uint32_t seconds) {
    const Date date = civil_from_days(seconds / 86400);
    append_decimal(out, date.year, 4);
    append_decimal(out, date.month, 2);
    append_decimal(out, date.day, 2);
    append_decimal(out, seconds / 3600 % 24, 2);
    append_decimal(out, seconds / 60 % 60, 2);
    append_decimal(out, seconds % 60, 2);
}

NameView take_name(base::Reader& in) {
    const base::Octets rest = in.whole().subspan(in.offset());
    std::size_t octets = 1;
    while (rest[octets - 1] != 0) octets += 1U + rest[octets - 1];
    return NameView(in.octets(octets));
}

// Each appends one field and says whether it has a text at all. If one has none, the whole RDATA is
// written in the \# form. They put a blank before all but the first.
class Printer {
public:
    Printer(std::string& out, base::Octets rdata) : out_(out), start_(out.size()), in_(rdata) {}

    bool field(Field kind);

private:
    void blank() {
        if (out_.size() > start_) out_ += ' ';
    }
    void decimal(std::uint64_t value) {
        blank();
        append_decimal(out_, value);
    }
    void name() {
        const NameView view = take_name(in_);
        blank();
        append_text(out_, view);
    }
    void quoted(base::Octets octets) {
        blank();
        append_quoted(out_, octets);
    }
    base::Octets rest() { return in_.octets(in_.remaining()); }
    void hex(base::Octets octets) {
        blank();
        append_hex(out_, octets);
    }
    void base64(base::Octets octets) {
        if (octets.empty()) return;
        blank();
        append_base64(out_, octets);
    }
    void ipv4() {
        blank();
        append_ipv4(out_, in_.octets(4).first<4>());
    }
    void ipv6() {
        blank();
        append_ipv6(out_, in_.octets(16).first<16>());
    }
    void type_name(std::uint16_t number) {
        blank();
        const auto type = static_cast<RrType>(number);
        const TypeRow* row = type_row_or_null(type);
        if (row != nullptr && !is_powerdns_only(type)) {
            out_ += row->mnemonic;
        } else {
            out_ += "TYPE";
            append_decimal(out_, number);
        }
    }
    void octet_groups(std::size_t groups);
    void nodeid();
    void tag();
    void hex_counted8();
    void base64_counted16();
    void dsync_scheme();
    void type_bitmap();
    void nxt_bitmap();
    bool wks();
    bool loc();
    void loc_angle(std::uint32_t value, char positive, char negative);
    void loc_metres(std::int64_t centimetres);
    bool apl();
    bool gateway(std::uint8_t kind);
    bool ipseckey();
    bool amtrelay();
    void svc_params();
    void svc_value(std::uint16_t key, base::Octets value);
    void svc_text(std::string_view value);
    void hip();
    bool atma();
    bool a6();

    std::string& out_;
    std::size_t start_;
    base::Reader in_;
};

void Printer::nodeid() {
    blank();
    for (int group = 0; group < 4; ++group) {
        if (group > 0) out_ += ':';
        append_hex(out_, in_.octets(2));
    }
}

void Printer::tag() {
    blank();
    for (const std::uint8_t octet : in_.octets(in_.u8())) out_ += static_cast<char>(octet);
}

void Printer::hex_counted8() {
    const base::Octets octets = in_.octets(in_.u8());
    hex(octets);
    if (octets.empty()) out_ += '-';
}

void Printer::base64_counted16() {
    const base::Octets octets = in_.octets(in_.u16());
    decimal(octets.size());
    base64(octets);
}

void Printer::dsync_scheme() {
    const std::uint8_t scheme = in_.u8();
    if (scheme != 1)
        decimal(scheme);
    else
        out_ += " NOTIFY";
}

bool Printer::field(Field kind) {
    // clang-format off
    switch (kind) {
        case Field::u8:
        case Field::algorithm: decimal(in_.u8()); return true;
        case Field::u16:
        case Field::certificate_type: decimal(in_.u16()); return true;
        case Field::u32:
        case Field::ttl: decimal(in_.u32()); return true;
        case Field::u48: { const std::uint64_t high = in_.u16(); decimal(high << 32U | in_.u32()); return true; }
        case Field::u64: { const std::uint64_t high = in_.u32(); decimal(high << 32U | in_.u32()); return true; }
        case Field::name:
        case Field::name_compressible:
        case Field::name_folded: name(); return true;
        case Field::ipv4: ipv4(); return true;
        case Field::ipv6: ipv6(); return true;
        case Field::eui48: octet_groups(6); return true;
        case Field::eui64: octet_groups(8); return true;
        case Field::nodeid: nodeid(); return true;
        case Field::text: quoted(in_.octets(in_.u8())); return true;
        case Field::texts:
        case Field::isdn: while (!in_.at_end()) quoted(in_.octets(in_.u8())); return true;
        case Field::text_long: quoted(rest()); return true;
        case Field::tag: tag(); return true;
        case Field::hex: hex(rest()); return true;
        case Field::base64:
        case Field::base64_or_none: base64(rest()); return true;
        case Field::base64_or_dash: if (in_.at_end()) out_ += " -"; base64(rest()); return true;
        case Field::hex_counted8: hex_counted8(); return true;
        case Field::base32hex_counted8: blank(); append_base32hex(out_, in_.octets(in_.u8())); return true;
        case Field::base64_counted16: base64_counted16(); return true;
        case Field::type: type_name(in_.u16()); return true;
        case Field::type_bitmap: type_bitmap(); return true;
        case Field::nxt_bitmap: nxt_bitmap(); return true;
        case Field::dsync_scheme: dsync_scheme(); return true;
        case Field::time: blank(); append_time(out_, in_.u32()); return true;
        case Field::wks: return wks();
        case Field::loc: return loc();
        case Field::apl: return apl();
        case Field::ipseckey: return ipseckey();
        case Field::amtrelay: return amtrelay();
        case Field::svc_params: svc_params(); return true;
        case Field::hip: hip(); return true;
        case Field::nsap: blank(); out_ += "0x"; append_hex(out_, rest()); return true;
        case Field::atma: return atma();
        case Field::a6: return a6();
    }
    // clang-format on
    return false;
}

void Printer::octet_groups(std::size_t groups) {
    blank();
    for (std::size_t i = 0; i < groups; ++i) {
        if (i > 0) out_ += '-';
        append_hex(out_, in_.octets(1));
    }
}

void Printer::type_bitmap() {
    while (!in_.at_end()) {
        const unsigned window = in_.u8();
        const base::Octets bits = in_.octets(in_.u8());
        for (unsigned bit = 0; bit < bits.size() * 8; ++bit)
            if ((bits[bit / 8] & (0x80U >> bit % 8)) != 0)
                type_name(static_cast<std::uint16_t>(window << 8U | bit));
    }
}

void Printer::nxt_bitmap() {
    const base::Octets bits = rest();
    for (unsigned bit = 0; bit < bits.size() * 8; ++bit)
        if ((bits[bit / 8] & (0x80U >> bit % 8)) != 0) type_name(static_cast<std::uint16_t>(bit));
}

bool Printer::wks() {
    decimal(in_.u8());
    const base::Octets ports = rest();
    if (!ports.empty() && ports.back() == 0) return false;  // the text would lose the octet
    for (unsigned port = 0; port < ports.size() * 8; ++port)
        if ((ports[port / 8] & (0x80U >> port % 8)) != 0) decimal(port);
    return true;
}

void Printer::loc_angle(std::uint32_t value, char positive, char negative) {
    constexpr std::uint32_t equator = 0x80000000U;
    std::uint32_t angle = value >= equator ? value - equator : equator - value;
    const std::uint32_t thousandths = angle % 1000;
    angle /= 1000;
    decimal(angle / 3600);
    decimal(angle / 60 % 60);
    decimal(angle % 60);
    out_ += '.';
    append_decimal(out_, thousandths, 3);
    out_ += ' ';
    out_ += value >= equator ? positive : negative;
}

void Printer::loc_metres(std::int64_t centimetres) {
    blank();
    if (centimetres < 0) out_ += '-';
    const auto magnitude = static_cast<std::uint64_t>(centimetres < 0 ? -centimetres : centimetres);
    append_decimal(out_, magnitude / 100);
    out_ += '.';
    append_decimal(out_, magnitude % 100, 2);
    out_ += 'm';
}

bool Printer::loc() {
    if (in_.u8() != 0) return false;  // another version: nothing is known of it
    std::array<std::int64_t, 3> precisions{};
    for (std::int64_t& centimetres : precisions) {
        const std::uint8_t precision = in_.u8();
        // 0e5 is 0 as is 0e0, and 0 is written 0e0.
        if (precision >> 4U == 0 && precision != 0) return false;
        centimetres = precision >> 4U;
        for (unsigned exponent = precision & 0xfU; exponent > 0; --exponent) centimetres *= 10;
    }
    const std::uint32_t latitude = in_.u32();
    loc_angle(latitude, 'N', 'S');
    loc_angle(in_.u32(), 'E', 'W');
    loc_metres(std::int64_t{in_.u32()} - 10000000);
    for (const std::int64_t centimetres : precisions) loc_metres(centimetres);
    return true;
}

bool Printer::apl() {
    while (!in_.at_end()) {
        const std::uint16_t family = in_.u16();
        const std::uint8_t prefix_bits = in_.u8();
        const std::uint8_t flagged = in_.u8();
        const base::Octets given = in_.octets(flagged & 0x7fU);
        if (family != 1 && family != 2) return false;
        std::array<std::uint8_t, 16> address{};
        std::ranges::copy(given, address.begin());
        blank();
        if ((flagged & 0x80U) != 0) out_ += '!';
        out_ += family == 1 ? "1:" : "2:";
        if (family == 1)
            append_ipv4(out_, std::span(address).first<4>());
        else
            append_ipv6(out_, address);
        out_ += '/';
        append_decimal(out_, prefix_bits);
    }
    return true;
}

bool Printer::gateway(std::uint8_t kind) {
    switch (kind) {
        case 0:
            out_ += " .";
            return true;
        case 1:
            ipv4();
            return true;
        case 2:
            ipv6();
            return true;
        case 3:
            name();
            return true;
        default:
            return false;
    }
}

bool Printer::ipseckey() {
    decimal(in_.u8());
    const std::uint8_t kind = in_.u8();
    decimal(kind);
    decimal(in_.u8());
    if (!gateway(kind)) return false;
    base64(rest());
    return true;
}

bool Printer::amtrelay() {
    decimal(in_.u8());
    const std::uint8_t kind = in_.u8();
    decimal(kind >> 7U);
    decimal(kind & 0x7fU);
    return gateway(kind & 0x7fU);
}

void Printer::svc_params() {
    while (!in_.at_end()) {
        const std::uint16_t key = in_.u16();
        const base::Octets value = in_.octets(in_.u16());
        blank();
        if (key < svc_key_names.size()) {
            out_ += svc_key_names[key];
        } else {
            out_ += "key";
            append_decimal(out_, key);
        }
        if (value.empty() && key < svc_key_names.size()) continue;
        out_ += '=';
        svc_value(key, value);
    }
}

/// Octets that need no quotes: blanks, comments and parentheses would end the word, other octets
/// are rare.
bool is_word(std::string_view value) {
    return std::ranges::all_of(value, [](char c) {
        return c > ' ' && c <= '~' && std::string_view("\";()").find(c) == std::string_view::npos;
    });
}

void Printer::svc_text(std::string_view value) {
    const std::vector<std::uint8_t> octets(value.begin(), value.end());
    if (is_word(value))
        append_string_octets(out_, octets);
    else
        append_quoted(out_, octets);
}

void Printer::svc_value(std::uint16_t key, base::Octets value) {
    if (key >= svc_key_names.size()) return append_quoted(out_, value);
    auto comma = [this, first = true]() mutable {
        if (!first) out_ += ',';
        first = false;
    };
    base::Reader in(value);
    switch (static_cast<SvcKey>(key)) {
        case SvcKey::mandatory:
            while (!in.at_end()) {
                const std::uint16_t each = in.u16();
                comma();
                if (each < svc_key_names.size()) {
                    out_ += svc_key_names[each];
                } else {
                    out_ += "key";
                    append_decimal(out_, each);
                }
            }
            return;
        case SvcKey::alpn: {
            // Commas and backslashes are escaped for the list, then all for the string (RFC 9460
            // appendix A.1).
            std::string list;
            while (!in.at_end()) {
                if (!list.empty()) list += ',';
                for (const std::uint8_t octet : in.octets(in.u8())) {
                    if (octet == ',' || octet == '\\') list += '\\';
                    list += static_cast<char>(octet);
                }
            }
            return svc_text(list);
        }
        case SvcKey::port:
            return append_decimal(out_, in.u16());
        case SvcKey::ipv4hint:
            while (!in.at_end()) {
                comma();
                append_ipv4(out_, in.octets(4).first<4>());
            }
            return;
        case SvcKey::ech:  // quoted as PowerDNS does, who quotes neither addresses nor names
            out_ += '"';
            append_base64(out_, value);
            out_ += '"';
            return;
        case SvcKey::ipv6hint:
            while (!in.at_end()) {
                comma();
                append_ipv6(out_, in.octets(16).first<16>());
            }
            return;
        case SvcKey::dohpath:
            return append_quoted(out_, value);
        case SvcKey::tls_supported_groups:
            while (!in.at_end()) {
                comma();
                append_decimal(out_, in.u16());
            }
            return;
        case SvcKey::no_default_alpn:
        case SvcKey::ohttp:
            return;  // never have a value
    }
}

void Printer::hip() {
    const std::uint8_t tag_octets = in_.u8();
    decimal(in_.u8());
    const std::uint16_t key_octets = in_.u16();
    hex(in_.octets(tag_octets));
    base64(in_.octets(key_octets));
    while (!in_.at_end()) name();
}

bool Printer::atma() {
    const std::uint8_t format = in_.u8();
    const base::Octets address = rest();
    if (address.empty() || format > 1) return false;
    blank();
    if (format == 0) {
        append_hex(out_, address);
        return true;
    }
    out_ += '+';
    for (const std::uint8_t octet : address) {
        if (octet < '0' || octet > '9') return false;
        out_ += static_cast<char>(octet);
    }
    return true;
}

bool Printer::a6() {
    const std::uint8_t bits = in_.u8();
    decimal(bits);
    if (bits < 128) {
        std::array<std::uint8_t, 16> address{};
        const std::size_t octets = (128U - bits + 7) / 8;
        std::ranges::copy(in_.octets(octets), address.end() - static_cast<std::ptrdiff_t>(octets));
        // Bits of the prefix that stand in the first octet of the suffix: none can be written.
        if (bits % 8 != 0 && address[bits / 8] >> (8 - bits % 8) != 0) return false;
        blank();
        append_ipv6(out_, address);
    }
    if (bits > 0) name();
    return true;
}

void append_unknown_form(std::string& out, base::Octets rdata) {
    out += "\\# ";
    append_decimal(out, rdata.size());
    if (rdata.empty()) return;
    out += ' ';
    append_hex(out, rdata);
}

}  // namespace

void append_rdata_text(std::string& out, RrType type, base::Octets rdata) {
    const std::size_t start = out.size();
    const std::span<const Field> fields = fields_of(type);
    Printer printer(out, rdata);
    bool has_text = !fields.empty();
    for (std::size_t i = 0; i < fields.size() && has_text; ++i) has_text = printer.field(fields[i]);
    if (has_text) return;
    out.resize(start);
    append_unknown_form(out, rdata);
}

std::string rdata_text(RrType type, base::Octets rdata) {
    std::string out;
    append_rdata_text(out, type, rdata);
    return out;
}

void append_record_text(std::string& out, const RecordView& record) {
    append_text(out, record.owner);
    out += '\t';
    append_decimal(out, record.ttl);
    out += "\tIN\t";
    out += record_type_text(record.type);
    out += '\t';
    append_rdata_text(out, record.type, record.rdata);
    out += '\n';
}

}  // namespace zc::dns
