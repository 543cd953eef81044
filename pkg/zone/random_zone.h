// Zones out of a seed, and what must be found in them by the letter of RFC 1034 section 4.3.2: for
// tests and fuzzers.
#pragma once

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/seed.h"
#include "dns/name.h"
#include "dns/presentation.h"
#include "dns/rrset.h"
#include "zone/lookup.h"
#include "zone/zone.h"

namespace zc::zone::random {

struct Record {
    dns::Name owner;
    dns::RrType type{};
    std::uint32_t ttl = 0;
    dns::Rdata rdata;

    dns::RecordView view() const { return {owner, type, ttl, rdata}; }
};

inline dns::Name name(std::string_view text) {
    auto parsed = dns::Name::parse(text);
    ZC_CHECK(parsed.has_value());
    return *std::move(parsed);
}

inline Record record(std::string_view owner, dns::RrType type, std::string_view rdata,
                     std::uint32_t ttl = 3600) {
    Record made{name(owner), type, ttl, {}};
    ZC_CHECK(dns::parse_rdata(rdata, type, dns::NameView(), made.rdata).has_value());
    return made;
}

/// The records of a zone whose one NSEC3, that of its apex, covers all else.
inline std::vector<Record> nsec3_zone(const std::string& apex, unsigned iterations) {
    using dns::RrType;
    const std::uint8_t parameters[] = {1, 0, static_cast<std::uint8_t>(iterations >> 8),
                                       static_cast<std::uint8_t>(iterations), 0};
    std::uint8_t hash[nsec3_hash_octets];
    nsec3_hash(name(apex), parameters, hash);
    std::string label;
    for (std::size_t bit = 0; bit < 8 * nsec3_hash_octets; bit += 5) {
        unsigned window = unsigned{hash[bit / 8]} << 8;
        if (bit / 8 + 1 < nsec3_hash_octets) window |= hash[bit / 8 + 1];
        label += "0123456789abcdefghijklmnopqrstuv"[(window >> (11 - bit % 8)) & 31U];
    }
    const std::string chain = "1 0 " + std::to_string(iterations) + " -";
    return {record(apex, RrType::soa, ". . 1 7200 900 86400 300"),
            record(apex, RrType::nsec3param, chain),
            record(label + "." + apex, RrType::nsec3, chain + " " + label + " SOA")};
}

/// The kinds of records in a random zone. `signs` also adds NSEC or NSEC3 records as a signer would.
struct Shape {
    std::string_view apex = "example.";
    std::size_t owners = 30;
    std::size_t depth_max = 4;
    bool odd_labels = true;  // capitals, control octets, the longest label
    bool delegations = true;
};

inline std::string random_label(base::Seed& seed, const Shape& shape) {
    static const std::vector<std::string> plain = {"a",  "b",    "c",  "*",    "www",
                                                   "ns", "mail", "x1", "_tcp", "de-ep"};
    static const std::vector<std::string> odd = {
        "A",     "WwW",    R"(\000)",  R"(\001b)",           R"(\255)",
        R"(\.)", R"(*\*)", R"(\[z\])", std::string(63, 'l'), std::string(30, 'M')};
    if (shape.odd_labels && seed.below(6) == 0) return odd[seed.below(odd.size())];
    return plain[seed.below(plain.size())];
}

inline std::string random_name(base::Seed& seed, const Shape& shape) {
    const std::size_t labels = seed.below(shape.depth_max + 1);
    std::string text;
    // At most three of the longest labels, so that the name stays one.
    std::size_t octets = shape.apex.size() + 1;
    for (std::size_t i = 0; i < labels; ++i) {
        const std::string label = random_label(seed, shape);
        octets += label.size() + 1;
        if (octets > 200) break;
        text += label + '.';
    }
    return text + (shape.apex == "." ? (text.empty() ? "." : "") : std::string(shape.apex));
}

/// Records of a zone that has to build: one SOA, CNAMEs alone, one DNAME at a name.
inline std::vector<Record> records(base::Seed& seed, const Shape& shape) {
    using dns::RrType;
    std::vector<Record> out;
    const auto number = [&](std::size_t below) { return std::to_string(seed.below(below)); };
    out.push_back(
        record(shape.apex, RrType::soa,
               random_name(seed, shape) + " hostmaster.other. 7 7200 900 86400 " + number(9999)));
    struct Taken {
        bool cname = false, other = false, dname = false;
    };
    std::map<std::string, Taken> taken;
    dns::Name apex = name(shape.apex);
    apex.fold_case();
    taken[dns::to_string(apex)].other = true;
    for (std::size_t i = 0; i < shape.owners; ++i) {
        const std::string owner = random_name(seed, shape);
        dns::Name folded = name(owner);
        folded.fold_case();
        Taken& here = taken[dns::to_string(folded)];
        const std::size_t count = 1 + seed.below(3);
        for (std::size_t n = 0; n < count; ++n) {
            const auto ttl = static_cast<std::uint32_t>(60 * seed.below(5));
            const std::uint64_t kind = seed.below(12);
            if (kind == 0) {
                if (here.cname || here.other) continue;
                here.cname = true;
                out.push_back(record(owner, RrType::cname, random_name(seed, shape), ttl));
                continue;
            }
            if (here.cname) continue;
            here.other = true;
            if (kind == 1) {
                if (here.dname || !shape.delegations) continue;
                here.dname = true;
                out.push_back(record(owner, RrType::dname, random_name(seed, shape), ttl));
            } else if (kind == 2) {
                if (shape.delegations)
                    out.push_back(record(owner, RrType::ns, random_name(seed, shape), ttl));
            } else if (kind == 3) {
                out.push_back(
                    record(owner, RrType::mx, number(3) + " " + random_name(seed, shape), ttl));
            } else if (kind == 4) {
                out.push_back(record(owner, RrType::srv,
                                     "0 0 " + number(3) + " " + random_name(seed, shape), ttl));
            } else if (kind == 5) {
                out.push_back(record(owner, RrType::aaaa, "2001:db8::" + number(9), ttl));
            } else if (kind == 6) {
                out.push_back(record(owner, RrType::ptr, random_name(seed, shape), ttl));
            } else if (kind == 7) {
                out.push_back(record(owner, RrType::txt,
                                     "\"" + std::string(seed.below(256), 't') + "\" " + number(9),
                                     ttl));
            } else if (kind == 8) {
                out.push_back(record(owner, RrType::rrsig,
                                     "A 13 2 3600 20800101000000 20200101000000 " + number(9) +
                                         " " + std::string(shape.apex) + " c2ln",
                                     ttl));
            } else if (kind == 9) {
                out.push_back(record(owner, static_cast<RrType>(65280 + seed.below(3)),
                                     "\\# 2 00" + number(10) + number(10), ttl));
            } else {
                out.push_back(record(owner, RrType::a, "192.0.2." + number(20), ttl));
            }
        }
    }
    return out;
}

inline void shuffle(std::vector<Record>& list, base::Seed& seed) {
    for (std::size_t i = list.size(); i > 1; --i) std::swap(list[i - 1], list[seed.below(i)]);
}

inline Result<Image> build(dns::NameView apex, const std::vector<Record>& list) {
    Builder builder;
    builder.begin(apex);
    for (const Record& one : list) ZC_TRY_STATUS(builder.add(one.view()));
    return builder.build();
}

/// Labels in lower case, the rightmost first: canonical order is that of these vectors.
using Path = std::vector<std::string>;

inline Path path(dns::NameView of) {
    Path out;
    for (; !of.is_root(); of = of.parent()) {
        std::string label;
        for (const std::uint8_t octet : of.label()) label += static_cast<char>(dns::fold(octet));
        out.push_back(label);
    }
    std::ranges::reverse(out);
    return out;
}

/// std::string compares char, which may be signed.
struct Canonical {
    bool operator()(const Path& a, const Path& b) const {
        return std::lexicographical_compare(
            a.begin(), a.end(), b.begin(), b.end(), [](const std::string& x, const std::string& y) {
                return std::lexicographical_compare(
                    x.begin(), x.end(), y.begin(), y.end(), [](char c, char d) {
                        return static_cast<unsigned char>(c) < static_cast<unsigned char>(d);
                    });
            });
    }
};

/// The names of a zone and what they own, and RFC 1034's walk down through them.
struct Reference {
    enum class Kind : std::uint8_t { exact, wildcard, nxdomain, delegation, dname };
    struct Expected {
        Kind kind{};
        Path node;               // empty for nxdomain
        std::size_t labels = 0;  // of the closest encloser, cut or DNAME
    };
    Path apex;
    std::map<Path, std::set<dns::RrType>, Canonical> names;  // with the empty non-terminals
    std::set<Path> below_cut;                                // occluded: below a cut or a DNAME

