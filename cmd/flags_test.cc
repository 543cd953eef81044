#include "flags.h"

#include <limits>

#include <doctest/doctest.h>

#include "verbs.h"

namespace zc::cmd {
namespace {

/// A command line with one flag of each kind.
struct Sample {
    std::string text = "initial";
    std::vector<std::string> list = {"a", "b"};
    static constexpr base::Limit<std::uint16_t> number_limit = {
        .name = "number", .min = 1, .initial = 7, .max = 9, .unit = base::Unit::octets};
    std::uint16_t number = 0;
    static constexpr base::Limit<base::Duration> seconds_limit = {
        .name = "seconds",
        .min = base::Duration(),
        .initial = base::Duration::seconds(3),
        .max = base::Duration::seconds(60)};
    base::Duration seconds;
    enum class Mode : std::uint8_t { off, on } mode = Mode::off;
    bool plain = false;
    bool cookies = true;
    CLI::App app{"", "zonectl"};

    Sample() {
        add_text(app, "--text", text, "TEXT", "A text");
        add_list(app, "-l,--list", list, "ITEM", "A list", [](const std::string& item) {
            return item == "bad" ? std::string("found a bad one") : std::string();
        });
        add_number(app, number_limit, number, "A number");
        add_number(app, seconds_limit, seconds, "A time");
        add_choice<Mode>(app, "--mode", mode, {{"off", Mode::off}, {"on", Mode::on}}, "A choice");
        add_switch(app, "--plain", plain, "A switch");
        add_switch(app, "--cookies", cookies, "A switch that is on", "no-cookies");
    }
    std::string parse_error(const std::vector<std::string>& arguments) {
        const Status status = parse(app, arguments);
        return status ? std::string() : status.error().message;
    }
    Flag flag(const std::string& name) { return describe(*app.get_option(name)); }
};

}  // namespace

TEST_CASE("a number that nobody gives is the default of its limit") {
    const Sample sample;
    CHECK(sample.number == 7);
    CHECK(sample.seconds == base::Duration::seconds(3));
}

TEST_CASE("an argument in brackets is one value, as it was typed") {
    for (const std::string text :
         {"[a,b]", "[a]", "[]", "[", "]", "\1[a,b]", "{}", "%%", "a,b", ""}) {
        CAPTURE(text);
        Sample sample;
        std::vector<std::string> words;
        add_list(sample.app, "word", words, "WORD", "Words");
        CHECK(sample.parse_error({text, "--text", text, "--list", text, text}) == "");
        CHECK(words == std::vector<std::string>{text, text});
        CHECK(sample.text == text);
        CHECK(sample.list == std::vector<std::string>{text});
    }
    Sample sample;
    CHECK(sample.parse_error({"--mode", "[on]"}) == "--mode: found '[on]', wanted one of off, on");
    CHECK(sample.parse_error({"[on]"}).find("'[on]'") != std::string::npos);
}

TEST_CASE("flags store what was typed") {
    Sample sample;
    CHECK(sample.parse_error({"--text", "x", "--list", "1", "-l", "2", "--number=9", "--seconds",
                              "60", "--mode", "on", "--plain", "--no-cookies"}) == "");
    CHECK(sample.text == "x");
    CHECK(sample.list == std::vector<std::string>{"1", "2"});
    CHECK(sample.number == 9);
    CHECK(sample.seconds == base::Duration::seconds(60));
    CHECK(sample.mode == Sample::Mode::on);
    CHECK(sample.plain);
    CHECK_FALSE(sample.cookies);
}

TEST_CASE("a bad value says what was found and what was wanted") {
    const std::pair<std::vector<std::string>, std::string> rows[] = {
        {{"--number", "0"}, "--number: found '0', wanted a whole number, 1..9"},
        {{"--number", "10"}, "--number: found '10', wanted a whole number, 1..9"},
        {{"--number", "-1"}, "--number: found '-1', wanted a whole number, 1..9"},
        {{"--number", "1x"}, "--number: found '1x', wanted a whole number, 1..9"},
        {{"--number", "99999999999999999999"},
         "--number: found '99999999999999999999', wanted a whole number, 1..9"},
        {{"--seconds", "1.5"}, "--seconds: found '1.5', wanted a whole number, 0..60"},
        {{"--mode", "maybe"}, "--mode: found 'maybe', wanted one of off, on"},
        {{"--list", "good", "--list", "bad"}, "--list: found a bad one"},
        {{"--lst", "x"}, "unknown flag --lst; did you mean --list?"},
        {{"--zzzzzz"}, "unknown flag --zzzzzz"},
        {{"left over"}, "found 'left over', wanted nothing more"},
    };
    for (const auto& [arguments, message] : rows) {
        Sample sample;
        CAPTURE(message);
        CHECK(sample.parse_error(arguments) == message);
    }
}

TEST_CASE("a repeatable flag takes one value each time") {
    Sample sample;
    CHECK(sample.parse_error({"--list", "a", "b"}) == "found 'b', wanted nothing more");
}

TEST_CASE("a flag tells its name, unit, range, default and kind") {
    Sample sample;
    const Flag number = sample.flag("--number");
    CHECK(number.name == "number");
    CHECK(number.placeholder == "OCTETS");
    CHECK(number.range == "1..9");
    CHECK(number.default_text == "7");
    CHECK(number.kind == Kind::number);
    const Flag list = sample.flag("--list");
    CHECK(list.letter == "l");
    CHECK(list.list);
    CHECK(list.default_text == "a,b");
    const Flag mode = sample.flag("--mode");
    CHECK(mode.choices == std::vector<std::string>{"off", "on"});
    CHECK(mode.default_text == "off");
    CHECK(mode.kind == Kind::text);
    const Flag cookies = sample.flag("--cookies");
    CHECK(cookies.name == "cookies");
    CHECK(cookies.negation == "no-cookies");
    CHECK(cookies.default_text == "on");
    CHECK(cookies.kind == Kind::boolean);
    CHECK(sample.flag("--plain").kind == Kind::boolean);
}

TEST_CASE("a flag's variable is its name in capitals") {
    CHECK(variable_of("tcp-idle") == "ZONECTL_TCP_IDLE");
    CHECK(variable_of("rrl-ipv4") == "ZONECTL_RRL_IPV4");
}

TEST_CASE("a word near to a known one is taken for it, a far one for none") {
    const std::vector<std::string> known = {"serve", "status", "zone", "config"};
    CHECK(nearest("srve", known) == "serve");
    CHECK(nearest("evres", known) == std::nullopt);
    CHECK(nearest("stauts", known) == "status");
    CHECK(nearest("conf", known) == "config");
    CHECK(nearest("x", known) == std::nullopt);
    CHECK(nearest("", known) == std::nullopt);
}

}  // namespace zc::cmd
