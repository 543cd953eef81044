// The changes of a zone: by whom, when, from where, and which records came and went.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"
#include "edit/past.h"
#include "store/log_file.h"
#include "term/json.h"

namespace zc::edit {

struct HistoryItem {
    enum class Kind : std::uint8_t { made, changed, removed };
    Kind kind{};
    std::uint64_t version = 0;
    base::Instant at;
    std::string who, where;
    std::uint32_t serial_before = 0, serial = 0;
    /// Records as lines of a zone file. A SOA record that differs in its serial alone is in neither.
    std::vector<std::string> removed, added;
    std::vector<std::string> settings;  // that differ: "kind", "metadata X-OWNER"
};

/// Newest first.
struct History {
    std::vector<HistoryItem> items;
    std::uint64_t oldest = 0;  // as in PastOfZone
};

HistoryItem item_of(const PastChange& change, dns::NameView apex);

/// The last `items_max` changes of a zone, or some more of the same entry. Errors: `not_found` nothing
/// is known of a zone of this name; those of the log.
Result<History> history_of(store::LogReader& log, dns::NameView zone, std::size_t items_max);

/// One object: {"version", "at", "who", "where", "kind", "serial_before", "serial", "removed", "added",
/// "settings"}.
term::Json json_of(const HistoryItem& item);
/// A line of all but records, then one for each record with "- " or "+ " before it, `records_max` at
/// most.
std::vector<std::string> lines_of(const HistoryItem& item, std::size_t records_max);

}  // namespace zc::edit
