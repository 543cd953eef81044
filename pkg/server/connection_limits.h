// How many TCP connections there are, in all and by network. Shared by the workers, and locked:
// once when a connection opens and once when it closes, never for a query. Exact limits are worth
// that: the system spreads the connections of one client over the workers, so a share for each
// worker would be too small or too large.
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>

#include "dns/types.h"

namespace zc::server {

/// The network that a limit counts together: /24 or /56, as a number.
std::uint64_t connection_network(const dns::Address& client) noexcept;

class ConnectionLimits {
public:
    explicit ConnectionLimits(std::uint64_t seed) : networks_(16, Hash{seed}) {}

    /// Counts one more connection, unless there are `max` already.
    bool open(std::uint32_t max);
    void close();
    /// Counts one more of `network`, unless there are `max` already.
    bool enter(std::uint64_t network, std::uint32_t max);
    void leave(std::uint64_t network);

private:
    struct Hash {
        std::uint64_t seed;  // strangers choose the keys
        std::size_t operator()(std::uint64_t network) const noexcept;
    };

    std::mutex mutex_;
    std::uint32_t open_ = 0;
    std::unordered_map<std::uint64_t, std::uint32_t, Hash>
        networks_;  // at most one entry a connection
};

}  // namespace zc::server
