// Results for people: one HTML page with its charts in it, that can be mailed and opened anywhere.
#pragma once

#include <string>

#include "base/result.h"
#include "base/time.h"
#include "results/results.h"

namespace zc::report {

/// A page without any reference to the outside: what was compared, shares by verdict and label,
/// counters over time, burn-down of unexplained differences, rules that were needed, every case
/// with its first samples side by side. Text of foreign origin is escaped.
Result<std::string> html_report(results::Results& results, base::Instant now);

}  // namespace zc::report
