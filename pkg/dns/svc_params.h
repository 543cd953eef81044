// Inside of package dns: SVCB's parameters by number and name.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace zc::dns {

enum class SvcKey : std::uint16_t {
    mandatory = 0,
    alpn = 1,
    no_default_alpn = 2,
    port = 3,
    ipv4hint = 4,
    ech = 5,
    ipv6hint = 6,
    dohpath = 7,
    ohttp = 8,
    tls_supported_groups = 9,
};

/// IANA "DNS SVCB Service Parameter Keys", by number; the others are written key10 … key65535. Key
/// 65535 is "invalid" (RFC 9460 section 14.3.2).
inline constexpr std::array<std::string_view, 10> svc_key_names = {
    "mandatory", "alpn",     "no-default-alpn", "port",  "ipv4hint",
    "ech",       "ipv6hint", "dohpath",         "ohttp", "tls-supported-groups",
};

inline constexpr std::uint16_t svc_key_invalid = 65535;

}  // namespace zc::dns
