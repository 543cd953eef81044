#include "merge/store_import.h"

#include <algorithm>
#include <mutex>
#include <new>
#include <optional>
#include <shared_mutex>
#include <span>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "dns/presentation.h"
#include "fold/store_view.h"
#include "fold/stored_zone.h"
#include "load/load.h"
#include "settings/settings.h"
#include "store/image_file.h"
#include "store/log_file.h"

namespace zc::merge {
namespace {

using fold::StoreView;
using store::ImageFile;
using store::ImageFileWriter;
using store::Snapshot;
using store::Update;

// Zones that a start may read from SQLite on top of the image file (10 µs each) before the file is
// written anew (4 s at 2.1 million zones, at the end of the import that crossed the line).
constexpr std::size_t zones_on_top_max = 20'000;

bool is_presigned(std::span<const settings::Metadata> metadata) {
    return std::ranges::any_of(metadata, [](const settings::Metadata& one) {
        return one.kind == "PRESIGNED" && one.content == "1";
    });
}

/// Signed by PowerDNS itself, and so not servable here without `--serve-unsigned`.
bool wants_signing(const ingest::ImportedZone& zone) {
    return !is_presigned(zone.metadata) &&
           std::ranges::any_of(zone.keys, &settings::CryptoKey::active);
}

/// Adds what is new to `known` and replaces what has the same key; with `prune` only the new ones
/// stay.
template <class T, class Same>
std::vector<T> merged(std::vector<T> known, std::vector<T> given, Prune prune, const Same& same) {
    if (prune == Prune::yes) known.clear();
    for (T& one : given) {
        const auto old = std::ranges::find_if(known, [&](const T& k) { return same(k, one); });
        if (old == known.end())
            known.push_back(std::move(one));
        else
            *old = std::move(one);
    }
    return known;
}

}  // namespace

struct StoreImport::Work {
    std::string path;
    StoreImportOptions options;
    Source source = Source::whole;    // of the zones that come now
    std::uint32_t source_number = 0;  // the same, counted from 1
    /// By key of the zone: the number of its source. Empty where there is one source only.
    std::unordered_map<std::string, std::uint32_t> source_of;
    bool has_whole_source = false;      // any so far
    std::shared_mutex mutex;            // `unchanged` is called from any thread, beside `zone`
    std::optional<Update> update;       // absent in a dry run
    std::optional<StoreView> compared;  // in a dry run, when there is a store
    store::Counts compared_counts;
    std::unordered_set<std::string> met_changed_here;  // in a dry run: keys that the source has
    std::uint64_t pruned_stayed = 0;
    std::optional<std::uint64_t> zones_before;  // where the log was ahead; else the rows tell
    Withheld withheld;
    std::optional<ImageFileWriter> images;  // of a new store
    std::string images_problem;
    Error failed{};  // of `is_unchanged`, which cannot say so itself
    bool has_failed = false;
    std::vector<settings::TsigKey> tsig_keys;
    std::vector<settings::Supermaster> supermasters;

