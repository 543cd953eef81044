// Behaviour as text: runs the scripts of testdata/ and shows where what came out is not what stands
// there.
//
// A script is a file of blocks. A block is a line `directive arguments`, any lines of body, a line
// `----`, the expected output, and a blank line (or the end of the file). Between blocks, blank
// lines and lines that begin with `#` are comments.
//
//     # The example of RFC 4592 section 2.2.1
//     zone
//     example.  3600 SOA ns.example. hostmaster.example. 1 7200 900 86400 3600
//     ----
//     ok
//
//     query foo.bar.example. TXT
//     ----
//     NOERROR aa
//
// The body is all up to `----`, blank lines and `#` included. Output that has blank lines in it
// stands between doubled marks:
//
//     print
//     ----
//     ----
//     first
//
//     third
//     ----
//     ----
//
// With ZC_GOLDEN=write in the environment what came out is written under each `----`, in the form
// that it needs; all else in the file stays as it is. Read the diff before you commit it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace zc::testkit {

/// One block, as its runner gets it.
struct Step {
    std::string directive;  // the first word of the block
    std::string args;       // the rest of that line, no blanks around it; may be empty
    std::string body;       // each line ends with '\n'; may be empty
    std::string source;     // the file, from the top of the project: "testdata/answer/wildcard.txt"
    std::size_t line = 0;   // of the directive, from 1

    /// `args`, split at blanks.
    std::vector<std::string> words() const;
};

/// Gives the output of one step. A last line without '\n' is the same as with it. An exception
/// becomes the output "exception: what()", so that a script can show it.
using Runner = std::function<std::string(const Step&)>;

/// A step whose output was not what stands in the script, or a block that is no block.
struct Mismatch {
    std::size_t line = 0;  // of the directive
    std::string wanted;
    std::string got;
    std::string text() const;  // both, and the first line that differs
};

struct ScriptResult {
    std::vector<Mismatch> mismatches;
    std::string rewritten;   // the script with what came out under each `----`
    std::size_t steps = 0;   // that ran
    bool malformed = false;  // a `----` is missing: the rest of the script did not run
};

/// Runs one script. Without effects but those of `runner`: no file, no doctest.
ScriptResult run_text(std::string_view source, std::string_view text, const Runner& runner);

/// Runs testdata/<name> inside a doctest test case. Each mismatch is a failure at its place in the
/// script; a file that cannot be read, or has no step, is one too.
void run_script(std::string_view name, const Runner& runner);

/// Runs each testdata/<folder>/*.txt in the order of their names, each with a runner of its own
/// that `make_runner` gives: no state goes from one file to the next. A folder without scripts is a
/// failure.
void run_scripts(std::string_view folder, const std::function<Runner()>& make_runner);

/// The path of testdata/<name>. With ZC_TESTDATA in the environment that folder stands for
/// testdata/: so an end-to-end test tries a script that `zonectl diff minimise` has written.
std::string testdata(std::string_view name);

/// The octets of testdata/<name>; a failure of the test, and empty, if it cannot be read.
std::string read_testdata(std::string_view name);

}  // namespace zc::testkit
