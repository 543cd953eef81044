#include "testkit/script.h"

#include <stdexcept>
#include <string>

#include <doctest/doctest.h>

namespace zc::testkit {
namespace {

/// `say WORDS` gives WORDS, `body` its body, `throw` throws, `nothing` nothing.
std::string run(const Step& step) {
    if (step.directive == "say") return step.args;
    if (step.directive == "body") return step.body;
    if (step.directive == "throw") throw std::runtime_error(step.args);
    if (step.directive == "nothing") return {};
    return "unknown directive";
}

ScriptResult run_text(std::string_view text) {
    return testkit::run_text("x.txt", text, run);
}

TEST_CASE("a script whose outputs are right has no mismatch and is rewritten to itself") {
    const std::string text =
        "# a comment\n"
        "\n"
        "say hello\n"
        "----\n"
        "hello\n"
        "\n"
        "# another\n"
        "body\n"
        "# not a comment\n"
        "\n"
        "  two\n"
        "----\n"
        "----\n"
        "# not a comment\n"
        "\n"
        "  two\n"
        "----\n"
        "----\n"
        "nothing\n"
        "----\n"
        "\n"
        "say last\n"
        "----\n"
        "last\n";
    const ScriptResult result = run_text(text);
    CHECK(result.mismatches.empty());
    CHECK(result.steps == 4);
    CHECK(result.rewritten == text);
}

TEST_CASE("a wrong expectation is a mismatch with its line, what was wanted and what came out") {
    const ScriptResult result = run_text("say one\n----\none\n\nsay two\n----\none\ntwo\nthree\n");
    REQUIRE(result.mismatches.size() == 1);
    CHECK(result.mismatches[0].line == 5);
    CHECK(result.mismatches[0].wanted == "one\ntwo\nthree\n");
    CHECK(result.mismatches[0].got == "two\n");
    CHECK(result.mismatches[0].text() ==
          "wanted:\none\ntwo\nthree\ngot:\ntwo\nfirst difference in line 1 of the output");
    CHECK(result.rewritten == "say one\n----\none\n\nsay two\n----\ntwo\n");
}

TEST_CASE(
    "an output that is expected and does not come is a mismatch, and one that comes unexpected "
    "too") {
    CHECK(run_text("nothing\n----\nsomething\n").mismatches.size() == 1);
    CHECK(run_text("say something\n----\n").mismatches.size() == 1);
}

TEST_CASE("blank lines at the end of an output count") {
    CHECK(run_text("body\na\n\n----\na\n").mismatches.size() == 1);
    CHECK(run_text("body\na\n\n----\n----\na\n\n----\n----\n").mismatches.empty());
    CHECK(run_text("body\na\n----\n----\na\n\n----\n----\n").mismatches.size() == 1);
}

TEST_CASE("rewriting chooses the form that the output needs and reads back as the same output") {
    for (const char* body : {"a\n", "\n", "a\n\nb\n", "a\n\n"}) {
        const std::string text = std::string("body\n") + body + "----\nwrong\n\nsay on\n----\non\n";
        const std::string rewritten = run_text(text).rewritten;
        CHECK_MESSAGE(run_text(rewritten).mismatches.empty(), rewritten);
        CHECK(run_text(rewritten).steps == 2);
        CHECK(run_text(rewritten).rewritten == rewritten);
    }
}

TEST_CASE("a block without ---- fails, and nothing of it is lost in rewriting") {
    const std::string text = "say one\n----\none\n\nsay two\ntwo\n";
    const ScriptResult result = run_text(text);
    REQUIRE(result.mismatches.size() == 1);
    CHECK(result.mismatches[0].line == 5);
    CHECK(result.malformed);
    CHECK(result.rewritten == text);
}

TEST_CASE("a doubled output without its end fails, and nothing of it is lost in rewriting") {
    const std::string text = "say one\n----\n----\none\n----\n\nsay two\n----\ntwo\n";
    const ScriptResult result = run_text(text);
    CHECK(result.malformed);
    CHECK(result.rewritten == text);
}

TEST_CASE("an exception of the runner is an output") {
    CHECK(run_text("throw no such zone\n----\nexception: no such zone\n").mismatches.empty());
    CHECK(run_text("throw no such zone\n----\nok\n").mismatches.size() == 1);
}

TEST_CASE("a step knows its directive, arguments, body, file and line") {
    Step seen;
    testkit::run_text("dir/x.txt", "\n  query   a.example.\t MX  \nbody\n----\n",
                      [&](const Step& step) {
                          seen = step;
                          return std::string();
                      });
    CHECK(seen.directive == "query");
    CHECK(seen.args == "a.example.\t MX");
    CHECK(seen.words() == std::vector<std::string>{"a.example.", "MX"});
    CHECK(seen.body == "body\n");
    CHECK(seen.source == "dir/x.txt");
    CHECK(seen.line == 2);
}

TEST_CASE("the scripts of a folder run each with a runner of its own") {
    run_scripts("testkit", [] {
        return [said = std::string()](const Step& step) mutable {
            if (step.directive == "remember") said += step.args;
            return said;
        };
    });
}

// These three are meant to fail: that the failure arrives is what they prove (should_fail turns it
// round).
TEST_CASE("a folder without scripts is a failure" * doctest::should_fail()) {
    run_scripts("testkit/no-such-folder", [] { return run; });
}
TEST_CASE("a script that is not there is a failure" * doctest::should_fail()) {
    run_script("testkit/no-such.txt", run);
}
TEST_CASE("a mismatch in a script is a failure of the test" * doctest::should_fail()) {
    run_script("testkit/first.txt", [](const Step&) { return "something else"; });
}

}  // namespace
}  // namespace zc::testkit
