// zonectl diff from questions to a report, between two stores: no server and no network is needed.
#include "diff.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <regex>
#include <string>

#include <doctest/doctest.h>
#include <sys/wait.h>

#include "testkit/folder.h"
#include "testkit/script.h"

namespace zc::cmd {
namespace {

/// "write FILE" with a body; "run [COLUMNS] ARGUMENTS" with @ for the folder: stdout, stderr and
/// the exit code, with times made equal.
class Script {
public:
    std::string run(const testkit::Step& step) {
        if (step.directive == "write") {
            testkit::write_file(folder_ / step.args, step.body);
            return "ok";
        }
        if (step.directive != "run") return "no such directive";
        const std::string folder = folder_ / "";
        std::string arguments = step.args;
        for (std::size_t at = 0; (at = arguments.find('@', at)) != std::string::npos;)
            arguments.replace(at, 1, folder);
        const std::string command =
            "cd " + folder + " && env -u NO_COLOR ZONECTL_CONFIG=/dev/null '" ZC_BINARY "' " +
            arguments + " 2>&1 </dev/null";
        FILE* pipe = ::popen(command.c_str(), "r");
        REQUIRE(pipe != nullptr);
        std::string out;
        std::array<char, 4096> block{};
        for (std::size_t n = 0; (n = std::fread(block.data(), 1, block.size(), pipe)) > 0;)
            out.append(block.data(), n);
        const int status = ::pclose(pipe);
        for (std::size_t at = 0; (at = out.find(folder, at)) != std::string::npos;)
            out.replace(at, folder.size(), "@");
        for (const auto& [pattern, instead] : {
                 std::pair{"\"((clean_)?seconds)\":[0-9.e-]+", "\"$1\":0"},
                 std::pair{"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{8}( UTC|Z)", "TIME"},
                 std::pair{"in [0-9.]+ (s|ms), [0-9,]+ comparisons", "in TIME, RATE comparisons"},
                 std::pair{"clean for [0-9.]+ (s|ms)", "clean for TIME"},
                 std::pair{"\"(query|old|new|referee)_hex\":\"[0-9a-f]+\"", "\"$1_hex\":\"HEX\""},
             })
            out = std::regex_replace(out, std::regex(pattern), instead);
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
