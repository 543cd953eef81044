#include "ingest/row_ids.h"

#include <cstdint>
#include <limits>
#include <set>

#include <doctest/doctest.h>

#include "base/seed.h"

namespace zc::ingest {
namespace {

TEST_CASE("a set of ids is what a set is") {
    base::Seed seed(1);
    for (const std::int64_t range :
         {std::int64_t{3000}, std::int64_t{200'000}, std::int64_t{1} << 30}) {
        IdSet ids;
        std::set<std::int64_t> wanted;
        for (int i = 0; i < 5000; ++i) {
            const std::int64_t id =
                static_cast<std::int64_t>(seed.below(static_cast<std::uint64_t>(range))) -
                range / 2;
            REQUIRE(ids.add(id) == wanted.insert(id).second);
            REQUIRE(ids.contains(id));
        }
        std::set<std::int64_t> found;
        ids.for_each([&](std::int64_t id) { CHECK(found.insert(id).second); });
        CHECK(found == wanted);
        CHECK_FALSE(ids.contains(range));
        CHECK(ids.is_complete());
    }
    IdSet ends;
    for (const std::int64_t id :
         {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
        CHECK(ends.add(id));
        CHECK_FALSE(ends.add(id));
    }
}

TEST_CASE("a run of ids is each of them") {
    base::Seed seed(2);
    for (const std::uint64_t longest : {std::uint64_t{3}, std::uint64_t{3000}}) {
        IdSet ids;
        std::set<std::int64_t> wanted;
        for (int i = 0; i < 200; ++i) {
            const IdRun run{static_cast<std::int64_t>(seed.below(200'000)) - 100'000,
                            static_cast<std::int64_t>(seed.below(longest))};
            ids.add(run);
            for (std::int64_t id = run.first; id < run.first + run.count; ++id) wanted.insert(id);
        }
        std::set<std::int64_t> found;
        ids.for_each([&](std::int64_t id) { found.insert(id); });
        CHECK(found == wanted);
    }
    IdSet ends;
    ends.add({std::numeric_limits<std::int64_t>::max() - 69'999, 70'000});
    CHECK(ends.contains(std::numeric_limits<std::int64_t>::max()));
    CHECK(ends.contains(std::numeric_limits<std::int64_t>::max() - 69'999));
    CHECK_FALSE(ends.contains(std::numeric_limits<std::int64_t>::max() - 70'000));
    IdSet full(1);
    full.add({65'535, 2});
    CHECK(full.contains(65'535));
    CHECK_FALSE(full.is_complete());
}

TEST_CASE("a set of ids that lie far from each other is full at its limit, and says so") {
    IdSet ids(2);
    CHECK(ids.add(1));
    CHECK(ids.add(1 << 20));
    CHECK(ids.is_complete());
    CHECK(ids.add(2 << 20));
    CHECK_FALSE(ids.is_complete());
    CHECK_FALSE(ids.contains(2 << 20));
    CHECK_FALSE(ids.add(1));
    CHECK(ids.add(2));
    CHECK_FALSE(ids.add(1 << 20));
}

TEST_CASE("lines of COPYs without ids are shown, a few of them") {
    RowIds ids("records");
    ids.copy(5, false);
    CHECK(ids.lines_of_unknown().empty());
    ids.copy(7, true);
    CHECK(ids.lines_of_unknown() == "5, 7");
    ids.copy(9, true);
    ids.copy(11, true);
    CHECK(ids.lines_of_unknown() == "5, 7, 9, …");
    CHECK(ids.check("SOURCE"));
}

}  // namespace
}  // namespace zc::ingest
