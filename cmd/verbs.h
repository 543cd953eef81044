// The table of verbs, and the CLI11 tree made of it: what help, man pages, completions and the
// configuration file are made of too.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>

#include "base/result.h"
#include "settings.h"
#include "term/terminal.h"

namespace zc::cmd {

inline constexpr std::string_view config_path_default = "/etc/zonectl/zonectl.toml";

/// The flags that every verb has.
struct Globals {
    std::string config;  // empty: config_path_default, if it is there
    term::Options terminal;
    bool version = false;
};
/// Given to a verb when it runs, beside its own flags.
struct Invocation {
    term::Terminal& terminal;
    const Globals& globals;
    std::vector<std::string>
        arguments;  // as typed, without the program's name: to resolve them again
    /// Set once something has changed for good: "the store has …". A failure after that is
    /// told with these words, and the code is 1.
    std::string done = {};
};

/// Runs a verb. Returns 0: done, or yes; 1: done, and the answer is no; 2: could not. May throw
/// std::exception for the last.
using Action = std::function<int(Invocation& invocation)>;

/// How much of the configuration a verb depends on.
enum class Reads : std::uint8_t {
    nothing,   // works whatever the file says
    its_keys,  // a mistake elsewhere in the file does not stop it
    all,       // a mistake anywhere does
};

/// A line of the table. A verb is one word or two ("zone check"); without `define` it is a group of
/// verbs. A verb of one word may do something itself and have verbs below it ("diff", "diff list"):
/// a first argument that is the name of one of them is that verb, so that a file of that name is
/// ./NAME; and flags of the one are no flags of the other.
struct Verb {
    std::string_view name;
    std::string_view summary;
    Action (*define)(CLI::App& app) = nullptr;  // adds the flags, tells what to run
    Reads reads = Reads::its_keys;
};

std::span<const Verb> verbs();

// One file each; declared here so that tests of flags can call them.
Action define_change(CLI::App& app);
Action define_comment_rm(CLI::App& app);
Action define_comment_set(CLI::App& app);
Action define_config_check(CLI::App& app);
Action define_config_show(CLI::App& app);
Action define_diff(CLI::App& app);
Action define_diff_accept(CLI::App& app);
Action define_diff_explain(CLI::App& app);
Action define_diff_list(CLI::App& app);
Action define_diff_minimise(CLI::App& app);
Action define_diff_replay(CLI::App& app);
Action define_diff_report(CLI::App& app);
Action define_diff_show(CLI::App& app);
Action define_export(CLI::App& app);
Action define_generate_completions(CLI::App& app);
Action define_generate_man(CLI::App& app);
Action define_health(CLI::App& app);
Action define_help(CLI::App& app);
Action define_import(CLI::App& app);
Action define_meta_add(CLI::App& app);
Action define_meta_rm(CLI::App& app);
Action define_meta_set(CLI::App& app);
Action define_record_add(CLI::App& app);
Action define_record_rm(CLI::App& app);
Action define_record_set(CLI::App& app);
Action define_reload(CLI::App& app);
Action define_serve(CLI::App& app);
Action define_shadow(CLI::App& app);
Action define_status(CLI::App& app);
Action define_stop(CLI::App& app);
Action define_store_check(CLI::App& app);
Action define_store_create(CLI::App& app);
Action define_store_stats(CLI::App& app);
Action define_zone_check(CLI::App& app);
Action define_zone_compile(CLI::App& app);
Action define_zone_create(CLI::App& app);
Action define_zone_delete(CLI::App& app);
Action define_zone_export(CLI::App& app);
Action define_zone_history(CLI::App& app);
Action define_zone_list(CLI::App& app);
Action define_zone_print(CLI::App& app);
Action define_zone_revert(CLI::App& app);
Action define_zone_set(CLI::App& app);
Action define_zone_show(CLI::App& app);

void add_globals(CLI::App& root, Globals& globals);

/// The whole command line. Where options store their values is in here too, so a tree is parsed
/// once.
class Tree {
public:
    Tree();

    CLI::App& root() noexcept { return *root_; }
    const CLI::App& root() const noexcept { return *root_; }
    const Globals& globals() const noexcept { return *globals_; }
    /// The verb that was parsed, the innermost; the root when there is none.
    CLI::App& chosen() noexcept;
    /// The action of `verb`; null for the root and for groups.
    const Action* action_or_null(const CLI::App& verb) const noexcept;

private:
    struct Leaf {
        const CLI::App* app;
        Action action;
    };
    std::unique_ptr<Globals> globals_;
    std::unique_ptr<CLI::App> root_;
    std::vector<Leaf> leaves_;
};

/// Parses `arguments` into `root`. Errors: `invalid`, with what was meant where that is near, and
/// `interrupted` when help was asked for.
Status parse(CLI::App& root, const std::vector<std::string>& arguments);

/// Fills in what the command line has left open, after `parse`: see settings.h.
struct Resolution {
    std::vector<Setting> settings;
    std::vector<Error> errors;  // one at least: nothing may be run
    std::string config_path;    // of the file that was read; empty when there is none
};
Resolution resolve(CLI::App& verb, const Globals& globals, Reads reads,
                   const Environment& environment);

/// "zone check": the words that lead to `app`; empty for the root.
std::string path_of(const CLI::App& app);
/// The verb of that path, or null. "" is the root.
CLI::App* find_verb_or_null(CLI::App& root, std::string_view path);
/// All verbs and groups below `app`, in order, without itself.
std::vector<CLI::App*> all_verbs(CLI::App& app);

/// Parses and runs one command line. Errors are told on stderr; gives the exit code.
int run(const std::vector<std::string>& arguments);

}  // namespace zc::cmd
