#include "net/proxy.h"

#include <array>
#include <string>

#include <doctest/doctest.h>

using namespace zc;
using namespace zc::net;
using State = ProxyHeader::State;

namespace {

std::vector<std::uint8_t> header(std::uint8_t command, std::uint8_t family,
                                 const std::vector<std::uint8_t>& rest) {
    std::vector<std::uint8_t> octets(proxy_signature.begin(), proxy_signature.end());
    octets.push_back(command);
    octets.push_back(family);
    octets.push_back(static_cast<std::uint8_t>(rest.size() >> 8));
    octets.push_back(static_cast<std::uint8_t>(rest.size()));
    octets.insert(octets.end(), rest.begin(), rest.end());
    return octets;
}

const std::vector<std::uint8_t> ipv4_rest = {192, 0, 2, 7, 198, 51, 100, 1, 0x30, 0x39, 0, 53};

}  // namespace

TEST_CASE("the client is the header's source, whatever TLVs follow") {
    auto rest = ipv4_rest;
    const std::vector<std::uint8_t> tlv = {0xea, 0, 1, 9};
    rest.insert(rest.end(), tlv.begin(), tlv.end());
    const auto octets = header(0x21, 0x12, rest);
    const auto read = parse_proxy(octets);
    CHECK(read.state == State::complete);
    CHECK(read.octets == octets.size());
    CHECK(dns::to_string(read.client) == "192.0.2.7");

    std::vector<std::uint8_t> ipv6_rest(36);
    ipv6_rest[0] = 0x20;
    ipv6_rest[1] = 0x01;
    ipv6_rest[15] = 5;
    CHECK(dns::to_string(parse_proxy(header(0x21, 0x21, ipv6_rest)).client) == "2001::5");
}

TEST_CASE("LOCAL, an unspecified family and AF_UNIX mean the load balancer itself") {
    for (const auto& octets :
         {header(0x20, 0x11, ipv4_rest), header(0x20, 0x00, {}), header(0x21, 0x00, {1, 2, 3}),
          header(0x21, 0x31, std::vector<std::uint8_t>(216)),
          header(0x21, 0x32, std::vector<std::uint8_t>(220))}) {
        const auto read = parse_proxy(octets);
        CHECK(read.state == State::complete);
        CHECK(read.octets == octets.size());
        CHECK(read.client.size == 0);
    }
}

TEST_CASE("every shorter piece of a header is incomplete, never complete and never malformed") {
    const auto octets = header(0x21, 0x11, ipv4_rest);
    for (std::size_t size = 0; size < octets.size(); ++size) {
        CAPTURE(size);
        const ProxyHeader header = parse_proxy(base::Octets(octets).first(size));
        CHECK(header.state == State::incomplete);
        CHECK(header.octets > size);  // a reader may go so far, and takes nothing of the message
        CHECK(header.octets <= octets.size());
    }
}

TEST_CASE("what is no header of version 2 is malformed") {
    auto version = header(0x11, 0x11, ipv4_rest);
    CHECK(parse_proxy(version).state == State::malformed);
    CHECK(parse_proxy(header(0x22, 0x11, ipv4_rest)).state == State::malformed);  // no such command
    CHECK(parse_proxy(header(0x21, 0x31, ipv4_rest)).state ==
          State::malformed);  // AF_UNIX, too short
    CHECK(parse_proxy(header(0x21, 0x11, {192, 0, 2, 7})).state ==
          State::malformed);  // too short for IPv4
    CHECK(parse_proxy(header(0x21, 0x21, ipv4_rest)).state == State::malformed);  // and for IPv6
    CHECK(parse_proxy(header(0x21, 0x11, std::vector<std::uint8_t>(5000))).state ==
          State::malformed);
    const std::string version_1 = "PROXY TCP4 192.0.2.7 198.51.100.1 12345 53\r\n";
    CHECK(parse_proxy({reinterpret_cast<const std::uint8_t*>(version_1.data()), version_1.size()})
              .state == State::malformed);
}

TEST_CASE("what is written as a header is read back, and is what the specification says") {
    std::array<std::uint8_t, proxy_written_octets_max> room{};
    const auto at = [](const char* address, std::uint16_t port) {
        return Endpoint{dns::parse_address(address).value(), port};
    };
    const std::size_t octets = write_proxy(room, Proxied::datagram, at("192.0.2.7", 12345), {});
    CHECK(octets == 28);
    const auto ipv4 = parse_proxy(base::Octets(room).first(octets));
    CHECK(ipv4.state == State::complete);
    CHECK(ipv4.octets == octets);
    CHECK(dns::to_string(ipv4.client) == "192.0.2.7");
    CHECK(room[13] == 0x12);
    CHECK(base::load_u16(&room[24]) == 12345);

    const auto ipv6 = parse_proxy(base::Octets(room).first(
        write_proxy(room, Proxied::stream, at("2001:db8::7", 1), at("2001:db8::53", 53))));
    CHECK(ipv6.octets == proxy_written_octets_max);
    CHECK(dns::to_string(ipv6.client) == "2001:db8::7");
    CHECK(room[13] == 0x21);
    CHECK(base::load_u16(&room[50]) == 53);
}
