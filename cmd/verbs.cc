#include "verbs.h"

#include <algorithm>
#include <array>

#include "flags.h"
#include "help.h"

namespace zc::cmd {
namespace {

// In the order of `zonectl help`. A group stands before its verbs.
constexpr std::array table = {
    Verb{"import", "Bring zones from PowerDNS, a database or zone files into a store",
         define_import},
    Verb{"serve", "Run a node: answer DNS queries out of zones in memory", define_serve,
         Reads::all},
    Verb{"diff", "Ask two servers the same questions and explain every difference", define_diff},
    Verb{"diff list", "List the cases that were found", define_diff_list},
    Verb{"diff show", "Show both answers of a case side by side", define_diff_show},
    Verb{"diff explain", "Tell what the zone data says to a case, step by step",
         define_diff_explain},
    Verb{"diff replay", "Ask both servers a case again now", define_diff_replay},
    Verb{"diff accept", "Take a case as known, so that it counts as explained", define_diff_accept},
    Verb{"diff minimise", "Make a case as small as it gets, as a text test", define_diff_minimise},
    Verb{"diff report", "Write the results as one HTML page", define_diff_report},
    Verb{"shadow", "Stand before the old server and ask the new one beside it, live",
         define_shadow},
    Verb{"status", "Show what a running node serves and how it is", define_status},
    Verb{"health", "Tell by the exit code whether a running node is fit to serve", define_health},
    Verb{"reload", "Make a running node re-read its zone files and settings, and wait for it",
         define_reload},
    Verb{"stop", "Make a running node finish what it answers and end", define_stop},
    Verb{"zone", "Make, change and look at zones; check, print and compile zone files"},
    Verb{"zone create", "Make a zone", define_zone_create},
    Verb{"zone delete", "Remove a zone", define_zone_delete},
    Verb{"zone set", "Set what a zone has beside its records", define_zone_set},
    Verb{"zone history", "Show who changed a zone, when, and what", define_zone_history},
    Verb{"zone revert", "Make a zone what it was at an earlier version", define_zone_revert},
    Verb{"zone list", "List the zones of a store", define_zone_list},
    Verb{"zone show", "Show what a store knows of a zone beside its records", define_zone_show},
    Verb{"zone export", "Write a zone of a store as a zone file", define_zone_export},
    Verb{"zone check", "Tell what is wrong or suspicious in zone files", define_zone_check},
    Verb{"zone print", "Print a zone file in canonical form", define_zone_print},
    Verb{"zone compile", "Compile a zone file into the image that a node answers from",
         define_zone_compile},
    Verb{"record", "Change records of a zone"},
    Verb{"record add", "Add records to an RRset", define_record_add},
    Verb{"record set", "Put records in place of an RRset", define_record_set},
    Verb{"record rm", "Remove records, or an RRset", define_record_rm},
    Verb{"meta", "Change the metadata of a zone"},
    Verb{"meta set", "Put values in place of those of a kind", define_meta_set},
    Verb{"meta add", "Add values to those of a kind", define_meta_add},
    Verb{"meta rm", "Remove values of a kind, or all of them", define_meta_rm},
    Verb{"comment", "Change the comments of an RRset"},
    Verb{"comment set", "Put comments in place of those of an RRset", define_comment_set},
    Verb{"comment rm", "Remove the comments of an RRset", define_comment_rm},
    Verb{"change", "Make many changes at once, or one after the other, from a file", define_change},
    Verb{"store", "Make a store, check it, and tell what is in it"},
    Verb{"store create", "Make an empty store", define_store_create},
    Verb{"store check", "Read all of a store and tell what is damaged", define_store_check},
    Verb{"store stats", "Count zones and octets of a store", define_store_stats},
    Verb{"export", "Write a store as a PowerDNS dump or as zone files", define_export},
    Verb{"config", "Check and show the configuration"},
    Verb{"config check", "Tell every mistake in the configuration file, by line",
         define_config_check, Reads::nothing},
    Verb{"config show", "Show the value of each setting and where it comes from",
         define_config_show, Reads::nothing},
    Verb{"generate", "Write man pages and shell completions"},
    Verb{"generate man", "Write the man pages into a directory", define_generate_man,
         Reads::nothing},
    Verb{"generate completions", "Write completions for bash, zsh and fish into a directory",
         define_generate_completions, Reads::nothing},
    Verb{"help", "Explain a verb and its flags", define_help, Reads::nothing},
};

const Verb& verb_of(const CLI::App& app) {
    const std::string path = path_of(app);
    return *std::find_if(table.begin(), table.end(),
                         [&](const Verb& verb) { return verb.name == path; });
}

CLI::App& innermost(CLI::App& root) {
    CLI::App* app = &root;
    while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
    return *app;
}

/// Names a word that is no flag and no verb: "unknown flag --zone; did you mean --zones?".
std::string unknown_word(CLI::App& verb, const std::string& typed) {
    std::string message;
    std::vector<std::string> known;
    if (typed.starts_with("-")) {
        const std::string name = typed.substr(0, typed.find('='));
        message = "unknown flag " + name;
        for (const CLI::App* app = &verb; app != nullptr; app = app->get_parent())
            if (app == &verb || app->get_parent() == nullptr)
                for (const CLI::Option* option : options_of(*app))
                    if (option->nonpositional()) known.push_back("--" + describe(*option).name);
        if (const auto meant = nearest(name, known)) message += "; did you mean " + *meant + '?';
        return message;
    }
    for (const CLI::App* below : verb.get_subcommands({})) known.push_back(below->get_name());
    if (known.empty()) return "found '" + typed + "', wanted nothing more";
    message = "unknown verb '" + typed + '\'';
    if (const auto meant = nearest(typed, known)) message += "; did you mean '" + *meant + "'?";
    return message;
}

/// A verb below one that acts has nothing to do with the flags and arguments of that, and CLI11
/// hands up to it whatever a verb does not know itself.
Status refuse_of_others(CLI::App& root) {
    CLI::App& verb = innermost(root);
    for (CLI::App* above = verb.get_parent(); above != nullptr && above != &root;
         above = above->get_parent())
        for (const CLI::Option* option : options_of(*above)) {
            if (option->count() == 0) continue;
            if (option->nonpositional())
                return fail(Errc::invalid, unknown_word(verb, "--" + describe(*option).name));
            return fail(Errc::invalid, "found '" + option->results().front() + "' with zonectl " +
                                           path_of(verb) + "; a file called '" + verb.get_name() +
                                           "' is ./" + verb.get_name());
        }
    return {};
}

std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    std::erase(text, bracket_mark);
    return text;
}

}  // namespace

