// Inside of package front: octets on their way between the TCP sockets of the live front.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <sys/socket.h>

#include "base/octets.h"

namespace zc::front {

inline constexpr std::size_t length_octets = 2;  // before a message (RFC 1035 section 4.2.2)
// So many octets may wait for one reader. Beyond, nothing more is read for that reader, and the new
// server gets no copy.
inline constexpr std::size_t waiting_octets_max = 1 << 18;

/// Octets on their way to a socket.
struct Outbox {
    std::vector<std::uint8_t> octets;
    std::size_t taken = 0;

    std::size_t size() const noexcept { return octets.size() - taken; }
    void add(base::Octets more) {
        // A reader that is never quite done would have all that it ever took stay before the rest.
        if (taken == octets.size() || taken >= waiting_octets_max) {
            octets.erase(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(taken));
            taken = 0;
        }
        octets.insert(octets.end(), more.begin(), more.end());
    }
    /// False: the connection is gone.
    bool flush(int fd) noexcept {
        while (size() > 0) {
            const ssize_t count =
                send(fd, octets.data() + taken, size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count < 0)
                return errno == EAGAIN || errno == EINTR || errno == ENOTCONN ||
                       errno == EINPROGRESS;
            taken += static_cast<std::size_t>(count);
        }
        return true;
    }
};

/// Cuts a stream into messages.
struct Framer {
    std::vector<std::uint8_t> held;

    template <class Each>
    void take(base::Octets more, const Each& each) {
        held.insert(held.end(), more.begin(), more.end());
        std::size_t at = 0;
        while (held.size() - at >= length_octets) {
            const std::size_t octets = base::load_u16(&held[at]);
            if (held.size() - at - length_octets < octets) break;
            each(base::Octets(held).subspan(at + length_octets, octets));
            at += length_octets + octets;
        }
        held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(at));
    }
};

}  // namespace zc::front
