// A small HTTP/1.1 server for the control plane: metrics, health, the control socket.
//
// It runs on the control thread's io_context and shares nothing with the threads that answer
// queries. What a stranger can send has limits; what goes over one is answered with the status that
// says so (431, 413, 408, 503) and the connection is closed.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "base/result.h"
#include "base/time.h"
#include "http/message.h"

namespace zc::http {

/// Makes the response to one request. Runs on the control thread and must not block it; long work
/// is awaited. An exception becomes status 500.
using Handler = std::function<boost::asio::awaitable<Response>(Request request)>;

struct Limits {
    std::uint32_t header_octets_max = 8192;  // request line and headers together; over it: 431
    std::uint32_t body_octets_max = 65536;   // over it: 413
    std::uint32_t connections_max = 64;      // of one server; one more is answered 503 and closed
    std::uint32_t requests_max = 1000;       // on one connection, then it is closed
    base::Duration request_time =
        base::Duration::seconds(10);  // to send a whole request, to take a response
    base::Duration idle_time =
        base::Duration::seconds(30);  // between two requests of one connection
};

/// Threads: all calls on the thread that runs the io_context, or before it runs.
class Server {
public:
    Server(boost::asio::io_context& control, Limits limits);
    /// As `stop`.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Answers `method` at exactly `path`. GET answers HEAD too. Another method at a known path is
    /// 405, an unknown path 404. Routes stand before the first `listen`.
    void route(std::string method, std::string path, Handler handler);

    /// Listens on a TCP address, "127.0.0.1" or "::1"; port 0 takes a free one. Returns the port.
    /// Errors: `busy` when the port is in use, `malformed` for an address that is none.
    Result<std::uint16_t> listen_tcp(const std::string& address, std::uint16_t port);

    /// Listens on a Unix socket that only this user may open (mode 0600). A file `path`.lock, kept
    /// locked while the server lives, says who owns it: a socket left behind by a process that died
    /// is replaced, that of a living one is an error `busy`, and two that start at once cannot both
    /// win. Anything at `path` that is not a socket is left alone and is an error `exists`.
    Status listen_unix(const std::string& path);

    /// Stops listening, removes the Unix socket, closes connections that wait for a request. A
    /// response that is under way is still sent.
    void stop();

    /// Connections open now.
    std::size_t connections() const;

private:
    struct State;
    std::shared_ptr<State>
        state_;  // shared with its connections, which may outlive the server by one response
};

}  // namespace zc::http
