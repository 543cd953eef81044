#include "merge/store_import.h"

#include <atomic>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "catalogue/catalogue.h"
#include "fold/stored_zone.h"
#include "load/load.h"
#include "load/store_watch.h"
#include "settings/settings.h"
#include "store/image_file.h"
#include "store/log_file.h"
#include "testkit/folder.h"
#include "testkit/limit_ends.h"
#include "zone/random_zone.h"

namespace {

namespace fold = zc::fold;
namespace load = zc::load;
namespace settings = zc::settings;
using namespace zc::merge;  // NOLINT(google-build-using-namespace): the package under test
using zc::Errc;
using zc::dns::Name;
using zc::ingest::ImportedZone;
using zc::store::Counts;
using zc::testkit::Folder;
using zc::testkit::read_file;
using zc::testkit::write_file;
using zc::zone::State;

constexpr std::uint64_t seed = 42;

Name name(const std::string& text) {
    return Name::parse(text).value();
}

/// A zone with an SOA of this serial, an NS and an A.
ImportedZone zone_of(const std::string& apex, std::uint32_t serial) {
    zc::zone::Builder builder;
    const Name owner = name(apex);
    builder.begin(owner);
    const auto add = [&](zc::dns::RrType type, std::vector<std::uint8_t> rdata) {
        REQUIRE(builder.add({owner, type, 3600, rdata}));
    };
    std::vector<std::uint8_t> soa = {0, 0};  // MNAME and RNAME: the root
    for (const std::uint32_t number : {serial, 7200U, 900U, 86400U, 3600U})
        for (int shift = 24; shift >= 0; shift -= 8)
            soa.push_back(static_cast<std::uint8_t>(number >> shift));
    add(zc::dns::RrType::soa, soa);
    add(zc::dns::RrType::ns, {2, 'n', 's', 0});
    add(zc::dns::RrType::a, {192, 0, 2, 1});
    ImportedZone zone;
    zone.apex = owner;
    zone.image = builder.build().value();
    zone.records = 3;
    zone.rows_digest = serial;
    return zone;
}

ImportedZone without_image(const std::string& apex, State state, bool hidden = false) {
    ImportedZone zone;
    zone.apex = name(apex);
    zone.state = state;
    zone.hidden = hidden;
    zone.kept.push_back(
        {zc::settings::KeptRecord::Why::no_image, false, apex, "A", "192.0.2.1", 60, 0});
    return zone;
}

StoreImport begun(const std::string& path, StoreImportOptions options = {}) {
    auto import = StoreImport::begin(path, std::move(options));
    REQUIRE_MESSAGE(import, import.error().text());
    return *std::move(import);
}

StoreImportOutcome finished(StoreImport& import) {
    auto outcome = import.finish({});
    REQUIRE_MESSAGE(outcome, outcome.error().text());
    return *std::move(outcome);
}

StoreImportOutcome import_zones(const std::string& path, std::vector<ImportedZone> zones,
                                StoreImportOptions options = {}, Source source = Source::whole) {
    StoreImport import = begun(path, std::move(options));
    import.set_source(source);
    for (ImportedZone& zone : zones) REQUIRE(import.zone(std::move(zone)));
    return finished(import);
}

std::vector<ImportedZone> zones_of(const std::vector<std::pair<std::string, std::uint32_t>>& list) {
    std::vector<ImportedZone> zones;
    for (const auto& [apex, serial] : list) zones.push_back(zone_of(apex, serial));
    return zones;
}

/// The zones of a node: apex, then its serial or state.
std::map<std::string, std::string> contents(const zc::catalogue::Catalogue& catalogue) {
    std::map<std::string, std::string> out;
    catalogue.for_each([&](zc::zone::Zone zone) {
        const char* const states[] = {"", "pending", "broken", "unsigned"};
        out[zc::dns::to_string(zone.apex())] = zone.state() == State::serving
                                                   ? std::to_string(zone.serial())
                                                   : states[static_cast<int>(zone.state())];
    });
    return out;
}
using Contents = std::map<std::string, std::string>;

struct Loaded {
    load::LoadedStore store;
    std::unique_ptr<zc::catalogue::Catalogue> catalogue;
    load::LoadReport report;
};

Loaded load_store(const std::string& path) {
    auto store = load::LoadedStore::open(path);
    REQUIRE_MESSAGE(store, store.error().text());
    auto catalogue = std::make_unique<zc::catalogue::Catalogue>(seed, store->zones_expected());
    auto report = store->load(*catalogue);
    REQUIRE_MESSAGE(report, report.error().text());
    return {*std::move(store), std::move(catalogue), *std::move(report)};
}

/// The zones that are not served, and why.
Contents not_served(const load::LoadReport& report) {
    Contents out;
    report.not_served.for_each([&](const zc::catalogue::NotServed::Item& item) {
        out[item.zone] = zc::catalogue::to_string(item.reason);
        return true;
    });
    return out;
}

void take_over(Loaded& loaded, load::StoreChanges&& news) {
    auto next =
        zc::catalogue::Catalogue::with(std::move(loaded.catalogue), std::move(news.changes));
    loaded.catalogue = std::move(next.catalogue);
}

void change_octet(const std::string& path, const std::string& near, std::size_t behind) {
    std::string file = read_file(path);
    const std::size_t at = file.find(near);
    REQUIRE(at != std::string::npos);
    file[at + behind] = static_cast<char>(file[at + behind] ^ 0x10);
    write_file(path, file);
}

}  // namespace

