// Threads for one piece of work. A failure on one of them is an error of the work, never the end of
// the process.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"

namespace zc::runtime {

namespace detail {
Status error_of_current_exception() noexcept;
}

/// Calls `work` and turns what it throws into an error: `limit` for a failed allocation, `io` for
/// anything else. Needs no memory itself.
template <class Work>
Status caught(Work&& work) noexcept {
    try {
        work();
        return {};
    } catch (...) {
        return detail::error_of_current_exception();
    }
}

class Workers {
public:
    /// Starts `wanted` threads that run `work`, fewer when the system gives no more. When `work`
    /// throws, or not one thread could be started, `failed` is called there: it tells the others,
    /// and who waits for them, to end. It must not throw.
    Workers(std::size_t wanted, std::function<void()> work, std::function<void()> failed);
    /// Waits for them.
    ~Workers();
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    std::size_t count() const noexcept { return threads_.size(); }
    /// Waits for all. Errors: of the first that failed, as of `caught`; `limit` when no thread
    /// could be started.
    Status join();

private:
    void run() noexcept;

    const std::function<void()> work_, failed_;
    std::mutex mutex_;  // guards what follows, but for the threads
    Status status_;
    std::vector<std::thread> threads_;
};

}  // namespace zc::runtime
