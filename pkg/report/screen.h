// The screen while a comparison runs: a pure function from the state of the run to lines.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "results/results.h"
#include "term/terminal.h"

namespace zc::report {

struct ScreenState {
    std::string older, newer, source;
    base::Duration running{};    // since this process began
    std::uint64_t done = 0;      // questions taken from the source, resumed ones included
    std::uint64_t expected = 0;  // 0: not known
    double rate = 0;             // comparisons a second, over the last seconds
    double rate_mean = 0;        // and since this process began
    results::Summary summary;    // of the run
    base::Instant now{};
    /// Unexplained differences by equal stretches of time, the latest last.
    std::vector<std::uint64_t> burn_down;
    std::vector<results::CaseInfo> cases;  // as Results::cases gives them
};

/// Fits into `size`: at least 40 columns and 10 rows are made use of. Text of foreign origin has
/// its control characters replaced.
std::vector<term::Screen::Line> screen_lines(const ScreenState& state, term::Screen::Size size);

/// The same in one line, for what is no terminal: "12,345 compared (4,000/s), 3 unexplained in 1
/// case, 2 timed out".
std::string progress_line(const ScreenState& state);

}  // namespace zc::report
