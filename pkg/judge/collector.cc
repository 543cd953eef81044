#include "judge/collector.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>

#include "compare/reading.h"
#include "judge/signatures.h"

namespace zc::judge {
namespace {

using compare::Party;
using compare::Rule;
using compare::Verdict;
using compare::What;

template <class Enum, std::size_t count>
void count_one(std::array<std::uint64_t, count>& counters, Enum which) noexcept {
    ++counters[static_cast<std::size_t>(which)];
}

/// How a question that was asked ended.
enum class End : std::uint8_t { compared, timed_out, malformed };

End end_of(const Pair& pair, What what) noexcept {
    if (pair.older.empty() || pair.newer.empty()) return End::timed_out;
    return what == What::malformed ? End::malformed : End::compared;
}

void count_end(Sums& sums, const Pair& pair, End end) noexcept {
    ++sums.asked;
    switch (end) {
        case End::compared:
            ++sums.compared;
            break;
        case End::timed_out:
            ++sums.timed_out;
            break;
        case End::malformed:
            ++sums.malformed;
            break;
    }
    if (pair.older.empty()) count_one(sums.timeouts, Side::older);
    if (pair.newer.empty()) count_one(sums.timeouts, Side::newer);
}

void count_rules(Sums& sums, compare::RuleSet needed) noexcept {
    for (std::uint32_t bits = needed.bits(); bits != 0; bits &= bits - 1)
        ++sums.by_rule[static_cast<std::size_t>(__builtin_ctz(bits))];
}

std::vector<std::uint8_t> copy(base::Octets octets) {
    return {octets.begin(), octets.end()};
}

struct SeenCause {
    std::uint64_t stayed = 0, silent = 0;  // asked again; silent: since the last answer
    std::uint64_t passed_over = 0;         // since they are silent
    std::uint64_t samples = 0;
    std::size_t samples_octets = 0;
};

}  // namespace

namespace {

std::string key_of(const compare::Difference::OpenEnd& end) {
    return dns::to_string(end.owner) + ' ' + dns::to_string(end.target);
}

}  // namespace

bool ZoneEnds::knows(const compare::Difference::OpenEnd& end) const {
    return known_.contains(key_of(end));
}

void ZoneEnds::learn(const compare::Difference::OpenEnd& end) {
    if (known_.size() < known_max) known_.insert(key_of(end));
}

bool identical(base::Octets a, base::Octets b) noexcept {
    return a.size() == b.size() && a.size() >= 2 &&
           std::memcmp(a.data() + 2, b.data() + 2, a.size() - 2) == 0;
}

bool is_truncated(base::Octets message) noexcept {
    constexpr std::uint8_t tc = 0x02;
    return message.size() > 2 && (message[2] & tc) != 0;
}

struct Collector::Work {
    compare::Comparer comparer;
    const catalogue::Catalogue* zones_or_null;
    std::unordered_map<std::string, SeenCause> causes;
    std::size_t samples_octets = 0;

    Work(const compare::Policy& policy, const catalogue::Catalogue* zones)
        : comparer(policy), zones_or_null(zones) {}

    SeenCause* cause_or_null(const std::string& cause) {
        const auto found = causes.find(cause);
        if (found != causes.end()) return &found->second;
        if (causes.size() >= causes_max) return nullptr;
        return &causes[cause];
    }

