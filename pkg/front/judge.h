// Inside of package front: the threads of the live front that compare what the others pass on, and
// ask again what differs.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "front/front.h"
#include "front/pair.h"

namespace zc::front {

/// Compares what comes through `channels` until destroyed; what `others` count, whose pairs go
/// elsewhere, it tells with it. A difference is asked again on a second
/// thread, if it has room; so servers that are slow to answer delay nothing else.
class PairJudge {
public:
    PairJudge(const Options& options, std::vector<Channel*> channels,
              std::vector<const Channel*> others);
    ~PairJudge();  // finishes
    PairJudge(const PairJudge&) = delete;
    PairJudge& operator=(const PairJudge&) = delete;

    /// Compares what is in the channels, waits for what is being asked again, and ends its threads.
    /// Nobody puts anything into a channel any more.
    void finish();
    /// All since the last call; see Front::take.
    judge::Stretch take();

private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::front