TEST_CASE("an import removes a share of the zones between none and all") {
    const Folder folder;
    zc::testkit::try_ends(StoreImportOptions::removed_percent_limit, [&](std::uint32_t percent) {
        StoreImportOptions options;
        options.removed_percent_max = percent;
        const auto import = StoreImport::begin(folder / "s", std::move(options));
        return import ? std::string() : import.error().message;
    });
}

TEST_CASE("zones that were imported are served, those without an image as their state says") {
    const Folder folder;
    auto zones = zones_of({{"a.example.", 1}, {"B.example.", 2}, {".", 3}});
    zones.push_back(without_image("broken.example.", State::broken));
    zones.push_back(without_image("hidden.example.", State::serving, true));
    auto unsigned_zone = zone_of("unsigned.example.", 4);
    unsigned_zone.state = State::unsigned_;
    zones.push_back(std::move(unsigned_zone));
    const auto outcome = import_zones(folder / "s", std::move(zones));
    CHECK(outcome.is_new);
    CHECK(outcome.image_file_written);
    CHECK(outcome.image_file_problem.empty());
    CHECK(outcome.counts.added == 6);

    const Contents wanted = {{"a.example.", "1"},
                             {"b.example.", "2"},
                             {".", "3"},
                             {"broken.example.", "broken"},
                             {"unsigned.example.", "unsigned"}};
    SUBCASE("from the image file") {
        const Loaded loaded = load_store(folder / "s");
        CHECK(loaded.report.from == load::LoadReport::From::image_file);
        CHECK(contents(*loaded.catalogue) == wanted);
        CHECK(loaded.report.zones == 5);
        CHECK(loaded.report.records == 9);
        CHECK(not_served(loaded.report) ==
              Contents{{"broken.example.", "broken"}, {"unsigned.example.", "withheld"}});
    }
    SUBCASE("from SQLite, and the image file is there again") {
        std::filesystem::remove(folder / "s-images");
        {
            const Loaded loaded = load_store(folder / "s");
            CHECK(loaded.report.from == load::LoadReport::From::image_file_rebuilt);
            CHECK(contents(*loaded.catalogue) == wanted);
            CHECK(loaded.report.not_served.total() == 2);
        }
        const Loaded loaded = load_store(folder / "s");
        CHECK(loaded.report.from == load::LoadReport::From::image_file);
        CHECK(contents(*loaded.catalogue) == wanted);
    }
    SUBCASE("from SQLite to the heap when the image file cannot be written") {
        std::filesystem::remove(folder / "s-images");
        std::filesystem::create_directory(folder / "s-images.new");
        const Loaded loaded = load_store(folder / "s");
        CHECK(loaded.report.from == load::LoadReport::From::heap);
        CHECK_FALSE(loaded.report.why.empty());
        CHECK(contents(*loaded.catalogue) == wanted);
        CHECK(loaded.report.not_served.total() == 2);
    }
}

