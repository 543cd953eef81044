#include "help.h"

#include <algorithm>
#include <sstream>
#include <vector>

#include "flags.h"
#include "verbs.h"

namespace zc::cmd {
namespace {

constexpr std::size_t text_column = 28;

/// `text` in lines of at most `width` columns; a line that begins with a blank is kept as it is.
std::vector<std::string> wrapped(const std::string& text, std::size_t width) {
    std::vector<std::string> lines;
    std::istringstream paragraphs(text);
    for (std::string paragraph; std::getline(paragraphs, paragraph);) {
        if (paragraph.empty() || paragraph.front() == ' ') {
            lines.push_back(paragraph);
            continue;
        }
        std::istringstream words(paragraph);
        std::string line;
        for (std::string word; words >> word;) {
            if (!line.empty() && line.size() + 1 + word.size() > width) {
                lines.push_back(line);
                line.clear();
            }
            if (!line.empty()) line += ' ';
            line += word;
        }
        lines.push_back(line);
    }
    return lines;
}

/// Two columns: `left` and the wrapped `right`, which starts on a line of its own when `left` is
/// long.
void put_row(std::string& out, const std::string& left, const std::string& right) {
    std::string line = "  " + left;
    for (const std::string& text : wrapped(right, help_columns - text_column)) {
        if (line.size() + 2 > text_column && !line.empty()) {
            out += line + '\n';
            line.clear();
        }
        line.resize(std::max(line.size(), text_column), ' ');
        out += line + text + '\n';
        line.clear();
    }
    if (!line.empty()) out += line + '\n';
}

void put_options(std::string& out, const CLI::App& app) {
    for (const std::string& group : app.get_groups()) {
        std::string rows;
        for (const CLI::Option* option : options_of(app))
            if (option->get_group() == group && option->nonpositional())
                put_row(rows, flag_usage(*option), flag_text(*option));
        if (!rows.empty()) out += '\n' + (group == "Options" ? "Flags" : group) + ":\n" + rows;
    }
}

}  // namespace

std::string flag_usage(const CLI::Option& option) {
    const Flag flag = describe(option);
    if (flag.positional) return flag.placeholder + (flag.list ? "..." : "");
    std::string out;
    if (!flag.letter.empty()) out = '-' + flag.letter + ", ";
    out += "--" + flag.name;
    if (!flag.negation.empty()) out += ", --" + flag.negation;
    if (!flag.placeholder.empty()) out += ' ' + flag.placeholder;
    return out;
}

std::string flag_text(const CLI::Option& option) {
    const Flag flag = describe(option);
    std::vector<std::string> notes;
    if (!flag.range.empty()) notes.push_back(flag.range);
    if (!flag.default_text.empty()) notes.push_back("default " + flag.default_text);
    if (flag.list && !flag.positional) notes.emplace_back("repeatable");
    std::string out = flag.help;
    for (std::size_t i = 0; i < notes.size(); ++i) out += (i == 0 ? " (" : ", ") + notes[i];
    if (!notes.empty()) out += ')';
    return out;
}

std::vector<std::string> usage_lines(const CLI::App& verb) {
    const std::string path = path_of(verb);
    const std::string begin = "zonectl" + (path.empty() ? "" : ' ' + path);
    const std::vector<const CLI::Option*> options = options_of(verb);
    std::vector<std::string> out;
    if (verb.get_subcommands({}).empty() || (!path.empty() && !options.empty())) {
        std::string line = begin + " [flags]";
        for (const CLI::Option* option : options)
            if (!option->nonpositional()) {
                const std::string word = flag_usage(*option);
                line += option->get_required() ? ' ' + word : " [" + word + ']';
            }
        out.push_back(std::move(line));
    }
    if (!verb.get_subcommands({}).empty()) out.push_back(begin + " VERB [flags]");
    return out;
}

std::string help_text(const CLI::App& verb) {
    std::string out;
    for (const std::string& line : usage_lines(verb))
        out += (out.empty() ? "Usage: " : "       ") + line + '\n';
    out += '\n';
    for (const std::string& line : wrapped(verb.get_description(), help_columns))
        out += line + '\n';

    const auto verbs_below = verb.get_subcommands({});
    if (!verbs_below.empty()) {
        out += "\nVerbs:\n";
        for (const CLI::App* below : verbs_below)
            put_row(out, below->get_name(), below->get_description());
    }
    std::string positionals;
    for (const CLI::Option* option : options_of(verb))
        if (!option->nonpositional()) put_row(positionals, flag_usage(*option), flag_text(*option));
    if (!positionals.empty()) out += "\nArguments:\n" + positionals;

    put_options(out, verb);
    if (const CLI::App* root = verb.get_parent(); root != nullptr) {
        while (root->get_parent() != nullptr) root = root->get_parent();
        put_options(out, *root);
    }
    if (!verb.get_footer().empty()) {
        out += '\n';
        for (const std::string& line : wrapped(verb.get_footer(), help_columns)) out += line + '\n';
    }
    return out;
}

}  // namespace zc::cmd
