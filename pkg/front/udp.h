// Inside of package front: one worker's UDP side of the live front, which clients wait for.
//
// A query goes to the old server under an ID and from a port that nobody can foresee; the answer
// that comes back there, with the same question, goes to the client with the client's ID. A query
// that has to give way for lack of room is answered with SERVFAIL. Query and answer go on to a
// NewerAsker. The old server is sent only what the client sends.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/time.h"
#include "front/pair.h"
#include "net/endpoint.h"
#include "net/socket.h"

namespace zc::front {

class UdpRelay {
public:
    struct Options {
        net::Endpoint older;
        bool proxy_to_older = false;
        bool proxy_to_newer = false;         // whoever asks it is given the header
        std::uint32_t in_flight_max = 8192;  // 1..in_flight_most
        std::uint32_t one_in = 1;
        base::Duration timeout;
        std::uint64_t seed = 0;  // of IDs
    };
    struct Listener {
        net::Descriptor socket;
        net::Endpoint endpoint;
    };

    /// Gives pairs without the new server's answer to `channel`, which outlives it. Throws
    /// std::system_error when the system refuses what it needs.
    UdpRelay(std::vector<Listener> listeners, const Options& options, Channel& channel);
    ~UdpRelay();
    UdpRelay(const UdpRelay&) = delete;
    UdpRelay& operator=(const UdpRelay&) = delete;

    /// Until `stop`; then passes on what the old server still answers in time.
    void run() noexcept;
    void stop() noexcept;

private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::front
