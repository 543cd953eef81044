// Shared by the verbs of zonectl diff: reading and showing cases.
#pragma once

#include <string>

#include <CLI/App.hpp>

#include "base/result.h"
#include "base/time.h"
#include "judge/stretch.h"
#include "results/results.h"
#include "term/json.h"
#include "term/terminal.h"

namespace zc::cmd {

inline constexpr const char* diff_results_default = "zonectl-diff.db";

void add_results(CLI::App& app, std::string& path);

/// "90s", "15m", "72h", "3d": days at most. Error: `malformed`.
Result<base::Duration> parse_duration(std::string_view text);

/// Keys are an interface: testdata/cli/diff_json.txt.
term::Json case_json(const results::CaseInfo& info);
term::Json tally_json(const judge::Sums& sums);
/// "2026-01-31T12:00:05Z".
term::Json time_json(base::Instant instant);

/// A table for people, of the first `rows_max`.
std::string case_table(const std::vector<results::CaseInfo>& cases, std::size_t rows_max);

/// Writes the report of what is in `results`: the new page or the old one, never half. "-" is
/// stdout.
Status write_report(results::Results& results, const std::string& path, term::Terminal& terminal);

}  // namespace zc::cmd
