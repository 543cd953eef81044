// The writer over a real store: what is answered, served, kept, and what a failure leaves.
#include "writer/writer.h"

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/seed.h"
#include "dns/presentation.h"
#include "fold/stored_zone.h"
#include "sqlite/power_cut.h"
#include "store/log_file.h"
#include "store/store.h"
#include "testkit/folder.h"
#include "testkit/rounds.h"
#include "testkit/small_disk.h"
#include "writer/test_crew.h"
#include "zone/random_zone.h"

namespace {

using namespace zc;
using namespace zc::writer;        // NOLINT(google-build-using-namespace): the package under test
using namespace zc::writer::test;  // NOLINT(google-build-using-namespace): its helpers
using dns::RrType;
using sqlite::PowerCut;
using testkit::Folder;

dns::Name name(std::string_view text) {
    return zone::random::name(text);
}

/// The long form has ten times as many.
std::uint64_t rounds(int count) {
    return static_cast<std::uint64_t>(testkit::rounds("ZC_CHANGES", 1) * count);
}

zone::Change put(std::string_view apex, std::uint32_t serial = 1) {
    zone::ChangeMaker maker;
    maker.begin(name(apex), zone::Change::Kind::put);
    const auto add = [&](RrType type, const std::string& text) {
        dns::Rdata rdata;
        REQUIRE(dns::parse_rdata(text, type, dns::NameView(), rdata));
        const base::Octets octets(rdata);
        REQUIRE(maker.set(name(apex), type, 3600, {&octets, 1}));
    };
    add(RrType::soa, "ns.example. host.example. " + std::to_string(serial) + " 7200 900 86400 300");
    add(RrType::ns, "ns.example.");
    auto change = maker.make();
    REQUIRE(change);
    return *std::move(change);
}

/// The A record of `owner` becomes 192.0.n.n, in two octets of `number`.
zone::Change set_address(std::string_view apex, const std::string& owner, unsigned number) {
    zone::ChangeMaker maker;
    maker.begin(name(apex), zone::Change::Kind::patch);
    const std::uint8_t rdata[] = {192, 0, static_cast<std::uint8_t>(number >> 8),
                                  static_cast<std::uint8_t>(number)};
    const base::Octets octets(rdata);
    REQUIRE(maker.set(name(owner + "." + std::string(apex)), RrType::a, 300, {&octets, 1}));
    auto change = maker.make();
    REQUIRE(change);
    return *std::move(change);
}

zone::Change removal(std::string_view apex) {
    zone::ChangeMaker maker;
    maker.begin(name(apex), zone::Change::Kind::remove);
    auto change = maker.make();
    REQUIRE(change);
    return *std::move(change);
}

Request request(std::string_view apex, zone::Change change) {
    Request out;
    out.zones = {name(apex)};
    out.make = [apex = name(apex), change = std::move(change)](const std::vector<ZoneView>&) {
        std::vector<writer::ZoneChange> changes;
        changes.push_back({apex, change});
        return Result<std::vector<writer::ZoneChange>>(std::move(changes));
    };
    return out;
}

replica::RequestId id(std::uint64_t number) {
    replica::RequestId made;
    for (std::size_t i = 0; i < 8; ++i)
        made.octets[i] = static_cast<std::uint8_t>(number >> (8 * i));
    return made;
}

void make_store(const std::string& path, const std::vector<std::string>& zones) {
    auto update = store::Update::begin(path, store::Update::Missing::create);
    REQUIRE(update);
    zone::ApplyScratch scratch;
    for (const std::string& apex : zones) {
        const zone::Change change = put(apex);
        auto made = fold::advance(name(apex), {}, {&change, 1}, 1, scratch);
        REQUIRE(made);
        const std::string key = fold::key_of(name(apex));
        REQUIRE(update->put({.key = fold::octets_of(key),
                             .state = fold::encode_state(zone::State::serving, false),
                             .serial = made->state.serial,
                             .records = made->state.records,
                             .source = 77,
                             .settings = {}},
                            made->state.image_octets()));
    }
    REQUIRE(update->commit({}));
}

/// A node's writer, until it is destroyed: then as after kill -9.
struct Node {
    explicit Node(const std::string& path, std::uint64_t seed = 1) : crew(seed), random(seed) {
        Options options;
        options.path = path;
        options.now = [this] {
            clock = clock + base::Duration::milliseconds(1);
            return clock;
        };
        options.random = [this] { return random.next(); };
        options.fold_beside_commit = 3;
        options.checkpoint_octets = 200'000;
        auto opened = Writer::open(std::move(options), crew, publisher);
        if (opened)
            writer = *std::move(opened);
        else
            problem = opened.error();
    }
    ~Node() { crew.forget(); }

