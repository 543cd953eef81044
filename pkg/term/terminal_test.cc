#include "term/terminal.h"

#include <array>
#include <string>

#include <doctest/doctest.h>
#include <unistd.h>

namespace zc::term {
namespace {

/// A terminal whose two streams are pipes.
class Capture {
public:
    explicit Capture(Options options, Surroundings surroundings) {
        REQUIRE(::pipe(out_.data()) == 0);
        REQUIRE(::pipe(error_.data()) == 0);
        terminal.emplace(options, surroundings, out_[1], error_[1]);
    }
    ~Capture() {
        for (int fd : {out_[0], out_[1], error_[0], error_[1]})
            if (fd >= 0) ::close(fd);
    }
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;

    std::string out() { return drain(out_); }
    std::string error() { return drain(error_); }

    std::optional<Terminal> terminal;

private:
    static std::string drain(std::array<int, 2>& ends) {
        ::close(ends[1]);
        ends[1] = -1;
        std::string text;
        std::array<char, 4096> buffer{};
        for (ssize_t got = 0; (got = ::read(ends[0], buffer.data(), buffer.size())) > 0;)
            text.append(buffer.data(), static_cast<std::size_t>(got));
        return text;
    }

    std::array<int, 2> out_{};
    std::array<int, 2> error_{};
};

constexpr Surroundings colour_terminal{true, true, false, false, 80};

base::Instant at(std::int64_t milliseconds) {
    return base::Instant{} + base::Duration::milliseconds(milliseconds);
}

}  // namespace

TEST_CASE("colours are for terminals that can, unless told otherwise") {
    struct Row {
        Options options;
        Surroundings surroundings;
        bool colours;
    };
    const Row rows[] = {
        {{}, colour_terminal, true},
        {{}, {false, false, false, false, 80}, false},
        {{}, {true, true, true, false, 80}, false},
        {{}, {true, true, false, true, 80}, false},
        {{Colour::never, Output::people}, colour_terminal, false},
        {{Colour::always, Output::people}, {false, false, true, true, 80}, true},
        {{Colour::always, Output::json}, colour_terminal, false},
    };
    for (const Row& row : rows) {
        Capture capture(row.options, row.surroundings);
        CHECK(capture.terminal->colours_out() == row.colours);
        capture.terminal->out("a" + Text(Style::red, "x") + '\n');
        CHECK(capture.out() == (row.colours ? "a\x1b[31mx\x1b[0m\n" : "ax\n"));
    }
}

TEST_CASE("stdout that is not a terminal has no colour while stderr that is one may") {
    const Terminal terminal(Options{}, Surroundings{false, true, false, false, 80});
    CHECK_FALSE(terminal.colours_out());
    CHECK(terminal.colours_error());
}

TEST_CASE("an error goes to stderr with its place") {
    Capture capture({}, {});
    capture.terminal->complain(Error{Errc::malformed, "label of 64 octets", {"a.zone", 7}});
    CHECK(capture.error() == "zonectl: a.zone:7: malformed: label of 64 octets\n");
    CHECK(capture.out().empty());
}

TEST_CASE("output into a closed pipe is remembered as failed") {
    Capture capture({}, {});
    Terminal broken(Options{}, Surroundings{}, -1, 2);
    broken.out("x");
    CHECK(broken.failed());
    capture.terminal->out("x");
    CHECK_FALSE(capture.terminal->failed());
}

TEST_CASE("a table lines up, numbers to the right, and nothing trails") {
    Table table({{"zone", Table::Align::left}, {"records", Table::Align::right}, {"state"}});
    table.row({"example.", "9", "serving"});
    table.row({"a-long-name.example.", "1,234", "broken"});
    CHECK(table.text() ==
          "zone                  records  state\n"
          "example.                    9  serving\n"
          "a-long-name.example.    1,234  broken\n");
}

TEST_CASE("a table without rows prints nothing, and a cell cannot send control sequences") {
    Table table({{"name"}});
    CHECK(table.text().empty());
    table.row({"a\x1b[2Jb\nc"});
    CHECK(table.text() == "name\na\\x1b[2Jb\\nc\n");
}

TEST_CASE("whatever text is told, only the terminal's own colours reach it as control sequences") {
    const std::string foreign = "\x1b[31mred\a\xe2\x80\xae\xff\rx\ny";
    const std::string shown = "\\x1b[31mred\\x07\\xe2\\x80\\xae\\xff\\rx";
    Capture capture({Colour::always, Output::people}, colour_terminal);
    Terminal& terminal = *capture.terminal;
    terminal.line(foreign + Text(Style::green, foreign));
    terminal.out(foreign + Text(Style::bold, "b"));
    terminal.data(foreign);
    terminal.complain(foreign);
    terminal.complain(Error{Errc::malformed, foreign, {foreign, 7}});
    terminal.warn(foreign);
    terminal.say(foreign);
    const std::string line = shown + "\\ny";
    const std::string lines = shown + "\ny";
    CHECK(capture.out() ==
          line + "\x1b[32m" + line + "\x1b[0m\n" + lines + "\x1b[1mb\x1b[0m" + foreign);
    CHECK(capture.error() == "\x1b[31mzonectl:\x1b[0m " + line + '\n' + "\x1b[31mzonectl:\x1b[0m " +
                                 line + ":7: malformed: " + line + "\n\x1b[33mwarning:\x1b[0m " +
                                 line + '\n' + lines + '\n');
}

TEST_CASE("letters outside ASCII take one column") {
    Table table({{"a"}, {"b"}});
    table.row({"zürich", "1"});
    table.row({"geneva", "2"});
    CHECK(table.text() == "a       b\nzürich  1\ngeneva  2\n");
}

TEST_CASE("progress without a terminal is a line each ten seconds, none before") {
    Capture capture({}, {});
    {
        Progress progress(*capture.terminal, "zones", at(0));
        for (int i = 1; i <= 210; ++i)
            progress.update(static_cast<std::uint64_t>(i) * 1000, 2'100'000, at(i * 100));
    }
    CHECK(capture.error() ==
          "zones 100,000 of 2,100,000, 5 %, 3 min 20 s left\n"
          "zones 200,000 of 2,100,000, 10 %, 3 min 10 s left\n");
}

TEST_CASE("a bar is redrawn in place, fits the terminal and is wiped before anything else") {
    Capture capture({}, {true, true, false, false, 40});
    {
        Progress progress(*capture.terminal, "zones", at(0));
        progress.update(10, 100, at(500));
        progress.update(50, 100, at(2000));
        progress.update(51, 100, at(2001));
        capture.terminal->say("hello");
        progress.update(100, 100, at(3000));
    }
    const std::string text = capture.error();
    CHECK(text ==
          "\r\x1b[Kzones 50 of 100, 50 %, 2.0 s left"
          "\r\x1b[Khello\n"
          "\r\x1b[K[#############] zones 100 of 100, 100 %"
          "\r\x1b[K");
}

TEST_CASE("work of less than a second and JSON show no progress") {
    Capture quick({}, colour_terminal);
    Progress(*quick.terminal, "zones", at(0)).update(1, 2, at(900));
    CHECK(quick.error().empty());
    Capture json({Colour::automatic, Output::json}, colour_terminal);
    Progress(*json.terminal, "zones", at(0)).update(1, 2, at(90000));
    CHECK(json.error().empty());
}

TEST_CASE("numbers, times and sizes read easily") {
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1000) == "1,000");
    CHECK(grouped(2100000) == "2,100,000");
    CHECK(in_words(base::Duration::microseconds(1500)) == "1.5 ms");
    CHECK(in_words(base::Duration::milliseconds(3200)) == "3.2 s");
    CHECK(in_words(base::Duration::seconds(250)) == "4 min 10 s");
    CHECK(in_words(base::Duration::seconds(7 * 3600 + 65)) == "7 h 1 min");
    CHECK(in_words(base::Duration::seconds(3 * 86400)) == "3 d 0 h");
    CHECK(octets_in_words(812) == "812 B");
    CHECK(octets_in_words(3'565'158) == "3.4 MiB");
}

}  // namespace zc::term
