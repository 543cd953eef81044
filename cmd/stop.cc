#include "stop.h"

namespace zc::cmd {
namespace {

std::atomic<bool> stopped{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler may touch nothing else

void on_signal(int /*number*/) {
    stopped = true;
}

}  // namespace

StopOnSignals::StopOnSignals() {
    stopped = false;
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &interrupt_before_);
    sigaction(SIGTERM, &action, &terminate_before_);
}

StopOnSignals::~StopOnSignals() {
    sigaction(SIGINT, &interrupt_before_, nullptr);
    sigaction(SIGTERM, &terminate_before_, nullptr);
}

const std::atomic<bool>& StopOnSignals::flag() const noexcept {
    return stopped;
}

}  // namespace zc::cmd
