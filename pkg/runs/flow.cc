#include "runs/flow.h"

#include <chrono>
#include <utility>

namespace zc::runs {

Flow::Flow(unsigned workers, std::size_t batches, bool in_order)
    : in_order_(in_order), workers_(workers) {
    for (std::size_t i = 0; i < batches; ++i) empty_.push_back(std::make_unique<capture::Batch>());
}

std::unique_ptr<capture::Batch> Flow::empty_batch() {
    std::unique_lock lock(mutex_);
    for_source_.wait(lock, [this] {
        return abandoned_ || (!empty_.empty() && ordinal_ - deliver_ < ahead_max &&
                              finished_octets_ < ahead_octets_max);
    });
    if (abandoned_) return nullptr;
    std::unique_ptr<capture::Batch> batch = std::move(empty_.back());
    empty_.pop_back();
    return batch;
}

void Flow::put(std::unique_ptr<capture::Batch> batch, std::size_t count) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back({.batch = std::move(batch), .ordinal = ordinal_++, .count = count});
    }
    for_workers_.notify_one();
}

void Flow::give_back(std::unique_ptr<capture::Batch> batch) {
    {
        const std::lock_guard lock(mutex_);
        empty_.push_back(std::move(batch));
    }
    for_source_.notify_one();
}

void Flow::close() {
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
    }
    for_workers_.notify_all();
}

Flow::Got Flow::take(Job& job, base::Duration wait) {
    std::unique_lock lock(mutex_);
    const auto ready = [this] { return !jobs_.empty() || closed_ || abandoned_; };
    if (wait.nanoseconds > 0)
        for_workers_.wait_for(lock, std::chrono::nanoseconds(wait.nanoseconds), ready);
    if (abandoned_) return Got::closed;
    if (jobs_.empty()) return closed_ ? Got::closed : Got::none_yet;
    job = std::move(jobs_.front());
    jobs_.pop_front();
    return Got::job;
}

void Flow::finish(std::uint64_t ordinal, Finished&& finished) {
    bool is_next = false;
    {
        const std::lock_guard lock(mutex_);
        is_next = !in_order_ || ordinal == deliver_;
        finished_octets_ += finished.stretch.octets();
        finished_.emplace(ordinal, std::move(finished));
    }
    if (is_next) for_delivery_.notify_one();
}

void Flow::worker_ended() {
    {
        const std::lock_guard lock(mutex_);
        --workers_;
    }
    for_delivery_.notify_one();
}

std::optional<Finished> Flow::next() {
    std::unique_lock lock(mutex_);
    const auto is_there = [this] {
        return !finished_.empty() && (!in_order_ || finished_.begin()->first == deliver_);
    };
    for_delivery_.wait(lock, [&] { return is_there() || workers_ == 0; });
    if (!is_there()) return std::nullopt;
    std::optional<Finished> finished(std::move(finished_.begin()->second));
    finished_.erase(finished_.begin());
    finished_octets_ -= finished->stretch.octets();
    ++deliver_;
    lock.unlock();
    for_source_.notify_one();
    return finished;
}

void Flow::abandon() {
    {
        const std::lock_guard lock(mutex_);
        abandoned_ = true;
    }
    for_source_.notify_all();
    for_workers_.notify_all();
}

}  // namespace zc::runs
