// RDATA of every type as text: testdata/dns/rdata/*.txt.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>  // before ldns, which makes `false` a macro
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <ldns/ldns.h>

#include "dns/presentation.h"
#include "testkit/script.h"

using namespace zc;
using dns::RrType;

namespace {

const dns::Name& origin() {
    static const dns::Name name = *dns::Name::parse("example.");
    return name;
}

std::string hex(base::Octets octets) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t octet : octets) {
        out += digits[octet >> 4U];
        out += digits[octet & 15U];
    }
    return out;
}

std::vector<std::uint8_t> from_hex(std::string_view text) {
    std::string digits;
    for (const char c : text)
        if (c != ' ' && c != '\n') digits += c;
    std::vector<std::uint8_t> octets;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        octets.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return octets;
}

/// The RDATA that ldns makes of the same text: octets in hex, or nothing when it does not know the
/// type or refuses.
std::string ldns_wire(const std::string& type, const std::string& text) {
    ldns_rr* raw = nullptr;
    ldns_rdf* ldns_origin = ldns_dname_new_frm_str("example.");
    const std::string line = "x.example. 3600 IN " + type + " " + text;
    const ldns_status status = ldns_rr_new_frm_str(&raw, line.c_str(), 0, ldns_origin, nullptr);
    ldns_rdf_deep_free(ldns_origin);
    if (status != LDNS_STATUS_OK) return {};
    const std::unique_ptr<ldns_rr, decltype(&ldns_rr_free)> rr(raw, &ldns_rr_free);
    std::uint8_t* wire = nullptr;
    std::size_t octets = 0;
    if (ldns_rr2wire(&wire, rr.get(), LDNS_SECTION_ANSWER, &octets) != LDNS_STATUS_OK) return {};
    const std::unique_ptr<std::uint8_t, decltype(&std::free)> owned(wire, &std::free);
    const std::size_t head = 11 + 10;  // owner x.example., type, class, TTL, length
    return octets < head ? std::string() : hex(base::Octets(wire, octets).subspan(head));
}

/// "rdata TYPE" with one RDATA in presentation format a line (or one over several lines in
/// parentheses): gives canonical text and wire, and what ldns says when it says something else.
std::string run_rdata(const testkit::Step& step, std::set<std::string>& seen) {
    const auto type = dns::parse_record_type(step.args);
    if (!type) return type.error().message + "\n";
    seen.insert(step.args);
    std::string text = step.body;
    if (!text.empty()) text.pop_back();
    std::vector<std::uint8_t> wire;
    if (const auto parsed = dns::parse_rdata(text, *type, origin(), wire); !parsed)
        return "refused: " + parsed.error().message + "\n";
    if (const auto checked = dns::check_rdata(*type, wire); !checked)
        return "parsed, but not well-formed: " + checked.error().message + "\n";
    const std::string printed = dns::rdata_text(*type, wire);
    std::vector<std::uint8_t> again;
    if (const auto parsed = dns::parse_rdata(printed, *type, dns::NameView(), again); !parsed)
        return "printed as '" + printed + "', which is refused: " + parsed.error().message + "\n";
    if (again != wire) return "printed as '" + printed + "', which is " + hex(again) + "\n";

    std::string out = printed + "\n" + hex(wire) + "\n";
    // In its own spelling: ldns knows few mnemonics and no relative names inside of some types.
    const std::string theirs = ldns_wire(step.args, printed);
    if (theirs.empty())
        out += "ldns: does not take it\n";
    else if (theirs != hex(wire))
        out += "ldns: " + theirs + "\n";
    return out;
}

/// "wire TYPE HEX…": checked and printed.
std::string run_wire(const testkit::Step& step) {
    const std::vector<std::string> words = step.words();
    const auto type = dns::parse_record_type(words.at(0));
    if (!type) return type.error().message + "\n";
    const std::vector<std::uint8_t> wire = from_hex(step.args.substr(words[0].size()) + step.body);
    if (const auto checked = dns::check_rdata(*type, wire); !checked)
        return "refused: " + checked.error().message + "\n";
    const std::string printed = dns::rdata_text(*type, wire);
    std::vector<std::uint8_t> again;
    if (const auto parsed = dns::parse_rdata(printed, *type, dns::NameView(), again); !parsed)
        return "printed as '" + printed + "', which is refused: " + parsed.error().message + "\n";
    if (again != wire) return "printed as '" + printed + "', which is " + hex(again) + "\n";
    return printed + "\n";
}

}  // namespace

TEST_CASE("RDATA is parsed, checked and printed as testdata/dns/rdata says, ldns agreeing") {
    std::set<std::string> seen;
    testkit::run_scripts("dns/rdata", [&seen] {
        return [&seen](const testkit::Step& step) -> std::string {
            if (step.directive == "rdata") return run_rdata(step, seen);
            if (step.directive == "wire") return run_wire(step);
            return "unknown directive\n";
        };
    });
    // Every type that has a presentation format of its own stands in testdata.
    for (std::uint32_t number = 0; number <= 0xffff; ++number) {
        const auto type = static_cast<RrType>(number);
        if (!dns::fields_of(type).empty())
            CHECK_MESSAGE(seen.contains(dns::record_type_text(type)), dns::record_type_text(type));
    }
}

