// A client of one request: `zonectl status`, `health`, `reload` and `stop` ask a running node.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace zc::http {

inline constexpr std::uint32_t response_octets_max = 64U << 20U;

/// The response.
struct Received {
    unsigned status = 0;
    std::string content_type;
    std::string body;
};

/// Sends one request over the Unix socket at `socket_path` and waits for the response, `timeout` at
/// most in all. `target` is path and query, escaped. Blocks; for command lines and tests. Errors:
/// `not_found` when nothing listens there, `timeout`, `malformed` when the answer is not HTTP,
/// `io`.
Result<Received> request(const std::string& socket_path, const std::string& method,
                         const std::string& target, const std::string& body,
                         base::Duration timeout);

/// `text` with all but unreserved characters as %XX, to be put into a target.
std::string escape(std::string_view text);

}  // namespace zc::http
