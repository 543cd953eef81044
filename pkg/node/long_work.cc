#include "node/long_work.h"

#include <chrono>
#include <utility>

#include "runtime/signals.h"
#include "runtime/workers.h"

namespace zc::node {

LongWork::~LongWork() {
    if (thread_.joinable()) thread_.join();
}

void LongWork::begin(std::function<void()> work,
                     std::function<void(const std::string& error)> failed) {
    // Its last act was to hand over its result: this does not wait.
    if (thread_.joinable()) thread_.join();
    const runtime::SignalsBlocked blocked;
    std::promise<void> done;
    done_ = done.get_future();
    thread_ = std::thread(
        [work = std::move(work), failed = std::move(failed), done = std::move(done)]() mutable {
            const Status status = runtime::caught(work);
            work = nullptr;
            if (!status) failed(status.error().message);
            done.set_value();
        });
}

bool LongWork::ended_within(base::Duration patience) {
    if (!thread_.joinable()) return true;
    const auto wait = std::chrono::nanoseconds(patience.nanoseconds);
    if (done_.wait_for(wait) != std::future_status::ready) return false;
    thread_.join();
    return true;
}

}  // namespace zc::node
