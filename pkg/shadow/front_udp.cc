#include "shadow/front_udp.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/seed.h"
#include "net/proxy.h"
#include "runtime/clock.h"
#include "shadow/front_datagram.h"

namespace zc::shadow {
namespace {

constexpr std::size_t datagram_octets_max = 65535;
// No power of two: the first lines of all buffers would compete for the same set of the cache.
constexpr std::size_t buffer_octets = datagram_octets_max + 1 + 192;
constexpr std::size_t header_octets = 12;
// A server that shares its port among processes (SO_REUSEPORT) chooses by our port: one alone would
// keep all but one of them idle. More than a few, and batches become small.
constexpr std::size_t upstream_sockets = 4;
constexpr std::uint32_t socket_octets = 4U << 20U;  // of its buffers
constexpr std::int32_t none = -1;
constexpr base::Duration newer_waits_max = base::Duration::milliseconds(100);
constexpr std::size_t newer_sends =
    3;  // of one question, repeats included: a datagram may get lost
constexpr int wait_ms_max = 50;
// The new server is asked several questions at once: woken for each, it would take the processor
// from those whom clients wait for.
constexpr base::Duration gather = base::Duration::milliseconds(1);
constexpr std::size_t control_octets =
    std::max(CMSG_SPACE(sizeof(in_pktinfo)), CMSG_SPACE(sizeof(in6_pktinfo)));

struct alignas(cmsghdr) Control {
    std::array<std::uint8_t, control_octets> octets;
    std::size_t used = 0;
};

enum class Role : std::uint8_t { wake, listener, older, newer };
std::uint64_t tag(Role role, std::size_t index) {
    return static_cast<std::uint64_t>(role) << 32U | index;
}

net::Descriptor connect_udp(const net::Endpoint& to) {
    net::SocketAddress address{};
    const socklen_t size = net::put_address(address, to);
    net::Descriptor out(socket(address.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (out.get() < 0 || connect(out.get(), &address.any, size) != 0)
        throw std::system_error(errno, std::generic_category(), "socket to " + net::to_string(to));
    net::set_buffers(out, socket_octets, socket_octets);
    return out;
}

/// Messages of one system call, with room for what belongs to each.
struct Batch {
    std::array<mmsghdr, datagrams_max> messages{};
    std::array<iovec, datagrams_max> parts{};
    std::array<net::SocketAddress, datagrams_max> peers{};
    std::array<Control, datagrams_max> controls{};
    std::unique_ptr<std::uint8_t[]> octets{new std::uint8_t[datagrams_max * buffer_octets]};

    std::uint8_t* at(std::size_t i) noexcept { return octets.get() + i * buffer_octets; }
    void prepare(std::size_t i, bool from, bool with_control) noexcept {
        parts[i] = {at(i), datagram_octets_max};
        msghdr& header = messages[i].msg_hdr;
        header = {};
        header.msg_iov = &parts[i];
        header.msg_iovlen = 1;
        if (from) {
            header.msg_name = &peers[i];
            header.msg_namelen = sizeof peers[i];
        }
        if (with_control) {
            header.msg_control = controls[i].octets.data();
            header.msg_controllen = control_octets;
        }
    }
    base::Octets received(std::size_t i) noexcept { return {at(i), messages[i].msg_len}; }
};

/// A query in flight. Slots in use are linked by age.
struct Slot {
    Observed pair;
    net::SocketAddress client{};
    socklen_t client_octets = 0;
    Control control;  // from which address to answer
    std::uint16_t listener = 0;
    std::uint16_t client_id = 0, id = 0;
    bool used = false;
    bool compared = false;  // else it only passes through
    bool asked_newer = false;
    base::Duration since;
    std::int32_t before = none, after = none;
};

}  // namespace

struct FrontUdp::Work {
    Work(std::vector<Listener> listeners_given, const Options& options_given,
         Channel& channel_given)
        : options(options_given),
          channel(channel_given),
          listeners(std::move(listeners_given)),
          epoll(epoll_create1(EPOLL_CLOEXEC)),
          wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          wait_ms(static_cast<int>(
              std::clamp<std::int64_t>(options.timeout.nanoseconds / 4'000'000, 1, wait_ms_max))),
          slots(options.in_flight_max),
          random(options.seed) {
        bool ok = epoll.get() >= 0 && wake.get() >= 0 && watch(wake.get(), tag(Role::wake, 0));
        for (std::size_t i = 0; i < listeners.size(); ++i) {
            net::set_buffers(listeners[i].socket, socket_octets, socket_octets);
            ok = ok && watch(listeners[i].socket.get(), tag(Role::listener, i));
        }
        for (std::size_t i = 0; i < upstream_sockets; ++i) {
            older.push_back(connect_udp(options.older));
            newer.push_back(connect_udp(options.newer));
            ok = ok && watch(older[i].get(), tag(Role::older, i)) &&
                 watch(newer[i].get(), tag(Role::newer, i));
        }
        if (!ok) throw std::system_error(errno, std::generic_category(), "epoll for UDP");
        // The first wait is for the old server. Then the rest is shared out.
        const std::int64_t first =
            std::min(newer_waits_max.nanoseconds, options.timeout.nanoseconds / 2);
        const std::int64_t rest = options.timeout.nanoseconds - first;
        for (std::size_t i = 0; i < looks.size(); ++i)
            looks[i].age = {first + rest / static_cast<std::int64_t>(looks.size()) *
                                        static_cast<std::int64_t>(i)};
        slot_of.fill(none);
        free.reserve(slots.size());
        for (std::size_t i = slots.size(); i > 0; --i)
            free.push_back(static_cast<std::int32_t>(i - 1));
    }

    bool watch(int fd, std::uint64_t data) noexcept {
        epoll_event event{.events = EPOLLIN, .data = {.u64 = data}};
        return epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) == 0;
    }

    Slot& slot(std::int32_t index) noexcept { return slots[static_cast<std::size_t>(index)]; }
    bool idle() const noexcept { return oldest == none; }

    /// Room for one more. When all is in use the one that waits longest gives way: a server that
    /// hangs keeps nobody from asking.
    std::int32_t take_slot() noexcept {
        if (free.empty()) {
            const Slot& longest = slot(oldest);
            if (longest.pair.older.empty()) channel.given_up.add(1);
            if (longest.compared) channel.dropped.add(1);
            release(oldest);
        }
        const std::int32_t index = free.back();
        free.pop_back();
        Slot& one = slot(index);
        // IDs nobody can guess, and seldom twice in a short time. At most half are in use.
        do one.id = static_cast<std::uint16_t>(random.next());
        while (slot_of[one.id] != none);
        slot_of[one.id] = index;
        one.used = true;
        one.asked_newer = false;
        one.since = now;
        one.before = youngest;
        one.after = none;
        if (youngest != none)
            slot(youngest).after = index;
        else
            oldest = index;
        youngest = index;
        for (Look& look : looks)
            if (look.next == none) look.next = index;
        return index;
    }

    void release(std::int32_t index) noexcept {
        Slot& one = slot(index);
        if (one.before != none)
            slot(one.before).after = one.after;
        else
            oldest = one.after;
        if (one.after != none)
            slot(one.after).before = one.before;
        else
            youngest = one.before;
        for (Look& look : looks)
            if (look.next == index) look.next = one.after;
        one.used = false;
        slot_of[one.id] = none;
        free.push_back(index);
    }

    /// Ends a slot: what is to be compared goes to those who do. A server that was never asked has
    /// not failed to answer.
    void finish(std::int32_t index) noexcept {
        Slot& one = slot(index);
        if (one.compared && one.asked_newer) channel.give(one.pair);
        if (one.compared && !one.asked_newer) channel.dropped.add(1);
        release(index);
    }

    void queue_to_ask(std::int32_t index, bool again) noexcept {
        if (to_ask.empty()) to_ask_since = now;
        to_ask.push_back({index, slot(index).id, again});
    }

    void take_queries(std::size_t listener) noexcept;
    void take_answers(std::size_t from) noexcept;
    void take_new_answers(std::size_t from) noexcept;
    void ask_newer() noexcept;
    void expire() noexcept;
    std::int32_t find(base::Octets message, Side side) noexcept;
    void round(int at_most_ms) noexcept;

    const Options options;
    Channel& channel;
    std::vector<Listener> listeners;
    net::Descriptor epoll, wake;
    std::vector<net::Descriptor> older, newer;
    const int wait_ms;  // while anything is in flight
    std::vector<Slot> slots;
    std::vector<std::int32_t> free;
    std::array<std::int32_t, 65536> slot_of{};
    std::int32_t oldest = none, youngest = none;
    /// When the new server is asked at the latest, and again if it has not answered: ages of a
    /// slot, and the oldest slot that has not come to it.
    struct Look {
        base::Duration age;
        std::int32_t next = none;
    };
    std::array<Look, newer_sends> looks;
    /// Whose turn it is to be asked of the new server; a slot may have been given up meanwhile.
    struct Turn {
        std::int32_t index;
        std::uint16_t id;
        bool again;
    };
    std::vector<Turn> to_ask;
    base::Duration to_ask_since;
    base::Seed random;
    base::Duration now;
    std::uint32_t counted = 0;
    Batch in;
    std::array<Outgoing, upstream_sockets> to_older, to_newer;
    Outgoing to_client;
    std::atomic<bool> stopping{false};
};

void FrontUdp::Work::take_queries(std::size_t listener) noexcept {
    const Listener& own = listeners[listener];
    const bool wildcard = net::is_wildcard(own.endpoint.address);
    for (std::size_t i = 0; i < datagrams_max; ++i) in.prepare(i, true, wildcard);
    // No more than there are slots: one that gives way must not be of this batch, whose queries are
    // sent from their slots.
    const auto most = static_cast<unsigned>(std::min(datagrams_max, slots.size()));
    const int received =
        recvmmsg(own.socket.get(), in.messages.data(), most, MSG_DONTWAIT, nullptr);
    if (received <= 0) return;
    channel.queries.add(static_cast<std::uint64_t>(received));
    for (std::size_t i = 0; i < static_cast<std::size_t>(received); ++i) {
        const base::Octets message = in.received(i);
        const auto seen = glance(message);
        if (!seen) {
            // No ID, so no answer could find its way back; the old server shall see it all the
            // same.
            to_older[0].add(message, 0);
            continue;
        }
        Slot& one = slot(take_slot());
        one.client = in.peers[i];
        one.client_octets = in.messages[i].msg_hdr.msg_namelen;
        one.control.used = 0;
        if (wildcard) {
            one.control = in.controls[i];
            one.control.used = in.messages[i].msg_hdr.msg_controllen;
        }
        one.listener = static_cast<std::uint16_t>(listener);
        one.client_id = base::load_u16(message.data());
        one.compared = seen->compared && counted++ % options.one_in == 0;
        assign(one.pair.query, message);
        one.pair.older.clear();
        one.pair.newer.clear();
        one.pair.transport = dns::Transport::udp;
        base::store_u16(one.pair.query.data(), one.id);
        Outgoing& out = to_older[one.id % upstream_sockets];
        std::size_t proxy_octets = 0;
        if (options.proxy_to_older)
            proxy_octets = net::write_proxy(out.proxies[out.size], net::Proxied::datagram,
                                            net::endpoint_of(one.client), own.endpoint);
        out.add(one.pair.query, proxy_octets);
    }
    for (std::size_t i = 0; i < upstream_sockets; ++i) to_older[i].send(older[i].get());
}

/// The slot whose question `message` answers; counts what is none.
std::int32_t FrontUdp::Work::find(base::Octets message, Side side) noexcept {
    const auto seen = glance(message);
    if (!seen || !seen->response) {
        channel.stray(side, Stray::no_message);
        return none;
    }
    const std::int32_t index = slot_of[base::load_u16(message.data())];
    if (index == none) {
        channel.stray(side, Stray::late);
        return none;
    }
    // A server that cannot read a question answers without one (FORMERR); where we cannot read it,
    // the ID, which nobody can guess, has to do.
    const auto asked = glance(slot(index).pair.query);
    if (!seen->question.empty() && !asked->question.empty() &&
        !same_question(seen->question, asked->question)) {
        channel.stray(side, Stray::other_question);
        return none;
    }
    return index;
}

void FrontUdp::Work::take_answers(std::size_t from) noexcept {
    for (std::size_t i = 0; i < datagrams_max; ++i) in.prepare(i, false, false);
    const int received =
        recvmmsg(older[from].get(), in.messages.data(), datagrams_max, MSG_DONTWAIT, nullptr);
    if (received < 0 && errno == ECONNREFUSED) channel.stray(Side::older, Stray::reset);
    std::size_t answers = 0;
    const Listener* listener = nullptr;
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(received, 0)); ++i) {
        const base::Octets message = in.received(i);
        const std::int32_t index = find(message, Side::older);
        if (index == none) continue;
        Slot& one = slot(index);
        if (!one.pair.older.empty()) {
            channel.stray(Side::older, Stray::twice);
            continue;
        }
        if (listener != &listeners[one.listener] && listener != nullptr)
            answers += to_client.send(listener->socket.get());
        listener = &listeners[one.listener];
        assign(one.pair.older, message);
        base::store_u16(in.at(i), one.client_id);
        msghdr& header = to_client.add(message, 0);
        // The slot may be used again before this is sent: what is needed of it is copied.
        in.peers[i] = one.client;
        header.msg_name = &in.peers[i];
        header.msg_namelen = one.client_octets;
        if (one.control.used != 0) {
            in.controls[i] = one.control;
            header.msg_control = in.controls[i].octets.data();
            header.msg_controllen = one.control.used;
        }
        if (!one.compared || !one.pair.newer.empty())
            finish(index);
        else if (!one.asked_newer)
            queue_to_ask(index, false);
    }
    if (listener != nullptr) answers += to_client.send(listener->socket.get());
    channel.answers.add(answers);
}

