// Zones out of a store: everything at the start, what was committed since at a reload.
#include <algorithm>
#include <map>
#include <utility>
#include <variant>

#include "dns/presentation.h"
#include "load/load.h"
#include "node/source.h"
#include "runtime/mapped_file.h"
#include "runtime/memory.h"

namespace zc::node {
namespace {

using What = ChangeReport::What;

/// The problems of damaged zones, by name.
class Damage {
public:
    Damage(const std::vector<load::DamagedZone>& zones, const std::string& store, LookResult& found)
        : store_(store) {
        for (const load::DamagedZone& zone : zones) {
            if (zone.nameless)
                found.nameless.push_back(zone.problem);
            else
                problems_.emplace(dns::to_string(zone.apex), zone.problem);
        }
    }
    bool has(dns::NameView apex) const {
        return !problems_.empty() && problems_.contains(dns::to_string(apex));
    }
    /// Why a zone in state `broken` is bad: it is damaged, or an import found it so.
    std::vector<Error> errors_of(dns::NameView apex) const {
        const auto at = problems_.find(dns::to_string(apex));
        std::string why(at != problems_.end() ? at->second
                                              : catalogue::sentence_of(catalogue::Reason::broken));
        return {Error{Errc::malformed, std::move(why), {store_}}};
    }

private:
    const std::string& store_;
    std::map<std::string, std::string> problems_;
};

/// How `zone` differs from what is served under its name.
enum class Difference : std::uint8_t { none, added, changed };
Difference difference_of(zone::Zone zone, const catalogue::Catalogue& served) {
    Difference out = Difference::added;
    const auto compare = [&]() noexcept {
        const std::optional<zone::Zone> old = served.find_exact(zone.apex());
        if (!old) return;
        out = std::ranges::equal(old->octets(), zone.octets()) ? Difference::none
                                                               : Difference::changed;
    };
    // A mapped zone that another hand has written over cannot be compared: it counts as changed.
    return runtime::guarded(compare) ? out : Difference::changed;
}

/// A copy of what is served under this name. Nothing: no zone is, or another hand has written over
/// the mapped image.
std::optional<zone::Image> served_image(dns::NameView apex, const catalogue::Catalogue& served) {
    std::optional<base::Octets> octets;
    const auto find = [&]() noexcept {
        const std::optional<zone::Zone> old = served.find_exact(apex);
        if (old && old->state() == zone::State::serving) octets = old->octets();
    };
    if (!runtime::guarded(find) || !octets) return std::nullopt;
    std::vector<std::uint8_t> copy(octets->size());
    const auto copy_octets = [&]() noexcept { std::ranges::copy(*octets, copy.begin()); };
    if (!runtime::guarded(copy_octets) || !zone::validate(copy)) return std::nullopt;
    return zone::Image(copy);
}

/// All zones of a store, as they are now.
struct Whole {
    std::unique_ptr<catalogue::Catalogue> catalogue;
    load::LoadReport report;
};

Served::Replacement replacement_of(Whole whole) {
    return {std::move(whole.catalogue), whole.report.zones, whole.report.records,
            std::move(whole.report.not_served), 0};
}

/// The zones of `whole` that are new or other than in `served`. Those in `bad` are not told.
ChangeReport differences_of(const Whole& whole, const catalogue::Catalogue& served,
                            const Damage& damage, std::vector<dns::Name>& bad) {
    ChangeReport report;
    std::uint64_t known = 0;
    whole.catalogue->for_each([&](zone::Zone zone) {
        const Difference difference = difference_of(zone, served);
        if (difference != Difference::added) ++known;
        const bool is_other = difference != Difference::none;
        if (zone.state() == zone::State::broken) {
            if (is_other || damage.has(zone.apex())) bad.emplace_back(zone.apex());
        } else if (is_other) {
            report.add(zone.apex(), difference == Difference::added ? What::added : What::changed,
                       served_serial(zone));
        }
    });
    report.removed = served.size() - std::min<std::uint64_t>(known, served.size());
    return report;
}

/// Puts what is served of a bad zone into `found.all`, as `Served::apply` leaves it where it is.
/// False: nothing is served of it.
bool keep_served(const dns::Name& apex, const std::vector<Error>& errors,
                 const catalogue::Catalogue& served, LookResult& found) {
    std::optional<zone::Image> image = served_image(apex, served);
    if (!image) return false;
    const zone::Zone zone(image->octets().data());
    Served::Replacement& all = *found.all;
    all.records += zone.records();
    all.outdated.emplace(dns::to_string(apex), errors.front().text());
    all.not_served.erase(apex);
    found.differences.add(apex, What::failed_and_kept, zone.serial(), errors);
    all.catalogue->insert({apex, *std::move(image)});
    return true;
}

/// The zones that are served and not in `all`.
std::vector<dns::Name> missing_of(const catalogue::Catalogue& all,
                                  const catalogue::Catalogue& served) {
    std::vector<dns::Name> missing;
    served.for_each([&](zone::Zone zone) {
        if (!all.find_exact(zone.apex())) missing.emplace_back(zone.apex());
    });
    return missing;
}

NewZone new_zone(dns::NameView apex, zone::Image&& image, const Damage& damage) {
    NewZone out;
    out.apex = dns::Name(apex);
    out.image = std::move(image);
    const zone::Zone zone(out.image.octets().data());
    out.records = zone.records();
    out.costly = zone::costly_hashing(zone);
    out.reason = load::reason_of(zone.state());
    if (out.reason == catalogue::Reason::broken) {
        out.errors = damage.errors_of(apex);
        if (damage.has(apex)) out.reason = catalogue::Reason::damaged;
    }
    return out;
}

class StoreSource final : public Source {
public:
    explicit StoreSource(load::LoadedStore store) noexcept : store_(std::move(store)) {}

