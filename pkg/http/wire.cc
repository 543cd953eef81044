#include "http/wire.h"

#include <array>
#include <chrono>
#include <utility>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace zc::http {
namespace {

namespace asio = boost::asio;
using asio::awaitable;
using boost::system::error_code;

constexpr std::size_t discarded_octets_max = 1U << 20U;
constexpr base::Duration discard_time = base::Duration::seconds(1);

base::MutableOctets octets_of(std::span<char> text) noexcept {
    return {reinterpret_cast<std::uint8_t*>(text.data()), text.size()};
}
base::Octets octets_of(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

Wire::Wire(asio::io_context& control, std::unique_ptr<net::Stream> stream)
    : stream_(std::move(stream)), ready_(control), deadline_(control) {
    ready_.assign(stream_->descriptor());
}

Wire::~Wire() {
    if (ready_.is_open()) ready_.release();
}

void Wire::expires_after(base::Duration time) {
    // The timer is armed by the first wait: most steps need none.
    deadline_.expires_after(std::chrono::nanoseconds(time.nanoseconds));
    limited_ = true;
    armed_ = false;
}

void Wire::expires_never() {
    deadline_.cancel();
    limited_ = false;
    armed_ = false;
}

void Wire::cancel() noexcept {
    error_code ignored;
    ready_.cancel(ignored);
}

awaitable<bool> Wire::wait_for(const net::Step& step) {
    if (limited_ && !armed_) {
        armed_ = true;
        deadline_.async_wait([weak = weak_from_this()](const error_code& cancelled) {
            const std::shared_ptr<Wire> self = weak.lock();
            // One that was moved on after it had run out has its handler called all the same.
            if (cancelled || !self || !self->limited_ ||
                self->deadline_.expiry() > std::chrono::steady_clock::now())
                return;
            self->expired_ = true;
            self->cancel();
        });
    }
    if (expired_) co_return false;
    const auto wanted = step.is == net::Step::Is::wants_write
                            ? asio::posix::descriptor_base::wait_write
                            : asio::posix::descriptor_base::wait_read;
    error_code error;
    co_await ready_.async_wait(wanted, asio::redirect_error(asio::use_awaitable, error));
    co_return !error && !expired_;
}

awaitable<std::size_t> Wire::read_some(std::span<char> into) {
    for (;;) {
        const net::Step step = stream_->read(octets_of(into));
        if (step.is == net::Step::Is::done) co_return step.octets;
        if (step.is_over()) co_return 0;
        if (!co_await wait_for(step)) co_return 0;
    }
}

awaitable<bool> Wire::handshake() {
    for (;;) {
        const net::Step step = stream_->handshake();
        if (step.is == net::Step::Is::done) co_return true;
        if (step.is_over()) co_return false;
        if (!co_await wait_for(step)) co_return false;
    }
}

awaitable<bool> Wire::write(std::string_view octets) {
    while (!octets.empty()) {
        const net::Step step = stream_->write(octets_of(octets));
        if (step.is == net::Step::Is::done) {
            octets.remove_prefix(step.octets);
        } else if (step.is_over()) {
            co_return false;
        } else if (!co_await wait_for(step)) {
            co_return false;
        }
    }
    co_return true;
}

awaitable<bool> Wire::write_within(base::Duration time, std::string_view octets) {
    expires_after(time);
    const bool written = co_await write(octets);
    expires_never();
    co_return written;
}

void Wire::write_at_once(std::string_view octets) noexcept {
    if (stream_->write(octets_of(octets)).is == net::Step::Is::done) stream_->shut_down();
}

awaitable<void> Wire::close_gently() {
    expires_after(discard_time);
    for (;;) {
        const net::Step step = stream_->shut_down();
        if (step.is == net::Step::Is::done) break;
        if (step.is_over()) co_return;
        if (!co_await wait_for(step)) co_return;
    }
    std::array<char, 4096> discarded{};
    for (std::size_t total = 0; total < discarded_octets_max;) {
        const std::size_t got = co_await read_some(discarded);
        if (got == 0) co_return;
        total += got;
    }
}

}  // namespace zc::http
