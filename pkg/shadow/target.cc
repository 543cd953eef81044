#include "shadow/target.h"

#include <string>

#include <sys/stat.h>

#include "net/endpoint.h"
#include "net/own_address.h"

namespace zc::shadow {
namespace {

constexpr std::string_view tcp_prefix = "tcp:";
constexpr std::string_view store_prefix = "store:";

auto refuse(std::string_view text, std::string_view why) {
    return fail(Errc::malformed, "target \"" + std::string(text) + "\": " + std::string(why) +
                                     "; wanted ADDRESS, ADDRESS:PORT, [IPV6]:PORT, tcp:ADDRESS, "
                                     "store:FILE or recorded");
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
    const auto endpoint = net::parse_endpoint(rest);
    if (!endpoint) return refuse(text, "no address, or no port from 1 to 65535");
    if (endpoint->port == 0) return refuse(text, "port 0 is nobody's");
    target.address = endpoint->address;
    target.port = endpoint->port;
    return target;
}

bool is_one_target(const Target& a, const Target& b) {
    const auto is_asked = [](const Target& target) {
        return target.kind == Target::Kind::server || target.kind == Target::Kind::tcp_only;
    };
    if (is_asked(a) && is_asked(b))
        return net::is_one_server({a.address, a.port}, {b.address, b.port});
    if (a.kind != Target::Kind::store || b.kind != Target::Kind::store) return false;
    struct stat first {
    }, second{};
    if (::stat(a.path.c_str(), &first) != 0 || ::stat(b.path.c_str(), &second) != 0)
        return a.path == b.path;
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace zc::shadow
