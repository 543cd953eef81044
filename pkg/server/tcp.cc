#include "server/tcp.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <new>
#include <optional>
#include <system_error>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "net/framing.h"
#include "net/proxy.h"
#include "runtime/clock.h"

namespace zc::server {
namespace {

using Doing = Connection::Doing;
using net::Step;

constexpr std::size_t read_octets = 1 << 16;  // at once
constexpr int events_max = 128;               // a round
constexpr int accepts_max = 64;               // a round and listener
constexpr base::Duration quiet_before_close =
    base::Duration::milliseconds(200);  // of a client, once the server stops
constexpr base::Duration accept_pause = base::Duration::milliseconds(100);

// An epoll event belongs to the eventfd, the bells or a listener, or else its tag is the address of
// a Connection.
constexpr std::uint64_t wake_tag = 0;
constexpr std::uint64_t bells_tag = 1;
constexpr std::uint64_t first_listener_tag = 2;
constexpr std::uint64_t tags = 4096;  // no object lies in the first page

bool control(const net::Descriptor& epoll, int operation, int fd, std::uint32_t events,
             std::uint64_t tag) noexcept {
    epoll_event event{.events = events, .data = {.u64 = tag}};
    return epoll_ctl(epoll.get(), operation, fd, &event) == 0;
}

std::uint64_t tag_of(const Connection& connection) noexcept {
    return reinterpret_cast<std::uintptr_t>(&connection);
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

/// The worker's, used by one connection at a time.
struct TcpLoop::Buffers {
    std::array<std::uint8_t, net::framed_octets_max + read_octets> input;
    FramedAnswers answers;

    Buffers(const answer::HashBudget& hashing, answer::HandOvers takes,
            WorkerCounters& counters) noexcept
        : answers(hashing, takes, counters) {}
};

TcpLoop::TcpLoop(std::vector<Listener> listeners, ViewReader views, WorkerCounters& counters,
                 ConnectionLimits& limits, const Options& options)
    : listeners_(std::move(listeners)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      views_(views),
      counters_(&counters),
      limits_(&limits),
      taker_or_null_(options.taker_or_null),
      kept_(options.seed) {
    answer::HandOvers takes;
    if (taker_or_null_ != nullptr) {
        takes = taker_or_null_->takes();
        bells_ = std::make_shared<Bells>();
        datagrams_ = std::make_unique<LateDatagrams>(*taker_or_null_, bells_, counters);
    }
    buffers_.reset(
        new Buffers(options.hashing, takes, counters));  // make_unique would touch it all
    bool ok = epoll_.is_open() && wake_.is_open() &&
              control(epoll_, EPOLL_CTL_ADD, wake_.get(), EPOLLIN, wake_tag);
    if (bells_) ok = ok && control(epoll_, EPOLL_CTL_ADD, bells_->descriptor(), EPOLLIN, bells_tag);
    for (std::size_t i = 0; i < listeners_.size() && ok; ++i)
        ok = control(epoll_, EPOLL_CTL_ADD, listeners_[i].socket.get(), EPOLLIN,
                     first_listener_tag + i);
    if (!ok) throw std::system_error(errno, std::generic_category(), "epoll for TCP");
}

TcpLoop::~TcpLoop() {
    if (bells_) bells_->close();
}

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

    // Connections first: each closes nobody but itself, so no event of this round names one that
    // is gone. (An evicted one is closed behind them.)
    bool listeners_ready = false, bells_ready = false;
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = ready[static_cast<std::size_t>(i)];
        if (event.data.u64 >= tags)
            handle(*static_cast<Connection*>(event.data.ptr), event.events);
        else if (event.data.u64 >= first_listener_tag)
            listeners_ready = true;
        else
            bells_ready = bells_ready || event.data.u64 == bells_tag;
    }
    if (bells_ready) answer_rung();
    go_on_with_ready();
    close_evicted();
    expire();
    if (listeners_ready && accept_again_ == never)
        for (const Listener& listener : listeners_) accept_all(listener);
    views_.leave();
    view_ = nullptr;
}

/// Whether somebody waits for an answer that has begun or is with the taker.
bool TcpLoop::owes() const {
    return !stalled_.empty() || !waiting_.empty() || (datagrams_ && !datagrams_->empty());
}

/// Takes what had been accepted by the system, answers what arrives until a client is quiet, and
/// lets the answers be read until the deadline.
///
/// Answering only what is there at first would not do: a client's system that gathers small pieces
/// (RFC 896) sends the others when it hears that the first arrived. And a connection that is closed
/// with input unread is reset, which takes answers away that its client has not read yet.
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
    while ((!reading_.empty() || owes()) && now_ < deadline) {
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
    cut_ = stalled_.size() + waiting_.size();
    for (Connections* list : {&reading_, &waiting_, &stalled_})
        while (!list->empty()) close(list->front());
}

void TcpLoop::accept_all(const Listener& listener) {
    for (int i = 0; i < accepts_max; ++i) {
        net::SocketAddress from{};
        socklen_t size = sizeof from;
        net::Descriptor socket(
            accept4(listener.socket.get(), &from.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (socket.is_open()) {
            admit(std::move(socket), from, listener);
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

void TcpLoop::admit(net::Descriptor socket, const net::SocketAddress& from,
                    const Listener& listener) {
    if (!limits_->open(tcp_.connections_max) &&
        !(evict_longest_idle() && limits_->open(tcp_.connections_max))) {
        counters_->connections_refused.add(1);
        return;
    }
    const dns::Address client = client_address(from);
    const bool proxied = net::is_listed(view_->settings->proxy_senders, client);
    try {
        // The PROXY header comes before anything that the stream has to agree.
        auto stream = (proxied ? net::plain_streams() : *listener.streams).make(std::move(socket));
        reading_.emplace_back();
        reading_.back().stream = std::move(stream);
    } catch (const std::bad_alloc&) {
        limits_->close();
        counters_->connections_refused.add(1);
        return;
    }
    Connection& connection = reading_.back();
    connection.list = &reading_;
    connection.self = std::prev(reading_.end());
    connection.streams = listener.streams;
    connection.doing = proxied ? Doing::proxy_header : Doing::handshake;
    connection.client = client;
    connection.network = connection_network(client);
    connection.family = listener.family;
    connection.transport = listener.transport;
    connection.opened = connection.since = now_;
    counters_->connections_accepted.add(1);
    // The network of a load balancer's client is known when its header has been read.
    if (!proxied)
        connection.counted = limits_->enter(connection.network, tcp_.connections_per_prefix_max);
    Step step;
    if (!proxied) step = connection.stream->handshake();
    if (!proxied && step.is == Step::Is::done) connection.doing = Doing::reading;
    connection.broken = step.is_over();
    connection.events = net::poll_events(step, EPOLLIN);
    if ((!connection.counted && !proxied) || connection.broken ||
        !control(epoll_, EPOLL_CTL_ADD, connection.stream->descriptor(), connection.events,
                 tag_of(connection))) {
        counters_->connections_refused.add(1);
        close(connection);
    }
}

/// A connection that waits for the taker makes room too, after all that wait for nothing.
bool TcpLoop::evict_longest_idle() {
    for (Connections* list : {&reading_, &waiting_}) {
        if (list->empty() || now_ - list->front().since < tcp_.evict_idle) continue;
        close_timed_out(list->front());
        return true;
    }
    return false;
}

void TcpLoop::pause_accepting() {
    for (std::size_t i = 0; i < listeners_.size(); ++i)
        control(epoll_, EPOLL_CTL_MOD, listeners_[i].socket.get(), 0, first_listener_tag + i);
    accept_again_ = now_ + accept_pause;
}

/// Repeats the step that the connection waits for.
bool TcpLoop::handle(Connection& connection, std::uint32_t events) {
    if (connection.evicted) return false;
    // An error or the end is something to read too. A connection that is not read may only be gone.
    const bool reads = connection.doing != Doing::writing && connection.events != 0;
    if (!reads && (events & connection.events) == 0) {
        connection.broken = true;
        close(connection);
        return false;
    }
    switch (connection.doing) {
        case Doing::proxy_header:
            return read_proxy_header(connection);
        case Doing::handshake:
            return shake_hands(connection);
        case Doing::reading:
            return on_readable(connection);
        case Doing::writing:
            return on_writable(connection);
    }
    return true;
}

/// Reads the PROXY header and not an octet beyond it: what follows is the stream's.
bool TcpLoop::read_proxy_header(Connection& connection) {
    const base::MutableOctets room(buffers_->input);
    std::size_t have = take_kept_input(connection).size();
    for (;;) {
        const net::ProxyHeader header = net::parse_proxy(room.first(have));
        if (header.state == net::ProxyHeader::State::complete)
            return take_client(connection, header.client) && shake_hands(connection);
        if (header.state == net::ProxyHeader::State::malformed) {
            connection.stream->read(room);  // or closing would reset the connection
            counters_->drop(Drop::malformed);
            close(connection);
            return false;
        }
        const Step step = connection.stream->read(room.subspan(have, header.octets - have));
        if (step.is == Step::Is::done) {
            have += step.octets;
        } else if (step.wants()) {
            watch(connection, net::poll_events(step, EPOLLIN));
            return keep_input(connection, room.first(have));
        } else {
            close(connection);
            return false;
        }
    }
}

/// `client`: from the PROXY header; of size 0 for the load balancer's own health check.
bool TcpLoop::take_client(Connection& connection, const dns::Address& client) {
    try {
        connection.stream = connection.streams->make(connection.stream->take_descriptor());
    } catch (const std::bad_alloc&) {
        connection.stream.reset();
        close(connection);
        return false;
    }
    connection.doing = Doing::handshake;
    if (client.size == 0) return true;
    connection.client = client;
    connection.network = connection_network(client);  // nothing is kept of it now
    connection.counted = limits_->enter(connection.network, tcp_.connections_per_prefix_max);
    if (connection.counted) return true;
    counters_->connections_refused.add(1);
    close(connection);
    return false;
}

bool TcpLoop::shake_hands(Connection& connection) {
    const Step step = connection.stream->handshake();
    if (step.wants()) {
        watch(connection, net::poll_events(step, EPOLLIN));
        return true;
    }
    if (step.is_over()) {
        connection.broken = true;
        close(connection);
        return false;
    }
    connection.doing = Doing::reading;
    return on_readable(connection);
}

bool TcpLoop::on_readable(Connection& connection) {
    const std::size_t kept = take_kept_input(connection).size();
    const Step step =
        connection.stream->read(base::MutableOctets(buffers_->input).subspan(kept, read_octets));
    connection.holds_more = step.holds_more;
    if (step.is == Step::Is::done)
        return serve(connection, base::Octets(buffers_->input).first(kept + step.octets));
    if (step.wants()) {
        watch(connection, net::poll_events(step, EPOLLIN));
        return keep_input(connection, base::Octets(buffers_->input).first(kept));
    }
    if (step.is == Step::Is::ended && !connection.late.empty()) {
        connection.input_ended = true;
        watch(connection, 0);
        return true;
    }
    connection.broken = step.is != Step::Is::ended;
    close(connection);  // the client has ended it; what it had asked is answered
    return false;
}

bool TcpLoop::on_writable(Connection& connection) {
    auto rest = base::Octets(connection.output).subspan(connection.output_taken);
    const std::size_t waited = rest.size();
    Step step;
    while (!rest.empty()) {
        step = connection.stream->write(rest);
        if (step.is != Step::Is::done) break;
        connection.holds_more = connection.holds_more || step.holds_more;
        rest = rest.subspan(step.octets);
    }
    connection.output_taken = connection.output.size() - rest.size();
    if (rest.empty()) {
        resume(connection);
        return serve(connection, take_kept_input(connection));
    }
    if (step.is_over()) {
        connection.broken = true;
        close(connection);
        return false;
    }
    watch(connection, net::poll_events(step, EPOLLOUT));
    if (rest.size() == waited) return true;
    if (now_ - connection.opened >= tcp_.lifetime) {
        close_timed_out(connection);
        return false;
    }
    touch(connection);  // slow, but not standing still
    return true;
}

/// Answers the whole messages in `input`, which lies in the worker's buffer, and keeps the rest.
bool TcpLoop::serve(Connection& connection, base::Octets input) {
    if (connection.queries == 0 && net::starts_with_proxy(input)) {
        counters_->drop(Drop::malformed);
        close(connection);
        return false;
    }
    while (connection.doing != Doing::writing) {
        const std::size_t taken = answer_some(connection, input);
        input = input.subspan(taken);
        const bool last = taken == 0 || input.empty();
        if ((last || buffers_->answers.output().size() >= tcp_.output_octets_max) &&
            !flush(connection))
            return false;
        if (last) break;
    }
    if (now_ - connection.opened >= tcp_.lifetime) connection.ending = true;
    if (connection.doing != Doing::writing) {
        if ((connection.ending || connection.input_ended) && connection.late.empty()) {
            close(connection);
            return false;
        }
        watch(connection, connection.may_read() ? std::uint32_t{EPOLLIN} : 0U);
    }
    if (!connection.late.empty() || connection.holds_more) make_ready(connection);
    return keep_input(connection, input);
}

FramedAnswers::Asking TcpLoop::asking(const Connection& connection) const noexcept {
    return {.view = *view_,
            .client = connection.client,
            .family = connection.family,
            .transport = connection.transport,
            .now = wall_now_,
            .queries_max = tcp_.queries_max == 0
                               ? UINT32_MAX
                               : tcp_.queries_max - std::min(tcp_.queries_max, connection.queries),
            .output_octets_max = tcp_.output_octets_max};
}

/// Gives messages of one connection to the taker.
class TcpLoop::ConnectionGiver final : public FramedAnswers::Giver {
public:
    ConnectionGiver(TcpLoop& loop, Connection& connection) noexcept
        : loop_(&loop), connection_(&connection) {}
    Gave give(const answer::Exchange& exchange) noexcept override {
        if (connection_->late.size() >= taken_of_connection_max) return Gave::full;
        return loop_->hand_over(*connection_, exchange) ? Gave::taken : Gave::untaken;
    }

private:
    TcpLoop* loop_;
    Connection* connection_;
};

/// Answers a batch of the messages at the start of `input` into the output; gives how many octets
/// of `input` that settled, 0 when there is nothing (more) to answer now.
std::size_t TcpLoop::answer_some(Connection& connection, base::Octets input) {
    ConnectionGiver giver(*this, connection);
    const FramedAnswers::Some some = buffers_->answers.answer(input, asking(connection), giver);
    if (some.is_malformed) {
        connection.ending = true;  // it speaks no DNS, or its framing is lost
        return 0;
    }
    connection.full = some.waits_for_taker;
    if (some.octets == 0) return 0;
    connection.queries += some.queries;
    if (tcp_.queries_max != 0 && connection.queries >= tcp_.queries_max) connection.ending = true;
    touch(connection);
    return some.octets;
}

bool TcpLoop::hand_over(Connection& connection, const answer::Exchange& exchange) {
    try {
        connection.late.emplace_back();
    } catch (const std::bad_alloc&) {
        return false;
    }
    LateAnswer& late = connection.late.back();
    late.connection_or_null = &connection;
    const HandedOver message{.kind = exchange.outcome.handed_over,
                             .message = exchange.query,
                             .transport = connection.transport,
                             .client = connection.client,
                             .arrived = wall_now_};
    if (!server::hand_over(*taker_or_null_, bells_, message, late)) {
        connection.late.pop_back();
        return false;
    }
    late.bell->whose_or_null = &late;
    return true;
}

/// Sends the output. The rest that the system does not take is kept, and the connection waits until
/// it does.
bool TcpLoop::flush(Connection& connection) {
    base::Octets output = buffers_->answers.output().written();
    buffers_->answers.output().clear();
    Step step;
    while (!output.empty()) {
        step = connection.stream->write(output);
        if (step.is != Step::Is::done) break;
        connection.holds_more = connection.holds_more || step.holds_more;
        output = output.subspan(step.octets);
    }
    if (output.empty()) return true;
    if (step.wants()) return stall(connection, output, step);
    connection.broken = true;
    close(connection);
    return false;
}

bool TcpLoop::stall(Connection& connection, base::Octets rest, const Step& step) {
    if (!copied(connection.output, rest)) {
        close(connection);
        return false;
    }
    connection.output_taken = 0;
    connection.doing = Doing::writing;
    touch(connection);
    watch(connection, net::poll_events(step, EPOLLOUT));
    return keep(connection, rest.size());
}

void TcpLoop::resume(Connection& connection) {
    release(connection, connection.output.size());
    std::vector<std::uint8_t>().swap(connection.output);
    connection.doing = Doing::reading;
    touch(connection);
}

/// Behind the events of a round: reads what the stream holds, and gives what late answers have.
bool TcpLoop::go_on(Connection& connection) {
    if (connection.evicted || connection.doing != Doing::reading) return true;
    if (!connection.late.empty() && !give_late(connection)) return false;
    if (connection.holds_more && connection.may_read()) return on_readable(connection);
    return true;
}

/// Sends what late answers have to give now, as much as there is room for.
bool TcpLoop::give_late(Connection& connection) {
    const bool more = take_late(connection);
    if (!flush(connection)) return false;
    if (connection.doing == Doing::writing) return true;  // the rest when this has been taken
    if (now_ - connection.opened >= tcp_.lifetime) {
        close_timed_out(connection);
        return false;
    }
    if (more) make_ready(connection);
    if (connection.late.empty() && (connection.ending || connection.input_ended)) {
        close(connection);
        return false;
    }
    place(connection);
    // Half of them, or each answer of the taker's would have the messages behind answered again.
    if (!connection.full || connection.late.size() > taken_of_connection_max / 2) return true;
    connection.full = false;
    return serve(connection, take_kept_input(connection));
}

/// Takes messages of late answers in turn into the output. Tells whether there may be more.
bool TcpLoop::take_late(Connection& connection) {
    using Is = Answering::Next::Is;
    net::FrameWriter& output = buffers_->answers.output();
    Channel& channel = counters_->channel(connection.transport, connection.family);
    bool more = true;
    while (more && output.size() < tcp_.output_octets_max) {
        more = false;
        for (auto late = connection.late.begin();
             late != connection.late.end() && output.size() < tcp_.output_octets_max;) {
            const base::MutableOctets room = output.next();
            const Answering::Next next = late->answering->next(room);
            if (next.is == Is::message || next.is == Is::last) {
                ZC_CHECK(next.octets <= room.size());
                count_late(channel, *late, room.first(next.octets));
                output.commit(next.octets);
                touch(connection);
            }
            more = more || next.is == Is::message;
            const bool over = next.is == Is::last || next.is == Is::none;
            late = over ? connection.late.erase(late) : std::next(late);
        }
    }
    return more;
}

void TcpLoop::answer_rung() {
    bells_->hush();
    datagrams_->take_in(now_);
    while (const std::shared_ptr<Bell> bell = bells_->take()) {
        LateAnswer* const late = bell->whose_or_null;
        if (late == nullptr) continue;
        if (late->connection_or_null != nullptr)
            go_on(*late->connection_or_null);
        else
            datagrams_->answer(*late);
    }
}

void TcpLoop::make_ready(Connection& connection) noexcept {
    if (std::exchange(connection.is_ready, true)) return;
    connection.next_ready = std::exchange(first_ready_, &connection);
}

/// Those that become ready meanwhile wait for the next round, behind everybody's events.
void TcpLoop::go_on_with_ready() {
    Connection* next = std::exchange(first_ready_, nullptr);
    while (next != nullptr) {
        Connection& connection = *next;
        next = connection.next_ready;
        connection.is_ready = false;
        go_on(connection);
    }
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
    std::optional<std::uint64_t> over;
    try {
        over = kept_.add(connection.network, octets, tcp_.kept_octets_max);
    } catch (const std::bad_alloc&) {
        forget_kept(connection, connection.kept() - octets);
        close(connection);
        return false;
    }
    // One is not enough only when the limit was lowered: then the next to keep something goes on.
    if (!over) return true;
    Connection& victim = keeps_most(*over);
    if (&victim != &connection) {
        evict(victim);
        return true;
    }
    close_timed_out(connection);
    return false;
}

void TcpLoop::release(const Connection& connection, std::size_t octets) noexcept {
    kept_.remove(connection.network, octets);
}

/// The connection that keeps most; `network` keeps something.
Connection& TcpLoop::keeps_most(std::uint64_t network) {
    Connection* most = nullptr;
    for (Connections* list : {&stalled_, &waiting_, &reading_})
        for (Connection& each : *list)
            if (each.network == network && (most == nullptr || each.kept() > most->kept()))
                most = &each;
    ZC_CHECK(most != nullptr);
    return *most;
}

/// Takes its memory at once; it is closed when no event of this round can name it any more.
void TcpLoop::evict(Connection& connection) {
    forget_kept(connection, connection.kept());
    connection.evicted = true;
    place(connection);
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

/// Puts it at the end of the list where it belongs.
void TcpLoop::place(Connection& connection) noexcept {
    Connections* to = &reading_;
    if (connection.evicted)
        to = &evicted_;
    else if (connection.doing == Doing::writing)
        to = &stalled_;
    else if (!connection.late.empty())
        to = &waiting_;
    to->splice(to->end(), *connection.list, connection.self);
    connection.list = to;
}

/// Something has come of it just now.
void TcpLoop::touch(Connection& connection) noexcept {
    connection.since = now_;
    place(connection);
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
    if (connection.events == events) return;
    connection.events = events;
    control(epoll_, EPOLL_CTL_MOD, connection.stream->descriptor(), events, tag_of(connection));
}

void TcpLoop::close(Connection& connection) {
    if (connection.stream && !connection.broken && connection.doing != Doing::proxy_header &&
        connection.doing != Doing::handshake)
        connection.stream->take_leave();
    if (connection.is_ready) {
        Connection** at = &first_ready_;
        while (*at != nullptr && *at != &connection) at = &(*at)->next_ready;
        if (*at != nullptr) *at = connection.next_ready;
    }
    release(connection, connection.kept());
    if (connection.counted) limits_->leave(connection.network);
    limits_->close();
    counters_->connections_closed.add(1);
    connection.list->erase(connection.self);
}

void TcpLoop::close_timed_out(Connection& connection) {
    counters_->connections_timed_out.add(1);
    close(connection);
}

/// Closes connections that have had their time, and accepts again after a pause.
void TcpLoop::expire() {
    while (!reading_.empty() && now_ - reading_.front().since >= tcp_.idle)
        close_timed_out(reading_.front());
    while (!waiting_.empty() && now_ - waiting_.front().since >= taken_time)
        close_timed_out(waiting_.front());
    while (!stalled_.empty() && now_ - stalled_.front().since >= tcp_.write_stall)
        close_timed_out(stalled_.front());
    if (datagrams_) datagrams_->expire(now_);
    if (now_ < accept_again_) return;
    for (std::size_t i = 0; i < listeners_.size(); ++i)
        control(epoll_, EPOLL_CTL_MOD, listeners_[i].socket.get(), EPOLLIN, first_listener_tag + i);
    accept_again_ = never;
}

base::Duration TcpLoop::next_expiry() const {
    base::Duration next = accept_again_;
    if (!reading_.empty()) next = std::min(next, reading_.front().since + tcp_.idle);
    if (!waiting_.empty()) next = std::min(next, waiting_.front().since + taken_time);
    if (!stalled_.empty()) next = std::min(next, stalled_.front().since + tcp_.write_stall);
    if (datagrams_) next = std::min(next, datagrams_->next_end().value_or(never));
    return next;
}

/// Until the next connection has had its time; -1 when there is none.
int TcpLoop::timeout_ms() const {
    if (first_ready_ != nullptr) return 0;
    const base::Duration next = next_expiry();
    if (next == never) return -1;
    const std::int64_t wait_ms =
        std::max<std::int64_t>((next - now_).nanoseconds, 0) / 1'000'000 + 1;
    return static_cast<int>(std::min<std::int64_t>(wait_ms, 60'000));
}

}  // namespace zc::server
