#include "runs/target.h"

#include <string>

#include <sys/stat.h>

#include "net/own_address.h"

namespace zc::runs {
namespace {

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
    const auto server = ask::parse_server(text);
    if (!server) return refuse(text, server.error().message);
    if (server->by == ask::Server::By::tcp) target.kind = Target::Kind::tcp_only;
    target.address = server->endpoint.address;
    target.port = server->endpoint.port;
    return target;
}

std::optional<ask::Server> Target::asked() const {
    switch (kind) {
        case Kind::server:
            return ask::Server{{address, port}, ask::Server::By::udp_and_tcp};
        case Kind::tcp_only:
            return ask::Server{{address, port}, ask::Server::By::tcp};
        case Kind::store:
        case Kind::recorded:
            break;
    }
    return std::nullopt;
}

bool is_one_target(const Target& a, const Target& b) {
    const auto first_server = a.asked(), second_server = b.asked();
    if (first_server && second_server)
        return net::is_one_server(first_server->endpoint, second_server->endpoint);
    if (a.kind != Target::Kind::store || b.kind != Target::Kind::store) return false;
    struct stat first {
    }, second{};
    if (::stat(a.path.c_str(), &first) != 0 || ::stat(b.path.c_str(), &second) != 0)
        return a.path == b.path;
    return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

}  // namespace zc::runs