TEST_CASE("an image file that is damaged, or of another store, is made anew") {
    const Folder folder;
    import_zones(folder / "s", zones_of({{"a.", 1}, {"b.", 2}}));
    SUBCASE("damaged") {
        change_octet(folder / "s-images", "zcimages", 4100);
    }
    SUBCASE("of another store") {
        import_zones(folder / "t", zones_of({{"c.", 1}}));
        std::filesystem::rename(folder / "t-images", folder / "s-images");
    }
    const Loaded loaded = load_store(folder / "s");
    CHECK(loaded.report.from == load::LoadReport::From::image_file_rebuilt);
    CHECK_FALSE(loaded.report.why.empty());
    CHECK(contents(*loaded.catalogue) == Contents{{"a.", "1"}, {"b.", "2"}});
}

TEST_CASE("a second import changes what differs and says how much; --prune removes the rest") {
    const Folder folder;
    import_zones(folder / "s", zones_of({{"a.", 1}, {"b.", 1}, {"c.", 1}}));
    {
        const auto outcome =
            import_zones(folder / "s", zones_of({{"a.", 1}, {"b.", 2}, {"d.", 1}}));
        CHECK_FALSE(outcome.is_new);
        CHECK(outcome.counts.unchanged == 1);
        CHECK(outcome.counts.changed == 1);
        CHECK(outcome.counts.added == 1);
        CHECK(outcome.counts.removed == 0);
        CHECK_FALSE(outcome.image_file_written);
    }
    const Loaded loaded = load_store(folder / "s");
    CHECK(loaded.report.from == load::LoadReport::From::image_file);
    CHECK(loaded.report.on_top == 2);
    CHECK(loaded.report.records == 12);
    CHECK(contents(*loaded.catalogue) ==
          Contents{{"a.", "1"}, {"b.", "2"}, {"c.", "1"}, {"d.", "1"}});

    StoreImportOptions prune;
    prune.prune = Prune::yes;
    prune.removed_percent_max = 100;
    prune.dry_run = DryRun::yes;
    const std::string before = read_file(folder / "s");
    CHECK(import_zones(folder / "s", zones_of({{"a.", 1}, {"b.", 3}}), prune).counts.removed == 2);
    CHECK(read_file(folder / "s") == before);
    prune.dry_run = DryRun::no;
    CHECK(import_zones(folder / "s", zones_of({{"a.", 1}, {"b.", 3}}), prune).counts.removed == 2);
    CHECK(contents(*load_store(folder / "s").catalogue) == Contents{{"a.", "1"}, {"b.", "3"}});
}

TEST_CASE("a prune that would remove more of the zones than it may changes nothing") {
    const Folder folder;
    std::vector<std::pair<std::string, std::uint32_t>> all;
    for (int i = 0; i < 20; ++i) all.emplace_back("z" + std::to_string(i) + '.', 1);
    import_zones(folder / "s", zones_of(all));
    const Contents before = contents(*load_store(folder / "s").catalogue);
    const auto error_of = [&](std::size_t given, std::uint32_t percent, DryRun dry_run) {
        StoreImportOptions options;
        options.prune = Prune::yes;
        options.removed_percent_max = percent;
        options.dry_run = dry_run;
        StoreImport import = begun(folder / "s", std::move(options));
        for (std::size_t i = 0; i < given; ++i)
            REQUIRE(import.zone(zone_of("z" + std::to_string(i) + '.', 2)));
        const auto outcome = import.finish({});
        return outcome ? std::string() : outcome.error().message;
    };
    for (const DryRun dry_run : {DryRun::yes, DryRun::no}) {
        CHECK(error_of(17, 10, dry_run) ==
              "would remove 3 of 20 zones, 15 %, limit is 10 %: if they are to go, --max-removed "
              "15; the store is as it was");
        CHECK_FALSE(error_of(0, 99, dry_run).empty());
        CHECK_FALSE(error_of(19, 0, dry_run).empty());
        CHECK(contents(*load_store(folder / "s").catalogue) == before);
    }
    CHECK(error_of(18, 10, DryRun::yes).empty());
    CHECK(error_of(17, 15, DryRun::yes).empty());
    CHECK(error_of(0, 100, DryRun::yes).empty());
    CHECK(contents(*load_store(folder / "s").catalogue) == before);
    CHECK(error_of(18, 10, DryRun::no).empty());
    CHECK(contents(*load_store(folder / "s").catalogue).size() == 18);
}

