// How threads of one process share its cores.
#pragma once

namespace zc::runtime {

/// Makes the calling thread nicer, for good: it leaves the core to others that want it. `niceness`
/// is 1..19, as of nice(2); where the system does not allow it, nothing changes.
void give_way(int niceness) noexcept;

}  // namespace zc::runtime
