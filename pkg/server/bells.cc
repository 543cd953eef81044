#include "server/bells.h"

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include <sys/eventfd.h>
#include <unistd.h>

#include "server/taker.h"

namespace zc::server {

void Waker::wake() const noexcept {
    if (bell_) bell_->ring();
}

void Bell::ring() noexcept {
    {
        const std::lock_guard lock(bells_->mutex_);
        if (rung_ || bells_->closed_) return;
        rung_ = true;
        next_ = std::exchange(bells_->first_, shared_from_this());
    }
    bells_->wake();
}

Bells::Bells() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_.is_open()) throw std::system_error(errno, std::generic_category(), "eventfd");
}

void Bells::wake() noexcept {
    const std::uint64_t one = 1;
    // It cannot fail: the counter of the eventfd is far from full.
    static_cast<void>(!write(event_.get(), &one, sizeof one));
}

void Bells::hush() noexcept {
    std::uint64_t count = 0;
    static_cast<void>(!read(event_.get(), &count, sizeof count));
}

std::shared_ptr<Bell> Bells::take() noexcept {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Bell> bell = std::move(first_);
    if (!bell) return bell;
    first_ = std::move(bell->next_);
    bell->rung_ = false;
    return bell;
}

void Bells::close() noexcept {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    while (take()) {
    }
}

}  // namespace zc::server
