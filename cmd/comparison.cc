#include "comparison.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "flags.h"
#include "report/screen.h"
#include "runs/left_out.h"
#include "runtime/clock.h"

namespace zc::cmd {
namespace {

constexpr base::Duration draw_interval = base::Duration::milliseconds(500);
constexpr base::Duration line_interval = base::Duration::seconds(10);
constexpr std::size_t cases_in_summary_max = 10;
constexpr std::size_t cases_in_json_max = 20;
constexpr std::size_t burn_down_max = 60;

term::Json json_of(const ComparisonOptions& options, const Outcome& outcome) {
    const auto number = [](std::uint64_t value) { return term::Json::number(value); };
    const auto boolean = [](bool value) { return term::Json::boolean(value); };
    const auto or_null = [](const std::string& text) {
        return text.empty() ? term::Json() : term::Json::string(text);
    };
    term::Json skipped = term::Json::object();
    for (std::size_t i = 0; i < capture::skipped_count; ++i)
        if (outcome.source.skipped[i] != 0)
            skipped.set(capture::to_string(static_cast<capture::Skipped>(i)),
                        number(outcome.source.skipped[i]));
    term::Json cases = term::Json::array();
    for (const results::CaseInfo& info : outcome.cases) {
        if (cases.elements().size() == cases_in_json_max) break;
        cases.add(case_json(info));
    }
    term::Json gate = term::Json::object();
    gate.set("max_unexplained", number(options.max_unexplained));
    gate.set("require_clean_seconds",
             options.require_clean.empty()
                 ? term::Json()
                 : number(static_cast<std::uint64_t>(options.clean_wanted.whole_seconds())));
    gate.set("met", boolean(outcome.met()));
    term::Json json = term::Json::object();
    json.set("old", outcome.run.older).set("new", outcome.run.newer);
    json.set("referee", or_null(outcome.run.referee)).set("source", outcome.run.source);
    json.set("results", options.results).set("run", number(outcome.run.id));
    json.set("resumed", boolean(outcome.resumed)).set("interrupted", boolean(outcome.interrupted));
    json.set("counts", tally_json(outcome.summary.sums)).set("skipped", std::move(skipped));
    json.set("from_answers", number(outcome.source.from_answers));
    json.set("cases", number(outcome.summary.cases));
    json.set("unexplained_cases", number(outcome.summary.unexplained_cases));
    json.set("last_unexplained", outcome.summary.last_unexplained
                                     ? time_json(*outcome.summary.last_unexplained)
                                     : term::Json());
    json.set("clean_seconds", term::Json::number(outcome.clean.as_seconds()));
    json.set("seconds", term::Json::number(outcome.took.as_seconds()));
    json.set("compared_now", number(outcome.compared_now));
    if (!outcome.front.is_null()) json.set("front", outcome.front);
    json.set("gate", std::move(gate)).set("top_cases", std::move(cases));
    return json;
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
    return term::grouped(count) + ' ' + std::string(count == 1 ? one : many);
}

/// " (lines 3, 9, 12 …)"
std::string which_lines(const capture::SourceCounts& counts, capture::Skipped why) {
    const std::uint64_t count = counts.skipped[static_cast<std::size_t>(why)];
    if (why != capture::Skipped::bad_line || count == 0) return "";
    std::string out = count == 1 ? " (line " : " (lines ";
    for (std::size_t i = 0; i < counts.bad_lines.size() && i < count; ++i)
        out += (i == 0 ? "" : ", ") + std::to_string(counts.bad_lines[i]);
    return out + (count > counts.bad_lines.size() ? " …)" : ")");
}

void print(term::Terminal& terminal, const ComparisonOptions& options, const Outcome& outcome) {
    const judge::Sums& sums = outcome.summary.sums;
    terminal.out(case_table(outcome.cases, cases_in_summary_max));
    if (outcome.cases.size() > cases_in_summary_max)
        terminal.out("and " + term::grouped(outcome.cases.size() - cases_in_summary_max) +
                     " more: zonectl diff list\n");
    const double seconds = std::max(0.001, outcome.took.as_seconds());
    term::Text text =
        counted(sums.asked, "question", "questions") + ": " + term::grouped(sums.compared) +
        " compared, " + term::grouped(sums.timed_out) + " timed out, " +
        term::grouped(sums.malformed) + " malformed, " + term::grouped(sums.dropped) +
        " dropped; in " + term::in_words(outcome.took) + ", " +
        term::grouped(
            static_cast<std::uint64_t>(static_cast<double>(outcome.compared_now) / seconds)) +
        " comparisons a second\n" + term::grouped(sums.same) + " the same (" +
        term::grouped(sums.identical) + " octet for octet), " +
        counted(sums.explained, "difference", "differences") + " explained, " +
        term::Text(sums.unexplained == 0 ? term::Style::green : term::Style::red,
                   counted(sums.unexplained, "difference", "differences") + " unexplained") +
        "\n";
    std::string skipped;
    for (std::size_t i = 0; i < capture::skipped_count; ++i)
        if (outcome.source.skipped[i] != 0)
            skipped += (skipped.empty() ? "" : ", ") + term::grouped(outcome.source.skipped[i]) +
                       ' ' + std::string(capture::to_string(static_cast<capture::Skipped>(i))) +
                       which_lines(outcome.source, static_cast<capture::Skipped>(i));
    if (outcome.source.from_answers != 0)
        text += counted(outcome.source.from_answers, "question was", "questions were") +
                " made of an answer that stands alone in the source\n";
    if (!skipped.empty()) text += "passed over in the source: " + skipped + '\n';
    if (outcome.too_many && options.max_unexplained != 0)
        text += "more than the " + term::grouped(options.max_unexplained) +
                " unexplained differences of --max-unexplained\n";
    if (outcome.not_clean_for_long)
        text += "clean for " + term::in_words(outcome.clean) + " of comparing, wanted " +
                term::in_words(options.clean_wanted) + '\n';
    if (sums.differences() > 0)
        text += "zonectl diff show CASE and zonectl diff explain CASE tell more" +
                (options.results == diff_results_default ? std::string()
                                                         : " (--results " + options.results + ')') +
                '\n';
    terminal.out(text);
}

}  // namespace

void name_left_out(term::Terminal& terminal, const std::string& zone_data,
                   std::vector<judge::Stretch>& stretches) {
    if (zone_data.empty()) return;
    if (const Status status = runs::name_left_out(zone_data, stretches); !status)
        terminal.warn(status.error().text());
}

void warn_of_one_side(term::Terminal& terminal, const char* a_name, const runs::Target& a,
                      const char* b_name, const runs::Target& b) {
    if (!runs::is_one_target(a, b)) return;
    terminal.warn(std::string(a_name) + ' ' + a.text + " and " + b_name + ' ' + b.text +
                  (a.kind == runs::Target::Kind::store ? " are one store" : " are one server") +
                  ": it is compared with itself");
}

Status ComparisonOptions::check() {
    if (!require_clean.empty()) {
        ZC_TRY(clean_wanted, parse_duration(require_clean));
    }
    if (strict) {
        if (!without.empty())
            return fail(Errc::invalid, "--without: --strict has no rules to switch off");
        settings.policy = compare::Policy::strict();
    }
    for (const std::string& name : without) {
        ZC_TRY(const compare::Rule rule, compare::parse_rule(name));
        settings.policy.rules.remove(rule);
    }
    return {};
}

class ComparisonView::Work {
public:
    Work(term::Terminal& terminal, const results::RunInfo& info, std::uint64_t expected)
        : terminal_(terminal), screen_(terminal), start_(runtime::monotonic()), shown_(start_) {
        state_.older = info.older;
        state_.newer = info.newer;
        state_.source = info.source;
        state_.expected = expected;
        compared_before_ = info.sums.compared;
    }