    const std::string& path() const noexcept override { return store_.path(); }
    Status load(const Look& look, LookResult& found) override;
    Status look_again(const catalogue::Catalogue& served, const Look& look,
                      LookResult& found) override;
    void taken() noexcept override { store_.taken(); }
    void not_taken() noexcept override { store_.not_taken(); }
    std::optional<StoreStand> stand() const noexcept override {
        return StoreStand{store_.position(), store_.committed_at(), store_.mapped_octets()};
    }
    void only_last_is_read() noexcept override { store_.forget_old_images(); }

private:
    Result<Whole> read_all(const Look& look);
    void compare(Whole whole, const catalogue::Catalogue& served, const Look& look,
                 LookResult& found);

    load::LoadedStore store_;
};

Result<Whole> StoreSource::read_all(const Look& look) {
    auto fresh = std::make_unique<catalogue::Catalogue>(look.seed, store_.zones_expected(),
                                                        runtime::advise_huge_pages);
    const auto progress = [&look](std::uint64_t done, std::uint64_t /*total*/) {
        look.progress(done, 0);
    };
    ZC_TRY(load::LoadReport report, store_.load(*fresh, progress));
    return Whole{std::move(fresh), std::move(report)};
}

/// Fills `found` with all zones, and how they differ from what is served. A bad zone keeps what is
/// served of it, whether a look reads everything or what has changed.
void StoreSource::compare(Whole whole, const catalogue::Catalogue& served, const Look& look,
                          LookResult& found) {
    if (!whole.report.problem.empty()) found.nameless.push_back(whole.report.problem);
    const Damage damage(whole.report.damaged, store_.path(), found);
    std::vector<dns::Name> bad;
    found.differences = differences_of(whole, served, damage, bad);
    look.log.tell(whole.report);
    found.all.emplace(replacement_of(std::move(whole)));
    for (const dns::Name& apex : bad) {
        const std::vector<Error> errors = damage.errors_of(apex);
        if (!keep_served(apex, errors, served, found))
            found.differences.add(apex, What::failed, std::nullopt, errors);
    }
    if (found.nameless.empty()) return;
    // A row that has lost its key belongs to one of these zones. The others may have been removed:
    // that is not known until the store is whole.
    const std::vector<Error> errors = {
        Error{Errc::malformed, "the store is damaged and has no row of it", {store_.path()}}};
    for (const dns::Name& apex : missing_of(*found.all->catalogue, served)) {
        if (!keep_served(apex, errors, served, found)) continue;
        ++found.all->zones;
        --found.differences.removed;
    }
}

Status StoreSource::load(const Look& look, LookResult& found) {
    store::clear_leftovers(store_.path());
    ZC_TRY(Whole whole, read_all(look));
    look.log.tell(whole.report);
    const Served::Replacement& all = found.all.emplace(replacement_of(std::move(whole)));
    runtime::release_free_memory();  // 16 octets a zone, for sorting them
    look.arriving.zones = all.zones;
    look.arriving.records = all.records;
    const catalogue::NotServed& not_served = all.not_served;
    found.broken =
        not_served.of(catalogue::Reason::broken) + not_served.of(catalogue::Reason::damaged);
    return {};
}

Status StoreSource::look_again(const catalogue::Catalogue& served, const Look& look,
                               LookResult& found) {
    ZC_TRY(load::StoreChanges news, store_.changes());
    if (news.blocks_lost > 0) look.log.tell_images_lost(news.blocks_lost);
    if (news.everything) {
        // Nobody reads the images of the load before the last any more.
        store_.forget_old_images();
        ZC_TRY(Whole whole, read_all(look));
        compare(std::move(whole), served, look, found);
        return {};
    }
    const Damage damage(news.damaged, store_.path(), found);
    for (catalogue::ApexChange& change : news.changes) {
        auto* const image = std::get_if<zone::Image>(&change.image);
        if (image == nullptr) {
            found.changes.removed.push_back(change.apex);
            continue;
        }
        NewZone zone = new_zone(change.apex, std::move(*image), damage);
        look.log.tell(zone);
        found.changes.zones.push_back(std::move(zone));
    }
    return {};
}

}  // namespace

Result<std::unique_ptr<Source>> open_store(const std::string& path) {
    ZC_TRY(load::LoadedStore store, load::LoadedStore::open(path));
    return std::make_unique<StoreSource>(std::move(store));
}

}  // namespace zc::node
