#include "merge/imported_zone.h"

#include <utility>

#include "fold/stored_zone.h"
#include "settings/settings.h"

namespace zc::merge {

Result<ingest::ImportedZone> imported_zone(const store::StoredZone& stored, base::Octets image) {
    ingest::ImportedZone zone;
    ZC_TRY(zone.apex, fold::apex_of(stored.key));
    ZC_TRY(const fold::StoredState state, fold::decode_state(stored.state));
    zone.state = state.state;
    zone.hidden = state.hidden;
    zone.records = stored.records;
    zone.rows_digest = stored.source;
    ZC_TRY_STATUS(settings::decode(stored.settings, zone));
    if (image.empty()) return zone;
    ZC_TRY_STATUS(zone::validate(image));
    zone.image = zone::Image(image);
    return zone;
}

}  // namespace zc::merge
