#include "server/server.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <type_traits>
#include <utility>

#include <pthread.h>
#include <sched.h>

#include "net/socket.h"
#include "runtime/clock.h"
#include "runtime/descriptors.h"
#include "runtime/published.h"
#include "runtime/signals.h"
#include "server/connection_limits.h"
#include "server/tcp.h"
#include "server/udp.h"
#include "server/view.h"

namespace zc::server {
namespace {

constexpr int port_attempts = 16;  // for a port that is free over both transports
constexpr std::uint64_t descriptors_spare =
    256;  // for all that is not a client: zones, log, control plane

template <class T>
T or_throw(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().message);
    return *std::move(result);
}

void or_throw(const Status& status) {
    if (!status) throw std::runtime_error(status.error().message);
}

/// The cores that this process may use.
std::vector<std::size_t> allowed_cores() {
    cpu_set_t set;
    CPU_ZERO(&set);
    std::vector<std::size_t> cores;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
    for (std::size_t core = 0; core < CPU_SETSIZE; ++core)
        if (CPU_ISSET(core, &set)) cores.push_back(core);
    return cores;
}

/// A socket that others may share (SO_REUSEPORT) never fails to bind, not even next to another
/// server of ours. One that nobody may share does, so it goes first.
void probe(const net::Endpoint& endpoint) {
    or_throw(bind_udp(endpoint, net::Sharing::none));
    or_throw(listen_tcp(endpoint, net::Sharing::none));
}

/// A port that is free over TCP.
net::Endpoint choose_tcp_port(net::Endpoint endpoint) {
    endpoint.port = or_throw(bound_port(or_throw(listen_tcp(endpoint, net::Sharing::none))));
    return endpoint;
}

/// A port that is free over UDP and TCP.
net::Endpoint choose_port(net::Endpoint endpoint) {
    for (int attempt = 1;; ++attempt) {
        endpoint.port = 0;
        const net::Descriptor udp = or_throw(bind_udp(endpoint, net::Sharing::none));
        endpoint.port = or_throw(bound_port(udp));
        const auto tcp = listen_tcp(endpoint, net::Sharing::none);
        if (tcp) return endpoint;
        if (attempt == port_attempts) throw std::runtime_error(tcp.error().message);
    }
}

Family family_of(const net::Endpoint& endpoint) {
    return endpoint.address.size == 4 ? Family::ipv4 : Family::ipv6;
}

/// One worker: two threads, each with its loop and its counters.
struct Worker {
    WorkerCounters udp_counters;
    WorkerCounters tcp_counters;
    std::unique_ptr<TcpLoop> tcp;
    std::unique_ptr<UdpLoop> udp;  // hands datagrams over to `tcp`
    std::thread udp_thread;
    std::thread tcp_thread;
};

}  // namespace

Status check(const Settings& settings) {
    const TcpLimits& tcp = settings.tcp;
    const RateLimit& rates = settings.rate_limit;
    ZC_TRY_STATUS(check(tcp.connections_limit, tcp.connections_max));
    ZC_TRY_STATUS(check(tcp.connections_per_prefix_limit, tcp.connections_per_prefix_max));
    if (tcp.evict_idle < base::Duration())
        return fail(Errc::limit, "TCP eviction time: wanted 0 or more");
    ZC_TRY_STATUS(check(tcp.idle_limit, tcp.idle));
    ZC_TRY_STATUS(check(tcp.lifetime_limit, tcp.lifetime));
    ZC_TRY_STATUS(check(tcp.write_stall_limit, tcp.write_stall));
    ZC_TRY_STATUS(check(tcp.queries_limit, tcp.queries_max));
    ZC_TRY_STATUS(check(tcp.output_octets_limit, tcp.output_octets_max));
    ZC_TRY_STATUS(check(tcp.kept_octets_limit, tcp.kept_octets_max));
    ZC_TRY_STATUS(check(rates.responses_limit, rates.responses_per_second));
    ZC_TRY_STATUS(check(rates.all_responses_limit, rates.all_responses_per_second));
    ZC_TRY_STATUS(check(rates.burst_limit, rates.burst_seconds));
    ZC_TRY_STATUS(check(rates.slip_limit, rates.slip));
    ZC_TRY_STATUS(check(rates.ipv4_bits_limit, rates.ipv4_bits));
    ZC_TRY_STATUS(check(rates.ipv6_bits_limit, rates.ipv6_bits));
    return check(settings.proxy_senders_limit, settings.proxy_senders.size());
}

Status check(const Options& options) {
    ZC_TRY_STATUS(check(options.listen_limit, options.listen.size()));
    if (!options.listen_streams.empty())
        ZC_TRY_STATUS(check(options.listen_limit, options.listen_streams.size()));
    ZC_TRY_STATUS(check(options.workers_limit, options.workers));
    ZC_TRY_STATUS(check(options.receive_octets_limit, options.receive_octets));
    ZC_TRY_STATUS(check(options.send_octets_limit, options.send_octets));
    ZC_TRY_STATUS(check(options.rate_limit_entries_limit, options.rate_limit_entries));
    return check(options.settings);
}