void FrontUdp::Work::ask_newer() noexcept {
    const auto flush = [this](std::size_t i) { to_newer[i].send(newer[i].get()); };
    for (const Turn turn : to_ask) {
        Slot& one = slot(turn.index);
        if (!one.used || one.id != turn.id) continue;
        if (turn.again ? !one.pair.newer.empty() : one.asked_newer) continue;
        one.asked_newer = true;
        if (turn.again) channel.repeats.add(1);
        const std::size_t at = one.id % upstream_sockets;
        Outgoing& out = to_newer[at];
        std::size_t proxy_octets = 0;
        if (options.proxy_to_newer)
            proxy_octets =
                net::write_proxy(out.proxies[out.size], net::Proxied::datagram,
                                 net::endpoint_of(one.client), listeners[one.listener].endpoint);
        out.add(one.pair.query, proxy_octets);
        if (out.size == datagrams_max) flush(at);
    }
    to_ask.clear();
    for (std::size_t i = 0; i < upstream_sockets; ++i) flush(i);
}

void FrontUdp::Work::take_new_answers(std::size_t from) noexcept {
    for (std::size_t i = 0; i < datagrams_max; ++i) in.prepare(i, false, false);
    const int received =
        recvmmsg(newer[from].get(), in.messages.data(), datagrams_max, MSG_DONTWAIT, nullptr);
    if (received < 0 && errno == ECONNREFUSED) channel.stray(Side::newer, Stray::reset);
    for (std::size_t i = 0; i < static_cast<std::size_t>(std::max(received, 0)); ++i) {
        const base::Octets message = in.received(i);
        const std::int32_t index = find(message, Side::newer);
        if (index == none) continue;
        Slot& one = slot(index);
        if (!one.compared || !one.asked_newer || !one.pair.newer.empty()) {
            channel.stray(Side::newer, Stray::twice);
            continue;
        }
        assign(one.pair.newer, message);
        if (!one.pair.older.empty()) finish(index);
    }
}

