// The log of a store: appended, folded, read again; over power cuts, failing syncs and full disks.
#include "store/log_file.h"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "base/seed.h"
#include "sqlite/power_cut.h"
#include "testkit/folder.h"
#include "testkit/small_disk.h"

namespace {

using namespace zc::store;  // NOLINT(google-build-using-namespace): the package under test
using zc::Errc;
using zc::base::Octets;
using zc::base::Seed;
using zc::sqlite::PowerCut;
using zc::testkit::Folder;

Octets octets(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
std::string text(Octets octets) {
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

/// Zones by name; an entry "zone image" sets one, "zone" alone removes it.
using State = std::map<std::string, std::string>;

void apply(State& state, const std::string& entry) {
    const std::size_t blank = entry.find(' ');
    if (blank == std::string::npos)
        state.erase(entry);
    else
        state[entry.substr(0, blank)] = entry.substr(blank + 1);
}
std::string random_entry(Seed& seed) {
    const std::string zone = "zone" + std::to_string(seed.below(8));
    if (seed.below(5) == 0) return zone;
    return zone + ' ' + std::string(1 + seed.below(3000), static_cast<char>('a' + seed.below(26)));
}

void make_store(const std::string& path) {
    auto update = Update::begin(path, Update::Missing::create);
    REQUIRE(update);
    REQUIRE(update->put({.key = octets("zone0"), .settings = {}}, octets("first")));
    REQUIRE(update->commit({}));
}

/// Appends entries and folds behind them, as a node does, and knows what it was told to be durable.
class Appender {
public:
    explicit Appender(LogFile& log) : log_(log) { position_ = log.position().number; }

    /// One group of entries, and perhaps some folds of earlier ones.
    zc::Status step(Seed& seed) {
        std::vector<std::string> texts;
        for (std::uint64_t n = seed.below(4); n > 0; --n) texts.push_back(random_entry(seed));
        std::vector<LogEntry> entries;
        std::vector<LogRequest> requests;
        State next = state;
        std::map<std::string, std::uint64_t> touched = unfolded_;
        for (const std::string& entry : texts) {
            const std::uint64_t position = position_ + 1 + entries.size();
            entries.push_back({position, seed.next(), {}, octets(entry), octets("undo")});
            LogRequest request;
            request.id[0] = static_cast<std::uint8_t>(position);
            request.met = request.position = position;
            requests.push_back(request);
            apply(next, entry);
            touched[entry.substr(0, entry.find(' '))] = position;
        }
        // Folded zones are as the entries before this group left them.
        std::vector<FoldedZone> folded;
        std::map<std::string, std::uint64_t> left = touched;
        for (const auto& [zone, version] : unfolded_) {
            if (version > position_ || seed.below(2) == 0 || touched[zone] != version) continue;
            FoldedZone& one = folded.emplace_back();
            one.zone.key = octets(zone);
            one.version = version;
            const auto found = state.find(zone);
            one.is_removed = found == state.end();
            if (!one.is_removed) one.image = octets(found->second);
            left.erase(zone);
        }
        std::uint64_t folded_up_to = position_ + entries.size();
        for (const auto& [zone, version] : left)
            folded_up_to = std::min(folded_up_to, first_unfolded(zone, version) - 1);
        folded_up_to = std::max(folded_up_to, log_.folded_up_to());
        const std::string head = "head " + std::to_string(position_ + entries.size());
        tried = next;
        ZC_TRY_STATUS(log_.append({entries, requests, octets(head), folded, folded_up_to}));
        for (const auto& [zone, version] : touched) first_.try_emplace(zone, version);
        for (const FoldedZone& one : folded) first_.erase(text(one.zone.key));
        unfolded_ = left;
        position_ += entries.size();
        state = next;
        return {};
    }
    std::uint64_t position() const { return position_; }

    State state;  // as it was told to be durable
    State tried;  // … and after what was tried last

private:
    std::uint64_t first_unfolded(const std::string& zone, std::uint64_t version) const {
        const auto found = first_.find(zone);
        return found == first_.end() ? version : found->second;
    }
    LogFile& log_;
    std::uint64_t position_ = 0;
    std::map<std::string, std::uint64_t> unfolded_;  // zone → its last entry
    std::map<std::string, std::uint64_t> first_;     // zone → its first entry that is not folded
};

/// Rows, and the entries that are not in them: what a start makes of a store.
State read_state(const std::string& path) {
    State state;
    std::map<std::string, std::uint64_t> versions;
    {
        auto snapshot = Snapshot::open(path, Snapshot::Tail::known);
        REQUIRE_MESSAGE(snapshot, snapshot.error().text());
        REQUIRE(snapshot->for_each_image(
            [&](const StoredZone& zone, Octets image, Snapshot::Image good) {
                CHECK(good == Snapshot::Image::good);
                state[text(zone.key)] = text(image);
                versions[text(zone.key)] = zone.version;
                return true;
            }));
        const auto problems =
            snapshot->check([](Octets, const std::string& problem) { MESSAGE(problem); });
        REQUIRE(problems);
        CHECK(*problems == 0);
    }
    auto log = LogFile::open(path);
    REQUIRE(log);
    std::uint64_t before = 0;
    REQUIRE(log->read(0, [&](const LogEntry& one) {
        if (before != 0) CHECK(one.position == before + 1);  // no hole
        before = one.position;
        if (one.entry.empty()) return true;
        const std::string entry = text(one.entry);
        const std::string zone = entry.substr(0, entry.find(' '));
        if (one.position <= log->folded_up_to() || one.position <= versions[zone]) return true;
        apply(state, entry);
        return true;
    }));
    CHECK(before == log->position().number);
    std::uint64_t requests = 0;
    REQUIRE(log->read_requests([&](const LogRequest& one) { requests = one.met; }));
    if (requests != 0) {
        CHECK(requests == log->position().number);
        CHECK(text(log->head()) == "head " + std::to_string(log->position().number));
    }
    return state;
}

}  // namespace

TEST_CASE("what was appended is there after a restart, folded or not") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path);
    Seed seed(31);
    State state;
    {
        auto log = LogFile::open(path);
        REQUIRE(log);
        auto checkpoints = LogCheckpoints::open(path);
        REQUIRE(checkpoints);
        Appender appender(*log);
        appender.state["zone0"] = "first";
        for (int i = 0; i < 200; ++i) {
            REQUIRE(appender.step(seed));
            if (seed.below(10) == 0) REQUIRE(checkpoints->run());
        }
        state = appender.state;
        CHECK(appender.position() > 200);
    }
    CHECK(read_state(path) == state);
}

