#include "testkit/script.h"

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <doctest/doctest.h>

namespace zc::testkit {
namespace {

constexpr std::string_view mark = "----";

bool is_comment_or_blank(std::string_view line) {
    return line.find_first_not_of(" \t") == std::string_view::npos || line.front() == '#';
}

std::string_view trim(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::vector<std::string_view> split_lines(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return lines;
}

void append_line(std::string& out, std::string_view line) {
    out += line;
    out += '\n';
}

/// Output that would end early, or be read as comment, in the plain form.
bool needs_double_marks(std::string_view output) {
    const auto lines = split_lines(output);
    return std::any_of(lines.begin(), lines.end(),
                       [](std::string_view line) { return line.empty(); }) ||
           (!lines.empty() && lines.front() == mark);
}

/// Reads the blocks of a script in order, and copies it, with new outputs, as it goes.
class Session {
public:
    Session(std::string_view source, std::string_view text, const Runner& runner)
        : source_(source), lines_(split_lines(text)), runner_(runner) {}

    ScriptResult run() {
        while (at_ < lines_.size()) {
            if (is_comment_or_blank(lines_[at_])) {
                copy();
            } else if (!run_block()) {
                for (; at_ < lines_.size(); ++at_) append_line(result_.rewritten, lines_[at_]);
            }
        }
        return std::move(result_);
    }

private:
    void copy() { append_line(result_.rewritten, lines_[at_++]); }

    bool run_block() {
        const std::string_view first = trim(lines_[at_]);
        Step step;
        step.line = at_ + 1;
        step.source = source_;
        const std::size_t blank = first.find_first_of(" \t");
        step.directive = first.substr(0, blank);
        if (blank != std::string_view::npos) step.args = trim(first.substr(blank));

        std::size_t end = at_;
        while (end < lines_.size() && lines_[end] != mark) ++end;
        if (end == lines_.size()) return malformed(step, "a line ---- in this block");
        copy();
        while (at_ < end) {
            append_line(step.body, lines_[at_]);
            copy();
        }
        ++at_;  // the mark

        std::string wanted;
        if (!read_expected(wanted)) {
            append_line(result_.rewritten, mark);
            return malformed(step, "two lines ---- after this output");
        }
        const std::string got = output_of(step);
        write_output(got);
        if (got != wanted) result_.mismatches.push_back({step.line, std::move(wanted), got});
        ++result_.steps;
        return true;
    }

    bool malformed(const Step& step, std::string wanted) {
        result_.mismatches.push_back({step.line, std::move(wanted), "the end of the file"});
        result_.malformed = true;
        return false;
    }

    /// False: the doubled form without its end; nothing is taken then.
    bool read_expected(std::string& wanted) {
        if (at_ >= lines_.size() || lines_[at_] != mark) {
            for (; at_ < lines_.size() && !lines_[at_].empty(); ++at_)
                append_line(wanted, lines_[at_]);
            return true;
        }
        for (std::size_t i = at_ + 1; i + 1 < lines_.size(); ++i) {
            if (lines_[i] != mark || lines_[i + 1] != mark) continue;
            for (++at_; at_ < i; ++at_) append_line(wanted, lines_[at_]);
            at_ = i + 2;
            return true;
        }
        return false;
    }

    std::string output_of(const Step& step) {
        std::string output;
        try {
            output = runner_(step);
        } catch (const std::exception& exception) {
            output = std::string("exception: ") + exception.what();
        }
        if (!output.empty() && output.back() != '\n') output += '\n';
        return output;
    }

    void write_output(std::string_view output) {
        append_line(result_.rewritten, mark);
        if (!needs_double_marks(output)) {
            result_.rewritten += output;
            return;
        }
        append_line(result_.rewritten, mark);
        result_.rewritten += output;
        append_line(result_.rewritten, mark);
        append_line(result_.rewritten, mark);
    }

    std::string source_;
    std::vector<std::string_view> lines_;
    const Runner& runner_;
    std::size_t at_ = 0;
    ScriptResult result_;
};

bool read_file(const std::string& path, std::string& out) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return false;
    out.assign(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
    return true;
}

bool golden_write() {
    const char* value =
        std::getenv("ZC_GOLDEN");  // NOLINT(concurrency-mt-unsafe): nobody sets it here
    return value != nullptr && std::string_view(value) == "write";
}

}  // namespace

std::vector<std::string> Step::words() const {
    std::vector<std::string> out;
    std::string_view rest = trim(args);
    while (!rest.empty()) {
        const std::size_t end = rest.find_first_of(" \t");
        out.emplace_back(rest.substr(0, end));
        rest = end == std::string_view::npos ? std::string_view{} : trim(rest.substr(end));
    }
    return out;
}

std::string Mismatch::text() const {
    const auto wanted_lines = split_lines(wanted);
    const auto got_lines = split_lines(got);
    std::size_t same = 0;
    while (same < wanted_lines.size() && same < got_lines.size() &&
           wanted_lines[same] == got_lines[same])
        ++same;
    std::string out = "wanted:\n" + wanted;
    if (!wanted.empty() && wanted.back() != '\n') out += '\n';
    out += "got:\n" + got;
    if (!got.empty() && got.back() != '\n') out += '\n';
    out += "first difference in line " + std::to_string(same + 1) + " of the output";
    return out;
}

ScriptResult run_text(std::string_view source, std::string_view text, const Runner& runner) {
    return Session(source, text, runner).run();
}

void run_script(std::string_view name, const Runner& runner) {
    const std::string path = testdata(name);
    const std::string source = "testdata/" + std::string(name);
    std::string text;
    if (!read_file(path, text)) {
        ADD_FAIL_CHECK_AT(source.c_str(), 1, "cannot be read");
        return;
    }
    const ScriptResult result = run_text(source, text, runner);
    if (result.steps == 0 && result.mismatches.empty())
        ADD_FAIL_CHECK_AT(source.c_str(), 1, "has no step");
    if (golden_write() && !result.malformed) {
        if (result.rewritten == text) return;
        std::ofstream out(path, std::ios::binary | std::ios::trunc);
        out << result.rewritten << std::flush;
        if (!out) ADD_FAIL_CHECK_AT(source.c_str(), 1, "cannot be written");
        return;
    }
    for (const Mismatch& mismatch : result.mismatches)
        ADD_FAIL_CHECK_AT(source.c_str(), static_cast<int>(mismatch.line), mismatch.text());
    CHECK(result.mismatches.empty());
}

void run_scripts(std::string_view folder, const std::function<Runner()>& make_runner) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(testdata(folder), error))
        if (entry.path().extension() == ".txt") names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    const std::string source = "testdata/" + std::string(folder);
    if (names.empty()) ADD_FAIL_CHECK_AT(source.c_str(), 1, "has no *.txt");
    for (const std::string& name : names)
        run_script(std::string(folder) + "/" + name, make_runner());
}

std::string testdata(std::string_view name) {
    const char* elsewhere =
        std::getenv("ZC_TESTDATA");  // NOLINT(concurrency-mt-unsafe): nobody sets it here
    return std::string(elsewhere != nullptr ? elsewhere : ZC_TESTDATA_DIR) + "/" +
           std::string(name);
}

std::string read_testdata(std::string_view name) {
    std::string text;
    if (!read_file(testdata(name), text)) {
        const std::string source = "testdata/" + std::string(name);
        ADD_FAIL_CHECK_AT(source.c_str(), 1, "cannot be read");
    }
    return text;
}

}  // namespace zc::testkit
