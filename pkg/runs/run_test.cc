#include "runs/run.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include <doctest/doctest.h>

#include "answer/answer.h"
#include "ask/test_server.h"
#include "base/seed.h"
#include "dns/message.h"
#include "dns/presentation.h"
#include "judge/collector.h"
#include "judge/test_zones.h"
#include "runs/test_targets.h"
#include "runtime/clock.h"
#include "testkit/limit_ends.h"
#include "testkit/script.h"
#include "zone/zone.h"

using namespace zc;
using namespace zc::ask;
using namespace zc::judge;
using namespace zc::runs;

namespace {

using compare::Rule;
using compare::Verdict;
using compare::What;

// Long enough that a busy machine answers in time, and short enough to wait for three times where
// no answer comes.
constexpr auto short_time = base::Duration::milliseconds(200);
constexpr auto long_time = base::Duration::seconds(5);

/// example. with the records in `text`, as a catalogue.
std::unique_ptr<catalogue::Catalogue> catalogue_of(const std::string& text) {
    zone::Builder builder;
    builder.begin(*dns::Name::parse("example."));
    const auto report = dns::read_master(
        text, {.origin = *dns::Name::parse("example.")},
        [&](const dns::RecordView& record, std::uint64_t) { return builder.add(record); });
    REQUIRE(report.errors.empty());
    auto image = builder.build();
    REQUIRE(image.has_value());
    auto catalogue = std::make_unique<catalogue::Catalogue>(99);
    catalogue->insert({.apex = *dns::Name::parse("example."), .image = *std::move(image)});
    return catalogue;
}

std::string long_texts(int count) {
    std::string out;
    for (int i = 0; i < count; ++i)
        out += "big 60 TXT \"" + std::to_string(i) + std::string(200, 'x') + "\"\n";
    return out;
}

const std::string records =
    "@ 60 SOA ns hostmaster 1 7200 900 86400 3600\n"
    "@ 60 NS ns\n"
    "ns 60 A 192.0.2.53\n"
    "www 60 A 192.0.2.1\n"
    "*.wild 60 A 192.0.2.2\n"
    "alias 60 CNAME www\n" +
    long_texts(20);

Octets query_for(const std::string& name, dns::RrType type = dns::RrType::a, bool edns = false) {
    dns::QueryOptions options;
    options.id = 0x1234;
    if (edns) options.edns = dns::Edns{.udp_octets = 4096};
    return dns::encode_query(*dns::Name::parse(name), type, options);
}

struct Item {
    Octets query;
    Octets recorded{}, recorded_newer{};
    dns::Transport transport = dns::Transport::udp;
    std::uint64_t position = 0;  // 0: the running number, times ten
};

class ListSource : public capture::Source {
public:
    explicit ListSource(std::vector<Item> items, std::size_t at_once = 16)
        : items_(std::move(items)), at_once_(at_once) {
        for (std::size_t i = 0; i < items_.size(); ++i)
            if (items_[i].position == 0) items_[i].position = (i + 1) * 10;
    }
    Status read(capture::Batch& batch) override {
        batch.clear();
        if (at_ == items_.size() && error_) return fail(Errc::io, "the disk is gone");
        for (std::size_t i = 0; i < at_once_ && at_ < items_.size(); ++i, ++at_) {
            const Item& item = items_[at_];
            batch.add({.message = item.query,
                       .recorded = item.recorded,
                       .recorded_newer = item.recorded_newer,
                       .transport = item.transport,
                       .position = item.position});
        }
        return {};
    }
    bool ended() const noexcept override { return at_ == items_.size(); }
    Status resume_behind(std::uint64_t position) override {
        while (at_ < items_.size() && items_[at_].position <= position) ++at_;
        return {};
    }
    const capture::SourceCounts& counts() const noexcept override { return counts_; }
    bool live() const noexcept override { return live_; }
    void fail_at_end() { error_ = true; }
    void be_live() { live_ = true; }

private:
    std::vector<Item> items_;
    std::size_t at_once_, at_ = 0;
    bool error_ = false, live_ = false;
    capture::SourceCounts counts_;
};

std::vector<Item> repeated(std::size_t count, const std::vector<std::string>& names) {
    std::vector<Item> items;
    for (std::size_t i = 0; i < count; ++i) items.push_back({query_for(names[i % names.size()])});
    return items;
}

/// Everything that a run delivers, checked as it comes.
struct Total {
    Sums sums;
    std::vector<Stretch> stretches;
    std::vector<Sample> samples;
    std::uint64_t last = 0;