TEST_CASE("a power cut at any write or sync keeps all that was answered, and nothing half") {
    const Folder folder;
    Seed seed(32);
    int cuts_in_append = 0;
    for (std::uint64_t cut = 0; cut < 400; cut += 1 + seed.below(5)) {
        const std::string path = folder / ("s" + std::to_string(cut));
        make_store(path);
        State answered, tried;
        {
            PowerCut disk;
            disk.cut_after(cut);
            auto log = LogFile::open(path);
            if (log) {
                Appender appender(*log);
                appender.state["zone0"] = "first";
                auto checkpoints = LogCheckpoints::open(path);
                for (int i = 0; i < 60; ++i) {
                    if (!appender.step(seed)) {
                        ++cuts_in_append;
                        break;
                    }
                    appender.tried = appender.state;
                    if (checkpoints && seed.below(4) == 0) static_cast<void>(checkpoints->run());
                }
                answered = appender.state;
                tried = appender.tried;
            } else {
                answered = tried = {{"zone0", "first"}};
            }
            disk.heal();
            log = LogFile::open(folder / "none");  // lets go of the file
            REQUIRE(disk.restore(path, seed));
        }
        const State after = read_state(path);
        CHECK((after == answered || after == tried));
    }
    CHECK(cuts_in_append > 50);
}

TEST_CASE("after a sync that failed nothing more is done, and nothing is trusted from memory") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path);
    Seed seed(33);
    PowerCut disk;
    std::optional<LogFile> log;
    {
        auto opened = LogFile::open(path);
        REQUIRE(opened);
        log.emplace(*std::move(opened));
    }
    Appender appender(*log);
    appender.state["zone0"] = "first";
    for (int i = 0; i < 5; ++i) REQUIRE(appender.step(seed));
    const State answered = appender.state;
    disk.fail_syncs_after(0);
    zc::Status failed;
    while (failed) failed = appender.step(seed);
    CHECK(failed.error().code == Errc::io);
    const State tried = appender.tried;
    disk.heal();
    CHECK(log->append({{}, {}, octets("x"), {}, log->folded_up_to()}).error().code == Errc::io);
    CHECK(log->read(0, [](const LogEntry&) { return true; }).error().code == Errc::io);
    log.reset();
    REQUIRE(disk.restore(path, seed));
    const State after = read_state(path);
    CHECK((after == answered || after == tried));
}

