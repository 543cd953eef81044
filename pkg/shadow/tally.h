// What a comparison counts, and what it keeps of a difference: plain values, from those who compare
// to the file of results and to the screen.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "compare/compare.h"
#include "compare/rules.h"
#include "compare/verdict.h"
#include "dns/types.h"

namespace zc::shadow {

/// The sides of a comparison; the referee is asked only about differences.
enum class Side : std::uint8_t { older, newer, referee };
inline constexpr std::size_t sides = 3;
std::string_view to_string(Side side) noexcept;  // "old", "new", "referee"

/// What came from a target and is not the answer to a question in flight: counted by name, and
/// never compared.
enum class Stray : std::uint8_t {
    late,            // the question had been given up
    twice,           // it had been answered
    other_source,    // from another address or port than was asked
    other_id,        // an ID that no question in flight has
    other_question,  // ID of one, and another question
    no_message,      // shorter than a header, QR clear
    reset,           // a TCP connection that ended with questions open, or a port that refuses
};
inline constexpr std::size_t stray_count = static_cast<std::size_t>(Stray::reset) + 1;
std::string_view to_string(Stray stray) noexcept;

/// Sums of any stretch of a run. Always asked = compared + timed_out + dropped + malformed.
struct Tally {
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
    std::array<std::array<std::uint64_t, stray_count>, sides> stray{};
    std::array<std::uint64_t, sides> timeouts{};  // of questions, by who did not answer
    std::array<std::uint64_t, sides> repeats{};   // messages sent again
    /// Differences that stand as they were first seen: asked again, a side did not answer.
    std::uint64_t unconfirmed = 0;

    void add(const Tally& other) noexcept;
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

/// What a stretch of consecutive questions came to. Handed over whole: the file of results never
/// has half of one.
struct Stretch {
    std::uint64_t first = 0, last = 0;  // positions in the source, first <= last
    Tally tally;
    /// Every difference counts in `cases`; `samples` has the first few of each cause.
    struct CaseCount {
        std::string cause;
        compare::What what{};
        compare::Where where{};
        compare::Verdict verdict{};
        std::uint64_t count = 0;
    };
    std::vector<CaseCount> cases;
    std::vector<Sample> samples;
};

}  // namespace zc::shadow
