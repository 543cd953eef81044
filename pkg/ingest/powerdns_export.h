// Zones as a dump that PostgreSQL restores into PowerDNS's schema (4.7 and later), and that
// `powerdns.h` reads again.
//
// Data only, in COPY blocks, a few megabytes of each table in turn: one pass over the zones,
// bounded memory. Ids are counted anew. `auth` is false at and below zone cuts, as PowerDNS has it;
// `ordername` and rows for empty non-terminals are left to `pdnsutil rectify-all-zones`, which the
// dump's head says.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/rrset.h"
#include "ingest/powerdns.h"

namespace zc::ingest {

/// The columns in which PowerDNS keeps one record.
struct PowerDnsRecord {
    std::string name;     // lower case as in the image, without final dot; the root is empty
    std::string type;     // "MX"
    std::string content;  // "mail.example.com": names without final dot, MX and SRV without their
                          // first number
    std::int32_t prio = 0;
};
PowerDnsRecord powerdns_record(const dns::RecordView& record);

class DumpWriter {
public:
    /// Gets the dump piece by piece; an error ends the export.
    using Out = std::function<Status(std::string_view piece)>;
    explicit DumpWriter(Out out);

    /// Errors: those of `Out`.
    Status zone(const ImportedZone& zone);
    Status tsig_key(const TsigKey& key);
    Status supermaster(const Supermaster& supermaster);
    /// Writes what is left, and the mark by which a reader knows that nothing is missing.
    Status finish();

    /// Rows of `records` so far.
    std::uint64_t records() const noexcept { return record_id_; }

private:
    struct Block {
        std::string_view head;
        std::string rows;
    };
    void domain_row(const ImportedZone& zone, std::uint64_t id);
    void record_row(std::uint64_t domain_id, const PowerDnsRecord& record, std::int64_t ttl,
                    bool disabled, bool auth);
    Status image_rows(const ImportedZone& zone, std::uint64_t id);
    Status flush_if_large();
    Status flush();

    Out out_;
    bool begun_ = false;
    Block domains_, records_, metadata_, comments_, keys_, tsig_keys_, supermasters_;
    std::uint64_t domain_id_ = 0, record_id_ = 0, metadata_id_ = 0, comment_id_ = 0, key_id_ = 0,
                  tsig_key_id_ = 0;
};

/// The things that the master file of `zone` has in comments only, a sentence each.
std::vector<std::string> only_in_comments(const ImportedZone& zone);

/// The zone as a master file; `zone` has an image. Disabled records, and those of types that only
/// PowerDNS has, stand in comments at the end. `piece`, if there is one, is called after each
/// record and may take away what there is so far.
void append_zone_file(std::string& out, const ImportedZone& zone,
                      const std::function<void(std::string& out)>& piece);

/// "example.com.zone", as `apex_of_file` (zone_files.h) reads it.
std::string zone_file_name(dns::NameView apex);

}  // namespace zc::ingest
