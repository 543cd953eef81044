#include "dns/types.h"

#include <algorithm>

#include "dns/address_text.h"
#include "dns/name_text.h"
#include "dns/type_table.h"

namespace zc::dns {

namespace {

using enum Field;

constexpr TypeRow row(std::uint16_t number, std::string_view mnemonic,
                      std::initializer_list<Field> fields = {}) {
    TypeRow made{.number = number, .mnemonic = mnemonic};
    for (const Field field : fields) {
        made.fields[made.field_count++] = field;
        const bool folds = field == name_compressible || field == name_folded || field == a6;
        if (folds || field == name) made.name_end = made.field_count;
        made.has_folded = made.has_folded || folds;
    }
    return made;
}

// IANA "Domain Name System (DNS) Parameters", in the order of numbers, and PowerDNS's two as they
// are kept here. A type without fields has no presentation format but \#: meta types, and those
// whose RDATA is anything.
constexpr std::array type_rows = {
    row(0, "LUA", {Field::type, texts}),
    row(1, "A", {ipv4}),
    row(2, "NS", {name_compressible}),
    row(3, "MD", {name_compressible}),
    row(4, "MF", {name_compressible}),
    row(5, "CNAME", {name_compressible}),
    row(6, "SOA", {name_compressible, name_compressible, u32, ttl, ttl, ttl, ttl}),
    row(7, "MB", {name_compressible}),
    row(8, "MG", {name_compressible}),
    row(9, "MR", {name_compressible}),
    row(10, "NULL"),
    row(11, "WKS", {ipv4, wks}),
    row(12, "PTR", {name_compressible}),
    row(13, "HINFO", {text, text}),
    row(14, "MINFO", {name_compressible, name_compressible}),
    row(15, "MX", {u16, name_compressible}),
    row(16, "TXT", {texts}),
    row(17, "RP", {name_folded, name_folded}),
    row(18, "AFSDB", {u16, name_folded}),
    row(19, "X25", {text}),
    row(20, "ISDN", {isdn}),
    row(21, "RT", {u16, name_folded}),
    row(22, "NSAP", {nsap}),
    row(23, "NSAP-PTR", {name}),
    row(24, "SIG", {Field::type, algorithm, u8, ttl, time, time, u16, name_folded, base64}),
    row(25, "KEY", {u16, u8, algorithm, base64_or_none}),
    row(26, "PX", {u16, name_folded, name_folded}),
    row(27, "GPOS", {text, text, text}),
    row(28, "AAAA", {ipv6}),
    row(29, "LOC", {loc}),
    row(30, "NXT", {name_folded, nxt_bitmap}),
    row(31, "EID", {hex}),
    row(32, "NIMLOC", {hex}),
    row(33, "SRV", {u16, u16, u16, name_folded}),
    row(34, "ATMA", {atma}),
    row(35, "NAPTR", {u16, u16, text, text, text, name_folded}),
    row(36, "KX", {u16, name_folded}),
    row(37, "CERT", {certificate_type, u16, algorithm, base64}),
    row(38, "A6", {a6}),
    row(39, "DNAME", {name_folded}),
    row(40, "SINK", {u8, u8, u8, base64_or_none}),
    row(41, "OPT"),
    row(42, "APL", {apl}),
    row(43, "DS", {u16, algorithm, u8, hex}),
    row(44, "SSHFP", {u8, u8, hex}),
    row(45, "IPSECKEY", {ipseckey}),
    row(46, "RRSIG", {Field::type, algorithm, u8, ttl, time, time, u16, name_folded, base64}),
    row(47, "NSEC", {name, type_bitmap}),
    row(48, "DNSKEY", {u16, u8, algorithm, base64}),
    row(49, "DHCID", {base64}),
    row(50, "NSEC3", {u8, u8, u16, hex_counted8, base32hex_counted8, type_bitmap}),
    row(51, "NSEC3PARAM", {u8, u8, u16, hex_counted8}),
    row(52, "TLSA", {u8, u8, u8, hex}),
    row(53, "SMIMEA", {u8, u8, u8, hex}),
    row(55, "HIP", {hip}),
    row(56, "NINFO", {texts}),
    row(57, "RKEY", {u16, u8, algorithm, base64}),
    row(58, "TALINK", {name, name}),
    row(59, "CDS", {u16, algorithm, u8, hex}),
    row(60, "CDNSKEY", {u16, u8, algorithm, base64}),
    row(61, "OPENPGPKEY", {base64}),
    row(62, "CSYNC", {u32, u16, type_bitmap}),
    row(63, "ZONEMD", {u32, u8, u8, hex}),
    row(64, "SVCB", {u16, name, svc_params}),
    row(65, "HTTPS", {u16, name, svc_params}),
    row(66, "DSYNC", {Field::type, dsync_scheme, u16, name}),
    row(67, "HHIT", {base64}),
    row(68, "BRID", {base64}),
    row(99, "SPF", {texts}),
    row(100, "UINFO"),
    row(101, "UID"),
    row(102, "GID"),
    row(103, "UNSPEC"),
    row(104, "NID", {u16, nodeid}),
    row(105, "L32", {u16, ipv4}),
    row(106, "L64", {u16, nodeid}),
    row(107, "LP", {u16, name}),
    row(108, "EUI48", {eui48}),
    row(109, "EUI64", {eui64}),
    row(128, "NXNAME"),
    row(249, "TKEY", {name, time, time, u16, u16, base64_counted16, base64_counted16}),
    row(250, "TSIG", {name, u48, u16, base64_counted16, u16, u16, base64_counted16}),
    row(251, "IXFR"),
    row(252, "AXFR"),
    row(253, "MAILB"),
    row(254, "MAILA"),
    row(255, "ANY"),
    row(256, "URI", {u16, u16, text_long}),
    row(257, "CAA", {u8, tag, text_long}),
    row(258, "AVC", {texts}),
    row(259, "DOA", {u32, u32, u8, text, base64_or_dash}),
    row(260, "AMTRELAY", {amtrelay}),
    row(261, "RESINFO", {texts}),
    row(262, "WALLET", {texts}),
    row(263, "CLA", {texts}),
    row(264, "IPN", {u64}),
    row(32768, "TA", {u16, algorithm, u8, hex}),
    row(32769, "DLV", {u16, algorithm, u8, hex}),
    row(65535, "ALIAS", {name}),
};
static_assert(std::ranges::is_sorted(type_rows, {}, &TypeRow::number));

constexpr std::uint8_t no_row = 0xff;
constexpr std::size_t low_types = 265;  // numbers above are three, looked for one by one
static_assert(type_rows.size() < no_row);

constexpr auto row_of_low_type = [] {
    std::array<std::uint8_t, low_types> index{};
    index.fill(no_row);
    for (std::size_t i = 0; i < type_rows.size(); ++i)
        if (type_rows[i].number < low_types)
            index[type_rows[i].number] = static_cast<std::uint8_t>(i);
    return index;
}();

constexpr std::size_t mnemonic_octets_max = 10;  // NSEC3PARAM, OPENPGPKEY

struct MnemonicKey {
    std::uint64_t first = 0;   // eight octets in capitals
    std::uint32_t second = 0;  // two more
    constexpr std::size_t slot(std::size_t slots) const noexcept {
        const std::uint64_t mixed = (first ^ (std::uint64_t{second} << 29U)) * 0x9e3779b97f4a7c15U;
        return static_cast<std::size_t>(mixed >> 48U) % slots;
    }
    constexpr bool operator==(const MnemonicKey&) const = default;
};

constexpr MnemonicKey mnemonic_key(std::string_view text) noexcept {
    MnemonicKey key;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const auto octet = static_cast<std::uint8_t>(c >= 'a' && c <= 'z' ? c - 0x20 : c);
        if (i < 8)
            key.first = (key.first << 8U) | octet;
        else
            key.second = (key.second << 8U) | octet;
    }
    return key;
}

// Open addressing, at most a third full; a master file looks up one type a record.
struct MnemonicSlot {
    MnemonicKey key;
    std::uint16_t number = 0;
};
constexpr std::size_t mnemonic_slots = 512;
constexpr auto mnemonic_table = [] {
    std::array<MnemonicSlot, mnemonic_slots> table{};
    const auto add = [&](std::string_view text, std::uint16_t number) {
        const MnemonicKey key = mnemonic_key(text);
        std::size_t at = key.slot(mnemonic_slots);
        while (table[at].number != 0) at = (at + 1) % mnemonic_slots;
        table[at] = {key, number};
    };
    for (const TypeRow& each : type_rows)
        add(each.mnemonic,
            static_cast<std::uint16_t>(to_powerdns(static_cast<RrType>(each.number))));
    add("*", 255);
    return table;
}();
static_assert(std::ranges::all_of(type_rows, [](const TypeRow& each) {
    return each.mnemonic.size() <= mnemonic_octets_max;
}));

/// The number behind a prefix of letters ("TYPE65280"), at most 65535; type_unknown when it is
/// none.
std::uint32_t number_behind(std::string_view text, std::string_view lower_prefix) noexcept {
    if (text.size() <= lower_prefix.size() || text.size() > lower_prefix.size() + 5 ||
        !equals_folded(text.substr(0, lower_prefix.size()), lower_prefix))
        return type_unknown;
    std::uint32_t value = 0;
    for (const char c : text.substr(lower_prefix.size())) {
        if (c < '0' || c > '9') return type_unknown;
        value = value * 10 + static_cast<std::uint32_t>(c - '0');
    }
    return std::min(value, type_unknown);
}

struct Named {
    std::uint16_t number;
    std::string_view name;
};

constexpr std::array class_names = {
    Named{1, "IN"}, Named{3, "CH"}, Named{4, "HS"}, Named{254, "NONE"}, Named{255, "ANY"},
};

// IANA "DNS RCODEs"; 16 is BADVERS in EDNS (and BADSIG in TSIG, which is no message's rcode).
constexpr std::array rcode_names = {
    Named{0, "NOERROR"},  Named{1, "FORMERR"}, Named{2, "SERVFAIL"},  Named{3, "NXDOMAIN"},
    Named{4, "NOTIMP"},   Named{5, "REFUSED"}, Named{6, "YXDOMAIN"},  Named{7, "YXRRSET"},
    Named{8, "NXRRSET"},  Named{9, "NOTAUTH"}, Named{10, "NOTZONE"},  Named{11, "DSOTYPENI"},
    Named{16, "BADVERS"}, Named{17, "BADKEY"}, Named{18, "BADTIME"},  Named{19, "BADMODE"},
    Named{20, "BADNAME"}, Named{21, "BADALG"}, Named{22, "BADTRUNC"}, Named{23, "BADCOOKIE"},
};

constexpr std::array opcode_names = {
    Named{0, "QUERY"},  Named{1, "IQUERY"}, Named{2, "STATUS"},
    Named{4, "NOTIFY"}, Named{5, "UPDATE"}, Named{6, "DSO"},
};

template <std::size_t size>
std::string name_or_number(const std::array<Named, size>& names, std::uint16_t number,
                           std::string_view prefix) {
    for (const Named& each : names)
        if (each.number == number) return std::string(each.name);
    return std::string(prefix) + std::to_string(number);
}

}  // namespace