TEST_CASE("the same zones again are 0 changes, by content and by the digest of their rows") {
    const Folder folder;
    import_zones(folder / "s", zones_of({{"a.", 1}, {"b.", 2}}));
    CHECK(import_zones(folder / "s", zones_of({{"b.", 2}, {"a.", 1}})).counts.differing() == 0);

    for (const DryRun dry_run : {DryRun::yes, DryRun::no}) {
        StoreImport import = begun(folder / "s", {.dry_run = dry_run, .on_finding = nullptr});
        const auto unchanged = import.unchanged();
        REQUIRE(unchanged);
        CHECK(unchanged(name("a."), 1));
        CHECK_FALSE(unchanged(name("a."), 2));
        CHECK_FALSE(unchanged(name("a."), 0));
        CHECK_FALSE(unchanged(name("c."), 1));
        CHECK(unchanged(name("b."), 2));
        const auto outcome = finished(import);
        CHECK(outcome.counts.unchanged == 2);
        CHECK(outcome.counts.differing() == 0);
    }
    CHECK_FALSE(begun(folder / "new").unchanged());
}

TEST_CASE("a reload takes what changed, and nothing else") {
    const Folder folder;
    import_zones(folder / "s", zones_of({{"a.", 1}, {"b.", 1}, {"c.", 1}}));
    Loaded loaded = load_store(folder / "s");
    {
        auto none = loaded.store.changes();
        REQUIRE(none);
        CHECK_FALSE(none->everything);
        CHECK(none->changes.empty());
    }
    import_zones(folder / "s", zones_of({{"b.", 2}, {"d.", 1}}));
    StoreImportOptions prune;
    prune.prune = Prune::yes;
    prune.removed_percent_max = 100;
    import_zones(folder / "s", zones_of({{"b.", 2}, {"d.", 1}, {"c.", 1}}), prune);
    auto news = loaded.store.changes();
    REQUIRE(news);
    CHECK_FALSE(news->everything);
    CHECK(news->changed == 2);
    CHECK(news->removed == 1);
    CHECK(news->changes.size() == 3);
    take_over(loaded, *std::move(news));
    CHECK(contents(*loaded.catalogue) == Contents{{"b.", "2"}, {"c.", "1"}, {"d.", "1"}});
    CHECK(loaded.store.changes()->changes.empty());
}

TEST_CASE("a load tells of zones whose proofs are costly, in the image file and on top of it") {
    const Folder folder;
    const auto costly = [](const std::string& apex, unsigned iterations) {
        ImportedZone zone;
        zone.apex = name(apex);
        zone.image =
            zc::zone::random::build(zone.apex, zc::zone::random::nsec3_zone(apex, iterations))
                .value();
        zone.rows_digest = iterations;
        return zone;
    };
    std::vector<ImportedZone> zones = zones_of({{"a.", 1}});
    zones.push_back(costly("b.", 150));
    zones.push_back(costly("c.", 151));
    import_zones(folder / "s", std::move(zones));
    const auto told = [](const Loaded& loaded) {
        Contents out;
        for (const auto& [apex, why] : loaded.report.costly)
            out[zc::dns::to_string(apex)] = why.substr(0, why.find(','));
        CHECK(loaded.report.costly_count == out.size());
        return out;
    };
    CHECK(told(load_store(folder / "s")) == Contents{{"c.", "NSEC3 with 151 iterations"}});
    std::filesystem::copy_file(folder / "s-images", folder / "old");
    std::vector<ImportedZone> more;
    more.push_back(costly("b.", 500));
    import_zones(folder / "s", std::move(more));
    std::filesystem::rename(folder / "old", folder / "s-images");
    const Loaded on_top = load_store(folder / "s");
    CHECK(on_top.report.on_top == 1);
    CHECK(told(on_top) ==
          Contents{{"b.", "NSEC3 with 500 iterations"}, {"c.", "NSEC3 with 151 iterations"}});
}

TEST_CASE("a store has one image file, whatever links lead to it") {
    const Folder folder;
    import_zones(folder / "s", zones_of({{"a.", 1}}));
    std::filesystem::create_directory(folder / "links");
    std::filesystem::create_symlink(folder / "s", folder / "links/one");
    std::filesystem::create_symlink("one", folder / "links/two");
    CHECK(zc::store::image_file_path(folder / "links/two") ==
          std::filesystem::canonical(folder / "s").string() + "-images");
    std::filesystem::remove(folder / "s-images");
    CHECK(load_store(folder / "links/two").report.from == load::LoadReport::From::image_file_rebuilt);
    CHECK(load_store(folder / "s").report.from == load::LoadReport::From::image_file);
    CHECK(!std::filesystem::exists(folder / "links/two-images"));
}