struct Server::Impl {
    Impl(Options options, const catalogue::Catalogue& catalogue,
         std::shared_ptr<const answer::Identity> node);

    void start();
    std::size_t stop(base::Duration deadline) noexcept;
    template <class Garbage>
    void show(const View& next, Garbage&& garbage);
    void make_room();
    void show(const catalogue::Catalogue& catalogue, catalogue::Garbage&& garbage) noexcept;

    std::vector<net::Endpoint> endpoints;
    std::vector<net::Endpoint> stream_endpoints;
    bool pin = false;
    std::shared_ptr<const answer::Identity>
        identity;  // owned with the caller, who may show it elsewhere
    std::unique_ptr<const Settings> settings;
    std::unique_ptr<const View> view;
    ConnectionLimits limits;
    std::unique_ptr<runtime::Published<View>> published;
    /// For the next catalogue, so that its publication needs no memory.
    struct Room {
        std::unique_ptr<View> view = std::make_unique<View>();
        using Garbage = std::pair<std::unique_ptr<const View>, catalogue::Garbage>;
        std::shared_ptr<Garbage> garbage = std::make_shared<Garbage>();
    };
    std::optional<Room> room;
    std::vector<std::unique_ptr<Worker>> workers;
};

Server::Impl::Impl(Options options, const catalogue::Catalogue& catalogue,
                   std::shared_ptr<const answer::Identity> node)
    : pin(options.pin),
      identity(std::move(node)),
      settings(std::make_unique<const Settings>(std::move(options.settings))),
      limits(options.draw_seed()) {
    or_throw(check(options));
    or_throw(check(identity->udp_octets_limit, identity->udp_octets_max));
    const std::size_t count = options.workers != 0 ? options.workers : allowed_cores().size();

    static_cast<void>(broken_catalogue());  // made before a worker needs it
    view = std::make_unique<const View>(View{&catalogue, identity.get(), settings.get()});
    published = std::make_unique<runtime::Published<View>>(*view, 2 * count);
    for (const net::Endpoint& endpoint : options.listen) {
        if (endpoint.port != 0) probe(endpoint);
        endpoints.push_back(endpoint.port != 0 ? endpoint : choose_port(endpoint));
    }
    for (const Options::StreamListen& listen : options.listen_streams) {
        if (listen.endpoint.port != 0) or_throw(listen_tcp(listen.endpoint, net::Sharing::none));
        stream_endpoints.push_back(listen.endpoint.port != 0 ? listen.endpoint
                                                             : choose_tcp_port(listen.endpoint));
    }
    for (std::size_t i = 0; i < count; ++i) {
        std::vector<UdpLoop::Listener> udp;
        std::vector<TcpLoop::Listener> tcp;
        for (const net::Endpoint& endpoint : endpoints) {
            const Family family = family_of(endpoint);
            udp.push_back({or_throw(bind_udp(endpoint, net::Sharing::reuse_port)), family,
                           net::is_wildcard(endpoint.address)});
            set_buffers(udp.back().socket, options.receive_octets, options.send_octets);
            tcp.push_back({or_throw(listen_tcp(endpoint, net::Sharing::reuse_port)), family});
        }
        for (std::size_t j = 0; j < stream_endpoints.size(); ++j) {
            const net::Endpoint& endpoint = stream_endpoints[j];
            const Options::StreamListen& listen = options.listen_streams[j];
            tcp.push_back({or_throw(listen_tcp(endpoint, net::Sharing::reuse_port)),
                           family_of(endpoint), listen.streams, listen.transport});
        }
        auto worker = std::make_unique<Worker>();
        const answer::HashBudget hashing(options.hash_rounds);
        const answer::HandOvers takes =
            options.taker_or_null != nullptr ? options.taker_or_null->takes() : answer::HandOvers();
        worker->tcp = std::make_unique<TcpLoop>(
            std::move(tcp), ViewReader(*published, 2 * i + 1), worker->tcp_counters, limits,
            TcpLoop::Options{hashing, options.draw_seed(), options.taker_or_null});
        worker->udp = std::make_unique<UdpLoop>(
            std::move(udp), ViewReader(*published, 2 * i), worker->udp_counters,
            RateLimiter(options.draw_seed(), options.rate_limit_entries), hashing, takes,
            worker->tcp->late_datagrams_or_null());
        workers.push_back(std::move(worker));
    }
    runtime::raise_descriptor_limit(settings->tcp.connections_max + descriptors_spare);
}

