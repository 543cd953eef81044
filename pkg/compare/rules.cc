#include "compare/rules.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/check.h"

namespace zc::compare {

namespace {

using enum Rule;
using enum RuleKind;

constexpr std::array<RuleRow, rule_count> rows{{
    {record_order, "record-order", normalise, "RFC 2181 section 5, RFC 1034 section 3.6",
     "An RRset is a set, and the order of the RRsets in a section means nothing; only the names of "
     "a chain follow each other."},
    {name_case, "name-case", normalise, "RFC 4343 section 3, RFC 4034 section 6.2",
     "Names are compared without case, and a server may keep zone data in lower case."},
    {compression, "compression", normalise, "RFC 1035 section 4.1.4, RFC 3597 section 4",
     "The sender decides whether and where a name is written as a pointer."},
    {apex_ns, "apex-ns", normalise, "RFC 1034 section 4.3.2, RFC 9199 section 3.1",
     "Beside a complete answer, NS of the zone and their addresses are a courtesy."},
    {extra_additional, "extra-additional", normalise, "RFC 1034 section 3.7, RFC 9471 section 2",
     "All but the glue of a referral is in ADDITIONAL to save the client a question, where there "
     "is room."},
    {edns_size, "edns-size", normalise, "RFC 6891 section 6.2.3",
     "The size tells how much the sender of the message can take, and nothing of the zone."},
    {edns_options, "edns-options", normalise, "RFC 6891 section 6.1.2",
     "Cookies, NSID, extended errors and padding are between the server and the client."},
    {ttl, "ttl", normalise, "RFC 2181 section 8",
     "A TTL is an upper bound; within the tolerance a cache in front of one side may have counted "
     "it down."},
    {serial, "serial", normalise, "RFC 1982 section 3, RFC 1034 section 4.3.5",
     "Servers of one zone may have versions of it that are a few serials apart."},
    {signatures, "signatures", normalise, "RFC 4035 section 2.2, RFC 4034 section 3.1",
     "Signatures over the same RRset by the same signer may have another time or key, if they "
     "verify."},
    {dname_cname_ttl, "dname-cname-ttl", normalise, "RFC 6672 section 3.1",
     "The CNAME made of a DNAME has the DNAME's TTL; older servers give it 0."},
    {message_signature, "message-signature", normalise, "RFC 8945 section 4.2, RFC 2931 section 3",
     "TSIG and SIG(0) sign one message at one time: the next one has another MAC."},
    {stops_at_zone_end, "stops-at-zone-end", legal, "RFC 1034 section 4.3.2, RFC 6604 section 3",
     "A CNAME into another zone that the server has may be followed there, or left to the "
     "resolver."},
    {chain_loop, "chain-loop", legal, "RFC 1034 section 5.2.2",
     "A chain that comes back has no answer; the links with NOERROR, and SERVFAIL, both say so."},
    {chain_limit, "chain-limit", legal, "RFC 1034 section 3.6.2",
     "A server has its own limit of links that it follows; the links that it gives must be a "
     "beginning of the chain."},
    {any_subset, "any-subset", legal, "RFC 8482 section 4",
     "ANY and RRSIG may be answered with some of the RRsets, and over UDP with TC."},
    {truncation, "truncation", legal, "RFC 2181 section 9, RFC 6891 section 6.2.5",
     "A server may send less over UDP than the client takes; TC says that TCP has the whole."},
    {server_identity, "server-identity", legal, "RFC 4892 section 2",
     "In class CH a server tells of itself, so answers differ by their nature."},
    {rotating, "rotating", legal, "RFC 1034 section 3.6, RFC 2181 section 5",
     "Each side draws its answer from a set, and over several questions the sets are the same."},
}};
static_assert([] {
    for (std::size_t i = 0; i < rows.size(); ++i)
        if (static_cast<std::size_t>(rows[i].rule) != i) return false;
    return true;
}());

}  // namespace

std::span<const RuleRow> rules() noexcept {
    return rows;
}

const RuleRow& row_of(Rule rule) noexcept {
    const auto index = static_cast<std::size_t>(rule);
    ZC_CHECK(index < rows.size());
    return rows[index];
}

Result<Rule> parse_rule(std::string_view name) {
    const auto* const found = std::ranges::find(rows, name, &RuleRow::name);
    if (found != rows.end()) return found->rule;
    std::string known;
    for (const RuleRow& row : rows) known += (known.empty() ? "" : ", ") + std::string(row.name);
    return fail(Errc::not_found, "no rule \"" + std::string(name) + "\"; there are " + known);
}

}  // namespace zc::compare