TEST_CASE("names in RDATA are found where they are") {
    struct Row {
        const char *type, *text;
        std::vector<std::pair<int, int>> places;  // offset, octets
        const char* folded;
    };
    const std::vector<Row> rows = {
        {"A", "192.0.2.1", {}, "192.0.2.1"},
        {"NS", "A.B.", {{0, 5}}, "a.b."},
        {"MX", "10 A.", {{2, 3}}, "10 a."},
        {"SOA", "A. B.C. 1 2 3 4 5", {{0, 3}, {3, 5}}, "a. b.c. 1 2 3 4 5"},
        {"SRV", "1 2 3 A.", {{6, 3}}, "1 2 3 a."},
        {"NAPTR", "1 2 \"S\" \"XY\" \"\" A.", {{10, 3}}, "1 2 \"S\" \"XY\" \"\" a."},
        {"RRSIG",
         "A 5 1 1 20030322173103 20030220173103 1 A. AAAA",
         {{18, 3}},
         "A 5 1 1 20030322173103 20030220173103 1 a. AAAA"},
        {"NSEC", "A. NS", {{0, 3}}, "A. NS"},
        {"SVCB", "1 A. port=1", {{2, 3}}, "1 A. port=1"},
        {"RP", "A. B.", {{0, 3}, {3, 3}}, "a. b."},
        {"A6", "64 ::1 A.", {{9, 3}}, "64 ::1 a."},
        {"A6", "0 ::1", {}, "0 ::1"},
        {"TXT", "\"A\"", {}, "\"A\""},
        {"IPSECKEY", "1 3 1 A. AAAA", {}, "1 3 1 A. AAAA"},
        {"TYPE65280", "\\# 3 014100", {}, "\\# 3 014100"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.type);
        CAPTURE(row.text);
        const RrType type = *dns::parse_type(row.type);
        std::vector<std::uint8_t> wire;
        REQUIRE(dns::parse_rdata(row.text, type, origin(), wire).has_value());
        std::array<dns::NamePlace, dns::rdata_names_max> places;
        REQUIRE(dns::names_in(type, wire, places) == row.places.size());
        for (std::size_t i = 0; i < row.places.size(); ++i) {
            CHECK(places[i].offset == row.places[i].first);
            CHECK(places[i].octets == row.places[i].second);
        }
        dns::fold_rdata(type, wire);
        CHECK(dns::rdata_text(type, wire) == row.folded);
    }
}

TEST_CASE("no type has more names in its RDATA than there is room for") {
    for (std::uint32_t number = 0; number <= 0xffff; ++number) {
        const auto fields = dns::fields_of(static_cast<RrType>(number));
        const auto names = std::ranges::count_if(fields, [](dns::Field field) {
            return field == dns::Field::name || field == dns::Field::name_compressible ||
                   field == dns::Field::name_folded || field == dns::Field::a6;
        });
        REQUIRE(static_cast<std::size_t>(names) <= dns::rdata_names_max);
    }
}

TEST_CASE("RDATA in a message is decompressed, and must end where it says") {
    //                                      0  1    2  3  4  5     6  7
    const std::vector<std::uint8_t> message = {1, 'x', 0, 0, 9, 0xc0, 0, 0xee};
    const auto read = [&](std::uint16_t octets) {
        base::Reader reader(message);
        reader.seek(3);
        std::vector<std::uint8_t> out = {0xaa};
        const auto status = dns::read_rdata(reader, RrType::mx, octets, out);
        if (!status) {
            CHECK(out.size() == 1);
            return status.error().message;
        }
        CHECK(reader.offset() == 3U + octets);
        return hex(out);
    };
    CHECK(read(4) == "aa0009017800");
    CHECK(read(3) == "name that runs over the end of its RDATA");
    CHECK(read(2) == "name that runs over the end of its RDATA");
    CHECK(read(1) == "field 1 of MX: RDATA ends inside it");
    CHECK(read(5) == "1 octets behind the last field of MX");
    CHECK(read(6) == "RDATA of 6 octets, the message has 5 left");
}

TEST_CASE("text of one record must not go on in another line") {
    std::vector<std::uint8_t> out;
    CHECK(dns::parse_rdata("10 a.\n", RrType::mx, origin(), out).has_value());
    CHECK(dns::parse_rdata("( 10 ; preference\n a. )\n\n; end", RrType::mx, origin(), out)
              .has_value());
    CHECK(out.size() == 10);
    CHECK_FALSE(dns::parse_rdata("10 a.\n20 b.", RrType::mx, origin(), out).has_value());
    CHECK_FALSE(dns::parse_rdata("10\na.", RrType::mx, origin(), out).has_value());
    CHECK_FALSE(dns::parse_rdata("( 10 a.", RrType::mx, origin(), out).has_value());
    CHECK_FALSE(dns::parse_rdata("10 a. )", RrType::mx, origin(), out).has_value());
    CHECK(out.size() == 10);
}

TEST_CASE("RDATA of more than 65535 octets is refused") {
    std::string text;
    for (int i = 0; i < 257; ++i) text += '"' + std::string(254, 'x') + "\" ";
    std::vector<std::uint8_t> out;
    REQUIRE(dns::parse_rdata(text, RrType::txt, origin(), out).has_value());
    CHECK(out.size() == 65535);
    out.clear();
    const auto parsed = dns::parse_rdata(text + "\"\"", RrType::txt, origin(), out);
    REQUIRE_FALSE(parsed.has_value());
    CHECK(parsed.error().message == "RDATA of more than 65535 octets");
    CHECK(out.empty());
}
