#include "ingest/content.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "dns/address_text.h"
#include "dns/name_text.h"
#include "dns/presentation.h"

namespace zc::ingest {

namespace {

using dns::RrType;

constexpr std::size_t rdata_octets_max = 65535;
constexpr std::size_t character_string_octets_max = 255;  // RFC 1035 section 3.3
constexpr std::string_view not_answered = "not answered";

// PowerDNS's own defaults for an SOA that lacks fields.
constexpr std::string_view default_primary = "a.misconfigured.dns.server.invalid";
constexpr std::array<std::uint32_t, 5> default_soa_numbers = {0, 10800, 3600, 604800, 3600};

ContentOutcome refused(std::string reason) {
    return {Acceptance::refused, std::move(reason), std::string(not_answered)};
}

bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

std::string_view trimmed(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

/// Up to `size` words; `count` says how many there are, also when more.
template <std::size_t size>
std::size_t split(std::string_view text, std::array<std::string_view, size>& words) noexcept {
    std::size_t count = 0;
    for (;;) {
        while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
        if (text.empty()) return count;
        std::size_t end = 0;
        while (end < text.size() && !is_blank(text[end])) ++end;
        if (count < size) words[count] = text.substr(0, end);
        ++count;
        text.remove_prefix(end);
    }
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) noexcept {
    Number value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty())
        return std::nullopt;
    return value;
}

void put_u16(std::vector<std::uint8_t>& out, std::uint16_t value) {
    std::array<std::uint8_t, 2> octets{};
    base::store_u16(octets.data(), value);
    out.insert(out.end(), octets.begin(), octets.end());
}
void put_u32(std::vector<std::uint8_t>& out, std::uint32_t value) {
    std::array<std::uint8_t, 4> octets{};
    base::store_u32(octets.data(), value);
    out.insert(out.end(), octets.begin(), octets.end());
}

/// An absolute name, with or without its final dot. The reason why not is empty when it could be
/// read.
std::string append_name(std::vector<std::uint8_t>& out, std::string_view text) {
    if (std::ranges::any_of(text, is_blank))
        return "a blank in the name " + dns::quoted_excerpt(text);
    dns::NameBuffer buffer;
    dns::NameScan scan = dns::scan_name(text, buffer);
    if (scan.fault == dns::NameFault::none && !scan.absolute) {
        if (scan.octets >= dns::name_octets_max) {
            scan.fault = dns::NameFault::name_limit;
        } else {
            buffer[scan.octets++] = 0;
        }
    }
    if (scan.fault != dns::NameFault::none) return dns::name_error(scan, text).message;
    out.insert(out.end(), buffer.begin(), buffer.begin() + scan.octets);
    return {};
}

ContentOutcome append_only_name(std::vector<std::uint8_t>& out, std::string_view content) {
    std::string reason = append_name(out, content);
    return reason.empty() ? ContentOutcome{} : refused(std::move(reason));
}

/// MX and SRV: a number out of prio, or where it does not belong but stands: at the front of the
/// content.
struct Preference {
    std::uint16_t value = 0;
    ContentOutcome outcome;
};
Preference preference(std::optional<std::int64_t> prio, std::optional<std::uint16_t> in_content,
                      Repair repair) {
    if (in_content) {
        std::string reason = "the preference " + std::to_string(*in_content) +
                             " stands in the content, wanted in prio";
        if (repair == Repair::no) return {0, refused(std::move(reason))};
        return {*in_content,
                {Acceptance::repaired, std::move(reason),
                 "answered with preference " + std::to_string(*in_content)}};
    }
    if (!prio) {
        std::string reason = "prio is NULL, wanted 0 to 65535";
        if (repair == Repair::no) return {0, refused(std::move(reason))};
        return {0, {Acceptance::repaired, std::move(reason), "answered with preference 0"}};
    }
    if (*prio < 0 || *prio > 65535)
        return {0, refused("prio " + std::to_string(*prio) + ", wanted 0 to 65535")};
    return {static_cast<std::uint16_t>(*prio), {}};
}

ContentOutcome append_mx(std::vector<std::uint8_t>& out, std::string_view content,
                         std::optional<std::int64_t> prio, Repair repair) {
    std::optional<std::uint16_t> in_content;
    std::array<std::string_view, 2> words;
    if (split(content, words) == 2) {
        in_content = parse_number<std::uint16_t>(words[0]);
        if (in_content) content = words[1];
    }
    Preference number = preference(prio, in_content, repair);
    if (number.outcome.acceptance == Acceptance::refused) return number.outcome;
    put_u16(out, number.value);
    if (std::string reason = append_name(out, content); !reason.empty())
        return refused(std::move(reason));
    return number.outcome;
}

ContentOutcome append_srv(std::vector<std::uint8_t>& out, std::string_view content,
                          std::optional<std::int64_t> prio, Repair repair) {
    std::array<std::string_view, 4> words;
    const std::size_t count = split(content, words);
    std::optional<std::uint16_t> in_content;
    std::size_t first = 0;
    if (count == 4) {
        in_content = parse_number<std::uint16_t>(words[0]);
        first = 1;
    }
    const auto weight =
        count >= 3 && count <= 4 ? parse_number<std::uint16_t>(words[first]) : std::nullopt;
    const auto port = weight ? parse_number<std::uint16_t>(words[first + 1]) : std::nullopt;
    if (!port || (count == 4 && !in_content)) {
        return refused("found " + dns::quoted_excerpt(content) +
                       ", wanted weight, port and a name");
    }
    Preference number = preference(prio, in_content, repair);
    if (number.outcome.acceptance == Acceptance::refused) return number.outcome;
    put_u16(out, number.value);
    put_u16(out, *weight);
    put_u16(out, *port);
    if (std::string reason = append_name(out, words[first + 2]); !reason.empty())
        return refused(std::move(reason));
    return number.outcome;
}

/// "a.b@example.com" means a\.b.example.com (RFC 1035 section 8).
std::string mailbox_name(std::string_view text) {
    const std::size_t at = text.find('@');
    if (at == std::string_view::npos) return std::string(text);
    std::string out;
    for (const char c : text.substr(0, at)) {
        if (c == '.') out += '\\';
        out += c;
    }
    return out.append(".").append(text.substr(at + 1));
}

ContentOutcome append_soa(std::vector<std::uint8_t>& out, std::string_view content,
                          dns::NameView apex) {
    std::array<std::string_view, 7> words;
    const std::size_t count = split(content, words);
    if (count > words.size())
        return refused("an SOA of " + std::to_string(count) + " fields, wanted 7");
    if (std::string reason = append_name(out, count > 0 ? words[0] : default_primary);
        !reason.empty()) {
        return refused(std::move(reason));
    }
    const bool has_at = count > 1 && words[1].find('@') != std::string_view::npos;
    std::string mailbox = count > 1 ? mailbox_name(words[1]) : "hostmaster." + dns::to_string(apex);
    if (mailbox.ends_with("..")) mailbox.pop_back();  // of the root
    if (std::string reason = append_name(out, mailbox); !reason.empty())
        return refused(std::move(reason));
    for (std::size_t i = 0; i < default_soa_numbers.size(); ++i) {
        std::uint32_t number = default_soa_numbers[i];
        if (i + 2 < count) {
            const auto found = parse_number<std::uint32_t>(words[i + 2]);
            if (!found)
                return refused("found " + dns::quoted_excerpt(words[i + 2]) +
                               " in an SOA, wanted a number of 32 bits");
            number = *found;
        }
        put_u32(out, number);
    }
    if (count == words.size() && has_at) {
        return {Acceptance::doubtful,
                "an @ in the mailbox " + dns::quoted_excerpt(words[1]) + " of the SOA",
                "answered with a dot for it (RFC 1035 section 8); PowerDNS answers the @"};
    }
    if (count == words.size()) return {};
    return {Acceptance::doubtful, "an SOA of " + std::to_string(count) + " fields, wanted 7",
            "answered with PowerDNS's defaults for what is missing"};
}

void append_character_strings(std::vector<std::uint8_t>& out, std::string_view text) {
    do {
        const std::size_t count = std::min(text.size(), character_string_octets_max);
        out.push_back(static_cast<std::uint8_t>(count));
        out.insert(out.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(count));
        text.remove_prefix(count);
    } while (!text.empty());
}

/// Reads one octet, \X or \DDD at the front of `text` into `out`; false for an escape that is none.
bool take_octet(std::string_view& text, std::string& out) {
    if (text[0] != '\\') {
        out += text[0];
        text.remove_prefix(1);
        return true;
    }
    text.remove_prefix(1);
    if (text.empty()) return false;
    if (text[0] < '0' || text[0] > '9') {
        out += text[0];
        text.remove_prefix(1);
        return true;
    }
    const auto number =
        text.size() < 3 ? std::nullopt : parse_number<std::uint8_t>(text.substr(0, 3));
    if (!number) return false;
    out += static_cast<char>(*number);
    text.remove_prefix(3);
    return true;
}

ContentOutcome append_txt(std::vector<std::uint8_t>& out, std::string_view content) {
    // Octets above 127 stand there as they are, or as \DDD. Text without quotes is one string,
    // blanks and quotes in it included.
    const std::size_t begin = out.size();
    std::string string;
    const auto bad_escape = [&] {
        return refused("a backslash without a character or three digits up to 255 behind it");
    };
    ContentOutcome outcome;
    if (!content.starts_with('"')) {
        while (!content.empty()) {
            if (content[0] == '"' && outcome.acceptance == Acceptance::taken) {
                outcome = {Acceptance::doubtful, "a quote in text without quotes around it",
                           "answered as one string; PowerDNS reads other strings, or gives "
                           "SERVFAIL at this name"};
            }
            if (!take_octet(content, string)) return bad_escape();
        }
        append_character_strings(out, string);
    }
    while (!content.empty()) {
        string.clear();
        if (content[0] != '"') {
            bool is_odd = false;
            while (!content.empty() && !is_blank(content[0])) {
                is_odd = is_odd || content[0] == '"';
                if (!take_octet(content, string)) return bad_escape();
            }
            append_character_strings(out, string);
            while (!content.empty() && is_blank(content[0])) content.remove_prefix(1);
            // PowerDNS takes one word without quotes behind a string in quotes, at the end.
            if (is_odd || !content.empty()) {
                outcome = {
                    Acceptance::doubtful, "text without quotes behind a string in quotes",
                    "each word answered as a string; PowerDNS gives SERVFAIL at this name"};
            }
            continue;
        }
        content.remove_prefix(1);
        // Most strings have no escape and fit: copied at once.
        const std::size_t plain = content.find_first_of("\"\\");
        if (plain != std::string_view::npos && content[plain] == '"') {
            append_character_strings(out, content.substr(0, plain));
            content.remove_prefix(plain + 1);
        } else {
            while (!content.empty() && content[0] != '"') {
                if (!take_octet(content, string)) return bad_escape();
            }
            if (content.empty()) return refused("a string without its closing quote");
            content.remove_prefix(1);
            append_character_strings(out, string);
        }
        while (!content.empty() && is_blank(content[0])) content.remove_prefix(1);
    }
    if (out.size() - begin > rdata_octets_max) {
        return refused("text of " + std::to_string(out.size() - begin) + " octets, limit is 65535");
    }
    return outcome;
}

/// PowerDNS fills in ipv4hint=auto and ipv6hint=auto where svc-autohints is on, and leaves them out
/// where it is not, which is the default: so do we, and say so.
ContentOutcome append_service(std::vector<std::uint8_t>& out, RrType type,
                              std::string_view content) {
    std::string kept;
    std::string left_out;
    bool quoted = false;
    for (std::size_t at = 0; at < content.size();) {
        std::size_t end = at;
        for (; end < content.size() && (quoted || !is_blank(content[end])); ++end) {
            if (content[end] == '\\' && end + 1 < content.size())
                ++end;
            else if (content[end] == '"')
                quoted = !quoted;
        }
        const std::string_view word = content.substr(at, end - at);
        if (word == "ipv4hint=auto" || word == "ipv6hint=auto")
            left_out += (left_out.empty() ? "" : ", ") + std::string(word);
        else if (!word.empty())
            kept.append(word).append(" ");
        at = end + 1;
    }
    const Status status =
        dns::parse_rdata(left_out.empty() ? content : kept, type, dns::NameView(), out);
    if (!status) return refused(status.error().message);
    if (left_out.empty()) return {};
    return {Acceptance::doubtful, "found " + left_out,
            "answered without, as by PowerDNS with svc-autohints off"};
}

/// The word without quotes in text that PowerDNS reads only in quotes. Empty: it is as PowerDNS
/// wants it, or not even as we do.
std::string lacks_quotes(RrType type, std::string_view content) {
    struct Quoted {
        RrType type;
        int first, last;  // words, from 0
    };
    static constexpr std::array<Quoted, 4> table = {
        {{RrType::caa, 2, 2}, {RrType::hinfo, 0, 1}, {RrType::naptr, 2, 4}, {RrType::uri, 2, 2}}};
    const auto* const row = std::ranges::find(table, type, &Quoted::type);
    if (row == table.end()) return {};
    for (int word = 0; word <= row->last; ++word) {
        while (!content.empty() && is_blank(content.front())) content.remove_prefix(1);
        if (content.empty() || (word == 0 && content.starts_with("\\#"))) return {};
        const bool quoted = content.front() == '"';
        if (word >= row->first && !quoted) return "text without quotes, which PowerDNS cannot read";
        std::size_t end = quoted ? 1 : 0;
        while (end < content.size() && (quoted ? content[end] != '"' : !is_blank(content[end])))
            end += content[end] == '\\' ? 2U : 1U;
        content.remove_prefix(std::min(end + (quoted ? 1 : 0), content.size()));
    }
    return {};
}

/// Types whose records PowerDNS 4.7 reads in their own form alone; it takes the generic one of all
/// others (and TXT's for text).
bool powerdns_reads_no_generic_form(RrType type) noexcept {
    static constexpr auto numbers = std::to_array<std::uint16_t>(
        {1,  2,  5,  6,  7,  8,  9,  12,  13,  14,  15,  17,  18,  25,  28,  29,   33,
         35, 36, 37, 39, 42, 43, 44, 45,  47,  48,  49,  50,  51,  52,  53,  57,   59,
         60, 61, 62, 63, 64, 65, 99, 104, 105, 106, 107, 108, 109, 256, 257, 32769});
    return dns::from_powerdns(type) != type ||
           std::ranges::binary_search(numbers, static_cast<std::uint16_t>(type));
}

ContentOutcome append_any(std::vector<std::uint8_t>& out, RrType type, std::string_view content,
                          std::optional<std::int64_t> prio, const ContentContext& context) {
    switch (type) {
        case RrType::a: {
            std::array<std::uint8_t, 4> octets{};
            if (!dns::parse_ipv4(content, octets)) {
                return refused("found " + dns::quoted_excerpt(content) +
                               ", wanted an IPv4 address");
            }
            out.insert(out.end(), octets.begin(), octets.end());
            return {};
        }
        case RrType::aaaa: {
            std::array<std::uint8_t, 16> octets{};
            if (!dns::parse_ipv6(content, octets)) {
                return refused("found " + dns::quoted_excerpt(content) +
                               ", wanted an IPv6 address");
            }
            out.insert(out.end(), octets.begin(), octets.end());
            return {};
        }
        case RrType::ns:
        case RrType::cname:
        case RrType::ptr:
        case RrType::dname:
            return append_only_name(out, content);
        case RrType::mx:
            return append_mx(out, content, prio, context.repair);
        case RrType::srv:
            return append_srv(out, content, prio, context.repair);
        case RrType::soa:
            return append_soa(out, content, context.apex);
        case RrType::txt:
            return append_txt(out, content);
        case RrType::spf: {
            ContentOutcome outcome = append_txt(out, content);
            // PowerDNS puts quotes around the text of a TXT, and of no other type.
            if (outcome.acceptance != Acceptance::refused && !content.starts_with('"'))
                outcome = {Acceptance::doubtful, "text without quotes, which PowerDNS cannot read",
                           "answered as one string; PowerDNS gives SERVFAIL at this name"};
            return outcome;
        }
        case RrType::svcb:
        case RrType::https:
            if (content.find("hint=auto") != std::string_view::npos)
                return append_service(out, type, content);
            break;
        default:
            break;
    }
    std::string reason = lacks_quotes(type, content);
    if (content.starts_with("\\#") && powerdns_reads_no_generic_form(type))
        reason = "content in generic form (RFC 3597), of a type that PowerDNS knows";
    if (!reason.empty()) {
        const Status status = dns::parse_rdata(content, type, dns::NameView(), out);
        if (!status) return refused(status.error().message);
        return {Acceptance::doubtful, std::move(reason),
                "answered; PowerDNS gives SERVFAIL at this name"};
    }
    // Everything else as in a master file, with names relative to the root: absolute without their
    // final dot.
    const Status status = dns::parse_rdata(content, type, dns::NameView(), out);
    return status ? ContentOutcome{} : refused(status.error().message);
}

}  // namespace

RecordType record_type(std::string_view text, std::string_view content) noexcept {
    using Treatment = RecordType::Treatment;
    struct Row {
        std::string_view text;
        RecordType type;
    };
    // In order of how often they occur.
    static constexpr std::array<Row, 15> table = {{
        {"A", {Treatment::data, RrType::a}},
        {"NS", {Treatment::data, RrType::ns}},
        {"SOA", {Treatment::data, RrType::soa}},
        {"CNAME", {Treatment::data, RrType::cname}},
        {"AAAA", {Treatment::data, RrType::aaaa}},
        {"MX", {Treatment::data, RrType::mx}},
        {"TXT", {Treatment::data, RrType::txt}},
        {"PTR", {Treatment::data, RrType::ptr}},
        {"SRV", {Treatment::data, RrType::srv}},
        {"ALIAS", {Treatment::powerdns_only, RrType::alias}},
        {"LUA", {Treatment::powerdns_only, RrType::lua}},
        {"URL", {Treatment::powerdns_only, RrType::lua}},
        {"MBOXFW", {Treatment::powerdns_only, RrType::lua}},
        {"CURL", {Treatment::powerdns_only, RrType::lua}},
        {"ADDR", {Treatment::powerdns_only, RrType::lua}},
    }};
    for (const Row& row : table) {
        if (row.text == text) return row.type;
    }
    // Obsolete; those that our table of types does not know, or that are no zone data, are kept.
    for (const std::string_view obsolete : {"MAILA", "MAILB", "RKEY", "A6", "DLV"}) {
        if (text != obsolete) continue;
        const Result<RrType> type = dns::parse_type(text);
        if (!type || !dns::is_data_type(*type) || dns::fields_of(*type).empty()) {
            return {Treatment::powerdns_only, RrType::lua};
        }
    }
    if (std::ranges::any_of(text, [](char c) { return c >= 'a' && c <= 'z'; })) {
        std::string upper(text);
        for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        return record_type(upper, content);
    }
    const Result<RrType> type = dns::parse_type(text);
    if (!type || !dns::is_data_type(*type)) return {};
    if (const RrType special = dns::from_powerdns(*type);
        special != *type && !trimmed(content).starts_with("\\#"))
        return {Treatment::powerdns_only, special};
    return {Treatment::data, *type};
}

ContentOutcome append_rdata(std::vector<std::uint8_t>& out, RrType type, std::string_view content,
                            std::optional<std::int64_t> prio, const ContentContext& context) {
    const std::size_t begin = out.size();
    ContentOutcome outcome = append_any(out, type, trimmed(content), prio, context);
    if (outcome.acceptance == Acceptance::refused) out.resize(begin);
    return outcome;
}

ContentOutcome append_powerdns_only(std::vector<std::uint8_t>& out, RrType type,
                                    std::string_view type_text, std::string_view content) {
    const std::size_t begin = out.size();
    if (type == RrType::alias) {
        ContentOutcome outcome = append_only_name(out, trimmed(content));
        if (outcome.acceptance == Acceptance::refused) out.resize(begin);
        return outcome;
    }
    // In the form of LUA's RDATA, a type and character-strings: an image holds well-formed RDATA
    // only.
    put_u16(out, static_cast<std::uint16_t>(dns::to_powerdns(type)));
    append_character_strings(out, std::string(type_text).append(" ").append(content));
    if (out.size() - begin > rdata_octets_max) {
        out.resize(begin);
        return refused("content of " + std::to_string(content.size()) +
                       " octets, more than a record can hold");
    }
    return {};
}

}  // namespace zc::ingest
