// Two messages of any octets as responses to one question: an octet that tells the transport, two
// that give the size of the first, then both. Never a crash; a response that can be read is the
// same as itself, as its canonical form, and as itself written in another way; what is the same is
// so the other way round, and by the same rules.
#include <algorithm>

#include "base/check.h"
#include "compare/compare.h"
#include "compare/form.h"
#include "compare/message_script.h"

using namespace zc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3) return 0;
    const std::size_t older_octets = std::min<std::size_t>(base::load_u16(data + 1), size - 3);
    const base::Octets older(data + 3, older_octets);
    const base::Octets newer(data + 3 + older_octets, size - 3 - older_octets);
    // The query is the question that comes back, if there is one.
    std::vector<std::uint8_t> query(older.begin(), older.end());
    if (const base::Octets question = compare::question_of(older); !question.empty()) {
        query.resize(12 + question.size());
        query[2] = query[3] = 0;
        std::fill(query.begin() + 6, query.begin() + 12, std::uint8_t{0});
    }
    const compare::Asked asked{
        .query = query,
        .transport = (data[0] & 1U) != 0 ? dns::Transport::tcp : dns::Transport::udp};
    static_cast<void>(compare::read_query(newer));
    static_cast<void>(compare::response_problems(asked, older));
    static_cast<void>(compare::response_problems(asked, newer));

    compare::Policy policy;
    policy.ttl_tolerance = (data[0] & 2U) != 0 ? 60 : 0;
    policy.serial_lag = (data[0] & 4U) != 0 ? 2 : 0;
    static compare::Comparer comparers[8] = {
        compare::Comparer{{.ttl_tolerance = 0, .serial_lag = 0}},
        compare::Comparer{{.ttl_tolerance = 0, .serial_lag = 0}},
        compare::Comparer{{.ttl_tolerance = 60, .serial_lag = 0}},
        compare::Comparer{{.ttl_tolerance = 60, .serial_lag = 0}},
        compare::Comparer{{.ttl_tolerance = 0, .serial_lag = 2}},
        compare::Comparer{{.ttl_tolerance = 0, .serial_lag = 2}},
        compare::Comparer{{.ttl_tolerance = 60, .serial_lag = 2}},
        compare::Comparer{{.ttl_tolerance = 60, .serial_lag = 2}}};
    compare::Comparer& comparer = comparers[data[0] & 7U];

    const auto older_form = compare::canonical(asked, older, policy);
    const auto newer_form = compare::canonical(asked, newer, policy);
    for (const auto& [octets, form] :
         {std::pair(older, &older_form), std::pair(newer, &newer_form)}) {
        ZC_CHECK(comparer.same(asked, octets, octets).same == !form->empty());
        if (form->empty()) continue;
        ZC_CHECK(compare::canonical(asked, *form, policy) == *form);
        const auto parsed = dns::parse_message(octets);
        if (!parsed) continue;
        dns::Message message = *parsed;
        for (const auto names : {compare::script::Names::whole, compare::script::Names::random}) {
            const auto again = compare::script::Encoder(names, size).encode(message);
            ZC_CHECK(comparer.same(asked, octets, again).same);
        }
    }

    const compare::Sameness there = comparer.same(asked, older, newer);
    const compare::Sameness back = comparer.same(asked, newer, older);
    ZC_CHECK(there.same == back.same);
    const bool identical = older.size() == newer.size() && older.size() > 2 &&
                           std::equal(older.begin() + 2, older.end(), newer.begin() + 2);
    if (there.same) {
        ZC_CHECK(there.needed == back.needed);
        ZC_CHECK(there.needed.empty() == identical);
        if (!there.needed.has(compare::Rule::ttl) && !there.needed.has(compare::Rule::serial) &&
            !there.needed.has(compare::Rule::signatures))
            ZC_CHECK(older_form == newer_form);
    }
    const compare::Difference one = comparer.difference(asked, older, newer);
    const compare::Difference other = comparer.difference(asked, newer, older);
    ZC_CHECK(one.what == other.what && one.legal == other.legal);
    ZC_CHECK(one.facets.size() == other.facets.size());
    ZC_CHECK(!one.cause.empty());
    if (!there.same && !older_form.empty() && !newer_form.empty()) ZC_CHECK(!one.facets.empty());
    return 0;
}
