#include "ask.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <utility>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace zc::e2e {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto repeat_after = std::chrono::milliseconds(500);
constexpr int sends_max = 20;  // a peer on a busy machine may drop many
constexpr std::size_t slots_max =
    32768;  // message IDs; a late answer must not meet a reused one soon
constexpr std::size_t room_of_retries = 256;  // questions that `done` asks over TCP

int open_socket(const Server& server, int kind) {
    const int fd = ::socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(server.port);
    if (fd < 0 || inet_pton(AF_INET, server.address.c_str(), &to.sin_addr) != 1 ||
        ::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0)
        throw std::runtime_error("cannot reach " + server.name + ": " + std::strerror(errno));
    const int octets = 8 << 20;
    static_cast<void>(::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets));
    if (kind == SOCK_STREAM) {
        const int on = 1;
        static_cast<void>(::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    }
    static_cast<void>(::fcntl(fd, F_SETFL, O_NONBLOCK));
    return fd;
}

struct Slot {
    bool used = false;
    std::uint64_t question = 0;
    Over over = Over::udp;
    std::string message;
    std::vector<std::string> responses;
    std::vector<bool> answered;
    std::size_t waiting = 0;
    Clock::time_point sent;
    int sends = 0;
};

struct Channel {
    Server server;
    int udp = -1;
    int tcp = -1;
    std::string out, in;  // TCP octets to send, octets received
};

}  // namespace

struct Asker::Work {
    std::vector<Channel> channels;
    std::size_t window = 0;
    Done done;
    std::vector<Slot> slots = std::vector<Slot>(slots_max);
    std::size_t next = 0;
    std::size_t live = 0;
    std::uint64_t repeats = 0, unanswered = 0;
    Clock::time_point swept = Clock::now();

    void send(std::size_t id, std::size_t to) {
        Slot& slot = slots[id];
        Channel& channel = channels[to];
        if (slot.over == Over::udp) {
            static_cast<void>(::send(channel.udp, slot.message.data(), slot.message.size(), 0));
            return;
        }
        if (channel.tcp < 0) channel.tcp = open_socket(channel.server, SOCK_STREAM);
        channel.out.push_back(static_cast<char>(slot.message.size() >> 8));
        channel.out.push_back(static_cast<char>(slot.message.size()));
        channel.out += slot.message;
        flush(to);
    }

    void flush(std::size_t to) {
        Channel& channel = channels[to];
        if (channel.tcp < 0 || channel.out.empty()) return;
        const ssize_t n = ::send(channel.tcp, channel.out.data(), channel.out.size(), MSG_NOSIGNAL);
        if (n > 0)
            channel.out.erase(0, static_cast<std::size_t>(n));
        else if (n < 0 && errno != EAGAIN)
            reopen(to);
    }

    /// The connection is gone: everything it owes is asked again on a new one.
    void reopen(std::size_t to) {
        Channel& channel = channels[to];
        ::close(channel.tcp);
        channel.tcp = -1;
        channel.in.clear();
        channel.out.clear();
        for (std::size_t id = 0; id < slots.size(); ++id)
            if (slots[id].used && slots[id].over == Over::tcp && !slots[id].answered[to] &&
                slots[id].sends < sends_max) {
                ++slots[id].sends;
                send(id, to);
            }
    }

    void take(std::size_t from, std::string_view message, Over over) {
        if (message.size() < 2) return;
        const std::size_t id =
            base::load_u16(reinterpret_cast<const std::uint8_t*>(message.data()));
        if (id >= slots.size()) return;
        Slot& slot = slots[id];
        if (!slot.used || slot.over != over || slot.answered[from]) return;
        slot.answered[from] = true;
        slot.responses[from] = message;
        if (--slot.waiting == 0) finish(id);
    }

    void finish(std::size_t id) {
        Slot slot = std::exchange(slots[id], Slot{});
        --live;
        if (slot.waiting != 0) ++unanswered;
        done(slot.question, slot.over, slot.responses);
    }