    Status take(Stretch&& stretch) {
        CHECK(stretch.sums.balanced());
        CHECK(stretch.first > last);
        CHECK(stretch.last >= stretch.first);
        last = stretch.last;
        std::uint64_t in_cases = 0;
        for (const auto& one : stretch.cases) in_cases += one.count;
        CHECK(in_cases == stretch.sums.differences());
        sums.add(stretch.sums);
        for (const Sample& sample : stretch.samples) samples.push_back(sample);
        stretches.push_back(std::move(stretch));
        return {};
    }
};

const std::atomic<bool> go_on = false;

Total run_all(capture::Source& source, const Options& options) {
    Total total;
    const auto status = run(
        source, options, [&](Stretch&& stretch) { return total.take(std::move(stretch)); }, go_on);
    INFO((status ? std::string() : status.error().text()));
    CHECK(status.has_value());
    return total;
}

Options options_for(const Target& older, const Target& newer) {
    Options options;
    options.older = older;
    options.newer = newer;
    options.workers = 1;
    options.timeout = long_time;
    return options;
}

template <class Enum, std::size_t size>
std::uint64_t of(const std::array<std::uint64_t, size>& counters, Enum which) {
    return counters[static_cast<std::size_t>(which)];
}
std::uint64_t stray(const Sums& sums, Side side, Stray which) {
    return of(sums.stray[static_cast<std::size_t>(side)], which);
}

constexpr std::uint8_t nxdomain = 3;
void set_rcode(Octets& response, std::uint8_t rcode) {
    response[3] = static_cast<std::uint8_t>((response[3] & 0xf0) | rcode);
}
bool is(const std::string& question, const char* name) {
    return question.starts_with(name);
}

}  // namespace

TEST_CASE("servers that say the same are counted as the same, question for question") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones), newer(*zones);
    ListSource source(repeated(100, {"www.example.", "no.example.", "alias.example."}));
    const Total total =
        run_all(source, options_for(target_of(older.server()), target_of(newer.server())));
    CHECK(total.sums.asked == 100);
    CHECK(total.sums.same == 100);
    CHECK(total.sums.identical == 100);
    CHECK(total.sums.differences() == 0);
    CHECK(total.last == 1000);
    for (const auto& side : total.sums.stray)
        for (const std::uint64_t one : side) CHECK(one == 0);
}

TEST_CASE("TCP questions and targets that are asked by TCP alone go over kept connections") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones), newer(*zones);
    std::vector<Item> items = repeated(100, {"www.example.", "no.example."});
    for (Item& item : items) item.transport = dns::Transport::tcp;
    ListSource source(items);
    const Total total = run_all(
        source, options_for(target_of(older.server()), target_of(newer.server(Server::By::tcp))));
    CHECK(total.sums.same == 100);
    CHECK(older.connections() == 1);
    CHECK(newer.connections() == 1);
}

TEST_CASE("a lie is one difference, kept with both messages and asked again") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones);
    ZoneServer newer(*zones, [](const std::string& question, bool, Octets& response) {
        if (is(question, "www.")) set_rcode(response, nxdomain);
    });
    std::vector<Item> items = repeated(50, {"no.example."});
    items[20].query = query_for("www.example.");
    ListSource source(items);
    Options options = options_for(target_of(older.server()), target_of(newer.server()));
    SUBCASE("nobody says who is right") {
        const Total total = run_all(source, options);
        CHECK(of(total.sums.by_verdict, Verdict::undecided) == 1);
        CHECK(total.sums.unexplained == 1);
        CHECK(total.sums.same == 49);
        CHECK(of(total.sums.by_what, What::rcode) == 1);
        REQUIRE(total.samples.size() == 1);
        const Sample& sample = total.samples[0];
        CHECK(sample.position == 210);
        CHECK(sample.query == items[20].query);
        CHECK(sample.older == respond(*zones, items[20].query, false));
        CHECK(sample.newer.size() == sample.older.size());
        CHECK(newer.received("www.example. A") == 3);
        CHECK(older.received("www.example. A") == 3);
    }
    SUBCASE("zone data says who is right") {
        options.zones_or_null = zones.get();
        const Total total = run_all(source, options);
        CHECK(of(total.sums.by_verdict, Verdict::newer_wrong) == 1);
    }
    SUBCASE("a referee says who is right") {
        ZoneServer referee(*zones);
        options.referee = target_of(referee.server());
        const Total total = run_all(source, options);
        CHECK(of(total.sums.by_verdict, Verdict::newer_wrong) == 1);
        REQUIRE(total.samples.size() == 1);
        CHECK(total.samples[0].referee == total.samples[0].older);
        CHECK(referee.received("www.example. A") == 1);
        CHECK(referee.received("no.example. A") == 0);
    }
}

TEST_CASE("a difference in everything is asked again only so often") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones);
    ZoneServer newer(
        *zones, [](const std::string&, bool, Octets& response) { set_rcode(response, nxdomain); });
    ListSource source(repeated(200, {"www.example."}));
    Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.window = 1;
    options.rechecks_a_cause = 5;
    const Total total = run_all(source, options);
    CHECK(total.sums.unexplained == 200);
    CHECK(newer.received("www.example. A") == 200 + 5 * options.recheck);
    CHECK(total.samples.size() >= 4);
    CHECK(total.samples.size() <= Collector::samples_a_cause);
}

TEST_CASE("a question that a side does not answer is timed out, under that side") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones);
    ZoneServer newer(*zones, [](const std::string& question, bool, Octets& response) {
        if (is(question, "www.")) response.clear();
    });
    std::vector<Item> items = repeated(30, {"no.example."});
    items[7].query = query_for("www.example.");
    ListSource source(items);
    Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.timeout = short_time;
    const Total total = run_all(source, options);
    CHECK(total.sums.timed_out == 1);
    CHECK(of(total.sums.timeouts, Side::newer) == 1);
    CHECK(of(total.sums.timeouts, Side::older) == 0);
    CHECK(of(total.sums.repeats, Side::newer) == 2);
    CHECK(of(total.sums.by_what, What::timeout) == 1);
    CHECK(of(total.sums.by_verdict, Verdict::newer_wrong) == 1);
    CHECK(newer.received("www.example. A") == 3);
}

