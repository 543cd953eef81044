#include <algorithm>
#include <string>

#include "base/octets.h"
#include "compare/compare.h"
#include "dns/message.h"

namespace zc::compare {

Result<QueryFacts> read_query(base::Octets query) {
    base::Reader in(query);
    in.skip(2);
    const std::uint16_t flags = in.u16();
    const std::uint16_t questions = in.u16();
    // Answers and authority in a query are of no use, but allowed: IXFR has one.
    const std::size_t records = std::size_t{in.u16()} + in.u16();
    const std::size_t additional = in.u16();
    if (!in.ok())
        return fail(Errc::malformed,
                    "query of " + std::to_string(query.size()) + " octets, wanted a header of 12");
    if ((flags & 0x8000U) != 0) return fail(Errc::malformed, "a response, wanted a query");
    if (const auto opcode = static_cast<dns::Opcode>(flags >> 11U & 0xfU);
        opcode != dns::Opcode::query)
        return fail(Errc::malformed, "opcode " + dns::to_string(opcode) + ", wanted QUERY");
    if (questions != 1)
        return fail(Errc::malformed, std::to_string(questions) + " questions, wanted one");
    QueryFacts facts;
    facts.recursion_desired = (flags & 0x0100U) != 0;
    const std::size_t name_at = in.offset();
    ZC_TRY(facts.qname, dns::read_name(in));
    if (in.offset() - name_at != facts.qname.size())
        return fail(Errc::malformed, "compressed name in the question");
    facts.qtype = static_cast<dns::RrType>(in.u16());
    facts.qclass = static_cast<dns::RrClass>(in.u16());
    if (!in.ok()) return fail(Errc::malformed, "query ends inside its question");
    facts.question_octets = static_cast<std::uint16_t>(in.offset());
    for (std::size_t i = 0; i < records + additional; ++i) {
        const auto owner = dns::read_name(in);
        if (!owner) return tl::unexpected<Error>(owner.error());
        const auto type = static_cast<dns::RrType>(in.u16());
        const std::uint16_t rr_class = in.u16();
        const std::uint32_t ttl = in.u32();
        in.skip(in.u16());
        if (!in.ok()) return fail(Errc::malformed, "query ends inside a record");
        if (type != dns::RrType::opt) continue;
        if (i < records || facts.edns || !owner->view().is_root())
            return fail(Errc::malformed, "OPT record out of place");
        facts.edns = true;
        facts.dnssec_ok = (ttl & 0x8000U) != 0;
        facts.udp_octets_max = std::max<std::uint16_t>(rr_class, 512);
    }
    if (!in.at_end())
        return fail(Errc::malformed,
                    std::to_string(in.remaining()) + " octets behind the end of the query");
    return facts;
}

}  // namespace zc::compare
