// Inside of package compare: what in a response can only come from other zone data than is here.
#pragma once

#include <optional>
#include <string>

#include "compare/compare.h"
#include "compare/reading.h"
#include "compare/rules.h"
#include "dns/message.h"
#include "store/catalogue.h"

namespace zc::compare {

/// What the response does that no fault in answering explains, but other zone data would: "gives A
/// of host.example. with the data 192.0.2.3, which no zone here has". Empty: nothing.
///
/// - It refuses a zone that is served here.
/// - It has, in whatever section, a record that no zone here has at that name or at a wildcard
///   above it. Made ones (the CNAME of a DNAME, what PowerDNS makes of ALIAS and LUA) are none, a
///   SOA may differ in its serial by as much as `policy` lets it.
/// - It has signatures or proofs of a zone that is not signed here, or, asked with DO, none of one
///   that is.
/// - It denies a name, a type, a record or a cut that is here, or gives NOERROR for a name that is
///   not.
/// - Every record of an RRset has another TTL than here, by more than `policy` lets it. Mixed ones
///   are a fault of the server (RFC 2181 section 5.2).
///
/// Left out, since servers are known to get them wrong from the same data, and a question for the
/// name itself tells: empty non-terminals, the end of a chain without SOA, what a DNAME redirects,
/// types that a wildcard has not, missing glue.
///
/// A reading of asks other than zone data, or of a zone that cannot be read here, tells nothing.
/// Cost: microseconds; allocates.
std::optional<std::string> other_data(const store::Catalogue& zones, const Reading& reading,
                                      const QueryFacts& query, const dns::Message& response,
                                      const Policy& policy);

}  // namespace zc::compare
