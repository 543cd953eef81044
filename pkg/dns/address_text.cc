#include "dns/address_text.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace zc::dns {

bool parse_ipv4(std::string_view text, std::span<std::uint8_t, 4> out) noexcept {
    const char* p = text.data();
    const char* const end = p + text.size();
    for (std::size_t i = 0; i < 4; ++i) {
        if (i > 0 && (p == end || *p++ != '.')) return false;
        if (p == end || *p < '0' || *p > '9') return false;
        auto value = static_cast<std::uint32_t>(*p++ - '0');
        const bool leading_zero = value == 0;
        for (; p != end && *p >= '0' && *p <= '9'; ++p) {
            value = value * 10 + static_cast<std::uint32_t>(*p - '0');
            if (value > 255 || leading_zero) return false;
        }
        out[i] = static_cast<std::uint8_t>(value);
    }
    return p == end;
}

bool parse_ipv6(std::string_view text, std::span<std::uint8_t, 16> out) noexcept {
    std::array<std::uint8_t, 16> octets{};
    std::size_t size = 0;                 // octets written
    std::size_t gap = octets.size() + 1;  // where "::" stands; none yet
    const char* p = text.data();
    const char* const end = p + text.size();
    if (end - p >= 2 && p[0] == ':' && p[1] == ':') {
        gap = 0;
        p += 2;
    } else if (p == end || *p == ':') {
        return false;
    }
    while (p != end) {
        const char* const group = p;
        std::uint32_t value = 0;
        for (; p != end && p - group < 5; ++p) {
            const char c = *p;
            if (c >= '0' && c <= '9')
                value = value * 16 + static_cast<std::uint32_t>(c - '0');
            else if (c >= 'a' && c <= 'f')
                value = value * 16 + static_cast<std::uint32_t>(c - 'a' + 10);
            else if (c >= 'A' && c <= 'F')
                value = value * 16 + static_cast<std::uint32_t>(c - 'A' + 10);
            else
                break;
        }
        if (p != end && *p == '.') {  // dotted decimal in the last four octets
            if (size > 12 || !parse_ipv4({group, end}, std::span(octets).subspan(size).first<4>()))
                return false;
            size += 4;
            break;
        }
        if (p == group || p - group > 4 || size > 14) return false;
        octets[size++] = static_cast<std::uint8_t>(value >> 8U);
        octets[size++] = static_cast<std::uint8_t>(value);
        if (p == end) break;
        if (*p++ != ':' || p == end) return false;
        if (*p == ':') {
            if (gap <= octets.size()) return false;
            gap = size;
            ++p;
        }
    }
    if (gap <= octets.size()) {
        if (size > 14) return false;  // "::" is at least one group of zeros
        const auto at = octets.begin() + static_cast<std::ptrdiff_t>(gap);
        std::rotate(at, octets.begin() + static_cast<std::ptrdiff_t>(size), octets.end());
        size = octets.size();
    }
    if (size != octets.size()) return false;
    std::ranges::copy(octets, out.begin());
    return true;
}

void append_ipv4(std::string& out, std::span<const std::uint8_t, 4> address) {
    for (std::size_t i = 0; i < 4; ++i) {
        if (i > 0) out += '.';
        const std::uint8_t value = address[i];
        if (value >= 100) out += static_cast<char>('0' + value / 100);
        if (value >= 10) out += static_cast<char>('0' + value / 10 % 10);
        out += static_cast<char>('0' + value % 10);
    }
}

void append_ipv6(std::string& out, std::span<const std::uint8_t, 16> address) {
    std::array<std::uint32_t, 8> groups{};
    for (std::size_t i = 0; i < 8; ++i)
        groups[i] = (std::uint32_t{address[2 * i]} << 8U) | address[2 * i + 1];

    // The longest run of at least two zero groups becomes "::", the first of equals (RFC 5952
    // section 4.2).
    std::size_t gap = 8;
    std::size_t gap_groups = 1;
    for (std::size_t i = 0; i < 8; ++i) {
        std::size_t end = i;
        while (end < 8 && groups[end] == 0) ++end;
        if (end - i > gap_groups) {
            gap = i;
            gap_groups = end - i;
        }
    }
    const bool mapped = gap == 0 && gap_groups == 5 && groups[5] == 0xffff;
    for (std::size_t i = 0; i < 8; ++i) {
        if (i == gap) {
            out += "::";
            i += gap_groups - 1;
            continue;
        }
        if (i > 0 && out.back() != ':') out += ':';
        if (mapped && i == 6) {
            append_ipv4(out, address.subspan<12, 4>());
            return;
        }
        std::array<char, 4> digits{};
        const auto written =
            std::to_chars(digits.data(), digits.data() + digits.size(), groups[i], 16);
        out.append(digits.data(), written.ptr);
    }
}

}  // namespace zc::dns
