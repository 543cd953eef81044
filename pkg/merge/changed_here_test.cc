// Imports into a store that a node writes to: what its log has beyond the rows, and zones that were
// made or changed here.
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "fold/store_view.h"
#include "fold/stored_zone.h"
#include "fold/test_tail.h"
#include "load/load.h"
#include "merge/store_import.h"
#include "testkit/folder.h"

namespace {

using namespace zc;              // NOLINT(google-build-using-namespace): the package under test
using namespace zc::fold::test;  // NOLINT(google-build-using-namespace): its helpers
using merge::Prefer;
using merge::StoreImport;
using merge::StoreImportOptions;
using merge::StoreImportOutcome;
using testkit::Folder;

/// The same that make_store makes, with another address.
ingest::ImportedZone zone_of(const std::string& apex, const std::string& address) {
    const zone::Change change = put(apex, address);
    zone::ApplyScratch scratch;
    auto made = fold::advance(name(apex), {}, {&change, 1}, 1, scratch);
    REQUIRE(made);
    ingest::ImportedZone zone;
    zone.apex = name(apex);
    zone.image = zone::Image(made->state.image_octets());
    zone.records = made->state.records;
    zone.rows_digest = 77;
    return zone;
}

/// apex → address of www, and " here" when it was made or changed here.
using Contents = std::map<std::string, std::string>;
Contents contents_of(const std::string& path) {
    auto view = fold::StoreView::open(path);
    REQUIRE_MESSAGE(view, view.error().text());
    Contents out;
    REQUIRE(view->for_each_image(
        [&](const store::StoredZone& zone, base::Octets image, fold::StoreView::Image) {
            out[dns::to_string(*fold::apex_of(zone.key))] =
                address_in(image) + (zone.source == fold::source_changed_here ? " here" : "");
            return true;
        }));
    return out;
}
std::uint64_t problems_of(const std::string& path) {
    const auto problems = load::check_store(
        path, [](const std::string& zone, const std::string& problem) { MESSAGE(zone, problem); });
    REQUIRE(problems);
    return *problems;
}

struct Imported {
    StoreImportOutcome outcome;
    std::vector<std::string> findings;  // zone: reason; effect
};
using Given = std::vector<std::pair<std::string, std::string>>;  // apex, address

Imported import_zones(const std::string& path, const Given& given,
                      StoreImportOptions options = {}) {
    Imported out;
    options.on_finding = [&out](ingest::Finding&& finding) {
        out.findings.push_back(finding.zone + ": " + finding.reason + "; " + finding.effect);
        return Status();
    };
    auto import = StoreImport::begin(path, options);
    REQUIRE_MESSAGE(import, import.error().text());
    import->set_source(merge::Source::whole);
    const auto unchanged = import->unchanged();
    for (const auto& [apex, address] : given) {
        ingest::ImportedZone zone = zone_of(apex, address);
        if (address == "192.0.2.1" && unchanged(zone.apex, zone.rows_digest)) continue;
        REQUIRE(import->zone(std::move(zone)));
    }
    auto outcome = import->finish({});
    REQUIRE_MESSAGE(outcome, outcome.error().text());
    out.outcome = *std::move(outcome);
    return out;
}

}  // namespace

TEST_CASE("an import on a store whose node was killed keeps what its log has") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example.", "b.example.", "c.example."});
    {
        TestLog log(path);
        log.append("a.example.", 1, set_address("a.example.", "192.0.2.2"));
        log.append("c.example.", 1, removal("c.example."));
        log.append("d.example.", 0, put("d.example.", "192.0.2.4"));
    }
    const Contents before = {{"a.example.", "192.0.2.2 here"},
                             {"b.example.", "192.0.2.1"},
                             {"d.example.", "192.0.2.4 here"}};
    REQUIRE(contents_of(path) == before);
    SUBCASE("something changes") {
        const Imported done =
            import_zones(path, {{"b.example.", "192.0.2.9"}, {"new.example.", "192.0.2.8"}});
        CHECK(done.outcome.counts.changed == 1);
        CHECK(done.outcome.counts.added == 1);
        CHECK(done.outcome.counts.removed == 0);
        CHECK(done.outcome.position.number == 5);
        CHECK(done.findings.empty());
        // All of it is in rows now.
        const auto rows = store::Snapshot::open(path);
        REQUIRE_MESSAGE(rows, rows.error().text());
        Contents after = before;
        after["b.example."] = "192.0.2.9";
        after["new.example."] = "192.0.2.8";
        CHECK(contents_of(path) == after);
    }
    SUBCASE("nothing changes: it is left as it was") {
        const Imported done = import_zones(path, {{"b.example.", "192.0.2.1"}});
        CHECK(done.outcome.counts.unchanged == 1);
        CHECK(done.outcome.position.number == 4);
        CHECK(store::Snapshot::open(path).error().code == Errc::conflict);
        CHECK(contents_of(path) == before);
    }
    SUBCASE("a dry run compares with what the log has, and writes nothing") {
        StoreImportOptions options;
        options.dry_run = merge::DryRun::yes;
        const Imported done =
            import_zones(path, {{"c.example.", "192.0.2.1"}, {"b.example.", "192.0.2.9"}}, options);
        CHECK(done.outcome.counts.added == 1);
        CHECK(done.outcome.counts.changed == 1);
        CHECK(contents_of(path) == before);
    }
    CHECK(problems_of(path) == 0);
}

