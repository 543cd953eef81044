// Base32 with the alphabet of hexadecimal, without padding (RFC 4648 section 7): NSEC3 has hashes
// so, as the first label of its owner name and as its next owner (RFC 5155 section 3).
//
// Pure, and without allocation: the answer path writes owner names of NSEC3 with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/octets.h"

namespace zc::dns {

/// Digits that `octets` take.
constexpr std::size_t base32hex_digits(std::size_t octets) noexcept {
    return (octets * 8 + 4) / 5;
}

/// Writes `base32hex_digits(octets.size())` digits, in lower case, to `to`. Gives the end of them.
template <class Octet>
constexpr Octet* to_base32hex(base::Octets octets, Octet* to) noexcept {
    constexpr std::string_view digits = "0123456789abcdefghijklmnopqrstuv";
    std::size_t at = 0;
    for (; octets.size() - at >= 5; at += 5) {  // eight digits
        std::uint64_t bits = 0;
        for (std::size_t i = 0; i < 5; ++i) bits = (bits << 8U) | octets[at + i];
        for (unsigned shift = 40; shift != 0; shift -= 5)
            *to++ = static_cast<Octet>(digits[(bits >> (shift - 5)) & 31U]);
    }
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (; at < octets.size(); ++at) {
        bits = (bits << 8U) | octets[at];
        count += 8;
        for (; count >= 5; count -= 5)
            *to++ = static_cast<Octet>(digits[(bits >> (count - 5)) & 31U]);
    }
    if (count != 0) *to++ = static_cast<Octet>(digits[(bits << (5 - count)) & 31U]);
    return to;
}

/// Reads digits in either case into the `digits.size() * 5 / 8` octets at `to`. Gives the bits that
/// are left behind the last whole octet, which are zero in what `to_base32hex` writes; nothing:
/// another digit.
template <class Octet>
constexpr std::optional<std::uint32_t> from_base32hex(base::Octets digits, Octet* to) noexcept {
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const std::uint8_t c : digits) {
        const bool is_upper = c >= 'A' && c <= 'V';
        std::uint32_t value = 0;
        if (c >= '0' && c <= '9')
            value = c - std::uint32_t{'0'};
        else if (is_upper || (c >= 'a' && c <= 'v'))
            value = c - (is_upper ? std::uint32_t{'A'} : std::uint32_t{'a'}) + 10;
        else
            return std::nullopt;
        bits = (bits << 5U) | value;
        count += 5;
        if (count < 8) continue;
        count -= 8;
        *to++ = static_cast<Octet>(bits >> count);
        bits &= (1U << count) - 1;
    }
    return bits;
}

}  // namespace zc::dns
