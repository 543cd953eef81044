#include "runtime/random.h"

#include <cerrno>

#include <sys/random.h>

namespace zc::runtime {

Status fill_randomly(std::span<std::uint8_t> octets) {
    while (!octets.empty()) {
        const ssize_t count = ::getrandom(octets.data(), octets.size(), 0);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return base::fail_errno(errno, "getrandom");
        octets = octets.subspan(static_cast<std::size_t>(count));
    }
    return {};
}

}  // namespace zc::runtime
