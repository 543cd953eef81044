#include "dns/message.h"

#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <ldns/ldns.h>

#include "dns/presentation.h"

using namespace zc;
using dns::Message;
using dns::Name;
using dns::RrType;

namespace {

using Octets = std::vector<std::uint8_t>;

Name name(std::string_view text) {
    return *Name::parse(text);
}

dns::Record record(std::string_view owner, std::uint32_t ttl, std::string_view type,
                   std::string_view rdata) {
    dns::Record made{.owner = name(owner)};
    made.type = *dns::parse_type(type);
    made.ttl = ttl;
    REQUIRE(dns::parse_rdata(rdata, made.type, dns::NameView(), made.rdata).has_value());
    return made;
}

Octets encoded(const Message& message) {
    auto octets = dns::encode_message(message);
    REQUIRE(octets.has_value());
    return *octets;
}

std::string text_of(base::Octets octets) {
    const auto message = dns::parse_message(octets);
    return message ? dns::message_text(*message) : message.error().message;
}

Message response() {
    Message message;
    message.id = 0x1234;
    message.qr = message.aa = true;
    message.questions.push_back({.name = name("www.example."), .type = RrType::a});
    message.answer = {record("www.example.", 3600, "CNAME", "web.example."),
                      record("web.example.", 60, "A", "192.0.2.1")};
    message.authority = {
        record("example.", 3600, "NS", "ns.example."),
        record("example.", 3600, "SOA", "ns.example. hostmaster.example. 1 2 3 4 5")};
    message.additional = {record("ns.example.", 3600, "AAAA", "2001:db8::1")};
    message.edns = dns::Edns{};
    message.edns->dnssec_ok = true;
    message.edns->options = {{.code = 3, .value = {'n', '1'}},
                             {.code = 15, .value = {0, 18, 'n', 'o', '"'}},
                             {.code = 15, .value = {0, 22}},
                             {.code = 8, .value = {0, 1, 24, 0, 192, 0, 2}},
                             {.code = 10, .value = {1, 2, 3, 4, 5, 6, 7, 8}},
                             {.code = 12, .value = {0, 0, 0}},
                             {.code = 65001, .value = {}}};
    return message;
}

constexpr auto response_text =
    "NOERROR aa\n"
    "answer www.example. 3600 CNAME web.example.\n"
    "answer web.example. 60 A 192.0.2.1\n"
    "authority example. 3600 NS ns.example.\n"
    "authority example. 3600 SOA ns.example. hostmaster.example. 1 2 3 4 5\n"
    "additional ns.example. 3600 AAAA 2001:db8::1\n"
    "edns 1232 do\n"
    "nsid 6e31\n"
    "ede 18 \"no\\\"\"\n"
    "ede 22\n"
    "ecs 192.0.2.0/24/0\n"
    "cookie 0102030405060708\n"
    "padding 3\n"
    "option 65001\n";

}  // namespace

TEST_CASE("a message that is encoded and parsed says the same") {
    const Octets octets = encoded(response());
    CHECK(text_of(octets) == response_text);
    const auto again = dns::parse_message(octets);
    REQUIRE(again.has_value());
    CHECK(again->id == 0x1234);
    CHECK(again->qr);
    REQUIRE(again->questions.size() == 1);
    CHECK(dns::to_string(again->questions[0].name) == "www.example.");
    CHECK(encoded(*again) == octets);
}

TEST_CASE("ldns reads what is encoded") {
    const Octets octets = encoded(response());
    ldns_pkt* packet = nullptr;
    REQUIRE(ldns_wire2pkt(&packet, octets.data(), octets.size()) == LDNS_STATUS_OK);
    CHECK(ldns_pkt_id(packet) == 0x1234);
    CHECK(ldns_pkt_ancount(packet) == 2);
    CHECK(ldns_pkt_nscount(packet) == 2);
    CHECK(ldns_pkt_arcount(packet) == 1);  // ldns takes OPT out too
    CHECK(ldns_pkt_edns_udp_size(packet) == 1232);
    CHECK(ldns_pkt_edns_do(packet));
    ldns_pkt_free(packet);
}

