// How a zone stands in a store: its key, the octet of its state, and what its source says.
//
// A key is the zone's apex, so written that octets compare as names do in canonical
// order (RFC 4034 section 6.1).
//
// Labels from the right, folded to lower case, each ended by an octet 0; an octet 0 in a label is
// written 1 1, an octet 1 is written 1 2. The root's key is one octet 0 0, since a key is never
// empty: it stands before all others.
#pragma once

#include <cstdint>
#include <string>

#include "base/octets.h"
#include "base/result.h"
#include "dns/name.h"
#include "zone/zone.h"

namespace zc::fold {

std::string key_of(dns::NameView apex);
/// Errors: `malformed` for octets that `key_of` does not give.
Result<dns::Name> apex_of(base::Octets key);

inline base::Octets octets_of(const std::string& text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// A stored zone's state: zone::State, and whether it is hidden.
inline constexpr std::uint8_t hidden_bit = 0x80;
std::uint8_t encode_state(zone::State state, bool hidden) noexcept;
/// Errors: `malformed`.
struct StoredState {
    zone::State state;
    bool hidden;
};
Result<StoredState> decode_state(std::uint8_t octet);

/// `store::Zone::source` of a zone that was made or changed here, and not by an import. No import has
/// this hash: it takes 0 in its place.
inline constexpr std::uint64_t source_changed_here = ~std::uint64_t{0};

}  // namespace zc::fold
