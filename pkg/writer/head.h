// The head of the log as octets, for the store to keep.
#pragma once

#include <cstdint>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "replica/state.h"

namespace zc::writer {

//   head   log id [16] | epoch u32 | position u64 | ids met u64 | chain [32]
std::vector<std::uint8_t> encode(const replica::Head& head);
/// Errors: `malformed`.
Result<replica::Head> decode_head(base::Octets octets);

}  // namespace zc::writer
