// Inside of package capture: from packets as a link has them to DNS messages. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "base/octets.h"
#include "base/time.h"
#include "capture/fragments.h"
#include "capture/pairing.h"
#include "capture/streams.h"

namespace zc::capture {

class Packets final : private StreamSink {
public:
    /// Whether it can read packets of a link type (libpcap's DLT_ number).
    static bool knows(int link_type) noexcept;

    /// `port` is the server's. `pairing` outlives it.
    Packets(int link_type, std::uint16_t port, Pairing& pairing);

    /// A packet: the octets that were captured of `wire_octets`.
    void add(base::Octets captured, std::size_t wire_octets, base::Instant at);
    /// Nothing more comes.
    void finish();

private:
    struct Datagram {
        dns::Address source{}, target{};
        std::uint8_t protocol = 0;
        base::Octets payload;
        std::size_t payload_octets = 0;  // as sent
    };

    void network(base::Octets packet, std::size_t missing);
    void ethertype(std::uint16_t type, base::Octets packet, std::size_t missing);
    void ipv4(base::Octets packet, std::size_t missing);
    void ipv6(base::Octets packet, std::size_t missing);
    void ipv6_payload(Datagram& datagram, bool whole);
    void fragment(Datagram& datagram, const Fragment& fragment);
    void transport(const Datagram& datagram);
    void udp(const Datagram& datagram);
    void tcp(const Datagram& datagram);
    /// Sets who is client and who server, by the port. False when neither is ours.
    bool assign(const Datagram& datagram, std::uint16_t source_port, std::uint16_t target_port,
                bool response, Flow& flow, Direction& direction) noexcept;
    void message(const Segment& by, base::Octets message) override;
    void hole() override { pairing_.skip(Skipped::tcp_gap); }
    void malformed() override { pairing_.skip(Skipped::malformed); }
    void give(const Flow& flow, Direction direction, dns::Transport transport,
              base::Octets message);

    const int link_type_;
    const std::uint16_t port_;
    Pairing& pairing_;
    Fragments fragments_;
    Streams streams_{*this};
    base::Instant at_{};     // of the packet at hand
    base::Instant clock_{};  // the latest of all
};

}  // namespace zc::capture
