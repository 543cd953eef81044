#include "net/own_address.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <memory>

#include <ifaddrs.h>

#include "net/socket.h"

namespace zc::net {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_loopback(const dns::Address& address) noexcept {
    if (address.size == 4) return address.octets[0] == 127;
    return std::all_of(address.octets.begin(), address.octets.begin() + 15,
                       [](std::uint8_t octet) { return octet == 0; }) &&
           address.octets[15] == 1;
}

/// Whether a socket of `path` is bound to `port` for all addresses (proc(5)).
bool lists_wildcard(const char* path, std::uint16_t port) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path, "re"),
                                                               &std::fclose);
    if (!file) return false;
    std::array<char, 512> line{};
    while (std::fgets(line.data(), line.size(), file.get()) != nullptr) {
        std::array<char, 40> address{};
        unsigned found = 0;
        if (std::sscanf(line.data(), " %*u: %32[0-9A-F]:%4x", address.data(), &found) == 2 &&
            found == port && std::strspn(address.data(), "0") == std::strlen(address.data()))
            return true;
    }
    return false;
}

}  // namespace

dns::Address canonical(const dns::Address& address) noexcept {
    dns::Address out = address;
    if (address.size == 16 &&
        std::equal(mapped_prefix.begin(), mapped_prefix.end(), address.octets.begin())) {
        out = {};
        out.size = 4;
        std::copy_n(address.octets.begin() + 12, 4, out.octets.begin());
    }
    if (!is_wildcard(out)) return out;
    if (out.size == 4) out.octets[0] = 127;
    out.octets[out.size - 1U] = 1;
    return out;
}

bool is_own(const dns::Address& address) {
    const dns::Address wanted = canonical(address);
    if (is_loopback(wanted)) return true;
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) return false;
    const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, &::freeifaddrs);
    for (const ifaddrs* at = list; at != nullptr; at = at->ifa_next) {
        if (at->ifa_addr == nullptr ||
            (at->ifa_addr->sa_family != AF_INET && at->ifa_addr->sa_family != AF_INET6))
            continue;
        SocketAddress socket_address{};
        std::memcpy(&socket_address, at->ifa_addr,
                    at->ifa_addr->sa_family == AF_INET ? sizeof socket_address.ipv4
                                                       : sizeof socket_address.ipv6);
        if (client_address(socket_address) == wanted) return true;
    }
    return false;
}

bool leads_to(const Endpoint& target, const Endpoint& listener) {
    if (target.port != listener.port) return false;
    const dns::Address to = canonical(target.address);
    if (to == canonical(listener.address)) return true;
    return is_wildcard(listener.address) && to.size == listener.address.size && is_own(to);
}

bool is_one_server(const Endpoint& a, const Endpoint& b) {
    if (a.port != b.port) return false;
    const dns::Address first = canonical(a.address), second = canonical(b.address);
    if (first == second) return true;
    if (!is_own(first) || !is_own(second)) return false;
    // A socket for all IPv6 addresses takes IPv4 too, unless it asked not to.
    const auto has_all = [&](const char* ipv4, const char* ipv6) {
        return lists_wildcard(ipv6, a.port) ||
               (first.size == 4 && second.size == 4 && lists_wildcard(ipv4, a.port));
    };
    return has_all("/proc/net/udp", "/proc/net/udp6") || has_all("/proc/net/tcp", "/proc/net/tcp6");
}

}  // namespace zc::net
