// The same queries to several servers at once, many in flight, over UDP and TCP.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/octets.h"

namespace zc::e2e {

struct Server {
    std::string name;
    std::string address;  // IPv4
    std::uint16_t port = 0;
};

enum class Over : std::uint8_t { udp, tcp };

/// Keeps up to `window` questions in flight; each goes to every server and is done when all have
/// answered or are given up. One thread. A datagram without answer is sent again, `sends_max` times
/// in all, half a second apart; a TCP connection that closes is opened again and its questions
/// repeated.
class Asker {
public:
    /// `responses[i]` is server i's, whole; empty: it did not answer.
    using Done = std::function<void(std::uint64_t question, Over over,
                                    const std::vector<std::string>& responses)>;

    Asker(std::vector<Server> servers, std::size_t window, Done done);
    ~Asker();
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;

    bool has_room() const;
    /// `message` with any ID; `question` comes back in `done`. There is room. `done` may ask again.
    void ask(std::uint64_t question, Over over, std::string message);
    /// Waits for answers and calls `done`; false when nothing is in flight.
    bool turn();

    /// Datagrams sent again, and questions some server never answered.
    std::uint64_t repeats() const;
    std::uint64_t unanswered() const;

private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::e2e
