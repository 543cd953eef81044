#include "http/server.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <new>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/conversation.h"
#include "http/wire.h"
#include "net/socket.h"

namespace zc::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr int backlog = 128;
constexpr auto accept_pause = std::chrono::milliseconds(100);
constexpr auto no_memory_pause = std::chrono::milliseconds(1);

Result<sockaddr_un> unix_address(const std::string& path) {
    sockaddr_un address{};
    if (path.empty() || path.size() >= sizeof(address.sun_path))
        return fail(Errc::limit, "path of a Unix socket of " + std::to_string(path.size()) +
                                     " octets, limit is " +
                                     std::to_string(sizeof(address.sun_path) - 1));
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    return address;
}

/// The error of accept(2) that comes again at once.
bool is_out_of(int error) {
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

const sockaddr* as_sockaddr(const sockaddr_un& address) {
    return reinterpret_cast<const sockaddr*>(&address);
}

/// Takes away what a dead process left at `path`; an error for what is alive or no socket.
Status clear_path(const std::string& path, const sockaddr_un& address) {
    struct stat found {};
    if (::lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT) return {};
        return base::fail_errno(errno, path);
    }
    if (!S_ISSOCK(found.st_mode)) return fail(Errc::exists, path + " is there and is no socket");
    const net::Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (probe.get() < 0) return base::fail_errno(errno, "socket");
    // EAGAIN: alive, its backlog is full.
    if (::connect(probe.get(), as_sockaddr(address), sizeof(address)) == 0 || errno == EAGAIN)
        return fail(Errc::busy, path + ": another process listens there");
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return base::fail_errno(errno, path);
    return {};
}

/// A listening socket, and the io_context's view of it.
struct Listener {
    Listener(asio::io_context& control, net::Descriptor listening, const net::StreamMaker& wanted)
        : socket(std::move(listening)), ready(control), streams(wanted) {
        ready.assign(socket.get());
    }
    ~Listener() { close(); }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    void close() {
        if (ready.is_open()) ready.release();
        socket.reset();
    }

    net::Descriptor socket;
    asio::posix::stream_descriptor ready;
    const net::StreamMaker& streams;
};

/// One connection too many: told so if its socket takes it at once, and closed.
void turn_away(Wire& wire) noexcept {
    wire.write_at_once(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

}  // namespace

struct Server::State : std::enable_shared_from_this<Server::State> {
    State(asio::io_context& io, Limits limits)
        : control(io), conversations(std::make_shared<Conversations>(io, limits)) {}

    asio::io_context& control;
    std::shared_ptr<Conversations> conversations;      // shared with each of them
    std::vector<std::shared_ptr<Listener>> listeners;  // shared with the accepting loops
    std::string local_path;                            // of the Unix socket
    net::Descriptor lock;

    void listen(net::Descriptor socket, const net::StreamMaker& streams);
    void accept(std::shared_ptr<Listener> listener);
    void accept_later(std::shared_ptr<Listener> listener);
    void admit(const Listener& listener, net::Descriptor socket, const net::SocketAddress& from);
    void stop();
};

void Server::State::listen(net::Descriptor socket, const net::StreamMaker& streams) {
    const auto listener = std::make_shared<Listener>(control, std::move(socket), streams);
    listeners.push_back(listener);
    accept(listener);
}

/// Accepts one connection after another. Not a coroutine, and no async_accept: Asio would lose both
/// for want of memory, and nobody would accept any more.
void Server::State::accept(std::shared_ptr<Listener> listener) {
    while (!conversations->stopping) {
        try {
            auto take = [self = shared_from_this(), listener](const error_code& error) {
                if (error) return;
                net::SocketAddress from{};
                socklen_t size = sizeof from;
                net::Descriptor socket(::accept4(listener->socket.get(), &from.any, &size,
                                                 SOCK_CLOEXEC | SOCK_NONBLOCK));
                const bool none_left = socket.get() < 0 && is_out_of(errno);
                if (socket.get() >= 0) self->admit(*listener, std::move(socket), from);
                if (none_left) return self->accept_later(listener);
                self->accept(listener);
            };
            listener->ready.async_wait(asio::posix::descriptor_base::wait_read, std::move(take));
            return;
        } catch (const std::bad_alloc&) {
            std::this_thread::sleep_for(no_memory_pause);
        }
    }
}

/// Out of descriptors or memory: the connection stays in the backlog, so wait a little.
void Server::State::accept_later(std::shared_ptr<Listener> listener) {
    try {
        auto timer = std::make_shared<asio::steady_timer>(control, accept_pause);
        timer->async_wait([self = shared_from_this(), listener, timer](const error_code&) {
            self->accept(listener);
        });
    } catch (const std::bad_alloc&) {
        std::this_thread::sleep_for(no_memory_pause);
        accept(std::move(listener));
    }
}

void Server::State::admit(const Listener& listener, net::Descriptor socket,
                          const net::SocketAddress& from) {
    try {
        const bool is_ip = from.any.sa_family == AF_INET || from.any.sa_family == AF_INET6;
        std::optional<net::Endpoint> peer;
        if (is_ip) peer = net::endpoint_of(from);
        const auto wire = std::make_shared<Wire>(control, listener.streams.make(std::move(socket)));
        if (conversations->open.size() >= conversations->limits.connections_max)
            return turn_away(*wire);
        asio::co_spawn(control, converse(conversations, wire, peer), asio::detached);
    } catch (const std::exception&) {
        // No memory for it: it is closed.
    }
}

void Server::State::stop() {
    if (conversations->stopping) return;
    for (const auto& listener : listeners) listener->close();
    if (!local_path.empty()) ::unlink(local_path.c_str());
    // The lock file stays: whoever removed it could remove one that another process has just
    // locked.
    lock.reset();
    conversations->stop();
}

Server::Server(asio::io_context& control, Limits limits)
    : state_(std::make_shared<State>(control, limits)) {}

Server::~Server() {
    stop();
}

void Server::add(std::vector<Route> routes) {
    for (Route& route : routes) state_->conversations->routes.add(std::move(route));
}

Result<std::uint16_t> Server::listen_tcp(const net::Endpoint& endpoint,
                                         const net::StreamMaker& streams) {
    ZC_TRY(net::Descriptor socket, net::listen_tcp(endpoint, net::Sharing::none));
    ZC_TRY(const std::uint16_t port, net::bound_port(socket));
    state_->listen(std::move(socket), streams);
    return port;
}

Status Server::listen_unix(const std::string& path) {
    ZC_TRY(const sockaddr_un address, unix_address(path));
    const std::string lock_path = path + ".lock";
    net::Descriptor lock(
        ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (lock.get() < 0) return base::fail_errno(errno, lock_path);
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return fail(Errc::busy, path + ": another process serves there");
        return base::fail_errno(errno, lock_path);
    }
    ZC_TRY_STATUS(clear_path(path, address));

    net::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.get() < 0) return base::fail_errno(errno, "socket");
    // Before bind, so that there is no moment at which others could connect.
    if (::fchmod(socket.get(), 0600) != 0) return base::fail_errno(errno, path);
    if (::bind(socket.get(), as_sockaddr(address), sizeof(address)) != 0 ||
        ::listen(socket.get(), backlog) != 0)
        return base::fail_errno(errno, path);
    state_->listen(std::move(socket), net::plain_streams());
    state_->lock = std::move(lock);
    state_->local_path = path;
    return {};
}

void Server::stop() {
    state_->stop();
}

std::size_t Server::connections() const {
    return state_->conversations->open.size();
}

}  // namespace zc::http
