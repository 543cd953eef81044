// zonectl diff list|show|explain|replay|accept|minimise|report: what was found.
#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/utc_text.h"
#include "compare/compare.h"
#include "compare/minimise.h"
#include "compare/reading.h"
#include "diff.h"
#include "dns/message.h"
#include "dns/presentation.h"
#include "flags.h"
#include "report/present.h"
#include "results/run_settings.h"
#include "runs/left_out.h"
#include "runs/run.h"
#include "runs/target.h"
#include "runtime/clock.h"
#include "verbs.h"

namespace zc::cmd {
namespace {

constexpr unsigned columns_side_by_side = 100;  // below, one answer stands below the other

struct CaseOptions {
    std::string results = diff_results_default;
    std::string case_text;
    static constexpr base::Limit<std::uint32_t> sample_limit = {
        .name = "sample", .min = 1, .initial = 1, .max = results::Results::samples_kept_max};
    std::uint32_t sample = sample_limit.initial;
    static constexpr base::Limit<std::uint32_t> samples_limit = {
        .name = "samples", .min = 1, .initial = 1, .max = results::Results::samples_kept_max};
    std::uint32_t samples = samples_limit.initial;
    std::string zone_data, older, newer, because, output = "-";
    static constexpr base::Limit<std::uint64_t> run_limit = {
        .name = "run", .min = 0, .initial = 0, .max = UINT32_MAX};
    std::uint64_t run = run_limit.initial;
    static constexpr base::Limit<std::uint64_t> trials_limit = {
        .name = "trials", .min = 1, .initial = 20'000, .max = 10'000'000};
    std::uint64_t trials = trials_limit.initial;
    static constexpr base::Limit<base::Duration> timeout_limit = {
        .name = "timeout",
        .min = base::Duration::seconds(1),
        .initial = base::Duration::seconds(3),
        .max = base::Duration::seconds(60)};
    base::Duration timeout = timeout_limit.initial;
    bool undo = false;
    bool unexplained = false;

    std::uint64_t number() const {
        std::uint64_t value = 0;
        std::from_chars(case_text.data(), case_text.data() + case_text.size(), value);
        return value;
    }
};

std::string check_case(const std::string& text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size() && value > 0
               ? std::string()
               : "found '" + text + "', wanted the number of a case";
}

void add_case(CLI::App& app, CaseOptions& options) {
    add_text(app, "case", options.case_text, "CASE", "Number of the case in zonectl diff list",
             check_case)
        ->required();
    add_results(app, options.results);
}
void add_sample(CLI::App& app, CaseOptions& options) {
    add_number(app, CaseOptions::sample_limit, options.sample, "Number of the sample");
}
void add_zone_data(CLI::App& app, CaseOptions& options) {
    add_text(app, "--zone-data", options.zone_data, "STORE",
             "Store with the zones; default: that of the run");
}

/// `not_found` of a case or sample is an answer, not a failure.
int give_up(Invocation& invocation, const Error& error) {
    invocation.terminal.complain(error);
    return error.code == Errc::not_found && error.message.starts_with("no ") ? 1 : 2;
}

/// A case, and how its last run compared.
struct Loaded {
    results::CaseInfo info;
    std::vector<judge::Sample> samples;
    results::RunInfo run;
    results::RunSettings settings;
    std::optional<ask::Server> older, newer;
};

Result<Loaded> load(results::Results& results, std::uint64_t id) {
    Loaded out;
    ZC_TRY(out.info, results.one_case(id));
    ZC_TRY(out.samples, results.samples(id));
    ZC_TRY(out.run, results.one_run(out.info.last_run));
    ZC_TRY(out.settings, results::RunSettings::parse(out.run.settings));
    if (const auto server = ask::parse_server(out.run.older)) out.older = *server;
    if (const auto server = ask::parse_server(out.run.newer)) out.newer = *server;
    return out;
}

Result<Loaded> load(const CaseOptions& options) {
    ZC_TRY(results::Results results, results::Results::open_read_only(options.results));
    return load(results, options.number());
}

Result<const judge::Sample*> sample_of(const Loaded& loaded, std::uint32_t number) {
    if (number > loaded.samples.size())
        return fail(Errc::not_found, "no sample " + std::to_string(number) + " of case " +
                                         std::to_string(loaded.info.id) + ", which has " +
                                         std::to_string(loaded.samples.size()));
    return &loaded.samples[number - 1];
}

std::string question_of(const judge::Sample& sample) {
    const auto facts = compare::read_query(sample.query);
    if (!facts) return "(no question)";
    std::string out = dns::to_string(facts->qname) + ' ' + dns::to_string(facts->qtype);
    if (facts->qclass != dns::RrClass::in) out += " class " + dns::to_string(facts->qclass);
    if (facts->edns) out += facts->dnssec_ok ? ", DO" : ", EDNS";
    return out + ", " + std::string(dns::to_string(sample.transport));
}

std::string kdig(const std::optional<ask::Server>& server, const judge::Sample& sample) {
    return server ? report::kdig_line(*server, sample.query, sample.transport) : std::string();
}

std::string hex(base::Octets octets) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const std::uint8_t octet : octets) {
        out += digits[octet >> 4U];
        out += digits[octet & 15U];
    }
    return out;
}

// -------------------------------------------------------------------------------------------- list

int run_list(const CaseOptions& options, Invocation& invocation) {
    term::Terminal& terminal = invocation.terminal;
    auto results = results::Results::open_read_only(options.results);
    if (!results) return give_up(invocation, results.error());
    std::optional<std::uint64_t> run;
    if (options.run != 0) {
        run = options.run;
        if (const auto there = results->one_run(*run); !there)
            return give_up(invocation, there.error());
    }
    auto cases = results->cases(run);
    if (!cases) return give_up(invocation, cases.error());
    if (options.unexplained)
        std::erase_if(*cases, [](const results::CaseInfo& info) { return info.explained(); });
    if (terminal.json()) {
        term::Json list = term::Json::array();
        for (const results::CaseInfo& info : *cases) list.add(case_json(info));
        term::Json json = term::Json::object();
        json.set("results", options.results).set("cases", std::move(list));
        terminal.out(json);
    } else if (cases->empty()) {
        terminal.say("no case");
    } else {
        terminal.out(case_table(*cases, SIZE_MAX));
    }
    return 0;
}

// -------------------------------------------------------------------------------------------- show

term::Json json_of(const Loaded& loaded, const judge::Sample& sample,
                   const std::vector<report::Row>& rows) {
    term::Json lines = term::Json::array();
    for (const report::Row& row : rows) {
        term::Json line = term::Json::object();
        line.set("section", row.section).set("old", row.older).set("new", row.newer);
        line.set("differs", term::Json::boolean(row.differs));
        lines.add(std::move(line));
    }
    term::Json facets = term::Json::array();
    for (const std::string& facet : sample.facets) facets.add(term::Json::string(facet));
    term::Json json = term::Json::object();
    json.set("question", question_of(sample));
    json.set("position", term::Json::number(sample.position)).set("at", time_json(sample.at));
    json.set("transport", dns::to_string(sample.transport));
    json.set("sentence", sample.judgement.sentence).set("clause", sample.judgement.clause);
    json.set("facets", std::move(facets)).set("lines", std::move(lines));
    json.set("kdig_old", kdig(loaded.older, sample)).set("kdig_new", kdig(loaded.newer, sample));
    json.set("query_hex", hex(sample.query)).set("old_hex", hex(sample.older));
    json.set("new_hex", hex(sample.newer)).set("referee_hex", hex(sample.referee));
    return json;
}

std::string padded(std::string text, std::size_t columns) {
    text.append(columns - std::min(columns, term::width_of(text)), ' ');
    return text;
}

/// Both answers: beside each other where there is room, else below each other. Rows that
/// differ are marked by a sign as well as by colour.
void print_rows(term::Terminal& terminal, const std::vector<report::Row>& rows) {
    using term::Style;
    std::string section;
    const unsigned columns = terminal.columns();
    const bool beside = columns >= columns_side_by_side;
    const std::size_t half = (columns - 5) / 2;
    if (beside) terminal.out("  " + padded("  old", half + 3) + "  new\n");
    for (const report::Row& row : rows) {
        if (row.section != section) terminal.line("  " + row.section);
        section = row.section;
        if (!row.differs) {
            terminal.line("    " + term::Text(Style::dim, row.older));
            continue;
        }
        if (!beside) {
            if (!row.older.empty()) terminal.line(term::Text(Style::red, "  - " + row.older));
            if (!row.newer.empty()) terminal.line(term::Text(Style::green, "  + " + row.newer));
            continue;
        }
        // Long lines go on below themselves, in their own column.
        std::string older = row.older;
        std::string newer = row.newer;
        const std::size_t room = half - 2;
        for (bool first = true; first || !older.empty() || !newer.empty(); first = false) {
            const auto piece = [&](std::string& text, const char* sign) {
                const std::string part = term::cut(text, room);
                const bool empty = first ? text.empty() : part.empty();
                text.erase(0, part.size());
                return (empty ? "  " : first ? sign : "  ") + part;
            };
            const std::string left = piece(older, "- ");
            const std::string right = piece(newer, "+ ");
            terminal.line("  " + term::Text(Style::red, padded(left, half)) + " " +
                          term::Text(Style::green, right));
        }
    }
}

std::string title_of(const results::CaseInfo& info) {
    return "case " + std::to_string(info.id) + ": " + term::grouped(info.count) +
           (info.count == 1 ? " time, " : " times, ") + std::string(to_string(info.verdict)) +
           (info.accepted ? ", accepted" : "") + "; " + std::string(to_string(info.what)) + ", " +
           std::string(to_string(info.where)) +
           (info.rule ? ", rule " + std::string(compare::row_of(*info.rule).name) : "");
}

void print_sentence(term::Terminal& terminal, const std::string& sentence,
                    const std::string& clause) {
    if (sentence.empty()) return;
    terminal.line(sentence + (clause.empty() ? "" : " (" + clause + ")"));
}

int run_show(const CaseOptions& options, Invocation& invocation) {
    term::Terminal& terminal = invocation.terminal;
    const auto loaded = load(options);
    if (!loaded) return give_up(invocation, loaded.error());
    const compare::Comparer comparer(loaded->settings.policy);
    const std::size_t count = std::min<std::size_t>(options.samples, loaded->samples.size());
    if (terminal.json()) {
        term::Json list = term::Json::array();
        for (std::size_t i = 0; i < count; ++i)
            list.add(json_of(*loaded, loaded->samples[i],
                             report::side_by_side(comparer, loaded->samples[i])));
        term::Json json = case_json(loaded->info);
        json.set("old_target", loaded->run.older).set("new_target", loaded->run.newer);
        json.set("shown", std::move(list));
        terminal.out(json);
        return 0;
    }
    terminal.line(term::Text(term::Style::bold, title_of(loaded->info)));
    print_sentence(terminal, loaded->info.sentence, loaded->info.clause);
    if (loaded->info.accepted) terminal.line("accepted: " + *loaded->info.accepted);
    terminal.line("old " + loaded->run.older + ", new " + loaded->run.newer);
    if (count == 0) terminal.out("no sample was kept\n");
    for (std::size_t i = 0; i < count; ++i) {
        const judge::Sample& sample = loaded->samples[i];
        terminal.out("\n");
        terminal.line(term::Text(term::Style::bold, question_of(sample)) + "  " +
                      base::utc_text(sample.at, base::UtcForm::plain));
        if (sample.judgement.sentence != loaded->info.sentence)
            print_sentence(terminal, sample.judgement.sentence, sample.judgement.clause);
        print_rows(terminal, report::side_by_side(comparer, sample));
        for (const std::string& line : {kdig(loaded->older, sample), kdig(loaded->newer, sample)})
            if (!line.empty()) terminal.line("  " + line);
    }
    if (loaded->samples.size() > count)
        terminal.out("\n" + std::to_string(loaded->samples.size() - count) + " more: --samples " +
                     std::to_string(loaded->samples.size()) + '\n');
    return 0;
}

// ----------------------------------------------------------------------------------------- explain

std::string rrset_text(const dns::RrSet& rrset) {
    std::string out;
    for (const dns::Rdata& rdata : rrset.rdatas) {
        dns::Record record;
        record.owner = rrset.owner;
        record.type = rrset.type;
        record.ttl = rrset.ttl;
        record.rdata = rdata;
        out += (out.empty() ? "" : "\n") + dns::record_text(record);
    }
    return out;
}

std::vector<std::string> lines_of(const std::vector<dns::RrSet>& rrsets) {
    std::vector<std::string> out;
    for (const dns::RrSet& rrset : rrsets) {
        const std::string all = rrset_text(rrset);
        for (std::string_view text = all; !text.empty();) {
            const std::string_view line = text.substr(0, text.find('\n'));
            text.remove_prefix(std::min(text.size(), line.size() + 1));
            out.emplace_back(line);
        }
    }
    return out;
}

/// The faults of a side's answer by the reading, one line each.
struct SideFaults {
    std::string side, target;
    std::vector<compare::Fault> faults;
    std::string problem;  // no answer, or none that can be read
};

SideFaults faults_of(std::string side, const std::string& target, base::Octets response,
                     const compare::Reading& reading, const compare::QueryFacts& facts,
                     const compare::Policy& policy) {
    SideFaults out{std::move(side), target, {}, {}};
    if (response.empty()) {
        out.problem = "no answer";
        return out;
    }
    const auto message = dns::parse_message(response);
    if (!message) {
        out.problem = "no DNS message: " + message.error().message;
        return out;
    }
    compare::RuleSet taken;
    out.faults = compare::faults_of(reading, facts, *message, taken, policy);
    return out;
}

Result<std::string> zone_data_of(const CaseOptions& options, const Loaded& loaded) {
    if (!options.zone_data.empty()) return options.zone_data;
    if (!loaded.settings.zone_data.empty()) return loaded.settings.zone_data;
    return fail(Errc::invalid, "the run had no zone data; name a store with --zone-data STORE");
}

/// One answer of a case, read again by the zones it should have come from.
struct Explanation {
    const Loaded& loaded;
    const judge::Sample& sample;
    std::string zone_data;
    compare::Reading reading;
    std::vector<SideFaults> sides;
    std::optional<std::string> left_out;  // by the import of these zones
};

term::Json json_of(const std::vector<std::string>& lines) {
    term::Json out = term::Json::array();
    for (const std::string& line : lines) out.add(term::Json::string(line));
    return out;
}

term::Json json_of(const SideFaults& side) {
    term::Json faults = term::Json::array();
    for (const compare::Fault& fault : side.faults) {
        term::Json json = term::Json::object();
        json.set("what", to_string(fault.what)).set("sentence", fault.sentence);
        json.set("clause", fault.clause);
        json.set("step", term::Json::number(std::uint64_t{fault.step} + 1));
        faults.add(std::move(json));
    }
    term::Json json = term::Json::object();
    json.set("right", term::Json::boolean(side.faults.empty() && side.problem.empty()));
    json.set("problem", side.problem.empty() ? term::Json() : term::Json::string(side.problem));
    json.set("faults", std::move(faults));
    return json;
}

term::Json json_of(const Explanation& explanation) {
    const compare::Reading& reading = explanation.reading;
    term::Json steps = term::Json::array();
    for (const compare::ReadingStep& step : reading.steps) {
        term::Json json = term::Json::object();
        json.set("name", dns::to_string(step.name)).set("sentence", step.sentence);
        json.set("clause", step.clause).set("records", json_of(lines_of(step.records)));
        steps.add(std::move(json));
    }
    term::Json sides = term::Json::object();
    for (const SideFaults& side : explanation.sides) sides.set(side.side, json_of(side));
    term::Json json = term::Json::object();
    json.set("case", term::Json::number(explanation.loaded.info.id));
    json.set("question", question_of(explanation.sample)).set("zone_data", explanation.zone_data);
    json.set("served", term::Json::boolean(reading.served));
    json.set("zone",
             reading.served ? term::Json::string(dns::to_string(reading.apex)) : term::Json());
    json.set("where", to_string(reading.where)).set("rcode", dns::to_string(reading.rcode));
    json.set("answer", json_of(lines_of(reading.answer))).set("steps", std::move(steps));
    json.set("sides", std::move(sides));
    json.set("left_out",
             explanation.left_out ? term::Json::string(*explanation.left_out) : term::Json());
    return json;
}

void print(term::Terminal& terminal, const SideFaults& side) {
    const std::string who = side.side + ' ' + side.target + ": ";
    if (!side.problem.empty()) {
        terminal.line(term::Text(term::Style::red, who + side.problem));
    } else if (side.faults.empty()) {
        terminal.line(term::Text(term::Style::green, who + "right"));
    }
    for (const compare::Fault& fault : side.faults)
        terminal.line(
            term::Text(term::Style::red, who + "parts at step " + std::to_string(fault.step + 1)) +
            ": " + fault.sentence + (fault.clause.empty() ? "" : " (" + fault.clause + ")"));
}

void print(term::Terminal& terminal, const Explanation& explanation) {
    const compare::Reading& reading = explanation.reading;
    terminal.line(term::Text(term::Style::bold, title_of(explanation.loaded.info)));
    terminal.line(question_of(explanation.sample) + ", by the zones of " + explanation.zone_data +
                  ":");
    std::size_t number = 0;
    for (const compare::ReadingStep& step : reading.steps) {
        ++number;
        terminal.line("  " + std::to_string(number) + ". " + step.sentence +
                      (step.clause.empty() ? "" : " (" + step.clause + ")"));
        for (const std::string& line : lines_of(step.records))
            terminal.line("       " + term::Text(term::Style::dim, line));
    }
    terminal.out("right is " + dns::to_string(reading.rcode) +
                 (reading.answer.empty() ? ", no record in ANSWER\n" : ":\n"));
    for (const std::string& line : lines_of(reading.answer)) terminal.line("       " + line);
    for (const SideFaults& side : explanation.sides) print(terminal, side);
    if (explanation.left_out)
        terminal.line(term::Text(term::Style::bold, "not in these zones: ") +
                      *explanation.left_out);
}

int run_explain(const CaseOptions& options, Invocation& invocation) {
    const auto loaded = load(options);
    if (!loaded) return give_up(invocation, loaded.error());
    const auto sample = sample_of(*loaded, options.sample);
    if (!sample) return give_up(invocation, sample.error());
    const auto path = zone_data_of(options, *loaded);
    if (!path) return give_up(invocation, path.error());
    const auto facts = compare::read_query((*sample)->query);
    if (!facts) return give_up(invocation, facts.error());
    const auto store = runs::OpenStore::open(*path);
    if (!store) return give_up(invocation, store.error());
    const auto left_out = runs::left_out_of(*path, **sample);
    if (!left_out) return give_up(invocation, left_out.error());

    Explanation explanation{*loaded, **sample, *path, compare::read_zones(store->zones(), *facts),
                            {},      *left_out};
    const auto add_side = [&](const char* name, const auto& target, const auto& answer) {
        explanation.sides.push_back(
            faults_of(name, target, answer, explanation.reading, *facts, loaded->settings.policy));
    };
    add_side("old", loaded->run.older, (*sample)->older);
    add_side("new", loaded->run.newer, (*sample)->newer);
    if (invocation.terminal.json())
        invocation.terminal.out(json_of(explanation));
    else
        print(invocation.terminal, explanation);
    return 0;
}

// ------------------------------------------------------------------------------------------ replay

/// Asks `target` again; what was recorded is what it was.
Result<std::vector<std::uint8_t>> ask_again(const runs::Target& target, base::Octets recorded,
                                            const judge::Sample& sample, base::Duration timeout) {
    if (target.kind == runs::Target::Kind::recorded)
        return std::vector<std::uint8_t>(recorded.begin(), recorded.end());
    return runs::ask_once(target, sample.query, sample.transport, timeout);
}

int run_replay(const CaseOptions& options, Invocation& invocation) {
    term::Terminal& terminal = invocation.terminal;
    const auto loaded = load(options);
    if (!loaded) return give_up(invocation, loaded.error());
    const auto found = sample_of(*loaded, options.sample);
    if (!found) return give_up(invocation, found.error());
    judge::Sample sample = **found;
    const auto target = [](const std::string& given, const std::string& of_run) {
        return runs::parse_target(given.empty() ? of_run : given);
    };
    const auto older = target(options.older, loaded->run.older);
    if (!older) return give_up(invocation, older.error());
    const auto newer = target(options.newer, loaded->run.newer);
    if (!newer) return give_up(invocation, newer.error());
    auto old_answer = ask_again(*older, sample.older, sample, options.timeout);
    if (!old_answer) return give_up(invocation, old_answer.error());
    auto new_answer = ask_again(*newer, sample.newer, sample, options.timeout);
    if (!new_answer) return give_up(invocation, new_answer.error());
    sample.older = *std::move(old_answer);
    sample.newer = *std::move(new_answer);

    compare::Comparer comparer(loaded->settings.policy);
    const bool silent = sample.older.empty() && sample.newer.empty();
    const bool same =
        !sample.older.empty() && !sample.newer.empty() &&
        comparer.same({sample.query, sample.transport}, sample.older, sample.newer).same;
    const auto rows = report::side_by_side(comparer, sample);
    if (terminal.json()) {
        term::Json json = term::Json::object();
        json.set("case", term::Json::number(loaded->info.id));
        json.set("old_target", older->text).set("new_target", newer->text);
        json.set("same", term::Json::boolean(same));
        json.set("sample", json_of(*loaded, sample, rows));
        terminal.out(json);
    } else {
        terminal.line(term::Text(term::Style::bold, question_of(sample)) + ": " +
                      (same ? term::Text(term::Style::green, "the same now")
                            : term::Text(term::Style::red, "still different")));
        if (!same) print_rows(terminal, rows);
    }
    if (silent) {
        terminal.complain("neither of them answers");
        return 2;
    }
    return same ? 0 : 1;
}

// ------------------------------------------------------------------------- accept, minimise,
// report

int run_accept(const CaseOptions& options, Invocation& invocation) {
    term::Terminal& terminal = invocation.terminal;
    if (options.undo == !options.because.empty()) {
        terminal.complain("wanted --because TEXT, or --undo");
        return 2;
    }
    // Not made here: nothing can be accepted in a file that is not there.
    if (const auto there = results::Results::open_read_only(options.results); !there)
        return give_up(invocation, there.error());
    auto results = results::Results::open(options.results);
    if (!results) return give_up(invocation, results.error());
    const std::uint64_t id = options.number();
    const Status status =
        options.undo ? results->unaccept(id) : results->accept(id, options.because, runtime::now());
    if (!status) return give_up(invocation, status.error());
    const auto info = results->one_case(id);
    const auto summary = results->summary();
    if (!info) return give_up(invocation, info.error());
    if (!summary) return give_up(invocation, summary.error());
    if (terminal.json()) {
        term::Json json = case_json(*info);
        json.set("unexplained", term::Json::number(summary->sums.unexplained));
        json.set("unexplained_cases", term::Json::number(summary->unexplained_cases));
        terminal.out(json);
    } else {
        terminal.out(title_of(*info) + "\n" + term::grouped(summary->sums.unexplained) +
                     " differences unexplained, in " + term::grouped(summary->unexplained_cases) +
                     (summary->unexplained_cases == 1 ? " case\n" : " cases\n"));
    }
    return 0;
}

int run_minimise(const CaseOptions& options, Invocation& invocation) {
    term::Terminal& terminal = invocation.terminal;
    const auto loaded = load(options);
    if (!loaded) return give_up(invocation, loaded.error());
    const auto sample = sample_of(*loaded, options.sample);
    if (!sample) return give_up(invocation, sample.error());
    const auto path = zone_data_of(options, *loaded);
    if (!path) return give_up(invocation, path.error());
    const auto store = runs::OpenStore::open(*path);
    if (!store) return give_up(invocation, store.error());
    const auto small = compare::minimise(store->zones(), {(*sample)->query, (*sample)->transport},
                                         (*sample)->older, (*sample)->newer, options.trials);
    if (!small) {
        terminal.complain(small.error());
        return small.error().code == Errc::invalid ? 1 : 2;
    }
    if (terminal.json()) {
        term::Json json = term::Json::object();
        json.set("case", term::Json::number(loaded->info.id)).set("script", small->script);
        json.set("records_before", term::Json::number(small->records_before));
        json.set("records_after", term::Json::number(small->records_after));
        json.set("trials", term::Json::number(small->trials));
        terminal.out(json);
        return 0;
    }
    terminal.out(small->script);
    terminal.say(term::grouped(small->records_before) + " records became " +
                 term::grouped(small->records_after) + " in " + term::grouped(small->trials) +
                 " trials");
    return 0;
}

int run_report(const CaseOptions& options, Invocation& invocation) {
    auto results = results::Results::open_read_only(options.results);
    if (!results) return give_up(invocation, results.error());
    const Status status = write_report(*results, options.output, invocation.terminal);
    return status ? 0 : give_up(invocation, status.error());
}

using Run = int (*)(const CaseOptions& options, Invocation& invocation);
Action action_of(std::shared_ptr<CaseOptions> options, Run run) {
    return [options = std::move(options), run](Invocation& invocation) {
        return run(*options, invocation);
    };
}

}  // namespace

