#include "node/zone_log.h"

#include <algorithm>
#include <string>

#include <doctest/doctest.h>

#include "node/test_zones.h"

using namespace zc;
using namespace node::testing;
using node::NewZone;
using node::ZoneLog;

namespace {

std::size_t lines_of(const std::string& text) {
    return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("a zone is told of if it is not served, lacks records, or costs much") {
    LogFile file;
    ZoneLog log(file.log());
    log.tell(good("fine.", 1));
    log.tell(bad("refused."));
    NewZone withheld = good("withheld.", 1);
    withheld.reason = catalogue::Reason::withheld;
    log.tell(withheld);
    NewZone odd = good("odd.", 1);
    odd.left_out = {{Errc::invalid, "outside of the zone", {"odd.zone", 7}}};
    odd.left_out_count = 40;
    odd.costly = "100 rounds of hashing";
    log.tell(odd);
    CHECK(file.text() ==
          "warning zone_refused zone=refused. error=\"refused.zone:3: malformed: no SOA\"\n"
          "warning zone_not_served zone=withheld. reason=withheld error=\"" +
              std::string(catalogue::sentence_of(catalogue::Reason::withheld)) +
              "\"\n"
              "warning zone_costly zone=odd. why=\"100 rounds of hashing\"\n"
              "warning record_left_out zone=odd. error=\"odd.zone:7: invalid: outside of the "
              "zone\"\n"
              "warning record_left_out zone=odd. more=30\n");
}

TEST_CASE("of a zone's errors the first ten are named") {
    LogFile file;
    ZoneLog log(file.log());
    NewZone zone = bad("a.");
    zone.errors.resize(12, zone.errors.front());
    log.tell(zone);
    const std::string text = file.text();
    CHECK(lines_of(text) == ZoneLog::errors_logged_max + 1);
    CHECK(text.ends_with("warning zone_refused zone=a. more_errors=2\n"));
}

TEST_CASE("of a million bad zones the first thousand are named, in the life of a node") {
    LogFile file;
    ZoneLog log(file.log());
    const NewZone zone = bad("a.");
    for (std::uint64_t i = 0; i < 2 * ZoneLog::zones_logged_max; ++i) log.tell(zone);
    load::LoadReport report;
    report.not_served.put(name("b."), catalogue::Reason::broken);
    log.tell(report);
    CHECK(lines_of(file.text()) == ZoneLog::zones_logged_max);
}

TEST_CASE("a store that was loaded tells how its image file was") {
    LogFile file;
    ZoneLog log(file.log());
    load::LoadReport report;
    report.from = load::LoadReport::From::image_file_rebuilt;
    report.why = "too old";
    report.not_served.put(name("b."), catalogue::Reason::damaged, "does not fit");
    report.costly = {{name("c."), "slow"}};
    report.costly_count = 3;
    log.tell(report);
    CHECK(file.text() ==
          "warning image_file_rebuilt why=\"too old\"\n"
          "warning zone_not_served zone=b. reason=damaged error=\"does not fit\"\n"
          "warning zone_costly zone=c. why=slow\n"
          "warning zone_costly more=2\n");
}
