#include <algorithm>
#include <utility>

#include "dns/message.h"
#include "dns/presentation.h"
#include "transfer/transfer.h"

namespace zc::transfer {

namespace {

tl::unexpected<Error> malformed(std::string what) {
    return fail(Errc::malformed, std::move(what));
}

/// The server's reason: the rcode, a TSIG error, extended errors.
std::string reason_of(const dns::Message& message, base::Octets octets) {
    std::string out = "the server answers " + dns::to_string(message.rcode);
    if (const auto tsig = find_tsig(octets); tsig && *tsig && (*tsig)->error != TsigError::none)
        out += ", TSIG " + to_string((*tsig)->error);
    if (message.edns) {
        constexpr std::uint16_t option_ede = 15;
        for (const dns::EdnsOption& option : message.edns->options) {
            if (option.code != option_ede || option.value.size() < 2) continue;
            out += ", EDE " + std::to_string(base::load_u16(option.value.data()));
        }
    }
    return out;
}

}  // namespace

AxfrReader::AxfrReader(Options options) : options_(std::move(options)) {
    if (options_.key) verifier_.emplace(*options_.key, options_.request_mac);
}

Result<AxfrReader::Progress> AxfrReader::read(base::Octets octets, base::Instant now,
                                              const RecordSink& sink) {
    octets_ += octets.size();
    if (octets_ > options_.octets_max)
        return fail(Errc::limit,
                    "a transfer of more than " + std::to_string(options_.octets_max) + " octets");
    ZC_TRY(dns::Message message, dns::parse_message(octets));
    // RFC 5936 section 2.2: a message that is not of this transfer ends it; on a connection of its own there
    // is nothing else that could come.
    if (!message.qr || message.opcode != dns::Opcode::query || message.id != options_.id)
        return malformed("a message that is no response to the query");
    if (message.rcode != dns::Rcode::noerror) {
        refused_ = !begun_;
        return fail(Errc::invalid, reason_of(message, octets));
    }
    // Before anything is believed of it.
    if (verifier_) ZC_TRY_STATUS(verifier_->verify(octets, now));
    if (message.tc) return malformed("a message that says it is truncated");
    if (message.trailing_octets != 0) return malformed("octets behind the last record");
    // Later messages may go without the question (section 2.2.1); some servers leave it out of the
    // first one too.
    if (message.questions.size() > 1) return malformed("more than one question");
    if (!message.questions.empty()) {
        const dns::Question& question = message.questions.front();
        if (!equal(question.name, options_.zone) || question.type != dns::RrType::axfr ||
            question.rr_class != dns::RrClass::in)
            return malformed("the response to another question: " + dns::to_string(question.name) +
                             ' ' + dns::to_string(question.type));
    }
    if (!begun_ && message.answer.empty())
        return malformed("a response without records, wanted the SOA first");
    for (std::size_t i = 0; i < message.answer.size(); ++i) {
        dns::Record& record = message.answer[i];
        if (record.rr_class != dns::RrClass::in)
            return malformed("a record of class " + dns::to_string(record.rr_class));
        const bool is_soa = record.type == dns::RrType::soa && equal(record.owner, options_.zone);
        if (is_soa) {
            dns::Rdata soa = record.rdata;
            dns::fold_rdata(dns::RrType::soa, soa);
            if (begun_) {
                // Section 2.2: the first and the last are one and the same.
                if (soa != soa_)
                    return malformed("the SOA at the end differs from that at the start");
                if (i + 1 != message.answer.size())
                    return malformed("records behind the SOA that ends the transfer");
                if (verifier_) ZC_TRY_STATUS(verifier_->finish());
                return Progress::complete;
            }
            soa_ = std::move(soa);
        } else if (!begun_) {
            return malformed("the first record is " + dns::to_string(record.owner) + ' ' +
                             dns::to_string(record.type) + ", wanted the zone's SOA");
        }
        begun_ = true;
        ++records_;
        // RFC 2181 section 8: a TTL with the top bit set counts as 0.
        const std::uint32_t ttl = record.ttl > dns::ttl_seconds_max ? 0 : record.ttl;
        ZC_TRY_STATUS(sink({record.owner, record.type, ttl, record.rdata}));
    }
    return Progress::more;
}

}  // namespace zc::transfer
