// Commands over a real store: answered, served, refused, tried out, and taken back.
#include "edit/changes.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "dns/presentation.h"
#include "edit/history.h"
#include "settings/settings.h"
#include "store/store.h"
#include "testkit/folder.h"
#include "writer/test_crew.h"
#include "zone/zone.h"

namespace {

using namespace zc;
using namespace zc::edit;  // NOLINT(google-build-using-namespace): the package under test
using testkit::Folder;

/// A node's writer over a new store.
struct Node {
    explicit Node(const std::string& store_path) : path(store_path) {
        auto update = store::Update::begin(path, store::Update::Missing::create);
        REQUIRE(update);
        REQUIRE(update->commit({}));
        open();
    }
    void open() {
        writer::Options options;
        options.path = path;
        options.now = [this] { return clock; };
        options.random = [this] { return random.next(); };
        auto opened = writer::Writer::open(std::move(options), crew, publisher);
        REQUIRE_MESSAGE(opened, opened.error().text());
        writer = *std::move(opened);
    }
    ~Node() { crew.forget(); }

    Answered ask(const std::string& body, bool each = false, bool dry_run = false) {
        Asked asked;
        asked.body = body;
        asked.each = each;
        asked.source = "body";
        asked.asker = {"somebody", "here", clock, dry_run};
        std::optional<Answered> answer;
        handle_changes(asked, past, *writer, [&](Answered got) { answer = std::move(got); });
        while (!answer) REQUIRE(crew.step());
        return *answer;
    }
    /// All lines in one entry.
    void ask_together(const std::string& body) {
        writer->pause();
        std::optional<Answered> answer;
        Asked asked;
        asked.body = body;
        asked.each = true;
        handle_changes(asked, past, *writer, [&](Answered got) { answer = std::move(got); });
        crew.run_until_idle();
        writer->resume();
        while (!answer) REQUIRE(crew.step());
        CAPTURE(answer->body);
        CHECK(answer->body.find("errors") == std::string::npos);
    }
    term::Json json(const std::string& body, bool dry_run = false) {
        auto parsed = term::parse_json(ask(body, false, dry_run).body);
        REQUIRE(parsed);
        return *std::move(parsed);
    }
    /// The lines of an answer for people, joined.
    std::string say(const std::string& body, bool dry_run = false) {
        std::string out;
        for (const std::string& line : lines_of(json(body, dry_run)))
            out += (out.empty() ? "" : " | ") + line;
        return out;
    }
    std::string zone(const std::string& apex) {
        const auto found = publisher.served.find(apex);
        if (found == publisher.served.end()) return "none";
        std::string out;
        zone::for_each_record(zone::Zone(found->second.image->octets().data()),
                              [&](const dns::RecordView& record) {
                                  std::string line;
                                  dns::append_record_text(line, record);
                                  for (char& c : line)
                                      if (c == '\t') c = ' ';
                                  out += line;
                              });
        return out;
    }
    settings::ZoneSettings settings(const std::string& apex) {
        settings::ZoneSettings out;
        REQUIRE(settings::decode(publisher.served.at(apex).settings_octets(), out));
        return out;
    }

    std::string path;
    writer::test::TestCrew crew{1};
    writer::test::TestPublisher publisher;
    base::Seed random{1};
    base::Instant clock{1'700'000'000'000'000'000};
    std::unique_ptr<writer::Writer> writer;
    Past past = past_of_store(path);
};

}  // namespace

