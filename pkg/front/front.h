// The live front: stands before the old server on UDP and TCP, gives the client the old server's
// answer as it is, and asks the new server the same.
//
//   client -> front -> old -> front -> client        the client waits for this alone
//                \---> new -> front                  compared when both are there
//
// Over UDP the new server is asked once the old one has answered, by threads of their own. Over TCP
// it is asked at once, on a connection beside the old one's. The client never waits for the new
// server, for the results or for memory: queues and tables have fixed sizes. A query that finds no
// room is passed through, is not compared, and counts as dropped. Octets that are no query are
// passed through too.
//
// The answer goes to the client that asked, with the client's ID. The front takes it only from the
// old server's address, at the port that asked (drawn from many), under an ID drawn at random, and
// with the question to the last octet (RFC 5452 section 9). All else counts as a stray. A query
// that gives way to a newer one is answered with SERVFAIL.
//
// A lost datagram is no silence: the new server is sent its copy up to three times within
// `timeout`. The old server is sent only what the client sends. If a side has not answered even so,
// both are asked again, as for differences; if they then answer the same, the question counts as
// the same and as a repeat of the silent side. At most 32 such questions are asked at a time, and
// none if a side wants PROXY headers: the others count as timed out at once.
//
// Two threads a worker, with batches of datagrams (recvmmsg, sendmmsg) and SO_REUSEPORT:
//
//   udp0, udp1, …   clients and the old server: all that a client waits for
//   ask0, ask1, …   the new server
//   tcp             both, for all TCP clients
//   judge, again    compare, and ask again what differs
//
// Each hands on to the next through a bounded queue. All but udp and tcp run at a lower priority:
// on a busy machine they fall behind first, and pairs that find no room in their queues are
// dropped.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/limit.h"
#include "base/result.h"
#include "base/time.h"
#include "judge/stretch.h"
#include "net/endpoint.h"
#include "runs/run.h"
#include "runs/target.h"

namespace zc::front {

struct Options {
    std::vector<net::Endpoint> listeners;
    runs::Target older, newer;  // servers
    /// PROXY protocol v2 before each message, with the client's address and port, to that side.
    bool proxy_to_older = false, proxy_to_newer = false;
    compare::Policy policy;
    const catalogue::Catalogue* zones_or_null = nullptr;
    static constexpr base::Limit<std::uint32_t> workers_limit = {
        .name = "workers", .min = 0, .initial = 0, .max = 64};
    std::uint32_t workers = workers_limit.initial;  // 0: one a core
    static constexpr base::Limit<std::uint32_t> in_flight_limit = {
        .name = "in-flight", .min = 1, .initial = 8192, .max = 32768};
    std::uint32_t in_flight_max = in_flight_limit.initial;  // to the old server, of each worker
    static constexpr base::Limit<std::uint32_t> one_in_limit = {
        .name = "one-in", .min = 1, .initial = 1, .max = 1'000'000};
    // Compares one query in so many; the others only pass through.
    std::uint32_t one_in = one_in_limit.initial;
    static constexpr base::Limit<base::Duration> timeout_limit = {
        .name = "answer-timeout",
        .min = base::Duration::milliseconds(1),
        .initial = base::Duration::milliseconds(2000),
        .max = base::Duration::milliseconds(60'000),
        .unit = base::Unit::milliseconds};
    base::Duration timeout = timeout_limit.initial;  // then a side has not answered
    static constexpr base::Limit<base::Duration> lag_limit = runs::Options::lag_limit;
    base::Duration lag = lag_limit.initial;  // as in runs::Options
    static constexpr base::Limit<std::uint32_t> tcp_clients_limit = {
        .name = "tcp-clients", .min = 1, .initial = 1000, .max = 100'000};
    std::uint32_t tcp_clients_max = tcp_clients_limit.initial;
    static constexpr base::Limit<base::Duration> tcp_idle_limit = {
        .name = "tcp-idle",
        .min = base::Duration::seconds(1),
        .initial = base::Duration::seconds(10),
        .max = base::Duration::seconds(3600)};
    base::Duration tcp_idle = tcp_idle_limit.initial;
};

/// Errors: `limit`, when an option is outside its limits; the message names it as its flag does.
Status check(const Options& options);

class Front {
public:
    /// Binds and starts. Throws std::system_error when the system refuses; std::runtime_error for an
    /// option that `check` refuses, and where a server would be the front itself, by whatever name of
    /// this machine.
    explicit Front(const Options& options);
    ~Front();  // stops
    Front(const Front&) = delete;
    Front& operator=(const Front&) = delete;

    /// With the ports that the system chose.
    const std::vector<net::Endpoint>& endpoints() const noexcept;
    /// Takes no more queries, passes on what the old server still answers within `timeout` (UDP and
    /// TCP, compared or not; zone transfers that go on: up to 10 s), waits for the new server and
    /// for what is being asked again: what is open two timeouts after the last answer, and when the
    /// messages then under way have been waited for (three timeouts, where nobody answers), is
    /// judged as it was seen. So at most seven timeouts in all. `take` gives the rest then.
    void stop();
    /// All that was compared since the last call, with positions that count from 1 over the whole
    /// front; `sums.asked` are all queries that were to be compared. Call it about once a second.
    /// The memory stays bounded without that: samples are dropped first, counts never.
    judge::Stretch take();

    struct Passed {
        std::uint64_t queries = 0;      // from clients
        std::uint64_t answers = 0;      // to clients
        std::uint64_t given_up = 0;     // gave way to newer queries: SERVFAIL; TCP clients refused
        std::uint64_t connections = 0;  // TCP, now
    };
    Passed passed() const noexcept;

private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::front
