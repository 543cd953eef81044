#include "dnssec/verify.h"

#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "dns/presentation.h"
#include "testkit/script.h"

namespace zc::dnssec {
namespace {

using dns::Record;
using dns::RrType;

/// A signed sample zone: 2020-01-01 to 2080-01-01.
struct Zone {
    explicit Zone(const std::string& name) {
        dns::MasterOptions options;
        options.origin = *dns::Name::parse(name + ".");
        const auto report =
            dns::read_master(testkit::read_testdata("zones/" + name + ".zone"), options,
                             [&](const dns::RecordView& record, std::uint64_t) -> Status {
                                 records.push_back({dns::Name(record.owner),
                                                    record.type,
                                                    dns::RrClass::in,
                                                    record.ttl,
                                                    {record.rdata.begin(), record.rdata.end()}});
                                 return {};
                             });
        REQUIRE(report.errors.empty());
        for (const Record& one : records)
            if (one.type == RrType::dnskey) keys.push_back(one);
        REQUIRE(keys.size() >= 2);
    }
    std::vector<Record> records, keys;
};

constexpr base::Instant in_2026{std::int64_t{1'767'225'600} * 1'000'000'000};
constexpr base::Instant in_2019{std::int64_t{1'546'300'800} * 1'000'000'000};
constexpr base::Instant in_2081{std::int64_t{3'502'915'200} * 1'000'000'000};

/// A message with everything that `owner` owns in ANSWER.
dns::Message message(const Zone& zone, std::string_view owner) {
    const dns::Name name = *dns::Name::parse(owner);
    dns::Message out;
    for (const Record& one : zone.records)
        if (dns::equal(one.owner, name)) out.answer.push_back(one);
    REQUIRE(!out.answer.empty());
    return out;
}
Record& first(dns::Message& of, RrType type) {
    for (Record& one : of.answer)
        if (one.type == type) return one;
    REQUIRE(false);
    return of.answer[0];
}
std::string error(const Status& status) {
    return status ? "" : status.error().text();
}

TEST_CASE("every RRset of the signed zones verifies") {
    for (const char* name : {"nsec.example", "nsec3.example"}) {
        const Zone zone(name);
        dns::Message all;
        std::size_t signatures = 0;
        for (const Record& one : zone.records) {
            all.authority.push_back(one);
            signatures += one.type == RrType::rrsig;
        }
        CHECK(signatures > 20);
        CHECK(error(verify_signatures(all, zone.keys, in_2026)).empty());
    }
}

TEST_CASE("an RRset that a wildcard made verifies by the wildcard's signature") {
    const Zone zone("nsec.example");
    dns::Message made = message(zone, "*.wild.nsec.example.");
    for (Record& one : made.answer) one.owner = *dns::Name::parse("a.b.wild.nsec.example.");
    std::erase_if(made.answer, [](const Record& one) {
        return one.type == RrType::nsec ||
               (one.type == RrType::rrsig && one.rdata[1] == static_cast<int>(RrType::nsec));
    });
    CHECK(error(verify_signatures(made, zone.keys, in_2026)).empty());
}

TEST_CASE("a flipped octet is found, in the RRset, the signature and the key") {
    const Zone zone("nsec3.example");
    const auto bogus = [&](const dns::Message& response, const std::vector<Record>& keys) {
        const Status status = verify_signatures(response, keys, in_2026);
        REQUIRE(!status);
        CHECK(status.error().code == Errc::invalid);
        CHECK(status.error().message.find("RRSIG over") != std::string::npos);
    };
    dns::Message changed = message(zone, "nsec3.example.");
    first(changed, RrType::soa).rdata.back() ^= 1;
    bogus(changed, zone.keys);
    changed = message(zone, "nsec3.example.");
    first(changed, RrType::rrsig).rdata.back() ^= 1;
    bogus(changed, zone.keys);
    std::vector<Record> keys = zone.keys;
    for (Record& key : keys) key.rdata.back() ^= 1;
    bogus(message(zone, "nsec3.example."), keys);
    // A record more, and one less.
    changed = message(zone, "nsec3.example.");
    Record more = first(changed, RrType::ns);
    more.rdata = {1, 'x', 0};
    changed.answer.push_back(more);
    bogus(changed, zone.keys);
    changed = message(zone, "nsec3.example.");
    std::erase_if(changed.answer, [seen = false](const Record& one) mutable {
        return one.type == RrType::dnskey && !std::exchange(seen, true);
    });
    bogus(changed, zone.keys);
}

TEST_CASE("a signature outside of its time does not verify") {
    const Zone zone("nsec.example");
    const dns::Message apex = message(zone, "nsec.example.");
    CHECK(error(verify_signatures(apex, zone.keys, in_2019))
              .find("not valid before 20200101000000") != std::string::npos);
    CHECK(error(verify_signatures(apex, zone.keys, in_2081)).find("expired at 20800101000000") !=
          std::string::npos);
}

TEST_CASE("a TTL above the signed one does not verify, one below does") {
    const Zone zone("nsec.example");
    dns::Message apex = message(zone, "nsec.example.");
    first(apex, RrType::soa).ttl = 10;
    CHECK(error(verify_signatures(apex, zone.keys, in_2026)).empty());
    first(apex, RrType::soa).ttl = 3601;
    CHECK(error(verify_signatures(apex, zone.keys, in_2026)).find("TTL 3601") != std::string::npos);
}

TEST_CASE("another zone's keys: its signatures are passed over, its own are wrong with others") {
    const Zone zone("nsec.example"), other("nsec3.example");
    const dns::Message apex = message(zone, "nsec.example.");
    // Other signer: not this zone's business.
    CHECK(error(verify_signatures(apex, other.keys, in_2026)).empty());
    // The same owner with other keys: no such key.
    std::vector<Record> wrong = other.keys;
    for (Record& key : wrong) key.owner = zone.keys[0].owner;
    CHECK(error(verify_signatures(apex, wrong, in_2026)).find("no key") != std::string::npos);
    // Keys that are no zone keys, or none at all, verify nothing.
    for (Record& key : wrong) key.rdata[0] = 0;
    CHECK(!verify_signatures(apex, wrong, in_2026));
    CHECK(!verify_signatures(apex, {}, in_2026));
    // A revoked key is no key (RFC 5011 section 2.1).
    std::vector<Record> revoked = zone.keys;
    for (Record& key : revoked) key.rdata[1] |= 0x80;
    CHECK(!verify_signatures(apex, revoked, in_2026));
}

TEST_CASE("an RRset without signatures is no fault, signatures without RRset verify nothing") {
    const Zone zone("nsec.example");
    dns::Message plain = message(zone, "nsec.example.");
    std::erase_if(plain.answer, [](const Record& one) { return one.type == RrType::rrsig; });
    CHECK(error(verify_signatures(plain, zone.keys, in_2026)).empty());
    dns::Message alone = message(zone, "nsec.example.");
    std::erase_if(alone.answer, [](const Record& one) { return one.type != RrType::rrsig; });
    const Status unverified = verify_signatures(alone, zone.keys, in_2026);
    REQUIRE(!unverified);
    CHECK(unverified.error().code == Errc::unsupported);
    CHECK(error(unverified).find("without the RRset") != std::string::npos);
    // A known fault of theirs is said all the same.
    CHECK(error(verify_signatures(alone, zone.keys, in_2081)).find("expired at") !=
          std::string::npos);
}

TEST_CASE("an algorithm that nobody knows: unsupported with a key of it, wrong without") {
    constexpr std::uint8_t unknown = 200;
    const Zone zone("nsec.example");
    dns::Message apex = message(zone, "nsec.example.");
    std::vector<Record> keys = zone.keys;
    std::vector<std::uint8_t>& key = keys[0].rdata;
    key[3] = unknown;
    Record& signature = first(apex, RrType::rrsig);
    signature.rdata[2] = unknown;
    CHECK(error(verify_signatures(apex, keys, in_2026)).find("of algorithm 200") !=
          std::string::npos);
    // RFC 4034 appendix B.
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < key.size(); ++i)
        sum += (i & 1U) != 0 ? key[i] : std::uint32_t{key[i]} << 8U;
    const std::uint32_t tag = (sum + (sum >> 16U)) & 0xffffU;
    signature.rdata[16] = static_cast<std::uint8_t>(tag >> 8U);
    signature.rdata[17] = static_cast<std::uint8_t>(tag);
    Record wrong = signature;
    std::erase_if(apex.answer, [](const Record& one) { return one.type == RrType::rrsig; });
    apex.answer.push_back(wrong);
    const Status status = verify_signatures(apex, keys, in_2026);
    REQUIRE(!status);
    CAPTURE(status.error().message);
    CHECK(status.error().code == Errc::unsupported);
    // A wrong one behind it is found.
    wrong.rdata[17] ^= 1U;
    apex.answer.push_back(wrong);
    CHECK(error(verify_signatures(apex, keys, in_2026)).find("no key") != std::string::npos);
}

TEST_CASE("signatures that are cut off or claim too much are an error, never a crash") {
    const Zone zone("nsec.example");
    for (std::size_t octets = 0; octets < 120; ++octets) {
        dns::Message cut = message(zone, "nsec.example.");
        Record& signature = first(cut, RrType::rrsig);
        if (octets >= signature.rdata.size()) break;
        signature.rdata.resize(octets);
        const Status status = verify_signatures(cut, zone.keys, in_2026);
        CHECK(!status);
    }
    dns::Message labels = message(zone, "nsec.example.");
    first(labels, RrType::rrsig).rdata[3] = 9;
    CHECK(error(verify_signatures(labels, zone.keys, in_2026)).find("9 labels") !=
          std::string::npos);
}

}  // namespace
}  // namespace zc::dnssec
