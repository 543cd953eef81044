// Ctrl-C and SIGTERM as a flag, for verbs that work long and end cleanly.
#pragma once

#include <atomic>
#include <csignal>

namespace zc::cmd {

/// While it lives, the first SIGINT or SIGTERM sets a flag; a second one ends the process at once,
/// as without it. One at a time.
class StopOnSignals {
public:
    StopOnSignals();
    ~StopOnSignals();
    StopOnSignals(const StopOnSignals&) = delete;
    StopOnSignals& operator=(const StopOnSignals&) = delete;

    const std::atomic<bool>& flag() const noexcept;

private:
    struct sigaction interrupt_before_ {};
    struct sigaction terminate_before_ {};
};

}  // namespace zc::cmd
