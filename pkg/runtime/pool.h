// Threads for long work: parsing, compiling, signing. A job takes values, returns a value and
// touches nothing else.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace zc::runtime {

/// A fixed number of threads and a bounded queue before them.
///
/// Threads: any may submit. A job must not wait for another job of the same pool.
class Pool {
public:
    struct Options {
        unsigned threads = 0;          // 0: one a core; 1..1024; fewer if the system gives no more
        std::size_t queue_max = 1024;  // jobs waiting; `submit` waits for room beyond that
    };

    explicit Pool(Options options);
    /// Runs what was submitted, then ends the threads.
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    /// Runs `job` on a thread of the pool; its value is in the future. A job does not throw: it
    /// returns a Result.
    template <class Job>
    auto submit(Job job) -> std::future<std::invoke_result_t<Job&>> {
        // Shared by the queue and nobody else: std::function wants to copy, a packaged_task cannot
        // be copied.
        auto task =
            std::make_shared<std::packaged_task<std::invoke_result_t<Job&>()>>(std::move(job));
        auto future = task->get_future();
        enqueue([task] { (*task)(); });
        return future;
    }

    /// Calls `body(i)` for each i of 0..count-1, several at once and in no order, and returns when
    /// all are done. The calling thread takes part. `body` is called from several threads. When it
    /// throws, no more calls begin, and the first exception is thrown here once all have ended.
    void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body);

    unsigned threads() const noexcept { return static_cast<unsigned>(threads_.size()); }

private:
    void enqueue(std::function<void()> job);
    void work();

    const std::size_t queue_max_;
    std::mutex mutex_;
    std::condition_variable job_waits_;
    std::condition_variable room_;
    std::deque<std::function<void()>> queue_;
    bool ending_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace zc::runtime
