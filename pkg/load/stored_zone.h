// The names of fold/stored_zone.h, as they were here.
#pragma once

#include "fold/stored_zone.h"

namespace zc::load {

using fold::apex_of;
using fold::decode_state;
using fold::encode_state;
using fold::hidden_bit;
using fold::key_of;
using fold::octets_of;
using fold::StoredState;

}  // namespace zc::load
