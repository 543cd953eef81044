// Seeds that come one by one, each by itself.
#pragma once

#include <cstdint>
#include <functional>

#include "base/seed.h"

namespace zc::base {

/// Gives another seed at each call. Tables that strangers fill are keyed by such seeds, and each
/// table needs a draw of its own (runtime/random.h): the state of a `Seed` can be computed from one
/// of its numbers, so that a table which gives its key away would give those of all others away.
using SeedSource = std::function<std::uint64_t()>;

/// The numbers of a `Seed`, for tests: the same at each run.
inline SeedSource numbers_of(Seed seed) {
    return [seed]() mutable { return seed.next(); };
}

}  // namespace zc::base
