#include "runtime/pool.h"

#include <algorithm>
#include <atomic>

namespace zc::runtime {

Pool::Pool(Options options) : queue_max_(std::max<std::size_t>(options.queue_max, 1)) {
    const unsigned wanted =
        options.threads != 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
    threads_.reserve(wanted);
    for (unsigned i = 0; i < wanted; ++i) threads_.emplace_back([this] { work(); });
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
    const auto run = [&] {
        for (std::size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) body(i);
    };
    std::vector<std::future<void>> helpers;
    const std::size_t wanted = std::min<std::size_t>(threads_.size(), count - 1);
    helpers.reserve(wanted);
    for (std::size_t i = 0; i < wanted; ++i) helpers.push_back(submit(run));
    run();
    for (std::future<void>& helper : helpers) helper.get();
}

}  // namespace zc::runtime
