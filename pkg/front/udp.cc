#include "front/udp.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <system_error>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/seed.h"
#include "dns/message.h"
#include "dns/types.h"
#include "front/datagram.h"
#include "front/flight.h"
#include "net/proxy.h"
#include "runtime/clock.h"

namespace zc::front {
namespace {

constexpr int wait_ms_max = 50;
// Octets of queries in flight: many times as many as one batch can bring.
constexpr std::size_t octets_max = std::size_t{16} << 20;

enum class Role : std::uint8_t { wake, listener, older };
std::uint64_t tag(Role role, std::size_t index) {
    return static_cast<std::uint64_t>(role) << 32U | index;
}

/// A query that waits for the old server.
struct Asked {
    void shrink() noexcept { give_back(query); }

    Message query;  // with our ID
    net::SocketAddress client{};
    socklen_t client_octets = 0;
    net::SourceAddress control;  // from which address to answer
    std::uint16_t listener = 0;
    std::uint16_t client_id = 0;
    std::uint16_t via = 0;  // which of our sockets it was sent by
    bool compared = false;  // else it only passes through
};

/// SERVFAIL for those who gave way, in one batch: what they asked is gone when it is sent.
class NoRoom {
public:
    /// The last ones must have been sent when it is full. Nothing for what is no query: two that
    /// answer each other's answers never end.
    void add(const Asked& one) noexcept {
        const auto asked = glance(one.query);
        if (!asked || asked->response) return;
        Sent& sent = sent_[out_.size];
        sent.client = one.client;
        sent.control.used = one.control.used;
        if (one.control.used != 0) sent.control = one.control;
        const std::size_t octets = dns::header_octets + asked->question.size();
        std::copy_n(one.query.begin(), octets, sent.message.begin());
        base::store_u16(sent.message.data(), one.client_id);
        sent.message[2] = static_cast<std::uint8_t>(0x80U | (one.query[2] & 0x79U));  // opcode, RD
        sent.message[3] = static_cast<std::uint8_t>((one.query[3] & 0x10U) |          // CD
                                                    static_cast<unsigned>(dns::Rcode::servfail));
        std::fill_n(sent.message.begin() + 4, dns::header_octets - 4, std::uint8_t{0});
        sent.message[5] = asked->question.empty() ? 0 : 1;
        msghdr& header = out_.add(base::Octets(sent.message).first(octets), 0);
        header.msg_name = &sent.client;
        header.msg_namelen = one.client_octets;
        if (sent.control.used == 0) return;
        header.msg_control = sent.control.octets.data();
        header.msg_controllen = sent.control.used;
    }
    bool is_full() const noexcept { return out_.size == datagrams_max; }
    void send(int fd) noexcept { out_.send(fd); }

private:
    struct Sent {
        std::array<std::uint8_t, dns::header_octets + dns::name_octets_max + 4> message;
        net::SocketAddress client;
        net::SourceAddress control;
    };
    std::array<Sent, datagrams_max> sent_{};
    Outgoing out_;
};

}  // namespace

struct UdpRelay::Work {
    using Index = InFlight<Asked>::Index;
    static constexpr Index none = InFlight<Asked>::none;

    Work(std::vector<Listener> listeners_given, const Options& options_given,
         Channel& channel_given)
        : options(options_given),
          channel(channel_given),
          listeners(std::move(listeners_given)),
          epoll(epoll_create1(EPOLL_CLOEXEC)),
          wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          wait_ms(static_cast<int>(
              std::clamp<std::int64_t>(options.timeout.nanoseconds / 4'000'000, 1, wait_ms_max))),
          asked(options.in_flight_max, options.seed, Belief::exact),
          ports(~options.seed),
          no_room(listeners.size()) {
        bool ok = epoll.get() >= 0 && wake.get() >= 0 && watch(wake.get(), tag(Role::wake, 0));
        for (std::size_t i = 0; i < listeners.size(); ++i) {
            net::set_buffers(listeners[i].socket, socket_octets, socket_octets);
            ok = ok && watch(listeners[i].socket.get(), tag(Role::listener, i));
        }
        for (std::size_t i = 0; i < older_sockets; ++i) {
            older.push_back(connect_udp(options.older));
            ok = ok && watch(older[i].get(), tag(Role::older, i));
        }
        if (!ok) throw std::system_error(errno, std::generic_category(), "epoll for UDP");
    }

    bool watch(int fd, std::uint64_t data) noexcept {
        epoll_event event{.events = EPOLLIN, .data = {.u64 = data}};
        return epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
    }

