#include "net/stream.h"

#include <cerrno>
#include <cstring>

#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include "net/socket.h"

namespace zc::net {
namespace {

/// Why a call on the socket moved nothing. `waits_for` is what it would have waited for.
Step outcome_of(int error_number, Step::Is waits_for) noexcept {
    switch (error_number) {
        // A signal came first: the socket is as ready as it was.
        case EINTR:
        case EAGAIN:
            return {.is = waits_for};
        case ENOBUFS:
        case ENOMEM:
            return {.is = Step::Is::failed, .reason = Reason::of_system(error_number)};
        default:  // ECONNRESET, EPIPE, ETIMEDOUT, ECONNREFUSED and what routers report
            return {.is = Step::Is::reset, .reason = Reason::of_system(error_number)};
    }
}

class PlainStreams final : public StreamMaker {
public:
    std::unique_ptr<Stream> make(Descriptor socket) const override {
        return std::make_unique<PlainStream>(std::move(socket));
    }
};

}  // namespace

Reason Reason::of_system(int error_number) noexcept {
    Reason reason;
    // The words for 0 are "Success", which is no reason; a number unknown to the system has none.
    if (error_number == 0) return reason;
    if (const char* const words = ::strerrordesc_np(error_number)) reason.words_ = words;
    return reason;
}

std::uint32_t poll_events(const Step& step, std::uint32_t otherwise) noexcept {
    if (step.is == Step::Is::wants_read) return POLLIN;
    if (step.is == Step::Is::wants_write) return POLLOUT;
    return otherwise;
}

Step PlainStream::read(base::MutableOctets into) noexcept {
    const ssize_t got = recv(socket_.get(), into.data(), into.size(), MSG_DONTWAIT);
    if (got > 0) return {.octets = static_cast<std::size_t>(got)};
    if (got == 0) return {.is = Step::Is::ended};
    return outcome_of(errno, Step::Is::wants_read);
}

Step PlainStream::write(base::Octets from) noexcept {
    const ssize_t sent = send(socket_.get(), from.data(), from.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) return {.octets = static_cast<std::size_t>(sent)};
    return outcome_of(sent == 0 ? EAGAIN : errno, Step::Is::wants_write);
}

Step PlainStream::shut_down() noexcept {
    if (shutdown(socket_.get(), SHUT_WR) == 0) return {};
    return outcome_of(errno, Step::Is::wants_write);
}

Result<std::unique_ptr<Stream>> connect_stream(const Endpoint& to) {
    SocketAddress address{};
    const socklen_t size = put_address(address, to);
    Descriptor socket(
        ::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.is_open()) return base::fail_errno(errno, "socket");
    // Messages are written whole: waiting for more makes no sense.
    const int yes = 1;
    setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (connect(socket.get(), &address.any, size) != 0 && errno != EINPROGRESS)
        return base::fail_errno(errno, "connect");
    return plain_streams().make(std::move(socket));
}

const StreamMaker& plain_streams() noexcept {
    static const PlainStreams maker;
    return maker;
}

}  // namespace zc::net
