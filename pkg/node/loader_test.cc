#include "node/loader.h"

#include <memory>
#include <new>
#include <string>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <doctest/doctest.h>

#include "node/test_zones.h"
#include "node/zones.h"

using namespace zc;
using namespace node::testing;
using node::Loader;
using node::Looked;
using node::LookResult;

namespace {

/// Gives batches of one zone, more than may wait.
struct BatchSource final : FakeSource {
    static constexpr int batches = 3 * Loader::batches_waiting_max;

    Status load(const node::Look& look, LookResult& found) override {
        if (throws) throw std::bad_alloc();
        if (look.handover_or_null == nullptr) {
            found.all = whole_of(good("a.", 1));
            return {};
        }
        look.handover_or_null->names(whole_of());
        for (int i = 0; i < batches; ++i)
            look.handover_or_null->zones(changes_of(good("z" + std::to_string(i) + ".", 1)));
        return {};
    }
    Status look_again(const catalogue::Catalogue& served, const node::Look&,
                      LookResult& found) override {
        if (throws) throw std::bad_alloc();
        found.nameless.push_back(std::to_string(served.size()) + " zones were served");
        return fail(Errc::io, "half of it");
    }
    bool throws = false;
};

/// The control thread of a node that has nothing else to do.
struct Control {
    void run_one() { REQUIRE(io.run_one() == 1); }
    void until_done() {
        while (!done) run_one();
    }

    boost::asio::io_context io;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> more{
        io.get_executor()};
    LogFile log;
    BatchSource source;
    Loader loader{io, log.log(), [] { return [](std::uint64_t, std::uint64_t) {}; }};
    bool done = false;
    std::string failed;

    node::LookFailed on_failure() {
        return [this](const std::string& error) {
            failed = error;
            done = true;
        };
    }
};

}  // namespace

TEST_CASE("a first load is handed over whole, on the control thread") {
    Control control;
    LookResult got;
    control.loader.load({control.source, 1, {}}, {.names = nullptr,
                                                  .zones = nullptr,
                                                  .loaded =
                                                      [&](LookResult found, const Status& status) {
                                                          CHECK(status);
                                                          got = std::move(found);
                                                          control.done = true;
                                                      },
                                                  .failed = control.on_failure()});
    CHECK(!got.all);
    control.until_done();
    CHECK(control.failed.empty());
    REQUIRE(got.all);
    CHECK(got.all->zones == 1);
    CHECK(control.loader.ended_within(base::Duration::seconds(30)));
}

TEST_CASE("a load in parts waits for a control thread that is slow, and keeps their order") {
    Control control;
    std::vector<std::string> order;
    control.loader.load({control.source, 1, {}},
                        {.names = [&](node::Served::Replacement) { order.emplace_back("names"); },
                         .zones =
                             [&](node::ZoneChanges some) {
                                 order.push_back(dns::to_string(some.zones.front().apex));
                             },
                         .loaded = [&](LookResult, const Status&) { control.done = true; },
                         .failed = control.on_failure()});
    control.until_done();
    REQUIRE(order.size() == BatchSource::batches + 1);
    CHECK(order.front() == "names");
    for (int i = 0; i < BatchSource::batches; ++i)
        CHECK(order[static_cast<std::size_t>(i) + 1] == "z" + std::to_string(i) + ".");
}

TEST_CASE("a load that is told to stop does not wait for the control thread") {
    Control control;
    control.loader.stop();
    control.loader.load({control.source, 1, {}}, {.names = [](node::Served::Replacement) {},
                                                  .zones = [](node::ZoneChanges) {},
                                                  .loaded = [](LookResult, const Status&) {},
                                                  .failed = control.on_failure()});
    CHECK(control.loader.ended_within(base::Duration::seconds(30)));
}

TEST_CASE("a look that failed brings its finds, its error, the settings and the frozen view") {
    Control control;
    Workers workers;
    node::Zones zones(std::make_unique<FakeSource>(), workers, base::numbers_of(base::Seed(1)));
    LookResult first;
    first.all = whole_of(good("a.", 1), good("b.", 1));
    zones.take_first(std::move(first), base::Instant{1});
    Looked got;
    control.loader.look_again(
        {control.source, 1, {}}, zones.begin_look(),
        [] {
            return tl::unexpected(std::vector<Error>{{Errc::invalid, "no", {}}});
        },
        [&](Looked looked) {
            got = std::move(looked);
            control.done = true;
        },
        control.on_failure());
    control.until_done();
    CHECK(!got.settings);
    CHECK(got.status.error().message == "half of it");
    CHECK(got.found.nameless == std::vector<std::string>{"2 zones were served"});
    CHECK(got.frozen.has_value());
    // Nobody else has it: what is served may change.
    got.frozen.reset();
    node::ChangeReport report;
    CHECK(zones.take(got.found, got.status, base::Instant{2}, report));
}

TEST_CASE("a look that ends in the middle is told of when nobody looks any more") {
    Control control;
    control.source.throws = true;
    Workers workers;
    node::Zones zones(std::make_unique<FakeSource>(), workers, base::numbers_of(base::Seed(1)));
    control.loader.look_again(
        {control.source, 1, {}}, zones.begin_look(), [] { return node::Settings(); },
        [](Looked) { FAIL("it has no end"); }, control.on_failure());
    control.until_done();
    CHECK(control.failed == "no memory");
    zones.look_failed();
    LookResult found;
    found.changes = changes_of(good("a.", 1));
    node::ChangeReport report;
    CHECK(zones.take(found, {}, base::Instant{2}, report));

    control.done = false;
    control.loader.load({control.source, 1, {}},
                        {.names = nullptr,
                         .zones = nullptr,
                         .loaded = [](LookResult, const Status&) { FAIL("it has no end"); },
                         .failed = control.on_failure()});
    control.until_done();
}
