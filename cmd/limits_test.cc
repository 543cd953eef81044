// Each number has one range: the command line, the file, `config check` and `serve` agree on it.
#include <charconv>
#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "flags.h"
#include "serve_options.h"
#include "testkit/folder.h"
#include "verbs.h"

namespace zc::cmd {
namespace {

struct Number {
    std::string verb, flag, range;
    std::uint64_t min = 0, max = 0;
    bool configurable = false;
};

std::vector<Number> numbers_of(const CLI::App& verb) {
    std::vector<Number> out;
    for (const CLI::Option* option : options_of(verb)) {
        const Flag flag = describe(*option);
        if (flag.kind != Kind::number) continue;
        Number& number = out.emplace_back();
        number.verb = path_of(verb);
        number.flag = flag.name;
        number.range = flag.range;
        number.configurable = flag.configurable;
        const char* const end = flag.range.data() + flag.range.size();
        const auto first = std::from_chars(flag.range.data(), end, number.min);
        REQUIRE(std::string(first.ptr, end).starts_with(".."));
        REQUIRE(std::from_chars(first.ptr + 2, end, number.max).ptr == end);
        REQUIRE(number.max < UINT64_MAX);
    }
    return out;
}

std::vector<Number> all_numbers() {
    Tree tree;
    std::vector<Number> out;
    for (const CLI::App* verb : all_verbs(tree.root()))
        for (Number& number : numbers_of(*verb)) out.push_back(std::move(number));
    return out;
}

struct Try {
    std::uint64_t value = 0;
    bool good = false;
};
std::vector<Try> tries(const Number& number) {
    std::vector<Try> out = {{number.min, true}, {number.max, true}, {number.max + 1, false}};
    if (number.min > 0) out.push_back({number.min - 1, false});
    return out;
}

std::string wanted(const Number& number, std::uint64_t value) {
    return "found '" + std::to_string(value) + "', wanted a whole number, " + number.range;
}

/// The error of one command line; empty: none.
std::string parse_error(const Number& number, std::uint64_t value) {
    std::vector<std::string> words;
    for (std::size_t at = 0; at < number.verb.size();) {
        const std::size_t blank = std::min(number.verb.find(' ', at), number.verb.size());
        words.push_back(number.verb.substr(at, blank - at));
        at = blank + 1;
    }
    words.push_back("--" + number.flag + '=' + std::to_string(value));
    Tree tree;
    const Status status = parse(tree.root(), words);
    return status ? std::string() : status.error().message;
}

/// A configuration file with that text.
class File {
public:
    explicit File(const std::string& text) { std::ofstream(path_) << text; }
    std::vector<Error> check() const {
        Globals globals;
        globals.config = path_;
        return resolve_serve(globals, {}).errors;
    }
    std::vector<Error> serve() const {
        const auto read = read_serve_configuration({"--config", path_, "serve", "--zones", "."});
        return read ? std::vector<Error>() : read.error();
    }

private:
    testkit::Folder folder_;
    std::string path_ = folder_ / "zonectl.toml";
};

std::string text_of(const std::vector<Error>& errors) {
    std::string out;
    for (const Error& error : errors) out += error.message + '\n';
    return out;
}

std::string list_of(const std::string& key, const std::string& item, std::size_t count) {
    std::string out = key + " = [";
    for (std::size_t i = 0; i < count; ++i) out += '"' + item + "\", ";
    return out + "]\n";
}

}  // namespace

TEST_CASE("a number flag takes its least and its most, and names itself and its range beyond") {
    const std::vector<Number> numbers = all_numbers();
    CHECK(numbers.size() > 40);
    for (const Number& number : numbers) {
        for (const Try& one : tries(number)) {
            CAPTURE(number.verb);
            CAPTURE(number.flag);
            const std::string error = parse_error(number, one.value);
            const std::string refusal = "--" + number.flag + ": " + wanted(number, one.value);
            // A verb may still want its other arguments.
            CHECK((error == refusal) == !one.good);
            if (one.good) CHECK(error.find("--" + number.flag) == std::string::npos);
        }
    }
}

TEST_CASE("config check and serve take the same numbers, and name the key and its range beyond") {
    Tree tree;
    const std::vector<Number> numbers = numbers_of(*find_verb_or_null(tree.root(), "serve"));
    CHECK(numbers.size() > 20);
    for (const Number& number : numbers) {
        REQUIRE(number.configurable);
        for (const Try& one : tries(number)) {
            CAPTURE(number.flag);
            CAPTURE(one.value);
            const File file(number.flag + " = " + std::to_string(one.value) + '\n');
            const std::string checked = text_of(file.check());
            CHECK(checked == text_of(file.serve()));
            CHECK(checked ==
                  (one.good ? "" : number.flag + ": " + wanted(number, one.value) + '\n'));
        }
    }
}

TEST_CASE("config check tells the mistakes of several settings together, as serve does") {
    const std::pair<std::string, std::string> rows[] = {
        {list_of("listen", "127.0.0.1:0", 256), ""},
        {list_of("listen", "127.0.0.1:0", 257), "listen: found 257, wanted 1..256\n"},
        {list_of("proxy-from", "192.0.2.0/24", 256), ""},
        {list_of("proxy-from", "192.0.2.0/24", 257), "proxy-from: found 257, wanted 0..256\n"},
        {"strict = true\nprogressive = true\n",
         "strict and progressive: a node that already answers cannot refuse to start\n"},
        {"group = \"dns\"\n", "group: wanted user as well\n"},
    };
    for (const auto& [text, message] : rows) {
        const File file(text);
        CHECK(text_of(file.check()) == message);
        CHECK(text_of(file.serve()) == message);
    }
}

}  // namespace zc::cmd
