#include "net/socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <unistd.h>

namespace zc::net {
namespace {

constexpr int tcp_backlog = 1024;           // the system cuts it to net.core.somaxconn
constexpr int unsent_octets_max = 1 << 18;  // of a connection, beside what is under way

template <class T>
bool set(const Descriptor& socket, int level, int name, T value) noexcept {
    return setsockopt(socket.get(), level, name, &value, sizeof value) == 0;
}

/// Errors that the user can mend, in the user's words.
tl::unexpected<Error> fail_bind(int error_number, const std::string& transport,
                                const Endpoint& endpoint) {
    const std::string where = transport + " " + to_string(endpoint);
    switch (error_number) {
        case EADDRINUSE:
            return fail(Errc::busy,
                        "listen on " + where + ": the port is in use by another socket");
        case EADDRNOTAVAIL:
            return fail(Errc::not_found, "listen on " + where + ": not an address of this machine");
        case EACCES:
        case EPERM:
            return fail(Errc::io, "listen on " + where +
                                      ": ports below 1024 need root or CAP_NET_BIND_SERVICE");
    }
    return base::fail_errno(error_number, "listen on " + where);
}

Result<Descriptor> make_bound(int type, const Endpoint& endpoint, Sharing sharing,
                              const std::string& transport) {
    SocketAddress address{};
    const socklen_t size = put_address(address, endpoint);
    Descriptor socket(::socket(address.any.sa_family, type | SOCK_CLOEXEC, 0));
    if (socket.get() < 0) return fail_bind(errno, transport, endpoint);
    // An IPv6 wildcard is no IPv4 one: they are two sockets, so that a client's address has one
    // form.
    if (endpoint.address.size == 16) set(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    // Old connections in TIME_WAIT do not keep a restarted server from its port.
    if ((type & SOCK_STREAM) != 0) set(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    if (sharing == Sharing::reuse_port && !set(socket, SOL_SOCKET, SO_REUSEPORT, 1))
        return fail_bind(errno, transport, endpoint);
    if (bind(socket.get(), &address.any, size) != 0) return fail_bind(errno, transport, endpoint);
    return socket;
}

}  // namespace

socklen_t put_address(SocketAddress& to, const Endpoint& endpoint) noexcept {
    to = {};
    if (endpoint.address.size == 4) {
        to.ipv4.sin_family = AF_INET;
        to.ipv4.sin_port = htons(endpoint.port);
        std::memcpy(&to.ipv4.sin_addr, endpoint.address.octets.data(), 4);
        return sizeof to.ipv4;
    }
    to.ipv6.sin6_family = AF_INET6;
    to.ipv6.sin6_port = htons(endpoint.port);
    std::memcpy(&to.ipv6.sin6_addr, endpoint.address.octets.data(), 16);
    return sizeof to.ipv6;
}

Endpoint endpoint_of(const SocketAddress& from) noexcept {
    const bool ipv4 = from.any.sa_family == AF_INET;
    return {client_address(from), ntohs(ipv4 ? from.ipv4.sin_port : from.ipv6.sin6_port)};
}

bool is_wildcard(const dns::Address& address) noexcept {
    const auto octets = address.view();
    return std::all_of(octets.begin(), octets.end(), [](std::uint8_t octet) { return octet == 0; });
}

Result<Descriptor> bind_udp(const Endpoint& endpoint, Sharing sharing) {
    ZC_TRY(Descriptor socket, make_bound(SOCK_DGRAM, endpoint, sharing, "UDP"));
    const bool ipv4 = endpoint.address.size == 4;
    // Responses are not fragmented (RFC 9715): DF is set, and what forged "packet too big" messages
    // say of the path is not believed. With the usual limit of 1232 octets they fit everywhere;
    // what does not fit into the interface's MTU is refused by the system, and goes out truncated.
    // DF also spares the kernel an IP identification for each packet: 3 % of all CPU per query.
    if (ipv4) {
        set(socket, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    } else {
        set(socket, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
        set(socket, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
    }
    if (is_wildcard(endpoint.address)) {
        const bool told = ipv4 ? set(socket, IPPROTO_IP, IP_PKTINFO, 1)
                               : set(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        if (!told) return fail_bind(errno, "UDP", endpoint);
    }
    return socket;
}

Result<Descriptor> listen_tcp(const Endpoint& endpoint, Sharing sharing) {
    ZC_TRY(Descriptor socket, make_bound(SOCK_STREAM | SOCK_NONBLOCK, endpoint, sharing, "TCP"));
    // Accepted sockets inherit it. We write all answers there are at once: waiting for more makes
    // no sense.
    set(socket, IPPROTO_TCP, TCP_NODELAY, 1);
    // So is this. Else a reader has megabytes of room in the kernel, which says "writable" only
    // when a third of it is free again: who reads slowly looks like one who has stopped.
    set(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, unsent_octets_max);
    if (listen(socket.get(), tcp_backlog) != 0) return fail_bind(errno, "TCP", endpoint);
    return socket;
}

Result<std::uint16_t> bound_port(const Descriptor& socket) {
    SocketAddress address{};
    socklen_t size = sizeof address;
    if (getsockname(socket.get(), &address.any, &size) != 0)
        return base::fail_errno(errno, "getsockname");
    return endpoint_of(address).port;
}

void set_buffers(const Descriptor& socket, std::uint32_t receive_octets,
                 std::uint32_t send_octets) noexcept {
    const auto receive = static_cast<int>(receive_octets);
    const auto send = static_cast<int>(send_octets);
    if (!set(socket, SOL_SOCKET, SO_RCVBUFFORCE, receive))
        set(socket, SOL_SOCKET, SO_RCVBUF, receive);
    if (!set(socket, SOL_SOCKET, SO_SNDBUFFORCE, send)) set(socket, SOL_SOCKET, SO_SNDBUF, send);
}

std::uint64_t overflows(const Descriptor& socket) noexcept {
    std::array<std::uint32_t, SK_MEMINFO_VARS> info{};
    socklen_t size = sizeof info;
    if (getsockopt(socket.get(), SOL_SOCKET, SO_MEMINFO, info.data(), &size) != 0) return 0;
    return info[SK_MEMINFO_DROPS];
}

}  // namespace zc::net