    Result<Receipt> ask(Request request) {
        std::optional<Result<Receipt>> answer;
        writer->submit(std::move(request), [&](Result<Receipt> got) { answer = std::move(got); });
        while (!answer) REQUIRE(crew.step());
        return *answer;
    }
    Status close() {
        std::optional<Status> closed;
        writer->close([&](Status status) { closed = std::move(status); });
        while (!closed) REQUIRE(crew.step());
        return *closed;
    }

    TestCrew crew;
    TestPublisher publisher;
    base::Seed random;
    base::Instant clock{1'700'000'000'000'000'000};
    std::unique_ptr<Writer> writer;
    std::optional<Error> problem;
};

/// "owner → last two octets" of the addresses of a zone.
std::map<std::string, unsigned> addresses(const fold::ZoneState& state) {
    std::map<std::string, unsigned> out;
    if (!state.image) return out;
    zone::for_each_record(zone::Zone(state.image->octets().data()),
                          [&](const dns::RecordView& record) {
                              if (record.type != RrType::a) return;
                              out[dns::to_string(record.owner)] =
                                  static_cast<unsigned>(record.rdata[2]) << 8 | record.rdata[3];
                          });
    return out;
}

/// Rows of a store without anything in the log beyond them.
std::map<std::string, fold::ZoneState> rows(const std::string& path) {
    std::map<std::string, fold::ZoneState> out;
    auto snapshot = store::Snapshot::open(path);
    REQUIRE_MESSAGE(snapshot, snapshot.error().text());
    REQUIRE(snapshot->for_each_image(
        [&](const store::StoredZone& row, base::Octets image, store::Snapshot::Image good) {
            CHECK(good == store::Snapshot::Image::good);
            fold::ZoneState& state = out[dns::to_string(*fold::apex_of(row.key))];
            state.version = row.version;
            state.serial = row.serial;
            state.records = row.records;
            state.source = row.source;
            state.image = std::make_shared<const zone::Image>(image);
            return true;
        }));
    const auto problems =
        snapshot->check([](base::Octets, const std::string& problem) { MESSAGE(problem); });
    REQUIRE(problems);
    CHECK(*problems == 0);
    return out;
}

bool same_zone(const fold::ZoneState& a, const fold::ZoneState& b) {
    return a.version == b.version && a.serial == b.serial && a.records == b.records &&
           a.source == b.source && std::ranges::equal(a.image_octets(), b.image_octets());
}
}  // namespace

TEST_CASE(
    "a change is durable and served when it is answered, and in rows when the writer closed") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example.", "b.example."});
    Node node(path);
    REQUIRE(node.writer);
    const auto got = node.ask(request("a.example.", set_address("a.example.", "www", 7)));
    REQUIRE_MESSAGE(got, got.error().text());
    CHECK(got->position == 2);
    REQUIRE(got->zones.size() == 1);
    CHECK(got->zones[0].version == 2);
    CHECK(got->zones[0].serial_before == 1);
    CHECK(got->zones[0].serial == 2);
    REQUIRE(node.publisher.served.size() == 1);
    CHECK(addresses(node.publisher.served["a.example."]) ==
          std::map<std::string, unsigned>{{"www.a.example.", 7}});
    CHECK(node.publisher.served["a.example."].source == fold::source_changed_here);
    REQUIRE(node.close());
    const auto in_rows = rows(path);
    CHECK(in_rows.size() == 2);
    CHECK(same_zone(in_rows.at("a.example."), node.publisher.served["a.example."]));
    CHECK(in_rows.at("b.example.").version == 1);
    CHECK(in_rows.at("b.example.").source == 77);
}

