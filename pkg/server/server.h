// The workers: queries from UDP and TCP sockets through answer::respond and back.
//
// A worker is one UDP thread and one TCP thread on the same core, with sockets (SO_REUSEPORT),
// buffers and counters of their own; what they share is the published catalogue. With one listening
// address the UDP thread blocks in recvmmsg and makes two system calls a batch; with several it
// waits in epoll.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "answer/answer.h"
#include "base/result.h"
#include "base/time.h"
#include "catalogue/catalogue.h"
#include "dns/types.h"
#include "net/endpoint.h"
#include "server/rate_limit.h"
#include "server/taker.h"
#include "stats/report.h"

namespace zc::server {

inline constexpr std::uint32_t tcp_output_octets_max = 1 << 20;
inline constexpr std::uint64_t tcp_kept_octets_min = std::uint64_t{4} << 20;
inline constexpr std::uint64_t tcp_kept_octets_max = std::uint64_t{64} << 30;

/// Limits of TCP (RFC 7766, RFC 9210). A connection that would be over one is closed at once and
/// counted.
struct TcpLimits {
    std::uint32_t connections_max = 10'000;          // 1..1000000, of all workers together
    std::uint32_t connections_per_prefix_max = 100;  // 1..1000000, of one /24 or /56
    // When `connections_max` are open, the one that was idle longest makes room if it was for at
    // least this long: a crowd that opens connections and says nothing keeps nobody out. 0 or more.
    base::Duration evict_idle = base::Duration::seconds(1);
    base::Duration idle = base::Duration::seconds(10);  // without a query (RFC 7766 section 6.2.3)
    base::Duration lifetime = base::Duration::seconds(3600);  // of a connection, whatever it does
    base::Duration write_stall =
        base::Duration::seconds(10);  // for a reader to take any of what waits
    std::uint32_t queries_max = 0;    // of a connection; 0: no limit
    // Answers that may wait for one slow reader, 65537..tcp_output_octets_max; one answer more may
    // be among them. Nothing is read from him until he has taken them.
    std::uint32_t output_octets_max = 1 << 18;
    // A worker keeps so much for all of its connections, tcp_kept_octets_min..max: messages that
    // have not arrived whole, answers not taken. One /24 or /56 has an eighth of it. A connection
    // that would go over that closes the connection of its own prefix that keeps most, which may be
    // itself. When all is full, the prefix that keeps most has to make room. So nobody who is there
    // keeps a newcomer out.
    std::uint64_t kept_octets_max = 64U << 20U;
    bool operator==(const TcpLimits&) const = default;
};

/// The settings that can change while the server runs.
struct Settings {
    TcpLimits tcp;
    RateLimit rate_limit;
    /// Load balancers, which must speak PROXY protocol version 2; from others it is malformed. At
    /// most 256.
    std::vector<dns::Prefix> proxy_senders;
};

struct Options {
    std::vector<net::Endpoint> listen;       // 1..256
    unsigned workers = 0;                    // 1..1024; 0: one a core that this process may use
    bool pin = false;                        // worker i stays on the i-th such core
    std::uint32_t receive_octets = 1 << 20;  // buffer of each UDP socket: about 1300 queries by MiB
                                             // and 0.5 ms of work by hundred. Bigger loses fewer in
                                             // a burst and answers later. The system may give less
    std::uint32_t send_octets = 1 << 20;
    std::uint32_t rate_limit_entries = 1 << 16;  // of each worker, 16 octets each
    // Rounds of NSEC3 hashing a second, for UDP and for TCP of each worker: see answer::HashBudget.
    std::uint32_t hash_rounds = answer::HashBudget::rounds_per_second;
    std::uint64_t seed = 0;  // secret and random: keys the tables that strangers fill
    Taker* taker_or_null = nullptr;  // answers UPDATE, NOTIFY and transfers; outlives the server
    Settings settings;
};

/// Sockets and threads. Everything here is called from the control thread.
class Server {
public:
    /// Binds every socket: privileges can be dropped after it. `catalogue` stays the caller's until
    /// the garbage of a later `publish` says otherwise, or until the server is gone.
    ///
    /// Throws: std::runtime_error that names the address when one cannot be bound ("port in use",
    /// "not an address of this machine"), or an option that is out of its range.
    Server(Options options, const catalogue::Catalogue& catalogue,
           std::shared_ptr<const answer::Identity> identity);
    /// Stops at once what `drain` has not.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Starts the threads. Throws std::system_error when the system refuses one, std::bad_alloc;
    /// then it is good for nothing but to be destroyed.
    void start();

    /// The publications below throw std::bad_alloc, and change nothing then, nor take `garbage`.
    /// After `make_room` the next one of a catalogue throws nothing.
    void make_room();
    /// Queries see `catalogue` from their next batch on. `garbage` is freed when no worker can see
    /// it any more.
    void publish(const catalogue::Catalogue& catalogue, catalogue::Garbage&& garbage);
    void publish(std::shared_ptr<const answer::Identity> identity);
    /// Fails, and changes nothing, when a setting is out of its range.
    Status publish(Settings settings);
    /// Frees garbage that nobody sees any more; gives how many publications still wait. Call it
    /// every second or so.
    std::size_t collect();

    /// Takes no new connection, answers what has arrived and what arrives until a TCP client has
    /// been quiet for 200 ms, lets answers under way be read, all for at most `deadline`, and ends
    /// the threads. Returns when they have ended. Gives the number of connections that were cut.
    std::size_t drain(base::Duration deadline);

    /// The addresses with the ports that are bound, in the order of `Options::listen`.
    const std::vector<net::Endpoint>& endpoints() const noexcept;
    unsigned workers() const noexcept;
    /// All workers together, and what the kernel dropped.
    stats::Totals totals() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace zc::server
