#include "compare.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <fnmatch.h>

namespace zc::e2e {
namespace {

void put_u16(std::string& out, std::size_t value) {
    out.push_back(static_cast<char>(value >> 8));
    out.push_back(static_cast<char>(value));
}

/// The deepest apex that holds `name`; empty when there is none.
std::string zone_of(const Apexes& apexes, std::string name) {
    for (;; name = parent(name)) {
        if (apexes.contains(name)) return name;
        if (name.size() == 1) return {};
    }
}

std::string rcode_text(std::uint16_t rcode) {
    static const char* const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                        "NOTIMP",  "REFUSED", "YXDOMAIN"};
    return rcode < std::size(names) ? names[rcode] : "RCODE" + std::to_string(rcode);
}

using Records = std::vector<Record>;

bool covers_ns(const Record& record) {
    return record.type == rr::ns ||
           (record.type == rr::rrsig && record.rdata.size() > 1 && record.rdata[0] == 0 &&
            record.rdata[1] == static_cast<char>(rr::ns));
}

/// Without the NS of zones served here: an optional courtesy in positive answers. (A referral never
/// names one of them: its zone would have answered.)
Records required_authority(const Records& authority, const Apexes& apexes) {
    Records out;
    for (const Record& record : authority)
        if (!covers_ns(record) || !apexes.contains(record.owner)) out.push_back(record);
    return out;
}

bool is_referral(const Records& authority, const Apexes& apexes) {
    return std::any_of(authority.begin(), authority.end(), [&](const Record& r) {
        return r.type == rr::ns && !apexes.contains(r.owner);
    });
}

/// Addresses at or below the cut of a referral (RFC 9471: they have to be there).
Records in_domain_glue(const Response& response, const Apexes& apexes) {
    Records out;
    for (const Record& cut : response.authority) {
        if (cut.type != rr::ns || apexes.contains(cut.owner)) continue;
        for (const Record& record : response.additional)
            if ((record.type == rr::a || record.type == rr::aaaa) &&
                is_within(record.owner, cut.owner))
                out.push_back(record);
        break;
    }
    return out;
}

/// Puts what is in one only into `out`: "+TYPE" the subject's, "-TYPE" the peer's, each once.
void compare_section(const char* section, Records subject, Records peer, Difference& out) {
    std::sort(subject.begin(), subject.end());
    std::sort(peer.begin(), peer.end());
    if (subject == peer) return;
    Records plus, minus;
    std::set_difference(subject.begin(), subject.end(), peer.begin(), peer.end(),
                        std::back_inserter(plus));
    std::set_difference(peer.begin(), peer.end(), subject.begin(), subject.end(),
                        std::back_inserter(minus));
    std::set<std::string> types;
    for (const Record& r : plus) types.insert("+" + type_to_text(r.type));
    for (const Record& r : minus) types.insert("-" + type_to_text(r.type));
    std::string fact;
    for (const std::string& type : types) fact += (fact.empty() ? "" : ",") + type;

    auto without_ttl = [](Records records) {
        for (Record& r : records) r.ttl = 0;
        return records;
    };
    Records a = without_ttl(plus);
    Records b = without_ttl(minus);
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    if (a == b) fact = "ttl";
    out.facts[section] = fact;
    constexpr std::size_t lines_max = 12;
    for (const Record& r : plus)
        if (out.lines.size() < lines_max)
            out.lines.push_back(std::string("+ ") + section + " " + to_text(r));
    for (const Record& r : minus)
        if (out.lines.size() < 2 * lines_max)
            out.lines.push_back(std::string("- ") + section + " " + to_text(r));
}

/// Where the chain of an answer goes.
struct Chain {
    int links = 0;
    bool crosses = false;         // into another zone served here
    bool leaves = false;          // its last target is in no zone served here
    bool ends_elsewhere = false;  // its last link leads into another zone served here
    bool loops = false;           // its last target was an owner before
    std::string last;             // the name it has come to
};

Chain chain_of(const Query& query, const Records& answer, const Apexes& apexes) {
    Chain out;
    std::string name = query.name;
    out.last = name;
    std::set<std::string> seen;
    for (;;) {
        seen.insert(name);
        const auto cname = std::find_if(answer.begin(), answer.end(), [&](const Record& r) {
            return r.type == rr::cname && r.owner == name;
        });
        if (cname == answer.end() || query.type == rr::cname) return out;
        ++out.links;
        const std::string target_zone = zone_of(apexes, cname->rdata);
        out.ends_elsewhere = target_zone != zone_of(apexes, name) && !target_zone.empty();
        out.crosses |= out.ends_elsewhere;
        out.leaves = target_zone.empty();
        if (seen.contains(cname->rdata)) {
            out.loops = true;
            return out;
        }
        out.last = name = cname->rdata;
    }
}

bool has_type(const Records& records, std::uint16_t type) {
    return std::any_of(records.begin(), records.end(),
                       [&](const Record& r) { return r.type == type; });
}

bool is_subset(Records some, Records all) {
    std::sort(some.begin(), some.end());
    std::sort(all.begin(), all.end());
    return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

/// An RRSIG whose labels field is less than its owner has: the wildcard it was made for was
/// expanded.
bool has_expansion(const Records& answer) {
    return std::any_of(answer.begin(), answer.end(), [](const Record& r) {
        if (r.type != rr::rrsig || r.rdata.size() < 4) return false;
        int labels = 0;
        std::string name = r.owner;
        for (; name.size() > 1; name = parent(name)) ++labels;
        return labels > static_cast<std::uint8_t>(r.rdata[3]) && r.owner.compare(0, 2, "\1*") != 0;
    });
}

}  // namespace

Result<Query> parse_query(const std::string& line) {
    Query query;
    query.text = line;
    std::istringstream in(line);
    std::string name, type, flag;
    in >> name >> type;
    const std::string wire = name_from_text(name);
    query.type = type_from_text(type);
    if (wire.empty() || query.type == 0)
        return fail(Errc::malformed, "\"" + line + "\", want NAME TYPE FLAG…");
    query.name = fold(wire);
    bool edns = true;
    std::size_t size = 4096;
    std::uint16_t bits = 0;
    while (in >> flag) {
        if (flag == "noedns")
            edns = false;
        else if (flag == "do")
            query.dnssec_ok = true;
        else if (flag == "tcp")
            query.over_tcp = true;
        else if (flag == "rd")
            bits |= 0x0100;
        else if (flag == "cd")
            bits |= 0x0010;
        else if (flag == "ad")
            bits |= 0x0020;
        else if (flag.starts_with("size="))
            size = std::stoul(flag.substr(5));
        else
            return fail(Errc::malformed, "flag \"" + flag + "\"");
    }
    query.udp_octets_max = edns ? std::max<std::size_t>(size, 512) : 512;
    for (const std::size_t field : {std::size_t{0}, std::size_t{bits}, std::size_t{1},
                                    std::size_t{0}, std::size_t{0}, std::size_t{edns}})
        put_u16(query.wire, field);
    query.wire += wire;
    put_u16(query.wire, query.type);
    put_u16(query.wire, 1);
    if (edns) {
        query.wire.push_back(0);
        put_u16(query.wire, rr::opt);
        put_u16(query.wire, size);
        put_u16(query.wire, 0);
        put_u16(query.wire, query.dnssec_ok ? 0x8000 : 0);
        put_u16(query.wire, 0);
    }
    return query;
}

Difference compare(const Query& query, const Response& subject, const Response& peer,
                   const Apexes& apexes) {
    Difference out;
    const auto note = [&](const char* fact, const std::string& a, const std::string& b) {
        if (a != b) out.facts[fact] = a + "/" + b;
    };
    note("rcode", rcode_text(subject.rcode), rcode_text(peer.rcode));
    note("aa", subject.authoritative ? "1" : "0", peer.authoritative ? "1" : "0");
    note("ad", subject.authentic ? "1" : "0", peer.authentic ? "1" : "0");
    compare_section("answer", subject.answer, peer.answer, out);
    compare_section("authority", required_authority(subject.authority, apexes),
                    required_authority(peer.authority, apexes), out);
    compare_section("glue", in_domain_glue(subject, apexes), in_domain_glue(peer, apexes), out);
    if (out.facts.empty()) return out;

    std::string differs;
    for (const char* component : {"rcode", "aa", "ad", "answer", "authority", "glue"}) {
        const auto fact = out.facts.find(component);
        if (fact == out.facts.end()) continue;
        differs += (differs.empty() ? "" : "+") + fact->first;
        out.signature += (out.signature.empty() ? "" : "; ") + fact->first + " " + fact->second;
    }
    out.facts["differs"] = differs;
    out.facts["qtype"] = type_to_text(query.type);
    out.facts["do"] = query.dnssec_ok ? "1" : "0";
    out.facts["subject_rcode"] = rcode_text(subject.rcode);
    out.facts["peer_rcode"] = rcode_text(peer.rcode);
    const Chain ours = chain_of(query, subject.answer, apexes);
    const Chain theirs = chain_of(query, peer.answer, apexes);
    const auto yes = [&](const char* fact, bool holds) { out.facts[fact] = holds ? "1" : "0"; };
    yes("crosses", ours.crosses || theirs.crosses);
    yes("leaves", ours.leaves);
    yes("loop", ours.loops || theirs.loops);
    const auto stops_short = [&](const Response& a, const Chain& chain_a, const Response& b,
                                 const Chain& chain_b) {
        return chain_a.links <= chain_b.links && is_subset(a.answer, b.answer) &&
               is_subset(required_authority(a.authority, apexes),
                         required_authority(b.authority, apexes));
    };
    // The peer answered up to a link into another zone, with what proofs that needs, and did not
    // follow it.
    yes("peer_stops_at_zone",
        theirs.ends_elsewhere && peer.rcode == 0 && stops_short(peer, theirs, subject, ours));
    yes("subject_stops_at_zone",
        ours.ends_elsewhere && subject.rcode == 0 && stops_short(subject, ours, peer, theirs));
    out.facts["links"] = std::to_string(ours.links);
    out.facts["peer_links"] = std::to_string(theirs.links);
    yes("peer_prefix", theirs.links < ours.links && is_subset(peer.answer, subject.answer));
    yes("subject_prefix", ours.links < theirs.links && is_subset(subject.answer, peer.answer));
    yes("peer_subset", is_subset(peer.answer, subject.answer) &&
                           is_subset(required_authority(peer.authority, apexes),
                                     required_authority(subject.authority, apexes)));
    yes("subject_subset", is_subset(subject.answer, peer.answer) &&
                              is_subset(required_authority(subject.authority, apexes),
                                        required_authority(peer.authority, apexes)));
    yes("same_links", ours.links == theirs.links);
    yes("peer_empty", peer.answer.empty() && peer.authority.empty());
    yes("cname", has_type(subject.answer, rr::cname) || has_type(peer.answer, rr::cname));
    yes("dname", has_type(subject.answer, rr::dname) || has_type(peer.answer, rr::dname));
    yes("referral", is_referral(subject.authority, apexes));
    yes("peer_referral", is_referral(peer.authority, apexes));
    yes("wildcard", has_expansion(subject.answer) || has_expansion(peer.answer));
    yes("nsec3", has_type(subject.authority, rr::nsec3) || has_type(peer.authority, rr::nsec3));
    const auto nested = [&](const std::string& name) {
        const std::string zone = zone_of(apexes, name);
        return zone.size() > 1 && !zone_of(apexes, parent(zone)).empty();
    };
    yes("nested", nested(query.name) || nested(ours.last));
    yes("answers_agree",
        is_subset(subject.answer, peer.answer) || is_subset(peer.answer, subject.answer));
    yes("outside", zone_of(apexes, query.name).empty());
    return out;
}

Result<std::vector<Rule>> read_rules(const std::string& path) {
    std::ifstream file(path);
    if (!file) return fail(Errc::not_found, path);
    std::vector<Rule> out;
    std::string line;
    for (std::uint64_t number = 1; std::getline(file, line); ++number) {
        std::istringstream in(line);
        std::string word;
        if (!(in >> word) || word[0] == '#') continue;
        const base::Location where{.source = path, .line = number};
        if (word == "rule") {
            out.emplace_back();
            if (!(in >> out.back().name))
                return fail(Errc::malformed, "a rule without name", where);
        } else if (out.empty()) {
            return fail(Errc::malformed, "\"" + word + "\" before the first rule", where);
        } else if (word == "because") {
            std::getline(in >> std::ws, word);
            out.back().because += (out.back().because.empty() ? "" : " ") + word;
        } else if (word == "when") {
            while (in >> word) {
                const std::size_t equals = word.find('=');
                if (equals == std::string::npos || equals == 0)
                    return fail(Errc::malformed, "\"" + word + "\", want FACT=GLOB|GLOB", where);
                Rule::Condition condition;
                condition.negated = word[equals - 1] == '!';
                condition.fact = word.substr(0, equals - (condition.negated ? 1 : 0));
                std::istringstream globs(word.substr(equals + 1));
                for (std::string glob; std::getline(globs, glob, '|');)
                    condition.globs.push_back(glob);
                if (condition.globs.empty())
                    condition.globs.emplace_back();  // FACT=: no such difference
                out.back().conditions.push_back(std::move(condition));
            }
        } else {
            return fail(Errc::malformed, "\"" + word + "\", want rule, when or because", where);
        }
    }
    for (const Rule& rule : out)
        if (rule.because.empty() || rule.conditions.empty())
            return fail(Errc::malformed, "rule " + rule.name + " needs `when` and `because`",
                        {.source = path});
    return out;
}

Rule* explain(std::vector<Rule>& rules, const Difference& difference) {
    const auto holds = [&](const Rule::Condition& condition) {
        const auto fact = difference.facts.find(condition.fact);
        const std::string value = fact == difference.facts.end() ? "" : fact->second;
        const bool any = std::any_of(
            condition.globs.begin(), condition.globs.end(),
            [&](const std::string& glob) { return fnmatch(glob.c_str(), value.c_str(), 0) == 0; });
        return any != condition.negated;
    };
    const auto rule = std::find_if(rules.begin(), rules.end(), [&](const Rule& r) {
        return std::all_of(r.conditions.begin(), r.conditions.end(), holds);
    });
    return rule == rules.end() ? nullptr : &*rule;
}

}  // namespace zc::e2e
