// The NSEC or NSEC3 records of a zone that arrives signed, out of its other records. PowerDNS keeps
// of a presigned zone all but these (and NSEC3PARAM): only the signatures over them are rows, and
// it makes the records anew when it answers.
//
// A signature tells that its record was there, and its TTL: so the owners of the chain are those of
// signatures over NSEC, for NSEC3 the hashes that their owner names are, whatever opt-out left out.
// Each record's next owner is the next of these (RFC 4034 section 4.1.1, RFC 5155 section 3.1.7),
// its types are those at the name (RFC 4034 section 4.1.2, RFC 5155 section 7.1). The same octets
// as the signer had, so that its signatures fit, unless it wrote the next owner of an NSEC in
// capitals.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "dns/name.h"
#include "dns/rrset.h"

namespace zc::ingest {

/// The effect of `zone::costly_hashing`.
inline constexpr std::string_view costly_effect =
    "served; validators may take it for unsigned, and proofs beyond the budget get TC or SERVFAIL";

class DenialChain {
public:
    explicit DenialChain(dns::NameView apex) : apex_(apex) {}

    /// A record of the zone, in any order, duplicates allowed; owner and RDATA stay where they are
    /// until `rebuild` ends. The owner is in lower case.
    void add(const dns::RecordView& record) { records_.push_back(record); }

    /// Calls `record` for each NSEC, NSEC3 and NSEC3PARAM record that has a signature and was not
    /// added; the view is valid during the call only. `nsec3param`: PowerDNS's metadata of that
    /// kind, "1 0 10 abcd", for when there is no record of that type; its flags say opt-out, which
    /// is also seen from a delegation without DS that the chain leaves out. Gives what is wrong
    /// with the chain, a sentence each: empty when it is whole, or the zone has none.
    std::vector<std::string> rebuild(std::string_view nsec3param,
                                     const std::function<void(const dns::RecordView&)>& record);

private:
    struct Owner;
    struct Run;
    dns::Name apex_;
    std::vector<dns::RecordView> records_;
};

/// NSEC, NSEC3, NSEC3PARAM.
bool is_denial(dns::RrType type) noexcept;

/// The records that `rebuild` makes of a zone's other records, so that nobody has to keep them.
class MadeDenial {
public:
    /// `chain` has all records of the zone but those of `is_denial`. False: it is not whole.
    bool make(DenialChain& chain, std::string_view nsec3param);
    bool contains(const dns::RecordView& record) const {
        return !made_.empty() && is_denial(record.type) && made_.contains(key_of(record));
    }

private:
    static std::string key_of(const dns::RecordView& record);
    std::unordered_set<std::string> made_;
};

}  // namespace zc::ingest
