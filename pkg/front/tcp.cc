#include "front/tcp.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <deque>
#include <list>
#include <new>
#include <system_error>
#include <utility>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "front/stream.h"
#include "net/proxy.h"
#include "net/stream.h"
#include "runtime/clock.h"

namespace zc::front {
namespace {

constexpr std::size_t read_octets = 1 << 16;
constexpr std::size_t open_questions_max = 256;  // of a connection: that wait to be compared
constexpr int events_max = 128;
constexpr int wait_ms = 100;
constexpr base::Duration newer_pause = base::Duration::seconds(1);
constexpr base::Duration between_looks = base::Duration::milliseconds(100);  // at what has to end
constexpr int accepts_max = 64;
// So many open questions of one connection are remembered.
constexpr std::size_t owed_max = 4096;
// At the end: how long transfers may go on, and a pause in one that means that it is over. (Where a
// transfer ends is not to be seen without reading its records.)
constexpr base::Duration transfers_end = base::Duration::seconds(10);
constexpr base::Duration transfer_pause = base::Duration::seconds(1);

/// A question that both servers were asked.
struct Open {
    Observed pair;
    base::Duration since;
};

struct Connection;

/// The owner of an epoll event.
struct Watch {
    enum class Role : std::uint8_t { wake, listener, client, older, newer };
    Role role{};
    std::size_t listener = 0;
    Connection* connection = nullptr;
    std::uint32_t events = 0;  // that are waited for
    net::Step read{};          // the last one
};

struct Connection {
    std::unique_ptr<net::Stream> client, older, newer;  // null: not connected, or done with
    Watch client_watch, older_watch, newer_watch;
    Outbox to_client, to_older, to_newer;
    Framer from_client, from_older, from_newer;
    std::deque<Open> open;
    std::deque<std::uint16_t> owed;  // IDs of questions that the old server has not answered
    bool transfers = false;          // it was asked for one
    base::Duration older_last;       // when the old server last said something
    bool client_ended = false;       // it sends no more
    bool older_ended = false;
    bool over = false;           // client and old server are done with each other
    bool client_gone = false;    // it is, and did not wait for its answers
    Message newer_greeting;      // what a connection to the new server begins with
    base::Duration newer_again;  // before this it is not tried again
    base::Duration last;         // that the client or the old server sent or took something
    std::list<std::unique_ptr<Connection>>::iterator self;
};

}  // namespace

struct TcpRelay::Work {
    Work(std::vector<net::Descriptor> listeners_given, const Options& options_given,
         Channel& channel_given)
        : options(options_given),
          channel(channel_given),
          listeners(std::move(listeners_given)),
          epoll(epoll_create1(EPOLL_CLOEXEC)),
          wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          input(read_octets) {
        wake_watch.role = Watch::Role::wake;
        bool ok = epoll.get() >= 0 && wake.get() >= 0 && watch(wake.get(), wake_watch, EPOLLIN);
        for (std::size_t i = 0; i < listeners.size(); ++i) {
            listener_watches.push_back(
                std::make_unique<Watch>(Watch{.role = Watch::Role::listener, .listener = i}));
            ok = ok && watch(listeners[i].get(), *listener_watches.back(), EPOLLIN);
        }
        if (!ok) throw std::system_error(errno, std::generic_category(), "epoll for TCP");
    }

    bool watch(int socket, Watch& what, std::uint32_t events) noexcept {
        what.events = events;
        epoll_event event{.events = events, .data = {.ptr = &what}};
        return epoll_ctl(epoll.get(), EPOLL_CTL_ADD, socket, &event) == 0;
    }
    void rewatch(int socket, Watch& what, std::uint32_t events) noexcept {
        if (events == what.events) return;
        what.events = events;
        epoll_event event{.events = events, .data = {.ptr = &what}};
        epoll_ctl(epoll.get(), EPOLL_CTL_MOD, socket, &event);
    }
    /// Watches for what lets the stream go on.
    void rewatch(const std::unique_ptr<net::Stream>& stream, Watch& what, bool reads,
                 const Outbox& out) noexcept {
        if (!stream) return;
        const std::uint32_t to_read = reads ? net::poll_events(what.read, EPOLLIN) : 0U;
        rewatch(stream->descriptor(), what, to_read | out.events());
    }

