#include "node/served.h"

#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "dns/presentation.h"
#include "node/test_zones.h"

using namespace zc;
using node::ChangeReport;
using node::Served;
using node::ZoneChanges;
using What = ChangeReport::What;
using node::testing::bad;
using node::testing::changes_of;
using node::testing::good;
using node::testing::image_of;
using node::testing::name;
using node::testing::Workers;

namespace {

constexpr base::Instant first_time{1'000'000'000}, later{2'000'000'000};

struct Node {
    Workers workers;
    Served served{std::make_unique<catalogue::Catalogue>(7), workers};

    ChangeReport apply(ZoneChanges changes, base::Instant now = later) {
        ChangeReport report;
        served.apply(std::move(changes), now, report);
        return report;
    }
    std::optional<std::uint32_t> serial(const std::string& apex) const {
        return node::testing::serial_of(served, apex);
    }
    std::vector<std::string> outdated() const {
        std::vector<std::string> out;
        served.for_each_outdated([&](const std::string& zone, const std::string& error) {
            out.push_back(zone + " " + error);
            return true;
        });
        return out;
    }
};

std::string text_of(const ChangeReport& report) {
    std::string out;
    for (const ChangeReport::Detail& detail : report.details) {
        out += dns::to_string(detail.apex) + " " + std::string(to_string(detail.what));
        if (detail.serial) out += " " + std::to_string(*detail.serial);
        for (const std::string& error : detail.errors) out += " (" + error + ")";
        out += "; ";
    }
    return out;
}

}  // namespace

TEST_CASE("zones come, change and go, and those who answer are told once for each change") {
    Node node;
    CHECK(text_of(node.apply(changes_of(good("a.", 1), good("b.", 1)), first_time)) ==
          "a. added 1; b. added 1; ");
    CHECK(node.served.zones() == 2);
    CHECK(node.served.records() == 4);
    CHECK(node.served.loaded_at() == first_time);
    CHECK(node.workers.published == 1);
    CHECK(node.workers.catalogue == &node.served.catalogue());

    ZoneChanges next = changes_of(good("a.", 2), good("c.", 1));
    next.removed = {name("b."), name("never.there.")};
    CHECK(text_of(node.apply(std::move(next))) == "a. changed 2; c. added 1; b. removed; ");
    CHECK(node.serial("a.") == 2);
    CHECK(!node.serial("b."));
    CHECK(node.served.zones() == 2);
    CHECK(node.served.records() == 4);
    CHECK(node.workers.published == 2);
}

TEST_CASE("what is served already, and nothing, changes nothing and is not published") {
    Node node;
    node.apply(changes_of(good("a.", 1)), first_time);
    CHECK(text_of(node.apply(changes_of(good("a.", 1)))).empty());
    CHECK(text_of(node.apply({})).empty());
    CHECK(node.workers.published == 1);
    CHECK(node.served.loaded_at() == first_time);
}

TEST_CASE("a bad zone leaves what was served, and is outdated until a good one comes") {
    Node node;
    node.apply(changes_of(good("a.", 1)));
    const ChangeReport report = node.apply(changes_of(bad("a.")));
    CHECK(text_of(report) ==
          "a. failed, last good content is kept 1 (a.zone:3: malformed: no SOA); ");
    CHECK(report.failed == 1);
    CHECK(node.serial("a.") == 1);
    CHECK(node.served.not_served().total() == 0);
    CHECK(node.outdated() == std::vector<std::string>{"a. a.zone:3: malformed: no SOA"});
    CHECK(node.workers.published == 1);

    SUBCASE("the same again as it is served") {
        CHECK(text_of(node.apply(changes_of(good("a.", 1)))).empty());
    }
    SUBCASE("a newer one") {
        node.apply(changes_of(good("a.", 2)));
    }
    SUBCASE("it goes away") {
        ZoneChanges gone;
        gone.removed = {name("a.")};
        node.apply(std::move(gone));
    }
    CHECK(node.outdated().empty());
}

TEST_CASE("a bad zone of which nothing was served is not served, with the reason") {
    Node node;
    CHECK(text_of(node.apply(changes_of(bad("a.")))) ==
          "a. failed (a.zone:3: malformed: no SOA); ");
    CHECK(node.served.zones() == 1);
    CHECK(node.served.not_served().of(catalogue::Reason::refused) == 1);
    CHECK(node.served.outdated() == 0);
    CHECK(text_of(node.apply(changes_of(good("a.", 5)))) == "a. changed 5; ");
    CHECK(node.served.not_served().total() == 0);
    CHECK(node.served.records() == 2);
}

TEST_CASE("zones that are known by name count as not loaded until their data comes") {
    Node node;
    Served::Replacement names{std::make_unique<catalogue::Catalogue>(8), 3, 0, {}, 3};
    for (const char* apex : {"a.", "b.", "c."})
        names.catalogue->insert({name(apex), zone::placeholder(name(apex), zone::State::pending)});
    node.served.replace(std::move(names), {});
    CHECK(node.served.loaded_at() == base::Instant{});
    CHECK(node.served.not_served().of(catalogue::Reason::not_loaded) == 3);
    node.apply(changes_of(good("a.", 1), bad("b.")));
    CHECK(node.served.not_served().of(catalogue::Reason::not_loaded) == 1);
    CHECK(node.served.not_served().of(catalogue::Reason::refused) == 1);
    CHECK(node.served.zones() == 3);
    CHECK(node.served.records() == 2);
}

