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
#include "base/limit.h"
#include "base/result.h"
#include "base/seed_source.h"
#include "base/time.h"
#include "catalogue/catalogue.h"
#include "dns/types.h"
#include "net/endpoint.h"
#include "net/stream.h"
#include "server/counters.h"
#include "server/rate_limit.h"
#include "server/taker.h"

namespace zc::server {

/// Limits of TCP (RFC 7766, RFC 9210). A connection that would be over one is closed at once and
/// counted.
struct TcpLimits {
    template <class T>
    using Limit = base::Limit<T>;
    using Duration = base::Duration;

    static constexpr Limit<std::uint32_t> connections_limit = {
        .name = "tcp-connections", .min = 1, .initial = 10'000, .max = 1'000'000};
    std::uint32_t connections_max = connections_limit.initial;  // of all workers together

    static constexpr Limit<std::uint32_t> connections_per_prefix_limit = {
        .name = "tcp-connections-per-prefix", .min = 1, .initial = 100, .max = 1'000'000};
    std::uint32_t connections_per_prefix_max =
        connections_per_prefix_limit.initial;  // of one /24 or /56

    // When `connections_max` are open, the one that was idle longest makes room if it was for at
    // least this long: a crowd that opens connections and says nothing keeps nobody out. 0 or more.
    Duration evict_idle = Duration::seconds(1);

    static constexpr Limit<Duration> idle_limit = {.name = "tcp-idle",
                                                   .min = Duration::seconds(1),
                                                   .initial = Duration::seconds(10),
                                                   .max = Duration::seconds(6553)};
    Duration idle = idle_limit.initial;  // without a query (RFC 7766 section 6.2.3)

    static constexpr Limit<Duration> lifetime_limit = {.name = "tcp-lifetime",
                                                       .min = Duration::seconds(1),
                                                       .initial = Duration::seconds(3600),
                                                       .max = Duration::seconds(604'800)};
    Duration lifetime = lifetime_limit.initial;  // of a connection, whatever it does

    static constexpr Limit<Duration> write_stall_limit = {.name = "tcp-write-stall",
                                                          .min = Duration::seconds(1),
                                                          .initial = Duration::seconds(10),
                                                          .max = Duration::seconds(3600)};
    Duration write_stall = write_stall_limit.initial;  // for a reader to take any of what waits

    static constexpr Limit<std::uint32_t> queries_limit = {
        .name = "tcp-queries", .min = 0, .initial = 0, .max = UINT32_MAX};
    std::uint32_t queries_max = queries_limit.initial;  // of a connection; 0: no limit

    // Answers that may wait for one slow reader; one answer more may be among them. Nothing is read
    // from him until he has taken them.
    static constexpr Limit<std::uint32_t> output_octets_limit = {.name = "tcp-output",
                                                                 .min = 65'537,
                                                                 .initial = 1 << 18,
                                                                 .max = 1 << 20,
                                                                 .unit = base::Unit::octets};
    std::uint32_t output_octets_max = output_octets_limit.initial;

    // A worker keeps so much for all of its connections: messages that have not arrived whole,
    // answers not taken. One /24 or /56 has an eighth of it. A connection that would go over that
    // closes the connection of its own prefix that keeps most, which may be itself. When all is
    // full, the prefix that keeps most has to make room. So nobody who is there keeps a newcomer
    // out.
    static constexpr Limit<std::uint64_t> kept_octets_limit = {.name = "tcp-memory",
                                                               .min = std::uint64_t{4} << 20,
                                                               .initial = std::uint64_t{64} << 20,
                                                               .max = std::uint64_t{64} << 30,
                                                               .unit = base::Unit::octets};
    std::uint64_t kept_octets_max = kept_octets_limit.initial;
    bool operator==(const TcpLimits&) const = default;
};

/// The settings that can change while the server runs.
struct Settings {
    TcpLimits tcp;
    RateLimit rate_limit;
    static constexpr base::Limit<std::size_t> proxy_senders_limit = {
        .name = "proxy-from", .min = 0, .initial = 0, .max = 256};
    /// Load balancers, which must speak PROXY protocol version 2; from others it is malformed.
    std::vector<dns::Prefix> proxy_senders;
};

/// Errors: `limit`, when a setting is outside its limits; the message names it as its flag does.
Status check(const Settings& settings);

struct Options {
    static constexpr base::Limit<std::size_t> listen_limit = {
        .name = "listen", .min = 1, .initial = 1, .max = 256};
    std::vector<net::Endpoint> listen;  // over UDP and TCP
    /// Addresses where DNS messages come in streams of another kind, such as TLS.
    struct StreamListen {
        net::Endpoint endpoint;
        const net::StreamMaker* streams = &net::plain_streams();  // outlives the server
        dns::Transport transport = dns::Transport::dot;  // in the counters and for `answer`
    };
    std::vector<StreamListen> listen_streams;  // no more than `listen_limit` either

    static constexpr base::Limit<std::uint32_t> workers_limit = {
        .name = "workers", .min = 0, .initial = 0, .max = 1024};
    std::uint32_t workers = workers_limit.initial;  // 0: one a core that this process may use

    bool pin = false;  // worker i stays on the i-th such core

    // Buffer of each UDP socket: 1 MiB holds about 1,300 queries; 100 queries take 0.5 ms. A bigger
    // one loses fewer in a burst and answers later. The system may give less.
    static constexpr base::Limit<std::uint32_t> receive_octets_limit = {.name = "receive-buffer",
                                                                        .min = 4096,
                                                                        .initial = 1 << 20,
                                                                        .max = 1U << 30U,
                                                                        .unit = base::Unit::octets};
    std::uint32_t receive_octets = receive_octets_limit.initial;
    static constexpr base::Limit<std::uint32_t> send_octets_limit = {.name = "send-buffer",
                                                                     .min = 4096,
                                                                     .initial = 1 << 20,
                                                                     .max = 1U << 30U,
                                                                     .unit = base::Unit::octets};
    std::uint32_t send_octets = send_octets_limit.initial;

    static constexpr base::Limit<std::uint32_t> rate_limit_entries_limit = {
        .name = "rrl-entries", .min = 4, .initial = 1 << 16, .max = 1U << 28U};
    std::uint32_t rate_limit_entries =
        rate_limit_entries_limit.initial;  // of each worker, 16 octets each

    // Rounds of NSEC3 hashing a second, for UDP and for TCP of each worker: see answer::HashBudget.
    std::uint32_t hash_rounds = answer::HashBudget::rounds_per_second;
    base::SeedSource draw_seed;  // secret: a key for each table that strangers fill; must be given
    Taker* taker_or_null = nullptr;  // answers UPDATE, NOTIFY and transfers; outlives the server
    Settings settings;
};

/// As above, with the settings.
Status check(const Options& options);

/// Sockets and threads. Everything here is called from the control thread.
class Server {
public:
    /// Binds every socket: privileges can be dropped after it. `catalogue` stays the caller's until
    /// the garbage of a later `publish` says otherwise, or until the server is gone.
    ///
    /// Throws: std::runtime_error that names the address when one cannot be bound ("port in use",
    /// "not an address of this machine"), or the option that `check` refuses.
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
    /// Fails, and changes nothing, when `check` refuses a setting.
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
    /// As above, of `Options::listen_streams`.
    const std::vector<net::Endpoint>& stream_endpoints() const noexcept;
    unsigned workers() const noexcept;
    /// All workers together, and what the kernel dropped.
    Totals totals() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace zc::server
