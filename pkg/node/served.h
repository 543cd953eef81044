// The zones that a node serves: the catalogue, and all that is known of zones that are not served, or
// are served with older data than their source has. `Served` owns the catalogue alone. It tells those who
// answer from it of each new one.
//
// How a zone changes: a good one replaces what was served of it. A bad one leaves what was served as it
// was, and the zone is outdated from then on. Where nothing was served, the names of a bad zone get
// SERVFAIL, and the zone is not served, with the reason.
//
// No memory: `apply` and `replace` throw std::bad_alloc. Then what was served before still is, or all of
// the change is served and part of the news of it is lost. The caller reads the source anew.
//
// Threads: one, the control thread. Other threads get a `Frozen` to look at, never this.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "catalogue/catalogue.h"
#include "catalogue/not_served.h"
#include "dns/name.h"
#include "zone/zone.h"

namespace zc::node {

/// Those who answer from the catalogue.
class Readers {
public:
    virtual ~Readers() = default;
    /// May throw std::bad_alloc. After it the next `publish` throws nothing.
    virtual void make_room() = 0;
    /// From now on they answer from `catalogue`. They may read `garbage` for a moment more.
    virtual void publish(const catalogue::Catalogue& catalogue, catalogue::Garbage&& garbage) = 0;
};

/// All that its source now says of one zone: what is served of it, or why nothing is, and what the
/// operator should know of it.
struct NewZone {
    dns::Name apex;
    zone::Image image;  // of a zone that cannot be served the placeholder of its state
    /// In place of `image`: one that others have too, and that is not copied for that. Null: `image`.
    std::shared_ptr<const zone::Image> shared_image;
    std::uint64_t records = 0;
    std::optional<catalogue::Reason> reason;  // why nothing of it can be served
    std::vector<Error> errors;                // of a bad one
    /// Records that do not belong into the zone; it is served without them. Some of
    /// `left_out_count`.
    std::vector<Error> left_out;
    std::uint64_t left_out_count = 0;
    std::string costly;  // a sentence of zone::costly_hashing; empty: its proofs cost little
};

/// Empty: it has none.
std::string first_error_of(const NewZone& zone);

/// Nothing: it is a placeholder, of which nothing is served.
std::optional<std::uint32_t> served_serial(zone::Zone zone) noexcept;

struct ZoneChanges {
    std::vector<NewZone> zones;
    std::vector<dns::Name> removed;  // unknown ones are passed over
};

/// The zones of a change, by what became of them.
struct ChangeReport {
    static constexpr std::size_t details_max = 1000;  // zones named; the rest is counted
    enum class What : std::uint8_t { added, changed, removed, failed, failed_and_kept };
    struct Detail {
        dns::Name apex;
        What what;
        std::optional<std::uint32_t> serial;  // of what is served of it now
        std::vector<std::string> errors;
    };
    std::uint64_t added = 0, changed = 0, removed = 0, failed = 0;
    std::vector<Detail> details;

    /// Counts it, and names it while there is room.
    void add(dns::NameView apex, What what, std::optional<std::uint32_t> serial = std::nullopt,
             const std::vector<Error>& errors = {});
};
/// "added", …, "failed, last good content is kept".
std::string_view to_string(ChangeReport::What what) noexcept;

class Served {
public:
    /// `first` is what the readers begin with, of no zones: it is not published.
    Served(std::unique_ptr<catalogue::Catalogue> first, Readers& readers) noexcept
        : catalogue_(std::move(first)), readers_(readers) {}

    void apply(ZoneChanges changes, base::Instant now, ChangeReport& report);

    /// A whole catalogue and what is known of its zones. A loading thread makes it, and shares it
    /// with nobody.
    struct Replacement {
        std::unique_ptr<catalogue::Catalogue> catalogue;
        std::uint64_t zones = 0, records = 0;
        catalogue::NotServed not_served;
        std::uint64_t not_loaded = 0;  // of the zones: known by name, their data comes by `apply`
        /// Bad zones of which the catalogue has the data that was served before, each with its
        /// first error.
        std::map<std::string, std::string> outdated{};
    };
    /// Everything anew, the outdated zones too.
    void replace(Replacement all, base::Instant now);
    /// The first load is whole, if it came in parts.
    void set_loaded(base::Instant now) noexcept { loaded_at_ = now; }

    /// The catalogue for another thread to look at. While one of these exists nothing may change:
    /// `apply` and `replace` end the process (a check), so that no reader is left behind.
    class Frozen {
    public:
        const catalogue::Catalogue& catalogue() const noexcept { return *catalogue_; }

    private:
        friend class Served;
        Frozen(const catalogue::Catalogue& catalogue, std::shared_ptr<const bool> mark) noexcept
            : catalogue_(&catalogue), mark_(std::move(mark)) {}
        const catalogue::Catalogue* catalogue_;
        std::shared_ptr<const bool> mark_;  // shared with the owner, who counts the others
    };
    Frozen freeze() const noexcept { return {*catalogue_, frozen_}; }

    const catalogue::Catalogue& catalogue() const noexcept { return *catalogue_; }
    /// Placeholders of zones that are not served are zones too.
    std::uint64_t zones() const noexcept { return zones_; }
    std::uint64_t records() const noexcept { return records_; }
    const catalogue::NotServed& not_served() const noexcept { return not_served_; }
    /// Zones that are served as they were, since what came later was bad.
    std::uint64_t outdated() const noexcept { return outdated_.size(); }
    /// By name, with the first error of each; false ends it.
    void for_each_outdated(
        const std::function<bool(const std::string& zone, const std::string& error)>& each) const;
    /// When what is served last changed; `Instant{}` before the first is whole.
    base::Instant loaded_at() const noexcept { return loaded_at_; }

private:
    void check_not_frozen() const noexcept;

    std::unique_ptr<catalogue::Catalogue> catalogue_;
    Readers& readers_;
    const std::shared_ptr<const bool> frozen_ = std::make_shared<const bool>(true);
    std::uint64_t zones_ = 0, records_ = 0;
    catalogue::NotServed not_served_;
    std::uint64_t not_loaded_ = 0;
    std::map<std::string, std::string> outdated_;
    /// By name, the images that the catalogue borrows.
    std::map<std::string, std::shared_ptr<const zone::Image>> owners_;
    base::Instant loaded_at_;
};

}  // namespace zc::node
