// Inside of package shadow: one worker's UDP side of the live front.
//
// A query goes to the old server under an ID of ours; its answer goes back to the client with the
// client's. Only then is the new server asked, so that it does not compete with what the client
// waits for (or after a tenth of a second, when the old server is slow). What the new server has
// not answered is sent to it twice more within the timeout, so that a lost datagram is no silence;
// the old server gets what the client sends, and no more.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/time.h"
#include "net/endpoint.h"
#include "net/socket.h"
#include "shadow/front_pair.h"

namespace zc::shadow {

class FrontUdp {
public:
    struct Options {
        net::Endpoint older, newer;
        bool proxy_to_older = false, proxy_to_newer = false;
        std::uint32_t in_flight_max = 8192;  // 1..32768
        std::uint32_t one_in = 1;
        base::Duration timeout;
        std::uint64_t seed = 0;  // of IDs
    };
    struct Listener {
        net::Descriptor socket;
        net::Endpoint endpoint;
    };

    /// Throws std::system_error when the system refuses what it needs. `channel` outlives it.
    FrontUdp(std::vector<Listener> listeners, const Options& options, Channel& channel);
    ~FrontUdp();
    FrontUdp(const FrontUdp&) = delete;
    FrontUdp& operator=(const FrontUdp&) = delete;

    /// Until `stop`; then passes on what the old server still answers in time.
    void run() noexcept;
    void stop() noexcept;

private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::shadow
