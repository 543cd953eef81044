#include "runtime/published.h"

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

using zc::runtime::Published;

namespace {

/// Says when it is destroyed.
struct Tracked {
    explicit Tracked(int& count) : destroyed(&count) {}
    Tracked(Tracked&& other) noexcept : destroyed(std::exchange(other.destroyed, nullptr)) {}
    Tracked& operator=(Tracked&&) = delete;
    ~Tracked() {
        if (destroyed != nullptr) ++*destroyed;
    }
    int* destroyed;
};

}  // namespace

TEST_CASE("garbage is freed at once when nobody reads") {
    const int first = 1;
    const int second = 2;
    int destroyed = 0;
    Published<int> published(first, 2);
    published.publish(second, Tracked(destroyed));
    CHECK(destroyed == 1);
    CHECK(published.collect() == 0);
}

TEST_CASE("garbage waits for each reader that entered before it was given, and for no other") {
    const std::array<int, 3> values = {1, 2, 3};
    int destroyed = 0;
    Published<int> published(values[0], 3);
    CHECK(published.enter(0) == 1);
    published.publish(values[1], Tracked(destroyed));
    CHECK(published.enter(1) == 2);  // later: cannot see the first value
    CHECK(published.collect() == 1);
    CHECK(destroyed == 0);
    published.leave(0);
    CHECK(published.collect() == 0);
    CHECK(destroyed == 1);
    published.leave(1);
}

TEST_CASE("a reader that leaves and enters again holds up only what it can still see") {
    const std::array<int, 3> values = {1, 2, 3};
    std::array<int, 2> destroyed{};
    Published<int> published(values[0], 1);
    published.enter(0);
    published.publish(values[1], Tracked(destroyed[0]));
    published.leave(0);
    CHECK(published.enter(0) == 2);
    published.publish(values[2], Tracked(destroyed[1]));
    CHECK(destroyed == std::array<int, 2>{1, 0});
    published.leave(0);
    published.collect();
    CHECK(destroyed == std::array<int, 2>{1, 1});
}

TEST_CASE("what waits is freed with the Published") {
    const std::array<int, 2> values = {1, 2};
    int destroyed = 0;
    {
        Published<int> published(values[0], 1);
        published.enter(0);
        published.publish(values[1], Tracked(destroyed));
        CHECK(destroyed == 0);
    }
    CHECK(destroyed == 1);
}

TEST_CASE("readers on other threads never see a value that was freed") {
    // A freed value is overwritten first, so that a wrong reclamation fails without a sanitizer
    // too.
    struct Value {
        explicit Value(std::uint64_t n) : number(n), twice(2 * n) {}
        ~Value() { number = twice = 1; }
        Value(const Value&) = delete;
        Value& operator=(const Value&) = delete;
        std::uint64_t number;
        std::uint64_t twice;
    };
    constexpr std::size_t readers = 3;
    constexpr std::uint64_t publications = 3000;
    auto current = std::make_unique<Value>(0);
    Published<Value> published(*current, readers);
    std::atomic<bool> ending{false};
    std::atomic<std::uint64_t> wrong{0};
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < readers; ++i) {
        threads.emplace_back([&, i] {
            std::uint64_t last = 0;
            while (!ending.load(std::memory_order_relaxed)) {
                const Value& value = published.enter(i);
                if (value.twice != 2 * value.number || value.number < last) wrong.fetch_add(1);
                last = value.number;
                published.leave(i);
            }
        });
    }
    for (std::uint64_t n = 1; n <= publications; ++n) {
        auto next = std::make_unique<Value>(n);
        published.publish(*next, std::exchange(current, nullptr));
        current = std::move(next);
    }
    ending.store(true);
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong.load() == 0);
    CHECK(published.collect() == 0);
}
