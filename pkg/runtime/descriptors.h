// How many files and sockets this process may have open.
#pragma once

#include <cstdint>

namespace zc::runtime {

/// Raises the soft limit to `wanted`, or as far as the hard one lets. Every connection is a
/// descriptor, and the usual soft limit is 1024. Where it cannot be raised there are fewer
/// connections: accept says so.
void raise_descriptor_limit(std::uint64_t wanted) noexcept;

}  // namespace zc::runtime
