#include "http/server.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <exception>
#include <list>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/target.h"

namespace zc::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::awaitable;
using asio::redirect_error;
using asio::use_awaitable;
using boost::system::error_code;

// Both kinds of socket as one type, so that a connection is compiled once.
using Stream = beast::basic_stream<asio::generic::stream_protocol>;
using Parser = beast::http::request_parser<beast::http::string_body>;

constexpr int backlog = 128;
constexpr std::size_t read_octets = 4096;
constexpr std::size_t discarded_octets_max = 1U << 20U;
constexpr auto discard_time = std::chrono::seconds(1);
constexpr auto accept_pause = std::chrono::milliseconds(100);
constexpr auto no_memory_pause = std::chrono::milliseconds(1);

std::chrono::nanoseconds chrono_of(base::Duration duration) {
    return std::chrono::nanoseconds(duration.nanoseconds);
}

Response text_response(unsigned status, std::string text) {
    Response response;
    response.status = status;
    response.body = std::move(text);
    return response;
}

/// A file descriptor with an owner.
class Descriptor {
public:
    Descriptor() = default;
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor& operator=(Descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const { return fd_; }
    int release() { return std::exchange(fd_, -1); }
    bool valid() const { return fd_ >= 0; }

private:
    int fd_ = -1;
};

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
    const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!probe.valid()) return base::fail_errno(errno, "socket");
    // EAGAIN: alive, its backlog is full.
    if (::connect(probe.get(), as_sockaddr(address), sizeof(address)) == 0 || errno == EAGAIN)
        return fail(Errc::busy, path + ": another process listens there");
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) return base::fail_errno(errno, path);
    return {};
}

}  // namespace

struct Server::State : std::enable_shared_from_this<Server::State> {
    struct Route {
        std::string method, path;
        Handler handler;
    };
    struct Connection {
        Stream* stream = nullptr;
        bool idle = false;  // waits for a request: may be closed without harm
    };

    State(asio::io_context& io, Limits wanted) : control(io), limits(wanted) {}

    asio::io_context& control;
    Limits limits;
    std::vector<Route> routes;
    std::vector<std::shared_ptr<asio::ip::tcp::acceptor>> tcp;  // shared with the accepting loop
    std::shared_ptr<asio::local::stream_protocol::acceptor> local;
    std::string local_path;
    Descriptor lock;
    std::list<Connection> connections;
    bool stopping = false;

    template <class Acceptor>
    void accept(std::shared_ptr<Acceptor> acceptor);
    template <class Acceptor>
    void accept_later(std::shared_ptr<Acceptor> acceptor);
    void admit(Descriptor descriptor);
    awaitable<void> converse(std::shared_ptr<State> self, Stream stream);
    awaitable<Response> dispatch(Request request, std::string& allow);
    void turn_away(asio::generic::stream_protocol::socket socket);
    void stop();
};

namespace {

/// Sends `response`; false when the connection is of no more use.
awaitable<bool> send(Stream& stream, const Response& response, std::string_view allow, bool head,
                     unsigned version, bool keep_alive) {
    const auto prepare = [&](auto& message) {
        message.version(version);
        message.result(response.status);
        message.set(beast::http::field::server, "zonectl");
        message.set(beast::http::field::content_type, response.content_type);
        message.set(beast::http::field::cache_control, "no-store");
        if (!allow.empty()) message.set(beast::http::field::allow, allow);
        message.content_length(response.body.size());
        message.keep_alive(keep_alive);
    };
    error_code error;
    if (head) {
        beast::http::response<beast::http::empty_body> message;
        prepare(message);
        co_await beast::http::async_write(stream, message, redirect_error(use_awaitable, error));
    } else {
        beast::http::response<beast::http::string_body> message;
        message.body() = response.body;
        prepare(message);
        co_await beast::http::async_write(stream, message, redirect_error(use_awaitable, error));
    }
    co_return !error && keep_alive;
}

/// Ends a connection so that what was sent arrives: closing with unread octets would reset it.
awaitable<void> close_gently(Stream& stream) {
    error_code error;
    stream.socket().shutdown(asio::socket_base::shutdown_send, error);
    stream.expires_after(discard_time);
    std::array<char, read_octets> discarded{};
    for (std::size_t total = 0; !error && total < discarded_octets_max;)
        total += co_await stream.async_read_some(asio::buffer(discarded),
                                                 redirect_error(use_awaitable, error));
    stream.close();
}

/// What to say to a request that could not be read; nothing when there is nobody to say it to.
std::optional<Response> refusal(const error_code& error) {
    using Code = beast::http::error;
    if (error == Code::header_limit || error == Code::buffer_overflow)
        return text_response(431, "request line and headers are too long\n");
    if (error == Code::body_limit) return text_response(413, "body is too long\n");
    if (error == Code::end_of_stream || error == Code::partial_message) return std::nullopt;
    if (error.category() == beast::http::make_error_code(Code::bad_method).category())
        return text_response(400, "not an HTTP/1.1 request: " + error.message() + "\n");
    return std::nullopt;
}

}  // namespace

