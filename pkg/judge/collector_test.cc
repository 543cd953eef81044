#include "judge/collector.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "dns/message.h"
#include "judge/test_zones.h"

using namespace zc;
using namespace zc::ask;
using namespace zc::judge;

TEST_CASE("what nobody can verify explains nothing, unless the old server says the very same") {
    catalogue::Catalogue zones(5);
    insert_signed_zone(zones);
    const Octets query = signed_query("nsec.example.", dns::RrType::any);
    const Octets whole = respond(zones, query, true);
    auto message = *dns::parse_message(whole);
    // A server may answer ANY with some of the RRsets (RFC 8482 section 4.1).
    std::erase_if(message.answer, [](const dns::Record& one) {
        return one.type != dns::RrType::soa &&
               (one.type != dns::RrType::rrsig ||
                base::load_u16(one.rdata.data()) != static_cast<std::uint16_t>(dns::RrType::soa));
    });
    const Octets some = *dns::encode_message(message);
    Octets otherwise = some;
    sign_otherwise(otherwise, false);
    Collector collector(compare::Policy(), nullptr);
    const auto verdict = [&](const Octets& newer, Collector::Signatures told) {
        const Pair pair{
            .position = 1, .at = {}, .asked = {.query = query}, .older = whole, .newer = newer};
        Collector::Again again;
        again.signatures = {told, told};
        return collector
            .judgement(pair, collector.comparer().difference(pair.asked, whole, newer), again)
            .verdict;
    };
    const Collector::Signatures good;
    const Collector::Signatures unknown(fail(Errc::unsupported, "an algorithm of the future"));
    const Collector::Signatures bad(fail(Errc::invalid, "expired"));
    CHECK(verdict(some, good) == compare::Verdict::both_legal);
    CHECK(verdict(some, unknown) == compare::Verdict::both_legal);
    CHECK(verdict(some, bad) == compare::Verdict::both_legal);  // so is the zone
    CHECK(verdict(otherwise, good) == compare::Verdict::both_legal);
    CHECK(verdict(otherwise, unknown) == compare::Verdict::undecided);
}

TEST_CASE("a bad signature of the new server alone decides what nothing else decides") {
    catalogue::Catalogue zones(5);
    insert_signed_zone(zones);
    const Octets query = signed_query("nsec.example.", dns::RrType::soa);
    const Octets older = respond(zones, query, true);
    Octets newer = older;
    newer[2] &= 0xfbU;  // AA
    Collector collector(compare::Policy(), nullptr);
    const Pair pair{
        .position = 1, .at = {}, .asked = {.query = query}, .older = older, .newer = newer};
    const auto difference = collector.comparer().difference(pair.asked, older, newer);
    Collector::Again again;
    CHECK(collector.judgement(pair, difference, again).verdict == compare::Verdict::undecided);
    again.signatures[1] = Collector::Signatures(fail(Errc::invalid, "expired in 2001"));
    const compare::Judgement judgement = collector.judgement(pair, difference, again);
    CHECK(judgement.verdict == compare::Verdict::newer_wrong);
    CHECK(judgement.sentence.find("expired in 2001") != std::string::npos);
    // An old server's explains no difference away.
    again.signatures = {again.signatures[1], {}};
    CHECK(collector.judgement(pair, difference, again).verdict == compare::Verdict::undecided);
}

TEST_CASE("asking again is bounded by what stayed, and by silence for as long as it lasts") {
    using AgainOutcome = Collector::AgainOutcome;
    constexpr std::uint64_t stayed_max = 4;
    Collector collector(compare::Policy(), nullptr);
    for (int i = 0; i < 100; ++i) {
        CHECK(collector.worth_asking("rotates", stayed_max));
        collector.asked_again("rotates", AgainOutcome::otherwise);
    }
    for (std::uint64_t i = 0; i < stayed_max; ++i) {
        CHECK(collector.worth_asking("stays", stayed_max));
        collector.asked_again("stays", AgainOutcome::same_again);
        CHECK(collector.worth_asking("silent", stayed_max));
        collector.asked_again("silent", AgainOutcome::silent);
    }
    CHECK(!collector.worth_asking("stays", stayed_max));
    std::uint64_t probes = 0;
    for (std::uint64_t i = 0; i < 10 * Collector::silent_probe; ++i)
        probes += collector.worth_asking("silent", stayed_max) ? 1U : 0U;
    CHECK(probes == 10);
    collector.asked_again("silent", AgainOutcome::otherwise);
    CHECK(collector.worth_asking("silent", stayed_max));
    CHECK(collector.worth_asking("silent", stayed_max));
    // A server may make up as many causes as it likes.
    for (std::size_t i = 0; i < Collector::causes_max; ++i)
        collector.asked_again("cause " + std::to_string(i), AgainOutcome::otherwise);
    CHECK(!collector.worth_asking("one more", stayed_max));
}

