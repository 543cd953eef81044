// Inside of package server: how any thread tells a worker's TCP thread that there is something to
// do for a late answer.
//
// A bell belongs to one late answer. Bells that were rung hang in a list until the worker takes
// them. Ringing allocates nothing and never fails.
#pragma once

#include <memory>
#include <mutex>

#include "net/descriptor.h"

namespace zc::server {

class Bells;
struct LateAnswer;

class Bell : public std::enable_shared_from_this<Bell> {
public:
    explicit Bell(std::shared_ptr<Bells> bells) noexcept : bells_(std::move(bells)) {}
    void ring() noexcept;

    /// The worker's alone; null when nobody waits for the answer any more.
    LateAnswer* whose_or_null = nullptr;

private:
    friend class Bells;
    std::shared_ptr<Bells> bells_;  // shared by all bells of a worker, and by the worker
    std::shared_ptr<Bell> next_;    // in the list, which owns it
    bool rung_ = false;
};

/// The bells of one worker.
class Bells {
public:
    /// Throws std::system_error.
    Bells();

    /// The worker's: readable when something was rung since the last `hush`.
    int descriptor() const noexcept { return event_.get(); }
    void hush() noexcept;
    /// The next one that was rung; null when there is none.
    std::shared_ptr<Bell> take() noexcept;
    /// Nobody listens any more: bells do nothing from now on.
    void close() noexcept;
    /// Makes the worker look, without a bell.
    void wake() noexcept;

private:
    friend class Bell;
    std::mutex mutex_;
    std::shared_ptr<Bell> first_;
    bool closed_ = false;
    net::Descriptor event_;
};

}  // namespace zc::server
