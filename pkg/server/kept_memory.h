// Inside of package server: how much the TCP connections of one worker keep in memory, in all and by
// network, and who has to make room.
//
// One network may keep an eighth. Over that it has to make room itself; when all is full, the
// network that keeps most has to. So nobody who is there keeps a newcomer out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

namespace zc::server {

class KeptMemory {
public:
    /// `seed` is secret: strangers choose the networks.
    explicit KeptMemory(std::uint64_t seed) : networks_(16, Hash{seed}) {}

    /// Counts `octets` more for `network`, of `octets_max` that all may keep. Gives the network that
    /// has to make room now, if one has to: it keeps something. Throws std::bad_alloc, and counts
    /// nothing then.
    std::optional<std::uint64_t> add(std::uint64_t network, std::size_t octets,
                                     std::uint64_t octets_max);
    /// Counts `octets` less.
    void remove(std::uint64_t network, std::size_t octets) noexcept;

private:
    struct Hash {
        std::uint64_t seed;
        std::size_t operator()(std::uint64_t network) const noexcept;
    };

    std::size_t octets_ = 0;                                         // of all
    std::unordered_map<std::uint64_t, std::size_t, Hash> networks_;  // none with 0
};

}  // namespace zc::server