TEST_CASE("a zone is made with SOA and NS records, changed, and removed") {
    const Folder folder;
    Node node(folder / "s");
    CHECK(node.say("zone create A.example --ns ns1.b.example --ns ns2.b.example") ==
          "a.example. serial 1, version 2");
    CHECK(node.zone("a.example.") ==
          "a.example. 3600 IN SOA ns1.b.example. hostmaster.a.example. 1 10800 3600 604800 3600\n"
          "a.example. 3600 IN NS ns1.b.example.\n"
          "a.example. 3600 IN NS ns2.b.example.\n");
    CHECK(node.say("record add a.example www A 192.0.2.1") ==
          "a.example. serial 1 -> 2, version 3");
    // The TTL is that of the set which is there.
    CHECK(node.say("record set a.example www A 60 192.0.2.1 192.0.2.2") ==
          "a.example. serial 2 -> 3, version 4");
    CHECK(node.say("record add a.example www A 192.0.2.3\nrecord rm a.example www A 192.0.2.1") ==
          "a.example. serial 3 -> 4, version 5");
    CHECK(node.zone("a.example.")
              .find("www.a.example. 60 IN A 192.0.2.2\n"
                    "www.a.example. 60 IN A 192.0.2.3\n") != std::string::npos);
    CHECK(node.say("record rm a.example www A") == "a.example. serial 4 -> 5, version 6");
    CHECK(node.zone("a.example.").find("www") == std::string::npos);
    CHECK(node.say("zone delete a.example") == "a.example. removed");
    CHECK(node.zone("a.example.") == "none");
    CHECK(node.say("zone create b.example") == "b.example. serial 1, version 8");
    CHECK(node.zone("b.example.").starts_with("b.example. 3600 IN SOA b.example. hostmaster.b"));
}

TEST_CASE("a change that makes no difference has no serial and no version") {
    const Folder folder;
    Node node(folder / "s");
    node.ask("zone create a.example\nrecord add a.example www A 192.0.2.1");
    for (const std::string line :
         {"record add a.example www A 192.0.2.1", "record rm a.example mail",
          "record rm a.example www A 192.0.2.9", "record rm a.example www TXT",
          "record set a.example WWW A 3600 192.0.2.1", "meta rm a.example X",
          "comment rm a.example www A", "zone set a.example account", "zone revert a.example 2",
          "record add a.example x A 192.0.2.1\nrecord rm a.example x A"}) {
        const std::string whole = line == "record rm a.example mail" ? line + " MX" : line;
        CAPTURE(whole);
        const term::Json answer = node.json(whole);
        CHECK(answer["outcome"].text() == "unchanged");
        CHECK(lines_of(answer) == std::vector<std::string>{"a.example. unchanged"});
        CHECK(answer["zones"].elements()[0]["serial"].integer() == 1);
        CHECK(answer["zones"].elements()[0]["version"].integer() == 2);
    }
    CHECK(node.say("# nothing") == "unchanged");
}

TEST_CASE("many commands are one request: all of them or none, later ones see earlier ones") {
    const Folder folder;
    Node node(folder / "s");
    CHECK(node.say("zone create a.example\nzone create b.example\n"
                   "record add a.example www A 60 192.0.2.1\nrecord add a.example www A 192.0.2.2\n"
                   "zone create c.example\nzone delete c.example") ==
          "a.example. serial 1, version 2 | b.example. serial 1, version 2");
    CHECK(node.zone("a.example.").find("www.a.example. 60 IN A 192.0.2.2") != std::string::npos);
    const std::string before = node.zone("a.example.");
    CHECK(node.say("record add a.example x A 192.0.2.1\nrecord add no.example x A 192.0.2.1") ==
          "body:2: not found: there is no zone no.example.");
    CHECK(node.zone("a.example.") == before);
    // The serial goes on for those who have the zone already.
    CHECK(node.say("zone delete a.example\nzone create a.example --ns ns.b.example") ==
          "a.example. serial 1 -> 2, version 3");
    CHECK(node.zone("a.example.").find("www") == std::string::npos);
}

