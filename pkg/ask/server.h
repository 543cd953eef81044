// A DNS server that is asked.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "net/endpoint.h"

namespace zc::ask {

struct Server {
    enum class By : std::uint8_t {
        udp_and_tcp,
        tcp,  // alone: no UDP socket is opened
    };
    net::Endpoint endpoint;
    By by = By::udp_and_tcp;
};

/// "192.0.2.1", "192.0.2.1:5300", "[2001:db8::1]:53", and "tcp:" before any of them. A host name is
/// not resolved. Errors: `malformed`, with what is missing.
Result<Server> parse_server(std::string_view text);

}  // namespace zc::ask
