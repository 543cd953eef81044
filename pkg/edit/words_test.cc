#include "edit/words.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/seed.h"

using namespace zc::edit;  // NOLINT(google-build-using-namespace): the package under test
using zc::Errc;
using Words = std::vector<std::string>;

TEST_CASE("a line is split as a shell splits it, and nothing is expanded") {
    const std::vector<std::pair<std::string, Words>> lines = {
        {"", {}},
        {" \t ", {}},
        {"# a comment", {}},
        {"a b\tc\r", {"a", "b", "c"}},
        {"a # b", {"a"}},
        {"a#b", {"a#b"}},
        {R"('a b' "c d")", {"a b", "c d"}},
        {R"('"v=spf1 -all"')", {R"("v=spf1 -all")"}},
        {R"("\"v=spf1 -all\"")", {R"("v=spf1 -all")"}},
        {R"("a\;b" 'a\;b' a\;b)", {R"(a\;b)", R"(a\;b)", "a;b"}},
        {R"('' "" x'y'"z")", {"", "", "xyz"}},
        {R"('it'\''s' "$HOME" *)", {"it's", "$HOME", "*"}},
        {R"(a\ b \#c)", {"a b", "#c"}},
    };
    for (const auto& [line, words] : lines) {
        CAPTURE(line);
        const auto split = split_line(line);
        REQUIRE(split);
        CHECK(*split == words);
    }
}

TEST_CASE("a quote that is not closed is told with its column") {
    for (const std::string line : {"a 'b", "a \"b", "a \"b\\\"", "a 'b\"c\""}) {
        CAPTURE(line);
        const auto split = split_line(line);
        REQUIRE_FALSE(split);
        CHECK(split.error().code == Errc::malformed);
        CHECK(split.error().message.find("column 3") != std::string::npos);
    }
    CHECK(split_line("a \\").error().message.find("backslash") != std::string::npos);
    CHECK(split_line(std::string("a\0b", 3)).error().message.find("column 2") != std::string::npos);
}

TEST_CASE("any words without a line end are a line that has them again") {
    zc::base::Seed seed(41);
    const std::string letters = "ab '\"\\#$`;\t\r-\x80";
    for (int i = 0; i < 20'000; ++i) {
        Words words;
        for (std::uint64_t n = seed.below(4); n > 0; --n) {
            std::string& word = words.emplace_back();
            for (std::uint64_t m = seed.below(6); m > 0; --m)
                word += letters[seed.below(letters.size())];
        }
        const auto line = join_words(words);
        REQUIRE(line);
        const auto again = split_line(*line);
        REQUIRE(again);
        CHECK(*again == words);
    }
    CHECK(join_words(Words{"a\nb"}).error().code == Errc::invalid);
    CHECK(*join_words(Words{"record", "add", "a.example.", "@", "A", "192.0.2.1"}) ==
          "record add a.example. @ A 192.0.2.1");
}