TEST_CASE("a full disk refuses an append, and takes it when there is room again") {
    const Folder folder;
    CHECK(zc::testkit::on_small_disk(folder / ".", "size=1m", [&]() -> std::string {
              const std::string path = folder / "s";
              auto update = Update::begin(path, Update::Missing::create);
              if (!update || !update->commit({})) return "no store";
              auto log = LogFile::open(path);
              if (!log) return log.error().text();
              zc::testkit::write_file(folder / "other", std::string(500'000, 'o'));
              const std::string much(200'000, 'm');
              std::uint64_t position = log->position().number;
              const auto append = [&](const std::string& entry) {
                  const LogEntry one{position + 1, 7, {}, octets(entry), {}};
                  auto status = log->append({{&one, 1}, {}, octets("h"), {}, log->folded_up_to()});
                  if (status) ++position;
                  return status;
              };
              zc::Status status;
              for (int i = 0; i < 20 && status; ++i) status = append(much);
              if (status || status.error().code != Errc::full) return "was not full";
              if (log->position().number != position) return "moved by what was refused";
              // Nothing is lost: all entries but the refused one are there.
              std::uint64_t entries = 0;
              if (!log->read(1, [&](const LogEntry&) { return ++entries > 0; })) return "no read";
              if (entries + 1 != position) return "lost entries";
              std::filesystem::remove(folder / "other");
              if (const auto again = append(much); !again) return again.error().text();
              if (log->position().number != position) return "did not move when there was room";
              return {};
          }) == "");
}

TEST_CASE("one node has a store; an import beside it is seen as a conflict, and taken over") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path);
    auto log = LogFile::open(path);
    REQUIRE(log);
    CHECK(LogFile::open(path).error().code == Errc::busy);
    {
        auto update = Update::begin(path, Update::Missing::error);
        REQUIRE(update);
        REQUIRE(update->put({.key = octets("zone1"), .settings = {}}, octets("imported")));
        REQUIRE(update->commit({}));
    }
    const LogEntry one{2, 7, {}, octets("zone1"), {}};
    const LogAppend append{{&one, 1}, {}, octets("h"), {}, 2};
    CHECK(log->append(append).error().code == Errc::conflict);
    REQUIRE(log->refresh());
    CHECK(log->position().number == 2);
    CHECK(log->folded_up_to() == 2);
    const LogEntry next{3, 8, {}, octets("zone1"), {}};
    REQUIRE(log->append({{&next, 1}, {}, octets("h"), {}, 2}));
    // A reader that does not know the log is refused: its zones would be old.
    CHECK(Snapshot::open(path).error().code == Errc::conflict);
    CHECK(Update::begin(path, Update::Missing::error).error().code == Errc::conflict);
    CHECK(Snapshot::open(path, Snapshot::Tail::known));
    const FoldedZone folded{{.key = octets("zone1"), .settings = {}}, {}, 3, true};
    REQUIRE(log->append({{}, {}, octets("h"), {&folded, 1}, 3}));
    const auto snapshot = Snapshot::open(path);
    REQUIRE(snapshot);
    CHECK(snapshot->position().number == 3);
    const auto changed = const_cast<Snapshot&>(*snapshot).changed_since(snapshot->position());
    REQUIRE(changed);
    REQUIRE(*changed);
    CHECK((*changed)->empty());
}

TEST_CASE("opening the log raises a store of an older format, and changes nothing else in it") {
    const Folder folder;
    for (const std::string format : {"1", "2"}) {
        CAPTURE(format);
        const std::string path = folder / ("s" + format);
        std::filesystem::copy_file(ZC_TESTDATA_DIR "/store/format" + format + ".db", path);
        const auto look = [&](std::int64_t wanted) {
            auto snapshot = Snapshot::open(path);
            REQUIRE(snapshot);
            CHECK(snapshot->format() == wanted);
            State state;
            REQUIRE(snapshot->for_each_image([&](const StoredZone& zone, Octets image, auto good) {
                CHECK(good == Snapshot::Image::good);
                state[text(zone.key)] = text(zone.settings) + text(image);
                return true;
            }));
            return std::pair(snapshot->position(), state);
        };
        const auto before = look(format == "1" ? 1 : 2);
        {
            const auto log = LogFile::open(path);
            REQUIRE(log);
            CHECK(log->position() == before.first);
            CHECK(log->folded_up_to() == before.first.number);
            CHECK(log->head().empty());
        }
        CHECK(look(format_version) == before);
        // Entries follow as in any store.
        auto log = LogFile::open(path);
        REQUIRE(log);
        const std::uint64_t next = before.first.number + 1;
        const LogEntry one{next, 7, {}, octets("zone x"), {}};
        REQUIRE(log->append({{&one, 1}, {}, octets("h"), {}, next - 1}));
        CHECK(log->position().number == next);
    }
}

TEST_CASE("entries are read in the state of a snapshot, and their zones looked up meanwhile") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path);
    auto log = LogFile::open(path);
    REQUIRE(log);
    const auto append = [&](std::uint64_t position, const std::string& entry) {
        const LogEntry one{position, position * 10, {}, octets(entry), octets("undo")};
        REQUIRE(log->append({{&one, 1}, {}, octets("h"), {}, 1}));
    };
    append(2, "zone0 two");
    append(3, "zone1 three");
    auto snapshot = Snapshot::open(path, Snapshot::Tail::known);
    REQUIRE(snapshot);
    append(4, "zone0 four");
    CHECK(snapshot->folded_up_to() == 1);
    std::vector<std::string> read;
    const auto read_after = [&](std::uint64_t after, std::size_t most) {
        read.clear();
        REQUIRE(snapshot->for_each_entry(after, [&](const LogEntry& one) {
            CHECK(one.value != 0);
            const auto found = snapshot->find_or_null(octets("zone0"));
            REQUIRE(found);
            CHECK(text(snapshot->image(**found).value()) == "first");
            read.push_back(std::to_string(one.position) + ' ' + text(one.entry) + ' ' +
                           text(one.undo));
            return read.size() < most;
        }));
        return read;
    };
    using Read = std::vector<std::string>;
    CHECK(read_after(1, 9) == Read{"2 zone0 two undo", "3 zone1 three undo"});
    CHECK(read_after(0, 2) == Read{"1  ", "2 zone0 two undo"});
    CHECK(read_after(2, 9) == Read{"3 zone1 three undo"});
    CHECK(read_after(3, 9).empty());
}

