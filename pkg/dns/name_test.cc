#include "dns/name.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

using namespace zc;
using dns::Name;

namespace {

Name name(std::string_view text) {
    auto parsed = Name::parse(text);
    REQUIRE_MESSAGE(parsed.has_value(), text);
    return *parsed;
}

std::string error(const Result<Name>& parsed) {
    return parsed ? "parsed as " + dns::to_string(*parsed) : parsed.error().message;
}

std::string labels(std::size_t count, std::size_t octets) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += std::string(octets, 'a') + ".";
    return text;
}

Result<Name> read(const std::vector<std::uint8_t>& message, std::size_t offset,
                  std::size_t* end = nullptr) {
    base::Reader reader(message);
    reader.seek(offset);
    auto read = dns::read_name(reader);
    if (end != nullptr) *end = reader.offset();
    return read;
}

}  // namespace

TEST_CASE("names in presentation format come back in canonical spelling") {
    struct Row {
        std::string_view text, printed;
    };
    const std::array rows = {
        Row{".", "."},
        Row{"example", "example."},
        Row{"Example.COM.", "Example.COM."},
        Row{"a\\.b.c", "a\\.b.c."},
        Row{"a\\046b.c", "a\\.b.c."},
        Row{"my\\032printer.x", "my\\032printer.x."},
        Row{"my\\ printer.x", "my\\032printer.x."},
        Row{"\\\\.x", "\\\\.x."},
        Row{"\\000\\255.x", "\\000\\255.x."},
        Row{"\xc3\xa4.x", "\\195\\164.x."},
        Row{"\\*.x", "*.x."},
        Row{"@", "\\@."},
        Row{"\\$a\\;\\(\\)\\\"", "\\$a\\;\\(\\)\\\"."},
    };
    for (const Row& row : rows) CHECK(dns::to_string(name(row.text)) == row.printed);
}

TEST_CASE("text that is no name is refused with what was found and wanted") {
    CHECK(error(Name::parse("")) == "empty name, wanted a name or \".\"");
    CHECK(error(Name::parse("a..b")) == "name 'a..b' has an empty label");
    CHECK(error(Name::parse(".a")) == "name '.a' has an empty label");
    CHECK(error(Name::parse("..")) == "name '..' has an empty label");
    CHECK(error(Name::parse("a\\")) == "incomplete escape in name 'a\\', wanted \\X or \\DDD");
    CHECK(error(Name::parse("a\\25")) == "incomplete escape in name 'a\\25', wanted \\X or \\DDD");
    CHECK(error(Name::parse("a\\2x5")) ==
          "incomplete escape in name 'a\\2x5', wanted \\X or \\DDD");
    CHECK(error(Name::parse("a\\256")) == "escape over \\255 in name 'a\\256'");
    CHECK(error(Name::parse(std::string(64, 'x'))).starts_with("label of 64 octets in name"));
    CHECK(error(Name::parse(std::string(1000, 'x'))).starts_with("label of 1000 octets in name"));
    CHECK(error(Name::parse("b." + std::string(300, 'x') + ".c"))
              .starts_with("label of 300 octets in name"));
}

TEST_CASE("a name has at most 255 octets, the root label included") {
    CHECK(name(labels(127, 1)).size() == 255);
    CHECK(name(labels(3, 63) + std::string(61, 'b')).size() == 255);
    for (const std::string& text : {labels(128, 1), labels(127, 1) + "b",
                                    labels(3, 63) + std::string(62, 'b'), labels(4, 63)})
        CHECK(error(Name::parse(text)).ends_with("of more than 255 octets"));
}

TEST_CASE("a relative name is completed with the origin, @ is the origin") {
    const Name origin = name("example.com.");
    CHECK(dns::to_string(*Name::parse("www", origin)) == "www.example.com.");
    CHECK(dns::to_string(*Name::parse("www.", origin)) == "www.");
    CHECK(dns::to_string(*Name::parse("@", origin)) == "example.com.");
    CHECK(dns::to_string(*Name::parse("\\@", origin)) == "\\@.example.com.");
    CHECK(dns::to_string(*Name::parse(".", origin)) == ".");
    CHECK(dns::to_string(*Name::parse("a\\.", origin)) == "a\\..example.com.");
    CHECK(Name::parse(labels(3, 63) + std::string(49, 'b'), origin)->size() == 255);
    CHECK(error(Name::parse(labels(3, 63) + std::string(50, 'b'), origin))
              .ends_with("of more than 255 octets"));
    CHECK(error(Name::parse("", origin)).starts_with("empty name"));
}

TEST_CASE("only one whole uncompressed name is a name in wire format") {
    const auto from = [](std::vector<std::uint8_t> wire) { return error(Name::from_wire(wire)); };
    CHECK(from({0}) == "parsed as .");
    CHECK(from({1, 'a', 0}) == "parsed as a.");
    CHECK(from({}) == "name without its end");
    CHECK(from({1, 'a'}) == "name without its end");
    CHECK(from({5, 'a', 0}) == "name without its end");
    CHECK(from({1, 'a', 0, 0}) == "1 octets behind the end of the name");
    CHECK(from({0xc0, 0}) == "label length 192, limit is 63");
    CHECK(from(std::vector<std::uint8_t>(256, 1)) == "name of 256 octets, limit is 255");
}