    Status update(results::Results& results, std::uint64_t run) {
        const base::Duration now = runtime::monotonic();
        const base::Duration interval = terminal_.redraws() ? draw_interval : line_interval;
        if (terminal_.json() || now - shown_ < interval) return {};
        ZC_TRY(state_.summary, results.summary(run));
        ZC_TRY(state_.cases, results.cases(run));
        state_.now = runtime::now();
        state_.running = now - start_;
        const judge::Sums& sums = state_.summary.sums;
        state_.done = sums.asked;
        if (!last_) last_ = Point{start_, compared_before_, sums.unexplained};
        const double seconds = (now - last_->at).as_seconds();
        if (seconds > 0)
            state_.rate = static_cast<double>(sums.compared - last_->compared) / seconds;
        state_.rate_mean = static_cast<double>(sums.compared - compared_before_) /
                           std::max(0.001, state_.running.as_seconds());
        // A character of the burn-down is so much time that all of the run fits in: twice as much
        // each time the line is full.
        if (now - column_start_ >= column_) {
            state_.burn_down.push_back(sums.unexplained -
                                       std::min(sums.unexplained, column_unexplained_));
            column_unexplained_ = sums.unexplained;
            column_start_ = now;
            if (state_.burn_down.size() == burn_down_max) {
                for (std::size_t i = 0; i < burn_down_max / 2; ++i)
                    state_.burn_down[i] = state_.burn_down[2 * i] + state_.burn_down[2 * i + 1];
                state_.burn_down.resize(burn_down_max / 2);
                column_ = column_ * 2;
            }
        }
        last_ = Point{now, sums.compared, sums.unexplained};
        shown_ = now;
        if (terminal_.redraws())
            screen_.draw(report::screen_lines(state_, screen_.size()));
        else
            terminal_.say(report::progress_line(state_));
        return {};
    }

