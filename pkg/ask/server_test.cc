#include "ask/server.h"

#include <string>

#include <doctest/doctest.h>

using namespace zc;
using namespace zc::ask;

namespace {

/// "udp_and_tcp 192.0.2.1:53", or why not.
std::string read(std::string_view text) {
    const auto server = parse_server(text);
    if (!server) return server.error().message;
    return std::string(server->by == Server::By::tcp ? "tcp " : "udp_and_tcp ") +
           net::to_string(server->endpoint);
}

}  // namespace

TEST_CASE("a server is an address, with a port and over TCP alone if the text says so") {
    CHECK(read("192.0.2.1") == "udp_and_tcp 192.0.2.1:53");
    CHECK(read("192.0.2.1:5300") == "udp_and_tcp 192.0.2.1:5300");
    CHECK(read("[2001:db8::1]:5300") == "udp_and_tcp [2001:db8::1]:5300");
    CHECK(read("tcp:192.0.2.1") == "tcp 192.0.2.1:53");
    CHECK(read("tcp:[2001:db8::1]:5300") == "tcp [2001:db8::1]:5300");
}

TEST_CASE("no host name is resolved, and nobody is at port 0") {
    const std::string no_address = "no address, or no port from 1 to 65535";
    for (const std::string_view text :
         {"", "tcp:", "localhost", "192.0.2.1:65536", "tcp:tcp:192.0.2.1"})
        CHECK(read(text) == no_address);
    CHECK(read("192.0.2.1:0") == "port 0 is nobody's");
}
