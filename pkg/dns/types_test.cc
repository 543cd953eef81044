#include "dns/types.h"

#include <array>
#include <string>

#include <doctest/doctest.h>
#include <ldns/ldns.h>

#include "dns/presentation.h"

using namespace zc;
using dns::RrType;

TEST_CASE("every type is read as it is printed") {
    for (std::uint32_t number = 0; number <= 0xffff; ++number) {
        const auto type = static_cast<RrType>(number);
        const auto parsed = dns::parse_record_type(dns::record_type_text(type));
        REQUIRE(parsed.has_value());
        REQUIRE(*parsed == type);
        const auto of_message = dns::parse_type(dns::to_string(type));
        REQUIRE(of_message.has_value());
        REQUIRE(*of_message == type);
    }
}

TEST_CASE("ALIAS and LUA are PowerDNS's numbers in messages, and numbers of no data in zones") {
    CHECK(*dns::parse_type("ALIAS") == RrType::powerdns_alias);
    CHECK(*dns::parse_type("lua") == RrType::powerdns_lua);
    CHECK(*dns::parse_record_type("alias") == RrType::alias);
    CHECK(*dns::parse_record_type("LUA") == RrType::lua);
    CHECK(dns::record_type_text(RrType::alias) == "ALIAS");
    CHECK(dns::record_type_text(RrType::lua) == "LUA");
    CHECK(dns::to_string(static_cast<RrType>(0)) == "TYPE0");
    CHECK(dns::to_string(static_cast<RrType>(65535)) == "TYPE65535");
    for (const char* text : {"TYPE65401", "TYPE65402", "type65401"}) {
        CHECK(dns::to_string(*dns::parse_record_type(text)).starts_with("TYPE6540"));
        CHECK(dns::is_data_type(*dns::parse_record_type(text)));
    }
    for (const RrType type : {RrType::alias, RrType::lua}) {
        CHECK_FALSE(dns::is_data_type(type));
        CHECK(dns::is_powerdns_only(type));
        CHECK(dns::from_powerdns(dns::to_powerdns(type)) == type);
    }
}

TEST_CASE("ldns gives our mnemonics the same numbers") {
    // It does not know these, or only the number's neighbour.
    for (std::uint32_t number = 1; number < 65280; ++number) {
        const std::string ours = dns::to_string(static_cast<RrType>(number));
        if (ours.starts_with("TYPE")) continue;
        const ldns_rr_type theirs = ldns_get_rr_type_by_name(ours.c_str());
        if (theirs != 0) CHECK_MESSAGE(static_cast<std::uint32_t>(theirs) == number, ours);
    }
}

TEST_CASE("types are read in any case and by number") {
    CHECK(*dns::parse_type("aaaa") == RrType::aaaa);
    CHECK(*dns::parse_type("Nsec3Param") == RrType::nsec3param);
    CHECK(*dns::parse_type("*") == RrType::any);
    CHECK(*dns::parse_type("type28") == RrType::aaaa);
    CHECK(*dns::parse_type("TYPE0") == static_cast<RrType>(0));
    CHECK(*dns::parse_type("TYPE065") == RrType::https);
    for (const char* text : {"", "TYPE", "TYPE65536", "TYPE-1", "TYPE1x", "TYPE000001", "AAAAA",
                             "A ", "OPENPGPKEYS", "\xff"})
        CHECK_FALSE(dns::parse_type(text).has_value());
    CHECK(dns::parse_type("FOO").error().message ==
          "unknown type 'FOO', wanted a mnemonic or TYPE0..TYPE65535");
}

TEST_CASE("classes, rcodes and opcodes have their registered names") {
    CHECK(dns::to_string(dns::RrClass::in) == "IN");
    CHECK(dns::to_string(static_cast<dns::RrClass>(65280)) == "CLASS65280");
    CHECK(*dns::parse_class("ch") == dns::RrClass::ch);
    CHECK(*dns::parse_class("CLASS1") == dns::RrClass::in);
    CHECK_FALSE(dns::parse_class("CLASS65536").has_value());
    CHECK_FALSE(dns::parse_class("").has_value());
    CHECK(dns::to_string(dns::Rcode::nxdomain) == "NXDOMAIN");
    CHECK(dns::to_string(dns::Rcode::badcookie) == "BADCOOKIE");
    CHECK(dns::to_string(static_cast<dns::Rcode>(42)) == "RCODE42");
    CHECK(dns::to_string(dns::Opcode::update) == "UPDATE");
    CHECK(dns::to_string(static_cast<dns::Opcode>(3)) == "OPCODE3");
}