awaitable<Response> Server::State::dispatch(Request request, std::string& allow) {
    const std::string wanted = request.method == "HEAD" ? "GET" : request.method;
    const Route* found = nullptr;
    for (const Route& route : routes) {
        if (route.path != request.path) continue;
        if (route.method == wanted) found = &route;
        allow += (allow.empty() ? "" : ", ") + route.method;
        if (route.method == "GET") allow += ", HEAD";
    }
    if (allow.empty()) co_return text_response(404, "nothing at this path\n");
    if (found == nullptr) co_return text_response(405, "this path takes " + allow + "\n");
    allow.clear();
    try {
        co_return co_await found->handler(std::move(request));
    } catch (const std::exception& exception) {
        co_return text_response(500, std::string("failed: ") + exception.what() + "\n");
    }
}

awaitable<void> Server::State::converse(std::shared_ptr<State> self, Stream stream) {
    const auto here = connections.insert(connections.end(), Connection{&stream, false});
    struct Leave {
        State& state;
        std::list<Connection>::iterator at;
        ~Leave() { state.connections.erase(at); }
    };
    const Leave leave{*self, here};

    beast::flat_buffer buffer;
    error_code error;
    bool open = true;
    for (std::uint32_t served = 0; open && served < limits.requests_max; ++served) {
        if (buffer.size() == 0) {
            if (stopping) break;
            here->idle = true;
            stream.expires_after(chrono_of(served == 0 ? limits.request_time : limits.idle_time));
            const std::size_t got = co_await stream.async_read_some(
                buffer.prepare(read_octets), redirect_error(use_awaitable, error));
            here->idle = false;
            if (error) break;
            buffer.commit(got);
        }
        std::optional<Parser> parser(std::in_place);
        parser->header_limit(limits.header_octets_max);
        parser->body_limit(limits.body_octets_max);
        stream.expires_after(chrono_of(limits.request_time));
        co_await beast::http::async_read(stream, buffer, *parser,
                                         redirect_error(use_awaitable, error));
        if (error) {
            const std::optional<Response> answer = refusal(error);
            if (!answer) break;
            stream.expires_after(chrono_of(limits.request_time));
            co_await send(stream, *answer, std::string_view(), false, 11, false);
            co_await close_gently(stream);
            break;
        }

        const auto& message = parser->get();
        Response response;
        std::string allow;
        Result<Request> request = read_target(message.target());
        // RFC 9112 section 3.2: an HTTP/1.1 request without Host is answered 400.
        if (message.version() == 11 && message.count(beast::http::field::host) != 1) {
            response = text_response(400, "wanted: one Host header\n");
        } else if (!request) {
            response = text_response(400, request.error().message + "\n");
        } else {
            request->method = std::string(message.method_string());
            request->body = message.body();
            stream.expires_never();  // how long a handler may take is its own matter
            response = co_await dispatch(std::move(*request), allow);
        }
        stream.expires_after(chrono_of(limits.request_time));
        const bool keep_alive =
            message.keep_alive() && !stopping && served + 1 < limits.requests_max;
        open = co_await send(stream, response, allow, message.method() == beast::http::verb::head,
                             message.version(), keep_alive);
        if (!open) co_await close_gently(stream);
    }
}

/// One connection too many: told so if its socket takes it at once, and closed.
void Server::State::turn_away(asio::generic::stream_protocol::socket socket) {
    static constexpr std::string_view answer =
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    error_code ignored;
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(answer), ignored);
    socket.shutdown(asio::socket_base::shutdown_send, ignored);
}

/// Accepts one connection after another. Not a coroutine, and no async_accept: Asio would lose both
/// for want of memory, and nobody would accept any more.
template <class Acceptor>
void Server::State::accept(std::shared_ptr<Acceptor> acceptor) {
    while (!stopping && acceptor->is_open()) {
        try {
            acceptor->async_wait(asio::socket_base::wait_read, [self = shared_from_this(),
                                                                acceptor](const error_code& error) {
                if (error) return;
                Descriptor socket(::accept4(acceptor->native_handle(), nullptr, nullptr,
                                            SOCK_CLOEXEC | SOCK_NONBLOCK));
                const bool none_left = !socket.valid() && is_out_of(errno);
                if (socket.valid()) self->admit(std::move(socket));
                if (none_left) return self->accept_later(acceptor);
                self->accept(acceptor);
            });
            return;
        } catch (const std::bad_alloc&) {
            std::this_thread::sleep_for(no_memory_pause);
        }
    }
}

