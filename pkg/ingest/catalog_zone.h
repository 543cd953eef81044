// The members that a catalog zone lists: RFC 9432, schema version 2, as Knot, BIND, NSD and
// PowerDNS's producer zones have it. Groups, changes of ownership and other properties of members
// are for servers that keep following a catalog: passed over.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "dns/rrset.h"

namespace zc::ingest {

class CatalogZone {
public:
    explicit CatalogZone(dns::NameView apex) : apex_(apex) {}

    /// Any record of the zone; those that mean nothing here are passed over.
    void add(const dns::RecordView& record);

    /// The members, each once, lower case, in the order of their records. Errors, `invalid`, for a
    /// catalog that must not be processed: no version or another one than 2 (section 4.2.1), a
    /// member with two PTR records (section 4.1).
    Result<std::vector<dns::Name>> members();

private:
    struct Member {
        dns::Name label_owner, zone;
    };
    dns::Name apex_;
    std::vector<std::string> versions_;  // of each TXT record: RDATA as text
    std::vector<Member> members_;
};

}  // namespace zc::ingest
