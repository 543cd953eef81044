// The one place where the system is asked for random octets; all others are handed them.
#pragma once

#include <cstdint>
#include <span>
#include <type_traits>

#include "base/result.h"

namespace zc::runtime {

/// Octets of getrandom(2), fit for keys. Waits while the system has not gathered enough since boot.
/// Errors: `io`, `octets` are then of no use.
Status fill_randomly(std::span<std::uint8_t> octets);

/// One value of them.
template <class T>
requires std::is_trivially_copyable_v<T> Result<T> random_value() {
    T out{};
    ZC_TRY_STATUS(fill_randomly({reinterpret_cast<std::uint8_t*>(&out), sizeof out}));
    return out;
}

}  // namespace zc::runtime
