// Answers out of zones for tests, a signed zone, and signatures that are changed.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "answer/answer.h"
#include "ask/test_server.h"
#include "base/check.h"
#include "base/time.h"
#include "catalogue/catalogue.h"
#include "dns/message.h"
#include "dns/presentation.h"
#include "testkit/script.h"
#include "zone/zone.h"

namespace zc::judge {

/// The signatures of the signed zone are valid then.
inline constexpr base::Instant test_time{1'800'000'000'000'000'000};

inline ask::Octets respond(const catalogue::Catalogue& zones, const ask::Octets& query, bool tcp,
                           std::uint16_t udp_octets_max = 1232) {
    answer::Identity identity;
    identity.udp_octets_max = udp_octets_max;
    ask::Octets response(65535);
    const auto outcome =
        answer::respond(query,
                        {.transport = tcp ? dns::Transport::tcp : dns::Transport::udp,
                         .client = *dns::parse_address("127.0.0.1"),
                         .now = test_time,
                         .node = &identity},
                        zones, response);
    response.resize(outcome.response_octets);
    return response;
}

/// Another signature over the same that verifies too: of (r, s) by ECDSA P-256, (r, n - s).
inline void other_signature(dns::Rdata& rrsig) {
    constexpr std::array<std::uint8_t, 32> order = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
                                                    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                                    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
                                                    0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    int borrow = 0;
    for (std::size_t i = 32; i-- > 0;) {
        std::uint8_t& octet = rrsig[rrsig.size() - 32 + i];
        const int difference = order[i] - octet - borrow;
        borrow = difference < 0 ? 1 : 0;
        octet = static_cast<std::uint8_t>(difference);
    }
}

/// The same for all RRSIG of a response; `bad`: they do not verify.
inline void sign_otherwise(ask::Octets& response, bool bad) {
    auto message = *dns::parse_message(response);
    for (auto* section : {&message.answer, &message.authority, &message.additional})
        for (dns::Record& record : *section) {
            if (record.type != dns::RrType::rrsig) continue;
            other_signature(record.rdata);
            if (bad) record.rdata[record.rdata.size() - 40] ^= 1;  // in r
        }
    response = *dns::encode_message(message);
}

/// With DO.
inline ask::Octets signed_query(const std::string& name, dns::RrType type = dns::RrType::a) {
    dns::QueryOptions options;
    options.edns = dns::Edns{.udp_octets = 1232, .dnssec_ok = true};
    return dns::encode_query(*dns::Name::parse(name), type, options);
}

/// nsec.example. of the sample zones, whole or as of somebody who signs as he answers: without
/// keys.
inline void insert_signed_zone(catalogue::Catalogue& zones, bool has_keys = true) {
    zone::Builder builder;
    const dns::Name apex = *dns::Name::parse("nsec.example.");
    builder.begin(apex);
    const auto report = dns::read_master(
        testkit::read_testdata("zones/nsec.example.zone"), {.origin = apex},
        [&](const dns::RecordView& record, std::uint64_t) {
            return !has_keys && record.type == dns::RrType::dnskey ? Status{} : builder.add(record);
        });
    ZC_CHECK(report.errors.empty());
    auto image = builder.build();
    ZC_CHECK(image.has_value());
    zones.insert({.apex = apex, .image = *std::move(image)});
}

}  // namespace zc::judge
