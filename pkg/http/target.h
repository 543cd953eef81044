// The target of a request taken apart: path and query, percent escapes undone (RFC 3986
// section 2.1).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace zc::http {

inline constexpr std::size_t query_parameters_max = 64;

/// "/a%20b?c=d+e&f" → path "/a b", query {c: "d e", f: ""}; method and body stay empty.
/// Errors: `malformed` for what does not begin with '/', a bad escape, an escaped NUL; `limit` for
/// too many parameters.
Result<Request> read_target(std::string_view target);

/// `text` with all but unreserved characters as %XX, to be put into a target.
std::string escape(std::string_view text);

}  // namespace zc::http
