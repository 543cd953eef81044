// The counts of a comparison, and the samples that it keeps of differences: plain values, which go
// from the comparing threads to the file of results and to the screen.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ask/stray.h"
#include "base/time.h"
#include "compare/compare.h"
#include "compare/rules.h"
#include "compare/verdict.h"
#include "dns/types.h"

namespace zc::judge {

/// The sides of a comparison; the referee is asked only about differences.
enum class Side : std::uint8_t { older, newer, referee };
inline constexpr std::size_t sides = 3;
constexpr std::size_t index_of(Side side) noexcept {
    return static_cast<std::size_t>(side);
}
std::string_view to_string(Side side) noexcept;  // "old", "new", "referee"

/// Sums of any stretch of a run. Always asked = compared + timed_out + dropped + malformed.
struct Sums {
    std::uint64_t asked = 0;      // questions taken from the source
    std::uint64_t compared = 0;   // both sides gave a response that can be compared
    std::uint64_t timed_out = 0;  // a side gave none, after all repeats
    std::uint64_t dropped = 0;    // live: no room to ask; otherwise: the run ended before
    std::uint64_t malformed = 0;  // the question, or a side's response, is no DNS message for this

    std::uint64_t same = 0;       // of compared
    std::uint64_t identical = 0;  // of same: octet for octet, ID aside
    std::uint64_t explained = 0;  // differences with a verdict that needs nobody, or accepted
    std::uint64_t unexplained = 0;
    /// Differences and sameness alike: pairs that needed the rule.
    std::array<std::uint64_t, compare::rule_count> by_rule{};
    /// Differences (compared, timed out or malformed) by label and verdict.
    std::array<std::uint64_t, compare::what_count> by_what{};
    std::array<std::uint64_t, compare::where_count> by_where{};
    std::array<std::uint64_t, compare::verdict_count> by_verdict{};
    std::array<std::array<std::uint64_t, ask::stray_count>, sides> stray{};
    std::array<std::uint64_t, sides> timeouts{};  // of questions, by who did not answer
    std::array<std::uint64_t, sides> repeats{};   // messages sent again
    std::uint64_t asked_again = 0;                // differences that were
    /// Those of asked_again that stand as they were first seen, because a side did not answer.
    std::uint64_t unconfirmed = 0;

    void add(const Sums& other, std::uint64_t times = 1) noexcept;
    bool balanced() const noexcept { return asked == compared + timed_out + dropped + malformed; }
    std::uint64_t differences() const noexcept { return explained + unexplained; }
};

/// One difference with all that is needed to look at it again.
struct Sample {
    std::uint64_t position = 0;  // in the source
    base::Instant at{};          // when it was compared
    dns::Transport transport = dns::Transport::udp;
    std::vector<std::uint8_t> query, older, newer, referee;  // messages; empty: there is none
    compare::Judgement judgement;
    std::string cause;  // compare::Difference::cause
    std::vector<std::string> facets;
};

/// Octets that a sample holds, about.
std::size_t octets_of(const Sample& sample) noexcept;

/// Differences of one cause with the same labels and verdict.
struct CaseCount {
    std::string cause;
    compare::What what{};
    compare::Where where{};
    compare::Verdict verdict{};
    std::uint64_t count = 0;
};

/// Counts by case, each case once. Bounded: from `cases_max` on, what is a new case is counted
/// under the cause `other_causes`, with its labels and verdict, so that no sum loses anything.
class CaseCounts {
public:
    static constexpr std::size_t cases_max = 4096;
    static constexpr std::string_view other_causes = "other causes";

    /// Gives what has been counted in its case, with this. Cost: a look-up by hash.
    std::uint64_t add(CaseCount one);
    auto begin() const noexcept { return items_.begin(); }
    auto end() const noexcept { return items_.end(); }
    const CaseCount& operator[](std::size_t i) const noexcept { return items_[i]; }
    std::size_t size() const noexcept { return items_.size(); }
    bool empty() const noexcept { return items_.empty(); }
    std::size_t octets() const noexcept { return octets_; }  // of memory, about

private:
    std::vector<CaseCount> items_;
    std::unordered_map<std::string, std::size_t> places_;  // of items, by cause and labels
    std::size_t octets_ = 0;
};

/// The counts, cases and samples of consecutive questions. It is handed over whole: the file of
/// results never has half of one.
struct Stretch {
    std::uint64_t first = 0, last = 0;  // positions in the source, first <= last
    Sums sums;
    /// Every difference counts in `cases`; `samples` has the first few of each cause, as far as
    /// `keep` takes them.
    CaseCounts cases;
    std::vector<Sample> samples;
    std::size_t samples_octets = 0;  // of those that `keep` took

    static constexpr std::size_t samples_max = 1000, samples_octets_max = std::size_t{8} << 20;
    /// False: there is no room for it, and it is dropped.
    bool keep(Sample&& sample);
    /// That it holds, about.
    std::size_t octets() const noexcept { return cases.octets() + samples_octets; }
};

}  // namespace zc::judge