TEST_CASE("an old server that does not answer does not make the new one silent") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones, [](const std::string& question, bool, Octets& response) {
        if (is(question, "www.")) response.clear();
    });
    ZoneServer newer(*zones);
    ListSource source({{query_for("www.example.")}});
    Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.timeout = short_time;
    const Total total = run_all(source, options);
    CHECK(total.sums.timed_out == 1);
    CHECK(of(total.sums.timeouts, Side::older) == 1);
    CHECK(of(total.sums.timeouts, Side::newer) == 0);
    CHECK(of(total.sums.by_verdict, Verdict::older_wrong) == 1);
    REQUIRE(total.samples.size() == 1);
    CHECK(!total.samples[0].newer.empty());
}

TEST_CASE("truncated answers are compared whole, over TCP") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones);
    const auto text = dns::RrType::txt;
    SUBCASE("both truncate, and the whole answers are the same") {
        ZoneServer newer(*zones);
        ListSource source({{query_for("big.example.", text)}});
        const Total total =
            run_all(source, options_for(target_of(older.server()), target_of(newer.server())));
        CHECK(total.sums.same == 1);
        CHECK(older.received("big.example. TXT") == 2);
        CHECK(older.connections() == 1);
        CHECK(newer.connections() == 1);
    }
    SUBCASE("one is asked by TCP alone") {
        ZoneServer newer(*zones);
        ListSource source({{query_for("big.example.", text)}});
        const Total total = run_all(source, options_for(target_of(older.server()),
                                                        target_of(newer.server(Server::By::tcp))));
        CHECK(total.sums.same == 1);
    }
    SUBCASE("the whole answers differ") {
        const auto others = catalogue_of(records + "big 60 TXT more\n");
        ZoneServer newer(*others);
        ListSource source({{query_for("big.example.", text)}});
        const Total total =
            run_all(source, options_for(target_of(older.server()), target_of(newer.server())));
        CHECK(total.sums.unexplained == 1);
        CHECK(of(total.sums.by_what, What::answer) == 1);
    }
    SUBCASE("one truncates what would have fitted") {
        ZoneServer newer(*zones, [](const std::string& question, bool tcp, Octets& response) {
            if (is(question, "www.") && !tcp)
                response[2] = static_cast<std::uint8_t>(response[2] | 2);
        });
        ListSource source({{query_for("www.example.")}});
        const Total total =
            run_all(source, options_for(target_of(older.server()), target_of(newer.server())));
        CHECK(of(total.sums.by_what, What::flags) == 1);
        CHECK(of(total.sums.by_verdict, Verdict::newer_wrong) == 1);
        REQUIRE(total.samples.size() == 1);
        CHECK(total.samples[0].judgement.clause == "RFC 2181 section 9");
    }
    SUBCASE("one sends a larger datagram than the other wants to") {
        // 5 KB would not fit in the client's 4096, so a smaller zone.
        const auto small = catalogue_of(
            "@ 60 SOA ns hostmaster 1 7200 900 86400 3600\n@ 60 NS ns\n" + long_texts(8));
        ZoneServer cuts(*small);
        TestServer sends([&](const Octets& query, const auto& client) {
            client.answer(respond(*small, query, client.tcp, 4096));
        });
        ListSource source({{query_for("big.example.", text, true)}});
        const Total total =
            run_all(source, options_for(target_of(cuts.server()), target_of(sends.server())));
        CHECK(of(total.sums.by_verdict, Verdict::both_legal) == 1);
        CHECK(of(total.sums.by_rule, Rule::truncation) == 1);
        CHECK(total.sums.explained == 1);
    }
    SUBCASE("a datagram that is not what the same server says over TCP") {
        ZoneServer newer(*zones, [](const std::string&, bool tcp, Octets& response) {
            if (tcp) return;
            response[2] = static_cast<std::uint8_t>(response[2] & ~2);  // claims to be whole
        });
        ListSource source({{query_for("big.example.", text)}});
        const Total total =
            run_all(source, options_for(target_of(older.server()), target_of(newer.server())));
        CHECK(total.sums.unexplained == 1);
    }
    SUBCASE("one answers over UDP only") {
        ZoneServer newer(*zones, [](const std::string&, bool tcp, Octets& response) {
            if (tcp) response.clear();
        });
        ListSource source({{query_for("big.example.", text)}});
        Options options = options_for(target_of(older.server()), target_of(newer.server()));
        options.timeout = short_time;
        const Total total = run_all(source, options);
        CHECK(total.sums.timed_out == 1);
        CHECK(of(total.sums.timeouts, Side::newer) == 1);
    }
}

TEST_CASE("a side that says something else each time is unstable") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones);
    std::atomic<int> count = 0;
    ZoneServer newer(*zones, [&](const std::string& question, bool, Octets& response) {
        if (is(question, "www.") && count++ % 2 == 0) set_rcode(response, 2);
    });
    ListSource source({{query_for("www.example.")}});
    const Total total =
        run_all(source, options_for(target_of(older.server()), target_of(newer.server())));
    CHECK(of(total.sums.by_verdict, Verdict::unstable) == 1);
    CHECK(total.sums.unexplained == 1);
}

