// Do the signatures of a response verify? By ldns, for comparing servers: a second opinion, never
// on the way of a query.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "dns/message.h"

namespace zc::dnssec {

/// Verifies every RRset of ANSWER and AUTHORITY that has RRSIGs by `keys`' owner: each RRSIG must
/// verify with a key of `keys` (DNSKEY records of one zone) and be valid at `now` (RFC 4035 section
/// 5.3). RRSIGs by other signers are passed over. An RRset without any RRSIG is not a fault here.
/// Errors: `invalid`, with the RRset and what is wrong with its signature, or that `keys` has no
/// zone key; with nothing that is invalid, `unsupported`: an algorithm or an RRset that ldns does
/// not know, or a signature in time by a key of the zone without the RRset that it is over.
Status verify_signatures(const dns::Message& response, const std::vector<dns::Record>& keys,
                         base::Instant now);

}  // namespace zc::dnssec
