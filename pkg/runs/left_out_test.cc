#include "runs/left_out.h"

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "ask/test_messages.h"
#include "merge/store_import.h"
#include "testkit/folder.h"

using namespace zc;
using namespace zc::ask;
using namespace zc::judge;
using namespace zc::runs;

namespace {

using Refused = std::vector<std::pair<std::string, std::string>>;  // record, reason

ingest::ImportedZone zone_of(const char* apex, zone::State state, const Refused& refused) {
    ingest::ImportedZone zone;
    zone.apex = *dns::Name::parse(apex);
    zone.state = state;
    for (const auto& [record, reason] : refused) {
        ingest::Finding& finding = zone.findings.emplace_back();
        finding.record = record;
        finding.reason = reason;
        finding.line = zone.findings.size();
    }
    zone.findings.push_back({.acceptance = ingest::Acceptance::doubtful,
                             .source = {},
                             .zone = {},
                             .record = "odd." + std::string(apex) + " A 192.0.2.1",
                             .reason = "odd, and taken",
                             .effect = {}});
    return zone;
}

std::string make_store(const testkit::Folder& folder) {
    const std::string path = folder / "zones.db";
    auto import = merge::StoreImport::begin(path, {});
    REQUIRE(import.has_value());
    REQUIRE(import->zone(zone_of("example.", zone::State::serving,
                                 {{"www.Example A 192.0.2.256", "no IPv4 address"},
                                  {"*.wild.example TXT x", "no text"},
                                  {"a.ent.example A 192.0.2.300", "no IPv4 address"},
                                  {"two.example MX 10 a..b", "an empty label"},
                                  {"two.example MX 20 a..b", "an empty label"}})));
    REQUIRE(import->zone(zone_of("signed.example.", zone::State::unsigned_, {})));
    REQUIRE(import->zone(zone_of("broken.example.", zone::State::broken, {{"", "no SOA"}})));
    REQUIRE(import->finish({}).has_value());
    return path;
}

}  // namespace

TEST_CASE("what an import refused or withheld is no data of somebody else's") {
    const testkit::Folder folder;
    const std::string store = make_store(folder);
    const std::string other = "the old server has other data than is here";
    struct Row {
        const char* name;
        dns::RrType type;
        bool old_has_it;
        compare::Verdict verdict;
        std::string sentence;
    };
    using enum dns::RrType;
    constexpr auto undecided = compare::Verdict::undecided;
    for (const Row& row :
         {Row{"www.example.", a, true, undecided,
              "row refused at import: www.Example A 192.0.2.256: no IPv4 address"},
          Row{"www.example.", aaaa, false, undecided,
              "row refused at import: www.Example A 192.0.2.256: no IPv4 address"},
          Row{"two.example.", aaaa, true, undecided, other},
          Row{"x.wild.example.", txt, false, undecided,
              "row refused at import: *.wild.example TXT x: no text"},
          Row{"ent.example.", mx, false, undecided,
              "row refused at import: a.ent.example A 192.0.2.300: no IPv4 address"},
          Row{"two.example.", mx, false, undecided,
              "row refused at import: two.example MX 10 a..b: an empty label (and 1 more)"},
          Row{"odd.example.", a, true, undecided, other},
          Row{"elsewhere.", a, true, undecided, other},
          Row{"www.signed.example.", a, true, undecided, "withheld: signed by PowerDNS"},
          Row{"www.broken.example.", a, true, undecided, "zone refused at import: no SOA"},
          // Decided otherwise, that stays.
          Row{"www.example.", a, true, compare::Verdict::newer_wrong, other}}) {
        std::vector<Stretch> stretches(1);
        Sample& sample = stretches[0].samples.emplace_back();
        sample.query = question(1, row.name, row.type);
        sample.older = answer_to(sample.query, 1);
        if (!row.old_has_it) sample.older = echo(sample.query);
        sample.judgement.verdict = row.verdict;
        sample.judgement.what = compare::What::answer;
        sample.judgement.sentence = other;
        const auto alone = left_out_of(store, sample);
        REQUIRE_MESSAGE(alone.has_value(), alone.error().text());
        if (row.verdict == undecided)
            CHECK(alone->value_or(other) == row.sentence);
        else
            CHECK(alone->value_or("").starts_with("row refused at import: www.Example A"));
        const Status status = name_left_out(store, stretches);
        REQUIRE_MESSAGE(status.has_value(), status.error().text());
        CHECK(sample.judgement.sentence == row.sentence);
    }
    std::vector<Stretch> nothing(1);
    CHECK(name_left_out(folder / "none.db", nothing).has_value());
    CHECK_FALSE(left_out_of(folder / "none.db", Sample()).has_value());
}

TEST_CASE("a store keeps what was refused, and the same import again changes nothing") {
    const testkit::Folder folder;
    const std::string path = make_store(folder);
    auto again = merge::StoreImport::begin(path, {});
    ingest::ImportedZone zone = zone_of("example.", zone::State::serving,
                                        {{"two.example MX 20 a..b", "an empty label"},
                                         {"two.example MX 10 a..b", "an empty label"},
                                         {"*.wild.example TXT x", "no text"},
                                         {"www.Example A 192.0.2.256", "no IPv4 address"},
                                         {"a.ent.example A 192.0.2.300", "no IPv4 address"}});
    REQUIRE(again->zone(std::move(zone)).has_value());
    CHECK(again->finish({})->counts.unchanged == 1);
}