    /// Room for one more. When all wait, the one that waits longest gives way: a server that hangs
    /// keeps nobody from asking.
    Index take_room() noexcept {
        if (asked.octets() > octets_max) asked.forget_answered();
        // All that is left waits. The batch that is being taken has to stay until it is sent, and
        // most of the others have waited longer.
        while (asked.octets() > octets_max) give_up_longest();
        const Index index = asked.take(now);
        if (index != none) return index;
        give_up_longest();
        return asked.take(now);
    }
    void give_up_longest() noexcept {
        const Asked& one = asked[asked.longest()];
        channel.given_up.add(1);
        if (one.compared) channel.dropped.add(1);
        NoRoom& answers_own = no_room[one.listener];
        if (answers_own.is_full()) answers_own.send(listeners[one.listener].socket.get());
        answers_own.add(one);
        asked.release(asked.longest());
    }

    /// Hands a query over to be asked of the new server; `answer` is empty if the old one gave
    /// none. It is not compared if there is no memory for it.
    void give(const Asked& one, base::Octets answer) noexcept {
        base::Octets proxy;
        std::array<std::uint8_t, net::proxy_written_octets_max> header{};
        if (options.proxy_to_newer)
            proxy = base::Octets(header).first(net::write_proxy(header, net::Proxied::datagram,
                                                                net::endpoint_of(one.client),
                                                                listeners[one.listener].endpoint));
        if (!assign(given.query, one.query) || !assign(given.older, answer) ||
            !assign(given.proxy, proxy)) {
            channel.dropped.add(1);
            return;
        }
        given.newer.clear();
        given.since = now;
        channel.give(given);
    }

    void take_queries(std::size_t listener) noexcept;
    bool take_answers(std::size_t from) noexcept;
    void expire() noexcept;
    void round(int at_most_ms) noexcept;

    const Options options;
    Channel& channel;
    std::vector<Listener> listeners;
    net::Descriptor epoll, wake;
    std::vector<net::Descriptor> older;
    const int wait_ms;  // while anything is in flight
    InFlight<Asked> asked;
    base::Seed ports;
    std::vector<NoRoom> no_room;  // of each listener
    Unread unread;
    bool remembers = false;  // answered questions, which `asked` is to forget soon
    Observed given;          // its memory is used again
    base::Duration now;
    std::uint32_t counted = 0;
    Incoming queries{Incoming::Senders::told}, answers{Incoming::Senders::known};
    std::array<Outgoing, older_sockets_a_batch> to_older;
    Outgoing to_client;
    std::atomic<bool> stopping{false};
};

void UdpRelay::Work::take_queries(std::size_t listener) noexcept {
    const Listener& own = listeners[listener];
    // No more than there is room for: one that gives way must not be of this batch, whose queries
    // are sent from where they wait.
    const int received = queries.receive(own.socket.get(), std::min(datagrams_max, asked.size()));
    if (received <= 0) return;
    channel.queries.add(static_cast<std::uint64_t>(received));
    std::array<std::uint16_t, older_sockets_a_batch> via{};
    for (std::uint16_t& one : via) one = static_cast<std::uint16_t>(ports.below(older_sockets));
    for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
        const base::Octets message = queries[i];
        const auto seen = glance(message);
        if (!seen) {
            // No ID, so no answer could find its way back; the old server shall see it all the
            // same.
            to_older[0].add(message, 0);
            continue;
        }
        const Index index = take_room();
        Asked& one = asked[index];
        one.client = queries.peer(i);
        one.client_octets = queries.peer_octets(i);
        const net::SourceAddress& control = queries.control(i);
        one.control.used = control.used;
        if (control.used != 0) one.control = control;
        one.listener = static_cast<std::uint16_t>(listener);
        one.client_id = base::load_u16(message.data());
        one.compared = seen->compared && counted++ % options.one_in == 0;
        if (!assign(one.query, message)) {
            channel.given_up.add(1);
            if (one.compared) channel.dropped.add(1);
            asked.release(index);
            continue;
        }
        asked.hold(index, one.query.size());
        base::store_u16(one.query.data(), asked.id(index));
        const std::size_t turn = asked.id(index) % older_sockets_a_batch;
        one.via = via[turn];
        Outgoing& out = to_older[turn];
        std::size_t proxy_octets = 0;
        if (options.proxy_to_older)
            proxy_octets = net::write_proxy(out.proxies[out.size], net::Proxied::datagram,
                                            net::endpoint_of(one.client), own.endpoint);
        out.add(one.query, proxy_octets);
    }
    for (std::size_t i = 0; i < older_sockets_a_batch; ++i)
        if (to_older[i].size != 0) to_older[i].send(older[via[i]].get());
    for (std::size_t i = 0; i < listeners.size(); ++i) no_room[i].send(listeners[i].socket.get());
}

