#include "runtime/published.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace zc::runtime {
namespace {

/// Every thread of the process that runs passes a full barrier before this returns.
bool membarrier(membarrier_cmd command) noexcept {
    return syscall(SYS_membarrier, command, 0, 0) == 0;
}

}  // namespace

Grace::Grace(std::size_t readers) : slots_(readers) {
    if (!membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED))
        throw std::system_error(errno, std::generic_category(),
                                "membarrier(2), which Linux has since 4.14, is not allowed here");
}

void Grace::make_room() {
    if (retired_.size() == retired_.capacity()) retired_.reserve(2 * retired_.size() + 1);
}

void Grace::retire(std::shared_ptr<void> garbage) {
    const std::uint64_t epoch = epoch_.load(std::memory_order_relaxed) + 1;
    epoch_.store(epoch, std::memory_order_release);
    // After this a reader that still saw the earlier value has made its slot visible: its store
    // comes before its load in program order, and the barrier lies after the load. One whose slot
    // is not visible yet loads after the barrier, and sees the new value. It cannot fail once it
    // was registered.
    membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    retired_.push_back({epoch, std::move(garbage)});
}

std::size_t Grace::collect() {
    std::uint64_t oldest = UINT64_MAX;
    for (const Slot& slot : slots_) {
        const std::uint64_t since = slot.since.load(std::memory_order_acquire);
        if (since != 0) oldest = std::min(oldest, since);
    }
    const auto waiting = std::find_if(retired_.begin(), retired_.end(),
                                      [&](const Retired& r) { return r.epoch > oldest; });
    retired_.erase(retired_.begin(), waiting);
    return retired_.size();
}

}  // namespace zc::runtime