TEST_CASE("an import brings the log into rows in its own transaction, and a node finds that out") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path);
    std::optional<LogFile> log;
    {
        auto opened = LogFile::open(path);
        REQUIRE(opened);
        log.emplace(*std::move(opened));
    }
    for (const std::string entry : {"zone0", "zone1 made"}) {
        const std::uint64_t position = log->position().number + 1;
        const LogEntry one{position, position, {}, octets(entry), {}};
        REQUIRE(log->append({{&one, 1}, {}, octets("h"), {}, 1}));
    }
    const Position before = log->position();
    const auto begin = [&] {
        auto update = Update::begin(path, Update::Missing::error, Update::wait_initial,
                                    Snapshot::Tail::known);
        REQUIRE(update);
        CHECK(update->is_behind_log());
        const std::vector<FoldedZone> folded = {
            {{.key = octets("zone0"), .settings = {}}, {}, 2, true},
            {{.key = octets("zone1"), .source = 5, .settings = {}}, octets("made"), 3, false}};
        REQUIRE(update->fold(folded));
        CHECK_FALSE(update->is_behind_log());
        CHECK(update->counts().differing() == 0);
        return *std::move(update);
    };
    SUBCASE("something else changes") {
        {
            Update update = begin();
            REQUIRE(update.put({.key = octets("zone2"), .settings = {}}, octets("imported")));
            CHECK(update.commit({})->number == 4);
            CHECK(update.counts().added == 1);
            CHECK(update.counts().differing() == 1);
        }
        auto snapshot = Snapshot::open(path);
        REQUIRE(snapshot);
        CHECK((*snapshot->find_or_null(octets("zone1")))->version == 3);
        const auto changed = snapshot->changed_since({before.store, 2, 2});
        REQUIRE(changed);
        REQUIRE(*changed);
        CHECK(**changed == std::vector<ChangedZone>{{"zone1", false}, {"zone2", false}});
        const LogEntry next{4, 8, {}, octets("zone1"), {}};
        const LogAppend append{{&next, 1}, {}, octets("h"), {}, 1};
        CHECK(log->append(append).error().code == Errc::conflict);
        REQUIRE(log->refresh());
        CHECK(log->position().number == 4);
        CHECK(log->folded_up_to() == 4);
        log.reset();
        CHECK(read_state(path) == State{{"zone1", "made"}, {"zone2", "imported"}});
    }
    SUBCASE("nothing else does: the rows are left to the node, which could not know") {
        {
            Update update = begin();
            REQUIRE(
                update.put({.key = octets("zone1"), .source = 6, .settings = {}}, octets("made")));
            CHECK(update.counts().unchanged == 1);
            CHECK(update.commit({}) == before);
        }
        const FoldedZone gone{{.key = octets("zone0"), .settings = {}}, {}, 2, true};
        REQUIRE(log->append({{}, {}, octets("h"), {&gone, 1}, 2}));
        log.reset();
        CHECK(read_state(path) == State{{"zone1", "made"}});
    }
}

