#include "judge/signatures.h"

#include <string>

#include <doctest/doctest.h>

#include "judge/test_zones.h"

using namespace zc;
using namespace zc::ask;
using namespace zc::judge;

namespace {

/// nsec.example. and what is asked of it.
struct SignedZone {
    SignedZone() { insert_signed_zone(zones); }
    dns::Message response() const {
        return *dns::parse_message(respond(zones, signed_query("nsec.example."), false));
    }
    Octets keys() const {
        return respond(zones, signed_query("nsec.example.", dns::RrType::dnskey), true);
    }
    catalogue::Catalogue zones{5};
    const dns::Name apex = *dns::Name::parse("nsec.example.");
    const base::Instant now = test_time;
};

}  // namespace

TEST_CASE("keys come from zone data, or as a server gives them") {
    const SignedZone zone;
    const dns::Message response = zone.response();
    SignatureCheck of_zones(&zone.zones);
    CHECK(of_zones.missing(Side::newer, response, zone.now).size() == 1);
    CHECK(of_zones.verify(Side::newer, response, zone.now).error().code == Errc::timeout);
    CHECK(of_zones.learn_from_zones(Side::newer, zone.apex, zone.now));
    CHECK(of_zones.missing(Side::newer, response, zone.now).empty());
    CHECK(of_zones.verify(Side::newer, response, zone.now).has_value());

    SignatureCheck of_server(nullptr);
    CHECK(!of_server.learn_from_zones(Side::newer, zone.apex, zone.now));
    of_server.learn(Side::newer, zone.apex, zone.keys(), zone.now);
    CHECK(of_server.verify(Side::newer, response, zone.now).has_value());
    CHECK(of_server.missing(Side::older, response, zone.now).size() == 1);  // its own
}

TEST_CASE("an RRset in two sections is two RRsets") {
    const SignedZone zone;
    dns::Message response = zone.response();
    SignatureCheck check(&zone.zones);
    REQUIRE(check.learn_from_zones(Side::newer, zone.apex, zone.now));
    response.additional = response.answer;
    CHECK(check.verify(Side::newer, response, zone.now).has_value());
    response.additional.back().rdata.back() ^= 1;
    CHECK(check.verify(Side::newer, response, zone.now).error().code == Errc::invalid);
}

TEST_CASE("silence is kept for a short time, keys for longer, and neither of them for good") {
    const SignedZone zone;
    const dns::Message response = zone.response();
    SignatureCheck check(nullptr);
    check.learn(Side::newer, zone.apex, {}, zone.now);
    CHECK(check.missing(Side::newer, response, zone.now).empty());
    CHECK(check.verify(Side::newer, response, zone.now).error().code == Errc::timeout);
    const base::Instant later =
        zone.now + SignatureCheck::silence_kept_for + base::Duration::milliseconds(1);
    CHECK(check.missing(Side::newer, response, later).size() == 1);

    check.learn(Side::newer, zone.apex, zone.keys(), zone.now);
    CHECK(check.missing(Side::newer, response, later).empty());
    CHECK(check
              .missing(Side::newer, response,
                       zone.now + SignatureCheck::kept_for + base::Duration::milliseconds(1))
              .size() == 1);
}

TEST_CASE("a server that fails when it is asked for keys has not said that there are none") {
    const SignedZone zone;
    const dns::Message response = zone.response();
    SignatureCheck check(nullptr);
    auto told = *dns::parse_message(zone.keys());
    told.answer.clear();
    check.learn(Side::newer, zone.apex, *dns::encode_message(told), zone.now);
    CHECK(check.verify(Side::newer, response, zone.now).error().code == Errc::not_found);
    told.rcode = dns::Rcode::servfail;
    check.learn(Side::newer, zone.apex, *dns::encode_message(told), zone.now);
    CHECK(check.verify(Side::newer, response, zone.now).error().code == Errc::timeout);
    CHECK(
        check
            .missing(Side::newer, response,
                     zone.now + SignatureCheck::silence_kept_for + base::Duration::milliseconds(1))
            .size() == 1);
}

TEST_CASE("who signs no more than another: the same signatures over the same, or fewer RRsets") {
    const SignedZone zone;
    const dns::Message response = zone.response();
    const Octets whole = *dns::encode_message(response);
    dns::Message fewer = response;
    fewer.authority.clear();
    CHECK(signs_no_more(whole, whole));
    CHECK(signs_no_more(*dns::encode_message(fewer), whole));
    CHECK(signs_no_more(whole, *dns::encode_message(fewer)) ==
          std::none_of(response.authority.begin(), response.authority.end(),
                       [](const dns::Record& one) { return one.type == dns::RrType::rrsig; }));
    dns::Message lower_ttl = response;
    for (dns::Record& record : lower_ttl.answer) record.ttl = 1;
    CHECK(signs_no_more(*dns::encode_message(lower_ttl), whole));
    for (const dns::Record& record : response.answer) {
        dns::Message other = response;
        dns::Record& changed =
            other.answer[static_cast<std::size_t>(&record - &response.answer[0])];
        changed.rdata.back() ^= 1;
        CHECK(!signs_no_more(*dns::encode_message(other), whole));
        CHECK(!signs_no_more(whole, *dns::encode_message(other)));
    }
    CHECK(!signs_no_more({}, whole));
}

