// One worker's UDP side: batches of datagrams in, batches of responses out.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "answer/answer.h"
#include "net/socket.h"
#include "server/counters.h"
#include "server/late.h"
#include "server/rate_limit.h"
#include "server/view.h"

namespace zc::server {

class Tally;

/// `run` on a thread of its own; all else from the control thread.
class UdpLoop {
public:
    struct Listener {
        net::Descriptor socket;  // blocking
        Family family = Family::ipv4;
        bool wildcard = false;  // answers have to be told their source address
    };

    /// Throws std::system_error when the system refuses what it needs.
    UdpLoop(std::vector<Listener> listeners, ViewReader views, WorkerCounters& counters,
            RateLimiter limiter, answer::HashBudget hashing, answer::HandOvers takes = {},
            LateDatagrams* late_or_null = nullptr);
    ~UdpLoop();
    UdpLoop(const UdpLoop&) = delete;
    UdpLoop& operator=(const UdpLoop&) = delete;

    /// Answers until `stop`, and then what has arrived.
    void run() noexcept;
    void stop() noexcept;

    /// Datagrams that the kernel dropped for lack of room.
    std::uint64_t overflows() const noexcept;

private:
    struct Buffers;
    enum class Wait : std::uint8_t { for_one, none };

    int serve_batch(const Listener& listener, Wait wait) noexcept;
    void prepare_to_receive(const Listener& listener) noexcept;
    std::size_t take_queries(std::size_t received, const View& view, base::Instant now,
                             Tally& tally) noexcept;
    std::size_t settle(const Listener& listener, std::size_t queries, const View& view,
                       base::Instant now, Tally& tally) noexcept;
    RateLimiter::Verdict judge(const RateLimit& limit, const dns::Address& client,
                               std::uint32_t rate_key, base::Instant now) noexcept;
    std::size_t slip_away(base::MutableOctets response) noexcept;
    bool is_taken(const Listener& listener, std::size_t i, base::Instant now) noexcept;
    void answer_untaken(std::size_t i, const View& view) noexcept;
    void send(const Listener& listener, std::size_t responses) noexcept;

    std::vector<Listener> listeners_;
    net::Descriptor epoll_;  // of several listeners
    ViewReader views_;
    WorkerCounters* counters_;
    RateLimiter limiter_;
    answer::HandOvers takes_;
    LateDatagrams* late_or_null_;  // takes what is handed over; null when nothing is
    std::unique_ptr<Buffers> buffers_;
    std::uint32_t batches_ = 0;
    std::atomic<bool> stopping_{false};
};

}  // namespace zc::server
