#include "runtime/pool.h"

#include <atomic>
#include <memory>
#include <new>
#include <thread>

#include <doctest/doctest.h>

using zc::runtime::Pool;

TEST_CASE("a job's value comes back through its future") {
    Pool pool({.threads = 2});
    auto sum = pool.submit([] { return 40 + 2; });
    auto moved =
        pool.submit([p = std::make_unique<int>(7)] { return *p; });  // a job that cannot be copied
    CHECK(sum.get() == 42);
    CHECK(moved.get() == 7);
}

TEST_CASE("submitting waits for room in the queue") {
    Pool pool({.threads = 1, .queue_max = 1});
    std::promise<void> gate;
    auto held = pool.submit([opened = gate.get_future().share()] { opened.wait(); });
    std::atomic<int> done{0};
    std::thread submitter([&] {
        for (int i = 0; i < 10; ++i) pool.submit([&] { done.fetch_add(1); });
    });
    gate.set_value();
    submitter.join();
    pool.submit([] {}).get();
    CHECK(done.load() == 10);
}

TEST_CASE("jobs that wait are done before the pool is gone") {
    std::atomic<int> done{0};
    {
        Pool pool({.threads = 1});
        for (int i = 0; i < 100; ++i) pool.submit([&] { done.fetch_add(1); });
    }
    CHECK(done.load() == 100);
}

TEST_CASE("parallel_for calls its body once for each index") {
    Pool pool({.threads = 3});
    std::vector<std::atomic<int>> calls(1000);
    pool.parallel_for(calls.size(), [&](std::size_t i) { calls[i].fetch_add(1); });
    for (const auto& count : calls) CHECK(count.load() == 1);
    pool.parallel_for(0, [](std::size_t) { FAIL("called for nothing"); });
}

TEST_CASE("two parallel_for at once share the pool") {
    Pool pool({.threads = 2, .queue_max = 1});
    std::atomic<int> calls{0};
    const auto run = [&] { pool.parallel_for(500, [&](std::size_t) { calls.fetch_add(1); }); };
    std::thread other(run);
    run();
    other.join();
    CHECK(calls.load() == 1000);
}

TEST_CASE("what the body of a parallel_for throws comes to the caller when all have ended") {
    Pool pool({.threads = 3});
    for (std::size_t throwing = 0; throwing < 50; ++throwing) {
        std::atomic<int> under_way{0};
        std::atomic<bool> thrown{false};
        try {
            pool.parallel_for(50, [&](std::size_t i) {
                under_way.fetch_add(1);
                const bool throws = i == throwing;
                if (!throws) std::this_thread::yield();
                under_way.fetch_sub(1);
                if (throws) throw std::bad_alloc();
            });
        } catch (const std::bad_alloc&) {
            thrown = true;
        }
        CHECK(thrown.load());
        CHECK(under_way.load() == 0);
    }
    CHECK(pool.submit([] { return 1; }).get() == 1);
}