TEST_CASE("every case gets samples, however many a case of the same cause has had") {
    const auto query = dns::encode_query(*dns::Name::parse("www.example."), dns::RrType::a, {});
    auto response = query;
    response[2] |= 0x80;
    Collector collector(compare::Policy(), nullptr);
    const auto judge_one = [&](Stretch& into, compare::Where where) {
        const Pair pair{.position = 1,
                        .at = {},
                        .asked = {.query = query},
                        .older = response,
                        .newer = response};
        compare::Judgement judgement;
        judgement.verdict = compare::Verdict::older_wrong;
        judgement.what = compare::What::rcode;
        judgement.where = where;
        collector.judged(into, pair, judgement, {}, "cause");
    };
    for (std::uint64_t i = 0; i < 2 * Collector::samples_a_cause; ++i) {
        Stretch stretch;
        judge_one(stretch, compare::Where::empty_non_terminal);
        CHECK(stretch.samples.size() == (i < Collector::samples_a_cause ? 1 : 0));
        CHECK(stretch.sums.balanced());
    }
    Stretch stretch;
    judge_one(stretch, compare::Where::exact);
    REQUIRE(stretch.samples.size() == 1);
    CHECK(stretch.samples[0].judgement.where == compare::Where::exact);
}

TEST_CASE("cases are counted once each, and beyond the limit as other causes, with nothing lost") {
    CaseCounts cases;
    constexpr std::uint64_t causes = 3 * CaseCounts::cases_max;
    for (int round = 0; round < 2; ++round)
        for (std::uint64_t i = 0; i < causes; ++i)
            cases.add(
                {.cause = "cause " + std::to_string(i),
                 .what = compare::What::answer,
                 .where = compare::Where::exact,
                 .verdict = i % 2 == 0 ? compare::Verdict::undecided : compare::Verdict::both_legal,
                 .count = 1});
    CHECK(cases.size() == CaseCounts::cases_max + 2);
    std::uint64_t sum = 0, undecided = 0;
    std::set<std::pair<std::string, compare::Verdict>> seen;
    for (const CaseCount& one : cases) {
        sum += one.count;
        if (one.verdict == compare::Verdict::undecided) undecided += one.count;
        CHECK(seen.emplace(one.cause, one.verdict).second);
        if (one.cause != CaseCounts::other_causes) CHECK(one.count == 2);
    }
    CHECK(sum == 2 * causes);
    CHECK(undecided == causes);
}

TEST_CASE("a new cause with each answer, and long answers, are counted in bounded memory") {
    const auto name = *dns::Name::parse("www.example.");
    const auto query = dns::encode_query(name, dns::RrType::a, {});
    std::vector<std::uint8_t> response(60'000);
    std::copy(query.begin(), query.end(), response.begin());
    Collector collector(compare::Policy(), nullptr);
    Stretch done, kept;
    constexpr std::uint64_t questions = 50'000;
    std::size_t samples_octets = 0;
    for (std::uint64_t i = 1; i <= questions; ++i) {
        const Pair pair{.position = i,
                        .at = {},
                        .asked = {.query = query},
                        .older = response,
                        .newer = response};
        compare::Judgement judgement;
        judgement.what = compare::What::answer;
        collector.judged(done, pair, judgement, {}, "cause " + std::to_string(i));
        if (i % 1000 != 0) continue;
        CHECK(done.octets() <= Stretch::samples_octets_max + (std::size_t{2} << 20));
        samples_octets += done.samples_octets;
        kept.sums.add(done.sums);
        for (const CaseCount& one : done.cases) kept.cases.add(one);
        done = {};
    }
    CHECK(samples_octets <= Collector::samples_octets_max);
    CHECK(samples_octets > Collector::samples_octets_max / 2);
    CHECK(kept.sums.differences() == questions);
    CHECK(kept.cases.size() <= Collector::causes_max + 1);
    std::uint64_t sum = 0;
    for (const CaseCount& one : kept.cases) sum += one.count;
    CHECK(sum == questions);
}
