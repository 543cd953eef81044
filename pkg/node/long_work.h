// One thread for long work, one piece at a time: a disk may hang, and the control thread has to hear
// signals.
#pragma once

#include <functional>
#include <future>
#include <string>
#include <thread>

#include "base/time.h"

namespace zc::node {

/// Threads: one, the control thread.
class LongWork {
public:
    LongWork() = default;
    /// Waits for the work.
    ~LongWork();
    LongWork(const LongWork&) = delete;
    LongWork& operator=(const LongWork&) = delete;

    /// Runs `work` on the thread. Should it throw, `failed` is called there, once all that `work`
    /// holds is gone; `failed` must not throw. The work before it has to be at its end.
    /// Throws std::system_error, std::bad_alloc.
    void begin(std::function<void()> work, std::function<void(const std::string& error)> failed);
    /// False: the work did not end within `patience`.
    bool ended_within(base::Duration patience);

private:
    std::thread thread_;
    std::future<void> done_;
};

}  // namespace zc::node
