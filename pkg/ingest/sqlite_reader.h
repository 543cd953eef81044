// Inside of package ingest: PowerDNS's gsqlite3 file as a source of rows.
#pragma once

#include <atomic>
#include <string>

#include "base/result.h"
#include "ingest/row_pipeline.h"

namespace zc::ingest {

/// Reads the tables of the schema in one transaction: as of one moment, also while PowerDNS runs.
/// The rowid stands for the line, or the number of the row where there is none. Errors: those of
/// `sqlite::Database`, `malformed` when the file is damaged or not the schema, `interrupted`.
Status read_sqlite(const std::string& path, const std::atomic<bool>* stop_or_null,
                   RowPipeline& pipeline);

}  // namespace zc::ingest
