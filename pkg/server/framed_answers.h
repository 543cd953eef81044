// Inside of package server: DNS messages of a stream, answered in batches.
//
// Octets come in and octets go out. Nothing here knows a socket, an epoll or how long anything
// takes, so that whatever brings framed messages (TCP, TLS) can use it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "answer/answer.h"
#include "base/octets.h"
#include "base/time.h"
#include "dns/types.h"
#include "net/framing.h"
#include "server/counters.h"
#include "server/server.h"
#include "server/view.h"

namespace zc::server {

/// A worker's: large, and used by one connection at a time.
class FramedAnswers {
public:
    FramedAnswers(answer::HashBudget hashing, answer::HandOvers takes,
                  WorkerCounters& counters) noexcept;

    /// The client and the view that answers: the same for all messages of a call.
    struct Asking {
        const View& view;
        dns::Address client;
        Family family = Family::ipv4;
        dns::Transport transport = dns::Transport::tcp;
        base::Instant now;
        std::uint32_t queries_max = 0;  // that may be answered still
        std::size_t output_octets_max = 0;
    };
    /// Gives messages of a connection to the taker.
    class Giver {
    public:
        enum class Gave : std::uint8_t {
            taken,
            untaken,  // it is answered as without a taker
            full,     // the taker has enough of this connection: the message waits
        };
        virtual ~Giver() = default;
        virtual Gave give(const answer::Exchange& exchange) noexcept = 0;
    };
    struct Some {
        std::size_t octets = 0;        // of the input are settled
        std::uint32_t queries = 0;     // were answered, or given to the taker
        bool is_malformed = false;     // the next message is too short for a header: no DNS, or the
                                       // framing is lost
        bool waits_for_taker = false;  // the next message is one for which `full` was the answer
    };
    /// Answers a batch of the messages at the start of `input` into `output`. Answers beyond the
    /// limit of the output and behind a message that waits are not settled: they are made again.
    Some answer(base::Octets input, const Asking& asking, Giver& giver) noexcept;

    /// Framed messages that wait to be sent. There is room for a message more as long as its size
    /// is below the limit.
    net::FrameWriter& output() noexcept { return output_; }

private:
    static constexpr std::size_t batch = answer::batch_max;
    // No power of two: the first lines of all buffers would compete for one set of the cache.
    static constexpr std::size_t response_stride = dns::message_octets_max + 1 + 192;

    void put(const answer::Exchange& exchange) noexcept;
    void answer_untaken(answer::Exchange& exchange, const Asking& asking) noexcept;

    WorkerCounters* counters_;
    answer::HandOvers takes_;
    answer::HashBudget hash_budget_;
    std::array<answer::Exchange, batch> exchanges_{};
    std::array<std::size_t, batch> ends_{};  // where in the input each message ends
    std::array<std::uint8_t, batch * response_stride> responses_;
    std::array<std::uint8_t, TcpLimits::output_octets_limit.max + net::framed_octets_max>
        output_octets_;
    net::FrameWriter output_{output_octets_};
};

}  // namespace zc::server
