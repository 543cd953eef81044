// Where imported zones go: into a store, merged with what is there.
//
//     ZC_TRY(merge::StoreImport import, merge::StoreImport::begin(path, {}));
//     import_options.is_unchanged = import.unchanged();
//     ZC_TRY(const auto totals, ingest::import_zones(source, import_options, import));
//     ZC_TRY(const auto outcome, import.finish(runtime::now()));
//
// Nothing is in the store before `finish` returns, and everything is durable after it; an import
// that is given up (error, Ctrl-C, kill -9) leaves the store as it was. A store that does not exist
// yet is built beside its image file in one pass: no image is read twice.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/limit.h"
#include "base/result.h"
#include "base/time.h"
#include "ingest/powerdns.h"
#include "store/store.h"

namespace zc::merge {

enum class Prune : std::uint8_t { no, yes };
enum class DryRun : std::uint8_t { no, yes };
/// How much a source says of a zone: everything, so that settings which it does not name are gone;
/// or only records (master files, AXFR), so that kind, metadata, keys and the like stay as they are in
/// the store.
enum class Source : std::uint8_t { whole, records_only };

/// A zone that was made or changed here since an import brought it, and that the source has otherwise
/// (or not at all, with `Prune::yes`).
enum class Prefer : std::uint8_t {
    undecided,  // the store's, and it is told as a finding
    store,      // the same
    source,     // the source's
};

struct StoreImportOptions {
    Prefer prefer = Prefer::undecided;
    /// Zones of the store that the source does not have: left alone, or removed.
    Prune prune = Prune::no;
    /// With `Prune::yes`: 0 … 100, of the zones that the store has before. To remove more of them
    /// is an error: half a source looks like one whose other zones are gone.
    static constexpr base::Limit<std::uint32_t> removed_percent_limit = {
        .name = "max-removed", .min = 0, .initial = 10, .max = 100};
    std::uint32_t removed_percent_max = removed_percent_limit.initial;
    /// Compare, and change nothing.
    DryRun dry_run = DryRun::no;
    ingest::UnsignedZones unsigned_zones = ingest::UnsignedZones::servfail;
    /// More than one: `set_source` is called more often than once.
    bool several_sources = false;
    /// Gets every finding as it comes: zones in the order of the source. An error ends the import.
    /// May be empty.
    std::function<Status(ingest::Finding&&)> on_finding;
};

/// Zones that their source gave without signatures, and that keys which the store has of them would
/// sign: they are not served, though the source had nothing against them.
struct Withheld {
    std::uint64_t zones = 0;
    std::uint64_t records = 0;        // in their images
    std::uint64_t powerdns_only = 0;  // among them
};

struct StoreImportOutcome {
    store::Counts counts;  // `stayed`: zones of `Prefer` that the store keeps
    Withheld withheld;
    store::Position position;
    bool is_new = false;              // there was no store before
    bool image_file_written = false;  // else what changed is read on top of the old one
    /// The store is whole, but its image file could not be written: the next start of a server does
    /// it.
    std::string image_file_problem;
    /// All of it is in the store, but a power loss may still undo it (the folder could not be
    /// synced).
    std::string durability_problem;
};

class StoreImport final : public ingest::ImportSink {
public:
    /// A store whose log is ahead of its zones is brought to where its log is, in the transaction of
    /// the import. Errors: `limit`, those of store::Update::begin and fold::StoreView::open. A dry run needs no
    /// permission to write.
    static Result<StoreImport> begin(const std::string& path, StoreImportOptions options);
    StoreImport(StoreImport&&) noexcept;
    StoreImport& operator=(StoreImport&&) noexcept;
    ~StoreImport() override;

    /// The source of the zones that come next; call it before the first, and once a source. A zone that two
    /// sources have is an error (`exists`): which of them is right is not known here.
    void set_source(Source source) noexcept;
    /// `finish` removes nothing, whatever the options say: a source did not give all of its zones.
    void keep_all() noexcept;
    Status zone(ingest::ImportedZone&& zone) override;
    Status tsig_key(settings::TsigKey&& key) override;
    Status supermaster(settings::Supermaster&& supermaster) override;
    Status finding(ingest::Finding&& finding) override;

    /// For ingest::ImportOptions::is_unchanged; lives as long as this object. Empty when there is
    /// no store yet.
    std::function<bool(dns::NameView apex, std::uint64_t rows_digest)> unchanged();

    /// Commits; `now` is the time of the commit. Errors: `full`, `io`, `exists`, `limit` (it would remove more zones than
    /// `removed_percent_max` allows): then nothing has changed.
    Result<StoreImportOutcome> finish(base::Instant now);

private:
    struct Work;
    explicit StoreImport(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::merge