TEST_CASE("zone data says who is wrong though the old side says something else each time") {
    const auto zones = catalogue_of(records);
    const auto fails_by_turns = [] {
        return [count = std::make_shared<std::atomic<int>>(0)](const std::string& question, bool,
                                                               Octets& response) {
            if (is(question, "www.") && (*count)++ % 2 == 0) set_rcode(response, 2);
        };
    };
    const auto verdicts_of = [&](ZoneServer& older, ZoneServer& newer) {
        ListSource source({{query_for("www.example.")}});
        Options options = options_for(target_of(older.server()), target_of(newer.server()));
        options.zones_or_null = zones.get();
        return run_all(source, options);
    };
    {
        ZoneServer older(*zones, fails_by_turns()), newer(*zones);
        const Total total = verdicts_of(older, newer);
        CHECK(of(total.sums.by_verdict, Verdict::older_wrong) == 1);
        CHECK(total.sums.unexplained == 0);
    }
    {
        ZoneServer older(*zones), newer(*zones, fails_by_turns());
        const Total total = verdicts_of(older, newer);
        CHECK(of(total.sums.by_verdict, Verdict::newer_wrong) == 1);
        CHECK(total.sums.unexplained == 1);
    }
}

TEST_CASE("sides that draw from the same set are both right") {
    const auto zones = catalogue_of(records);
    const auto rotates = [](int step) {
        auto count = std::make_shared<std::atomic<int>>(0);
        return [count, step](const std::string& question, bool, Octets& response) {
            if (is(question, "www."))
                response.back() = static_cast<std::uint8_t>((*count += step) % 3);
        };
    };
    ZoneServer older(*zones, rotates(1)), newer(*zones, rotates(2));
    ListSource source({{query_for("www.example.")}});
    const Total total =
        run_all(source, options_for(target_of(older.server()), target_of(newer.server())));
    CHECK(of(total.sums.by_verdict, Verdict::both_legal) == 1);
    CHECK(of(total.sums.by_rule, Rule::rotating) == 1);
}

TEST_CASE("versions of a zone that become one within the lag explain a difference") {
    const auto old_zones = catalogue_of(records);
    std::string changed = records;
    changed.replace(changed.find("hostmaster 1"), 12, "hostmaster 2");
    changed.replace(changed.find("192.0.2.1\n"), 10, "192.0.2.9\n");
    const auto new_zones = catalogue_of(changed);
    ZoneServer older(*new_zones);
    std::atomic<int> count = 0;
    std::atomic<int> changes_at = 0;
    TestServer newer([&](const Octets& query, const auto& client) {
        client.answer(respond(count++ < changes_at ? *old_zones : *new_zones, query, client.tcp));
    });
    ListSource source({{query_for("www.example.")}});
    Options options = options_for(target_of(older.server()), target_of(newer.server()));
    SUBCASE("they become one at once") {
        changes_at = 2;  // the question and the SOA
        const Total total = run_all(source, options);
        CHECK(of(total.sums.by_verdict, Verdict::in_flight) == 1);
        CHECK(total.sums.explained == 1);
    }
    SUBCASE("they become one within the lag") {
        changes_at = 8;
        options.lag = long_time;
        const Total total = run_all(source, options);
        CHECK(of(total.sums.by_verdict, Verdict::in_flight) == 1);
    }
    SUBCASE("they do not") {
        changes_at = 1'000'000;
        options.lag = base::Duration::milliseconds(60);
        const Total total = run_all(source, options);
        CHECK(of(total.sums.by_verdict, Verdict::undecided) == 1);
        CHECK(total.sums.unexplained == 1);
    }
}

TEST_CASE(
    "a chain that one side ends where another zone begins is legal, and not where none does") {
    const auto zone_of = [](const std::string& apex, const std::string& text) {
        zone::Builder builder;
        builder.begin(*dns::Name::parse(apex));
        const auto report = dns::read_master(
            text, {.origin = *dns::Name::parse(apex)},
            [&](const dns::RecordView& record, std::uint64_t) { return builder.add(record); });
        REQUIRE(report.errors.empty());
        auto image = builder.build();
        REQUIRE(image.has_value());
        return catalogue::ApexChange{.apex = *dns::Name::parse(apex), .image = *std::move(image)};
    };
    const std::string apex =
        "@ 60 SOA ns hostmaster 1 7200 900 86400 3600\n@ 60 NS ns\nns 60 A 192.0.2.53\n";
    auto zones = std::make_unique<catalogue::Catalogue>(99);
    zones->insert(zone_of("one.example.", apex + "out 60 CNAME link.two.example.\n"
                                                 "in 60 CNAME here\nhere 60 CNAME www\n"
                                                 "www 60 A 192.0.2.1\n"
                                                 "*.wild 60 CNAME link.two.example.\n"));
    zones->insert(zone_of("two.example.", apex + "link 60 CNAME www\nwww 60 A 192.0.2.2\n"));
    ZoneServer older(*zones, [](const std::string& question, bool, Octets& response) {
        if (question.ends_with(" SOA")) return;
        auto message = dns::parse_message(response);
        message->answer.resize(1);
        message->authority.clear();
        response = *dns::encode_message(*message);
    });
    ZoneServer newer(*zones);
    for (const char* const name :
         {"out.one.example.", "a.b.wild.one.example.", "in.one.example."}) {
        CAPTURE(name);
        ListSource source(repeated(200, {name}));
        const Total total =
            run_all(source, options_for(target_of(older.server()), target_of(newer.server())));
        const bool is_legal = name != std::string("in.one.example.");
        CHECK(total.sums.compared == 200);
        CHECK(of(total.sums.by_verdict, is_legal ? Verdict::both_legal : Verdict::undecided) ==
              200);
        REQUIRE(!total.samples.empty());
        CHECK(total.samples[0].cause == (is_legal ? "answer cname-chain stops-at-zone-end"
                                                  : "answer cname-chain answer=+CNAME,+QTYPE"));
    }
    // A server without the zone behind the link has not chosen to stop.
    auto one_alone = std::make_unique<catalogue::Catalogue>(99);
    one_alone->insert(zone_of("one.example.", apex + "out 60 CNAME link.two.example.\n"));
    ZoneServer lacking(*one_alone);
    ListSource source(repeated(20, {"out.one.example."}));
    const Total total =
        run_all(source, options_for(target_of(lacking.server()), target_of(newer.server())));
    CHECK(of(total.sums.by_verdict, Verdict::undecided) == 20);
}

