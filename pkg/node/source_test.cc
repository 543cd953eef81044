#include "node/source.h"

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "dns/presentation.h"
#include "ingest/powerdns.h"
#include "merge/store_import.h"
#include "node/test_zones.h"
#include "node/zones.h"

using namespace zc;
using namespace node::testing;
using node::ChangeReport;
using node::LookResult;
using testkit::Folder;

namespace {

std::string zone_text(int serial) {
    return "@ 3600 SOA ns hostmaster " + std::to_string(serial) +
           " 7200 900 86400 3600\n@ NS ns\nwww A 192.0.2.1\n";
}

constexpr const char* bad_text = "@ 3600 SOA ns hostmaster 1 7200 900 86400 3600\nx A 192.0.2\n";

/// A folder of zone files. Each write makes a new file, so that a change is seen whatever the
/// clock's resolution is.
struct ZoneFolder {
    ZoneFolder() { std::filesystem::create_directory(path); }
    void write(const std::string& zone, const std::string& text) const {
        testkit::write_file(path + "/new", text);
        std::filesystem::rename(path + "/new", path + '/' + zone + "zone");
    }
    void remove(const std::string& zone) const {
        std::filesystem::remove(path + '/' + zone + "zone");
    }
    Folder folder;
    const std::string path = folder / "zones";
};

/// Serves out of a source, without a node.
struct Node {
    explicit Node(Result<std::unique_ptr<node::Source>> source)
        : zones(*std::move(source), workers, base::numbers_of(base::Seed(1))) {}

    Status load(const node::Handover* handover_or_null = nullptr) {
        LookResult found;
        auto look = this->look();
        look.handover_or_null = handover_or_null;
        const Status loaded = zones.source().load(look, found);
        if (loaded) zones.take_first(std::move(found), base::Instant{1});
        return loaded;
    }
    /// The finds of a reload, before they are taken over.
    LookResult find() {
        LookResult found;
        const auto frozen = zones.begin_look();
        looked = zones.source().look_again(frozen.catalogue(), look(), found);
        return found;
    }
    ChangeReport reload() {
        LookResult found = find();
        ChangeReport report;
        REQUIRE(zones.take(found, looked, base::Instant{2}, report));
        return report;
    }
    node::Look look() { return {1, options, zone_log, arriving, progress}; }
    std::optional<std::uint32_t> serial(const std::string& apex) const {
        return serial_of(zones.served(), apex);
    }

    Workers workers;
    node::Zones zones;
    LogFile log;
    node::ZoneLog zone_log{log.log()};
    node::Arriving arriving;
    ingest::ZoneFileOptions options;
    node::LoadProgress progress = [this](std::uint64_t zones_so_far, std::uint64_t) {
        shown = zones_so_far;
    };
    std::uint64_t shown = 0;
    Status looked;
};

std::string text_of(const ChangeReport& report) {
    return std::to_string(report.added) + " added, " + std::to_string(report.changed) +
           " changed, " + std::to_string(report.removed) + " removed, " +
           std::to_string(report.failed) + " failed";
}

/// The fate of each zone that is named.
std::map<std::string, std::string> details_of(const ChangeReport& report) {
    std::map<std::string, std::string> out;
    for (const ChangeReport::Detail& detail : report.details) {
        std::string text(to_string(detail.what));
        if (detail.serial) text += ' ' + std::to_string(*detail.serial);
        for (const std::string& error : detail.errors) text += ' ' + error;
        out.emplace(dns::to_string(detail.apex), std::move(text));
    }
    return out;
}

/// A store of the zones in a folder.
void import(const ZoneFolder& zones, const std::string& store) {
    merge::StoreImportOptions options;
    options.prune = merge::Prune::yes;
    options.removed_percent_max = 100;
    auto import = merge::StoreImport::begin(store, options);
    REQUIRE(import);
    REQUIRE(ingest::import_zones(zones.path, {}, *import));
    REQUIRE(import->finish({}));
}

}  // namespace

