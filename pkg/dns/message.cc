#include "dns/message.h"

#include <algorithm>
#include <array>

#include "base/check.h"
#include "dns/address_text.h"
#include "dns/octets_text.h"
#include "dns/presentation.h"

namespace zc::dns {

namespace {

// The second sixteen bits of the header (RFC 1035 section 4.1.1, RFC 4035 section 3.1.6).
constexpr std::uint16_t flag_qr = 0x8000;
constexpr std::uint16_t flag_aa = 0x0400;
constexpr std::uint16_t flag_tc = 0x0200;
constexpr std::uint16_t flag_rd = 0x0100;
constexpr std::uint16_t flag_ra = 0x0080;
constexpr std::uint16_t flag_z = 0x0040;
constexpr std::uint16_t flag_ad = 0x0020;
constexpr std::uint16_t flag_cd = 0x0010;
constexpr unsigned opcode_shift = 11;
constexpr std::uint16_t edns_flag_do = 0x8000;

/// Empty RDATA of UPDATE's prerequisites and deletions (RFC 2136 section 2.4), whatever the type.
bool may_be_empty(RrClass rr_class) {
    return rr_class == RrClass::any || rr_class == RrClass::none;
}

/// The format of the RDATA is that of the table of types. It is that of class IN for all types but
/// A, which has another in CH; and 0 and 65535 are LUA and ALIAS in zones only. (PowerDNS answers
/// ANY with records of type 0 without RDATA.)
bool is_format_of_table(RrClass rr_class, RrType type) {
    if (is_powerdns_only(type)) return false;
    return rr_class == RrClass::in || may_be_empty(rr_class) || type != RrType::a;
}

class MessageParser {
public:
    explicit MessageParser(base::Octets octets) : in_(octets) {}

    Result<Message> parse();

private:
    Status questions(std::uint16_t count);
    Status section(std::uint16_t count, const char* name, std::vector<Record>& records);
    Status record(const char* section, std::vector<Record>& records);
    Status opt(NameView owner, std::uint16_t udp_octets, std::uint32_t ttl,
               std::uint16_t rdata_octets);

    base::Reader in_;
    Message message_;
};

Result<Message> MessageParser::parse() {
    const std::size_t octets = in_.remaining();
    message_.id = in_.u16();
    const std::uint16_t flags = in_.u16();
    std::array<std::uint16_t, 4> counts{};
    for (std::uint16_t& count : counts) count = in_.u16();
    if (!in_.ok())
        return fail(Errc::malformed,
                    "message of " + std::to_string(octets) + " octets, wanted a header of 12");
    message_.qr = (flags & flag_qr) != 0;
    message_.aa = (flags & flag_aa) != 0;
    message_.tc = (flags & flag_tc) != 0;
    message_.rd = (flags & flag_rd) != 0;
    message_.ra = (flags & flag_ra) != 0;
    message_.z = (flags & flag_z) != 0;
    message_.ad = (flags & flag_ad) != 0;
    message_.cd = (flags & flag_cd) != 0;
    message_.opcode = static_cast<Opcode>(flags >> opcode_shift & 0xfU);
    message_.rcode = static_cast<Rcode>(flags & 0xfU);
    ZC_TRY_STATUS(questions(counts[0]));
    ZC_TRY_STATUS(section(counts[1], "answer", message_.answer));
    ZC_TRY_STATUS(section(counts[2], "authority", message_.authority));
    ZC_TRY_STATUS(section(counts[3], "additional", message_.additional));
    message_.trailing_octets = in_.remaining();
    return std::move(message_);
}

/// "answer record 2 at octet 57: …"
tl::unexpected<Error> fail_at(Error error, const std::string& what, std::size_t number,
                              std::size_t offset) {
    error.message = what + " " + std::to_string(number) + " at octet " + std::to_string(offset) +
                    ": " + error.message;
    return tl::unexpected<Error>(std::move(error));
}

Status MessageParser::questions(std::uint16_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t start = in_.offset();
        auto name = read_name(in_);
        if (!name) return fail_at(std::move(name).error(), "question", i + 1, start);
        Question question{.name = *name};
        question.type = static_cast<RrType>(in_.u16());
        question.rr_class = static_cast<RrClass>(in_.u16());
        if (!in_.ok())
            return fail_at({Errc::malformed, "message ends inside of it", {}}, "question", i + 1,
                           start);
        message_.questions.push_back(question);
    }
    return {};
}

Status MessageParser::section(std::uint16_t count, const char* name, std::vector<Record>& records) {
    // Nothing is set aside for the count: it may be 65535 in a message of twelve octets.
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t start = in_.offset();
        if (auto read = record(name, records); !read)
            return fail_at(std::move(read).error(), std::string(name) + " record", i + 1, start);
    }
    return {};
}

