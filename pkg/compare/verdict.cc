#include "compare/verdict.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "compare/other_data.h"
#include "dns/message.h"

namespace zc::compare {

namespace {

constexpr std::array<std::string_view, verdict_count> verdict_names = {
    "new wrong", "old wrong", "both wrong", "both legal", "unstable", "in flight", "undecided"};

/// The least that a server answers by UDP to a client that takes as much: 1,232 octets is what all
/// of the well-known ones do (RFC 6891 section 6.2.3, and the flag day of 2020).
constexpr std::size_t udp_octets_usual = 1232;

std::string_view name_of(Party party) {
    return party == Party::older ? "the old server" : "the new server";
}

/// One side by itself: its response and the faults of it.
struct Side {
    Party party{};
    base::Octets octets;
    std::optional<dns::Message> message;
    std::vector<Fault> faults;
    RuleSet taken;
};

Judgement wrong(Verdict verdict, const Side& side, What what, std::string does, std::string clause,
                const Difference& difference) {
    Judgement out;
    out.verdict = verdict;
    out.what = what;
    out.where = difference.where;
    out.sentence = std::string(name_of(side.party)) + " " + std::move(does);
    out.clause = std::move(clause);
    return out;
}

/// A message that cannot be compared: a fault of its own, whatever the zone says.
std::optional<Fault> broken(const Asked& asked, const std::optional<QueryFacts>& facts,
                            const Side& side) {
    if (side.octets.empty()) return Fault{What::timeout, "does not answer", "", 0};
    const auto malformed = [](std::string does) {
        return Fault{What::malformed, std::move(does), "RFC 1035 section 4.1", 0};
    };
    const auto problems = response_problems(asked, side.octets);
    if (!side.message || !side.message->qr)
        return malformed("gives octets that are no response: " +
                         (problems.empty() ? std::string("QR is not set") : problems[0]));
    const auto& questions = side.message->questions;
    const bool answers_it =
        facts && questions.size() == 1 && questions[0].type == facts->qtype &&
        questions[0].rr_class == facts->qclass && dns::equal(questions[0].name, facts->qname) &&
        asked.query.size() >= 2 && side.message->id == base::load_u16(asked.query.data());
    // A server that cannot read a query may leave its question out (RFC 1035 section 4.1.1).
    if (!answers_it && !(questions.empty() && side.message->rcode == dns::Rcode::formerr))
        return malformed("gives an answer to another question" +
                         (problems.empty() ? std::string() : ": " + problems[0]));
    return std::nullopt;
}
/// The fault of a readable message as a message, whatever the zone holds.
std::optional<Fault> ill_formed(const Asked& asked, const Side& side) {
    const auto problems = response_problems(asked, side.octets);
    if (problems.empty()) return std::nullopt;
    return Fault{What::malformed, "a response that no server may give: " + problems[0],
                 "RFC 1035 section 4.1", 0};
}

Judgement both_wrong(const Side& older, const Side& newer, const Difference& difference,
                     const Fault& of_older, const Fault& of_newer, std::string_view gives) {
    Judgement out;
    out.verdict = Verdict::both_wrong;
    out.where = difference.where;
    const Fault& worse = of_older.what <= of_newer.what ? of_older : of_newer;
    out.what = worse.what;
    out.clause = worse.clause;
    out.sentence = std::string(name_of(older.party)) + std::string(gives) + of_older.sentence +
                   "; " + std::string(name_of(newer.party)) + std::string(gives) +
                   of_newer.sentence;
    return out;
}

std::size_t udp_room(const QueryFacts& facts) {
    return facts.edns ? std::clamp<std::size_t>(facts.udp_octets_max, 512, udp_octets_usual) : 512;
}

/// TC although the right answer would have fitted. By zone data only where no proofs are wanted.
std::optional<Fault> needless_truncation(const Asked& asked, const Reading& reading,
                                         const QueryFacts& facts, const Side& side) {
    if (!side.message->tc || side.message->rcode != reading.rcode) return std::nullopt;
    if (asked.transport != dns::Transport::udp)
        return Fault{What::flags, "TC over TCP", "RFC 2181 section 9", 0};
    if (facts.qtype == dns::RrType::any) return std::nullopt;  // RFC 8482 section 4.4
    const auto octets = octets_wanted(reading, facts);
    const std::size_t room = udp_room(facts);
    if (!octets || *octets > room) return std::nullopt;
    return Fault{What::flags,
                 "TC, although the answer of " + std::to_string(*octets) + " octets fits into " +
                     std::to_string(room),
                 "RFC 2181 section 9", reading.steps.empty() ? 0 : reading.steps.size() - 1};
}

std::optional<Rule> legal_rule_of(RuleSet taken) {
    for (const RuleRow& row : rules())
        if (row.kind == RuleKind::legal && taken.has(row.rule)) return row.rule;
    return std::nullopt;
}

Judgement legal(Rule rule, const Difference& difference, Where where) {
    const RuleRow& row = row_of(rule);
    Judgement out;
    out.verdict = Verdict::both_legal;
    out.what = difference.what;
    out.where = where;
    out.rule = rule;
    out.sentence = "both servers are right by the rule " + std::string(row.name) + ": " +
                   std::string(row.reason);
    out.clause = std::string(row.clause);
    return out;
}

bool gives_computed(const Reading& reading, const Side& side) {
    return std::ranges::any_of(side.message->answer, [&](const dns::Record& record) {
        return record.type == reading.computed->type &&
               dns::equal(record.owner, reading.computed->owner);
    });
}

/// Both sides are faultless by the zone data.
Judgement both_right(const Reading& reading, const QueryFacts& facts, const Side& older,
                     const Side& newer, const Difference& difference) {
    Judgement out;
    out.what = difference.what;
    out.where = reading.where;
    if (reading.computed && gives_computed(reading, older) != gives_computed(reading, newer)) {
        out.verdict = Verdict::undecided;
        const Side& giver = gives_computed(reading, older) ? older : newer;
        const Side& other = gives_computed(reading, older) ? newer : older;
        out.sentence = std::string(name_of(giver.party)) +
                       " makes records out of an ALIAS or LUA record of PowerDNS, and " +
                       std::string(name_of(other.party)) +
                       " does not: neither is DNS, so which is wanted is for the operator to say";
        return out;
    }
    // The one that is whole is right; the other one's TCP answer is for the caller to look at.
    if (older.message->tc != newer.message->tc && reading.asks == Reading::Asks::zone_data) {
        const auto octets = octets_wanted(reading, facts);
        if (octets && *octets > udp_room(facts))
            return legal(Rule::truncation, difference, reading.where);
    }
    RuleSet taken = older.taken;
    taken.join(newer.taken);
    // A rule that only one of them needs makes them differ.
    RuleSet apart;
    for (const RuleRow& row : rules())
        if (older.taken.has(row.rule) != newer.taken.has(row.rule)) apart.add(row.rule);
    std::optional<Rule> rule = legal_rule_of(apart);
    if (!rule) rule = legal_rule_of(taken);
    if (!rule) rule = difference.legal;
    if (!rule && taken.has(Rule::signatures) && difference.what == What::proofs)
        rule = Rule::signatures;
    if (rule) return legal(*rule, difference, reading.where);
    if (reading.computed && gives_computed(reading, older)) {
        out.verdict = Verdict::both_legal;
        out.rule = Rule::rotating;
        out.sentence =
            "both servers give what an ALIAS or LUA record of PowerDNS makes, each in its own way";
        return out;
    }
    switch (difference.what) {
        case What::rcode:
        case What::answer:
        case What::ttl:
        case What::authority:
        case What::proofs:
        case What::glue:
            out.verdict = Verdict::both_legal;
            out.sentence = "both servers say what the zone data says, in different ways";
            out.clause = reading.ends_clause;
            return out;
        case What::timeout:
        case What::malformed:
        case What::flags:
        case What::cosmetic:
            break;
    }
    out.verdict = Verdict::undecided;
    out.sentence = "zone data says nothing about what is different here";
    return out;
}

std::optional<Judgement> by_evidence(const Asked& asked, const Evidence& evidence, Side& older,
                                     Side& newer, const Difference& difference,
                                     const Policy& policy, const QueryFacts& facts) {
    const Reading& reading = evidence.reading;
    if (reading.asks == Reading::Asks::zone_data && reading.served && !reading.readable)
        return std::nullopt;
    for (Side* side : {&older, &newer}) {
        side->faults = faults_of(reading, facts, *side->message, side->taken, policy);
        if (auto fault = needless_truncation(asked, reading, facts, *side);
            fault && reading.served && reading.asks == Reading::Asks::zone_data) {
            side->faults.push_back(*std::move(fault));
            std::ranges::stable_sort(side->faults, {}, &Fault::what);
        }
        // A fault by zone data says more.
        if (side->faults.empty())
            if (auto fault = ill_formed(asked, *side)) side->faults.push_back(*std::move(fault));
    }
    Judgement out;
    if (older.faults.empty() && newer.faults.empty()) {
        auto other = other_data_of_right(evidence.zones, reading, facts, *older.message, policy);
        if (!other) return both_right(reading, facts, older, newer, difference);
        out = wrong(Verdict::undecided, older, difference.what,
                    "has other data than is here: it " + *std::move(other), "", difference);
        out.where = reading.where;
        return out;
    }
    if (!older.faults.empty() && !newer.faults.empty()) {
        out = both_wrong(older, newer, difference, older.faults[0], newer.faults[0], " gives ");
    } else if (older.faults.empty()) {
        const Fault& fault = newer.faults[0];
        out = wrong(Verdict::newer_wrong, newer, fault.what, "gives " + fault.sentence,
                    fault.clause, difference);
    } else if (auto other = other_data(evidence.zones, reading, facts, *older.message, policy)) {
        const Fault& fault = older.faults[0];
        out = wrong(
            Verdict::undecided, older, fault.what,
            "gives " + fault.sentence + ", from other data than is here: it " + *std::move(other),
            "", difference);
    } else {
        const Fault& fault = older.faults[0];
        out = wrong(Verdict::older_wrong, older, fault.what, "gives " + fault.sentence,
                    fault.clause, difference);
    }
    out.where = reading.where;
    return out;
}

}  // namespace

std::string_view to_string(Verdict verdict) noexcept {
    return verdict_names[static_cast<std::size_t>(verdict)];
}

Result<Verdict> parse_verdict(std::string_view text) {
    for (std::size_t i = 0; i < verdict_count; ++i)
        if (verdict_names[i] == text) return static_cast<Verdict>(i);
    std::string names;
    for (const std::string_view name : verdict_names)
        names += (names.empty() ? "" : ", ") + std::string(name);
    return fail(Errc::not_found,
                "no verdict is called '" + std::string(text) + "'; there are: " + names);
}

Judgement judge(Comparer& comparer, const Asked& asked, base::Octets older_octets,
                base::Octets newer_octets, const Difference& difference,
                const Evidence* evidence_or_null, base::Octets referee) {
    Side older{Party::older, older_octets, {}, {}, {}},
        newer{Party::newer, newer_octets, {}, {}, {}};
    for (Side* side : {&older, &newer})
        if (auto message = dns::parse_message(side->octets)) side->message = *std::move(message);

    std::optional<QueryFacts> facts;
    if (auto read = read_query(asked.query)) facts = *std::move(read);
    const auto broken_older = broken(asked, facts, older),
               broken_newer = broken(asked, facts, newer);
    Judgement out;
    if (broken_older && broken_newer) {
        out = both_wrong(older, newer, difference, *broken_older, *broken_newer, " ");
    } else if (broken_older || broken_newer) {
        const Fault& fault = broken_older ? *broken_older : *broken_newer;
        out = wrong(broken_older ? Verdict::older_wrong : Verdict::newer_wrong,
                    broken_older ? older : newer, fault.what, fault.sentence, fault.clause,
                    difference);
    }
    if (broken_older || broken_newer) {
        if (evidence_or_null != nullptr) out.where = evidence_or_null->reading.where;
        return out;
    }

    if (evidence_or_null != nullptr && facts)
        if (auto judged = by_evidence(asked, *evidence_or_null, older, newer, difference,
                                      comparer.policy(), *facts))
            return *std::move(judged);

    const auto ill_older = ill_formed(asked, older), ill_newer = ill_formed(asked, newer);
    if (ill_older && ill_newer)
        return both_wrong(older, newer, difference, *ill_older, *ill_newer, " gives ");
    if (ill_older || ill_newer) {
        const Fault& fault = ill_older ? *ill_older : *ill_newer;
        return wrong(ill_older ? Verdict::older_wrong : Verdict::newer_wrong,
                     ill_older ? older : newer, difference.what, "gives " + fault.sentence,
                     fault.clause, difference);
    }

    if (!referee.empty()) {
        const bool with_older = comparer.same(asked, older_octets, referee).same;
        const bool with_newer = comparer.same(asked, newer_octets, referee).same;
        if (with_older != with_newer)
            return wrong(with_older ? Verdict::newer_wrong : Verdict::older_wrong,
                         with_older ? newer : older, difference.what,
                         "stands alone: the referee says the same as " +
                             std::string(name_of(with_older ? Party::older : Party::newer)),
                         "", difference);
    }
    if (difference.legal) return legal(*difference.legal, difference, difference.where);

    out.verdict = Verdict::undecided;
    out.what = difference.what;
    out.where = difference.where;
    out.sentence = evidence_or_null != nullptr
                       ? "the zone that it is about cannot be read here"
                       : "no zone data at hand, and nothing else that decides";
    if (!referee.empty()) out.sentence += "; the referee agrees with neither of the two alone";
    return out;
}

}  // namespace zc::compare
