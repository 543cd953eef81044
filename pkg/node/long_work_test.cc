#include "node/long_work.h"

#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include <doctest/doctest.h>

using namespace zc;
using node::LongWork;

namespace {

const auto never = [](const std::string& error) { FAIL(error); };

}  // namespace

TEST_CASE("work runs on another thread, one piece after the other") {
    LongWork thread;
    CHECK(thread.ended_within({}));
    std::promise<std::thread::id> first;
    thread.begin([&] { first.set_value(std::this_thread::get_id()); }, never);
    CHECK(first.get_future().get() != std::this_thread::get_id());
    std::promise<void> second;
    thread.begin([&] { second.set_value(); }, never);
    second.get_future().wait();
    CHECK(thread.ended_within(base::Duration::seconds(30)));
}

TEST_CASE("work that hangs is not waited for beyond the patience") {
    std::promise<void> disk;
    LongWork thread;
    thread.begin(
        [hangs = std::make_shared<std::future<void>>(disk.get_future())] { hangs->wait(); }, never);
    CHECK(!thread.ended_within(base::Duration::milliseconds(1)));
    disk.set_value();
    CHECK(thread.ended_within(base::Duration::seconds(30)));
}

TEST_CASE("work that throws is told of once all that it holds is gone") {
    const auto held = std::make_shared<int>();
    std::promise<std::string> told;
    LongWork thread;
    thread.begin([held] { throw std::runtime_error("no disk"); },
                 [&, watch = std::weak_ptr<int>(held)](const std::string& error) {
                     told.set_value(error + (watch.use_count() == 1 ? ", gone" : ", held"));
                 });
    CHECK(told.get_future().get() == "no disk, gone");
}
