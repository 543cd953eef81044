// A store whose log is ahead of its rows, read as one state.
#include "fold/store_view.h"

#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "fold/stored_zone.h"
#include "fold/test_tail.h"
#include "sqlite/sqlite.h"
#include "testkit/folder.h"

namespace {

using namespace zc;              // NOLINT(google-build-using-namespace): the package under test
using namespace zc::fold;        // NOLINT(google-build-using-namespace): the package under test
using namespace zc::fold::test;  // NOLINT(google-build-using-namespace): its helpers
using testkit::Folder;

StoreView opened(const std::string& path) {
    auto view = StoreView::open(path);
    REQUIRE_MESSAGE(view, view.error().text());
    return *std::move(view);
}

/// "apex version address" of each zone, in the order of for_each.
std::vector<std::string> listed(StoreView& view, const std::string& first_key = {}) {
    std::vector<std::string> keys, out;
    REQUIRE(view.for_each(octets_of(first_key), [&](const store::StoredZone& zone) {
        keys.emplace_back(zone.key.begin(), zone.key.end());
        return true;
    }));
    for (const std::string& key : keys) {
        const auto found = view.find_or_null(octets_of(key));
        REQUIRE(found);
        REQUIRE(*found != nullptr);
        const store::StoredZone zone = **found;
        const auto image = view.image(zone);
        REQUIRE(image);
        CHECK(store::digest_of(zone, *image) == zone.digest);
        out.push_back(dns::to_string(*apex_of(octets_of(key))) + ' ' +
                      std::to_string(zone.version) + ' ' + address_in(*image));
    }
    return out;
}
std::vector<std::string> with_images(StoreView& view) {
    std::vector<std::string> out;
    const auto set = view.for_each_image(
        [&](const store::StoredZone& zone, base::Octets image, StoreView::Image good) {
            CHECK(good == StoreView::Image::good);
            CHECK(store::digest_of(zone, image) == zone.digest);
            out.push_back(dns::to_string(*apex_of(zone.key)) + ' ' + std::to_string(zone.version) +
                          ' ' + address_in(image));
            return true;
        });
    REQUIRE(set);
    CHECK(*set == StoreView::Set::whole);
    return out;
}
std::vector<std::string> changed(StoreView& view, const store::Position& since) {
    const auto zones = view.changed_since(since);
    REQUIRE(zones);
    REQUIRE(*zones);
    std::vector<std::string> out;
    for (const store::ChangedZone& zone : **zones)
        out.push_back((zone.removed ? "-" : "") + dns::to_string(*apex_of(octets_of(zone.key))));
    return out;
}
using Strings = std::vector<std::string>;

store::FoldedZone removed(const std::string& key, std::uint64_t version) {
    store::FoldedZone folded;
    folded.zone.key = octets_of(key);
    folded.version = version;
    folded.is_removed = true;
    return folded;
}

}  // namespace

TEST_CASE(
    "zones that the log has changed, made or removed are shown as it says, others as they stand") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example.", "b.example.", "c.example.", "e.example."});
    store::Position at_three;
    {
        TestLog log(path);
        log.append("b.example.", 1, set_address("b.example.", "192.0.2.2"));
        log.append("c.example.", 1, removal("c.example."));
        at_three = log.log().position();
        log.append("d.example.", 0, put("d.example.", "192.0.2.4"));
        log.append("b.example.", 2, set_address("b.example.", "192.0.2.22"));
        log.append("z.example.", 0, put("z.example.", "192.0.2.9"));
    }
    StoreView view = opened(path);
    CHECK(view.position().number == 6);
    CHECK(view.zones() == 5);
    CHECK(view.ahead().size() == 4);
    const Strings all = {"a.example. 1 192.0.2.1", "b.example. 5 192.0.2.22",
                         "d.example. 4 192.0.2.4", "e.example. 1 192.0.2.1",
                         "z.example. 6 192.0.2.9"};
    CHECK(listed(view) == all);
    CHECK(listed(view, key_of(name("d.example."))) == Strings(all.begin() + 2, all.end()));
    CHECK(with_images(view) == Strings{"a.example. 1 192.0.2.1", "b.example. 5 192.0.2.22",
                                       "e.example. 1 192.0.2.1", "d.example. 4 192.0.2.4",
                                       "z.example. 6 192.0.2.9"});
    const std::string gone = key_of(name("c.example."));
    CHECK(view.find_or_null(octets_of(gone)).value() == nullptr);
    CHECK(changed(view, at_three) == Strings{"b.example.", "d.example.", "z.example."});
    const auto row = view.find_or_null(octets_of(key_of(name("b.example."))));
    CHECK((*row)->source == source_changed_here);
    CHECK((*row)->serial == 3);

    // Each of them ends where it is told to.
    for (std::size_t count = 1; count <= all.size(); ++count) {
        std::size_t given = 0;
        REQUIRE(view.for_each({}, [&](const store::StoredZone&) { return ++given < count; }));
        CHECK(given == count);
        given = 0;
        REQUIRE(view.for_each_image([&](const store::StoredZone&, base::Octets, StoreView::Image) {
            return ++given < count;
        }));
        CHECK(given == count);
    }
}

