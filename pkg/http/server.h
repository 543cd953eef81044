// A small HTTP/1.1 server for the control plane: metrics, health, the control socket, an API.
//
// It runs on the control thread's io_context and shares nothing with the threads that answer
// queries. All that a stranger can send has a limit. A request over one is answered with the status
// that says so (431, 413, 408, 503), and its connection is closed.
//
// A group of routes is a function in a file of its own that gives their table:
//
//     std::vector<http::Route> zone_routes(Zones& zones) {
//         const auto show = [&zones](http::Request request) -> awaitable<http::Response> {
//             co_return zones.show(request.parameters.at("zone"));
//         };
//         return {{"GET", "/zones/{zone}", show}};
//     }
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>

#include "base/result.h"
#include "base/time.h"
#include "http/message.h"
#include "net/endpoint.h"
#include "net/stream.h"

namespace zc::http {

/// Makes the response to one request. Runs on the control thread and must not block it; long work
/// is awaited. An exception becomes status 500.
using Handler = std::function<boost::asio::awaitable<Response>(Request request)>;

/// Looks at a request whose body has not been read. A response refuses the request.
using Guard = std::function<std::optional<Response>(const Request& request)>;

/// The limits of one route.
struct RouteLimits {
    std::uint64_t body_octets_max = 65536;  // over it: 413
    // The client may take so long to send the body.
    base::Duration body_time = base::Duration::seconds(10);
    // The handler may take so long; 0: no limit. Over it: the handler is cancelled, and 503.
    base::Duration handler_time;
};

/// `method` at the paths of `pattern`. A segment in braces takes any one segment that is not empty
/// and gives it to the request by that name; a literal segment goes before it. GET answers HEAD
/// too.
struct Route {
    std::string method;   // in capitals
    std::string pattern;  // "/zones/{zone}/rrsets"
    Handler handler;
    RouteLimits limits = {};
    Guard guard = nullptr;
};

/// The limits of one server.
struct Limits {
    std::uint32_t header_octets_max = 8192;  // request line and headers together; over it: 431
    std::uint32_t connections_max = 64;      // one more is answered 503 and closed
    std::uint32_t requests_max = 1000;       // on one connection, then it is closed
    std::uint32_t streams_max = 32;          // endless responses at a time; over it: 503
    // All bodies together that are being read or answered; over it: 503.
    std::uint64_t bodies_octets_max = std::uint64_t{256} << 20;
    // The client may take so long to send request line and headers, and to take a piece of the
    // response.
    base::Duration request_time = base::Duration::seconds(10);
    // Between two requests of one connection.
    base::Duration idle_time = base::Duration::seconds(30);
};

/// Threads: all calls on the thread that runs the io_context, or before it runs.
class Server {
public:
    Server(boost::asio::io_context& control, Limits limits);
    /// As `stop`.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    /// Adds routes; a method stands at a pattern once. Another method at a known path is 405, an
    /// unknown path 404. Routes stand before the first `listen`.
    void add(std::vector<Route> routes);

    /// Listens on a TCP address; port 0 takes a free one. Returns the port. `streams` makes the
    /// stream of each connection, and outlives the server. Errors: `busy` when the port is in use.
    Result<std::uint16_t> listen_tcp(const net::Endpoint& endpoint,
                                     const net::StreamMaker& streams = net::plain_streams());

    /// Listens on a Unix socket that only this user may open (mode 0600). A file `path`.lock, kept
    /// locked while the server lives, says who owns it: a socket left behind by a process that died
    /// is replaced, that of a living one is an error `busy`, and two that start at once cannot both
    /// win. Anything at `path` that is not a socket is left alone and is an error `exists`.
    Status listen_unix(const std::string& path);

    /// Stops listening, removes the Unix socket, closes connections that wait for a request, ends
    /// endless responses. Any other response that is under way is still sent.
    void stop();

    /// Connections open now.
    std::size_t connections() const;

private:
    struct State;
    std::shared_ptr<State>
        state_;  // shared with its connections, which may outlive the server by one response
};

}  // namespace zc::http