TEST_CASE("a change that differs in nothing makes no version, and a refused one changes nothing") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example."});
    Node node(path);
    REQUIRE(node.ask(request("a.example.", set_address("a.example.", "www", 7))));
    const auto again = node.ask(request("a.example.", set_address("a.example.", "www", 7)));
    REQUIRE(again);
    CHECK(again->position == 0);
    CHECK_FALSE(again->zones[0].differs);
    CHECK(again->zones[0].version == 2);
    CHECK(again->zones[0].serial == 2);
    const auto none = node.ask(request("no.example.", set_address("no.example.", "www", 7)));
    REQUIRE_FALSE(none);
    CHECK(none.error().code == Errc::not_found);
    Request refused = request("a.example.", set_address("a.example.", "www", 8));
    refused.make = [](const std::vector<ZoneView>& zones) {
        CHECK(zones.size() == 1);
        CHECK(zones[0].state.version == 2);
        return fail(Errc::conflict, "not so");
    };
    CHECK(node.ask(std::move(refused)).error().code == Errc::conflict);
    const auto next = node.ask(request("a.example.", set_address("a.example.", "www", 9)));
    REQUIRE(next);
    CHECK(next->position == 3);
    REQUIRE(node.close());
    CHECK(node.writer->figures().applied == 2);
    CHECK(node.writer->figures().unchanged == 1);
    CHECK(node.writer->figures().refused == 2);
}

TEST_CASE("zones are made, removed and made again") {
    const Folder folder;
    for (const bool closes : {true, false}) {
        const std::string path = folder / (closes ? "closed" : "killed");
        make_store(path, {});
        {
            Node node(path);
            REQUIRE_MESSAGE(node.writer, node.problem->text());
            const auto made = node.ask(request("a.example.", put("a.example.", 5)));
            REQUIRE(made);
            CHECK(made->zones[0].serial == 5);
            const auto gone = node.ask(request("a.example.", removal("a.example.")));
            REQUIRE(gone);
            CHECK(gone->zones[0].version == 0);
            CHECK(node.publisher.served.empty());
            REQUIRE(node.ask(request("a.example.", put("a.example.", 3))));
            REQUIRE(node.ask(request("b.example.", put("b.example.", 3))));
            REQUIRE(node.ask(request("b.example.", removal("b.example."))));
            if (closes) REQUIRE(node.close());
        }
        Node node(path);
        REQUIRE_MESSAGE(node.writer, node.problem->text());
        REQUIRE(node.close());
        const auto in_rows = rows(path);
        REQUIRE(in_rows.size() == 1);
        CHECK(in_rows.at("a.example.").serial == 3);
    }
}

TEST_CASE("a zone is in the rows' changes at the position at which it was removed") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example."});
    Node node(path);
    auto before = store::Snapshot::open(path);
    REQUIRE(before);
    node.writer->pause();
    int answers = 0;
    const auto count = [&](const Result<Receipt>& got) {
        CHECK(got);
        ++answers;
    };
    // Three entries of one fold.
    for (unsigned number = 1; number <= 2; ++number) {
        node.writer->submit(request("a.example.", set_address("a.example.", "www", number)), count);
        node.crew.run_until_idle();
    }
    node.writer->submit(request("a.example.", removal("a.example.")), count);
    node.writer->resume();
    while (answers < 3) REQUIRE(node.crew.step());
    const std::uint64_t removed_at = node.writer->figures().position;
    REQUIRE(node.close());
    auto reader = store::LogReader::open(path);
    REQUIRE(reader);
    CHECK(*reader->last_version(fold::octets_of(fold::key_of(name("a.example.")))) == removed_at);
}

TEST_CASE("a request that no entry has room for is refused") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {});
    Node node(path);
    Request many;
    for (int i = 0; i < 2000; ++i)
        many.zones.push_back(name("z" + std::to_string(i) + ".example."));
    many.make = [](const std::vector<ZoneView>& zones) {
        std::vector<writer::ZoneChange> changes;
        for (const ZoneView& zone : zones) {
            const std::string apex = dns::to_string(zone.apex);
            changes.push_back({dns::Name(zone.apex), put(apex)});
        }
        return Result<std::vector<writer::ZoneChange>>(std::move(changes));
    };
    CHECK(node.ask(many).error().code == Errc::limit);
    many.zones.resize(400);
    CHECK(node.ask(many));
    Request wordy = request("a.example.", put("a.example."));
    wordy.who = std::string(256, 'w');
    CHECK(node.ask(wordy).error().code == Errc::limit);
    REQUIRE(node.close());
    CHECK(rows(path).size() == 400);
}