    void finish() { screen_.finish(); }
    base::Duration running() const { return runtime::monotonic() - start_; }

private:
    struct Point {
        base::Duration at;
        std::uint64_t compared = 0, unexplained = 0;
    };
    term::Terminal& terminal_;
    term::Screen screen_;
    base::Duration start_, shown_;
    report::ScreenState state_;
    std::uint64_t compared_before_ = 0;
    std::optional<Point> last_;
    base::Duration column_ = base::Duration::seconds(1);
    base::Duration column_start_{};
    std::uint64_t column_unexplained_ = 0;
};

ComparisonView::ComparisonView(term::Terminal& terminal, const results::RunInfo& info,
                               std::uint64_t expected)
    : work_(std::make_unique<Work>(terminal, info, expected)) {}

ComparisonView::~ComparisonView() = default;

Status ComparisonView::update(results::Results& results, std::uint64_t run) {
    return work_->update(results, run);
}

void ComparisonView::finish() {
    work_->finish();
}

base::Duration ComparisonView::running() const {
    return work_->running();
}

Status collect(Outcome& outcome, results::Results& results, const ComparisonOptions& options,
               std::uint64_t run, std::uint64_t compared_before) {
    ZC_TRY(outcome.run, results.one_run(run));
    ZC_TRY(outcome.summary, results.summary(run));
    ZC_TRY(outcome.cases, results.cases(run));
    ZC_TRY(const results::Summary whole, results.summary());
    outcome.clean = whole.clean;
    outcome.compared_now = outcome.summary.sums.compared - compared_before;
    outcome.too_many = outcome.summary.sums.unexplained > options.max_unexplained;
    outcome.not_clean_for_long =
        !options.require_clean.empty() && outcome.clean < options.clean_wanted;
    return {};
}

Status tell(term::Terminal& terminal, results::Results& results, const ComparisonOptions& options,
            const Outcome& outcome) {
    if (terminal.json())
        terminal.out(json_of(options, outcome));
    else
        print(terminal, options, outcome);
    return options.report.empty() ? Status() : write_report(results, options.report, terminal);
}

void add_rules(CLI::App& app, ComparisonOptions& options) {
    const char* const rules = "Allowed differences";
    add_switch(app, "--strict", options.strict, "Allow only the ID to differ: no rules")
        ->group(rules);
    add_list(app, "--without", options.without, "RULE", "Switch a rule off",
             parses(compare::parse_rule))
        ->group(rules);
    add_number(app, compare::Policy::ttl_tolerance_limit, options.settings.policy.ttl_tolerance,
               "Allowed difference of TTLs")
        ->group(rules);
    add_number(app, compare::Policy::serial_lag_limit, options.settings.policy.serial_lag,
               "Allowed difference of SOA serials")
        ->group(rules);
}

void add_results(CLI::App& app, ComparisonOptions& options) {
    const char* const outcome = "Results";
    add_text(app, "--results", options.results, "FILE",
             "File of runs, cases and samples; created if it does not exist")
        ->group(outcome);
    add_number(app, ComparisonOptions::max_unexplained_limit, options.max_unexplained,
               "Gate: exit code 1 if the run has more unexplained differences than this")
        ->group(outcome);
    add_text(app, "--require-clean", options.require_clean, "DURATION",
             "Gate: exit code 1 until this much time of comparing has passed without an "
             "unexplained difference, over all runs of the results: 72h, 30m",
             parses(parse_duration))
        ->group(outcome);
    add_text(app, "--report", options.report, "FILE", "Write an HTML page at the end")
        ->group(outcome);
}

}  // namespace zc::cmd