TEST_CASE("a refused change tells its line, the record and what was wanted") {
    const Folder folder;
    Node node(folder / "s");
    node.ask(
        "zone create example --ns ns.b.test\nzone create a.example\n"
        "record add a.example www A 192.0.2.1");
    struct Case {
        std::string body, said;
        unsigned status;
    };
    for (const Case& one : std::vector<Case>{
             {"zone create a.example", "body:1: exists: zone a.example. is there already", 409},
             {"record add www.a.example @ A 192.0.2.1",
              "body:1: not found: there is no zone www.a.example.; did you mean a.example.?", 404},
             {"zone delete x.y.example",
              "body:1: not found: there is no zone x.y.example.; did you mean example.?", 404},
             {"zone delete other", "body:1: not found: there is no zone other.", 404},
             {"meta set a.example X y\n\nrecord add a.example www CNAME b.test.",
              "body:3: invalid: www.a.example. has CNAME and A", 422},
             {"record add a.example m A 192.0.2.1\nrecord rm a.example @ SOA",
              "body:2: invalid: a.example. has no SOA record", 422},
             {"frob\nrecord add a.example www A x", "body:1: malformed: found 'frob'", 422},
             {"zone revert a.example 77", "body:1: invalid: zone a.example. has no version 77",
              422},
             {"record add a.example x A 192.0.2.1\nzone revert a.example 2",
              "body:2: unsupported: zone a.example. is changed before its revert", 422}}) {
        CAPTURE(one.body);
        const Answered answer = node.ask(one.body);
        CHECK(answer.status == one.status);
        const auto json = term::parse_json(answer.body);
        REQUIRE(json);
        CHECK((*json)["outcome"].text() == "refused");
        CAPTURE(lines_of(*json)[0]);
        CHECK(lines_of(*json)[0].starts_with(one.said));
    }
    // All lines that are no commands are told at once.
    CHECK(node.json("frob\nzone delete a.example\n'")["errors"].elements().size() == 2);
}

TEST_CASE("with each, every line has its answer in order, and others go on") {
    const Folder folder;
    Node node(folder / "s");
    const Answered answer = node.ask(
        "zone create a.example\n# none\nfrob\nrecord add a.example www A 192.0.2.1\n"
        "record add no.example www A 192.0.2.1\nrecord add a.example www A 192.0.2.1\n",
        true);
    CHECK(answer.status == 200);
    std::vector<std::string> outcomes;
    std::string body = answer.body;
    while (!body.empty()) {
        const std::string line = body.substr(0, body.find('\n'));
        body.erase(0, line.size() + 1);
        const auto json = term::parse_json(line);
        REQUIRE(json);
        outcomes.push_back(std::to_string((*json)["line"].integer()) + ' ' +
                           std::string((*json)["outcome"].text()));
    }
    CHECK(outcomes == std::vector<std::string>{"1 applied", "3 refused", "4 applied", "5 refused",
                                               "6 unchanged"});
    CHECK(node.ask("", true).body.empty());
}

TEST_CASE("a request that never came to the writer has an answer of the same form") {
    const Answered answer = answer_of({Errc::busy, "the node is still loading", {}});
    CHECK(answer.status == 503);
    CHECK(answer.body ==
          R"({"outcome":"failed","errors":[{"kind":"busy","message":"the node is still loading"}]})"
          "\n");
    CHECK(answer_of({Errc::conflict, "another store", {}}).status == 409);
}

TEST_CASE("a dry run tells what would be, and changes nothing") {
    const Folder folder;
    Node node(folder / "s");
    node.ask("zone create a.example");
    const std::string before = node.zone("a.example.");
    CHECK(node.say("record add a.example www A 192.0.2.1", true) ==
          "a.example. would have serial 1 -> 2");
    CHECK(node.say("zone delete a.example", true) == "a.example. would be removed");
    CHECK(node.say("zone create b.example", true) == "b.example. would have serial 1");
    CHECK(node.say("record rm a.example www A", true) == "a.example. unchanged");
    CHECK(node.json("record rm a.example @ SOA", true)["outcome"].text() == "refused");
    const term::Json answer = node.json("record add a.example www A 192.0.2.1", true);
    CHECK(answer["outcome"].text() == "would apply");
    CHECK(answer["position"].is_null());
    CHECK(node.zone("a.example.") == before);
    CHECK(node.zone("b.example.") == "none");
    CHECK(node.writer->figures().position == 2);
}

