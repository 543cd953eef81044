// testdata/ingest/signed: one zone, signed by ldns-signzone with NSEC and with NSEC3, and by
// dnssec-signzone with NSEC3 and opt-out.
#include "ingest/denial_chain.h"

#include <algorithm>
#include <deque>
#include <string>

#include <doctest/doctest.h>

#include "dns/presentation.h"
#include "ingest/powerdns_export.h"
#include "testkit/script.h"

namespace zc::ingest {
namespace {

struct Zone {
    std::deque<dns::Name> owners;
    std::deque<dns::Rdata> rdatas;
    std::vector<dns::RecordView> records;  // of the two above

    void add(const dns::RecordView& record) {
        owners.emplace_back(record.owner);
        owners.back().fold_case();
        rdatas.emplace_back(record.rdata.begin(), record.rdata.end());
        records.push_back({owners.back(), record.type, record.ttl, rdatas.back()});
    }
};

Zone read_zone(const std::string& name) {
    Zone zone;
    const auto report =
        dns::read_master(testkit::read_testdata("ingest/signed/" + name + ".zone"), {},
                         [&](const dns::RecordView& record, std::uint64_t) -> Status {
                             zone.add(record);
                             return {};
                         });
    REQUIRE(report.errors.empty());
    return zone;
}

std::string line_of(const dns::RecordView& record) {
    std::string line;
    dns::append_record_text(line, record);
    return line;
}

bool is_denial(dns::RrType type) {
    return type == dns::RrType::nsec || type == dns::RrType::nsec3 ||
           type == dns::RrType::nsec3param;
}
bool covers(const dns::RecordView& record, dns::RrType type) {
    return record.type == dns::RrType::rrsig &&
           base::load_u16(record.rdata.data()) == static_cast<std::uint16_t>(type);
}

struct Made {
    std::vector<std::string> lines;
    std::vector<std::string> problems;
};

/// The records that are made of those for which `keep` holds.
template <class Keep>
Made rebuild(const Zone& zone, const std::string& param, const Keep& keep) {
    DenialChain chain(*dns::Name::parse("example."));
    for (const dns::RecordView& record : zone.records)
        if (keep(record)) chain.add(record);
    Made made;
    made.problems = chain.rebuild(
        param, [&](const dns::RecordView& record) { made.lines.push_back(line_of(record)); });
    std::ranges::sort(made.lines);
    return made;
}

std::vector<std::string> denial_lines(const Zone& zone) {
    std::vector<std::string> lines;
    for (const dns::RecordView& record : zone.records)
        if (is_denial(record.type)) lines.push_back(line_of(record));
    std::ranges::sort(lines);
    return lines;
}

constexpr struct {
    const char* name;
    const char* param;
} signed_zones[] = {{"nsec", ""}, {"nsec3", "1 0 5 abcd"}, {"optout", "1 1 3 aabb"}};

const auto no_denial = [](const dns::RecordView& record) { return !is_denial(record.type); };

TEST_CASE("the chain is the one that the signer made, from the signatures over it") {
    for (const auto& one : signed_zones) {
        const std::string name = one.name, param = one.param;
        CAPTURE(name);
        const Zone zone = read_zone(name);
        const Made made = rebuild(zone, param, no_denial);
        CHECK(made.problems.empty());
        CHECK(made.lines.size() > 10);
        CHECK(made.lines == denial_lines(zone));
    }
}

TEST_CASE("opt-out is seen without the metadata saying so, and parameters in a record suffice") {
    const Zone zone = read_zone("optout");
    CHECK(rebuild(zone, "1 0 3 aabb", no_denial).lines == denial_lines(zone));
    const Made made = rebuild(zone, "", [](const dns::RecordView& record) {
        return !is_denial(record.type) || record.type == dns::RrType::nsec3param;
    });
    CHECK(made.problems.empty());
    CHECK(made.lines.size() == denial_lines(zone).size() - 1);
}

TEST_CASE("a whole zone needs nothing, one that lost a part of its chain gets that part") {
    for (const auto& one : signed_zones) {
        const std::string name = one.name, param = one.param;
        CAPTURE(name);
        const Zone zone = read_zone(name);
        CHECK(rebuild(zone, param, [](const dns::RecordView&) { return true; }).lines.empty());
        int denials = 0;
        std::vector<std::string> lost;
        const Made made = rebuild(zone, param, [&](const dns::RecordView& record) {
            if (!is_denial(record.type) || ++denials % 2 == 0) return true;
            lost.push_back(line_of(record));
            return false;
        });
        std::ranges::sort(lost);
        CHECK(made.problems.empty());
        CHECK(made.lines == lost);
    }
}

TEST_CASE("what does not fit together is told, and the rest of the chain made") {
    const Zone nsec = read_zone("nsec");
    Made made = rebuild(nsec, "", [&](const dns::RecordView& record) {
        return no_denial(record) && !(covers(record, dns::RrType::nsec) &&
                                      dns::to_string(record.owner) == "mail.example.");
    });
    REQUIRE(made.problems.size() == 1);
    CHECK(made.problems[0] ==
          "no signature over NSEC at 1 name, mail.example., although the zone has such a chain");
    CHECK(made.lines.size() == denial_lines(nsec).size() - 1);

    const Zone nsec3 = read_zone("nsec3");
    made = rebuild(nsec3, "1 0 5 abcd", [&](const dns::RecordView& record) {
        return no_denial(record) && dns::to_string(record.owner) != "mail.example.";
    });
    REQUIRE(made.problems.size() == 1);
    CHECK(made.problems[0].starts_with(
        "signatures over NSEC3 that are of no name of the zone: 1 name, "));

    Zone grown = read_zone("nsec3");
    const dns::Name added = *dns::Name::parse("added.example.");
    grown.add({added, dns::RrType::a, 60, dns::Rdata{192, 0, 2, 9}});
    made = rebuild(grown, "1 0 5 abcd", no_denial);
    REQUIRE(made.problems.size() == 1);
    CHECK(made.problems[0] ==
          "no signature over an NSEC3 of 1 name, added.example., although the zone has such a "
          "chain");
    CHECK(made.lines == denial_lines(nsec3));

    CHECK(
        rebuild(nsec3, "", no_denial).problems ==
        std::vector<std::string>{"signatures over NSEC3, and neither metadata NSEC3PARAM nor such "
                                 "a record"});
    CHECK(rebuild(nsec3, "1 0 many", no_denial).problems ==
          std::vector<std::string>{
              "signatures over NSEC3, and metadata NSEC3PARAM that cannot be read"});
    CHECK(rebuild(nsec3, "2 0 5 abcd", no_denial).problems.size() == 1);
    CHECK(rebuild(nsec3, "1 0 2501 abcd", no_denial).problems.size() == 1);

    made = rebuild(nsec, "", [](const dns::RecordView& record) {
        return no_denial(record) && !covers(record, dns::RrType::nsec);
    });
    CHECK(made.lines.empty());
    CHECK(made.problems == std::vector<std::string>{"signatures, but none over NSEC or NSEC3"});
    made = rebuild(nsec, "", [](const dns::RecordView& record) {
        return no_denial(record) && record.type != dns::RrType::rrsig;
    });
    CHECK(made.lines.empty());
    CHECK(made.problems.empty());
}

TEST_CASE("an export to PowerDNS has no rows for records that PowerDNS makes itself") {
    for (const auto& one : signed_zones) {
        const std::string name = one.name, param = one.param;
        CAPTURE(name);
        const Zone records = read_zone(name);
        ImportedZone zone;
        zone.apex = *dns::Name::parse("example.");
        zone::Builder builder;
        builder.begin(zone.apex);
        for (const dns::RecordView& record : records.records) REQUIRE(builder.add(record));
        auto image = builder.build();
        REQUIRE(image.has_value());
        zone.image = *std::move(image);
        for (const bool presigned : {false, true}) {
            zone.metadata.clear();
            if (presigned) zone.metadata = {{"PRESIGNED", "1"}, {"NSEC3PARAM", param}};
            std::string dump;
            DumpWriter writer([&dump](std::string_view piece) {
                dump += piece;
                return Status();
            });
            REQUIRE(writer.zone(zone));
            REQUIRE(writer.finish());
            CHECK(dump.find("\tRRSIG\tNSEC") != std::string::npos);
            CHECK(writer.records() ==
                  records.records.size() - (presigned ? denial_lines(records).size() : 0));
        }
    }
}

}  // namespace
}  // namespace zc::ingest