TEST_CASE(
    "a store that was replaced by another is loaded anew, old images stay until they are given "
    "up") {
    const Folder folder;
    import_zones(folder / "s", zones_of({{"a.", 1}}));
    Loaded loaded = load_store(folder / "s");
    for (const char* const file : {"s", "s-wal", "s-shm", "s-images"})
        std::filesystem::remove(folder / file);
    import_zones(folder / "s", zones_of({{"a.", 2}, {"b.", 1}}));
    auto news = loaded.store.changes();
    REQUIRE(news);
    CHECK(news->everything);
    auto next = std::make_unique<zc::catalogue::Catalogue>(seed, loaded.store.zones_expected());
    REQUIRE(loaded.store.load(*next));
    CHECK(contents(*loaded.catalogue) == Contents{{"a.", "1"}});
    const std::uint64_t both = loaded.store.mapped_octets();
    loaded.catalogue = std::move(next);
    loaded.store.forget_old_images();
    CHECK(loaded.store.mapped_octets() == both);  // the new catalogue is not taken yet
    loaded.store.taken();
    loaded.store.forget_old_images();
    CHECK(loaded.store.mapped_octets() < both);
    CHECK(contents(*loaded.catalogue) == Contents{{"a.", "2"}, {"b.", "1"}});
    CHECK(loaded.store.changes()->changes.empty());
}

TEST_CASE("a store put back from a backup is loaded anew, and so is its image file") {
    const Folder folder;
    import_zones(folder / "s", zones_of({{"a.", 1}}));
    const std::string backup = read_file(folder / "s");
    import_zones(folder / "s", zones_of({{"a.", 2}}));
    REQUIRE(zc::load::write_image_file(folder / "s"));
    const std::string undone_images = read_file(folder / "s-images");
    Loaded loaded = load_store(folder / "s");
    CHECK(contents(*loaded.catalogue) == Contents{{"a.", "2"}});
    for (const char* const file : {"s", "s-wal", "s-shm"}) std::filesystem::remove(folder / file);
    write_file(folder / "s", backup);
    CHECK(import_zones(folder / "s", zones_of({{"a.", 3}})).image_file_written);
    const auto news = loaded.store.changes();
    REQUIRE(news);
    CHECK(news->everything);
    std::filesystem::remove(folder / "s-images");
    write_file(folder / "s-images", undone_images);
    const Loaded again = load_store(folder / "s");
    CHECK(again.report.from == load::LoadReport::From::image_file_rebuilt);
    CHECK(contents(*again.catalogue) == Contents{{"a.", "3"}});
}

TEST_CASE("a store of format 1 is served, its image file made anew, and raised by an import") {
    const Folder folder;
    for (const std::string suffix : {"", "-images"})
        std::filesystem::copy_file(ZC_TESTDATA_DIR "/store/format1.db" + suffix,
                                   folder / ("s" + suffix));
    const Contents old{{"a.example.", "3"}, {"b.example.", "2"}, {"d.example.", "2"}};
    Loaded loaded = load_store(folder / "s");
    CHECK(loaded.report.from == load::LoadReport::From::image_file_rebuilt);
    CHECK(loaded.report.why.find("format 1") != std::string::npos);
    CHECK(contents(*loaded.catalogue) == old);
    CHECK(load_store(folder / "s").report.from == load::LoadReport::From::image_file);
    import_zones(folder / "s", zones_of({{"e.example.", 7}}));
    auto news = loaded.store.changes();
    REQUIRE(news);
    CHECK_FALSE(news->everything);
    take_over(loaded, *std::move(news));
    Contents now = old;
    now["e.example."] = "7";
    CHECK(contents(*loaded.catalogue) == now);
    const Loaded again = load_store(folder / "s");
    CHECK(again.report.from == load::LoadReport::From::image_file);
    CHECK(contents(*again.catalogue) == now);
}

