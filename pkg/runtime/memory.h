// Hints to the system about memory. None of them can fail in a way that matters.
#pragma once

#include <cstddef>

namespace zc::runtime {

/// Asks for huge pages behind `octets` octets at `at` (2 MiB aligned): a lookup among millions of
/// zones misses the TLB less often, which is worth a tenth of its time. The kernel gives them while
/// it has free ones.
void advise_huge_pages(void* at, std::size_t octets) noexcept;

/// Gives back what the allocator keeps for later: after loading, when much was freed and little
/// will be asked for.
void release_free_memory() noexcept;

}  // namespace zc::runtime
