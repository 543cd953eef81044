// Inside of package ingest: an import tells how far it is, and asks whether to stop.
#pragma once

#include "base/time.h"
#include "ingest/powerdns.h"
#include "runtime/clock.h"

namespace zc::ingest {

inline bool stopped(const ImportOptions& options) noexcept {
    return options.stop_or_null != nullptr && options.stop_or_null->load(std::memory_order_relaxed);
}

/// Lets a caller through at most four times a second.
class Throttle {
public:
    bool due() {
        const base::Duration now = runtime::monotonic();
        if (now < next_) return false;
        next_ = now + base::Duration::milliseconds(250);
        return true;
    }

private:
    base::Duration next_{};
};

}  // namespace zc::ingest
