// zonectl diff: the same questions to two servers, every difference explained.
#include "diff.h"

#include <cerrno>
#include <charconv>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <unistd.h>

#include "capture/source.h"
#include "flags.h"
#include "runtime/clock.h"
#include "shadow/present.h"
#include "shadow/report.h"
#include "shadow/run.h"
#include "shadow/screen.h"
#include "shadow/settings.h"
#include "stop.h"
#include "verbs.h"

namespace zc::cmd {
namespace {

constexpr base::Duration flush_interval = base::Duration::milliseconds(1000);
constexpr base::Duration draw_interval = base::Duration::milliseconds(500);
constexpr base::Duration line_interval = base::Duration::seconds(10);
constexpr std::size_t stretches_waiting_max = 4096;  // then the run waits for the disk
constexpr std::size_t cases_in_summary_max = 10;
constexpr std::size_t cases_in_json_max = 20;
constexpr std::size_t burn_down_max = 60;

struct DiffOptions {
    std::string file, from_zones, dnstap, interface, zone_data, report;
    std::string results = diff_results_default;
    std::string older, newer, referee;
    shadow::RunOptions run;
    shadow::Settings settings;
    std::uint16_t capture_port = 53;
    std::vector<std::string> without;
    std::uint32_t timeout_milliseconds = 1000;
    std::uint64_t limit = 0;
    std::uint64_t max_unexplained = 0;
    std::string require_clean;
    bool strict = false;
    bool resume = true;
};

/// The stores that are needed, each opened once.
class Stores {
public:
    Result<const store::Catalogue*> open(const std::string& path) {
        auto at = stores_.find(path);
        if (at == stores_.end()) {
            ZC_TRY(shadow::OpenStore store, shadow::OpenStore::open(path));
            at = stores_.emplace(path, std::move(store)).first;
        }
        return &at->second.zones();
    }

private:
    std::map<std::string, shadow::OpenStore> stores_;
};

/// Everything that a run needs, opened and checked.
struct Prepared {
    Stores stores;
    std::unique_ptr<capture::Source> source;
    shadow::RunOptions run;
    shadow::RunInfo info;
    base::Duration require_clean{};
    bool resumable = true;
};

Result<std::string> pick_zone_data(const DiffOptions& options, const shadow::RunOptions& run) {
    if (options.zone_data == "none") return std::string();
    if (!options.zone_data.empty()) return options.zone_data;
    for (const shadow::Target* target : {&run.newer, &run.older})
        if (target->kind == shadow::Target::Kind::store) return target->path;
    return options.from_zones;
}

Status open_source(const DiffOptions& options, bool recorded, Prepared& out) {
    capture::SourceOptions source;
    source.port = options.capture_port;
    source.edns = options.settings.edns;
    source.dnssec_ok = options.settings.dnssec_ok;
    if (recorded) source.answers = capture::SourceOptions::Answers::wanted;
    if (!options.from_zones.empty()) {
        ZC_TRY(const store::Catalogue* zones, out.stores.open(options.from_zones));
        out.source = capture::from_zones(*zones, {});
        out.info.source = "zones of " + options.from_zones;
    } else if (!options.dnstap.empty()) {
        ZC_TRY(out.source, capture::listen_dnstap(options.dnstap, source));
        out.info.source = "dnstap at " + options.dnstap;
    } else if (!options.interface.empty()) {
        ZC_TRY(out.source, capture::listen_interface(options.interface, source));
        out.info.source = "traffic at " + options.interface;
    } else {
        ZC_TRY(out.source, capture::open_file(options.file, source));
        out.info.source = options.file == "-" ? "stdin" : options.file;
        // What comes by a pipe the next time is something else.
        out.resumable = options.file != "-";
    }
    if (out.source->live()) out.resumable = false;
    return {};
}

Status prepare(const DiffOptions& options, Prepared& out) {
    using Kind = shadow::Target::Kind;
    const auto wanted = [](const std::string& what) { return fail(Errc::invalid, what); };
    const int sources =
        static_cast<int>(!options.file.empty()) + static_cast<int>(!options.from_zones.empty()) +
        static_cast<int>(!options.dnstap.empty()) + static_cast<int>(!options.interface.empty());
    if (sources != 1)
        return wanted(std::string(sources == 0 ? "no questions" : "several sources of questions") +
                      ": wanted one of FILE, --from-zones, --dnstap, --interface");
    if (options.older.empty()) return wanted("--old: wanted a target, such as 192.0.2.1:5300");
    if (options.newer.empty()) return wanted("--new: wanted a target, such as store:new.db");

    out.run = options.run;
    ZC_TRY(out.run.older, shadow::parse_target(options.older));
    ZC_TRY(out.run.newer, shadow::parse_target(options.newer));
    if (!options.referee.empty()) {
        ZC_TRY(shadow::Target referee, shadow::parse_target(options.referee));
        if (referee.kind == Kind::recorded) return wanted("--referee: a recording cannot be asked");
        out.run.referee = std::move(referee);
    }
    const bool recorded =
        out.run.older.kind == Kind::recorded || out.run.newer.kind == Kind::recorded;
    if (out.run.older.kind == Kind::recorded && out.run.newer.kind == Kind::recorded)
        return wanted("--old and --new: one of them at least has to be asked");
    if (recorded && !options.from_zones.empty())
        return wanted("recorded: --from-zones has no answers, wanted a capture");
    if (!options.require_clean.empty())
        ZC_TRY_STATUS([&]() -> Status {
            ZC_TRY(out.require_clean, parse_duration(options.require_clean));
            return {};
        }());

    shadow::Settings settings = options.settings;
    if (options.strict) {
        if (!options.without.empty())
            return wanted("--strict has no rule that --without could take away");
        settings.policy = compare::Policy::strict();
    }
    for (const std::string& name : options.without) {
        ZC_TRY(const compare::Rule rule, compare::parse_rule(name));
        settings.policy.rules.remove(rule);
    }
    settings.timeout = base::Duration::milliseconds(options.timeout_milliseconds);
    settings.sends = options.run.sends;
    settings.recheck = options.run.recheck;
    settings.lag = options.run.lag;
    ZC_TRY(settings.zone_data, pick_zone_data(options, out.run));

    out.run.policy = settings.policy;
    out.run.timeout = settings.timeout;
    const std::array<const shadow::Target*, shadow::sides> targets = {
        &out.run.older, &out.run.newer, out.run.referee ? &*out.run.referee : nullptr};
    for (std::size_t side = 0; side < targets.size(); ++side)
        if (targets[side] != nullptr && targets[side]->kind == Kind::store) {
            ZC_TRY(out.run.stores[side], out.stores.open(targets[side]->path));
        }
    if (!settings.zone_data.empty()) {
        ZC_TRY(out.run.zones_or_null, out.stores.open(settings.zone_data));
    }
    if (options.limit != 0) out.run.questions_max = options.limit;
    ZC_TRY_STATUS(open_source(options, recorded, out));
    out.info.older = options.older;
    out.info.newer = options.newer;
    out.info.referee = options.referee;
    out.info.settings = settings.json().serialize();
    return {};
}

/// The run of the file that is gone on with, or a new one.
Status begin(shadow::Results& results, const DiffOptions& options, Prepared& prepared) {
    ZC_TRY(const std::vector<shadow::RunInfo> runs, results.runs());
    shadow::RunInfo& info = prepared.info;
    if (!runs.empty() && (runs.back().older != info.older || runs.back().newer != info.newer))
        return fail(Errc::exists,
                    "results of " + runs.back().older + " and " + runs.back().newer +
                        "; another pair wants a file of its own (--results)",
                    {.source = options.results});
    if (options.resume && prepared.resumable) {
        ZC_TRY(const auto before, results.unfinished(info));
        if (before) {
            info = *before;
            ZC_TRY_STATUS(prepared.source->resume_behind(info.position));
            if (options.limit != 0)
                prepared.run.questions_max =
                    options.limit - std::min(options.limit, info.tally.asked);
            return {};
        }
    }
    info.started = runtime::now();
    ZC_TRY(info.id, results.begin(info));
    return {};
}

/// Between the threads: what `run` has delivered and the file does not have yet.
class Waiting {
public:
    /// Waits while there is too much already. False: `stop` was called.
    bool put(shadow::Stretch&& stretch) {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [this] { return stretches_.size() < stretches_waiting_max || refused_; });
        if (refused_) return false;
        stretches_.push_back(std::move(stretch));
        return true;
    }
    /// Nothing is taken any more: the file cannot be written.
    void refuse() {
        const std::lock_guard lock(mutex_);
        refused_ = true;
        room_.notify_all();
    }
    std::vector<shadow::Stretch> take() {
        const std::lock_guard lock(mutex_);
        room_.notify_all();
        return std::exchange(stretches_, {});
    }
    void end(Status status) {
        const std::lock_guard lock(mutex_);
        ended_ = true;
        status_ = std::move(status);
        changed_.notify_all();
    }
    /// True: the run has ended.
    bool wait(base::Duration at_most) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, std::chrono::nanoseconds(at_most.nanoseconds),
                                 [this] { return ended_; });
    }
    const Status& status() const noexcept { return status_; }