TEST_CASE("a label and a parent are joined within the limits") {
    const std::array<std::uint8_t, 64> label{};
    CHECK(dns::to_string(*Name::join(std::span(label).first(1), name("x."))) == "\\000.x.");
    CHECK(error(Name::join({}, name("x."))) == "empty label");
    CHECK(error(Name::join(label, name("x."))) == "label of 64 octets, limit is 63");
    CHECK(Name::join(std::span(label).first(61), name(labels(3, 63)))->size() == 255);
    CHECK(error(Name::join(std::span(label).first(62), name(labels(3, 63)))) ==
          "name of 256 octets, limit is 255");
}

TEST_CASE("names are equal without regard to ASCII case, and to that only") {
    CHECK(dns::equal(name("WWW.Example.COM."), name("www.eXAMPLE.com.")));
    CHECK_FALSE(dns::equal(name("www.example.com."), name("www.example.org.")));
    CHECK_FALSE(dns::equal(name("a.b."), name("a\\.b.")));
    // The neighbours of the letters, and octets whose low seven bits are a letter.
    for (int octet = 0; octet < 256; ++octet)
        for (int other = 0; other < 256; ++other) {
            std::vector<std::uint8_t> a(11, 'x');
            a[0] = 9;
            a[10] = 0;
            std::vector<std::uint8_t> b = a;
            a[3] = static_cast<std::uint8_t>(octet);
            b[3] = static_cast<std::uint8_t>(other);
            const bool same = dns::fold(a[3]) == dns::fold(b[3]);
            REQUIRE(dns::equal(dns::NameView(a), dns::NameView(b)) == same);
        }
}

TEST_CASE("folding changes capitals only") {
    Name folded = name("AZ@[`z{\\193\\218aB");
    folded.fold_case();
    CHECK(dns::to_string(folded) == "az\\@[`z{\\193\\218ab.");
}

TEST_CASE("canonical order is that of RFC 4034 section 6.1") {
    const std::array ordered = {"example.",         "a.example.",      "yljkjljk.a.example.",
                                "Z.a.example.",     "zABC.a.EXAMPLE.", "z.example.",
                                "\\001.z.example.", "*.z.example.",    "\\200.z.example."};
    for (std::size_t i = 0; i < ordered.size(); ++i)
        for (std::size_t j = 0; j < ordered.size(); ++j)
            CHECK(dns::compare(name(ordered[i]), name(ordered[j])) == (i <=> j));
    CHECK(dns::compare(name("."), name("a.")) < 0);
    CHECK(dns::compare(name("A.b."), name("a.B.")) == 0);
}

TEST_CASE("a name is within itself and its ancestors, by whole labels") {
    CHECK(name("www.Example.com.").view().is_within(name("example.COM.")));
    CHECK(name("example.com.").view().is_within(name("example.com.")));
    CHECK(name("example.com.").view().is_within(name(".")));
    CHECK_FALSE(name("com.").view().is_within(name("example.com.")));
    CHECK_FALSE(name("myexample.com.").view().is_within(name("example.com.")));
    // The octets of "\007example.com." stand inside of one label here.
    CHECK_FALSE(name("x\\007example.com.").view().is_within(name("example.com.")));
}

TEST_CASE("compressed names are read, and the reader ends behind them") {
    //                                     0  1    2    3  4    5     6   7    8  9
    const std::vector<std::uint8_t> message = {1, 'x', 1, 'y', 0, 1, 'a', 0xc0, 2, 0xc0, 5};
    std::size_t end = 0;
    CHECK(dns::to_string(*read(message, 5, &end)) == "a.y.");
    CHECK(end == 9);
    CHECK(dns::to_string(*read(message, 9, &end)) == "a.y.");
    CHECK(end == 11);
    CHECK(dns::to_string(*read(message, 0, &end)) == "x.y.");
    CHECK(end == 5);
}

TEST_CASE("a compression pointer that does not lead backwards is refused") {
    constexpr auto backwards = "compression pointer that does not lead backwards";
    CHECK(error(read({0xc0, 0}, 0)) == backwards);
    CHECK(error(read({0xc0, 2, 0}, 0)) == backwards);
    CHECK(error(read({0, 1, 'a', 0xc0, 1}, 1)) == backwards);        // into its own labels
    CHECK(error(read({0xc0, 2, 0xc0, 0}, 2)) == backwards);          // to and fro
    CHECK(error(read({1, 'a', 0xc0, 0, 0xc0, 0}, 4)) == backwards);  // ends at a loop
}

TEST_CASE("a cut or malformed name in a message is refused") {
    CHECK(error(read({}, 0)) == "message ends inside a name");
    CHECK(error(read({3, 'a', 'b'}, 0)) == "message ends inside a label");
    CHECK(error(read({1, 'a'}, 0)) == "message ends inside a name");
    CHECK(error(read({0xc0}, 0)) == "message ends inside a compression pointer");
    CHECK(error(read({0x40, 0}, 0)) == "label of type 1, wanted 0 or 3");
    CHECK(error(read({0x80, 0}, 0)) == "label of type 2, wanted 0 or 3");
}

TEST_CASE("a name that grows over 255 octets by its pointers is refused") {
    std::vector<std::uint8_t> message;
    for (int i = 0; i < 3; ++i) {
        message.push_back(63);
        message.insert(message.end(), 63, 'a');
    }
    message.push_back(0);
    message.push_back(61);
    message.insert(message.end(), 61, 'b');
    message.insert(message.end(), {0xc0, 0});
    CHECK(read(message, 193)->size() == 255);
    message[193] = 60;
    message.insert(message.begin() + 194 + 60, {1, 'c', 0xc0, 0});
    CHECK(error(read(message, 193)) == "name of more than 255 octets");
}