TEST_CASE("zone files: a first load serves the good ones and says why a bad one is not") {
    const ZoneFolder folder;
    folder.write("a.example.", zone_text(1));
    folder.write("b.example.", bad_text);
    Node node(node::open_zone_files(folder.path));
    REQUIRE(node.load());
    CHECK(node.zones.served().zones() == 2);
    CHECK(node.arriving.zones == 2);
    CHECK(node.arriving.records == node.zones.served().records());
    CHECK(node.shown == 2);
    CHECK(node.serial("a.example.") == 1);
    CHECK(node.zones.served().not_served().of(catalogue::Reason::refused) == 1);
    CHECK(node.log.text().starts_with("warning zone_refused zone=b.example. error="));
}

TEST_CASE("zone files: a reload reads what has changed, and a bad zone keeps its last content") {
    const ZoneFolder folder;
    for (const char* zone : {"a.example.", "b.example.", "c.example."})
        folder.write(zone, zone_text(1));
    Node node(node::open_zone_files(folder.path));
    REQUIRE(node.load());
    CHECK(text_of(node.reload()) == "0 added, 0 changed, 0 removed, 0 failed");

    folder.write("a.example.", zone_text(2));
    folder.write("b.example.", bad_text);
    folder.remove("c.example.");
    folder.write("d.example.", zone_text(4));
    CHECK(text_of(node.reload()) == "1 added, 1 changed, 1 removed, 1 failed");
    CHECK(node.serial("a.example.") == 2);
    CHECK(node.serial("b.example.") == 1);
    CHECK(!node.serial("c.example."));
    CHECK(node.serial("d.example.") == 4);
    CHECK(node.zones.served().outdated() == 1);
}

TEST_CASE("zone files: names are handed over before any data, and then all of it") {
    const ZoneFolder folder;
    for (int i = 0; i < 30; ++i) folder.write("z" + std::to_string(i) + ".", zone_text(i));
    folder.write("bad.", bad_text);
    Node node(node::open_zone_files(folder.path));
    std::size_t handed = 0;
    const node::Handover handover{
        [&](node::Served::Replacement names) {
            CHECK(handed == 0);
            node.zones.take_names(std::move(names));
            CHECK(node.zones.served().not_served().of(catalogue::Reason::not_loaded) == 31);
        },
        [&](node::ZoneChanges zones) {
            handed += zones.zones.size();
            CHECK(node.zones.take_some(std::move(zones), base::Instant{1}));
        }};
    REQUIRE(node.load(&handover));
    CHECK(handed == 31);
    CHECK(node.zones.served().zones() == 31);
    CHECK(node.zones.served().not_served().of(catalogue::Reason::not_loaded) == 0);
    CHECK(node.zones.served().not_served().of(catalogue::Reason::refused) == 1);
    CHECK(node.serial("z29.") == 29);
}

TEST_CASE("zone files: a load ends when it is told to, and serves nothing") {
    const ZoneFolder folder;
    folder.write("a.example.", zone_text(1));
    Node node(node::open_zone_files(folder.path));
    const std::atomic<bool> stop{true};
    node.options.stop_or_null = &stop;
    const Status loaded = node.load();
    REQUIRE(!loaded);
    CHECK(loaded.error().code == Errc::interrupted);
    CHECK(node.workers.published == 0);
}