bool equals_folded(std::string_view text, std::string_view lower) noexcept {
    return std::ranges::equal(text, lower, [](char a, char b) {
        return fold(static_cast<std::uint8_t>(a)) == static_cast<std::uint8_t>(b);
    });
}

const TypeRow* type_row_or_null(RrType type) noexcept {
    const auto number = static_cast<std::uint16_t>(type);
    if (number < low_types) {
        const std::uint8_t index = row_of_low_type[number];
        return index == no_row ? nullptr : &type_rows[index];
    }
    for (auto at = type_rows.rbegin(); at->number >= low_types; ++at)
        if (at->number == number) return &*at;
    return nullptr;
}

std::span<const Field> fields_of(RrType type) noexcept {
    const TypeRow* found = type_row_or_null(type);
    return found == nullptr ? std::span<const Field>()
                            : std::span(found->fields).first(found->field_count);
}

std::uint32_t find_type(std::string_view text) noexcept {
    if (text.size() <= mnemonic_octets_max) {
        const MnemonicKey key = mnemonic_key(text);
        for (std::size_t at = key.slot(mnemonic_slots); mnemonic_table[at].number != 0;
             at = (at + 1) % mnemonic_slots)
            if (mnemonic_table[at].key == key) return mnemonic_table[at].number;
    }
    return number_behind(text, "type");
}

