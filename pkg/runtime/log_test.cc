#include "runtime/log.h"

#include <array>
#include <cmath>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

using namespace zc::runtime;

namespace {

constexpr zc::base::Instant some_time{1'700'000'000'123'456'789};

struct Pipe {
    Pipe() { REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0); }
    ~Pipe() {
        close(ends[0]);
        if (ends[1] >= 0) close(ends[1]);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    /// Everything that was written; closes the writing end.
    std::string drain() {
        close(ends[1]);
        ends[1] = -1;
        std::string all;
        std::array<char, 65536> part{};
        for (ssize_t got = 0; (got = read(ends[0], part.data(), part.size())) > 0;)
            all.append(part.data(), static_cast<std::size_t>(got));
        return all;
    }
    std::array<int, 2> ends{};
};

std::size_t count_lines(const std::string& text) {
    std::size_t lines = 0;
    for (const char c : text) lines += c == '\n';
    return lines;
}

}  // namespace

TEST_CASE("an event is one line of time, level, name and fields") {
    CHECK(format_event(LogFormat::text, some_time, Level::info, "zone_published",
                       {{"zone", "example."},
                        {"serial", 42U},
                        {"delta", -1},
                        {"signed", true},
                        {"seconds", 0.5}}) ==
          "2023-11-14T22:13:20.123456Z info zone_published zone=example. serial=42 delta=-1 "
          "signed=true "
          "seconds=0.5\n");
    CHECK(
        format_event(LogFormat::json, some_time, Level::error, "zone_refused",
                     {{"zone", "example."}, {"line", 7}, {"rate", std::nan("")}}) ==
        "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"error\",\"event\":\"zone_refused\","
        "\"zone\":\"example.\",\"line\":7,\"rate\":null}\n");
}

TEST_CASE("text from a stranger can neither end a line nor forge a field") {
    CHECK(format_event(LogFormat::text, some_time, Level::warning, "refused",
                       {{"name", "a\nb level=error"},
                        {"empty", ""},
                        {"quote", "\"\\"},
                        {"raw", "\x1b[2J\xff"}}) ==
          "2023-11-14T22:13:20.123456Z warning refused name=\"a\\nb level=error\" empty=\"\" "
          "quote=\"\\\"\\\\\" raw=\"\\u001b[2J\\\\xff\"\n");
    CHECK(format_event(LogFormat::json, some_time, Level::warning, "refused",
                       {{"name", "é\a\xe2\x80\xae"}}) ==
          "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"level\":\"warning\",\"event\":\"refused\","
          "\"name\":\"é\\u0007\\u202e\"}\n");
}

TEST_CASE("a log that nobody reads ends all the same, and says that it is not complete") {
    Pipe pipe;
    const std::string filler(1000, 'x');
    Log log({.fd = pipe.ends[1]});
    for (int i = 0; i < 200; ++i) log.info("event", {{"filler", filler}});  // a pipe has 64 KiB
    CHECK_FALSE(log.finish(zc::base::Duration::milliseconds(10)));
    log.info("too_late");
    CHECK(log.finish({}));  // once is enough
}

TEST_CASE("levels are read by name, and events below the level are not made") {
    CHECK(*parse_level("debug") == Level::debug);
    CHECK(parse_level("loud").error().message ==
          "log level 'loud', wanted error, warning, info or debug");

    Pipe pipe;
    {
        Log log({.level = Level::warning, .fd = pipe.ends[1]});
        log.error("one");
        log.warning("two");
        log.info("three");
        log.debug("four");
    }
    CHECK(count_lines(pipe.drain()) == 2);
}

TEST_CASE("a reader that stands still delays nobody: what is too much is dropped and counted") {
    Pipe pipe;
    std::string all;
    std::thread reader;
    {
        Log log({.fd = pipe.ends[1]});
        const std::string filler(1000, 'x');
        for (int i = 0; i < 3000; ++i)
            log.info("event", {{"filler", filler}});  // 3 MB into a queue of 1 MB
        // Reads to the very end: the log writes what waits before it is gone, and the report of
        // what was dropped may come more than once.
        reader = std::thread([&] {
            std::array<char, 65536> part{};
            for (ssize_t got = 0; (got = read(pipe.ends[0], part.data(), part.size())) > 0;)
                all.append(part.data(), static_cast<std::size_t>(got));
        });
        CHECK(log.finish(zc::base::Duration::seconds(600)));
    }
    close(pipe.ends[1]);
    pipe.ends[1] = -1;
    reader.join();
    CHECK(count_lines(all) < 3000);
    CHECK(all.find("warning log_events_dropped count=") != std::string::npos);
}