Action define_diff_list(CLI::App& app) {
    auto options = std::make_shared<CaseOptions>();
    add_results(app, options->results);
    add_number(app, CaseOptions::run_limit, options->run, "Only cases of this run; 0 is all runs");
    add_switch(app, "--unexplained", options->unexplained, "Only cases that nothing explains");
    app.footer("Unexplained cases first, then by count.");
    return action_of(std::move(options), run_list);
}

Action define_diff_show(CLI::App& app) {
    auto options = std::make_shared<CaseOptions>();
    add_case(app, *options);
    add_number(app, CaseOptions::samples_limit, options->samples, "Samples to show");
    app.footer(
        "A line with - is in the old server's answer alone, a line with + in the new one's. On "
        "terminals of less than 100 columns one answer stands below the other.");
    return action_of(std::move(options), run_show);
}

Action define_diff_explain(CLI::App& app) {
    auto options = std::make_shared<CaseOptions>();
    add_case(app, *options);
    add_sample(app, *options);
    add_zone_data(app, *options);
    app.footer(
        "Shows the lookup of RFC 1034 section 4.3.2 in the zone's own records, and the step at "
        "which each side parts from it.");
    return action_of(std::move(options), run_explain);
}

Action define_diff_replay(CLI::App& app) {
    auto options = std::make_shared<CaseOptions>();
    add_case(app, *options);
    add_sample(app, *options);
    const auto check = [](const std::string& text) {
        const auto target = runs::parse_target(text);
        return target ? std::string() : target.error().message;
    };
    add_text(app, "--old", options->older, "TARGET", "Ask this server instead of the run's", check);
    add_text(app, "--new", options->newer, "TARGET", "Ask this server instead of the run's", check);
    add_number(app, CaseOptions::timeout_limit, options->timeout, "Time to wait for an answer");
    app.footer("Exit code 0: the same now. 1: still different. 2: neither answers.");
    return action_of(std::move(options), run_replay);
}

Action define_diff_accept(CLI::App& app) {
    auto options = std::make_shared<CaseOptions>();
    add_case(app, *options);
    add_text(app, "--because", options->because, "TEXT", "Reason, shown in lists and reports");
    add_switch(app, "--undo", options->undo, "Take the acceptance back");
    app.footer(
        "The case counts as explained in all runs, from its first sample on, and whenever it is "
        "seen again.");
    return action_of(std::move(options), run_accept);
}

Action define_diff_minimise(CLI::App& app) {
    auto options = std::make_shared<CaseOptions>();
    add_case(app, *options);
    add_sample(app, *options);
    add_zone_data(app, *options);
    add_number(app, CaseOptions::trials_limit, options->trials, "Trials at most");
    app.footer(
        "Prints the fewest records and the shortest question that still show the case, in the form "
        "of testdata/answer/. Exit code 1: by the zone data no side is wrong.");
    return action_of(std::move(options), run_minimise);
}

Action define_diff_report(CLI::App& app) {
    auto options = std::make_shared<CaseOptions>();
    add_text(app, "output", options->output, "FILE", "File of the page; - is stdout");
    add_results(app, options->results);
    return action_of(std::move(options), run_report);
}

}  // namespace zc::cmd
