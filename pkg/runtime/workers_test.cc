#include "runtime/workers.h"

#include <atomic>
#include <new>
#include <stdexcept>

#include <doctest/doctest.h>

namespace zc::runtime {
namespace {

TEST_CASE("what is thrown on a thread of the work is the work's error, and the others are told") {
    std::atomic<int> number = 0, told = 0;
    Workers workers(
        4,
        [&] {
            if (number++ == 2) throw std::bad_alloc();
        },
        [&] { ++told; });
    const Status status = workers.join();
    REQUIRE_FALSE(status);
    CHECK(status.error().text() == "limit: no memory");
    CHECK(told == 1);
    CHECK(number == static_cast<int>(workers.count()));
}

TEST_CASE("an exception that is no failed allocation keeps its words") {
    Workers workers(
        1, [] { throw std::runtime_error("the words"); }, [] {});
    CHECK(workers.join().error().text() == "input/output: the words");
}

TEST_CASE("work that ends well is no error") {
    std::atomic<int> number = 0;
    {
        Workers workers(
            0, [&] { ++number; }, [] {});
        CHECK(workers.join());
        CHECK(workers.count() == 1);
    }
    CHECK(number == 1);
}

}  // namespace
}  // namespace zc::runtime
