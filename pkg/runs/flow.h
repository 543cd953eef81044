// Between the threads of a run: batches of questions from the source to the workers, stretches from
// the workers to the one who delivers them, in order if wanted. Everything is bounded: there are so
// many batches, and so many stretches that wait for an earlier one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "base/time.h"
#include "capture/source.h"
#include "judge/stretch.h"

namespace zc::runs {

/// A batch, and its place in the order of the source.
struct Job {
    std::unique_ptr<capture::Batch> batch;
    std::uint64_t ordinal = 0;
    std::size_t count = 0;  // of its queries that are to be asked
};

/// The outcome of a batch.
struct Finished {
    judge::Stretch stretch;
    bool cut = false;  // the run was stopped within it: what comes behind it is not delivered
};

class Flow {
public:
    /// Stretches that may wait for an earlier one: at about 1 KiB each. A question that is asked
    /// again for seconds holds up 256 times as many that come behind it.
    static constexpr std::uint64_t ahead_max = 8192;
    /// Octets that they may hold: beyond, no more is taken from the source.
    static constexpr std::size_t ahead_octets_max = std::size_t{32} << 20;

    /// `in_order`: else stretches are delivered as they are finished.
    Flow(unsigned workers, std::size_t batches, bool in_order);

    // The source's side.
    /// An empty batch; waits for one. Null: nothing is wanted any more.
    std::unique_ptr<capture::Batch> empty_batch();
    void put(std::unique_ptr<capture::Batch> batch, std::size_t count);
    void give_back(std::unique_ptr<capture::Batch> batch);
    /// Nothing comes any more.
    void close();

    // A worker's side.
    enum class Got : std::uint8_t { job, none_yet, closed };
    /// Waits for at most `wait`.
    Got take(Job& job, base::Duration wait);
    void finish(std::uint64_t ordinal, Finished&& finished);
    void worker_ended();

    // The side that delivers.
    /// The next; none when nothing comes any more.
    std::optional<Finished> next();
    /// Ends everything: nothing is wanted any more.
    void abandon();

private:
    std::mutex mutex_;
    std::condition_variable for_source_, for_workers_, for_delivery_;
    std::vector<std::unique_ptr<capture::Batch>> empty_;
    std::deque<Job> jobs_;
    std::map<std::uint64_t, Finished> finished_;
    std::size_t finished_octets_ = 0;
    std::uint64_t ordinal_ = 0;  // of the next job
    std::uint64_t deliver_ = 0;  // how many were delivered: in order, the next one
    const bool in_order_;
    unsigned workers_;
    bool closed_ = false, abandoned_ = false;
};

}  // namespace zc::runs
