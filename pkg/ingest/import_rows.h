// Inside of package ingest: from a reader of rows to zones in a sink.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "ingest/byte_source.h"
#include "ingest/powerdns.h"
#include "ingest/row_pipeline.h"

namespace zc::ingest {

/// Cuts a source into rows and gives them to the pipeline. `place` may be set to what tells how far
/// it is.
using RowReader = std::function<Status(RowPipeline& pipeline, const ByteSource*& place_or_null)>;

/// The rest of `import_zones`, once the format of the source is known. `name` is for findings and
/// errors. Checks the options, as `import_zones` does.
Result<ImportTotals> import_rows(const std::string& name, const RowReader& read,
                                 const ImportOptions& options, ImportSink& sink);

}  // namespace zc::ingest
