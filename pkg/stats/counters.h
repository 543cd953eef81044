// Numbers that one thread counts while others read them, never locked.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace zc::stats {

/// A number that one thread adds to and others read. An addition is a load, an add and a store: no
/// `lock` prefix.
class Counter {
public:
    void add(std::uint64_t n) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

/// Times in powers of two: bucket i counts what took at most 1 µs × 2^i, the last one everything
/// longer.
class Histogram {
public:
    static constexpr std::size_t buckets = 22;  // 1 µs to 1.05 s, and longer
    void add(base::Duration taken) noexcept;
    std::uint64_t count(std::size_t bucket) const noexcept { return counts_[bucket].value(); }
    std::uint64_t nanoseconds() const noexcept { return nanoseconds_.value(); }
    /// The upper edge of `bucket` in nanoseconds; the last bucket has none.
    static constexpr std::uint64_t edge(std::size_t bucket) noexcept {
        return std::uint64_t{1000} << bucket;
    }

private:
    std::array<Counter, buckets> counts_;
    Counter nanoseconds_;
};

}  // namespace zc::stats
