#include "ask/asker.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <utility>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ask/socket.h"
#include "base/check.h"
#include "base/seed.h"
#include "dns/message.h"
#include "dns/name.h"
#include "net/framing.h"
#include "net/stream.h"
#include "runtime/clock.h"

namespace zc::ask {
namespace {

constexpr std::size_t batch_datagrams = 64;
constexpr std::size_t datagram_octets_max = 65535;
// Strides that are no power of two: the first lines of all buffers would compete for one set of the
// cache.
constexpr std::size_t buffer_octets = datagram_octets_max + 1 + 192;
constexpr std::size_t cut_octets = 4096;
constexpr std::uint32_t none = UINT32_MAX;
constexpr std::uint8_t tcp_channel = 0xff;
constexpr std::size_t tcp_receive_octets = net::framed_octets_max;
constexpr auto reconnect_after = base::Duration::milliseconds(100);
constexpr std::uint16_t id_count_minus_one = 0xffff;

/// The octets of the question behind the header, 0 when there is not exactly one or it is
/// compressed (no server has a reason to compress the first name of a message).
std::size_t question_octets(base::Octets message) noexcept {
    if (message.size() < dns::header_octets || base::load_u16(&message[4]) != 1) return 0;
    std::size_t at = dns::header_octets;
    while (at < message.size() && message[at] != 0) {
        if (message[at] > dns::label_octets_max) return 0;
        at += 1U + message[at];
    }
    at += 1 + 4;
    return at <= message.size() ? at - dns::header_octets : 0;
}

/// A hash of the question, letter case aside. It tells a late answer from a wrong one.
std::uint64_t question_hash(base::Octets message) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325U;
    for (const std::uint8_t octet :
         message.subspan(std::min(message.size(), dns::header_octets), question_octets(message)))
        hash = (hash ^ dns::fold(octet)) * 0x100000001b3U;
    return hash;
}

/// The use of an ID, now and before.
struct Known {
    enum class State : std::uint8_t { never, in_flight, done };
    std::uint32_t slot = none;
    State state = State::never;
    ServerSet asked, answered;
    std::uint64_t question = 0;         // of what it is or was used for
    std::uint64_t question_before = 0;  // and of the use before
};

/// One server's part of a round.
struct Part {
    enum class State : std::uint8_t { idle, waiting, answered, given_up };
    State state = State::idle;
    bool tcp = false;
    bool on_connection = false;
    bool queued = false;  // in Lane::to_send or Connection::backlog
    std::uint32_t sends = 0;
    base::Duration sent{};
    std::vector<std::uint8_t> answer;
};

struct Round {
    std::vector<std::uint8_t> message;
    std::uint16_t id = 0, id_given = 0;
    std::uint8_t channel = 0;  // which of the UDP sockets
    std::uint8_t waiting = 0;  // parts
    bool open = false;
};

/// Parts that wait for an answer, longest first: a list through arrays.
class WaitList {
public:
    explicit WaitList(std::size_t nodes) : links_(nodes + 1, {none, none}) {
        end_ = static_cast<std::uint32_t>(nodes);
        links_[end_] = {end_, end_};
    }
    void append(std::uint32_t node) noexcept {
        Link& link = links_[node];
        link = {links_[end_].before, end_};
        links_[link.before].after = node;
        links_[end_].before = node;
    }
    void remove(std::uint32_t node) noexcept {
        Link& link = links_[node];
        if (link.after == none) return;
        links_[link.before].after = link.after;
        links_[link.after].before = link.before;
        link = {none, none};
    }
    std::uint32_t first_or_none() const noexcept {
        return links_[end_].after == end_ ? none : links_[end_].after;
    }

private:
    struct Link {
        std::uint32_t before, after;
    };
    std::vector<Link> links_;
    std::uint32_t end_ = 0;
};

/// Random IDs. A used one goes to the far half of the queue, so that it rests.
class MessageIds {
public:
    explicit MessageIds(std::uint64_t seed) : random_(seed), ring_(id_count_minus_one + 1U) {
        for (std::size_t i = 0; i < ring_.size(); ++i) {
            ring_[i] = static_cast<std::uint16_t>(i);
            std::swap(ring_[i], ring_[random_.below(i + 1)]);
        }
    }
    std::uint16_t take() noexcept { return ring_[head_++]; }
    void give(std::uint16_t id) noexcept {
        ring_[tail_] = id;
        // Some place among those behind which at least id_rest others come first.
        const auto free = static_cast<std::uint16_t>(tail_ - head_);
        const std::size_t room = free > Asker::id_rest ? free - Asker::id_rest : 0;
        const auto other = static_cast<std::uint16_t>(tail_ - random_.below(room + 1));
        std::swap(ring_[tail_], ring_[other]);
        ++tail_;
    }

private:
    base::Seed random_;
    std::vector<std::uint16_t> ring_;
    std::uint16_t head_ = 0, tail_ = 0;  // wrap as the ring does
};

struct Connection {
    enum class State : std::uint8_t { closed, connecting, open };
    std::unique_ptr<net::Stream> stream;  // null: closed, or the system gave none
    State state = State::closed;
    std::uint32_t events = 0;  // that are waited for
    net::Step last_read, last_write;
    std::vector<std::uint8_t> out, in;
    std::size_t out_at = 0, in_size = 0;
    std::vector<std::uint32_t> open;    // slots whose question is on it
    std::deque<std::uint32_t> backlog;  // slots that wait for a place on it; each at most once
    base::Duration not_before{};        // of the next connection
    base::Duration heard{};             // when octets came last, or when it began
    bool answered = false;              // since it began
};

struct Lane {
    bool asked = false;
    Destination to{};
    std::array<net::Descriptor, Asker::udp_sockets> sockets;
    std::array<std::vector<std::uint32_t>, Asker::udp_sockets> to_send;
    Connection tcp;
};

/// Made once for all receiving and sending.
struct Buffers {
    std::array<mmsghdr, batch_datagrams> received{}, to_send{};
    std::array<iovec, batch_datagrams> received_parts{}, parts_to_send{};
    std::array<net::SocketAddress, batch_datagrams> senders{};
    std::vector<std::uint8_t> octets = std::vector<std::uint8_t>(batch_datagrams * buffer_octets);

