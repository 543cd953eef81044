#include "server/connection_limits.h"

#include <doctest/doctest.h>

using namespace zc;
using zc::server::connection_network;
using zc::server::ConnectionLimits;

TEST_CASE("connections are counted in all and by network, and given back") {
    ConnectionLimits limits(1);
    CHECK(limits.open(2));
    CHECK(limits.open(2));
    CHECK_FALSE(limits.open(2));
    limits.close();
    CHECK(limits.open(2));

    CHECK(limits.enter(7, 1));
    CHECK_FALSE(limits.enter(7, 1));
    CHECK(limits.enter(8, 1));
    limits.leave(7);
    CHECK(limits.enter(7, 1));
}

TEST_CASE("a network is a /24 or a /56, and families never meet") {
    const auto network = [](const char* text) {
        return connection_network(*dns::parse_address(text));
    };
    CHECK(network("192.0.2.1") == network("192.0.2.254"));
    CHECK(network("192.0.2.1") != network("192.0.3.1"));
    CHECK(network("2001:db8:0:100::1") == network("2001:db8:0:1ff::2"));
    CHECK(network("2001:db8:0:100::1") != network("2001:db8:0:200::1"));
    CHECK(network("0.0.0.0") != network("::"));
}
