#include "verbs.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include <doctest/doctest.h>

#include "generate.h"
#include "help.h"
#include "testkit/script.h"

namespace zc::cmd {
namespace {

std::vector<CLI::App*> every_verb(Tree& tree) {
    std::vector<CLI::App*> out = all_verbs(tree.root());
    out.push_back(&tree.root());
    return out;
}

std::string content_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// The files in `folder` of the source tree are what is generated now. ZC_GOLDEN=write writes them.
void compare_with(const std::string& folder, const std::map<std::string, std::string>& files) {
    const char* golden = std::getenv("ZC_GOLDEN");
    for (const auto& [name, text] : files) {
        const std::string path = ZC_SOURCE_DIR "/" + folder + '/' + name;
        if (golden != nullptr && std::string_view(golden) == "write") {
            std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
        }
        CAPTURE(path);
        CHECK(content_of(path) == text);
    }
}

}  // namespace

TEST_CASE("every verb and every flag has a help text, and every number a range") {
    Tree tree;
    for (const CLI::App* verb : every_verb(tree)) {
        CAPTURE(path_of(*verb));
        CHECK_FALSE(verb->get_description().empty());
        for (const CLI::Option* option : options_of(*verb)) {
            const Flag flag = describe(*option);
            CAPTURE(flag.name);
            CHECK_FALSE(flag.help.empty());
            CHECK(flag.help.back() != '.');
            if (flag.kind == Kind::number) CHECK_FALSE(flag.range.empty());
            if (!flag.positional && flag.kind != Kind::boolean)
                CHECK_FALSE(flag.placeholder.empty());
        }
    }
}

TEST_CASE("a key of the file means the same kind of value in every verb that has it") {
    Tree tree;
    std::map<std::string, Kind> kinds;
    for (const CLI::App* verb : every_verb(tree))
        for (const CLI::Option* option : options_of(*verb)) {
            const Flag flag = describe(*option);
            if (!flag.configurable) continue;
            CAPTURE(flag.name);
            CHECK(kinds.emplace(flag.name, flag.kind).first->second == flag.kind);
        }
}

TEST_CASE("a key at the top of the file that has the name of a verb hides no setting by that") {
    // TOML takes `store = …` or [store.check], not both. That is fine where the key is all that the
    // table could say.
    Tree tree;
    std::set<std::string> names;
    for (const CLI::App* verb : tree.root().get_subcommands([](CLI::App*) { return true; }))
        names.insert(verb->get_name());
    for (const CLI::App* verb : every_verb(tree))
        for (const CLI::Option* option : options_of(*verb)) {
            const Flag flag = describe(*option);
            if (!flag.configurable || !names.contains(flag.name)) continue;
            CLI::App* hidden = find_verb_or_null(tree.root(), flag.name);
            std::vector<CLI::App*> below = all_verbs(*hidden);
            below.push_back(hidden);
            for (const CLI::App* each : below)
                for (const CLI::Option* setting : options_of(*each)) {
                    CAPTURE(path_of(*each));
                    const Flag its = describe(*setting);
                    CHECK((!its.configurable || its.name == flag.name));
                }
        }
}

TEST_CASE("help fits into 80 columns") {
    Tree tree;
    for (const CLI::App* verb : every_verb(tree)) {
        std::istringstream lines(help_text(*verb));
        for (std::string line; std::getline(lines, line);) {
            CAPTURE(line);
            CHECK(line.size() <= help_columns);
        }
    }
}

TEST_CASE("help texts are as in testdata/cli/help.txt") {
    testkit::run_script("cli/help.txt", [](const testkit::Step& step) {
        Tree tree;
        const CLI::App* verb = find_verb_or_null(tree.root(), step.args);
        return verb == nullptr ? "no such verb" : help_text(*verb);
    });
}

TEST_CASE("testdata/cli/help.txt has every verb") {
    const std::string text = testkit::read_testdata("cli/help.txt");
    Tree tree;
    for (const CLI::App* verb : all_verbs(tree.root())) {
        CAPTURE(path_of(*verb));
        CHECK(text.find("\nhelp " + path_of(*verb) + "\n") != std::string::npos);
    }
}

TEST_CASE("the man pages in man/ are those of the flags") {
    const Tree tree;
    compare_with("man", man_pages(tree.root()));
}

TEST_CASE("every page that a man page names is in man/") {
    namespace fs = std::filesystem;
    const std::string folder = ZC_SOURCE_DIR "/man/";
    std::size_t named = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
        std::string text = content_of(entry.path());
        std::erase(text, '\\');
        for (const std::string_view section : {"(1)", "(7)"}) {
            std::size_t at = 0;
            for (; (at = text.find(section, at)) != std::string::npos; at += section.size()) {
                // "zonectl-zone(1)", or "zonectl-zone (1)" behind a macro.
                std::size_t end = at;
                while (end > 0 && text[end - 1] == ' ') --end;
                std::size_t begin = end;
                while (begin > 0 && ((text[begin - 1] >= 'a' && text[begin - 1] <= 'z') ||
                                     text[begin - 1] == '-'))
                    --begin;
                const std::string page = text.substr(begin, end - begin);
                CAPTURE(entry.path());
                CAPTURE(page);
                CHECK(fs::exists(folder + page + '.' + section[1]));
                ++named;
            }
        }
    }
    CHECK(named > 0);
}

