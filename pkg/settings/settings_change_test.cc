#include "settings/settings_change.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/seed.h"

namespace {

using namespace zc::settings;  // NOLINT(google-build-using-namespace): the package under test
using zc::base::Seed;

std::string word(Seed& seed) {
    static const std::vector<std::string> words = {"", "a", "b", "www.example", "A", "MX"};
    return words[seed.below(words.size())];
}
template <class T, class Make>
std::vector<T> some(Seed& seed, const Make& make) {
    std::vector<T> out;
    for (std::uint64_t n = seed.below(4); n > 0; --n) out.push_back(make());
    std::ranges::sort(out);
    return out;
}

/// Few words, so that two of these have much in common.
ZoneSettings random_zone(Seed& seed) {
    const auto text = [&] { return word(seed); };
    const auto coin = [&] { return seed.below(2) == 0; };
    ZoneSettings zone;
    zone.kind = static_cast<Kind>(seed.below(5));
    zone.masters = some<std::string>(seed, text);
    zone.account = text();
    if (coin()) zone.options = text();
    if (coin()) zone.catalog = text();
    zone.metadata = some<Metadata>(seed, [&] { return Metadata{text(), text()}; });
    zone.comments = some<Comment>(seed, [&] {
        return Comment{text(), text(), text(), text(), static_cast<std::int64_t>(seed.below(3))};
    });
    zone.keys = some<CryptoKey>(seed, [&] {
        return CryptoKey{0, static_cast<std::uint16_t>(seed.below(2)), coin(), coin(), text()};
    });
    give_ids(zone);
    zone.kept = some<KeptRecord>(seed, [&] {
        return KeptRecord{static_cast<KeptRecord::Why>(seed.below(3)),
                          coin(),
                          text(),
                          text(),
                          text(),
                          static_cast<std::int32_t>(seed.below(3)) - 1,
                          static_cast<std::int32_t>(seed.below(3)) - 1};
    });
    zone.left_out = some<LeftOut>(seed, [&] { return LeftOut{text(), text()}; });
    return zone;
}

}  // namespace

TEST_CASE("a difference makes one zone's settings of another's, and its undo the first again") {
    Seed seed(21);
    for (int round = 0; round < 500; ++round) {
        const ZoneSettings before = random_zone(seed), after = random_zone(seed);
        const SettingsChange change = difference(before, after);
        const auto octets = encode(change);
        const auto back = decode_change(octets);
        REQUIRE(back);
        CHECK(*back == change);
        ZoneSettings zone = before;
        const SettingsChange undo = apply(zone, *back);
        CHECK(encode(zone) == encode(after));
        // It holds nothing that is so already.
        ZoneSettings again = after;
        CHECK(apply(again, change).empty());
        apply(zone, undo);
        CHECK(encode(zone) == encode(before));
        CHECK(difference(before, before).empty());
        CHECK(encode(difference(before, before)).empty());
    }
}

TEST_CASE("what one node does by itself stays out of a change") {
    ZoneSettings before, after;
    after.notified_serial = 7;
    after.last_check = 8;
    CHECK(difference(before, after).empty());
}

TEST_CASE("keys get ids that stay when others come and go") {
    ZoneSettings zone;
    zone.keys = {{0, 256, true, true, "z"}, {0, 257, true, true, "k"}};
    give_ids(zone);
    CHECK(zone.keys[0].id == 1);
    CHECK(zone.keys[1].id == 2);
    apply(zone, {.keys = {{1, std::nullopt}}});
    REQUIRE(zone.keys.size() == 1);
    CHECK(zone.keys[0].id == 2);
    CHECK(zone.keys[0].content == "k");
    const auto octets = encode(zone);
    ZoneSettings back;
    REQUIRE(decode(octets, back));
    CHECK(back.keys[0].id == 2);
    apply(back, {.keys = {{3, CryptoKey{3, 256, true, true, "n"}}}});
    CHECK(back.keys.back().id == 3);
}

TEST_CASE("octets that no change makes are refused") {
    Seed seed(22);
    int refused = 0;
    for (int round = 0; round < 500; ++round) {
        auto octets = encode(difference(random_zone(seed), random_zone(seed)));
        if (octets.empty()) continue;
        octets[seed.below(octets.size())] = static_cast<std::uint8_t>(seed.next());
        if (seed.below(3) == 0) octets.pop_back();
        const auto change = decode_change(octets);
        if (!change) {
            ++refused;
            continue;
        }
        CHECK(encode(*change) == octets);
    }
    CHECK(refused > 100);
    // A name twice would leave open what stands there.
    CHECK_FALSE(decode_change(encode(SettingsChange{.metadata = {{"A", {"1"}}, {"A", {"2"}}}})));
}
