#include "runtime/descriptors.h"

#include <algorithm>

#include <sys/resource.h>

namespace zc::runtime {

void raise_descriptor_limit(std::uint64_t wanted) noexcept {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const rlim_t raised = std::min<rlim_t>(limit.rlim_max, wanted);
    if (limit.rlim_cur >= raised) return;
    limit.rlim_cur = raised;
    setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace zc::runtime
