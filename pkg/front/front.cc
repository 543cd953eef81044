#include "front/front.h"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <pthread.h>
#include <sys/socket.h>

#include "front/asker.h"
#include "front/datagram.h"
#include "front/flight.h"
#include "front/judge.h"
#include "front/tcp.h"
#include "front/udp.h"
#include "net/own_address.h"
#include "net/socket.h"
#include "runtime/descriptors.h"
#include "runtime/random.h"
#include "runtime/signals.h"

namespace zc::front {
namespace {

constexpr int port_attempts = 16;
// A TCP client has its own, one to each server, and one for an earlier connection whose answers the
// new server still owes.
constexpr std::uint64_t descriptors_a_client = 4;
constexpr std::uint64_t descriptors_a_worker = older_sockets + upstream_sockets + 16;
constexpr std::uint64_t descriptors_spare = 512;  // for all else: results, asking again

template <class T>
T or_throw(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().text());
    return *std::move(result);
}

/// A port that is free over UDP and TCP; nobody else may have it.
net::Endpoint choose_port(net::Endpoint endpoint) {
    const bool any = endpoint.port == 0;
    for (int attempt = 1;; ++attempt) {
        const net::Descriptor udp = or_throw(net::bind_udp(endpoint, net::Sharing::none));
        net::Endpoint chosen = endpoint;
        if (any) chosen.port = or_throw(net::bound_port(udp));
        const auto tcp = net::listen_tcp(chosen, net::Sharing::none);
        if (tcp) return chosen;
        if (!any || attempt == port_attempts) throw std::runtime_error(tcp.error().text());
    }
}

/// The old server's answers are not ours to cut: what it sends as fragments goes on as fragments.
void allow_fragments(const net::Descriptor& socket, const net::Endpoint& endpoint) noexcept {
    if (endpoint.address.size == 4) {
        const int value = IP_PMTUDISC_DONT;
        setsockopt(socket.get(), IPPROTO_IP, IP_MTU_DISCOVER, &value, sizeof value);
    } else {
        const int value = IPV6_PMTUDISC_DONT, off = 0;
        setsockopt(socket.get(), IPPROTO_IPV6, IPV6_MTU_DISCOVER, &value, sizeof value);
        setsockopt(socket.get(), IPPROTO_IPV6, IPV6_DONTFRAG, &off, sizeof off);
    }
}

net::Endpoint endpoint_of(const runs::Target& target) {
    return {.address = target.address, .port = target.port};
}

/// A front that asks itself would pass on one query for ever.
void refuse_itself(judge::Side side, const runs::Target& target,
                   const std::vector<net::Endpoint>& listeners) {
    for (const net::Endpoint& listener : listeners)
        if (net::leads_to(endpoint_of(target), listener))
            throw std::runtime_error("the " + std::string(to_string(side)) + " server " +
                                     target.text + " is the front itself, which listens at " +
                                     net::to_string(listener));
}

}  // namespace

static_assert(Options::in_flight_limit.max == in_flight_most);

Status check(const Options& options) {
    ZC_TRY_STATUS(check(options.workers_limit, options.workers));
    ZC_TRY_STATUS(check(options.in_flight_limit, options.in_flight_max));
    ZC_TRY_STATUS(check(options.one_in_limit, options.one_in));
    ZC_TRY_STATUS(check(options.timeout_limit, options.timeout));
    ZC_TRY_STATUS(check(options.lag_limit, options.lag));
    ZC_TRY_STATUS(check(options.tcp_clients_limit, options.tcp_clients_max));
    return check(options.tcp_idle_limit, options.tcp_idle);
}

struct Front::Work {
    std::vector<net::Endpoint> endpoints;
    std::vector<std::unique_ptr<Channel>> channels;
    std::vector<Channel*> compared;      // of the asking threads and of the TCP thread
    std::vector<Channel*> not_compared;  // of the UDP threads, whose pairs go to the asking ones
    std::vector<std::unique_ptr<UdpRelay>> udp;
    std::vector<std::unique_ptr<NewerAsker>> askers;  // one for each of `udp`
    std::unique_ptr<TcpRelay> tcp;
    std::unique_ptr<PairJudge> judge;
    std::vector<std::thread> passing, asking;

    Work() = default;
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;
    ~Work() { stop(); }

    Channel& add_channel() {
        channels.push_back(std::make_unique<Channel>());
        return *channels.back();
    }
    void listen_udp(const Options& options);  // one worker's relay, and its asker
    void listen_tcp(const Options& options);
    void start(const Options& options);
    /// Each is told to stop once those whose work it takes have.
    void stop() {
        for (const auto& one : udp) one->stop();
        if (tcp) tcp->stop();
        join(passing);
        for (const auto& one : askers) one->stop();
        join(asking);
        if (judge) judge->finish();
    }
    static void join(std::vector<std::thread>& threads) {
        for (std::thread& thread : threads) thread.join();
        threads.clear();
    }
};

