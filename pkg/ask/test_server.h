// A server for tests: UDP and TCP at one port of loopback, on a thread of its own; what it answers
// is up to the test.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ask/server.h"
#include "base/check.h"
#include "base/octets.h"
#include "dns/types.h"

namespace zc::ask {

using Octets = std::vector<std::uint8_t>;

class TestServer {
public:
    /// How the handler answers. Valid during the call, `answer` of a datagram also later.
    struct Client {
        int socket = -1;
        sockaddr_in from{};
        bool tcp = false;
        std::size_t connection = 0;  // running number from 1; 0: UDP
        bool* close = nullptr;       // set: the connection is closed (TCP)

        void answer(const Octets& message) const {
            if (!tcp) {
                send_from(socket, message);
                return;
            }
            Octets framed = {static_cast<std::uint8_t>(message.size() >> 8),
                             static_cast<std::uint8_t>(message.size())};
            framed.insert(framed.end(), message.begin(), message.end());
            raw(framed);
        }
        /// TCP: octets as they are.
        void raw(const Octets& octets) const {
            std::size_t at = 0;
            while (at < octets.size()) {
                const ssize_t n =
                    ::send(socket, octets.data() + at, octets.size() - at, MSG_NOSIGNAL);
                if (n <= 0) return;
                at += static_cast<std::size_t>(n);
            }
        }
        void send_from(int other_socket, const Octets& message) const {
            static_cast<void>(::sendto(other_socket, message.data(), message.size(), 0,
                                       reinterpret_cast<const sockaddr*>(&from), sizeof from));
        }
    };
    using Handler = std::function<void(const Octets& query, const Client& client)>;

    explicit TestServer(Handler handler) : handler_(std::move(handler)) {
        constexpr int tries = 50;  // the TCP port of the same number may be taken
        for (int i = 0; i < tries && listen_ < 0; ++i) bind_both();
        ZC_CHECK(listen_ >= 0);
        thread_ = std::thread([this] { loop(); });
    }
    ~TestServer() {
        stopping_ = true;
        thread_.join();
        for (const int fd : {udp_, listen_}) ::close(fd);
    }
    TestServer(const TestServer&) = delete;
    TestServer& operator=(const TestServer&) = delete;

    Server server(Server::By by = Server::By::udp_and_tcp) const {
        return {{*dns::parse_address("127.0.0.1"), port_}, by};
    }
    std::uint64_t connections() const { return connections_; }

private:
    struct Connection {
        int fd = -1;
        std::size_t number = 0;
        Octets in;
    };

    void bind_both() {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof at;
        udp_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        const int octets = 4 << 20;
        static_cast<void>(::setsockopt(udp_, SOL_SOCKET, SO_RCVBUFFORCE, &octets, sizeof octets));
        ZC_CHECK(::bind(udp_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0);
        ZC_CHECK(::getsockname(udp_, reinterpret_cast<sockaddr*>(&at), &size) == 0);
        listen_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (::bind(listen_, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 ||
            ::listen(listen_, 64) != 0) {
            ::close(listen_);
            ::close(udp_);
            listen_ = -1;
            return;
        }
        port_ = ntohs(at.sin_port);
    }

    void loop() {
        std::vector<Connection> connections;
        while (!stopping_) {
            std::vector<pollfd> polled = {{udp_, POLLIN, 0}, {listen_, POLLIN, 0}};
            for (const Connection& connection : connections)
                polled.push_back({connection.fd, POLLIN, 0});
            constexpr int wait_milliseconds = 10;
            ::poll(polled.data(), polled.size(), wait_milliseconds);
            datagrams();
            for (std::size_t i = 0; i < connections.size(); ++i)
                if (polled[2 + i].revents != 0) stream(connections[i]);
            std::erase_if(connections, [](const Connection& one) { return one.fd < 0; });
            const int fd = ::accept4(listen_, nullptr, nullptr, SOCK_CLOEXEC);
            if (fd >= 0) connections.push_back({fd, ++connections_, {}});
        }
        for (const Connection& connection : connections) ::close(connection.fd);
    }

    void datagrams() {
        for (;;) {
            Client client;
            client.socket = udp_;
            socklen_t size = sizeof client.from;
            Octets query(65535);
            const ssize_t n = ::recvfrom(udp_, query.data(), query.size(), 0,
                                         reinterpret_cast<sockaddr*>(&client.from), &size);
            if (n < 0) return;
            query.resize(static_cast<std::size_t>(n));
            handler_(query, client);
        }
    }

    void stream(Connection& connection) {
        std::array<std::uint8_t, 65536> octets{};
        const ssize_t n = ::recv(connection.fd, octets.data(), octets.size(), MSG_DONTWAIT);
        bool close = n == 0;
        if (n > 0) connection.in.insert(connection.in.end(), octets.begin(), octets.begin() + n);
        while (!close && connection.in.size() >= 2) {
            const std::size_t length = base::load_u16(connection.in.data());
            if (connection.in.size() - 2 < length) break;
            const auto begin = connection.in.begin() + 2;
            const Octets query(begin, begin + static_cast<std::ptrdiff_t>(length));
            connection.in.erase(connection.in.begin(), begin + static_cast<std::ptrdiff_t>(length));
            Client client;
            client.socket = connection.fd;
            client.tcp = true;
            client.connection = connection.number;
            client.close = &close;
            handler_(query, client);
        }
        if (!close) return;
        // Unread octets make it a reset, others an end: both are ends with questions open.
        ::close(connection.fd);
        connection.fd = -1;
    }

    Handler handler_;
    int udp_ = -1, listen_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> stopping_ = false;
    std::atomic<std::uint64_t> connections_ = 0;
    std::thread thread_;
};

/// The query as its own response: QR set, nothing else.
inline Octets echo(Octets query) {
    query[2] = static_cast<std::uint8_t>(query[2] | 0x80);
    return query;
}

}  // namespace zc::ask
