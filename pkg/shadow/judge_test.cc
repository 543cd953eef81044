#include "shadow/judge.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "dns/message.h"

using namespace zc;
using namespace zc::shadow;

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
        CHECK(stretch.tally.balanced());
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
        kept.tally.add(done.tally);
        for (const CaseCount& one : done.cases) kept.cases.add(one);
        done = {};
    }
    CHECK(samples_octets <= Collector::samples_octets_max);
    CHECK(samples_octets > Collector::samples_octets_max / 2);
    CHECK(kept.tally.differences() == questions);
    CHECK(kept.cases.size() <= Collector::causes_max + 1);
    std::uint64_t sum = 0;
    for (const CaseCount& one : kept.cases) sum += one.count;
    CHECK(sum == questions);
}
