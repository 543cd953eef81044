// Inside of package compare: what one zone's data says without any lookup, and RDATA as it
// compares.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "dns/name.h"
#include "dns/rrset.h"
#include "zone/lookup.h"
#include "zone/zone.h"

namespace zc::compare {

/// An RRset of the zone with the signatures over it. Without RDATA: signatures alone.
struct Held {
    dns::RrSet set;
    std::uint32_t signature_ttl = 0;
    std::vector<dns::Rdata> signatures;
};

/// Which names are there (empty non-terminals too) and what they own. All that is shared with
/// answering.
class ZoneData {
public:
    explicit ZoneData(zone::Zone zone);

    dns::NameView apex() const { return zone_.apex(); }
    std::size_t labels() const { return labels_; }
    bool serves() const { return zone_.state() == zone::State::serving; }
    zone::State state() const { return zone_.state(); }
    std::uint32_t serial() const { return zone_.serial(); }
    bool is_signed() const;
    bool has_nsec() const { return view_.nsec_count() != 0; }
    bool has_nsec3() const { return view_.nsec3_count() != 0; }
    bool has_nsec3_of(dns::NameView name) const;

    bool exists(dns::NameView name) const;
    bool has(dns::NameView name, dns::RrType type) const;
    std::vector<Held> sets(dns::NameView name) const;
    std::optional<Held> find(dns::NameView name, dns::RrType type) const;
    /// Below the apex, with NS (RFC 1034 section 4.2).
    bool is_cut(dns::NameView name) const {
        return name.labels() > labels_ && has(name, dns::RrType::ns);
    }

private:
    zone::NodeRef node(dns::NameView name) const;

    zone::Zone zone_;
    zone::ImageView view_;
    std::size_t labels_;
};

/// PowerDNS's own types: no DNS, so nothing of them is ever answered under these numbers.
bool is_hidden(dns::RrType type) noexcept;
/// The wildcard right below `encloser`. Empty when it would be too long: then there is none.
std::optional<dns::Name> wildcard_of(dns::NameView encloser);

/// With its names in lower case, of those types that RFC 4034 section 6.2 lists.
dns::Rdata canonical_rdata(dns::RrType type, dns::Rdata rdata);
/// RFC 4034 section 4.1.
struct NsecRdata {
    dns::Name next;
    std::vector<dns::RrType> types;
};
/// `rdata` as parse_message() takes it. A bitmap is read as far as it is well-formed.
NsecRdata nsec_of(const dns::Rdata& rdata);
/// How far apart (RFC 1982) the serials are of two SOAs in canonical form that differ in nothing
/// else; empty: they differ in more.
std::optional<std::uint32_t> serials_apart(const dns::Rdata& a, const dns::Rdata& b) noexcept;

}  // namespace zc::compare
