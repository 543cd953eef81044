#include "runtime/clock.h"

#include <ctime>

namespace zc::runtime {
namespace {

std::int64_t read(clockid_t clock) noexcept {
    timespec time{};
    clock_gettime(clock, &time);  // fails only for a clock that does not exist
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

}  // namespace

base::Instant now() noexcept {
    return {read(CLOCK_REALTIME)};
}

base::Duration monotonic() noexcept {
    return {read(CLOCK_MONOTONIC)};
}

}  // namespace zc::runtime
