#include "net/datagrams.h"

#include <cerrno>
#include <cstring>

namespace zc::net {

void answer_from_there(msghdr& header) noexcept {
    for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr;
         part = CMSG_NXTHDR(&header, part)) {
        if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
            in_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(part), sizeof info);
            info.ipi_ifindex = 0;
            std::memcpy(CMSG_DATA(part), &info, sizeof info);
        } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info{};
            std::memcpy(&info, CMSG_DATA(part), sizeof info);
            if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) info.ipi6_ifindex = 0;
            std::memcpy(CMSG_DATA(part), &info, sizeof info);
        }
    }
}

int send_datagram(int socket, base::Octets octets, const SocketAddress& to, socklen_t to_octets,
                  const SourceAddress& from) noexcept {
    iovec part{const_cast<std::uint8_t*>(octets.data()), octets.size()};
    SocketAddress name = to;
    SourceAddress source = from;
    msghdr header{};
    header.msg_name = &name;
    header.msg_namelen = to_octets;
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    if (source.used != 0) {
        header.msg_control = source.octets.data();
        header.msg_controllen = source.used;
    }
    return sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 ? 0 : errno;
}

}  // namespace zc::net