    Reference(dns::NameView apex_name, const std::vector<Record>& list) : apex(path(apex_name)) {
        names[apex];
        for (const Record& one : list) {
            if (one.type == dns::RrType::nsec3) continue;
            if (one.type == dns::RrType::rrsig && one.rdata[0] == 0 && one.rdata[1] == 50) continue;
            Path at = path(one.owner);
            names[at].insert(one.type);
            for (; at.size() > apex.size(); at.pop_back()) names[at];
        }
        for (const auto& [at, types] : names) {
            Path above = at;
            while (above.size() > apex.size()) {
                above.pop_back();
                if (is_cut(above) || names.at(above).contains(dns::RrType::dname))
                    below_cut.insert(at);
            }
        }
    }
    bool is_cut(const Path& at) const {
        return at.size() > apex.size() && names.at(at).contains(dns::RrType::ns);
    }

    Expected find(dns::NameView wanted) const {
        const Path target = path(wanted);
        Path at = apex;
        for (;;) {
            if (is_cut(at)) return {Kind::delegation, at, at.size()};
            if (at.size() == target.size()) return {Kind::exact, at, at.size()};
            if (names.at(at).contains(dns::RrType::dname)) return {Kind::dname, at, at.size()};
            Path next = at;
            next.push_back(target[at.size()]);
            if (!names.contains(next)) {
                next.back().assign(1, '*');
                if (names.contains(next)) return {Kind::wildcard, next, at.size()};
                return {Kind::nxdomain, {}, at.size()};
            }
            at = next;
        }
    }
};

}  // namespace zc::zone::random
