#include "front/datagram.h"

#include <system_error>

namespace zc::front {

net::Descriptor connect_udp(const net::Endpoint& to) {
    net::SocketAddress address{};
    const socklen_t size = net::put_address(address, to);
    net::Descriptor out(socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (out.get() < 0 || connect(out.get(), &address.any, size) != 0)
        throw std::system_error(errno, std::generic_category(), "socket to " + net::to_string(to));
    net::set_buffers(out, socket_octets, socket_octets);
    return out;
}

Incoming::Incoming(Senders senders) : senders_(senders) {
    for (std::size_t i = 0; i < datagrams_max; ++i) {
        parts_[i] = {at(i), datagram_octets_max};
        messages_[i].msg_hdr.msg_iov = &parts_[i];
        messages_[i].msg_hdr.msg_iovlen = 1;
        prepare(i);
    }
}

void Incoming::prepare(std::size_t i) noexcept {
    if (senders_ == Senders::known) return;
    msghdr& header = messages_[i].msg_hdr;
    header.msg_name = &peers_[i];
    header.msg_namelen = sizeof peers_[i];
    header.msg_control = controls_[i].octets.data();
    header.msg_controllen = controls_[i].octets.size();
}

int Incoming::receive(int fd, std::size_t most) noexcept {
    for (std::size_t i = 0; i < used_; ++i) prepare(i);
    const int count =
        recvmmsg(fd, messages_.data(), static_cast<unsigned>(most), MSG_DONTWAIT, nullptr);
    // One more than it gives: the system may have begun with the next.
    used_ = std::min(datagrams_max, static_cast<std::size_t>(std::max(count, 0)) + 1);
    return count;
}

}  // namespace zc::front
