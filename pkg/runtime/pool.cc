#include "runtime/pool.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <new>

namespace zc::runtime {

Pool::Pool(Options options) : queue_max_(std::max<std::size_t>(options.queue_max, 1)) {
    const unsigned wanted =
        options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
    threads_.reserve(wanted);
    while (threads_.size() < wanted) {
        try {
            threads_.emplace_back([this] { work(); });
        } catch (const std::exception&) {  // std::system_error, or no memory for its state
            if (threads_.empty()) throw;
            break;
        }
    }
}

Pool::~Pool() {
    {
        const std::lock_guard lock(mutex_);
        ending_ = true;
    }
    job_waits_.notify_all();
    for (std::thread& thread : threads_) thread.join();
}

void Pool::enqueue(std::function<void()> job) {
    {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [this] { return queue_.size() < queue_max_; });
        queue_.push_back(std::move(job));
    }
    job_waits_.notify_one();
}

void Pool::work() {
    for (;;) {
        std::function<void()> job;
        {
            std::unique_lock lock(mutex_);
            job_waits_.wait(lock, [this] { return ending_ || !queue_.empty(); });
            if (queue_.empty()) return;
            job = std::move(queue_.front());
            queue_.pop_front();
        }
        room_.notify_one();
        job();
    }
}

void Pool::parallel_for(std::size_t count, const std::function<void(std::size_t)>& body) {
    if (count == 0) return;
    std::atomic<std::size_t> next{0};
    std::atomic<bool> failed{false};
    std::exception_ptr first;
    const auto run = [&]() noexcept {
        try {
            for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) body(i);
        } catch (...) {
            next = count;  // the others end, too
            if (!failed.exchange(true)) first = std::current_exception();
        }
    };
    std::vector<std::future<void>> helpers;
    const std::size_t wanted = std::min<std::size_t>(threads_.size(), count - 1);
    helpers.reserve(wanted);
    try {
        for (std::size_t i = 0; i < wanted; ++i) helpers.push_back(submit(run));
    } catch (const std::bad_alloc&) {
        // Fewer helpers: this thread does what is left.
    }
    run();
    for (std::future<void>& helper : helpers) helper.wait();
    if (failed) std::rethrow_exception(first);
}

}  // namespace zc::runtime
