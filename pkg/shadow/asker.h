// The network side of a worker: messages to servers, and which of what comes back is the answer.
//
// A round is one message that goes to some of the sides, each by UDP or by TCP, under one message
// ID of its own. It is done when each of them has answered or is given up. A datagram without an
// answer is sent again; a question on a TCP connection that ends is asked again on the next one.
//
// An answer has the address, the port, the ID and the very question of what was asked, over the
// socket it was asked through. Everything else is a stray, counted by what is wrong with it. IDs
// are random, and one that was used comes back after at least id_rest others: so what comes late or
// twice is known as that, and never taken for the answer to a later question.
//
// UDP sockets are not connected, a few of each side, at random ports; datagrams are sent and
// received many with one call. TCP: one connection to each side, kept, with up to tcp_open_max
// questions on it; more wait.
//
// Memory: rounds are as many as Options::slots; answers are counted by `held`.
// Threads: an object belongs to one thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "base/time.h"
#include "shadow/tally.h"
#include "shadow/target.h"

namespace zc::shadow {

/// A set of sides.
class SideSet {
public:
    constexpr SideSet() noexcept = default;
    constexpr void add(Side side) noexcept { bits_ = static_cast<std::uint8_t>(bits_ | bit(side)); }
    constexpr bool has(Side side) const noexcept { return (bits_ & bit(side)) != 0; }
    constexpr bool empty() const noexcept { return bits_ == 0; }

private:
    static constexpr std::uint8_t bit(Side side) noexcept {
        return static_cast<std::uint8_t>(1U << static_cast<unsigned>(side));
    }
    std::uint8_t bits_ = 0;
};

class Asker {
public:
    static constexpr std::size_t id_rest = 32768;       // IDs used before one comes back
    static constexpr std::size_t tcp_open_max = 64;     // questions on one connection
    static constexpr std::size_t udp_sockets = 4;       // of each side
    static constexpr std::uint32_t slots_max = 20'000;  // below id_rest: there is always a free ID

    struct Options {
        base::Duration timeout = base::Duration::milliseconds(1000);  // of one sending
        std::uint32_t sends = 3;                                      // of one message to one side
        std::uint32_t slots = 256;                                    // rounds at a time
        std::uint64_t seed = 1;                                       // of IDs: secret and random
        std::uint64_t held_max = 32 << 20;  // octets of answers, beyond which what is longer than a
                                            // datagram should be is cut
    };
    /// `targets` by Side; those that are no servers are never asked. Errors: `io`.
    static Result<std::unique_ptr<Asker>> open(
        const std::array<std::optional<Target>, sides>& targets, const Options& options);
    ~Asker();
    Asker(const Asker&) = delete;
    Asker& operator=(const Asker&) = delete;

    /// Begins a round. The slot has none; `message` is copied, its ID does not matter.
    void ask(std::uint32_t slot, base::Octets message, SideSet udp, SideSet tcp);
    /// Sends, waits for at most `wait` if there is nothing to do, receives. Gives the slots whose
    /// rounds are done; valid until the next call.
    std::span<const std::uint32_t> turn(base::Duration wait);
    /// Of a round that is done: the answer of a side, empty if it gave none, and nothing is kept
    /// here. `into` gets it, and its memory is used again. The ID is the one in `message` of `ask`.
    void take_answer(std::uint32_t slot, Side side, std::vector<std::uint8_t>& into);

    std::uint64_t held() const noexcept;  // octets of answers not taken
    std::size_t open_rounds() const noexcept;

    struct Counts {
        std::array<std::array<std::uint64_t, stray_count>, sides> stray{};
        std::array<std::uint64_t, sides> repeats{};
        std::uint64_t recovered = 0;  // answered, but not the first datagram: some are being lost
    };
    /// Since the last call.
    Counts take_counts() noexcept;

private:
    struct Work;
    explicit Asker(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

/// Whether `response` has the question of `query`, letter case aside; a response with an error that
/// repeats no question is taken too (RFC 1035 section 4.1.1: the format error may be in it).
bool answers_question(base::Octets query, base::Octets response) noexcept;

}  // namespace zc::shadow
