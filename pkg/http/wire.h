// A stream on the io_context: coroutines that wait for its steps, with a deadline.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/time.h"
#include "net/stream.h"

namespace zc::http {

/// One thread: that of the io_context. A `shared_ptr` owns it: the conversation and the watch of an
/// endless response, and the timer looks whether it is still there.
class Wire : public std::enable_shared_from_this<Wire> {
public:
    /// Throws when the io_context cannot take the descriptor.
    Wire(boost::asio::io_context& control, std::unique_ptr<net::Stream> stream);
    ~Wire();
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;

    /// From now on all waits together may take `time`; then they fail, and so do all later ones.
    void expires_after(base::Duration time);
    void expires_never();
    bool expired() const noexcept { return expired_; }

    /// Agrees on all that the stream needs before its first octet; false: a failure, or the
    /// deadline.
    boost::asio::awaitable<bool> handshake();
    /// Octets that have arrived, one at least; 0: the end, a failure, or the deadline.
    boost::asio::awaitable<std::size_t> read_some(std::span<char> into);
    /// Writes all of `octets`, which stay valid meanwhile; false: a failure, or the deadline.
    boost::asio::awaitable<bool> write(std::string_view octets);
    /// As `write`, with `time` for these octets.
    boost::asio::awaitable<bool> write_within(base::Duration time, std::string_view octets);
    /// Writes once, and what does not fit is not sent.
    void write_at_once(std::string_view octets) noexcept;
    /// Ends the connection so that all that was written arrives: a close with unread octets would
    /// reset it.
    boost::asio::awaitable<void> close_gently();

    /// Waits under way fail.
    void cancel() noexcept;

private:
    boost::asio::awaitable<bool> wait_for(const net::Step& step);

    std::unique_ptr<net::Stream> stream_;
    boost::asio::posix::stream_descriptor ready_;  // of the stream, which closes it
    boost::asio::steady_timer deadline_;
    bool limited_ = false;
    bool armed_ = false;
    bool expired_ = false;
};

}  // namespace zc::http