TEST_CASE("a node that runs finds an import that took its log into rows, and goes on behind it") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example.", "b.example."});
    TestLog log(path);
    log.append("a.example.", 1, set_address("a.example.", "192.0.2.2"));
    CHECK(import_zones(path, {{"b.example.", "192.0.2.9"}}).outcome.position.number == 3);
    const store::LogAppend nothing{{}, {}, {}, {}, 1};
    CHECK(log.log().append(nothing).error().code == Errc::conflict);
    REQUIRE(log.log().refresh());
    CHECK(log.log().position().number == 3);
    CHECK(log.log().folded_up_to() == 3);
    log.append("a.example.", 2, set_address("a.example.", "192.0.2.5"));
    CHECK(contents_of(path) ==
          Contents{{"a.example.", "192.0.2.5 here"}, {"b.example.", "192.0.2.9"}});
    CHECK(problems_of(path) == 0);
}

TEST_CASE("a zone that was changed here stays, or goes, as --prefer has it") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example.", "b.example.", "same.example."});
    {
        TestLog log(path);
        log.append("a.example.", 1, set_address("a.example.", "192.0.2.2"));
        log.append("same.example.", 1, set_address("same.example.", "192.0.2.3"));
        log.append("same.example.", 3, put("same.example.", "192.0.2.1"));
    }
    StoreImportOptions options;
    const auto dry_run = [&] {
        SUBCASE("changed") {}
        SUBCASE("only compared") {
            options.dry_run = merge::DryRun::yes;
        }
    };
    const std::string told =
        "a.example.: it was made or changed in the store, and the source has it otherwise; "
        "it stays as the store has it";
    const auto run = [&] {
        return import_zones(path, {{"a.example.", "192.0.2.1"}, {"b.example.", "192.0.2.9"}},
                            options);
    };
    const auto check = [&](const Contents& wanted) {
        if (options.dry_run == merge::DryRun::no)
            CHECK(contents_of(path) == wanted);
        else
            CHECK(contents_of(path).at("b.example.") == "192.0.2.1");
    };
    Contents wanted = {{"a.example.", "192.0.2.2 here"},
                       {"b.example.", "192.0.2.9"},
                       {"same.example.", "192.0.2.1 here"}};
    SUBCASE("undecided") {
        dry_run();
        const Imported done = run();
        CHECK(done.outcome.counts.stayed == 1);
        CHECK(done.outcome.counts.changed == 1);
        CHECK(done.findings == std::vector<std::string>{told + "; --prefer decides"});
        check(wanted);
        // It stays so the next time too.
        if (options.dry_run == merge::DryRun::no) CHECK(run().outcome.counts.stayed == 1);
    }
    SUBCASE("the store") {
        dry_run();
        options.prefer = Prefer::store;
        const Imported done = run();
        CHECK(done.outcome.counts.stayed == 1);
        CHECK(done.findings == std::vector<std::string>{told});
        check(wanted);
    }
    SUBCASE("the source") {
        dry_run();
        options.prefer = Prefer::source;
        const Imported done = run();
        CHECK(done.outcome.counts.stayed == 0);
        CHECK(done.outcome.counts.changed == 2);
        CHECK(done.findings.empty());
        wanted["a.example."] = "192.0.2.1";
        check(wanted);
    }
    CHECK(problems_of(path) == 0);
}

TEST_CASE("a zone that is as the source has it is the source's from then on") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"b.example."});
    {
        TestLog log(path);
        log.append("a.example.", 0, put("a.example.", "192.0.2.1"));
    }
    REQUIRE(contents_of(path).at("a.example.") == "192.0.2.1 here");
    const Imported done =
        import_zones(path, {{"a.example.", "192.0.2.1"}, {"b.example.", "192.0.2.9"}});
    CHECK(done.outcome.counts.unchanged == 1);
    CHECK(done.outcome.counts.stayed == 0);
    CHECK(contents_of(path).at("a.example.") == "192.0.2.1");
}

TEST_CASE("pruning removes no zone that was made here, unless the source is preferred") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example.", "b.example.", "old.example."});
    {
        TestLog log(path);
        log.append("a.example.", 1, set_address("a.example.", "192.0.2.2"));
        log.append("here.example.", 0, put("here.example.", "192.0.2.7"));
    }
    StoreImportOptions options;
    options.prune = merge::Prune::yes;
    options.removed_percent_max = 50;
    bool source_wins = false;
    SUBCASE("undecided") {}
    SUBCASE("the source") {
        source_wins = true;
        options.prefer = Prefer::source;
    }
    for (const merge::DryRun dry_run : {merge::DryRun::yes, merge::DryRun::no}) {
        options.dry_run = dry_run;
        const Imported done =
            import_zones(path, {{"a.example.", "192.0.2.1"}, {"b.example.", "192.0.2.1"}}, options);
        CHECK(done.outcome.counts.removed == (source_wins ? 2 : 1));
        CHECK(done.outcome.counts.stayed == (source_wins ? 0 : 2));
        CHECK(done.outcome.counts.unchanged == 1);
        CHECK(done.outcome.counts.changed == (source_wins ? 1 : 0));
        CHECK(done.findings.size() == done.outcome.counts.stayed);
        if (!source_wins)
            CHECK(done.findings.back() ==
                  "here.example.: it was made or changed in the store, and the source does not "
                  "have it; it stays as the store has it; --prefer decides");
    }
    CHECK(contents_of(path) ==
          (source_wins ? Contents{{"a.example.", "192.0.2.1"}, {"b.example.", "192.0.2.1"}}
                       : Contents{{"a.example.", "192.0.2.2 here"},
                                  {"b.example.", "192.0.2.1"},
                                  {"here.example.", "192.0.2.7 here"}}));
    // The limit counts zones as the log has them: 2 of 4.
    CHECK(problems_of(path) == 0);
}
