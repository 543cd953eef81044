// Inside of package front: the TCP side of the live front, all connections on one thread.
//
// A client's connection has one to the old server and one to the new one. Octets between client and
// old server are passed as they are; the messages in them are read along the way, and the new
// server gets a copy of each query that may be compared.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/time.h"
#include "front/pair.h"
#include "net/endpoint.h"
#include "net/socket.h"

namespace zc::front {

class TcpRelay {
public:
    struct Options {
        net::Endpoint older, newer;
        bool proxy_to_older = false, proxy_to_newer = false;
        std::uint32_t one_in = 1;
        std::uint32_t clients_max = 1000;
        base::Duration timeout;  // for an answer
        base::Duration idle;     // of a client's connection
    };

    /// Throws std::system_error when the system refuses what it needs. `channel` outlives it.
    TcpRelay(std::vector<net::Descriptor> listeners, const Options& options, Channel& channel);
    ~TcpRelay();
    TcpRelay(const TcpRelay&) = delete;
    TcpRelay& operator=(const TcpRelay&) = delete;

    /// Until `stop`; then accepts nobody, and passes on what clients still wait for: answers for
    /// `timeout`, zone transfers that go on for up to 10 s. A client that waits for nothing is
    /// closed at once.
    void run() noexcept;
    void stop() noexcept;

private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::front
