// The settings by which a run judges. They are kept with the run, so that it is resumed, shown and
// asked again in the same way.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "compare/rules.h"
#include "term/json.h"

namespace zc::results {

/// Rates, windows, workers and limits change no verdict and are not here: a run that was stopped
/// may go on slower.
struct RunSettings {
    compare::Policy policy;
    std::string zone_data;  // path of the store that says who is right; empty: none
    base::Duration timeout = base::Duration::milliseconds(1000);
    std::uint32_t sends = 3;
    std::uint32_t recheck = 2;
    base::Duration lag{};
    bool edns = false, dnssec_ok = false;  // added to questions in text

    /// Keys are an interface: {"rules_off":["ttl"],"ttl_tolerance":0,…}.
    term::Json json() const;
    /// Errors: `malformed`; `not_found`, a rule that this version does not know.
    static Result<RunSettings> parse(std::string_view text);
};

}  // namespace zc::results
