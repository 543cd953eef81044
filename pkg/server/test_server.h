// For tests of this package: a server on loopback with a few zones, and clients of it.
#pragma once

#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns/name.h"
#include "net/proxy.h"
#include "net/socket.h"
#include "server/server.h"
#include "zone/random_zone.h"
#include "zone/zone.h"

namespace zc::server::test {

using Message = std::vector<std::uint8_t>;

inline constexpr std::size_t big_octets = 200 * 256;  // RDATA of big.example. TXT
inline constexpr std::uint16_t type_a = 1;
inline constexpr std::uint16_t type_txt = 16;

inline dns::Name name(const char* text) {
    return *dns::Name::parse(text);
}

/// example. with its SOA, www (A, with `last` as last octet) and big (a TXT of 51200 octets).
inline zone::Image example_zone(std::uint8_t last) {
    zone::Builder builder;
    builder.begin(name("example."));
    const auto add = [&](const char* owner, dns::RrType type, const Message& rdata) {
        const dns::Name owner_name = name(owner);
        REQUIRE(builder.add({owner_name, type, 3600, rdata}).has_value());
    };
    Message soa(2, 0);  // MNAME and RNAME are the root
    soa.resize(2 + 20, 1);
    add("example.", dns::RrType::soa, soa);
    add("www.example.", dns::RrType::a, {192, 0, 2, last});
    Message big;
    while (big.size() < big_octets) {
        big.push_back(255);
        big.resize(big.size() + 255, 'x');
    }
    add("big.example.", dns::RrType::txt, big);
    auto image = builder.build();
    REQUIRE(image.has_value());
    return *std::move(image);
}

inline std::unique_ptr<catalogue::Catalogue> example_catalogue(std::uint8_t last = 1) {
    auto catalogue = std::make_unique<catalogue::Catalogue>(99);
    catalogue->insert({.apex = name("example."), .image = example_zone(last)});
    // Each wildcard in this chain needs the proof that the name itself is not there.
    auto records = zone::random::nsec3_zone("costly.", 500);
    for (int i = 0; i < 20; ++i)
        records.push_back(zone::random::record("*.w" + std::to_string(i) + ".costly.",
                                               dns::RrType::cname,
                                               "x.w" + std::to_string(i + 1) + ".costly."));
    auto costly = zone::random::build(name("costly."), records);
    REQUIRE(costly.has_value());
    catalogue->insert({.apex = name("costly."), .image = *std::move(costly)});
    return catalogue;
}

inline net::Endpoint at(const char* address, std::uint16_t port = 0) {
    return {*dns::parse_address(address), port};
}

/// A server that runs, on loopback and ports of the system's choice.
struct Fixture {
    explicit Fixture(Settings settings = {}, std::vector<net::Endpoint> listen = {at("127.0.0.1")},
                     unsigned workers = 1,
                     std::uint32_t hash_rounds = answer::HashBudget::rounds_per_second,
                     Taker* taker_or_null = nullptr) {
        Options options;
        options.taker_or_null = taker_or_null;
        options.hash_rounds = hash_rounds;
        options.listen = std::move(listen);
        options.workers = workers;
        options.draw_seed = base::numbers_of(base::Seed(5));
        options.settings = std::move(settings);
        auto identity = std::make_shared<answer::Identity>();
        identity->cookies.current = {1, 2, 3};
        server = std::make_unique<Server>(std::move(options), *catalogue, identity);
        server->start();
    }
    net::Endpoint endpoint(std::size_t i = 0) const { return server->endpoints()[i]; }

