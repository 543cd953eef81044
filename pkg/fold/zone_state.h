// A zone as the log leaves it: its row in the store, its image, and changes applied to both.
//
// The state of a zone is its row, and on top of it the entries above the row's version that touch it.
// Whoever wants to know a zone (a node at its start, the writer, folding, a reader of the store) asks
// `advance` for it, so that all of them agree.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "dns/name.h"
#include "zone/apply.h"
#include "zone/change.h"
#include "zone/zone.h"

namespace zc::fold {

/// Cheap to copy: octets are shared.
struct ZoneState {
    std::uint64_t version =
        0;  // position of the last entry that changed it; 0: there is no such zone
    zone::State state = zone::State::serving;
    bool hidden = false;  // the zone is kept and not served
    // Hash of the rows that an import made it from, `source_changed_here` (stored_zone.h), or 0.
    std::uint64_t source = 0;
    std::uint32_t serial = 0;   // as in the row
    std::uint64_t records = 0;  // as in the row
    // Shared by all states of the zone that have them, and by who publishes or folds one.
    std::shared_ptr<const std::vector<std::uint8_t>> settings;  // null: none
    std::shared_ptr<const zone::Image> image;                   // null: the zone has none

    bool exists() const noexcept { return version != 0; }
    base::Octets settings_octets() const noexcept {
        return settings ? base::Octets(*settings) : base::Octets{};
    }
    base::Octets image_octets() const noexcept { return image ? image->octets() : base::Octets{}; }
};

/// The effect of one change on a zone.
struct Effect {
    zone::Change undo;  // gives records and settings as they were; empty: nothing differs
    std::uint32_t serial_before = 0, serial = 0;
    bool differs = false;
};

struct Advanced {
    ZoneState state;
    std::vector<Effect> effects;  // of each change
};

/// Applies `in_order`; the state has the version `version` afterwards, or 0 when the zone is gone. A
/// change that differs in nothing leaves the version as it was.
///
/// A zone that has no records to change (broken, or cannot be signed here) takes a `put`, a `remove`
/// and a change of its settings. Its rows, which no image could hold, go with the `put`.
/// Errors: those of zone::apply, all problems in `problems_or_null`; `invalid` a patch of the records
/// of such a zone, or of a zone that is not there.
Result<Advanced> advance(dns::NameView apex, const ZoneState& before,
                         std::span<const zone::Change> in_order, std::uint64_t version,
                         zone::ApplyScratch& scratch,
                         std::vector<Error>* problems_or_null = nullptr);

}  // namespace zc::fold
