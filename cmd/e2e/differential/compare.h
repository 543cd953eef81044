// The differences between two responses to one query, and whether a named rule explains them.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "response.h"

namespace zc::e2e {

struct Query {
    std::string wire;  // a message with ID 0
    std::string text;  // the line of the query file
    std::string name;  // folded wire format
    std::uint16_t type = 0;
    bool dnssec_ok = false;
    bool over_tcp = false;
    std::size_t udp_octets_max = 512;
};

/// "NAME TYPE FLAG…": noedns, do, size=N, tcp, rd, cd, ad. Without noedns there is an OPT of size
/// 4096 or N.
Result<Query> parse_query(const std::string& line);

/// Apexes served by all, folded wire format.
using Apexes = std::set<std::string>;

/// The facts of a difference, by name, for rules and for grouping.
///
/// Components, absent where equal; differences are grouped by them:
///   rcode=NOERROR/SERVFAIL  of the subject / of the peer; likewise aa=1/0, ad=1/0
///   answer=+CNAME,-SOA      types that only the subject (+) or only the peer (-) has; likewise
///                           authority, and glue (A, AAAA below the cut of a referral); "ttl" when
///                           only TTLs differ
///   differs=rcode+answer    the components that there are
///
/// For rules alone; 1 or 0 unless said otherwise:
///   peer, qtype, do, transport=udp|tcp, subject_rcode, peer_rcode
///   agree=knot+bind         the peers whose answer is the subject's, or differs for a reason with
///                           a rule
///   outside                 QNAME is in no zone served
///   nested                  the chain ends in a zone below another one served
///   links, peer_links       number of CNAMEs of the chain
///   crosses, leaves, loop   a chain leads into another zone served, ends outside of all, comes back
///   peer_stops_at_zone      the peer's chain ends with a link into another zone served, and all it
///                           has is in the subject's; subject_stops_at_zone: likewise
///   peer_prefix             the peer's chain has fewer links, its answer is in the subject's;
///                           subject_prefix: likewise
///   peer_subset             answer and authority are in the subject's; subject_subset: likewise
///   answers_agree           one answer section is in the other
///   same_links, peer_empty, cname, dname, referral, peer_referral, wildcard (RRSIGs tell), nsec3
struct Difference {
    std::map<std::string, std::string> facts;
    std::string signature;           // the components: equal for differences of one cause, mostly
    std::vector<std::string> lines;  // the records, "+ …" the subject's, "- …" the peer's
};

/// Equal responses give an empty signature. Ignored: the order of records, case (but that of the
/// question), compression, NS of the zone itself in AUTHORITY, ADDITIONAL other than in-domain
/// glue, EDNS. Once either is truncated only RCODE, AA and TC are compared.
Difference compare(const Query& query, const Response& subject, const Response& peer,
                   const Apexes& apexes);

/// One known difference.
///   rule NAME
///     when FACT=GLOB|GLOB… FACT!=GLOB…     (several lines: all must hold)
///     because TEXT                          (the RFC clause that decides, and who is right)
struct Rule {
    struct Condition {
        std::string fact;
        bool negated = false;
        std::vector<std::string> globs;
    };
    std::string name;
    std::string because;
    std::vector<Condition> conditions;
    std::uint64_t count = 0;
};

Result<std::vector<Rule>> read_rules(const std::string& path);
/// The first rule that holds, or null.
Rule* explain(std::vector<Rule>& rules, const Difference& difference);

}  // namespace zc::e2e
