// What a node serves: the catalogue, and all that is known of zones that are not served, or not as
// their source has them by now. It owns the catalogue alone; those who answer from it are told of
// each new one.
//
// How a zone changes: a good one replaces what was served of it; a bad one leaves what was served
// as it was, and is outdated from then on; where nothing was served its names get SERVFAIL, and it
// is not served, with the reason.
//
// No memory: `apply` and `replace` throw std::bad_alloc. Then what was served before still is, or
// all of the change is served and something of it is not told of: who calls reads the source anew.
//
// Threads: one, the control thread. Others may add to the counts while the first catalogue is
// filled, and look at it while it is frozen.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
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
    /// May throw std::bad_alloc; after it the next `publish` does not.
    virtual void make_room() = 0;
    /// From now on they answer from `catalogue`. What is in `garbage` may still be read for a
    /// moment.
    virtual void publish(const catalogue::Catalogue& catalogue, catalogue::Garbage&& garbage) = 0;
};

/// A zone as its source has it now.
struct NewZone {
    dns::Name apex;
    zone::Image image;  // of a zone that cannot be served the placeholder of its state
    std::uint64_t records = 0;
    std::optional<catalogue::Reason> reason;  // why nothing of it can be served
    std::vector<Error> errors;                // of a bad one
};

struct ZoneChanges {
    std::vector<NewZone> zones;
    std::vector<dns::Name> removed;  // unknown ones are passed over
};

/// What became of the zones of a change.
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
    /// `first`: to be filled, not published yet.
    Served(std::unique_ptr<catalogue::Catalogue> first, Readers& readers) noexcept
        : catalogue_(std::move(first)), readers_(readers) {}

    // Until something is published.

    /// For a loading thread to fill, while nobody reads it.
    catalogue::Catalogue& unpublished() noexcept { return *catalogue_; }
    /// Of zones that it put there. Any thread.
    void count(std::uint64_t zones, std::uint64_t records) noexcept {
        zones_ += zones;
        records_ += records;
    }
    /// As `count`, of a source that tells only all of them.
    void set_counts(std::uint64_t zones, std::uint64_t records) noexcept {
        zones_ = zones;
        records_ = records;
    }
    /// All zones are there by name, with placeholders; their data comes by `apply`.
    void set_all_not_loaded();
    /// What the loading thread found out about the zones that it put there.
    void set_not_served(catalogue::NotServed not_served) noexcept {
        not_served_ = std::move(not_served);
    }

    // From then on.

    void apply(ZoneChanges changes, base::Instant now, ChangeReport& report);

    struct Replacement {
        std::unique_ptr<catalogue::Catalogue> catalogue;
        std::uint64_t zones = 0, records = 0;
        catalogue::NotServed not_served;
    };
    /// Everything anew. Nothing is outdated afterwards.
    void replace(Replacement all, base::Instant now);
    /// Something of the source whose apex cannot be read.
    void put_nameless(const std::string& problem) {
        not_served_.put_nameless(catalogue::Reason::damaged, problem);
    }
    /// The first catalogue is whole.
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
        std::shared_ptr<const bool> mark_;
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
    std::atomic<std::uint64_t> zones_{0}, records_{0};
    catalogue::NotServed not_served_;
    std::uint64_t not_loaded_ = 0;
    std::map<std::string, std::string> outdated_;
    base::Instant loaded_at_;
};

}  // namespace zc::node
