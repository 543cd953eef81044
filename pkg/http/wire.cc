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

}  // namespace

Wire::Wire(asio::io_context& control, std::unique_ptr<Transport> transport)
    : transport_(std::move(transport)), ready_(control), deadline_(control) {
    ready_.assign(transport_->descriptor());
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

awaitable<bool> Wire::wait_for(Step::Kind kind) {
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
    const auto wanted = kind == Step::Kind::wants_write ? asio::posix::descriptor_base::wait_write
                                                        : asio::posix::descriptor_base::wait_read;
    error_code error;
    co_await ready_.async_wait(wanted, asio::redirect_error(asio::use_awaitable, error));
    co_return !error && !expired_;
}

awaitable<std::size_t> Wire::read_some(std::span<char> into) {
    for (;;) {
        const Step step = transport_->read(into);
        if (step.kind == Step::Kind::done) co_return step.octets;
        if (step.kind == Step::Kind::end || step.kind == Step::Kind::failed) co_return 0;
        if (!co_await wait_for(step.kind)) co_return 0;
    }
}

awaitable<bool> Wire::write(std::string_view octets) {
    while (!octets.empty()) {
        const Step step = transport_->write(octets);
        if (step.kind == Step::Kind::done) {
            octets.remove_prefix(step.octets);
        } else if (step.kind == Step::Kind::failed || step.kind == Step::Kind::end) {
            co_return false;
        } else if (!co_await wait_for(step.kind)) {
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
    if (transport_->write(octets).kind == Step::Kind::done) transport_->end_writing();
}

awaitable<void> Wire::close_gently() {
    expires_after(discard_time);
    for (;;) {
        const Step step = transport_->end_writing();
        if (step.kind == Step::Kind::done) break;
        if (step.kind == Step::Kind::end || step.kind == Step::Kind::failed) co_return;
        if (!co_await wait_for(step.kind)) co_return;
    }
    std::array<char, 4096> discarded{};
    for (std::size_t total = 0; total < discarded_octets_max;) {
        const std::size_t got = co_await read_some(discarded);
        if (got == 0) co_return;
        total += got;
    }
}

}  // namespace zc::http
