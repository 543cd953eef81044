// An address and a port.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "dns/types.h"

namespace zc::net {

/// Where somebody listens, over UDP and TCP.
struct Endpoint {
    dns::Address address;     // 0.0.0.0 and :: are all addresses of their family, and only of it
    std::uint16_t port = 53;  // 0: the system chooses one, the same for both transports
    bool operator==(const Endpoint&) const = default;
};

/// "192.0.2.1", "192.0.2.1:5300", "2001:db8::1", "[2001:db8::1]:5300".
Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port = 53);
std::string to_string(const Endpoint& endpoint);

}  // namespace zc::net
