// Inside of package ingest: SQL text, as pg_dump, mysqldump and sqlite3 .dump write it, into rows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ingest/byte_source.h"
#include "ingest/powerdns.h"
#include "ingest/row_pipeline.h"

namespace zc::ingest {

struct DumpOptions {
    DumpChoice choice;
    /// The meaning of a backslash in a string, where the dump does not tell: MySQL's escape, or
    /// itself.
    enum class Strings : std::uint8_t { unknown, standard, mysql } strings = Strings::unknown;
};

/// Reads a whole dump: COPY … FROM stdin with its lines, INSERT INTO … VALUES with or without
/// columns (then CREATE TABLE has to come before), in any order, and what zone2sql writes.
///
/// Every statement has its effect, or changes no row, or is an error: one that changes rows of a
/// table of PowerDNS's in another way (UPDATE, DELETE or DROP behind rows, COPY … FROM a file, …),
/// a first word that begins no statement. Bodies of triggers and functions are no data. Rows of
/// other tables, and of databases that `choice` leaves out, are counted, one finding a table.
///
/// Errors, `malformed`: a dump that is cut off (inside of a statement or a COPY, or without the
/// line with which the program that wrote it ends), text that is no SQL, no table of PowerDNS's.
/// `invalid`: rows of two databases. `unsupported`: a statement whose effect cannot be taken over,
/// COPY in another format than text.
Status read_dump(ByteSource& source, const std::string& name, const DumpOptions& options,
                 RowPipeline& pipeline);

/// Whether a statement of SQL begins with `word`, in any case.
bool begins_statement(std::string_view word);

}  // namespace zc::ingest
