// Inside of package ingest: an import tells how far it is, and asks whether to stop.
#pragma once

#include <chrono>

#include "ingest/powerdns.h"

namespace zc::ingest {

inline bool stopped(const ImportOptions& options) noexcept {
    return options.stop_or_null != nullptr && options.stop_or_null->load(std::memory_order_relaxed);
}

/// Lets a caller through at most four times a second.
class Throttle {
public:
    bool due() {
        const auto now = std::chrono::steady_clock::now();
        if (now < next_) return false;
        next_ = now + std::chrono::milliseconds(250);
        return true;
    }

private:
    std::chrono::steady_clock::time_point next_{};
};

}  // namespace zc::ingest
