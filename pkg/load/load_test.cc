// A store whose log is ahead of its rows, loaded, followed, watched and checked.
#include "load/load.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "fold/store_view.h"
#include "fold/test_tail.h"
#include "load/store_watch.h"
#include "sqlite/sqlite.h"
#include "testkit/folder.h"

namespace {

using namespace zc;              // NOLINT(google-build-using-namespace): the package under test
using namespace zc::fold::test;  // NOLINT(google-build-using-namespace): its helpers
using testkit::Folder;

using Contents = std::map<std::string, std::string>;  // apex → address of www

struct Loaded {
    load::LoadedStore store;
    std::unique_ptr<catalogue::Catalogue> zones;
    load::LoadReport report;

    static Loaded of(const std::string& path) {
        auto store = load::LoadedStore::open(path);
        REQUIRE_MESSAGE(store, store.error().text());
        auto zones = std::make_unique<catalogue::Catalogue>(42, store->zones_expected());
        auto report = store->load(*zones);
        REQUIRE_MESSAGE(report, report.error().text());
        store->taken();
        return {*std::move(store), std::move(zones), *std::move(report)};
    }
    Contents contents() const {
        Contents out;
        zones->for_each([&](zone::Zone zone) {
            out[dns::to_string(zone.apex())] =
                zone.state() == zone::State::serving ? address_in(zone.octets()) : "not served";
        });
        return out;
    }
    /// As a reload does.
    load::StoreChanges follow() {
        auto news = store.changes();
        REQUIRE_MESSAGE(news, news.error().text());
        REQUIRE_FALSE(news->everything);
        auto next = catalogue::Catalogue::with(std::move(zones), std::move(news->changes));
        zones = std::move(next.catalogue);
        return *std::move(news);
    }
};

std::map<std::string, std::string> problems_of(const std::string& path) {
    std::map<std::string, std::string> out;
    const auto count = load::check_store(
        path, [&](const std::string& zone, const std::string& problem) { out[zone] += problem; });
    REQUIRE_MESSAGE(count, count.error().text());
    return out;
}

}  // namespace

TEST_CASE("a store is loaded as its log has it, with and without an image file") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example.", "b.example.", "c.example."});
    const Contents wanted = {
        {"a.example.", "192.0.2.2"}, {"b.example.", "192.0.2.1"}, {"d.example.", "192.0.2.4"}};
    const auto change = [&] {
        TestLog log(path);
        log.append("a.example.", 1, set_address("a.example.", "192.0.2.2"));
        log.append("c.example.", 1, removal("c.example."));
        log.append("d.example.", 0, put("d.example.", "192.0.2.4"));
    };
    SUBCASE("the image file is older than the log") {
        REQUIRE(load::write_image_file(path));
        change();
        const Loaded loaded = Loaded::of(path);
        CHECK(loaded.report.from == load::LoadReport::From::image_file);
        CHECK(loaded.report.on_top == 3);
        CHECK(loaded.contents() == wanted);
        CHECK(loaded.report.records == 9);
    }
    SUBCASE("it is made on the way") {
        change();
        const Loaded loaded = Loaded::of(path);
        CHECK(loaded.report.from == load::LoadReport::From::image_file_rebuilt);
        CHECK(loaded.report.on_top == 0);
        CHECK(loaded.contents() == wanted);
        // It has the log in it.
        const Loaded again = Loaded::of(path);
        CHECK(again.report.from == load::LoadReport::From::image_file);
        CHECK(again.report.on_top == 0);
        CHECK(again.contents() == wanted);
    }
    CHECK(Loaded::of(path).store.position().number == 4);
}

TEST_CASE("a second node follows the log, and is told each change once, folded or not") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example.", "b.example.", "c.example."});
    Loaded loaded = Loaded::of(path);
    load::StoreWatch watch(path);
    CHECK(watch.look()->position.number == 1);
    TestLog log(path);
    log.append("a.example.", 1, set_address("a.example.", "192.0.2.2"));
    CHECK(watch.look()->position.number == 2);
    auto news = loaded.follow();
    CHECK(news.changed == 1);
    CHECK(loaded.contents().at("a.example.") == "192.0.2.2");
    CHECK(loaded.store.position() == log.log().position());

    CHECK(loaded.follow().changed == 0);
    log.append("b.example.", 1, set_address("b.example.", "192.0.2.3"));
    log.append("c.example.", 1, removal("c.example."));
    {
        // The node folds a, which was told already, and c.
        auto view = fold::StoreView::open(path);
        REQUIRE(view);
        std::vector<store::FoldedZone> folded;
        for (const auto& [key, zone] : view->ahead())
            if (!dns::equal(zone.apex, name("b.example.")))
                folded.push_back(fold::folded_of(key, zone));
        log.fold(folded, 2);
    }
    news = loaded.follow();
    CHECK(news.changed == 1);
    CHECK(news.removed == 1);
    CHECK(loaded.contents() == Contents{{"a.example.", "192.0.2.2"}, {"b.example.", "192.0.2.3"}});
    CHECK(loaded.contents() == Loaded::of(path).contents());
}

TEST_CASE("a check reads the log too, and says where it does not fit") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example.", "b.example."});
    {
        TestLog log(path);
        log.append("a.example.", 1, set_address("a.example.", "192.0.2.2"));
        log.append("b.example.", 1, removal("b.example."));
    }
    REQUIRE(load::write_image_file(path));
    CHECK(problems_of(path).empty());
    SUBCASE("an entry that cannot be read") {
        const std::uint8_t octets[] = {1, 2, 3};
        TestLog(path).append_octets(octets);
        const auto problems = problems_of(path);
        REQUIRE(problems.size() == 1);
        CHECK(problems.at("").starts_with("the log at position 4: "));
    }
    SUBCASE("an entry that stands on another version") {
        TestLog(path).append("a.example.", 1, set_address("a.example.", "192.0.2.3"));
        const auto problems = problems_of(path);
        REQUIRE(problems.size() == 1);
        CHECK(problems.at("") ==
              "the log at position 4: it changes zone a.example. at version 1, and the zone has "
              "version 2");
    }
    SUBCASE("a damaged row") {
        auto database = sqlite::Database::open(path, sqlite::Database::Mode::read_write);
        REQUIRE(database);
        REQUIRE(database->execute("UPDATE zones SET records = 9 WHERE id = 1"));
        CHECK(problems_of(path).at("a.example.").starts_with("key, image or settings"));
    }
}
