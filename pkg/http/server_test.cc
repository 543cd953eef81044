#include "http/server.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/client.h"
#include "net/scrambled_stream.h"

namespace zc::http {
namespace {

namespace asio = boost::asio;

/// A directory of its own, with all in it removed at the end.
class Folder {
public:
    Folder() { REQUIRE(::mkdtemp(path_.data()) != nullptr); }
    ~Folder() {
        for (const char* name : {"/control", "/control.lock"}) ::unlink((path_ + name).c_str());
        ::rmdir(path_.c_str());
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    std::string socket() const { return path_ + "/control"; }

private:
    std::string path_ = "/tmp/zc-http-test-XXXXXX";
};

net::Endpoint loopback(std::uint16_t port) {
    return *net::parse_endpoint("127.0.0.1", port);
}

asio::awaitable<Response> echo(Request request) {
    Response response;
    response.body = request.method + ' ' + request.path + ' ' + request.body;
    for (const auto& [name, value] : request.query) response.body += ' ' + name + '=' + value;
    co_return response;
}

asio::awaitable<Response> broken(Request) {
    throw std::runtime_error("no disk");
    co_return Response();
}

/// A server whose io_context runs on a thread of its own.
class Running {
public:
    explicit Running(Limits limits = {}, std::vector<Route> more = {},
                     const net::StreamMaker& streams = net::plain_streams())
        : server_(std::in_place, io_, limits) {
        server_->add(
            {{"GET", "/echo", echo}, {"POST", "/echo", echo}, {"POST", "/broken", broken}});
        server_->add(std::move(more));
        auto port = server_->listen_tcp(loopback(0), streams);
        REQUIRE(port.has_value());
        port_ = *port;
    }
    ~Running() {
        stop();
        work_.reset();
        io_.stop();
        if (thread_.joinable()) thread_.join();
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    Server& server() { return *server_; }
    void run() {
        thread_ = std::thread([this] { io_.run(); });
    }
    void stop() {
        on_control([this] { server_->stop(); });
    }
    std::size_t connections() {
        std::size_t count = 0;
        on_control([&] { count = server_->connections(); });
        return count;
    }

    /// A connected TCP socket, with a limit on how long a test can hang.
    int connect() const {
        const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port_);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval limit{10, 0};
        ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        REQUIRE(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
        return fd;
    }
    /// Sends `text`, reads until the server closes.
    std::string raw(const std::string& text) const {
        const int fd = connect();
        send(fd, text);
        std::string answer = drain(fd);
        ::close(fd);
        return answer;
    }
    static void send(int fd, const std::string& text) {
        std::size_t sent = 0;
        while (sent < text.size()) {
            const ssize_t n = ::send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
            if (n <= 0) return;  // the server has seen enough
            sent += static_cast<std::size_t>(n);
        }
    }
    static std::string drain(int fd) {
        std::string text;
        std::array<char, 4096> buffer{};
        for (ssize_t n = 0; (n = ::recv(fd, buffer.data(), buffer.size(), 0)) > 0;)
            text.append(buffer.data(), static_cast<std::size_t>(n));
        return text;
    }

private:
    template <class F>
    void on_control(F f) {
        if (!thread_.joinable()) return f();
        std::promise<void> done;
        asio::post(io_, [&] {
            f();
            done.set_value();
        });
        done.get_future().wait();
    }

    asio::io_context io_;
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_{
        io_.get_executor()};
    std::optional<Server> server_;
    std::uint16_t port_ = 0;
    std::thread thread_;
};

std::string status_of(const std::string& answer) {
    return answer.substr(0, answer.find("\r\n"));
}
std::string body_of(const std::string& answer) {
    const std::size_t at = answer.find("\r\n\r\n");
    return at == std::string::npos ? "" : answer.substr(at + 4);
}

}  // namespace

TEST_CASE("a request gets what its route makes of it") {
    Running running;
    running.run();
    const std::string answer =
        running.raw("GET /echo?a=b%20c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK(status_of(answer) == "HTTP/1.1 200 OK");
    CHECK(body_of(answer) == "GET /echo  a=b c");
}

TEST_CASE("requests sent in one go are answered in order on one connection") {
    Running running;
    running.run();
    const std::string answer = running.raw(
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none"
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"
        "GET /echo HTTP/1.0\r\n\r\n");
    const auto one = answer.find("POST /echo one");
    const auto two = answer.find("POST /echo two");
    const auto three = answer.find("GET /echo ", two);
    CHECK(one != std::string::npos);
    CHECK((two != std::string::npos && two > one));
    CHECK(three != std::string::npos);
}

TEST_CASE("HEAD has the headers of GET and no body") {
    Running running;
    running.run();
    const std::string answer =
        running.raw("HEAD /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK(status_of(answer) == "HTTP/1.1 200 OK");
    CHECK(answer.find("Content-Length: 11\r\n") != std::string::npos);
    CHECK(body_of(answer).empty());
}

TEST_CASE("what is not a good request gets the status that says so, and the server goes on") {
    Running running;
    running.run();
    const std::string long_header = "X: " + std::string(9000, 'a') + "\r\n";
    const std::string tail = "Host: x\r\nConnection: close\r\n\r\n";
    const std::pair<std::string, std::string> rows[] = {
        {"GET /nothing HTTP/1.1\r\n" + tail, "HTTP/1.1 404 Not Found"},
        {"PUT /echo HTTP/1.1\r\n" + tail, "HTTP/1.1 405 Method Not Allowed"},
        {"POST /broken HTTP/1.1\r\n" + tail, "HTTP/1.1 500 Internal Server Error"},
        {"GET /echo HTTP/1.1\r\nConnection: close\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"GET /%zz HTTP/1.1\r\n" + tail, "HTTP/1.1 400 Bad Request"},
        {"GET echo HTTP/1.1\r\n" + tail, "HTTP/1.1 400 Bad Request"},
        {"GET /echo HTTP/9.9\r\n" + tail, "HTTP/1.1 400 Bad Request"},
        {"\x16\x03\x01\x02garbage\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"GET /echo HTTP/1.1\r\nContent-Length: -1\r\n" + tail, "HTTP/1.1 400 Bad Request"},
        {"POST /echo HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + tail + "ab",
         "HTTP/1.1 400 Bad Request"},
        {"GET /echo HTTP/1.1\r\n" + long_header + tail,
         "HTTP/1.1 431 Request Header Fields Too Large"},
        {"GET /" + std::string(20000, 'a') + " HTTP/1.1\r\n" + tail,
         "HTTP/1.1 431 Request Header Fields Too Large"},
        {"POST /echo HTTP/1.1\r\nContent-Length: 65537\r\n" + tail + std::string(65537, 'a'),
         "HTTP/1.1 413 Payload Too Large"},
        {"GET /echo HTTP/1.1\r\n" + tail, "HTTP/1.1 200 OK"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.first.substr(0, 60));
        CHECK(status_of(running.raw(row.first)) == row.second);
    }
}

TEST_CASE("a 405 names the methods that are allowed") {
    Running running;
    running.run();
    const std::string answer =
        running.raw("DELETE /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK(answer.find("Allow: GET, HEAD, POST\r\n") != std::string::npos);
}

TEST_CASE("a client that sends half a request is cut off after the limit, with others served") {
    Limits limits;
    limits.request_time = base::Duration::milliseconds(50);
    Running running(limits);
    running.run();
    const int slow = running.connect();
    Running::send(slow, "GET /echo HTTP/1.1\r\nHo");
    CHECK(status_of(running.raw("GET /echo HTTP/1.0\r\n\r\n")) == "HTTP/1.0 200 OK");
    CHECK(Running::drain(slow).empty());
    ::close(slow);
}

TEST_CASE("one connection too many is told 503") {
    Limits limits;
    limits.connections_max = 2;
    Running running(limits);
    running.run();
    std::array<int, 2> held{};
    for (int& fd : held) {
        fd = running.connect();
        Running::send(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
        std::array<char, 1024> buffer{};
        REQUIRE(::recv(fd, buffer.data(), buffer.size(), 0) > 0);  // it is surely counted now
    }
    CHECK(status_of(running.raw("")) == "HTTP/1.1 503 Service Unavailable");
    for (const int fd : held) ::close(fd);
}

TEST_CASE("a connection is closed after its number of requests") {
    Limits limits;
    limits.requests_max = 2;
    Running running(limits);
    running.run();
    const std::string request = "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n";
    const std::string answer = running.raw(request + request + request);
    std::size_t count = 0;
    for (std::size_t at = 0; (at = answer.find("200 OK", at)) != std::string::npos; ++at) ++count;
    CHECK(count == 2);
}

TEST_CASE("stop closes what waits for a request") {
    Running running;
    running.run();
    const int fd = running.connect();
    Running::send(fd, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n");
    std::array<char, 1024> buffer{};
    REQUIRE(::recv(fd, buffer.data(), buffer.size(), 0) > 0);
    running.stop();
    CHECK(Running::drain(fd).empty());
    ::close(fd);
}

TEST_CASE("a TCP port in use is an error") {
    Running running;
    asio::io_context io;
    Server other(io, {});
    const int fd = running.connect();
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    REQUIRE(::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0);
    ::close(fd);
    const auto port = other.listen_tcp(loopback(ntohs(peer.sin_port)));
    REQUIRE_FALSE(port.has_value());
    CHECK(port.error().code == Errc::busy);
}

TEST_CASE("the client asks over a Unix socket that only its user may open") {
    const Folder folder;
    Running running;
    REQUIRE(running.server().listen_unix(folder.socket()).has_value());
    running.run();
    struct stat found {};
    REQUIRE(::stat(folder.socket().c_str(), &found) == 0);
    CHECK((found.st_mode & 0777U) == 0600);
    const auto response =
        request(folder.socket(), "POST", "/echo?x=y", "body of it", base::Duration::seconds(10));
    REQUIRE(response.has_value());
    CHECK(response->status == 200);
    CHECK(response->body == "POST /echo body of it x=y");
    CHECK(response->content_type == "text/plain; charset=utf-8");
    running.stop();
    CHECK(::stat(folder.socket().c_str(), &found) != 0);
}

TEST_CASE("a second server on the same Unix socket is refused while the first lives") {
    const Folder folder;
    Running first;
    REQUIRE(first.server().listen_unix(folder.socket()).has_value());
    asio::io_context io;
    {
        Server second(io, {});
        const Status status = second.listen_unix(folder.socket());
        REQUIRE_FALSE(status.has_value());
        CHECK(status.error().code == Errc::busy);
    }
    // And its end took nothing away from the first.
    first.run();
    CHECK(request(folder.socket(), "GET", "/echo", "", base::Duration::seconds(10)).has_value());
    first.stop();
    Server third(io, {});
    CHECK(third.listen_unix(folder.socket()).has_value());
}

TEST_CASE("a socket that a dead process left is replaced, a file of another kind is not") {
    const Folder folder;
    const int dead = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    folder.socket().copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
    asio::io_context io;
    SUBCASE("alive, though it holds no lock") {
        REQUIRE(::listen(dead, 1) == 0);
        Server server(io, {});
        CHECK(server.listen_unix(folder.socket()).error().code == Errc::busy);
        ::close(dead);
    }
    SUBCASE("dead") {
        ::close(dead);
        Server server(io, {});
        CHECK(server.listen_unix(folder.socket()).has_value());
    }
    SUBCASE("a file") {
        ::close(dead);
        ::unlink(folder.socket().c_str());
        ::close(::open(folder.socket().c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        Server server(io, {});
        CHECK(server.listen_unix(folder.socket()).error().code == Errc::exists);
    }
}

TEST_CASE("the client says that nobody listens, that the path is too long, that time is up") {
    const Folder folder;
    const auto short_time = base::Duration::milliseconds(20);
    CHECK(request(folder.socket(), "GET", "/", "", short_time).error().code == Errc::not_found);
    CHECK(request(std::string(108, 'a'), "GET", "/", "", short_time).error().code == Errc::limit);
    Running silent;  // bound, but its io_context does not run
    REQUIRE(silent.server().listen_unix(folder.socket()).has_value());
    CHECK(request(folder.socket(), "GET", "/", "", short_time).error().code == Errc::timeout);
}

namespace {

std::size_t count_of(const std::string& text, std::string_view wanted) {
    std::size_t count = 0;
    for (std::size_t at = 0; (at = text.find(wanted, at)) != std::string::npos; ++at) ++count;
    return count;
}

/// Reads until `wanted` has come.
std::string read_until(int fd, std::string_view wanted) {
    std::string text;
    std::array<char, 4096> buffer{};
    while (text.find(wanted) == std::string::npos) {
        const ssize_t n = ::recv(fd, buffer.data(), buffer.size(), 0);
        REQUIRE(n > 0);
        text.append(buffer.data(), static_cast<std::size_t>(n));
    }
    return text;
}

constexpr std::string_view tail = "Host: x\r\nConnection: close\r\n\r\n";

std::string get(std::string_view target, std::string_view version = "HTTP/1.1") {
    return "GET " + std::string(target) + ' ' + std::string(version) + "\r\n" + std::string(tail);
}

Response in_pieces(Producer producer) {
    Response response;
    response.producer = std::move(producer);
    return response;
}

asio::awaitable<Status> three_pieces(Body& body) {
    for (const char* piece : {"one,", "", "two,", "three"}) {
        const Status sent = co_await body.write(piece);
        if (!sent) co_return sent;
    }
    co_return Status();
}

asio::awaitable<Response> pieces(Request) {
    co_return in_pieces(three_pieces);
}

/// One event, then silence for ever.
asio::awaitable<Status> one_event(Body& body) {
    const Status sent = co_await body.write(event_text("tick", "1"));
    if (!sent) co_return sent;
    asio::steady_timer never(co_await asio::this_coro::executor);
    never.expires_at(asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
    co_return Status();
}

asio::awaitable<Response> events(Request) {
    co_return event_stream(one_event);
}

asio::awaitable<Response> forever(Request) {
    asio::steady_timer never(co_await asio::this_coro::executor);
    never.expires_at(asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
    co_return Response();
}

}  // namespace

TEST_CASE("a handler sees header fields, parameters of the path, and who asks") {
    const auto show = [](Request request) -> asio::awaitable<Response> {
        Response response;
        response.status = 201;
        const std::string* key = find_or_null(request.fields, "x-api-key");
        response.fields = {{"Location", "/zones/" + escape(request.parameters.at("zone"))}};
        response.body = request.parameters.at("zone") + ' ' + (key == nullptr ? "" : *key) + ' ' +
                        (request.peer ? dns::to_string(request.peer->address) : "local");
        co_return response;
    };
    const Folder folder;
    Running running({}, {{"GET", "/zones/{zone}", show}});
    REQUIRE(running.server().listen_unix(folder.socket()).has_value());
    running.run();
    const std::string answer =
        running.raw("GET /zones/a%2Fb=2E HTTP/1.1\r\nX-API-Key: secret\r\n" + std::string(tail));
    CHECK(status_of(answer) == "HTTP/1.1 201 Created");
    CHECK(answer.find("\r\nLocation: /zones/a%2Fb%3D2E\r\n") != std::string::npos);
    CHECK(body_of(answer) == "a/b=2E secret 127.0.0.1");
    const auto local = request(folder.socket(), "GET", "/zones/c", "", base::Duration::seconds(10));
    REQUIRE(local.has_value());
    CHECK(local->body == "c  local");
}

TEST_CASE("a body in pieces goes out in chunks, and to an old client until the close") {
    Running running({}, {{"GET", "/pieces", pieces}});
    running.run();
    CHECK(body_of(running.raw(get("/pieces"))) ==
          "4\r\none,\r\n4\r\ntwo,\r\n5\r\nthree\r\n0\r\n\r\n");
    CHECK(body_of(running.raw(get("/pieces", "HTTP/1.0"))) == "one,two,three");
    const std::string head = running.raw("HEAD /pieces HTTP/1.1\r\n" + std::string(tail));
    CHECK(head.find("Transfer-Encoding: chunked\r\n") != std::string::npos);
    CHECK(body_of(head).empty());
    const std::string two = running.raw("GET /pieces HTTP/1.1\r\nHost: x\r\n\r\n" + get("/echo"));
    CHECK(count_of(two, "HTTP/1.1 200 OK") == 2);
}

TEST_CASE("a producer is held back by a client that does not read, and goes on when it does") {
    static constexpr std::size_t piece_octets = 1 << 16;
    static constexpr std::size_t pieces_all = 256;  // more than the system takes on its own
    std::atomic<std::size_t> made{0};
    const auto produce = [&made](Body& body) -> asio::awaitable<Status> {
        for (std::size_t i = 0; i < pieces_all; ++i) {
            const Status sent = co_await body.write(std::string(piece_octets, 'x'));
            if (!sent) co_return sent;
            ++made;
        }
        co_return Status();
    };
    const auto large = [&produce](Request) -> asio::awaitable<Response> {
        co_return in_pieces(produce);
    };
    Running running({}, {{"GET", "/large", large}});
    running.run();
    const int fd = running.connect();
    Running::send(fd, get("/large"));
    read_until(fd, "\r\n\r\n");
    CHECK(status_of(running.raw(get("/echo"))) == "HTTP/1.1 200 OK");
    CHECK(made < pieces_all);
    const std::string rest = Running::drain(fd);
    CHECK(rest.ends_with("0\r\n\r\n"));
    CHECK(made == pieces_all);
    ::close(fd);
}

TEST_CASE("a client that stops reading a body is cut off after the limit") {
    Limits limits;
    limits.request_time = base::Duration::milliseconds(50);
    std::promise<Errc> told;
    const auto produce = [&told](Body& body) -> asio::awaitable<Status> {
        for (;;) {
            Status sent = co_await body.write(std::string(1 << 20, 'x'));
            if (sent) continue;
            told.set_value(sent.error().code);
            co_return sent;
        }
    };
    const auto endless = [&produce](Request) -> asio::awaitable<Response> {
        co_return in_pieces(produce);
    };
    Running running(limits, {{"GET", "/endless", endless}});
    running.run();
    const int fd = running.connect();
    Running::send(fd, get("/endless"));
    CHECK(told.get_future().get() == Errc::io);
    ::close(fd);
}

TEST_CASE("a body that fails half-way has no end that looks like one") {
    const auto produce = [](Body& body) -> asio::awaitable<Status> {
        const Status sent = co_await body.write("half");
        if (!sent) co_return sent;
        co_return fail(Errc::io, "no disk");
    };
    const auto thrower = [](Body& body) -> asio::awaitable<Status> {
        const Status sent = co_await body.write("half");
        static_cast<void>(sent);
        throw std::runtime_error("no disk");
    };
    const auto fails = [&](Request) -> asio::awaitable<Response> { co_return in_pieces(produce); };
    const auto throws = [&](Request) -> asio::awaitable<Response> { co_return in_pieces(thrower); };
    Running running({}, {{"GET", "/fails", fails}, {"GET", "/throws", throws}});
    running.run();
    CHECK(body_of(running.raw(get("/fails"))) == "4\r\nhalf\r\n");
    CHECK(body_of(running.raw(get("/throws"))) == "4\r\nhalf\r\n");
}

TEST_CASE("an event stream ends when the server stops, with the mark of the end") {
    Running running({}, {{"GET", "/events", events}});
    running.run();
    const int fd = running.connect();
    Running::send(fd, get("/events"));
    const std::string first = read_until(fd, "\n\n\r\n");
    CHECK(first.find("Content-Type: text/event-stream\r\n") != std::string::npos);
    CHECK(first.find("event: tick\ndata: 1\n\n") != std::string::npos);
    running.stop();
    CHECK(Running::drain(fd) == "0\r\n\r\n");
    ::close(fd);
}

TEST_CASE("an event stream is cancelled when its client goes, and room is made for another") {
    Limits limits;
    limits.streams_max = 1;
    Running running(limits, {{"GET", "/events", events}});
    running.run();
    const int first = running.connect();
    Running::send(first, get("/events"));
    read_until(first, "\n\n\r\n");
    CHECK(status_of(running.raw(get("/events"))) == "HTTP/1.1 503 Service Unavailable");
    CHECK(status_of(running.raw(get("/echo"))) == "HTTP/1.1 200 OK");
    ::shutdown(first, SHUT_WR);
    Running::drain(first);  // ends once the server has noticed
    ::close(first);
    const int second = running.connect();
    Running::send(second, get("/events"));
    CHECK(status_of(read_until(second, "\n\n\r\n")) == "HTTP/1.1 200 OK");
    SUBCASE("and when its client sends more than a request's worth") {
        Running::send(second, std::string(100'000, 'x'));
        Running::drain(second);
    }
    ::close(second);
}

TEST_CASE("a route has limits of its own for the body and for the handler") {
    RouteLimits large;
    large.body_octets_max = 200'000;
    RouteLimits small;
    small.body_octets_max = 2;
    RouteLimits hasty;
    hasty.handler_time = base::Duration::milliseconds(20);
    const auto size = [](Request request) -> asio::awaitable<Response> {
        Response response;
        response.body = std::to_string(request.body.size());
        co_return response;
    };
    Running running({}, {{"PUT", "/large", size, large},
                         {"PUT", "/small", size, small},
                         {"GET", "/hasty", forever, hasty},
                         {"PUT", "/hasty", size, hasty}});
    running.run();
    const auto put = [&](const std::string& path, std::size_t octets) {
        return running.raw("PUT " + path +
                           " HTTP/1.1\r\nContent-Length: " + std::to_string(octets) + "\r\n" +
                           std::string(tail) + std::string(octets, 'a'));
    };
    CHECK(body_of(put("/large", 200'000)) == "200000");
    CHECK(status_of(put("/large", 200'001)) == "HTTP/1.1 413 Payload Too Large");
    CHECK(body_of(put("/small", 2)) == "2");
    CHECK(status_of(put("/small", 3)) == "HTTP/1.1 413 Payload Too Large");
    const std::string chunked =
        "PUT /small HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + std::string(tail);
    CHECK(body_of(running.raw(chunked + "1\r\na\r\n1\r\na\r\n0\r\n\r\n")) == "2");
    CHECK(status_of(running.raw(chunked + "1\r\na\r\n2\r\naa\r\n0\r\n\r\n")) ==
          "HTTP/1.1 413 Payload Too Large");
    CHECK(status_of(running.raw(get("/hasty"))) == "HTTP/1.1 503 Service Unavailable");
    CHECK(body_of(put("/hasty", 1)) == "1");
}

TEST_CASE("a client that sends its body slower than the route allows is cut off") {
    RouteLimits hasty;
    hasty.body_time = base::Duration::milliseconds(50);
    Running running({}, {{"PUT", "/hasty", echo, hasty}});
    running.run();
    const int slow = running.connect();
    Running::send(slow, "PUT /hasty HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    CHECK(Running::drain(slow).empty());
    ::close(slow);
}

TEST_CASE("a guard refuses before the body is read, and lets others pass") {
    const auto guard = [](const Request& request) -> std::optional<Response> {
        const std::string* key = find_or_null(request.fields, "x-api-key");
        if (key != nullptr && *key == "secret") return std::nullopt;
        Response response;
        response.status = 401;
        return response;
    };
    Running running({},
                    {{"PUT", "/guarded", echo, {}, guard}, {"GET", "/guarded", echo, {}, guard}});
    running.run();
    // The body never comes, and the answer does not wait for it.
    CHECK(status_of(running.raw("PUT /guarded HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")) ==
          "HTTP/1.1 401 Unauthorized");
    CHECK(status_of(running.raw("PUT /guarded HTTP/1.1\r\nX-API-Key: secret\r\n"
                                "Content-Length: 2\r\n" +
                                std::string(tail) + "ab")) == "HTTP/1.1 200 OK");
    const std::string two = running.raw("GET /guarded HTTP/1.1\r\nHost: x\r\n\r\n" + get("/echo"));
    CHECK(count_of(two, "401 Unauthorized") == 1);
    CHECK(count_of(two, "200 OK") == 1);
}

TEST_CASE("a client that expects 100-continue is told to go on, or is refused") {
    RouteLimits small;
    small.body_octets_max = 2;
    Running running({}, {{"PUT", "/small", echo, small}});
    running.run();
    const int fd = running.connect();
    const std::string expect = std::string("Expect: 100-continue\r\n") + std::string(tail);
    Running::send(fd, "PUT /small HTTP/1.1\r\nContent-Length: 2\r\n" + expect);
    CHECK(read_until(fd, "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    Running::send(fd, "ab");
    CHECK(body_of(Running::drain(fd)) == "PUT /small ab");
    ::close(fd);
    CHECK(status_of(running.raw("PUT /small HTTP/1.1\r\nContent-Length: 3\r\n" + expect)) ==
          "HTTP/1.1 413 Payload Too Large");
}

TEST_CASE("bodies of all connections together have a limit") {
    Limits limits;
    limits.bodies_octets_max = 30'000;
    Running running(limits);
    running.run();
    const int held = running.connect();
    Running::send(held, "POST /echo HTTP/1.1\r\nContent-Length: 20001\r\n" + std::string(tail) +
                            std::string(20'000, 'a'));
    const std::string second = "POST /echo HTTP/1.1\r\nContent-Length: 20000\r\n" +
                               std::string(tail) + std::string(20'000, 'b');
    // The first may still be under way when the second is read: as soon as it is there, 503.
    while (status_of(running.raw(second)) != "HTTP/1.1 503 Service Unavailable") {
    }
    Running::send(held, "a");
    CHECK(status_of(Running::drain(held)) == "HTTP/1.1 200 OK");
    ::close(held);
    CHECK(status_of(running.raw(second)) == "HTTP/1.1 200 OK");
}

TEST_CASE("bad chunks, endless chunk lines and endless trailers are refused") {
    Running running;
    running.run();
    const std::string head =
        "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + std::string(tail);
    const std::pair<std::string, std::string> rows[] = {
        {"zz\r\n", "HTTP/1.1 400 Bad Request"},
        {"-1\r\na\r\n", "HTTP/1.1 400 Bad Request"},
        {"1\r\nab\r\n0\r\n\r\n", "HTTP/1.1 400 Bad Request"},
        {"fffffffffffffffffff\r\n", "HTTP/1.1 400 Bad Request"},
        {"ffffffffffffffff\r\n", "HTTP/1.1 413 Payload Too Large"},
        {"1;" + std::string(100'000, 'x'), "HTTP/1.1 431 Request Header Fields Too Large"},
        {"0\r\n" + std::string(100'000, 'x'), "HTTP/1.1 431 Request Header Fields Too Large"},
        {"1\r\na\r\n0\r\nX: y\r\n\r\n", "HTTP/1.1 200 OK"},
    };
    for (const auto& row : rows) {
        CAPTURE(row.first.substr(0, 20));
        CHECK(status_of(running.raw(head + row.first)) == row.second);
    }
    // Both ways to say the length: RFC 9112 section 6.1 smells a smuggled request.
    CHECK(status_of(running.raw("POST /echo HTTP/1.1\r\nContent-Length: 3\r\n"
                                "Transfer-Encoding: chunked\r\n" +
                                std::string(tail) + "0\r\n\r\n")) == "HTTP/1.1 400 Bad Request");
}

TEST_CASE("clients that close early, at any octet, leave nothing behind") {
    Running running({}, {{"GET", "/pieces", pieces}, {"GET", "/events", events}});
    running.run();
    const std::string requests[] = {get("/pieces"), get("/events"),
                                    "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" +
                                        std::string(tail) + "3\r\ntwo\r\n0\r\n\r\n"};
    for (const std::string& request : requests) {
        for (std::size_t cut = 0; cut <= request.size(); ++cut) {
            const int fd = running.connect();
            Running::send(fd, request.substr(0, cut));
            if (cut % 2 == 0) {  // a reset
                const linger at_once{1, 0};
                ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
            }
            ::close(fd);
        }
    }
    while (running.connections() != 0) {
    }
    CHECK(status_of(running.raw(get("/echo"))) == "HTTP/1.1 200 OK");
}

TEST_CASE("a stream that scrambles and wants to write while it reads needs no other server") {
    const net::ScrambledStreams scrambled;
    Running running({}, {{"GET", "/pieces", pieces}, {"GET", "/events", events}}, scrambled);
    running.run();
    const auto send = [](net::ScrambledClient& client, const std::string& text) {
        client.send({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
    };
    /// The stream up to `wanted`, or to its end.
    const auto receive = [](net::ScrambledClient& client, std::string_view wanted) {
        std::string text;
        std::array<std::uint8_t, 4096> some{};
        while (text.find(wanted) == std::string::npos) {
            const net::Step step = client.read(some);
            if (step.is != net::Step::Is::done) {
                CHECK(step.is == net::Step::Is::ended);  // with a farewell
                break;
            }
            text.append(some.begin(), some.begin() + static_cast<std::ptrdiff_t>(step.octets));
        }
        return text;
    };
    const std::string never = "\n\n\n\n";
    const auto raw = [&](const std::string& text) {
        net::ScrambledClient client{net::Descriptor(running.connect())};
        send(client, text);
        return receive(client, never);
    };
    CHECK(body_of(raw(get("/echo?a=b"))) == "GET /echo  a=b");
    CHECK(body_of(raw(get("/pieces"))).ends_with("5\r\nthree\r\n0\r\n\r\n"));
    // Both sides need new keys in the middle of it.
    const std::string much(5000, 'x');
    net::ScrambledClient client{net::Descriptor(running.connect())};
    send(client, "POST /echo HTTP/1.1\r\nContent-Length: 5000\r\n" + std::string(tail) + much);
    CHECK(body_of(receive(client, never)) == "POST /echo " + much);
    CHECK(client.stream().wants().write_in_read > 0);

    net::ScrambledClient watcher{net::Descriptor(running.connect())};
    send(watcher, get("/events"));
    receive(watcher, "\n\n\r\n");
    running.stop();
    CHECK(receive(watcher, never) == "0\r\n\r\n");
}

}  // namespace zc::http