    Buffers() {
        for (std::size_t i = 0; i < batch_datagrams; ++i) {
            received_parts[i] = {&octets[i * buffer_octets], datagram_octets_max};
            received[i].msg_hdr.msg_iov = &received_parts[i];
            received[i].msg_hdr.msg_iovlen = 1;
            received[i].msg_hdr.msg_name = &senders[i].any;
            to_send[i].msg_hdr.msg_iov = &parts_to_send[i];
            to_send[i].msg_hdr.msg_iovlen = 1;
        }
    }
};

}  // namespace

bool answers_question(base::Octets query, base::Octets response) noexcept {
    const std::size_t octets = question_octets(query);
    if (response.size() < dns::header_octets || octets == 0) return false;
    if (base::load_u16(&response[4]) == 0) return (response[3] & 0x0f) != 0;
    if (base::load_u16(&response[4]) != 1 || response.size() - dns::header_octets < octets)
        return false;
    // If the octets are equal, so are the lengths of the labels: no need to walk them.
    const auto* a = query.data() + dns::header_octets;
    const auto* b = response.data() + dns::header_octets;
    if (std::memcmp(a, b, octets) == 0) return true;
    const std::size_t name = octets - 4;
    return std::equal(a, a + name, b,
                      [](auto x, auto y) { return dns::fold(x) == dns::fold(y); }) &&
           std::memcmp(a + name, b + name, 4) == 0;
}

struct Asker::Work {
    Options options;
    std::size_t servers;      // parts of a round
    std::vector<Lane> lanes;  // by server
    net::Descriptor epoll;
    std::vector<Round> rounds;
    std::vector<Part> parts;  // of each round, one for each server
    std::vector<Known> known = std::vector<Known>(id_count_minus_one + 1U);
    MessageIds ids;
    WaitList waiting;
    base::Seed random;
    std::vector<std::uint32_t> done, done_given;
    Counts counts;
    std::uint64_t held = 0;
    std::size_t open_rounds = 0;
    base::Duration now = runtime::monotonic();
    Buffers buffers;

