// Datagrams on a socket that serves several addresses of this machine.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/octets.h"
#include "net/socket.h"

namespace zc::net {

/// The address of this machine at which a datagram arrived, and from which its answer has to leave:
/// a control message as the system tells it and wants it. `used` 0: the socket has one address.
struct alignas(cmsghdr) SourceAddress {
    static constexpr std::size_t octets_max =
        std::max(CMSG_SPACE(sizeof(in_pktinfo)), CMSG_SPACE(sizeof(in6_pktinfo)));
    std::array<std::uint8_t, octets_max> octets;
    std::size_t used = 0;
};

/// Turns "the datagram came to this address" into "send from this address": the same control
/// message without the interface, so that the answer takes the route that routing says. (A
/// link-local address needs its interface.)
void answer_from_there(msghdr& header) noexcept;

/// Sends one datagram and does not wait. Gives 0, or the errno of a refusal; EAGAIN: no room.
int send_datagram(int socket, base::Octets octets, const SocketAddress& to, socklen_t to_octets,
                  const SourceAddress& from) noexcept;

}  // namespace zc::net
