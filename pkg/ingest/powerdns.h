// What a PowerDNS operator has, as zones: dumps and databases with the generic SQL schema, read row
// by row, judged, grouped by zone and compiled.
//
// Rows of one zone may lie anywhere in the source. So the reader only cuts it into rows and drops
// each, in a compact form, into one of many buckets by domain id (in memory up to a limit, beyond
// it in temporary files); then bucket by bucket rows are grouped, judged and compiled on all cores.
// Order of rows and of tables does not matter, to the result or to the time.
#pragma once

#include <array>
#include <atomic>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/limit.h"
#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"
#include "dns/presentation.h"
#include "ingest/row_sums.h"
#include "settings/settings.h"
#include "transfer/tsig.h"
#include "zone/zone.h"

namespace zc::ingest {

/// The tables of the schema. `other`: a table that is none of PowerDNS's; its rows are counted, no
/// more.
enum class Table : std::uint8_t {
    domains,
    records,
    domainmetadata,
    comments,
    cryptokeys,
    tsigkeys,
    supermasters,
    other
};
inline constexpr std::size_t tables_count = 8;
std::string_view to_string(Table table) noexcept;

/// What is to be said of one row, or zone. What became of it is its `Fate`.
enum class Verdict : std::uint8_t {
    taken,     // nothing to say: never in a Finding
    repaired,  // changed into something legal, only with `Repair::yes`
    refused,   // a row: not in the zone, the rest of which is served. A zone: it is not served
    doubtful,  // taken, but the operator should look at it
};
std::string_view to_string(Verdict verdict) noexcept;

/// One row (line not 0) or one zone (line 0) that the operator should know of.
struct Finding {
    Verdict verdict = Verdict::refused;
    Table table = Table::records;
    std::uint64_t line = 0;  // in the source; row number where a source has no lines
    std::string source;      // file, "stdin", the database's name
    std::string zone;        // presentation form, or the domain id as text where there is no zone
    std::string record;      // "www.example.com MX 20 mail.example.com"
    std::string reason;      // what was found and what was wanted
    std::string effect;      // what will be answered: "not answered; the rest of the name is"
};

using settings::Comment;
using settings::CryptoKey;
using settings::Field;
using settings::KeptRecord;
using settings::Kind;
using settings::LeftOut;
using settings::Metadata;
using settings::Supermaster;
using settings::TsigKey;

/// Everything that the source knew of one zone.
struct ImportedZone : settings::ZoneSettings {
    dns::Name apex;  // lower case
    /// `serving`; `broken` (no SOA or two, or it would not compile); `unsigned_` (PowerDNS signs
    /// it, zonectl cannot yet).
    zone::State state = zone::State::serving;
    /// The SOA is disabled: PowerDNS answers as if the zone were not there, and so must we. Stored
    /// all the same.
    bool hidden = false;
    /// All records that can be answered, also when `state` is `unsigned_`. Empty (no octets) when
    /// broken or hidden: then `kept` has every record, and what is served is `zone::placeholder`
    /// (broken) or nothing (hidden).
    zone::Image image;
    std::uint64_t records = 0;  // in the image, PowerDNS-only ones included

    /// Hash of the rows it was made from, in whatever order they came, and of the options that had
    /// an influence; 0 when it has findings, which the next import has to name again.
    std::uint64_t rows_digest = 0;

