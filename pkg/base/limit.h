// The limits of an option as data. Its flag, the help, the man page, `config check` and the package
// that takes the option read the same ones.
//
//     struct TcpLimits {
//         static constexpr base::Limit<std::uint32_t> connections_limit = {
//             .name = "tcp-connections", .min = 1, .initial = 10'000, .max = 1'000'000};
//         std::uint32_t connections_max = connections_limit.initial;
//     };
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace zc::base {

/// The thing that a number counts.
enum class Unit : std::uint8_t { count, seconds, octets, bits, per_second, milliseconds };

template <class T>
struct Limit {
    std::string_view name;  // of the setting: its flag without the dashes
    T min{};
    T initial{};  // the value when nobody gives one
    T max{};
    Unit unit = Unit::count;

    constexpr bool contains(T value) const noexcept { return value >= min && value <= max; }
    constexpr std::uint64_t units(T value) const noexcept { return value; }
    constexpr T value_of(std::uint64_t units) const noexcept { return static_cast<T>(units); }
};

/// A time, set in whole seconds or milliseconds. Code may give a time between two of them.
template <>
struct Limit<Duration> {
    std::string_view name;
    Duration min, initial, max;
    Unit unit = Unit::seconds;

    /// Any time above 0 is enough where the smallest setting is 1.
    constexpr bool contains(Duration value) const noexcept {
        return value <= max && (min == Duration() ? value >= min : value > min - value_of(1));
    }
    constexpr std::uint64_t units(Duration value) const noexcept {
        return static_cast<std::uint64_t>(value.nanoseconds / value_of(1).nanoseconds);
    }
    constexpr Duration value_of(std::uint64_t units) const noexcept {
        const auto whole = static_cast<std::int64_t>(units);
        return unit == Unit::milliseconds ? Duration::milliseconds(whole)
                                          : Duration::seconds(whole);
    }
};

/// "1..64"
std::string range_text(std::uint64_t min, std::uint64_t max);
template <class T>
std::string range_text(const Limit<T>& limit) {
    return range_text(limit.units(limit.min), limit.units(limit.max));
}

/// "tcp-connections: found 0, wanted 1..1000000"
tl::unexpected<Error> fail_limit(std::string_view name, std::uint64_t found,
                                 const std::string& range);

/// Errors: `limit` for a value outside.
template <class T>
Status check(const Limit<T>& limit, T value) {
    if (limit.contains(value)) return {};
    return fail_limit(limit.name, limit.units(value), range_text(limit));
}

}  // namespace zc::base