    void keep(Stretch& into, const Pair& pair, compare::Judgement judgement,
              std::vector<std::string> facets, const std::string& cause, base::Octets referee,
              End end);
};

namespace {

/// "the new server gives a signature that does not verify: …"
std::string bad_signature(Side side, const std::string& wrong) {
    return "the " + std::string(to_string(side)) +
           " server gives a signature that does not verify: " + wrong;
}

constexpr const char* signatures_clause = "RFC 4035 section 5.3";

/// A response may say what zone data says and prove nothing.
void hold_to_signatures(compare::Judgement& judgement, const Pair& pair,
                        const std::array<Collector::Signatures, 2>& told) {
    const auto& [older, newer] = told;
    const bool by_signatures =
        judgement.verdict == Verdict::both_legal && judgement.rule == Rule::signatures;
    // A fault of both sides comes from the zone.
    if (older.wrong == newer.wrong && !older.unknown && !newer.unknown && !by_signatures) return;
    const bool older_bad = older.bad();
    const bool newer_bad = newer.bad();
    const auto is_nobodys = [&] {
        return judgement.verdict == Verdict::both_legal || judgement.verdict == Verdict::in_flight;
    };
    const auto blame = [&](Verdict verdict, Side side, const std::string& wrong) {
        const std::string sentence = bad_signature(side, wrong);
        const bool is_first = is_nobodys();
        judgement.verdict = verdict;
        if (is_first) {
            judgement.what = What::proofs;
            judgement.rule.reset();
            judgement.sentence = sentence;
            judgement.clause = signatures_clause;
        } else {
            judgement.sentence += "; " + sentence;
        }
    };
    if (newer_bad && older.good() && judgement.verdict == Verdict::undecided) {
        judgement.verdict = Verdict::newer_wrong;
        judgement.sentence = bad_signature(Side::newer, newer.wrong);
        judgement.clause = signatures_clause;
    }
    if (older_bad && is_nobodys()) blame(Verdict::older_wrong, Side::older, older.wrong);
    const bool is_older_wrong = judgement.verdict == Verdict::older_wrong;
    if (newer_bad && (is_nobodys() || is_older_wrong))
        blame(is_older_wrong ? Verdict::both_wrong : Verdict::newer_wrong, Side::newer,
              newer.wrong);
    else if (older_bad && judgement.verdict == Verdict::newer_wrong)
        blame(Verdict::both_wrong, Side::older, older.wrong);
    // A validator treats equal signatures equally, also those of an algorithm that it does not know
    // (RFC 6840 section 5.2).
    const bool is_open = (newer.unknown && !signs_no_more(pair.newer, pair.older)) ||
                         (by_signatures && older.unknown);
    if (!is_open) return;
    // An explanation holds for good signatures only.
    const std::string sentence = "nobody here can verify " + (newer.unknown ? newer : older).wrong;
    if (compare::is_explained(judgement.verdict, judgement.what)) {
        judgement.verdict = Verdict::undecided;
        judgement.rule.reset();
        judgement.sentence = sentence;
        judgement.clause.clear();
    } else if (judgement.verdict == Verdict::undecided) {
        judgement.sentence += "; " + sentence;
    }
}

/// That one side truncates is legal if the whole answers are the same: not for who has not seen
/// them.
void hold_to_whole_answers(compare::Judgement& judgement, const Pair& pair,
                           const std::array<bool, 2>& missing) {
    const auto& [older, newer] = missing;
    if ((!older && !newer) || judgement.verdict != Verdict::both_legal ||
        judgement.rule != Rule::truncation)
        return;
    judgement.rule.reset();
    if (newer && !older && is_truncated(pair.newer)) {
        judgement.verdict = Verdict::newer_wrong;
        judgement.sentence = "the new server truncates, and does not answer over TCP";
        judgement.clause = "RFC 7766 section 5";
    } else {
        judgement.verdict = Verdict::undecided;
        judgement.sentence = "one server truncates, and " +
                             std::string(older && newer ? "neither"
                                         : older        ? "the old one not"
                                                        : "the new one not") +
                             " answers over TCP";
        judgement.clause.clear();
    }
}

}  // namespace

Collector::Signatures::Signatures(const Status& verified) {
    if (verified) return;
    wrong = verified.error().message;
    unknown = verified.error().code != Errc::invalid;
}

void Collector::bad_signatures(Stretch& into, const Pair& pair,
                               const std::array<Signatures, 2>& told) {
    const auto& [older, newer] = told;
    compare::Judgement judgement;
    judgement.what = What::proofs;
    judgement.where = comparer().difference(pair.asked, pair.older, pair.newer).where;
    judgement.verdict = older.bad() && newer.bad() ? Verdict::both_wrong
                        : older.bad()              ? Verdict::older_wrong
                                                   : Verdict::newer_wrong;
    judgement.sentence = older.bad() ? bad_signature(Side::older, older.wrong)
                                     : bad_signature(Side::newer, newer.wrong);
    judgement.clause = signatures_clause;
    const std::string facet = std::string("proofs=signature ") + (older.bad() ? "bad" : "good") +
                              "/" + (newer.bad() ? "bad" : "good");
    const std::string cause =
        "proofs " + std::string(compare::to_string(judgement.where)) + " " + facet;
    judged(into, pair, std::move(judgement), {facet}, cause);
}

Collector::Collector(const compare::Policy& policy, const catalogue::Catalogue* zones_or_null)
    : work_(std::make_unique<Work>(policy, zones_or_null)) {}
Collector::~Collector() = default;

compare::Comparer& Collector::comparer() noexcept {
    return work_->comparer;
}

Collector::Same Collector::same(Stretch& into, const compare::Asked& asked, base::Octets older,
                                base::Octets newer) {
    const compare::Sameness sameness = work_->comparer.same(asked, older, newer);
    if (!sameness.same) return Same::no;
    if (sameness.needed.has(Rule::signatures)) return Same::if_verified;
    ++into.sums.asked;
    ++into.sums.compared;
    ++into.sums.same;
    if (identical(older, newer)) ++into.sums.identical;
    count_rules(into.sums, sameness.needed);
    return Same::yes;
}

void Collector::verified(Stretch& into, const Pair& pair) noexcept {
    ++into.sums.asked;
    ++into.sums.compared;
    ++into.sums.same;
    if (identical(pair.older, pair.newer)) ++into.sums.identical;
    count_rules(into.sums, work_->comparer.same(pair.asked, pair.older, pair.newer).needed);
}

compare::Judgement Collector::judgement(const Pair& pair, const compare::Difference& difference,
                                        const Again& again) {
    compare::Judgement judgement;
    judgement.what = difference.what;
    judgement.where = difference.where;
    const End end = end_of(pair, difference.what);

    const auto facts = compare::read_query(pair.asked.query);
    std::optional<compare::Reading> reading;
    if (work_->zones_or_null != nullptr && facts) {
        reading = compare::read_zones(*work_->zones_or_null, *facts);
        if (reading->served) judgement.where = reading->where;
    }

    if (end == End::timed_out) {
        judgement.what = What::timeout;
        judgement.clause = "RFC 1035 section 7.3";
        if (pair.older.empty() && pair.newer.empty()) {
            judgement.verdict = Verdict::both_wrong;
            judgement.sentence = "neither server answers";
        } else if (pair.newer.empty()) {
            judgement.verdict = Verdict::newer_wrong;
            judgement.sentence = "the new server does not answer, the old one does";
        } else {
            judgement.verdict = Verdict::older_wrong;
            judgement.sentence = "the old server does not answer, the new one does";
        }
    } else if (again.serials_differed && again.agreed_later) {
        judgement.verdict = Verdict::in_flight;
        judgement.sentence =
            "the servers had different versions of the zone, and agreed when asked again later";
        judgement.clause = "RFC 1034 section 4.3.5";
    } else if (again.sets_equal && work_->comparer.policy().rules.has(Rule::rotating)) {
        judgement.verdict = Verdict::both_legal;
        judgement.rule = Rule::rotating;
        judgement.sentence =
            "each server draws from a set, and over all askings the sets are equal";
        judgement.clause = compare::row_of(Rule::rotating).clause;
    } else {
        const bool is_unstable = again.older_unstable || again.newer_unstable;
        const compare::Reading* data = reading && reading->served ? &*reading : nullptr;
        std::optional<compare::Evidence> evidence;
        if (data != nullptr) evidence.emplace(compare::Evidence{*work_->zones_or_null, *data});
        if (!is_unstable || evidence)
            judgement = compare::judge(work_->comparer, pair.asked, pair.older, pair.newer,
                                       difference, evidence ? &*evidence : nullptr, again.referee);
        // An old server that says something else each time (PowerDNS shuffles a DNAME and its
        // CNAME) may be wrong each time: zone data tells. If the new server does so, nothing is
        // explained, since nobody knows its next answer; and one that agrees by now may have had an
        // older version of the zone.
        const bool is_left_open =
            data == nullptr || judgement.verdict == Verdict::undecided ||
            (again.newer_unstable &&
             (again.agreed_later || compare::is_explained(judgement.verdict, judgement.what)));
        if (is_unstable && is_left_open) {
            judgement = {};
            judgement.what = difference.what;
            judgement.where = data != nullptr ? data->where : difference.where;
            judgement.verdict = Verdict::unstable;
            judgement.sentence = again.older_unstable && again.newer_unstable
                                     ? "asked again, both servers answer otherwise"
                                 : again.older_unstable
                                     ? "asked again, the old server answers otherwise"
                                     : "asked again, the new server answers otherwise";
        }
    }
    if (end != End::timed_out) {
        hold_to_whole_answers(judgement, pair, again.whole_missing);
        hold_to_signatures(judgement, pair, again.signatures);
    }
    return judgement;
}

void Collector::difference(Stretch& into, const Pair& pair, const compare::Difference& difference,
                           compare::Judgement judgement, base::Octets referee) {
    work_->keep(into, pair, std::move(judgement), difference.facets, difference.cause, referee,
                end_of(pair, difference.what));
}

void Collector::difference(Stretch& into, const Pair& pair, const compare::Difference& difference,
                           const Again& again) {
    this->difference(into, pair, difference, judgement(pair, difference, again), again.referee);
}

void Collector::judged(Stretch& into, const Pair& pair, compare::Judgement judgement,
                       std::vector<std::string> facets, const std::string& cause,
                       base::Octets referee) {
    const End end = end_of(pair, judgement.what);
    work_->keep(into, pair, std::move(judgement), std::move(facets), cause, referee, end);
}

void Collector::Work::keep(Stretch& into, const Pair& pair, compare::Judgement judgement,
                           std::vector<std::string> facets, const std::string& cause,
                           base::Octets referee, End end) {
    Sums& sums = into.sums;
    count_end(sums, pair, end);
    count_one(sums.by_what, judgement.what);
    count_one(sums.by_where, judgement.where);
    count_one(sums.by_verdict, judgement.verdict);
    if (judgement.rule) count_one(sums.by_rule, *judgement.rule);
    ++(compare::is_explained(judgement.verdict, judgement.what) ? sums.explained
                                                                : sums.unexplained);

    SeenCause* seen = cause_or_null(cause + '\n' + std::string(to_string(judgement.verdict)) +
                                    '\n' + std::string(to_string(judgement.what)) + '\n' +
                                    std::string(to_string(judgement.where)));
    const std::uint64_t counted =
        into.cases.add({.cause = seen != nullptr ? cause : std::string(CaseCounts::other_causes),
                        .what = judgement.what,
                        .where = judgement.where,
                        .verdict = judgement.verdict,
                        .count = 1});
    if (seen == nullptr || seen->samples >= samples_a_cause || counted > samples_a_stretch) return;
    Sample sample{.position = pair.position,
                  .at = pair.at,
                  .transport = pair.asked.transport,
                  .query = copy(pair.asked.query),
                  .older = copy(pair.older),
                  .newer = copy(pair.newer),
                  .referee = copy(referee),
                  .judgement = std::move(judgement),
                  .cause = cause,
                  .facets = std::move(facets)};
    const std::size_t octets = octets_of(sample);
    if (seen->samples > 0 && seen->samples_octets + octets > samples_octets_a_cause) return;
    if (samples_octets + octets > samples_octets_max || !into.keep(std::move(sample))) return;
    ++seen->samples;
    seen->samples_octets += octets;
    samples_octets += octets;
}

void Collector::malformed_question(Stretch& into) noexcept {
    ++into.sums.asked;
    ++into.sums.malformed;
}

void Collector::dropped(Stretch& into) noexcept {
    ++into.sums.asked;
    ++into.sums.dropped;
}

void Collector::asked_again(const std::string& cause, AgainOutcome outcome) {
    SeenCause* const seen = work_->cause_or_null(cause);
    if (seen == nullptr) return;
    if (outcome == AgainOutcome::silent) {
        ++seen->silent;
        return;
    }
    seen->silent = 0;
    if (outcome == AgainOutcome::same_again) ++seen->stayed;
}

bool Collector::worth_asking(const std::string& cause, std::uint64_t stayed_max) {
    const auto found = work_->causes.find(cause);
    if (found == work_->causes.end()) return work_->causes.size() < causes_max;
    SeenCause& seen = found->second;
    if (seen.stayed >= stayed_max) return false;
    return seen.silent < stayed_max || seen.passed_over++ % silent_probe == 0;
}

}  // namespace zc::judge
