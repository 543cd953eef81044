#include "runtime/workers.h"

#include <algorithm>
#include <exception>
#include <new>
#include <system_error>
#include <utility>

namespace zc::runtime {

Status detail::error_of_current_exception() noexcept {
    try {
        throw;
    } catch (const std::bad_alloc&) {
        // Short enough to need no memory.
        return fail(Errc::limit, "no memory");
    } catch (const std::exception& exception) {
        try {
            return fail(Errc::io, exception.what());
        } catch (const std::bad_alloc&) {
            return fail(Errc::limit, "no memory");
        }
    }
}

Workers::Workers(std::size_t wanted, std::function<void()> work, std::function<void()> failed)
    : work_(std::move(work)), failed_(std::move(failed)) {
    threads_.reserve(std::max<std::size_t>(wanted, 1));  // so that no started thread is lost
    while (threads_.size() < std::max<std::size_t>(wanted, 1)) {
        try {
            threads_.emplace_back([this] { run(); });
        } catch (const std::exception&) {  // std::system_error, or no memory for its state
            break;
        }
    }
    if (!threads_.empty()) return;
    status_ = fail(Errc::limit, "no thread");
    failed_();
}

Workers::~Workers() {
    for (std::thread& thread : threads_)
        if (thread.joinable()) thread.join();
}

void Workers::run() noexcept {
    Status status = caught(work_);
    if (status) return;
    {
        const std::lock_guard lock(mutex_);
        if (status_) status_ = std::move(status);
    }
    failed_();
}

Status Workers::join() {
    for (std::thread& thread : threads_)
        if (thread.joinable()) thread.join();
    return status_;
}

}  // namespace zc::runtime
