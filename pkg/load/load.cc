#include "load/load.h"

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>

#include "fold/store_view.h"
#include "fold/stored_zone.h"
#include "replica/entry.h"
#include "runtime/pool.h"
#include "settings/settings.h"
#include "store/image_file.h"

namespace zc::load {
namespace {

using fold::apex_of;
using fold::decode_state;
using fold::encode_state;
using fold::key_of;
using fold::octets_of;
using fold::StoreView;
using store::ChangedZone;
using store::ImageFile;
using store::ImageFileWriter;
using store::Position;
using store::Snapshot;
using store::StoredZone;

constexpr std::uint64_t progress_zones = 65'536;  // between two calls

/// The image from which a stored zone is served.
struct Served {
    base::Octets image;   // empty: nothing, as if the zone were not there
    zone::Image made;     // owns `image` when it is a placeholder
    std::string problem;  // not empty: damaged
};

Served placeholder(dns::NameView apex, zone::State state, std::string problem) {
    Served served;
    served.made = zone::placeholder(apex, state);
    served.image = served.made.octets();
    served.problem = std::move(problem);
    return served;
}

/// `image` fits its digest, so it is what was stored; whether that is an image of this zone is
/// found out here.
///
/// No more than its head is looked at. A store is written by zonectl alone, its images by
/// zone::Builder, and the digest, written in the same row by the same transaction, shows that not
/// an octet has changed since. To build the image again and compare (zone::validate) could only
/// find a fault of Builder, which would repeat it; it costs 0.3 s for a million records, and the
/// images of the mapped file, the same octets, are not checked so either. Images from elsewhere
/// are: whoever brings one in validates it before it is stored. `store check` does it for all.
Served served_of(const StoredZone& zone, dns::NameView apex, base::Octets image) {
    const auto state = decode_state(zone.state);
    if (!state) return placeholder(apex, zone::State::broken, state.error().message);
    if (state->hidden) return {};
    if (state->state != zone::State::serving) return placeholder(apex, state->state, {});
    if (const auto valid = zone::validate_head(image); !valid)
        return placeholder(apex, zone::State::broken, "image: " + valid.error().message);
    if (!dns::equal(zone::Zone(image.data()).apex(), apex))
        return placeholder(apex, zone::State::broken,
                           "image of " + dns::to_string(zone::Zone(image.data()).apex()));
    Served served;
    served.image = image;
    return served;
}

/// The zone to which a damaged row belongs. It is the one that its image names when all of it fits
/// the digest under that name: then the key alone is damaged.
std::optional<dns::Name> owner_of(const StoredZone& zone, base::Octets image) {
    if (!image.empty() && zone::validate_head(image)) {
        const dns::Name apex(zone::Zone(image.data()).apex());
        const std::string key = key_of(apex);
        store::Zone whole = zone;
        whole.key = octets_of(key);
        if (store::digest_of(whole, image) == zone.digest) return apex;
    }
    const auto apex = apex_of(zone.key);
    return apex ? std::optional<dns::Name>(*apex) : std::nullopt;
}

/// Findings of reading all zones.
struct ReadDamage {
    std::vector<DamagedZone> damaged;
    std::string problem;  // of the set of zones; not empty: damaged
};

/// Goes through all zones of a store with what is served of them.
Status each_served(StoreView& snapshot, std::uint64_t total, const StoreProgress& progress,
                   ReadDamage& found,
                   const std::function<Status(dns::NameView apex, Served&& served)>& each) {
    Status status;
    std::uint64_t done = 0;
    ZC_TRY(const Snapshot::Set set,
           snapshot.for_each_image([&](const StoredZone& zone, base::Octets image,
                                       Snapshot::Image state) {
               if (progress && ++done % progress_zones == 0) progress(done, total);
               const bool good = state == Snapshot::Image::good;
               std::optional<dns::Name> apex;
               if (!good)
                   apex = owner_of(zone, image);
               else if (auto own = apex_of(zone.key))
                   apex = *own;
               if (!apex) {
                   // Nothing can be served under a name that is not known.
                   found.damaged.push_back({dns::Name(), "zone with an unreadable key", true});
                   return true;
               }
               Served served = good ? served_of(zone, *apex, image)
                                    : placeholder(*apex, zone::State::broken,
                                                  "key, image or settings do not fit the digest");
               if (!served.problem.empty()) found.damaged.push_back({*apex, served.problem});
               if (!served.image.empty()) status = each(*apex, std::move(served));
               return status.has_value();
           }));
    if (set == Snapshot::Set::damaged)
        found.problem =
            "the set of zones does not fit its digest: zones may be missing; zonectl "
            "store check tells more";
    return status;
}

catalogue::ApexChange change_of(dns::NameView apex, Served&& served) {
    catalogue::ApexChange change{dns::Name(apex), catalogue::Removed()};
    if (!served.made.octets().empty())
        change.image = std::move(served.made);
    else if (!served.image.empty())
        change.image.emplace<zone::Image>(served.image);
    return change;
}

Result<ReadDamage> write_image_file(StoreView& snapshot, const std::string& path,
                                    const StoreProgress& progress) {
    ReadDamage found;
    ZC_TRY(const std::uint64_t total, snapshot.zones());
    ZC_TRY(ImageFileWriter writer, ImageFileWriter::begin(path));
    ZC_TRY_STATUS(
        each_served(snapshot, total, progress, found,
                    [&](dns::NameView, Served&& served) { return writer.add(served.image); }));
    ZC_TRY_STATUS(writer.finish(snapshot.position()));
    return found;
}

/// Sums over zones, and the images of those that are not served.
struct Sums {
    std::uint64_t records = 0;
    std::vector<const std::uint8_t*> not_serving, costly;

