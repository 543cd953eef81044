#include "runtime/priority.h"

#include <sys/resource.h>
#include <unistd.h>

namespace zc::runtime {

void give_way(int niceness) noexcept {
    // On Linux niceness is a thread's own, not its process's.
    static_cast<void>(setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), niceness));
}

}  // namespace zc::runtime
