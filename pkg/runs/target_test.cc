#include "runs/target.h"

#include <string>

#include <doctest/doctest.h>
#include <unistd.h>

#include "testkit/folder.h"

using namespace zc;
using namespace zc::runs;

TEST_CASE("targets are read as they are written") {
    struct Row {
        const char* text;
        Target::Kind kind;
        const char* address;
        std::uint16_t port;
        const char* path;
    };
    const Row rows[] = {
        {"192.0.2.1", Target::Kind::server, "192.0.2.1", 53, ""},
        {"192.0.2.1:5300", Target::Kind::server, "192.0.2.1", 5300, ""},
        {"2001:db8::1", Target::Kind::server, "2001:db8::1", 53, ""},
        {"[2001:db8::1]", Target::Kind::server, "2001:db8::1", 53, ""},
        {"[2001:db8::1]:65535", Target::Kind::server, "2001:db8::1", 65535, ""},
        {"tcp:192.0.2.1", Target::Kind::tcp_only, "192.0.2.1", 53, ""},
        {"tcp:[2001:db8::1]:5300", Target::Kind::tcp_only, "2001:db8::1", 5300, ""},
        {"store:a/b c.db", Target::Kind::store, nullptr, 53, "a/b c.db"},
        {"recorded", Target::Kind::recorded, nullptr, 53, ""},
    };
    for (const Row& row : rows) {
        CAPTURE(row.text);
        const auto target = parse_target(row.text);
        REQUIRE(target.has_value());
        CHECK(target->kind == row.kind);
        if (row.address != nullptr) CHECK(dns::to_string(target->address) == row.address);
        CHECK(target->port == row.port);
        CHECK(target->path == row.path);
        CHECK(target->text == row.text);
    }
}

TEST_CASE("what is no target is refused, and the error says what was wanted") {
    for (const char* text :
         {"", "ns1.example.", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536", "192.0.2.1:53x",
          "192.0.2", "[2001:db8::1", "[2001:db8::1]53", "[2001:db8::1]:", "tcp:", "store:", "udp:1",
          ":53", "2001:db8::1:", "tcp:recorded"}) {
        CAPTURE(text);
        const auto target = parse_target(text);
        REQUIRE_FALSE(target.has_value());
        CHECK(target.error().code == Errc::malformed);
        CHECK(target.error().message.find("wanted ADDRESS") != std::string::npos);
    }
}

TEST_CASE("two sides are one target by whatever name") {
    const testkit::Folder folder;
    testkit::write_file(folder / "a.db", "");
    testkit::write_file(folder / "b.db", "");
    REQUIRE(::symlink((folder / "a.db").c_str(), (folder / "link.db").c_str()) == 0);
    struct Row {
        std::string a, b;
        bool one;
    };
    for (const Row& row :
         {Row{"192.0.2.1", "192.0.2.1:53", true}, Row{"192.0.2.1", "tcp:192.0.2.1", true},
          Row{"192.0.2.1", "::ffff:192.0.2.1", true}, Row{"0.0.0.0:5399", "127.0.0.1:5399", true},
          Row{"192.0.2.1", "192.0.2.1:54", false}, Row{"192.0.2.1", "192.0.2.2", false},
          Row{"192.0.2.1", "recorded", false},
          Row{"192.0.2.1", "store:" + (folder / "a.db"), false},
          Row{"store:" + (folder / "a.db"), "store:" + (folder / "link.db"), true},
          Row{"store:" + (folder / "a.db"), "store:" + (folder / "b.db"), false}}) {
        INFO(row.a, " ", row.b);
        CHECK(is_one_target(*parse_target(row.a), *parse_target(row.b)) == row.one);
        CHECK(is_one_target(*parse_target(row.b), *parse_target(row.a)) == row.one);
    }
}