TEST_CASE("a store of format 2 keeps its image file when it is raised") {
    const Folder folder;
    for (const std::string suffix : {"", "-images"})
        std::filesystem::copy_file(ZC_TESTDATA_DIR "/store/format2.db" + suffix,
                                   folder / ("s" + suffix));
    Loaded loaded = load_store(folder / "s");
    CHECK(loaded.report.from == load::LoadReport::From::image_file);
    const Contents old = contents(*loaded.catalogue);
    CHECK(old.contains("later.example."));
    REQUIRE(zc::store::LogFile::open(folder / "s"));
    auto news = loaded.store.changes();
    REQUIRE(news);
    CHECK_FALSE(news->everything);
    take_over(loaded, *std::move(news));
    CHECK(contents(*loaded.catalogue) == old);
    const Loaded again = load_store(folder / "s");
    CHECK(again.report.from == load::LoadReport::From::image_file);
    CHECK(contents(*again.catalogue) == old);
}

namespace {

/// Changes the key of a zone where it stands in the row of the zone.
void damage_key(const std::string& path, const std::string& apex) {
    const std::string key = fold::key_of(name(apex));
    const std::string file = read_file(path);
    for (std::size_t at = file.find(key); at != std::string::npos; at = file.find(key, at + 1)) {
        std::string damaged = file;
        ++damaged[at];
        write_file(path, damaged);
        auto snapshot = zc::store::Snapshot::open(path);
        REQUIRE(snapshot);
        const auto found = snapshot->find_or_null(fold::octets_of(key));
        if (found && *found == nullptr) return;
    }
    FAIL("no such key");
}

}  // namespace

TEST_CASE("a zone with a damaged key is broken under its own name, and the store says so") {
    const Folder folder;
    import_zones(folder / "s", zones_of({{"a.", 1}, {"damaged-key.", 1}}));
    Loaded before = load_store(folder / "s");
    import_zones(folder / "s", zones_of({{"damaged-key.", 2}}));
    damage_key(folder / "s", "damaged-key.");
    const Contents wanted{{"a.", "1"}, {"damaged-key.", "broken"}};
    // A changed zone is looked for under its key.
    auto news = before.store.changes();
    REQUIRE(news);
    REQUIRE(news->damaged.size() == 1);
    CHECK(zc::dns::to_string(news->damaged[0].apex) == "damaged-key.");
    take_over(before, *std::move(news));
    CHECK(contents(*before.catalogue) == wanted);
    // Everything is read anew.
    std::filesystem::remove(folder / "s-images");
    const Loaded loaded = load_store(folder / "s");
    CHECK(contents(*loaded.catalogue) == wanted);
    CHECK(loaded.report.problem.find("set of zones") != std::string::npos);
    CHECK(not_served(loaded.report) == Contents{{"damaged-key.", "damaged"}, {"", "damaged"}});
    std::vector<std::string> problems;
    REQUIRE(load::check_store(folder / "s", [&](const std::string& zone, const std::string& problem) {
        problems.push_back(zone + ": " + problem);
    }));
    CHECK(problems ==
          std::vector<std::string>{
              "eamaged-key.: key, image or settings do not fit the digest",
              ": the set of zones does not fit its digest: a zone is missing, has another key or "
              "an older state",
              "damaged-key.: stands in the store under a damaged key"});
}

TEST_CASE("a damaged image makes its zone broken and is named; the others are served") {
    const Folder folder;
    import_zones(folder / "s", zones_of({{"a.", 1}, {"damaged.", 1}, {"z.", 1}}));
    // The apex stands in the image in wire format.
    change_octet(folder / "s", std::string("\7damaged\0", 9), 12);
    std::filesystem::remove(folder / "s-images");
    const Loaded loaded = load_store(folder / "s");
    REQUIRE(loaded.report.damaged.size() == 1);
    CHECK(zc::dns::to_string(loaded.report.damaged[0].apex) == "damaged.");
    CHECK(contents(*loaded.catalogue) ==
          Contents{{"a.", "1"}, {"damaged.", "broken"}, {"z.", "1"}});
    CHECK(not_served(loaded.report) == Contents{{"damaged.", "damaged"}});
    // The image file that was made then has a placeholder, which tells of no damage.
    const Loaded again = load_store(folder / "s");
    CHECK(again.report.from == load::LoadReport::From::image_file);
    CHECK(not_served(again.report) == Contents{{"damaged.", "damaged"}});

    std::vector<std::string> problems;
    CHECK(load::check_store(folder / "s", [&](const std::string& zone, const std::string& problem) {
              problems.push_back(zone + ": " + problem);
          }) == 1U);
    CHECK(problems ==
          std::vector<std::string>{"damaged.: key, image or settings do not fit the digest"});

    // Importing it again heals it.
    import_zones(folder / "s", zones_of({{"damaged.", 2}}));
    const Loaded healed = load_store(folder / "s");
    CHECK(contents(*healed.catalogue).at("damaged.") == "2");
    CHECK(healed.report.not_served.total() == 0);
}

