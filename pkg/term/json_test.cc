#include "term/json.h"

#include <limits>

#include <doctest/doctest.h>

namespace zc::term {

TEST_CASE("an object keeps the order of its keys and a key set twice keeps its place") {
    Json json = Json::object();
    json.set("b", Json::number(std::int64_t{1})).set("a", "x").set("b", Json::boolean(true));
    CHECK(json.serialize() == R"({"b":true,"a":"x"})");
}

TEST_CASE("every kind of value is written as JSON") {
    Json list = Json::array();
    list.add({}).add(Json::boolean(false)).add(Json::number(std::int64_t{-3}));
    list.add(Json::number(std::numeric_limits<std::uint64_t>::max()));
    list.add(Json::string("quote \" backslash \\ newline \n bell \a"));
    list.add(Json::object()).add(Json::array());
    CHECK(
        list.serialize() ==
        R"([null,false,-3,18446744073709551615,"quote \" backslash \\ newline \n bell \u0007",{},[]])");
}

TEST_CASE("a string that is not UTF-8 still makes a valid document") {
    const char* bad[] = {"a\xff", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "a\xe2\x82"};
    for (const char* text : bad) {
        const std::string out = Json::string(text).serialize();
        CAPTURE(out);
        CHECK(parse_json(out).has_value());
        CHECK(out.find("\\\\x") != std::string::npos);  // the octet, as the text \xHH
    }
    CHECK(Json::string("zürich €").serialize() == "\"zürich €\"");
}

TEST_CASE("what a terminal must not see is escaped in JSON and loses nothing") {
    const std::string text = "\x1b[31m\a\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x80\x81 é \\ \"";
    const std::string out = Json::string(text).serialize();
    CHECK(out == "\"\\u001b[31m\\u0007\\u007f\\u009b\\u202e\\udb40\\udc01 é \\\\ \\\"\"");
    const auto back = parse_json(out);
    REQUIRE(back.has_value());
    CHECK(back->text() == text);
}

TEST_CASE("what is written is read back the same") {
    const std::string text =
        R"({"zones":[{"n":"a","s":1},{"n":"b","s":-2.5}],"ok":true,"none":null})";
    const auto json = parse_json(text);
    REQUIRE(json.has_value());
    CHECK((*json)["zones"].elements().size() == 2);
    CHECK((*json)["zones"].elements()[0]["n"].text() == "a");
    CHECK((*json)["zones"].elements()[1]["s"].real() == doctest::Approx(-2.5));
    CHECK((*json)["ok"].truth());
    CHECK((*json)["none"].is_null());
    CHECK((*json)["nowhere"]["deeper"].is_null());
}

TEST_CASE("text that is no JSON is refused with the octet where") {
    for (const char* text : {"", "{", "{\"a\":}", "[1,]", "nul", "{} x", "\"\xff\""}) {
        CAPTURE(text);
        const auto json = parse_json(text);
        REQUIRE_FALSE(json.has_value());
        CHECK(json.error().code == Errc::malformed);
    }
    const std::string deep(100, '[');
    CHECK_FALSE(parse_json(deep + std::string(100, ']')).has_value());
}

}  // namespace zc::term
