#include "ingest/zone_files.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/presentation.h"
#include "ingest/read_file.h"
#include "testkit/folder.h"
#include "testkit/limit_ends.h"

namespace zc::ingest {
namespace {

using testkit::Folder;
using testkit::write_file;

std::string zone_text(const std::string& address) {
    return "@ 3600 SOA ns hostmaster 1 7200 900 86400 3600\n@ NS ns\nns A 192.0.2.1\nwww A " +
           address + "\n";
}

struct Loaded {
    std::map<std::string, zone::State> zones;
    std::vector<std::string> texts;  // of the last load, by arrival
    std::vector<Error> errors;
    std::set<std::string> removed;
    ZoneFileTotals totals;

    ZoneSink sink() {
        return [this](std::span<LoadedZone> loaded) {
            for (LoadedZone& zone : loaded) {
                zones[dns::to_string(zone.apex)] = zone.state;
                errors.insert(errors.end(), zone.errors.begin(), zone.errors.end());
                std::string text;
                zone::for_each_record(
                    zone::Zone(zone.image.octets().data()),
                    [&](const dns::RecordView& record) { dns::append_record_text(text, record); });
                texts.push_back(text);
            }
        };
    }
};

Loaded load(const std::string& path, ZoneFileOptions options = {}) {
    Loaded loaded;
    auto files = ZoneFiles::open(path);
    REQUIRE(files);
    auto totals = files->load(options, loaded.sink());
    REQUIRE(totals);
    loaded.totals = *std::move(totals);
    return loaded;
}

Loaded rescan(ZoneFiles& files, const std::vector<std::string>& known,
              const ZoneFileOptions& options = {}) {
    Loaded loaded;
    auto totals = files.rescan(
        options, loaded.sink(),
        [&](const std::function<void(dns::NameView)>& each) {
            for (const std::string& name : known) each(*dns::Name::parse(name));
        },
        [&](dns::NameView apex) { loaded.removed.insert(dns::to_string(apex)); });
    REQUIRE(totals);
    loaded.totals = *std::move(totals);
    return loaded;
}

TEST_CASE("a file's name says which zone it has") {
    CHECK(dns::to_string(*apex_of_file("Example.COM.zone")) == "example.com.");
    CHECK(dns::to_string(*apex_of_file("root.zone")) == ".");
    CHECK(dns::to_string(*apex_of_file("0\\04725.2.0.192.in-addr.arpa.zone")) ==
          "0/25.2.0.192.in-addr.arpa.");
    CHECK_FALSE(apex_of_file(".zone"));
    CHECK_FALSE(apex_of_file("example.com"));
    CHECK_FALSE(apex_of_file("a..b.zone"));
    CHECK_FALSE(apex_of_file(std::string(64, 'a') + ".zone"));
}

TEST_CASE("zone files are read with numbers within their limits alone") {
    const Folder folder;
    write_file(folder / "one.example.zone", zone_text("192.0.2.2"));
    const auto error_of = [&](const ZoneFileOptions& options) {
        auto files = ZoneFiles::open(std::string(folder / ""));
        REQUIRE(files);
        const auto nothing = [](std::span<LoadedZone>) {};
        const auto loaded = files->load(options, nothing);
        const auto looked = files->rescan(
            options, nothing, [](const auto&) {}, [](dns::NameView) {});
        const std::string error = loaded ? std::string() : loaded.error().message;
        CHECK((looked ? std::string() : looked.error().message) == error);
        const LoadedZone alone =
            load_zone_file(folder / "one.example.zone", *dns::Name::parse("one.example."), options);
        CHECK((alone.errors.empty() ? std::string() : alone.errors[0].message) == error);
        return error;
    };
    testkit::try_ends(ZoneFileOptions::threads_limit,
                      [&](std::uint32_t value) { return error_of({.threads = value}); });
    testkit::try_ends(dns::default_ttl_limit,
                      [&](std::uint32_t value) { return error_of({.default_ttl = value}); });
}

TEST_CASE("zone files are found at any depth, and nothing else is read") {
    const Folder folder;
    REQUIRE(::mkdir((folder / "a").c_str(), 0755) == 0);
    REQUIRE(::mkdir((folder / "a/b").c_str(), 0755) == 0);
    REQUIRE(::mkdir((folder / ".hidden").c_str(), 0755) == 0);
    write_file(folder / "example.com.zone", zone_text("192.0.2.2"));
    write_file(folder / "a/b/example.net.zone", zone_text("192.0.2.3"));
    write_file(folder / "a/notes.txt", "not a zone");
    write_file(folder / "a/.#example.org.zone", "an editor's");
    write_file(folder / "a/example.org.zone~", "an editor's");
    write_file(folder / ".hidden/example.org.zone", zone_text("192.0.2.4"));
    const Loaded loaded = load(std::string(folder / ""));
    CHECK(loaded.zones ==
          std::map<std::string, zone::State>{{"example.com.", zone::State::serving},
                                             {"example.net.", zone::State::serving}});
    CHECK(loaded.totals.records == 8);
    CHECK(loaded.totals.problems_count == 0);
}

TEST_CASE("a link to a zone file is followed, a link to a directory above is not") {
    const Folder folder;
    REQUIRE(::mkdir((folder / "d").c_str(), 0755) == 0);
    write_file(folder / "master", zone_text("192.0.2.2"));
    REQUIRE(::symlink("../master", (folder / "d/example.com.zone").c_str()) == 0);
    REQUIRE(::symlink("..", (folder / "d/up").c_str()) == 0);
    REQUIRE(::symlink("nowhere", (folder / "d/example.net.zone").c_str()) == 0);
    const Loaded loaded = load(std::string(folder / ""));
    CHECK(loaded.zones ==
          std::map<std::string, zone::State>{{"example.com.", zone::State::serving},
                                             {"example.net.", zone::State::broken}});
    REQUIRE(loaded.totals.problems.size() == 1);
    CHECK(loaded.totals.problems[0].message.find("link back") != std::string::npos);
}

TEST_CASE("of two files for one zone the first in order of names counts, whatever the case") {
    const Folder folder;
    REQUIRE(::mkdir((folder / "b").c_str(), 0755) == 0);
    REQUIRE(::mkdir((folder / "a").c_str(), 0755) == 0);
    write_file(folder / "b/example.com.zone", zone_text("192.0.2.66"));
    write_file(folder / "a/EXAMPLE.com.zone", zone_text("192.0.2.2"));
    const Loaded loaded = load(std::string(folder / ""));
    REQUIRE(loaded.texts.size() == 1);
    CHECK(loaded.texts[0].find("192.0.2.2\n") != std::string::npos);
    REQUIRE(loaded.totals.problems.size() == 1);
    CHECK(loaded.totals.problems[0].where.source == folder / "b/example.com.zone");
}

TEST_CASE("a list names zones and files, relative to itself, and its bad lines are problems") {
    const Folder folder;
    REQUIRE(::mkdir((folder / "z").c_str(), 0755) == 0);
    write_file(folder / "z/one", zone_text("192.0.2.2"));
    write_file(folder / "two", zone_text("192.0.2.3"));
    write_file(folder / "list",
               "# zones\n\none.example\tz/one\r\ntwo.example.\t" + (folder / "two") +
                   "\nno tab here\na..b\tz/one\nONE.example\ttwo\nmissing.example\tnot/there\n");
    const Loaded loaded = load(folder / "list");
    CHECK(loaded.zones ==
          std::map<std::string, zone::State>{{"one.example.", zone::State::serving},
                                             {"two.example.", zone::State::serving},
                                             {"missing.example.", zone::State::broken}});
    REQUIRE(loaded.totals.problems.size() == 3);
    CHECK(loaded.totals.problems[0].where.line == 5);
    CHECK(loaded.totals.problems[1].where.line == 6);
    CHECK(loaded.totals.problems[2].where.line == 7);
    CHECK(loaded.totals.problems[2].code == Errc::exists);
    REQUIRE(loaded.errors.size() == 1);
    CHECK(loaded.errors[0].code == Errc::not_found);
}

TEST_CASE("one file is a source too, and a source that is not there is an error") {
    const Folder folder;
    write_file(folder / "example.com.zone", zone_text("192.0.2.2"));
    CHECK(load(folder / "example.com.zone").zones.size() == 1);
    CHECK(ZoneFiles::open(folder / "nothing").error().code == Errc::not_found);
}

TEST_CASE("a bad zone is broken with file and line, and the others are loaded") {
    const Folder folder;
    write_file(folder / "good.example.zone", zone_text("192.0.2.2"));
    write_file(folder / "bad.example.zone",
               zone_text("192.0.2.2") + "www A 192.0.2.256\nother.example. A 192.0.2.1\n");
    write_file(folder / "nosoa.example.zone", "www A 192.0.2.1\n");
    REQUIRE(::mkdir((folder / "fifo").c_str(), 0755) == 0);
    REQUIRE(::mkfifo((folder / "fifo/pipe.example.zone").c_str(), 0644) == 0);
    const Loaded loaded = load(std::string(folder / ""));
    CHECK(loaded.zones ==
          std::map<std::string, zone::State>{{"good.example.", zone::State::serving},
                                             {"bad.example.", zone::State::broken},
                                             {"nosoa.example.", zone::State::broken},
                                             {"pipe.example.", zone::State::broken}});
    CHECK(loaded.totals.broken == 3);
    std::vector<std::string> at;
    for (const Error& error : loaded.errors)
        at.push_back(error.where.source + ":" + std::to_string(error.where.line));
    CHECK(std::ranges::count(at, (folder / "bad.example.zone") + ":5") == 1);
    CHECK(std::ranges::count(at, (folder / "nosoa.example.zone") + ":0") == 1);
    CHECK(std::ranges::count(at, (folder / "fifo/pipe.example.zone") + ":0") == 1);
}

TEST_CASE("$INCLUDE is relative to the including file, may be nested, and may not go round") {
    const Folder folder;
    REQUIRE(::mkdir((folder / "inc").c_str(), 0755) == 0);
    write_file(folder / "example.com.zone",
               zone_text("192.0.2.2") + "$INCLUDE inc/one\n$INCLUDE inc/two\n");
    write_file(folder / "inc/one", "$INCLUDE two\none A 192.0.2.11\n");
    write_file(folder / "inc/two", "two A 192.0.2.12\n");
    write_file(folder / "loop.example.zone", zone_text("192.0.2.2") + "$INCLUDE inc/loop\n");
    write_file(folder / "inc/loop", "$INCLUDE back\n");
    write_file(folder / "inc/back", "$INCLUDE loop\n");
    write_file(folder / "self.example.zone",
               zone_text("192.0.2.2") + "$INCLUDE self.example.zone\n");
    const Loaded loaded = load(std::string(folder / ""));
    CHECK(loaded.zones ==
          std::map<std::string, zone::State>{{"example.com.", zone::State::serving},
                                             {"loop.example.", zone::State::broken},
                                             {"self.example.", zone::State::broken}});
    CHECK(std::ranges::all_of(loaded.errors, [](const Error& error) {
        return error.message.find("no file may include itself") != std::string::npos;
    }));
    CHECK(loaded.errors.size() == 2);
}

TEST_CASE("$INCLUDE is relative to the file that is being read, whatever text led there") {
    const Folder folder;
    REQUIRE(::mkdir((folder / "d").c_str(), 0755) == 0);
    REQUIRE(::mkdir((folder / "d/d").c_str(), 0755) == 0);
    write_file(folder / "x.example.zone", zone_text("192.0.2.2") + "$INCLUDE d/y\n");
    write_file(folder / "d/y", "$INCLUDE d/y\n$INCLUDE z\nbad A 192.0.2.256\n");
    write_file(folder / "d/d/y", "inner A 192.0.2.1\n");
    write_file(folder / "d/z", "right A 192.0.2.1\n");
    write_file(folder / "d/d/z", "wrong A 192.0.2.2\n");
    const Loaded bad = load(std::string(folder / ""));
    REQUIRE(bad.errors.size() == 1);
    CHECK(bad.errors[0].where.source == folder / "d/y");
    CHECK(bad.errors[0].where.line == 3);
    write_file(folder / "d/y", "$INCLUDE d/y\n$INCLUDE z\n");
    const Loaded loaded = load(std::string(folder / ""));
    REQUIRE(loaded.texts.size() == 1);
    CHECK(loaded.texts[0].find("right.x.example.") != std::string::npos);
    CHECK(loaded.texts[0].find("inner.x.example.") != std::string::npos);
    CHECK(loaded.texts[0].find("wrong.x.example.") == std::string::npos);
}

TEST_CASE("what $INCLUDE and lists name has to be a regular file, and is not waited for") {
    const Folder folder;
    REQUIRE(::mkfifo((folder / "pipe").c_str(), 0644) == 0);
    REQUIRE(::mkdir((folder / "folder").c_str(), 0755) == 0);
    REQUIRE(::symlink("pipe", (folder / "link").c_str()) == 0);
    for (const std::string name : {"pipe", "link", "folder", "/dev/zero", "/dev/null"}) {
        write_file(folder / "a.example.zone", zone_text("192.0.2.2") + "$INCLUDE " + name + "\n");
        const Loaded loaded = load(std::string(folder / ""));
        REQUIRE(loaded.errors.size() == 1);
        CHECK(loaded.errors[0].code == Errc::invalid);
        CHECK(loaded.errors[0].message.ends_with(": not a regular file"));
        CHECK(loaded.errors[0].where.line == 5);
        const LoadedZone checked =
            load_zone_file(folder / "a.example.zone", *dns::Name::parse("a.example."), {});
        REQUIRE(checked.errors.size() == 1);
        CHECK(checked.errors[0].message == loaded.errors[0].message);
    }
    const LoadedZone checked = load_zone_file(folder / "pipe", *dns::Name::parse("a.example."), {});
    REQUIRE(checked.errors.size() == 1);
    CHECK(checked.errors[0].message == "not a regular file");
    auto list = ZoneFiles::open(folder / "pipe");
    REQUIRE(list);
    CHECK(list->load({}, [](std::span<LoadedZone>) {}).error().code == Errc::invalid);
}

TEST_CASE("a file that goes on far beyond its size is refused, and not read to the limit") {
    const Folder folder;
    write_file(folder / "file", std::string(std::size_t{3} << 20U, ';'));
    const auto read = [&](std::optional<std::uint64_t> size) {
        const auto file = open_regular(AT_FDCWD, (folder / "file").c_str());
        REQUIRE(file);
        FileBuffer buffer;
        const auto text = buffer.read(file->descriptor.get(), size, zone_octets_max);
        return text ? std::to_string(text->size()) : text.error().message;
    };
    CHECK(read(std::size_t{3} << 20U) == "3145728");
    CHECK(read(std::nullopt) == "3145728");
    CHECK(read(0) == "has more than the 0 octets of its size");  // as /proc/self/pagemap
    CHECK(read(100) == "has more than the 100 octets of its size");
}

TEST_CASE("includes are limited in number and octets, however they are nested") {
    const Folder folder;
    // Each includes the next one twice.
    write_file(folder / "a.example.zone", zone_text("192.0.2.2") + "$INCLUDE i1\n");
    for (std::uint32_t i = 1; i < include_depth_max; ++i) {
        const std::string next = "$INCLUDE i" + std::to_string(i + 1) + "\n";
        write_file(folder / ("i" + std::to_string(i)), next + next);
    }
    write_file(folder / ("i" + std::to_string(include_depth_max)), "x A 192.0.2.1\n");
    const Loaded many = load(std::string(folder / ""));
    REQUIRE_FALSE(many.errors.empty());
    CHECK(many.errors[0].code == Errc::limit);
    CHECK(many.errors[0].message.find("more than 10000 for one zone") != std::string::npos);

    // With holes: it takes no space. Together with the zone's own file it is too large.
    write_file(folder / "a.example.zone", zone_text("192.0.2.2") + "$INCLUDE large\n");
    write_file(folder / "large", "");
    std::filesystem::resize_file(folder / "large", zone_octets_max);
    const Loaded large = load(std::string(folder / ""));
    REQUIRE(large.errors.size() == 1);
    CHECK(large.errors[0].code == Errc::limit);
}

TEST_CASE("a record that does not belong into the zone is left out, or refuses it when asked to") {
    const Folder folder;
    write_file(folder / "a.example.zone", zone_text("192.0.2.2") + "$INCLUDE more\n");
    write_file(folder / "more",
               "x A 192.0.2.1\nwww.b.example. A 192.0.2.3\nx 60 NSEC3 1 0 0 - "
               "00000000000000000000000000000000 A\nx 60 RRSIG NSEC3 8 3 60 20300101000000 "
               "20200101000000 1 a.example. AAAA\n");
    const dns::Name apex = *dns::Name::parse("a.example.");
    const LoadedZone zone = load_zone_file(folder / "a.example.zone", apex, {});
    CHECK(zone.errors.empty());
    CHECK(zone.state == zone::State::serving);
    CHECK(zone.records == 5);
    CHECK(zone.left_out_count == 3);
    REQUIRE(zone.left_out.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) {
        CHECK(zone.left_out[i].where.source == folder / "more");
        CHECK(zone.left_out[i].where.line == i + 2);
    }
    CHECK(load(std::string(folder / "")).totals.left_out == 3);
    const LoadedZone strict =
        load_zone_file(folder / "a.example.zone", apex, {.misplaced = Misplaced::refuse_zone});
    CHECK(strict.errors.size() == 3);
    CHECK(strict.left_out_count == 0);
    CHECK(strict.state == zone::State::broken);
}

TEST_CASE("a chain of includes has a limit") {
    const Folder folder;
    write_file(folder / "example.com.zone", zone_text("192.0.2.2") + "$INCLUDE i1\n");
    for (std::uint32_t i = 1; i <= include_depth_max + 1; ++i) {
        write_file(folder / ("i" + std::to_string(i)), "$INCLUDE i" + std::to_string(i + 1) + "\n");
    }
    const Loaded loaded = load(std::string(folder / ""));
    REQUIRE(loaded.errors.size() == 1);
    CHECK(loaded.errors[0].code == Errc::limit);
}

TEST_CASE("a second look sees files that are new, changed or gone") {
    const Folder folder;
    write_file(folder / "one.example.zone", zone_text("192.0.2.2"));
    write_file(folder / "two.example.zone", zone_text("192.0.2.2") + "$INCLUDE shared\n");
    write_file(folder / "three.example.zone", zone_text("192.0.2.2"));
    write_file(folder / "shared", "shared A 192.0.2.9\n");
    auto files = ZoneFiles::open(std::string(folder / ""));
    REQUIRE(files);
    Loaded first;
    REQUIRE(files->load({}, first.sink()));
    CHECK(first.zones.size() == 3);

    REQUIRE(::unlink((folder / "three.example.zone").c_str()) == 0);
    write_file(folder / "four.example.zone", zone_text("192.0.2.2"));
    write_file(folder / "shared", "shared A 192.0.2.10\n");
    const Loaded second = rescan(*files, {"one.example.", "two.example.", "three.example."});
    CHECK(second.removed == std::set<std::string>{"three.example."});
    CHECK(second.zones.contains("two.example."));
    CHECK(second.zones.contains("four.example."));
    CHECK(second.totals.removed == 1);
    CHECK(second.totals.files == 3);
}

TEST_CASE("a second look does not read what has not changed") {
    const Folder folder;
    write_file(folder / "one.example.zone", zone_text("192.0.2.2"));
    write_file(folder / "two.example.zone", zone_text("192.0.2.2") + "$INCLUDE shared\n");
    write_file(folder / "shared", "shared A 192.0.2.9\n");
    struct stat status {};
    REQUIRE(::stat((folder / "shared").c_str(), &status) == 0);
    const auto look_twice = [&](std::int64_t seconds_later) {
        const ZoneFileOptions options{
            .now = base::Instant{(status.st_ctim.tv_sec + seconds_later) * 1'000'000'000}};
        auto files = ZoneFiles::open(std::string(folder / ""));
        REQUIRE(files);
        Loaded first;
        REQUIRE(files->load(options, first.sink()));
        CHECK(first.zones.size() == 2);
        const Loaded second = rescan(*files, {"one.example.", "two.example."}, options);
        CHECK(second.totals.files == 2);
        CHECK(second.removed.empty());
        return second.zones;
    };
    CHECK(look_twice(100).empty());
    // A file that is as young as the look could change again within a tick of the clock.
    CHECK(look_twice(0).size() == 2);
    CHECK(look_twice(-100).size() == 2);
}

TEST_CASE("a directory that cannot be read removes nothing") {
    const Folder folder;
    REQUIRE(::mkdir((folder / "d").c_str(), 0755) == 0);
    write_file(folder / "d/one.example.zone", zone_text("192.0.2.2"));
    auto files = ZoneFiles::open(std::string(folder / ""));
    REQUIRE(files);
    Loaded first;
    REQUIRE(files->load({}, first.sink()));
    // Root reads everything: a directory that is a dangling name instead.
    REQUIRE(::rename((folder / "d").c_str(), (folder / "kept").c_str()) == 0);
    std::string deep = folder / "kept";
    for (std::uint32_t i = 0; i <= directory_depth_max; ++i) {
        deep += "/d";
        REQUIRE(::mkdir(deep.c_str(), 0755) == 0);
    }
    const Loaded second = rescan(*files, {"one.example.", "gone.example."});
    CHECK(second.totals.problems_count == 1);
    CHECK(second.removed.empty());
}

TEST_CASE("work that is asked to stop ends with interrupted") {
    const Folder folder;
    write_file(folder / "one.example.zone", zone_text("192.0.2.2"));
    const std::atomic<bool> stop = true;
    auto files = ZoneFiles::open(std::string(folder / ""));
    REQUIRE(files);
    Loaded loaded;
    const auto totals = files->load({.stop_or_null = &stop}, loaded.sink());
    REQUIRE_FALSE(totals);
    CHECK(totals.error().code == Errc::interrupted);
    CHECK(loaded.zones.empty());
    const LoadedZone zone = load_zone_file(
        folder / "one.example.zone", *dns::Name::parse("one.example."), {.stop_or_null = &stop});
    REQUIRE_FALSE(zone.errors.empty());
    CHECK(zone.errors[0].code == Errc::interrupted);
}

TEST_CASE("the zones of a source can be named without reading them") {
    const Folder folder;
    write_file(folder / "one.example.zone", "nothing that is a zone");
    write_file(folder / "root.zone", "");
    auto files = ZoneFiles::open(std::string(folder / ""));
    REQUIRE(files);
    std::set<std::string> names;
    REQUIRE(files->list([&](dns::NameView apex) { names.insert(dns::to_string(apex)); }));
    CHECK(names == std::set<std::string>{"one.example.", "."});
}

}  // namespace
}  // namespace zc::ingest
