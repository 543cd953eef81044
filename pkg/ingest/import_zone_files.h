// Inside of package ingest: an import of master files.
#pragma once

#include <string>

#include "base/result.h"
#include "ingest/powerdns.h"

namespace zc::ingest {

/// `import_zones` for a source of format `zone_files`. A zone that does not compile is broken, and a
/// finding for each of its faults; records that do not belong into a zone are refused rows.
Result<ImportTotals> import_zone_files(const std::string& source, const ImportOptions& options,
                                       ImportSink& sink);

}  // namespace zc::ingest