    void receive(std::size_t from) {
        Channel& channel = channels[from];
        static thread_local std::array<char, 65536> buffer;
        for (;;) {
            const ssize_t n = ::recv(channel.udp, buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (n < 0) break;
            take(from, {buffer.data(), static_cast<std::size_t>(n)}, Over::udp);
        }
        while (channel.tcp >= 0) {
            const ssize_t n = ::recv(channel.tcp, buffer.data(), buffer.size(), MSG_DONTWAIT);
            if (n < 0 && errno == EAGAIN) break;
            if (n <= 0) {
                reopen(from);
                break;
            }
            channel.in.append(buffer.data(), static_cast<std::size_t>(n));
            std::size_t at = 0;
            while (channel.in.size() - at >= 2) {
                const std::size_t length =
                    base::load_u16(reinterpret_cast<const std::uint8_t*>(channel.in.data()) + at);
                if (channel.in.size() - at - 2 < length) break;
                take(from, std::string_view(channel.in).substr(at + 2, length), Over::tcp);
                at += 2 + length;
            }
            channel.in.erase(0, at);
        }
    }

    void sweep(Clock::time_point now) {
        swept = now;
        for (std::size_t id = 0; id < slots.size(); ++id) {
            Slot& slot = slots[id];
            if (!slot.used || now - slot.sent < repeat_after) continue;
            slot.sent = now;
            if (++slot.sends > sends_max) {
                finish(id);
                continue;
            }
            if (slot.over == Over::tcp) continue;  // its connection delivers or closes
            for (std::size_t to = 0; to < channels.size(); ++to)
                if (!slot.answered[to]) {
                    ++repeats;
                    send(id, to);
                }
        }
    }
};

Asker::Asker(std::vector<Server> servers, std::size_t window, Done done)
    : work_(std::make_unique<Work>()) {
    for (Server& server : servers) {
        Channel channel;
        channel.udp = open_socket(server, SOCK_DGRAM);
        channel.server = std::move(server);
        work_->channels.push_back(std::move(channel));
    }
    work_->window = window;
    work_->done = std::move(done);
}

Asker::~Asker() {
    for (const Channel& channel : work_->channels) {
        ::close(channel.udp);
        if (channel.tcp >= 0) ::close(channel.tcp);
    }
}

bool Asker::has_room() const {
    return work_->live < work_->window;
}
std::uint64_t Asker::repeats() const {
    return work_->repeats;
}
std::uint64_t Asker::unanswered() const {
    return work_->unanswered;
}

void Asker::ask(std::uint64_t question, Over over, std::string message) {
    if (work_->live >= work_->window + room_of_retries)
        throw std::logic_error("asked without room");
    while (work_->slots[work_->next].used) work_->next = (work_->next + 1) % slots_max;
    const std::size_t id = std::exchange(work_->next, (work_->next + 1) % slots_max);
    message[0] = static_cast<char>(id >> 8);
    message[1] = static_cast<char>(id);
    const std::size_t count = work_->channels.size();
    work_->slots[id] = Slot{.used = true,
                            .question = question,
                            .over = over,
                            .message = std::move(message),
                            .responses = std::vector<std::string>(count),
                            .answered = std::vector<bool>(count),
                            .waiting = count,
                            .sent = Clock::now(),
                            .sends = 1};
    ++work_->live;
    for (std::size_t to = 0; to < count; ++to) work_->send(id, to);
}

bool Asker::turn() {
    if (work_->live == 0) return false;
    std::vector<pollfd> polled;
    for (std::size_t i = 0; i < work_->channels.size(); ++i) {
        work_->flush(i);
        const Channel& channel = work_->channels[i];
        polled.push_back({.fd = channel.udp, .events = POLLIN, .revents = 0});
        const short events = static_cast<short>(channel.out.empty() ? POLLIN : POLLIN | POLLOUT);
        polled.push_back({.fd = channel.tcp, .events = events, .revents = 0});  // -1 is ignored
    }
    static_cast<void>(::poll(polled.data(), polled.size(), 50));
    for (std::size_t i = 0; i < work_->channels.size(); ++i)
        if (polled[2 * i].revents != 0 || polled[2 * i + 1].revents != 0) work_->receive(i);
    const auto now = Clock::now();
    if (now - work_->swept > std::chrono::milliseconds(100)) work_->sweep(now);
    return true;
}

}  // namespace zc::e2e