    Work(std::size_t servers_given, const Options& given)
        : options(given),
          servers(servers_given),
          lanes(servers),
          rounds(given.slots),
          parts(given.slots * servers),
          ids(given.seed),
          waiting(given.slots * servers),
          random(given.seed ^ 0x5bd1e995) {}

    std::uint32_t node_of(std::uint32_t slot, std::size_t server) const noexcept {
        return static_cast<std::uint32_t>(slot * servers + server);
    }
    Part& part(std::uint32_t slot, std::size_t server) noexcept {
        return parts[node_of(slot, server)];
    }
    Lane& lane(std::size_t server) noexcept { return lanes[server]; }
    void stray(std::size_t server, Stray what) noexcept {
        ++counts.servers[server].strays[static_cast<std::size_t>(what)];
    }

    Status open(std::span<const std::optional<Server>> given);
    Status watch(int fd, std::uint32_t events, std::size_t server, std::uint8_t channel,
                 int operation) const;

    void ask(std::uint32_t slot, base::Octets message, ServerSet udp, ServerSet tcp);
    void settle(std::uint32_t slot, std::size_t server, Part::State state);
    void arrived(std::size_t server, std::uint8_t channel, base::Octets message);

    void flush(std::size_t server, std::uint8_t channel);
    void receive(std::size_t server, std::uint8_t channel);
    void sweep();

    void pump(std::size_t server);
    void write(std::size_t server);
    void rewatch(std::size_t server);
    void read(std::size_t server);
    enum class Why : std::uint8_t { peer, silence };
    void ended(std::size_t server, Why why);
    void leave_connection(std::uint32_t slot, std::size_t server);
    void enqueue(std::uint32_t slot, std::size_t server);
    void dequeue(std::uint32_t slot, std::size_t server);
    base::Duration next_wake(base::Duration wait) const;
};

Status Asker::Work::open(std::span<const std::optional<Server>> given) {
    epoll = net::Descriptor(::epoll_create1(EPOLL_CLOEXEC));
    if (epoll.get() < 0) return base::fail_errno(errno, "epoll_create1");
    for (std::size_t server = 0; server < servers; ++server) {
        if (!given[server]) continue;
        Lane& lane_here = lane(server);
        lane_here.asked = true;
        lane_here.to = destination(given[server]->endpoint);
        if (given[server]->by == Server::By::tcp) continue;
        for (std::uint8_t channel = 0; channel < udp_sockets; ++channel) {
            ZC_TRY(lane_here.sockets[channel], open_udp(lane_here.to));
            ZC_TRY_STATUS(
                watch(lane_here.sockets[channel].get(), EPOLLIN, server, channel, EPOLL_CTL_ADD));
        }
    }
    return {};
}

Status Asker::Work::watch(int fd, std::uint32_t events, std::size_t server, std::uint8_t channel,
                          int operation) const {
    epoll_event event{};
    event.events = events;
    event.data.u32 = static_cast<std::uint32_t>(server << 8) | channel;
    if (::epoll_ctl(epoll.get(), operation, fd, &event) != 0)
        return base::fail_errno(errno, "epoll_ctl");
    return {};
}

void Asker::Work::ask(std::uint32_t slot, base::Octets message, ServerSet udp, ServerSet tcp) {
    Round& round = rounds[slot];
    ZC_CHECK(!round.open && message.size() >= dns::header_octets);
    round.open = true;
    round.waiting = 0;
    round.message.assign(message.begin(), message.end());
    round.id_given = base::load_u16(message.data());
    round.id = ids.take();
    base::store_u16(round.message.data(), round.id);
    round.channel = static_cast<std::uint8_t>(random.below(udp_sockets));
    Known& id = known[round.id];
    id.question_before = id.question;
    id.question = question_hash(message);
    id.slot = slot;
    id.state = Known::State::in_flight;
    id.asked = id.answered = {};
    ++open_rounds;
    for (std::size_t server = 0; server < servers; ++server) {
        Part& here = part(slot, server);
        if (here.state == Part::State::answered) held -= here.answer.size();  // nobody took it
        here.state = Part::State::idle;
        here.sends = 0;
        if (!udp.has(server) && !tcp.has(server)) continue;
        ZC_CHECK(lane(server).asked);
        id.asked.add(server);
        ++round.waiting;
        here.state = Part::State::waiting;
        here.tcp = tcp.has(server);
        enqueue(slot, server);
    }
    ZC_CHECK(round.waiting > 0);
}