TEST_CASE("the completions in completions/ are those of the flags") {
    const Tree tree;
    compare_with("completions", completions(tree.root()));
}

TEST_CASE("command lines that are wrong are told so, as in testdata/cli/mistakes.txt") {
    testkit::run_script("cli/mistakes.txt", [](const testkit::Step& step) {
        Tree tree;
        const Status status = parse(tree.root(), step.words());
        return status ? "parsed" : status.error().message;
    });
}

TEST_CASE("what every verb has may stand before or behind it") {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"--json", "zone", "check", "x"},
          std::vector<std::string>{"zone", "--json", "check", "x"},
          std::vector<std::string>{"zone", "check", "x", "--json"},
          std::vector<std::string>{"zone", "check", "--json", "x"}}) {
        Tree tree;
        REQUIRE(parse(tree.root(), arguments).has_value());
        CHECK(path_of(tree.chosen()) == "zone check");
        CHECK(tree.globals().terminal.output == term::Output::json);
    }
}

TEST_CASE("a file may have the name of a verb") {
    Tree tree;
    REQUIRE(parse(tree.root(), {"zone", "check", "serve", "check"}).has_value());
    CHECK(path_of(tree.chosen()) == "zone check");
}

TEST_CASE("bash completes verbs, flags and their values") {
    const std::pair<std::string, std::string> rows[] = {
        {"zonectl stat", "status"},
        {"zonectl zone c", "create check compile"},
        {"zonectl serve --log-f", "--log-format"},
        {"zonectl serve --log-format ", "text json"},
        {"zonectl serve --workers 4 --no-", "--no-cookies"},
        {"zonectl status --color a", "auto always"},
        {"zonectl --json hea", "health"},
        {"zonectl serve --listen ", ""},
    };
    for (const auto& [line, wanted] : rows) {
        CAPTURE(line);
        // The words of the line, the last one possibly empty; then what the function replies.
        const std::string command =
            "bash -c 'source \"$0\"; line=\"$1\"; read -ra COMP_WORDS <<<\"$line\"; "
            "[[ $line == *\" \" ]] && COMP_WORDS+=(\"\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
            "_zonectl; echo \"${COMPREPLY[*]}\"' '" ZC_SOURCE_DIR "/completions/zonectl.bash' '" +
            line + "'";
        FILE* pipe = ::popen(command.c_str(), "r");
        REQUIRE(pipe != nullptr);
        std::string reply;
        for (int c = 0; (c = std::fgetc(pipe)) != EOF;) reply += static_cast<char>(c);
        CHECK(::pclose(pipe) == 0);
        CHECK(reply == wanted + "\n");
    }
}

}  // namespace zc::cmd
