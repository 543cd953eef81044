// One worker of a run: takes batches, asks, compares, asks differences again, hands over stretches.
// Used by this package only.
//
// A question goes through rounds, each one message to some of the sides: the question itself; over
// TCP if an answer was truncated; and for a difference the SOA of the zone, and the question again,
// as often as needed; or DNSKEYs when signatures have to be verified. `step` is what happens
// between rounds.
#pragma once

#include <algorithm>
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
#include "ask/asker.h"
#include "compare/compare.h"
#include "judge/collector.h"
#include "judge/signatures.h"
#include "runs/flow.h"
#include "runs/run.h"

namespace zc::runs {

/// When questions may be asked: by rate over all workers, or by the times of a recording.
class Pacing {
public:
    Pacing(const Options& options, base::Duration start);
    /// When the question may go; reserves the time. Threads: any.
    base::Duration due(base::Instant recorded_at, base::Duration now) noexcept;

private:
    Options::Pace pace_;
    std::int64_t interval_;           // nanoseconds between questions; 0: none
    std::atomic<std::int64_t> next_;  // by rate
    std::atomic<std::int64_t>
        offset_{};  // recorded: monotonic time less recorded time; 0: not known
};

/// How many questions may be in flight: up to the window, and fewer while datagrams get lost. A
/// target on a busy machine drops what its socket has no room for, and nothing else tells: without
/// this, servers that are merely slow would be reported as not answering. Only questions that are
/// answered in the end, if too late, make it smaller: what is never answered is no matter of load.
class FlightControl {
public:
    explicit FlightControl(std::uint32_t window) noexcept
        : window_(window), allowed_(std::min(window, first)) {}
    std::uint32_t allowed() const noexcept { return allowed_; }
    /// `done` questions were answered, or given up; `lost` datagrams were answered only after they
    /// were sent again, or when nobody waited any more. `timeout`: of a sending, so that the losses
    /// of one burst count once.
    void answered(std::size_t done, std::uint64_t lost, base::Duration now,
                  base::Duration timeout) noexcept;

private:
    static constexpr std::uint32_t first = 64;  // then it grows
    static constexpr std::uint32_t lowest = 8;
    static constexpr std::uint64_t steady = 8;  // windows without a loss for one more

    std::uint32_t window_, allowed_;
    std::uint64_t since_ = 0;  // answered since it grew
    bool has_lost_ = false;
    base::Duration not_before_{};
};

/// The part of a run that all its workers see.
struct Shared {
    const Options& options;
    std::array<std::optional<Target>, judge::sides> targets;
    std::array<const catalogue::Catalogue*, judge::sides> stores{};  // of targets that are stores
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
    /// Once, also for what there is no thread: the flow waits for it. Throws std::bad_alloc.
    void run();

private:
    struct Work;
    explicit Worker(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::runs
