// zonectl generate man, zonectl generate completions.
#include "generate.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "flags.h"
#include "help.h"
#include "verbs.h"

namespace zc::cmd {
namespace {

/// `text` as running text of a man page.
std::string roff(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else {
            if ((c == '.' || c == '\'') && (out.empty() || out.back() == '\n')) out += "\\&";
            out += c;
        }
    }
    return out;
}

/// "zonectl-zone-check" for "zone check".
std::string page_name(const std::string& path) {
    std::string out = "zonectl" + (path.empty() ? "" : '-' + path);
    for (char& c : out)
        if (c == ' ') c = '-';
    return out;
}

void put_flags(std::string& out, const CLI::App& app) {
    for (const std::string& group : app.get_groups()) {
        std::string rows;
        for (const CLI::Option* option : options_of(app)) {
            if (option->get_group() != group || !option->nonpositional()) continue;
            const Flag flag = describe(*option);
            rows +=
                ".TP\n.B " + roff(flag_usage(*option)) + '\n' + roff(flag_text(*option)) + ".\n";
            if (flag.configurable)
                rows += "Key " + roff(flag.name) + ", variable " + variable_of(flag.name) + ".\n";
        }
        if (!rows.empty())
            out += ".SH " + (group == "Options" ? "FLAGS" : roff(group)) + '\n' + rows;
    }
}

/// The pages that are written by hand, and the verbs whose pages name them; "" is zonectl(1).
struct Manual {
    std::string_view page;
    std::vector<std::string_view> verbs;
};
const std::vector<Manual>& manuals() {
    static const std::vector<Manual> all = {
        {"zonectl-migrate(7)",
         {"", "import", "export", "diff", "shadow", "serve", "zone create", "record", "change"}},
        {"zonectl-node(7)", {"", "serve", "status", "health", "reload", "store check"}},
    };
    return all;
}

std::string see_also(const std::string& path) {
    std::string out;
    if (!path.empty()) out = "zonectl(1)";
    for (const Manual& manual : manuals())
        if (std::ranges::find(manual.verbs, path) != manual.verbs.end())
            out += (out.empty() ? "" : ", ") + std::string(manual.page);
    return out;
}

std::string man_page(const CLI::App& verb, const CLI::App& root) {
    const std::string path = path_of(verb);
    std::string title = page_name(path);
    for (char& c : title)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    std::string out = ".\\\" Written by zonectl generate man: change the flags, not this file.\n";
    out += ".TH " + roff(title) + " 1 \"\" zonectl \"zonectl manual\"\n";
    out += ".SH NAME\n" + roff(page_name(path)) + " \\- " + roff(verb.get_description()) + '\n';
    out += ".SH SYNOPSIS\n";
    bool first = true;
    for (const std::string& line : usage_lines(verb)) {
        out += (first ? ".B " : ".br\n.B ") + roff(line) + '\n';
        first = false;
    }
    if (!verb.get_footer().empty()) out += ".SH DESCRIPTION\n" + roff(verb.get_footer()) + '\n';

    const auto below = verb.get_subcommands({});
    if (!below.empty()) {
        out += ".SH VERBS\n";
        for (const CLI::App* each : below)
            out += ".TP\n.B " + roff(each->get_name()) + '\n' + roff(each->get_description()) +
                   ".\nSee " + roff(page_name(path_of(*each))) + "(1).\n";
    }
    std::string positionals;
    for (const CLI::Option* option : options_of(verb))
        if (!option->nonpositional())
            positionals +=
                ".TP\n.B " + roff(flag_usage(*option)) + '\n' + roff(flag_text(*option)) + ".\n";
    if (!positionals.empty()) out += ".SH ARGUMENTS\n" + positionals;
    put_flags(out, verb);
    if (&verb != &root) put_flags(out, root);
    out +=
        ".SH CONFIGURATION\nA flag goes before its variable in the environment, that before its "
        "key in the file,\nthat before the default. The file is TOML: a key at the top is the "
        "flag of that name,\na table named after a verb is for that verb alone.\n";
    out += ".SH EXIT STATUS\n0: done, or yes. 1: done, and the answer is no. 2: could not.\n";
    out += ".SH FILES\n.I " + roff(std::string(config_path_default)) + '\n';
    out += ".SH SEE ALSO\n" + roff(see_also(path)) + '\n';
    return out;
}

enum class Completes : std::uint8_t { nothing, words, files, folders };

/// The kind of words that the shell can offer for a flag's value.
Completes completes(const Flag& flag) {
    if (!flag.choices.empty()) return Completes::words;
    if (flag.placeholder == "DIR") return Completes::folders;
    if (flag.placeholder == "FILE" || flag.placeholder == "PATH" || flag.placeholder == "IMAGE")
        return Completes::files;
    return Completes::nothing;
}

std::string joined(const std::vector<std::string>& words) {
    std::string out;
    for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
    return out;
}

/// Every flag as typed: "--cookies --no-cookies -o".
std::vector<std::string> typed_forms(const Flag& flag) {
    std::vector<std::string> out = {"--" + flag.name};
    if (!flag.negation.empty()) out.push_back("--" + flag.negation);
    if (!flag.letter.empty()) out.push_back("-" + flag.letter);
    return out;
}

/// The flags of `verb`, and those that every verb has.
std::vector<Flag> flags_of(const CLI::App& verb, const CLI::App& root) {
    std::vector<const CLI::Option*> options = options_of(verb);
    if (&verb != &root)
        for (const CLI::Option* option : options_of(root)) options.push_back(option);
    std::vector<Flag> out;
    for (const CLI::Option* option : options)
        if (option->nonpositional()) out.push_back(describe(*option));
    return out;
}

bool takes_files(const CLI::App& verb) {
    for (const CLI::Option* option : options_of(verb))
        if (!option->nonpositional() && completes(describe(*option)) == Completes::files)
            return true;
    return false;
}

std::vector<const CLI::App*> verbs_of(const CLI::App& root) {
    std::vector<const CLI::App*> out = {&root};
    for (std::size_t i = 0; i < out.size(); ++i)
        for (const CLI::App* below : out[i]->get_subcommands({})) out.push_back(below);
    return out;
}

std::string bash(const CLI::App& root) {
    std::string paths;
    std::string cases;
    for (const CLI::App* verb : verbs_of(root)) {
        const std::string path = path_of(*verb);
        if (!path.empty()) paths += (paths.empty() ? "" : " | ") + ('"' + path + '"');
        std::vector<std::string> words;
        for (const CLI::App* below : verb->get_subcommands({})) words.push_back(below->get_name());
        std::string values;
        std::vector<std::string> flags = {"--help"};
        for (const Flag& flag : flags_of(*verb, root)) {
            const auto forms = typed_forms(flag);
            flags.insert(flags.end(), forms.begin(), forms.end());
            if (flag.kind == Kind::boolean) continue;
            std::string reply;
            switch (completes(flag)) {
                case Completes::words:
                    reply = "COMPREPLY=($(compgen -W '" + joined(flag.choices) + "' -- \"$cur\"))";
                    break;
                case Completes::files:
                    reply = "COMPREPLY=($(compgen -f -- \"$cur\"))";
                    break;
                case Completes::folders:
                    reply = "COMPREPLY=($(compgen -d -- \"$cur\"))";
                    break;
                case Completes::nothing:
                    reply = "COMPREPLY=()";
                    break;
            }
            std::string pattern = "--" + flag.name;
            if (!flag.letter.empty()) pattern += " | -" + flag.letter;
            values += "        " + pattern + ") " + reply + "; return ;;\n";
        }
        cases += "    '" + path + "')\n        case \"$prev\" in\n" + values + "        esac\n";
        cases += "        words='" + joined(words) + "' flags='" + joined(flags) +
                 "' files=" + (takes_files(*verb) ? "yes" : "no") + "\n        ;;\n";
    }
    return "# Completion of zonectl for bash. Written by zonectl generate completions.\n"
           "_zonectl() {\n"
           "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    local verb='' words='' flags='' files=no i\n"
           "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "        case \"${verb:+$verb }${COMP_WORDS[i]}\" in\n        " +
           paths +
           ")\n            verb=\"${verb:+$verb }${COMP_WORDS[i]}\" ;;\n        esac\n    done\n"
           "    case \"$verb\" in\n" +
           cases +
           "    esac\n"
           "    if [[ $cur == -* ]]; then\n"
           "        COMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n"
           "    else\n"
           "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "        [[ $files == yes ]] && COMPREPLY+=($(compgen -f -- \"$cur\"))\n"
           "    fi\n"
           "}\n"
           "complete -o filenames -F _zonectl zonectl\n";
}

/// Inside single quotes of a shell; `also` are escaped with a backslash as well.
std::string quoted(const std::string& text, std::string_view also = {}) {
    std::string out;
    for (const char c : text) {
        if (c == '\'') {
            out += "'\\''";
            continue;
        }
        if (also.find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

std::string zsh_flags(const CLI::App& verb, const CLI::App& root) {
    std::string out = "            '--help[Print this help]'";
    for (const Flag& flag : flags_of(verb, root)) {
        std::string value;
        switch (completes(flag)) {
            case Completes::words:
                value = "(" + joined(flag.choices) + ")";
                break;
            case Completes::files:
                value = "_files";
                break;
            case Completes::folders:
                value = "_files -/";
                break;
            case Completes::nothing:
                break;
        }
        if (flag.kind != Kind::boolean)
            value = ':' + quoted(flag.choices.empty() ? flag.placeholder : flag.name, ":") + ':' +
                    value;
        for (const std::string& form : typed_forms(flag))
            out += std::string(" \\\n            '") + (flag.list ? "*" : "") + form + '[' +
                   quoted(flag.help, "[]:") + ']' + value + '\'';
    }
    return out;
}

std::string zsh(const CLI::App& root) {
    std::string out =
        "#compdef zonectl\n# Completion of zonectl for zsh. Written by zonectl generate "
        "completions.\n_zonectl() {\n"
        "    local context state state_descr line verb=$1\n"
        "    typeset -A opt_args\n"
        "    case \"$verb\" in\n";
    for (const CLI::App* verb : verbs_of(root)) {
        const std::string path = path_of(*verb);
        out += "    '" + path + "')\n        _arguments -C -s \\\n" + zsh_flags(*verb, root);
        const auto below = verb->get_subcommands({});
        if (!below.empty()) {
            out +=
                " \\\n            '1:verb:->verb' '*::rest:->rest'\n        case $state in\n"
                "        verb)\n            local -a verbs=(\n";
            for (const CLI::App* each : below)
                out += "                '" + each->get_name() + ':' +
                       quoted(each->get_description(), ":") + "'\n";
            out += "            )\n            _describe verb verbs";
            const std::string below_it = "_zonectl \"${verb:+$verb }$line[1]\"";
            if (takes_files(*verb)) {
                // It acts, too: what is no verb is a file, and its own flags go on behind it.
                std::string names;
                for (const CLI::App* each : below)
                    names += (names.empty() ? "" : "|") + each->get_name();
                out += "; _files ;;\n        rest)\n            case $line[1] in\n            " +
                       names + ") " + below_it + " ;;\n            *) _arguments -s \\\n" +
                       zsh_flags(*verb, root) + " \\\n            '*:file:_files' ;;\n" +
                       "            esac ;;\n        esac\n";
            } else {
                out += " ;;\n        rest) " + below_it + " ;;\n        esac\n";
            }
        } else {
            if (takes_files(*verb)) out += " \\\n            '*:file:_files'";
            out += '\n';
        }
        out += "        ;;\n";
    }
    return out + "    esac\n}\n_zonectl ''\n";
}

std::string fish(const CLI::App& root) {
    std::string paths;
    std::string rows;
    for (const CLI::App* verb : verbs_of(root)) {
        const std::string path = path_of(*verb);
        if (!path.empty()) paths += " '" + path + '\'';
        const std::string row = "complete -c zonectl -n \"__zonectl_at '" + path + "'\"";
        for (const CLI::App* below : verb->get_subcommands({}))
            rows += row + " -a " + below->get_name() + " -d '" + quoted(below->get_description()) +
                    "'\n";
        if (takes_files(*verb)) rows += row + " -F\n";
        for (const CLI::Option* option : options_of(*verb)) {
            const Flag flag = describe(*option);
            if (flag.positional || verb == &root) continue;
            std::string value;
            if (flag.kind != Kind::boolean) value = " -x";
            if (completes(flag) == Completes::words) value += " -a '" + joined(flag.choices) + '\'';
            if (completes(flag) == Completes::files) value = " -r -F";
            if (completes(flag) == Completes::folders)
                value += " -a '(__fish_complete_directories)'";
            rows += row + " -l " + flag.name + (flag.letter.empty() ? "" : " -s " + flag.letter) +
                    value + " -d '" + quoted(flag.help) + "'\n";
            if (!flag.negation.empty())
                rows += row + " -l " + flag.negation + " -d 'Not: " + quoted(flag.help) + "'\n";
        }
    }
    for (const CLI::Option* option : options_of(root)) {
        const Flag flag = describe(*option);
        std::string value;
        if (flag.kind != Kind::boolean) value = flag.choices.empty() ? " -r -F" : " -x";
        if (!flag.choices.empty()) value += " -a '" + joined(flag.choices) + '\'';
        rows += "complete -c zonectl -l " + flag.name + value + " -d '" + quoted(flag.help) + "'\n";
    }
    return "# Completion of zonectl for fish. Written by zonectl generate completions.\n"
           "function __zonectl_at\n"
           "    set -l verb ''\n"
           "    for word in (commandline -opc)[2..-1]\n"
           "        set -l longer (string trim \"$verb $word\")\n"
           "        contains -- $longer" +
           paths +
           "; and set verb $longer\n"
           "    end\n"
           "    test \"$verb\" = \"$argv[1]\"\n"
           "end\n"
           "complete -c zonectl -f\n"
           "complete -c zonectl -l help -s h -d 'Print this help'\n" +
           rows;
}

int write_files(const std::map<std::string, std::string>& files, const std::string& folder,
                Invocation& invocation) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    for (const auto& [name, text] : files) {
        const std::string path = folder + '/' + name;
        std::ofstream out(path, std::ios::binary | std::ios::trunc);
        out << text << std::flush;
        if (!out) {
            invocation.terminal.complain(base::fail_errno(errno, path).value());
            return 2;
        }
    }
    return 0;
}

Action generates(CLI::App& app, std::map<std::string, std::string> (*make)(const CLI::App& root)) {
    auto folder = std::make_shared<std::string>();
    add_text(app, "directory", *folder, "DIR", "Folder for the files")->required();
    return [folder, make](Invocation& invocation) {
        const Tree tree;
        return write_files(make(tree.root()), *folder, invocation);
    };
}

}  // namespace

std::map<std::string, std::string> man_pages(const CLI::App& root) {
    std::map<std::string, std::string> out;
    for (const CLI::App* verb : verbs_of(root))
        out[page_name(path_of(*verb)) + ".1"] = man_page(*verb, root);
    return out;
}

std::map<std::string, std::string> completions(const CLI::App& root) {
    return {{"zonectl.bash", bash(root)}, {"_zonectl", zsh(root)}, {"zonectl.fish", fish(root)}};
}

Action define_generate_man(CLI::App& app) {
    return generates(app, man_pages);
}
Action define_generate_completions(CLI::App& app) {
    return generates(app, completions);
}

}  // namespace zc::cmd
