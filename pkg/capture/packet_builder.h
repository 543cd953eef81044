// For tests, fuzzers and benchmarks of this package: queries, packets and capture files as octets.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/octets.h"
#include "dns/message.h"

namespace zc::capture::building {

using Octets = std::vector<std::uint8_t>;

inline void put16(Octets& to, std::size_t value) {
    to.push_back(static_cast<std::uint8_t>(value >> 8U));
    to.push_back(static_cast<std::uint8_t>(value));
}
inline void put32(Octets& to, std::size_t value) {
    put16(to, value >> 16U);
    put16(to, value & 0xffffU);
}
inline void put(Octets& to, base::Octets more) {
    to.insert(to.end(), more.begin(), more.end());
}
inline Octets cat(std::initializer_list<Octets> parts) {
    Octets all;
    for (const Octets& part : parts) put(all, part);
    return all;
}

inline Octets query(std::string_view name, std::uint16_t id = 1,
                    dns::RrType type = dns::RrType::a) {
    dns::QueryOptions options;
    options.id = id;
    return dns::encode_query(*dns::Name::parse(name), type, options);
}
/// The query with QR and AA, and nothing else: enough to be recognised.
inline Octets answer_to(Octets message) {
    message[2] |= 0x84U;
    return message;
}

struct Ends {
    dns::Address source, target;
    std::uint16_t source_port = 0, target_port = 0;
    Ends back() const { return {target, source, target_port, source_port}; }
};
inline Ends ends(std::uint16_t client_port = 4000, std::string_view client = "192.0.2.1",
                 std::string_view server = "192.0.2.53") {
    return {*dns::parse_address(client), *dns::parse_address(server), client_port, 53};
}

inline Octets udp(const Ends& ends, const Octets& message) {
    Octets out;
    put16(out, ends.source_port);
    put16(out, ends.target_port);
    put16(out, message.size() + 8);
    put16(out, 0);
    put(out, message);
    return out;
}

enum TcpFlag : std::uint8_t { fin = 1, syn = 2, rst = 4, ack = 16 };
inline Octets tcp(const Ends& ends, std::uint32_t sequence, unsigned flags, base::Octets payload) {
    Octets out;
    put16(out, ends.source_port);
    put16(out, ends.target_port);
    put32(out, sequence);
    put32(out, 0);
    put16(out, 0x8000U | flags);  // 32 octets of header: with the timestamps that everyone sends
    put16(out, 65535);
    put32(out, 0);
    out.resize(out.size() + 12);
    put(out, payload);
    return out;
}
inline Octets framed(const Octets& message) {
    Octets out;
    put16(out, message.size());
    put(out, message);
    return out;
}

struct Fragmented {
    std::uint32_t id = 7;
    std::size_t offset = 0;
    bool more = false;
};

inline Octets ip(const Ends& ends, std::uint8_t protocol, base::Octets payload,
                 const Fragmented* fragment_or_null = nullptr) {
    Octets out;
    if (ends.source.size == 4) {
        put16(out, 0x4500);
        put16(out, 20 + payload.size());
        put16(out, fragment_or_null != nullptr ? fragment_or_null->id : 0);
        put16(out, fragment_or_null != nullptr
                       ? fragment_or_null->offset / 8 | (fragment_or_null->more ? 0x2000U : 0U)
                       : 0x4000U);
        out.push_back(64);
        out.push_back(protocol);
        put16(out, 0);
    } else {
        put32(out, 0x60000000U);
        put16(out, payload.size() + (fragment_or_null != nullptr ? 8 : 0));
        out.push_back(fragment_or_null != nullptr ? 44 : protocol);
        out.push_back(64);
    }
    put(out, ends.source.view());
    put(out, ends.target.view());
    if (ends.source.size == 16 && fragment_or_null != nullptr) {
        put16(out, std::size_t{protocol} << 8U);
        put16(out, fragment_or_null->offset | (fragment_or_null->more ? 1U : 0U));
        put32(out, fragment_or_null->id);
    }
    put(out, payload);
    return out;
}

inline Octets ethernet(const Octets& packet, std::initializer_list<std::uint16_t> tags = {}) {
    Octets out(12);
    for (const std::uint16_t tag : tags) {
        put16(out, tag);
        put16(out, 42);
    }
    put16(out, packet[0] >> 4U == 4 ? 0x0800U : 0x86ddU);
    put(out, packet);
    if (out.size() < 60) out.resize(60);  // as the wire has it
    return out;
}
inline Octets udp_packet(const Ends& ends, const Octets& message) {
    return ethernet(ip(ends, 17, udp(ends, message)));
}
inline Octets tcp_packet(const Ends& ends, std::uint32_t sequence, unsigned flags,
                         const Octets& payload = {}) {
    return ethernet(ip(ends, 6, tcp(ends, sequence, flags, payload)));
}

/// A pcap file with times in microseconds, big-endian.
class PcapFile {
public:
    explicit PcapFile(std::uint32_t link_type = 1) {
        put32(octets_, 0xa1b2c3d4U);
        put32(octets_, 0x00020004U);
        put32(octets_, 0);
        put32(octets_, 0);
        put32(octets_, 262144);
        put32(octets_, link_type);
    }
    /// `wire_octets` 0: all were captured.
    PcapFile& add(base::Octets packet, double at_seconds = 1'700'000'000,
                  std::size_t wire_octets = 0) {
        const auto microseconds = static_cast<std::uint64_t>(at_seconds * 1e6);
        put32(octets_, microseconds / 1'000'000);
        put32(octets_, microseconds % 1'000'000);
        put32(octets_, packet.size());
        put32(octets_, wire_octets != 0 ? wire_octets : packet.size());
        put(octets_, packet);
        return *this;
    }
    const Octets& octets() const { return octets_; }

private:
    Octets octets_;
};

}  // namespace zc::capture::building
