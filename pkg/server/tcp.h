// One worker's TCP side: connections as a state machine over epoll (RFC 7766).
//
// What one read brings is answered in batches and goes out in one write. Buffers belong to the
// worker, not to the connection: an idle one costs some 200 octets here; only a message that has
// not arrived whole, and answers that a slow reader has not taken, are kept with it. From a slow
// reader nothing more is read until it has taken them. A connection for which there is no memory
// is closed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "answer/answer.h"
#include "net/socket.h"
#include "server/connection_limits.h"
#include "server/view.h"
#include "stats/counters.h"

namespace zc::server {

/// `run` on a thread of its own; all else from the control thread.
class TcpLoop {
public:
    struct Listener {
        net::Descriptor socket;  // listening, non-blocking
        stats::Family family = stats::Family::ipv4;
    };

    /// Throws std::system_error when the system refuses what it needs.
    TcpLoop(std::vector<Listener> listeners, ViewReader views, stats::WorkerCounters& counters,
            ConnectionLimits& limits, answer::HashBudget hashing, std::uint64_t seed);
    ~TcpLoop();
    TcpLoop(const TcpLoop&) = delete;
    TcpLoop& operator=(const TcpLoop&) = delete;

    /// Serves until `stop`; then takes no connection, answers what has arrived, and lets it be read
    /// until the deadline.
    void run() noexcept;
    /// `deadline`: on runtime::monotonic's clock.
    void stop(base::Duration deadline) noexcept;
    /// After `run`: how many connections were closed before they had read their answers.
    std::size_t cut() const noexcept { return cut_; }

private:
    struct Connection;
    struct Buffers;
    static constexpr base::Duration never{INT64_MAX};
    using Connections = std::list<Connection>;

    void serve_round(int timeout_ms);
    void drain();
    void accept_all(const Listener& listener);
    void admit(net::Descriptor socket, const net::SocketAddress& from, stats::Family family);
    bool evict_longest_idle();
    void pause_accepting();

    // These give whether the connection is still there.
    bool on_readable(Connection& connection);
    bool on_writable(Connection& connection);
    bool serve(Connection& connection, base::Octets input);
    bool take_proxy_header(Connection& connection, base::Octets& input);
    bool flush(Connection& connection);
    bool keep_input(Connection& connection, base::Octets rest);
    bool stall(Connection& connection, base::Octets rest);
    bool keep(Connection& connection, std::size_t octets);
    void release(const Connection& connection, std::size_t octets) noexcept;
    Connection& keeps_most(std::uint64_t network);
    void evict(Connection& connection);
    void forget_kept(Connection& connection, std::size_t counted) noexcept;
    void close_evicted();
    Connections& list_of(const Connection& connection) noexcept;

    std::size_t answer_some(Connection& connection, base::Octets input);
    base::Octets take_kept_input(Connection& connection);
    void resume(Connection& connection);
    void watch(Connection& connection, std::uint32_t events);
    void close(Connection& connection);
    void close_timed_out(Connection& connection);
    void expire();
    int timeout_ms() const;

    std::vector<Listener> listeners_;
    net::Descriptor epoll_;
    net::Descriptor wake_;  // an eventfd: `stop`
    ViewReader views_;
    stats::WorkerCounters* counters_;
    ConnectionLimits* limits_;
    std::unique_ptr<Buffers> buffers_;
    Connections reading_;  // by the time of their last query, oldest first
    Connections stalled_;  // with answers to be taken, by the time when something was last taken
    const View* view_ = nullptr;  // within a round
    TcpLimits tcp_;               // as of the last round
    base::Duration now_;          // monotonic, read once a round, as is:
    base::Instant wall_now_;
    base::Duration accept_again_ = never;  // while accepting is paused
    std::size_t kept_octets_ = 0;          // of all connections
    struct Hash {
        std::uint64_t seed;  // strangers choose the keys
        std::size_t operator()(std::uint64_t network) const noexcept;
    };
    std::unordered_map<std::uint64_t, std::size_t, Hash> kept_of_networks_;  // none with 0
    Connections evicted_;  // of this round, keeping nothing any more
    std::size_t cut_ = 0;
    std::atomic<bool> stopping_{false};
    std::atomic<std::int64_t> deadline_{0};
};

}  // namespace zc::server
