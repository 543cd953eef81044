#include "http/target.h"

#include <doctest/doctest.h>

#include "http/client.h"

namespace zc::http {

TEST_CASE("a target is taken apart into path and query") {
    struct Row {
        std::string_view target, path;
        std::vector<std::string> segments;
        std::map<std::string, std::string> query;
    };
    const Row rows[] = {
        {"/", "/", {""}, {}},
        {"/health", "/health", {"health"}, {}},
        {"/a%20b/%2f", "/a b//", {"a b", "/"}, {}},
        {"/a//b/", "/a//b/", {"a", "", "b", ""}, {}},
        {"/../%2e", "/../.", {"..", "."}, {}},
        {"/a+b", "/a+b", {"a+b"}, {}},
        {"/x?", "/x", {"x"}, {}},
        {"/x?a=1&b=&c&&a=2", "/x", {"x"}, {{"a", "2"}, {"b", ""}, {"c", ""}}},
        {"/x?a=1+2%2B3&b=c=d?", "/x", {"x"}, {{"a", "1 2+3"}, {"b", "c=d?"}}},
    };
    for (const Row& row : rows) {
        CAPTURE(row.target);
        const auto request = read_target(row.target);
        REQUIRE(request.has_value());
        CHECK(request->path == row.path);
        CHECK(request->segments == row.segments);
        CHECK(request->query == row.query);
    }
}

TEST_CASE("a target that is no path, or with a broken escape, is refused") {
    for (const char* target :
         {"", "*", "http://x/", "x", "/%", "/%4", "/%zz", "/a%00b", "/x?%", "/x?a=%f", "/x?%00"}) {
        CAPTURE(target);
        const auto request = read_target(target);
        REQUIRE_FALSE(request.has_value());
        CHECK(request.error().code == Errc::malformed);
    }
}

TEST_CASE("a query of too many parameters is refused") {
    std::string target = "/?";
    for (std::size_t i = 0; i < query_parameters_max; ++i) target += "a&";
    CHECK(read_target(target).has_value());
    CHECK(read_target(target + "a").error().code == Errc::limit);
}

TEST_CASE("what is escaped is read back the same") {
    const std::string text = "a b&c=d?/#%\xff~-._+";
    const auto request = read_target("/" + escape(text) + "?k=" + escape(text));
    REQUIRE(request.has_value());
    CHECK(request->path == "/" + text);
    CHECK(request->query.at("k") == text);
}

}  // namespace zc::http