    void add(zone::Zone zone) {
        records += zone.records();
        if (zone.state() != zone::State::serving) not_serving.push_back(zone.image());
        // Nothing but the header of zones without NSEC3 is looked at.
        if (!zone::costly_hashing(zone).empty()) costly.push_back(zone.image());
    }
    void add(const Sums& more) {
        records += more.records;
        costly.insert(costly.end(), more.costly.begin(), more.costly.end());
        not_serving.insert(not_serving.end(), more.not_serving.begin(), more.not_serving.end());
    }
};

/// Puts all images into the empty catalogue, on all cores.
Sums load_images(const ImageFile& file, catalogue::Catalogue& catalogue) {
    runtime::Pool pool({.threads = std::max(2U, std::thread::hardware_concurrency()) - 1});
    catalogue::Catalogue::BulkLoad load(catalogue, file.parts());
    std::vector<Sums> of_parts(file.parts());
    pool.parallel_for(file.parts(), [&](std::size_t part) {
        std::vector<const std::uint8_t*> images;
        Sums sums;
        file.for_each_of(part, [&](base::Octets image) {
            const zone::Zone zone(image.data());
            // Another hand was at the file after it was checked; that will be noticed.
            if (zone.octets().size() != image.size()) return;
            images.push_back(image.data());
            sums.add(zone);
        });
        load.add(part, images);
        of_parts[part] = std::move(sums);
    });
    pool.parallel_for(load.ranges(), [&](std::size_t range) { load.place(range); });
    load.finish();
    Sums all;
    for (const Sums& sums : of_parts) all.add(sums);
    return all;
}

/// With the reason of each. An image file that was made earlier has a placeholder for what was
/// damaged then: the zone's row tells it from what an import found broken.
catalogue::NotServed not_served_of(StoreView& snapshot, const Sums& sums,
                                   const LoadReport& report) {
    catalogue::NotServed out;
    for (const std::uint8_t* image : sums.not_serving) {
        const zone::Zone zone(image);
        auto reason = *reason_of(zone.state());
        if (reason == catalogue::Reason::broken) {
            const std::string key = key_of(zone.apex());
            const auto row = snapshot.find_or_null(octets_of(key));
            const bool told =
                row && *row != nullptr && (*row)->state == encode_state(zone::State::broken, false);
            if (!told) reason = catalogue::Reason::damaged;
        }
        out.put(zone.apex(), reason);
    }
    if (!report.problem.empty()) out.put_nameless(catalogue::Reason::damaged, report.problem);
    for (const DamagedZone& zone : report.damaged) {
        if (zone.nameless)
            out.put_nameless(catalogue::Reason::damaged, zone.problem);
        else
            out.put(zone.apex, catalogue::Reason::damaged, zone.problem);
    }
    return out;
}

}  // namespace

std::optional<catalogue::Reason> reason_of(zone::State state) noexcept {
    switch (state) {
        case zone::State::serving:
            return std::nullopt;
        case zone::State::pending:
            return catalogue::Reason::not_loaded;
        case zone::State::broken:
            return catalogue::Reason::broken;
        case zone::State::unsigned_:
            return catalogue::Reason::withheld;
    }
    return catalogue::Reason::damaged;
}

Result<std::vector<DamagedZone>> write_image_file(const std::string& store_path,
                                                  const StoreProgress& progress) {
    ZC_TRY(StoreView snapshot, StoreView::open(store_path));
    ZC_TRY(ReadDamage found, write_image_file(snapshot, store_path, progress));
    return std::move(found.damaged);
}

namespace {

/// That an import could read all of it again.
Status check_zone(const StoredZone& stored, base::Octets image) {
    ZC_TRY(const dns::Name apex, apex_of(stored.key));
    ZC_TRY_STATUS(decode_state(stored.state));
    settings::ZoneSettings settings;
    ZC_TRY_STATUS(settings::decode(stored.settings, settings));
    if (image.empty()) return {};
    ZC_TRY_STATUS(zone::validate(image));
    if (!dns::equal(zone::Zone(image.data()).apex(), apex))
        return fail(Errc::malformed, "image of another zone");
    return {};
}

/// That every entry can be read, and that those behind the rows fit them and give whole zones.
Status check_log(
    Snapshot& rows, const std::string& path,
    const std::function<void(const std::string& zone, const std::string& problem)>& report) {
    bool is_readable = true;
    ZC_TRY_STATUS(rows.for_each_entry(0, [&](const store::LogEntry& row) {
        if (row.entry.empty()) return true;
        const auto entry = replica::decode(row.entry);
        if (entry) return true;
        if (row.position > rows.folded_up_to()) is_readable = false;
        report({}, "the log at position " + std::to_string(row.position) + ": " +
                       entry.error().message);
        return true;
    }));
    if (!is_readable || rows.folded_up_to() == rows.position().number) return {};
    auto view = StoreView::open(path);
    if (!view) {
        if (view.error().code != Errc::malformed) return tl::unexpected<Error>(view.error());
        report({}, view.error().message);
        return {};
    }
    for (const auto& [key, zone] : view->ahead()) {
        if (!zone.state.exists()) continue;
        StoredZone stored;
        static_cast<store::Zone&>(stored) = fold::row_of(key, zone.state);
        if (const Status checked = check_zone(stored, zone.state.image_octets()); !checked)
            report(dns::to_string(zone.apex), "as the log leaves it: " + checked.error().message);
    }
    return {};
}

}  // namespace

Result<std::uint64_t> check_store(
    const std::string& store_path,
    const std::function<void(const std::string& zone, const std::string& problem)>& each_problem,
    const StoreProgress& progress) {
    ZC_TRY(Snapshot snapshot, Snapshot::open(store_path, Snapshot::Tail::known));
    ZC_TRY(std::uint64_t problems,
           snapshot.check([&](base::Octets key, const std::string& problem) {
               const auto apex = apex_of(key);
               each_problem(apex && !key.empty() ? dns::to_string(*apex) : std::string(), problem);
           }));
    const auto report = [&](const std::string& zone, const std::string& problem) {
        ++problems;
        each_problem(zone, problem);
    };
    ZC_TRY(const std::uint64_t total, snapshot.zones());
    std::uint64_t done = 0;
    const auto read = snapshot.for_each_image([&](const StoredZone& zone, base::Octets image,
                                                  Snapshot::Image state) {
        if (progress && ++done % progress_zones == 0) progress(done, total);
        if (state == Snapshot::Image::damaged) {  // told above
            const auto owner = owner_of(zone, image);
            if (owner && key_of(*owner) != std::string(zone.key.begin(), zone.key.end()))
                report(dns::to_string(*owner), "stands in the store under a damaged key");
            return true;
        }
        const auto apex = apex_of(zone.key);
        const std::string name = apex ? dns::to_string(*apex) : std::string();
        if (const Status checked = check_zone(zone, image); !checked)
            report(name, checked.error().message);
        return true;
    });
    if (!read && read.error().code != Errc::malformed) return tl::unexpected<Error>(read.error());
    ZC_TRY_STATUS(check_log(snapshot, store_path, report));

    const auto file = ImageFile::open(store_path);
    if (!file && file.error().code != Errc::not_found)
        report({}, file.error().text() + "; the next start makes it anew");
    return problems;
}

struct LoadedStore::Work {
    std::string path;
    std::size_t zones_expected = 0;
    Position position;
    base::Instant committed_at;
    std::uint64_t blocks_lost = 0;  // of `mapped`, since `load`
    std::vector<ImageFile> mapped;  // the last one is in use; earlier ones may still be
    bool on_heap = false;           // then none is
    bool untaken = false;           // the last load is
    bool on_heap_before = false;    // it
    /// The last `load` met damage of no zone that has a name. Only the rows tell whether it is still
    /// there: the image file has nothing of it.
    bool has_nameless = false;

