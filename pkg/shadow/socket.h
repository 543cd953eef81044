// The system's sockets as this package needs them: asking, never listening. Used by it only.
#pragma once

#include <cstdint>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/result.h"
#include "dns/types.h"

namespace zc::shadow {

/// An open descriptor, closed when destroyed. -1: none.
class Descriptor {
public:
    Descriptor() noexcept = default;
    explicit Descriptor(int fd) noexcept : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~Descriptor() { reset(); }

    int get() const noexcept { return fd_; }
    void reset() noexcept;  // closes

private:
    int fd_ = -1;
};

/// An address with its port, as the system wants it.
struct SocketAddress {
    union {
        sockaddr any;
        sockaddr_in ipv4;
        sockaddr_in6 ipv6;
    };
    socklen_t size = 0;
};
SocketAddress socket_address(const dns::Address& address, std::uint16_t port) noexcept;
/// Same address and port; a sender's scope and flow label do not matter.
bool same_endpoint(const SocketAddress& a, const SocketAddress& b) noexcept;

/// A non-blocking UDP socket at a port of the system's choice, which is random. It is not
/// connected: what comes from elsewhere is to be seen and counted, not filtered. Refused datagrams
/// come through its error queue.
Result<Descriptor> open_udp(const SocketAddress& to);
/// A non-blocking TCP socket that is connecting.
Result<Descriptor> connect_tcp(const SocketAddress& to);
/// Errors that the network sent back to this socket, ECONNREFUSED mostly: taken off it, counted.
std::uint64_t take_refusals(int udp_socket) noexcept;

}  // namespace zc::shadow