std::span<const Verb> verbs() {
    return table;
}

void add_globals(CLI::App& root, Globals& globals) {
    root.set_help_flag("-h,--help", "Print this help");
    add_text(root, "--config", globals.config, "FILE", "Configuration file")
        ->configurable(false)
        ->default_str(std::string(config_path_default));
    add_choice<term::Colour>(root, "--color", globals.terminal.colour,
                             {{"auto", term::Colour::automatic},
                              {"always", term::Colour::always},
                              {"never", term::Colour::never}},
                             "Colours: auto is on a terminal, and not with NO_COLOR");
    root.add_flag_callback(
        "--json", [&globals] { globals.terminal.output = term::Output::json; },
        "Print JSON, for programs");
    root.add_flag("--version", globals.version, "Print the version")->configurable(false);
    for (CLI::Option* option : root.get_options())
        if (option != root.get_help_ptr()) option->group("Everywhere");
    root.require_subcommand(0, 1);
}

Tree::Tree()
    : globals_(std::make_unique<Globals>()),
      root_(std::make_unique<CLI::App>("Authoritative DNS server and migration tool", "zonectl")) {
    add_globals(*root_, *globals_);
    for (const Verb& verb : table) {
        const std::size_t blank = verb.name.find(' ');
        CLI::App* parent = root_.get();
        if (blank != std::string_view::npos)
            parent = root_->get_subcommand(std::string(verb.name.substr(0, blank)));
        const std::string word(blank == std::string_view::npos ? verb.name
                                                               : verb.name.substr(blank + 1));
        CLI::App* app = parent->add_subcommand(word, std::string(verb.summary));
        app->fallthrough();  // what every verb has may stand behind the verb
        parent->require_subcommand(0, 1);
        if (verb.define != nullptr) leaves_.push_back({app, verb.define(*app)});
    }
    root_->footer(
        "zonectl help VERB explains a verb. Exit codes: 0 done, or yes; 1 done, and the "
        "answer is no; 2 could not.");
}

CLI::App& Tree::chosen() noexcept {
    return innermost(*root_);
}

const Action* Tree::action_or_null(const CLI::App& verb) const noexcept {
    for (const Leaf& leaf : leaves_)
        if (leaf.app == &verb) return &leaf.action;
    return nullptr;
}