Status MessageParser::record(const char* section, std::vector<Record>& records) {
    ZC_TRY(const Name owner, read_name(in_));
    Record record{.owner = owner};
    record.type = static_cast<RrType>(in_.u16());
    const std::uint16_t rr_class = in_.u16();
    record.rr_class = static_cast<RrClass>(rr_class);
    record.ttl = in_.u32();
    const std::uint16_t rdata_octets = in_.u16();
    if (!in_.ok()) return fail(Errc::malformed, "message ends inside of it");
    if (record.type == RrType::opt) {
        if (&records != &message_.additional)
            return fail(Errc::malformed, std::string("OPT record in the ") + section + " section");
        return opt(owner, rr_class, record.ttl, rdata_octets);
    }
    if (is_format_of_table(record.rr_class, record.type) &&
        !(rdata_octets == 0 && may_be_empty(record.rr_class))) {
        ZC_TRY_STATUS(read_rdata(in_, record.type, rdata_octets, record.rdata));
    } else {
        const base::Octets rdata = in_.octets(rdata_octets);
        if (!in_.ok()) return fail(Errc::malformed, "message ends inside its RDATA");
        record.rdata.assign(rdata.begin(), rdata.end());
    }
    records.push_back(std::move(record));
    return {};
}

Status MessageParser::opt(NameView owner, std::uint16_t udp_octets, std::uint32_t ttl,
                          std::uint16_t rdata_octets) {
    if (!owner.is_root())
        return fail(Errc::malformed,
                    "OPT record with owner " + to_string(owner) + ", wanted the root");
    if (message_.edns) return fail(Errc::malformed, "second OPT record");
    Edns edns{.udp_octets = udp_octets,
              .version = static_cast<std::uint8_t>(ttl >> 16U),
              .dnssec_ok = (ttl & edns_flag_do) != 0,
              .other_flags = static_cast<std::uint16_t>(ttl & 0x7fffU),
              .options = {}};
    base::Reader options(in_.octets(rdata_octets));
    if (!in_.ok()) return fail(Errc::malformed, "message ends inside its RDATA");
    while (!options.at_end()) {
        EdnsOption option;
        option.code = options.u16();
        const base::Octets value = options.octets(options.u16());
        if (!options.ok())
            return fail(Errc::malformed, "EDNS option that runs over the end of its OPT record");
        option.value.assign(value.begin(), value.end());
        edns.options.push_back(std::move(option));
    }
    message_.rcode = static_cast<Rcode>((ttl >> 24U) << 4U | static_cast<unsigned>(message_.rcode));
    message_.edns = std::move(edns);
    return {};
}

/// Where names stand in the message so far, for compression: hashed by suffix, compared in the
/// message itself.
class NamesWritten {
public:
    explicit NamesWritten(base::MutableOctets message) : message_(message) {}

