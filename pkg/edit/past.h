// The versions that a zone had, as the log tells them.
//
// An entry names the version that its change stands on, so the versions of a zone are a chain, and
// each is found by its position.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"
#include "store/log_file.h"
#include "zone/change.h"

namespace zc::edit {

/// A change of a zone. Several in one entry have one position.
struct PastChange {
    std::uint64_t position = 0;
    base::Instant at;
    std::string who, where;
    bool made_the_zone = false;  // there was none before
    zone::Change change;
    zone::Change undo;  // gives the zone as it was before
};

/// Newest first.
struct PastOfZone {
    std::vector<PastChange> changes;
    /// The version before all of them; 0: there was no zone. No undo leads further back: that
    /// version was imported, its entry was trimmed, or nobody asked for more.
    std::uint64_t oldest = 0;
};

/// Changes of `zone` above the version `after`, from `version` backwards, which is the zone's; 0: there
/// is no such zone, and the last one that was removed is meant. Errors: `busy` the version is not
/// durable yet; `malformed`, `io`.
using Past = std::function<Result<PastOfZone>(dns::NameView zone, std::uint64_t version,
                                              std::uint64_t after)>;

/// Reads a log. Cost: one look-up a change; the last changes of a zone that is gone are searched for.
/// Stops at the end of an entry once it has `changes_max`.
Result<PastOfZone> read_past(store::LogReader& log, dns::NameView zone, std::uint64_t version,
                             std::uint64_t after,
                             std::size_t changes_max = static_cast<std::size_t>(-1));
/// The last version at which `zone` changed, in rows or in the log behind them; 0: none is known.
/// Cost: the entries that are not folded.
Result<std::uint64_t> last_version(store::LogReader& log, dns::NameView zone);

/// The past of the store at `path`, which is opened when it is first asked for. One thread.
Past past_of_store(const std::string& path);

}  // namespace zc::edit
