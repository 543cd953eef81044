// Inside of package front: datagrams on their way into the live front and out of it.
#pragma once

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/octets.h"
#include "net/datagrams.h"
#include "net/endpoint.h"
#include "net/proxy.h"
#include "net/socket.h"

namespace zc::front {

inline constexpr std::size_t datagrams_max = 32;  // of one system call
// A server that shares its port among processes (SO_REUSEPORT) chooses by our port: one alone would
// keep all but one of them idle. More than a few, and batches become small.
inline constexpr std::size_t upstream_sockets = 4;
// Towards the old server, of each worker: whoever forges its answer has to guess the port too (RFC
// 5452 section 9.2). Each batch of queries goes out by a few of them, drawn anew: so all processes
// of a server have their turn, and few system calls are made for what comes back.
inline constexpr std::size_t older_sockets = 128, older_sockets_a_batch = 2;
inline constexpr std::uint32_t socket_octets = 4U << 20U;  // of its buffers

/// A UDP socket that speaks with `to` alone. Throws std::system_error.
net::Descriptor connect_udp(const net::Endpoint& to);

/// Messages received by one system call.
class Incoming {
public:
    enum class Senders : std::uint8_t { known, told };
    explicit Incoming(Senders senders);

    /// Takes at most `most` and does not wait; gives how many, or -1 as recvmmsg(2).
    int receive(int fd, std::size_t most = datagrams_max) noexcept;
    base::Octets operator[](std::size_t i) const noexcept { return {at(i), messages_[i].msg_len}; }
    std::uint8_t* at(std::size_t i) const noexcept { return octets_.get() + i * buffer_octets; }
    /// The sender; with Senders::told only.
    net::SocketAddress& peer(std::size_t i) noexcept { return peers_[i]; }
    socklen_t peer_octets(std::size_t i) const noexcept { return messages_[i].msg_hdr.msg_namelen; }
    net::SourceAddress& control(std::size_t i) noexcept {
        controls_[i].used = messages_[i].msg_hdr.msg_controllen;
        return controls_[i];
    }

private:
    static constexpr std::size_t datagram_octets_max = 65535;
    // No power of two: the first lines of all buffers would compete for the same set of the cache.
    static constexpr std::size_t buffer_octets = datagram_octets_max + 1 + 192;

    void prepare(std::size_t i) noexcept;

    const Senders senders_;
    std::size_t used_ = 0;  // by the last call, which the system wrote to
    std::array<mmsghdr, datagrams_max> messages_{};
    std::array<iovec, datagrams_max> parts_{};
    std::array<net::SocketAddress, datagrams_max> peers_{};
    std::array<net::SourceAddress, datagrams_max> controls_{};
    std::unique_ptr<std::uint8_t[]> octets_{new std::uint8_t[datagrams_max * buffer_octets]};
};

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
    /// Gives how many went out. Datagrams that the system has no room for are lost, as on a
    /// network. An error may belong to an earlier datagram (ip(7): an ICMP message that came since
    /// is told to the next sender), so each datagram is tried twice.
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

}  // namespace zc::front