TEST_CASE("a store: what was committed since is read, and nothing else") {
    const ZoneFolder folder;
    for (const char* zone : {"a.example.", "b.example."}) folder.write(zone, zone_text(1));
    const std::string path = folder.folder / "store";
    import(folder, path);
    Node node(node::open_store(path));
    REQUIRE(node.load());
    CHECK(node.zones.served().zones() == 2);
    CHECK(node.arriving.zones == 2);
    const std::uint64_t position = node.zones.store_or_null()->served().position.number;

    folder.write("a.example.", zone_text(2));
    folder.remove("b.example.");
    import(folder, path);
    CHECK(text_of(node.reload()) == "0 added, 1 changed, 1 removed, 0 failed");
    CHECK(node.serial("a.example.") == 2);
    CHECK(node.zones.store_has_moved());
    CHECK(node.zones.store_or_null()->served().position.number == position + 1);
    CHECK(text_of(node.reload()) == "0 added, 0 changed, 0 removed, 0 failed");
    CHECK(!node.zones.store_has_moved());
}

TEST_CASE("a store: another one in its place is loaded anew, and compared with what is served") {
    const ZoneFolder folder;
    for (const char* zone : {"a.example.", "b.example.", "c.example."})
        folder.write(zone, zone_text(1));
    const std::string path = folder.folder / "store";
    import(folder, path);
    Node node(node::open_store(path));
    REQUIRE(node.load());

    std::filesystem::remove(path);
    folder.write("a.example.", zone_text(2));
    folder.remove("c.example.");
    folder.write("d.example.", zone_text(1));
    import(folder, path);
    const LookResult found = node.find();
    REQUIRE(node.looked);
    REQUIRE(found.all.has_value());
    CHECK(found.changes.zones.empty());
    CHECK(text_of(found.differences) == "1 added, 1 changed, 1 removed, 0 failed");

    // It was not taken over: the next look has all of it again.
    node.zones.look_failed();
    CHECK(text_of(node.reload()) == "1 added, 1 changed, 1 removed, 0 failed");
    CHECK(node.serial("a.example.") == 2);
    CHECK(node.serial("b.example.") == 1);
    CHECK(node.zones.served().zones() == 3);
}

TEST_CASE("a store: a zone that an import finds broken is named, and keeps what is served of it") {
    const ZoneFolder folder;
    for (const char* zone : {"a.example.", "b.example."}) folder.write(zone, zone_text(1));
    const std::string path = folder.folder / "store";
    import(folder, path);
    Node node(node::open_store(path));
    REQUIRE(node.load());
    const std::uint64_t records = node.zones.served().records();
    const std::string why = path +
                            ": malformed: the imported rows make no zone; the report of the import "
                            "tells why";

    folder.write("a.example.", bad_text);
    folder.write("new.example.", bad_text);
    import(folder, path);
    const auto check = [&](const ChangeReport& report) {
        CHECK(text_of(report) == "0 added, 0 changed, 0 removed, 2 failed");
        CHECK(details_of(report) ==
              std::map<std::string, std::string>{
                  {"a.example.", "failed, last good content is kept 1 " + why},
                  {"new.example.", "failed " + why}});
        CHECK(node.serial("a.example.") == 1);
        CHECK(!node.serial("new.example."));
        CHECK(node.zones.served().zones() == 3);
        CHECK(node.zones.served().records() == records);
        CHECK(node.zones.served().outdated() == 1);
        CHECK(node.zones.served().not_served().total() == 1);
        CHECK(node.zones.served().not_served().of(catalogue::Reason::broken) == 1);
    };
    check(node.reload());

    SUBCASE("it is told again when everything is read") {
        node.zones.look_failed();
        const ChangeReport report = node.reload();
        CHECK(text_of(report) == "0 added, 0 changed, 0 removed, 1 failed");
        CHECK(node.serial("a.example.") == 1);
        CHECK(node.zones.served().outdated() == 1);
        CHECK(node.zones.served().records() == records);
    }
    SUBCASE("until a good one comes") {
        folder.write("a.example.", zone_text(3));
        folder.write("new.example.", zone_text(3));
        import(folder, path);
        CHECK(text_of(node.reload()) == "0 added, 2 changed, 0 removed, 0 failed");
        CHECK(node.serial("a.example.") == 3);
        CHECK(node.zones.served().outdated() == 0);
        CHECK(node.zones.served().not_served().total() == 0);
    }
}

