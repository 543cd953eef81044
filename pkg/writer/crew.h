// Threads that work for the control thread.
//
// The writer decides on the control thread and waits for nobody there. Slow work goes to a lane: reading
// rows and splicing large images to one, committing to the other. When a job is done, the control thread
// hears of it.
#pragma once

#include <cstdint>
#include <functional>

#include "base/time.h"

namespace zc::writer {

enum class Lane : std::uint8_t {
    log,     // commits
    work,    // rows, and changes of large images
    upkeep,  // SQLite's checkpoints
};

class Crew {
public:
    virtual ~Crew() = default;
    /// Runs `job` on the thread of its lane, one after the other in their order, and then `after` on
    /// the control thread. `job` throws nothing.
    virtual void run(Lane lane, std::function<void()> job, std::function<void()> after) = 0;
    /// Calls `then` on the control thread after that time.
    virtual void later(base::Duration time, std::function<void()> then) = 0;
};

}  // namespace zc::writer