TEST_CASE("whether a store has moved on is seen, and opened for only when its files changed") {
    const Folder folder;
    import_zones(folder / "s", zones_of({{"a.", 1}}));
    const Loaded loaded = load_store(folder / "s");
    load::StoreWatch watch(folder / "s");
    for (int i = 0; i < 3; ++i) {
        const auto seen = watch.look();
        REQUIRE(seen);
        CHECK(seen->position == loaded.store.position());
        CHECK(seen->committed_at == loaded.store.committed_at());
    }
    std::filesystem::copy(folder / "s", folder / "backup");
    import_zones(folder / "s", zones_of({{"a.", 2}}));
    const auto moved = watch.look();
    REQUIRE(moved);
    CHECK(moved->position.number == 2);
    // A past that is put back counts the same again, and is another history.
    for (const char* file : {"s-wal", "s-shm"}) std::filesystem::remove(folder / file);
    std::filesystem::rename(folder / "backup", folder / "s");
    import_zones(folder / "s", zones_of({{"a.", 3}}));
    const auto undone = watch.look();
    REQUIRE(undone);
    CHECK(undone->position.number == 2);
    CHECK(undone->position != moved->position);
    std::filesystem::rename(folder / "s", folder / "gone");
    for (const char* file : {"s-wal", "s-shm"}) std::filesystem::remove(folder / file);
    CHECK_FALSE(watch.look());
}

TEST_CASE("a watch in the background tells each look by its number, and nothing after its end") {
    const Folder folder;
    import_zones(folder / "s", zones_of({{"a.", 1}}));
    std::promise<std::uint64_t> told;
    std::atomic<bool> ended{false};
    {
        load::BackgroundStoreWatch watch(
            folder / "s", [&](std::uint64_t look, const zc::Result<load::StoreWatch::Seen>& seen) {
                CHECK_FALSE(ended);
                CHECK(seen->position.number == 1);
                if (look == 7) told.set_value(look);
            });
        watch.look(7);
        CHECK(told.get_future().get() == 7);
        watch.look(8);
    }
    ended = true;
}

TEST_CASE("an image that fits its digest but is none, or another zone's, is not answered from") {
    const Folder folder;
    const ImportedZone zone = zone_of("other.", 1);
    const auto other = zone.image.octets();
    {
        auto update = zc::store::Update::begin(folder / "s", zc::store::Update::Missing::create);
        REQUIRE(update);
        const std::string good = fold::key_of(name("other."));
        const std::string wrong = fold::key_of(name("wrong."));
        const std::string rubbish = fold::key_of(name("rubbish."));
        const std::string state = fold::key_of(name("state."));
        REQUIRE(update->put({.key = fold::octets_of(good), .settings = {}}, other));
        REQUIRE(update->put({.key = fold::octets_of(wrong), .settings = {}}, other));
        REQUIRE(update->put({.key = fold::octets_of(rubbish), .settings = {}}, fold::octets_of(rubbish)));
        REQUIRE(update->put({.key = fold::octets_of(state), .state = 77, .settings = {}}, other));
        REQUIRE(update->commit({}));
    }
    const Loaded loaded = load_store(folder / "s");
    CHECK(loaded.report.damaged.size() == 3);
    CHECK(contents(*loaded.catalogue) ==
          Contents{
              {"other.", "1"}, {"rubbish.", "broken"}, {"state.", "broken"}, {"wrong.", "broken"}});
}