/// The server has answered, or is given up.
void Asker::Work::settle(std::uint32_t slot, std::size_t server, Part::State state) {
    Round& round = rounds[slot];
    Part& here = part(slot, server);
    here.state = state;
    waiting.remove(node_of(slot, server));
    if (here.queued) dequeue(slot, server);
    if (here.on_connection) leave_connection(slot, server);
    if (state == Part::State::answered) known[round.id].answered.add(server);
    if (--round.waiting > 0) return;
    round.open = false;
    --open_rounds;
    known[round.id].state = Known::State::done;
    ids.give(round.id);
    if (round.message.capacity() > cut_octets) round.message = {};
    done.push_back(slot);
}

void Asker::Work::leave_connection(std::uint32_t slot, std::size_t server) {
    Connection& tcp = lane(server).tcp;
    const auto at = std::find(tcp.open.begin(), tcp.open.end(), slot);
    *at = tcp.open.back();
    tcp.open.pop_back();
    part(slot, server).on_connection = false;
}

void Asker::Work::enqueue(std::uint32_t slot, std::size_t server) {
    Part& here = part(slot, server);
    here.queued = true;
    if (here.tcp)
        lane(server).tcp.backlog.push_back(slot);
    else
        lane(server).to_send[rounds[slot].channel].push_back(slot);
}

/// An answer that came while the message was to be sent again: rare, so it may be searched for.
void Asker::Work::dequeue(std::uint32_t slot, std::size_t server) {
    Part& here = part(slot, server);
    here.queued = false;
    if (here.tcp)
        std::erase(lane(server).tcp.backlog, slot);
    else
        std::erase(lane(server).to_send[rounds[slot].channel], slot);
}

/// Takes the answer, or counts what it is instead.
void Asker::Work::arrived(std::size_t server, std::uint8_t channel, base::Octets message) {
    constexpr std::uint8_t qr = 0x80;
    if (message.size() < dns::header_octets || (message[2] & qr) == 0)
        return stray(server, Stray::no_message);
    const std::uint16_t number = base::load_u16(message.data());
    const Known& id = known[number];
    if (id.state != Known::State::in_flight) {
        if (id.state == Known::State::never || !id.asked.has(server) ||
            question_hash(message) != id.question)
            return stray(server, Stray::other_id);
        return stray(server, id.answered.has(server) ? Stray::twice : Stray::late);
    }
    Round& round = rounds[id.slot];
    if (!answers_question(round.message, message))
        return stray(server, question_hash(message) == id.question_before ? Stray::late
                                                                          : Stray::other_question);
    Part& here = part(id.slot, server);
    const bool by_tcp = channel == tcp_channel;
    if (here.state == Part::State::idle || here.tcp != by_tcp ||
        (!by_tcp && channel != round.channel))
        return stray(server, Stray::other_id);
    if (here.state != Part::State::waiting)
        return stray(server, here.state == Part::State::answered ? Stray::twice : Stray::late);
    const std::size_t kept =
        held < options.held_max ? message.size() : std::min(message.size(), cut_octets);
    here.answer.assign(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(kept));
    base::store_u16(here.answer.data(), round.id_given);
    held += kept;
    if (!by_tcp && here.sends > 1) ++counts.recovered;
    settle(id.slot, server, Part::State::answered);
}

