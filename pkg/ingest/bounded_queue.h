// A queue between threads that makes the faster side wait.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>

namespace zc::ingest {

/// At most `items_max` items wait. Threads: any.
template <class T>
class BoundedQueue {
public:
    explicit BoundedQueue(std::size_t items_max) : items_max_(items_max) {}

    /// Waits for room. Drops the item when the queue was closed.
    void push(T item) {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [this] { return items_.size() < items_max_ || closed_; });
        if (closed_) return;
        items_.push_back(std::move(item));
        some_.notify_one();
    }

    /// Waits for an item; none when the queue was closed and is empty.
    std::optional<T> pop() {
        std::unique_lock lock(mutex_);
        some_.wait(lock, [this] { return !items_.empty() || closed_; });
        if (items_.empty()) return std::nullopt;
        std::optional<T> item(std::move(items_.front()));
        items_.pop_front();
        room_.notify_one();
        return item;
    }

    /// Nothing comes any more: waiting threads are woken; items in the queue are still given out.
    void close() {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        some_.notify_all();
        room_.notify_all();
    }

    bool closed() const {
        const std::lock_guard lock(mutex_);
        return closed_;
    }

private:
    const std::size_t items_max_;
    mutable std::mutex mutex_;
    std::condition_variable some_, room_;
    std::deque<T> items_;
    bool closed_ = false;
};

}  // namespace zc::ingest