TEST_CASE(
    "a request with an id is done once, after a restart too, and one that did nothing as well") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example."});
    const auto with_id = [](unsigned number, std::uint64_t request_id) {
        Request out = request("a.example.", set_address("a.example.", "www", number));
        out.id = id(request_id);
        return out;
    };
    std::uint64_t position = 0, position_of_nothing = 0;
    {
        Node node(path);
        // Both wait at once: the second is the first.
        int answers = 0;
        for (int i = 0; i < 2; ++i)
            node.writer->submit(with_id(7, 1), [&](const Result<Receipt>& got) {
                REQUIRE(got);
                position = got->position;
                ++answers;
            });
        while (answers < 2) REQUIRE(node.crew.step());
        CHECK(position == 2);
        const auto nothing = node.ask(with_id(7, 2));
        REQUIRE(nothing);
        position_of_nothing = nothing->position;
        CHECK(position_of_nothing == 3);
        REQUIRE(node.ask(with_id(8, 3)));
        const auto again = node.ask(with_id(7, 1));
        REQUIRE(again);
        CHECK(again->was_done_before);
        CHECK(again->position == position);
    }
    Node node(path);
    REQUIRE_MESSAGE(node.writer, node.problem->text());
    for (const auto& [number, at] :
         std::vector<std::pair<std::uint64_t, std::uint64_t>>{{1, 2}, {2, 3}, {3, 4}}) {
        const auto again = node.ask(with_id(99, number));
        REQUIRE(again);
        CHECK(again->was_done_before);
        CHECK(again->position == at);
    }
    CHECK(addresses(node.publisher.served["a.example."]).at("www.a.example.") == 8);
}

namespace {

/// Random requests to a node, and what must be so after each answer.
class Clients {
public:
    Clients(Node& node, base::Seed& seed) : node_(node), seed_(seed) {}

    void submit_one() {
        const std::string apex = zones[seed_.below(zones.size())];
        const unsigned number = ++number_;
        const std::string owner = "w" + std::to_string(seed_.below(3));
        Request one = request(apex, set_address(apex, owner, number));
        if (seed_.below(3) == 0) one.id = id(1000 + number);
        ++waiting;
        node_.writer->submit(std::move(one), [this, apex, owner,
                                              number](const Result<Receipt>& got) {
            --waiting;
            if (!got) {
                ++failed;
                last_error = got.error();
                refused.insert(number);
                return;
            }
            ++answered;
            done.insert(number);
            if (!got->zones.empty()) {
                CHECK(got->zones[0].version == got->position);
                // Positions of one zone rise in the order in which it was changed.
                last[apex][owner + "." + apex] = std::max(last[apex][owner + "." + apex], number);
                order[apex][got->position] = std::max(order[apex][got->position], number);
            }
            CHECK(node_.publisher.served.at(apex).version >= got->position);
        });
    }

    std::vector<std::string> zones{"a.example.", "b.example.", "c.example.", "d.example."};
    std::map<std::string, std::map<std::string, unsigned>> last;
    std::map<std::string, std::map<std::uint64_t, unsigned>> order;
    std::set<unsigned> done, refused;
    int waiting = 0, answered = 0, failed = 0;
    std::optional<Error> last_error;

private:
    Node& node_;
    base::Seed& seed_;
    unsigned number_ = 0;
};

void check_nothing_refused_is_there(const Clients& clients,
                                    const std::map<std::string, fold::ZoneState>& zones) {
    for (const auto& [apex, state] : zones)
        for (const auto& [owner, number] : addresses(state))
            CHECK_FALSE(clients.refused.contains(number));
}
void check_all_answered_is_there(const Clients& clients,
                                 const std::map<std::string, fold::ZoneState>& zones) {
    for (const auto& [apex, owners] : clients.last)
        for (const auto& [owner, number] : owners)
            CHECK(addresses(zones.at(apex)).at(owner) >= number);
}

}  // namespace

