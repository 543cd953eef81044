// The members that a catalog zone lists: RFC 9432, schema version 2, as Knot, BIND, NSD and
// PowerDNS's producer zones have it, with their groups and changes of ownership. Other properties
// are passed over, as section 4.4 wants it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "dns/rrset.h"

namespace zc::ingest {

/// A zone that a catalog lists.
struct CatalogMember {
    dns::Name zone;                   // lower case
    std::string label;                // its unique label, presentation form, lower case
    std::string new_catalog;          // of the coo property, with its final dot; empty: none
    std::vector<std::string> groups;  // presentation form without quotes, sorted, each once
};

/// The text that PowerDNS keeps of it in domains.options:
/// {"producer":{"coo":"…","group":["…"],"unique":"…"}} with the parts that there are; `role` is "producer" or
/// "consumer".
std::string powerdns_options(const CatalogMember& member, std::string_view role);

class CatalogZone {
public:
    explicit CatalogZone(dns::NameView apex) : apex_(apex) {}

    /// Any record of the zone; those that mean nothing here are passed over.
    void add(const dns::RecordView& record);

    /// The members, each once, lower case, in the order of their records. Errors, `invalid`, for a
    /// catalog that must not be processed: no version or another one than 2 (section 4.2.1), a
    /// member with two PTR records (section 4.1), or two of its coo property (section 4.3.1).
    Result<std::vector<CatalogMember>> members();

private:
    /// A record of a member or of a property of it.
    struct Entry {
        dns::Name member;  // <unique>.zones.<catalog>, lower case
        dns::Name target;  // of a PTR record, lower case
        std::string text;  // of a group
    };
    dns::Name apex_;
    std::vector<std::string> versions_;  // of each TXT record: RDATA as text
    std::vector<Entry> members_, new_catalogs_, groups_;
};

}  // namespace zc::ingest
