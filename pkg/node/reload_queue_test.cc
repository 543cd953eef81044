#include "node/reload_queue.h"

#include <functional>
#include <memory>

#include <doctest/doctest.h>

using namespace zc;
using node::Reload;
using node::ReloadQueue;

namespace {

/// Waits for a reload as a route does.
bool is_waiting(boost::asio::io_context& io, Reload& reload, const std::function<void()>& work) {
    // The wait may outlast this call.
    const auto waits = std::make_shared<bool>(true);
    reload.done.async_wait([waits](const boost::system::error_code&) { *waits = false; });
    work();
    io.restart();
    io.poll();
    return *waits;
}

}  // namespace

TEST_CASE("all who ask before a reload begins share it, all who ask later share the next") {
    boost::asio::io_context io;
    ReloadQueue queue(io);
    CHECK(!queue.begin_next());
    const auto first = queue.ask();
    CHECK(queue.ask() == first);
    CHECK(queue.begin_next());
    const auto second = queue.ask();
    CHECK(second != first);
    CHECK(queue.ask() == second);

    queue.report(term::Json::boolean(true));
    CHECK(!is_waiting(io, *first, [&] { queue.end(); }));
    CHECK(first->report.truth());
    CHECK(second->report.is_null());
    CHECK(queue.begin_next());
    queue.end();
    CHECK(!queue.begin_next());
}

TEST_CASE("those who wait hear of the end of a node, with no report") {
    boost::asio::io_context io;
    ReloadQueue queue(io);
    const auto first = queue.ask();
    queue.begin_next();
    const auto second = queue.ask();
    CHECK(is_waiting(io, *first, [] {}));
    CHECK(!is_waiting(io, *first, [&] { queue.cancel(); }));
    CHECK(!is_waiting(io, *second, [&] { queue.cancel(); }));
    CHECK(first->report.is_null());
}