    /// Writes `name`, its longest known suffix as a pointer. Letter case is kept: only equal octets
    /// are shared.
    void write(base::Writer& out, NameView name) {
        const base::Octets wire = name.wire();
        std::array<std::uint8_t, name_labels_max> labels;
        std::array<std::uint32_t, name_labels_max> hashes;
        std::size_t count = 0;
        for (std::size_t at = 0; wire[at] != 0; at += 1U + wire[at])
            labels[count++] = static_cast<std::uint8_t>(at);
        std::uint32_t hash = 2166136261U;  // FNV-1a, from the right so that each suffix has its own
        for (std::size_t i = count; i-- > 0;) {
            for (const std::uint8_t octet : wire.subspan(labels[i], 1U + wire[labels[i]]))
                hash = (hash ^ octet) * 16777619U;
            hashes[i] = hash;
        }
        for (std::size_t i = 0; i < count; ++i) {
            std::uint16_t& slot = find(hashes[i], wire.subspan(labels[i]), out.size());
            if (slot != 0) {
                out.u16(static_cast<std::uint16_t>(0xc000U | slot));
                return;
            }
            constexpr std::size_t pointer_max = 0x3fff;
            if (out.size() <= pointer_max && used_ < slots_.size() / 2) {
                slot = static_cast<std::uint16_t>(out.size());
                ++used_;
            }
            out.octets(wire.subspan(labels[i], 1U + wire[labels[i]]));
        }
        out.u8(0);
    }

private:
    /// The slot that has `suffix`, or a free one. At most half of them are used, so there is one.
    std::uint16_t& find(std::uint32_t hash, base::Octets suffix, std::size_t written) {
        std::size_t at = (hash ^ hash >> 16U) % slots_.size();
        while (slots_[at] != 0 && !stands_at(slots_[at], suffix, written))
            at = (at + 1) % slots_.size();
        return slots_[at];
    }
    bool stands_at(std::size_t offset, base::Octets suffix, std::size_t written) const {
        for (std::size_t i = 0;;) {
            // The name being written is not complete: its last labels are compared with what is not
            // there yet.
            if (offset >= written) return false;
            if (message_[offset] >= 0xc0) {
                offset = base::load_u16(&message_[offset]) & 0x3fffU;
                continue;
            }
            const std::size_t label = 1U + message_[offset];
            if (!std::equal(suffix.begin() + static_cast<std::ptrdiff_t>(i),
                            suffix.begin() +
                                static_cast<std::ptrdiff_t>(std::min(i + label, suffix.size())),
                            message_.begin() + static_cast<std::ptrdiff_t>(offset),
                            message_.begin() + static_cast<std::ptrdiff_t>(offset + label)))
                return false;
            if (label == 1) return true;
            i += label;
            offset += label;
        }
    }

    base::MutableOctets message_;
    std::array<std::uint16_t, 4096> slots_{};  // offsets; 0, the header's, is free
    std::size_t used_ = 0;
};

void write_rdata(base::Writer& out, NamesWritten& names, RrType type, base::Octets rdata) {
    std::array<NamePlace, rdata_names_max> places;
    // An empty RDATA, as UPDATE has it, has no names.
    const std::size_t count = rdata.empty() ? 0 : names_in(type, rdata, places);
    std::size_t at = 0;
    for (const NamePlace& place : std::span(places).first(count)) {
        if (place.kind != Field::name_compressible) continue;
        out.octets(rdata.subspan(at, place.offset - at));
        names.write(out, NameView(rdata.subspan(place.offset, place.octets)));
        at = place.offset + std::size_t{place.octets};
    }
    out.octets(rdata.subspan(at));
}

void write_record(base::Writer& out, NamesWritten& names, const Record& record) {
    names.write(out, record.owner);
    out.u16(static_cast<std::uint16_t>(record.type));
    out.u16(static_cast<std::uint16_t>(record.rr_class));
    out.u32(record.ttl);
    const std::size_t length_at = out.size();
    out.u16(0);
    if (is_format_of_table(record.rr_class, record.type))
        write_rdata(out, names, record.type, record.rdata);
    else
        out.octets(record.rdata);
    if (out.ok()) out.patch_u16(length_at, static_cast<std::uint16_t>(out.size() - length_at - 2));
}