TEST_CASE("questions that cannot be asked are malformed, and cost no asking") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones), newer(*zones);
    Octets update = query_for("www.example.");
    update[2] = 5 << 3;
    Octets behind_end = query_for("www.example.");
    behind_end.push_back(0);
    ListSource source({{update}, {query_for("www.example.")}, {Octets(12, 0)}, {behind_end}});
    const Total total =
        run_all(source, options_for(target_of(older.server()), target_of(newer.server())));
    CHECK(total.sums.asked == 4);
    CHECK(total.sums.malformed == 3);
    CHECK(total.sums.same == 1);
    CHECK(total.sums.differences() == 0);
}

TEST_CASE("an answer that is no DNS message counts as malformed") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones);
    ZoneServer newer(*zones, [](const std::string&, bool, Octets& response) {
        if (response.size() > 3) response.resize(response.size() - 3);  // gcc 12 minds it otherwise
    });
    ListSource source({{query_for("www.example.")}});
    const Total total =
        run_all(source, options_for(target_of(older.server()), target_of(newer.server())));
    CHECK(total.sums.malformed == 1);
    CHECK(total.sums.compared == 0);
    CHECK(of(total.sums.by_what, What::malformed) == 1);
}

TEST_CASE("strays are counted by side and kind, and change nothing") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones);
    const int other = ::socket(AF_INET, SOCK_DGRAM, 0);
    TestServer newer([&](const Octets& query, const auto& client) {
        Octets lie = respond(*zones, query, false);
        set_rcode(lie, 2);
        client.send_from(other, lie);
        Octets wrong = lie;
        wrong[0] = static_cast<std::uint8_t>(wrong[0] ^ 0x2a);
        client.answer(wrong);
        client.answer(respond(*zones, query, false));
        client.answer(lie);  // twice
    });
    // No name twice: a wrong ID that is by chance another question's then comes with the wrong
    // name, else it would be that question's answer.
    std::vector<std::string> names;
    for (int i = 0; i < 200; ++i) names.push_back("n" + std::to_string(i) + ".example.");
    ListSource source(repeated(names.size(), names));
    const Total total =
        run_all(source, options_for(target_of(older.server()), target_of(newer.server())));
    CHECK(total.sums.same == 200);
    for (const Stray kind : {Stray::other_source, Stray::twice})
        CHECK(stray(total.sums, Side::newer, kind) >= 100);
    // A wrong ID may be that of another question in flight or gone.
    CHECK(stray(total.sums, Side::newer, Stray::other_id) +
              stray(total.sums, Side::newer, Stray::other_question) +
              stray(total.sums, Side::newer, Stray::twice) +
              stray(total.sums, Side::newer, Stray::late) >=
          200);
    for (const std::uint64_t one : total.sums.stray[0]) CHECK(one == 0);
    ::close(other);
}

TEST_CASE("with a server that loses every third datagram the accounts balance, in order") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones);
    std::atomic<std::uint64_t> seed = 7;
    ZoneServer newer(*zones, [&](const std::string&, bool, Octets& response) {
        if (base::Seed(seed++).below(10) < 3) response.clear();
    });
    constexpr std::size_t questions = 3000;
    ListSource source(repeated(questions, {"www.example.", "no.example.", "alias.example."}), 7);
    Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.workers = 4;
    options.timeout = base::Duration::milliseconds(100);  // sanitizers are slow
    options.sends = 2;
    const Total total = run_all(source, options);
    CHECK(total.sums.asked == questions);
    CHECK(total.sums.same + total.sums.timed_out == questions);
    CHECK(total.sums.timed_out > questions / 50);
    CHECK(total.sums.same > questions / 4);
    CHECK(total.last == questions * 10);
    CHECK(total.stretches.size() == (questions + 6) / 7);
}

