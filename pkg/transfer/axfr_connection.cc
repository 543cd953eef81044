#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/rand.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "dns/message.h"
#include "runtime/clock.h"
#include "transfer/transfer.h"

namespace zc::transfer {

namespace {

constexpr int poll_milliseconds = 200;  // how soon a wait notices that it should stop

/// A socket until somebody takes it.
class Socket {
public:
    explicit Socket(int fd) noexcept : fd_(fd) {}
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    ~Socket() {
        if (fd_ >= 0) ::close(fd_);
    }
    int get() const noexcept { return fd_; }
    int release() noexcept { return std::exchange(fd_, -1); }

private:
    int fd_;
};

struct FreeAddresses {
    void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

/// Waits until `fd` is ready for `events`.
Status wait_for(int fd, short events, base::Duration deadline, const AxfrOptions& options,
                std::string_view what) {
    for (;;) {
        if (options.stop_or_null != nullptr &&
            options.stop_or_null->load(std::memory_order_relaxed))
            return fail(Errc::interrupted, "stopped during a transfer");
        const base::Duration left = deadline - runtime::monotonic();
        if (left.nanoseconds <= 0)
            return fail(Errc::timeout, std::string(what) + " did not come in time");
        const auto milliseconds =
            std::min<std::int64_t>(left.nanoseconds / 1'000'000 + 1, poll_milliseconds);
        pollfd waiting{fd, events, 0};
        const int ready = ::poll(&waiting, 1, static_cast<int>(milliseconds));
        if (ready > 0) return {};
        if (ready < 0 && errno != EINTR) return base::fail_errno(errno, "poll");
    }
}

Status send_all(int fd, base::Octets octets, base::Duration deadline, const AxfrOptions& options) {
    while (!octets.empty()) {
        const ssize_t sent = ::send(fd, octets.data(), octets.size(), MSG_NOSIGNAL);
        if (sent > 0) {
            octets = octets.subspan(static_cast<std::size_t>(sent));
            continue;
        }
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return base::fail_errno(errno, "send");
        ZC_TRY_STATUS(wait_for(fd, POLLOUT, deadline, options, "room to send"));
    }
    return {};
}

Status receive_all(int fd, base::MutableOctets octets, base::Duration deadline,
                   const AxfrOptions& options) {
    while (!octets.empty()) {
        const ssize_t got = ::recv(fd, octets.data(), octets.size(), 0);
        if (got > 0) {
            octets = octets.subspan(static_cast<std::size_t>(got));
            continue;
        }
        if (got == 0)
            return fail(Errc::io, "the server closed the connection before the end of the zone");
        if (errno == EINTR) continue;
        if (errno != EAGAIN) return base::fail_errno(errno, "receive");
        ZC_TRY_STATUS(wait_for(fd, POLLIN, deadline, options, "the next message"));
    }
    return {};
}

Result<int> connect_to(const addrinfo& address, const AxfrOptions& options) {
    Socket socket(::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (socket.get() < 0) return base::fail_errno(errno, "socket");
    const int yes = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) != 0) {
        if (errno != EINPROGRESS) return base::fail_errno(errno, "connect");
        ZC_TRY_STATUS(wait_for(socket.get(), POLLOUT,
                               runtime::monotonic() + options.connect_timeout, options,
                               "a connection"));
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
        if (error != 0) return base::fail_errno(error, "connect");
    }
    return socket.release();
}

std::uint16_t random_id() {
    std::uint8_t octets[2];
    ZC_CHECK(RAND_bytes(octets, sizeof octets) == 1);
    return base::load_u16(octets);
}

}  // namespace

Result<Server> parse_server(std::string_view text) {
    Server server;
    std::string_view port;
    bool has_port = false;
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos)
            return fail(Errc::malformed, "server " + std::string(text) + " has no closing bracket");
        server.host = text.substr(1, end - 1);
        text.remove_prefix(end + 1);
        has_port = !text.empty();
        if (has_port && text.front() != ':')
            return fail(Errc::malformed, "octets behind the bracket, wanted a colon and a port");
        if (has_port) port = text.substr(1);
    } else if (const std::size_t colon = text.find(':');
               colon != std::string_view::npos && text.find(':', colon + 1) == std::string::npos) {
        server.host = text.substr(0, colon);
        port = text.substr(colon + 1);
        has_port = true;
    } else {
        server.host = text;
    }
    if (server.host.empty() || server.host.size() > 255 ||
        server.host.find_first_of("/@?# \t") != std::string::npos)
        return fail(Errc::malformed, "server \"" + server.host + "\" is no address or host name");
    if (has_port) {
        const auto [end, error] =
            std::from_chars(port.data(), port.data() + port.size(), server.port);
        if (error != std::errc() || end != port.data() + port.size() || server.port == 0)
            return fail(Errc::malformed,
                        "port " + std::string(port.substr(0, 20)) + ", wanted 1..65535");
    }
    return server;
}

