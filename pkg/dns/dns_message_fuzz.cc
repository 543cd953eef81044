// A message of any octets. If it is parsed, it is printed, encoded and parsed again to the same text;
// if ldns parses it too, it has found the same question and as many records.
#include <algorithm>
#include <optional>  // before ldns, which makes `false` a macro
#include <string>
#include <vector>

#include <ldns/ldns.h>

#include "base/check.h"
#include "dns/message.h"
#include "dns/presentation.h"

using namespace zc;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto message = dns::parse_message(base::Octets(data, size));
    if (!message) {
        ZC_CHECK(!message.error().message.empty());
        return 0;
    }
    dns::Message plain = *message;
    plain.trailing_octets = 0;
    // TSIG and SIG(0) are put last: with either the order may change.
    const bool ordered = std::ranges::none_of(plain.additional, [](const dns::Record& record) {
        return record.type == dns::RrType::tsig || record.type == dns::RrType::sig;
    });
    const std::string text = dns::message_text(plain);
    const auto octets = dns::encode_message(plain);
    // Decompressed it may not fit any more, as not all names are compressed again.
    if (octets) {
        const auto again = dns::parse_message(*octets);
        ZC_CHECK(again.has_value());
        ZC_CHECK(!ordered || dns::message_text(*again) == text);
        ZC_CHECK(again->questions.size() == message->questions.size());
        const auto twice = dns::encode_message(*again);
        ZC_CHECK(twice.has_value() && *twice == *octets);
    } else {
        ZC_CHECK(octets.error().code == Errc::limit);
    }

    ldns_pkt* packet = nullptr;
    if (ldns_wire2pkt(&packet, data, size) == LDNS_STATUS_OK) {
        ZC_CHECK(ldns_pkt_ancount(packet) == message->answer.size());
        ZC_CHECK(ldns_pkt_nscount(packet) == message->authority.size());
        ZC_CHECK(ldns_pkt_id(packet) == message->id);
        ZC_CHECK(ldns_pkt_aa(packet) == message->aa && ldns_pkt_tc(packet) == message->tc);
        if (!message->questions.empty()) {
            const ldns_rdf* owner = ldns_rr_owner(ldns_rr_list_rr(ldns_pkt_question(packet), 0));
            const base::Octets ours = message->questions[0].name.wire();
            ZC_CHECK(ldns_rdf_size(owner) == ours.size() &&
                     std::equal(ours.begin(), ours.end(), ldns_rdf_data(owner)));
        }
    }
    ldns_pkt_free(packet);
    return 0;
}