TEST_CASE("a server too slow for the window is asked less at once, not reported as silent") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones);
    ZoneServer newer(*zones, [](const std::string&, bool, Octets&) { ::poll(nullptr, 0, 1); });
    constexpr std::size_t questions = 2000;
    ListSource source(repeated(questions, {"www.example.", "no.example.", "alias.example."}), 7);
    Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.workers = 1;
    options.window = 1000;
    options.timeout = base::Duration::milliseconds(200);  // a fifth of what the window takes
    options.sends = 2;
    const Total total = run_all(source, options);
    CHECK(total.sums.asked == questions);
    CHECK(total.sums.same > questions / 2);
}

TEST_CASE("a run that is stopped ends in order, and one that resumes asks exactly the rest") {
    const auto zones = catalogue_of(records);
    std::atomic<bool> stop = false;
    std::atomic<int> received = 0;
    ZoneServer older(*zones);
    ZoneServer newer(*zones, [&](const std::string&, bool, Octets&) {
        if (++received == 700) stop = true;
    });
    constexpr std::size_t questions = 3000;
    const auto items = repeated(questions, {"www.example.", "no.example."});
    Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.workers = 3;
    options.window = 16;
    Total total;
    const auto take = [&](Stretch&& stretch) { return total.take(std::move(stretch)); };
    {
        ListSource source(items, 50);
        CHECK(run(source, options, take, stop).has_value());
    }
    const std::uint64_t first_part = total.sums.asked;
    CHECK(first_part > 0);
    CHECK(first_part < questions);
    CHECK(total.sums.dropped == 0);
    CHECK(total.last == first_part * 10);
    ListSource source(items, 50);
    CHECK(source.resume_behind(total.last).has_value());
    CHECK(run(source, options, take, go_on).has_value());
    CHECK(total.sums.asked == questions);
    CHECK(total.sums.same == questions);
}

TEST_CASE("of a live source what was taken and not asked is dropped, and counted") {
    const auto zones = catalogue_of(records);
    std::atomic<bool> stop = false;
    ZoneServer older(*zones);
    ZoneServer newer(*zones, [&](const std::string&, bool, Octets&) { stop = true; });
    ListSource source(repeated(3000, {"www.example."}), 50);
    source.be_live();
    Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.window = 8;
    Total total;
    CHECK(run(
              source, options, [&](Stretch&& stretch) { return total.take(std::move(stretch)); },
              stop)
              .has_value());
    CHECK(total.sums.dropped > 0);
    CHECK(total.sums.same > 0);
    CHECK(total.sums.asked == total.sums.same + total.sums.dropped);
    CHECK(total.last == total.sums.asked * 10);
}

TEST_CASE("a run ends with the error of who takes its results, or of the source behind its end") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones), newer(*zones);
    ListSource source(repeated(1000, {"www.example."}), 10);
    const Options options = options_for(target_of(older.server()), target_of(newer.server()));
    SUBCASE("who takes results") {
        int taken = 0;
        const auto status = run(
            source, options,
            [&](Stretch&&) -> Status {
                if (++taken == 3) return fail(Errc::full, "no space left");
                return {};
            },
            go_on);
        REQUIRE_FALSE(status.has_value());
        CHECK(status.error().code == Errc::full);
        CHECK(taken == 3);
    }
    SUBCASE("the source") {
        source.fail_at_end();
        Total total;
        const auto status = run(
            source, options, [&](Stretch&& stretch) { return total.take(std::move(stretch)); },
            go_on);
        REQUIRE_FALSE(status.has_value());
        CHECK(status.error().code == Errc::io);
        CHECK(total.sums.same == 1000);
    }
}

TEST_CASE("a rate and a limit of questions are kept") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones), newer(*zones);
    ListSource source(repeated(1000, {"www.example."}));
    Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.questions_max = 100;
    options.rate = 1000;
    options.workers = 2;
    const base::Duration start = runtime::monotonic();
    const Total total = run_all(source, options);
    CHECK(total.sums.same == 100);
    CHECK(runtime::monotonic() - start >= base::Duration::milliseconds(85));
}

TEST_CASE("recordings and stores are compared in this process") {
    const auto zones = catalogue_of(records);
    Target recorded, in_store;
    recorded.kind = Target::Kind::recorded;
    in_store.kind = Target::Kind::store;
    std::vector<Item> items;
    for (std::size_t i = 0; i < 1000; ++i) {
        Item item{query_for(i % 2 == 0 ? "www.example." : "no.example.")};
        item.recorded = respond(*zones, item.query, false);
        if (i == 500) set_rcode(item.recorded, nxdomain);
        if (i == 501) item.recorded.clear();
        if (i == 502) {
            item.query = query_for("big.example.", dns::RrType::txt);
            item.recorded = respond(*zones, item.query, false);
        }
        if (i == 503) {
            item.transport = dns::Transport::tcp;
            item.query = query_for("big.example.", dns::RrType::txt);
            item.recorded = respond(*zones, item.query, true);
        }
        items.push_back(item);
    }
    ListSource source(items, 100);
    Options options = options_for(recorded, in_store);
    options.stores[1] = zones.get();
    options.workers = 2;
    SUBCASE("a recording against a store") {
        const Total total = run_all(source, options);
        CHECK(total.sums.asked == 1000);
        CHECK(total.sums.same == 998);
        CHECK(total.sums.unexplained == 2);
        CHECK(of(total.sums.by_what, What::rcode) == 1);
        CHECK(of(total.sums.timeouts, Side::older) == 1);
    }
    SUBCASE("a recording against a server") {
        ZoneServer newer(*zones);
        options.newer = target_of(newer.server());
        const Total total = run_all(source, options);
        CHECK(total.sums.same == 998);
        CHECK(total.sums.unexplained == 2);
    }
    SUBCASE("a store against a server") {
        ZoneServer older(*zones);
        options.older = target_of(older.server());
        const Total total = run_all(source, options);
        CHECK(total.sums.same == 1000);
    }
}