bool is_generic_type(std::string_view text) noexcept {
    return number_behind(text, "type") != type_unknown;
}

std::string to_string(RrType type) {
    const TypeRow* found = type_row_or_null(type);
    if (found != nullptr && !is_powerdns_only(type)) return std::string(found->mnemonic);
    return "TYPE" + std::to_string(static_cast<std::uint16_t>(type));
}

std::string record_type_text(RrType type) {
    return is_powerdns_only(type) ? std::string(type_row_or_null(type)->mnemonic) : to_string(type);
}

Result<RrType> parse_type(std::string_view text) {
    const std::uint32_t number = find_type(text);
    if (number == type_unknown)
        return fail(Errc::malformed, "unknown type " + quoted_excerpt(text) +
                                         ", wanted a mnemonic or TYPE0..TYPE65535");
    return static_cast<RrType>(number);
}

Result<RrType> parse_record_type(std::string_view text) {
    ZC_TRY(const RrType type, parse_type(text));
    return is_generic_type(text) ? type : from_powerdns(type);
}

std::string to_string(RrClass value) {
    return name_or_number(class_names, static_cast<std::uint16_t>(value), "CLASS");
}

Result<RrClass> parse_class(std::string_view text) {
    for (const Named& each : class_names)
        if (std::ranges::equal(text, each.name, [](char a, char b) {
                return fold(static_cast<std::uint8_t>(a)) == fold(static_cast<std::uint8_t>(b));
            }))
            return static_cast<RrClass>(each.number);
    const std::uint32_t number = number_behind(text, "class");
    if (number == type_unknown)
        return fail(Errc::malformed, "unknown class " + quoted_excerpt(text) +
                                         ", wanted IN, CH, HS, NONE, ANY or CLASS0..CLASS65535");
    return static_cast<RrClass>(number);
}

