#include <map>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/seed.h"
#include "replica/entry.h"
#include "replica/state.h"

namespace {

using namespace zc;
using namespace zc::replica;  // NOLINT(google-build-using-namespace): the package under test

Id id(std::uint8_t number) {
    Id made;
    made.octets[0] = number;
    return made;
}
dns::Name name(std::string_view text) {
    auto parsed = dns::Name::parse(text);
    REQUIRE(parsed);
    return *parsed;
}

/// The versions of zones and names after the log so far.
struct Known {
    std::map<std::string, std::uint64_t> zones, named;

    Versions versions() const {
        return {[this](dns::NameView zone) {
                    const auto found = zones.find(dns::to_string(zone));
                    return found == zones.end() ? 0 : found->second;
                },
                [this](std::string_view text) {
                    const auto found = named.find(std::string(text));
                    return found == named.end() ? 0 : found->second;
                }};
    }
    void take(const Change& change, const Verdict& verdict) {
        if (verdict.kind != Verdict::Kind::applied) return;
        for (const ZoneChange& zone : change.zones)
            zones[dns::to_string(zone.name)] = zone.op == Op::remove ? 0 : verdict.position;
        for (const NamedChange& one : change.named)
            named[one.name] = one.op == Op::remove ? 0 : verdict.position;
    }
};

struct Log {
    explicit Log(std::uint64_t window = window_default) : state(id(1), 3, window) {}
    State state;
    Known known;