TEST_CASE("signatures that differ are taken for the same when both verify, and only then") {
    catalogue::Catalogue zones(5);
    insert_signed_zone(zones);

    std::atomic<bool> break_it = false;
    std::atomic<bool> hide_keys = false;
    ZoneServer older(zones);
    ZoneServer newer(zones, [&](const std::string& question, bool, Octets& response) {
        if (question.ends_with("DNSKEY")) {
            if (hide_keys) response.clear();
            return;
        }
        sign_otherwise(response, break_it);
    });
    const std::vector<Item> items(20, {signed_query("nsec.example.")});
    ListSource source(items);
    Options options = options_for(target_of(older.server()), target_of(newer.server()));
    SUBCASE("both verify") {
        const Total total = run_all(source, options);
        CHECK(total.sums.same == 20);
        CHECK(total.sums.identical == 0);
        CHECK(of(total.sums.by_rule, Rule::signatures) == 20);
        CHECK(newer.received("nsec.example. DNSKEY") >= 1);
    }
    SUBCASE("keys come from zone data where it is at hand") {
        options.zones_or_null = &zones;
        hide_keys = true;
        const Total total = run_all(source, options);
        CHECK(total.sums.same == 20);
        CHECK(newer.received("nsec.example. DNSKEY") == 0);
    }
    SUBCASE("one does not") {
        break_it = true;
        const Total total = run_all(source, options);
        CHECK(of(total.sums.by_what, What::proofs) == 20);
        CHECK(of(total.sums.by_verdict, Verdict::newer_wrong) == 20);
    }
    SUBCASE("one has no keys to verify with") {
        hide_keys = true;
        options.timeout = short_time;
        const Total total = run_all(source, options);
        CHECK(of(total.sums.by_verdict, Verdict::undecided) == 20);
        REQUIRE_FALSE(total.samples.empty());
        CHECK(total.samples[0].judgement.sentence.find("whose DNSKEY are not to be had") !=
              std::string::npos);
    }
}

TEST_CASE("signatures in ADDITIONAL have to verify as well") {
    catalogue::Catalogue zones(5);
    insert_signed_zone(zones);
    const auto address =
        *dns::parse_message(respond(zones, signed_query("ns1.nsec.example."), false));
    REQUIRE(address.answer.size() == 2);
    const auto with_address = [&](bool bad) {
        return [&address, bad](const std::string& question, bool, Octets& response) {
            if (question.ends_with("DNSKEY")) return;
            auto message = *dns::parse_message(response);
            message.additional = address.answer;
            if (bad) message.additional[1].rdata.back() ^= 1;
            response = *dns::encode_message(message);
        };
    };
    ZoneServer older(zones, with_address(false)), newer(zones, with_address(true));
    ListSource source({{signed_query("nsec.example.", dns::RrType::ns)}});
    const Total total =
        run_all(source, options_for(target_of(older.server()), target_of(newer.server())));
    CHECK(total.sums.same == 0);
    CHECK(of(total.sums.by_verdict, Verdict::newer_wrong) == 1);
}

TEST_CASE("a change in flight explains no signature that does not verify") {
    catalogue::Catalogue zones(5);
    insert_signed_zone(zones);
    ZoneServer older(zones);
    std::atomic<int> answers = 0;
    ZoneServer newer(zones, [&](const std::string& question, bool, Octets& response) {
        if (question.ends_with("DNSKEY")) return;
        sign_otherwise(response, true);
        if (answers++ >= 2) return;
        // At first another version of the zone.
        auto message = *dns::parse_message(response);
        for (dns::Record& record : message.answer) {
            if (record.type == dns::RrType::soa)
                record.rdata[record.rdata.size() - 20 + 3] ^= 1;  // its serial
            if (record.type == dns::RrType::a) record.rdata[3] ^= 0x40;
        }
        response = *dns::encode_message(message);
    });
    ListSource source({{signed_query("nsec.example.")}});
    const Total total =
        run_all(source, options_for(target_of(older.server()), target_of(newer.server())));
    CHECK(total.sums.explained == 0);
    CHECK(of(total.sums.by_verdict, Verdict::newer_wrong) == 1);
}

TEST_CASE("a pair that comes with its answers is judged by them, and asked only when they differ") {
    const auto zones = catalogue_of(records);
    ZoneServer older(*zones), newer(*zones);
    const Octets query = query_for("www.example.");
    const Octets right = respond(*zones, query, false);
    Octets wrong = right;
    set_rcode(wrong, nxdomain);
    std::vector<Item> items;
    items.push_back({.query = query, .recorded = right, .recorded_newer = right});
    ListSource same(items);
    const Options options = options_for(target_of(older.server()), target_of(newer.server()));
    CHECK(run_all(same, options).sums.identical == 1);
    CHECK(older.received("www.example. A") == 0);
    CHECK(newer.received("www.example. A") == 0);

    items[0].recorded_newer = wrong;
    ListSource differs(items);
    const Total total = run_all(differs, options);
    CHECK(total.sums.unexplained == 1);
    CHECK(of(total.sums.by_verdict, Verdict::unstable) == 1);
    CHECK(newer.received("www.example. A") > 0);
    REQUIRE(total.samples.size() == 1);
    CHECK(total.samples[0].newer == wrong);
}