TEST_CASE("names are compressed where all resolvers must take it, and nowhere else") {
    Message message;
    message.answer = {record("a.example.", 1, "MX", "1 mail.a.example."),
                      record("a.example.", 1, "SRV", "1 2 3 mail.a.example."),
                      record("MAIL.a.example.", 1, "NS", "a.example.")};
    const Octets octets = encoded(message);
    const std::size_t fixed = 10;
    const std::size_t mx = 11 + fixed + 2 + 5 + 2;  // owner whole; "mail" and a pointer
    const std::size_t srv = 2 + fixed + 6 + 16;     // a pointer; the target whole
    const std::size_t ns = 5 + 2 + fixed + 2;       // "MAIL" is not "mail", the rest is shared
    CHECK(octets.size() == 12 + mx + srv + ns);
    CHECK(text_of(octets) ==
          "NOERROR\nanswer a.example. 1 MX 1 mail.a.example.\nanswer a.example. 1 SRV 1 2 3 "
          "mail.a.example.\n"
          "answer MAIL.a.example. 1 NS a.example.\n");
}

TEST_CASE("a name of equal labels does not point into itself") {
    Message message;
    message.questions.push_back({.name = name("a.a.a.a."), .type = RrType::a});
    message.questions.push_back({.name = name("a.a."), .type = RrType::a});
    const auto again = dns::parse_message(encoded(message));
    REQUIRE(again.has_value());
    CHECK(dns::to_string(again->questions[0].name) == "a.a.a.a.");
    CHECK(dns::to_string(again->questions[1].name) == "a.a.");
}

TEST_CASE("thousands of names beyond the reach of pointers are still written right") {
    Message message;
    for (int i = 0; i < 2500; ++i)
        message.answer.push_back(
            record("h" + std::to_string(i) + ".example.", 1, "A", "192.0.2.1"));
    const Octets octets = encoded(message);
    CHECK(octets.size() > 0x4000);
    const auto again = dns::parse_message(octets);
    REQUIRE(again.has_value());
    CHECK(dns::message_text(*again) == dns::message_text(message));
}

TEST_CASE("a message that is too long is refused, not cut") {
    const Octets octets = encoded(response());
    CHECK(dns::encode_message(response(), octets.size()).has_value());
    for (std::size_t size = 0; size < octets.size(); ++size) {
        const auto refused = dns::encode_message(response(), size);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Errc::limit);
    }
}

TEST_CASE("an extended rcode needs EDNS, and is put together again") {
    Message message;
    message.rcode = dns::Rcode::badvers;
    CHECK(dns::encode_message(message).error().message == "rcode BADVERS without EDNS");
    message.edns = dns::Edns{};
    CHECK(text_of(encoded(message)) == "BADVERS\nedns 1232\n");
}

TEST_CASE("a query is what was asked for") {
    dns::QueryOptions options;
    CHECK(dns::encode_query(name("a."), RrType::aaaa, options) ==
          Octets{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 'a', 0, 0, 28, 0, 1});
    options = {.id = 0x0102,
               .rd = true,
               .ad = true,
               .cd = true,
               .qclass = dns::RrClass::ch,
               .edns = dns::Edns{.udp_octets = 4096, .dnssec_ok = true}};
    CHECK(dns::encode_query(name("."), RrType::any, options) ==
          Octets{1,   2, 1, 0x30, 0, 1,  0,    0, 0, 0, 0,    1, 0, 0,
                 255, 0, 3, 0,    0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0});
}

TEST_CASE("every cut of a message is an error that says where") {
    const Octets octets = encoded(response());
    for (std::size_t size = 0; size < octets.size(); ++size) {
        const Octets cut(octets.begin(), octets.begin() + static_cast<std::ptrdiff_t>(size));
        const auto message = dns::parse_message(cut);
        REQUIRE_FALSE(message.has_value());
        CHECK(message.error().code == Errc::malformed);
    }
    CHECK(text_of(base::Octets(octets).first(5)) == "message of 5 octets, wanted a header of 12");
    CHECK(text_of(base::Octets(octets).first(14)) ==
          "question 1 at octet 12: message ends inside a label");
    CHECK(text_of(base::Octets(octets).first(40)) ==
          "answer record 1 at octet 29: message ends inside of it");
}

TEST_CASE("octets behind the last record are counted") {
    Octets octets = dns::encode_query(name("a."), RrType::a, {});
    octets.insert(octets.end(), 3, 0xff);
    CHECK(text_of(octets) == "NOERROR\ntrailing 3 octets\n");
}