/// True: there may be more.
bool UdpRelay::Work::take_answers(std::size_t from) noexcept {
    const int received = answers.receive(older[from].get());
    if (received < 0 && errno == ECONNREFUSED) channel.stray(judge::Side::older, ask::Stray::reset);
    std::size_t sent = 0;
    const Listener* listener = nullptr;
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(received, 0)); ++i) {
        const base::Octets message = answers[i];
        const auto found = asked.find(message);
        if (found.index == none) {
            channel.stray(judge::Side::older, found.stray);
            continue;
        }
        Asked& one = asked[found.index];
        if (one.via != from) {
            channel.stray(judge::Side::older, ask::Stray::other_source);
            continue;
        }
        if (asked.is_answered(found.index)) {
            channel.stray(judge::Side::older, ask::Stray::twice);
            continue;
        }
        if (listener != &listeners[one.listener] && listener != nullptr)
            sent += to_client.send(listener->socket.get());
        listener = &listeners[one.listener];
        if (one.compared) give(one, message);
        base::store_u16(answers.at(i), one.client_id);
        msghdr& header = to_client.add(message, 0);
        // The parts of `one` that are sent stay as they are: nothing is asked before that.
        header.msg_name = &one.client;
        header.msg_namelen = one.client_octets;
        if (one.control.used != 0) {
            header.msg_control = one.control.octets.data();
            header.msg_controllen = one.control.used;
        }
        asked.answered(found.index, now);
        remembers = true;
    }
    if (listener != nullptr) sent += to_client.send(listener->socket.get());
    channel.answers.add(sent);
    return static_cast<std::size_t>(std::max(received, 0)) == datagrams_max;
}

void UdpRelay::Work::expire() noexcept {
    for (Index longest = asked.longest();
         longest != none && asked.has_waited(longest, now, options.timeout);
         longest = asked.longest()) {
        if (asked[longest].compared) give(asked[longest], {});
        asked.release(longest);
    }
    if (remembers) remembers = asked.forget(now);
}

void UdpRelay::Work::round(int at_most_ms) noexcept {
    std::array<epoll_event, older_sockets + 64> ready{};
    const int count =
        epoll_wait(epoll.get(), ready.data(), static_cast<int>(ready.size()), at_most_ms);
    now = runtime::monotonic();
    // Answers go first: somebody has waited for them longer.
    bool more = false;
    for (const Role role : {Role::older, Role::listener}) {
        for (int i = 0; i < count; ++i) {
            const std::uint64_t data = ready[static_cast<std::size_t>(i)].data.u64;
            if (data >> 32U != static_cast<std::uint64_t>(role)) continue;
            const auto index = static_cast<std::size_t>(data & 0xffffffffU);
            if (role == Role::older) more = take_answers(index) || more;
            if (role == Role::listener) take_queries(index);
        }
    }
    if (unread.may_expire(more, now)) expire();
}

UdpRelay::UdpRelay(std::vector<Listener> listeners, const Options& options, Channel& channel)
    : work_(std::make_unique<Work>(std::move(listeners), options, channel)) {}

UdpRelay::~UdpRelay() = default;

void UdpRelay::run() noexcept {
    Work& work = *work_;
    while (!work.stopping.load(std::memory_order_relaxed))
        work.round(work.asked.any_waits() || work.remembers ? work.wait_ms : -1);
    // No more queries; the wake-up stays readable, and has done its work.
    epoll_ctl(work.epoll.get(), EPOLL_CTL_DEL, work.wake.get(), nullptr);
    for (const Listener& listener : work.listeners)
        epoll_ctl(work.epoll.get(), EPOLL_CTL_DEL, listener.socket.get(), nullptr);
    while (work.asked.any_waits()) work.round(work.wait_ms);
}

void UdpRelay::stop() noexcept {
    work_->stopping.store(true, std::memory_order_relaxed);
    const std::uint64_t one = 1;
    // It cannot fail: the counter of the eventfd is far from full.
    static_cast<void>(!write(work_->wake.get(), &one, sizeof one));
}

}  // namespace zc::front
