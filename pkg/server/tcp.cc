#include "server/tcp.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <system_error>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/seed.h"
#include "dns/message.h"
#include "net/proxy.h"
#include "runtime/clock.h"
#include "server/tally.h"

namespace zc::server {
namespace {

constexpr std::size_t batch_queries = answer::batch_max;
constexpr std::size_t length_octets = 2;  // before each message (RFC 1035 section 4.2.2)
constexpr std::size_t message_octets_max = 65535;
constexpr std::size_t read_octets = 1 << 16;  // at once
constexpr std::size_t response_stride =
    message_octets_max + 1 + 192;        // no power of two: see udp.cc
constexpr std::size_t prefix_share = 8;  // a prefix may keep one part in so many
constexpr int events_max = 128;          // a round
constexpr int accepts_max = 64;          // a round and listener
constexpr base::Duration quiet_before_close =
    base::Duration::milliseconds(200);  // of a client, once the server stops
constexpr base::Duration accept_pause = base::Duration::milliseconds(100);

// What an epoll event belongs to: the eventfd, a listener, or else it is a Connection's address.
constexpr std::uint64_t wake_tag = 0;
constexpr std::uint64_t first_listener_tag = 1;
constexpr std::uint64_t tags = 4096;  // no object lies in the first page

bool control(const net::Descriptor& epoll, int operation, int fd, std::uint32_t events,
             std::uint64_t tag) noexcept {
    epoll_event event{.events = events, .data = {.u64 = tag}};
    return epoll_ctl(epoll.get(), operation, fd, &event) == 0;
}

/// False: there is no memory for it, and `to` is as it was, empty.
bool copied(std::vector<std::uint8_t>& to, base::Octets from) noexcept {
    try {
        to.assign(from.begin(), from.end());
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

}  // namespace

struct TcpLoop::Connection {
    net::Descriptor socket;
    dns::Address client;  // from the PROXY header, if there was one
    stats::Family family = stats::Family::ipv4;
    bool awaits_proxy = false;  // a listed sender that has not sent its header yet
    bool counted = false;       // in its network's limit
    bool stalled = false;       // in stalled_; else in reading_, if not evicted
    bool ending = false;        // to be closed as soon as its answers are taken
    bool evicted = false;       // to be closed at the end of the round: another needs its memory
    std::uint64_t network = 0;  // the client's, see connection_network
    std::uint32_t queries = 0;
    base::Duration opened;
    base::Duration since;  // of the last query; stalled: when the reader last took something
    std::vector<std::uint8_t>
        input;  // what did not make a message yet; stalled: what was not answered yet
    std::vector<std::uint8_t> output;  // what the reader has not taken
    std::size_t output_taken = 0;
    Connections::iterator self;

    std::size_t kept() const noexcept { return input.size() + output.size(); }
};

/// The worker's, used by one connection at a time.
struct TcpLoop::Buffers {
    std::array<std::uint8_t, length_octets + message_octets_max + read_octets> input;
    std::array<std::uint8_t, tcp_output_octets_max + length_octets + message_octets_max> output;
    std::size_t output_size = 0;
    std::array<std::uint8_t, batch_queries * response_stride> responses;
    std::array<answer::Exchange, batch_queries> exchanges{};
    std::array<std::size_t, batch_queries> ends{};  // where in the input each message ends
    answer::HashBudget hash_budget;

    explicit Buffers(answer::HashBudget hashing) noexcept : hash_budget(hashing) {
        for (std::size_t i = 0; i < batch_queries; ++i) {
            exchanges[i].response =
                base::MutableOctets(responses).subspan(i * response_stride, message_octets_max);
            exchanges[i].arrival.transport = dns::Transport::tcp;
            exchanges[i].arrival.hash_budget = &hash_budget;
        }
    }
};

TcpLoop::TcpLoop(std::vector<Listener> listeners, ViewReader views, stats::WorkerCounters& counters,
                 ConnectionLimits& limits, answer::HashBudget hashing, std::uint64_t seed)
    : listeners_(std::move(listeners)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      views_(views),
      counters_(&counters),
      limits_(&limits),
      buffers_(new Buffers(hashing)),  // not make_unique: it would touch all of it
      kept_of_networks_(16, Hash{seed}) {
    bool ok = epoll_.get() >= 0 && wake_.get() >= 0 &&
              control(epoll_, EPOLL_CTL_ADD, wake_.get(), EPOLLIN, wake_tag);
    for (std::size_t i = 0; i < listeners_.size() && ok; ++i)
        ok = control(epoll_, EPOLL_CTL_ADD, listeners_[i].socket.get(), EPOLLIN,
                     first_listener_tag + i);
    if (!ok) throw std::system_error(errno, std::generic_category(), "epoll for TCP");
}

TcpLoop::~TcpLoop() = default;

void TcpLoop::run() noexcept {
    now_ = runtime::monotonic();
    while (!stopping_.load(std::memory_order_acquire)) serve_round(timeout_ms());
    drain();
}

void TcpLoop::stop(base::Duration deadline) noexcept {
    deadline_.store(deadline.nanoseconds, std::memory_order_relaxed);
    stopping_.store(true, std::memory_order_release);
    const std::uint64_t one = 1;
    // It cannot fail: the counter of the eventfd is far from full.
    static_cast<void>(!write(wake_.get(), &one, sizeof one));
}

void TcpLoop::serve_round(int timeout_ms) {
    std::array<epoll_event, events_max> ready;
    const int count = epoll_wait(epoll_.get(), ready.data(), events_max, timeout_ms);
    now_ = runtime::monotonic();
    wall_now_ = runtime::now();
    view_ = &views_.enter();
    tcp_ = view_->settings->tcp;

    // Connections first: each closes nobody but itself (who is evicted is closed behind them), so
    // no event of this round names one that is gone.
    std::uint64_t listeners_ready = 0;
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = ready[static_cast<std::size_t>(i)];
        if (event.data.u64 < tags) {
            listeners_ready += event.data.u64 != wake_tag;
            continue;
        }
        Connection& connection = *static_cast<Connection*>(event.data.ptr);
        if (connection.evicted) continue;
        if (!connection.stalled)
            on_readable(connection);  // an error or the end is something to read too
        else if ((event.events & EPOLLOUT) != 0)
            on_writable(connection);
        else
            close(connection);
    }
    close_evicted();
    expire();
    if (listeners_ready != 0 && accept_again_ == never)
        for (const Listener& listener : listeners_) accept_all(listener);
    views_.leave();
    view_ = nullptr;
}

/// Takes what had been accepted by the system, answers what arrives until a client is quiet, and
/// lets the answers be read until the deadline.
///
/// Not just what is there at first: a client's system that gathers small pieces (RFC 896) sends the
/// others when it hears that the first arrived. And a connection that is closed with input unread
/// is reset, which takes answers away that its client has not read yet.
void TcpLoop::drain() {
    const base::Duration deadline{deadline_.load(std::memory_order_relaxed)};
    now_ = runtime::monotonic();
    wall_now_ = runtime::now();
    view_ = &views_.enter();
    tcp_ = view_->settings->tcp;
    for (const Listener& listener : listeners_) accept_all(listener);
    listeners_.clear();
    views_.leave();
    control(epoll_, EPOLL_CTL_DEL, wake_.get(), 0, wake_tag);
    const base::Duration begun = now_;
    while ((!reading_.empty() || !stalled_.empty()) && now_ < deadline) {
        base::Duration next = deadline;
        if (!reading_.empty()) {
            const base::Duration quiet_at =
                std::max(reading_.front().since, begun) + quiet_before_close;
            if (quiet_at <= now_) {
                close(reading_.front());
                continue;
            }
            next = std::min(next, quiet_at);
        }
        constexpr std::int64_t millisecond = 1'000'000;
        const std::int64_t left_ms = (next - now_).nanoseconds / millisecond + 1;
        const int others_ms = timeout_ms();
        serve_round(
            static_cast<int>(others_ms < 0 ? left_ms : std::min<std::int64_t>(others_ms, left_ms)));
    }
    while (!reading_.empty()) close(reading_.front());
    cut_ = stalled_.size();
    while (!stalled_.empty()) close(stalled_.front());
}

void TcpLoop::accept_all(const Listener& listener) {
    for (int i = 0; i < accepts_max; ++i) {
        net::SocketAddress from{};
        socklen_t size = sizeof from;
        net::Descriptor socket(
            accept4(listener.socket.get(), &from.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (socket.get() >= 0) {
            admit(std::move(socket), from, listener.family);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            // Out of descriptors or memory: the listener stays readable, so looking again at once
            // would only spin.
            evict_longest_idle();
            pause_accepting();
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;  // EAGAIN, nearly always
        }
    }
}

void TcpLoop::admit(net::Descriptor socket, const net::SocketAddress& from, stats::Family family) {
    if (!limits_->open(tcp_.connections_max) &&
        !(evict_longest_idle() && limits_->open(tcp_.connections_max))) {
        counters_->connections_refused.add(1);
        return;
    }
    try {
        reading_.emplace_back();
    } catch (const std::bad_alloc&) {
        limits_->close();
        counters_->connections_refused.add(1);
        return;
    }
    Connection& connection = reading_.back();
    connection.self = std::prev(reading_.end());
    connection.socket = std::move(socket);
    connection.client = client_address(from);
    connection.network = connection_network(connection.client);
    connection.family = family;
    connection.opened = connection.since = now_;
    connection.awaits_proxy = net::is_listed(view_->settings->proxy_senders, connection.client);
    counters_->connections_accepted.add(1);
    // Of a load balancer the network is known when its header has been read.
    if (!connection.awaits_proxy)
        connection.counted = limits_->enter(connection.network, tcp_.connections_per_prefix_max);
    const auto tag = reinterpret_cast<std::uintptr_t>(&connection);
    if ((!connection.counted && !connection.awaits_proxy) ||
        !control(epoll_, EPOLL_CTL_ADD, connection.socket.get(), EPOLLIN, tag)) {
        counters_->connections_refused.add(1);
        close(connection);
    }
}

bool TcpLoop::evict_longest_idle() {
    if (reading_.empty() || now_ - reading_.front().since < tcp_.evict_idle) return false;
    close_timed_out(reading_.front());
    return true;
}

void TcpLoop::pause_accepting() {
    for (std::size_t i = 0; i < listeners_.size(); ++i)
        control(epoll_, EPOLL_CTL_MOD, listeners_[i].socket.get(), 0, first_listener_tag + i);
    accept_again_ = now_ + accept_pause;
}

bool TcpLoop::on_readable(Connection& connection) {
    const std::size_t kept = take_kept_input(connection).size();
    const ssize_t got =
        recv(connection.socket.get(), buffers_->input.data() + kept, read_octets, 0);
    if (got > 0)
        return serve(connection,
                     base::Octets(buffers_->input).first(kept + static_cast<std::size_t>(got)));
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return keep_input(connection, base::Octets(buffers_->input).first(kept));
    close(connection);  // the client has ended it; what it had asked is answered
    return false;
}

bool TcpLoop::on_writable(Connection& connection) {
    const auto rest = base::Octets(connection.output).subspan(connection.output_taken);
    const ssize_t sent = send(connection.socket.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0) {
        if (errno == EAGAIN || errno == EINTR) return true;
        close(connection);
        return false;
    }
    connection.output_taken += static_cast<std::size_t>(sent);
    if (connection.output_taken < connection.output.size()) {
        if (now_ - connection.opened >= tcp_.lifetime) {
            close_timed_out(connection);
            return false;
        }
        connection.since = now_;  // slow, but not standing still
        stalled_.splice(stalled_.end(), stalled_, connection.self);
        return true;
    }
    resume(connection);
    return serve(connection, take_kept_input(connection));
}

/// Answers the whole messages in `input`, which lies in the worker's buffer, and keeps the rest.
bool TcpLoop::serve(Connection& connection, base::Octets input) {
    if (connection.awaits_proxy) {
        if (!take_proxy_header(connection, input)) return false;
        if (connection.awaits_proxy) return keep_input(connection, input);
    } else if (connection.queries == 0 && net::starts_with_proxy(input)) {
        counters_->drop(stats::Drop::malformed);
        close(connection);
        return false;
    }
    while (!connection.stalled) {
        const std::size_t taken = answer_some(connection, input);
        input = input.subspan(taken);
        const bool last = taken == 0 || input.empty();
        if ((last || buffers_->output_size >= tcp_.output_octets_max) && !flush(connection))
            return false;
        if (last) break;
    }
    if (now_ - connection.opened >= tcp_.lifetime) connection.ending = true;
    if (connection.ending && !connection.stalled) {
        close(connection);
        return false;
    }
    return keep_input(connection, input);
}

/// Takes the PROXY header off `input`, or leaves `awaits_proxy` set while it has not arrived whole.
bool TcpLoop::take_proxy_header(Connection& connection, base::Octets& input) {
    const net::ProxyHeader header = net::parse_proxy(input);
    if (header.state == net::ProxyHeader::State::incomplete) return true;
    if (header.state == net::ProxyHeader::State::malformed) {
        counters_->drop(stats::Drop::malformed);
        close(connection);
        return false;
    }
    connection.awaits_proxy = false;
    input = input.subspan(header.octets);
    if (header.client.size == 0) return true;  // the load balancer's own health check
    connection.client = header.client;
    connection.network = connection_network(header.client);  // nothing is kept of it now
    connection.counted = limits_->enter(connection.network, tcp_.connections_per_prefix_max);
    if (connection.counted) return true;
    counters_->connections_refused.add(1);
    close(connection);
    return false;
}

/// Answers a batch of the messages at the start of `input` into the output buffer; gives how many
/// octets of `input` that settled, 0 when there is nothing (more) to answer.
std::size_t TcpLoop::answer_some(Connection& connection, base::Octets input) {
    Buffers& buffers = *buffers_;
    Tally tally(*counters_, counters_->channel(dns::Transport::tcp, connection.family));
    std::size_t queries_max = batch_queries;
    if (tcp_.queries_max != 0)
        queries_max = std::min<std::size_t>(
            queries_max, tcp_.queries_max - std::min(tcp_.queries_max, connection.queries));
    std::size_t queries = 0;
    base::Reader in(input);
    while (queries < queries_max) {
        const base::Octets message = in.octets(in.u16());
        if (!in.ok()) break;
        if (message.size() < dns::header_octets) {
            if (queries != 0) break;  // after those before it
            tally.malformed();
            connection.ending = true;  // it speaks no DNS, or its framing is lost
            return 0;
        }
        answer::Exchange& exchange = buffers.exchanges[queries];
        exchange.query = message;
        exchange.arrival.client = connection.client;
        exchange.arrival.now = wall_now_;
        exchange.arrival.node = view_->identity;
        buffers.ends[queries++] = in.offset();
    }
    if (queries == 0) return 0;
    respond(std::span(buffers.exchanges).first(queries), *view_);

    std::size_t settled = 0;
    for (; settled < queries; ++settled) {
        // What would wait in memory beyond the limit is answered again when the reader has taken
        // what there is.
        if (buffers.output_size >= tcp_.output_octets_max) break;
        const answer::Exchange& exchange = buffers.exchanges[settled];
        const std::size_t octets = exchange.outcome.response_octets;
        tally.query(exchange.outcome);
        if (octets == 0) continue;
        tally.response(exchange.outcome, octets);
        std::uint8_t* at = buffers.output.data() + buffers.output_size;
        base::store_u16(at, static_cast<std::uint16_t>(octets));
        std::memcpy(at + length_octets, exchange.response.data(), octets);
        buffers.output_size += length_octets + octets;
    }
    counters_->batch_count.add(1);
    connection.queries += static_cast<std::uint32_t>(settled);
    if (tcp_.queries_max != 0 && connection.queries >= tcp_.queries_max) connection.ending = true;
    connection.since = now_;
    reading_.splice(reading_.end(), reading_, connection.self);
    return buffers.ends[settled - 1];  // the output buffer was not full: at least one
}

/// Sends the output buffer. What the system does not take is kept, and the connection waits until
/// it does.
bool TcpLoop::flush(Connection& connection) {
    const auto output =
        base::Octets(buffers_->output).first(std::exchange(buffers_->output_size, 0));
    if (output.empty()) return true;
    const ssize_t result =
        send(connection.socket.get(), output.data(), output.size(), MSG_NOSIGNAL);
    if (result < 0 && errno != EAGAIN && errno != EINTR) {
        close(connection);
        return false;
    }
    const auto sent = static_cast<std::size_t>(std::max<ssize_t>(result, 0));
    return sent == output.size() || stall(connection, output.subspan(sent));
}

bool TcpLoop::stall(Connection& connection, base::Octets rest) {
    if (!copied(connection.output, rest)) {
        close(connection);
        return false;
    }
    connection.output_taken = 0;
    connection.stalled = true;
    connection.since = now_;
    stalled_.splice(stalled_.end(), reading_, connection.self);
    watch(connection, EPOLLOUT);
    return keep(connection, rest.size());
}

void TcpLoop::resume(Connection& connection) {
    release(connection, connection.output.size());
    std::vector<std::uint8_t>().swap(connection.output);
    connection.stalled = false;
    connection.since = now_;
    reading_.splice(reading_.end(), stalled_, connection.self);
    watch(connection, EPOLLIN);
}

bool TcpLoop::keep_input(Connection& connection, base::Octets rest) {
    if (rest.empty()) return true;
    if (!copied(connection.input, rest)) {
        close(connection);
        return false;
    }
    return keep(connection, rest.size());
}

/// Counts what a connection keeps in memory; makes room where that is too much.
bool TcpLoop::keep(Connection& connection, std::size_t octets) {
    std::size_t* of_network = nullptr;
    try {
        of_network = &kept_of_networks_[connection.network];
    } catch (const std::bad_alloc&) {
        forget_kept(connection, connection.kept() - octets);
        close(connection);
        return false;
    }
    kept_octets_ += octets;
    const std::size_t own = *of_network += octets;
    std::uint64_t over = connection.network;
    if (own <= tcp_.kept_octets_max / prefix_share) {
        if (kept_octets_ <= tcp_.kept_octets_max) return true;
        // One is not enough only when the limit was lowered: then the next to keep something goes
        // on.
        over = std::ranges::max_element(kept_of_networks_, {}, [](const auto& each) {
                   return each.second;
               })->first;
    }
    Connection& victim = keeps_most(over);
    if (&victim != &connection) {
        evict(victim);
        return true;
    }
    close_timed_out(connection);
    return false;
}

void TcpLoop::release(const Connection& connection, std::size_t octets) noexcept {
    if (octets == 0) return;
    kept_octets_ -= octets;
    const auto of_network = kept_of_networks_.find(connection.network);
    of_network->second -= octets;
    if (of_network->second == 0) kept_of_networks_.erase(of_network);
}

/// Of a network that keeps something.
TcpLoop::Connection& TcpLoop::keeps_most(std::uint64_t network) {
    Connection* most = nullptr;
    for (Connections* list : {&stalled_, &reading_})
        for (Connection& each : *list)
            if (each.network == network && (most == nullptr || each.kept() > most->kept()))
                most = &each;
    ZC_CHECK(most != nullptr);
    return *most;
}

/// Takes its memory at once; it is closed when no event of this round can name it any more.
void TcpLoop::evict(Connection& connection) {
    forget_kept(connection, connection.kept());
    evicted_.splice(evicted_.end(), list_of(connection), connection.self);
    connection.evicted = true;
}

/// `counted`: how much of what it keeps was counted.
void TcpLoop::forget_kept(Connection& connection, std::size_t counted) noexcept {
    release(connection, counted);
    std::vector<std::uint8_t>().swap(connection.input);
    std::vector<std::uint8_t>().swap(connection.output);
}

void TcpLoop::close_evicted() {
    while (!evicted_.empty()) close_timed_out(evicted_.front());
}

TcpLoop::Connections& TcpLoop::list_of(const Connection& connection) noexcept {
    if (connection.evicted) return evicted_;
    return connection.stalled ? stalled_ : reading_;
}

std::size_t TcpLoop::Hash::operator()(std::uint64_t network) const noexcept {
    return base::Seed(seed ^ network).next();
}

/// Moves what was kept to the front of the worker's buffer.
base::Octets TcpLoop::take_kept_input(Connection& connection) {
    const std::size_t size = connection.input.size();
    if (size == 0) return {};
    std::memcpy(buffers_->input.data(), connection.input.data(), size);
    release(connection, size);
    std::vector<std::uint8_t>().swap(connection.input);
    return base::Octets(buffers_->input).first(size);
}

void TcpLoop::watch(Connection& connection, std::uint32_t events) {
    control(epoll_, EPOLL_CTL_MOD, connection.socket.get(), events,
            reinterpret_cast<std::uintptr_t>(&connection));
}

void TcpLoop::close(Connection& connection) {
    release(connection, connection.kept());
    if (connection.counted) limits_->leave(connection.network);
    limits_->close();
    counters_->connections_closed.add(1);
    list_of(connection).erase(connection.self);
}

void TcpLoop::close_timed_out(Connection& connection) {
    counters_->connections_timed_out.add(1);
    close(connection);
}

/// Closes who had his time, and accepts again after a pause.
void TcpLoop::expire() {
    while (!reading_.empty() && now_ - reading_.front().since >= tcp_.idle)
        close_timed_out(reading_.front());
    while (!stalled_.empty() && now_ - stalled_.front().since >= tcp_.write_stall)
        close_timed_out(stalled_.front());
    if (now_ < accept_again_) return;
    for (std::size_t i = 0; i < listeners_.size(); ++i)
        control(epoll_, EPOLL_CTL_MOD, listeners_[i].socket.get(), EPOLLIN, first_listener_tag + i);
    accept_again_ = never;
}

/// Until the next one has had his time; -1 when there is none.
int TcpLoop::timeout_ms() const {
    base::Duration next = accept_again_;
    if (!reading_.empty()) next = std::min(next, reading_.front().since + tcp_.idle);
    if (!stalled_.empty()) next = std::min(next, stalled_.front().since + tcp_.write_stall);
    if (next == never) return -1;
    const std::int64_t wait_ms =
        std::max<std::int64_t>((next - now_).nanoseconds, 0) / 1'000'000 + 1;
    return static_cast<int>(std::min<std::int64_t>(wait_ms, 60'000));
}

}  // namespace zc::server
