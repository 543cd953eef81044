// Inside of package compare: what in a response can only come from other zone data than is here.
#pragma once

#include <optional>
#include <string>

#include "catalogue/catalogue.h"
#include "compare/compare.h"
#include "compare/reading.h"
#include "compare/rules.h"
#include "dns/message.h"

namespace zc::compare {

/// A deed of the response that no fault in answering explains, but other zone data would: "gives A
/// of host.example. with the data 192.0.2.3, which no zone here has". Empty: there is none.
///
/// - It refuses a zone that is served here, answers out of the zone above, or refers to it.
/// - It has, in whatever section, a record that is not here: in ANSWER by the zone that is the
///   closest, else by any around. A wildcard's counts where no name stands between. Made ones (the
///   CNAME of a DNAME, what PowerDNS makes of ALIAS and LUA) are none, and a SOA may differ in its
///   serial by as much as `policy` lets it.
/// - It has signatures of a zone that is not signed here, or, asked with DO, none of one that is;
///   an NSEC that lists a type which the name has not here.
/// - It denies a name, a type, a record or a cut that is here, or says that a name exists which is
///   not. It answers with authority below a cut.
/// - Every record of an RRset has another TTL than here, by more than `policy` lets it. Mixed ones
///   are a fault of the server (RFC 2181 section 5.2).
///
/// Left out, since servers are known to get them wrong from the same data, and a question for the
/// name itself tells: NXDOMAIN for an empty non-terminal or a type that a wildcard has not, the end
/// of a chain left out without a SOA, what a DNAME redirects; all glue of a name server missing;
/// what a server that recurses (RA) adds behind a chain that leaves the zones here.
///
/// A reading of asks other than zone data, or of a zone that cannot be read here, tells nothing.
/// Cost: n log n in the records of the response and of the RRsets here; allocates.
std::optional<std::string> other_data(const catalogue::Catalogue& zones, const Reading& reading,
                                      const QueryFacts& query, const dns::Message& response,
                                      const Policy& policy);

/// The same of a response that is right by the reading: glue and types in an NSEC that are not
/// here show themselves in no other answer.
std::optional<std::string> other_data_of_right(const catalogue::Catalogue& zones,
                                               const Reading& reading, const QueryFacts& query,
                                               const dns::Message& response, const Policy& policy);

}  // namespace zc::compare
