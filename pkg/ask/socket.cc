#include "ask/socket.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace zc::ask {
namespace {

// Answers wait here while the worker compares. 4 MiB hold those of the largest window.
constexpr std::uint32_t receive_octets = 4 << 20;

void set(const net::Descriptor& socket, int level, int name, int value) noexcept {
    static_cast<void>(::setsockopt(socket.get(), level, name, &value, sizeof value));
}

}  // namespace

Destination destination(const net::Endpoint& endpoint) noexcept {
    Destination out;
    out.octets = net::put_address(out.address, endpoint);
    return out;
}

bool same_endpoint(const net::SocketAddress& a, const net::SocketAddress& b) noexcept {
    if (a.any.sa_family != b.any.sa_family) return false;
    if (a.any.sa_family == AF_INET)
        return a.ipv4.sin_port == b.ipv4.sin_port &&
               a.ipv4.sin_addr.s_addr == b.ipv4.sin_addr.s_addr;
    return a.ipv6.sin6_port == b.ipv6.sin6_port &&
           std::memcmp(&a.ipv6.sin6_addr, &b.ipv6.sin6_addr, 16) == 0;
}

Result<net::Descriptor> open_udp(const Destination& to) {
    net::Descriptor socket(
        ::socket(to.address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_UDP));
    if (socket.get() < 0) return base::fail_errno(errno, "socket");
    net::SocketAddress from{};
    from.ipv6 = {};
    from.any.sa_family = to.address.any.sa_family;
    if (::bind(socket.get(), &from.any, to.octets) != 0) return base::fail_errno(errno, "bind");
    net::set_buffers(socket, receive_octets, receive_octets);
    if (to.address.any.sa_family == AF_INET)
        set(socket, IPPROTO_IP, IP_RECVERR, 1);
    else
        set(socket, IPPROTO_IPV6, IPV6_RECVERR, 1);
    return socket;
}

std::uint64_t take_refusals(int udp_socket) noexcept {
    constexpr int at_once_max = 256;
    std::uint64_t refusals = 0;
    std::array<std::uint8_t, 64> octets{};
    alignas(cmsghdr) std::array<std::uint8_t, 512> control{};
    for (int i = 0; i < at_once_max; ++i) {
        iovec part{octets.data(), octets.size()};
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        header.msg_control = control.data();
        header.msg_controllen = control.size();
        if (::recvmsg(udp_socket, &header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
        ++refusals;
    }
    // The error also waits to fail the next call on the socket: that one has nothing to do with it.
    int pending = 0;
    socklen_t size = sizeof pending;
    static_cast<void>(::getsockopt(udp_socket, SOL_SOCKET, SO_ERROR, &pending, &size));
    return refusals;
}

}  // namespace zc::ask