std::string to_string(const Server& server) {
    const bool bracket = server.host.find(':') != std::string::npos;
    return (bracket ? '[' + server.host + ']' : server.host) + ':' + std::to_string(server.port);
}

Result<AxfrConnection> AxfrConnection::open(const Server& server, AxfrOptions options) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const base::Location where{to_string(server), 0};
    const int error =
        ::getaddrinfo(server.host.c_str(), std::to_string(server.port).c_str(), &hints, &found);
    if (error != 0) return fail(Errc::io, ::gai_strerror(error), where);
    const std::unique_ptr<addrinfo, FreeAddresses> addresses(found);
    Error last{Errc::io, "no address", where};
    for (const addrinfo* at = addresses.get(); at != nullptr; at = at->ai_next) {
        auto fd = connect_to(*at, options);
        if (fd) return AxfrConnection(*fd, std::move(options));
        last = std::move(fd).error();
        last.where = where;
        if (last.code == Errc::interrupted) break;
    }
    return tl::unexpected<Error>(std::move(last));
}

AxfrConnection::~AxfrConnection() {
    close();
}
AxfrConnection::AxfrConnection(AxfrConnection&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      options_(std::move(other.options_)),
      buffer_(std::move(other.buffer_)) {}
AxfrConnection& AxfrConnection::operator=(AxfrConnection&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = std::exchange(other.fd_, -1);
        options_ = std::move(other.options_);
        buffer_ = std::move(other.buffer_);
    }
    return *this;
}

void AxfrConnection::close() noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

Result<AxfrTotals> AxfrConnection::transfer(dns::NameView zone, const RecordSink& sink) {
    if (!usable()) return fail(Errc::io, "the connection was closed by an earlier error");
    const std::uint16_t id = random_id();
    std::vector<std::uint8_t> query =
        dns::encode_query(zone, dns::RrType::axfr, dns::QueryOptions{.id = id});
    AxfrReader::Options reading{.zone = dns::Name(zone),
                                .id = id,
                                .key = options_.key,
                                .request_mac = {},
                                .octets_max = options_.octets_max};
    if (options_.key) {
        TsigSigner signer(*options_.key);
        ZC_TRY_STATUS(signer.sign(query, runtime::now()));
        reading.request_mac.assign(signer.mac().begin(), signer.mac().end());
    }
    std::uint8_t size[2];
    base::store_u16(size, static_cast<std::uint16_t>(query.size()));
    query.insert(query.begin(), size, size + 2);
    AxfrReader reader(std::move(reading));
    auto totals = run(reader, query, sink);
    // After an answer that was understood the next one begins where it should.
    if (!totals && !reader.refused()) close();
    return totals;
}

Result<AxfrTotals> AxfrConnection::run(AxfrReader& reader, base::Octets query,
                                       const RecordSink& sink) {
    const auto deadline = [this] { return runtime::monotonic() + options_.message_timeout; };
    ZC_TRY_STATUS(send_all(fd_, query, deadline(), options_));
    for (;;) {
        const base::Duration until = deadline();
        std::uint8_t size[2];
        ZC_TRY_STATUS(receive_all(fd_, size, until, options_));
        buffer_.resize(base::load_u16(size));
        ZC_TRY_STATUS(receive_all(fd_, buffer_, until, options_));
        ZC_TRY(const auto progress, reader.read(buffer_, runtime::now(), sink));
        if (progress == AxfrReader::Progress::complete)
            return AxfrTotals{reader.records(), reader.octets()};
    }
}

}  // namespace zc::transfer
