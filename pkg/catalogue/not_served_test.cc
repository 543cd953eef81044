#include "catalogue/not_served.h"

#include <string>

#include <doctest/doctest.h>

namespace zc::catalogue {
namespace {

dns::Name name(std::string_view text) {
    return *dns::Name::parse(text);
}

std::string listed(const NotServed& zones) {
    std::string out;
    zones.for_each([&](const NotServed::Item& item) {
        out += item.zone + ' ' + std::string(to_string(item.reason)) +
               (item.detail.empty() ? "" : " " + item.detail) + '\n';
        return true;
    });
    return out;
}

TEST_CASE("each zone that is not served is counted once, under its last reason") {
    NotServed zones;
    CHECK(zones.total() == 0);
    zones.put(name("b.example."), Reason::withheld);
    zones.put(name("a.example."), Reason::refused, "a.example.zone:3: malformed: x");
    zones.put(name("B.Example."), Reason::broken);
    CHECK(zones.total() == 2);
    CHECK(zones.of(Reason::withheld) == 0);
    CHECK(zones.of(Reason::broken) == 1);
    CHECK(zones.of(Reason::refused) == 1);
    CHECK(listed(zones) ==
          "a.example. refused a.example.zone:3: malformed: x\n"
          "B.Example. broken\n");
}

TEST_CASE("a zone that is served again, or gone, is no longer in the set, whatever its letters") {
    NotServed zones;
    zones.erase(name("a.example."));
    zones.put(name("a.example."), Reason::damaged);
    zones.erase(name("other.example."));
    CHECK(zones.total() == 1);
    zones.erase(name("A.EXAMPLE."));
    zones.erase(name("a.example."));
    CHECK(zones.total() == 0);
    CHECK(zones.counts() == NotServed::Counts{});
}

TEST_CASE("zones still to be loaded are a number, and part of the sum") {
    NotServed zones;
    zones.set_not_loaded(1000);
    zones.put(name("a.example."), Reason::refused);
    CHECK(zones.total() == 1001);
    zones.set_not_loaded(0);
    CHECK(zones.total() == 1);
}

TEST_CASE("what has no readable name is counted each time and displaces nothing") {
    NotServed zones;
    zones.put_nameless(Reason::damaged, "one");
    zones.put_nameless(Reason::damaged, "two");
    zones.put(dns::Name(), Reason::damaged, "the root zone");
    CHECK(zones.of(Reason::damaged) == 3);
    CHECK(listed(zones) == " damaged one\n damaged two\n. damaged the root zone\n");
    zones.clear();
    CHECK(zones.total() == 0);
    CHECK(listed(zones).empty());
}

TEST_CASE("every reason has a word and a sentence, and every state its EDE text") {
    for (std::size_t i = 0; i < reasons; ++i) {
        CHECK_FALSE(to_string(static_cast<Reason>(i)).empty());
        CHECK_FALSE(sentence_of(static_cast<Reason>(i)).empty());
    }
    CHECK(ede_text_of(zone::State::serving).empty());
    for (const zone::State state :
         {zone::State::pending, zone::State::broken, zone::State::unsigned_}) {
        CHECK_FALSE(ede_text_of(state).empty());
        CHECK(ede_text_of(state).size() <= ede_text_octets_max);
    }
}

TEST_CASE("a limit is a number of zones or a part of them, and what reaches it is still fit") {
    struct Row {
        const char* text;
        std::uint64_t not_served, zones;
        bool exceeded;
    };
    const Row rows[] = {
        {"0", 0, 10, false},       {"0", 1, 10, true},   {"3", 3, 10, false},
        {"3", 4, 10, true},        {"0%", 0, 0, false},  {"0%", 1, 2'100'000, true},
        {"5%", 5, 100, false},     {"5%", 6, 100, true}, {"5%", 1, 20, false},
        {"100%", 100, 100, false}, {"1%", 1, 99, true},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const auto limit = NotServedLimit::parse(row.text);
        REQUIRE(limit.has_value());
        CHECK(limit->exceeded(row.not_served, row.zones) == row.exceeded);
    }
    for (const char* bad :
         {"", "%", "-1", "5 %", "5%%", "101%", "1.5%", "x", "99999999999999999999"})
        CHECK_FALSE(NotServedLimit::parse(bad).has_value());
}

}  // namespace
}  // namespace zc::catalogue