TEST_CASE("requests and old entries go when they are told to, and no entry that is not folded") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path);
    auto log = LogFile::open(path);
    REQUIRE(log);
    for (std::uint64_t position = 2; position <= 11; ++position) {
        const LogEntry one{position, position, {}, octets("zone1 x"), octets("u")};
        LogRequest request;
        request.met = position;
        REQUIRE(log->append({{&one, 1}, {&request, 1}, octets("h"), {}, position > 6 ? 5U : 1U}));
    }
    CHECK(log->octets() == 80);
    REQUIRE(log->forget_requests(8));
    std::vector<std::uint64_t> met;
    REQUIRE(log->read_requests([&](const LogRequest& one) { met.push_back(one.met); }));
    CHECK(met == std::vector<std::uint64_t>{9, 10, 11});
    REQUIRE(log->trim(11));
    std::vector<std::uint64_t> kept;
    REQUIRE(log->read(0, [&](const LogEntry& one) {
        if (!one.entry.empty()) kept.push_back(one.position);
        return true;
    }));
    CHECK(kept == std::vector<std::uint64_t>{6, 7, 8, 9, 10, 11});
}

TEST_CASE(
    "single entries are read beside a log, and the last version of a zone, also when it is gone") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path);
    CHECK(LogReader::open(folder / "none").error().code == Errc::not_found);
    auto log = LogFile::open(path);
    REQUIRE(log);
    auto reader = LogReader::open(path);
    REQUIRE_MESSAGE(reader, reader.error().text());
    const std::vector<LogEntry> entries = {
        {2, 7, zc::base::Instant{5'000'000}, octets("zone1 x"), octets("u")},
        {3, 8, {}, octets("zone0"), {}}};
    REQUIRE(log->append({entries, {}, octets("h"), {}, 1}));
    const auto found = reader->find(2);
    REQUIRE(found);
    REQUIRE(*found);
    CHECK((*found)->value == 7);
    CHECK((*found)->at == zc::base::Instant{5'000'000});
    CHECK(text((*found)->entry) == "zone1 x");
    CHECK(text((*found)->undo) == "u");
    CHECK_FALSE(reader->find(4)->has_value());
    CHECK(reader->find(1)->value().entry.empty());  // the commit that made the store
    CHECK(*reader->last_position() == 3);
    CHECK(*reader->folded_up_to() == 1);
    CHECK(*reader->last_version(octets("zone0")) == 1);
    CHECK(*reader->last_version(octets("zone1")) == 0);
    const std::vector<FoldedZone> folded = {
        {{.key = octets("zone1"), .settings = {}}, octets("x"), 2, false},
        {{.key = octets("zone0"), .settings = {}}, {}, 3, true}};
    REQUIRE(log->append({{}, {}, octets("h"), folded, 3}));
    CHECK(*reader->folded_up_to() == 3);
    CHECK(*reader->last_version(octets("zone0")) == 3);
    CHECK(*reader->last_version(octets("zone1")) == 2);
    REQUIRE(log->trim(2));
    CHECK(reader->find(2)->value().entry.empty());
}
