#include "runtime/memory.h"

#include <malloc.h>
#include <sys/mman.h>

namespace zc::runtime {

void advise_huge_pages(void* at, std::size_t octets) noexcept {
    static_cast<void>(madvise(at, octets, MADV_HUGEPAGE));
}

void release_free_memory() noexcept {
    malloc_trim(0);
}

}  // namespace zc::runtime
