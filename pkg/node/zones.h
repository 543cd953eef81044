// The zones of a node, between their source and those who answer: takes over what a look has found, so
// that what is served, what is known of the source, and what the next look must read again fit together.
//
//     control thread                loading thread
//                                   source().load(…)          the start
//     take_first(found)
//     frozen = begin_look()         source().look_again(…)    each reload
//     take(found)
//
// Threads: one, the control thread. The loading thread has the source alone, and a frozen view.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "base/result.h"
#include "base/seed_source.h"
#include "base/time.h"
#include "catalogue/catalogue.h"
#include "node/served.h"
#include "node/source.h"
#include "node/store_state.h"
#include "writer/writer.h"

namespace zc::node {

class Zones {
public:
    /// `draw_seed` gives a secret for each catalogue: its hash table, which strangers fill, is keyed by it.
    Zones(std::unique_ptr<Source> source, Readers& readers, base::SeedSource draw_seed);

    /// For a look. While one is under way the source is the loading thread's.
    Source& source() noexcept { return *source_; }
    /// For the catalogue that a look makes.
    std::uint64_t draw_seed() const { return draw_seed_(); }
    /// A look compares with this view. The view has to be gone before anything is taken over.
    Served::Frozen begin_look();

    /// The names of zones that are still to be loaded. Throws std::bad_alloc, as `take_first`.
    void take_names(Served::Replacement names);
    /// Some of those zones. An error: they are not served, and the next look reads everything.
    Status take_some(ZoneChanges zones, base::Instant now);
    /// The end of the first load.
    void take_first(LookResult found, base::Instant now);
    /// Takes the zones out of `found`, the finds of a later look; `looked`: how that look ended.
    /// `report` says what became of the zones. An error: not all of it is served, and the next look
    /// reads everything.
    Status take(LookResult& found, const Status& looked, base::Instant now, ChangeReport& report);
    /// Takes over zones that are durable, and that the source need not be asked for.
    /// No look is under way. Throws std::bad_alloc; then the next look reads everything.
    void take_written(std::vector<writer::PublishedZone> zones, base::Instant now);
    /// A later look ended in the middle: what it found is lost, and the next one reads everything.
    void look_failed() noexcept { read_all_anew_ = true; }

    const Served& served() const noexcept { return served_; }
    const std::string& source_path() const noexcept { return source_->path(); }
    bool is_store() const noexcept { return is_store_; }
    /// Null: zone files are served, or the store is still to be read.
    const StoreState* store_or_null() const noexcept { return store_ ? &*store_ : nullptr; }
    StoreState* store_or_null() noexcept { return store_ ? &*store_ : nullptr; }
    /// The position of the store has changed by the last `take`.
    bool store_has_moved() const noexcept { return store_has_moved_; }
    ImageFileState& image_file() noexcept { return image_file_; }
    const ImageFileState& image_file() const noexcept { return image_file_; }

private:
    void store_was_read();

    std::unique_ptr<Source> source_;  // before what borrows from its images
    const bool is_store_;
    base::SeedSource draw_seed_;
    Served served_;
    std::optional<StoreState> store_;
    bool store_has_moved_ = false;
    ImageFileState image_file_;
    bool read_all_anew_ = false;  // at the next look: what was read last is not served
};

}  // namespace zc::node
