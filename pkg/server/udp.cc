#include "server/udp.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/epoll.h>
#include <sys/uio.h>

#include "net/datagrams.h"
#include "net/proxy.h"
#include "runtime/clock.h"
#include "server/tally.h"

namespace zc::server {
namespace {

constexpr std::size_t batch_queries = answer::batch_max;
constexpr std::size_t query_octets_max = 4096;  // the most that our OPT ever offers
constexpr std::size_t response_octets_max =
    4096;  // the same; respond() keeps below the configured limit
// A stride that is no power of two: the first lines of all 32 buffers would compete for the same
// set of the cache.
constexpr std::size_t buffer_octets = 4096 + 192;
constexpr std::uint32_t timed_batches = 16;  // one in so many costs a second clock read

/// Takes the PROXY header off a load balancer's query. False: it has none, or one that others must
/// not send.
bool unwrap_proxy(const std::vector<dns::Prefix>& senders, answer::Exchange& exchange) noexcept {
    if (!net::is_listed(senders, exchange.arrival.client))
        return !net::starts_with_proxy(exchange.query);
    const net::ProxyHeader header = net::parse_proxy(exchange.query);
    if (header.state != net::ProxyHeader::State::complete) return false;
    exchange.query = exchange.query.subspan(header.octets);
    if (header.client.size != 0) exchange.arrival.client = header.client;
    return true;
}

/// Makes a response that is too large for the interface an empty, truncated one (RFC 9715
/// section 3.1). False: it is one.
bool truncate(iovec& response) noexcept {
    const std::size_t octets =
        slip({static_cast<std::uint8_t*>(response.iov_base), response.iov_len});
    if (octets == 0 || octets == response.iov_len) return false;
    response.iov_len = octets;
    return true;
}

}  // namespace

/// Made once; between batches only what the system call changed is set again.
struct UdpLoop::Buffers {
    struct alignas(64) Octets {
        std::array<std::uint8_t, buffer_octets> octets;
    };

    std::array<mmsghdr, batch_queries> received{};
    std::array<iovec, batch_queries> received_parts{};
    std::array<net::SocketAddress, batch_queries> peers{};
    std::array<net::SourceAddress, batch_queries> controls{};
    std::array<mmsghdr, batch_queries> to_send{};
    std::array<iovec, batch_queries> parts_to_send{};
    std::array<answer::Exchange, batch_queries> exchanges{};
    std::array<std::uint8_t, batch_queries> datagram_of{};  // exchange i answers this datagram
    std::array<Octets, batch_queries> queries;
    std::array<Octets, batch_queries> responses;
    answer::HashBudget hash_budget;

    Buffers(answer::HashBudget hashing, answer::HandOvers takes) noexcept : hash_budget(hashing) {
        for (std::size_t i = 0; i < batch_queries; ++i) {
            received_parts[i] = {queries[i].octets.data(), query_octets_max};
            msghdr& in = received[i].msg_hdr;
            in.msg_iov = &received_parts[i];
            in.msg_iovlen = 1;
            in.msg_name = &peers[i];
            in.msg_namelen = sizeof peers[i];
            msghdr& out = to_send[i].msg_hdr;
            out.msg_iov = &parts_to_send[i];
            out.msg_iovlen = 1;
            exchanges[i].response =
                base::MutableOctets(responses[i].octets).first(response_octets_max);
            exchanges[i].arrival.transport = dns::Transport::udp;
            exchanges[i].arrival.takes = takes;
            exchanges[i].arrival.hash_budget = &hash_budget;
        }
    }
};

UdpLoop::UdpLoop(std::vector<Listener> listeners, ViewReader views, WorkerCounters& counters,
                 RateLimiter limiter, answer::HashBudget hashing, answer::HandOvers takes,
                 LateDatagrams* late_or_null)
    : listeners_(std::move(listeners)),
      views_(views),
      counters_(&counters),
      limiter_(std::move(limiter)),
      takes_(takes),
      late_or_null_(late_or_null),
      buffers_(std::make_unique<Buffers>(hashing, takes)) {
    if (listeners_.size() == 1) return;
    epoll_ = net::Descriptor(epoll_create1(EPOLL_CLOEXEC));
    if (epoll_.get() < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
    for (std::size_t i = 0; i < listeners_.size(); ++i) {
        epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
        if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listeners_[i].socket.get(), &event) != 0)
            throw std::system_error(errno, std::generic_category(), "epoll_ctl");
    }
}

UdpLoop::~UdpLoop() = default;

