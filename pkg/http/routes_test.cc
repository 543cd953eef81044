#include "http/routes.h"

#include <doctest/doctest.h>

namespace zc::http {
namespace {

Routes api() {
    Routes routes;
    for (const char* line : {"GET /", "GET /zones", "POST /zones", "GET /zones/{zone}",
                             "PATCH /zones/{zone}", "GET /zones/{zone}/rrsets/{name}/{type}",
                             "GET /zones/count", "PUT /zones/count/now", "DELETE /zones/{id}"}) {
        const std::string text(line);
        const std::size_t blank = text.find(' ');
        routes.add({text.substr(0, blank), text.substr(blank + 1), Handler()});
    }
    return routes;
}

/// "GET /zones/{zone} zone=a." of what is found; "405 GET, HEAD" or "404" of what is not.
std::string found_text(const Routes& routes, std::string_view method,
                       const std::vector<std::string>& segments) {
    const Routes::Selection found = routes.find(method, segments);
    if (found.route_or_null == nullptr) return found.allow.empty() ? "404" : "405 " + found.allow;
    std::string out = found.route_or_null->method + ' ' + found.route_or_null->pattern;
    for (const auto& [name, value] : found.parameters) out += ' ' + name + '=' + value;
    return out;
}

}  // namespace

TEST_CASE("a path is found by its segments, and a literal one goes before a parameter") {
    const Routes routes = api();
    struct Row {
        const char* method;
        std::vector<std::string> segments;
        const char* found;
    };
    const Row rows[] = {
        {"GET", {""}, "GET /"},
        {"HEAD", {"zones"}, "GET /zones"},
        {"POST", {"zones"}, "POST /zones"},
        {"GET", {"zones", "a."}, "GET /zones/{zone} zone=a."},
        {"GET", {"zones", "a/b=2E"}, "GET /zones/{zone} zone=a/b=2E"},
        {"DELETE", {"zones", "a."}, "DELETE /zones/{id} id=a."},
        {"GET", {"zones", "count"}, "GET /zones/count"},
        {"PUT", {"zones", "count", "now"}, "PUT /zones/count/now"},
        {"GET",
         {"zones", "count", "rrsets", "w", "A"},
         "GET /zones/{zone}/rrsets/{name}/{type} name=w type=A zone=count"},
        {"DELETE", {"zones", "count"}, "405 GET, HEAD"},
        {"PUT", {"zones", "a."}, "405 GET, HEAD, PATCH, DELETE"},
        {"get", {"zones"}, "405 GET, HEAD, POST"},
        {"GET", {"zones", ""}, "404"},
        {"GET", {"zones", "a.", ""}, "404"},
        {"GET", {"zones", "a.", "rrsets"}, "404"},
        {"GET", {"zones", "a.", "rrsets", "", "A"}, "404"},
        {"GET", {"ZONES"}, "404"},
        {"GET", {"zones", "a.", "rrsets", "w", "A", "more"}, "404"},
        {"GET", {}, "404"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.found);
        CHECK(found_text(routes, row.method, row.segments) == row.found);
    }
}

}  // namespace zc::http
