// The undo of an entry, as the log keeps it: for each zone that the entry names, in its order, the change
// that gives the zone as it was before.
//
//   undo   {kind u8 | octets u32 | zone::Change} …
//
// A change that differed in nothing has kind 0 and no octets.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "replica/entry.h"
#include "zone/change.h"

namespace zc::writer {

void append_undo(std::vector<std::uint8_t>& to, const zone::Change& undo);

/// Nothing: the change differed in nothing. Errors: `malformed`.
Result<std::vector<std::optional<zone::Change>>> decode_undo(const replica::Entry& entry,
                                                             base::Octets octets);

}  // namespace zc::writer
