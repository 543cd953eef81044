// Shared by zonectl diff and zonectl shadow: which rules hold, where results go, the gates, the
// screen while it runs and what is said at the end.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "base/result.h"
#include "base/time.h"
#include "capture/source.h"
#include "diff.h"
#include "results/results.h"
#include "results/run_settings.h"
#include "runs/target.h"
#include "term/terminal.h"

namespace zc::cmd {

struct ComparisonOptions {
    results::RunSettings settings;  // its policy, after `check`
    std::vector<std::string> without;
    bool strict = false;
    std::string results = diff_results_default;
    std::string report;  // empty: none
    static constexpr base::Limit<std::uint64_t> max_unexplained_limit = {
        .name = "max-unexplained", .min = 0, .initial = 0, .max = 1'000'000'000'000'000};
    std::uint64_t max_unexplained = max_unexplained_limit.initial;
    std::string require_clean;  // empty: not wanted
    base::Duration clean_wanted{};

    /// Puts the policy and the gate together. Errors: `invalid`, what contradicts itself.
    Status check();
};
/// "What may differ".
void add_rules(CLI::App& app, ComparisonOptions& options);
/// "Results".
void add_results(CLI::App& app, ComparisonOptions& options);
/// Before stretches are kept: names what the import of `zone_data` (empty: none) left out. If
/// they cannot be looked up, it says so and the stretches stay as they are.
void name_left_out(term::Terminal& terminal, const std::string& zone_data,
                   std::vector<judge::Stretch>& stretches);
/// Two sides that lead to one server or store never differ: said, and compared all the same.
void warn_of_one_side(term::Terminal& terminal, const char* a_name, const runs::Target& a,
                      const char* b_name, const runs::Target& b);

/// Shows a run while it goes on: a screen on a terminal, a line now and then elsewhere, nothing with
/// --json.
class ComparisonView {
public:
    ComparisonView(term::Terminal& terminal, const results::RunInfo& info, std::uint64_t expected);
    ~ComparisonView();
    ComparisonView(const ComparisonView&) = delete;
    ComparisonView& operator=(const ComparisonView&) = delete;

    /// As often as you like.
    Status update(results::Results& results, std::uint64_t run);
    /// Puts the terminal back.
    void finish();
    base::Duration running() const;

private:
    class Work;
    std::unique_ptr<Work> work_;
};

/// How it ended. The caller fills the rest beside `results`.
struct Outcome {
    results::RunInfo run;
    results::Summary summary;
    std::vector<results::CaseInfo> cases;
    capture::SourceCounts source;
    term::Json front;  // of a live front; null: there was none
    base::Duration took{};
    std::uint64_t compared_now = 0;
    bool resumed = false, interrupted = false;
    bool too_many = false, not_clean_for_long = false;
    base::Duration clean{};  // over the whole file
    bool met() const noexcept { return !too_many && !not_clean_for_long; }
};
/// Reads what `results` has of the run, and looks at the gates. `compared_before`: by earlier
/// processes.
Status collect(Outcome& outcome, results::Results& results, const ComparisonOptions& options,
               std::uint64_t run, std::uint64_t compared_before);
/// Prints it, for people or as JSON, and writes the report.
Status tell(term::Terminal& terminal, results::Results& results, const ComparisonOptions& options,
            const Outcome& outcome);

}  // namespace zc::cmd
