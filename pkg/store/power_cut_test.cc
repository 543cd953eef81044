// A store after the power went, at each of its writes and syncs.
#include "sqlite/power_cut.h"

#include <map>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "base/seed.h"
#include "store/store.h"
#include "testkit/folder.h"

namespace {

using namespace zc::store;  // NOLINT(google-build-using-namespace): the package under test
using zc::base::Octets;
using zc::base::Seed;
using zc::sqlite::PowerCut;
using zc::testkit::Folder;

Octets octets(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

using State = std::map<std::string, std::string>;

/// Change `number` of a state: some zones come, some go, some get another image, of up to six pages.
State next_state(const State& before, std::uint64_t number) {
    Seed seed(number);
    State state = before;
    for (int i = 0; i < 6; ++i) {
        const std::string key = "zone" + std::to_string(seed.below(12));
        if (seed.below(4) == 0)
            state.erase(key);
        else
            state[key] =
                std::string(1 + seed.below(50'000), static_cast<char>('a' + seed.below(26)));
    }
    return state;
}

zc::Status write(const std::string& path, const State& before, const State& after) {
    ZC_TRY(Update update, Update::begin(path, Update::Missing::create));
    for (const auto& [key, image] : before)
        if (!after.contains(key)) ZC_TRY_STATUS(update.remove(octets(key)));
    for (const auto& [key, image] : after)
        ZC_TRY_STATUS(update.put({.key = octets(key), .settings = {}}, octets(image)));
    ZC_TRY(const Position position, update.commit({}));
    static_cast<void>(position);
    return {};
}

State read(const std::string& path) {
    State state;
    auto snapshot = Snapshot::open(path);
    REQUIRE_MESSAGE(snapshot, snapshot.error().text());
    const auto whole =
        snapshot->for_each_image([&](const StoredZone& zone, Octets image, Snapshot::Image good) {
            CHECK(good == Snapshot::Image::good);
            state[std::string(zone.key.begin(), zone.key.end())] =
                std::string(image.begin(), image.end());
            return true;
        });
    REQUIRE(whole);
    CHECK(*whole == Snapshot::Set::whole);
    const auto problems =
        snapshot->check([](Octets, const std::string& problem) { MESSAGE(problem); });
    REQUIRE(problems);
    CHECK(*problems == 0);
    return state;
}

}  // namespace

TEST_CASE(
    "when the power goes at any write or sync, a store is what it was, or what was answered") {
    const Folder folder;
    Seed seed(77);
    int kept = 0, changed = 0, answered = 0;
    std::uint64_t number = 1;
    // The states differ, and so do their writes: some more cuts than the first that comes too late.
    int too_late = 0;
    for (std::uint64_t cut = 0; too_late < 10; ++cut) {
        const std::string path = folder / ("s" + std::to_string(cut));
        const State first = next_state({}, number++);
        const State second = next_state(first, number++);
        REQUIRE(write(path, {}, first));
        bool was_cut = false, was_answered = false;
        {
            PowerCut disk;
            disk.cut_after(cut);
            was_answered = write(path, first, second).has_value();
            was_cut = disk.is_cut();
            disk.heal();
            REQUIRE(disk.restore(path, seed));
        }
        const State after = read(path);
        const bool is_first = after == first, is_second = after == second;
        CHECK((is_first || is_second));
        if (was_answered) CHECK(is_second);
        kept += is_first ? 1 : 0;
        changed += is_second && !was_answered ? 1 : 0;
        answered += was_answered && was_cut ? 1 : 0;
        too_late += was_cut ? 0 : 1;
        // It goes on from there.
        const State third = next_state(after, number++);
        REQUIRE(write(path, after, third));
        CHECK(read(path) == third);
    }
    CHECK(kept > 10);
    CHECK(answered > 5);  // cut while the log was merged into the file
    MESSAGE(kept, " times as before, ", changed, " changed and not answered, ", answered,
            " answered");
}

TEST_CASE("a commit whose sync fails is not answered as done") {
    const Folder folder;
    Seed seed(78);
    const std::string path = folder / "s";
    const State first = next_state({}, 1), second = next_state(first, 2);
    REQUIRE(write(path, {}, first));
    PowerCut disk;
    disk.fail_syncs_after(0);
    CHECK_FALSE(write(path, first, second));
    disk.heal();
    REQUIRE(disk.restore(path, seed));
    const State after = read(path);
    CHECK((after == first || after == second));
}