void write_opt(base::Writer& out, const Edns& edns, Rcode rcode) {
    out.u8(0);
    out.u16(static_cast<std::uint16_t>(RrType::opt));
    out.u16(edns.udp_octets);
    out.u8(static_cast<std::uint8_t>(static_cast<std::uint16_t>(rcode) >> 4U));
    out.u8(edns.version);
    out.u16(static_cast<std::uint16_t>((edns.dnssec_ok ? edns_flag_do : 0U) |
                                       (edns.other_flags & 0x7fffU)));
    const std::size_t length_at = out.size();
    out.u16(0);
    for (const EdnsOption& option : edns.options) {
        out.u16(option.code);
        out.u16(static_cast<std::uint16_t>(option.value.size()));
        out.octets(option.value);
    }
    if (out.ok()) out.patch_u16(length_at, static_cast<std::uint16_t>(out.size() - length_at - 2));
}

/// TSIG and SIG(0) sign all before them, so they stay last (RFC 8945 section 5.1, RFC 2931
/// section 3.1).
bool closes_message(const Record& record) {
    return record.type == RrType::tsig || (record.type == RrType::sig && record.rdata.size() >= 2 &&
                                           base::load_u16(record.rdata.data()) == 0);
}

constexpr std::uint16_t option_nsid = 3;      // RFC 5001
constexpr std::uint16_t option_ecs = 8;       // RFC 7871
constexpr std::uint16_t option_cookie = 10;   // RFC 7873
constexpr std::uint16_t option_padding = 12;  // RFC 7830
constexpr std::uint16_t option_ede = 15;      // RFC 8914

/// "192.0.2.0/24/0", or nothing when the option is not well-formed.
std::string client_subnet_text(base::Octets value) {
    base::Reader in(value);
    const std::uint16_t family = in.u16();
    const std::uint8_t source_bits = in.u8();
    const std::uint8_t scope_bits = in.u8();
    const base::Octets given = in.octets(in.remaining());
    const std::size_t octets_max = family == 1 ? 4 : 16;
    if (!in.ok() || family < 1 || family > 2 || given.size() > octets_max) return {};
    std::array<std::uint8_t, 16> address{};
    std::ranges::copy(given, address.begin());
    std::string out;
    if (family == 1)
        append_ipv4(out, std::span(address).first<4>());
    else
        append_ipv6(out, address);
    return out + "/" + std::to_string(source_bits) + "/" + std::to_string(scope_bits);
}

void append_option_text(std::string& out, const EdnsOption& option) {
    const base::Octets value = option.value;
    const auto known = [&out](std::string_view name, base::Octets octets) {
        out += name;
        if (!octets.empty()) out += ' ';
        append_hex(out, octets);
        out += '\n';
    };
    switch (option.code) {
        case option_nsid:
            return known("nsid", value);
        case option_cookie:
            return known("cookie", value);
        case option_padding:
            out += "padding " + std::to_string(value.size()) + "\n";
            return;
        case option_ecs:
            if (const std::string text = client_subnet_text(value); !text.empty()) {
                out += "ecs " + text + "\n";
                return;
            }
            break;
        case option_ede:
            if (value.size() >= 2) {
                out += "ede " + std::to_string(base::load_u16(value.data()));
                if (value.size() > 2) {
                    out += ' ';
                    append_quoted(out, value.subspan(2));
                }
                out += '\n';
                return;
            }
            break;
        default:
            break;
    }
    known("option " + std::to_string(option.code), value);
}

void append_section(std::string& out, std::string_view name, const std::vector<Record>& records) {
    for (const Record& record : records) {
        out += name;
        out += ' ';
        out += record_text(record);
        out += '\n';
    }
}

}  // namespace

Result<Message> parse_message(base::Octets octets) {
    return MessageParser(octets).parse();
}

