#include "node/served.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "dns/presentation.h"

namespace zc::node {

namespace {

using What = ChangeReport::What;

/// Says what becomes of one zone of a change. Nothing: it is served already as it is.
struct Plan {
    std::optional<What> what;
    std::optional<std::uint32_t> serial;
};

base::Octets image_of(const NewZone& zone) noexcept {
    return zone.shared_image ? zone.shared_image->octets() : zone.image.octets();
}

Plan plan_of(const NewZone& zone, const std::optional<zone::Zone>& old) {
    if (!zone.errors.empty()) {
        if (old && old->state() == zone::State::serving)
            return {What::failed_and_kept, old->serial()};
        return {What::failed, std::nullopt};
    }
    const base::Octets octets = image_of(zone);
    if (old && std::ranges::equal(old->octets(), octets)) return {};
    return {old ? What::changed : What::added, served_serial(zone::Zone(octets.data()))};
}

using Owners = std::map<std::string, std::shared_ptr<const zone::Image>>;

/// A change of who owns the images that a catalogue borrows. Former owners go with the garbage of the
/// catalogue that borrowed from them, and not before.
class OwnersChange {
public:
    explicit OwnersChange(Owners& owners) : owners_(owners) {}

    /// The zone is replaced, or goes. `image_or_null`: borrowed from now on.
    void add(dns::NameView apex, std::shared_ptr<const zone::Image> image_or_null) {
        if (owners_.empty() && !image_or_null) return;
        make_room();
        names_.push_back(dns::to_string(apex));
        if (image_or_null) fresh_.insert_or_assign(names_.back(), std::move(image_or_null));
    }
    void drop_all() {
        make_room();
        for (const auto& [name, owner] : owners_) names_.push_back(name);
    }
    /// After the catalogue was replaced. Without memory for the news former owners are never freed.
    void replace(catalogue::Garbage& garbage) {
        if (names_.empty()) return;
        for (const std::string& name : names_) (*former_)->insert(owners_.extract(name));
        owners_.merge(fresh_);
        if ((*former_)->empty()) return;
        try {
            garbage.keep(*former_);
        } catch (const std::bad_alloc&) {
            static_cast<void>(former_.release());
        }
    }

private:
    /// So that `replace` needs no memory.
    void make_room() {
        if (!former_)
            former_ = std::make_unique<std::shared_ptr<Owners>>(std::make_shared<Owners>());
    }

    Owners& owners_;
    Owners fresh_;
    std::vector<std::string> names_;
    std::unique_ptr<std::shared_ptr<Owners>> former_;  // shared with the garbage
};

}  // namespace

std::optional<std::uint32_t> served_serial(zone::Zone zone) noexcept {
    if (zone.state() != zone::State::serving) return std::nullopt;
    return zone.serial();
}

std::string first_error_of(const NewZone& zone) {
    return zone.errors.empty() ? "" : zone.errors.front().text();
}

std::string_view to_string(ChangeReport::What what) noexcept {
    switch (what) {
        case What::added:
            return "added";
        case What::changed:
            return "changed";
        case What::removed:
            return "removed";
        case What::failed:
            return "failed";
        case What::failed_and_kept:
            return "failed, last good content is kept";
    }
    return "";
}

void ChangeReport::add(dns::NameView apex, What what, std::optional<std::uint32_t> serial,
                       const std::vector<Error>& errors) {
    switch (what) {
        case What::added:
            ++added;
            break;
        case What::changed:
            ++changed;
            break;
        case What::removed:
            ++removed;
            break;
        case What::failed:
        case What::failed_and_kept:
            ++failed;
            break;
    }
    if (details.size() == details_max) return;
    Detail& detail = details.emplace_back(Detail{dns::Name(apex), what, serial, {}});
    for (const Error& error : errors) detail.errors.push_back(error.text());
}

void Served::check_not_frozen() const noexcept {
    ZC_CHECK(frozen_.use_count() == 1);
}

void Served::apply(ZoneChanges changes, base::Instant now, ChangeReport& report) {
    check_not_frozen();
    std::vector<Plan> plans;
    std::vector<dns::Name> removed;
    std::vector<catalogue::ApexChange> made;
    OwnersChange owners(owners_);
    std::uint64_t records = records_;
    std::uint64_t not_loaded = not_loaded_;
    const auto forget = [&](const zone::Zone& old) {
        records -= old.records();
        if (old.state() == zone::State::pending) --not_loaded;
    };
    for (NewZone& zone : changes.zones) {
        const std::optional<zone::Zone> old = catalogue_->find_exact(zone.apex);
        const Plan& plan = plans.emplace_back(plan_of(zone, old));
        if (!plan.what || plan.what == What::failed_and_kept) continue;
        if (old) forget(*old);
        records += zone.records;
        if (zone.shared_image)
            made.push_back({zone.apex, catalogue::BorrowedImage{image_of(zone).data()}});
        else
            made.push_back({zone.apex, std::move(zone.image)});
        owners.add(zone.apex, zone.shared_image);
    }
    for (const dns::Name& apex : changes.removed) {
        const std::optional<zone::Zone> old = catalogue_->find_exact(apex);
        if (!old) continue;
        forget(*old);
        removed.push_back(apex);
        made.push_back({apex, catalogue::Removed()});
        owners.add(apex, nullptr);
    }
    if (!made.empty()) {
        readers_.make_room();
        auto next = catalogue::Catalogue::with(std::move(catalogue_), std::move(made));
        catalogue_ = std::move(next.catalogue);
        owners.replace(next.garbage);
        readers_.publish(*catalogue_, std::move(next.garbage));
        zones_ = catalogue_->size();
        loaded_at_ = now;
    }
    records_ = records;
    if (std::exchange(not_loaded_, not_loaded) != not_loaded)
        not_served_.set_not_loaded(not_loaded);

    for (std::size_t i = 0; i < plans.size(); ++i) {
        const NewZone& zone = changes.zones[i];
        const auto& [what, serial] = plans[i];
        if (what == What::failed_and_kept)
            outdated_.insert_or_assign(dns::to_string(zone.apex), zone.errors.front().text());
        if (what) report.add(zone.apex, *what, serial, zone.errors);
        if (what == What::failed_and_kept) continue;
        if (!outdated_.empty()) outdated_.erase(dns::to_string(zone.apex));
        if (zone.reason)
            not_served_.put(zone.apex, *zone.reason, first_error_of(zone));
        else
            not_served_.erase(zone.apex);
    }
    for (const dns::Name& apex : removed) {
        if (!outdated_.empty()) outdated_.erase(dns::to_string(apex));
        not_served_.erase(apex);
        report.add(apex, What::removed);
    }
}

void Served::replace(Replacement all, base::Instant now) {
    check_not_frozen();
    OwnersChange owners(owners_);
    owners.drop_all();
    readers_.make_room();
    catalogue::Garbage garbage = catalogue::Catalogue::retire(std::move(catalogue_));
    owners.replace(garbage);
    catalogue_ = std::move(all.catalogue);
    readers_.publish(*catalogue_, std::move(garbage));
    loaded_at_ = now;
    zones_ = all.zones;
    records_ = all.records;
    not_served_ = std::move(all.not_served);
    not_loaded_ = all.not_loaded;
    if (not_loaded_ > 0) not_served_.set_not_loaded(not_loaded_);
    outdated_ = std::move(all.outdated);
}

void Served::for_each_outdated(
    const std::function<bool(const std::string& zone, const std::string& error)>& each) const {
    for (const auto& [zone, error] : outdated_)
        if (!each(zone, error)) return;
}

}  // namespace zc::node
