// Two ways to go on where an allocation may fail and something must be done nevertheless.
#pragma once

#include <chrono>
#include <thread>

#include "runtime/workers.h"

namespace zc::node {

/// For words: they are lost if there is no memory for them.
template <class Work>
void tell(Work work) noexcept {
    static_cast<void>(runtime::caught([&work] { work(); }));
}

/// For the little without which the node would be deaf. It waits until others give memory back.
template <class Work>
void sooner_or_later(Work work) noexcept {
    constexpr std::chrono::milliseconds retry_interval{10};
    while (!runtime::caught([&work] { work(); })) std::this_thread::sleep_for(retry_interval);
}

}  // namespace zc::node
