#include "response.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <utility>

#include <ldns/ldns.h>

namespace zc::e2e {
namespace {

constexpr std::size_t header_octets = 12;
constexpr int pointers_max = 128;

std::uint8_t fold_octet(std::uint8_t octet) {
    return octet >= 'A' && octet <= 'Z' ? static_cast<std::uint8_t>(octet + 32) : octet;
}

enum class Case { folded, kept };

/// Follows compression pointers; false when the name is not one.
bool read_name(base::Octets message, std::size_t& at, Case letters, std::string& out) {
    std::size_t here = at;
    bool jumped = false;
    int pointers = 0;
    for (;;) {
        if (here >= message.size()) return false;
        const std::uint8_t length = message[here];
        if (length >= 0xc0) {
            if (message.size() - here < 2 || ++pointers > pointers_max) return false;
            const std::size_t target = base::load_u16(&message[here]) & 0x3fffU;
            if (!jumped) at = here + 2;
            jumped = true;
            if (target >= here) return false;  // strictly backwards
            here = target;
            continue;
        }
        if (length > 63 || message.size() - here < 1U + length) return false;
        out.push_back(static_cast<char>(length));
        for (std::size_t i = 1; i <= length; ++i) {
            const std::uint8_t octet = message[here + i];
            out.push_back(static_cast<char>(letters == Case::folded ? fold_octet(octet) : octet));
        }
        here += 1U + length;
        if (length == 0) break;
    }
    if (!jumped) at = here;
    return true;
}

/// Where RDATA has names: octets before the first one, how many names. The rest is copied.
struct NameLayout {
    int before = 0;
    int names = 0;
    Case letters = Case::folded;
};

std::optional<NameLayout> layout_of(std::uint16_t type) {
    switch (type) {
        case rr::ns:
        case rr::cname:
        case rr::ptr:
        case rr::dname:
        case rr::md:
        case rr::mf:
        case rr::mb:
        case rr::mg:
        case rr::mr:
        case rr::nxt:
            return NameLayout{.before = 0, .names = 1};
        case rr::nsec:
            return NameLayout{.before = 0, .names = 1, .letters = Case::kept};
        case rr::soa:
        case rr::minfo:
        case rr::rp:
            return NameLayout{.before = 0, .names = 2};
        case rr::mx:
        case rr::afsdb:
        case rr::rt:
        case rr::kx:
            return NameLayout{.before = 2, .names = 1};
        case rr::px:
            return NameLayout{.before = 2, .names = 2};
        case rr::srv:
            return NameLayout{.before = 6, .names = 1};
        case rr::sig:
        case rr::rrsig:
            return NameLayout{.before = 18, .names = 1};
        default:
            return std::nullopt;
    }
}

bool read_rdata(base::Octets message, std::size_t& at, std::uint16_t type, std::size_t length,
                std::string& out) {
    if (message.size() - at < length) return false;
    const std::size_t end = at + length;
    const auto copy = [&](std::size_t count) {
        if (end - at < count) return false;
        out.append(reinterpret_cast<const char*>(message.data()) + at, count);
        at += count;
        return true;
    };
    if (type == rr::naptr) {  // two numbers, three strings, a name
        if (!copy(4)) return false;
        for (int i = 0; i < 3; ++i)
            if (at >= end || !copy(1U + message[at])) return false;
        return read_name(message, at, Case::folded, out) && at == end;
    }
    if (const auto layout = layout_of(type)) {
        if (!copy(static_cast<std::size_t>(layout->before))) return false;
        for (int i = 0; i < layout->names; ++i)
            if (!read_name(message, at, layout->letters, out)) return false;
        if (at > end) return false;
    }
    return copy(end - at);
}

bool read_record(base::Octets message, std::size_t& at, Record& record) {
    if (!read_name(message, at, Case::folded, record.owner) || message.size() - at < 10)
        return false;
    record.type = base::load_u16(&message[at]);
    record.rclass = base::load_u16(&message[at + 2]);
    record.ttl = base::load_u32(&message[at + 4]);
    const std::size_t length = base::load_u16(&message[at + 8]);
    at += 10;
    return read_rdata(message, at, record.type, length, record.rdata);
}

/// The answer section is a chain: every record stands at the name the chain has come to, or is the
/// DNAME that redirects it (RFC 1034 section 4.3.2, RFC 6672 section 3.1). Signatures may stand
/// anywhere.
bool in_chain_order(const std::vector<Record>& answer, std::string name) {
    std::string next;
    for (const Record& record : answer) {
        if (record.type == rr::rrsig || (record.type == rr::dname && is_within(name, record.owner)))
            continue;
        if (record.owner != name) {
            if (next.empty()) return false;
            name = std::exchange(next, {});
        }
        const bool redirects = record.type == rr::dname && is_within(name, record.owner);
        if (record.owner != name && !redirects) return false;
        if (record.type == rr::cname) next = record.rdata;
    }
    return true;
}

bool has_duplicates(std::vector<Record> records) {
    std::sort(records.begin(), records.end());
    return std::adjacent_find(records.begin(), records.end()) != records.end();
}

}  // namespace

Response read_response(base::Octets message, base::Octets query, std::size_t octets_max) {
    Response out;
    const auto fault = [&](const char* what) { out.faults.emplace_back(what); };
    out.size = static_cast<std::uint16_t>(message.size());
    if (message.size() > octets_max) fault("longer than the client takes");
    if (message.size() < header_octets) {
        fault("shorter than a header");
        return out;
    }
    const std::uint16_t flags = base::load_u16(&message[2]);
    const std::uint16_t asked = base::load_u16(&query[2]);
    if ((flags & 0x8000U) == 0) fault("QR is clear");
    if ((flags & 0x7800U) != (asked & 0x7800U)) fault("another opcode");
    if ((flags & 0x0100U) != (asked & 0x0100U)) fault("RD is not that of the query");
    if ((flags & 0x0080U) != 0) fault("RA is set");
    if ((flags & 0x0040U) != 0) fault("Z is set");
    out.authoritative = (flags & 0x0400U) != 0;
    out.truncated = (flags & 0x0200U) != 0;
    out.authentic = (flags & 0x0020U) != 0;
    out.checking_disabled = (flags & 0x0010U) != 0;
    out.rcode = flags & 0xfU;

    std::size_t query_end = header_octets;
    std::string qname;
    if (!read_name(query, query_end, Case::folded, qname)) fault("the query has no question");
    query_end += 4;
    std::size_t at = header_octets;
    if (base::load_u16(&message[4]) == 1) {
        if (message.size() < query_end ||
            !std::equal(query.begin() + header_octets,
                        query.begin() + static_cast<std::ptrdiff_t>(query_end),
                        message.begin() + header_octets))
            fault("the question is not that of the query, octet for octet");
        std::string name;
        if (!read_name(message, at, Case::folded, name) || message.size() - at < 4) {
            fault("the question cannot be read");
            return out;
        }
        at += 4;
    } else {
        fault("not one question");
    }

    std::vector<Record>* sections[] = {&out.answer, &out.authority, &out.additional};
    for (int section = 0; section < 3; ++section) {
        const std::uint16_t count =
            base::load_u16(&message[6 + 2 * static_cast<std::size_t>(section)]);
        for (std::uint16_t i = 0; i < count; ++i) {
            Record record;
            if (!read_record(message, at, record)) {
                fault("a record cannot be read");
                return out;
            }
            if (record.type == rr::opt) {
                if (section != 2 || out.edns || record.owner.size() != 1)
                    fault("OPT twice or out of place");
                out.edns = true;
                out.rcode = static_cast<std::uint16_t>(out.rcode | ((record.ttl >> 24) << 4));
                continue;
            }
            sections[section]->push_back(std::move(record));
        }
    }
    if (at != message.size()) fault("octets behind the last record");
    const bool edns_asked = base::load_u16(&query[10]) != 0;
    if (out.edns != edns_asked) fault(edns_asked ? "no OPT" : "OPT not asked for");
    if (!in_chain_order(out.answer, qname)) fault("the answer is not in the order of its chain");
    if (has_duplicates(out.answer) || has_duplicates(out.authority) ||
        has_duplicates(out.additional))
        fault("a record twice");
    std::sort(out.authority.begin(), out.authority.end());
    std::sort(out.additional.begin(), out.additional.end());
    return out;
}

std::string fold(std::string_view wire) {
    std::string out(wire);
    for (char& c : out) c = static_cast<char>(fold_octet(static_cast<std::uint8_t>(c)));
    return out;
}

std::string parent(const std::string& wire) {
    return wire.substr(1U + static_cast<std::uint8_t>(wire[0]));
}

bool is_within(const std::string& name, const std::string& ancestor) {
    for (std::size_t at = 0; name.size() - at >= ancestor.size();) {
        if (name.compare(at, std::string::npos, ancestor) == 0) return true;
        if (name[at] == 0) return false;
        at += 1U + static_cast<std::uint8_t>(name[at]);
    }
    return false;
}

std::string to_text(const Record& record) {
    std::string wire = record.owner;
    const auto put16 = [&](std::size_t v) {
        wire.push_back(static_cast<char>(v >> 8));
        wire.push_back(static_cast<char>(v));
    };
    put16(record.type);
    put16(record.rclass);
    put16(record.ttl >> 16);
    put16(record.ttl & 0xffffU);
    put16(record.rdata.size());
    wire += record.rdata;
    ldns_rr* parsed = nullptr;
    std::size_t at = 0;
    const auto* octets = reinterpret_cast<const std::uint8_t*>(wire.data());
    if (ldns_wire2rr(&parsed, octets, wire.size(), &at, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
        return name_to_text(record.owner) + " " + type_to_text(record.type) + " (unreadable)";
    char* text = ldns_rr2str(parsed);  // null where ldns cannot write what it can read
    std::string out = text != nullptr ? text
                                      : name_to_text(record.owner) + " " +
                                            type_to_text(record.type) + " (without text)";
    std::free(text);  // NOLINT(cppcoreguidelines-no-malloc): ldns's
    ldns_rr_free(parsed);
    while (!out.empty() && out.back() == '\n') out.pop_back();
    std::replace(out.begin(), out.end(), '\t', ' ');
    return out;
}

std::string name_to_text(const std::string& wire) {
    std::string out;
    for (std::size_t at = 0; wire[at] != 0;) {
        const std::size_t end = at + 1U + static_cast<std::uint8_t>(wire[at]);
        for (++at; at < end; ++at) {
            const auto octet = static_cast<std::uint8_t>(wire[at]);
            if (octet < 33 || octet > 126) {
                const char digits[] = {'\\', static_cast<char>('0' + octet / 100),
                                       static_cast<char>('0' + octet / 10 % 10),
                                       static_cast<char>('0' + octet % 10)};
                out.append(digits, 4);
            } else {
                if (std::string_view(".\\\"();@$").find(wire[at]) != std::string_view::npos)
                    out += '\\';
                out += wire[at];
            }
        }
        out += '.';
    }
    return out.empty() ? "." : out;
}

std::string type_to_text(std::uint16_t type) {
    char* text = ldns_rr_type2str(static_cast<ldns_rr_type>(type));
    std::string out = text;
    std::free(text);  // NOLINT(cppcoreguidelines-no-malloc): ldns's
    return out;
}

std::uint16_t type_from_text(const std::string& text) {
    if (text == "ANY") return rr::any;
    return static_cast<std::uint16_t>(ldns_get_rr_type_by_name(text.c_str()));
}

std::string name_from_text(std::string_view text) {
    std::string out;
    if (text == ".") return {'\0'};
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length_at = out.size();
        out.push_back(0);
        while (at < text.size() && text[at] != '.') {
            if (text[at] == '\\' && text.size() - at > 3 && text[at + 1] >= '0' &&
                text[at + 1] <= '9') {
                const int octet =
                    (text[at + 1] - '0') * 100 + (text[at + 2] - '0') * 10 + (text[at + 3] - '0');
                out.push_back(static_cast<char>(octet));
                at += 4;
            } else {
                if (text[at] == '\\') ++at;
                if (at == text.size()) return {};
                out.push_back(text[at++]);
            }
        }
        const std::size_t length = out.size() - length_at - 1;
        if (length == 0 || length > 63) return {};
        out[length_at] = static_cast<char>(length);
        ++at;
    }
    out.push_back(0);
    return out.size() > 255 ? std::string{} : out;
}

}  // namespace zc::e2e
