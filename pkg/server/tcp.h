// One worker's TCP side: connections as state machines over epoll (RFC 7766).
//
// The messages that one read brings are answered in batches, and their answers go out in one write.
// Buffers belong to the worker, not to the connection: an idle one costs some 300 octets here. A
// connection keeps only a message that has not arrived whole, and answers that a slow reader has
// not taken. Nothing more is read from a slow reader until it has taken them. A connection for
// which there is no memory is closed.
//
// The loop moves octets by net::Stream and knows no transport: a listener says who makes its
// streams.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "answer/answer.h"
#include "net/socket.h"
#include "net/stream.h"
#include "server/connection_limits.h"
#include "server/counters.h"
#include "server/framed_answers.h"
#include "server/kept_memory.h"
#include "server/tcp_connection.h"
#include "server/view.h"

namespace zc::server {

/// `run` on a thread of its own; all else from the control thread.
class TcpLoop {
public:
    struct Listener {
        net::Descriptor socket;  // listening, non-blocking
        Family family = Family::ipv4;
        const net::StreamMaker* streams = &net::plain_streams();  // outlives the loop
        /// What these streams are to `answer` and in the counters.
        dns::Transport transport = dns::Transport::tcp;
    };
    struct Options {
        answer::HashBudget hashing = answer::HashBudget();
        std::uint64_t seed = 0;
        Taker* taker_or_null = nullptr;
    };

    /// Throws std::system_error when the system refuses what it needs.
    TcpLoop(std::vector<Listener> listeners, ViewReader views, WorkerCounters& counters,
            ConnectionLimits& limits, const Options& options);
    ~TcpLoop();
    TcpLoop(const TcpLoop&) = delete;
    TcpLoop& operator=(const TcpLoop&) = delete;

    /// Where the worker's UDP thread hands over datagrams; null without a taker.
    LateDatagrams* late_datagrams_or_null() noexcept { return datagrams_.get(); }

    /// Serves until `stop`; then takes no connection, answers what has arrived, and lets it be read
    /// until the deadline.
    void run() noexcept;
    /// `deadline`: on runtime::monotonic's clock.
    void stop(base::Duration deadline) noexcept;
    /// After `run`: how many connections were closed before they had read their answers.
    std::size_t cut() const noexcept { return cut_; }

private:
    struct Buffers;
    class ConnectionGiver;
    static constexpr base::Duration never{INT64_MAX};

    void serve_round(int timeout_ms);
    void drain();
    void accept_all(const Listener& listener);
    void admit(net::Descriptor socket, const net::SocketAddress& from, const Listener& listener);
    bool evict_longest_idle();
    void pause_accepting();

    // These tell whether the connection is still there.
    bool handle(Connection& connection, std::uint32_t events);
    bool read_proxy_header(Connection& connection);
    bool take_client(Connection& connection, const dns::Address& client);
    bool shake_hands(Connection& connection);
    bool on_readable(Connection& connection);
    bool on_writable(Connection& connection);
    bool serve(Connection& connection, base::Octets input);
    bool flush(Connection& connection);
    bool stall(Connection& connection, base::Octets rest, const net::Step& step);
    bool keep_input(Connection& connection, base::Octets rest);
    bool keep(Connection& connection, std::size_t octets);
    bool go_on(Connection& connection);
    bool give_late(Connection& connection);

    std::size_t answer_some(Connection& connection, base::Octets input);
    FramedAnswers::Asking asking(const Connection& connection) const noexcept;
    bool hand_over(Connection& connection, const answer::Exchange& exchange);
    bool take_late(Connection& connection);
    void answer_rung();
    void go_on_with_ready();
    void make_ready(Connection& connection) noexcept;
    base::Octets take_kept_input(Connection& connection);
    void release(const Connection& connection, std::size_t octets) noexcept;
    Connection& keeps_most(std::uint64_t network);
    void evict(Connection& connection);
    void forget_kept(Connection& connection, std::size_t counted) noexcept;
    void close_evicted();
    void place(Connection& connection) noexcept;
    void touch(Connection& connection) noexcept;
    void resume(Connection& connection);
    void watch(Connection& connection, std::uint32_t events);
    void close(Connection& connection);
    void close_timed_out(Connection& connection);
    void expire();
    base::Duration next_expiry() const;
    int timeout_ms() const;
    bool owes() const;

    std::vector<Listener> listeners_;
    net::Descriptor epoll_;
    net::Descriptor wake_;  // an eventfd: `stop`
    ViewReader views_;
    WorkerCounters* counters_;
    ConnectionLimits* limits_;
    Taker* taker_or_null_;
    std::shared_ptr<Bells> bells_;  // shared with what the taker has; null without a taker
    std::unique_ptr<LateDatagrams> datagrams_;
    std::unique_ptr<Buffers> buffers_;
    Connections reading_;  // by the time of their last query, oldest first
    Connections waiting_;  // for late answers, by the time of the last query or answer
    Connections stalled_;  // with answers to be taken, by the time when something was last taken
    Connections evicted_;  // of this round, keeping nothing any more
    Connection* first_ready_ = nullptr;
    const View* view_ = nullptr;  // within a round
    TcpLimits tcp_;               // as of the last round
    base::Duration now_;          // monotonic, read once a round, as is:
    base::Instant wall_now_;
    base::Duration accept_again_ = never;  // while accepting is paused
    KeptMemory kept_;                      // by all connections
    std::size_t cut_ = 0;
    std::atomic<bool> stopping_{false};
    std::atomic<std::int64_t> deadline_{0};
};

}  // namespace zc::server
