#include "report/report.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "ask/server.h"
#include "base/foreign_text.h"
#include "base/utc_text.h"
#include "compare/compare.h"
#include "dns/name.h"
#include "report/embedded.h"
#include "report/present.h"
#include "results/run_settings.h"
#include "term/terminal.h"

namespace zc::report {
namespace {

std::string utc(base::Instant instant) {
    return base::utc_text(instant, base::UtcForm::plain);
}

constexpr std::size_t points_max = 1200;  // of a chart: about one a pixel
constexpr std::size_t samples_shown_max = 3;
constexpr std::size_t runs_shown_max = 50;
constexpr std::size_t octets_of_cases_max = 700'000;  // then cases are listed without samples
constexpr std::size_t cases_listed_max = 2000;
constexpr std::int64_t nanoseconds_a_minute = 60'000'000'000;

/// Text of any origin as HTML text or the value of a quoted attribute.
std::string escaped(std::string_view text) {
    return base::foreign(text, base::Form::html);
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
    return term::grouped(count) + ' ' + std::string(count == 1 ? one : many);
}

std::string share(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return "–";
    // Never "100 %" for what is not all, nor "0 %" for what is not nothing.
    const double percent = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
    if (part != whole && percent > 99.99) return "> 99.99 %";
    if (part != 0 && percent < 0.01) return "< 0.01 %";
    const auto hundredths = static_cast<std::uint64_t>(percent * 100.0 + 0.5);
    std::string fraction = std::to_string(hundredths % 100);
    if (fraction.size() < 2) fraction.insert(0, "0");
    return std::to_string(hundredths / 100) + (hundredths % 100 == 0 ? "" : '.' + fraction) + " %";
}

// ------------------------------------------------------------------------------------------ series

/// One point of the charts: one minute or several.
struct Point {
    std::int64_t minute = 0;  // of its begin, since 1970
    std::uint64_t compared = 0, explained = 0, unexplained = 0, open = 0;
    std::int64_t busy_nanoseconds = 0;
    bool known = false;  // something was compared
};

std::vector<Point> points_of(const std::vector<results::Minute>& minutes,
                             const std::vector<results::CaseInfo>& cases) {
    if (minutes.empty()) return {};
    const auto minute_of = [](base::Instant at) { return at.nanoseconds / nanoseconds_a_minute; };
    const std::int64_t first = minute_of(minutes.front().begin);
    const std::int64_t last = minute_of(minutes.back().begin);
    const std::int64_t span = last - first + 1;
    const std::int64_t step =
        (span + static_cast<std::int64_t>(points_max) - 1) / static_cast<std::int64_t>(points_max);
    std::vector<Point> points(static_cast<std::size_t>((span + step - 1) / step));
    for (std::size_t i = 0; i < points.size(); ++i)
        points[i].minute = first + static_cast<std::int64_t>(i) * step;
    for (const results::Minute& minute : minutes) {
        Point& point = points[static_cast<std::size_t>((minute_of(minute.begin) - first) / step)];
        point.known = true;
        point.compared += minute.sums.compared;
        point.explained += minute.sums.explained;
        point.unexplained += minute.sums.unexplained;
        point.busy_nanoseconds += (minute.last - minute.first).nanoseconds;
    }
    // A case is open from when it was first seen to when it was last seen, or accepted: what is
    // mended is not seen again.
    for (const results::CaseInfo& one : cases) {
        if (compare::is_explained(one.verdict, one.what)) continue;
        base::Instant until = one.last_seen;
        if (one.accepted_at) until = std::min(until, *one.accepted_at);
        for (Point& point : points) {
            const std::int64_t begin = point.minute * nanoseconds_a_minute;
            if (one.first_seen.nanoseconds < begin + step * nanoseconds_a_minute &&
                until.nanoseconds >= begin)
                ++point.open;
        }
    }
    return points;
}

std::string series_of(const std::vector<Point>& points) {
    const auto list = [&points](std::string_view name, const auto& value_of) {
        std::string out = '"' + std::string(name) + "\":[";
        for (std::size_t i = 0; i < points.size(); ++i)
            out += (i == 0 ? "" : ",") + value_of(points[i]);
        return out + ']';
    };
    const auto known = [](const Point& point, std::uint64_t value) {
        return point.known ? std::to_string(value) : std::string("null");
    };
    return '{' + list("t", [](const Point& point) { return std::to_string(point.minute * 60); }) +
           ',' +
           list("rate",
                [&](const Point& point) {
                    const double seconds = static_cast<double>(point.busy_nanoseconds) / 1e9;
                    return seconds <= 0
                               ? std::string("null")
                               : known(point, static_cast<std::uint64_t>(
                                                  static_cast<double>(point.compared) / seconds));
                }) +
           ',' + list("explained", [&](const Point& p) { return known(p, p.explained); }) + ',' +
           list("unexplained", [&](const Point& p) { return known(p, p.unexplained); }) + ',' +
           list("open", [](const Point& p) { return std::to_string(p.open); }) + '}';
}

// ------------------------------------------------------------------------------------------- parts

void put_tile(std::string& out, const std::string& value, std::string_view label) {
    out += "<div class=tile><b>" + escaped(value) + "</b><span>" + std::string(label) +
           "</span></div>\n";
}

struct Bar {
    std::string label;
    std::uint64_t count = 0;
    const char* kind = "";
};

void put_bars(std::string& out, std::string_view title, std::vector<Bar> bars) {
    std::erase_if(bars, [](const Bar& bar) { return bar.count == 0; });
    std::ranges::stable_sort(bars, [](const Bar& a, const Bar& b) { return a.count > b.count; });
    out += "<div class=card><h3>" + std::string(title) + "</h3>";
    if (bars.empty()) {
        out += "<p class=dim>none</p></div>\n";
        return;
    }
    std::uint64_t total = 0;
    for (const Bar& bar : bars) total += bar.count;
    const double most = static_cast<double>(bars.front().count);
    out += "<div class=bars>";
    for (const Bar& bar : bars) {
        const auto width = static_cast<int>(100.0 * static_cast<double>(bar.count) / most);
        out += "<span>" + escaped(bar.label) + "</span><i class=\"" + bar.kind +
               "\" style=\"width:" + std::to_string(width) + "%\"></i><span>" +
               term::grouped(bar.count) + " · " + share(bar.count, total) + "</span>";
    }
    out += "</div></div>\n";
}

void put_shares(std::string& out, const judge::Sums& sums) {
    std::vector<Bar> verdicts;
    for (std::size_t i = 0; i < sums.by_verdict.size(); ++i) {
        const auto verdict = static_cast<compare::Verdict>(i);
        verdicts.push_back(
            {std::string(to_string(verdict)), sums.by_verdict[i],
             compare::is_explained(verdict, compare::What::answer) ? "soft" : "bad"});
    }
    std::vector<Bar> whats;
    for (std::size_t i = 0; i < sums.by_what.size(); ++i)
        whats.push_back({std::string(to_string(static_cast<compare::What>(i))), sums.by_what[i]});
    std::vector<Bar> wheres;
    for (std::size_t i = 0; i < sums.by_where.size(); ++i)
        wheres.push_back(
            {std::string(to_string(static_cast<compare::Where>(i))), sums.by_where[i]});
    out += "<h2>Differences by verdict and kind</h2>\n<div class=cards>\n";
    put_bars(out, "Verdict", std::move(verdicts));
    put_bars(out, "What differs", std::move(whats));
    put_bars(out, "Where in the lookup", std::move(wheres));
    out += "</div>\n";
}

void put_rules(std::string& out, const judge::Sums& sums) {
    out += "<h2>Rules that were needed</h2>\n<div class=card>\n";
    std::vector<compare::RuleRow> rows(compare::rules().begin(), compare::rules().end());
    const auto count_of = [&sums](const compare::RuleRow& row) {
        return sums.by_rule[static_cast<std::size_t>(row.rule)];
    };
    std::erase_if(rows, [&](const compare::RuleRow& row) { return count_of(row) == 0; });
    std::ranges::stable_sort(
        rows, [&](const auto& a, const auto& b) { return count_of(a) > count_of(b); });
    if (rows.empty()) {
        out += "<p class=dim>None: what is the same is so octet for octet.</p></div>\n";
        return;
    }
    out +=
        "<table class=stack><thead><tr><th>Rule<th class=n>Pairs<th>Stands on<th>Why</tr></thead>"
        "<tbody>\n";
    for (const compare::RuleRow& row : rows)
        out += "<tr><td><code>" + escaped(row.name) + "</code><td class=n data-t=Pairs>" +
               term::grouped(count_of(row)) + "<td>" + escaped(row.clause) + "<td class=dim>" +
               escaped(row.reason) + "</tr>\n";
    out += "</tbody></table></div>\n";
}

void put_strays(std::string& out, const judge::Sums& sums) {
    std::string rows;
    for (std::size_t side = 0; side < judge::sides; ++side) {
        const std::string who(to_string(static_cast<judge::Side>(side)));
        const auto row = [&](std::string_view what, std::uint64_t count) {
            if (count == 0) return;
            rows += "<tr><td>" + escaped(who) + "<td>" + escaped(what) +
                    "<td class=n data-t=Count>" + term::grouped(count) + "</tr>\n";
        };
        row("did not answer", sums.timeouts[side]);
        row("asked again", sums.repeats[side]);
        for (std::size_t i = 0; i < ask::stray_count; ++i)
            row("not compared: " + std::string(to_string(static_cast<ask::Stray>(i))),
                sums.stray[side][i]);
    }
    if (sums.unconfirmed != 0)
        rows +=
            "<tr><td>old, new<td>no answer when a difference was asked again"
            "<td class=n data-t=Count>" +
            term::grouped(sums.unconfirmed) + "</tr>\n";
    if (rows.empty()) return;
    out +=
        "<h2>On the network</h2>\n<div class=card><table class=stack><thead><tr><th>Side<th>"
        "What<th class=n>Count</tr></thead><tbody>\n" +
        rows + "</tbody></table></div>\n";
}

void put_runs(std::string& out, const std::vector<results::RunInfo>& runs) {
    out +=
        "<h2>Runs</h2>\n<div class=\"card scroll\"><table class=stack><thead><tr><th "
        "class=n>Run<th>"
        "Questions from<th>Old, new<th>Begun<th class=n>Compared<th class=n>Unexplained<th>"
        "</tr></thead><tbody>\n";
    const std::size_t skipped = runs.size() > runs_shown_max ? runs.size() - runs_shown_max : 0;
    if (skipped > 0)
        out += "<tr><td><td class=dim>" + counted(skipped, "older run", "older runs") + "</tr>\n";
    for (std::size_t i = skipped; i < runs.size(); ++i) {
        const results::RunInfo& run = runs[i];
        out += "<tr><td class=n data-t=Run>" + std::to_string(run.id) + "<td>" +
               escaped(run.source) + "<td>" + escaped(run.older) + " → " + escaped(run.newer) +
               (run.referee.empty() ? "" : ", referee " + escaped(run.referee)) + "<td>" +
               utc(run.started) + "<td class=n data-t=Compared>" +
               term::grouped(run.sums.compared) + "<td class=n data-t=Unexplained>" +
               term::grouped(run.sums.unexplained) + "<td class=dim>" +
               (run.finished ? "whole" : "not at its end") + "</tr>\n";
    }
    out += "</tbody></table></div>\n";
}

void put_pair(std::string& out, const std::vector<Row>& rows) {
    out += "<div class=\"pair m\"><div class=t>old</div><div class=t>new</div>";
    std::string section;
    for (const Row& row : rows) {
        if (row.section != section) out += "<div class=h>" + escaped(row.section) + "</div>";
        section = row.section;
        if (!row.differs) {
            out += "<div class=s>" + escaped(row.older) + "</div>";
            continue;
        }
        const auto cell = [&out](const char* kind, const std::string& text) {
            out += std::string("<div class=\"") + kind + (text.empty() ? " e" : "") + "\">" +
                   escaped(text) + "</div>";
        };
        cell("o", row.older);
        cell("n", row.newer);
    }
    out += "</div>\n";
}

/// A run, as far as its cases need it.
struct RunView {
    compare::Policy policy;
    std::optional<ask::Server> older, newer;
};

void put_sample(std::string& out, const judge::Sample& sample, const results::CaseInfo& info,
                const RunView& run) {
    const auto facts = compare::read_query(sample.query);
    const std::string question = facts ? dns::to_string(facts->qname) + ' ' +
                                             dns::to_string(facts->qtype) +
                                             (facts->dnssec_ok ? " DO" : "")
                                       : std::string("a question that cannot be read");
    out += "<div class=sample><p><code>" + escaped(question) + "</code> <span class=dim>by " +
           std::string(dns::to_string(sample.transport)) + ", question " +
           term::grouped(sample.position) + ", " + utc(sample.at) + "</span></p>\n";
    if (sample.judgement.sentence != info.sentence && !sample.judgement.sentence.empty())
        out += "<p>" + escaped(sample.judgement.sentence) + "</p>\n";
    put_pair(out, side_by_side(compare::Comparer(run.policy), sample));
    std::string lines;
    for (const auto& server : {run.older, run.newer}) {
        if (!server) continue;
        const std::string line = kdig_line(*server, sample.query, sample.transport);
        if (!line.empty()) lines += (lines.empty() ? "" : "\n") + line;
    }
    if (!lines.empty()) out += "<pre class=sh>" + escaped(lines) + "</pre>\n";
    out += "</div>\n";
}

void put_case(std::string& out, const results::CaseInfo& info,
              const std::vector<judge::Sample>& samples, const RunView& run, bool open) {
    const bool known = info.explained();
    out += std::string("<details class=\"case") + (known ? " known" : "") + '"' +
           (open ? " open" : "") + " id=case-" + std::to_string(info.id) +
           "><summary><span class=count>" + counted(info.count, "time", "times") +
           "</span><span class=\"tag " + (known ? "good" : "bad") + "\">" +
           escaped(info.accepted ? "accepted" : to_string(info.verdict)) +
           "</span><span class=tag>" + escaped(to_string(info.what)) + "</span><span class=tag>" +
           escaped(to_string(info.where)) + "</span><span class=ex>" + escaped(info.example) +
           "</span><span class=dim>case " + std::to_string(info.id) +
           "</span></summary>\n<div class=body>";
    if (!info.sentence.empty())
        out += "<p class=why>" + escaped(info.sentence) +
               (info.clause.empty() ? "" : " <span class=dim>" + escaped(info.clause) + "</span>") +
               "</p>\n";
    if (info.accepted)
        out += "<p class=why>Accepted: " + escaped(*info.accepted) +
               (info.accepted_at ? " <span class=dim>" + utc(*info.accepted_at) + "</span>" : "") +
               "</p>\n";
    out += "<p class=dim><code>" + escaped(info.cause) + "</code>" +
           (info.rule ? " · rule " + escaped(compare::row_of(*info.rule).name) : "") +
           " · first seen " + utc(info.first_seen) + ", last " + utc(info.last_seen) + "</p>\n";
    for (const judge::Sample& sample : samples) put_sample(out, sample, info, run);
    if (info.samples > samples.size())
        out += "<p class=dim>" + counted(info.samples - samples.size(), "sample", "samples") +
               " more: <code>zonectl diff show " + std::to_string(info.id) + "</code></p>\n";
    out += "</div></details>\n";
}

Status put_cases(std::string& out, results::Results& results,
                 const std::vector<results::CaseInfo>& cases,
                 const std::vector<results::RunInfo>& runs) {
    out +=
        "<h2>Cases</h2>\n<p class=dim>One case is one cause, however often it was seen. What is "
        "unexplained stands first.</p>\n";
    if (cases.empty()) out += "<div class=card>No difference was found.</div>\n";
    std::map<std::uint64_t, RunView> views;
    for (const results::RunInfo& run : runs) {
        RunView view;
        // Settings of a later version show with all rules: better than no report.
        if (const auto settings = results::RunSettings::parse(run.settings))
            view.policy = settings->policy;
        if (const auto server = ask::parse_server(run.older)) view.older = *server;
        if (const auto server = ask::parse_server(run.newer)) view.newer = *server;
        views.emplace(run.id, std::move(view));
    }
    const std::size_t start = out.size();
    std::size_t shown = 0;
    for (const results::CaseInfo& info : cases) {
        if (shown == cases_listed_max) break;
        std::vector<judge::Sample> samples;
        if (out.size() - start < octets_of_cases_max) {
            ZC_TRY(samples, results.samples(info.id));
            if (samples.size() > samples_shown_max) samples.resize(samples_shown_max);
        }
        put_case(out, info, samples, views[info.last_run], shown == 0 && !info.explained());
        ++shown;
    }
    if (shown < cases.size())
        out += "<p class=dim>" + counted(cases.size() - shown, "case", "cases") +
               " more in the file of results: <code>zonectl diff list</code></p>\n";
    return {};
}

void put_headline(std::string& out, const results::Summary& summary) {
    const bool good = summary.sums.unexplained == 0;
    out += std::string("<div class=\"headline ") +
           (good && summary.sums.compared > 0 ? "good" : "bad") + "\">";
    if (summary.sums.compared == 0)
        out += "Nothing was compared";
    else if (good)
        out += "No unexplained difference in " +
               counted(summary.sums.compared, "comparison", "comparisons");
    else
        out +=
            counted(summary.sums.unexplained, "unexplained difference", "unexplained differences") +
            " in " + counted(summary.unexplained_cases, "case", "cases");
    out += "<small>";
    if (summary.last_unexplained)
        out += "Last seen " + utc(*summary.last_unexplained) +
               (summary.clean.whole_seconds() == 0
                    ? std::string()
                    : "; none in the last " + term::in_words(summary.clean) + " of comparing") +
               ".";
    else
        out += "None in " + term::in_words(summary.clean) + " of comparing.";
    out += "</small></div>\n";
}

void put_chart(std::string& out, std::string_view title, std::string_view attributes) {
    out += "<div class=card><h3>" + std::string(title) + "</h3><div class=chart " +
           std::string(attributes) + "></div></div>\n";
}

void put_charts(std::string& out, const std::vector<Point>& points,
                const results::Summary& summary) {
    out += "<h2>Over time</h2>\n";
    if (points.size() < 2) {
        out += "<div class=card>Everything was compared within a minute";
        if (summary.first_compared && *summary.last_compared > *summary.first_compared) {
            const double seconds = (*summary.last_compared - *summary.first_compared).as_seconds();
            out += ": " +
                   term::grouped(static_cast<std::uint64_t>(
                       static_cast<double>(summary.sums.compared) / seconds)) +
                   " comparisons a second";
        }
        out += ".</div>\n";
        return;
    }
    out += "<noscript><p class=dim>The charts need JavaScript.</p></noscript>\n<div class=cards>\n";
    put_chart(out, "Comparisons a second",
              "data-series=rate data-labels=\"a second\" data-colours=--c1");
    put_chart(out, "Differences a minute",
              "data-series=unexplained,explained data-labels=unexplained,explained "
              "data-colours=--c3,--c2");
    put_chart(out, "Unexplained cases still seen",
              "data-series=open data-labels=open data-colours=--c3 data-stepped=1");
    out += "</div>\n";
}

}  // namespace

Result<std::string> html_report(results::Results& results, base::Instant now) {
    ZC_TRY(const std::vector<results::RunInfo> runs, results.runs());
    ZC_TRY(const results::Summary summary, results.summary());
    ZC_TRY(const std::vector<results::CaseInfo> cases, results.cases());
    ZC_TRY(const std::vector<results::Minute> minutes, results.minutes());
    const std::vector<Point> points = points_of(minutes, cases);
    const judge::Sums& sums = summary.sums;

    std::string out =
        "<!DOCTYPE html>\n<html lang=en><head><meta charset=utf-8>\n"
        "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n"
        // Nothing is fetched, whatever stands in the page.
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src "
        "'unsafe-inline'; script-src 'unsafe-inline'\">\n";
    const results::RunInfo* const latest = runs.empty() ? nullptr : &runs.back();
    const std::string names =
        latest == nullptr ? "no run" : escaped(latest->older) + " → " + escaped(latest->newer);
    out += "<title>zonectl diff: " + names + "</title>\n<style>";
    out += uPlot_min_css;
    out += report_css;
    out += "</style></head><body><main>\n<p class=dim>zonectl diff</p>\n<h1>";
    if (latest == nullptr)
        out += "No run";
    else
        out += escaped(latest->older) + "<span class=arrow>→</span>" + escaped(latest->newer);
    out += "</h1>\n<p class=dim>";
    if (latest != nullptr) out += "Questions from " + escaped(latest->source) + ". ";
    if (runs.size() > 1) out += term::grouped(runs.size()) + " runs. ";
    if (summary.first_compared)
        out += "Compared from " + utc(*summary.first_compared) + " to " +
               utc(*summary.last_compared) + ".";
    out += "</p>\n";

    put_headline(out, summary);
    out += "<div class=tiles>\n";
    put_tile(out, term::grouped(sums.asked), "questions");
    put_tile(out, term::grouped(sums.compared), "compared");
    put_tile(out, share(sums.same, sums.compared), "of them the same");
    put_tile(out, term::grouped(sums.unexplained), "differences unexplained");
    put_tile(out, term::grouped(sums.explained), "differences explained");
    put_tile(out, term::grouped(summary.cases), "cases");
    put_tile(out, term::grouped(sums.timed_out), "timed out");
    put_tile(out, term::grouped(sums.malformed), "malformed");
    put_tile(out, term::grouped(sums.dropped), "dropped");
    out += "</div>\n";
    put_charts(out, points, summary);
    put_shares(out, sums);
    ZC_TRY_STATUS(put_cases(out, results, cases, runs));
    put_rules(out, sums);
    put_strays(out, sums);
    put_runs(out, runs);
    out +=
        "<footer>Written " + utc(now) +
        ". Times are UTC. Charts: uPlot 1.6.32, MIT licence, © Leon Sorokin.</footer>\n</main>\n";
    if (points.size() >= 2) {
        out += "<script id=series type=application/json>" + series_of(points) + "</script>\n";
        out += "<script>";
        out += uPlot_iife_min_js;
        out += "</script>\n<script>";
        out += report_js;
        out += "</script>\n";
    }
    out += "</body></html>\n";
    return out;
}

}  // namespace zc::report
