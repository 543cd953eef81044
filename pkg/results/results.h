// The file of results: runs, cases, samples, counters by minute. SQLite, in WAL mode, so that it
// can be looked at while a run goes on.
//
// A case is a cause with its labels and verdict: one bug is one case with n samples, not n lines;
// it lives on over runs. If the process is killed at any moment, the file is whole and holds
// exactly the questions up to `RunInfo::position`.
//
//   runs          what was compared, how far it came, its sums
//   cases         cause, labels, verdict (unique together); why it was accepted
//   case_runs     case, run -> count, when first and last seen
//   case_minutes  case, run, minute -> count: what accepting a case moves to "explained"
//   minutes       run, minute -> sums
//   samples       the first of a case, with all messages
//
// Sums are text, "asked=5;compared=5;rule.ttl=3", only what is not 0: readable in any SQLite shell,
// and a name that is added later is no new format. Sketch: a minute is 300 octets, so six weeks are
// 18 MB; a case that recurs in every minute of them costs 1.5 MB more.
//
// Errors: those of package sqlite; `unsupported` for a file of a newer format or of something else.
// Threads: an object belongs to one thread at a time; several processes may have the file open.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "judge/stretch.h"

namespace zc::results {

struct RunInfo {
    std::uint64_t id = 0;
    base::Instant started{};
    base::Instant updated{};  // of the last stretch
    bool finished = false;    // the source came to its end
    std::string source;       // "queries.txt", "zones of store.db", "live at 192.0.2.53:53"
    std::string older, newer, referee;  // targets as they were given
    std::string settings;        // policy and pacing, as JSON: a resumed run must have the same
    std::uint64_t position = 0;  // everything up to here is in `sums`
    judge::Sums sums;
};

struct CaseInfo {
    std::uint64_t id = 0;
    std::string cause;
    compare::What what{};
    compare::Where where{};
    compare::Verdict verdict{};
    std::optional<compare::Rule> rule;
    std::string sentence, clause;  // of its first sample
    std::uint64_t count = 0;
    std::uint64_t samples = 0;  // kept
    std::uint64_t first_run = 0, last_run = 0;
    base::Instant first_seen{}, last_seen{};
    std::optional<std::string> accepted;  // why, by whom it was accepted: explained from then on
    std::optional<base::Instant> accepted_at;
    std::string example;  // "www.example. A" of its first sample
    bool explained() const noexcept { return accepted || compare::is_explained(verdict, what); }
};

struct Minute {
    base::Instant begin{};
    std::uint64_t run = 0;
    base::Instant first{}, last{};  // when in it the comparing began and ended: for rates
    judge::Sums sums;
};

/// The file as a whole, or some of its runs.
struct Summary {
    judge::Sums sums;  // of all runs that were asked for
    std::uint64_t cases = 0, unexplained_cases = 0;
    /// When an unexplained difference was last seen; absent: never. Accepting a case takes its
    /// differences out.
    std::optional<base::Instant> last_unexplained;
    std::optional<base::Instant> first_compared, last_compared;
    /// For how long nothing unexplained was seen while comparing went on: from the last unexplained
    /// difference, or from the first comparison, to the last one; pauses longer than `pause_max`
    /// do not count.
    base::Duration clean{};
    static constexpr base::Duration pause_max = base::Duration::seconds(600);
};

class Results {
public:
    static constexpr std::uint64_t samples_kept_max = 20;  // of a case

    /// Opens, makes it if it is not there.
    static Result<Results> open(const std::string& path);
    /// Must be there.
    static Result<Results> open_read_only(const std::string& path);
    Results(Results&&) noexcept;
    Results& operator=(Results&&) noexcept;
    ~Results();

    /// For one that compares `older` with `newer`: nobody else may until these results are closed.
    /// Errors: `busy`, somebody does; `exists`, what is there is of another pair.
    Status claim(std::string_view older, std::string_view newer);
    /// Begins a run; gives its number.
    Result<std::uint64_t> begin(const RunInfo& run);
    /// The latest run that is not finished and has this source, targets and settings.
    Result<std::optional<RunInfo>> unfinished(const RunInfo& like);
    /// Adds stretches, in one durable transaction: all or none. They follow each other and what is
    /// there already; one in which nothing was asked has no place, and only its counts are added.
    /// `Sums::explained` and `unexplained` are set here, from verdicts and acceptance: those of
    /// the stretches are not looked at. Errors: `invalid`, a stretch that does not follow, or whose
    /// counts do not add up. Cost: a sync of the disk, so collect for about a second.
    Status add(std::uint64_t run, std::vector<judge::Stretch> stretches, base::Instant now);
    Status finish(std::uint64_t run, base::Instant now);

    Result<std::vector<RunInfo>> runs();
    Result<RunInfo> one_run(std::uint64_t id);  // `not_found`
    /// Unexplained first, then by count. `run`: only what was seen in it.
    Result<std::vector<CaseInfo>> cases(std::optional<std::uint64_t> run = std::nullopt);
    Result<CaseInfo> one_case(std::uint64_t id);  // `not_found`
    Result<std::vector<judge::Sample>> samples(std::uint64_t case_id);
    Result<std::vector<Minute>> minutes(std::optional<std::uint64_t> run = std::nullopt);
    Result<Summary> summary(std::optional<std::uint64_t> run = std::nullopt);

    /// Takes a case as known: it counts as explained, in all runs, from its first sample on.
    Status accept(std::uint64_t case_id, std::string_view why, base::Instant now);
    Status unaccept(std::uint64_t case_id);

private:
    struct Work;
    explicit Results(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::results
