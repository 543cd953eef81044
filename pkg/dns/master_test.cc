// Master files as text: testdata/dns/master/*.txt.
#include <array>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "dns/presentation.h"
#include "testkit/script.h"

using namespace zc;

namespace {

/// Undoes %0d and such in a body whose line ends or odd octets matter.
std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%' || i + 2 >= text.size()) {
            out += text[i];
            continue;
        }
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
    }
    return out;
}

std::string text_of(const dns::MasterReport& report) {
    std::string out = std::to_string(report.records) + " records\n";
    for (const Error& error : report.errors) out += error.text() + "\n";
    return out;
}

/// "master": reads the body, origin example., source "zone". "master octets": with %0d and such
/// undone. "file NAME": keeps the body for $INCLUDE.
testkit::Runner master_runner() {
    return [files = std::map<std::string, std::string, std::less<>>()](
               const testkit::Step& step) mutable -> std::string {
        if (step.directive == "file") {
            files[step.args] = step.body;
            return "ok\n";
        }
        if (step.directive != "master") return "unknown directive\n";
        dns::MasterOptions options{.origin = *dns::Name::parse("example."), .source = "zone"};
        options.errors_max = 5;
        options.generated_max = 1000;
        options.include = [&files](std::string_view path,
                                   std::uint32_t depth) -> Result<dns::IncludedText> {
            const auto found = files.find(path);
            if (found == files.end())
                return fail(Errc::not_found, "no such file (depth " + std::to_string(depth) + ")");
            return dns::IncludedText{found->second, found->first};
        };
        std::string out;
        const std::string text = step.args == "octets" ? unescaped(step.body) : step.body;
        const auto report = dns::read_master(
            text, options, [&out](const dns::RecordView& record, std::uint64_t line) {
                out += std::to_string(line) + ": ";
                std::string printed;
                dns::append_record_text(printed, record);
                for (char& c : printed)
                    if (c == '\t') c = ' ';
                out += printed;
                return Status();
            });
        return out + text_of(report);
    };
}

dns::MasterReport read(std::string_view text, const dns::MasterOptions& options) {
    return dns::read_master(text, options,
                            [](const dns::RecordView&, std::uint64_t) { return Status(); });
}

}  // namespace

TEST_CASE("master files are read as testdata/dns/master says") {
    testkit::run_scripts("dns/master", [] { return master_runner(); });
}

TEST_CASE(
    "an error of the one who takes the records gets its place and does not stop the reading") {
    dns::MasterOptions options{.source = "a.zone"};
    int seen = 0;
    const auto report =
        dns::read_master("a. 1 A 192.0.2.1\n\nb. 1 A 192.0.2.2\nc. 1 A 192.0.2.3\n", options,
                         [&seen](const dns::RecordView&, std::uint64_t line) -> Status {
                             ++seen;
                             if (line == 3) return fail(Errc::invalid, "not wanted");
                             return {};
                         });
    CHECK(seen == 3);
    REQUIRE(report.errors.size() == 1);
    CHECK(report.errors[0].text() == "a.zone:3: invalid: not wanted");
}

TEST_CASE("reading gives up after as many errors as it was told") {
    dns::MasterOptions options;
    options.errors_max = 3;
    std::string text;
    for (int i = 0; i < 10; ++i) text += "x. 1 A bad\n";
    const auto report = read(text + "y. 1 A 192.0.2.1\n", options);
    CHECK(report.records == 0);
    REQUIRE(report.errors.size() == 4);
    CHECK(report.errors[3].code == Errc::limit);
    CHECK(report.errors[3].message == "more than 3 errors, the rest is not read");
}

TEST_CASE("without an include function $INCLUDE is refused") {
    const auto report = read("$INCLUDE x\n", {});
    REQUIRE(report.errors.size() == 1);
    CHECK(report.errors[0].code == Errc::unsupported);
}

TEST_CASE("a file that includes itself comes to an end") {
    dns::MasterOptions options;
    options.include = [](std::string_view, std::uint32_t) -> Result<dns::IncludedText> {
        return dns::IncludedText{"$INCLUDE x\n", "x"};
    };
    const auto report = read("$INCLUDE x\n", options);
    REQUIRE(report.errors.size() == 1);
    CHECK(report.errors[0].message == "$INCLUDE more than 32 deep");
}

