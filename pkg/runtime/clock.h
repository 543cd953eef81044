// The only places where the time is asked; pure code is told it.
#pragma once

#include "base/time.h"

namespace zc::runtime {

/// Wall-clock time, for what leaves the process: cookies, signatures, logs. May jump when the clock
/// is set. About 25 ns.
base::Instant now() noexcept;

/// Time since an arbitrary start that never goes back: for deadlines and durations. About 25 ns.
base::Duration monotonic() noexcept;

}  // namespace zc::runtime