std::string to_string(Rcode rcode) {
    return name_or_number(rcode_names, static_cast<std::uint16_t>(rcode), "RCODE");
}

std::string to_string(Opcode opcode) {
    return name_or_number(opcode_names, static_cast<std::uint16_t>(opcode), "OPCODE");
}

std::string_view to_string(Transport transport) noexcept {
    switch (transport) {
        case Transport::udp:
            return "udp";
        case Transport::tcp:
            return "tcp";
        case Transport::dot:
            return "dot";
        case Transport::doh:
            return "doh";
    }
    return "unknown";
}

bool Prefix::contains(const Address& other) const noexcept {
    if (other.size != address.size) return false;
    const std::size_t whole = bits / 8U;
    if (!std::equal(address.octets.begin(),
                    address.octets.begin() + static_cast<std::ptrdiff_t>(whole),
                    other.octets.begin()))
        return false;
    if (bits % 8U == 0) return true;
    const unsigned shift = 8U - bits % 8U;
    return address.octets[whole] >> shift == other.octets[whole] >> shift;
}

Result<Address> parse_address(std::string_view text) {
    Address address;
    if (text.find(':') != std::string_view::npos) {
        if (parse_ipv6(text, std::span(address.octets))) {
            address.size = 16;
            return address;
        }
    } else if (parse_ipv4(text, std::span(address.octets).first<4>())) {
        address.size = 4;
        return address;
    }
    return fail(Errc::malformed, quoted_excerpt(text) + " is no IPv4 or IPv6 address");
}

std::string to_string(const Address& address) {
    std::string out;
    if (address.size == 4) append_ipv4(out, std::span(address.octets).first<4>());
    if (address.size == 16) append_ipv6(out, std::span(address.octets));
    return out;
}

Result<Prefix> parse_prefix(std::string_view text) {
    const std::size_t slash = text.find('/');
    ZC_TRY(const Address address, parse_address(text.substr(0, slash)));
    const auto bits_max = static_cast<std::uint8_t>(address.size * 8);
    Prefix prefix{.address = address, .bits = bits_max};
    if (slash == std::string_view::npos) return prefix;
    const std::string_view digits = text.substr(slash + 1);
    std::uint32_t bits = 0;
    for (const char c : digits)
        bits = c >= '0' && c <= '9' && bits <= bits_max
                   ? bits * 10 + static_cast<std::uint32_t>(c - '0')
                   : 0x10000U;
    if (digits.empty() || digits.size() > 3 || bits > bits_max)
        return fail(Errc::malformed, "prefix length in " + quoted_excerpt(text) + ", wanted 0.." +
                                         std::to_string(bits_max));
    prefix.bits = static_cast<std::uint8_t>(bits);
    for (std::size_t i = 0; i < bits_max; ++i)
        if (i >= bits && (address.octets[i / 8] >> (7 - i % 8) & 1) != 0)
            return fail(Errc::malformed,
                        "prefix " + quoted_excerpt(text) + " has bits set behind its length");
    return prefix;
}

}  // namespace zc::dns
