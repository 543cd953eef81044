#include "node/zones.h"

#include <functional>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "node/test_zones.h"

using namespace zc;
using namespace node::testing;
using node::ChangeReport;
using node::LookResult;
using node::StoreStand;
using node::Zones;

namespace {

constexpr base::Instant first_time{1'000'000'000}, later{2'000'000'000};

StoreStand at(std::uint64_t number) {
    return {.position = {.store = {1}, .number = number, .value = 7}, .committed_at = {}};
}

/// A node without threads and sockets.
struct Node {
    explicit Node(std::optional<StoreStand> stand = std::nullopt) {
        auto made = std::make_unique<FakeSource>();
        source = made.get();
        source->stands = stand;
        zones = std::make_unique<Zones>(std::move(made), workers, base::numbers_of(base::Seed(1)));
    }
    std::optional<std::uint32_t> serial(const std::string& apex) const {
        return serial_of(zones->served(), apex);
    }
    Status take(LookResult found, const Status& looked = {}) {
        report = {};
        return zones->take(found, looked, later, report);
    }
    static LookResult found(node::ZoneChanges changes) {
        LookResult out;
        out.changes = std::move(changes);
        return out;
    }
    static LookResult found(node::Served::Replacement all) {
        LookResult out;
        out.all = std::move(all);
        return out;
    }

    Workers workers;
    FakeSource* source = nullptr;
    std::unique_ptr<Zones> zones;
    ChangeReport report;
};

}  // namespace

TEST_CASE("the first load is served whole, and later looks change it") {
    Node node;
    CHECK(node.zones->served().zones() == 0);
    node.zones->take_first(Node::found(whole_of(good("a.", 1), bad("b."))), first_time);
    CHECK(node.workers.published == 1);
    CHECK(node.zones->served().zones() == 2);
    CHECK(node.zones->served().records() == 2);
    CHECK(node.zones->served().not_served().of(catalogue::Reason::refused) == 1);
    CHECK(node.zones->served().loaded_at() == first_time);
    CHECK(node.zones->store_or_null() == nullptr);

    CHECK(node.take(Node::found(changes_of(good("a.", 2), good("b.", 1)))));
    CHECK(node.report.changed == 2);
    CHECK(node.serial("a.") == 2);
    CHECK(node.zones->served().not_served().total() == 0);
    CHECK(node.zones->served().loaded_at() == later);
}

TEST_CASE("with names first, a zone is not loaded until its batch comes") {
    Node node;
    auto names = whole_of();
    for (const char* apex : {"a.", "b."})
        names.catalogue->insert({name(apex), zone::placeholder(name(apex), zone::State::pending)});
    names.zones = names.not_loaded = 2;
    node.zones->take_names(std::move(names));
    CHECK(node.zones->served().not_served().of(catalogue::Reason::not_loaded) == 2);
    CHECK(node.zones->take_some(changes_of(good("a.", 1)), first_time));
    CHECK(node.serial("a.") == 1);
    CHECK(!node.serial("b."));
    CHECK(node.zones->served().not_served().of(catalogue::Reason::not_loaded) == 1);
    CHECK(node.zones->take_some(changes_of(good("b.", 1)), first_time));
    node.zones->take_first({}, later);
    CHECK(node.zones->served().zones() == 2);
    CHECK(node.zones->served().not_served().total() == 0);
    CHECK(node.zones->served().loaded_at() == later);
}

TEST_CASE("what a failed look found before its error is served nevertheless") {
    Node node;
    node.zones->take_first(Node::found(whole_of(good("a.", 1))), first_time);
    CHECK(node.take(Node::found(changes_of(good("a.", 2))), fail(Errc::io, "a folder is gone")));
    CHECK(node.serial("a.") == 2);
    // The source knows what it gave, and need not read it again.
    node.zones->begin_look();
    CHECK(node.source->forgets == 0);
}

TEST_CASE("a look is begun from nothing when what the last one found is not served") {
    Node node;
    node.zones->take_first(Node::found(whole_of(good("a.", 1))), first_time);
    const auto begin = [&] { static_cast<void>(node.zones->begin_look()); };
    SUBCASE("no memory to publish changes") {
        node.workers.no_memory = true;
        CHECK(!node.take(Node::found(changes_of(good("a.", 2)))));
    }
    SUBCASE("no memory to publish everything anew") {
        node.workers.no_memory = true;
        CHECK(!node.take(Node::found(whole_of(good("a.", 2)))));
        CHECK(node.source->takes == 1);
    }
    SUBCASE("no memory to publish a batch of a load") {
        node.workers.no_memory = true;
        CHECK(!node.zones->take_some(changes_of(good("a.", 2)), later));
    }
    SUBCASE("the look ended in the middle") {
        node.zones->look_failed();
    }
    CHECK(node.serial("a.") == 1);
    CHECK(node.zones->served().loaded_at() == first_time);
    begin();
    CHECK(node.source->forgets == 1);
    node.workers.no_memory = false;
    CHECK(node.take(Node::found(changes_of(good("a.", 2)))));
    CHECK(node.serial("a.") == 2);
    begin();
    CHECK(node.source->forgets == 1);
}