TEST_CASE("signatures without what they are over are verified over what that side says it is") {
    const SignedZone zone;
    dns::Message response = zone.response();
    response.authority.clear();
    dns::Message whole = response;
    std::erase_if(response.answer,
                  [](const dns::Record& one) { return one.type != dns::RrType::rrsig; });
    REQUIRE(!response.answer.empty());
    SignatureCheck check(&zone.zones);
    REQUIRE(check.learn_from_zones(Side::newer, zone.apex, zone.now));
    const auto missing = check.missing_rrsets(Side::newer, response, zone.now);
    REQUIRE(missing.size() == 1);
    CHECK(check.missing_rrsets(Side::newer, whole, zone.now).empty());
    CHECK(check.verify(Side::newer, response, zone.now).error().code == Errc::unsupported);
    check.learn_rrset(Side::newer, missing[0], *dns::encode_message(whole), zone.now);
    CHECK(check.missing_rrsets(Side::newer, response, zone.now).empty());
    CHECK(check.missing_rrsets(Side::older, response, zone.now).size() == 1);
    CHECK(check.verify(Side::newer, response, zone.now).has_value());
    for (dns::Record& record : whole.answer)
        if (record.type != dns::RrType::rrsig) record.rdata.back() ^= 1;
    check.learn_rrset(Side::newer, missing[0], *dns::encode_message(whole), zone.now);
    // It may be another version's.
    CHECK(check.verify(Side::newer, response, zone.now).error().code == Errc::unsupported);
    CHECK(check.forget_old(Side::newer, response, zone.now));
    CHECK(check.missing_rrsets(Side::newer, response, zone.now).size() == 1);
    CHECK(!check.forget_old(Side::newer, response, zone.now));
    check.learn_rrset(Side::newer, missing[0], *dns::encode_message(whole), zone.now);
    const base::Instant expired{base::Duration::seconds(3'502'828'800).nanoseconds};  // in 2081
    REQUIRE(check.learn_from_zones(Side::newer, zone.apex, expired));
    check.learn_rrset(Side::newer, missing[0], *dns::encode_message(whole), expired);
    CHECK(check.verify(Side::newer, response, expired).error().code == Errc::invalid);
    REQUIRE(check.learn_from_zones(Side::newer, zone.apex, zone.now));
    // Silence is known too, so that nobody asks for ever.
    check.learn_rrset(Side::newer, missing[0], {}, zone.now);
    CHECK(check.missing_rrsets(Side::newer, response, zone.now).empty());
    CHECK(check.verify(Side::newer, response, zone.now).error().code == Errc::unsupported);
    CHECK(check
              .missing_rrsets(
                  Side::newer, response,
                  zone.now + SignatureCheck::rrset_kept_for + base::Duration::milliseconds(1))
              .size() == 1);
}

TEST_CASE("keys by which nothing verifies are forgotten when they may have changed since") {
    const SignedZone zone;
    const dns::Message response = zone.response();
    auto old_keys = *dns::parse_message(zone.keys());
    for (dns::Record& record : old_keys.answer)
        if (record.type == dns::RrType::dnskey) record.rdata.back() ^= 1;
    SignatureCheck check(nullptr);
    check.learn(Side::newer, zone.apex, *dns::encode_message(old_keys), zone.now);
    CHECK(check.verify(Side::newer, response, zone.now).error().code == Errc::invalid);
    CHECK(!check.forget_old(Side::newer, response, zone.now));  // nobody has newer ones
    const base::Instant later = zone.now + SignatureCheck::fresh_for;
    CHECK(check.forget_old(Side::newer, response, later));
    CHECK(check.missing(Side::newer, response, later).size() == 1);
    check.learn(Side::newer, zone.apex, zone.keys(), later);
    CHECK(check.verify(Side::newer, response, later).has_value());
}

TEST_CASE(
    "room for the keys of one signer is not made by losing those of another of the response") {
    const SignedZone zone;
    const dns::Message response = zone.response();
    SignatureCheck check(&zone.zones);
    const base::Instant before{zone.now.nanoseconds - 1'000'000};
    for (std::size_t i = 1; i < SignatureCheck::zones_kept_max; ++i)
        check.learn(Side::newer, *dns::Name::parse("z" + std::to_string(i) + ".example."), {},
                    before);
    REQUIRE(check.learn_from_zones(Side::newer, zone.apex, zone.now));
    check.learn(Side::newer, *dns::Name::parse("other.example."), {}, zone.now);
    CHECK(check.verify(Side::newer, response, zone.now).has_value());
}
