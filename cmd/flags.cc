#include "flags.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include <CLI/CLI.hpp>  // the whole of it, for what App.hpp only declares

namespace zc::cmd {
namespace {

constexpr std::array<std::string_view, 6> unit_placeholders = {
    "N", "SECONDS", "OCTETS", "BITS", "PER-SECOND", "MILLISECONDS"};
constexpr std::string_view choice_mark = "|";

/// Both checks and, because CLI11 lists the descriptions of validators, tells the range.
CLI::Validator validator(std::string description, Check check) {
    return CLI::Validator([check = std::move(check)](std::string& text) { return check(text); },
                          std::move(description));
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
    std::string out;
    for (const std::string& word : words) {
        if (!out.empty()) out += between;
        out += word;
    }
    return out;
}

/// Edits between two words: a letter added, left out, replaced, or two swapped.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({replaced, last[j] + 1, row[j - 1] + 1});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = std::min(row[j], before[j - 2] + 1);
        }
        std::swap(before, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

}  // namespace

std::string variable_of(std::string_view name) {
    std::string out = "ZONECTL_";
    for (const char c : name) {
        if (c == '-') {
            out += '_';
        } else {
            out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        }
    }
    return out;
}

Flag describe(const CLI::Option& option) {
    Flag flag;
    flag.positional = option.nonpositional() == false;
    if (flag.positional) {
        flag.name = option.get_name(true, false);
    } else {
        for (const std::string& name : option.get_lnames()) {
            const auto& negated = option.get_fnames();
            if (std::find(negated.begin(), negated.end(), name) != negated.end()) {
                flag.negation = name;
            } else if (flag.name.empty()) {
                flag.name = name;
            }
        }
        if (!option.get_snames().empty()) flag.letter = option.get_snames().front();
    }
    flag.help = option.get_description();
    flag.default_text = option.get_default_str();
    flag.group = option.get_group();
    flag.list = option.get_expected_max() > 1;
    flag.configurable = !flag.positional && option.get_configurable();
    if (option.get_expected_max() == 0) {
        flag.kind = Kind::boolean;
        return flag;
    }
    // "PLACEHOLDER" or "PLACEHOLDER:range": CLI11 appends what validators say of themselves.
    flag.placeholder = option.get_option_text();
    const std::string type = option.get_type_name();
    const auto is_unit = std::find(unit_placeholders.begin(), unit_placeholders.end(),
                                   std::string_view(flag.placeholder));
    if (is_unit != unit_placeholders.end()) {
        flag.kind = Kind::number;
        const std::size_t colon = type.find(':');
        if (colon != std::string::npos) flag.range = type.substr(colon + 1);
    }
    if (flag.placeholder.find(choice_mark) != std::string::npos) {
        std::string_view rest = flag.placeholder;
        while (!rest.empty()) {
            const std::size_t end = rest.find(choice_mark);
            flag.choices.emplace_back(rest.substr(0, end));
            rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
        }
    }
    return flag;
}

std::vector<const CLI::Option*> options_of(const CLI::App& app) {
    std::vector<const CLI::Option*> out;
    for (const CLI::Option* option : app.get_options())
        if (option != app.get_help_ptr()) out.push_back(option);
    return out;
}

std::string marked(std::string argument) {
    const bool may_be_split = !argument.empty() && argument.back() == ']' &&
                              (argument.front() == '[' || argument.front() == bracket_mark);
    return may_be_split ? bracket_mark + argument : argument;
}
std::string unmarked(std::string argument) {
    if (!argument.empty() && argument.front() == bracket_mark) argument.erase(0, 1);
    return argument;
}

CLI::Option* add_text(CLI::App& app, const std::string& name, std::string& value,
                      const std::string& placeholder, const std::string& help, const Check& check) {
    CLI::Option* option = app.add_option(name, value, help);
    option->option_text(placeholder)->default_str(value);
    if (check) option->check(validator("", check));
    option->transform(unmarked, "");
    return option;
}

CLI::Option* add_list(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                      const std::string& placeholder, const std::string& help, const Check& check) {
    CLI::Option* option = app.add_option(name, values, help);
    option->option_text(placeholder)->default_str(joined(values, ","));
    // One value a flag: `--listen A B` would else take B, meant as something else.
    if (option->nonpositional()) option->allow_extra_args(false);
    if (check) option->check(validator("", check));
    option->transform(unmarked, "");
    return option;
}

CLI::Option* add_switch(CLI::App& app, const std::string& name, bool& value,
                        const std::string& help, const std::string& negation) {
    if (negation.empty()) return app.add_flag(name, value, help);
    CLI::Option* option = app.add_flag(name + ",!--" + negation, value, help);
    option->default_str(value ? "on" : "off");
    return option;
}

CLI::Option* add_checked_number(CLI::App& app, const NumberFlag& number, const std::string& help,
                                std::function<void(std::uint64_t)> store) {
    const auto read = [](const std::string& text) -> std::optional<std::uint64_t> {
        std::uint64_t out = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
        if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
        return out;
    };
    const std::string range = base::range_text(number.min, number.max);
    const auto check = [read, range, min = number.min, max = number.max](const std::string& text) {
        const auto found = read(text);
        if (found && *found >= min && *found <= max) return std::string();
        return "found '" + text + "', wanted a whole number, " + range;
    };
    CLI::Option* option = app.add_option_function<std::string>(
        "--" + std::string(number.name),
        [store = std::move(store), read](const std::string& text) { store(*read(text)); }, help);
    option->option_text(std::string(unit_placeholders[static_cast<std::size_t>(number.unit)]))
        ->default_str(std::to_string(number.initial))
        ->check(validator(range, check));
    return option;
}

CLI::Option* add_checked_choice(CLI::App& app, const std::string& name, const std::string& initial,
                                // NOLINTNEXTLINE(performance-unnecessary-value-param): two keep it
                                std::vector<std::string> words, const std::string& help,
                                std::function<void(std::size_t)> store) {
    const auto index_of = [words](const std::string& text) {
        return static_cast<std::size_t>(std::find(words.begin(), words.end(), text) -
                                        words.begin());
    };
    CLI::Option* option = app.add_option_function<std::string>(
        name,
        [store = std::move(store), index_of](const std::string& text) { store(index_of(text)); },
        help);
    option->option_text(joined(words, choice_mark))
        ->default_str(initial)
        ->check(validator("", [index_of, words](const std::string& text) {
            if (index_of(text) < words.size()) return std::string();
            return "found '" + text + "', wanted one of " + joined(words, ", ");
        }));
    return option;
}

std::optional<std::string> nearest(std::string_view typed, const std::vector<std::string>& names) {
    // A beginning that only one name has; else the fewest edits, if they are few.
    std::optional<std::string> best;
    std::size_t begins = 0;
    for (const std::string& name : names)
        if (typed.size() >= 3 && name.starts_with(typed) && name != best) {
            best = name;
            ++begins;
        }
    if (begins == 1) return best;
    best.reset();
    std::size_t best_distance = typed.size() <= 3 ? 2 : 3;
    for (const std::string& name : names) {
        const std::size_t edits = distance(typed, name);
        if (edits < best_distance) {
            best_distance = edits;
            best = name;
        }
    }
    return best;
}

}  // namespace zc::cmd