TEST_CASE("an $INCLUDE is told with the depth of the file that has it") {
    dns::MasterOptions options;
    std::string calls;
    options.include = [&calls](std::string_view path,
                               std::uint32_t depth) -> Result<dns::IncludedText> {
        calls += std::string(path) + std::to_string(depth) + ' ';
        const bool more = path == "a" || path == "b";
        return dns::IncludedText{more ? "$INCLUDE c\n$INCLUDE d\n" : "x. A bad\n",
                                 '/' + std::string(path)};
    };
    const auto report = read("$INCLUDE a\n$INCLUDE b\n$INCLUDE e\n", options);
    CHECK(calls == "a0 c1 d1 b0 c1 d1 e0 ");
    REQUIRE(report.errors.size() == 5);
    CHECK(report.errors[0].where.source == "/c");
    CHECK(report.errors[4].where.source == "/e");
}

TEST_CASE("reading hears the stop, between entries and inside of $GENERATE") {
    std::string entries;
    for (int i = 0; i < 20000; ++i) entries += "a. 1 A 192.0.2.1\n";
    for (const std::string& text :
         {entries, std::string(20000, '\n'), std::string("$GENERATE 1-20000 a$. A 192.0.2.1\n"),
          std::string("$INCLUDE x\n")}) {
        dns::MasterOptions options;
        int asked = 0;
        options.stopped = [&asked] { return ++asked == 2; };
        options.include = [&entries](std::string_view, std::uint32_t) -> Result<dns::IncludedText> {
            return dns::IncludedText{entries, "x"};
        };
        const auto report = read(text, options);
        CHECK(report.records < 10000);
        REQUIRE(report.errors.size() == 1);
        CHECK(report.errors[0].code == Errc::interrupted);
        CHECK(asked == 2);
    }
}

TEST_CASE("what is legal and may not be meant is counted, with its first place") {
    const auto odd =
        read("a. 5 A 192.0.2.1\nb. A 192.0.2.1\nc. A 192.0.2.1\nd. TXT \"x\ny\" \"\n\"\n", {});
    CHECK(odd.ttl_from_above.count == 3);
    CHECK(odd.ttl_from_above.first.line == 2);
    CHECK(odd.string_over_lines.count == 2);
    CHECK(odd.string_over_lines.first.line == 4);
    const auto plain = read("$TTL 5\na. A 192.0.2.1\nb. TXT \"x\"\n", {});
    CHECK(plain.ttl_from_above.count == 0);
    CHECK(plain.string_over_lines.count == 0);
}

TEST_CASE("what $GENERATE makes is limited in octets") {
    dns::MasterOptions options;
    options.generated_octets_max = 1000;
    std::string line = "$GENERATE 1-100 a$. TXT " + std::string(200, 'x') + '\n';
    const auto report = read(line, options);
    CHECK(report.records == 4);
    REQUIRE(report.errors.size() == 1);
    CHECK(report.errors[0].text() == "line 1: limit: $GENERATE makes more than 1000 octets");
}

TEST_CASE("the default TTL is the last resort") {
    dns::MasterOptions options;
    options.default_ttl = 42;
    std::vector<std::uint32_t> ttls;
    const auto record = [&ttls](const dns::RecordView& view, std::uint64_t) {
        ttls.push_back(view.ttl);
        return Status();
    };
    dns::read_master("a. A 192.0.2.1\nb. 7 A 192.0.2.1\nc. A 192.0.2.1\n$TTL 9\nd. A 192.0.2.1\n",
                     options, record);
    CHECK(ttls == std::vector<std::uint32_t>{42, 7, 7, 9});
    ttls.clear();
    dns::read_master("a. SOA b. c. 1 2 3 4 1h\nb. A 192.0.2.1\nc. 7 A 192.0.2.1\nd. A 192.0.2.1\n",
                     options, record);
    CHECK(ttls == std::vector<std::uint32_t>{3600, 3600, 7, 7});
}

TEST_CASE("a file cut off anywhere is read without reading beyond its end") {
    const std::string text =
        "$ORIGIN a.\n$TTL 1h\n@ SOA ns hm ( 1 2 ; x\n 3 4 5 )\n  TXT \"a\\\"b\" c\\032\n$GENERATE "
        "1-2 h$ A 192.0.2.$\n"
        "s SVCB 1 . alpn=\"h2\"\n";
    for (std::size_t size = 0; size <= text.size(); ++size) {
        const std::vector<char> exact(
            text.begin(), text.begin() + static_cast<std::ptrdiff_t>(size));  // for ASan
        read({exact.data(), exact.size()}, {});
    }
    CHECK(read(text, {}).errors.empty());
}
