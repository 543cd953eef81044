// Messages that a caller takes are handed over, and all others are answered.
#include <array>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "answer/answer.h"
#include "dns/message.h"
#include "dns/presentation.h"
#include "zone/zone.h"

using namespace zc;
using namespace zc::answer;

namespace {

constexpr HandOvers all = {HandOver::update, HandOver::notify, HandOver::axfr, HandOver::ixfr};

struct Zones {
    Zones() {
        zone::Builder builder;
        const dns::Name apex = *dns::Name::parse("served.");
        builder.begin(apex);
        const auto report = dns::read_master(
            "served. 60 SOA ns.served. hm.served. 1 2 3 4 5\n", {},
            [&](const dns::RecordView& record, std::uint64_t) { return builder.add(record); });
        REQUIRE(report.errors.empty());
        auto image = builder.build();
        REQUIRE(image.has_value());
        catalogue.insert({apex, *std::move(image)});
        const dns::Name waiting = *dns::Name::parse("waiting.");
        catalogue.insert({waiting, zone::placeholder(waiting, zone::State::pending)});
    }

    Outcome ask(dns::Opcode opcode, std::string_view name, dns::RrType type, HandOvers takes = all,
                dns::Transport transport = dns::Transport::tcp, bool is_signed = false) {
        auto query = dns::encode_query(*dns::Name::parse(name), type, {});
        query[2] = static_cast<std::uint8_t>(static_cast<unsigned>(opcode) << 3U);
        if (is_signed) {
            // key. ANY TSIG, of algorithm a., without a MAC.
            static constexpr std::array<std::uint8_t, 34> tsig = {
                3, 'k', 'e', 'y', 0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 19, 1, 'a',
                0, 0,   0,   0,   0, 0, 0,   1, 44,  0, 0, 0, 1, 0, 0,  0, 0};
            query.insert(query.end(), tsig.begin(), tsig.end());
            query[11] = 1;
        }
        return respond(
            query, {.transport = transport, .client = {}, .now = {}, .node = &node, .takes = takes},
            catalogue, room);
    }

    catalogue::Catalogue catalogue{1};
    Identity node;
    std::vector<std::uint8_t> room = std::vector<std::uint8_t>(65535);
};

}  // namespace

TEST_CASE("a message of each kind is handed over for a zone that is here") {
    Zones zones;
    using dns::Opcode, dns::RrType;
    const auto kind = [&](Opcode opcode, RrType type) {
        const Outcome outcome = zones.ask(opcode, "served.", type);
        CHECK(outcome.response_octets == 0);
        CHECK(outcome.late_octets_max == 65535);
        CHECK(outcome.qtype == type);
        CHECK(outcome.opcode == opcode);
        return outcome.handed_over;
    };
    CHECK(kind(Opcode::update, RrType::soa) == HandOver::update);
    CHECK(kind(Opcode::notify, RrType::soa) == HandOver::notify);
    CHECK(kind(Opcode::query, RrType::axfr) == HandOver::axfr);
    CHECK(kind(Opcode::query, RrType::ixfr) == HandOver::ixfr);
    CHECK(zones.ask(Opcode::query, "served.", RrType::soa).handed_over == HandOver::none);
    CHECK(zones.ask(Opcode::query, "served.", RrType::soa).response_octets > 0);
}

TEST_CASE("a kind that the caller does not take is answered") {
    Zones zones;
    const Outcome outcome =
        zones.ask(dns::Opcode::update, "served.", dns::RrType::soa, {HandOver::axfr});
    CHECK(outcome.handed_over == HandOver::none);
    CHECK(outcome.rcode == dns::Rcode::refused);
    CHECK(outcome.response_octets > 0);
    CHECK(zones.ask(dns::Opcode::query, "served.", dns::RrType::axfr, {}).rcode ==
          dns::Rcode::refused);
}

TEST_CASE("IXFR may come over UDP, AXFR may not") {
    Zones zones;
    const auto over_udp = [&](dns::RrType type) {
        return zones.ask(dns::Opcode::query, "served.", type, all, dns::Transport::udp);
    };
    CHECK(over_udp(dns::RrType::ixfr).handed_over == HandOver::ixfr);
    CHECK(over_udp(dns::RrType::ixfr).late_octets_max == 512);
    CHECK(over_udp(dns::RrType::axfr).rcode == dns::Rcode::refused);
}

TEST_CASE("a zone that is not served yet may be notified and is not transferred") {
    Zones zones;
    CHECK(zones.ask(dns::Opcode::notify, "waiting.", dns::RrType::soa).handed_over ==
          HandOver::notify);
    const Outcome transfer = zones.ask(dns::Opcode::query, "waiting.", dns::RrType::axfr);
    CHECK(transfer.handed_over == HandOver::none);
    CHECK(transfer.rcode == dns::Rcode::servfail);
}

TEST_CASE("for a name that is no apex here the answer is NOTAUTH, unless it has to be signed") {
    Zones zones;
    for (const char* name : {"www.served.", "elsewhere."}) {
        CHECK(zones.ask(dns::Opcode::update, name, dns::RrType::soa).rcode == dns::Rcode::notauth);
        const Outcome signed_one =
            zones.ask(dns::Opcode::update, name, dns::RrType::soa, all, dns::Transport::tcp, true);
        CHECK(signed_one.handed_over == HandOver::update);
    }
    // A signed query for data is nobody's here: no key is known.
    const Outcome query =
        zones.ask(dns::Opcode::query, "served.", dns::RrType::soa, all, dns::Transport::tcp, true);
    CHECK(query.handed_over == HandOver::none);
    CHECK(query.rcode == dns::Rcode::notauth);
}
