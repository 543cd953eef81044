#include "http/server.h"

#include <array>
#include <cstdlib>
#include <future>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include <arpa/inet.h>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "http/client.h"

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
    explicit Running(Limits limits = {}) : server_(std::in_place, io_, limits) {
        server_->route("GET", "/echo", echo);
        server_->route("POST", "/echo", echo);
        server_->route("POST", "/broken", broken);
        auto port = server_->listen_tcp("127.0.0.1", 0);
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
    for (const auto& [request, status] : rows) {
        CAPTURE(request.substr(0, 60));
        CHECK(status_of(running.raw(request)) == status);
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

TEST_CASE("a TCP port in use and an address that is none are errors") {
    Running running;
    asio::io_context io;
    Server other(io, {});
    const int fd = running.connect();
    sockaddr_in peer{};
    socklen_t size = sizeof(peer);
    REQUIRE(::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0);
    ::close(fd);
    const auto port = other.listen_tcp("127.0.0.1", ntohs(peer.sin_port));
    REQUIRE_FALSE(port.has_value());
    CHECK(port.error().code == Errc::busy);
    CHECK(other.listen_tcp("localhost", 0).error().code == Errc::malformed);
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

}  // namespace zc::http