void UdpLoop::run() noexcept {
    if (listeners_.size() == 1) {
        while (!stopping_.load(std::memory_order_relaxed))
            serve_batch(listeners_[0], Wait::for_one);
    } else {
        std::array<epoll_event, 64> ready{};
        while (!stopping_.load(std::memory_order_relaxed)) {
            const int count =
                epoll_wait(epoll_.get(), ready.data(), static_cast<int>(ready.size()), -1);
            for (int i = 0; i < count; ++i)
                serve_batch(listeners_[ready[static_cast<std::size_t>(i)].data.u64], Wait::none);
        }
    }
    // The kernel had taken datagrams before. New ones may go on arriving: as many batches as a full
    // buffer has are enough.
    constexpr int last_batches_max = 1024;
    for (const Listener& listener : listeners_)
        for (int i = 0; i < last_batches_max && serve_batch(listener, Wait::none) > 0; ++i) {
        }
}

void UdpLoop::stop() noexcept {
    stopping_.store(true, std::memory_order_relaxed);
    // Wakes the thread that waits in recvmmsg or epoll_wait (ENOTCONN is what it says, and it
    // does); what has arrived can still be read, and answers can still be sent.
    for (const Listener& listener : listeners_) shutdown(listener.socket.get(), SHUT_RD);
}

std::uint64_t UdpLoop::overflows() const noexcept {
    std::uint64_t sum = 0;
    for (const Listener& listener : listeners_) sum += net::overflows(listener.socket);
    return sum;
}

/// Receives, answers and sends once; gives the number of datagrams received, 0 or less when there
/// was none.
int UdpLoop::serve_batch(const Listener& listener, Wait wait) noexcept {
    Buffers& buffers = *buffers_;
    if (listener.wildcard || listeners_.size() > 1) prepare_to_receive(listener);
    const int received = recvmmsg(listener.socket.get(), buffers.received.data(), batch_queries,
                                  wait == Wait::for_one ? MSG_WAITFORONE : MSG_DONTWAIT, nullptr);
    if (received <= 0) return received;
    // After `stop` the system gives an empty datagram from nowhere, once there is no other.
    if (buffers.received[0].msg_hdr.msg_namelen == 0) return 0;

    const base::Instant now = runtime::now();
    const View& view = views_.enter();
    std::size_t responses = 0;
    {
        Tally tally(*counters_, counters_->channel(dns::Transport::udp, listener.family));
        const std::size_t queries =
            take_queries(static_cast<std::size_t>(received), view, now, tally);
        respond(std::span(buffers.exchanges).first(queries), view);
        responses = settle(listener, queries, view, now, tally);
    }
    views_.leave();

    send(listener, responses);
    counters_->batch_count.add(1);
    if (batches_++ % timed_batches == 0) counters_->batches.add(runtime::now() - now);
    return received;
}

/// Undoes what the system wrote into the headers, where it matters: with one listener on one
/// address each receipt writes the same.
void UdpLoop::prepare_to_receive(const Listener& listener) noexcept {
    for (std::size_t i = 0; i < batch_queries; ++i) {
        msghdr& in = buffers_->received[i].msg_hdr;
        in.msg_namelen = sizeof buffers_->peers[i];
        net::SourceAddress& control = buffers_->controls[i];
        in.msg_control = listener.wildcard ? control.octets.data() : nullptr;
        in.msg_controllen = listener.wildcard ? control.octets.size() : 0;
    }
}

/// Makes exchanges of the datagrams received; gives how many.
std::size_t UdpLoop::take_queries(std::size_t received, const View& view, base::Instant now,
                                  Tally& tally) noexcept {
    Buffers& buffers = *buffers_;
    const bool proxied = !view.settings->proxy_senders.empty();
    std::size_t queries = 0;
    for (std::size_t i = 0; i < received; ++i) {
        answer::Exchange& exchange = buffers.exchanges[queries];
        exchange.query = base::Octets(buffers.queries[i].octets).first(buffers.received[i].msg_len);
        exchange.arrival.client = client_address(buffers.peers[i]);
        exchange.arrival.now = now;
        exchange.arrival.node = view.identity;
        if (proxied && !unwrap_proxy(view.settings->proxy_senders, exchange)) {
            tally.malformed();
            continue;
        }
        buffers.datagram_of[queries] = static_cast<std::uint8_t>(i);
        ++queries;
    }
    return queries;
}