    std::int64_t source_id = 0;     // domains.id
    std::vector<Finding> findings;  // in order of the rows
};

/// Where imported data goes. Calls never overlap but may come from different threads. The same
/// source gives the same calls in the same order, whatever the number of threads. An error stops
/// the import and is what the import returns.
class ImportSink {
public:
    virtual ~ImportSink() = default;
    virtual Status zone(ImportedZone&& zone) = 0;
    virtual Status tsig_key(TsigKey&& key) = 0;
    virtual Status supermaster(Supermaster&& supermaster) = 0;
    /// Of a row that belongs to no zone here (no domain, unreadable, of another table). Zones bring
    /// their own.
    virtual Status finding(Finding&& finding) = 0;
};

struct ImportTotals {
    std::array<RowSums, tables_count> tables{};
    std::uint64_t zones = 0, serving = 0, broken = 0, unsigned_zones = 0, hidden = 0;
    std::uint64_t records = 0;  // in images
    std::uint64_t made = 0;     // among them: of no row (NSEC and NSEC3 of zones that come signed)
    std::uint64_t kept = 0;     // disabled and PowerDNS-only ones beside them
    std::uint64_t unchanged = 0;  // zones that `ImportOptions::is_unchanged` said need not be made
                                  // again: counted in `zones`, not in the sorts of zones
    std::uint64_t not_transferred = 0;  // zones that a server did not give (AXFR): not in `zones`
    std::uint64_t octets_spilled = 0;   // through temporary files
    RowSums& of(Table table) noexcept { return tables[static_cast<std::size_t>(table)]; }
    const RowSums& of(Table table) const noexcept {
        return tables[static_cast<std::size_t>(table)];
    }
};

struct ImportProgress {
    enum class Phase : std::uint8_t { reading, compiling, transferring };
    Phase phase = Phase::reading;
    std::uint64_t done = 0;   // reading: octets of the source; compiling: rows; transferring: zones
    std::uint64_t total = 0;  // 0: not known (a pipe, a database)
    std::uint64_t rows = 0;   // read so far
    std::uint64_t zones = 0;  // handed over so far
};

enum class Repair : std::uint8_t { no, yes };
enum class UnsignedZones : std::uint8_t { servfail, serve };

/// What a source is. `detect` finds out; a user's `--from` overrides.
enum class Format : std::uint8_t {
    pg_dump,       // plain SQL text of PostgreSQL: COPY, --inserts, --column-inserts
    mysql_dump,    // mysqldump, mariadb-dump
    pg_custom,     // pg_dump -Fc, a file: read through pg_restore
    pg_directory,  // pg_dump -Fd: read through pg_restore
    postgresql,    // a live server: postgresql://… or postgres://…
    sqlite,        // a gsqlite3 file
    zone_files,    // a directory, a list, a file of master files: see zone_files.h
    axfr,          // zones of a running server: axfr://192.0.2.1:53
};
std::string_view to_string(Format format) noexcept;
Result<Format> parse_format(std::string_view text);

/// What to ask a running server for (format `axfr`). Zones that arrive signed are served as they
/// are: they get PowerDNS's metadata PRESIGNED, and NSEC3PARAM.
struct AxfrSource {
    std::vector<dns::Name> zones;
    // And all members of this catalog zone, not the zone itself. `ImportedZone::catalog` names it,
    // and `options` has a member's groups, change of ownership and label, as PowerDNS keeps them.
    std::optional<dns::Name> catalog;
    /// Transfer all. Else a zone that came without findings and signatures from this server before
    /// (`ImportOptions::is_unchanged`) is not transferred again while its SOA is the same.
    bool retransfer = false;
    std::optional<transfer::TsigKey> key;
    static constexpr base::Limit<std::uint32_t> connections_limit = {
        .name = "connections", .min = 1, .initial = 4, .max = 64};
    std::uint32_t connections = connections_limit.initial;  // zones transferred at once
    static constexpr base::Limit<base::Duration> timeout_limit = {
        .name = "timeout",
        .min = base::Duration::seconds(1),
        .initial = base::Duration::seconds(30),
        .max = base::Duration::seconds(3600)};
    base::Duration timeout = timeout_limit.initial;  // for a connection, and each message
    static constexpr base::Limit<base::Duration> transfer_timeout_limit = {
        .name = "transfer-timeout",
        .min = base::Duration::seconds(1),
        .initial = base::Duration::seconds(7200),
        .max = base::Duration::seconds(604'800)};
    base::Duration transfer_timeout = transfer_timeout_limit.initial;  // for a whole zone
    /// What a new zone becomes: one of its own, or a secondary of that server.
    enum class Kept : std::uint8_t { native, secondary };
    Kept kind = Kept::native;
    /// PowerDNS sends ALIAS and LUA under numbers of the private range, which are opaque data of
    /// anyone else (RFC 6895 section 3.1).
    enum class Server : std::uint8_t { any, powerdns };
    Server server = Server::any;
};

/// Which of several databases in one dump. Empty: there has to be one.
struct DumpChoice {
    std::string database;  // of \connect, USE or, in MySQL, before the dot
    std::string schema;    // of PostgreSQL
};

struct ImportOptions {
    std::optional<Format> format;  // absent: `detect`
    DumpChoice dump;               // other formats than dumps refuse one
    Repair repair = Repair::no;
    UnsignedZones unsigned_zones = UnsignedZones::servfail;
    // Seconds, for a TTL that is NULL (PowerDNS's default-ttl).
    std::uint32_t default_ttl = dns::default_ttl_limit.initial;
    static constexpr base::Limit<std::uint32_t> threads_limit = {
        .name = "threads", .min = 0, .initial = 0, .max = 64};
    std::uint32_t threads = threads_limit.initial;  // 0: one a core
    // Of rows waiting in buckets; beyond it they go to disk.
    static constexpr base::Limit<std::uint64_t> memory_octets_limit = {
        .name = "memory-octets-max",
        .min = 0,
        .initial = std::uint64_t{2} << 30,
        .max = std::uint64_t{1} << 40,
        .unit = base::Unit::octets};
    std::uint64_t memory_octets = memory_octets_limit.initial;
    std::string
        temporary_directory;  // for that; empty: $TMPDIR is the caller's business, so /var/tmp
    const std::atomic<bool>* stop_or_null = nullptr;  // true: end with `interrupted`
    /// True: the zone was made from just these rows by an earlier import and is there still, so it
    /// need not be judged, compiled and handed over again; its rows count as `Fate::unchanged`.
    /// Called from any thread. May be empty.
    std::function<bool(dns::NameView apex, std::uint64_t rows_digest)> is_unchanged;
    std::function<void(const ImportProgress&)>
        progress;  // a few times a second at most; may be empty
    AxfrSource axfr;
};

/// Errors: `limit`, when an option is outside its limits; the message names it as its flag does.
/// `import_zones` begins with it.
Status check(const ImportOptions& options);

/// What `source` (a path, "-" for stdin, a URI) is, from its name and first octets; compression is
/// looked through.
/// "-" is not read: it is decided while importing.
Result<Format> detect(const std::string& source);

/// Reads `source` and hands every zone to `sink`. gzip, zstd and xz are recognised by their first
/// octets.
///
/// Errors: `malformed` for a source that is cut off or is no dump (with the line), `not_found`,
/// `io`, `full` (temporary files), `unsupported`, `interrupted`, and those of `sink`. The sink may
/// have been given zones before an error: it has to be able to forget them. A bad row is no error:
/// it is judged, and counted in the totals.
Result<ImportTotals> import_zones(const std::string& source, const ImportOptions& options,
                                  ImportSink& sink);

}  // namespace zc::ingest
