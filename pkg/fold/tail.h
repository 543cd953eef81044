// Zones that the log of a store is ahead of: their rows, and on top of them the entries that the rows
// lack.
//
// A node folds zones in any order, so the entries above `folded_up_to` touch zones whose rows have
// them already. The version of a row says which entries it has. A removed zone has no row and no
// version: if the log says that there was one, the rows have its first removal.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/octets.h"
#include "base/result.h"
#include "dns/name.h"
#include "fold/zone_state.h"
#include "store/log_file.h"
#include "store/store.h"

namespace zc::fold {

/// A zone with entries that its row lacks.
struct ZoneAhead {
    dns::Name apex;
    ZoneState state;                    // after them; `exists()` false: the zone is gone
    std::uint64_t row_version = 0;      // 0: it has no row
    std::uint64_t first = 0, last = 0;  // positions of those entries
    std::uint64_t octets = 0;           // of their changes
};

/// By key (stored_zone.h), in the order of rows.
using ZonesAhead = std::map<std::string, ZoneAhead, std::less<>>;

/// Where the log and the rows come from. Both are of one state of the store.
struct TailSource {
    std::string path;  // of the store, for errors
    /// Gives the entries that may not be in rows to `each`, in their order; false ends it.
    std::function<Status(const std::function<bool(const store::LogEntry&)>& each)> for_each_entry;
    /// The row of a zone; one with version 0 says that there is none. Nothing: the row is damaged,
    /// and the zone is left out.
    std::function<Result<std::optional<ZoneState>>(const std::string& key)> row;
};

/// Errors: those of the source; `malformed`: an entry that cannot be read, or that does not fit the
/// row of its zone (base versions), with its position; `unsupported`: an entry of a kind that is not
/// known here.
/// Memory: the zones that the entries touch.
Result<ZonesAhead> read_tail(const TailSource& source);

/// The state that a row and its image stand for. Errors: `malformed`.
Result<ZoneState> state_of(const store::StoredZone& row, base::Octets image);
/// The row of a zone that exists. It borrows `key` and the settings of `state`.
store::Zone row_of(const std::string& key, const ZoneState& state);
/// The same for a transaction that folds it.
store::FoldedZone folded_of(const std::string& key, const ZoneAhead& zone);

}  // namespace zc::fold