    std::vector<Verdict> step(std::vector<Change> changes) {
        const Entry entry{id(1), 3, id(9), 1'700'000'000'000'000, std::move(changes)};
        const auto octets = encode(entry);
        REQUIRE(octets);
        auto verdicts = state.step(*octets, known.versions());
        REQUIRE(verdicts.size() == entry.changes.size());
        for (std::size_t i = 0; i < verdicts.size(); ++i) known.take(entry.changes[i], verdicts[i]);
        return verdicts;
    }
    Verdict one(Change change) { return step({std::move(change)}).at(0); }
};

Change of_zone(std::string_view zone, std::uint64_t base, std::vector<Request> requests,
               Op op = Op::patch) {
    Change change;
    change.requests = std::move(requests);
    change.zones.push_back({name(zone), base, op, {}, {}});
    return change;
}
Change abort_of(std::vector<Request> requests) {
    Change change;
    change.kind = Change::Kind::abort;
    change.requests = std::move(requests);
    return change;
}

}  // namespace

TEST_CASE("a change takes effect only on the version that it stands on") {
    Log log;
    CHECK(log.one(of_zone("a.", 0, {{id(10), 0, 0}})).kind == Verdict::Kind::applied);
    const Verdict stale = log.one(of_zone("a.", 0, {{id(11), 0, 0}}));
    CHECK(stale.kind == Verdict::Kind::conflict);
    CHECK(stale.found == std::vector<std::uint64_t>{1});
    CHECK(log.one(of_zone("a.", 1, {{id(12), 0, 0}})).kind == Verdict::Kind::applied);
    // A zone that is removed has version 0 again.
    CHECK(log.one(of_zone("a.", 3, {{id(13), 0, 0}}, Op::remove)).kind == Verdict::Kind::applied);
    CHECK(log.one(of_zone("a.", 3, {{id(14), 0, 0}})).kind == Verdict::Kind::conflict);
    CHECK(log.one(of_zone("a.", 0, {{id(15), 0, 0}}, Op::put)).kind == Verdict::Kind::applied);
    CHECK(log.state.head().position == 6);
    CHECK(log.state.head().ids_met == 6);
}

TEST_CASE("a change of several zones takes effect in all of them or in none") {
    Log log;
    log.one(of_zone("a.", 0, {{id(10), 0, 0}}));
    Change both = of_zone("a.", 0, {{id(11), 0, 0}});
    both.zones.push_back({name("b."), 0, Op::put, {}, {}});
    const Verdict verdict = log.one(both);
    CHECK(verdict.kind == Verdict::Kind::conflict);
    CHECK(verdict.found == std::vector<std::uint64_t>{1, 0});
    CHECK(log.known.zones.count("b.") == 0);
}

TEST_CASE("of two changes of a zone in one entry the second stands on the first") {
    Log log;
    const auto verdicts =
        log.step({of_zone("a.", 0, {{id(10), 0, 0}}), of_zone("a.", 0, {{id(11), 0, 0}}),
                  of_zone("b.", 0, {{id(12), 0, 0}})});
    CHECK(verdicts[0].kind == Verdict::Kind::applied);
    CHECK(verdicts[1].kind == Verdict::Kind::conflict);
    CHECK(verdicts[1].found == std::vector<std::uint64_t>{1});
    CHECK(verdicts[2].kind == Verdict::Kind::applied);
}

TEST_CASE("a request is applied once, however often and in whatever attempt it lands") {
    Log log;
    CHECK(log.one(of_zone("a.", 0, {{id(10), 0, 0}})).kind == Verdict::Kind::applied);
    for (const std::uint32_t attempt : {0U, 1U, 2U}) {
        const Verdict again = log.one(of_zone("a.", 1, {{id(10), attempt, 0}}));
        CHECK(again.kind == Verdict::Kind::duplicate);
        CHECK(again.position == 1);
    }
    // The next attempt counts after a conflict, and no other.
    CHECK(log.one(of_zone("a.", 0, {{id(11), 0, 0}})).kind == Verdict::Kind::conflict);
    CHECK(log.one(of_zone("a.", 1, {{id(11), 0, 0}})).kind == Verdict::Kind::duplicate);
    CHECK(log.one(of_zone("a.", 1, {{id(11), 2, 0}})).kind == Verdict::Kind::duplicate);
    CHECK(log.one(of_zone("a.", 1, {{id(11), 1, 0}})).kind == Verdict::Kind::applied);
    CHECK(log.state.find(id(11)) == Outcome{Outcome::Kind::applied, 1, 8});
}

TEST_CASE("an abort and a change of one request: the first in the log decides") {
    Log log;
    CHECK(log.one(abort_of({{id(10), 0, 0}})).kind == Verdict::Kind::aborted);
    CHECK(log.one(of_zone("a.", 0, {{id(10), 0, 0}})).kind == Verdict::Kind::duplicate);
    CHECK(log.known.zones.empty());
    CHECK(log.one(of_zone("a.", 0, {{id(11), 0, 0}})).kind == Verdict::Kind::applied);
    const Verdict late = log.one(abort_of({{id(11), 0, 0}}));
    CHECK(late.kind == Verdict::Kind::duplicate);
    CHECK(late.position == 3);
    CHECK(log.state.find(id(11)) == Outcome{Outcome::Kind::applied, 0, 3});
    CHECK(log.state.find(id(10)) == Outcome{Outcome::Kind::void_, 0, 1});
}

TEST_CASE("merged requests are one change; one that is decided already makes it a conflict") {
    Log log;
    CHECK(log.one(of_zone("a.", 0, {{id(10), 0, 0}, {id(11), 0, 0}})).kind ==
          Verdict::Kind::applied);
    CHECK(log.state.head().ids_met == 2);
    const Verdict mixed = log.one(of_zone("a.", 1, {{id(11), 0, 0}, {id(12), 0, 2}}));
    CHECK(mixed.kind == Verdict::Kind::conflict);
    CHECK(log.known.zones.at("a.") == 1);
    CHECK(log.state.find(id(11)) == Outcome{Outcome::Kind::applied, 0, 1});
    CHECK(log.one(of_zone("a.", 1, {{id(12), 1, 2}})).kind == Verdict::Kind::applied);
}

TEST_CASE(
    "a request that lands more than the window behind its beginning is void, and forgotten after "
    "it") {
    Log log(4);
    CHECK(log.one(of_zone("a.", 0, {{id(10), 0, 0}})).kind == Verdict::Kind::applied);
    for (std::uint8_t i = 0; i < 3; ++i)
        log.one(
            of_zone("b.", i == 0 ? 0 : i + 1U, {{id(static_cast<std::uint8_t>(20 + i)), 0, 1}}));
    CHECK(log.state.find(id(10)));
    CHECK(log.state.remembers(1));
    CHECK_FALSE(log.state.remembers(0));
    // The fifth id after its `since`: too late.
    CHECK(log.one(of_zone("c.", 0, {{id(11), 0, 0}})).kind == Verdict::Kind::void_);
    CHECK(log.known.zones.count("c.") == 0);
    CHECK_FALSE(log.state.find(id(11)));
    CHECK(log.one(of_zone("c.", 0, {{id(12), 0, 2}})).kind == Verdict::Kind::applied);
    CHECK_FALSE(log.state.find(id(10)));  // met 1, and now 6
    // An abort that lands too late says nothing of what became of its request.
    CHECK(log.one(abort_of({{id(10), 0, 0}})).kind == Verdict::Kind::void_);
}

TEST_CASE("octets that are no entry, or of another log, take a position and nothing else") {
    Log log;
    log.one(of_zone("a.", 0, {{id(10), 0, 0}}));
    const Head before = log.state.head();
    const auto octets = encode(Entry{id(2), 3, id(9), 0, {of_zone("a.", 1, {{id(11), 0, 1}})}});
    REQUIRE(octets);
    const auto foreign = log.state.step(*octets, log.known.versions());
    REQUIRE(foreign.size() == 1);
    CHECK(foreign[0].kind == Verdict::Kind::void_);
    const std::uint8_t noise[] = {1, 2, 3};
    CHECK(log.state.step(noise, log.known.versions()).at(0).kind == Verdict::Kind::void_);
    CHECK(log.state.head().position == before.position + 2);
    CHECK(log.state.head().ids_met == before.ids_met);
    CHECK_FALSE(log.state.find(id(11)));
    CHECK(log.state.head().chain != before.chain);
}

namespace {

Id random_id(base::Seed& seed, std::uint64_t of) {
    return id(static_cast<std::uint8_t>(seed.below(of)));
}
std::vector<std::uint8_t> random_octets(base::Seed& seed) {
    std::vector<std::uint8_t> out(seed.below(40));
    for (std::uint8_t& octet : out) octet = static_cast<std::uint8_t>(seed.next());
    return out;
}
Data random_data(base::Seed& seed) {
    Data data;
    if (seed.below(4) == 0) {
        data.segment.octets = 1 + seed.below(1 << 30);
        data.segment.sha256[3] = static_cast<std::uint8_t>(seed.next());
    } else {
        data.octets = random_octets(seed);
    }
    return data;
}
Change random_change(base::Seed& seed, const Known& known, std::uint64_t ids_met) {
    Change change;
    change.kind = static_cast<Change::Kind>(1 + seed.below(4));
    change.who = std::string(seed.below(3), 'w');
    change.where = std::string(seed.below(3), 'f');
    std::set<Id> ids;
    for (std::uint64_t n = seed.below(4); n > 0; --n) {
        const Id request = random_id(seed, 100);
        if (!ids.insert(request).second) continue;
        const std::uint64_t ago = std::min<std::uint64_t>(ids_met, seed.below(30));
        change.requests.push_back(
            {request, static_cast<std::uint32_t>(seed.below(2)), ids_met - ago});
    }
    const auto base_of = [&](const auto& all, const std::string& key) {
        const auto found = all.find(key);
        return seed.below(4) == 0 ? seed.below(5) : found == all.end() ? 0 : found->second;
    };
    if (change.kind == Change::Kind::zones) {
        for (const char* zone : {"a.", "b.", "c."}) {
            if (seed.below(2) == 0) continue;
            const Op op = static_cast<Op>(1 + seed.below(3));
            change.zones.push_back({name(zone), base_of(known.zones, zone), op,
                                    op == Op::remove ? Data{} : random_data(seed),
                                    random_data(seed)});
        }
    } else if (change.kind == Change::Kind::named) {
        for (const char* named : {"x", "y"}) {
            if (seed.below(2) == 0) continue;
            const Op op = static_cast<Op>(2 + seed.below(2));
            change.named.push_back({named, base_of(known.named, named), op,
                                    op == Op::remove ? Data{} : random_data(seed)});
        }
    }
    return change;
}

}  // namespace

TEST_CASE("entries come back as they were; with any octet changed they are refused") {
    base::Seed seed(3);
    const Known known;
    for (int round = 0; round < 300; ++round) {
        Entry entry{
            random_id(seed, 5), 7, random_id(seed, 5), static_cast<std::int64_t>(seed.next()), {}};
        for (std::uint64_t n = seed.below(4); n > 0; --n)
            entry.changes.push_back(random_change(seed, known, seed.below(1000)));
        auto octets = encode(entry);
        REQUIRE(octets);
        const auto back = decode(*octets);
        REQUIRE(back);
        const auto again = encode(*back);
        REQUIRE(again);
        CHECK(*again == *octets);
        std::uint8_t& octet = (*octets)[seed.below(octets->size())];
        octet ^= static_cast<std::uint8_t>(1U << seed.below(8));
        CHECK_FALSE(decode(*octets));
    }
}

TEST_CASE("what is over a limit is no entry") {
    Entry entry;
    entry.changes.resize(changes_max);
    CHECK(encode(entry));
    entry.changes.resize(changes_max + 1);
    CHECK(encode(entry).error().code == Errc::limit);
    entry.changes.resize(1);
    entry.changes[0].zones.push_back({name("a."), 0, Op::put, {}, {}});
    entry.changes[0].zones[0].data.octets.resize(entry_octets_max);
    CHECK(encode(entry).error().code == Errc::limit);
    entry.changes[0].zones[0].data.octets.resize(inline_octets_max);
    CHECK(encode(entry));
    entry.changes[0].zones.push_back({name("a."), 0, Op::put, {}, {}});
    CHECK(encode(entry).error().code == Errc::invalid);
    entry.changes[0].zones.pop_back();
    entry.changes[0].who.assign(text_octets_max + 1, 'w');
    CHECK(encode(entry).error().code == Errc::limit);
}

TEST_CASE(
    "a state that is kept and resumed anywhere says of all that follows what the first says") {
    base::Seed seed(4);
    for (int round = 0; round < 40; ++round) {
        constexpr std::uint64_t window = 25;
        State first(id(1), 2, window);
        State second = first;
        Known known;
        std::map<Id, std::uint64_t> applied;  // request → position
        for (int step = 0; step < 120; ++step) {
            if (seed.below(10) == 0) {
                const auto kept = first.remembered();
                auto resumed = State::resume(first.head(), kept, window);
                REQUIRE(resumed);
                second = *std::move(resumed);
            }
            Entry entry{seed.below(20) == 0 ? id(2) : id(1), 2, id(9), 0, {}};
            for (std::uint64_t n = 1 + seed.below(3); n > 0; --n)
                entry.changes.push_back(random_change(seed, known, first.head().ids_met));
            auto octets = encode(entry);
            REQUIRE(octets);
            if (seed.below(20) == 0) octets->pop_back();
            const auto verdicts = first.step(*octets, known.versions());
            const auto others = second.step(*octets, known.versions());
            REQUIRE(first.head() == second.head());
            REQUIRE(verdicts.size() == others.size());
            for (std::size_t i = 0; i < verdicts.size(); ++i) {
                if (verdicts[i].kind != Verdict::Kind::applied) continue;
                const Change& change = entry.changes[i];
                // No change that takes effect stands on another version than it names.
                for (const ZoneChange& zone : change.zones)
                    CHECK(zone.base == (i > 0 ? zone.base : known.versions().of_zone(zone.name)));
                for (const Request& request : change.requests) {
                    const auto before = applied.find(request.id);
                    // Ids are used again here, as no client does: never within the window.
                    if (before != applied.end())
                        CHECK(first.head().ids_met - before->second > window);
                    applied[request.id] = first.head().ids_met;
                }
            }
            for (std::size_t i = 0; i < verdicts.size(); ++i)
                if (entry.log == id(1))
                    known.take(entry.changes[std::min(i, entry.changes.size() - 1)], verdicts[i]);
        }
    }
}

TEST_CASE(
    "steps that are taken back have not happened, and what is forgotten depends on the log alone") {
    base::Seed seed(5);
    for (int round = 0; round < 200; ++round) {
        constexpr std::uint64_t window = 12;
        Log plain(window), careful(window);
        careful.state.begin_unsettled();
        const auto random_changes = [&] {
            std::vector<Change> changes;
            for (std::uint64_t n = 1 + seed.below(3); n > 0; --n) {
                Change change;
                change.kind = seed.below(6) == 0 ? Change::Kind::abort : Change::Kind::noop;
                for (std::uint64_t r = 1 + seed.below(2); r > 0; --r)
                    change.requests.push_back({id(static_cast<std::uint8_t>(seed.below(20))),
                                               static_cast<std::uint32_t>(seed.below(2)),
                                               plain.state.head().ids_met - seed.below(3)});
                if (change.requests.size() == 2 && change.requests[0].id == change.requests[1].id)
                    change.requests.pop_back();
                for (Request& request : change.requests)
                    if (request.since > plain.state.head().ids_met) request.since = 0;
                changes.push_back(std::move(change));
            }
            return changes;
        };
        for (int i = 0; i < 60; ++i) {
            if (seed.below(4) == 0) {
                for (std::uint64_t n = seed.below(4); n > 0; --n) careful.step(random_changes());
                careful.state.take_back();
                CHECK(careful.state.head() == plain.state.head());
            }
            // Several are under way at once.
            for (std::uint64_t n = 1 + seed.below(3); n > 0; --n) {
                const auto changes = random_changes();
                const auto expected = plain.step(changes);
                const auto got = careful.step(changes);
                REQUIRE(got.size() == expected.size());
                for (std::size_t v = 0; v < got.size(); ++v) CHECK(got[v].kind == expected[v].kind);
            }
            CHECK(careful.state.head() == plain.state.head());
            for (std::uint8_t number = 0; number < 20; ++number)
                CHECK(careful.state.find(id(number)) == plain.state.find(id(number)));
            careful.state.settle(careful.state.head().position);
        }
    }
}
