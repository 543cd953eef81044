#include "ask/server.h"

namespace zc::ask {

Result<Server> parse_server(std::string_view text) {
    constexpr std::string_view tcp_prefix = "tcp:";
    Server server;
    if (text.starts_with(tcp_prefix)) {
        server.by = Server::By::tcp;
        text.remove_prefix(tcp_prefix.size());
    }
    const auto endpoint = net::parse_endpoint(text);
    if (!endpoint) return fail(Errc::malformed, "no address, or no port from 1 to 65535");
    if (endpoint->port == 0) return fail(Errc::malformed, "port 0 is nobody's");
    server.endpoint = *endpoint;
    return server;
}

}  // namespace zc::ask
