// Inside of package dns: addresses between text and octets.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace zc::dns {

/// Four decimal numbers 0..255 without leading zeros. Allocates nothing.
bool parse_ipv4(std::string_view text, std::span<std::uint8_t, 4> out) noexcept;
/// RFC 4291 section 2.2, all three forms; no zone index.
bool parse_ipv6(std::string_view text, std::span<std::uint8_t, 16> out) noexcept;

void append_ipv4(std::string& out, std::span<const std::uint8_t, 4> address);
/// RFC 5952; IPv4-mapped addresses end in dotted decimal (section 5).
void append_ipv6(std::string& out, std::span<const std::uint8_t, 16> address);

}  // namespace zc::dns
