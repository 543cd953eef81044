// Instants and durations as plain values: pure code is told the time, it never asks.
#pragma once

#include <compare>
#include <cstdint>

namespace zc::base {

/// A length of time in nanoseconds; may be negative.
struct Duration {
    std::int64_t nanoseconds = 0;

    static constexpr Duration seconds(std::int64_t n) { return {n * 1'000'000'000}; }
    static constexpr Duration milliseconds(std::int64_t n) { return {n * 1'000'000}; }
    static constexpr Duration microseconds(std::int64_t n) { return {n * 1'000}; }
    constexpr std::int64_t whole_seconds() const { return nanoseconds / 1'000'000'000; }
    constexpr double as_seconds() const { return static_cast<double>(nanoseconds) / 1e9; }

    constexpr auto operator<=>(const Duration&) const = default;
    constexpr Duration operator+(Duration other) const { return {nanoseconds + other.nanoseconds}; }
    constexpr Duration operator-(Duration other) const { return {nanoseconds - other.nanoseconds}; }
    constexpr Duration operator*(std::int64_t factor) const { return {nanoseconds * factor}; }
};

/// Nanoseconds since 1970-01-01 00:00 UTC, leap seconds not counted: enough until 2262.
struct Instant {
    std::int64_t nanoseconds = 0;

    constexpr std::uint32_t unix_seconds() const {
        return static_cast<std::uint32_t>(nanoseconds / 1'000'000'000);
    }
    constexpr auto operator<=>(const Instant&) const = default;
    constexpr Instant operator+(Duration other) const { return {nanoseconds + other.nanoseconds}; }
    constexpr Instant operator-(Duration other) const { return {nanoseconds - other.nanoseconds}; }
    constexpr Duration operator-(Instant other) const { return {nanoseconds - other.nanoseconds}; }
};

}  // namespace zc::base
