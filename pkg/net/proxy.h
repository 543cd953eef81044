// PROXY protocol version 2 (HAProxy, "proxy-protocol.txt" section 2.2): a load balancer tells whose
// query it passes on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/octets.h"
#include "dns/types.h"
#include "net/endpoint.h"

namespace zc::net {

inline constexpr std::array<std::uint8_t, 12> proxy_signature = {
    0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
/// A header with its TLVs may be this long, 16 fixed octets included; 65551 would be possible.
inline constexpr std::size_t proxy_octets_max = 4096;

struct ProxyHeader {
    enum class State : std::uint8_t { complete, incomplete, malformed };

    State state = State::malformed;
    // complete: the message starts here; incomplete: so many are known to belong to the header
    std::size_t octets = 0;
    dns::Address client;     // complete: whose query it is; size 0: of the load balancer itself
                             // (LOCAL, AF_UNSPEC, AF_UNIX)
};

/// Reads the header at the start of `octets`.
ProxyHeader parse_proxy(base::Octets octets) noexcept;

bool starts_with_proxy(base::Octets octets) noexcept;

/// Writes a header for a query that `from` sent to `to`, of one family; `to` may have no address
/// (then it is told as all zeros). Gives its octets: 28 or 52, at most `out`'s size.
inline constexpr std::size_t proxy_written_octets_max = 52;
enum class Proxied : std::uint8_t { stream, datagram };
std::size_t write_proxy(std::span<std::uint8_t, proxy_written_octets_max> out, Proxied what,
                        const Endpoint& from, const Endpoint& to) noexcept;

/// Whether one of `senders` contains `address`.
bool is_listed(const std::vector<dns::Prefix>& senders, const dns::Address& address) noexcept;

}  // namespace zc::net