/// Sends what waits for a socket.
void Asker::Work::flush(std::size_t server, std::uint8_t channel) {
    Lane& to = lane(server);
    std::vector<std::uint32_t>& slots = to.to_send[channel];
    std::size_t sent = 0;
    int errors = 0;
    while (sent < slots.size()) {
        const std::size_t count = std::min(slots.size() - sent, batch_datagrams);
        for (std::size_t i = 0; i < count; ++i) {
            std::vector<std::uint8_t>& message = rounds[slots[sent + i]].message;
            buffers.parts_to_send[i] = {message.data(), message.size()};
            msghdr& header = buffers.to_send[i].msg_hdr;
            header.msg_name = &to.to.address.any;
            header.msg_namelen = to.to.octets;
        }
        int taken = ::sendmmsg(to.sockets[channel].get(), buffers.to_send.data(),
                               static_cast<unsigned>(count), MSG_DONTWAIT);
        if (taken < 0) {
            constexpr int errors_max = 8;
            // No room: the rest goes with the next turn. Another error is an old one of the network
            // (a port that refused), and the next call sends; or else this datagram cannot be sent,
            // and counts as one that was lost.
            if (errno == EAGAIN || errno == ENOBUFS) break;
            if (errno == EINTR || ++errors <= errors_max) continue;
            taken = 1;
        }
        errors = 0;
        for (int i = 0; i < taken; ++i) {
            const std::uint32_t slot = slots[sent + static_cast<std::size_t>(i)];
            Part& here = part(slot, server);
            here.sent = now;
            here.queued = false;
            if (here.sends++ > 0) ++counts.servers[server].repeats;
            waiting.append(node_of(slot, server));
        }
        sent += static_cast<std::size_t>(taken);
    }
    slots.erase(slots.begin(), slots.begin() + static_cast<std::ptrdiff_t>(sent));
}

void Asker::Work::receive(std::size_t server, std::uint8_t channel) {
    constexpr int batches_max = 16;  // then the others have their turn
    const Lane& from = lane(server);
    for (int batch = 0; batch < batches_max; ++batch) {
        for (std::size_t i = 0; i < batch_datagrams; ++i)
            buffers.received[i].msg_hdr.msg_namelen = sizeof(sockaddr_in6);
        const int count = ::recvmmsg(from.sockets[channel].get(), buffers.received.data(),
                                     batch_datagrams, MSG_DONTWAIT, nullptr);
        if (count <= 0) return;
        for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
            if (!same_endpoint(buffers.senders[i], from.to.address)) {
                stray(server, Stray::other_source);
                continue;
            }
            arrived(server, channel,
                    base::Octets(&buffers.octets[i * buffer_octets], buffers.received[i].msg_len));
        }
        if (static_cast<std::size_t>(count) < batch_datagrams) return;
    }
}

/// Messages that have waited too long are sent again, or given up.
void Asker::Work::sweep() {
    for (;;) {
        const std::uint32_t node = waiting.first_or_none();
        if (node == none) return;
        const auto slot = static_cast<std::uint32_t>(node / servers);
        const std::size_t server = node % servers;
        Part& here = part(slot, server);
        if (now - here.sent < options.timeout) return;
        // A connection that has given nothing for so long is dead: all on it go to the next one.
        if (here.tcp && now - lane(server).tcp.heard >= options.timeout) {
            ended(server, Why::silence);
            continue;
        }
        if (here.sends >= options.sends) {
            settle(slot, server, Part::State::given_up);
            continue;
        }
        waiting.remove(node);
        if (here.on_connection) leave_connection(slot, server);
        enqueue(slot, server);
    }
}

