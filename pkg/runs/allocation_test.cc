// Allocations on the threads of a comparison are made to fail, one at a time: it ends with an
// error, never with the process, and what it has delivered is in order and whole.
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include <doctest/doctest.h>

#include "capture/source.h"
#include "catalogue/catalogue.h"
#include "dns/presentation.h"
#include "runs/run.h"
#include "runtime/workers.h"
#include "testkit/failing_memory.h"
#include "zone/zone.h"

namespace zc::runs {
namespace {

TEST_CASE(
    "a comparison for which there is no memory ends with an error, and what it gave is whole") {
    catalogue::Catalogue zones(1);
    catalogue::Catalogue others(2);
    for (catalogue::Catalogue* const catalogue : {&zones, &others})
        for (int i = 0; i < 40; ++i) {
            const dns::Name apex = *dns::Name::parse("z" + std::to_string(i) + ".example.");
            // Every other question differs.
            const bool differs = catalogue == &others && i % 2 == 1;
            catalogue->insert({.apex = apex,
                               .image = zone::placeholder(
                                   apex, differs ? zone::State::unsigned_ : zone::State::pending)});
        }
    Options options;
    options.older.kind = options.newer.kind = Target::Kind::store;
    options.stores = {&zones, &others, nullptr};
    options.workers = 1;
    const std::atomic<bool> stop = false;
    std::uint64_t all = 0;
    int failures = 0;
    for (std::uint64_t number = 1;; number += 1 + number / 16) {
        const auto source = capture::from_zones(zones, {});
        std::uint64_t asked = 0;
        Status status;
        const testkit::FailingMemory memory(number);
        const Status ran = runtime::caught([&] {
            status = run(
                *source, options,
                [&asked](judge::Stretch&& stretch) -> Status {
                    // In order, and none is left out.
                    if (stretch.sums.asked != 0 && stretch.first != asked + 1)
                        return fail(Errc::malformed, "a hole");
                    asked += stretch.sums.asked;
                    return {};
                },
                stop);
        });
        testkit::FailingMemory::stop();
        CAPTURE(number);
        if (ran && status) {
            if (all == 0) all = asked;
            CHECK(asked == all);
        } else {
            const std::string why = (ran ? status : ran).error().message;
            CHECK((why == "no memory" || why == "no thread"));
            CHECK((all == 0 || asked <= all));
            ++failures;
        }
        if (testkit::FailingMemory::asked() < number) {
            CHECK(asked > 0);
            CHECK(status.has_value());
            break;
        }
    }
    CHECK(failures > 20);
}

}  // namespace
}  // namespace zc::runs