Result<std::vector<std::uint8_t>> encode_message(const Message& message, std::size_t octets_max) {
    if (static_cast<std::uint16_t>(message.rcode) > 0xf && !message.edns)
        return fail(Errc::invalid, "rcode " + to_string(message.rcode) + " without EDNS");
    const std::size_t additional = message.additional.size() + (message.edns ? 1 : 0);
    for (const std::size_t count :
         {message.questions.size(), message.answer.size(), message.authority.size(), additional})
        if (count > 0xffff)
            return fail(Errc::limit,
                        std::to_string(count) + " records in a section, limit is 65535");

    std::vector<std::uint8_t> octets(std::min(octets_max, message_octets_max));
    base::Writer out(octets);
    NamesWritten names(octets);
    const auto flag = [](bool set, std::uint16_t bit) { return set ? bit : std::uint16_t{0}; };
    out.u16(message.id);
    out.u16(static_cast<std::uint16_t>(
        flag(message.qr, flag_qr) | flag(message.aa, flag_aa) | flag(message.tc, flag_tc) |
        flag(message.rd, flag_rd) | flag(message.ra, flag_ra) | flag(message.z, flag_z) |
        flag(message.ad, flag_ad) | flag(message.cd, flag_cd) |
        (static_cast<unsigned>(message.opcode) & 0xfU) << opcode_shift |
        (static_cast<unsigned>(message.rcode) & 0xfU)));
    out.u16(static_cast<std::uint16_t>(message.questions.size()));
    out.u16(static_cast<std::uint16_t>(message.answer.size()));
    out.u16(static_cast<std::uint16_t>(message.authority.size()));
    out.u16(static_cast<std::uint16_t>(additional));
    for (const Question& question : message.questions) {
        names.write(out, question.name);
        out.u16(static_cast<std::uint16_t>(question.type));
        out.u16(static_cast<std::uint16_t>(question.rr_class));
    }
    for (const Record& record : message.answer) write_record(out, names, record);
    for (const Record& record : message.authority) write_record(out, names, record);
    for (const Record& record : message.additional)
        if (!closes_message(record)) write_record(out, names, record);
    if (message.edns) write_opt(out, *message.edns, message.rcode);
    for (const Record& record : message.additional)
        if (closes_message(record)) write_record(out, names, record);
    if (!out.ok())
        return fail(Errc::limit,
                    "message of more than " + std::to_string(octets.size()) + " octets");
    octets.resize(out.size());
    return octets;
}

std::vector<std::uint8_t> encode_query(NameView qname, RrType qtype, const QueryOptions& options) {
    Message query;
    query.id = options.id;
    query.rd = options.rd;
    query.ad = options.ad;
    query.cd = options.cd;
    query.questions.push_back({.name = Name(qname), .type = qtype, .rr_class = options.qclass});
    query.edns = options.edns;
    auto octets = encode_message(query);
    ZC_CHECK(
        octets.has_value());  // a name and options of less than 65000 octets, as the contract asks
    return *std::move(octets);
}

std::string record_text(const Record& record) {
    std::string out = to_string(record.owner);
    out += ' ' + std::to_string(record.ttl) + ' ';
    if (record.rr_class != RrClass::in) out += to_string(record.rr_class) + ' ';
    out += to_string(record.type);
    if (record.rdata.empty() && may_be_empty(record.rr_class)) return out;
    out += ' ';
    // NULL has no form but \#.
    append_rdata_text(out,
                      is_format_of_table(record.rr_class, record.type) ? record.type : RrType::null,
                      record.rdata);
    return out;
}

std::string message_text(const Message& message) {
    std::string out;
    if (message.opcode != Opcode::query) out += to_string(message.opcode) + ' ';
    out += to_string(message.rcode);
    const auto flag = [&out](bool set, std::string_view name) {
        if (set) out += name;
    };
    flag(message.aa, " aa");
    flag(message.tc, " tc");
    flag(message.rd, " rd");
    flag(message.ra, " ra");
    flag(message.z, " z");
    flag(message.ad, " ad");
    flag(message.cd, " cd");
    out += '\n';
    append_section(out, "answer", message.answer);
    append_section(out, "authority", message.authority);
    append_section(out, "additional", message.additional);
    if (message.edns) {
        out += "edns " + std::to_string(message.edns->udp_octets);
        if (message.edns->version != 0) out += " version " + std::to_string(message.edns->version);
        if (message.edns->dnssec_ok) out += " do";
        if (message.edns->other_flags != 0)
            out += " flags " + std::to_string(message.edns->other_flags);
        out += '\n';
        for (const EdnsOption& option : message.edns->options) append_option_text(out, option);
    }
    if (message.trailing_octets > 0)
        out += "trailing " + std::to_string(message.trailing_octets) + " octets\n";
    return out;
}

}  // namespace zc::dns