private:
    std::mutex mutex_;
    std::condition_variable room_, changed_;
    std::vector<shadow::Stretch> stretches_;
    bool refused_ = false, ended_ = false;
    Status status_;
};

/// What is shown while it runs.
class View {
public:
    View(term::Terminal& terminal, const Prepared& prepared)
        : terminal_(terminal), screen_(terminal), start_(runtime::monotonic()), shown_(start_) {
        state_.older = prepared.info.older;
        state_.newer = prepared.info.newer;
        state_.source = prepared.info.source;
        state_.expected = prepared.source->expected();
        compared_before_ = prepared.info.tally.compared;
    }

    Status update(shadow::Results& results, std::uint64_t run) {
        const base::Duration now = runtime::monotonic();
        const base::Duration interval = terminal_.redraws() ? draw_interval : line_interval;
        if (terminal_.json() || now - shown_ < interval) return {};
        ZC_TRY(state_.summary, results.summary(run));
        ZC_TRY(state_.cases, results.cases(run));
        state_.now = runtime::now();
        state_.running = now - start_;
        const shadow::Tally& tally = state_.summary.tally;
        state_.done = tally.asked;
        if (!last_) last_ = Point{start_, compared_before_, tally.unexplained};
        const double seconds = (now - last_->at).as_seconds();
        if (seconds > 0)
            state_.rate = static_cast<double>(tally.compared - last_->compared) / seconds;
        state_.rate_mean = static_cast<double>(tally.compared - compared_before_) /
                           std::max(0.001, state_.running.as_seconds());
        // A character of the burn-down is so much time that all of the run fits in: twice as much
        // each time the line is full.
        if (now - column_start_ >= column_) {
            state_.burn_down.push_back(tally.unexplained -
                                       std::min(tally.unexplained, column_unexplained_));
            column_unexplained_ = tally.unexplained;
            column_start_ = now;
            if (state_.burn_down.size() == burn_down_max) {
                for (std::size_t i = 0; i < burn_down_max / 2; ++i)
                    state_.burn_down[i] = state_.burn_down[2 * i] + state_.burn_down[2 * i + 1];
                state_.burn_down.resize(burn_down_max / 2);
                column_ = column_ * 2;
            }
        }
        last_ = Point{now, tally.compared, tally.unexplained};
        shown_ = now;
        if (terminal_.redraws())
            screen_.draw(shadow::screen_lines(state_, screen_.size()));
        else
            terminal_.say(shadow::progress_line(state_));
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
    shadow::ScreenState state_;
    std::uint64_t compared_before_ = 0;
    std::optional<Point> last_;
    base::Duration column_ = base::Duration::seconds(1);
    base::Duration column_start_{};
    std::uint64_t column_unexplained_ = 0;
};

struct Outcome {
    shadow::RunInfo run;
    shadow::Summary summary;
    std::vector<shadow::CaseInfo> cases;
    capture::SourceCounts source;
    base::Duration took{};
    std::uint64_t compared_now = 0;
    bool resumed = false, interrupted = false;
    bool too_many = false, not_clean_for_long = false;
    base::Duration clean{};  // over the whole file
    bool met() const noexcept { return !too_many && !not_clean_for_long; }
};

term::Json json_of(const DiffOptions& options, const Prepared& prepared, const Outcome& outcome) {
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
    for (const shadow::CaseInfo& info : outcome.cases) {
        if (cases.elements().size() == cases_in_json_max) break;
        cases.add(case_json(info));
    }
    term::Json gate = term::Json::object();
    gate.set("max_unexplained", number(options.max_unexplained));
    gate.set("require_clean_seconds",
             options.require_clean.empty()
                 ? term::Json()
                 : number(static_cast<std::uint64_t>(prepared.require_clean.whole_seconds())));
    gate.set("met", boolean(outcome.met()));
    term::Json json = term::Json::object();
    json.set("old", outcome.run.older).set("new", outcome.run.newer);
    json.set("referee", or_null(outcome.run.referee)).set("source", outcome.run.source);
    json.set("results", options.results).set("run", number(outcome.run.id));
    json.set("resumed", boolean(outcome.resumed)).set("interrupted", boolean(outcome.interrupted));
    json.set("counts", tally_json(outcome.summary.tally)).set("skipped", std::move(skipped));
    json.set("cases", number(outcome.summary.cases));
    json.set("unexplained_cases", number(outcome.summary.unexplained_cases));
    json.set("last_unexplained", outcome.summary.last_unexplained
                                     ? time_json(*outcome.summary.last_unexplained)
                                     : term::Json());
    json.set("clean_seconds", term::Json::number(outcome.clean.as_seconds()));
    json.set("seconds", term::Json::number(outcome.took.as_seconds()));
    json.set("compared_now", number(outcome.compared_now));
    json.set("gate", std::move(gate)).set("top_cases", std::move(cases));
    return json;
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
    return term::grouped(count) + ' ' + std::string(count == 1 ? one : many);
}

void print(term::Terminal& terminal, const DiffOptions& options, const Prepared& prepared,
           const Outcome& outcome) {
    const shadow::Tally& tally = outcome.summary.tally;
    terminal.out(case_table(outcome.cases, cases_in_summary_max));
    if (outcome.cases.size() > cases_in_summary_max)
        terminal.out("and " + term::grouped(outcome.cases.size() - cases_in_summary_max) +
                     " more: zonectl diff list\n");
    const double seconds = std::max(0.001, outcome.took.as_seconds());
    std::string text =
        counted(tally.asked, "question", "questions") + ": " + term::grouped(tally.compared) +
        " compared, " + term::grouped(tally.timed_out) + " timed out, " +
        term::grouped(tally.malformed) + " malformed, " + term::grouped(tally.dropped) +
        " dropped; in " + term::in_words(outcome.took) + ", " +
        term::grouped(
            static_cast<std::uint64_t>(static_cast<double>(outcome.compared_now) / seconds)) +
        " comparisons a second\n" + term::grouped(tally.same) + " the same (" +
        term::grouped(tally.identical) + " octet for octet), " +
        counted(tally.explained, "difference", "differences") + " explained, " +
        terminal.styled(tally.unexplained == 0 ? term::Style::green : term::Style::red,
                        counted(tally.unexplained, "difference", "differences") + " unexplained") +
        "\n";
    std::string skipped;
    for (std::size_t i = 0; i < capture::skipped_count; ++i)
        if (outcome.source.skipped[i] != 0)
            skipped += (skipped.empty() ? "" : ", ") + term::grouped(outcome.source.skipped[i]) +
                       ' ' + std::string(capture::to_string(static_cast<capture::Skipped>(i)));
    if (!skipped.empty()) text += "passed over in the source: " + skipped + '\n';
    if (outcome.too_many && options.max_unexplained != 0)
        text += "more than the " + term::grouped(options.max_unexplained) +
                " unexplained differences that may be\n";
    if (outcome.not_clean_for_long)
        text += "clean for " + term::in_words(outcome.clean) + " of comparing, wanted " +
                term::in_words(prepared.require_clean) + '\n';
    if (tally.differences() > 0)
        text += "zonectl diff show CASE and zonectl diff explain CASE tell more" +
                (options.results == diff_results_default ? std::string()
                                                         : " (--results " + options.results + ')') +
                '\n';
    terminal.out(text);
}

int run_diff(DiffOptions options, Invocation& invocation) {
    term::Terminal& terminal = invocation.terminal;
    const auto give_up = [&terminal](const Error& error) {
        terminal.complain(error);
        return 2;
    };
    Prepared prepared;
    if (const Status status = prepare(options, prepared); !status) return give_up(status.error());
    auto results = shadow::Results::open(options.results);
    if (!results) return give_up(results.error());
    if (const Status status = begin(*results, options, prepared); !status)
        return give_up(status.error());
    Outcome outcome;
    outcome.resumed = prepared.info.position != 0;
    if (outcome.resumed)
        terminal.say("going on with run " + std::to_string(prepared.info.id) + " behind question " +
                     term::grouped(prepared.info.position) + " (--fresh begins anew)");

    const StopOnSignals signals;
    std::atomic<bool> stop{false};
    Waiting waiting;
    Status kept;
    View view(terminal, prepared);
    std::thread asking([&] {
        waiting.end(shadow::run(
            *prepared.source, prepared.run,
            [&waiting](shadow::Stretch&& stretch) -> Status {
                if (waiting.put(std::move(stretch))) return {};
                return fail(Errc::interrupted, "the results cannot be written");
            },
            stop));
    });
    base::Duration flushed = runtime::monotonic();
    for (bool ended = false; !ended;) {
        ended = waiting.wait(base::Duration::milliseconds(100));
        if (signals.flag()) stop = true;
        const base::Duration now = runtime::monotonic();
        if (kept && (ended || now - flushed >= flush_interval)) {
            flushed = now;
            auto stretches = waiting.take();
            if (!stretches.empty())
                kept = results->add(prepared.info.id, std::move(stretches), runtime::now());
            if (!kept) {
                waiting.refuse();
                stop = true;
            }
        }
        if (kept && !ended)
            if (const Status shown = view.update(*results, prepared.info.id); !shown) kept = shown;
    }
    asking.join();
    view.finish();
    outcome.took = view.running();
    if (!kept) return give_up(kept.error());
    const bool stopped = signals.flag() && !prepared.source->live();
    outcome.interrupted = stopped;
    if (waiting.status() && !stopped)
        if (const Status finished = results->finish(prepared.info.id, runtime::now()); !finished)
            return give_up(finished.error());

    const auto collect = [&]() -> Status {
        ZC_TRY(outcome.run, results->one_run(prepared.info.id));
        ZC_TRY(outcome.summary, results->summary(prepared.info.id));
        ZC_TRY(outcome.cases, results->cases(prepared.info.id));
        ZC_TRY(const shadow::Summary whole, results->summary());
        outcome.clean = whole.clean;
        return {};
    };
    if (const Status status = collect(); !status) return give_up(status.error());
    outcome.source = prepared.source->counts();
    outcome.compared_now = outcome.summary.tally.compared - prepared.info.tally.compared;
    outcome.too_many = outcome.summary.tally.unexplained > options.max_unexplained;
    outcome.not_clean_for_long =
        !options.require_clean.empty() && outcome.clean < prepared.require_clean;
    if (terminal.json())
        terminal.out(json_of(options, prepared, outcome));
    else
        print(terminal, options, prepared, outcome);
    if (!options.report.empty())
        if (const Status status = write_report(*results, options.report, terminal); !status)
            return give_up(status.error());
    if (!waiting.status()) return give_up(waiting.status().error());
    if (stopped) {
        terminal.complain("interrupted; the same command again goes on from here");
        return 2;
    }
    if (outcome.summary.tally.compared == 0 && outcome.summary.tally.timed_out == 0) {
        terminal.complain("nothing was compared");
        return 2;
    }
    return outcome.met() ? 0 : 1;
}

std::string check_target(const std::string& text) {
    const auto target = shadow::parse_target(text);
    return target ? std::string() : target.error().message;
}

}  // namespace

