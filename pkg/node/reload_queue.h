// Reloads that were asked for, and those who wait for their reports.
//
// A reload that is under way may not see the latest files. So it serves those alone who asked before it
// began; all who ask later share the next one.
#pragma once

#include <memory>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "term/json.h"

namespace zc::node {

struct Reload {
    explicit Reload(boost::asio::io_context& io)
        : done(io, boost::asio::steady_timer::time_point::max()) {}

    boost::asio::steady_timer
        done;           // never expires: cancelled when the report is there, or never comes
    term::Json report;  // null: there is none
};

/// Threads: one, the control thread.
class ReloadQueue {
public:
    explicit ReloadQueue(boost::asio::io_context& io) : io_(io) {}

    /// A reload that begins after this call. It is to be begun at once if `begin_next` says so.
    /// Throws std::bad_alloc.
    std::shared_ptr<Reload> ask() {
        if (!next_) next_ = std::make_shared<Reload>(io_);
        return next_;
    }
    /// None is under way: true, if somebody waits for one. It is under way from then on.
    bool begin_next() noexcept {
        current_ = std::exchange(next_, nullptr);
        return current_ != nullptr;
    }
    /// The report of the reload under way.
    void report(term::Json report) { current_->report = std::move(report); }
    /// The one under way has ended, with a report or without.
    void end() {
        current_->done.cancel();
        current_ = nullptr;
    }
    /// No report comes any more.
    void cancel() {
        for (const auto& reload : {current_, next_})
            if (reload) reload->done.cancel();
    }

private:
    boost::asio::io_context& io_;
    std::shared_ptr<Reload> current_, next_;  // shared with those who wait
};

}  // namespace zc::node
