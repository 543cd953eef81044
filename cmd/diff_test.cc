// zonectl diff from questions to a report, between two stores: no server and no network is needed.
#include "diff.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <doctest/doctest.h>
#include <sys/wait.h>

#include "testkit/folder.h"
#include "testkit/script.h"

namespace zc::cmd {
namespace {

/// Puts `instead` in place of the text from each `before` to the next `after`.
void replace_between(std::string& text, std::string_view before, std::string_view after,
                     std::string_view instead) {
    for (std::size_t at = 0; (at = text.find(before, at)) != std::string::npos;) {
        at += before.size();
        const std::size_t end = text.find_first_of(after, at);
        if (end == std::string::npos) return;
        text.replace(at, end - at, instead);
        at += instead.size();
    }
}

bool fits(std::string_view text, std::string_view pattern) {  // '9': a digit
    if (text.size() < pattern.size()) return false;
    for (std::size_t i = 0; i < pattern.size(); ++i)
        if (pattern[i] == '9' ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i])
            return false;
    return true;
}

/// Without what is different each time: times, durations, IDs of messages.
std::string steady(std::string text) {
    replace_between(text, "\"seconds\":", ",}", "0");
    replace_between(text, "\"clean_seconds\":", ",}", "0");
    replace_between(text, "_hex\":\"", "\"", "HEX");
    replace_between(text, " dropped; in ", "\n", "TIME");
    replace_between(text, "clean for ", ",", "TIME");
    for (std::size_t at = 0; at < text.size(); ++at)
        for (const std::string_view pattern : {"9999-99-99T99:99:99Z", "9999-99-99 99:99:99 UTC"})
            if (fits(std::string_view(text).substr(at), pattern))
                text.replace(at, pattern.size(), "TIME");
    return text;
}

/// "write FILE" with a body; "run [COLUMNS] ARGUMENTS" with @ for the folder: stdout, stderr and
/// the exit code, with times made equal.
class Script {
public:
    std::string run(const testkit::Step& step) {
        if (step.directive == "write") {
            const std::string path = folder_ / step.args;
            std::filesystem::create_directories(std::filesystem::path(path).parent_path());
            testkit::write_file(path, step.body);
            return "ok";
        }
        if (step.directive != "run") return "no such directive";
        const std::string folder = folder_ / "";
        std::string arguments = step.args;
        for (std::size_t at = 0; (at = arguments.find('@', at)) != std::string::npos;)
            arguments.replace(at, 1, folder);
        const std::string command =
            "cd " + folder + " && ( env -u NO_COLOR ZONECTL_CONFIG=/dev/null '" ZC_BINARY "' " +
            arguments + " ) 2>&1 </dev/null";
        FILE* pipe = ::popen(command.c_str(), "r");
        REQUIRE(pipe != nullptr);
        std::string out;
        std::array<char, 4096> block{};
        for (std::size_t n = 0; (n = std::fread(block.data(), 1, block.size(), pipe)) > 0;)
            out.append(block.data(), n);
        const int status = ::pclose(pipe);
        for (std::size_t at = 0; (at = out.find(folder, at)) != std::string::npos;)
            out.replace(at, folder.size(), "@");
        out = steady(std::move(out));
        if (!out.empty() && out.back() != '\n') out += '\n';
        return out + "exit " + std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    }

private:
    testkit::Folder folder_;
};

}  // namespace

TEST_CASE("zonectl diff and its verbs do as their scripts say") {
    testkit::run_scripts("cli/diff", [] {
        auto script = std::make_shared<Script>();
        return [script](const testkit::Step& step) { return script->run(step); };
    });
}

TEST_CASE("durations have a number and a unit") {
    CHECK(parse_duration("72h")->whole_seconds() == 72 * 3600);
    CHECK(parse_duration("0s")->whole_seconds() == 0);
    CHECK(parse_duration("15m")->whole_seconds() == 900);
    CHECK(parse_duration("3d")->whole_seconds() == 3 * 86400);
    for (const char* bad :
         {"", "72", "h", "-1h", "1.5h", "72 h", "72hours", "9999999d", "99999999999999999999s"})
        CHECK_FALSE(parse_duration(bad));
}

}  // namespace zc::cmd
