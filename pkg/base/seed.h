// Randomness as a value: whoever needs it is given a seed, and the same seed gives the same
// numbers.
#pragma once

#include <cstdint>

namespace zc::base {

/// splitmix64: fast, of full period, good enough for tables, jitter and simulation. Never for keys.
class Seed {
public:
    explicit constexpr Seed(std::uint64_t value) noexcept : state_(value) {}

    constexpr std::uint64_t next() noexcept {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31);
    }
    /// 0 … limit - 1; `limit` at least 1. The bias is below limit / 2^64.
    constexpr std::uint64_t below(std::uint64_t limit) noexcept {
        __extension__ using Wide = unsigned __int128;
        return static_cast<std::uint64_t>((static_cast<Wide>(next()) * limit) >> 64);
    }

private:
    std::uint64_t state_;
};

}  // namespace zc::base
