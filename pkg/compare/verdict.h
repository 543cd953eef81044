// Which of two differing responses is right.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/octets.h"
#include "base/result.h"
#include "catalogue/catalogue.h"
#include "compare/compare.h"
#include "compare/reading.h"

namespace zc::compare {

enum class Verdict : std::uint8_t {
    newer_wrong,
    older_wrong,
    both_wrong,
    both_legal,  // a rule says why
    unstable,    // asked again, a side differs from itself
    in_flight,   // the sides had different versions of the zone; asked again later they agree
    undecided,   // no zone data at hand, no referee, no rule; or the old server has other data
};
inline constexpr std::size_t verdict_count = static_cast<std::size_t>(Verdict::undecided) + 1;
/// "new wrong", "old wrong", …
std::string_view to_string(Verdict verdict) noexcept;
Result<Verdict> parse_verdict(std::string_view text);
/// Nothing that stands in the way of the new server: both are right, or the old one is wrong and it
/// is known why. An old server that did not answer explains nothing: what it would have said is not
/// known.
constexpr bool is_explained(Verdict verdict, What what) noexcept {
    return verdict == Verdict::both_legal || verdict == Verdict::in_flight ||
           (verdict == Verdict::older_wrong && what != What::timeout);
}

struct Judgement {
    Verdict verdict = Verdict::undecided;
    What what{};  // the labels, by the zone data where it is at hand
    Where where{};
    std::optional<Rule> rule;  // of both_legal
    std::string sentence;      // "the new server says NXDOMAIN for a name that has names below it"
    std::string clause;        // "RFC 8020 section 2"; empty when nothing but a referee decided
};

/// Zone data, and what it says to the question. Both have to outlive the judging.
struct Evidence {
    const catalogue::Catalogue& zones;
    const Reading& reading;
};

/// Judges a difference. Evidence, where there is any, decides, but for what an import may have got
/// wrong: an old server that has other data (other_data.h tells) is not wrong by data that came
/// from it, and the difference stays unexplained. Without it a referee's answer decides (with whom
/// it agrees under the policy of `comparer`; empty: there is none), else a rule of the kind `legal`
/// that the responses themselves show, else nothing.
Judgement judge(Comparer& comparer, const Asked& asked, base::Octets older, base::Octets newer,
                const Difference& difference, const Evidence* evidence_or_null,
                base::Octets referee);

}  // namespace zc::compare