TEST_CASE("a replacement is all there is afterwards") {
    Node node;
    node.apply(changes_of(good("a.", 1), good("b.", 1)));
    node.apply(changes_of(bad("a."), bad("c.")));
    auto fresh = std::make_unique<catalogue::Catalogue>(8);
    fresh->insert({name("d."), image_of("d.", 9)});
    catalogue::NotServed not_served;
    not_served.put(name("e."), catalogue::Reason::withheld);
    node.served.replace({std::move(fresh), 1, 2, std::move(not_served), 0}, later);
    CHECK(node.serial("d.") == 9);
    CHECK(!node.serial("a."));
    CHECK(node.served.zones() == 1);
    CHECK(node.served.records() == 2);
    CHECK(node.served.outdated() == 0);
    CHECK(node.served.not_served().total() == 1);
    CHECK(node.workers.catalogue == &node.served.catalogue());
}

TEST_CASE("a replacement can have zones that are outdated") {
    Node node;
    node.apply(changes_of(good("a.", 1)));
    auto all = node::testing::whole_of(good("a.", 1), good("b.", 1));
    all.outdated = {{"a.", "damaged"}};
    node.served.replace(std::move(all), later);
    CHECK(node.outdated() == std::vector<std::string>{"a. damaged"});
    node.apply(changes_of(good("a.", 2)));
    CHECK(node.outdated().empty());
}

TEST_CASE("a zone that is withheld from now on is told without a serial") {
    Node node;
    node.apply(changes_of(good("a.", 1)));
    node::NewZone withheld;
    withheld.apex = name("a.");
    withheld.image = zone::placeholder(name("a."), zone::State::unsigned_);
    withheld.reason = catalogue::Reason::withheld;
    CHECK(text_of(node.apply(changes_of(std::move(withheld)))) == "a. changed; ");
    CHECK(node.served.not_served().of(catalogue::Reason::withheld) == 1);
}

TEST_CASE("without memory for a publication all stays as it was") {
    Node node;
    node.apply(changes_of(good("a.", 1)), first_time);
    node.workers.no_memory = true;
    CHECK_THROWS_AS(node.apply(changes_of(good("a.", 2), good("b.", 1))), std::bad_alloc);
    CHECK_THROWS_AS(
        node.served.replace({std::make_unique<catalogue::Catalogue>(8), 0, 0, {}, 0}, later),
        std::bad_alloc);
    CHECK(node.serial("a.") == 1);
    CHECK(node.served.zones() == 1);
    CHECK(node.served.loaded_at() == first_time);
    node.workers.no_memory = false;
    CHECK(node.apply(changes_of(good("a.", 2), good("b.", 1))).changed == 1);
}

TEST_CASE("of very many zones the first are named, and all are counted") {
    Node node;
    ZoneChanges changes;
    for (std::size_t i = 0; i < ChangeReport::details_max + 5; ++i)
        changes.zones.push_back(bad("z" + std::to_string(i) + "."));
    const ChangeReport report = node.apply(std::move(changes));
    CHECK(report.failed == ChangeReport::details_max + 5);
    CHECK(report.details.size() == ChangeReport::details_max);
}

TEST_CASE("another thread may look while nothing changes") {
    Node node;
    node.apply(changes_of(good("a.", 1)));
    {
        const Served::Frozen frozen = node.served.freeze();
        const Served::Frozen other = frozen;
        CHECK(other.catalogue().find_exact(name("a.")).has_value());
    }
    CHECK(node.apply(changes_of(good("a.", 2))).changed == 1);
}

TEST_CASE("an image that others have too is not copied, and let go of when nobody reads it") {
    Node node;
    const auto shared = [&](const std::string& apex, std::uint32_t serial) {
        node::NewZone zone = good(apex, serial);
        zone.shared_image = std::make_shared<const zone::Image>(std::exchange(zone.image, {}));
        return zone;
    };
    node::NewZone first = shared("a.", 1);
    const std::weak_ptr<const zone::Image> watched = first.shared_image;
    const std::uint8_t* const octets = first.shared_image->octets().data();
    node.apply(changes_of(std::move(first), good("b.", 1)));
    REQUIRE(node.served.catalogue().find_exact(name("a.")));
    CHECK(node.served.catalogue().find_exact(name("a."))->image() == octets);
    CHECK(!watched.expired());
    SUBCASE("it is replaced") {
        node.apply(changes_of(shared("a.", 2)));
        CHECK(node.serial("a.") == 2);
    }
    SUBCASE("it is replaced by one that is not shared") {
        node.apply(changes_of(good("a.", 2)));
        CHECK(node.serial("a.") == 2);
    }
    SUBCASE("it goes") {
        ZoneChanges gone;
        gone.removed = {name("a.")};
        node.apply(std::move(gone));
        CHECK(!node.serial("a."));
    }
    SUBCASE("everything is replaced") {
        node.served.replace({std::make_unique<catalogue::Catalogue>(8), 0, 0, {}, 0, {}}, later);
    }
    // Workers may read the catalogue before for a moment more.
    CHECK(!watched.expired());
    node.workers.garbage.clear();
    CHECK(watched.expired());
}

TEST_CASE("without memory a shared image stays as it is served") {
    Node node;
    node::NewZone first = good("a.", 1);
    first.shared_image = std::make_shared<const zone::Image>(std::exchange(first.image, {}));
    const std::weak_ptr<const zone::Image> watched = first.shared_image;
    node.apply(changes_of(std::move(first)));
    node.workers.no_memory = true;
    CHECK_THROWS_AS(node.apply(changes_of(good("a.", 2))), std::bad_alloc);
    node.workers.garbage.clear();
    CHECK(!watched.expired());
    CHECK(node.serial("a.") == 1);
}