void Server::Impl::start() {
    const std::vector<std::size_t> cores = allowed_cores();
    const runtime::SignalsBlocked blocked;
    for (std::size_t i = 0; i < workers.size(); ++i) {
        Worker& worker = *workers[i];
        const auto begin = [&](const char* name, auto& loop, std::thread& thread) {
            const std::string numbered = name + std::to_string(i);
            thread = std::thread([&loop] { loop.run(); });
            pthread_setname_np(thread.native_handle(), numbered.c_str());
            if (pin) {
                cpu_set_t core;
                CPU_ZERO(&core);
                CPU_SET(cores[i % cores.size()], &core);
                pthread_setaffinity_np(thread.native_handle(), sizeof core, &core);
            }
        };
        begin("udp", *worker.udp, worker.udp_thread);
        begin("tcp", *worker.tcp, worker.tcp_thread);
    }
}

/// Gives the number of connections that were cut.
std::size_t Server::Impl::stop(base::Duration deadline) noexcept {
    for (const auto& worker : workers) worker->udp->stop();
    // A UDP thread may hand over a datagram until its end. So its TCP thread, which sends the
    // answer, is stopped behind it.
    for (const auto& worker : workers)
        if (worker->udp_thread.joinable()) worker->udp_thread.join();
    for (const auto& worker : workers) worker->tcp->stop(deadline);
    std::size_t cut = 0;
    for (const auto& worker : workers) {
        if (worker->tcp_thread.joinable()) worker->tcp_thread.join();
        cut += worker->tcp->cut();
    }
    return cut;
}

/// Readers see `next` from their next batch on; the view before it goes with `garbage`. A throw
/// changes nothing, `garbage` neither.
template <class Garbage>
void Server::Impl::show(const View& next, Garbage&& garbage) {
    auto shown = std::make_unique<const View>(next);
    using Kept = std::pair<std::unique_ptr<const View>, std::remove_cvref_t<Garbage>>;
    auto kept = std::make_shared<Kept>();
    published->make_room();
    kept->first = std::exchange(view, std::move(shown));
    kept->second = std::forward<Garbage>(garbage);
    published->publish_made(*view, std::move(kept));
}

void Server::Impl::make_room() {
    if (!room) room.emplace();
    published->make_room();
}

/// After `make_room`.
void Server::Impl::show(const catalogue::Catalogue& catalogue,
                        catalogue::Garbage&& garbage) noexcept {
    *room->view = {&catalogue, view->identity, view->settings};
    room->garbage->first = std::exchange(view, std::move(room->view));
    room->garbage->second = std::move(garbage);
    published->publish_made(*view, std::move(room->garbage));
    room.reset();
}

Server::Server(Options options, const catalogue::Catalogue& catalogue,
               std::shared_ptr<const answer::Identity> identity)
    : impl_(std::make_unique<Impl>(std::move(options), catalogue, std::move(identity))) {}

Server::~Server() {
    impl_->stop({});
}

void Server::start() {
    impl_->start();
}

void Server::make_room() {
    impl_->make_room();
}

void Server::publish(const catalogue::Catalogue& catalogue, catalogue::Garbage&& garbage) {
    impl_->make_room();
    impl_->show(catalogue, std::move(garbage));
}

void Server::publish(std::shared_ptr<const answer::Identity> identity) {
    std::shared_ptr<const answer::Identity> before = impl_->identity;
    impl_->show({impl_->view->catalogue, identity.get(), impl_->view->settings}, std::move(before));
    impl_->identity = std::move(identity);
}

Status Server::publish(Settings settings) {
    ZC_TRY_STATUS(check(settings));
    auto next = std::make_unique<const Settings>(std::move(settings));
    const Settings* const shown = next.get();
    // After it went well: what is replaced is garbage, and `next` is what is shown.
    impl_->show({impl_->view->catalogue, impl_->view->identity, shown}, std::move(impl_->settings));
    impl_->settings = std::move(next);
    runtime::raise_descriptor_limit(impl_->settings->tcp.connections_max + descriptors_spare);
    return {};
}

std::size_t Server::collect() {
    return impl_->published->collect();
}

std::size_t Server::drain(base::Duration deadline) {
    return impl_->stop(runtime::monotonic() + deadline);
}

const std::vector<net::Endpoint>& Server::endpoints() const noexcept {
    return impl_->endpoints;
}

const std::vector<net::Endpoint>& Server::stream_endpoints() const noexcept {
    return impl_->stream_endpoints;
}

unsigned Server::workers() const noexcept {
    return static_cast<unsigned>(impl_->workers.size());
}

Totals Server::totals() const {
    Totals totals;
    for (const auto& worker : impl_->workers) {
        totals.add(worker->udp_counters);
        totals.add(worker->tcp_counters);
        totals.socket_overflows += worker->udp->overflows();
    }
    return totals;
}

}  // namespace zc::server