    std::unique_ptr<catalogue::Catalogue> catalogue = example_catalogue();
    std::unique_ptr<Server> server;
};

inline Message query(std::uint16_t id, const char* qname = "www.example.",
                     std::uint16_t type = type_a) {
    Message message = {static_cast<std::uint8_t>(id >> 8),
                       static_cast<std::uint8_t>(id),
                       0,
                       0,
                       0,
                       1,
                       0,
                       0,
                       0,
                       0,
                       0,
                       0};
    const dns::Name owner = name(qname);
    message.insert(message.end(), owner.wire().begin(), owner.wire().end());
    for (const std::uint16_t field : {type, std::uint16_t{1}}) {
        message.push_back(static_cast<std::uint8_t>(field >> 8));
        message.push_back(static_cast<std::uint8_t>(field));
    }
    return message;
}

inline std::uint16_t id_of(const Message& message) {
    return base::load_u16(message.data());
}
inline bool is_truncated(const Message& message) {
    return (message.at(2) & 2) != 0;
}
inline unsigned answers_of(const Message& message) {
    return base::load_u16(message.data() + 6);
}

inline Message operator+(Message a, const Message& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

inline Message proxied(const char* client, const Message& payload) {
    const auto address = *dns::parse_address(client);
    Message message(net::proxy_signature.begin(), net::proxy_signature.end());
    message = message + Message{0x21, 0x11, 0, 12} +
              Message(address.octets.begin(), address.octets.begin() + 4);
    return message + Message{127, 0, 0, 1, 0, 99, 0, 53} + payload;
}

/// A client's socket; connected, so that it hears only from the address that it asked.
class Client {
public:
    Client(int type, const net::Endpoint& to, const char* from = nullptr) {
        net::SocketAddress address{};
        const socklen_t size = put_address(address, to);
        socket_ = net::Descriptor(::socket(address.any.sa_family, type | SOCK_CLOEXEC, 0));
        const timeval patience{.tv_sec = 10, .tv_usec = 0};  // that a test fails, and does not hang
        setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        if (from != nullptr) {
            net::SocketAddress own{};
            const socklen_t own_size = put_address(own, at(from));
            REQUIRE(bind(socket_.get(), &own.any, own_size) == 0);
        }
        REQUIRE(connect(socket_.get(), &address.any, size) == 0);
    }

    int fd() const { return socket_.get(); }
    void send(const Message& octets) const {
        for (std::size_t sent = 0; sent < octets.size();) {
            const ssize_t count =
                ::send(fd(), octets.data() + sent, octets.size() - sent, MSG_NOSIGNAL);
            REQUIRE(count > 0);
            sent += static_cast<std::size_t>(count);
        }
    }

protected:
    net::Descriptor socket_;
};

struct Udp : Client {
    explicit Udp(const net::Endpoint& to, const char* from = nullptr)
        : Client(SOCK_DGRAM, to, from) {}
    Message receive() const {
        Message message(65536);
        const ssize_t got = recv(fd(), message.data(), message.size(), 0);
        message.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        return message;
    }
    Message ask(const Message& message) const {
        send(message);
        return receive();
    }
};

inline Message framed(const Message& message) {
    return Message{static_cast<std::uint8_t>(message.size() >> 8),
                   static_cast<std::uint8_t>(message.size())} +
           message;
}

struct Tcp : Client {
    explicit Tcp(const net::Endpoint& to, const char* from = nullptr)
        : Client(SOCK_STREAM, to, from) {}
    /// The next message; empty at the end of the connection, however it ended.
    Message receive() const {
        Message length = take(2);
        if (length.size() < 2) return {};
        return take(base::load_u16(length.data()));
    }
    Message take(std::size_t octets) const {
        Message message(octets);
        std::size_t size = 0;
        while (size < octets) {
            const ssize_t got = recv(fd(), message.data() + size, octets - size, 0);
            if (got < 0 && errno == EAGAIN) FAIL("nothing came within ten seconds");
            if (got <= 0) break;
            size += static_cast<std::size_t>(got);
        }
        message.resize(size);
        return message;
    }
    bool ended() const { return take(1).empty(); }
    Message ask(const Message& message) const {
        send(framed(message));
        return receive();
    }
};

/// Asks until something is so that the server does in its own time; a test that hangs here fails by
/// the runner's limit.
inline void wait_until(const std::function<bool()>& so) {
    while (!so()) std::this_thread::yield();
}

inline std::uint64_t dropped(const Totals& totals, Drop why) {
    return totals.dropped[static_cast<std::size_t>(why)];
}

}  // namespace zc::server::test