Status parse(CLI::App& root, const std::vector<std::string>& arguments) {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    for (std::string& argument : reversed) argument = marked(std::move(argument));
    try {
        root.parse(reversed);
        return refuse_of_others(root);
    } catch (const CLI::CallForHelp&) {
        return fail(Errc::interrupted, "help");
    } catch (const CLI::ExtrasError& error) {
        CLI::App& verb = innermost(root);
        const std::vector<std::string> left = root.remaining(true);
        return fail(Errc::invalid, left.empty() ? one_line(error.what())
                                                : unknown_word(verb, unmarked(left.front())));
    } catch (const CLI::ArgumentMismatch& error) {
        // CLI11's words tell of its own types: "--workers: 1 required TEXT:0..1024 missing".
        const std::string text = error.what();
        const bool twice = text.find("At Most") != std::string::npos;
        return fail(Errc::invalid, text.substr(0, text.find(':')) +
                                       (twice ? ": given more than once" : ": wanted a value"));
    } catch (const CLI::Error& error) {
        return fail(Errc::invalid, one_line(error.what()));
    }
}

Resolution resolve(CLI::App& verb, const Globals& globals, Reads reads,
                   const Environment& environment) {
    Resolution out;
    bool wanted = !globals.config.empty();
    std::string path = wanted ? globals.config : std::string(config_path_default);
    if (const auto variable = environment.find("ZONECTL_CONFIG");
        !wanted && variable != environment.end()) {
        path = variable->second;
        wanted = true;
    }

    std::optional<ConfigFile> file;
    if (auto read = ConfigFile::read(path)) {
        file = std::move(*read);
        out.config_path = path;
    } else {
        // The file that is read when none is named need not be there, and a user who may not read
        // it can still check a zone; but a node does not run on defaults when it should not.
        const bool harmless = !wanted && (read.error().code == Errc::not_found ||
                                          (read.error().code == Errc::io && reads != Reads::all));
        if (!harmless) {
            out.errors.push_back(read.error());
            return out;
        }
    }
    if (file && reads == Reads::all) {
        Tree scratch;
        out.errors = check(*file, scratch.root());
        if (!out.errors.empty()) return out;
    }
    auto settings = resolve(verb, environment, file ? &*file : nullptr);
    if (settings) {
        out.settings = std::move(*settings);
    } else {
        out.errors.push_back(settings.error());
    }
    return out;
}

std::string path_of(const CLI::App& app) {
    if (app.get_parent() == nullptr) return {};
    const std::string before = path_of(*app.get_parent());
    return before.empty() ? app.get_name() : before + ' ' + app.get_name();
}

std::vector<CLI::App*> all_verbs(CLI::App& app) {
    std::vector<CLI::App*> out;
    for (CLI::App* below : app.get_subcommands([](CLI::App*) { return true; })) {
        out.push_back(below);
        for (CLI::App* deeper : all_verbs(*below)) out.push_back(deeper);
    }
    return out;
}

CLI::App* find_verb_or_null(CLI::App& root, std::string_view path) {
    if (path.empty()) return &root;
    for (CLI::App* app : all_verbs(root))
        if (path_of(*app) == path) return app;
    return nullptr;
}

int run(const std::vector<std::string>& arguments) {
    Tree tree;
    if (Status status = parse(tree.root(), arguments); !status) {
        const std::string help = help_text(tree.chosen());
        term::Terminal terminal(tree.globals().terminal);
        if (status.error().code == Errc::interrupted) {
            terminal.out(help);
            return terminal.failed() ? 2 : 0;
        }
        terminal.complain(status.error().message);
        const std::string path = path_of(tree.chosen());
        terminal.say("Try: zonectl help" + (path.empty() ? "" : ' ' + path));
        return 2;
    }
    CLI::App& verb = tree.chosen();
    const Action* action = tree.action_or_null(verb);
    if (tree.globals().version) {
        term::Terminal(tree.globals().terminal).out("zonectl " ZC_VERSION "\n");
        return 0;
    }
    if (action == nullptr) {
        term::Terminal(tree.globals().terminal).say(help_text(verb));
        return 2;
    }
    if (const Reads reads = verb_of(verb).reads; reads != Reads::nothing) {
        const Resolution resolution =
            resolve(verb, tree.globals(), reads, environment_of_process());
        if (!resolution.errors.empty()) {
            term::Terminal terminal(tree.globals().terminal);
            for (const Error& error : resolution.errors) terminal.complain(error);
            return 2;
        }
    }
    term::Terminal terminal(tree.globals().terminal);
    Invocation invocation{terminal, tree.globals(), arguments};
    int code = 0;
    try {
        code = (*action)(invocation);
    } catch (const std::exception& exception) {
        if (invocation.done.empty()) throw;
        terminal.complain(std::string(exception.what()) + "; " + invocation.done);
        return 1;
    }
    if (!terminal.failed()) return code;
    // A full disk or a closed pipe does not undo the work, and nobody was told of it.
    if (!invocation.done.empty()) {
        terminal.complain("the output could not be written; " + invocation.done);
        return 1;
    }
    if (!terminal.reader_gone()) terminal.complain("the output could not be written");
    return 2;
}

}  // namespace zc::cmd
