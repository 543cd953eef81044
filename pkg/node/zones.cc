#include "node/zones.h"

#include <utility>

#include "load/load.h"
#include "runtime/workers.h"

namespace zc::node {

Zones::Zones(std::unique_ptr<Source> source, Readers& readers, base::SeedSource draw_seed)
    : source_(std::move(source)),
      is_store_(source_->stand().has_value()),
      draw_seed_(std::move(draw_seed)),
      served_(std::make_unique<catalogue::Catalogue>(draw_seed_()), readers) {}

Served::Frozen Zones::begin_look() {
    // No catalogue borrows from what was not taken over.
    if (std::exchange(read_all_anew_, false)) source_->not_taken();
    return served_.freeze();
}

void Zones::take_names(Served::Replacement names) {
    served_.replace(std::move(names), base::Instant{});  // nothing is loaded yet
}

Status Zones::take_some(ZoneChanges zones, base::Instant now) {
    const Status taken = runtime::caught([&] {
        ChangeReport ignored;
        served_.apply(std::move(zones), now, ignored);
    });
    if (!taken) read_all_anew_ = true;
    return taken;
}

void Zones::take_first(LookResult found, base::Instant now) {
    if (found.all) served_.replace(*std::move(found.all), now);
    source_->taken();
    store_was_read();
    served_.set_loaded(now);
}

Status Zones::take(LookResult& found, const Status& looked, base::Instant now,
                   ChangeReport& report) {
    store_has_moved_ = false;
    const Status taken = runtime::caught([&] {
        if (found.all) {
            served_.replace(*std::move(found.all), now);
            source_->taken();
            report = std::move(found.differences);
        } else {
            served_.apply(std::move(found.changes), now, report);
        }
        // A look that failed has read no position, and the one before is served on.
        if (looked) store_was_read();
    });
    if (!taken) read_all_anew_ = true;
    if (looked && store_) store_->is_readable();
    if (looked && taken) image_file_.was_loaded_anew();
    return taken;
}

namespace {

/// An image of so many octets is copied for the catalogue. A larger one is shared with the writer.
constexpr std::size_t copied_octets_max = 64 << 10;

NewZone new_zone(writer::PublishedZone& written) {
    NewZone out;
    out.apex = written.apex;
    const fold::ZoneState& state = written.state;
    if (state.state != zone::State::serving || !state.image) {
        out.image = zone::placeholder(out.apex, state.state);
        out.reason = load::reason_of(state.state);
        return out;
    }
    const base::Octets octets = state.image->octets();
    if (octets.size() <= copied_octets_max)
        out.image = zone::Image(octets);
    else
        out.shared_image = state.image;
    out.records = state.records;
    return out;
}

}  // namespace

void Zones::take_written(std::vector<writer::PublishedZone> zones, base::Instant now) {
    ZoneChanges changes;
    for (writer::PublishedZone& written : zones) {
        if (written.state.exists() && !written.state.hidden)
            changes.zones.push_back(new_zone(written));
        else
            changes.removed.push_back(written.apex);
    }
    ChangeReport ignored;
    const bool was_to_be_read =
        std::exchange(read_all_anew_, true);  // until all of it is taken over
    served_.apply(std::move(changes), now, ignored);
    read_all_anew_ = was_to_be_read;
}

void Zones::store_was_read() {
    const std::optional<StoreStand> stand = source_->stand();
    if (!stand) return;
    if (!store_) store_.emplace();
    store_has_moved_ = store_->was_read(*stand);
}

}  // namespace zc::node
