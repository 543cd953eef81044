// A DNS client: many messages in flight to a few servers, over UDP and TCP.
//
// A round is one message to some of the servers, each over UDP or over TCP, under one message ID.
// The round is done when each of them has answered or is given up. A datagram without an answer is
// sent again. When a TCP connection ends, its open questions are asked again on the next one. A
// truncated answer is an answer: the caller asks again over TCP.
//
// An answer comes from the address and port that was asked, to the socket that asked, with the ID
// and the question (RFC 5452 section 9). All else is a stray and is counted by its fault. IDs are
// random. A used ID rests while at least id_rest others are used, so an answer that comes late or
// twice is known as such and is never taken for the answer to a later question.
//
// Each server has a few UDP sockets at random ports. They are not connected, so that strays are
// seen. One system call sends or receives many datagrams. Each server has one TCP connection, which
// is kept. It carries up to tcp_open_max questions; more wait.
//
// Memory: Options::slots rounds; `held` counts the octets of answers.
// Threads: an object belongs to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ask/server.h"
#include "ask/stray.h"
#include "base/octets.h"
#include "base/result.h"
#include "base/time.h"

namespace zc::ask {

inline constexpr std::size_t servers_max = 8;  // of one asker

/// A set of servers, by their numbers: places in what `Asker::open` was given.
class ServerSet {
public:
    constexpr ServerSet() noexcept = default;
    constexpr void add(std::size_t server) noexcept {
        bits_ = static_cast<std::uint8_t>(bits_ | 1U << server);
    }
    constexpr bool has(std::size_t server) const noexcept { return (bits_ >> server & 1U) != 0; }
    constexpr bool empty() const noexcept { return bits_ == 0; }

private:
    std::uint8_t bits_ = 0;
    static_assert(servers_max == 8);  // bits
};

class Asker {
public:
    static constexpr std::size_t id_rest = 32768;       // IDs used before one comes back
    static constexpr std::size_t tcp_open_max = 64;     // questions on one connection
    static constexpr std::size_t udp_sockets = 4;       // of each server
    static constexpr std::uint32_t slots_max = 20'000;  // below id_rest: there is always a free ID

    struct Options {
        base::Duration timeout = base::Duration::milliseconds(1000);  // of one sending
        std::uint32_t sends = 3;            // of one message to one server
        std::uint32_t slots = 256;          // rounds at a time
        std::uint64_t seed = 1;             // of IDs: secret and random
        std::uint64_t held_max = 32 << 20;  // octets of answers, beyond which what is longer than a
                                            // datagram should be is cut
    };
    /// At most servers_max; nobody asks the place of one that is absent. Errors: `io`.
    static Result<std::unique_ptr<Asker>> open(std::span<const std::optional<Server>> servers,
                                               const Options& options);
    ~Asker();
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;

    /// Begins a round in a slot that has none. `message` is copied; its ID does not matter.
    void ask(std::uint32_t slot, base::Octets message, ServerSet udp, ServerSet tcp);
    /// Sends, receives, and waits for at most `wait` if there is nothing to do. Gives the slots
    /// whose rounds are done; they are valid until the next call.
    std::span<const std::uint32_t> turn(base::Duration wait);
    /// Moves the answer of a server in a done round into `into`, whose memory is used again. Empty:
    /// it gave none. The answer has the ID that `message` of `ask` had.
    void take_answer(std::uint32_t slot, std::size_t server, std::vector<std::uint8_t>& into);

    std::uint64_t held() const noexcept;  // octets of answers not taken
    std::size_t open_rounds() const noexcept;

    struct Counts {
        struct OfServer {
            std::array<std::uint64_t, stray_count> strays{};
            std::uint64_t repeats = 0;  // messages sent again
        };
        std::array<OfServer, servers_max> servers{};
        std::uint64_t recovered = 0;  // answered, but not the first datagram: some are being lost
    };
    /// Since the last call.
    Counts take_counts() noexcept;

private:
    struct Work;
    explicit Asker(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

/// Whether `response` has the question of `query`, letter case aside. A response with an error and
/// no question is taken too: the format error may be in the question (RFC 1035 section 4.1.1).
bool answers_question(base::Octets query, base::Octets response) noexcept;

}  // namespace zc::ask