    /// `zones` as they stand in `snapshot`.
    static Status read_changed(StoreView& snapshot, const std::vector<ChangedZone>& zones,
                               StoreChanges& out);
    void stands_at(const StoreView& snapshot) {
        position = snapshot.position();
        committed_at = snapshot.committed_at();
    }
};

namespace {

/// False: a key in the log of changes is damaged, so that it is not known which zone has changed.
bool all_named(const std::vector<ChangedZone>& zones) {
    return std::ranges::all_of(
        zones, [](const ChangedZone& zone) { return apex_of(octets_of(zone.key)).has_value(); });
}

/// The changes since the image file was made. Nothing: all rows have to be read, since `why`.
Result<std::optional<std::vector<ChangedZone>>> changes_on_top(StoreView& snapshot,
                                                               const Result<ImageFile>& file,
                                                               bool has_nameless,
                                                               std::string& why) {
    std::optional<std::vector<ChangedZone>> changed;
    if (!file) {
        why = file.error().text();
    } else if (has_nameless) {
        why = "the store had damage of no zone that has a name";
    } else {
        ZC_TRY(changed, snapshot.changed_since(file->position()));
        if (!changed) {
            why = "it is of another store or history, or too old";
        } else if (!all_named(*changed)) {
            why = "the log of changes has a damaged key";
            changed.reset();
        }
    }
    return changed;
}

}  // namespace

LoadedStore::LoadedStore(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
LoadedStore::LoadedStore(LoadedStore&&) noexcept = default;
LoadedStore& LoadedStore::operator=(LoadedStore&&) noexcept = default;
LoadedStore::~LoadedStore() = default;

Result<LoadedStore> LoadedStore::open(const std::string& path) {
    ZC_TRY(Snapshot snapshot, Snapshot::open(path, Snapshot::Tail::known));
    auto work = std::make_unique<Work>();
    work->path = path;
    // The image file says it at once; SQLite has to read the table.
    const auto head = ImageFile::read_head(path);
    if (head && head->position.store == snapshot.position().store) {
        work->zones_expected = head->images;
    } else {
        ZC_TRY(work->zones_expected, snapshot.zones());
    }
    return LoadedStore(std::move(work));
}

std::size_t LoadedStore::zones_expected() const noexcept {
    return work_->zones_expected;
}
const std::string& LoadedStore::path() const noexcept {
    return work_->path;
}
const Position& LoadedStore::position() const noexcept {
    return work_->position;
}

base::Instant LoadedStore::committed_at() const noexcept {
    return work_->committed_at;
}

std::uint64_t LoadedStore::mapped_octets() const noexcept {
    std::uint64_t octets = 0;
    for (const ImageFile& file : work_->mapped) octets += file.octets();
    return octets;
}

void LoadedStore::taken() noexcept {
    work_->untaken = false;
}

void LoadedStore::not_taken() noexcept {
    Work& work = *work_;
    work.position = {};
    if (!std::exchange(work.untaken, false)) return;
    if (!work.on_heap) work.mapped.pop_back();
    work.on_heap = work.on_heap_before;
}

void LoadedStore::forget_old_images() noexcept {
    if (work_->untaken) return;
    const std::ptrdiff_t used = work_->on_heap ? 0 : 1;
    if (std::ssize(work_->mapped) > used)
        work_->mapped.erase(work_->mapped.begin(), work_->mapped.end() - used);
}

Result<LoadReport> LoadedStore::load(catalogue::Catalogue& catalogue,
                                     const StoreProgress& progress) {
    Work& work = *work_;
    LoadReport report;
    std::uint64_t counted = 0;
    Sums sums;
    ZC_TRY(StoreView snapshot, StoreView::open(work.path));

    auto file = ImageFile::open(work.path);
    ZC_TRY(auto changed, changes_on_top(snapshot, file, work.has_nameless, report.why));
    if (!changed) {
        auto found = write_image_file(snapshot, work.path, progress);
        if (found) file = ImageFile::open(work.path);
        // Another process may have put a file of a later state there meanwhile: `changed_since`
        // knows.
        if (found && file) {
            ZC_TRY(changed, changes_on_top(snapshot, file, false, report.why));
            report.from = LoadReport::From::image_file_rebuilt;
        }
        if (!changed) {
            if (!found) report.why += "; " + found.error().text();
            report.from = LoadReport::From::heap;
            found.emplace();
            ZC_TRY_STATUS(each_served(snapshot, work.zones_expected, progress, *found,
                                      [&](dns::NameView apex, Served&& served) -> Status {
                                          catalogue.insert(change_of(apex, std::move(served)));
                                          return {};
                                      }));
        }
        report.damaged = std::move(found->damaged);
        report.problem = std::move(found->problem);
    }

    if (changed) {
        sums = load_images(*file, catalogue);
        counted = file->images();
        StoreChanges on_top;
        ZC_TRY_STATUS(Work::read_changed(snapshot, *changed, on_top));
        report.on_top = on_top.changes.size();
        for (catalogue::ApexChange& change : on_top.changes) catalogue.insert(std::move(change));
        if (report.on_top > 0) counted = 0;
        std::ranges::move(on_top.damaged, std::back_inserter(report.damaged));
    }
    report.zones = catalogue.size();
    if (counted != report.zones) {
        // An import had a zone twice, or a zone changed on top: a replaced image must not count.
        sums = {};
        catalogue.for_each([&sums](zone::Zone zone) { sums.add(zone); });
    }
    report.records = sums.records;
    report.not_served = not_served_of(snapshot, sums, report);
    report.costly_count = sums.costly.size();
    for (const std::uint8_t* const image : sums.costly) {
        if (report.costly.size() == LoadReport::costly_max) break;
        const zone::Zone zone(image);
        report.costly.push_back({dns::Name(zone.apex()), zone::costly_hashing(zone)});
    }

    work.mapped.reserve(work.mapped.size() + 1);  // the last that can throw
    work.on_heap_before = std::exchange(work.on_heap, !changed);
    if (changed) work.mapped.push_back(*std::move(file));
    work.untaken = true;
    work.blocks_lost = 0;
    work.has_nameless =
        !report.problem.empty() || std::ranges::any_of(report.damaged, &DamagedZone::nameless);
    work.stands_at(snapshot);
    return report;
}

Status LoadedStore::Work::read_changed(StoreView& snapshot, const std::vector<ChangedZone>& zones,
                                       StoreChanges& out) {
    out.changes.reserve(zones.size());
    for (const auto& [key, is_removed] : zones) {
        ZC_TRY(const dns::Name apex, apex_of(octets_of(key)));
        ZC_TRY(const StoredZone* const found, snapshot.find_or_null(octets_of(key)));
        if (found == nullptr && !is_removed) {
            Served served =
                placeholder(apex, zone::State::broken, "its row is not there, or its key damaged");
            out.damaged.push_back({apex, served.problem});
            out.changes.push_back(change_of(apex, std::move(served)));
            ++out.changed;
            continue;
        }
        if (found == nullptr) {
            out.changes.push_back({apex, catalogue::Removed()});
            ++out.removed;
            continue;
        }
        const StoredZone zone = *found;
        const auto image = snapshot.image(zone);
        if (!image && image.error().code != Errc::malformed)
            return tl::unexpected<Error>(image.error());
        Served served = image ? served_of(zone, apex, *image)
                              : placeholder(apex, zone::State::broken, image.error().message);
        if (!served.problem.empty()) out.damaged.push_back({apex, served.problem, false});
        out.changes.push_back(change_of(apex, std::move(served)));
        ++out.changed;
    }
    return {};
}

Result<StoreChanges> LoadedStore::changes() {
    Work& work = *work_;
    StoreChanges out;
    if (!work.on_heap && !work.mapped.empty() && work.mapped.back().changed())
        work.blocks_lost += work.mapped.back().give_up_damaged_blocks();
    out.blocks_lost = work.blocks_lost;
    ZC_TRY(StoreView snapshot, StoreView::open(work.path));
    ZC_TRY(const auto zones, snapshot.changed_since(work.position));
    if (!zones || work.blocks_lost > 0 || work.has_nameless || !all_named(*zones)) {
        ZC_TRY(work.zones_expected, snapshot.zones());
        out.everything = true;
        return out;
    }
    ZC_TRY_STATUS(Work::read_changed(snapshot, *zones, out));
    work.stands_at(snapshot);
    return out;
}

}  // namespace zc::load
