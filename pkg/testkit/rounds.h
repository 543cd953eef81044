// The length of a test that has a long form.
#pragma once

#include <cstdlib>

#include <doctest/doctest.h>

namespace zc::testkit {

/// The number in the environment's `variable`, which is at least 1; `ordinary` when it is not set.
inline int rounds(const char* variable, int ordinary) {
    const char* const wanted = std::getenv(variable);
    if (wanted == nullptr) return ordinary;
    const int count = std::atoi(wanted);
    REQUIRE(count > 0);
    return count;
}

}  // namespace zc::testkit