TEST_CASE(
    "many clients at once: the order is one, and a kill at any instant loses nothing answered") {
    const Folder folder;
    for (std::uint64_t round = 1; round <= rounds(15); ++round) {
        const std::string path = folder / ("s" + std::to_string(round));
        make_store(path, {"a.example.", "b.example.", "c.example.", "d.example."});
        base::Seed seed(round);
        std::map<std::string, fold::ZoneState> served;
        Clients* told = nullptr;
        std::optional<Clients> clients;
        std::optional<Node> node;
        node.emplace(path, round);
        REQUIRE(node->writer);
        clients.emplace(*node, seed);
        told = &*clients;
        const std::uint64_t steps = 50 + seed.below(1500);
        for (std::uint64_t i = 0; i < steps; ++i) {
            if (seed.below(3) == 0) clients->submit_one();
            for (std::uint64_t n = seed.below(4); n > 0; --n) node->crew.step();
        }
        served = node->publisher.served;
        const bool ends_in_order = seed.below(2) == 0;
        if (ends_in_order) {
            REQUIRE(node->close());
            served = node->publisher.served;
            CHECK(told->waiting == 0);
            for (const auto& [apex, state] : rows(path)) {
                if (state.version > 1) CHECK(same_zone(state, served.at(apex)));
            }
        }
        CHECK(told->failed == 0);
        CHECK(told->answered > 0);
        node.reset();
        Node after(path, round + 1000);
        REQUIRE_MESSAGE(after.writer, after.problem->text());
        REQUIRE(after.close());
        const auto in_rows = rows(path);
        check_all_answered_is_there(*told, in_rows);
        // All that was served then is there now, or something later.
        for (const auto& [apex, state] : served) CHECK(in_rows.at(apex).version >= state.version);
        // The log's replay has published all that came to the rows.
        for (const auto& [apex, state] : after.publisher.served)
            CHECK(same_zone(state, in_rows.at(apex)));
    }
}

TEST_CASE("when a commit fails, nothing that stands on it is answered or served") {
    const Folder folder;
    base::Seed seed(77);
    int failures = 0;
    for (std::uint64_t cut = 0; cut < 24 * rounds(2); cut += 1 + seed.below(3)) {
        const std::string path = folder / ("s" + std::to_string(cut));
        make_store(path, {"a.example.", "b.example.", "c.example.", "d.example."});
        PowerCut disk;
        std::optional<Node> node;
        node.emplace(path, cut + 1);
        REQUIRE(node->writer);
        Clients clients(*node, seed);
        disk.fail_syncs_after(cut / 4);
        for (int i = 0; i < 300 && !clients.last_error; ++i) {
            clients.submit_one();
            for (std::uint64_t n = seed.below(6); n > 0; --n) node->crew.step();
        }
        // All that waits is told, and all that comes later.
        clients.submit_one();
        node->crew.run_until_idle();
        CHECK(clients.waiting == 0);
        check_nothing_refused_is_there(clients, node->publisher.served);
        check_all_answered_is_there(clients, node->publisher.served);
        if (clients.last_error) {
            ++failures;
            CHECK(clients.last_error->code == Errc::io);
            CHECK(node->writer->figures().refuses);
        }
        disk.heal();
        node.reset();
        REQUIRE(disk.restore(path, seed));
        Node after(path, 5);
        REQUIRE_MESSAGE(after.writer, after.problem->text());
        REQUIRE(after.close());
        check_all_answered_is_there(clients, rows(path));
    }
    CHECK(failures > 8);
}

TEST_CASE("a power cut at any write keeps what was answered, folded or not") {
    const Folder folder;
    base::Seed seed(78);
    for (std::uint64_t cut = 20; cut < 100 * rounds(3); cut += 1 + seed.below(9)) {
        const std::string path = folder / ("s" + std::to_string(cut));
        make_store(path, {"a.example.", "b.example.", "c.example.", "d.example."});
        PowerCut disk;
        disk.cut_after(cut);
        std::optional<Node> node;
        node.emplace(path, cut);
        std::optional<Clients> clients;
        if (node->writer) {
            clients.emplace(*node, seed);
            for (int i = 0; i < 200 && !clients->last_error; ++i) {
                clients->submit_one();
                for (std::uint64_t n = seed.below(8); n > 0; --n) node->crew.step();
            }
        }
        disk.heal();
        node.reset();
        REQUIRE(disk.restore(path, seed));
        Node after(path, 5);
        REQUIRE_MESSAGE(after.writer, after.problem->text());
        REQUIRE(after.close());
        if (clients) check_all_answered_is_there(*clients, rows(path));
    }
}

