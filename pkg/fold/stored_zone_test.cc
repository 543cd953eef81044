#include "fold/stored_zone.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/seed.h"

namespace {

using zc::base::Seed;
using zc::dns::Name;
using zc::fold::apex_of;
using zc::fold::decode_state;
using zc::fold::encode_state;
using zc::fold::key_of;
using zc::fold::octets_of;

Name random_name(Seed& seed) {
    Name name;
    for (std::uint64_t labels = seed.below(6); labels > 0; --labels) {
        std::vector<std::uint8_t> label(1 + seed.below(4));
        // Few different octets, those that are written specially among them.
        constexpr std::uint8_t octets[] = {0, 1, 2, 3, 'A', 'a', 'b', 'Z', '.', 0x2d, 0xff};
        for (std::uint8_t& octet : label) octet = octets[seed.below(std::size(octets))];
        name = Name::join(label, name).value();
    }
    return name;
}

}  // namespace

TEST_CASE("keys compare as names do in canonical order, and give the folded name back") {
    Seed seed(1);
    std::vector<Name> names;
    for (int i = 0; i < 700; ++i) names.push_back(random_name(seed));
    for (const Name& a : names) {
        Name folded = a;
        folded.fold_case();
        const auto back = apex_of(octets_of(key_of(a)));
        REQUIRE(back);
        CHECK(std::ranges::equal(back->wire(), folded.wire()));
        for (const Name& b : names) {
            const int keys = key_of(a).compare(key_of(b));
            const auto order = zc::dns::compare(a, b);
            const bool agree = keys < 0 ? order < 0 : keys > 0 ? order > 0 : order == 0;
            if (!agree) FAIL(zc::dns::to_string(a) << " and " << zc::dns::to_string(b));
        }
    }
}

TEST_CASE("the longest names have keys within the store's limit, and the root has one") {
    CHECK(apex_of(octets_of(key_of(Name())))->view().is_root());
    Name name;
    const std::vector<std::uint8_t> ones(63, 1);
    for (int i = 0; i < 3; ++i) name = Name::join(ones, name).value();
    const std::vector<std::uint8_t> last(61, 0);
    name = Name::join(last, name).value();
    CHECK(name.size() == 255);
    CHECK(key_of(name).size() <= 1024);
    CHECK(zc::dns::equal(apex_of(octets_of(key_of(name))).value(), name));
}

TEST_CASE("octets that are no key are refused") {
    using namespace std::string_literals;
    for (const std::string& octets :
         {""s, "\0"s, "com"s, "com\0\0"s, "\0com\0"s, "c\1"s, "c\1\0"s, "c\1\3\0"s, "Com\0"s,
          std::string(64, 'a') + "\0"s, std::string(300, 'a') + "\0"s}) {
        CAPTURE(octets.size());
        CHECK_FALSE(apex_of(octets_of(octets)));
    }
}
TEST_CASE("a state comes back with whether it is hidden; an unknown one is refused") {
    for (const auto state :
         {zc::zone::State::serving, zc::zone::State::broken, zc::zone::State::unsigned_})
        for (const bool hidden : {false, true}) {
            const auto back = decode_state(encode_state(state, hidden));
            REQUIRE(back);
            CHECK(back->state == state);
            CHECK(back->hidden == hidden);
        }
    CHECK_FALSE(decode_state(4));
    CHECK_FALSE(decode_state(0x7f));
}
