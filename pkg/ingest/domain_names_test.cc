#include "ingest/domain_names.h"

#include <algorithm>
#include <vector>

#include <doctest/doctest.h>

#include "base/seed.h"

namespace zc::ingest {
namespace {

TEST_CASE("names that are there twice are found, however many there are") {
    for (const std::size_t count : {0U, 1U, 100U, 5000U, 100'000U}) {
        CAPTURE(count);
        DomainNames names;
        base::Seed seed(count);
        std::vector<std::uint64_t> some;
        std::vector<std::uint64_t> wanted;
        for (std::size_t i = 0; i < count; ++i) {
            some.push_back(seed.next());
            if (i % 1000 == 7) wanted.push_back(some.back());
            if (some.size() == 777) names.add(some);
        }
        names.add(some);
        CHECK(some.empty());
        for (int times = 0; times < 2; ++times) {
            std::vector<std::uint64_t> again = wanted;
            names.add(again);
        }
        std::ranges::sort(wanted);
        CHECK(names.take_repeated() == wanted);
        CHECK(names.take_repeated().empty());
    }
}

}  // namespace
}  // namespace zc::ingest