    void accept_all(std::size_t listener);
    void admit(net::Descriptor client, const net::SocketAddress& from);
    void give_up(Connection& one) noexcept;
    void handle(const Watch& what, std::uint32_t events);
    /// Reads what there is; false: the other end is gone or done.
    template <class Each>
    bool read_some(net::Stream& stream, Watch& what, const Each& each);
    void from_client(Connection& one);
    void from_older(Connection& one);
    void from_newer(Connection& one);
    bool has_newer(Connection& one);
    void lose_newer(Connection& one);
    void complete(Connection& one);
    void settle(Connection& one);
    void leave(Connection& one);
    void end(Connection& one);
    bool is_waiting(const Connection& one) const noexcept {
        return one.to_client.size() > 0 || !one.owed.empty() || is_transferring(one);
    }
    bool is_transferring(const Connection& one) const noexcept {
        return one.transfers && now - one.older_last < transfer_pause;
    }
    bool any_transferring() const noexcept {
        return std::any_of(connections.begin(), connections.end(),
                           [this](const auto& one) { return !one->over && is_transferring(*one); });
    }
    void expire();
    void round();

    const Options options;
    Channel& channel;
    std::vector<net::Descriptor> listeners;
    net::Descriptor epoll, wake;
    Watch wake_watch;
    std::vector<std::unique_ptr<Watch>> listener_watches;
    std::list<std::unique_ptr<Connection>> connections;
    std::size_t serving = 0;                         // of them, that are not over
    std::vector<std::unique_ptr<Connection>> ended;  // freed when no event names them any more
    std::vector<std::uint8_t> input;
    base::Duration now, looked;
    bool ending = false;
    bool accept_paused = false;  // for want of descriptors
    std::uint32_t counted = 0;
    std::atomic<bool> stopping{false};
};

namespace {

/// Null when the system refuses it.
std::unique_ptr<net::Stream> connect(const net::Endpoint& to) {
    auto stream = net::connect_stream(to);
    return stream ? *std::move(stream) : nullptr;
}

}  // namespace

void TcpRelay::Work::accept_all(std::size_t listener) {
    for (int i = 0; i < accepts_max; ++i) {
        net::SocketAddress from{};
        socklen_t size = sizeof from;
        net::Descriptor client(
            accept4(listeners[listener].get(), &from.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (client.get() < 0) {
            // Out of descriptors or memory: the system keeps them waiting, and would tell of them
            // without end.
            accept_paused =
                errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
            if (accept_paused)
                for (std::size_t at = 0; at < listeners.size(); ++at)
                    rewatch(listeners[at].get(), *listener_watches[at], 0);
            return;
        }
        if (serving >= options.clients_max) {
            channel.given_up.add(1);
            continue;  // closes it
        }
        try {
            admit(std::move(client), from);
        } catch (const std::bad_alloc&) {
            channel.given_up.add(1);
        }
    }
}

void TcpRelay::Work::admit(net::Descriptor client, const net::SocketAddress& from) {
    auto made = std::make_unique<Connection>();
    Connection& one = *made;
    one.client = net::plain_streams().make(std::move(client));
    one.older = connect(options.older);
    if (!one.older) return;  // the client finds what it would have found there
    one.last = now;
    one.client_watch = {.role = Watch::Role::client, .connection = &one};
    one.older_watch = {.role = Watch::Role::older, .connection = &one};
    one.newer_watch = {.role = Watch::Role::newer, .connection = &one};
    std::array<std::uint8_t, net::proxy_written_octets_max> header{};
    net::SocketAddress own{};
    socklen_t own_size = sizeof own;
    getsockname(one.client->descriptor(), &own.any, &own_size);
    const base::Octets proxy = base::Octets(header).first(net::write_proxy(
        header, net::Proxied::stream, net::endpoint_of(from), net::endpoint_of(own)));
    if (options.proxy_to_older) one.to_older.add(proxy);
    if (options.proxy_to_newer) one.newer_greeting.assign(proxy.begin(), proxy.end());
    if (!watch(one.client->descriptor(), one.client_watch, EPOLLIN) ||
        !watch(one.older->descriptor(), one.older_watch, EPOLLIN | EPOLLOUT))
        return;
    connections.push_front(std::move(made));
    one.self = connections.begin();
    ++serving;
    channel.connections.fetch_add(1, std::memory_order_relaxed);
}

template <class Each>
bool TcpRelay::Work::read_some(net::Stream& stream, Watch& what, const Each& each) {
    do {
        what.read = stream.read(input);
        if (what.read.is != net::Step::Is::done) return what.read.wants();
        each(base::Octets(input).first(what.read.octets));
    } while (what.read.holds_more);
    return true;
}

void TcpRelay::Work::from_client(Connection& one) {
    const bool goes_on = read_some(*one.client, one.client_watch, [&](base::Octets octets) {
        one.last = now;
        one.to_older.add(octets);
        one.from_client.take(octets, [&](base::Octets message) {
            channel.queries.add(1);
            const auto seen = glance(message);
            if (seen && one.owed.size() < owed_max)
                one.owed.push_back(base::load_u16(message.data()));
            if (seen && seen->transfer) {
                one.transfers = true;
                one.older_last = now;
            }
            if (!seen || !seen->compared || counted++ % options.one_in != 0) return;
            if (!has_newer(one) || one.to_newer.size() > waiting_octets_max ||
                one.open.size() == open_questions_max) {
                channel.dropped.add(1);
                return;
            }
            one.to_newer.add_message(message);
            Open& open = one.open.emplace_back();
            open.since = now;
            open.pair.transport = dns::Transport::tcp;
            open.pair.query.assign(message.begin(), message.end());
        });
    });
    if (!goes_on) one.client_ended = true;
}

namespace {

/// The oldest open question that `message` answers and that has no answer of this side yet.
Open* open_of(Connection& one, base::Octets message, Message Observed::*side) {
    const auto seen = glance(message);
    if (!seen || !seen->response) return nullptr;
    for (Open& open : one.open) {
        if (!(open.pair.*side).empty() ||
            base::load_u16(open.pair.query.data()) != base::load_u16(message.data()))
            continue;
        if (believes(Belief::lenient, open.pair.query, *seen)) return &open;
    }
    return nullptr;
}

}  // namespace

void TcpRelay::Work::from_older(Connection& one) {
    const bool goes_on = read_some(*one.older, one.older_watch, [&](base::Octets octets) {
        one.last = one.older_last = now;
        one.to_client.add(octets);
        one.from_older.take(octets, [&](base::Octets message) {
            channel.answers.add(1);
            if (message.size() >= 2) {
                const auto owed =
                    std::find(one.owed.begin(), one.owed.end(), base::load_u16(message.data()));
                if (owed != one.owed.end()) one.owed.erase(owed);
            }
            if (Open* open = open_of(one, message, &Observed::older))
                open->pair.older.assign(message.begin(), message.end());
        });
    });
    if (!goes_on) one.older_ended = true;
}

void TcpRelay::Work::from_newer(Connection& one) {
    const bool goes_on = read_some(*one.newer, one.newer_watch, [&](base::Octets octets) {
        one.from_newer.take(octets, [&](base::Octets message) {
            if (Open* open = open_of(one, message, &Observed::newer))
                open->pair.newer.assign(message.begin(), message.end());
            else
                channel.stray(judge::Side::newer, ask::Stray::other_id);
        });
    });
    if (!goes_on) lose_newer(one);
}

/// Connects when there is a question: a server may close what is idle (RFC 7766 section 6.2.3).
bool TcpRelay::Work::has_newer(Connection& one) {
    if (one.newer) return true;
    if (now < one.newer_again) return false;
    one.newer_again = now + newer_pause;
    one.newer = connect(options.newer);
    if (!one.newer) return false;
    one.from_newer.held.clear();
    one.to_newer = {};
    one.to_newer.add(one.newer_greeting);
    one.newer_watch.read = {};
    if (watch(one.newer->descriptor(), one.newer_watch, EPOLLIN | EPOLLOUT)) return true;
    one.newer.reset();
    return false;
}

void TcpRelay::Work::lose_newer(Connection& one) {
    const bool owes = std::any_of(one.open.begin(), one.open.end(),
                                  [](const Open& open) { return open.pair.newer.empty(); });
    if (owes)
        channel.stray(judge::Side::newer, ask::Stray::reset);
    else
        one.newer_again = now;  // it was idle: no fault
    one.newer.reset();
}

/// Hands over what has both answers, and what will not get them. An answer that its client did not
/// wait for is none that the old server owes.
void TcpRelay::Work::complete(Connection& one) {
    for (auto open = one.open.begin(); open != one.open.end();) {
        if (one.client_gone && open->pair.older.empty()) {
            channel.dropped.add(1);
            open = one.open.erase(open);
            continue;
        }
        const bool older_done = !open->pair.older.empty() || one.over;
        const bool newer_done = !open->pair.newer.empty() || !one.newer;
        if ((older_done && newer_done) || now - open->since >= options.timeout) {
            channel.give(open->pair);
            open = one.open.erase(open);
        } else {
            ++open;
        }
    }
}

/// After anything happened to a connection: sends what can be sent, and watches for what can go on.
void TcpRelay::Work::settle(Connection& one) {
    if (!one.over) {
        if (one.older_ended) one.older.reset();
        const std::size_t waited = one.to_client.size();
        one.client_gone = one.client_gone || !one.to_client.flush(*one.client);
        if (one.to_client.size() < waited) one.last = now;
        bool fine = !one.client_gone && (one.older_ended || one.to_older.flush(*one.older));
        // An end is passed on, once all before it was.
        if (fine && one.client_ended && !one.older_ended && one.to_older.size() == 0)
            one.older->shut_down();
        if (fine && one.older_ended && one.to_client.size() == 0) fine = false;
        if (!fine) leave(one);
    }
    if (one.newer && !one.to_newer.flush(*one.newer)) lose_newer(one);
    complete(one);
    if (one.over && one.open.empty()) {
        end(one);
        return;
    }
    if (!one.over) {
        rewatch(one.client, one.client_watch,
                !one.client_ended && one.to_older.size() < waiting_octets_max, one.to_client);
        rewatch(one.older, one.older_watch,
                !one.older_ended && one.to_client.size() < waiting_octets_max, one.to_older);
    }
    rewatch(one.newer, one.newer_watch, true, one.to_newer);
}

/// Client and old server are done with each other. The new server may still have to answer; so many
/// such connections are kept as there may be clients, so that it keeps no client away.
void TcpRelay::Work::leave(Connection& one) {
    one.client.reset();
    one.older.reset();
    one.over = true;
    --serving;
    channel.connections.fetch_sub(1, std::memory_order_relaxed);
    if (connections.size() - serving <= options.clients_max) return;
    channel.dropped.add(one.open.size());
    one.open.clear();
}

void TcpRelay::Work::end(Connection& one) {
    if (!one.over) leave(one);
    one.newer.reset();
    ended.push_back(std::move(*one.self));
    connections.erase(one.self);
}

/// There is no memory for what it brings.
void TcpRelay::Work::give_up(Connection& one) noexcept {
    channel.given_up.add(1);
    channel.dropped.add(one.open.size());
    one.open.clear();
    one.newer.reset();
    if (!one.over) leave(one);  // `expire` ends it
}

void TcpRelay::Work::handle(const Watch& what, std::uint32_t events) {
    Connection& one = *what.connection;
    const bool readable =
        (events & (EPOLLIN | EPOLLHUP | EPOLLERR | net::poll_events(what.read, EPOLLIN))) != 0;
    switch (what.role) {
        case Watch::Role::wake:
        case Watch::Role::listener:
            return;
        case Watch::Role::client:
            if (!one.client) return;
            if (readable) from_client(one);
            // Gone in both directions: nobody is there to be answered.
            if ((events & (EPOLLHUP | EPOLLERR)) != 0) one.client_gone = true;
            break;
        case Watch::Role::older:
            if (!one.older) return;
            if (readable) from_older(one);
            break;
        case Watch::Role::newer:
            if (!one.newer) return;
            if (readable) from_newer(one);
            break;
    }
    settle(one);
}

void TcpRelay::Work::expire() {
    ended.clear();
    if (now - looked < between_looks) return;
    looked = now;
    if (std::exchange(accept_paused, false))
        for (std::size_t at = 0; at < listeners.size(); ++at)
            rewatch(listeners[at].get(), *listener_watches[at], EPOLLIN);
    for (auto at = connections.begin(); at != connections.end();) {
        Connection& one = **at++;
        complete(one);
        // Idle is also who does not take what waits for it.
        const bool is_idle = now - one.last >= options.idle;
        if (!one.over && one.open.empty() && (is_idle || (ending && !is_waiting(one)))) leave(one);
        if (one.over && one.open.empty()) end(one);
    }
    ended.clear();
}

void TcpRelay::Work::round() {
    std::array<epoll_event, events_max> ready{};
    const int count = epoll_wait(epoll.get(), ready.data(), events_max,
                                 connections.empty() && !accept_paused ? -1 : wait_ms);
    now = runtime::monotonic();
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = ready[static_cast<std::size_t>(i)];
        const Watch& what = *static_cast<const Watch*>(event.data.ptr);
        if (what.role == Watch::Role::listener)
            accept_all(what.listener);
        else if (what.connection != nullptr)
            try {
                handle(what, event.events);
            } catch (const std::bad_alloc&) {
                give_up(*what.connection);
            }
    }
    try {
        expire();
    } catch (const std::bad_alloc&) {
        // The rest ends the next time.
    }
}

TcpRelay::TcpRelay(std::vector<net::Descriptor> listeners, const Options& options, Channel& channel)
    : work_(std::make_unique<Work>(std::move(listeners), options, channel)) {}

TcpRelay::~TcpRelay() = default;

void TcpRelay::run() noexcept {
    Work& work = *work_;
    while (!work.stopping.load(std::memory_order_relaxed)) work.round();
    // Open questions may end within the time that an answer may take, a transfer within more.
    epoll_ctl(work.epoll.get(), EPOLL_CTL_DEL, work.wake.get(), nullptr);
    work.listeners.clear();
    work.ending = true;
    const base::Duration stopped = runtime::monotonic();
    const auto may_go_on = [&] {
        const base::Duration waited = runtime::monotonic() - stopped;
        return waited < work.options.timeout || (waited < transfers_end && work.any_transferring());
    };
    while (!work.connections.empty() && may_go_on()) work.round();
    // A question that came after the stop has not had its time to be answered.
    work.now = runtime::monotonic();
    for (const auto& one : work.connections) {
        work.complete(*one);
        work.channel.dropped.add(one->open.size());
    }
}

void TcpRelay::stop() noexcept {
    work_->stopping.store(true, std::memory_order_relaxed);
    const std::uint64_t one = 1;
    // It cannot fail: the counter of the eventfd is far from full.
    static_cast<void>(!write(work_->wake.get(), &one, sizeof one));
}

}  // namespace zc::front
