#include "report/screen.h"

#include <sstream>
#include <string>

#include <doctest/doctest.h>

#include "testkit/script.h"

namespace {

using namespace zc::results;
using namespace zc::judge;
using namespace zc::ask;
using namespace zc::report;  // NOLINT(google-build-using-namespace): the package under test
using zc::base::Duration;
using zc::base::Instant;

Instant at(std::int64_t seconds) {
    return {(1'767'225'600 + seconds) * 1'000'000'000};
}

template <class E, std::size_t N, class Parse>
void set(std::array<std::uint64_t, N>& counts, const std::string& name, std::uint64_t count,
         const Parse& parse) {
    counts[static_cast<std::size_t>(parse(name).value())] = count;
}

/// "compared 1000", "verdict 12 new wrong", "case 1 12 | rcode | exact | new wrong | example".
ScreenState state_of(const std::string& body) {
    ScreenState state;
    state.older = "192.0.2.1:5300";
    state.newer = "store:new.db";
    state.source = "queries.txt";
    state.now = at(100'000);
    Sums& sums = state.summary.sums;
    std::istringstream lines(body);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string key;
        std::uint64_t number = 0;
        words >> key >> number;
        std::string rest;
        std::getline(words >> std::ws, rest);
        if (key == "compared") sums.compared = number;
        if (key == "same") sums.same = number;
        if (key == "explained") sums.explained = number;
        if (key == "unexplained") sums.unexplained = number;
        if (key == "timed_out") sums.timed_out = number;
        if (key == "done") state.done = number;
        if (key == "expected") state.expected = number;
        if (key == "rate") state.rate = state.rate_mean = static_cast<double>(number);
        if (key == "running") state.running = Duration::seconds(static_cast<std::int64_t>(number));
        if (key == "clean")
            state.summary.clean = Duration::seconds(static_cast<std::int64_t>(number));
        if (key == "last") state.summary.last_unexplained = at(static_cast<std::int64_t>(number));
        if (key == "burn") state.burn_down.push_back(number);
        if (key == "older") state.older = "an old\x1b[2J server\n" + rest;
        if (key == "verdict")
            set<zc::compare::Verdict>(sums.by_verdict, rest, number, zc::compare::parse_verdict);
        if (key == "what")
            set<zc::compare::What>(sums.by_what, rest, number, zc::compare::parse_what);
        if (key == "where")
            set<zc::compare::Where>(sums.by_where, rest, number, zc::compare::parse_where);
        if (key == "case") {
            CaseInfo info;
            info.id = state.cases.size() + 1;
            info.count = number;
            std::istringstream parts(rest);
            const auto part = [&parts] {
                std::string text;
                std::getline(parts, text, '|');
                return text;
            };
            info.what = zc::compare::parse_what(part()).value();
            info.where = zc::compare::parse_where(part()).value();
            info.verdict = zc::compare::parse_verdict(part()).value();
            info.example = part();
            if (!info.explained()) ++state.summary.unexplained_cases;
            state.cases.push_back(info);
        }
    }
    return state;
}

}  // namespace

TEST_CASE("the screen of a run is as its scripts say, and never larger than the terminal") {
    zc::testkit::run_scripts("report", [] {
        return [](const zc::testkit::Step& step) {
            const ScreenState state = state_of(step.body);
            if (step.directive == "line") return progress_line(state);
            zc::term::Screen::Size size;
            char by = 0;
            std::istringstream(step.args) >> size.columns >> by >> size.rows;
            std::string out;
            std::size_t count = 0;
            for (const auto& line : screen_lines(state, size)) {
                CHECK(zc::term::width_of(line.text) < std::max(size.columns, 40U));
                for (const char c : line.text) CHECK(static_cast<unsigned char>(c) >= ' ');
                out += (line.text.empty() ? "(empty)" : line.text) + '\n';
                ++count;
            }
            CHECK(count <= std::max(size.rows, 10U));
            return out;
        };
    });
}
