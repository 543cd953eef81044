#include "capture/packets.h"

#include <algorithm>
#include <cstring>

#include <pcap/dlt.h>

namespace zc::capture {

namespace {

constexpr std::uint16_t ethertype_ipv4 = 0x0800, ethertype_ipv6 = 0x86dd;
// IEEE 802.1Q, 802.1ad, and what bridges said before it was standardised.
constexpr std::uint16_t ethertype_vlan = 0x8100, ethertype_qinq = 0x88a8,
                        ethertype_old_qinq = 0x9100;
constexpr int vlan_tags_max = 4;
constexpr int extension_headers_max = 16;  // RFC 8200 has six

constexpr std::uint8_t protocol_hop_by_hop = 0, protocol_tcp = 6, protocol_udp = 17,
                       protocol_routing = 43, protocol_fragment = 44, protocol_authentication = 51,
                       protocol_destination = 60;

constexpr std::size_t udp_header_octets = 8, tcp_header_octets = 20, ipv4_header_octets = 20,
                      ipv6_header_octets = 40;

dns::Address address(base::Octets octets) noexcept {
    dns::Address address;
    std::memcpy(address.octets.data(), octets.data(), octets.size());
    address.size = static_cast<std::uint8_t>(octets.size());
    return address;
}

}  // namespace

bool Packets::knows(int link_type) noexcept {
    switch (link_type) {
        case DLT_EN10MB:
        case DLT_RAW:
        case DLT_IPV4:
        case DLT_IPV6:
        case DLT_LINUX_SLL:
        case DLT_LINUX_SLL2:
        case DLT_NULL:
        case DLT_LOOP:
            return true;
        default:
            return false;
    }
}

Packets::Packets(int link_type, std::uint16_t port, Pairing& pairing)
    : link_type_(link_type), port_(port), pairing_(pairing) {}

void Packets::add(base::Octets captured, std::size_t wire_octets, base::Instant at) {
    at_ = at;
    clock_ = std::max(clock_, at);
    pairing_.advance(clock_);
    const std::size_t missing =
        wire_octets > captured.size() ? wire_octets - captured.size() : std::size_t{0};
    const auto cut = [&] { pairing_.skip(missing != 0 ? Skipped::cut_short : Skipped::not_dns); };
    switch (link_type_) {
        case DLT_EN10MB:
            if (captured.size() < 14) return cut();
            ethertype(base::load_u16(&captured[12]), captured.subspan(14), missing);
            break;
        case DLT_LINUX_SLL:
            if (captured.size() < 16) return cut();
            ethertype(base::load_u16(&captured[14]), captured.subspan(16), missing);
            break;
        case DLT_LINUX_SLL2:
            if (captured.size() < 20) return cut();
            ethertype(base::load_u16(&captured[0]), captured.subspan(20), missing);
            break;
        case DLT_NULL:
        case DLT_LOOP:
            // Four octets of an address family, whose number and order are those of the machine
            // that captured: the packet's own version is plainer.
            if (captured.size() < 4) return cut();
            network(captured.subspan(4), missing);
            break;
        default:
            network(captured, missing);
            break;  // raw IP
    }
    if (const std::uint64_t lost = fragments_.take_lost(clock_); lost != 0)
        pairing_.skip(Skipped::fragment, lost);
}

void Packets::finish() {
    if (const std::uint64_t lost = fragments_.finish(); lost != 0)
        pairing_.skip(Skipped::fragment, lost);
    streams_.finish();
    pairing_.finish();
}

void Packets::ethertype(std::uint16_t type, base::Octets packet, std::size_t missing) {
    for (int tags = 0;
         type == ethertype_vlan || type == ethertype_qinq || type == ethertype_old_qinq; ++tags) {
        if (packet.size() < 4 || tags == vlan_tags_max)
            return pairing_.skip(missing != 0 ? Skipped::cut_short : Skipped::not_dns);
        type = base::load_u16(&packet[2]);
        packet = packet.subspan(4);
    }
    if (type == ethertype_ipv4)
        ipv4(packet, missing);
    else if (type == ethertype_ipv6)
        ipv6(packet, missing);
    else
        pairing_.skip(Skipped::not_dns);
}

void Packets::network(base::Octets packet, std::size_t missing) {
    const unsigned version = packet.empty() ? 0U : packet[0] >> 4U;
    if (version == 4)
        ipv4(packet, missing);
    else if (version == 6)
        ipv6(packet, missing);
    else
        pairing_.skip(packet.empty() && missing != 0 ? Skipped::cut_short : Skipped::not_dns);
}

void Packets::ipv4(base::Octets packet, std::size_t missing) {
    if (packet.size() < ipv4_header_octets)
        return pairing_.skip(missing != 0 ? Skipped::cut_short : Skipped::not_dns);
    const std::size_t header = (packet[0] & 0x0fU) * std::size_t{4};
    std::size_t total = base::load_u16(&packet[2]);
    // Segmentation offload: the kernel captures before the card writes the length.
    if (total == 0) total = packet.size() + missing;
    if (packet[0] >> 4U != 4 || header < ipv4_header_octets || total < header)
        return pairing_.skip(Skipped::not_dns);
    if (packet.size() < header)
        return pairing_.skip(missing != 0 ? Skipped::cut_short : Skipped::not_dns);
    Datagram datagram{.source = address(packet.subspan(12, 4)),
                      .target = address(packet.subspan(16, 4)),
                      .protocol = packet[9],
                      // A frame is padded to its least length.
                      .payload = packet.first(std::min(total, packet.size())).subspan(header),
                      .payload_octets = total - header};
    const std::uint16_t place = base::load_u16(&packet[6]);
    if ((place & 0x3fffU) == 0) return transport(datagram);
    if (datagram.protocol != protocol_udp && datagram.protocol != protocol_tcp)
        return pairing_.skip(Skipped::not_dns);
    fragment(datagram, {.of = {datagram.source, datagram.target, base::load_u16(&packet[4]),
                               datagram.protocol},
                        .offset = (place & 0x1fffU) * std::size_t{8},
                        .more = (place & 0x2000U) != 0,
                        .payload = datagram.payload,
                        .next_protocol = datagram.protocol});
}

void Packets::ipv6(base::Octets packet, std::size_t missing) {
    if (packet.size() < ipv6_header_octets)
        return pairing_.skip(missing != 0 ? Skipped::cut_short : Skipped::not_dns);
    if (packet[0] >> 4U != 6) return pairing_.skip(Skipped::not_dns);
    std::size_t octets = base::load_u16(&packet[4]);
    const base::Octets rest = packet.subspan(ipv6_header_octets);
    if (octets == 0) octets = rest.size() + missing;
    Datagram datagram{.source = address(packet.subspan(8, 16)),
                      .target = address(packet.subspan(24, 16)),
                      .protocol = packet[6],
                      .payload = rest.first(std::min(octets, rest.size())),
                      .payload_octets = octets};
    ipv6_payload(datagram, false);
}

void Packets::ipv6_payload(Datagram& datagram, bool whole) {
    const auto strip = [&](std::size_t octets) {
        const bool fits = datagram.payload.size() >= octets;
        if (fits) {
            datagram.payload = datagram.payload.subspan(octets);
            datagram.payload_octets -= octets;
        }
        return fits;
    };
    for (int headers = 0; headers < extension_headers_max; ++headers) {
        const base::Octets here = datagram.payload;
        std::size_t octets = 0;
        switch (datagram.protocol) {
            case protocol_hop_by_hop:
            case protocol_routing:
            case protocol_destination:
                if (here.size() >= 2) octets = (std::size_t{here[1]} + 1) * 8;
                break;
            case protocol_authentication:
                if (here.size() >= 2) octets = (std::size_t{here[1]} + 2) * 4;
                break;
            case protocol_fragment:
                octets = 8;
                break;
            default:
                return transport(datagram);
        }
        if (octets == 0 || !strip(octets)) {
            return pairing_.skip(datagram.payload.size() < datagram.payload_octets
                                     ? Skipped::cut_short
                                     : Skipped::not_dns);
        }
        const std::uint8_t next = here[0];
        if (datagram.protocol == protocol_fragment) {
            const std::uint16_t place = base::load_u16(&here[2]);
            // One fragment that is all (RFC 6946) is no fragment; one inside of another is
            // nobody's.
            if ((place & 0xfff9U) != 0) {
                if (whole) return pairing_.skip(Skipped::not_dns);
                return fragment(datagram, {.of = {datagram.source, datagram.target,
                                                  base::load_u32(&here[4]), 0},
                                           .offset = place & 0xfff8U,
                                           .more = (place & 1U) != 0,
                                           .payload = datagram.payload,
                                           .next_protocol = next});
            }
        }
        datagram.protocol = next;
    }
    pairing_.skip(Skipped::not_dns);
}

void Packets::fragment(Datagram& datagram, const Fragment& fragment) {
    if (datagram.payload.size() < datagram.payload_octets) return pairing_.skip(Skipped::cut_short);
    const auto whole = fragments_.add(fragment, clock_);
    if (!whole) return;
    datagram.protocol = whole->next_protocol;
    datagram.payload = whole->payload;
    datagram.payload_octets = whole->payload.size();
    if (datagram.source.size == 4)
        transport(datagram);
    else
        ipv6_payload(datagram, true);
}

void Packets::transport(const Datagram& datagram) {
    if (datagram.protocol == protocol_udp)
        udp(datagram);
    else if (datagram.protocol == protocol_tcp)
        tcp(datagram);
    else
        pairing_.skip(Skipped::not_dns);
}

bool Packets::assign(const Datagram& datagram, std::uint16_t source_port, std::uint16_t target_port,
                     bool response, Flow& flow, Direction& direction) noexcept {
    if (target_port != port_ && source_port != port_) return false;
    // Some resolvers ask from port 53: then the message itself tells.
    const bool to_server = target_port == port_ && (source_port != port_ || !response);
    direction = to_server ? Direction::to_server : Direction::to_client;
    flow.client = to_server ? datagram.source : datagram.target;
    flow.server = to_server ? datagram.target : datagram.source;
    flow.client_port = to_server ? source_port : target_port;
    return true;
}

void Packets::udp(const Datagram& datagram) {
    const base::Octets packet = datagram.payload;
    const bool cut = packet.size() < datagram.payload_octets;
    if (packet.size() < udp_header_octets)
        return pairing_.skip(cut ? Skipped::cut_short : Skipped::not_dns);
    const std::size_t octets = base::load_u16(&packet[4]);
    const bool response = packet.size() > 10 && (packet[10] & 0x80U) != 0;
    Flow flow;
    Direction direction{};
    if (!assign(datagram, base::load_u16(&packet[0]), base::load_u16(&packet[2]), response, flow,
                direction))
        return pairing_.skip(Skipped::not_dns);
    if (octets < udp_header_octets || octets > datagram.payload_octets)
        return pairing_.skip(Skipped::malformed);
    if (octets > packet.size()) return pairing_.skip(Skipped::cut_short);
    give(flow, direction, dns::Transport::udp,
         packet.subspan(udp_header_octets, octets - udp_header_octets));
}

void Packets::tcp(const Datagram& datagram) {
    const base::Octets packet = datagram.payload;
    const bool cut = packet.size() < datagram.payload_octets;
    if (packet.size() < tcp_header_octets)
        return pairing_.skip(cut ? Skipped::cut_short : Skipped::not_dns);
    const std::size_t header = (packet[12] >> 4U) * std::size_t{4};
    if (header < tcp_header_octets || header > datagram.payload_octets)
        return pairing_.skip(Skipped::not_dns);
    const std::uint8_t flags = packet[13];
    Segment segment;
    segment.sequence = base::load_u32(&packet[4]);
    segment.syn = (flags & 0x02U) != 0;
    segment.fin = (flags & 0x01U) != 0;
    segment.rst = (flags & 0x04U) != 0;
    segment.payload = packet.subspan(std::min(header, packet.size()));
    segment.payload_octets = datagram.payload_octets - header;
    const base::Octets payload = segment.payload;
    const bool response = payload.size() > 4 && (payload[4] & 0x80U) != 0;
    if (!assign(datagram, base::load_u16(&packet[0]), base::load_u16(&packet[2]), response,
                segment.flow, segment.direction))
        return pairing_.skip(Skipped::not_dns);
    if (payload.size() < segment.payload_octets) pairing_.skip(Skipped::cut_short);
    streams_.add(segment, clock_);
}

void Packets::message(const Segment& by, base::Octets message) {
    give(by.flow, by.direction, dns::Transport::tcp, message);
}

void Packets::give(const Flow& flow, Direction direction, dns::Transport transport,
                   base::Octets message) {
    const Sighting seen{.message = message,
                        .transport = transport,
                        .client = flow.client,
                        .server = flow.server,
                        .client_port = flow.client_port,
                        .at = at_};
    if (direction == Direction::to_server)
        pairing_.query(seen);
    else
        pairing_.response(seen);
}

}  // namespace zc::capture
