#include "shadow/target.h"

#include <charconv>
#include <string>

namespace zc::shadow {
namespace {

constexpr std::string_view tcp_prefix = "tcp:";
constexpr std::string_view store_prefix = "store:";

auto refuse(std::string_view text, std::string_view why) {
    return fail(Errc::malformed, "target \"" + std::string(text) + "\": " + std::string(why) +
                                     "; wanted ADDRESS, ADDRESS:PORT, [IPV6]:PORT, tcp:ADDRESS, "
                                     "store:FILE or recorded");
}

Result<std::uint16_t> parse_port(std::string_view whole, std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0)
        return refuse(whole, "port \"" + std::string(text) + "\" is none of 1..65535");
    return port;
}

}  // namespace

Result<Target> parse_target(std::string_view text) {
    Target target;
    target.text = text;
    if (text == "recorded") {
        target.kind = Target::Kind::recorded;
        return target;
    }
    if (text.starts_with(store_prefix)) {
        target.kind = Target::Kind::store;
        target.path = text.substr(store_prefix.size());
        if (target.path.empty()) return refuse(text, "no file");
        return target;
    }
    std::string_view rest = text;
    if (rest.starts_with(tcp_prefix)) {
        target.kind = Target::Kind::tcp_only;
        rest.remove_prefix(tcp_prefix.size());
    }
    std::string_view address = rest;
    std::string_view port;
    if (rest.starts_with('[')) {
        const std::size_t end = rest.find(']');
        if (end == std::string_view::npos) return refuse(text, "no ] behind the address");
        address = rest.substr(1, end - 1);
        port = rest.substr(end + 1);
        if (!port.empty() && port[0] != ':') return refuse(text, "no : before the port");
        if (!port.empty()) port.remove_prefix(1);
        if (port.empty() && end + 1 != rest.size()) return refuse(text, "no port behind the :");
    } else if (const std::size_t colon = rest.find(':');
               colon != std::string_view::npos && rest.find(':', colon + 1) == rest.npos) {
        // One colon is a port's; an IPv6 address has at least two.
        address = rest.substr(0, colon);
        port = rest.substr(colon + 1);
        if (port.empty()) return refuse(text, "no port behind the :");
    }
    auto parsed = dns::parse_address(address);
    if (!parsed) return refuse(text, "no address (names are not resolved)");
    target.address = *parsed;
    if (!port.empty()) {
        ZC_TRY(target.port, parse_port(text, port));
    }
    return target;
}

}  // namespace zc::shadow
