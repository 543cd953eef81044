// Inside of package ingest: zones from a running server.
#pragma once

#include <string>

#include "base/result.h"
#include "ingest/powerdns.h"

namespace zc::ingest {

/// "axfr://192.0.2.1:53"
bool is_axfr_uri(const std::string& source) noexcept;

/// `import_zones` for a source of format `axfr`: transfers the zones of
/// `options.axfr`, several at once, and compiles them; the sink gets them in their order. A zone
/// that does not come (refused, cut off, a bad signature, a timeout) is a finding and a refused row
/// of `domains`.
///
/// Errors: as import_zones; `io` or `timeout` when the server could never be reached, those of the
/// transfer of the catalog zone.
Result<ImportTotals> import_axfr(const std::string& source, const ImportOptions& options,
                                 ImportSink& sink);

}  // namespace zc::ingest