TEST_CASE("everything anew is told by its differences, and makes good what another hand has hit") {
    Node node(at(1));
    node.zones->take_first(Node::found(whole_of(good("a.", 1), good("b.", 1))), first_time);
    CHECK(node.zones->image_file().look(true, true, {}).reload);
    LookResult found = Node::found(whole_of(good("a.", 2)));
    found.differences.add(name("a."), ChangeReport::What::changed, 2);
    found.differences.removed = 1;

    SUBCASE("after a look that went well") {
        CHECK(node.take(std::move(found)));
        CHECK(!node.zones->image_file().changed());
    }
    SUBCASE("not after one that failed") {
        CHECK(node.take(std::move(found), fail(Errc::io, "no")));
        CHECK(node.zones->image_file().changed());
    }
    CHECK(node.report.changed == 1);
    CHECK(node.report.removed == 1);
    CHECK(node.zones->served().zones() == 1);
    CHECK(node.source->takes == 2);
}

TEST_CASE("the position of a store is that of what is served of it") {
    Node node(at(1));
    CHECK(node.zones->is_store());
    CHECK(node.zones->store_or_null() == nullptr);
    node.zones->take_first(Node::found(whole_of(good("a.", 1))), first_time);
    REQUIRE(node.zones->store_or_null() != nullptr);
    node::StoreState& store = *node.zones->store_or_null();
    CHECK(store.served().position.number == 1);

    node.source->stands = at(2);
    SUBCASE("taken over") {
        store.seen(store.look_number(), fail(Errc::io, "unreadable for a moment"));
        CHECK(node.take(Node::found(changes_of(good("a.", 2)))));
        CHECK(node.zones->store_has_moved());
        CHECK(store.served().position.number == 2);
        CHECK(store.problem().empty());
        CHECK(node.take({}));
        CHECK(!node.zones->store_has_moved());
    }
    SUBCASE("not published for lack of memory") {
        node.workers.no_memory = true;
        CHECK(!node.take(Node::found(changes_of(good("a.", 2)))));
        CHECK(store.served().position.number == 1);
    }
    SUBCASE("a look that failed has read no position") {
        node.source->stands = StoreStand{};
        CHECK(node.take({}, fail(Errc::io, "unreadable")));
        CHECK(!node.zones->store_has_moved());
        CHECK(store.served().position.number == 1);
    }
    SUBCASE("a look that failed does not say that the store can be read") {
        store.seen(store.look_number(), fail(Errc::io, "unreadable"));
        node.source->stands = at(1);
        CHECK(node.take({}, fail(Errc::io, "unreadable")));
        CHECK(store.problem() == "input/output: unreadable");
    }
}

TEST_CASE("damage that has no name counts as not served until a look at everything finds none") {
    Node node(at(1));
    node.zones->take_first(Node::found(whole_of(good("a.", 1))), first_time);
    auto all = whole_of(good("a.", 1));
    all.not_served.put_nameless(catalogue::Reason::damaged, "zone with an unreadable key");
    CHECK(node.take(Node::found(std::move(all))));
    CHECK(node.zones->served().not_served().of(catalogue::Reason::damaged) == 1);
    CHECK(node.take(Node::found(whole_of(good("a.", 1)))));
    CHECK(node.zones->served().not_served().total() == 0);
}

TEST_CASE("each catalogue is keyed by a draw of its own") {
    Workers workers;
    std::uint64_t draws = 0;
    const Zones zones(std::make_unique<FakeSource>(), workers, [&draws] { return ++draws; });
    CHECK(draws == 1);
    CHECK(zones.draw_seed() == 2);
    CHECK(zones.draw_seed() == 3);
}

TEST_CASE("zones that this node has written are served beside those of the source") {
    Node node(at(1));
    node.zones->take_first(Node::found(whole_of(good("a.", 1), good("b.", 1))), first_time);
    const auto written = [](const std::string& apex, zone::Image image) {
        writer::PublishedZone out;
        out.apex = name(apex);
        out.state.version = 5;
        out.state.records = zone::Zone(image.octets().data()).records();
        out.state.image = std::make_shared<const zone::Image>(std::move(image));
        return out;
    };
    std::vector<zone::random::Record> many = {
        zone::random::record("big.", dns::RrType::soa, ". . 9 1 1 1 1")};
    for (int i = 0; i < 3000; ++i)
        many.push_back(
            zone::random::record("w" + std::to_string(i) + ".big.", dns::RrType::a, "192.0.2.1"));
    auto big = zone::random::build(name("big."), many);
    REQUIRE(big.has_value());
    REQUIRE(big->octets().size() > 64U << 10U);

    std::vector<writer::PublishedZone> zones;
    zones.push_back(written("a.", image_of("a.", 2)));
    zones.push_back(written("big.", *std::move(big)));
    const std::uint8_t* const shared = zones.back().state.image->octets().data();
    zones.push_back(written("hidden.", image_of("hidden.", 1)));
    zones.back().state.hidden = true;
    zones.push_back({name("b."), {}});
    writer::PublishedZone withheld;
    withheld.apex = name("withheld.");
    withheld.state.version = 5;
    withheld.state.state = zone::State::unsigned_;
    zones.push_back(withheld);
    node.zones->take_written(std::move(zones), later);

    CHECK(node.serial("a.") == 2);
    CHECK(!node.serial("b."));
    CHECK(!node.serial("hidden."));
    CHECK(node.serial("big.") == 9);
    CHECK(node.zones->served().catalogue().find_exact(name("big."))->image() == shared);
    CHECK(node.zones->served().zones() == 3);
    CHECK(node.zones->served().records() == 2 + 3001);
    CHECK(node.zones->served().not_served().of(catalogue::Reason::withheld) == 1);
    CHECK(node.workers.published == 2);

    node.workers.no_memory = true;
    zones = {};
    zones.push_back(written("a.", image_of("a.", 3)));
    CHECK_THROWS_AS(node.zones->take_written(std::move(zones), later), std::bad_alloc);
    node.zones->begin_look();
    CHECK(node.source->forgets == 1);  // the next look reads everything
}
