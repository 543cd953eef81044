// Zones out of zone files: everything at the start, changed files at a reload.
#include <utility>

#include "node/source.h"
#include "runtime/clock.h"
#include "runtime/memory.h"

namespace zc::node {
namespace {

constexpr base::Duration handover_interval = base::Duration::milliseconds(250);
constexpr std::size_t handover_zones_max = 1 << 16;

NewZone new_zone(ingest::LoadedZone&& zone) {
    NewZone out;
    out.apex = zone.apex;
    out.image = std::move(zone.image);
    out.records = zone.records;
    if (zone.state != zone::State::serving) out.reason = catalogue::Reason::refused;
    out.errors = std::move(zone.errors);
    out.left_out = std::move(zone.left_out);
    out.left_out_count = zone.left_out_count;
    out.costly = std::move(zone.costly);
    return out;
}

/// Zones on their way to the control thread: many at once, and none later than the interval.
class Batch {
public:
    Batch(const Handover& handover, base::Duration now) : handover_(handover), sent_(now) {}

    void add(NewZone&& zone) { changes_.zones.push_back(std::move(zone)); }
    void send_if_due(base::Duration now) {
        if (changes_.zones.size() < handover_zones_max && now - sent_ < handover_interval) return;
        send();
        sent_ = now;
    }
    void send() { handover_.zones(std::exchange(changes_, {})); }

private:
    const Handover& handover_;
    base::Duration sent_;
    ZoneChanges changes_;
};

class ZoneFileSource final : public Source {
public:
    explicit ZoneFileSource(ingest::ZoneFiles files) noexcept : files_(std::move(files)) {}

    const std::string& path() const noexcept override { return files_.path(); }
    Status load(const Look& look, LookResult& found) override;
    Status look_again(const catalogue::Catalogue& served, const Look& look,
                      LookResult& found) override;
    void taken() noexcept override {}
    void not_taken() noexcept override { files_.forget(); }
    std::optional<StoreStand> stand() const noexcept override { return std::nullopt; }
    void only_last_is_read() noexcept override {}

private:
    Status load_whole(const Look& look, LookResult& found);
    Status load_in_batches(const Look& look, LookResult& found);
    Result<Served::Replacement> placeholders(const Look& look);

    ingest::ZoneFiles files_;
};

ingest::ZoneProgress progress_of(const Look& look) {
    return [&look](const ingest::ZoneFileTotals& so_far) {
        look.progress(so_far.zones, so_far.records);
    };
}

Status take_totals(Result<ingest::ZoneFileTotals> totals, LookResult& found) {
    if (!totals) return tl::unexpected<Error>(std::move(totals).error());
    found.broken = totals->broken;
    found.problems = std::move(totals->problems);
    found.problems_count = totals->problems_count;
    return {};
}

Status ZoneFileSource::load(const Look& look, LookResult& found) {
    return look.handover_or_null == nullptr ? load_whole(look, found)
                                            : load_in_batches(look, found);
}

Status ZoneFileSource::load_whole(const Look& look, LookResult& found) {
    Served::Replacement all;
    all.catalogue =
        std::make_unique<catalogue::Catalogue>(look.seed, 0, runtime::advise_huge_pages);
    const auto sink = [&](std::span<ingest::LoadedZone> zones) {
        for (ingest::LoadedZone& loaded : zones) {
            NewZone zone = new_zone(std::move(loaded));
            look.log.tell(zone);
            if (zone.reason) all.not_served.put(zone.apex, *zone.reason, first_error_of(zone));
            all.zones += 1;
            all.records += zone.records;
            look.arriving.zones = all.zones;
            look.arriving.records = all.records;
            all.catalogue->insert({zone.apex, std::move(zone.image)});
        }
    };
    auto totals = files_.load(look.zone_files, sink, progress_of(look));
    // The images have been copied together. The memory they were built in is not needed again.
    runtime::release_free_memory();
    ZC_TRY_STATUS(take_totals(std::move(totals), found));
    found.all = std::move(all);
    return {};
}

/// The names of all zones first, then their data in batches while the node answers.
Status ZoneFileSource::load_in_batches(const Look& look, LookResult& found) {
    ZC_TRY(Served::Replacement names, placeholders(look));
    look.log.tell_listed(names.zones);
    look.handover_or_null->names(std::move(names));

    Batch batch(*look.handover_or_null, runtime::monotonic());
    const auto sink = [&](std::span<ingest::LoadedZone> zones) {
        for (ingest::LoadedZone& loaded : zones) {
            NewZone zone = new_zone(std::move(loaded));
            look.log.tell(zone);
            batch.add(std::move(zone));
        }
        batch.send_if_due(runtime::monotonic());
    };
    auto totals = files_.load(look.zone_files, sink, progress_of(look));
    batch.send();
    return take_totals(std::move(totals), found);
}

Result<Served::Replacement> ZoneFileSource::placeholders(const Look& look) {
    Served::Replacement all;
    all.catalogue =
        std::make_unique<catalogue::Catalogue>(look.seed, 0, runtime::advise_huge_pages);
    const auto listed = files_.list([&](dns::NameView apex) {
        all.catalogue->insert({dns::Name(apex), zone::placeholder(apex, zone::State::pending)});
        look.arriving.zones = ++all.zones;
    });
    if (!listed) return tl::unexpected<Error>(listed.error());
    all.not_loaded = all.zones;
    return all;
}

Status ZoneFileSource::look_again(const catalogue::Catalogue& served, const Look& look,
                                  LookResult& found) {
    const auto sink = [&](std::span<ingest::LoadedZone> zones) {
        for (ingest::LoadedZone& loaded : zones) {
            NewZone zone = new_zone(std::move(loaded));
            look.log.tell(zone);
            found.changes.zones.push_back(std::move(zone));
        }
    };
    const auto each_known = [&](const std::function<void(dns::NameView)>& each) {
        served.for_each([&](zone::Zone zone) { each(zone.apex()); });
    };
    const auto removed = [&](dns::NameView apex) { found.changes.removed.emplace_back(apex); };
    return take_totals(files_.rescan(look.zone_files, sink, each_known, removed, progress_of(look)),
                       found);
}

}  // namespace

Result<std::unique_ptr<Source>> open_zone_files(const std::string& path) {
    ZC_TRY(ingest::ZoneFiles files, ingest::ZoneFiles::open(path));
    return std::make_unique<ZoneFileSource>(std::move(files));
}

}  // namespace zc::node
