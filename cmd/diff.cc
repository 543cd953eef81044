// zonectl diff: the same questions to two servers, every difference explained.
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

#include "capture/source.h"
#include "comparison.h"
#include "flags.h"
#include "results/run_settings.h"
#include "runs/run.h"
#include "runtime/clock.h"
#include "runtime/workers.h"
#include "stop.h"
#include "verbs.h"

namespace zc::cmd {
namespace {

constexpr base::Duration flush_interval = base::Duration::milliseconds(1000);
constexpr std::size_t stretches_waiting_max = 4096;  // then the run waits for the disk
constexpr std::size_t stretches_octets_max = std::size_t{16} << 20;

struct DiffOptions {
    std::string file, from_zones, dnstap, interface, zone_data;
    std::string older, newer, referee;
    runs::Options run;
    ComparisonOptions comparison;
    static constexpr base::Limit<std::uint16_t> capture_port_limit = {
        .name = "capture-port", .min = 1, .initial = 53, .max = 65535};
    std::uint16_t capture_port = capture_port_limit.initial;
    static constexpr base::Limit<std::uint64_t> questions_limit = {
        .name = "limit", .min = 0, .initial = 0, .max = 1'000'000'000'000'000};
    std::uint64_t limit = questions_limit.initial;  // of questions; 0: none
    bool resume = true;
};

/// The stores that are needed, each opened once.
class Stores {
public:
    Result<const catalogue::Catalogue*> open(const std::string& path) {
        auto at = stores_.find(path);
        if (at == stores_.end()) {
            ZC_TRY(runs::OpenStore store, runs::OpenStore::open(path));
            at = stores_.emplace(path, std::move(store)).first;
        }
        return &at->second.zones();
    }

private:
    std::map<std::string, runs::OpenStore> stores_;
};

/// Everything that a run needs, opened and checked.
struct Prepared {
    Stores stores;
    std::unique_ptr<capture::Source> source;
    runs::Options run;
    results::RunInfo info;
    std::string zone_data;  // path of the store that says who is right; empty: none
    bool resumable = true;
};

Result<std::string> pick_zone_data(const DiffOptions& options, const runs::Options& run) {
    if (options.zone_data == "none") return std::string();
    if (!options.zone_data.empty()) return options.zone_data;
    for (const runs::Target* target : {&run.newer, &run.older})
        if (target->kind == runs::Target::Kind::store) return target->path;
    return options.from_zones;
}

Status open_source(const DiffOptions& options, bool recorded, const std::atomic<bool>& stop,
                   Prepared& out) {
    capture::SourceOptions source;
    source.stop_or_null = &stop;
    source.port = options.capture_port;
    source.edns = options.comparison.settings.edns;
    source.dnssec_ok = options.comparison.settings.dnssec_ok;
    if (recorded) source.answers = capture::SourceOptions::Answers::wanted;
    if (!options.from_zones.empty()) {
        ZC_TRY(const catalogue::Catalogue* zones, out.stores.open(options.from_zones));
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
    }
    // A pipe brings something else the next time.
    out.resumable = out.source->resumable();
    return {};
}

Status prepare(const DiffOptions& options, const std::atomic<bool>& stop, Prepared& out) {
    using Kind = runs::Target::Kind;
    const auto wanted = [](const std::string& what) { return fail(Errc::invalid, what); };
    const int sources =
        static_cast<int>(!options.file.empty()) + static_cast<int>(!options.from_zones.empty()) +
        static_cast<int>(!options.dnstap.empty()) + static_cast<int>(!options.interface.empty());
    if (sources != 1)
        return wanted(std::string(sources == 0 ? "no questions" : "several sources of questions") +
                      ": wanted exactly one of FILE, --from-zones, --dnstap, --interface");
    if (options.older.empty()) return wanted("--old: wanted a target, such as 192.0.2.1:5300");
    if (options.newer.empty()) return wanted("--new: wanted a target, such as store:new.db");

    out.run = options.run;
    ZC_TRY(out.run.older, runs::parse_target(options.older));
    ZC_TRY(out.run.newer, runs::parse_target(options.newer));
    if (!options.referee.empty()) {
        ZC_TRY(runs::Target referee, runs::parse_target(options.referee));
        if (referee.kind == Kind::recorded) return wanted("--referee: a recording cannot be asked");
        out.run.referee = std::move(referee);
    }
    const bool recorded =
        out.run.older.kind == Kind::recorded || out.run.newer.kind == Kind::recorded;
    if (out.run.older.kind == Kind::recorded && out.run.newer.kind == Kind::recorded)
        return wanted("--old and --new: both are recorded, wanted at least one server or store");
    if (recorded && !options.from_zones.empty())
        return wanted("recorded: --from-zones has no answers, wanted a capture");
    results::RunSettings settings = options.comparison.settings;
    settings.timeout = options.run.timeout;
    settings.sends = options.run.sends;
    settings.recheck = options.run.recheck;
    settings.lag = options.run.lag;
    ZC_TRY(settings.zone_data, pick_zone_data(options, out.run));
    out.zone_data = settings.zone_data;

    out.run.policy = settings.policy;
    const std::array<const runs::Target*, judge::sides> targets = {
        &out.run.older, &out.run.newer, out.run.referee ? &*out.run.referee : nullptr};
    for (std::size_t side = 0; side < targets.size(); ++side)
        if (targets[side] != nullptr && targets[side]->kind == Kind::store) {
            ZC_TRY(out.run.stores[side], out.stores.open(targets[side]->path));
        }
    if (!settings.zone_data.empty()) {
        ZC_TRY(out.run.zones_or_null, out.stores.open(settings.zone_data));
    }
    if (options.limit != 0) out.run.questions_max = options.limit;
    ZC_TRY_STATUS(open_source(options, recorded, stop, out));
    out.info.older = options.older;
    out.info.newer = options.newer;
    out.info.referee = options.referee;
    out.info.settings = settings.json().serialize();
    return {};
}

/// The run of the file that is gone on with, or a new one.
Status begin(results::Results& results, const DiffOptions& options, Prepared& prepared) {
    results::RunInfo& info = prepared.info;
    ZC_TRY_STATUS(results.claim(info.older, info.newer));
    if (options.resume && prepared.resumable) {
        ZC_TRY(const auto before, results.unfinished(info));
        if (before) {
            info = *before;
            ZC_TRY_STATUS(prepared.source->resume_behind(info.position));
            if (options.limit != 0)
                prepared.run.questions_max =
                    options.limit - std::min(options.limit, info.sums.asked);
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
    bool put(judge::Stretch&& stretch) {
        std::unique_lock lock(mutex_);
        room_.wait(lock, [this] {
            return (stretches_.size() < stretches_waiting_max && octets_ < stretches_octets_max) ||
                   refused_;
        });
        if (refused_) return false;
        octets_ += stretch.octets();
        stretches_.push_back(std::move(stretch));
        return true;
    }
    /// Nothing is taken any more: the file cannot be written.
    void refuse() {
        const std::lock_guard lock(mutex_);
        refused_ = true;
        room_.notify_all();
    }
    std::vector<judge::Stretch> take() {
        const std::lock_guard lock(mutex_);
        room_.notify_all();
        octets_ = 0;
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
    std::vector<judge::Stretch> stretches_;
    std::size_t octets_ = 0;  // that they hold
    bool refused_ = false, ended_ = false;
    Status status_;
};

/// Nothing was compared: names the servers that never answered.
std::string silent_sides(const judge::Sums& sums, const DiffOptions& options) {
    std::string out;
    const std::array<const std::string*, 2> names = {&options.older, &options.newer};
    for (std::size_t side = 0; side < names.size(); ++side)
        if (sums.timed_out != 0 && sums.timeouts[side] == sums.timed_out)
            out += (out.empty() ? ": no answer from " : ", nor from ") + *names[side];
    return out;
}

void warn_of_equal_sides(term::Terminal& terminal, const runs::Options& run) {
    warn_of_one_side(terminal, "--old", run.older, "--new", run.newer);
    if (!run.referee) return;
    warn_of_one_side(terminal, "--referee", *run.referee, "--old", run.older);
    warn_of_one_side(terminal, "--referee", *run.referee, "--new", run.newer);
}

struct Asked {
    Status asked;  // how the questions ended
    Status kept;   // whether the results could be written
};

/// Asks the questions on a thread of its own. This thread keeps what comes and draws the screen,
/// until the questions end, Ctrl-C, or results that cannot be written.
Asked ask_and_keep(Prepared& prepared, results::Results& results, term::Terminal& terminal,
                   ComparisonView& view, const StopOnSignals& signals, std::atomic<bool>& stop) {
    Waiting waiting;
    const auto ask = [&] {
        Status status;
        const Status ran = runtime::caught([&] {
            status = runs::run(
                *prepared.source, prepared.run,
                [&waiting](judge::Stretch&& stretch) -> Status {
                    if (waiting.put(std::move(stretch))) return {};
                    return fail(Errc::interrupted, "the results cannot be written");
                },
                stop);
        });
        waiting.end(ran ? std::move(status) : ran);
    };
    runtime::Workers asking(1, ask, [&waiting] { waiting.end(fail(Errc::limit, "no thread")); });
    Status kept;
    base::Duration flushed = runtime::monotonic();
    const auto keep = [&] {
        auto stretches = waiting.take();
        name_left_out(terminal, prepared.zone_data, stretches);
        if (!stretches.empty())
            kept = results.add(prepared.info.id, std::move(stretches), runtime::now());
    };
    for (bool ended = false; !ended;) {
        ended = waiting.wait(base::Duration::milliseconds(100));
        if (signals.flag()) stop = true;
        const base::Duration now = runtime::monotonic();
        const Status done = runtime::caught([&] {
            if (kept && (ended || now - flushed >= flush_interval)) {
                flushed = now;
                keep();
            }
            if (kept && !ended) kept = view.update(results, prepared.info.id);
        });
        if (kept && !done) kept = done;
        if (kept) continue;
        waiting.refuse();
        stop = true;
    }
    static_cast<void>(asking.join());  // `waiting` has its end
    return {waiting.status(), kept};
}

/// After the results have been told: the exit code.
int end_of(const Outcome& outcome, const DiffOptions& options, bool resumable,
           term::Terminal& terminal) {
    if (outcome.interrupted) {
        terminal.complain(resumable ? "interrupted; the same command again goes on from here"
                                    : "interrupted; the remaining questions cannot be read again");
        return 2;
    }
    const judge::Sums& sums = outcome.summary.sums;
    if (sums.compared == 0 && sums.differences() == sums.timed_out) {
        terminal.complain("nothing was compared" + silent_sides(sums, options));
        return 2;
    }
    return outcome.met() ? 0 : 1;
}

int run_diff(DiffOptions options, Invocation& invocation) {
    term::Terminal& terminal = invocation.terminal;
    const auto give_up = [&terminal](const Error& error) {
        terminal.complain(error);
        return 2;
    };
    std::atomic<bool> stop{false};
    Prepared prepared;
    if (const Status status = options.comparison.check(); !status) return give_up(status.error());
    if (const Status status = prepare(options, stop, prepared); !status)
        return give_up(status.error());
    warn_of_equal_sides(terminal, prepared.run);
    auto results = results::Results::open(options.comparison.results);
    if (!results) return give_up(results.error());
    if (const Status status = begin(*results, options, prepared); !status)
        return give_up(status.error());
    Outcome outcome;
    outcome.resumed = prepared.info.position != 0;
    if (outcome.resumed)
        terminal.say("going on with run " + std::to_string(prepared.info.id) + " behind question " +
                     term::grouped(prepared.info.position) + " (--fresh begins anew)");

    const StopOnSignals signals;
    std::uint64_t expected = prepared.source->expected();
    if (options.limit != 0 && expected != 0) expected = std::min(expected, options.limit);
    ComparisonView view(terminal, prepared.info, expected);
    const auto [asked, kept] = ask_and_keep(prepared, *results, terminal, view, signals, stop);
    view.finish();
    outcome.took = view.running();
    if (!kept) return give_up(kept.error());
    outcome.interrupted = signals.flag() && !prepared.source->live();
    if (asked && !outcome.interrupted)
        if (const Status finished = results->finish(prepared.info.id, runtime::now()); !finished)
            return give_up(finished.error());

    outcome.source = prepared.source->counts();
    if (const Status status = collect(outcome, *results, options.comparison, prepared.info.id,
                                      prepared.info.sums.compared);
        !status)
        return give_up(status.error());
    if (const Status status = tell(terminal, *results, options.comparison, outcome); !status)
        return give_up(status.error());
    if (!asked) return give_up(asked.error());
    return end_of(outcome, options, prepared.resumable, terminal);
}

std::string check_target(const std::string& text) {
    const auto target = runs::parse_target(text);
    return target ? std::string() : target.error().message;
}

}  // namespace

Action define_diff(CLI::App& app) {
    auto options = std::make_shared<DiffOptions>();
    runs::Options& run = options->run;
    add_text(
        app, "file", options->file, "FILE",
        "Questions: dnsperf text, pcap, pcapng or a dnstap file, also compressed by gzip, zstd "
        "or xz; - is stdin");
    const char* const sides = "Compared";
    add_text(app, "--old", options->older, "TARGET",
             "Old server: ADDRESS[:PORT], tcp:ADDRESS[:PORT], store:FILE, or recorded for the "
             "answers in the capture",
             check_target)
        ->group(sides);
    add_text(app, "--new", options->newer, "TARGET", "New server; a target as for --old",
             check_target)
        ->group(sides);
    add_text(app, "--referee", options->referee, "TARGET",
             "Third server, asked about differences only", check_target)
        ->group(sides);
    add_text(app, "--zone-data", options->zone_data, "STORE",
             "Store whose zones decide who is right; none switches that off. Default: a side that "
             "is a store, else the store of --from-zones")
        ->group(sides);
    const char* const questions = "Questions from elsewhere";
    add_text(app, "--from-zones", options->from_zones, "STORE",
             "Questions that the zones of a store suggest")
        ->group(questions);
    add_text(app, "--dnstap", options->dnstap, "SOCKET",
             "Live: listen on this socket for the dnstap of a server")
        ->group(questions);
    add_text(app, "--interface", options->interface, "IF",
             "Live: copy the traffic of this interface")
        ->group(questions);
    add_number(app, DiffOptions::capture_port_limit, options->capture_port,
               "Port of the server in captures")
        ->group(questions);
    add_switch(app, "--edns", options->comparison.settings.edns,
               "Ask with EDNS if the text does not say")
        ->group(questions);
    add_switch(app, "--do", options->comparison.settings.dnssec_ok,
               "Ask with DO if the text does not say")
        ->group(questions);
    add_number(app, DiffOptions::questions_limit, options->limit,
               "End after this many questions; 0 is no limit")
        ->group(questions);

    add_rules(app, options->comparison);
    const char* const rules = "Allowed differences";
    add_number(app, runs::Options::lag_limit, run.lag,
               "Time in which the sides may have different versions of a zone; differences are "
               "asked again until it has passed")
        ->group(rules);
    add_number(app, runs::Options::recheck_limit, run.recheck,
               "Times that a difference is asked again")
        ->group(rules);

    const char* const speed = "Speed";
    add_number(app, runs::Options::rate_limit, run.rate,
               "Questions a second; 0 is as fast as they are answered")
        ->group(speed);
    add_choice<runs::Options::Pace>(
        app, "--pace", run.pace,
        {{"rate", runs::Options::Pace::rate}, {"recorded", runs::Options::Pace::recorded}},
        "rate asks as --rate says, recorded at the times of the capture")
        ->group(speed);
    add_number(app, runs::Options::window_limit, run.window, "Questions in flight, of each worker")
        ->group(speed);
    add_number(app, runs::Options::workers_limit, run.workers, "Threads; 0 is one a core")
        ->group(speed);
    add_number(app, runs::Options::timeout_limit, run.timeout,
               "Time to wait for the answer to one sending")
        ->group(speed);
    add_number(app, runs::Options::sends_limit, run.sends,
               "Sendings of one question, the first included")
        ->group(speed);

    add_results(app, options->comparison);
    add_switch(app, "--resume", options->resume,
               "Go on with the same run if it was stopped, or begin anew", "fresh")
        ->group("Results");
    app.footer(
        "Asks both sides the same and compares the answers. Each difference gets labels, a verdict "
        "and a clause of an RFC; differences of one cause are one case. After Ctrl-C the same "
        "command goes on where it stopped. Exit code 0: clean. 1: differences that nothing "
        "explains. 2: could not compare, or was stopped. zonectl-migrate(7) tells more.");
    return [options](Invocation& invocation) { return run_diff(*options, invocation); };
}

}  // namespace zc::cmd
