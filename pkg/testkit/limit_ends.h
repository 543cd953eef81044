// Whether a package keeps the limits of its options.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include <doctest/doctest.h>

#include "base/limit.h"

namespace zc::testkit {

/// Tries `limit` at both of its ends. `error_of` gives the message for a value, empty if it is taken.
template <class T, class ErrorOf>
void try_ends(const base::Limit<T>& limit, const ErrorOf& error_of) {
    const std::string name(limit.name);
    const std::uint64_t min = limit.units(limit.min), max = limit.units(limit.max);
    const auto refusal = [&](std::uint64_t found) {
        return name + ": found " + std::to_string(found) + ", wanted " + base::range_text(limit);
    };
    CAPTURE(name);
    CHECK(error_of(limit.min) == "");
    CHECK(error_of(limit.max) == "");
    CHECK(error_of(limit.value_of(max + 1)) == refusal(max + 1));
    if (min > 0) CHECK(error_of(limit.value_of(min - 1)) == refusal(min - 1));
}

}  // namespace zc::testkit