TEST_CASE("a reader that knows a position of the log is told what changed since, folded or not") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example.", "b.example.", "c.example."});
    const store::Position first = opened(path).position();
    TestLog log(path);
    log.append("a.example.", 1, set_address("a.example.", "192.0.2.2"));
    const store::Position second = opened(path).position();
    log.append("b.example.", 1, set_address("b.example.", "192.0.2.3"));
    log.append("c.example.", 1, removal("c.example."));
    {
        StoreView view = opened(path);
        CHECK(changed(view, first) == Strings{"a.example.", "b.example.", "-c.example."});
        CHECK(changed(view, second) == Strings{"b.example.", "-c.example."});
        CHECK(changed(view, view.position()).empty());
        // b is folded before a is.
        const std::string key = key_of(name("b.example."));
        log.fold({folded_of(key, view.ahead().at(key)), removed(key_of(name("c.example.")), 4)}, 1);
    }
    StoreView view = opened(path);
    CHECK(view.ahead().size() == 1);
    CHECK(listed(view) == Strings{"a.example. 2 192.0.2.2", "b.example. 3 192.0.2.3"});
    CHECK(changed(view, first) == Strings{"a.example.", "b.example.", "-c.example."});
    CHECK(changed(view, second) == Strings{"b.example.", "-c.example."});
}

TEST_CASE("a removal that is in rows already ends what the log said of the zone before") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example.", "b.example."});
    {
        TestLog log(path);
        log.append("a.example.", 1, set_address("a.example.", "192.0.2.2"));
        log.append("b.example.", 1, set_address("b.example.", "192.0.2.3"));
        const std::uint64_t position = log.append("a.example.", 2, removal("a.example."));
        // The entries above 1 stay to be read: b is not folded.
        log.fold({removed(key_of(name("a.example.")), position)}, 1);
    }
    {
        StoreView view = opened(path);
        CHECK(listed(view) == Strings{"b.example. 3 192.0.2.3"});
        CHECK(view.zones() == 1);
    }
    TestLog log(path);
    log.append("a.example.", 0, put("a.example.", "192.0.2.7"));
    StoreView view = opened(path);
    CHECK(listed(view) == Strings{"a.example. 5 192.0.2.7", "b.example. 3 192.0.2.3"});
}

TEST_CASE("several changes of a zone in one entry are applied in their order") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example."});
    {
        TestLog log(path);
        replica::Entry entry;
        std::uint64_t base = 1;
        for (const char* const address : {"192.0.2.5", "192.0.2.6"}) {
            replica::ZoneChange& zone = entry.changes.emplace_back().zones.emplace_back();
            const zone::Change change = set_address("a.example.", address);
            zone.name = name("a.example.");
            zone.base = std::exchange(base, 2);
            zone.data.octets.assign(change.octets().begin(), change.octets().end());
        }
        log.append_octets(*replica::encode(entry));
    }
    StoreView view = opened(path);
    CHECK(listed(view) == Strings{"a.example. 2 192.0.2.6"});
}

TEST_CASE("a log that does not fit its rows is refused, with zone and position") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example."});
    std::string wanted;
    {
        TestLog log(path);
        SUBCASE("another version") {
            log.append("a.example.", 1, set_address("a.example.", "192.0.2.2"));
            log.append("a.example.", 1, set_address("a.example.", "192.0.2.3"));
            wanted =
                "the log at position 3: it changes zone a.example. at version 1, and the zone has "
                "version 2";
        }
        SUBCASE("a zone that is not there") {
            log.append("no.example.", 1, set_address("no.example.", "192.0.2.2"));
            wanted =
                "the log at position 2: it changes zone no.example. at version 1, and the zone has "
                "version 0";
        }
        SUBCASE("octets that are no entry") {
            const std::uint8_t octets[] = {1, 2, 3};
            log.append_octets(octets);
            wanted = "the log at position 2: ";
        }
    }
    const auto view = StoreView::open(path);
    REQUIRE_FALSE(view);
    CHECK(view.error().code == Errc::malformed);
    CHECK_MESSAGE(view.error().message.starts_with(wanted), view.error().message);
    CHECK(view.error().where.source == path);
}

TEST_CASE("a zone whose row is damaged is told as damaged, and hides no other zone of the log") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example.", "b.example."});
    {
        TestLog log(path);
        log.append("a.example.", 1, set_address("a.example.", "192.0.2.2"));
        log.append("b.example.", 1, set_address("b.example.", "192.0.2.3"));
    }
    {
        auto database = sqlite::Database::open(path, sqlite::Database::Mode::read_write);
        REQUIRE(database);
        REQUIRE(database->execute("UPDATE zones SET records = 9 WHERE id = 1"));
    }
    StoreView view = opened(path);
    std::map<std::string, bool> good;
    REQUIRE(view.for_each_image(
        [&](const store::StoredZone& zone, base::Octets, StoreView::Image image) {
            good[dns::to_string(*apex_of(zone.key))] = image == StoreView::Image::good;
            return true;
        }));
    CHECK(good == std::map<std::string, bool>{{"a.example.", false}, {"b.example.", true}});
}
