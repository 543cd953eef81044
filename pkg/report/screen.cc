#include "report/screen.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/foreign_text.h"

namespace zc::report {
namespace {

using Line = term::Screen::Line;

constexpr std::size_t label_rows_max = 5;
constexpr std::size_t bar_columns = 60;

std::string padded(std::string text, std::size_t columns) {
    text = term::cut(text, columns);
    text.append(columns - std::min(columns, term::width_of(text)), ' ');
    return text;
}
std::string right(const std::string& text, std::size_t columns) {
    return std::string(columns - std::min(columns, term::width_of(text)), ' ') + text;
}

std::string rounded(double value) {
    return term::grouped(static_cast<std::uint64_t>(std::llround(std::max(0.0, value))));
}

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
    return term::grouped(count) + ' ' + std::string(count == 1 ? one : many);
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0) return "-";
    if (part == whole) return "100 %";
    // Never "100 %" for what is not all.
    const auto hundredths = static_cast<std::uint64_t>(
        std::min(9999.0, 10000.0 * static_cast<double>(part) / static_cast<double>(whole)));
    std::string fraction = std::to_string(hundredths % 100);
    if (fraction.size() < 2) fraction.insert(0, "0");
    return std::to_string(hundredths / 100) + '.' + fraction + " %";
}

/// One character a stretch of time; the highest is the most there was.
std::string sparkline(const std::vector<std::uint64_t>& values, std::size_t columns) {
    constexpr std::array<const char*, 9> heights = {"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
    const std::size_t from = values.size() > columns ? values.size() - columns : 0;
    std::uint64_t most = 0;
    for (std::size_t i = from; i < values.size(); ++i) most = std::max(most, values[i]);
    std::string out;
    for (std::size_t i = from; i < values.size(); ++i)
        out += heights[values[i] == 0 ? 0 : 1 + static_cast<std::size_t>(values[i] * 7 / most)];
    return out;
}

/// "new wrong 12", the most first.
template <class E, std::size_t N>
std::vector<std::string> top(const std::array<std::uint64_t, N>& counts, std::size_t columns) {
    std::vector<std::pair<std::uint64_t, std::string>> rows;
    for (std::size_t i = 0; i < N; ++i)
        if (counts[i] != 0) rows.emplace_back(counts[i], to_string(static_cast<E>(i)));
    std::ranges::stable_sort(rows, [](const auto& a, const auto& b) { return a.first > b.first; });
    std::vector<std::string> out;
    for (const auto& [count, name] : rows) {
        const std::string number = term::grouped(count);
        const std::size_t room = columns - std::min(columns, number.size() + 3);
        out.push_back(padded(name, room) + ' ' + number);
    }
    return out;
}

std::string when_last(const results::Summary& summary, base::Instant now) {
    if (!summary.last_unexplained)
        return "no unexplained difference in " + term::in_words(summary.clean) + " of comparing";
    const base::Duration ago = now - *summary.last_unexplained;
    const double hours = std::max(0.0, ago.as_seconds()) / 3600.0;
    std::string text = "last unexplained difference ";
    if (hours >= 1) {
        const auto tenths = static_cast<std::uint64_t>(hours * 10);
        text += std::to_string(tenths / 10) + '.' + std::to_string(tenths % 10) + " hours ago";
    } else {
        text += term::in_words({std::max<std::int64_t>(0, ago.nanoseconds)}) + " ago";
    }
    return text;
}

}  // namespace

std::vector<Line> screen_lines(const ScreenState& state, term::Screen::Size size) {
    using term::Style;
    const judge::Sums& sums = state.summary.sums;
    const std::size_t columns = std::max(size.columns, 40U) - 1;
    const std::size_t rows = std::max(size.rows, 10U);
    std::vector<Line> out;

    out.push_back({base::foreign(state.older + " → " + state.newer), Style::bold});
    std::string progress = base::foreign(state.source) + ": " + term::grouped(state.done);
    if (state.expected != 0)
        progress += " of about " + term::grouped(state.expected) + " (" +
                    percent(std::min(state.done, state.expected), state.expected) + ")";
    out.push_back({progress + ", " + term::in_words(state.running), Style::dim});
    out.push_back({term::grouped(sums.compared) + " compared, " + rounded(state.rate) + "/s now, " +
                   rounded(state.rate_mean) + "/s on average"});
    out.push_back({percent(sums.same, sums.compared) + " the same, " +
                   term::grouped(sums.explained) + " explained, " +
                   counted(sums.timed_out, "timed out", "timed out") + ", " +
                   term::grouped(sums.malformed) + " malformed, " + term::grouped(sums.dropped) +
                   " dropped"});
    out.push_back({counted(sums.unexplained, "unexplained difference", "unexplained differences") +
                       " in " + counted(state.summary.unexplained_cases, "case", "cases"),
                   sums.unexplained == 0 ? Style::green : Style::red});
    out.push_back({when_last(state.summary, state.now)});
    if (!state.burn_down.empty())
        out.push_back(
            {"burn-down " + sparkline(state.burn_down, std::min(columns - 10, bar_columns))});

    // Shares, in three columns.
    const std::size_t third = columns / 3;
    const auto verdicts = top<compare::Verdict>(sums.by_verdict, third);
    const auto whats = top<compare::What>(sums.by_what, third);
    const auto wheres = top<compare::Where>(sums.by_where, third);
    const std::size_t label_rows =
        std::min(label_rows_max, std::max({verdicts.size(), whats.size(), wheres.size()}));
    if (label_rows != 0 && out.size() + label_rows + 2 <= rows) {
        out.push_back({});
        out.push_back(
            {padded("verdict", third) + padded("what differs", third) + "where", Style::dim});
        for (std::size_t i = 0; i < label_rows; ++i) {
            const auto cell = [i](const std::vector<std::string>& column) {
                return i < column.size() ? column[i] : std::string();
            };
            out.push_back({padded(cell(verdicts), third) + padded(cell(whats), third) +
                           padded(cell(wheres), third)});
        }
    }

    // Cases, in what room is left; none without at least one of them.
    if (!state.cases.empty() && out.size() + 3 <= rows) {
        out.push_back({});
        out.push_back({"case     count  verdict      what differs, where, such as", Style::dim});
        for (const results::CaseInfo& info : state.cases) {
            if (out.size() == rows) break;
            const bool known = info.explained();
            out.push_back(
                {right(std::to_string(info.id), 4) + right(term::grouped(info.count), 10) + "  " +
                     padded(std::string(info.accepted ? "accepted" : to_string(info.verdict)), 11) +
                     "  " + std::string(to_string(info.what)) + ", " +
                     std::string(to_string(info.where)) + "  " + base::foreign(info.example),
                 known ? Style::plain : Style::yellow});
        }
    }
    for (Line& line : out) line.text = term::cut(line.text, columns);
    for (Line& line : out)
        while (line.text.ends_with(' ')) line.text.pop_back();
    if (out.size() > rows) out.resize(rows);
    return out;
}

std::string progress_line(const ScreenState& state) {
    const judge::Sums& sums = state.summary.sums;
    std::string out = term::grouped(sums.compared) + " compared (" + rounded(state.rate) + "/s";
    if (state.expected != 0)
        out += ", " + percent(std::min(state.done, state.expected), state.expected) + " done";
    out += "), " + term::grouped(sums.unexplained) + " unexplained in " +
           counted(state.summary.unexplained_cases, "case", "cases");
    if (sums.timed_out != 0) out += ", " + term::grouped(sums.timed_out) + " timed out";
    return out;
}

}  // namespace zc::report
