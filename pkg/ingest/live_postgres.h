// Inside of package ingest: a running PostgreSQL as a source of rows.
#pragma once

#include <atomic>
#include <string>

#include "base/result.h"
#include "ingest/row_pipeline.h"

namespace zc::ingest {

/// Copies the tables of PowerDNS's schema that the connection's search path finds, all as of one
/// moment (REPEATABLE READ, read only). The number of a row in its table stands for its line. `uri`
/// may hold a password: no message shows it.
///
/// Errors: `io` (no connection, wrong password, the connection broke), `malformed` (not the
/// schema), `interrupted`.
Status read_live_postgres(const std::string& uri, const std::atomic<bool>* stop_or_null,
                          RowPipeline& pipeline);

/// The URI without its password, for reports.
std::string shown_uri(const std::string& uri);

}  // namespace zc::ingest
