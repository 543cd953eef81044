// RDATA in presentation format → wire format.
#include <algorithm>
#include <bit>

#include "dns/address_text.h"
#include "dns/base32hex.h"
#include "dns/presentation.h"
#include "dns/rdata_parser.h"
#include "dns/svc_params.h"

namespace zc::dns {

namespace {

constexpr std::uint64_t u8_max = 0xff;
constexpr std::uint64_t u16_max = 0xffff;
constexpr std::uint64_t u32_max = 0xffffffff;
constexpr std::uint64_t u48_max = 0xffffffffffff;
constexpr std::uint64_t u64_max = ~std::uint64_t{0};

constexpr const char* wanted_u8 = "a number 0..255";
constexpr const char* wanted_u16 = "a number 0..65535";
constexpr const char* wanted_u32 = "a number 0..4294967295";

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

bool parse_decimal(std::string_view text, std::uint64_t limit, std::uint64_t& value) noexcept {
    if (text.empty()) return false;
    std::uint64_t sum = 0;
    for (const char c : text) {
        if (!is_digit(c)) return false;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (sum > (limit - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    value = sum;
    return sum <= limit;
}

int hex_value(char c) noexcept {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

constexpr auto base64_values = [] {
    std::array<std::int8_t, 256> made{};
    made.fill(-1);
    constexpr std::string_view digits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < digits.size(); ++i)
        made[static_cast<std::uint8_t>(digits[i])] = static_cast<std::int8_t>(i);
    return made;
}();

/// Base64 (RFC 4648 section 4) that comes in pieces; padding is wanted, and nothing behind it.
class Base64 {
public:
    bool add(std::string_view digits, RdataBuffer& out) noexcept {
        for (const char c : digits) {
            if (c == '=') {
                if (count_ < 2 || ++padding_ > 4 - count_) return false;
                continue;
            }
            const std::int8_t value = base64_values[static_cast<std::uint8_t>(c)];
            if (value < 0 || padding_ > 0) return false;
            bits_ = (bits_ << 6U) | static_cast<std::uint32_t>(value);
            if (++count_ < 4) continue;
            out.u8(bits_ >> 16U);
            out.u16(bits_);
            count_ = 0;
        }
        return true;
    }
    bool finish(RdataBuffer& out) const noexcept {
        if (count_ == 0) return padding_ == 0;
        if (count_ + padding_ != 4) return false;
        if (count_ == 2) {
            out.u8(bits_ >> 4U);
            return (bits_ & 0xfU) == 0;
        }
        out.u16(bits_ >> 2U);
        return (bits_ & 0x3U) == 0;
    }

private:
    std::uint32_t bits_ = 0;
    std::uint32_t count_ = 0;  // digits of the group begun
    std::uint32_t padding_ = 0;
};

struct Mnemonic {
    std::string_view lower;
    std::uint16_t number;
};

// IANA "DNS Security Algorithm Numbers", and the names BIND and ldns took before.
constexpr std::array algorithm_names = {
    Mnemonic{"rsamd5", 1},
    Mnemonic{"dh", 2},
    Mnemonic{"dsa", 3},
    Mnemonic{"ecc", 4},
    Mnemonic{"rsasha1", 5},
    Mnemonic{"dsa-nsec3-sha1", 6},
    Mnemonic{"nsec3dsa", 6},
    Mnemonic{"rsasha1-nsec3-sha1", 7},
    Mnemonic{"nsec3rsasha1", 7},
    Mnemonic{"rsasha256", 8},
    Mnemonic{"rsasha512", 10},
    Mnemonic{"ecc-gost", 12},
    Mnemonic{"eccgost", 12},
    Mnemonic{"ecdsap256sha256", 13},
    Mnemonic{"ecdsap384sha384", 14},
    Mnemonic{"ed25519", 15},
    Mnemonic{"ed448", 16},
    Mnemonic{"sm2sm3", 17},
    Mnemonic{"ecc-gost12", 23},
    Mnemonic{"indirect", 252},
    Mnemonic{"privatedns", 253},
    Mnemonic{"privateoid", 254},
};

// RFC 4398 section 2.1.
constexpr std::array certificate_names = {
    Mnemonic{"pkix", 1},  Mnemonic{"spki", 2},  Mnemonic{"pgp", 3},    Mnemonic{"ipkix", 4},
    Mnemonic{"ispki", 5}, Mnemonic{"ipgp", 6},  Mnemonic{"acpkix", 7}, Mnemonic{"iacpkix", 8},
    Mnemonic{"uri", 253}, Mnemonic{"oid", 254},
};

constexpr std::array dsync_scheme_names = {Mnemonic{"notify", 1}};  // RFC 9859 section 2.1

// Services of RFC 1010, to which RFC 1035 section 3.4.2 refers, as far as they are still met.
constexpr std::array protocol_names = {Mnemonic{"icmp", 1}, Mnemonic{"tcp", 6},
                                       Mnemonic{"udp", 17}};
constexpr std::array service_names = {
    Mnemonic{"echo", 7},     Mnemonic{"discard", 9},   Mnemonic{"systat", 11},
    Mnemonic{"daytime", 13}, Mnemonic{"netstat", 15},  Mnemonic{"qotd", 17},
    Mnemonic{"chargen", 19}, Mnemonic{"ftp-data", 20}, Mnemonic{"ftp", 21},
    Mnemonic{"ssh", 22},     Mnemonic{"telnet", 23},   Mnemonic{"smtp", 25},
    Mnemonic{"time", 37},    Mnemonic{"whois", 43},    Mnemonic{"nicname", 43},
    Mnemonic{"domain", 53},  Mnemonic{"bootps", 67},   Mnemonic{"bootpc", 68},
    Mnemonic{"tftp", 69},    Mnemonic{"gopher", 70},   Mnemonic{"finger", 79},
    Mnemonic{"http", 80},    Mnemonic{"www", 80},      Mnemonic{"hostnames", 101},
    Mnemonic{"pop3", 110},   Mnemonic{"sunrpc", 111},  Mnemonic{"auth", 113},
    Mnemonic{"sftp", 115},   Mnemonic{"nntp", 119},    Mnemonic{"ntp", 123},
    Mnemonic{"imap", 143},   Mnemonic{"snmp", 161},    Mnemonic{"bgp", 179},
    Mnemonic{"https", 443},
};

/// A number up to `limit`, or one of `names`.
template <std::size_t size>
bool number_or_name(std::string_view text, const std::array<Mnemonic, size>& names,
                    std::uint64_t limit, std::uint64_t& value) noexcept {
    if (parse_decimal(text, limit, value)) return true;
    for (const Mnemonic& each : names)
        if (equals_folded(text, each.lower)) {
            value = each.number;
            return true;
        }
    return false;
}

/// Days since 1970-01-01 of a date of the Gregorian calendar.
std::int64_t days_from_civil(std::int64_t year, std::int64_t month, std::int64_t day) noexcept {
    year -= month <= 2 ? 1 : 0;
    const std::int64_t era = year / 400;
    const std::int64_t year_of_era = year - era * 400;
    const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

/// YYYYMMDDHHmmSS, or seconds since 1970 (RFC 4034 section 3.2).
bool parse_time(std::string_view text, std::uint64_t& value) noexcept {
    std::uint64_t all = 0;
    if (!parse_decimal(text, u64_max, all)) return false;
    if (text.size() != 14) {
        value = all;
        return all <= u32_max;
    }
    const auto take = [&all](std::uint64_t modulus) {
        const auto part = static_cast<std::int64_t>(all % modulus);
        all /= modulus;
        return part;
    };
    const std::int64_t second = take(100);
    const std::int64_t minute = take(100);
    const std::int64_t hour = take(100);
    const std::int64_t day = take(100);
    const std::int64_t month = take(100);
    const std::int64_t year = take(10000);
    constexpr std::array<std::int64_t, 12> month_days = {31, 29, 31, 30, 31, 30,
                                                         31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1 || day > month_days[static_cast<std::size_t>(month - 1)])
        return false;
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month == 2 && day == 29 && !leap) return false;
    if (hour > 23 || minute > 59 || second > 59) return false;
    const std::int64_t since =
        ((days_from_civil(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    // A date that does not fit into 32 bits would come to mean another. (BIND writes times
    // more than 68 years ahead as dates before 1970, and folds the others.)
    if (since < 0 || since > std::int64_t{UINT32_MAX}) return false;
    value = static_cast<std::uint64_t>(since);
    return true;
}

/// Decodes \X and \DDD one octet at a time. `text` is not empty.
bool take_octet(std::string_view& text, std::uint8_t& octet) noexcept {
    octet = static_cast<std::uint8_t>(text[0]);
    if (text[0] != '\\') {
        text.remove_prefix(1);
        return true;
    }
    if (text.size() < 2) return false;
    if (!is_digit(text[1])) {
        octet = static_cast<std::uint8_t>(text[1]);
        text.remove_prefix(2);
        return true;
    }
    std::uint64_t value = 0;
    if (text.size() < 4 || !parse_decimal(text.substr(1, 3), u8_max, value)) return false;
    octet = static_cast<std::uint8_t>(value);
    text.remove_prefix(4);
    return true;
}

/// The next item of a comma-separated list, taken from the front.
std::string_view take_item(std::string_view& list) noexcept {
    const std::size_t comma = list.find(',');
    const std::string_view item = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    return item;
}

}  // namespace

std::string fault_text(const Lexer& lexer) {
    switch (lexer.fault()) {
        case Lexer::Fault::none:
            break;
        case Lexer::Fault::quote_open:
            return "quoted string of line " + std::to_string(lexer.quote_line()) +
                   " is never closed";
        case Lexer::Fault::parenthesis_open:
            return "parenthesis of line " + std::to_string(lexer.parenthesis_line()) +
                   " is never closed";
        case Lexer::Fault::parenthesis_closed:
            return "closing parenthesis without an opening one";
    }
    return {};
}

bool parse_seconds(std::string_view text, std::uint64_t& seconds) noexcept {
    if (text.empty() || !is_digit(text[0])) return false;
    std::uint64_t sum = 0;
    std::uint64_t number = 0;
    bool in_number = false;
    for (const char c : text) {
        if (is_digit(c)) {
            number = number * 10 + static_cast<std::uint64_t>(c - '0');
            in_number = true;
            if (number > u32_max) return false;
            continue;
        }
        if (!in_number) return false;
        std::uint64_t unit = 0;
        switch (c) {
            case 's':
            case 'S':
                unit = 1;
                break;
            case 'm':
            case 'M':
                unit = 60;
                break;
            case 'h':
            case 'H':
                unit = 3600;
                break;
            case 'd':
            case 'D':
                unit = 86400;
                break;
            case 'w':
            case 'W':
                unit = 604800;
                break;
            default:
                return false;
        }
        sum += number * unit;
        number = 0;
        in_number = false;
        if (sum > u32_max) return false;
    }
    seconds = sum + number;
    return seconds <= u32_max;
}

bool RdataParser::failed(std::string what) {
    error_ = {Errc::malformed,
              "field " + std::to_string(taken_) + " of " + record_type_text(type_) + ": " +
                  std::move(what),
              {}};
    return false;
}

bool RdataParser::found_instead(const char* wanted) {
    return failed("found " + std::string(token_.quoted ? "quoted string " : "") +
                  quoted_excerpt(token_.text) + ", wanted " + wanted);
}

bool RdataParser::lexer_fault() {
    error_ = {Errc::malformed, fault_text(*lexer_), {}};
    return false;
}

bool RdataParser::take(const char* wanted) {
    ++taken_;
    if (pushed_back_) {
        pushed_back_ = false;
        return true;
    }
    if (lexer_->next(token_)) return true;
    if (lexer_->fault() != Lexer::Fault::none) return lexer_fault();
    return failed(std::string("missing, wanted ") + wanted);
}

bool RdataParser::take_word(const char* wanted) {
    return take(wanted) && (!token_.quoted || found_instead(wanted));
}

bool RdataParser::at_entry_end() {
    if (!pushed_back_) pushed_back_ = lexer_->next(token_);
    return !pushed_back_;
}

bool RdataParser::parse(Lexer& lexer, RrType type, NameView origin) {
    lexer_ = &lexer;
    origin_ = origin;
    type_ = type;
    row_or_null_ = type_row_or_null(type);
    out_.clear();
    taken_ = 0;
    pushed_back_ = lexer_->next(token_);
    if (pushed_back_ && token_.is_word("\\#")) return unknown_form(type);
    if (row_or_null_ == nullptr || row_or_null_->field_count == 0) {
        ++taken_;
        return pushed_back_
                   ? found_instead("\\# and the octets in hex, as the type has no other form")
                   : failed("missing, wanted \\# and the octets in hex");
    }
    if (!fields(*row_or_null_)) return false;
    if (!at_entry_end()) {
        ++taken_;
        return found_instead("the end of the record");
    }
    if (lexer_->fault() != Lexer::Fault::none) return lexer_fault();
    if (out_.overflowed()) {
        error_ = {Errc::limit, "RDATA of more than 65535 octets", {}};
        return false;
    }
    if (Status checked = check_lengths(type, out_.view()); !checked) {
        error_ = std::move(checked).error();
        return false;
    }
    return true;
}

bool RdataParser::fields(const TypeRow& row) {
    for (std::size_t i = 0; i < row.field_count; ++i)
        if (!field(row.fields[i])) return false;
    return true;
}

bool RdataParser::number(Field kind) {
    struct Range {
        std::uint64_t max;
        const char* wanted;
    };
    const Range range = kind == Field::u8    ? Range{u8_max, wanted_u8}
                        : kind == Field::u16 ? Range{u16_max, wanted_u16}
                        : kind == Field::u32 ? Range{u32_max, wanted_u32}
                        : kind == Field::u48 ? Range{u48_max, "a number 0..281474976710655"}
                                             : Range{u64_max, "a number 0..18446744073709551615"};
    std::uint64_t value = 0;
    if (!number(range.max, value, range.wanted)) return false;
    if (kind == Field::u8) out_.u8(value);
    if (kind == Field::u16) out_.u16(value);
    if (kind == Field::u48) out_.u16(value >> 32U);
    if (kind == Field::u64) out_.u32(value >> 32U);
    if (kind == Field::u32 || kind == Field::u48 || kind == Field::u64) out_.u32(value);
    return true;
}

bool RdataParser::field(Field kind) {
    // clang-format off
    switch (kind) {
        case Field::u8:
        case Field::u16:
        case Field::u32:
        case Field::u48:
        case Field::u64: return number(kind);
        case Field::ttl: return ttl();
        case Field::name:
        case Field::name_compressible:
        case Field::name_folded: return name();
        case Field::ipv4: return ipv4();
        case Field::ipv6: return ipv6();
        case Field::eui48: return octet_groups(6);
        case Field::eui64: return octet_groups(8);
        case Field::nodeid: return nodeid();
        case Field::text: return character_string();
        case Field::texts: return character_strings();
        case Field::text_long: return text_long();
        case Field::tag: return tag();
        case Field::hex: return hex_rest();
        case Field::base64: return base64_rest(false);
        case Field::base64_or_none: return at_entry_end() || base64_rest(true);
        case Field::base64_or_dash:
            if (!at_entry_end() && token_.is_word("-")) return take("-");
            return base64_rest(false);
        case Field::hex_counted8: return hex_counted8();
        case Field::base32hex_counted8: return base32hex_counted8();
        case Field::base64_counted16: return base64_counted16();
        case Field::type: return type_number();
        case Field::type_bitmap: return type_bitmap();
        case Field::nxt_bitmap: return nxt_bitmap();
        case Field::algorithm:
        case Field::certificate_type:
        case Field::dsync_scheme: return mnemonic_or_number(kind);
        case Field::time: return time();
        case Field::wks: return wks();
        case Field::loc: return loc();
        case Field::apl: return apl();
        case Field::ipseckey: return ipseckey();
        case Field::amtrelay: return amtrelay();
        case Field::svc_params: return svc_params();
        case Field::hip: return hip();
        case Field::nsap: return nsap();
        case Field::atma: return atma();
        case Field::isdn: return isdn();
        case Field::a6: return a6();
    }
    // clang-format on
    return false;
}

// RFC 3597 section 5: \# COUNT HEX…, for known types too, whose octets must then be right.
bool RdataParser::unknown_form(RrType type) {
    std::uint64_t octets = 0;
    if (!take("\\#") || !number(u16_max, octets, "the number of octets, 0..65535")) return false;
    if (octets > 0 || !at_entry_end()) {
        if (!hex_rest()) return false;
    }
    if (lexer_->fault() != Lexer::Fault::none) return lexer_fault();
    if (out_.size() != octets || out_.overflowed())
        return failed("found " + std::to_string(out_.size()) + " octets, wanted the " +
                      std::to_string(octets) + " announced");
    if (auto checked = check_rdata(type, out_.view()); !checked) {
        error_ = std::move(checked).error();
        return false;
    }
    return true;
}

bool RdataParser::number(std::uint64_t limit, std::uint64_t& value, const char* wanted) {
    return take_word(wanted) && (parse_decimal(token_.text, limit, value) || found_instead(wanted));
}

bool RdataParser::ttl() {
    constexpr const char* wanted = "seconds 0..4294967295, or with units as in 1h30m";
    std::uint64_t value = 0;
    if (!take_word(wanted)) return false;
    if (!parse_seconds(token_.text, value)) return found_instead(wanted);
    out_.u32(value);
    return true;
}

bool RdataParser::time() {
    constexpr const char* wanted =
        "a time as YYYYMMDDHHmmSS from 1970 to 21060207062815, or seconds since 1970";
    std::uint64_t value = 0;
    if (!take_word(wanted)) return false;
    if (!parse_time(token_.text, value)) return found_instead(wanted);
    out_.u32(value);
    return true;
}

bool RdataParser::name() {
    if (!take_word("a name")) return false;
    NameBuffer wire;
    const NameScan scan = scan_name(token_.text, origin_, wire);
    if (scan.fault != NameFault::none) return failed(name_error(scan, token_.text).message);
    out_.octets(base::Octets(wire).first(scan.octets));
    return true;
}

bool RdataParser::decoded(std::string_view text, std::size_t octets_max) {
    const std::size_t start = out_.size();
    if (!token_.escaped) {
        out_.text(text);
    } else {
        while (!text.empty()) {
            std::uint8_t octet = 0;
            if (!take_octet(text, octet))
                return failed("found " + quoted_excerpt(text) + ", wanted \\X or \\000..\\255");
            out_.u8(octet);
        }
    }
    const std::size_t octets = out_.overflowed() ? text.size() : out_.size() - start;
    if (octets > octets_max)
        return failed("string of " + std::to_string(octets) + " octets, limit is " +
                      std::to_string(octets_max));
    return true;
}

bool RdataParser::character_string() {
    constexpr std::size_t octets_max = 255;
    if (!take("a string")) return false;
    const std::size_t length_at = out_.size();
    out_.u8(0);
    if (!decoded(token_.text, octets_max)) return false;
    if (!out_.overflowed())
        out_.written()[length_at] = static_cast<std::uint8_t>(out_.size() - length_at - 1);
    return true;
}

bool RdataParser::character_strings() {
    do {
        if (!character_string()) return false;
    } while (!at_entry_end());
    return true;
}

bool RdataParser::text_long() {
    return take("a string") && decoded(token_.text, RdataBuffer::octets_max);
}

bool RdataParser::tag() {
    constexpr const char* wanted = "1..255 letters and digits";
    if (!take_word(wanted)) return false;
    const auto alphanumeric = [](char c) {
        const std::uint8_t lower = fold(static_cast<std::uint8_t>(c));
        return is_digit(c) || (lower >= 'a' && lower <= 'z');
    };
    if (token_.text.size() > u8_max || !std::ranges::all_of(token_.text, alphanumeric))
        return found_instead(wanted);
    out_.u8(token_.text.size());
    out_.text(token_.text);
    return true;
}

bool RdataParser::hex_digits(std::string_view digits, std::uint32_t& nibbles,
                             std::uint32_t& partial) {
    for (const char c : digits) {
        const int value = hex_value(c);
        if (value < 0) return false;
        partial = (partial << 4U) | static_cast<std::uint32_t>(value);
        if (++nibbles % 2 == 0) out_.u8(partial);
    }
    return true;
}

bool RdataParser::hex_rest() {
    constexpr const char* wanted = "octets in hex";
    std::uint32_t nibbles = 0;
    std::uint32_t partial = 0;
    do {
        if (!take_word(wanted)) return false;
        if (!hex_digits(token_.text, nibbles, partial)) return found_instead(wanted);
    } while (!at_entry_end());
    return nibbles % 2 == 0 || failed("odd number of hex digits");
}

bool RdataParser::hex_counted8() {
    constexpr const char* wanted = "1..255 octets in hex, or -";
    if (!take_word(wanted)) return false;
    if (token_.text == "-") {
        out_.u8(0);
        return true;
    }
    std::uint32_t nibbles = 0;
    std::uint32_t partial = 0;
    if (token_.text.size() % 2 != 0 || token_.text.size() > 2 * u8_max)
        return found_instead(wanted);
    out_.u8(token_.text.size() / 2);
    return hex_digits(token_.text, nibbles, partial) || found_instead(wanted);
}

bool RdataParser::base32hex_counted8() {
    constexpr const char* wanted = "1..255 octets in base32hex without padding";
    if (!take_word(wanted)) return false;
    const std::size_t octets = token_.text.size() * 5 / 8;
    // Whole octets only: fewer than the five bits of a digit may be left over, and they are zero.
    if (octets == 0 || octets > u8_max || token_.text.size() != base32hex_digits(octets))
        return found_instead(wanted);
    std::array<std::uint8_t, u8_max> decoded{};
    const base::Octets digits(reinterpret_cast<const std::uint8_t*>(token_.text.data()),
                              token_.text.size());
    if (from_base32hex(digits, decoded.data()) != 0) return found_instead(wanted);
    out_.u8(octets);
    out_.octets(base::Octets(decoded).first(octets));
    return true;
}

bool RdataParser::base64_rest(bool may_be_empty) {
    constexpr const char* wanted = "octets in base64";
    const std::size_t start = out_.size();
    Base64 base64;
    do {
        if (!take_word(wanted)) return false;
        if (!base64.add(token_.text, out_)) return found_instead(wanted);
    } while (!at_entry_end());
    if (!base64.finish(out_))
        return failed("base64 that ends inside an octet or without its padding");
    return may_be_empty || out_.size() > start || found_instead(wanted);
}

// TSIG and TKEY: the number of octets, then they themselves unless there are none.
bool RdataParser::base64_counted16() {
    constexpr const char* wanted = "octets in base64, as many as announced";
    std::uint64_t octets = 0;
    if (!number(u16_max, octets, "the number of octets, 0..65535")) return false;
    out_.u16(octets);
    if (octets == 0) return true;
    const std::size_t start = out_.size();
    Base64 base64;
    if (!take_word(wanted)) return false;
    if (!base64.add(token_.text, out_) || !base64.finish(out_)) return found_instead(wanted);
    return out_.overflowed() || out_.size() - start == octets || found_instead(wanted);
}

bool RdataParser::type_number() {
    constexpr const char* wanted = "a type";
    if (!take_word(wanted)) return false;
    const std::uint32_t number = find_type(token_.text);
    if (number == type_unknown) return found_instead(wanted);
    out_.u16(number);
    return true;
}

bool RdataParser::mnemonic_or_number(Field kind) {
    std::uint64_t value = 0;
    if (kind == Field::certificate_type) {
        constexpr const char* wanted = "a certificate type 0..65535 or its mnemonic";
        if (!take_word(wanted)) return false;
        if (!number_or_name(token_.text, certificate_names, u16_max, value))
            return found_instead(wanted);
        out_.u16(value);
        return true;
    }
    const bool scheme = kind == Field::dsync_scheme;
    const char* const wanted =
        scheme ? "a scheme 0..255 or NOTIFY" : "an algorithm 0..255 or its mnemonic";
    if (!take_word(wanted)) return false;
    const bool known = scheme ? number_or_name(token_.text, dsync_scheme_names, u8_max, value)
                              : number_or_name(token_.text, algorithm_names, u8_max, value);
    if (!known) return found_instead(wanted);
    out_.u8(value);
    return true;
}

bool RdataParser::type_bitmap() {
    std::array<std::array<std::uint8_t, 32>, 256> windows;  // each cleared when it is first used
    std::array<bool, 256> used{};
    while (!at_entry_end()) {
        constexpr const char* wanted = "a type";
        if (!take_word(wanted)) return false;
        const std::uint32_t number = find_type(token_.text);
        if (number == type_unknown) return found_instead(wanted);
        const std::uint32_t window = number >> 8U;
        if (!used[window]) windows[window] = {};
        used[window] = true;
        windows[window][(number & 0xffU) / 8] |= static_cast<std::uint8_t>(0x80U >> number % 8);
    }
    for (std::size_t window = 0; window < windows.size(); ++window) {
        if (!used[window]) continue;
        std::size_t octets = 32;
        while (windows[window][octets - 1] == 0) --octets;
        out_.u8(window);
        out_.u8(octets);
        out_.octets(base::Octets(windows[window]).first(octets));
    }
    return true;
}

bool RdataParser::nxt_bitmap() {
    std::array<std::uint8_t, 16> bits{};
    do {
        constexpr const char* wanted = "a type of number 1..127";
        if (!take_word(wanted)) return false;
        const std::uint32_t number = find_type(token_.text);
        if (number == 0 || number > 127) return found_instead(wanted);
        bits[number / 8] |= static_cast<std::uint8_t>(0x80U >> number % 8);
    } while (!at_entry_end());
    std::size_t octets = bits.size();
    while (bits[octets - 1] == 0) --octets;
    out_.octets(base::Octets(bits).first(octets));
    return true;
}

bool RdataParser::ipv4() {
    constexpr const char* wanted = "an IPv4 address";
    std::array<std::uint8_t, 4> address;
    if (!take_word(wanted)) return false;
    if (!parse_ipv4(token_.text, address)) return found_instead(wanted);
    out_.octets(address);
    return true;
}

bool RdataParser::ipv6() {
    constexpr const char* wanted = "an IPv6 address";
    std::array<std::uint8_t, 16> address;
    if (!take_word(wanted)) return false;
    if (!parse_ipv6(token_.text, address)) return found_instead(wanted);
    out_.octets(address);
    return true;
}

// EUI48, EUI64 (RFC 7043): octets of two hex digits with hyphens between.
bool RdataParser::octet_groups(std::size_t groups) {
    const char* const wanted = groups == 6 ? "six octets as in 00-00-5e-00-53-2a"
                                           : "eight octets as in 00-00-5e-ef-10-00-00-2a";
    if (!take_word(wanted)) return false;
    const std::string_view text = token_.text;
    if (text.size() != groups * 3 - 1) return found_instead(wanted);
    for (std::size_t at = 0; at < text.size(); at += 3) {
        const int high = hex_value(text[at]);
        const int low = hex_value(text[at + 1]);
        if (high < 0 || low < 0 || (at + 2 < text.size() && text[at + 2] != '-'))
            return found_instead(wanted);
        out_.u8(static_cast<std::uint8_t>(high * 16 + low));
    }
    return true;
}

// NID, L64 (RFC 6742 section 2.1.2): four groups of one to four hex digits.
bool RdataParser::nodeid() {
    constexpr const char* wanted = "64 bits as in 0014:4fff:ff20:ee64";
    if (!take_word(wanted)) return false;
    std::string_view rest = token_.text;
    for (int group = 0; group < 4; ++group) {
        const std::size_t colon = rest.find(':');
        const std::string_view digits = rest.substr(0, colon);
        if ((colon == std::string_view::npos) != (group == 3) || digits.empty() ||
            digits.size() > 4)
            return found_instead(wanted);
        std::uint32_t value = 0;
        for (const char c : digits) {
            if (hex_value(c) < 0) return found_instead(wanted);
            value = value * 16 + static_cast<std::uint32_t>(hex_value(c));
        }
        out_.u16(value);
        rest.remove_prefix(std::min(rest.size(), digits.size() + 1));
    }
    return true;
}

// RFC 1035 section 3.4.2, behind the address: protocol and ports.
bool RdataParser::wks() {
    constexpr const char* wanted_protocol = "a protocol 0..255, tcp or udp";
    constexpr const char* wanted_port = "a port 0..65535 or a well-known service";
    std::uint64_t value = 0;
    if (!take_word(wanted_protocol)) return false;
    if (!number_or_name(token_.text, protocol_names, u8_max, value))
        return found_instead(wanted_protocol);
    out_.u8(value);
    const std::size_t start = out_.size();
    while (!at_entry_end()) {
        if (!take_word(wanted_port)) return false;
        if (!number_or_name(token_.text, service_names, u16_max, value))
            return found_instead(wanted_port);
        while (out_.size() - start <= value / 8) out_.u8(0);
        out_.written()[start + value / 8] |= static_cast<std::uint8_t>(0x80U >> value % 8);
    }
    return true;
}

/// "12.748", also "12." and ".748", as digits before and behind the point; false when `digits_max`
/// or `limit` is exceeded. `fraction`: in units of the last of `digits_max` places.
bool parse_fixed_point(std::string_view text, std::uint64_t limit, std::size_t digits_max,
                       std::uint64_t& whole, std::uint64_t& fraction) {
    const std::size_t point = std::min(text.find('.'), text.size());
    const std::string_view before = text.substr(0, point);
    const std::string_view behind = text.substr(std::min(point + 1, text.size()));
    whole = fraction = 0;
    if (before.empty() && behind.empty()) return false;
    if (!before.empty() && !parse_decimal(before, limit, whole)) return false;
    if (behind.size() > digits_max) return false;
    if (!behind.empty() && !parse_decimal(behind, 999, fraction)) return false;
    for (std::size_t i = behind.size(); i < digits_max; ++i) fraction *= 10;
    return true;
}

// "51 30 12.748 N": degrees, perhaps minutes, perhaps seconds with thousandths, direction.
bool RdataParser::loc_angle(std::uint32_t degrees_max, char positive, char negative) {
    std::uint64_t total = 0;  // thousandths of arc seconds
    std::uint64_t value = 0;
    if (!number(degrees_max, value, degrees_max == 90 ? "degrees 0..90" : "degrees 0..180"))
        return false;
    total = value * 3600000;
    const char* const wanted_direction = positive == 'N' ? "N or S" : "E or W";
    for (int part = 0;; ++part) {
        if (!take_word(wanted_direction)) return false;
        const char letter =
            token_.text.size() == 1 ? static_cast<char>(token_.text[0] & ~0x20) : '\0';
        if (letter == positive || letter == negative) {
            if (total > std::uint64_t{degrees_max} * 3600000) return failed("angle over its limit");
            out_.u32(letter == positive ? 0x80000000U + total : 0x80000000U - total);
            return true;
        }
        if (part == 0) {
            if (!parse_decimal(token_.text, 59, value))
                return found_instead("minutes 0..59 or a direction");
            total += value * 60000;
        } else if (part == 1) {
            std::uint64_t thousandths = 0;
            if (!parse_fixed_point(token_.text, 59, 3, value, thousandths))
                return found_instead("seconds 0..59.999 or a direction");
            total += value * 1000 + thousandths;
        } else {
            return found_instead(wanted_direction);
        }
    }
}

// "-2.00m" in centimetres above `base_cm` below zero.
bool RdataParser::loc_metres(std::uint64_t& centimetres, std::uint64_t limit, bool may_be_negative,
                             std::uint64_t base_cm) {
    const char* const wanted =
        may_be_negative ? "an altitude -100000.00m..42849672.95m" : "metres 0..90000000.00m";
    if (!take_word(wanted)) return false;
    std::string_view text = token_.text;
    const bool negative = may_be_negative && text.starts_with('-');
    if (negative || (may_be_negative && text.starts_with('+'))) text.remove_prefix(1);
    if (text.ends_with('m') || text.ends_with('M')) text.remove_suffix(1);
    std::uint64_t metres = 0;
    std::uint64_t hundredths = 0;
    if (!parse_fixed_point(text, limit / 100, 2, metres, hundredths)) return found_instead(wanted);
    centimetres = metres * 100 + hundredths;
    if (negative ? centimetres > base_cm : centimetres > limit) return found_instead(wanted);
    centimetres = negative ? base_cm - centimetres : base_cm + centimetres;
    return true;
}

// RFC 1876 section 3.
bool RdataParser::loc() {
    constexpr std::uint64_t altitude_base_cm = 10000000;
    const std::size_t start = out_.size();
    out_.u32(0x00121613);  // version; size 1 m, horizontal precision 10 km, vertical precision 10 m
    if (!loc_angle(90, 'N', 'S') || !loc_angle(180, 'E', 'W')) return false;
    std::uint64_t centimetres = 0;
    if (!loc_metres(centimetres, u32_max - altitude_base_cm, true, altitude_base_cm)) return false;
    out_.u32(centimetres);
    for (std::size_t i = 1; i <= 3 && !at_entry_end(); ++i) {
        if (!loc_metres(centimetres, 9000000000, false, 0)) return false;
        std::uint64_t exponent = 0;
        for (; centimetres >= 10; centimetres /= 10) ++exponent;
        out_.written()[start + i] = static_cast<std::uint8_t>(centimetres << 4U | exponent);
    }
    return true;
}

// RFC 3123 section 5: [!]family:address/prefix.
bool RdataParser::apl() {
    while (!at_entry_end()) {
        constexpr const char* wanted = "an address prefix as in 1:192.0.2.0/24 or !2:2001:db8::/32";
        if (!take_word(wanted)) return false;
        std::string_view text = token_.text;
        const bool negated = text.starts_with('!');
        if (negated) text.remove_prefix(1);
        const std::size_t slash = text.find('/');
        if (text.size() < 2 || text[1] != ':' || slash == std::string_view::npos)
            return found_instead(wanted);
        const std::string_view address_text = text.substr(2, slash - 2);
        std::array<std::uint8_t, 16> address{};
        const bool ipv6 = text[0] == '2';
        const bool known =
            ipv6 ? parse_ipv6(address_text, address)
                 : text[0] == '1' && parse_ipv4(address_text, std::span(address).first<4>());
        std::uint64_t bits = 0;
        if (!known || !parse_decimal(text.substr(slash + 1), ipv6 ? 128 : 32, bits))
            return found_instead(wanted);
        std::size_t octets = ipv6 ? 16 : 4;
        while (octets > 0 && address[octets - 1] == 0) --octets;
        out_.u16(ipv6 ? 2 : 1);
        out_.u8(bits);
        out_.u8((negated ? 0x80U : 0U) | octets);
        out_.octets(base::Octets(address).first(octets));
    }
    return true;
}

bool RdataParser::gateway(std::uint64_t kind) {
    switch (kind) {
        case 0:
            return take_word("\".\"") &&
                   (token_.text == "." || found_instead("\".\", as its type is 0"));
        case 1:
            return ipv4();
        case 2:
            return ipv6();
        default:
            return name();
    }
}

// RFC 4025 section 3.1.
bool RdataParser::ipseckey() {
    std::uint64_t precedence = 0;
    std::uint64_t kind = 0;
    if (!number(u8_max, precedence, wanted_u8) || !number(3, kind, "a gateway type 0..3"))
        return false;
    out_.u8(precedence);
    out_.u8(kind);
    std::uint64_t algorithm = 0;
    if (!number(u8_max, algorithm, "an algorithm 0..255")) return false;
    out_.u8(algorithm);
    return gateway(kind) && (at_entry_end() || base64_rest(true));
}

// RFC 8777 section 4.3.1.
bool RdataParser::amtrelay() {
    std::uint64_t precedence = 0;
    std::uint64_t discovery = 0;
    std::uint64_t kind = 0;
    if (!number(u8_max, precedence, wanted_u8) || !number(1, discovery, "0 or 1") ||
        !number(3, kind, "a relay type 0..3"))
        return false;
    out_.u8(precedence);
    out_.u8(discovery << 7U | kind);
    return gateway(kind);
}

bool RdataParser::svc_key(std::string_view text, std::uint16_t& key) {
    for (std::size_t i = 0; i < svc_key_names.size(); ++i)
        if (text == svc_key_names[i]) {
            key = static_cast<std::uint16_t>(i);
            return true;
        }
    std::uint64_t value = 0;
    // No leading zeros (RFC 9460 section 2.1).
    if (!text.starts_with("key") || text.size() < 4 || (text[3] == '0' && text.size() > 4) ||
        !parse_decimal(text.substr(3), u16_max, value))
        return failed("found " + quoted_excerpt(text) +
                      ", wanted the key of a parameter or key0..key65534");
    key = static_cast<std::uint16_t>(value);
    return true;
}

// RFC 9460 section 2.1 and appendix A. In any order here, ascending on the wire.
bool RdataParser::svc_params() {
    const std::size_t start = out_.size();
    while (!at_entry_end()) {
        const std::size_t param = out_.size();
        if (!svc_param()) return false;
        if (out_.overflowed()) return failed("RDATA of more than 65535 octets");
        const base::MutableOctets wire = out_.written();
        const std::uint16_t key = base::load_u16(&wire[param]);
        std::size_t place = start;
        while (place < param && base::load_u16(&wire[place]) < key)
            place += 4U + base::load_u16(&wire[place + 2]);
        if (place < param && base::load_u16(&wire[place]) == key)
            return failed("parameter given twice");
        std::rotate(wire.begin() + static_cast<std::ptrdiff_t>(place),
                    wire.begin() + static_cast<std::ptrdiff_t>(param), wire.end());
    }
    if (lexer_->fault() != Lexer::Fault::none) return lexer_fault();
    if (auto checked = check_rdata(type_, out_.view()); !checked) {
        error_ = std::move(checked).error();
        return false;
    }
    return true;
}

bool RdataParser::svc_param() {
    if (!take_word("a parameter as in port=443")) return false;
    const std::size_t equals = token_.text.find('=');
    std::uint16_t key = 0;
    if (!svc_key(token_.text.substr(0, equals), key)) return false;
    const bool generic = token_.text.starts_with("key");
    std::string_view value;
    if (equals != std::string_view::npos) {
        value = token_.text.substr(equals + 1);
        if (value.empty() && lexer_->quote_follows()) {
            if (!lexer_->next(token_)) return lexer_fault();
            value = token_.text;
        }
    }
    out_.u16(key);
    const std::size_t length_at = out_.size();
    out_.u16(0);
    // Behind keyNNNNN stand the octets themselves, for keys that have a name and a form of their
    // own too (RFC 9460 section 2.1).
    if (!(generic ? decoded(value, RdataBuffer::octets_max) : svc_value(key, value))) return false;
    if (!out_.overflowed())
        base::store_u16(&out_.written()[length_at],
                        static_cast<std::uint16_t>(out_.size() - length_at - 2));
    return true;
}

bool RdataParser::svc_value(std::uint16_t key, std::string_view value) {
    const std::size_t start = out_.size();
    const auto wanted = [&](const char* what) {
        return failed("found " + quoted_excerpt(value) + ", wanted " + what);
    };
    switch (static_cast<SvcKey>(key)) {
        case SvcKey::mandatory:
            return svc_mandatory(value);
        case SvcKey::alpn:
            return svc_alpn(value);
        case SvcKey::no_default_alpn:
        case SvcKey::ohttp:
            return value.empty() || wanted("no value");
        case SvcKey::port: {
            std::uint64_t port = 0;
            if (!parse_decimal(value, u16_max, port)) return wanted("a port 0..65535");
            out_.u16(port);
            return true;
        }
        case SvcKey::ipv4hint:
            for (std::string_view rest = value; !rest.empty() || out_.size() == start;) {
                std::array<std::uint8_t, 4> address;
                if (!parse_ipv4(take_item(rest), address))
                    return wanted("IPv4 addresses with commas between");
                out_.octets(address);
                if (out_.overflowed()) return true;
            }
            return !value.ends_with(',') || wanted("IPv4 addresses with commas between");
        case SvcKey::ipv6hint:
            for (std::string_view rest = value; !rest.empty() || out_.size() == start;) {
                std::array<std::uint8_t, 16> address;
                if (!parse_ipv6(take_item(rest), address))
                    return wanted("IPv6 addresses with commas between");
                out_.octets(address);
                if (out_.overflowed()) return true;
            }
            return !value.ends_with(',') || wanted("IPv6 addresses with commas between");
        case SvcKey::ech: {
            Base64 base64;
            if (value.empty() || !base64.add(value, out_) || !base64.finish(out_))
                return wanted("octets in base64");
            return true;
        }
        case SvcKey::dohpath:
            return decoded(value, RdataBuffer::octets_max);
        case SvcKey::tls_supported_groups:
            for (std::string_view rest = value; !rest.empty() || out_.size() == start;) {
                std::uint64_t group = 0;
                if (!parse_decimal(take_item(rest), u16_max, group))
                    return wanted("numbers 0..65535 with commas between");
                out_.u16(group);
                if (out_.overflowed()) return true;
            }
            return !value.ends_with(',') || wanted("numbers 0..65535 with commas between");
    }
    return true;
}

// Keys in any order in text, ascending on the wire (RFC 9460 section 8).
bool RdataParser::svc_mandatory(std::string_view value) {
    const std::size_t start = out_.size();
    do {
        std::uint16_t key = 0;
        if (!svc_key(take_item(value), key)) return false;
        std::size_t place = start;
        while (place < out_.size() && base::load_u16(&out_.written()[place]) < key) place += 2;
        if (place < out_.size() && base::load_u16(&out_.written()[place]) == key)
            return failed("mandatory names a key twice");
        const std::size_t end = out_.size();
        out_.u16(key);
        if (out_.overflowed()) return true;
        const base::MutableOctets wire = out_.written();
        std::rotate(wire.begin() + static_cast<std::ptrdiff_t>(place),
                    wire.begin() + static_cast<std::ptrdiff_t>(end), wire.end());
    } while (!value.empty());
    return true;
}

// Escapes are undone twice: as in any string, then \, and \\ inside the list (RFC 9460 appendix
// A.1). Done in place: the octet for the first length and then each comma become the lengths of the
// items.
bool RdataParser::svc_alpn(std::string_view value) {
    const std::size_t start = out_.size();
    out_.u8(0);
    if (!decoded(value, RdataBuffer::octets_max)) return false;
    if (out_.overflowed()) return true;
    const base::MutableOctets wire = out_.written();
    std::size_t length_at = start;
    std::size_t to = start + 1;
    for (std::size_t from = start + 1;; ++from) {
        if (from == wire.size() || wire[from] == ',') {
            const std::size_t octets = to - length_at - 1;
            if (octets == 0) return failed("empty protocol identifier in alpn");
            if (octets > u8_max)
                return failed("protocol identifier of " + std::to_string(octets) +
                              " octets, limit is 255");
            wire[length_at] = static_cast<std::uint8_t>(octets);
            if (from == wire.size()) break;
            length_at = to++;
            continue;
        }
        if (wire[from] == '\\' && ++from == wire.size()) return failed("alpn ends in a backslash");
        wire[to++] = wire[from];
    }
    out_.shrink(to);
    return true;
}

// RFC 8005 section 6: algorithm, tag in hex, key in base64, rendezvous servers.
bool RdataParser::hip() {
    std::uint64_t algorithm = 0;
    if (!number(u8_max, algorithm, "an algorithm 0..255")) return false;
    constexpr const char* wanted_tag = "1..255 octets in hex";
    constexpr const char* wanted_key = "1..65535 octets in base64";
    if (!take_word(wanted_tag)) return false;
    const std::size_t tag_octets = token_.text.size() / 2;
    if (token_.text.size() % 2 != 0 || tag_octets == 0 || tag_octets > u8_max)
        return found_instead(wanted_tag);
    out_.u8(tag_octets);
    out_.u8(algorithm);
    const std::size_t length_at = out_.size();
    out_.u16(0);
    std::uint32_t nibbles = 0;
    std::uint32_t partial = 0;
    if (!hex_digits(token_.text, nibbles, partial)) return found_instead(wanted_tag);
    if (!take_word(wanted_key)) return false;
    const std::size_t start = out_.size();
    Base64 base64;
    if (!base64.add(token_.text, out_) || !base64.finish(out_) || out_.size() == start)
        return found_instead(wanted_key);
    base::store_u16(&out_.written()[length_at], static_cast<std::uint16_t>(out_.size() - start));
    while (!at_entry_end())
        if (!name()) return false;
    return true;
}

// RFC 1706 section 5: 0x, then hex with full stops anywhere.
bool RdataParser::nsap() {
    constexpr const char* wanted = "0x and octets in hex, perhaps with full stops between";
    if (!take_word(wanted)) return false;
    std::string_view text = token_.text;
    if (!text.starts_with("0x") && !text.starts_with("0X")) return found_instead(wanted);
    text.remove_prefix(2);
    std::uint32_t nibbles = 0;
    std::uint32_t partial = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] != '.' && !hex_digits(text.substr(i, 1), nibbles, partial))
            return found_instead(wanted);
    return (nibbles > 0 && nibbles % 2 == 0) || found_instead(wanted);
}

// The ATM Forum's af-saa-0069: +DIGITS is an E.164 number (format 1), hex with full stops an AESA
// (format 0).
bool RdataParser::atma() {
    constexpr const char* wanted =
        "+ and digits, or octets in hex, perhaps with full stops between";
    if (!take_word(wanted)) return false;
    std::string_view text = token_.text;
    if (text.starts_with('+')) {
        text.remove_prefix(1);
        if (text.empty() || !std::ranges::all_of(text, is_digit)) return found_instead(wanted);
        out_.u8(1);
        out_.text(text);
        return true;
    }
    out_.u8(0);
    std::uint32_t nibbles = 0;
    std::uint32_t partial = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] != '.' && !hex_digits(text.substr(i, 1), nibbles, partial))
            return found_instead(wanted);
    return (nibbles > 0 && nibbles % 2 == 0) || found_instead(wanted);
}

bool RdataParser::isdn() {
    return character_string() && (at_entry_end() || character_string());
}

// RFC 2874 section 3.1: no suffix when the prefix is all 128 bits, no name when there is no prefix.
bool RdataParser::a6() {
    std::uint64_t bits = 0;
    if (!number(128, bits, "a prefix length 0..128")) return false;
    out_.u8(bits);
    if (bits < 128) {
        constexpr const char* wanted = "an IPv6 address with its prefix zero";
        std::array<std::uint8_t, 16> address{};
        if (!take_word(wanted)) return false;
        if (!parse_ipv6(token_.text, address)) return found_instead(wanted);
        for (std::size_t bit = 0; bit < bits; ++bit)
            if ((address[bit / 8] & (0x80U >> bit % 8)) != 0) return found_instead(wanted);
        out_.octets(base::Octets(address).subspan(bits / 8));
    }
    return bits == 0 || name();
}

Status parse_rdata(std::string_view text, RrType type, NameView origin,
                   std::vector<std::uint8_t>& out) {
    Lexer lexer(text);
    RdataParser parser;
    if (!parser.parse(lexer, type, origin)) return tl::unexpected<Error>(parser.take_error());
    lexer.skip_entry();
    Token rest;
    while (!lexer.at_end()) {
        if (lexer.next(rest) || lexer.fault() != Lexer::Fault::none)
            return fail(Errc::malformed,
                        "text behind the end of the record, wanted one line or parentheses");
        lexer.skip_entry();
    }
    const base::Octets rdata = parser.rdata();
    out.insert(out.end(), rdata.begin(), rdata.end());
    return {};
}

}  // namespace zc::dns