/// Out of descriptors or memory: the connection stays in the backlog, so wait a little.
template <class Acceptor>
void Server::State::accept_later(std::shared_ptr<Acceptor> acceptor) {
    try {
        auto timer = std::make_shared<asio::steady_timer>(control, accept_pause);
        timer->async_wait([self = shared_from_this(), acceptor, timer](const error_code&) {
            self->accept(acceptor);
        });
    } catch (const std::bad_alloc&) {
        std::this_thread::sleep_for(no_memory_pause);
        accept(std::move(acceptor));
    }
}

void Server::State::admit(Descriptor descriptor) {
    try {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        ::getsockname(descriptor.get(), reinterpret_cast<sockaddr*>(&address), &size);
        const asio::generic::stream_protocol protocol(address.ss_family, 0);
        asio::generic::stream_protocol::socket socket(control, protocol, descriptor.get());
        descriptor.release();
        if (connections.size() >= limits.connections_max) return turn_away(std::move(socket));
        asio::co_spawn(control, converse(shared_from_this(), Stream(std::move(socket))),
                       asio::detached);
    } catch (const std::exception&) {
        // No memory for it: it is closed.
    }
}

void Server::State::stop() {
    if (std::exchange(stopping, true)) return;
    error_code ignored;
    for (const auto& acceptor : tcp) acceptor->close(ignored);
    if (local) {
        local->close(ignored);
        ::unlink(local_path.c_str());
    }
    // The lock file stays: whoever removed it could remove one that another process has just
    // locked.
    lock = Descriptor();
    for (const Connection& connection : connections)
        if (connection.idle) connection.stream->cancel();
}

Server::Server(asio::io_context& control, Limits limits)
    : state_(std::make_shared<State>(control, limits)) {}

Server::~Server() {
    stop();
}

void Server::route(std::string method, std::string path, Handler handler) {
    state_->routes.push_back({std::move(method), std::move(path), std::move(handler)});
}

Result<std::uint16_t> Server::listen_tcp(const std::string& address, std::uint16_t port) {
    error_code error;
    const auto ip = asio::ip::make_address(address, error);
    if (error) return fail(Errc::malformed, "not an IP address: " + address);
    const asio::ip::tcp::endpoint endpoint(ip, port);
    auto acceptor = std::make_shared<asio::ip::tcp::acceptor>(state_->control);
    acceptor->open(endpoint.protocol(), error);
    if (!error) acceptor->set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor->bind(endpoint, error);
    if (!error) acceptor->listen(backlog, error);
    if (!error) acceptor->non_blocking(true, error);
    if (error) return base::fail_errno(error.value(), address + " port " + std::to_string(port));
    const std::uint16_t bound = acceptor->local_endpoint(error).port();
    state_->tcp.push_back(acceptor);
    state_->accept(acceptor);
    return bound;
}

Status Server::listen_unix(const std::string& path) {
    ZC_TRY(const sockaddr_un address, unix_address(path));
    const std::string lock_path = path + ".lock";
    Descriptor lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock.valid()) return base::fail_errno(errno, lock_path);
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) return fail(Errc::busy, path + ": another process serves there");
        return base::fail_errno(errno, lock_path);
    }
    ZC_TRY_STATUS(clear_path(path, address));

    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.valid()) return base::fail_errno(errno, "socket");
    // Before bind, so that there is no moment at which others could connect.
    if (::fchmod(socket.get(), 0600) != 0) return base::fail_errno(errno, path);
    if (::bind(socket.get(), as_sockaddr(address), sizeof(address)) != 0 ||
        ::listen(socket.get(), backlog) != 0)
        return base::fail_errno(errno, path);

    auto acceptor = std::make_shared<asio::local::stream_protocol::acceptor>(state_->control);
    error_code error;
    acceptor->assign(asio::local::stream_protocol(), socket.get(), error);
    if (error) return base::fail_errno(error.value(), path);
    socket.release();
    acceptor->non_blocking(true, error);
    if (error) return base::fail_errno(error.value(), path);
    state_->lock = std::move(lock);
    state_->local = acceptor;
    state_->local_path = path;
    state_->accept(acceptor);
    return {};
}

void Server::stop() {
    state_->stop();
}

std::size_t Server::connections() const {
    return state_->connections.size();
}

}  // namespace zc::http
