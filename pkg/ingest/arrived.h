// Inside of package ingest: the columns and metadata that PowerDNS keeps of a zone, for a zone that
// comes as records only (zone files, AXFR).
#pragma once

#include <string>
#include <utility>

#include "dns/presentation.h"
#include "dns/rrset.h"
#include "ingest/powerdns.h"
#include "ingest/powerdns_export.h"

namespace zc::ingest {

class Arrived {
public:
    /// Takes each record of the zone. Rows of types that only PowerDNS has are kept with the zone.
    void add(const dns::RecordView& record, ImportedZone& zone) {
        if (record.type == dns::RrType::rrsig) is_signed_ = true;
        if (record.type == dns::RrType::nsec3 && record.rdata.size() > 1 &&
            (record.rdata[1] & 1U) != 0)
            opt_out_ = true;
        if (record.type == dns::RrType::nsec3param && equal(record.owner, zone.apex))
            nsec3param_ = dns::rdata_text(record.type, record.rdata);
        if (!is_powerdns_only(record.type)) return;
        PowerDnsRecord row = powerdns_record(record);
        zone.kept.push_back({.why = KeptRecord::Why::powerdns_only,
                             .disabled = false,
                             .name = std::move(row.name),
                             .type = std::move(row.type),
                             .content = std::move(row.content),
                             .ttl = static_cast<std::int32_t>(record.ttl),
                             .prio = 0});
    }

    /// After the last one.
    void finish(ImportedZone& zone) const {
        if (!is_signed_) return;
        zone.metadata.push_back({"PRESIGNED", "1"});
        if (nsec3param_.empty()) return;
        // PowerDNS keeps opt-out here: the flags of an NSEC3PARAM record are always 0.
        std::string content = nsec3param_;
        if (opt_out_ && content.size() > 2) content[2] = '1';
        zone.metadata.push_back({"NSEC3PARAM", std::move(content)});
    }

    bool is_signed() const noexcept { return is_signed_; }

private:
    bool is_signed_ = false, opt_out_ = false;
    std::string nsec3param_;  // "1 0 10 abcd", without flags of its own
};

}  // namespace zc::ingest
