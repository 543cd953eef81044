// Every allocation of a change of the catalogue is made to fail once: the catalogue stays as it
// was, and stays usable.
#include <atomic>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "catalogue/catalogue.h"
#include "catalogue/lookup.h"
#include "dns/presentation.h"
#include "testkit/failing_memory.h"

// The catalogue's tables come from this function.
extern "C" void* aligned_alloc(std::size_t alignment, std::size_t octets) noexcept {
    void* memory = zc::testkit::FailingMemory::allocate_or_null(1);
    if (memory == nullptr) return nullptr;
    std::free(memory);  // NOLINT(cppcoreguidelines-no-malloc)
    return ::posix_memalign(&memory, alignment, octets) == 0 ? memory : nullptr;
}

namespace zc::catalogue {
namespace {

constexpr int zones = 4090;  // a few less than make the table grow

dns::Name name(int i) {
    return *dns::Name::parse("z" + std::to_string(i) + ".example.");
}

ApexChange put(int i, zone::State state) {
    return {.apex = name(i), .image = zone::placeholder(name(i), state)};
}

/// Puts, replacements and removals, some of one apex twice.
std::vector<ApexChange> some_changes() {
    std::vector<ApexChange> changes;
    for (int i = 0; i < 20; ++i) changes.push_back(put(zones + i, zone::State::pending));
    for (int i = 0; i < 20; ++i) changes.push_back(put(i, zone::State::broken));
    for (int i = 0; i < 5; ++i) changes.push_back(put(i, zone::State::unsigned_));
    for (int i = 30; i < 40; ++i) changes.push_back({.apex = name(i), .image = Removed()});
    changes.push_back({.apex = name(zones), .image = Removed()});
    return changes;
}

void check(const Catalogue& catalogue, bool changed) {
    const auto state_of = [&](int i) -> std::optional<zone::State> {
        const auto zone = catalogue.find_exact(name(i));
        if (!zone) return std::nullopt;
        return zone->state();
    };
    CHECK(catalogue.size() == static_cast<std::size_t>(changed ? zones + 9 : zones));
    for (int i = 0; i < zones + 20; i += i < 50 || i >= zones - 1 ? 1 : 50) {
        std::optional<zone::State> wanted = zone::State::pending;
        if (i >= zones && (!changed || i == zones)) wanted = std::nullopt;
        if (changed && i < 20) wanted = zone::State::broken;
        if (changed && i < 5) wanted = zone::State::unsigned_;
        if (changed && i >= 30 && i < 40) wanted = std::nullopt;
        CAPTURE(i);
        CHECK(state_of(i) == wanted);
    }
}

TEST_CASE("a change for which there is no memory leaves the catalogue as it was") {
    const auto changed = [](std::unique_ptr<Catalogue>& catalogue,
                            std::vector<ApexChange> changes) {
        auto next = Catalogue::with(std::move(catalogue), std::move(changes));
        catalogue = std::move(next.catalogue);
        return std::move(next.garbage);
    };
    // Zones in all their forms: copied in bulk, alone, in shards that stand alone.
    for (const bool grows : {false, true}) {
        auto catalogue = std::make_unique<Catalogue>(11, grows ? 0 : 8 * zones);
        for (int i = 0; i < zones / 2; ++i) catalogue->insert(put(i, zone::State::pending));
        std::vector<ApexChange> rest;
        for (int i = zones / 2; i < zones; ++i) rest.push_back(put(i, zone::State::pending));
        for (int i = 0; i < 35; ++i) rest.push_back(put(i, zone::State::pending));
        static_cast<void>(changed(catalogue, std::move(rest)));
        const unsigned bits = catalogue->table().shard_bits;
        int failures = 0;
        for (std::uint64_t number = 1; catalogue->size() == zones; ++number) {
            std::vector<ApexChange> changes = some_changes();
            const std::uint64_t octets = catalogue->octets();
            bool failed = false;
            Garbage garbage;
            {
                const testkit::FailingMemory memory(number);
                try {
                    garbage = changed(catalogue, std::move(changes));
                } catch (const std::bad_alloc&) {
                    failed = true;
                }
            }
            CAPTURE(number);
            REQUIRE(catalogue != nullptr);
            CHECK(failed == (testkit::FailingMemory::asked() >= number));
            if (failed) CHECK(catalogue->octets() == octets);
            check(*catalogue, !failed);
            failures += static_cast<int>(failed);
        }
        CHECK(failures > 20);
        CHECK((catalogue->table().shard_bits > bits) == grows);

        bool retired = true;
        {
            const testkit::FailingMemory memory(1);
            try {
                static_cast<void>(Catalogue::retire(std::move(catalogue)));
            } catch (const std::bad_alloc&) {
                retired = false;
            }
        }
        CHECK(!retired);
        REQUIRE(catalogue != nullptr);
        check(*catalogue, true);
    }
}

}  // namespace
}  // namespace zc::catalogue
