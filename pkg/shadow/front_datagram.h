// Inside of package shadow: datagrams on their way out of the live front.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <utility>

#include <sys/socket.h>
#include <sys/uio.h>

#include "base/octets.h"
#include "net/proxy.h"

namespace zc::shadow {

inline constexpr std::size_t datagrams_max = 32;  // of one system call

/// Messages to be sent by one system call; each of one or two parts that live elsewhere.
struct Outgoing {
    std::array<mmsghdr, datagrams_max> messages{};
    std::array<std::array<iovec, 2>, datagrams_max> parts{};
    std::array<std::array<std::uint8_t, net::proxy_written_octets_max>, datagrams_max> proxies{};
    std::size_t size = 0;

    msghdr& add(base::Octets octets, std::size_t proxy_octets) noexcept {
        auto& own = parts[size];
        std::size_t count = 0;
        if (proxy_octets != 0) own[count++] = {proxies[size].data(), proxy_octets};
        own[count++] = {const_cast<std::uint8_t*>(octets.data()), octets.size()};
        msghdr& header = messages[size++].msg_hdr;
        header = {};
        header.msg_iov = own.data();
        header.msg_iovlen = count;
        return header;
    }
    /// Gives how many went out. What the system has no room for is lost, as on a network. An error
    /// may be of an earlier datagram (an ICMP message that came since, told to whoever sends next,
    /// ip(7)): so each is tried twice.
    std::size_t send(int fd) noexcept {
        std::size_t at = 0, sent = 0;
        bool failed = false;  // the one at `at`
        while (at < size) {
            const int count =
                sendmmsg(fd, &messages[at], static_cast<unsigned>(size - at), MSG_DONTWAIT);
            if (count > 0) {
                at += static_cast<std::size_t>(count);
                sent += static_cast<std::size_t>(count);
                failed = false;
            } else if (errno != EINTR && std::exchange(failed, !failed)) {
                ++at;  // its own (unreachable, no room): on with the next
            }
        }
        size = 0;
        return sent;
    }
};

}  // namespace zc::shadow