TEST_CASE("an import beside the node is taken over, and what waits is made on top of it") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example.", "b.example."});
    Node node(path);
    REQUIRE(node.ask(request("a.example.", set_address("a.example.", "www", 7))));
    node.crew.run_until_idle();  // folds it
    CHECK(node.writer->figures().unfolded_zones == 0);
    {
        auto update = store::Update::begin(path, store::Update::Missing::error);
        REQUIRE_MESSAGE(update, update.error().text());
        REQUIRE(update->remove(fold::octets_of(fold::key_of(name("b.example.")))));
        REQUIRE(update->commit({}));
    }
    std::vector<Result<Receipt>> answers;
    const auto keep = [&](Result<Receipt> got) { answers.push_back(std::move(got)); };
    node.writer->submit(request("a.example.", set_address("a.example.", "www", 8)), keep);
    node.writer->submit(request("b.example.", set_address("b.example.", "www", 8)), keep);
    node.crew.run_until_idle();
    CHECK(answers.empty());
    CHECK(node.publisher.moves == 1);
    node.writer->store_was_taken_over();
    node.crew.run_until_idle();
    REQUIRE(answers.size() == 2);
    int done = 0;
    for (const auto& answer : answers) {
        if (answer) {
            ++done;
            CHECK(answer->position == 4);
        } else {
            CHECK(answer.error().code == Errc::not_found);
        }
    }
    CHECK(done == 1);
    REQUIRE(node.close());
    CHECK(addresses(rows(path).at("a.example.")).at("www.a.example.") == 8);
}

TEST_CASE(
    "imports at any instant beside many clients: each request is done once, on what is there") {
    const Folder folder;
    int imports = 0, moves = 0;
    for (std::uint64_t round = 1; round <= rounds(20); ++round) {
        const std::string path = folder / ("s" + std::to_string(round));
        make_store(path, {"a.example.", "b.example.", "c.example.", "d.example."});
        base::Seed seed(round);
        Node node(path, round);
        REQUIRE(node.writer);
        Clients clients(node, seed);
        int taken_over = 0;
        std::uint64_t imported = 0;
        for (int i = 0; i < 400; ++i) {
            if (seed.below(3) == 0) clients.submit_one();
            for (std::uint64_t n = seed.below(4); n > 0; --n) node.crew.step();
            if (seed.below(40) == 0) {
                // An import waits until the rows are up to the log.
                if (auto update = store::Update::begin(path, store::Update::Missing::error)) {
                    const std::string apex = "other" + std::to_string(++imported) + ".example.";
                    const std::string key = fold::key_of(name(apex));
                    REQUIRE(update->put({.key = fold::octets_of(key), .settings = {}}, {}));
                    REQUIRE(update->commit({}));
                    ++imports;
                }
            }
            if (node.publisher.moves > taken_over && seed.below(5) == 0) {
                taken_over = node.publisher.moves;
                node.writer->store_was_taken_over();
            }
        }
        for (int i = 0; i < 3; ++i) {
            node.crew.run_until_idle();
            if (node.publisher.moves > taken_over) {
                taken_over = node.publisher.moves;
                node.writer->store_was_taken_over();
            }
        }
        moves += node.publisher.moves;
        CHECK(clients.waiting == 0);
        CHECK(clients.failed == 0);
        REQUIRE(node.close());
        const auto in_rows = rows(path);
        check_all_answered_is_there(clients, in_rows);
        CHECK(in_rows.size() == 4 + imported);
    }
    CHECK(imports > 10);
    CHECK(moves > 5);
}

TEST_CASE("what SQLite writes ahead does not grow with the number of changes") {
    const Folder folder;
    const std::string path = folder / "s";
    make_store(path, {"a.example.", "b.example.", "c.example.", "d.example."});
    base::Seed seed(9);
    Node node(path);
    REQUIRE(node.writer);
    Clients clients(node, seed);
    std::uintmax_t largest = 0;
    for (int i = 0; i < 600; ++i) {
        while (clients.waiting < 8) clients.submit_one();
        node.crew.step();
        for (int answered = clients.answered; clients.answered == answered;)
            REQUIRE(node.crew.step());
        largest = std::max(largest, std::filesystem::file_size(path + "-wal"));
    }
    CHECK(clients.answered > 600);
    CHECK(largest < 4U << 20U);
    REQUIRE(node.close());
    check_all_answered_is_there(clients, rows(path));
}