/// Puts questions that wait on the connection, making one if there is none.
void Asker::Work::pump(std::size_t server) {
    Lane& to = lane(server);
    Connection& tcp = to.tcp;
    if (tcp.backlog.empty() || tcp.open.size() >= tcp_open_max) return;
    if (tcp.state == Connection::State::closed) {
        if (now < tcp.not_before) return;
        auto stream = net::connect_stream(net::endpoint_of(to.to.address));
        tcp.state = Connection::State::connecting;
        tcp.heard = now;
        tcp.answered = false;
        tcp.in.resize(tcp_receive_octets);
        if (stream) {
            tcp.stream = *std::move(stream);
            tcp.last_read = tcp.last_write = {};
            tcp.events = EPOLLIN | EPOLLOUT;
            if (!watch(tcp.stream->descriptor(), tcp.events, server, tcp_channel, EPOLL_CTL_ADD))
                tcp.stream.reset();
        }
    }
    const bool was_idle = tcp.open.empty();
    while (!tcp.backlog.empty() && tcp.open.size() < tcp_open_max) {
        const std::uint32_t slot = tcp.backlog.front();
        tcp.backlog.pop_front();
        Part& here = part(slot, server);
        const std::vector<std::uint8_t>& message = rounds[slot].message;
        const auto length = net::length_of(message);
        tcp.out.insert(tcp.out.end(), length.begin(), length.end());
        tcp.out.insert(tcp.out.end(), message.begin(), message.end());
        tcp.open.push_back(slot);
        here.queued = false;
        here.on_connection = true;
        here.sent = now;
        ++here.sends;
        waiting.append(node_of(slot, server));
    }
    if (was_idle) tcp.heard = now;  // it owed nothing until now
    if (!tcp.stream)
        ended(server, Why::peer);  // the system gave no socket
    else if (tcp.state == Connection::State::open)
        write(server);
}

void Asker::Work::write(std::size_t server) {
    Connection& tcp = lane(server).tcp;
    while (tcp.out_at < tcp.out.size()) {
        tcp.last_write = tcp.stream->write(base::Octets(tcp.out).subspan(tcp.out_at));
        // After an end, answers that the server sent before it can still be read: `read` finds it.
        if (tcp.last_write.is != net::Step::Is::done) break;
        tcp.out_at += tcp.last_write.octets;
    }
    if (tcp.out_at == tcp.out.size()) {
        tcp.out.clear();
        tcp.out_at = 0;
    }
    rewatch(server);
}

/// Waits for what lets the connection go on.
void Asker::Work::rewatch(std::size_t server) {
    Connection& tcp = lane(server).tcp;
    std::uint32_t events = net::poll_events(tcp.last_read, EPOLLIN);
    if (!tcp.out.empty()) events |= net::poll_events(tcp.last_write, EPOLLOUT);
    if (events == tcp.events) return;
    tcp.events = events;
    static_cast<void>(watch(tcp.stream->descriptor(), events, server, tcp_channel, EPOLL_CTL_MOD));
}

void Asker::Work::read(std::size_t server) {
    constexpr int reads_max = 16;  // then the others have their turn
    Connection& tcp = lane(server).tcp;
    // Octets that the stream holds are read in any case: no event tells of them.
    for (int i = 0; (i < reads_max || tcp.last_read.holds_more) && tcp.stream; ++i) {
        tcp.last_read = tcp.stream->read(base::MutableOctets(tcp.in).subspan(tcp.in_size));
        if (tcp.last_read.wants()) return rewatch(server);
        if (tcp.last_read.is_over()) return ended(server, Why::peer);
        tcp.heard = now;
        tcp.in_size += tcp.last_read.octets;
        net::FrameReader reader(base::Octets(tcp.in).first(tcp.in_size));
        while (const auto message = reader.next()) {
            tcp.answered = true;
            arrived(server, tcp_channel, *message);
        }
        std::memmove(tcp.in.data(), reader.rest().data(), reader.rest().size());
        tcp.in_size = reader.rest().size();
    }
}

/// The connection is gone. Its open questions are asked again on the next one, or given up.
void Asker::Work::ended(std::size_t server, Why why) {
    Connection& tcp = lane(server).tcp;
    tcp.stream.reset();  // leaves epoll with it
    tcp.state = Connection::State::closed;
    tcp.out.clear();
    tcp.out_at = tcp.in_size = 0;
    // One that worked may just have been closed after so many questions; one that did not is not
    // tried again at once.
    tcp.not_before = tcp.answered ? now : now + std::min(reconnect_after, options.timeout);
    if (tcp.open.empty()) return;
    if (why == Why::peer) stray(server, Stray::reset);
    const std::vector<std::uint32_t> owed = std::exchange(tcp.open, {});
    for (const std::uint32_t slot : owed) {
        Part& here = part(slot, server);
        here.on_connection = false;
        if (here.sends >= options.sends) {
            settle(slot, server, Part::State::given_up);
        } else {
            waiting.remove(node_of(slot, server));
            enqueue(slot, server);
        }
    }
}

