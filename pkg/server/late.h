// Inside of package server: answers that a taker makes, as the worker keeps them.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>

#include "base/octets.h"
#include "base/time.h"
#include "net/datagrams.h"
#include "net/socket.h"
#include "server/bells.h"
#include "server/counters.h"
#include "server/taker.h"

namespace zc::server {

struct Connection;

/// A message that is with the taker.
struct LateAnswer {
    std::unique_ptr<Answering> answering;
    std::shared_ptr<Bell> bell;  // shared with the taker's wakers
    Connection* connection_or_null = nullptr;
    bool begun = false;  // a message of it was sent

    LateAnswer() = default;
    LateAnswer(LateAnswer&&) = delete;
    ~LateAnswer() {
        // One that nobody took has no place there, and is destroyed on the thread that asked.
        if (bell && bell->whose_or_null == this) bell->whose_or_null = nullptr;
    }
};

/// Hands `message` over. False: the taker does not take it, or there is no memory.
bool hand_over(Taker& taker, const std::shared_ptr<Bells>& bells, const HandedOver& message,
               LateAnswer& late) noexcept;

/// Counts a message of a late answer that goes out.
void count_late(Channel& channel, LateAnswer& late, base::Octets message) noexcept;

/// The datagrams of a worker that are with the taker. Its UDP thread hands them over; its TCP
/// thread, which may be woken, sends the answers.
class LateDatagrams {
public:
    /// `counters`: the TCP thread's.
    LateDatagrams(Taker& taker, std::shared_ptr<Bells> bells, WorkerCounters& counters);

    /// Where an answer goes. `socket` lives as long as the threads of the worker.
    struct Way {
        int socket = -1;
        net::SocketAddress client{};
        socklen_t client_octets = 0;
        net::SourceAddress source{};
        Family family = Family::ipv4;
        std::size_t octets_max = 512;
    };
    /// The UDP thread's. False: answered as without a taker.
    bool hand_over(const HandedOver& message, const Way& way) noexcept;

    /// All else is the TCP thread's. Sends what new datagrams have to answer at once.
    void take_in(base::Duration now) noexcept;
    /// Sends what there is for one whose bell was rung.
    void answer(LateAnswer& late) noexcept;
    /// Gives up those that wait for too long.
    void expire(base::Duration now) noexcept;
    bool empty() noexcept;
    /// When the next one is given up; nothing waits: nothing.
    std::optional<base::Duration> next_end() const noexcept;

private:
    struct Datagram : LateAnswer {
        Way way;
        base::Duration since;
        std::list<Datagram>::iterator self;
    };
    void send(Datagram& datagram, base::MutableOctets message) noexcept;
    void forget(Datagram& datagram) noexcept;

    Taker* taker_;
    std::shared_ptr<Bells> bells_;
    WorkerCounters* counters_;
    std::mutex mutex_;              // of the two below
    std::list<Datagram> arriving_;  // from the UDP thread
    std::size_t count_ = 0;         // in both lists
    std::list<Datagram> waiting_;   // by the time of their arrival
};

}  // namespace zc::server
