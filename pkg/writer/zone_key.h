// A zone's key in the store: its apex, so written that octets compare as names do in canonical
// order (RFC 4034 section 6.1).
//
// Labels from the right, folded to lower case, each ended by an octet 0; an octet 0 in a label is
// written 1 1, an octet 1 is written 1 2. The root's key is one octet 0 0, since a key is never
// empty: it stands before all others.
#pragma once

#include <string>

#include "base/octets.h"
#include "base/result.h"
#include "dns/name.h"

namespace zc::writer {

std::string key_of(dns::NameView apex);
/// Errors: `malformed` for octets that `key_of` does not give.
Result<dns::Name> apex_of(base::Octets key);

inline base::Octets octets_of(const std::string& text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace zc::writer