void FrontUdp::Work::expire() noexcept {
    while (oldest != none && now - slot(oldest).since >= options.timeout) finish(oldest);
    for (Look& look : looks)
        while (look.next != none && now - slot(look.next).since >= look.age) {
            const Slot& one = slot(look.next);
            // At the first age it is asked, at the others again.
            const bool again = &look != looks.data();
            if (one.compared && one.asked_newer == again && one.pair.newer.empty())
                queue_to_ask(look.next, again);
            look.next = one.after;
        }
    if (to_ask.size() >= datagrams_max || (!to_ask.empty() && now - to_ask_since >= gather))
        ask_newer();
}

void FrontUdp::Work::round(int at_most_ms) noexcept {
    if (!to_ask.empty()) at_most_ms = 1;  // at most `gather` is left
    std::array<epoll_event, 64> ready{};
    const int count =
        epoll_wait(epoll.get(), ready.data(), static_cast<int>(ready.size()), at_most_ms);
    now = runtime::monotonic();
    // What clients wait for goes first: answers, then queries; the new server's answers last.
    for (const Role role : {Role::older, Role::listener, Role::newer}) {
        for (int i = 0; i < count; ++i) {
            const std::uint64_t data = ready[static_cast<std::size_t>(i)].data.u64;
            if (data >> 32U != static_cast<std::uint64_t>(role)) continue;
            const auto index = static_cast<std::size_t>(data & 0xffffffffU);
            if (role == Role::older) take_answers(index);
            if (role == Role::listener) take_queries(index);
            if (role == Role::newer) take_new_answers(index);
        }
    }
    expire();
}

FrontUdp::FrontUdp(std::vector<Listener> listeners, const Options& options, Channel& channel)
    : work_(std::make_unique<Work>(std::move(listeners), options, channel)) {}

FrontUdp::~FrontUdp() = default;

void FrontUdp::run() noexcept {
    Work& work = *work_;
    while (!work.stopping.load(std::memory_order_relaxed))
        work.round(work.idle() ? -1 : work.wait_ms);
    // No more queries; the wake-up stays readable, and has done its work.
    epoll_ctl(work.epoll.get(), EPOLL_CTL_DEL, work.wake.get(), nullptr);
    for (const Listener& listener : work.listeners)
        epoll_ctl(work.epoll.get(), EPOLL_CTL_DEL, listener.socket.get(), nullptr);
    while (!work.idle()) work.round(work.wait_ms);
}

void FrontUdp::stop() noexcept {
    work_->stopping.store(true, std::memory_order_relaxed);
    const std::uint64_t one = 1;
    // It cannot fail: the counter of the eventfd is far from full.
    static_cast<void>(!write(work_->wake.get(), &one, sizeof one));
}

}  // namespace zc::shadow