TEST_CASE("a misplaced, named, second or malformed OPT record is an error") {
    const Octets opt = {0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0};
    const auto with = [](std::array<std::uint8_t, 4> counts, const Octets& rest) {
        Octets octets = {0, 0, 0x80, 0, 0, counts[0], 0, counts[1], 0, counts[2], 0, counts[3]};
        octets.insert(octets.end(), rest.begin(), rest.end());
        return text_of(octets);
    };
    Octets two = opt;
    two.insert(two.end(), opt.begin(), opt.end());
    Octets named = opt;
    named[0] = 1;
    named.insert(named.begin() + 1, {'a', 0});
    Octets cut_option = opt;
    cut_option[10] = 5;
    cut_option.insert(cut_option.end(), {0, 3, 0, 2, 'x'});
    CHECK(with({0, 0, 0, 1}, opt) == "NOERROR\nedns 1232\n");
    CHECK(with({0, 1, 0, 0}, opt) ==
          "answer record 1 at octet 12: OPT record in the answer section");
    CHECK(with({0, 0, 1, 0}, opt) ==
          "authority record 1 at octet 12: OPT record in the authority section");
    CHECK(with({0, 0, 0, 2}, two) == "additional record 2 at octet 23: second OPT record");
    CHECK(with({0, 0, 0, 1}, named) ==
          "additional record 1 at octet 12: OPT record with owner a., wanted the root");
    CHECK(with({0, 0, 0, 1}, cut_option) ==
          "additional record 1 at octet 12: EDNS option that runs over the end of its OPT record");
}

TEST_CASE("an UPDATE has records without RDATA, in classes of its own") {
    Message update;
    update.opcode = dns::Opcode::update;
    update.questions.push_back({.name = name("example."), .type = RrType::soa});
    update.answer.push_back({.owner = name("a.example."),
                             .type = RrType::mx,
                             .rr_class = dns::RrClass::any,
                             .rdata = {}});
    update.answer.push_back({.owner = name("b.example."),
                             .type = RrType::any,
                             .rr_class = dns::RrClass::none,
                             .rdata = {}});
    update.authority.push_back(record("c.example.", 0, "MX", "10 a.example."));
    update.authority[0].rr_class = dns::RrClass::none;
    CHECK(text_of(encoded(update)) ==
          "UPDATE NOERROR\n"
          "answer a.example. 0 ANY MX\n"
          "answer b.example. 0 NONE ANY\n"
          "authority c.example. 0 NONE MX 10 a.example.\n");
}

TEST_CASE("records of the reserved types 0 and 65535 are opaque") {
    for (const std::uint16_t type : {std::uint16_t{0}, std::uint16_t{65535}}) {
        for (const std::uint8_t size : {std::uint8_t{0}, std::uint8_t{3}}) {
            std::vector<std::uint8_t> octets = {0, 1, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0};
            octets.insert(octets.end(),
                          {static_cast<std::uint8_t>(type >> 8U),
                           static_cast<std::uint8_t>(type & 255U), 0, 1, 0, 0, 0, 60, 0, size});
            octets.insert(octets.end(), size, 0xfe);
            const auto message = dns::parse_message(octets);
            REQUIRE(message.has_value());
            REQUIRE(message->answer.size() == 1);
            CHECK(message->answer[0].rdata == std::vector<std::uint8_t>(size, 0xfe));
            CHECK(dns::record_text(message->answer[0]) ==
                  ". 60 TYPE" + std::to_string(type) + (size == 0 ? " \\# 0" : " \\# 3 fefefe"));
            // ALIAS has a name where this has none: nothing looks for it.
            CHECK(encoded(*message) == octets);
            std::array<dns::NamePlace, dns::rdata_names_max> places;
            CHECK(dns::names_in(message->answer[0].type, message->answer[0].rdata, places) == 0);
        }
    }
}

TEST_CASE("an address of class CH is no IPv4 address") {
    Message message;
    message.answer.push_back(
        {.owner = name("a."), .type = RrType::a, .rr_class = dns::RrClass::ch, .rdata = {0, 1, 2}});
    CHECK(text_of(encoded(message)) == "NOERROR\nanswer a. 0 CH A \\# 3 000102\n");
}

TEST_CASE("TSIG stays the last record, behind OPT") {
    Message message;
    message.edns = dns::Edns{};
    message.additional = {record("key.", 0, "TSIG", "hmac-sha256. 1 300 1 AA== 0 0 0"),
                          record("a.", 1, "A", "192.0.2.1")};
    message.additional[0].rr_class = dns::RrClass::any;
    const Octets octets = encoded(message);
    CHECK(octets[octets.size() - 6] ==
          0);  // original id, error and length of other data end the message
    const auto again = dns::parse_message(octets);
    REQUIRE(again.has_value());
    REQUIRE(again->additional.size() == 2);
    CHECK(again->additional[1].type == RrType::tsig);
    CHECK(octets.size() == 12 + 17 + 11 + 5 + 10 + 13 + 16 + 1);
}
