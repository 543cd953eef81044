#include "net/proxy.h"

#include <algorithm>

namespace zc::net {
namespace {

constexpr std::size_t fixed_octets = 16;
constexpr std::uint8_t command_local = 0x20;
constexpr std::uint8_t command_proxy = 0x21;
// Family in the upper four bits, transport in the lower; the transport does not matter to us.
constexpr std::uint8_t family_unspecified = 0;
constexpr std::uint8_t family_inet = 1;
constexpr std::uint8_t family_inet6 = 2;
constexpr std::uint8_t family_unix = 3;
constexpr std::uint16_t unix_octets = 216;  // two paths

dns::Address read_address(base::Reader& in, std::uint8_t size) noexcept {
    dns::Address address;
    address.size = size;
    const base::Octets octets = in.octets(size);
    std::copy(octets.begin(), octets.end(), address.octets.begin());
    return address;
}

}  // namespace

ProxyHeader parse_proxy(base::Octets octets) noexcept {
    using State = ProxyHeader::State;
    const std::size_t known = std::min(octets.size(), proxy_signature.size());
    if (!std::equal(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(known),
                    proxy_signature.begin()))
        return {};
    if (octets.size() < fixed_octets) return {State::incomplete, fixed_octets, {}};

    base::Reader in(octets);
    in.skip(proxy_signature.size());
    const std::uint8_t command = in.u8();
    const auto family = static_cast<std::uint8_t>(in.u8() >> 4);
    const std::uint16_t rest = in.u16();
    if (command != command_local && command != command_proxy) return {};
    if (fixed_octets + rest > proxy_octets_max) return {};
    if (in.remaining() < rest) return {State::incomplete, fixed_octets + rest, {}};

    ProxyHeader header{State::complete, fixed_octets + rest, {}};
    if (command == command_local || family == family_unspecified) return header;
    // A family that is valid and of no use here counts as none (section 2.2).
    if (family == family_unix && rest >= unix_octets) return header;
    // Source address, destination address, two ports, then TLVs that nobody here needs.
    const std::uint8_t size = family == family_inet ? 4 : 16;
    if (family != family_inet && family != family_inet6) return {};
    if (rest < 2 * size + 4) return {};
    header.client = read_address(in, size);
    return header;
}

bool starts_with_proxy(base::Octets octets) noexcept {
    return octets.size() >= proxy_signature.size() &&
           std::equal(proxy_signature.begin(), proxy_signature.end(), octets.begin());
}

std::size_t write_proxy(std::span<std::uint8_t, proxy_written_octets_max> out, Proxied what,
                        const Endpoint& from, const Endpoint& to) noexcept {
    const bool ipv4 = from.address.size == 4;
    const std::size_t size = ipv4 ? 4 : 16;
    base::Writer writer(out);
    writer.octets(proxy_signature);
    // In one: gcc 12 with optimisation takes two octets behind the signature for out of bounds.
    writer.u16(static_cast<std::uint16_t>(command_proxy << 8 |
                                          (ipv4 ? family_inet : family_inet6) << 4 |
                                          (what == Proxied::stream ? 1 : 2)));
    writer.u16(static_cast<std::uint16_t>(2 * size + 4));
    writer.octets(base::Octets(from.address.octets).first(size));
    writer.octets(base::Octets(to.address.octets).first(size));
    writer.u16(from.port);
    writer.u16(to.port);
    return writer.size();
}

bool is_listed(const std::vector<dns::Prefix>& senders, const dns::Address& address) noexcept {
    return std::any_of(senders.begin(), senders.end(),
                       [&](const dns::Prefix& prefix) { return prefix.contains(address); });
}

}  // namespace zc::net
