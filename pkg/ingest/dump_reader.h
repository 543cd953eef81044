// Inside of package ingest: SQL text, as pg_dump, mysqldump and sqlite3 .dump write it, into rows.
#pragma once

#include "base/result.h"
#include "ingest/byte_source.h"
#include "ingest/row_pipeline.h"

namespace zc::ingest {

/// Reads a whole dump: COPY … FROM stdin with its lines, INSERT INTO … VALUES with or without
/// columns (then CREATE TABLE has to come before), in any order. Other statements are passed over,
/// other tables counted.
///
/// Errors, `malformed`: a dump that is cut off (inside of a statement or a COPY, or without the
/// line with which the program that wrote it ends), text that is no SQL, no table of PowerDNS's.
/// `unsupported`: COPY in another format than text.
Status read_dump(ByteSource& source, const std::string& name, RowPipeline& pipeline);

}  // namespace zc::ingest