TEST_CASE("settings, metadata and comments are changed, and the serial stays") {
    const Folder folder;
    Node node(folder / "s");
    node.ask("zone create a.example");
    const auto unchanged_serial = [&](const std::string& line) {
        CAPTURE(line);
        const term::Json answer = node.json(line);
        CHECK(answer["outcome"].text() == "applied");
        CHECK(answer["zones"].elements()[0]["serial_before"].integer() ==
              answer["zones"].elements()[0]["serial"].integer());
    };
    for (const std::string line :
         {"zone set a.example kind secondary\nzone set a.example primaries 192.0.2.1",
          "zone set a.example account me", "meta set a.example X a b", "meta add a.example X c",
          "meta rm a.example X a", "comment set a.example www A 'a text'"})
        unchanged_serial(line);
    const settings::ZoneSettings zone = node.settings("a.example.");
    CHECK(zone.kind == settings::Kind::secondary);
    CHECK(zone.masters == std::vector<std::string>{"192.0.2.1"});
    CHECK(zone.account == "me");
    CHECK(zone.metadata == std::vector<settings::Metadata>{{"X", "b"}, {"X", "c"}});
    CHECK(zone.comments == std::vector<settings::Comment>{
                               {"www.a.example", "A", "somebody", "a text", 1'700'000'000}});
    // The time of a comment alone is no change.
    node.clock = node.clock + base::Duration::seconds(60);
    CHECK(node.json("comment set a.example www A 'a text'")["outcome"].text() == "unchanged");
    unchanged_serial("meta rm a.example X\ncomment rm a.example www A");
    CHECK(node.settings("a.example.").metadata.empty());
    CHECK(node.settings("a.example.").comments.empty());
}

TEST_CASE("records of a zone that comes signed are not changed by hand") {
    const Folder folder;
    Node node(folder / "s");
    node.ask("zone create a.example");
    // The signature itself does not matter here.
    zone::ChangeMaker maker;
    const dns::Name apex = *dns::Name::parse("a.example");
    maker.begin(apex, zone::Change::Kind::patch);
    dns::Rdata rdata;
    REQUIRE(dns::parse_rdata("SOA 13 2 3600 20300101000000 20200101000000 1 a.example. AAAA",
                             dns::RrType::rrsig, apex, rdata));
    const base::Octets octets(rdata);
    REQUIRE(maker.set(apex, dns::RrType::rrsig, 3600, {&octets, 1}, dns::RrType::soa));
    auto change = maker.make();
    REQUIRE(change);
    writer::Request request;
    request.zones = {apex};
    request.make = [&](const std::vector<writer::ZoneView>&) {
        return Result<std::vector<writer::ZoneChange>>(
            std::vector<writer::ZoneChange>{{apex, *change}});
    };
    bool answered = false;
    node.writer->submit(request, [&](const Result<writer::Receipt>& got) {
        REQUIRE(got);
        answered = true;
    });
    while (!answered) REQUIRE(node.crew.step());
    CHECK(node.say("record add a.example www A 192.0.2.1").find("comes signed") !=
          std::string::npos);
    CHECK(node.json("meta set a.example X y")["outcome"].text() == "applied");
    CHECK(node.json("zone revert a.example 2")["outcome"].text() == "applied");
}

TEST_CASE("a revert goes forward to what a version was, settings too, folded or not") {
    const Folder folder;
    for (const bool folds : {false, true}) {
        Node node(folder / (folds ? "folded" : "not"));
        node.ask("zone create a.example");                                           // 2
        node.ask("record add a.example www A 192.0.2.1\nmeta set a.example X one");  // 3
        const std::string second = node.zone("a.example.");
        node.ask("record set a.example www A 60 192.0.2.9\nrecord add a.example x A 192.0.2.1");
        node.ask(
            "record rm a.example www A\nmeta set a.example X two\n"
            "zone set a.example account me");  // 5
        if (folds) node.crew.run_until_idle();
        CHECK(node.say("zone revert a.example 3") == "a.example. serial 4 -> 5, version 6");
        std::string wanted = second;
        wanted.replace(wanted.find(" 2 10800"), 8, " 5 10800");
        CHECK(node.zone("a.example.") == wanted);
        CHECK(node.settings("a.example.").metadata ==
              std::vector<settings::Metadata>{{"X", "one"}});
        CHECK(node.settings("a.example.").account.empty());
        // A revert can be reverted.
        CHECK(node.say("zone revert a.example 5") == "a.example. serial 5 -> 6, version 7");
        CHECK(node.settings("a.example.").account == "me");
        CHECK(node.zone("a.example.").find("www") == std::string::npos);
    }
}

TEST_CASE("a zone that was removed comes back by a revert, folded or not") {
    const Folder folder;
    for (const bool folds : {false, true}) {
        Node node(folder / (folds ? "folded" : "not"));
        node.ask("zone create a.example");
        node.ask("record add a.example www A 192.0.2.1\nzone set a.example account me");
        node.ask("zone delete a.example");
        if (folds) node.crew.run_until_idle();
        CHECK(node.say("zone revert a.example 3") == "a.example. serial 3, version 5");
        CHECK(node.zone("a.example.").find("www.a.example. 3600 IN A 192.0.2.1") !=
              std::string::npos);
        CHECK(node.settings("a.example.").account == "me");
        CHECK(node.say("zone revert other.example 3").find("there is no zone") !=
              std::string::npos);
    }
}

TEST_CASE("history tells who changed what, newest first, also of a zone that is gone") {
    const Folder folder;
    for (const bool folds : {false, true}) {
        Node node(folder / (folds ? "folded" : "not"));
        node.ask("zone create a.example --ns ns.b.example");
        node.ask("record add a.example www A 192.0.2.1 192.0.2.2\nmeta set a.example X y");
        node.ask("zone create other.example");
        node.ask("record set a.example www A 192.0.2.2 192.0.2.3");
        node.ask(
            "record set a.example @ SOA "
            "'ns.b.example. me.a.example. 77 10800 3600 604800 3600'");
        node.ask("zone set a.example account me");
        node.ask("zone delete a.example");
        if (folds) node.crew.run_until_idle();
        auto log = store::LogReader::open(node.path);
        REQUIRE(log);
        const dns::Name apex = *dns::Name::parse("a.example");
        const auto history = history_of(*log, apex, 100);
        REQUIRE_MESSAGE(history, history.error().text());
        CHECK(history->oldest == 0);
        std::string lines;
        for (const HistoryItem& item : history->items)
            for (const std::string& line : lines_of(item, 3)) lines += line + '\n';
        std::replace(lines.begin(), lines.end(), '\t', ' ');
        CHECK(lines == R"(version 8  2023-11-14T22:13:20Z  removed, by somebody from here
  - a.example. 3600 IN NS ns.b.example.
  - a.example. 3600 IN SOA ns.b.example. me.a.example. 77 10800 3600 604800 3600
  - www.a.example. 3600 IN A 192.0.2.2
  and 1 more records
version 7  2023-11-14T22:13:20Z  changed, by somebody from here
  ~ account
version 6  2023-11-14T22:13:20Z  changed, serial 3 -> 77, by somebody from here
  - a.example. 3600 IN SOA ns.b.example. hostmaster.a.example. 3 10800 3600 604800 3600
  + a.example. 3600 IN SOA ns.b.example. me.a.example. 77 10800 3600 604800 3600
version 5  2023-11-14T22:13:20Z  changed, serial 2 -> 3, by somebody from here
  - www.a.example. 3600 IN A 192.0.2.1
  + www.a.example. 3600 IN A 192.0.2.3
version 3  2023-11-14T22:13:20Z  changed, serial 1 -> 2, by somebody from here
  ~ metadata X
  + www.a.example. 3600 IN A 192.0.2.1
  + www.a.example. 3600 IN A 192.0.2.2
version 2  2023-11-14T22:13:20Z  made, serial 1, by somebody from here
  + a.example. 3600 IN NS ns.b.example.
  + a.example. 3600 IN SOA ns.b.example. hostmaster.a.example. 1 10800 3600 604800 3600
)");
        CHECK(history_of(*log, apex, 1)->items.size() == 1);
        CHECK(history_of(*log, apex, 1)->oldest == 7);
        CHECK(history_of(*log, *dns::Name::parse("no.example"), 1).error().code == Errc::not_found);
        CHECK(json_of(history->items[3]).serialize() ==
              R"({"version":5,"at":"2023-11-14T22:13:20.000000Z","who":"somebody","where":"here",)"
              R"("kind":"changed","serial_before":2,"serial":3,)"
              R"("removed":["www.a.example. 3600 IN A 192.0.2.1"],)"
              R"("added":["www.a.example. 3600 IN A 192.0.2.3"],"settings":[]})");
    }
}

TEST_CASE("changes that wait together have one entry, and each its own place in the history") {
    const Folder folder;
    Node node(folder / "s");
    node.ask("zone create a.example\nzone create a.b.example");
    node.ask_together("record add a.example a A 192.0.2.1\nrecord add a.example b A 192.0.2.1");
    node.ask_together(
        "zone delete a.example\nzone create a.example\nrecord add a.example c A 192.0.2.1");
    auto log = store::LogReader::open(node.path);
    REQUIRE(log);
    const dns::Name apex = *dns::Name::parse("a.example");
    const auto history = history_of(*log, apex, 100);
    REQUIRE(history);
    std::vector<std::string> kinds;
    for (const HistoryItem& item : history->items) {
        const char* const kind[] = {"made", "changed", "removed"};
        kinds.emplace_back(kind[static_cast<std::size_t>(item.kind)]);
    }
    CHECK(kinds ==
          std::vector<std::string>{"changed", "made", "removed", "changed", "changed", "made"});
    // Through the removal that one entry has beside the making.
    const std::uint64_t before = history->items[3].version;
    CHECK(node.json("zone revert a.example " + std::to_string(before))["outcome"].text() ==
          "applied");
    CHECK(node.zone("a.example.").find("b.a.example.") != std::string::npos);
    CHECK(node.zone("a.example.").find("c.a.example.") == std::string::npos);
}

TEST_CASE("who and where are cut to what an entry can hold") {
    const Folder folder;
    Node node(folder / "s");
    Asked asked;
    asked.body = "zone create a.example";
    asked.asker = {std::string(1000, 'w'), std::string(1000, 'h'), node.clock};
    bool answered = false;
    handle_changes(asked, node.past, *node.writer, [&](const Answered& got) {
        CHECK(got.status == 200);
        answered = true;
    });
    while (!answered) REQUIRE(node.crew.step());
}

namespace {

/// Addresses by owner, with their TTL, and the account: what the commands of a model can change.
struct Model {
    struct Set {
        unsigned ttl = 0;
        std::set<unsigned> addresses;
        bool operator==(const Set&) const = default;
    };
    std::map<std::string, Set> sets;
    std::string account;
    bool operator==(const Model&) const = default;

    std::string text() const {
        std::string out;
        for (const auto& [owner, set] : sets)
            for (const unsigned address : set.addresses)
                out += owner + ".a.example. " + std::to_string(set.ttl) + " IN A 192.0.2." +
                       std::to_string(address) + '\n';
        return out;
    }
};

/// A random command, which it does to the model too.
std::string random_command(base::Seed& seed, Model& model) {
    if (seed.below(8) == 0) {
        model.account = std::string(1, static_cast<char>('a' + seed.below(3)));
        return "zone set a.example account " + model.account;
    }
    const std::string owner = "w" + std::to_string(seed.below(4));
    const std::uint64_t verb = seed.below(3);
    std::set<unsigned> addresses;
    for (std::uint64_t n = seed.below(3) + (verb == 2 ? 0 : 1); n > 0; --n)
        addresses.insert(static_cast<unsigned>(1 + seed.below(5)));
    std::string line = std::array{"record add", "record set", "record rm"}[verb];
    line += " a.example " + owner + " A";
    Model::Set set = model.sets[owner];
    if (set.addresses.empty()) set.ttl = 3600;
    if (verb != 2 && seed.below(3) == 0) {
        set.ttl = static_cast<unsigned>(60 * (1 + seed.below(3)));
        line += ' ' + std::to_string(set.ttl);
    }
    if (verb == 1 || (verb == 2 && addresses.empty())) set.addresses.clear();
    for (const unsigned address : addresses) {
        line += " 192.0.2." + std::to_string(address);
        if (verb == 2)
            set.addresses.erase(address);
        else
            set.addresses.insert(address);
    }
    model.sets.erase(owner);
    if (!set.addresses.empty()) model.sets[owner] = set;
    return line;
}

std::string without_apex(const std::string& zone) {
    std::string out;
    for (std::size_t at = 0; at < zone.size();) {
        const std::string line = zone.substr(at, zone.find('\n', at) + 1 - at);
        if (!line.starts_with("a.example.")) out += line;
        at += line.size();
    }
    return out;
}

}  // namespace

TEST_CASE("random commands do what a map of records does, and any version can be had again") {
    const Folder folder;
    Node node(folder / "s");
    node.ask("zone create a.example");
    base::Seed seed(43);
    Model model;
    std::map<std::uint64_t, Model> versions{{2, model}};
    std::uint64_t version = 2, serial = 1;
    int reverts = 0;
    for (int i = 0; i < 600; ++i) {
        const Model before = model;
        std::string body;
        if (seed.below(10) == 0) {
            auto chosen = versions.begin();
            std::advance(chosen, static_cast<std::ptrdiff_t>(seed.below(versions.size())));
            body = "zone revert a.example " + std::to_string(chosen->first);
            model = chosen->second;
            ++reverts;
        } else {
            for (std::uint64_t n = 1 + seed.below(3); n > 0; --n)
                body += random_command(seed, model) + '\n';
        }
        CAPTURE(body);
        const term::Json answer = node.json(body);
        const term::Json& zone = answer["zones"].elements().at(0);
        CHECK(answer["outcome"].text() == (model == before ? "unchanged" : "applied"));
        if (model.sets != before.sets) ++serial;
        CHECK(zone["serial"].integer() == static_cast<std::int64_t>(serial));
        if (!(model == before)) {
            version = static_cast<std::uint64_t>(zone["version"].integer());
            CHECK_FALSE(versions.contains(version));
            versions[version] = model;
        }
        CHECK(zone["version"].integer() == static_cast<std::int64_t>(version));
        REQUIRE(without_apex(node.zone("a.example.")) == model.text());
        CHECK(node.settings("a.example.").account == model.account);
    }
    CHECK(reverts > 30);
    // The history has each version once.
    auto log = store::LogReader::open(node.path);
    REQUIRE(log);
    const auto history = history_of(*log, *dns::Name::parse("a.example"), 10'000);
    REQUIRE(history);
    CHECK(history->items.size() == versions.size());
    CHECK(history->oldest == 0);
}

TEST_CASE("a zone that comes back goes on behind the serial with which it was removed") {
    const Folder folder;
    Node node(folder / "s");
    node.say("zone create a.example --ns ns.b.example.");  // version 2, serial 1
    node.say("record add a.example www A 192.0.2.1");      // version 3, serial 2
    node.say("record set a.example www A 192.0.2.2");      // version 4, serial 3
    node.say("zone delete a.example");                     // version 5
    CHECK(node.say("zone revert a.example 3") == "a.example. serial 4, version 6");
    CHECK(node.zone("a.example.").find("192.0.2.1") != std::string::npos);
}