TEST_CASE("a store: a damaged zone keeps what is served of it, whatever the look reads") {
    const ZoneFolder folder;
    for (const char* zone : {"damaged.", "z."}) folder.write(zone, zone_text(1));
    const std::string path = folder.folder / "store";
    import(folder, path);
    Node node(node::open_store(path));
    REQUIRE(node.load());
    const std::uint64_t records = node.zones.served().records();

    // The apex stands in the image in wire format.
    const std::string apex("\7damaged\0", 9);
    const auto damage = [&] {
        std::string octets = testkit::read_file(path);
        const std::size_t at = octets.find(apex);
        REQUIRE(at != std::string::npos);
        octets[at + 12] = static_cast<char>(octets[at + 12] ^ 0x10);
        testkit::write_file(path, octets);
    };
    const auto reload = [&] {
        const ChangeReport report = node.reload();
        CHECK(text_of(report) == "0 added, 0 changed, 0 removed, 1 failed");
        const std::map<std::string, std::string> details = details_of(report);
        REQUIRE(details.size() == 1);
        CHECK(details.at("damaged.").starts_with("failed, last good content is kept 1 " + path));
        CHECK(node.serial("damaged.") == 1);
        CHECK(node.zones.served().zones() == 2);
        CHECK(node.zones.served().records() == records);
        CHECK(node.zones.served().outdated() == 1);
        CHECK(node.zones.served().not_served().total() == 0);
    };
    SUBCASE("that which has changed, and then everything") {
        folder.write("damaged.", zone_text(2));
        import(folder, path);
        damage();
        reload();
        node.zones.look_failed();
        reload();
        // The image file has a placeholder in its place.
        node.zones.look_failed();
        reload();
    }
    SUBCASE("everything") {
        damage();
        std::filesystem::remove(path + "-images");
        node.zones.look_failed();
        reload();
        CHECK(node.log.text().find("image_file_rebuilt") != std::string::npos);
    }
}

TEST_CASE("a store: damage that has no name is told until it is gone, and its zone is served") {
    const ZoneFolder folder;
    for (const char* zone : {"damaged.", "z."}) folder.write(zone, zone_text(1));
    const std::string path = folder.folder / "store";
    import(folder, path);
    Node node(node::open_store(path));
    REQUIRE(node.load());

    // Capitals are in no key, and the image does not fit its digest.
    const std::string whole = testkit::read_file(path);
    std::string octets = whole;
    for (std::size_t at = 0; (at = octets.find("damaged", at)) != std::string::npos;)
        octets[at] = 'D';
    testkit::write_file(path, octets);
    std::filesystem::remove(path + "-images");
    node.zones.look_failed();
    for (int look = 0; look < 2; ++look) {
        CAPTURE(look);
        LookResult found = node.find();
        REQUIRE(node.looked);
        CHECK(found.nameless.size() == 2);  // the row, and the set of zones
        ChangeReport report;
        REQUIRE(node.zones.take(found, node.looked, base::Instant{2}, report));
        CHECK(text_of(report) == "0 added, 0 changed, 0 removed, 1 failed");
        CHECK(node.serial("damaged.") == 1);
        CHECK(node.zones.served().zones() == 2);
        CHECK(node.zones.served().outdated() == 1);
        CHECK(node.zones.served().not_served().of(catalogue::Reason::damaged) == 2);
    }
    testkit::write_file(path, whole);
    CHECK(text_of(node.reload()) == "0 added, 0 changed, 0 removed, 0 failed");
    CHECK(node.serial("damaged.") == 1);
    CHECK(node.zones.served().outdated() == 0);
    CHECK(node.zones.served().not_served().total() == 0);
}

TEST_CASE("a source that is not there cannot be opened") {
    const Folder folder;
    CHECK(!node::open_zone_files(folder / "nothing"));
    CHECK(!node::open_store(folder / "nothing"));
}
