#include "shadow/judge.h"

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