TEST_CASE("silence over TCP takes nothing from a pair that comes with its answers") {
    const auto zones = catalogue_of(records);
    const auto no_tcp = [](const std::string&, bool tcp, Octets& response) {
        if (tcp) response.clear();
    };
    ZoneServer older(*zones, no_tcp), newer(*zones, no_tcp);
    const Octets query = query_for("www.example.");
    const Octets whole = respond(*zones, query, false);
    Octets cut = whole;
    cut[2] |= 2;  // TC
    Options options = options_for(target_of(older.server()), target_of(newer.server()));
    options.timeout = short_time;
    ListSource source({{.query = query, .recorded = cut, .recorded_newer = whole}});
    const Total total = run_all(source, options);
    CHECK(total.sums.timed_out == 0);
    CHECK(total.sums.compared == 1);
    CHECK(total.sums.unexplained == 1);
    CHECK(total.sums.unconfirmed == 0);  // both answer by UDP
    REQUIRE(total.samples.size() == 1);
    CHECK(total.samples[0].older == cut);
}

TEST_CASE("a proof that zone data has nothing against has to verify as well") {
    catalogue::Catalogue zones(5);
    insert_signed_zone(zones);

    // Another NSEC below the signature of the zone's own: it lists no A.
    const auto without_a = [](const std::string&, bool, Octets& response) {
        auto message = *dns::parse_message(response);
        for (dns::Record& record : message.authority) {
            if (record.type != dns::RrType::nsec) continue;
            std::size_t root = 0;
            while (record.rdata[root] != 0) root += 1U + record.rdata[root];
            record.rdata[root + 3] &= 0xbfU;  // window, octets, types 0 to 7
        }
        response = *dns::encode_message(message);
    };
    const std::vector<Item> items(20, {signed_query("missing.nsec.example.")});
    ListSource source(items);
    ZoneServer right(zones), wrong(zones, without_a);
    SUBCASE("of the new server") {
        Options options = options_for(target_of(right.server()), target_of(wrong.server()));
        options.zones_or_null = &zones;
        const Total total = run_all(source, options);
        CHECK(of(total.sums.by_verdict, Verdict::newer_wrong) == 20);
        REQUIRE_FALSE(total.samples.empty());
        CHECK(total.samples[0].judgement.sentence.starts_with(
            "the new server gives a signature that does not verify: RRSIG over NSEC of "));
    }
    SUBCASE("of the old server") {
        Options options = options_for(target_of(wrong.server()), target_of(right.server()));
        options.zones_or_null = &zones;
        const Total total = run_all(source, options);
        CHECK(of(total.sums.by_verdict, Verdict::older_wrong) == 20);
    }
}

TEST_CASE("one question to one target") {
    const auto zones = catalogue_of(records);
    ZoneServer server(*zones);
    const Octets query = query_for("www.example.");
    for (const auto transport : {dns::Transport::udp, dns::Transport::tcp}) {
        const auto answer = ask_once(target_of(server.server()), query, transport, long_time);
        REQUIRE(answer.has_value());
        CHECK(*answer == respond(*zones, query, transport == dns::Transport::tcp));
    }
    TestServer silent([](const Octets&, const auto&) {});
    const auto none = ask_once(target_of(silent.server()), query, dns::Transport::udp, short_time);
    REQUIRE(none.has_value());
    CHECK(none->empty());
    Target recorded;
    recorded.kind = Target::Kind::recorded;
    CHECK_FALSE(ask_once(recorded, query, dns::Transport::udp, short_time).has_value());
}

TEST_CASE("options out of range are refused") {
    ListSource source({});
    const auto nothing = [](Stretch&&) -> Status { return {}; };
    const auto try_ends = [&](const auto& limit, const auto& field) {
        testkit::try_ends(limit, [&](auto value) {
            Options options = options_for({}, {});
            field(options) = value;
            const auto ran = run(source, options, nothing, go_on);
            return ran ? std::string() : ran.error().message;
        });
    };
    try_ends(
        Options::window_limit, [](Options & o) -> auto& { return o.window; });
    try_ends(
        Options::rate_limit, [](Options & o) -> auto& { return o.rate; });
    try_ends(
        Options::timeout_limit, [](Options & o) -> auto& { return o.timeout; });
    try_ends(
        Options::sends_limit, [](Options & o) -> auto& { return o.sends; });
    try_ends(
        Options::recheck_limit, [](Options & o) -> auto& { return o.recheck; });
    try_ends(
        Options::lag_limit, [](Options & o) -> auto& { return o.lag; });
    using compare::Policy;
    try_ends(
        Policy::ttl_tolerance_limit, [](Options & o) -> auto& { return o.policy.ttl_tolerance; });
    try_ends(
        Policy::serial_lag_limit, [](Options & o) -> auto& { return o.policy.serial_lag; });
}