    Status claim(const std::string& key, dns::NameView apex);
    Status keep_settings(const std::string& key, ingest::ImportedZone& zone);
    Status withhold(ingest::ImportedZone& zone);
    Status fold_log();
    Status put(const store::Zone& zone, base::Octets image);
    Status compare(const store::Zone& zone, base::Octets image);
    Status tell_stayed(base::Octets key, std::string_view has);
    Status prune();
    Status count_pruned(store::Counts& counts);
    void add_image(const ingest::ImportedZone& zone);
    bool is_unchanged(dns::NameView apex, std::uint64_t rows_digest);
    Status put_named();
    Status may_remove(std::uint64_t removed, std::uint64_t there) const;
    Status renew_image_file(StoreImportOutcome& outcome) const;
};

StoreImport::StoreImport(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
StoreImport::StoreImport(StoreImport&&) noexcept = default;
StoreImport& StoreImport::operator=(StoreImport&&) noexcept = default;
StoreImport::~StoreImport() = default;

Result<StoreImport> StoreImport::begin(const std::string& path, StoreImportOptions options) {
    ZC_TRY_STATUS(base::check(options.removed_percent_limit, options.removed_percent_max));
    auto work = std::make_unique<Work>();
    work->path = path;
    work->options = std::move(options);
    if (work->options.dry_run == DryRun::yes) {
        auto view = StoreView::open(path);
        if (!view && view.error().code != Errc::not_found)
            return tl::unexpected<Error>(view.error());
        if (view) work->compared.emplace(*std::move(view));
        return StoreImport(std::move(work));
    }
    store::clear_leftovers(path);
    ZC_TRY(auto update, Update::begin(path, Update::Missing::create, Update::wait_initial,
                                      Snapshot::Tail::known));
    work->update.emplace(std::move(update));
    if (work->update->is_behind_log()) ZC_TRY_STATUS(work->fold_log());
    if (work->update->is_new()) {
        auto images = ImageFileWriter::begin(path);
        if (images)
            work->images.emplace(*std::move(images));
        else
            work->images_problem = images.error().text();
    }
    return StoreImport(std::move(work));
}

/// The zones that the log is ahead of come into rows as it says, with their own versions.
Status StoreImport::Work::fold_log() {
    // The update has the writer's lock, so this is the state that it changes.
    ZC_TRY(StoreView view, StoreView::open(path));
    ZC_TRY(zones_before, view.zones());
    std::vector<store::FoldedZone> zones;
    zones.reserve(view.ahead().size());
    for (const auto& [key, zone] : view.ahead()) zones.push_back(fold::folded_of(key, zone));
    return update->fold(zones);
}

void StoreImport::set_source(Source source) noexcept {
    Work& work = *work_;
    work.source = source;
    ++work.source_number;
    // Only such a source knows of TSIG keys and supermasters.
    work.has_whole_source = work.has_whole_source || source == Source::whole;
}

void StoreImport::keep_all() noexcept {
    work_->options.prune = Prune::no;
}

namespace {

/// Without places in the source: the same rows in another order are the same zone. Bounded: of a
/// zone with more refused rows some are missing here, the report of the import has all.
std::vector<settings::LeftOut> left_out_of(const ingest::ImportedZone& zone) {
    constexpr std::size_t rows_max = 1000, octets_max = 300;
    std::vector<settings::LeftOut> out;
    for (const ingest::Finding& finding : zone.findings) {
        const bool is_refused = finding.acceptance == ingest::Acceptance::refused;
        const bool is_row = !finding.record.empty();
        if (is_row ? !is_refused || finding.table != ingest::Table::records
                   : zone.state != zone::State::broken)
            continue;
        out.push_back({finding.record.substr(0, octets_max), finding.reason.substr(0, octets_max)});
    }
    std::ranges::sort(out);
    out.erase(std::unique(out.begin(), out.end()), out.end());
    if (out.size() > rows_max) out.resize(rows_max);
    return out;
}

}  // namespace

Status StoreImport::zone(ingest::ImportedZone&& zone) {
    Work& work = *work_;
    auto left_out = left_out_of(zone);
    if (work.options.on_finding)
        for (ingest::Finding& finding : zone.findings)
            ZC_TRY_STATUS(work.options.on_finding(std::move(finding)));
    const std::lock_guard lock(work.mutex);
    if (work.has_failed) return tl::unexpected<Error>(work.failed);
    const std::string key = fold::key_of(zone.apex);
    ZC_TRY_STATUS(work.claim(key, zone.apex));
    if (work.source == Source::records_only) ZC_TRY_STATUS(work.keep_settings(key, zone));

    zone.left_out = std::move(left_out);
    const std::vector<std::uint8_t> settings = settings::encode(zone);
    store::Zone row;
    row.key = fold::octets_of(key);
    row.state = fold::encode_state(zone.state, zone.hidden);
    row.records = zone.records;
    row.source = zone.rows_digest;
    row.settings = settings;
    const base::Octets image = zone.image.octets();
    if (!image.empty()) row.serial = zone::Zone(image.data()).serial();
    if (row.source == fold::source_changed_here) row.source = 0;
    if (!work.update) return work.compare(row, image);
    ZC_TRY_STATUS(work.put(row, image));
    if (work.images) work.add_image(zone);
    return {};
}

/// For the source whose zones come now.
Status StoreImport::Work::claim(const std::string& key, dns::NameView apex) {
    if (!options.several_sources) return {};
    const auto [at, is_first] = source_of.try_emplace(key, source_number);
    if (is_first || at->second == source_number) return {};
    return fail(Errc::exists,
                "zone " + dns::to_string(apex) +
                    " is in two of the sources; import them one after the other, the last one "
                    "counts; the store is as it was");
}

/// For a source that knows records only.
Status StoreImport::Work::keep_settings(const std::string& key, ingest::ImportedZone& zone) {
    std::vector<std::uint8_t> settings;
    if (update) {
        ZC_TRY(settings, update->settings(fold::octets_of(key)));
    } else if (compared) {
        ZC_TRY(const store::StoredZone* const old, compared->find_or_null(fold::octets_of(key)));
        if (old != nullptr) settings.assign(old->settings.begin(), old->settings.end());
    }
    if (settings.empty()) return {};
    auto kept = std::move(zone.kept);
    auto arrived = std::move(zone.metadata);
    const settings::Field catalog = std::move(zone.catalog);
    const settings::Field catalog_options = std::move(zone.options);
    ZC_TRY_STATUS(settings::decode(settings, zone));
    // Records that arrive signed are no longer signed by who had the keys, and have a chain of
    // their own; those that did and no longer do have none.
    if (is_presigned(arrived) || is_presigned(zone.metadata)) {
        std::erase_if(zone.metadata, [](const settings::Metadata& metadata) {
            return metadata.kind == "PRESIGNED" || metadata.kind == "NSEC3PARAM";
        });
        std::ranges::move(arrived, std::back_inserter(zone.metadata));
        std::ranges::sort(zone.metadata);
    }
    // A catalog says which zones are its members, and with which properties.
    if (catalog) {
        zone.catalog = catalog;
        zone.options = catalog_options;
    }
    // Records that could not come into the old image are replaced with it; those that were never
    // meant to be answered stay.
    std::erase_if(zone.kept, [](const settings::KeptRecord& record) {
        return record.why != settings::KeptRecord::Why::disabled;
    });
    std::ranges::move(kept, std::back_inserter(zone.kept));
    if (wants_signing(zone)) {
        zone.rows_digest = 0;  // what becomes of it depends on more than its rows
        if (zone.state == zone::State::serving &&
            options.unsigned_zones == ingest::UnsignedZones::servfail)
            return withhold(zone);
    }
    return {};
}

Status StoreImport::Work::withhold(ingest::ImportedZone& zone) {
    zone.state = zone::State::unsigned_;
    ++withheld.zones;
    withheld.records += zone.records;
    withheld.powerdns_only += static_cast<std::uint64_t>(std::ranges::count(
        zone.kept, settings::KeptRecord::Why::powerdns_only, &settings::KeptRecord::why));
    if (!options.on_finding) return {};
    return options.on_finding(
        {.acceptance = ingest::Acceptance::refused,
         .table = ingest::Table::domains,
         .line = 0,
         .source = path,
         .zone = dns::to_string(zone.apex),
         .record = {},
         .reason =
             "it came without signatures, and the store has keys with which PowerDNS signs it",
         .effect = "SERVFAIL for the apex and all names below"});
}

Status StoreImport::Work::put(const store::Zone& zone, base::Octets image) {
    if (options.prefer == Prefer::source) return update->put(zone, image);
    ZC_TRY(const bool done, update->put_unless(zone, image, fold::source_changed_here));
    return done ? Status() : tell_stayed(zone.key, "has it otherwise");
}

Status StoreImport::Work::compare(const store::Zone& zone, base::Octets image) {
    const store::StoredZone* old = nullptr;
    if (compared) {
        ZC_TRY(old, compared->find_or_null(zone.key));
    }
    if (old == nullptr) {
        ++compared_counts.added;
        return {};
    }
    const bool is_changed_here = old->source == fold::source_changed_here;
    if (is_changed_here) met_changed_here.emplace(zone.key.begin(), zone.key.end());
    if (old->digest == store::digest_of(zone, image)) {
        ++compared_counts.unchanged;
    } else if (is_changed_here && options.prefer != Prefer::source) {
        ++compared_counts.stayed;
        return tell_stayed(zone.key, "has it otherwise");
    } else {
        ++compared_counts.changed;
    }
    return {};
}

Status StoreImport::Work::tell_stayed(base::Octets key, std::string_view has) {
    if (!options.on_finding) return {};
    const auto apex = fold::apex_of(key);
    return options.on_finding(
        {.acceptance = ingest::Acceptance::doubtful,
         .table = ingest::Table::domains,
         .source = path,
         .zone = apex ? dns::to_string(*apex) : std::string("?"),
         .record = {},
         .reason = "it was made or changed in the store, and the source " + std::string(has),
         .effect = options.prefer == Prefer::store
                       ? "it stays as the store has it"
                       : "it stays as the store has it; --prefer decides"});
}

/// Removes the zones that no source has.
Status StoreImport::Work::prune() {
    std::uint64_t there = 0;
    if (zones_before) {
        there = *zones_before;
    } else {
        ZC_TRY(Snapshot before, Snapshot::open(path, Snapshot::Tail::known));
        ZC_TRY(there, before.zones());
    }
    Status told;
    ZC_TRY_STATUS(update->remove_untouched([&](base::Octets key, std::uint64_t from) {
        if (options.prefer == Prefer::source || from != fold::source_changed_here) return true;
        ++pruned_stayed;
        if (told) told = tell_stayed(key, "does not have it");
        return false;
    }));
    ZC_TRY_STATUS(told);
    return may_remove(update->counts().removed, there);
}

/// The same in a dry run.
Status StoreImport::Work::count_pruned(store::Counts& counts) {
    ZC_TRY(const std::uint64_t there, compared->zones());
    const std::uint64_t met = counts.changed + counts.unchanged + counts.stayed;
    counts.removed = there - std::min(met, there);
    if (options.prefer != Prefer::source) {
        Status told;
        ZC_TRY_STATUS(compared->for_each({}, [&](const store::StoredZone& zone) {
            if (zone.source != fold::source_changed_here) return true;
            if (met_changed_here.contains(std::string(zone.key.begin(), zone.key.end())))
                return true;
            ++counts.stayed;
            if (counts.removed > 0) --counts.removed;
            told = tell_stayed(zone.key, "does not have it");
            return told.has_value();
        }));
        ZC_TRY_STATUS(told);
    }
    return may_remove(counts.removed, there);
}

void StoreImport::Work::add_image(const ingest::ImportedZone& zone) {
    if (zone.hidden) return;
    Status status;
    if (zone.state == zone::State::serving) {
        status = images->add(zone.image.octets());
    } else {
        status = images->add(zone::placeholder(zone.apex, zone.state).octets());
    }
    if (status) return;
    // The store is what counts; it may still fit on the disk.
    images_problem = status.error().text();
    images.reset();
}

Status StoreImport::tsig_key(settings::TsigKey&& key) {
    work_->tsig_keys.push_back(std::move(key));
    return {};
}

Status StoreImport::supermaster(settings::Supermaster&& supermaster) {
    work_->supermasters.push_back(std::move(supermaster));
    return {};
}

Status StoreImport::finding(ingest::Finding&& finding) {
    if (!work_->options.on_finding) return {};
    return work_->options.on_finding(std::move(finding));
}

std::function<bool(dns::NameView, std::uint64_t)> StoreImport::unchanged() {
    Work& work = *work_;
    if (work.update ? work.update->is_new() : !work.compared) return nullptr;
    return [&work](dns::NameView apex, std::uint64_t rows_digest) {
        return work.is_unchanged(apex, rows_digest);
    };
}

bool StoreImport::Work::is_unchanged(dns::NameView apex, std::uint64_t rows_digest) {
    if (rows_digest == 0 || rows_digest == fold::source_changed_here) return false;
    const std::string key = fold::key_of(apex);
    if (update && !options.several_sources) {
        // Nearly all come here: each look-up misses the cache, and they need not wait for another.
        const std::shared_lock lock(mutex);
        if (has_failed) return false;
        if (const auto answer = update->is_unchanged_shared(fold::octets_of(key), rows_digest))
            return *answer;
    }
    const std::lock_guard lock(mutex);
    if (has_failed) return false;
    const auto fails = [this](Error error) {
        failed = std::move(error);
        has_failed = true;
        return false;
    };
    const auto is_claimed = [&] {
        Status claimed = claim(key, apex);
        return claimed || fails(std::move(claimed).error());
    };
    if (update) {
        auto answer = update->is_unchanged(fold::octets_of(key), rows_digest);
        if (!answer) return fails(std::move(answer).error());
        return *answer && is_claimed();
    }
    auto old = compared->find_or_null(fold::octets_of(key));
    if (!old) return fails(std::move(old).error());
    if (*old == nullptr || (*old)->source != rows_digest) return false;
    ++compared_counts.unchanged;
    return is_claimed();
}

Status StoreImport::Work::put_named() {
    if (!has_whole_source) return {};
    std::vector<settings::TsigKey> known_keys;
    std::vector<settings::Supermaster> known_supermasters;
    if (!update->is_new()) {
        ZC_TRY(Snapshot before, Snapshot::open(path, Snapshot::Tail::known));
        ZC_TRY(const auto key_octets, before.named(settings::tsig_keys_name));
        ZC_TRY(known_keys, settings::decode_tsig_keys(key_octets));
        ZC_TRY(const auto supermaster_octets, before.named(settings::supermasters_name));
        ZC_TRY(known_supermasters, settings::decode_supermasters(supermaster_octets));
    }
    const auto all_keys = merged(std::move(known_keys), std::move(tsig_keys), options.prune,
                                 [](const settings::TsigKey& a, const settings::TsigKey& b) {
                                     return a.name == b.name && a.algorithm == b.algorithm;
                                 });
    const auto all_supermasters =
        merged(std::move(known_supermasters), std::move(supermasters), options.prune,
               [](const settings::Supermaster& a, const settings::Supermaster& b) {
                   return a.ip == b.ip && a.nameserver == b.nameserver;
               });
    ZC_TRY_STATUS(update->set_named(settings::tsig_keys_name, settings::encode(all_keys)));
    return update->set_named(settings::supermasters_name, settings::encode(all_supermasters));
}

Status StoreImport::Work::may_remove(std::uint64_t removed, std::uint64_t there) const {
    constexpr std::uint64_t all = 100;
    if (removed * all <= there * options.removed_percent_max) return {};
    const std::string needed = std::to_string((removed * all + there - 1) / there);
    return fail(Errc::limit,
                "would remove " + std::to_string(removed) + " of " + std::to_string(there) +
                    " zones, " + needed + " %, limit is " +
                    std::to_string(options.removed_percent_max) +
                    " %: if they are to go, --max-removed " + needed + "; the store is as it was",
                {path});
}

/// After the commit of a store that was there: whether so much has changed that its image file
/// should be new.
Status StoreImport::Work::renew_image_file(StoreImportOutcome& outcome) const {
    const auto file = ImageFile::read_head(path);
    if (file) {
        // A node may have gone on meanwhile.
        ZC_TRY(StoreView snapshot, StoreView::open(path));
        ZC_TRY(const auto changed, snapshot.changed_since(file->position));
        if (changed && changed->size() <= zones_on_top_max) return {};
    }
    ZC_TRY(const auto damaged, load::write_image_file(path));
    outcome.image_file_written = true;
    if (!damaged.empty())
        outcome.image_file_problem =
            std::to_string(damaged.size()) +
            " zones of the store are damaged; zonectl store check names them";
    return {};
}

Result<StoreImportOutcome> StoreImport::finish(base::Instant now) {
    Work& work = *work_;
    const std::lock_guard lock(work.mutex);
    if (work.has_failed) return tl::unexpected<Error>(work.failed);
    StoreImportOutcome outcome;
    outcome.withheld = work.withheld;
    if (!work.update) {
        outcome.is_new = !work.compared;
        outcome.counts = work.compared_counts;
        if (work.compared) outcome.position = work.compared->position();
        if (work.compared && work.options.prune == Prune::yes)
            ZC_TRY_STATUS(work.count_pruned(outcome.counts));
        return outcome;
    }
    outcome.is_new = work.update->is_new();
    if (work.options.prune == Prune::yes && !outcome.is_new) ZC_TRY_STATUS(work.prune());
    ZC_TRY_STATUS(work.put_named());

    // A new store and its image file are finished side by side: one sorts and writes rows, the
    // other waits for the disk.
    Status images_status;
    std::jthread images_finish;  // joined also when committing throws
    if (work.images) {
        images_finish = std::jthread([&, position = work.update->next_position()] {
            try {
                images_status = work.images->seal(position);
            } catch (const std::bad_alloc&) {
                images_status = fail(Errc::limit, "no memory");
            }
        });
    }
    auto position = work.update->commit(now);
    if (images_finish.joinable()) images_finish.join();
    outcome.counts = work.update->counts();
    outcome.counts.stayed += work.pruned_stayed;
    const bool differs = outcome.counts.differing() > 0;
    outcome.durability_problem = work.update->durability_problem();
    work.update.reset();  // the writer's lock
    ZC_TRY(outcome.position, std::move(position));

    if (outcome.is_new) {
        if (work.images && images_status) images_status = work.images->publish();
        outcome.image_file_written = work.images && images_status;
        outcome.image_file_problem =
            images_status ? work.images_problem : images_status.error().text();
    } else if (differs) {
        if (const auto status = work.renew_image_file(outcome); !status)
            outcome.image_file_problem = status.error().text();
    }
    return outcome;
}

}  // namespace zc::merge