/// Counts what respond() did, limits it, and makes the messages to send; gives how many.
std::size_t UdpLoop::settle(const Listener& listener, std::size_t queries, const View& view,
                            base::Instant now, Tally& tally) noexcept {
    Buffers& buffers = *buffers_;
    const RateLimit& limit = view.settings->rate_limit;
    std::size_t responses = 0;
    for (std::size_t i = 0; i < queries; ++i) {
        const answer::Exchange& exchange = buffers.exchanges[i];
        const answer::Outcome& outcome = exchange.outcome;
        tally.query(outcome);
        const bool may_be_taken = outcome.handed_over != answer::HandOver::none;
        if (outcome.response_octets == 0 && !may_be_taken) continue;
        const RateLimiter::Verdict verdict =
            limit.mode != RateLimit::Mode::off && !outcome.cookie_valid
                ? judge(limit, exchange.arrival.client, outcome.rate_key, now)
                : RateLimiter::Verdict::pass;
        if (verdict == RateLimiter::Verdict::drop) continue;
        if (may_be_taken) [[unlikely]] {
            if (verdict == RateLimiter::Verdict::pass && is_taken(listener, i, now)) continue;
            answer_untaken(i, view);
        }
        std::size_t octets = outcome.response_octets;
        if (verdict == RateLimiter::Verdict::slip)
            octets = slip_away(exchange.response.first(octets));
        if (octets == 0) continue;
        tally.response(outcome, octets);

        const std::size_t datagram = buffers.datagram_of[i];
        msghdr& in = buffers.received[datagram].msg_hdr;
        if (listener.wildcard) net::answer_from_there(in);
        msghdr& out = buffers.to_send[responses].msg_hdr;
        buffers.parts_to_send[responses] = {exchange.response.data(), octets};
        out.msg_name = in.msg_name;
        out.msg_namelen = in.msg_namelen;
        out.msg_control = in.msg_control;
        out.msg_controllen = in.msg_controllen;
        ++responses;
    }
    return responses;
}

/// Whether the taker has exchange `i`, so that nothing is to be sent for it now.
bool UdpLoop::is_taken(const Listener& listener, std::size_t i, base::Instant now) noexcept {
    Buffers& buffers = *buffers_;
    const answer::Exchange& exchange = buffers.exchanges[i];
    const answer::Outcome& outcome = exchange.outcome;
    const std::size_t datagram = buffers.datagram_of[i];
    msghdr& in = buffers.received[datagram].msg_hdr;
    LateDatagrams::Way way{.socket = listener.socket.get(),
                           .client = buffers.peers[datagram],
                           .client_octets = in.msg_namelen,
                           .source = {},
                           .family = listener.family,
                           .octets_max = outcome.late_octets_max};
    if (listener.wildcard) {
        net::answer_from_there(in);
        way.source = buffers.controls[datagram];
        way.source.used = in.msg_controllen;
    }
    const HandedOver message{.kind = outcome.handed_over,
                             .message = exchange.query,
                             .transport = dns::Transport::udp,
                             .client = exchange.arrival.client,
                             .arrived = now};
    return late_or_null_->hand_over(message, way);
}

/// Answers exchange `i` as if there were no taker.
void UdpLoop::answer_untaken(std::size_t i, const View& view) noexcept {
    answer::Exchange& exchange = buffers_->exchanges[i];
    exchange.arrival.takes = {};
    respond(std::span(&exchange, 1), view);
    exchange.arrival.takes = takes_;
}

/// Takes a token for one answer, now or later, and counts one that is held back.
RateLimiter::Verdict UdpLoop::judge(const RateLimit& limit, const dns::Address& client,
                                    std::uint32_t rate_key, base::Instant now) noexcept {
    const RateLimiter::Verdict verdict = limiter_.take(limit, client, rate_key, now);
    if (verdict == RateLimiter::Verdict::pass) return verdict;
    if (limit.mode == RateLimit::Mode::log_only) {
        counters_->drop(Drop::would_limit);
        return RateLimiter::Verdict::pass;
    }
    if (verdict == RateLimiter::Verdict::drop) counters_->drop(Drop::rate_limited);
    return verdict;
}

/// Makes the response an empty, truncated one, and gives its size; 0: it is dropped.
std::size_t UdpLoop::slip_away(base::MutableOctets response) noexcept {
    const std::size_t octets = response.empty() ? 0 : slip(response);
    counters_->drop(octets == 0 ? Drop::rate_limited : Drop::slipped);
    return octets;
}

void UdpLoop::send(const Listener& listener, std::size_t responses) noexcept {
    std::size_t sent = 0;
    while (sent < responses) {
        // Never waits: an answer that the system has no room for is dropped, as the network would.
        const int count = sendmmsg(listener.socket.get(), &buffers_->to_send[sent],
                                   static_cast<unsigned>(responses - sent), MSG_DONTWAIT);
        if (count > 0) {
            sent += static_cast<std::size_t>(count);
        } else if (errno == EMSGSIZE && truncate(buffers_->parts_to_send[sent])) {
            counters_->channel(dns::Transport::udp, listener.family).truncated.add(1);
        } else if (errno != EINTR) {
            counters_->drop(Drop::send_failed);  // the first one failed: go on after it
            ++sent;
        }
    }
}

}  // namespace zc::server