void Front::Work::listen_udp(const Options& options) {
    std::vector<UdpRelay::Listener> listeners;
    for (const net::Endpoint& endpoint : endpoints) {
        listeners.push_back(
            {or_throw(net::bind_udp(endpoint, net::Sharing::reuse_port)), endpoint});
        allow_fragments(listeners.back().socket, endpoint);
    }
    Channel& passed = add_channel();
    not_compared.push_back(&passed);
    udp.push_back(std::make_unique<UdpRelay>(
        std::move(listeners),
        UdpRelay::Options{.older = endpoint_of(options.older),
                          .proxy_to_older = options.proxy_to_older,
                          .proxy_to_newer = options.proxy_to_newer,
                          .in_flight_max = options.in_flight_max,
                          .one_in = options.one_in,
                          .timeout = options.timeout,
                          .seed = or_throw(runtime::random_value<std::uint64_t>())},
        passed));
    Channel& asked = add_channel();
    compared.push_back(&asked);
    askers.push_back(std::make_unique<NewerAsker>(
        NewerAsker::Options{.newer = endpoint_of(options.newer),
                            .timeout = options.timeout,
                            .seed = or_throw(runtime::random_value<std::uint64_t>())},
        passed.pairs, asked));
}

void Front::Work::listen_tcp(const Options& options) {
    std::vector<net::Descriptor> streams;
    for (const net::Endpoint& endpoint : endpoints)
        streams.push_back(or_throw(net::listen_tcp(endpoint, net::Sharing::none)));
    compared.push_back(&add_channel());
    tcp = std::make_unique<TcpRelay>(std::move(streams),
                                     TcpRelay::Options{.older = endpoint_of(options.older),
                                                       .newer = endpoint_of(options.newer),
                                                       .proxy_to_older = options.proxy_to_older,
                                                       .proxy_to_newer = options.proxy_to_newer,
                                                       .one_in = options.one_in,
                                                       .clients_max = options.tcp_clients_max,
                                                       .timeout = options.timeout,
                                                       .idle = options.tcp_idle},
                                     *compared.back());
}

void Front::Work::start(const Options& options) {
    const runtime::SignalsBlocked blocked;
    judge = std::make_unique<PairJudge>(
        options, compared, std::vector<const Channel*>(not_compared.begin(), not_compared.end()));
    // By these names an operator sees what each of them costs.
    const auto begin = [](const std::string& name, auto& loop, std::vector<std::thread>& threads) {
        threads.emplace_back([&loop] { loop.run(); });
        pthread_setname_np(threads.back().native_handle(), name.c_str());
    };
    for (std::size_t i = 0; i < udp.size(); ++i) {
        begin("ask" + std::to_string(i), *askers[i], asking);
        begin("udp" + std::to_string(i), *udp[i], passing);
    }
    begin("tcp", *tcp, passing);
}

Front::Front(const Options& options) : work_(std::make_unique<Work>()) {
    Work& work = *work_;
    if (const Status within = check(options); !within)
        throw std::runtime_error(within.error().text());
    if (options.listeners.empty()) throw std::runtime_error("no address to listen at");
    for (const runs::Target* target : {&options.older, &options.newer})
        if (target->kind != runs::Target::Kind::server)
            throw std::runtime_error("the front wants ADDRESS:PORT of a server, not " +
                                     target->text);
    const auto refuse_own_targets = [&options](const std::vector<net::Endpoint>& listeners) {
        refuse_itself(judge::Side::older, options.older, listeners);
        refuse_itself(judge::Side::newer, options.newer, listeners);
    };
    refuse_own_targets(options.listeners);  // before a port in use is what is told
    for (const net::Endpoint& endpoint : options.listeners)
        work.endpoints.push_back(choose_port(endpoint));
    refuse_own_targets(work.endpoints);

    const unsigned workers =
        options.workers != 0 ? options.workers : std::max(1U, std::thread::hardware_concurrency());
    runtime::raise_descriptor_limit(descriptors_a_client * options.tcp_clients_max +
                                    descriptors_a_worker * workers + descriptors_spare);
    for (unsigned i = 0; i < workers; ++i) work.listen_udp(options);
    work.listen_tcp(options);
    work.start(options);
}

Front::~Front() = default;

const std::vector<net::Endpoint>& Front::endpoints() const noexcept {
    return work_->endpoints;
}

void Front::stop() {
    work_->stop();
}

judge::Stretch Front::take() {
    return work_->judge->take();
}

Front::Passed Front::passed() const noexcept {
    Passed out;
    for (const auto& channel : work_->channels) {
        out.queries += channel->queries.value();
        out.answers += channel->answers.value();
        out.given_up += channel->given_up.value();
        out.connections +=
            static_cast<std::uint64_t>(channel->connections.load(std::memory_order_relaxed));
    }
    return out;
}

}  // namespace zc::front
