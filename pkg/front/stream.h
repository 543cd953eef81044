// Inside of package front: octets on their way between the TCP sockets of the live front.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <sys/epoll.h>

#include "base/octets.h"
#include "net/framing.h"
#include "net/stream.h"

namespace zc::front {

// So much may wait for one reader. Nothing more is read for it until it has taken that; the new
// server gets no copy beyond it.
inline constexpr std::size_t waiting_octets_max = 1 << 18;

/// Octets on their way to a stream.
struct Outbox {
    std::vector<std::uint8_t> octets;
    std::size_t taken = 0;
    net::Step step;  // the last write

    std::size_t size() const noexcept { return octets.size() - taken; }
    void add(base::Octets more) {
        // A reader that is never quite done would have all that it ever took stay before the rest.
        if (taken == octets.size() || taken >= waiting_octets_max) {
            octets.erase(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(taken));
            taken = 0;
        }
        octets.insert(octets.end(), more.begin(), more.end());
    }
    void add_message(base::Octets message) {
        add(net::length_of(message));
        add(message);
    }
    /// False: the connection is gone.
    bool flush(net::Stream& stream) noexcept {
        while (size() > 0) {
            step = stream.write(base::Octets(octets).subspan(taken));
            if (step.is != net::Step::Is::done) return step.wants();
            taken += step.octets;
        }
        return true;
    }
    /// The events that let it go on; none when it is empty.
    std::uint32_t events() const noexcept {
        return size() > 0 ? net::poll_events(step, EPOLLOUT) : 0;
    }
};

/// Cuts a stream into messages.
struct Framer {
    std::vector<std::uint8_t> held;

    template <class Each>
    void take(base::Octets more, const Each& each) {
        held.insert(held.end(), more.begin(), more.end());
        net::FrameReader reader(held);
        while (const auto message = reader.next()) each(*message);
        held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(reader.taken()));
    }
};

}  // namespace zc::front
