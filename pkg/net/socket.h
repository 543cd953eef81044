// Sockets as values that close themselves, and addresses as the system wants them.
#pragma once

#include <cstdint>
#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/result.h"
#include "dns/types.h"
#include "net/descriptor.h"
#include "net/endpoint.h"

namespace zc::net {

/// Room for the address of either family.
union SocketAddress {
    sockaddr any;
    sockaddr_in ipv4;
    sockaddr_in6 ipv6;
};

/// `address` and `port` as the system wants them; gives the length.
socklen_t put_address(SocketAddress& to, const Endpoint& endpoint) noexcept;
/// The address in `from`; family AF_INET or AF_INET6.
inline dns::Address client_address(const SocketAddress& from) noexcept;
Endpoint endpoint_of(const SocketAddress& from) noexcept;

bool is_wildcard(const dns::Address& address) noexcept;

enum class Sharing : std::uint8_t { none, reuse_port };

/// A blocking UDP socket. A wildcard one tells at which address a datagram arrived.
Result<Descriptor> bind_udp(const Endpoint& endpoint, Sharing sharing);
/// A non-blocking listening TCP socket.
Result<Descriptor> listen_tcp(const Endpoint& endpoint, Sharing sharing);
/// The port that the system chose for a bound socket.
Result<std::uint16_t> bound_port(const Descriptor& socket);
/// Asks for buffers of that many octets; beyond the system's limit if the process may.
void set_buffers(const Descriptor& socket, std::uint32_t receive_octets,
                 std::uint32_t send_octets) noexcept;
/// Datagrams that the kernel dropped at this socket, nearly always because its buffer was full.
std::uint64_t overflows(const Descriptor& socket) noexcept;

inline dns::Address client_address(const SocketAddress& from) noexcept {
    dns::Address address;
    if (from.any.sa_family == AF_INET) {
        std::memcpy(address.octets.data(), &from.ipv4.sin_addr, 4);
        address.size = 4;
    } else {
        std::memcpy(address.octets.data(), &from.ipv6.sin6_addr, 16);
        address.size = 16;
    }
    return address;
}

}  // namespace zc::net
