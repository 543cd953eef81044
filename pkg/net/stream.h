// Octets of a connection, whatever carries them: plain TCP here, TLS beside it.
//
// A connection's code knows steps and their outcomes. It does not know what moves the octets. Any
// step may want the socket to be readable or writable before it can go on: a TLS stream may have to
// write while it is asked to read, and to read while it is asked to write. So the caller waits for
// the events that the outcome names and then calls the same step again.
//
//     handshake()  until `done`, or left out: read and write do it where it is still to be done
//     read()       until `ended`; write() in any order with it
//     shut_down()  until `done`, where the other side is still to be read; or take_leave() once
//
// Then the stream is destroyed.
//
// Errors:  none is thrown; an outcome says what happened. After `reset` and `failed` the stream is
//          good for nothing but to be destroyed.
// Memory:  a step allocates nothing.
// Threads: an object belongs to one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/octets.h"
#include "base/result.h"
#include "net/descriptor.h"
#include "net/endpoint.h"

namespace zc::net {

/// Why a connection was cut or cannot go on. It always has a text, also where the system tells no
/// error: a stream has failures of its own.
class Reason {
public:
    constexpr Reason() noexcept = default;
    /// Words of the stream's own: a literal.
    template <std::size_t octets>
    constexpr explicit Reason(const char (&words)[octets]) noexcept : words_(words) {}
    /// The system's words for an errno.
    static Reason of_system(int error_number) noexcept;

    std::string_view text() const noexcept { return words_; }

private:
    const char* words_ = "no reason was given";  // they live as long as the program
};

/// The outcome of one step.
struct Step {
    enum class Is : std::uint8_t {
        done,         // read, write: `octets` were moved, at least one
        wants_read,   // nothing was moved: call the same step when the socket is readable
        wants_write,  // nothing was moved: call the same step when the socket is writable
        ended,        // read: the other side sends no more, and said so
        reset,        // the other side or the network has cut the connection
        failed,       // this side cannot go on: no memory, a bad certificate, a broken record
    };
    Is is = Is::done;
    /// read: the stream itself holds more octets, of which the socket will not tell. The caller
    /// reads again without waiting.
    bool holds_more = false;
    std::size_t octets = 0;
    Reason reason = {};  // reset, failed

    bool wants() const noexcept { return is == Is::wants_read || is == Is::wants_write; }
    /// The connection is over, in an orderly way or not.
    bool is_over() const noexcept { return is > Is::wants_write; }
};

/// The events of poll(2) and epoll(7) to wait for before the step is called again. `otherwise` is
/// given for a step that wants nothing.
std::uint32_t poll_events(const Step& step, std::uint32_t otherwise) noexcept;

class Stream {
public:
    explicit Stream(Descriptor socket) noexcept : socket_(std::move(socket)) {}
    virtual ~Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    /// Whatever has to be agreed before the first octet. A plain stream has nothing to agree.
    virtual Step handshake() noexcept = 0;
    /// Moves octets into `into`, which is not empty.
    virtual Step read(base::MutableOctets into) noexcept = 0;
    /// Takes octets off the front of `from`, which is not empty. After `wants_read` or
    /// `wants_write` the next write begins with the same octets; they may lie elsewhere.
    virtual Step write(base::Octets from) noexcept = 0;
    /// Ends this side's direction: the other side reads everything written, and then `ended`.
    virtual Step shut_down() noexcept = 0;
    /// Tells the other side what closing the socket does not tell, without waiting: called once, and
    /// the stream is destroyed then. A plain stream has nothing to tell.
    virtual void take_leave() noexcept {}

    /// The socket to wait for. Its octets are the stream's business alone.
    int descriptor() const noexcept { return socket_.get(); }
    /// The socket, for another stream that goes on with it. This one is over.
    Descriptor take_descriptor() noexcept { return std::move(socket_); }

protected:
    Descriptor socket_;
};

/// Octets as TCP brings them. `socket` does not block.
class PlainStream final : public Stream {
public:
    using Stream::Stream;

    Step handshake() noexcept override { return {}; }
    Step read(base::MutableOctets into) noexcept override;
    Step write(base::Octets from) noexcept override;
    Step shut_down() noexcept override;
};

/// Makes the streams of what a listener accepts.
class StreamMaker {
public:
    virtual ~StreamMaker() = default;
    /// `socket` is connected and does not block. Throws std::bad_alloc, and closes the socket then.
    virtual std::unique_ptr<Stream> make(Descriptor socket) const = 0;
};

/// Begins a TCP connection and gives its stream, which wants to write until it is made. `reset` is
/// how it says that nobody listens there. Errors: those of the system.
Result<std::unique_ptr<Stream>> connect_stream(const Endpoint& to);

/// Makes plain streams; one object is enough for all listeners.
const StreamMaker& plain_streams() noexcept;

}  // namespace zc::net