void add_results(CLI::App& app, std::string& path) {
    add_text(app, "--results", path, "FILE", "Where the results are kept");
}

Result<base::Duration> parse_duration(std::string_view text) {
    constexpr std::int64_t days_max = 3650;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit = error == std::errc()
                                      ? text.substr(static_cast<std::size_t>(end - text.data()))
                                      : std::string_view();
    std::int64_t seconds = 0;
    if (unit == "s") seconds = 1;
    if (unit == "m") seconds = 60;
    if (unit == "h") seconds = 3600;
    if (unit == "d") seconds = 86400;
    if (seconds == 0 || number < 0 || number > days_max * 86400 / seconds)
        return fail(Errc::malformed, "found '" + std::string(text) +
                                         "', wanted a duration such as 90s, 15m, 72h or 3d");
    return base::Duration::seconds(number * seconds);
}

term::Json time_json(base::Instant instant) {
    std::string text = shadow::utc_text(instant);  // "2026-01-31 12:00:05 UTC"
    return term::Json::string(text.substr(0, 10) + 'T' + text.substr(11, 8) + 'Z');
}

term::Json case_json(const shadow::CaseInfo& info) {
    const auto number = [](std::uint64_t value) { return term::Json::number(value); };
    term::Json json = term::Json::object();
    json.set("case", number(info.id)).set("count", number(info.count));
    json.set("verdict", to_string(info.verdict)).set("what", to_string(info.what));
    json.set("where", to_string(info.where));
    json.set("rule",
             info.rule ? term::Json::string(compare::row_of(*info.rule).name) : term::Json());
    json.set("explained", term::Json::boolean(info.explained()));
    json.set("accepted", info.accepted ? term::Json::string(*info.accepted) : term::Json());
    json.set("sentence", info.sentence).set("clause", info.clause).set("cause", info.cause);
    json.set("example", info.example).set("samples", number(info.samples));
    json.set("first_seen", time_json(info.first_seen)).set("last_seen", time_json(info.last_seen));
    json.set("first_run", number(info.first_run)).set("last_run", number(info.last_run));
    return json;
}

