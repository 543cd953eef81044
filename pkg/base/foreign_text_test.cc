#include "base/foreign_text.h"

#include <string>

#include <doctest/doctest.h>

namespace zc::base {
namespace {

using namespace std::string_literals;

TEST_CASE("text of others is shown without what could act on the reader") {
    struct Row {
        std::string text, line;
    };
    const Row rows[] = {
        {"", ""},
        {"plain \"text\" <b> & 'x' \\010", "plain \"text\" <b> & 'x' \\010"},
        {"\x1b[31mred\x1b[0m\a", "\\x1b[31mred\\x1b[0m\\x07"},
        {"\x1b]0;title\a", "\\x1b]0;title\\x07"},
        {"a\nb\rc\td", "a\\nb\\rc\\td"},
        {"nul\0end"s, "nul\\x00end"},
        {"\x7f\x08", "\\x7f\\x08"},
        {"\xc2\x9b"
         "31m",
         "\\xc2\\x9b"
         "31m"},  // C1: CSI in one character
        {"\xc2\xa0\xc3\xa9\xe2\x82\xac", "\xc2\xa0\xc3\xa9\xe2\x82\xac"},
        {"\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80"},
        {"a\xe2\x80\xaegpj.exe", "a\\xe2\\x80\\xaegpj.exe"},  // U+202E
        {"\xe2\x80\xaa\xe2\x81\xa6\xe2\x81\xa9", "\\xe2\\x80\\xaa\\xe2\\x81\\xa6\\xe2\\x81\\xa9"},
        {"\xe2\x80\x8e\xe2\x80\x8f\xd8\x9c", "\\xe2\\x80\\x8e\\xe2\\x80\\x8f\\xd8\\x9c"},
        {"\xe2\x80\x8b\xe2\x80\xa8\xe2\x80\xa9\xef\xbb\xbf",
         "\\xe2\\x80\\x8b\\xe2\\x80\\xa8\\xe2\\x80\\xa9\\xef\\xbb\\xbf"},
        {"\xe2\x80\xa6\xe2\x80\x90", "\xe2\x80\xa6\xe2\x80\x90"},  // U+2026, U+2010 beside them
        {"\xf3\xa0\x80\x81", "\\xf3\\xa0\\x80\\x81"},              // U+E0001
        // No UTF-8: alone, cut short, too long a form, a surrogate, too large.
        {"\xff", "\\xff"},
        {"\x9b"
         "31m",
         "\\x9b"
         "31m"},
        {"\xe2\x80", "\\xe2\\x80"},
        {"\xc0\x9b", "\\xc0\\x9b"},
        {"\xe0\x80\x9b", "\\xe0\\x80\\x9b"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.line);
        CHECK(foreign(row.text) == row.line);
        CHECK(foreign(row.line) == row.line);  // so that it does not matter who did it before
    }
}

TEST_CASE("each place has its own form of the same text") {
    const std::string text = "a\\\"\x1b\n\t<&>'\xe2\x80\xae\xf3\xa0\x80\x81\xff";
    CHECK(foreign(text, Form::line) ==
          "a\\\"\\x1b\\n\\t<&>'\\xe2\\x80\\xae\\xf3\\xa0\\x80\\x81\\xff");
    CHECK(foreign(text, Form::lines) ==
          "a\\\"\\x1b\n\t<&>'\\xe2\\x80\\xae\\xf3\\xa0\\x80\\x81\\xff");
    CHECK(foreign(text, Form::column) ==
          "a\\\\\"\\x1b\\n\\t<&>'\\xe2\\x80\\xae\\xf3\\xa0\\x80\\x81\\xff");
    CHECK(foreign(text, Form::json) == "a\\\\\\\"\\u001b\\n\\t<&>'\\u202e\\udb40\\udc01\\\\xff");
    CHECK(foreign(text, Form::html) ==
          "a\\&quot;\\x1b\n\\t&lt;&amp;&gt;&#39;\\xe2\\x80\\xae\\xf3\\xa0\\x80\\x81\\xff");
    CHECK(foreign("\r", Form::lines) == "\\r");  // would let a line write over itself
}

TEST_CASE("whatever the octets are, what is shown is UTF-8 without control characters") {
    std::string all;
    for (int first = 0; first < 256; ++first)
        for (int second = 0; second < 256; ++second) {
            all += static_cast<char>(first);
            all += static_cast<char>(second);
        }
    for (const Form form : {Form::line, Form::column, Form::json, Form::html}) {
        const std::string shown = foreign(all, form);
        for (std::string_view rest = shown; !rest.empty();) {
            const std::size_t size = utf8_octets(rest);
            REQUIRE(size != 0);
            const auto octet = static_cast<unsigned char>(rest.front());
            REQUIRE(octet != 0x7f);
            REQUIRE((octet >= ' ' || (form == Form::html && octet == '\n')));
            REQUIRE_FALSE(
                (size == 2 && octet == 0xc2 && static_cast<unsigned char>(rest[1]) < 0xa0));  // C1
            rest.remove_prefix(size);
        }
    }
}

}  // namespace
}  // namespace zc::base
