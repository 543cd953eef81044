#include "node/report.h"

#include <memory>
#include <string>

#include <doctest/doctest.h>

#include "node/figures.h"
#include "node/test_zones.h"

using namespace zc;
using namespace node::testing;
using node::ChangeReport;
using node::State;

namespace {

std::unique_ptr<FakeSource> a_store() {
    auto out = std::make_unique<FakeSource>();
    out->stands = node::StoreStand{.position = {.store = {1}, .number = 4, .value = 255},
                                   .committed_at = base::Instant{1'800'000'000'000'000'000},
                                   .mapped_octets = 1'000'000};
    return out;
}

/// Serves a good zone out of a store; one is outdated, one is withheld.
struct Node {
    Node() {
        node::NewZone withheld = good("withheld.", 1);
        withheld.image = zone::placeholder(name("withheld."), zone::State::unsigned_);
        withheld.records = 0;
        withheld.reason = catalogue::Reason::withheld;
        node::LookResult found;
        found.all = whole_of(good("a.", 7), std::move(withheld));
        zones.take_first(std::move(found), base::Instant{1'800'000'000'000'000'000});
        node::LookResult bad_news;
        bad_news.changes = changes_of(bad("a."));
        REQUIRE(zones.take(bad_news, {}, base::Instant{1'800'000'001'000'000'000}, report));
    }
    node::NodeFigures figures() const {
        return {.version = "1.2",
                .workers = 2,
                .uptime = base::Duration::milliseconds(61'500),
                .count = {zones.served().zones(), zones.served().records()},
                .answers = true};
    }

    Workers workers;
    node::Zones zones{a_store(), workers, base::numbers_of(base::Seed(1))};
    ChangeReport report;
};

constexpr const char* not_served_text =
    R"("not_served":{"total":1,"withheld":1,"broken":0,"refused":0,"damaged":0,"not_loaded":0})";
constexpr const char* store_text =
    R"("store":{"position":"4-00000000000000ff","committed":"2027-01-15T08:00:00Z",)"
    R"("newest_position":"4-00000000000000ff","newest_committed":"2027-01-15T08:00:00Z",)"
    R"("behind":false})";

std::string expected(std::string text) {
    for (const auto& [mark, with] :
         {std::pair<std::string, std::string>{"NOT_SERVED", not_served_text},
          {"STORE", store_text}})
        if (const auto at = text.find(mark); at != std::string::npos)
            text.replace(at, mark.size(), with);
    return text;
}

}  // namespace

TEST_CASE("the status of a node: all keys, in their order") {
    Node node;
    const node::ProcessFigures process{.resident_octets = 5'000'000,
                                       .file_descriptors = 12,
                                       .cpu_user = base::Duration::seconds(1),
                                       .cpu_system = base::Duration::seconds(2)};
    node::Figures figures = figures_of(node.figures(), node.zones, process);
    CHECK(figures.zone_octets > 1'000'000);
    CHECK(figures.zones_outdated == 1);
    CHECK(figures.store->position_served == 4);
    CHECK(figures.process.cpu_system == base::Duration::seconds(2));
    figures.zone_octets = 123;
    server::Totals totals;
    totals.connections_accepted = 3;
    totals.connections_closed = 1;
    const std::vector<net::Endpoint> listen = {*net::parse_endpoint("127.0.0.1:53")};
    const term::Json json = node::status_json({.state = State::reloading,
                                               .process = 77,
                                               .listen = listen,
                                               .zones = node.zones,
                                               .figures = figures,
                                               .totals = totals});
    CHECK(json.serialize() ==
          expected(R"({"state":"reloading","version":"1.2","pid":77,"uptime_seconds":61,)"
                   R"("listen":["127.0.0.1:53"],"workers":2,"zones":2,NOT_SERVED,"records":2,)"
                   R"("zone_octets":123,"resident_octets":5000000,"queries":{"udp":0,"tcp":0},)"
                   R"("connections":2,"loaded":"2027-01-15T08:00:00Z","source":"/a/store",STORE,)"
                   R"("not_served_zones":[{"zone":"withheld.","reason":"withheld","error":)") +
              term::Json::string(catalogue::sentence_of(catalogue::Reason::withheld)).serialize() +
              R"(}],"outdated":1,"outdated_zones":[{"zone":"a.","error":)"
              R"("a.zone:3: malformed: no SOA"}]})");
}

TEST_CASE("a store that has moved on, or cannot be read, is told of") {
    Node node;
    node::StoreState& state = *node.zones.store_or_null();
    state.seen(state.look_number(), load::StoreWatch::Seen{{.store = {1}, .number = 5}, {}});
    std::string text = reload_json({}, node.zones)["store"].serialize();
    CHECK(text.ends_with(
        R"("newest_position":"5-0000000000000000","newest_committed":null,"behind":true})"));
    state.seen(state.look_number(), fail(Errc::io, "gone"));
    text = reload_json({}, node.zones)["store"].serialize();
    CHECK(text.ends_with(R"("behind":false,"problem":"input/output: gone"})"));
}

TEST_CASE("a node is healthy while it serves, and no more zones are missing than allowed") {
    Node node;
    const auto healthy = [&](State state, const char* limit) {
        auto parsed = catalogue::NotServedLimit::parse(limit);
        const bool is_any = std::string_view(limit) == "any";
        return node::health_json(state, node.figures().count, node.zones.served(),
                                 is_any ? nullptr : &*parsed)["healthy"]
            .truth();
    };
    CHECK(healthy(State::serving, "any"));
    CHECK(healthy(State::reloading, "any"));
    CHECK(!healthy(State::loading, "any"));
    CHECK(!healthy(State::stopping, "any"));
    CHECK(healthy(State::serving, "1"));
    CHECK(healthy(State::serving, "50%"));
    CHECK(!healthy(State::serving, "0"));
    CHECK(!healthy(State::serving, "49%"));
    CHECK(node::health_json(State::serving, node.figures().count, node.zones.served(), nullptr)
              .serialize() ==
          expected(R"({"healthy":true,"state":"serving","zones":2,NOT_SERVED})"));
}

TEST_CASE("the report of a reload says what became of zones and settings, and what was wrong") {
    Node node;
    node::ReloadReport report;
    report.zones = node.report;
    report.settings = {{"nsid", true}, {"workers", false}};
    CHECK(!report.ok());
    CHECK(reload_json(report, node.zones).serialize() ==
          expected(R"({"ok":false,"zones":{"added":0,"changed":0,"removed":0,"failed":1,)"
                   R"("unchanged":1,"total":2,NOT_SERVED,"outdated":1,"details":[{"zone":"a.",)"
                   R"("what":"failed, last good content is kept","serial":7,"errors":)"
                   R"(["a.zone:3: malformed: no SOA"]}]},"problems":[],"settings":)"
                   R"([{"key":"nsid","applied":true},{"key":"workers","applied":false}],STORE})"));
    report.zones = {};
    CHECK(report.ok());
    report.problems = {"a folder cannot be read"};
    CHECK(!report.ok());
}

TEST_CASE("zones that are not served are named, a thousand of them") {
    Workers workers;
    node::Zones zones(a_store(), workers, base::numbers_of(base::Seed(1)));
    node::LookResult found;
    for (int i = 0; i < 1001; ++i)
        found.changes.zones.push_back(bad("z" + std::to_string(i) + "."));
    ChangeReport report;
    REQUIRE(zones.take(found, {}, base::Instant{1}, report));
    const node::Figures figures;
    const server::Totals totals;
    const std::vector<net::Endpoint> listen;
    const term::Json json = node::status_json({.state = State::serving,
                                               .listen = listen,
                                               .zones = zones,
                                               .figures = figures,
                                               .totals = totals});
    CHECK(json["not_served_zones"].elements().size() == 1000);
    CHECK(json["not_served"]["total"].integer() == 1001);
    CHECK(json["loaded"].text() == "never");
}
