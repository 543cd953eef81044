// A client of one request: what `zonectl status`, `health` and `reload` ask a running node.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"
#include "http/message.h"

namespace zc::http {

inline constexpr std::uint32_t response_octets_max = 64U << 20U;

/// Sends one request over the Unix socket at `socket_path` and waits for the response, `timeout` at
/// most in all. `target` is path and query, escaped. Blocks; for command lines and tests. Errors:
/// `not_found` when nothing listens there, `timeout`, `malformed` when what answers is not HTTP,
/// `io`.
Result<Response> request(const std::string& socket_path, const std::string& method,
                         const std::string& target, const std::string& body,
                         base::Duration timeout);

}  // namespace zc::http
