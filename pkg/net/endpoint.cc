#include "net/endpoint.h"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace zc::net {

Result<Endpoint> parse_endpoint(std::string_view text, std::uint16_t default_port) {
    const auto wrong = [&] {
        return fail(Errc::malformed,
                    "'" + std::string(text) + "', wanted ADDRESS, IPV4:PORT or [IPV6]:PORT");
    };
    std::string_view host = text;
    std::string_view port;
    if (host.starts_with('[')) {
        const std::size_t end = host.find(']');
        if (end == std::string_view::npos) return wrong();
        port = host.substr(end + 1);
        host = host.substr(1, end - 1);
        if (host.find(':') == std::string_view::npos) return wrong();
        if (!port.empty()) {
            if (!port.starts_with(':') || port.size() == 1) return wrong();
            port.remove_prefix(1);
        }
    } else if (std::count(host.begin(), host.end(), ':') == 1) {
        const std::size_t colon = host.find(':');
        port = host.substr(colon + 1);
        host = host.substr(0, colon);
        if (port.empty()) return wrong();
    }
    const auto address = dns::parse_address(host);
    if (!address) return wrong();
    Endpoint endpoint{*address, default_port};
    if (!port.empty()) {
        const auto [end, error] =
            std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
        if (error != std::errc{} || end != port.data() + port.size()) return wrong();
    }
    return endpoint;
}

std::string to_string(const Endpoint& endpoint) {
    const std::string address = dns::to_string(endpoint.address);
    const std::string port = std::to_string(endpoint.port);
    return endpoint.address.size == 4 ? address + ":" + port : "[" + address + "]:" + port;
}

}  // namespace zc::net
