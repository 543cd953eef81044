// Cases and counts of comparisons as JSON and tables; durations; the report as a file.
#include <charconv>

#include "base/utc_text.h"
#include "diff.h"
#include "flags.h"
#include "report/present.h"
#include "report/report.h"
#include "runtime/clock.h"
#include "whole_file.h"

namespace zc::cmd {

void add_results(CLI::App& app, std::string& path) {
    add_text(app, "--results", path, "FILE", "File of the results");
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
    return term::Json::string(base::utc_text(instant, base::UtcForm::iso));
}

term::Json case_json(const results::CaseInfo& info) {
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

term::Json tally_json(const judge::Sums& sums) {
    const auto number = [](std::uint64_t value) { return term::Json::number(value); };
    const auto group = [&number](const auto& counts, const auto& name_of) {
        term::Json out = term::Json::object();
        for (std::size_t i = 0; i < counts.size(); ++i) out.set(name_of(i), number(counts[i]));
        return out;
    };
    term::Json network = term::Json::object();
    for (std::size_t side = 0; side < judge::sides; ++side) {
        term::Json one = term::Json::object();
        one.set("timeouts", number(sums.timeouts[side]));
        one.set("repeats", number(sums.repeats[side]));
        for (std::size_t i = 0; i < ask::stray_count; ++i)
            one.set(to_string(static_cast<ask::Stray>(i)), number(sums.stray[side][i]));
        network.set(to_string(static_cast<judge::Side>(side)), std::move(one));
    }
    term::Json json = term::Json::object();
    json.set("asked", number(sums.asked)).set("compared", number(sums.compared));
    json.set("timed_out", number(sums.timed_out)).set("dropped", number(sums.dropped));
    json.set("malformed", number(sums.malformed)).set("same", number(sums.same));
    json.set("identical", number(sums.identical)).set("explained", number(sums.explained));
    json.set("unexplained", number(sums.unexplained));
    json.set("unconfirmed", number(sums.unconfirmed));
    json.set("by_verdict", group(sums.by_verdict, [](std::size_t i) {
                 return to_string(static_cast<compare::Verdict>(i));
             }));
    json.set("by_what", group(sums.by_what, [](std::size_t i) {
                 return to_string(static_cast<compare::What>(i));
             }));
    json.set("by_where", group(sums.by_where, [](std::size_t i) {
                 return to_string(static_cast<compare::Where>(i));
             }));
    json.set("by_rule", group(sums.by_rule, [](std::size_t i) {
                 return compare::row_of(static_cast<compare::Rule>(i)).name;
             }));
    json.set("network", std::move(network));
    return json;
}

std::string case_table(const std::vector<results::CaseInfo>& cases, std::size_t rows_max) {
    using Align = term::Table::Align;
    term::Table table({{"case", Align::right},
                       {"count", Align::right},
                       {"verdict", Align::left},
                       {"what differs", Align::left},
                       {"where", Align::left},
                       {"such as", Align::left}});
    for (const results::CaseInfo& info : cases) {
        if (table.rows() == rows_max) break;
        table.row({std::to_string(info.id), term::grouped(info.count),
                   std::string(to_string(info.verdict)) + (info.accepted ? ", accepted" : ""),
                   std::string(to_string(info.what)), std::string(to_string(info.where)),
                   info.example});
    }
    return table.text();
}

Status write_report(results::Results& results, const std::string& path, term::Terminal& terminal) {
    ZC_TRY(const std::string page, report::html_report(results, runtime::now()));
    if (path == "-") {
        terminal.data(page);
        return {};
    }
    return write_whole(path, page);
}

}  // namespace zc::cmd
