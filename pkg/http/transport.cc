#include "http/transport.h"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace zc::http {
namespace {

class Plain final : public Transport {
public:
    explicit Plain(net::Descriptor socket) noexcept : socket_(std::move(socket)) {}

    Step read(std::span<char> into) noexcept override {
        const ssize_t got = ::recv(socket_.get(), into.data(), into.size(), 0);
        if (got == 0) return {Step::Kind::end};
        return outcome(got, Step::Kind::wants_read);
    }
    Step write(std::span<const char> octets) noexcept override {
        return outcome(::send(socket_.get(), octets.data(), octets.size(), MSG_NOSIGNAL),
                       Step::Kind::wants_write);
    }
    Step end_writing() noexcept override {
        const bool done = ::shutdown(socket_.get(), SHUT_WR) == 0;
        return {done ? Step::Kind::done : Step::Kind::failed};
    }
    int descriptor() const noexcept override { return socket_.get(); }

private:
    static Step outcome(ssize_t moved, Step::Kind wanted) noexcept {
        if (moved > 0) return {Step::Kind::done, static_cast<std::size_t>(moved)};
        const bool later = errno == EAGAIN || errno == EINTR;
        return {later ? wanted : Step::Kind::failed};
    }

    net::Descriptor socket_;
};

}  // namespace

std::unique_ptr<Transport> plain_transport(net::Descriptor socket) {
    return std::make_unique<Plain>(std::move(socket));
}

}  // namespace zc::http
