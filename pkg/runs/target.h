// One of the two that are compared, and the referee: a server, a store or a recording.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ask/server.h"
#include "base/result.h"
#include "dns/types.h"

namespace zc::runs {

struct Target {
    enum class Kind : std::uint8_t {
        server,    // by UDP, and by TCP what was asked by TCP or came back truncated
        tcp_only,  // everything by TCP
        store,     // a store in this very process: no network
        recorded,  // the answers of the recording that the questions come from
    };
    Kind kind = Kind::server;
    dns::Address address{};
    std::uint16_t port = 53;
    std::string path;  // of a store
    std::string text;  // as it was given

    /// The server to ask; none for a store and a recording.
    std::optional<ask::Server> asked() const;
};

/// Both lead to one server or one file: a comparison of it with itself.
bool is_one_target(const Target& a, const Target& b);

/// "192.0.2.1", "192.0.2.1:5300", "[2001:db8::1]:53", "tcp:192.0.2.1", "store:FILE", "recorded".
/// Errors: `malformed`, with what was wanted. A name of a host is not resolved: the answer of a
/// resolver would decide who is compared.
Result<Target> parse_target(std::string_view text);

}  // namespace zc::runs