term::Json tally_json(const shadow::Tally& tally) {
    const auto number = [](std::uint64_t value) { return term::Json::number(value); };
    const auto group = [&number](const auto& counts, const auto& name_of) {
        term::Json out = term::Json::object();
        for (std::size_t i = 0; i < counts.size(); ++i) out.set(name_of(i), number(counts[i]));
        return out;
    };
    term::Json network = term::Json::object();
    for (std::size_t side = 0; side < shadow::sides; ++side) {
        term::Json one = term::Json::object();
        one.set("timeouts", number(tally.timeouts[side]));
        one.set("repeats", number(tally.repeats[side]));
        for (std::size_t i = 0; i < shadow::stray_count; ++i)
            one.set(to_string(static_cast<shadow::Stray>(i)), number(tally.stray[side][i]));
        network.set(to_string(static_cast<shadow::Side>(side)), std::move(one));
    }
    term::Json json = term::Json::object();
    json.set("asked", number(tally.asked)).set("compared", number(tally.compared));
    json.set("timed_out", number(tally.timed_out)).set("dropped", number(tally.dropped));
    json.set("malformed", number(tally.malformed)).set("same", number(tally.same));
    json.set("identical", number(tally.identical)).set("explained", number(tally.explained));
    json.set("unexplained", number(tally.unexplained));
    json.set("by_verdict", group(tally.by_verdict, [](std::size_t i) {
                 return to_string(static_cast<compare::Verdict>(i));
             }));
    json.set("by_what", group(tally.by_what, [](std::size_t i) {
                 return to_string(static_cast<compare::What>(i));
             }));
    json.set("by_where", group(tally.by_where, [](std::size_t i) {
                 return to_string(static_cast<compare::Where>(i));
             }));
    json.set("by_rule", group(tally.by_rule, [](std::size_t i) {
                 return compare::row_of(static_cast<compare::Rule>(i)).name;
             }));
    json.set("network", std::move(network));
    return json;
}

