#include "net/endpoint.h"

#include <string>

#include <doctest/doctest.h>

namespace zc::net {
namespace {

TEST_CASE("endpoints are read with and without a port, and printed with it") {
    struct Case {
        const char* text;
        const char* printed;  // empty: refused
    };
    for (const Case c : {Case{"192.0.2.1", "192.0.2.1:53"},
                         {"192.0.2.1:5300", "192.0.2.1:5300"},
                         {"0.0.0.0:0", "0.0.0.0:0"},
                         {"::1", "[::1]:53"},
                         {"[2001:db8::1]:65535", "[2001:db8::1]:65535"},
                         {"[::]", "[::]:53"},
                         {"", ""},
                         {"192.0.2.1:", ""},
                         {"192.0.2.1:65536", ""},
                         {"192.0.2.1:5x", ""},
                         {"[::1", ""},
                         {"[::1]5", ""},
                         {"[::1]:", ""},
                         {"[192.0.2.1]:53", ""},
                         {"localhost:53", ""},
                         {":53", ""}}) {
        CAPTURE(c.text);
        const auto endpoint = parse_endpoint(c.text);
        CHECK((endpoint ? to_string(*endpoint) : "") == c.printed);
    }
}

}  // namespace
}  // namespace zc::net
