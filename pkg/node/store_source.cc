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
    Damage(const std::vector<load::DamagedZone>& zones, const std::string& store, Found& found)
        : store_(store) {
        for (const load::DamagedZone& zone : zones) {
            if (zone.nameless)
                found.nameless.push_back(zone.problem);
            else
                problems_.emplace(dns::to_string(zone.apex), zone.problem);
        }
    }
    /// Empty: the zone is not damaged.
    std::vector<Error> errors_of(dns::NameView apex) const {
        if (problems_.empty()) return {};
        const auto at = problems_.find(dns::to_string(apex));
        if (at == problems_.end()) return {};
        return {Error{Errc::malformed, at->second, {store_}}};
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

/// The zones that are new or other in `fresh` than in `served`.
ChangeReport differences_of(const catalogue::Catalogue& fresh, const catalogue::Catalogue& served,
                            const Damage& damage) {
    ChangeReport report;
    std::uint64_t kept = 0;
    fresh.for_each([&](zone::Zone zone) {
        const Difference difference = difference_of(zone, served);
        if (difference != Difference::added) ++kept;
        if (zone.state() == zone::State::broken) {
            const std::vector<Error> errors = damage.errors_of(zone.apex());
            if (!errors.empty()) return report.add(zone.apex(), What::failed, std::nullopt, errors);
        }
        if (difference != Difference::none)
            report.add(zone.apex(), difference == Difference::added ? What::added : What::changed,
                       zone.serial());
    });
    report.removed = served.size() - std::min<std::uint64_t>(kept, served.size());
    return report;
}

NewZone new_zone(dns::NameView apex, zone::Image&& image, const Damage& damage) {
    NewZone out;
    out.apex = dns::Name(apex);
    out.image = std::move(image);
    const zone::Zone zone(out.image.octets().data());
    out.records = zone.records();
    out.costly = zone::costly_hashing(zone);
    out.errors = damage.errors_of(apex);
    out.reason = load::reason_of(zone.state());
    if (out.reason == catalogue::Reason::broken && !out.errors.empty())
        out.reason = catalogue::Reason::damaged;
    return out;
}

class StoreSource final : public Source {
public:
    explicit StoreSource(load::LoadedStore store) noexcept : store_(std::move(store)) {}

    const std::string& path() const noexcept override { return store_.path(); }
    Status load(const Look& look, Found& found) override;
    Status look_again(const catalogue::Catalogue& served, const Look& look, Found& found) override;
    void taken() noexcept override { store_.taken(); }
    void not_taken() noexcept override { store_.not_taken(); }
    std::optional<StoreStand> stand() const noexcept override {
        return StoreStand{store_.position(), store_.committed_at(), store_.mapped_octets()};
    }
    void only_last_is_read() noexcept override { store_.forget_old_images(); }

private:
    Result<load::LoadReport> load_all(const Look& look, Found& found);

    load::LoadedStore store_;
};

/// Fills `found.all`.
Result<load::LoadReport> StoreSource::load_all(const Look& look, Found& found) {
    auto fresh = std::make_unique<catalogue::Catalogue>(look.seed, store_.zones_expected(),
                                                        runtime::advise_huge_pages);
    const auto progress = [&look](std::uint64_t done, std::uint64_t /*total*/) {
        look.progress(done, 0);
    };
    ZC_TRY(load::LoadReport report, store_.load(*fresh, progress));
    look.log.tell(report);
    found.all.emplace(Served::Replacement{std::move(fresh), report.zones, report.records,
                                          std::move(report.not_served), 0});
    return report;
}

Status StoreSource::load(const Look& look, Found& found) {
    store::clear_leftovers(store_.path());
    ZC_TRY(const load::LoadReport report, load_all(look, found));
    runtime::release_free_memory();  // 16 octets a zone, for sorting them
    look.arriving.zones = report.zones;
    look.arriving.records = report.records;
    const catalogue::NotServed& not_served = found.all->not_served;
    found.broken =
        not_served.of(catalogue::Reason::broken) + not_served.of(catalogue::Reason::damaged);
    return {};
}

Status StoreSource::look_again(const catalogue::Catalogue& served, const Look& look, Found& found) {
    ZC_TRY(load::StoreChanges news, store_.changes());
    if (news.blocks_lost > 0) look.log.tell_images_lost(news.blocks_lost);
    if (news.everything) {
        // Nobody reads the images of the load before the last any more.
        store_.forget_old_images();
        ZC_TRY(const load::LoadReport report, load_all(look, found));
        if (!report.problem.empty()) found.nameless.push_back(report.problem);
        const Damage damage(report.damaged, store_.path(), found);
        found.differences = differences_of(*found.all->catalogue, served, damage);
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
