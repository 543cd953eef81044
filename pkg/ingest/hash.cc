#include "ingest/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace zc::ingest {

std::uint64_t hash64(base::Octets octets) noexcept {
    return XXH3_64bits(octets.data(), octets.size());
}

}  // namespace zc::ingest