TEST_CASE("a source of records alone leaves the settings of the zone as they are") {
    const Folder folder;
    auto zone = zone_of("a.", 1);
    zone.kind = zc::settings::Kind::primary;
    zone.metadata.push_back({"X-OWNER", "me"});
    zone.kept.push_back(
        {zc::settings::KeptRecord::Why::disabled, true, "off.a", "A", "192.0.2.9", 60, 0});
    zone.kept.push_back(
        {zc::settings::KeptRecord::Why::powerdns_only, false, "lua.a", "LUA", "A \"x\"", 60, 0});
    zone.keys.push_back({.flags = 257, .content = "Private-key-format: v1.2"});
    std::vector<ImportedZone> first;
    first.push_back(std::move(zone));
    import_zones(folder / "s", std::move(first));

    CHECK(import_zones(folder / "s", zones_of({{"a.", 2}, {"b.", 1}}), {}, Source::records_only)
              .counts.differing() == 2);
    auto snapshot = zc::store::Snapshot::open(folder / "s");
    REQUIRE(snapshot);
    const auto stored = *snapshot->find_or_null(fold::octets_of(fold::key_of(name("a."))));
    REQUIRE(stored != nullptr);
    CHECK(stored->serial == 2);
    ImportedZone back;
    REQUIRE(settings::decode(stored->settings, back));
    CHECK(back.kind == zc::settings::Kind::primary);
    CHECK(back.metadata.size() == 1);
    REQUIRE(back.kept.size() == 1);
    CHECK(back.kept[0].name == "off.a");
    // Its keys say that answers have to be signed.
    CHECK(contents(*load_store(folder / "s").catalogue) == Contents{{"a.", "unsigned"}, {"b.", "1"}});
}

TEST_CASE("TSIG keys and supermasters are merged by name, and replaced with --prune") {
    const Folder folder;
    const auto import = [&](const char* key, const char* secret, Prune prune) {
        StoreImportOptions options;
        options.prune = prune;
        options.removed_percent_max = 100;
        StoreImport one = begun(folder / "s", options);
        one.set_source(Source::whole);
        REQUIRE(one.tsig_key({key, "hmac-sha256", secret}));
        REQUIRE(one.supermaster({"192.0.2.1", key, ""}));
        finished(one);
        auto snapshot = zc::store::Snapshot::open(folder / "s");
        REQUIRE(snapshot);
        const auto keys = settings::decode_tsig_keys(snapshot->named(settings::tsig_keys_name).value());
        const auto supermasters = settings::decode_supermasters(snapshot->named(settings::supermasters_name).value());
        std::string out;
        for (const auto& known : *keys) out += known.name + "=" + known.secret + " ";
        for (const auto& known : *supermasters) out += known.nameserver + " ";
        return out;
    };
    CHECK(import("a", "1", Prune::no) == "a=1 a ");
    CHECK(import("b", "2", Prune::no) == "a=1 b=2 a b ");
    CHECK(import("a", "3", Prune::no) == "a=3 b=2 a b ");
    CHECK(import("c", "4", Prune::yes) == "c=4 c ");
}

TEST_CASE("an import that is given up leaves nothing, findings have been given on") {
    const Folder folder;
    {
        std::vector<std::string> reasons;
        StoreImportOptions options;
        options.on_finding = [&](zc::ingest::Finding&& finding) -> zc::Status {
            reasons.push_back(finding.reason);
            return {};
        };
        StoreImport import = begun(folder / "s", std::move(options));
        auto zone = zone_of("a.", 1);
        zone.findings.emplace_back().reason = "first";
        zone.findings.emplace_back().reason = "second";
        REQUIRE(import.zone(std::move(zone)));
        zc::ingest::Finding lone;
        lone.reason = "third";
        REQUIRE(import.finding(std::move(lone)));
        CHECK(reasons == std::vector<std::string>{"first", "second", "third"});
    }
    CHECK(folder.files() == 0);
}

TEST_CASE("what changed too often since the image file makes a new one") {
    const Folder folder;
    std::vector<std::pair<std::string, std::uint32_t>> list;
    for (int i = 0; i < 20'001; ++i) list.emplace_back("zone" + std::to_string(i) + ".", 1);
    import_zones(folder / "s", zones_of(list));
    const auto first = zc::store::ImageFile::read_head(folder / "s");
    REQUIRE(first);
    for (auto& [apex, serial] : list) serial = 2;
    const auto outcome = import_zones(folder / "s", zones_of(list));
    CHECK(outcome.counts.changed == 20'001);
    CHECK(outcome.image_file_written);
    CHECK(zc::store::ImageFile::read_head(folder / "s")->position.number ==
          first->position.number + 1);
    const Loaded loaded = load_store(folder / "s");
    CHECK(loaded.report.on_top == 0);
    CHECK(contents(*loaded.catalogue).at("zone77.") == "2");
}
