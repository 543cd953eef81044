// A request as a route sees it, and the response that it makes.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/awaitable.hpp>

#include "base/result.h"
#include "base/time.h"
#include "net/endpoint.h"

namespace zc::http {

/// A header field. Names compare without regard to case.
struct Field {
    std::string name;
    std::string value;
};
/// The value of the first field of that name, or null.
const std::string* find_or_null(const std::vector<Field>& fields, std::string_view name) noexcept;

struct Request {
    std::string method;  // in capitals, as sent
    std::string path;    // "/zones/a b"; percent escapes undone, without the query
    // "?a=1&b" is {a: "1", b: ""}. The last of a name wins.
    std::map<std::string, std::string> query;
    // From the route's pattern: "/zones/{zone}" makes {zone: "a/b"} of "/zones/a%2Fb".
    std::map<std::string, std::string> parameters;
    std::vector<Field> fields;          // in the order in which they were sent
    std::optional<net::Endpoint> peer;  // none: the client came over the Unix socket
    std::string body;
};

class Wire;

/// The body of a response while it is sent piece by piece.
class Body {
public:
    enum class Framing : std::uint8_t { chunked, until_close };
    Body(Wire& wire, base::Duration piece_time, Framing framing) noexcept
        : wire_(wire), piece_time_(piece_time), framing_(framing) {}

    /// Sends `piece` and returns when the system has taken all of it: a client that reads slowly
    /// holds the producer back. Errors: `io` when the client is gone or takes nothing for
    /// `Limits::request_time`; then no further piece can be sent.
    boost::asio::awaitable<Status> write(std::string piece);

private:
    Wire& wire_;
    base::Duration piece_time_;
    Framing framing_;
};

/// Makes a body piece by piece. Runs on the control thread. An error or an exception cuts the
/// connection without the mark of the end, so that the client does not take the body for whole.
/// An await that is cancelled throws; a producer needs no code for it.
using Producer = std::function<boost::asio::awaitable<Status>(Body& body)>;

struct Response {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    std::vector<Field> fields;  // beside those that the server sets itself
    std::string body;
    Producer producer;  // when there is one, it makes the body, and `body` is not sent
    bool endless =
        false;  // of a producer: it is cancelled when the client goes or the server stops
};

/// A stream of events, text/event-stream, that goes on until `producer` returns, the client goes or
/// the server stops.
Response event_stream(Producer producer);

/// One event as such a stream has it: a `data:` line for each line of `data`. `name` may be empty
/// and has no line end.
std::string event_text(std::string_view name, std::string_view data);

}  // namespace zc::http
