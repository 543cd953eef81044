#include "edit/command.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "dns/presentation.h"
#include "edit/words.h"

using namespace zc;
using namespace zc::edit;  // NOLINT(google-build-using-namespace): the package under test
using dns::RrType;

namespace {

Result<Command> parse_line(const std::string& line) {
    const auto words = split_line(line);
    REQUIRE(words);
    return parse(*words, {"file", 7});
}
Command good(const std::string& line) {
    CAPTURE(line);
    auto command = parse_line(line);
    REQUIRE_MESSAGE(command, command.error().text());
    CHECK(command->where.line == 7);
    return *std::move(command);
}
std::vector<std::string> texts(const Command& command) {
    std::vector<std::string> out;
    for (const dns::Rdata& rdata : command.rdatas)
        out.push_back(dns::rdata_text(command.type, rdata));
    return out;
}
using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("NAME is relative to the zone, @ is its apex, and a final dot makes it absolute") {
    for (const auto& [text, wanted] :
         std::vector<std::pair<std::string, std::string>>{{"www", "www.a.example."},
                                                          {"@", "a.example."},
                                                          {"WWW.A.example.", "www.a.example."},
                                                          {"a.example", "a.example.a.example."},
                                                          {"'*'", "*.a.example."}}) {
        const Command command = good("record rm A.Example " + text + " A");
        CHECK(dns::to_string(command.owner) == wanted);
        CHECK(dns::to_string(command.zone) == "a.example.");
    }
}

TEST_CASE("the first word behind TYPE is a TTL when it is a number and another word follows") {
    CHECK_FALSE(good("record add a.example www A 192.0.2.1").ttl);
    CHECK(good("record add a.example www A 60 192.0.2.1").ttl == 60U);
    CHECK(good("record set a.example www A 0 192.0.2.1 192.0.2.2").ttl == 0U);
    const Command number = good("record add a.example www TXT 300");
    CHECK_FALSE(number.ttl);
    CHECK(texts(number) == Texts{"\"300\""});
    // A removal names records, and those have no TTL of their own.
    const Command removal = good("record rm a.example www TXT 300 x");
    CHECK_FALSE(removal.ttl);
    CHECK(texts(removal) == Texts{"\"x\"", "\"300\""});
}

TEST_CASE("each RDATA is one word, sorted and once, and its own quotes survive") {
    CHECK(
        texts(good("record add a.example @ MX '10 mail.a.example.' '5 @' '10 MAIL.a.example.'")) ==
        Texts{"5 a.example.", "10 mail.a.example."});
    CHECK(texts(good(R"(record set a.example @ TXT '"v=spf1 -all"' '"a" "b c"' "\"x\"")")) ==
          Texts{"\"a\" \"b c\"", "\"x\"", "\"v=spf1 -all\""});
    CHECK(good("record set a.example @ TYPE65280 '\\# 2 0102'").rdatas ==
          std::vector<dns::Rdata>{{1, 2}});
}

TEST_CASE("commands for zones, metadata and comments have the words of the command line") {
    CHECK(good("zone create A.example --ns NS1.b.example --ns=ns2.b.example.").servers.size() == 2);
    CHECK(good("zone delete a.example").verb == Command::Verb::zone_delete);
    CHECK(good("zone set a.example kind MASTER").settings.kind == settings::Kind::primary);
    CHECK(good("zone set a.example kind secondary").settings.kind == settings::Kind::secondary);
    CHECK(good("zone set a.example account").settings.account == "");
    CHECK(good("zone set a.example account 'a b'").settings.account == "a b");
    CHECK(good("zone set a.example primaries 192.0.2.1 192.0.2.1:5300 2001:db8::1 [2001:db8::1]:53")
              .settings.masters->size() == 4);
    CHECK(good("zone set a.example primaries").settings.masters->empty());
    CHECK(good("zone revert a.example 42").version == 42);
    CHECK(good("meta set a.example ALLOW-AXFR-FROM b a b").values == Texts{"a", "b"});
    CHECK(good("meta rm a.example ALLOW-AXFR-FROM").values.empty());
    CHECK(good("comment set a.example www A 'one text' two").values == Texts{"one text", "two"});
    CHECK(good("comment rm a.example www ALIAS").type == RrType::alias);
}

TEST_CASE("what is no command is refused with the word, and with what was wanted") {
    struct Case {
        std::string line;
        Errc code;
        std::string part;
    };
    for (const Case& one : std::vector<Case>{
             {"frob", Errc::malformed, "found 'frob', wanted zone, record, meta or comment"},
             {"zone", Errc::malformed, "behind 'zone', wanted create, delete, set or revert"},
             {"zone frob a.example", Errc::malformed, "found 'zone frob', wanted create"},
             {"zone create", Errc::malformed, "behind 'zone create', wanted ZONE"},
             {"zone create a..example", Errc::malformed, "found 'a..example', wanted ZONE"},
             {"zone create a.example ns1.b.example", Errc::malformed, "wanted --ns NAME"},
             {"zone create a.example --ns", Errc::malformed, "name server behind --ns"},
             {"zone create a.example --ns ns1", Errc::invalid, "such as ns1.a.example."},
             {"zone delete a.example b", Errc::malformed, "found 'b', wanted nothing more"},
             {"zone set a.example kind odd", Errc::malformed, "found 'odd', wanted native"},
             {"zone set a.example colour x", Errc::malformed, "wanted kind, account or primaries"},
             {"zone set a.example primaries x", Errc::malformed, "found 'x', wanted ADDRESS"},
             {"zone set a.example primaries 192.0.2.1:0", Errc::malformed, "wanted ADDRESS"},
             {"zone revert a.example 0", Errc::malformed, "found '0', wanted VERSION"},
             {"record add a.example", Errc::malformed, "wanted NAME"},
             {"record add a.example www", Errc::malformed, "wanted TYPE"},
             {"record add a.example www FOO x", Errc::malformed, "found 'FOO', wanted TYPE"},
             {"record add a.example www A", Errc::malformed, "wanted RDATA"},
             {"record add a.example www.b.example. A 192.0.2.1", Errc::invalid,
              "www.b.example. is not within zone a.example."},
             {"record add a.example www A 1.2.3", Errc::malformed, "A '1.2.3': "},
             {"record add a.example @ MX 10 mail.a.example.", Errc::malformed,
              "(each RDATA is one word)"},
             {"record add a.example www A 2147483648 192.0.2.1", Errc::limit, "TTL of 2147483648"},
             {"record add a.example www CNAME b.example", Errc::invalid,
              "wanted b.example. or b.example.a.example."},
             {"record add a.example www SVCB '1 b alpn=h2'", Errc::invalid, "wanted b. or b.a.ex"},
             {"record add a.example www HIP '2 200100107B1A74DF365639CC39F1D578 AwEA b'",
              Errc::invalid, "wanted one with it"},
             {"record add a.example www ANY x", Errc::invalid, "is no zone data"},
             {"record add a.example www ALIAS b.", Errc::unsupported, "ALIAS records"},
             {"record rm a.example www RRSIG", Errc::unsupported, "RRSIG records"},
             {"meta add a.example X", Errc::malformed, "wanted VALUE"},
             {"meta set a.example 'a b' x", Errc::malformed, "KIND of metadata"},
             {"comment set a.example www A", Errc::malformed, "wanted TEXT"},
             {"comment rm a.example www A x", Errc::malformed, "wanted nothing more"}}) {
        CAPTURE(one.line);
        const auto command = parse_line(one.line);
        REQUIRE_FALSE(command);
        CAPTURE(command.error().text());
        CHECK(command.error().code == one.code);
        CHECK(command.error().message.find(one.part) != std::string::npos);
        CHECK(command.error().where.source == "file");
        CHECK(command.error().where.line == 7);
    }
}

TEST_CASE("lines of a text are numbered, and those without words are no commands") {
    const auto lines = parse_lines("# first\n\nzone delete a.example\nfrob\n'", "file", 10);
    REQUIRE(lines.size() == 3);
    REQUIRE(lines[0]);
    CHECK(lines[0]->where.line == 12);
    CHECK(lines[1].error().where.line == 13);
    CHECK(lines[2].error().where.line == 14);
    CHECK(lines[2].error().where.source == "file");
    CHECK(parse_lines("", "file").empty());
}

TEST_CASE("text is never cut at a ; nor at its blanks because its quotes are missing") {
    for (const char* line :
         {"record add a.example t TXT 'a;b;c'", "record add a.example t TXT \"v=DMARC1; p=none\"",
          "record add a.example t TXT 'v=spf1 -all'",
          "record add a.example t CAA '0 issue letsencrypt.org; x=y'"}) {
        CAPTURE(line);
        const auto command = parse_line(line);
        REQUIRE(!command);
        CHECK(command.error().code == Errc::invalid);
        CHECK(command.error().message.find("quotes") != std::string::npos);
    }
    CHECK(texts(good(R"(record add a.example t TXT '"v=DMARC1; p=none"')")) ==
          Texts{"\"v=DMARC1; p=none\""});
    CHECK(texts(good(R"(record add a.example t TXT '"v=spf1" "-all"')")) ==
          Texts{"\"v=spf1\" \"-all\""});
    CHECK(texts(good(R"(record add a.example t TXT 'a\;b')")) == Texts{"\"a;b\""});
    CHECK(texts(good(R"(record add a.example t CAA '0 issue "letsencrypt.org; x=y"')")).size() ==
          1);
}
