// A zone of a store as it was imported: for exports.
#pragma once

#include "base/octets.h"
#include "base/result.h"
#include "ingest/powerdns.h"
#include "store/store.h"

namespace zc::merge {

/// Its image is checked before it is copied. Errors: `malformed` for what is damaged.
Result<ingest::ImportedZone> imported_zone(const store::StoredZone& stored, base::Octets image);

}  // namespace zc::merge
