// A check of our own reasoning, on in every build: a failed one stops the node.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace zc::base {

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line) noexcept {
    static_cast<void>(std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition));
    std::abort();
}

}  // namespace zc::base

/// Aborts when `condition` is false. Only for what the programmer promised: never let it depend on
/// octets that came from outside (validate those into a `Result` first), or a stranger can stop
/// every node.
#define ZC_CHECK(condition)                 \
    (static_cast<bool>(condition) ? void(0) \
                                  : ::zc::base::check_failed(#condition, __FILE__, __LINE__))
