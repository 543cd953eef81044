// Inside of package ingest: one hash for names and files. Not keyed: nothing here is indexed by
// what strangers choose while others wait.
#pragma once

#include <cstdint>

#include "base/octets.h"

namespace zc::ingest {

std::uint64_t hash64(base::Octets octets) noexcept;  // XXH3

}  // namespace zc::ingest