TEST_CASE("IPv6 addresses are printed as RFC 5952 wants them") {
    struct Row {
        const char *text, *printed;
    };
    const std::array rows = {
        Row{"::", "::"},
        Row{"::1", "::1"},
        Row{"1::", "1::"},
        Row{"2001:0DB8:0:0:0:0:0:1", "2001:db8::1"},
        Row{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // one group of zeros is no gap
        Row{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},           // the longest
        Row{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},     // of equals the first
        Row{"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
        Row{"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        Row{"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        Row{"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        Row{"192.0.2.255", "192.0.2.255"},
        Row{"0.0.0.0", "0.0.0.0"},
    };
    for (const Row& row : rows) {
        const auto parsed = dns::parse_address(row.text);
        REQUIRE_MESSAGE(parsed.has_value(), row.text);
        CHECK(dns::to_string(*parsed) == row.printed);
    }
}

TEST_CASE("text that is no address is refused") {
    for (const char* text : {"",
                             "1.2.3",
                             "1.2.3.4.5",
                             "1.2.3.256",
                             "01.2.3.4",
                             "1.2.3.4 ",
                             "1..2.3",
                             ".1.2.3.4",
                             "1.2.3.",
                             "0x1.2.3.4",
                             ":",
                             ":::",
                             "1:",
                             ":1",
                             "1:2:3:4:5:6:7",
                             "1:2:3:4:5:6:7:8:9",
                             "1::2::3",
                             "12345::",
                             "::g",
                             "1:2:3:4:5:6:7:8::",
                             "::1:2:3:4:5:6:7:8",
                             "::1.2.3",
                             "::1.2.3.4:5",
                             "1:2:3:4:5:6:7:1.2.3.4",
                             "fe80::1%lo",
                             "1.2.3.4::"})
        CHECK_FALSE_MESSAGE(dns::parse_address(text).has_value(), text);
}

TEST_CASE("a prefix contains the addresses that begin with its bits") {
    const auto contains = [](const char* prefix, const char* address) {
        return dns::parse_prefix(prefix)->contains(*dns::parse_address(address));
    };
    CHECK(contains("192.0.2.0/24", "192.0.2.255"));
    CHECK_FALSE(contains("192.0.2.0/24", "192.0.3.0"));
    CHECK(contains("192.0.2.128/25", "192.0.2.129"));
    CHECK_FALSE(contains("192.0.2.128/25", "192.0.2.127"));
    CHECK(contains("0.0.0.0/0", "255.255.255.255"));
    CHECK_FALSE(contains("0.0.0.0/0", "::"));
    CHECK(contains("2001:db8::/33", "2001:db8:7fff::1"));
    CHECK_FALSE(contains("2001:db8::/33", "2001:db8:8000::1"));
    CHECK(contains("192.0.2.1", "192.0.2.1"));
    CHECK_FALSE(contains("192.0.2.1", "192.0.2.0"));
    for (const char* text : {"192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/x", "::/129",
                             "/8", "192.0.2.0/0024"})
        CHECK_FALSE_MESSAGE(dns::parse_prefix(text).has_value(), text);
}

TEST_CASE("what may stand beside a CNAME: its signatures, its denial and KEY, and no data") {
    std::string may;
    for (unsigned number = 0; number <= 0xffff; ++number) {
        const auto type = static_cast<dns::RrType>(number);
        if (dns::may_stand_beside_cname(type)) may += dns::to_string(type) + ' ';
    }
    // RFC 2181 section 10.1 has SIG, NXT and KEY; RFC 4035 section 2.5 has RRSIG and NSEC.
    CHECK(may == "SIG KEY NXT RRSIG NSEC ");
}
