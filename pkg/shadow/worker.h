// One worker of a run: takes batches, asks, compares, asks differences again, hands over stretches.
// Used by this package only.
//
// A question goes through rounds, each one message to some of the sides: the question itself; over
// TCP if an answer was truncated; and for a difference the SOA of the zone, and the question again,
// as often as needed; or DNSKEYs when signatures have to be verified. `step` is what happens
// between rounds.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "answer/answer.h"
#include "compare/compare.h"
#include "shadow/asker.h"
#include "shadow/flow.h"
#include "shadow/judge.h"
#include "shadow/run.h"
#include "shadow/signatures.h"

namespace zc::shadow {

/// When questions may be asked: by rate over all workers, or by the times of a recording.
class Pacing {
public:
    Pacing(const RunOptions& options, base::Duration start);
    /// When the question may go; reserves the time. Threads: any.
    base::Duration due(base::Instant recorded_at, base::Duration now) noexcept;

private:
    RunOptions::Pace pace_;
    std::int64_t interval_;           // nanoseconds between questions; 0: none
    std::atomic<std::int64_t> next_;  // by rate
    std::atomic<std::int64_t>
        offset_{};  // recorded: monotonic time less recorded time; 0: not known
};

/// What all workers of a run see.
struct Shared {
    const RunOptions& options;
    std::array<std::optional<Target>, sides> targets;
    std::array<const store::Catalogue*, sides> stores{};  // of targets that are stores
    Flow& flow;
    Pacing& pacing;
    const std::atomic<bool>& stop;
    std::atomic<bool>& abandoned;  // nothing is wanted any more
    bool live = false;             // the source
};

class Worker {
public:
    /// Errors: `io`.
    static Result<std::unique_ptr<Worker>> open(Shared& shared, std::uint64_t seed);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    /// Until the source has ended, or the run is stopped, and all is answered. A thread's body.
    void run();

private:
    struct Work;
    explicit Worker(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::shadow
