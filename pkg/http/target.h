// The target of a request taken apart: path and query, percent escapes undone (RFC 3986
// section 2.1).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace zc::http {

inline constexpr std::size_t query_parameters_max = 64;

struct Target {
    std::string path;
    // The path between its slashes, before the escapes are undone: "/a%2Fb/" is {"a/b", ""}. Dot
    // segments stay as they are.
    std::vector<std::string> segments;
    std::map<std::string, std::string> query;
};

/// "/a%20b?c=d+e&f" → path "/a b", query {c: "d e", f: ""}.
/// Errors: `malformed` for a text that does not begin with '/', a bad escape, an escaped NUL;
/// `limit` for too many parameters.
Result<Target> read_target(std::string_view target);

}  // namespace zc::http