std::string case_table(const std::vector<shadow::CaseInfo>& cases, std::size_t rows_max) {
    using Align = term::Table::Align;
    term::Table table({{"case", Align::right},
                       {"count", Align::right},
                       {"verdict", Align::left},
                       {"what differs", Align::left},
                       {"where", Align::left},
                       {"such as", Align::left}});
    for (const shadow::CaseInfo& info : cases) {
        if (table.rows() == rows_max) break;
        table.row({std::to_string(info.id), term::grouped(info.count),
                   std::string(to_string(info.verdict)) + (info.accepted ? ", accepted" : ""),
                   std::string(to_string(info.what)), std::string(to_string(info.where)),
                   info.example});
    }
    return table.text();
}

Status write_report(shadow::Results& results, const std::string& path, term::Terminal& terminal) {
    ZC_TRY(const std::string page, shadow::html_report(results, runtime::now()));
    if (path == "-") {
        terminal.out(page);
        return {};
    }
    const std::string temporary = path + ".new";
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out << page << std::flush;
    const bool written = static_cast<bool>(out);
    const int error = errno;
    out.close();
    if (!written) {
        ::unlink(temporary.c_str());
        return base::fail_errno(error, "write " + temporary);
    }
    if (std::rename(temporary.c_str(), path.c_str()) != 0)
        return base::fail_errno(errno, "rename " + temporary + " to " + path);
    return {};
}

