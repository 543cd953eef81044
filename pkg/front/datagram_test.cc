#include "front/datagram.h"

#include <array>
#include <cstdint>
#include <vector>

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <unistd.h>

using namespace zc;
using namespace zc::front;

TEST_CASE("an error that an earlier datagram left behind costs the next one nothing") {
    const int gone = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof to;
    REQUIRE(::bind(gone, reinterpret_cast<const sockaddr*>(&to), size) == 0);
    REQUIRE(::getsockname(gone, reinterpret_cast<sockaddr*>(&to), &size) == 0);
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    REQUIRE(::connect(socket, reinterpret_cast<const sockaddr*>(&to), size) == 0);
    ::close(gone);

    Outgoing out;
    const std::array<std::uint8_t, 3> octets{1, 2, 3};
    out.add(octets, 0);
    CHECK(out.send(socket) == 1);  // goes out, and comes back as "port unreachable"
    const int back = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    REQUIRE(::bind(back, reinterpret_cast<const sockaddr*>(&to), size) == 0);
    out.add(octets, 0);
    out.add(octets, 0);
    CHECK(out.send(socket) == 2);
    std::array<std::uint8_t, 16> got{};
    CHECK(::recv(back, got.data(), got.size(), MSG_DONTWAIT) == 3);
    CHECK(::recv(back, got.data(), got.size(), MSG_DONTWAIT) == 3);
    for (const int fd : {socket, back}) ::close(fd);
}

TEST_CASE("a datagram that cannot be sent does not keep back those behind it") {
    const int there = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof to;
    REQUIRE(::bind(there, reinterpret_cast<const sockaddr*>(&to), size) == 0);
    REQUIRE(::getsockname(there, reinterpret_cast<sockaddr*>(&to), &size) == 0);
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    REQUIRE(::connect(socket, reinterpret_cast<const sockaddr*>(&to), size) == 0);
    Outgoing out;
    const std::vector<std::uint8_t> too_long(65535);  // EMSGSIZE: no room for the headers
    const std::array<std::uint8_t, 3> octets{1, 2, 3};
    out.add(octets, 0);
    out.add(too_long, 0);
    out.add(octets, 0);
    CHECK(out.send(socket) == 2);
    CHECK(out.size == 0);
    for (const int fd : {socket, there}) ::close(fd);
}
