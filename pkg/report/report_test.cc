#include "report/report.h"

#include <array>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "base/seed.h"
#include "dns/message.h"
#include "dns/presentation.h"
#include "results/run_settings.h"
#include "testkit/folder.h"

namespace {

using namespace zc::results;
using namespace zc::judge;
using namespace zc::ask;
using namespace zc::report;  // NOLINT(google-build-using-namespace): the package under test
using zc::base::Instant;
using zc::base::Seed;
using zc::compare::Verdict;
using zc::compare::What;
using zc::compare::Where;
using zc::testkit::Folder;
namespace dns = zc::dns;

Instant at(std::int64_t seconds) {
    return {(1'767'225'600 + seconds) * 1'000'000'000};
}

struct Planned {
    Where where;
    What what;
    Verdict verdict;
    const char* name;
    const char* type;
    const char* sentence;
    const char* clause;
    std::vector<std::string> older, newer;  // lines of master files; "" is NXDOMAIN
    std::int64_t from, to;                  // minutes
    unsigned one_in;
};

std::vector<std::uint8_t> response(const Planned& plan, const std::vector<std::string>& lines) {
    dns::Message message;
    message.qr = message.aa = true;
    message.questions.push_back(
        {dns::Name::parse(plan.name).value(), dns::parse_type(plan.type).value()});
    for (const std::string& line : lines) {
        if (line.empty()) {
            message.rcode = dns::Rcode::nxdomain;
            continue;
        }
        dns::read_master(line + '\n', {}, [&](const dns::RecordView& view, std::uint64_t) {
            dns::Record record;
            record.owner = dns::Name(view.owner);
            record.type = view.type;
            record.ttl = view.ttl;
            record.rdata = dns::Rdata(view.rdata.begin(), view.rdata.end());
            message.answer.push_back(record);
            return zc::Status();
        });
    }
    return dns::encode_message(message).value();
}

RunInfo run_info() {
    RunInfo run;
    run.started = at(0);
    run.source = "queries.txt";
    run.older = "192.0.2.1:5300";
    run.newer = "192.0.2.2";
    run.settings = RunSettings().json().serialize();
    return run;
}

Results opened(const std::string& path) {
    auto results = Results::open(path);
    REQUIRE_MESSAGE(results, results.error().text());
    return *std::move(results);
}

/// Four hours of comparing, with causes that come and go.
void fill(Results& results) {
    const std::array<Planned, 5> plans = {{
        {Where::empty_non_terminal,
         What::rcode,
         Verdict::older_wrong,
         "ent.example.com.",
         "A",
         "the old server says NXDOMAIN for a name that has names below it",
         "RFC 8020 section 2",
         {""},
         {},
         0,
         78,
         4000},
        {Where::cname_chain,
         What::answer,
         Verdict::both_legal,
         "www.customer-of-somebody.example.",
         "AAAA",
         "the new server follows a CNAME into another zone that it serves",
         "RFC 1034 section 4.3.2",
         {"www.customer-of-somebody.example. 300 CNAME edge.a-long-name-of-a-cdn.example.net."},
         {"www.customer-of-somebody.example. 300 CNAME edge.a-long-name-of-a-cdn.example.net.",
          "edge.a-long-name-of-a-cdn.example.net. 60 AAAA 2001:db8:1234:5678:9abc:def0:1234:5678"},
         0,
         240,
         900},
        {Where::wildcard,
         What::answer,
         Verdict::newer_wrong,
         "a.b.w.example.org.",
         "TXT",
         "the new server does not synthesise from *.w.example.org.",
         "RFC 4592 section 3.3.1",
         {"a.b.w.example.org. 60 TXT \"of the wildcard\""},
         {""},
         33,
         170,
         9000},
        {Where::exact,
         What::ttl,
         Verdict::undecided,
         "mail.example.com.",
         "MX",
         "",
         "",
         {"mail.example.com. 3600 MX 10 mx1.example.com.",
          "mail.example.com. 3600 MX 20 mx2.example.com."},
         {"mail.example.com. 300 MX 10 mx1.example.com.",
          "mail.example.com. 300 MX 20 mx2.example.com."},
         11,
         44,
         20000},
        {Where::exact,
         What::timeout,
         Verdict::unstable,
         "slow.example.com.",
         "A",
         "the new server answered one of three times",
         "",
         {"slow.example.com. 60 A 192.0.2.7"},
         {},
         0,
         225,
         60000},
    }};
    const std::uint64_t run = results.begin(run_info()).value();
    Seed seed(5);
    std::uint64_t position = 0;
    for (std::int64_t minute = 0; minute < 240; ++minute) {
        if (minute > 90 && minute < 110) continue;  // it was stopped
        Stretch stretch;
        stretch.first = position + 1;
        Sums& sums = stretch.sums;
        sums.asked = 2'000'000 + seed.below(700'000);
        sums.compared = sums.asked;
        stretch.last = position += sums.asked;
        std::uint64_t differences = 0;
        for (const Planned& plan : plans) {
            if (minute < plan.from || minute >= plan.to) continue;
            const std::uint64_t count = sums.asked / plan.one_in / 50 + seed.below(3);
            if (count == 0) continue;
            const std::string cause =
                std::string(to_string(plan.what)) + ' ' + std::string(to_string(plan.where));
            stretch.cases.add({cause, plan.what, plan.where, plan.verdict, count});
            differences += count;
            sums.by_verdict[static_cast<std::size_t>(plan.verdict)] += count;
            sums.by_what[static_cast<std::size_t>(plan.what)] += count;
            sums.by_where[static_cast<std::size_t>(plan.where)] += count;
            Sample sample;
            sample.position = stretch.first + 17;
            sample.at = at(minute * 60);
            dns::QueryOptions options;
            options.id = 7;
            if (minute % 2 == 0) {
                options.edns.emplace();
                options.edns->dnssec_ok = true;
            }
            sample.query = dns::encode_query(dns::Name::parse(plan.name).value(),
                                             dns::parse_type(plan.type).value(), options);
            sample.older = response(plan, plan.older);
            if (plan.what != What::timeout) sample.newer = response(plan, plan.newer);
            sample.cause = cause;
            sample.judgement = {plan.verdict, plan.what,     plan.where,
                                std::nullopt, plan.sentence, plan.clause};
            stretch.samples.push_back(std::move(sample));
        }
        sums.same = sums.compared - differences;
        sums.identical = sums.same / 3;
        sums.by_rule[0] = sums.same / 2;
        sums.by_rule[3] = sums.same / 7;
        sums.by_rule[5] = sums.same / 9;
        sums.repeats = {seed.below(40), seed.below(90), 0};
        sums.stray[1][0] = seed.below(9);
        std::vector<Stretch> one;
        one.push_back(std::move(stretch));
        REQUIRE(results.add(run, std::move(one), at(minute * 60 + 59)));
    }
    for (const CaseInfo& info : results.cases().value_or(std::vector<CaseInfo>()))
        if (info.what == What::ttl)
            REQUIRE(results.accept(info.id, "TTLs were lowered for the move, ticket 4711",
                                   at(50 * 60)));
}

std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t from = 0; (from = text.find(part, from)) != std::string::npos; ++from) ++count;
    return count;
}

std::string report_of(Results& results) {
    auto page = html_report(results, at(15'000));
    REQUIRE_MESSAGE(page, page.error().text());
    return *std::move(page);
}

}  // namespace

// With ZC_REPORT=FILE the page is written there, to be looked at.
TEST_CASE("a report has everything in it, and is small") {
    const Folder folder;
    Results results = opened(folder / "r.db");
    fill(results);
    const std::string page = report_of(results);
    CHECK(page.size() < 1'000'000);
    for (const char* part :
         {"192.0.2.1:5300", "queries.txt", "RFC 8020 section 2", "ticket 4711",
          "kdig @192.0.2.1 -p 5300 +norec", "kdig @192.0.2.2 +norec +dnssec +bufsize=1232",
          "a.b.w.example.org. 60 TXT &quot;of the wildcard&quot;", "(no answer)", "uPlot=function",
          "record-order"})
        CHECK_MESSAGE(page.find(part) != std::string::npos, part);
    // Nothing comes from elsewhere.
    for (const char* part : {"src=", "href=", "@import", "url(", "fetch(", "XMLHttpRequest"})
        CHECK_MESSAGE(page.find(part) == std::string::npos, part);
    CHECK(page.find("default-src 'none'") != std::string::npos);
    CHECK(count_of(page, "<details") == 5);
    CHECK(count_of(page, "<details") == count_of(page, "</details>"));
    CHECK(count_of(page, "<div") == count_of(page, "</div>"));
    CHECK(count_of(page, "<table") == count_of(page, "</table>"));
    if (const char* const path = std::getenv("ZC_REPORT")) zc::testkit::write_file(path, page);
}

TEST_CASE("text of foreign origin cannot become part of the page") {
    const Folder folder;
    Results results = opened(folder / "r.db");
    const std::string evil = "</script><script>alert(1)</script><img src=x onerror='a'>\"&\x01\xff";
    RunInfo run = run_info();
    run.source = run.older = run.newer = run.referee = evil;
    const std::uint64_t id = results.begin(run).value();
    Stretch stretch;
    stretch.first = stretch.last = 1;
    stretch.sums.asked = stretch.sums.compared = 1;
    stretch.cases.add({evil, What::answer, Where::exact, Verdict::undecided, 1});
    Sample sample;
    sample.position = 1;
    const dns::Name owner =
        dns::Name::parse("\\<script\\>alert\\(1\\)\\</script\\>.example.").value();
    sample.query = dns::encode_query(owner, dns::RrType::txt, {});
    const Planned plan = {
        Where::exact, What::answer, Verdict::undecided, "x.", "TXT", "", "", {}, {}, 0, 0, 1};
    sample.older = response(plan, {"x. 60 TXT \"<script>alert(1)</script>\""});
    sample.newer = {'<', 's', 'c', 'r', 'i', 'p', 't', '>'};
    sample.cause = sample.judgement.sentence = sample.judgement.clause = evil;
    sample.judgement.what = What::answer;
    sample.facets = {evil};
    stretch.samples.push_back(sample);
    std::vector<Stretch> one;
    one.push_back(std::move(stretch));
    REQUIRE(results.add(id, std::move(one), at(1)));
    REQUIRE(results.accept(1, evil, at(2)));
    const std::string page = report_of(results);
    CHECK(page.find("<script>alert") == std::string::npos);
    CHECK(page.find("<img") == std::string::npos);
    CHECK(page.find('\x01') == std::string::npos);
    CHECK(page.find('\xff') == std::string::npos);
    CHECK(page.find("&lt;/script&gt;&lt;script&gt;alert(1)") != std::string::npos);
    CHECK(count_of(page, "<script") == 0);  // all within a minute: no charts
}

TEST_CASE("a report of nothing is a page all the same") {
    const Folder folder;
    Results results = opened(folder / "r.db");
    CHECK(report_of(results).find("Nothing was compared") != std::string::npos);
    REQUIRE(results.begin(run_info()));
    CHECK(report_of(results).find("No difference was found") != std::string::npos);
}

TEST_CASE("thousands of cases do not make a page of any size") {
    const Folder folder;
    Results results = opened(folder / "r.db");
    const std::uint64_t run = results.begin(run_info()).value();
    Stretch stretch;
    stretch.first = 1;
    stretch.last = 3000;
    stretch.sums.asked = stretch.sums.compared = 3000;
    const Planned plan = {
        Where::exact, What::answer, Verdict::undecided, "x.", "TXT", "", "", {}, {}, 0, 0, 1};
    for (int i = 0; i < 3000; ++i) {
        Sample sample;
        sample.cause = "cause " + std::to_string(i);
        sample.query = dns::encode_query(dns::Name::parse("x.").value(), dns::RrType::txt, {});
        sample.older = response(plan, {"x. 60 TXT \"" + std::string(250, 'a') + '"'});
        sample.newer = response(plan, {"x. 60 TXT \"" + std::string(250, 'b') + '"'});
        stretch.cases.add({sample.cause, {}, {}, Verdict::undecided, 1});
        sample.judgement.verdict = Verdict::undecided;
        stretch.samples.push_back(std::move(sample));
    }
    std::vector<Stretch> one;
    one.push_back(std::move(stretch));
    REQUIRE(results.add(run, std::move(one), at(1)));
    const std::string page = report_of(results);
    CHECK(page.size() < 3'000'000);
    CHECK(page.find("1,000 cases more") != std::string::npos);
}

TEST_CASE("settings come back as they were") {
    RunSettings settings;
    settings.policy.rules.remove(zc::compare::Rule::ttl);
    settings.policy.rules.remove(zc::compare::Rule::rotating);
    settings.policy.ttl_tolerance = 7;
    settings.policy.serial_lag = 3;
    settings.zone_data = "zones \"of\" store.db";
    settings.timeout = zc::base::Duration::milliseconds(1234);
    settings.sends = 5;
    settings.recheck = 0;
    settings.lag = zc::base::Duration::seconds(30);
    settings.edns = true;
    const std::string text = settings.json().serialize();
    const auto read = RunSettings::parse(text);
    REQUIRE(read);
    CHECK(read->json().serialize() == text);
    CHECK(read->policy.rules == settings.policy.rules);
    CHECK(read->lag == settings.lag);
    CHECK_FALSE(RunSettings::parse("{"));
    CHECK_FALSE(RunSettings::parse("[]"));
    CHECK_FALSE(RunSettings::parse("{\"rules_off\":[\"no-such-rule\"]}"));
}