Action define_diff(CLI::App& app) {
    auto options = std::make_shared<DiffOptions>();
    shadow::RunOptions& run = options->run;
    add_text(app, "file", options->file, "FILE",
             "Questions: dnsperf text, pcap, pcapng or a dnstap file; - is stdin, as text");
    const char* const sides = "Compared";
    add_text(app, "--old", options->older, "TARGET",
             "The server that is: ADDRESS[:PORT], tcp:ADDRESS[:PORT], store:FILE, or recorded for "
             "the answers in the capture",
             check_target)
        ->group(sides);
    add_text(app, "--new", options->newer, "TARGET", "The server that is to take its place",
             check_target)
        ->group(sides);
    add_text(app, "--referee", options->referee, "TARGET", "A third, asked about differences only",
             check_target)
        ->group(sides);
    add_text(app, "--zone-data", options->zone_data, "STORE",
             "Store that says who is right; none for none. Without it: a side that is a store, "
             "else that of --from-zones")
        ->group(sides);
    const char* const questions = "Other questions than those of a file";
    add_text(app, "--from-zones", options->from_zones, "STORE",
             "What the zones of a store suggest to ask")
        ->group(questions);
    add_text(app, "--dnstap", options->dnstap, "SOCKET",
             "Live: listen there for the dnstap of a server")
        ->group(questions);
    add_text(app, "--interface", options->interface, "IF", "Live: a copy of the traffic there")
        ->group(questions);
    add_number(app, "--capture-port", options->capture_port, {1, 65535}, Unit::count,
               "Port of the server in captures")
        ->group(questions);
    add_switch(app, "--edns", options->settings.edns, "Ask with EDNS where a text says nothing")
        ->group(questions);
    add_switch(app, "--do", options->settings.dnssec_ok, "Ask with DO where a text says nothing")
        ->group(questions);
    add_number(app, "--limit", options->limit, {0, UINT64_MAX}, Unit::count,
               "Ends after so many questions; 0 is none")
        ->group(questions);

    const char* const rules = "What may differ";
    add_switch(app, "--strict", options->strict, "Nothing but the ID: no rule at all")
        ->group(rules);
    add_list(app, "--without", options->without, "RULE", "Switch a rule off",
             parses(compare::parse_rule))
        ->group(rules);
    add_number(app, "--ttl-tolerance", options->settings.policy.ttl_tolerance, {0, 604800},
               Unit::seconds, "How far TTLs may be apart")
        ->group(rules);
    add_number(app, "--serial-lag", options->settings.policy.serial_lag, {0, 1000000}, Unit::count,
               "How far SOA serials may be apart")
        ->group(rules);
    add_seconds(app, "--lag", run.lag, {0, 86400},
                "How long the sides may have different versions of a zone: differences meanwhile "
                "are asked again until then")
        ->group(rules);
    add_number(app, "--recheck", run.recheck, {0, 10}, Unit::count,
               "How often a difference is asked again")
        ->group(rules);

    const char* const speed = "Speed";
    add_number(app, "--rate", run.rate, {0, 10'000'000}, Unit::per_second,
               "Questions a second; 0 is as fast as they are answered")
        ->group(speed);
    add_choice<shadow::RunOptions::Pace>(app, "--pace", run.pace,
                                         {{"rate", shadow::RunOptions::Pace::rate},
                                          {"recorded", shadow::RunOptions::Pace::recorded}},
                                         "recorded: at the times of the capture")
        ->group(speed);
    add_number(app, "--window", run.window, {1, 16384}, Unit::count,
               "Questions in flight, of each worker")
        ->group(speed);
    add_number(app, "--workers", run.workers, {0, 64}, Unit::count, "Threads; 0 is one a core")
        ->group(speed);
    add_number(app, "--answer-timeout", options->timeout_milliseconds, {1, 60'000},
               Unit::milliseconds, "How long to wait for the answer to one sending")
        ->group(speed);
    add_number(app, "--sends", run.sends, {1, 10}, Unit::count,
               "Sendings of one question, repeats included")
        ->group(speed);

    const char* const outcome = "Results";
    add_text(app, "--results", options->results, "FILE",
             "Where runs, cases and samples are kept; made if it is not there")
        ->group(outcome);
    add_switch(app, "--resume", options->resume,
               "Go on with a run of the same that was stopped, or begin anew", "fresh")
        ->group(outcome);
    add_number(app, "--max-unexplained", options->max_unexplained, {0, UINT64_MAX}, Unit::count,
               "Gate: exit code 1 with more unexplained differences in the run")
        ->group(outcome);
    add_text(app, "--require-clean", options->require_clean, "DURATION",
             "Gate: exit code 1 unless nothing unexplained was seen for so long while comparing "
             "went on, over all runs of the results: 72h, 30m",
             parses(parse_duration))
        ->group(outcome);
    add_text(app, "--report", options->report, "FILE", "Write an HTML page at the end")
        ->group(outcome);
    app.footer(
        "Asks both sides and compares; each difference gets labels, a verdict and the clause it "
        "stands on, and differences of one cause are one case. Ctrl-C stops; the same command "
        "goes on from there. Exit code 0: clean. 1: differences that nothing explains. 2: could "
        "not compare, or was stopped.");
    return [options](Invocation& invocation) { return run_diff(*options, invocation); };
}

}  // namespace zc::cmd
