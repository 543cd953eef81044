// The system's sockets as this package needs them: asking, never listening. Used by it only.
#pragma once

#include <cstdint>

#include <sys/socket.h>

#include "base/result.h"
#include "net/endpoint.h"
#include "net/socket.h"

namespace zc::ask {

/// Where to send, as the system wants it.
struct Destination {
    net::SocketAddress address{};
    socklen_t octets = 0;
};
Destination destination(const net::Endpoint& endpoint) noexcept;
/// Same address and port; a sender's scope and flow label do not matter.
bool same_endpoint(const net::SocketAddress& a, const net::SocketAddress& b) noexcept;

/// A non-blocking UDP socket at a port of the system's choice, which is random. It is not
/// connected: what comes from elsewhere is to be seen and counted, not filtered. Refused datagrams
/// come through its error queue.
Result<net::Descriptor> open_udp(const Destination& to);
/// Errors that the network sent back to this socket, ECONNREFUSED mostly: taken off it, counted.
std::uint64_t take_refusals(int udp_socket) noexcept;

}  // namespace zc::ask
