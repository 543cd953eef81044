#include "net/own_address.h"

#include <string>

#include <doctest/doctest.h>

#include "net/socket.h"

namespace zc::net {
namespace {

Endpoint at(const char* text) {
    return *parse_endpoint(text);
}

TEST_CASE("names that mean one address are one") {
    struct Row {
        const char *address, *canonical;
    };
    for (const Row& row :
         {Row{"192.0.2.1", "192.0.2.1"}, Row{"::ffff:192.0.2.1", "192.0.2.1"},
          Row{"0.0.0.0", "127.0.0.1"}, Row{"::ffff:0.0.0.0", "127.0.0.1"}, Row{"::", "::1"},
          Row{"::1", "::1"}, Row{"2001:db8::1", "2001:db8::1"}}) {
        INFO(row.address);
        CHECK(dns::to_string(canonical(*dns::parse_address(row.address))) == row.canonical);
    }
}

TEST_CASE("what is sent to an address of this machine comes to who listens for it") {
    struct Row {
        const char *target, *listener;
        bool leads;
    };
    for (const Row& row :
         {Row{"127.0.0.1:5300", "127.0.0.1:5300", true},
          Row{"127.0.0.1:5301", "127.0.0.1:5300", false},
          Row{"127.0.0.2:5300", "127.0.0.1:5300", false},
          Row{"0.0.0.0:5300", "127.0.0.1:5300", true},
          Row{"[::ffff:127.0.0.1]:5300", "127.0.0.1:5300", true},
          Row{"127.0.0.1:5300", "0.0.0.0:5300", true}, Row{"127.9.9.9:5300", "0.0.0.0:5300", true},
          Row{"[::ffff:127.9.9.9]:5300", "0.0.0.0:5300", true},
          Row{"0.0.0.0:5300", "0.0.0.0:5300", true}, Row{"192.0.2.1:5300", "0.0.0.0:5300", false},
          Row{"192.0.2.1:5300", "192.0.2.1:5300", true}, Row{"[::1]:5300", "[::]:5300", true},
          Row{"[::]:5300", "[::1]:5300", true}, Row{"[2001:db8::1]:5300", "[::]:5300", false},
          Row{"[::1]:5300", "0.0.0.0:5300", false}, Row{"127.0.0.1:5300", "[::]:5300", false}}) {
        INFO(row.target, " ", row.listener);
        CHECK(leads_to(at(row.target), at(row.listener)) == row.leads);
    }
}

TEST_CASE("own addresses lead to one server where somebody listens for all of them") {
    CHECK(is_one_server(at("192.0.2.1:53"), at("[::ffff:192.0.2.1]:53")));
    CHECK_FALSE(is_one_server(at("192.0.2.1:53"), at("192.0.2.1:54")));
    CHECK_FALSE(is_one_server(at("192.0.2.1:53"), at("192.0.2.2:53")));
    for (const char* const all : {"0.0.0.0:0", "[::]:0"}) {
        const auto server = bind_udp(at(all), Sharing::none);
        if (!server) continue;  // a machine without IPv6
        const bool ipv6 = at(all).address.size == 16;
        Endpoint first = at(ipv6 ? "[::1]" : "127.0.0.1"), second = at("127.0.0.2");
        first.port = second.port = *bound_port(*server);
        INFO(to_string(first));
        CHECK(is_one_server(first, second));
        Endpoint elsewhere = at("192.0.2.1");
        elsewhere.port = first.port;
        CHECK_FALSE(is_one_server(first, elsewhere));
    }
    const auto alone = bind_udp(at("127.0.0.1:0"), Sharing::none);
    Endpoint first = at("127.0.0.1"), second = at("127.0.0.2");
    first.port = second.port = *bound_port(*alone);
    CHECK_FALSE(is_one_server(first, second));
}

}  // namespace
}  // namespace zc::net
