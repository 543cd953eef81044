#include "store/store.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/seed.h"
#include "runtime/mapped_file.h"
#include "sqlite/sqlite.h"
#include "store/image_file.h"
#include "store/log_file.h"
#include "testkit/folder.h"
#include "testkit/small_disk.h"

namespace {

using namespace zc::store;  // NOLINT(google-build-using-namespace): the package under test
using zc::Errc;
using zc::base::Duration;
using zc::base::Octets;
using zc::base::Seed;
using zc::testkit::Folder;
using zc::testkit::read_file;
using zc::testkit::write_file;

constexpr zc::base::Instant commit_time{1'700'000'000'000'000'000};

struct Content {
    std::uint8_t state = 0;
    std::uint32_t serial = 0;
    std::uint64_t records = 0;
    std::uint64_t source = 0;
    std::string settings, image;
    bool operator==(const Content&) const = default;
};
using Contents = std::map<std::string, Content>;

Octets octets(const std::string& text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
std::string text(Octets octets) {
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

Zone zone_of(const std::string& key, const Content& content) {
    return {octets(key),     content.state,  content.serial,
            content.records, content.source, octets(content.settings)};
}

void put(Update& update, const std::string& key, const Content& content) {
    const auto status = update.put(zone_of(key, content), octets(content.image));
    REQUIRE_MESSAGE(status, status.error().text());
}

Update begun(const std::string& path) {
    auto update = Update::begin(path, Update::Missing::create);
    REQUIRE_MESSAGE(update, update.error().text());
    return *std::move(update);
}

Position committed(Update& update) {
    auto position = update.commit(commit_time);
    REQUIRE_MESSAGE(position, position.error().text());
    return *position;
}

Position store(const std::string& path, const Contents& contents) {
    Update update = begun(path);
    for (const auto& [key, content] : contents) put(update, key, content);
    return committed(update);
}

Snapshot opened(const std::string& path) {
    auto snapshot = Snapshot::open(path);
    REQUIRE_MESSAGE(snapshot, snapshot.error().text());
    return *std::move(snapshot);
}

/// All that stands in the store, read in each of the three ways, which have to agree.
Contents contents_of(const std::string& path) {
    Snapshot snapshot = opened(path);
    Contents out;
    const auto each = [&](const StoredZone& zone, Octets image, Snapshot::Image state) {
        CHECK(state == Snapshot::Image::good);
        out[text(zone.key)] = {zone.state,  zone.serial,         zone.records,
                               zone.source, text(zone.settings), text(image)};
        return true;
    };
    REQUIRE(snapshot.for_each_image(each));
    std::string before;
    std::size_t count = 0;
    REQUIRE(snapshot.for_each({}, [&](const StoredZone& zone) {
        CHECK(before < text(zone.key));
        before = text(zone.key);
        ++count;
        return true;
    }));
    CHECK(count == out.size());
    CHECK(snapshot.zones().value() == out.size());
    for (const auto& [key, content] : out) {
        const auto found = snapshot.find_or_null(octets(key));
        REQUIRE(found);
        REQUIRE(*found != nullptr);
        const StoredZone zone = **found;
        CHECK(text(zone.settings) == content.settings);
        const auto image = snapshot.image(zone);
        REQUIRE(image);
        CHECK(text(*image) == content.image);
    }
    return out;
}

std::uint64_t problems_of(const std::string& path) {
    Snapshot snapshot = opened(path);
    const auto problems = snapshot.check(
        [](Octets key, const std::string& problem) { MESSAGE(text(key) << ": " << problem); });
    REQUIRE(problems);
    return *problems;
}

std::string random_octets(Seed& seed, std::size_t octets_max) {
    std::string out(seed.below(octets_max + 1), '\0');
    for (char& octet : out) octet = static_cast<char>(seed.next());
    return out;
}

Contents random_contents(Seed& seed, std::size_t zones) {
    Contents contents;
    for (std::size_t i = 0; i < zones; ++i) {
        Content content;
        content.state = static_cast<std::uint8_t>(seed.next());
        content.serial = static_cast<std::uint32_t>(seed.next());
        content.records = seed.next() >> 1;
        content.source = seed.next();
        content.settings = random_octets(seed, 40);
        content.image = random_octets(seed, seed.below(20) == 0 ? 60'000 : 400);
        contents[random_octets(seed, 30) + "k"] = std::move(content);
    }
    return contents;
}

}  // namespace

TEST_CASE("what was put into a new store is read back octet for octet") {
    const Folder folder;
    Seed seed(1);
    const Contents contents = random_contents(seed, 500);
    const Position position = store(folder / "s", contents);
    CHECK(folder.files() == 1);
    CHECK(position.number == 1);
    CHECK(contents_of(folder / "s") == contents);
    CHECK(opened(folder / "s").position() == position);
    CHECK(problems_of(folder / "s") == 0);
}

TEST_CASE("a store without zones is a store") {
    const Folder folder;
    Update update = begun(folder / "s");
    CHECK(update.is_new());
    committed(update);
    CHECK(contents_of(folder / "s").empty());
}

TEST_CASE("random updates of a store leave what they would leave of a map") {
    const Folder folder;
    for (const std::uint64_t number : {1U, 2U, 3U}) {
        Seed seed(number);
        const std::string path = folder / ("s" + std::to_string(number));
        Contents model = random_contents(seed, 200);
        store(path, model);
        for (int round = 0; round < 20; ++round) {
            const Contents before = model;
            const Position position_before = opened(path).position();
            Update update = begun(path);
            CHECK_FALSE(update.is_new());
            for (int change = 0; change < 30; ++change) {
                auto victim = model.begin();
                std::advance(victim, seed.below(model.size()));
                switch (seed.below(5)) {
                    case 0:
                        REQUIRE(update.remove(octets(victim->first)));
                        model.erase(victim);
                        break;
                    case 1:
                        for (auto& [key, content] : random_contents(seed, 2)) {
                            put(update, key, content);
                            model[key] = content;
                        }
                        break;
                    case 2:
                        put(update, victim->first, victim->second);
                        break;
                    case 3:
                        victim->second.image = seed.below(4) == 0 ? "" : random_octets(seed, 400);
                        put(update, victim->first, victim->second);
                        break;
                    default:
                        victim->second.settings += "x";
                        put(update, victim->first, victim->second);
                }
            }
            if (seed.below(4) == 0) {
                model = before;  // given up
                continue;
            }
            const Position position = committed(update);
            CHECK(position.number <= position_before.number + 1);

            Snapshot snapshot = opened(path);
            const auto changed = snapshot.changed_since(position_before);
            REQUIRE(changed);
            REQUIRE(changed->has_value());
            std::map<std::string, bool> removed;
            for (const auto& zone : **changed) removed.emplace(zone.key, zone.removed);
            CHECK(removed.size() == (*changed)->size());
            for (const auto& [key, is_removed] : removed) CHECK(is_removed == !model.contains(key));
            for (const auto& [key, content] : model) {
                const auto old = before.find(key);
                if (old == before.end() || old->second != content) CHECK(removed.contains(key));
            }
            for (const auto& [key, content] : before)
                if (!model.contains(key)) CHECK(removed.contains(key));
        }
        CHECK(contents_of(path) == model);
        CHECK(problems_of(path) == 0);
    }
}

TEST_CASE("putting what is there changes nothing, not even the position") {
    const Folder folder;
    Seed seed(7);
    const Contents contents = random_contents(seed, 100);
    const Position first = store(folder / "s", contents);
    Update update = begun(folder / "s");
    for (const auto& [key, content] : contents) put(update, key, content);
    CHECK(update.counts().unchanged == contents.size());
    CHECK(update.counts().differing() == 0);
    CHECK(committed(update) == first);
}

TEST_CASE("a single octet of image, settings, state, serial or records makes a zone differ") {
    const Folder folder;
    const Content content{1, 2, 3, 4, "settings", "image"};
    Content image = content, settings = content, state = content, serial = content,
            records = content, moved = content;
    image.image = "imagf";
    settings.settings = "settingt";
    state.state = 2;
    serial.serial = 3;
    records.records = 4;
    moved.settings = "setting";
    moved.image = "simage";
    std::uint64_t position = store(folder / "s", {{"k", content}}).number;
    for (const Content& other : {image, settings, state, serial, records, moved}) {
        Update update = begun(folder / "s");
        put(update, "k", other);
        CHECK(update.counts().changed == 1);
        CHECK(committed(update).number == ++position);
        CHECK(contents_of(folder / "s").at("k") == other);
    }
}

TEST_CASE("a zone is unchanged when its source is known, and a source alone is no difference") {
    const Folder folder;
    const Position first =
        store(folder / "s", {{"a", {.source = 7, .settings = {}, .image = "x"}},
                             {"b", {.source = 0, .settings = {}, .image = "y"}}});
    {
        Update update = begun(folder / "s");
        CHECK(update.is_unchanged(octets("a"), 7).value());
        CHECK_FALSE(update.is_unchanged(octets("a"), 8).value());
        CHECK_FALSE(update.is_unchanged(octets("b"), 0).value());
        CHECK_FALSE(update.is_unchanged(octets("c"), 7).value());
        put(update, "b", {.source = 9, .settings = {}, .image = "y"});
        CHECK(update.counts().unchanged == 2);
        CHECK(committed(update) == first);
    }
    Update update = begun(folder / "s");
    CHECK(update.is_unchanged(octets("b"), 9).value());
}

TEST_CASE("what was not touched is removed when asked for, before and after the index is read") {
    const Folder folder;
    Contents contents;
    for (int i = 0; i < 30'000; ++i)
        contents["key" + std::to_string(i)] = {.source = 5, .settings = {}, .image = "i"};
    store(folder / "s", contents);
    SUBCASE("few look-ups") {
        Update update = begun(folder / "s");
        for (int i = 0; i < 10; ++i)
            put(update, "key" + std::to_string(i), contents.at("key" + std::to_string(i)));
        put(update, "new", {.settings = {}, .image = "n"});
        std::size_t named = 0;
        REQUIRE(update.remove_untouched([&](Octets, std::uint64_t) {
            ++named;
            return true;
        }));
        CHECK(named == 29'990);
        CHECK(update.counts().removed == 29'990);
        committed(update);
        CHECK(contents_of(folder / "s").size() == 11);
    }
    SUBCASE("a source that stays") {
        Update update = begun(folder / "s");
        put(update, "here", {.source = 9, .settings = {}, .image = "h"});
        put(update, "here too", {.source = 9, .settings = {}, .image = "h"});
        committed(update);
        Update next = begun(folder / "s");
        const auto put_unless = [&](const std::string& key, const std::string& image) {
            return next.put_unless({.key = octets(key), .source = 5, .settings = {}}, octets(image),
                                   9);
        };
        CHECK(put_unless("here", "other") == false);  // it stays
        CHECK(put_unless("here too", "h") == true);   // the same
        CHECK(put_unless("key7", "other") == true);   // of another source
        CHECK(put_unless("new", "other") == true);
        CHECK(next.counts().stayed == 1);
        CHECK(next.counts().unchanged == 1);
        CHECK(next.counts().changed == 1);
        CHECK(next.counts().added == 1);
        std::size_t asked = 0;
        REQUIRE(next.remove_untouched([&](Octets key, std::uint64_t source) {
            ++asked;
            CHECK(source == 5);
            return text(key) != "key8";
        }));
        CHECK(asked == 29'999);
        committed(next);
        const Contents after = contents_of(folder / "s");
        CHECK(after.size() == 5);
        CHECK(after.at("here").image == "h");
        CHECK(after.at("here").source == 9);
        CHECK(after.at("here too").source == 5);
        CHECK(after.at("key8").image == "i");
    }
    SUBCASE("many look-ups") {
        Update update = begun(folder / "s");
        for (int i = 0; i < 29'000; ++i)
            CHECK(update.is_unchanged(octets("key" + std::to_string(i)), 5).value());
        REQUIRE(update.remove(octets("key1")));
        put(update, "key2", {.settings = {}, .image = "other"});
        put(update, "key1", {.settings = {}, .image = "back"});
        REQUIRE(update.remove_untouched([](Octets, std::uint64_t) { return true; }));
        committed(update);
        const Contents after = contents_of(folder / "s");
        CHECK(after.size() == 29'000);
        CHECK(after.at("key1").image == "back");
        CHECK(after.at("key2").image == "other");
        CHECK(problems_of(folder / "s") == 0);
    }
}

TEST_CASE("of a zone put twice the last counts, in a new store and in an old one") {
    const Folder folder;
    for (int round = 0; round < 2; ++round) {
        Update update = begun(folder / "s");
        put(update, "k", {.settings = {}, .image = "first" + std::to_string(round)});
        put(update, "k", {.settings = {}, .image = "last" + std::to_string(round)});
        committed(update);
        CHECK(contents_of(folder / "s").at("k").image == "last" + std::to_string(round));
        CHECK(problems_of(folder / "s") == 0);
    }
}

TEST_CASE("named octets are kept, changed and removed, and move the position") {
    const Folder folder;
    Update first = begun(folder / "s");
    REQUIRE(first.set_named("tsig", octets("secret")));
    CHECK(committed(first).number == 1);
    const auto set = [&](const char* name, const char* value) {
        Update update = begun(folder / "s");
        REQUIRE(update.set_named(name, octets(value)));
        return committed(update).number;
    };
    CHECK(set("tsig", "secret") == 1);
    CHECK(set("none", "") == 1);
    CHECK(set("tsig", "other") == 2);
    CHECK(text(opened(folder / "s").named("tsig").value()) == "other");
    CHECK(set("tsig", "") == 3);
    CHECK(opened(folder / "s").named("tsig").value().empty());
}

TEST_CASE("a snapshot sees one state while another is committed") {
    const Folder folder;
    store(folder / "s", {{"a", {.settings = {}, .image = "old"}}});
    Snapshot snapshot = opened(folder / "s");
    Update update = begun(folder / "s");
    put(update, "a", {.settings = {}, .image = "new"});
    put(update, "b", {.settings = {}, .image = "new"});
    committed(update);
    CHECK(snapshot.zones().value() == 1);
    const StoredZone zone = **snapshot.find_or_null(octets("a"));
    CHECK(text(snapshot.image(zone).value()) == "old");
    CHECK(contents_of(folder / "s").size() == 2);
}

TEST_CASE("changes since a position of another store, or of the future, are not known") {
    const Folder folder;
    const Position a = store(folder / "a", {{"k", {.settings = {}, .image = "x"}}});
    const Position b = store(folder / "b", {{"k", {.settings = {}, .image = "x"}}});
    Snapshot snapshot = opened(folder / "a");
    CHECK_FALSE(snapshot.changed_since(b).value().has_value());
    CHECK_FALSE(snapshot.changed_since({a.store, 2, a.value}).value().has_value());
    CHECK_FALSE(snapshot.changed_since({a.store, 0, a.value}).value().has_value());
    CHECK_FALSE(snapshot.changed_since({a.store, 1, a.value ^ 1}).value().has_value());
    CHECK(snapshot.changed_since(a).value()->empty());
}

namespace {

Position changed(const std::string& path, const std::string& key, const std::string& image) {
    Update update = begun(path);
    put(update, key, {.settings = {}, .image = image});
    return committed(update);
}

using Keys = std::vector<std::string>;
/// The zones changed since; "everything" when that is not known.
Keys keys_since(const std::string& path, const Position& since) {
    Snapshot snapshot = opened(path);
    const auto zones = snapshot.changed_since(since);
    REQUIRE(zones);
    if (!*zones) return {"everything"};
    Keys keys;
    for (const auto& zone : **zones) keys.push_back((zone.removed ? "-" : "") + zone.key);
    return keys;
}

void run_sql(const std::string& path, const std::string& sql) {
    auto database = zc::sqlite::Database::open(path, zc::sqlite::Database::Mode::read_write);
    REQUIRE(database);
    const auto done = database->execute(sql);
    REQUIRE_MESSAGE(done, done.error().text());
}

}  // namespace

TEST_CASE("copies of a store are told apart by their first own commit, and share what was before") {
    const Folder folder;
    const Position first = store(folder / "a", {{"k", {.settings = {}, .image = "1"}}});
    const Position second = changed(folder / "a", "k", "2");
    std::filesystem::copy_file(folder / "a", folder / "b");
    CHECK(opened(folder / "b").position() == second);
    const Position a = changed(folder / "a", "ours", "3");
    const Position b = changed(folder / "b", "theirs", "3");
    CHECK(a.store == b.store);
    CHECK(a.number == b.number);
    CHECK(a != b);
    const Position b_later = changed(folder / "b", "later", "4");
    CHECK(keys_since(folder / "a", b) == Keys{"everything"});
    CHECK(keys_since(folder / "a", b_later) == Keys{"everything"});
    CHECK(keys_since(folder / "b", a) == Keys{"everything"});
    for (const auto& [position, keys] : {std::pair(first, Keys{"k", "later", "theirs"}),
                                         std::pair(second, Keys{"later", "theirs"}),
                                         std::pair(b, Keys{"later"}), std::pair(b_later, Keys{})})
        CHECK(keys_since(folder / "b", position) == keys);
}

TEST_CASE("a store put back from a backup does not know the positions of what was undone") {
    const Folder folder;
    const Position first = store(folder / "s", {{"k", {.settings = {}, .image = "1"}}});
    const std::string backup = read_file(folder / "s");
    const Position undone = changed(folder / "s", "k", "2");
    std::filesystem::remove(folder / "s");
    write_file(folder / "s", backup);
    CHECK(opened(folder / "s").position() == first);
    CHECK(keys_since(folder / "s", undone) == Keys{"everything"});
    CHECK(changed(folder / "s", "other", "3").number == undone.number);
    CHECK(keys_since(folder / "s", undone) == Keys{"everything"});
    CHECK(keys_since(folder / "s", first) == Keys{"other"});
    changed(folder / "s", "more", "4");
    CHECK(keys_since(folder / "s", undone) == Keys{"everything"});
}

TEST_CASE("positions are known as far back as changes are kept, and no farther") {
    const Folder folder;
    const Position first = store(folder / "s", {{"k", {.settings = {}, .image = "1"}}});
    const Position second = changed(folder / "s", "k", "2");
    CHECK(keys_since(folder / "s", first) == Keys{"k"});
    // More rows than are kept, as of many large imports.
    run_sql(folder / "s",
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= 1000000) "
            "INSERT INTO changes SELECT 2, CAST('row' || i AS BLOB), 0 FROM n");
    const Position third = changed(folder / "s", "k", "3");
    CHECK(keys_since(folder / "s", first) == Keys{"everything"});
    CHECK(keys_since(folder / "s", second) == Keys{"k"});
    CHECK(keys_since(folder / "s", third).empty());
    auto database = zc::sqlite::Database::open(folder / "s", zc::sqlite::Database::Mode::read_only);
    REQUIRE(database);
    CHECK(database->integer("SELECT count(*) FROM log") == 2);
    CHECK(database->integer("SELECT count(*) FROM changes") == 1);
}

TEST_CASE("a commit tells its time") {
    const Folder folder;
    Update first = begun(folder / "s");
    put(first, "k", {.settings = {}, .image = "1"});
    REQUIRE(first.commit(zc::base::Instant{1'234'567'890}));
    // The store counts microseconds.
    CHECK(opened(folder / "s").committed_at() == zc::base::Instant{1'234'567'000});
    Update second = begun(folder / "s");
    put(second, "k", {.settings = {}, .image = "2"});
    REQUIRE(second.commit(zc::base::Instant{2'000'000'000}));
    CHECK(opened(folder / "s").committed_at() == zc::base::Instant{2'000'000'000});
}

TEST_CASE("a position in words") {
    CHECK(zc::store::to_string({{}, 42, 0xf3a1b2c3d4e5f6}) == "42-00f3a1b2c3d4e5f6");
}

// Made by zonectl 0.1: a.example., b.example., c.example. with serial 1; then b. 2 and d. 2 new;
// then a. 3 and c. removed.
TEST_CASE("a store of format 1 is read as it is, and its first commit raises it") {
    const Folder folder;
    const std::string path = folder / "s";
    std::filesystem::copy_file(ZC_TESTDATA_DIR "/store/format1.db", path);
    const std::string old = read_file(path);
    const Contents contents = contents_of(path);
    CHECK(contents.size() == 3);
    CHECK(problems_of(path) == 0);
    const Position position = opened(path).position();
    CHECK(opened(path).format() == 1);
    CHECK(opened(path).committed_at() == zc::base::Instant{});
    CHECK(position.number == 3);
    CHECK(opened(path).position() == position);
    CHECK(keys_since(path, position).empty());
    CHECK(keys_since(path, {position.store, 2, 0}) == Keys{"everything"});
    {
        // An update that changes nothing, or is given up, leaves it as it is.
        Update update = begun(path);
        for (const auto& [key, content] : contents) put(update, key, content);
        CHECK(committed(update) == position);
        Update given_up = begun(path);
        put(given_up, "new", {.settings = {}, .image = "x"});
    }
    CHECK(opened(path).format() == 1);
    CHECK(opened(path).position() == position);

    const std::string a = contents.begin()->first;
    Update update = begun(path);
    put(update, "new", {.settings = {}, .image = "x"});
    REQUIRE(update.remove(octets(a)));
    const Position raised = committed(update);
    CHECK(raised.store == position.store);
    CHECK(raised.number == 4);
    CHECK(opened(path).format() == format_version);
    CHECK(keys_since(path, position) == Keys{"-" + a, "new"});
    CHECK(keys_since(path, {position.store, 2, 0}) == Keys{"everything"});
    CHECK(keys_since(path, raised).empty());
    Contents now = contents;
    now.erase(a);
    now["new"] = {.settings = {}, .image = "x"};
    CHECK(contents_of(path) == now);
    CHECK(problems_of(path) == 0);

    // Another content at the same number is another position also in format 1.
    write_file(folder / "other", old);
    run_sql(folder / "other", "DELETE FROM zones WHERE serial = 3");
    CHECK(opened(folder / "other").position().number == position.number);
    CHECK(opened(folder / "other").position() != position);
}

// An import of 17 zones; then later.example. came.
TEST_CASE("a store of format 2 is read as it is, and its first commit raises it") {
    const Folder folder;
    const std::string path = folder / "s";
    std::filesystem::copy_file(ZC_TESTDATA_DIR "/store/format2.db", path);
    const Contents contents = contents_of(path);
    CHECK(contents.size() == 18);
    const Position position = opened(path).position();
    CHECK(opened(path).format() == 2);
    CHECK(position.number == 2);
    const Keys later = keys_since(path, {position.store, 1, 6613124076931359593});
    CHECK(later.size() == 1);
    {
        Update update = begun(path);
        for (const auto& [key, content] : contents) put(update, key, content);
        CHECK(committed(update) == position);
    }
    CHECK(opened(path).format() == 2);

    Update update = begun(path);
    put(update, "new", {.settings = {}, .image = "x"});
    const Position raised = committed(update);
    CHECK(raised.number == 3);
    CHECK(opened(path).format() == format_version);
    // Its history is still known.
    CHECK(keys_since(path, position) == Keys{"new"});
    CHECK(keys_since(path, {position.store, 1, 6613124076931359593}).size() == 2);
    Contents now = contents;
    now["new"] = {.settings = {}, .image = "x"};
    CHECK(contents_of(path) == now);
    CHECK(problems_of(path) == 0);
}

TEST_CASE(
    "a zone that is missing, has another key or an older state is found by the set's digest") {
    const Folder folder;
    store(folder / "s", {{"a", {.settings = {}, .image = "1"}},
                         {"b", {.settings = {}, .image = "1"}},
                         {"c", {.settings = {}, .image = "1"}}});
    run_sql(folder / "s", "CREATE TABLE was AS SELECT * FROM zones WHERE key = CAST('b' AS BLOB)");
    changed(folder / "s", "b", "2");
    CHECK(problems_of(folder / "s") == 0);
    std::size_t damaged_rows = 0;
    SUBCASE("missing") {
        run_sql(folder / "s", "DELETE FROM zones WHERE key = CAST('b' AS BLOB)");
    }
    SUBCASE("another key") {
        run_sql(folder / "s",
                "UPDATE zones SET key = CAST('q' AS BLOB) WHERE key = CAST('b' AS BLOB)");
        damaged_rows = 1;
    }
    SUBCASE("an older state that fits its own digest") {
        run_sql(folder / "s",
                "REPLACE INTO zones SELECT * FROM was;"
                "UPDATE images SET image = CAST('1' AS BLOB)");
    }
    Snapshot snapshot = opened(folder / "s");
    std::size_t damaged = 0;
    const auto set = snapshot.for_each_image([&](const StoredZone&, Octets, Snapshot::Image state) {
        damaged += state == Snapshot::Image::damaged ? 1 : 0;
        return true;
    });
    REQUIRE(set);
    CHECK(*set == Snapshot::Set::damaged);
    CHECK(damaged == damaged_rows);
    bool told = false;
    REQUIRE(snapshot.check([&](Octets key, const std::string& problem) {
        told = told || (key.empty() && problem.find("set of zones") != std::string::npos);
    }));
    CHECK(told);
}

TEST_CASE("two processes at once: the second is told that the store is busy, at its beginning") {
    const Folder folder;
    SUBCASE("a store that is there") {
        store(folder / "s", {{"k", {.settings = {}, .image = "x"}}});
    }
    SUBCASE("a store that is being made") {}
    Update first = begun(folder / "s");
    const auto second =
        Update::begin(folder / "s", Update::Missing::create, Duration::milliseconds(1));
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Errc::busy);
    put(first, "a", {.settings = {}, .image = "x"});
    committed(first);
    CHECK(contents_of(folder / "s").contains("a"));
}

TEST_CASE("a store that appeared while one was being made is not overwritten") {
    const Folder folder;
    Update update = begun(folder / "s");
    put(update, "mine", {.settings = {}, .image = "x"});
    store(folder / "other", {{"theirs", {.settings = {}, .image = "y"}}});
    std::filesystem::rename(folder / "other", folder / "s");
    const auto position = update.commit(commit_time);
    REQUIRE_FALSE(position);
    CHECK(position.error().code == Errc::exists);
    CHECK(contents_of(folder / "s").contains("theirs"));
}

TEST_CASE("the log of a store that is gone is not taken for that of a new one") {
    const Folder folder;
    write_file(folder / "s-wal", std::string(8192, 'x'));
    write_file(folder / "s-new", "left behind by a process that was killed");
    store(folder / "s", {{"k", {.settings = {}, .image = "x"}}});
    CHECK(contents_of(folder / "s").contains("k"));
    CHECK(problems_of(folder / "s") == 0);
}

TEST_CASE("an update that is given up leaves no file and no change") {
    const Folder folder;
    {
        Update update = begun(folder / "s");
        put(update, "k", {.settings = {}, .image = "x"});
    }
    CHECK(folder.files() == 0);
    store(folder / "s", {{"k", {.settings = {}, .image = "x"}}});
    {
        Update update = begun(folder / "s");
        REQUIRE(update.remove(octets("k")));
    }
    CHECK(contents_of(folder / "s").contains("k"));
}

TEST_CASE("what is no store is not read and not changed") {
    const Folder folder;
    write_file(folder / "text", std::string(10'000, 'x'));
    write_file(folder / "empty", "");
    {
        auto foreign =
            zc::sqlite::Database::open(folder / "foreign", zc::sqlite::Database::Mode::create);
        REQUIRE(foreign);
        REQUIRE(foreign->execute("CREATE TABLE domains(id)"));
    }
    for (const char* const name : {"text", "empty", "foreign"}) {
        CAPTURE(name);
        const std::string before = read_file(folder / name);
        CHECK(Snapshot::open(folder / name).error().code == Errc::malformed);
        CHECK(Update::begin(folder / name, Update::Missing::create).error().code ==
              Errc::malformed);
        CHECK(read_file(folder / name) == before);
    }
    CHECK(Snapshot::open(folder / "missing").error().code == Errc::not_found);
    CHECK(Update::begin(folder / "missing", Update::Missing::error).error().code ==
          Errc::not_found);
    CHECK(Update::begin(folder / "no/folder/s", Update::Missing::create).error().code ==
          Errc::not_found);
}

TEST_CASE("a newer format is refused and named") {
    const Folder folder;
    store(folder / "s", {{"k", {.settings = {}, .image = "x"}}});
    {
        auto database =
            zc::sqlite::Database::open(folder / "s", zc::sqlite::Database::Mode::read_write);
        REQUIRE(database);
        REQUIRE(database->execute("PRAGMA user_version=4"));
    }
    const auto read = Snapshot::open(folder / "s");
    REQUIRE_FALSE(read);
    CHECK(read.error().code == Errc::unsupported);
    CHECK(read.error().message ==
          "store of format 4, this zonectl knows 1 to 3; a newer zonectl made it");
    CHECK(Update::begin(folder / "s", Update::Missing::create).error().code == Errc::unsupported);
}

TEST_CASE("a bit flipped in an image damages one zone and no other") {
    const Folder folder;
    Contents contents;
    for (int i = 0; i < 50; ++i)
        contents["key" + std::to_string(i)] = {
            .settings = {},
            .image = "image of zone " + std::to_string(i) + ", " + std::string(300, 'i')};
    store(folder / "s", contents);
    std::string file = read_file(folder / "s");
    const std::size_t at = file.find("image of zone 17,");
    REQUIRE(at != std::string::npos);
    file[at + 40] = static_cast<char>(file[at + 40] ^ 1);
    write_file(folder / "s", file);

    Snapshot snapshot = opened(folder / "s");
    std::size_t good = 0;
    REQUIRE(snapshot.for_each_image([&](const StoredZone& zone, Octets, Snapshot::Image image) {
        CHECK((image == Snapshot::Image::damaged) == (text(zone.key) == "key17"));
        good += image == Snapshot::Image::good ? 1 : 0;
        return true;
    }));
    CHECK(good == 49);
    const StoredZone zone = **snapshot.find_or_null(octets("key17"));
    CHECK(snapshot.image(zone).error().code == Errc::malformed);
    std::vector<std::string> reported;
    CHECK(snapshot.check([&](Octets key, const std::string&) { reported.push_back(text(key)); }) ==
          1U);
    CHECK(reported == std::vector<std::string>{"key17"});
}

TEST_CASE("a page of images overwritten with rubbish damages its zones; the others are read") {
    const Folder folder;
    Contents contents;
    for (int i = 0; i < 400; ++i)
        contents["key" + std::to_string(i)] = {
            .settings = {},
            .image = "image of zone " + std::to_string(i) + ", " + std::string(300, 'i')};
    store(folder / "s", contents);
    std::string file = read_file(folder / "s");
    const std::size_t at = file.find("image of zone 200,");
    REQUIRE(at != std::string::npos);
    constexpr std::size_t page = 8192;
    std::fill_n(file.begin() + static_cast<std::ptrdiff_t>(at / page * page), page, '\xff');
    write_file(folder / "s", file);

    Snapshot snapshot = opened(folder / "s");
    std::size_t damaged = 0;
    REQUIRE(
        snapshot.for_each_image([&](const StoredZone& zone, Octets image, Snapshot::Image state) {
            if (state == Snapshot::Image::damaged)
                ++damaged;
            else
                CHECK(text(image) == contents.at(text(zone.key)).image);
            return true;
        }));
    CHECK(damaged >= 10);
    CHECK(damaged <= 40);
    CHECK(snapshot.check([](Octets, const std::string&) {}).value() > 0);
}

TEST_CASE("random bit flips anywhere in a store never crash and never give wrong octets") {
    const Folder folder;
    Seed seed(11);
    const Contents contents = random_contents(seed, 120);
    store(folder / "s", contents);
    const std::string file = read_file(folder / "s");
    for (int round = 0; round < 300; ++round) {
        std::string flipped = file;
        for (std::uint64_t flips = 1 + seed.below(8); flips > 0; --flips) {
            char& octet = flipped[seed.below(flipped.size())];
            octet = static_cast<char>(octet ^ (1 << seed.below(8)));
        }
        write_file(folder / "f", flipped);
        auto snapshot = Snapshot::open(folder / "f");
        if (!snapshot) continue;
        static_cast<void>(snapshot->for_each_image(
            [&](const StoredZone& zone, Octets image, Snapshot::Image state) {
                if (state == Snapshot::Image::damaged) return true;
                const auto known = contents.find(text(zone.key));
                const bool right = known != contents.end() &&
                                   known->second.settings == text(zone.settings) &&
                                   known->second.image == text(image);
                CHECK(right);
                return true;
            }));
        static_cast<void>(snapshot->check([](Octets, const std::string&) {}));
    }
}

namespace {

/// Runs `check` in a child process that is no longer root, and gives its exit code. 100: could not
/// become somebody else.
int as_nobody(const std::function<int()>& check) {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(100);
        ::_exit(check());
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("without permission to write, an update is refused and says so") {
    const Folder folder;
    store(folder / "s", {{"k", {.settings = {}, .image = "x"}}});
    std::filesystem::permissions(folder / "s", std::filesystem::perms(0444));
    std::filesystem::permissions(folder / ".", std::filesystem::perms(0555));
    CHECK(as_nobody([&] {
              const auto update = Update::begin(folder / "s", Update::Missing::create);
              if (update) return 1;
              return update.error().code == Errc::io &&
                             update.error().message.find("permission") != std::string::npos
                         ? 0
                         : 2;
          }) == 0);
    CHECK(as_nobody([&] {
              const auto update = Update::begin(folder / "new", Update::Missing::create);
              if (update) return 1;
              return update.error().code == Errc::io ? 0 : 2;
          }) == 0);
    std::filesystem::permissions(folder / ".", std::filesystem::perms(0755));
}

TEST_CASE("without permission to read, a store is an error of the system and not a missing one") {
    const Folder folder;
    store(folder / "s", {{"k", {.settings = {}, .image = "x"}}});
    std::filesystem::permissions(folder / "s", std::filesystem::perms(0000));
    std::filesystem::permissions(folder / ".", std::filesystem::perms(0755));
    CHECK(as_nobody([&] {
              const auto snapshot = Snapshot::open(folder / "s");
              if (snapshot) return 1;
              return snapshot.error().code == Errc::io ? 0 : 2;
          }) == 0);
}

namespace {

/// The difference between `wanted` and a store as a reader sees it; "": none.
std::string differs(const std::string& path, const std::map<std::string, std::string>& wanted) {
    auto snapshot = Snapshot::open(path);
    if (!snapshot) return snapshot.error().text();
    std::map<std::string, std::string> found;
    const auto read =
        snapshot->for_each_image([&](const StoredZone& zone, Octets image, Snapshot::Image) {
            found[text(zone.key)] = text(image);
            return true;
        });
    if (!read) return read.error().text();
    if (found != wanted) return "other zones, " + std::to_string(found.size());
    const auto since = snapshot->changed_since(snapshot->position());
    return since && *since ? "" : "its own position is not known";
}

int code_of(const std::string& problem) {
    if (!problem.empty()) static_cast<void>(std::fprintf(stderr, "%s\n", problem.c_str()));
    return problem.empty() ? 0 : 1;
}

/// A folder with a store of which the last change stands in SQLite's log alone, as after a kill.
void copy_with_log(const Folder& folder, const std::string& to) {
    std::filesystem::create_directory(to);
    const Snapshot holds = opened(folder / "s");  // so that the log is not merged
    changed(folder / "s", "k", "in the log");
    for (const char* const file : {"s", "s-wal", "s-shm"})
        std::filesystem::copy_file(folder / file, to + "/" + file);
    REQUIRE(std::filesystem::file_size(to + "/s-wal") > 0);
    for (const auto& file : std::filesystem::directory_iterator(to))
        std::filesystem::permissions(file.path(), std::filesystem::perms(0444));
    std::filesystem::permissions(to, std::filesystem::perms(0555));
}

}  // namespace

TEST_CASE("a store in a folder of somebody else's is read, and nothing is written there") {
    const Folder folder;
    store(folder / "s", {{"k", {.settings = {}, .image = "x"}}});
    std::filesystem::permissions(folder / "s", std::filesystem::perms(0444));
    std::filesystem::permissions(folder / ".", std::filesystem::perms(0555));
    CHECK(as_nobody([&] { return code_of(differs(folder / "s", {{"k", "x"}})); }) == 0);
    CHECK(folder.files() == 1);
    std::filesystem::permissions(folder / ".", std::filesystem::perms(0755));
}

TEST_CASE("what stands in the log of a store is read without writing, or it is an error") {
    const Folder folder;
    store(folder / "s", {{"k", {.settings = {}, .image = "x"}}});
    std::filesystem::permissions(folder / ".", std::filesystem::perms(0755));
    copy_with_log(folder, folder / "logged");
    CHECK(as_nobody([&] {
              return code_of(differs(folder / "logged/s", {{"k", "in the log"}}));
          }) == 0);
    // Never the state without the log.
    std::filesystem::permissions(folder / "logged", std::filesystem::perms(0755));
    std::filesystem::remove(folder / "logged/s-shm");
    std::filesystem::permissions(folder / "logged", std::filesystem::perms(0555));
    CHECK(as_nobody([&] {
              const auto snapshot = Snapshot::open(folder / "logged/s");
              return snapshot ? 1 : snapshot.error().code == Errc::malformed ? 2 : 0;
          }) == 0);
    std::filesystem::permissions(folder / "logged", std::filesystem::perms(0755));
}

TEST_CASE("a store on a full disk, and on a read-only one, is read") {
    const Folder folder;
    std::filesystem::create_directory(folder / "disk");
    const std::string path = folder / "disk/s";
    CHECK(zc::testkit::on_small_disk(folder / "disk", "size=1m", [&]() -> std::string {
              {
                  auto update = Update::begin(path, Update::Missing::create);
                  if (!update) return update.error().text();
                  if (!update->put({.key = octets("k"), .settings = {}}, octets("x")) ||
                      !update->commit(commit_time))
                      return "no store";
              }
              // Down to the last octet.
              const int fd = ::open((path + "-fill").c_str(), O_WRONLY | O_CREAT, 0600);
              const std::string block(4096, 'x');
              while (::write(fd, block.data(), block.size()) > 0) {
              }
              ::close(fd);
              if (std::string problem = differs(path, {{"k", "x"}}); !problem.empty())
                  return "full: " + problem;
              if (::mount(nullptr, (folder / "disk").c_str(), nullptr, MS_REMOUNT | MS_RDONLY,
                          nullptr) != 0)
                  return "cannot make it read-only";
              if (std::string problem = differs(path, {{"k", "x"}}); !problem.empty())
                  return "read-only: " + problem;
              return {};
          }).empty());
}

TEST_CASE("a store that is changed while it is read without locks is busy, not wrong") {
    const Folder folder;
    for (const char* const name : {"disk", "view"})
        std::filesystem::create_directory(folder / name);
    CHECK(zc::testkit::on_small_disk(folder / "disk", "size=4m", [&]() -> std::string {
              const auto change = [&](const char* image) {
                  auto update = Update::begin(folder / "disk/s", Update::Missing::create);
                  return update &&
                         update->put({.key = octets("k"), .settings = {}}, octets(image)) &&
                         update->commit(commit_time);
              };
              if (!change("first")) return "no store";
              if (::mount((folder / "disk").c_str(), (folder / "view").c_str(), nullptr, MS_BIND,
                          nullptr) != 0 ||
                  ::mount(nullptr, (folder / "view").c_str(), nullptr,
                          MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr) != 0)
                  return "no read-only view";
              auto snapshot = Snapshot::open(folder / "view/s");
              if (!snapshot) return snapshot.error().text();
              if (!change("second")) return "no change";
              const auto found = snapshot->find_or_null(octets("k"));
              if (found || found.error().code != Errc::busy) return "not busy";
              return differs(folder / "view/s", {{"k", "second"}});
          }).empty());
}

TEST_CASE("what killed processes left is removed, what others are making stays") {
    const Folder folder;
    store(folder / "s", {{"k", {.settings = {}, .image = "x"}}});
    for (const char* const left : {"s-new", "s-new-wal", "s-new-shm", "s-images.new"})
        write_file(folder / left, "left");
    std::filesystem::permissions(folder / "s-images.new", std::filesystem::perms(0440));
    clear_leftovers(folder / "s");
    CHECK(folder.files() == 1);

    Update update = begun(folder / "t");
    auto images = ImageFileWriter::begin(folder / "t");
    REQUIRE(images);
    CHECK(folder.files() == 3);
    clear_leftovers(folder / "t");
    CHECK(folder.files() == 3);
    committed(update);
    REQUIRE(images->finish({{1}, 1, 1}));
    CHECK(ImageFile::open(folder / "t"));
    CHECK(contents_of(folder / "t").empty());
}

TEST_CASE("an image file is written by nobody once it has its name") {
    const Folder folder;
    for (int round = 0; round < 2; ++round) {
        auto writer = ImageFileWriter::begin(folder / "s");
        REQUIRE(writer);
        REQUIRE(writer->finish({{1}, 1, 1}));
        CHECK(std::filesystem::status(folder / "s-images").permissions() ==
              std::filesystem::perms(0440));
    }
}

TEST_CASE("blocks of a mapped image file that a foreign hand changed are given up, others stay") {
    const Folder folder;
    auto writer = ImageFileWriter::begin(folder / "s");
    REQUIRE(writer);
    const std::string image(100'000, 'i');
    for (int i = 0; i < 50; ++i) REQUIRE(writer->add(octets(image)));
    REQUIRE(writer->finish({{1}, 1, 1}));
    auto file = ImageFile::open(folder / "s");
    REQUIRE(file);
    std::vector<Octets> images;  // as a catalogue has them
    file->for_each([&](Octets one) { images.push_back(one); });
    CHECK_FALSE(file->changed());
    CHECK(file->give_up_damaged_blocks() == 0);
    std::filesystem::permissions(folder / "s-images", std::filesystem::perms(0640));
    CHECK(file->changed());  // perhaps no more than that
    CHECK(file->give_up_damaged_blocks() == 0);
    CHECK_FALSE(file->changed());
    SUBCASE("overwritten") {
        std::string octets_there = read_file(folder / "s-images");
        octets_there[2'500'000] ^= 1;
        write_file(folder / "s-images", octets_there);  // in place
        CHECK(file->changed());
        CHECK(file->give_up_damaged_blocks() == 1);
    }
    SUBCASE("shorter") {
        std::filesystem::resize_file(folder / "s-images", 3'000'000);
        CHECK(file->changed());
        CHECK(file->give_up_damaged_blocks() == 3);  // that with the new end, and the two behind it
    }
    int readable = 0;
    for (const Octets one : images) {
        bool same = false;
        if (!zc::runtime::guarded([&] { same = std::ranges::equal(one, octets(image)); })) continue;
        CHECK(same);
        ++readable;
    }
    CHECK(readable < 50);
    CHECK(readable > 10);
}

TEST_CASE("a zone without an image keeps its id to itself") {
    const Folder folder;
    const std::string path = folder / "s";
    const auto change = [&](const std::string& key, const std::string& image) {
        auto update = Update::begin(path, Update::Missing::create);
        REQUIRE(update);
        REQUIRE(update->put({.key = octets(key), .settings = {}}, octets(image)));
        REQUIRE(update->commit({}));
    };
    change("a", "image of a");
    change("b", "");
    change("c", "image of c");
    change("d", "");
    // The log gives ids in the same row.
    {
        auto log = LogFile::open(path);
        REQUIRE(log);
        const std::string e = "e", f = "f", text_of_entry = "entry", head = "h";
        const FoldedZone folded[] = {{{.key = octets(e), .settings = {}}, octets(e), 5, false},
                                     {{.key = octets(f), .settings = {}}, {}, 5, false}};
        const LogEntry entry{5, 7, {}, octets(text_of_entry), {}};
        REQUIRE(log->append({{&entry, 1}, {}, octets(head), folded, 5}));
    }
    change("g", "image of g");
    auto snapshot = Snapshot::open(path);
    REQUIRE(snapshot);
    std::set<std::int64_t> ids;
    REQUIRE(
        snapshot->for_each({}, [&](const StoredZone& zone) { return ids.insert(zone.id).second; }));
    CHECK(ids == std::set<std::int64_t>{1, 2, 3, 4, 5, 6, 7});
    const auto problems =
        snapshot->check([](Octets, const std::string& problem) { MESSAGE(problem); });
    REQUIRE(problems);
    CHECK(*problems == 0);
}