base::Duration Asker::Work::next_wake(base::Duration wait) const {
    if (!done.empty()) return {};
    for (const Lane& to : lanes) {
        if (!to.asked) continue;
        for (const auto& slots : to.to_send)
            if (!slots.empty()) wait = std::min(wait, base::Duration::milliseconds(1));
        if (!to.tcp.backlog.empty() && to.tcp.state == Connection::State::closed)
            wait = std::min(wait, to.tcp.not_before - now);
    }
    const std::uint32_t node = waiting.first_or_none();
    if (node != none) {
        wait = std::min(wait, parts[node].sent + options.timeout - now);
    }
    return std::max(wait, base::Duration{});
}

Asker::Asker(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
Asker::~Asker() = default;

Result<std::unique_ptr<Asker>> Asker::open(std::span<const std::optional<Server>> servers,
                                           const Options& options) {
    ZC_CHECK(servers.size() <= servers_max);
    ZC_CHECK(options.slots > 0 && options.slots <= slots_max && options.sends > 0);
    auto work = std::make_unique<Work>(servers.size(), options);
    ZC_TRY_STATUS(work->open(servers));
    return std::unique_ptr<Asker>(new Asker(std::move(work)));
}

void Asker::ask(std::uint32_t slot, base::Octets message, ServerSet udp, ServerSet tcp) {
    work_->ask(slot, message, udp, tcp);
}

std::span<const std::uint32_t> Asker::turn(base::Duration wait) {
    Work& work = *work_;
    work.now = runtime::monotonic();
    for (std::size_t server = 0; server < work.servers; ++server) {
        if (!work.lane(server).asked) continue;
        for (std::uint8_t channel = 0; channel < udp_sockets; ++channel)
            if (!work.lane(server).to_send[channel].empty()) work.flush(server, channel);
        work.pump(server);
    }
    const base::Duration sleep = work.next_wake(wait);
    timespec limit{};
    limit.tv_sec = sleep.whole_seconds();
    limit.tv_nsec = sleep.nanoseconds % 1'000'000'000;
    std::array<epoll_event, 32> events{};
    const int count = ::epoll_pwait2(work.epoll.get(), events.data(),
                                     static_cast<int>(events.size()), &limit, nullptr);
    work.now = runtime::monotonic();
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        const std::size_t server = event.data.u32 >> 8;
        const auto channel = static_cast<std::uint8_t>(event.data.u32);
        if (channel != tcp_channel) {
            if ((event.events & EPOLLERR) != 0)
                work.counts.servers[server].strays[static_cast<std::size_t>(Stray::reset)] +=
                    take_refusals(work.lane(server).sockets[channel].get());
            if ((event.events & EPOLLIN) != 0) work.receive(server, channel);
            continue;
        }
        Connection& tcp = work.lane(server).tcp;
        if (tcp.state == Connection::State::closed) continue;
        const std::uint32_t to_read = net::poll_events(tcp.last_read, EPOLLIN);
        const std::uint32_t to_write = net::poll_events(tcp.last_write, EPOLLOUT);
        if ((event.events & (to_read | EPOLLERR | EPOLLHUP)) != 0) work.read(server);
        if ((event.events & to_write) != 0 && tcp.state != Connection::State::closed) {
            tcp.state = Connection::State::open;
            work.write(server);
        }
    }
    work.sweep();
    std::swap(work.done, work.done_given);
    work.done.clear();
    return work.done_given;
}

void Asker::take_answer(std::uint32_t slot, std::size_t server, std::vector<std::uint8_t>& into) {
    Part& here = work_->part(slot, server);
    into.clear();
    if (here.state != Part::State::answered) return;
    std::swap(into, here.answer);
    here.state = Part::State::idle;
    work_->held -= into.size();
}

std::uint64_t Asker::held() const noexcept {
    return work_->held;
}
std::size_t Asker::open_rounds() const noexcept {
    return work_->open_rounds;
}
Asker::Counts Asker::take_counts() noexcept {
    return std::exchange(work_->counts, {});
}

}  // namespace zc::ask
