// Defining flags, so that each has a name, a help text, a unit, a range and a default in one place,
// and everything else (help, man pages, completions, the configuration file) follows from the CLI11
// tree.
//
// A flag's key in the configuration file is its long name, its variable in the environment ZONECTL_
// and that name in capitals. Values are checked when they are parsed, wherever they come from.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/App.hpp>

#include "base/limit.h"
#include "base/result.h"

namespace zc::cmd {

/// The type of a value, in which TOML has to give it.
enum class Kind : std::uint8_t { boolean, number, text };

/// A flag as help, man pages, completions and the configuration see it.
struct Flag {
    std::string name;         // "listen"; of a positional argument "FILE"
    std::string letter;       // "o", or empty
    std::string placeholder;  // "ADDR:PORT"; empty for a switch
    std::string negation;     // "no-cookies", or empty
    std::string help;
    std::string range;                 // "1..64"; empty: no limit worth telling
    std::string default_text;          // empty: none
    std::vector<std::string> choices;  // empty: not a choice
    std::string group;
    Kind kind = Kind::text;
    bool list = false;  // may be repeated; an array in the file
    bool positional = false;
    bool configurable = false;  // may stand in the file and in the environment
};

Flag describe(const CLI::Option& option);
/// The options of `app` alone, in the order of definition; without --help.
std::vector<const CLI::Option*> options_of(const CLI::App& app);
/// "ZONECTL_TCP_IDLE" for "tcp-idle".
std::string variable_of(std::string_view name);

/// An error message for a text that is no good value; empty for one that is.
using Check = std::function<std::string(const std::string& text)>;
/// A check out of a parser that gives a Result.
template <class T>
Check parses(Result<T> (*parse)(std::string_view)) {
    return [parse](const std::string& text) {
        const auto value = parse(text);
        return value ? std::string() : value.error().message;
    };
}

/// CLI11 takes an argument [a,b] of a list for two, and [a] for a. `marked` makes an argument that it
/// leaves alone; texts and lists are unmarked before anybody looks at them.
inline constexpr char bracket_mark = '\1';
std::string marked(std::string argument);
std::string unmarked(std::string argument);

CLI::Option* add_text(CLI::App& app, const std::string& name, std::string& value,
                      const std::string& placeholder, const std::string& help,
                      const Check& check = nullptr);
/// May be given several times, one value each; in the environment with commas between.
CLI::Option* add_list(CLI::App& app, const std::string& name, std::vector<std::string>& values,
                      const std::string& placeholder, const std::string& help,
                      const Check& check = nullptr);
/// A bare flag. With `negation` ("no-cookies") it can also be switched off.
CLI::Option* add_switch(CLI::App& app, const std::string& name, bool& value,
                        const std::string& help, const std::string& negation = {});
/// The numbers of a limit in its units, for `add_checked_number`.
struct NumberFlag {
    std::string_view name;
    std::uint64_t min, initial, max;
    base::Unit unit;
};
/// Checks the range before anything is stored.
CLI::Option* add_checked_number(CLI::App& app, const NumberFlag& number, const std::string& help,
                                std::function<void(std::uint64_t)> store);

/// The flag of `limit`, which gives name, unit, range and default. `value` is set to the default.
template <class T>
CLI::Option* add_number(CLI::App& app, const base::Limit<T>& limit, T& value,
                        const std::string& help) {
    const NumberFlag number = {limit.name, limit.units(limit.min), limit.units(limit.initial),
                               limit.units(limit.max), limit.unit};
    value = limit.initial;
    return add_checked_number(
        app, number, help, [&value, limit](std::uint64_t units) { value = limit.value_of(units); });
}

/// One of a few words. The initial value of `value` is the default.
CLI::Option* add_checked_choice(CLI::App& app, const std::string& name, const std::string& initial,
                                std::vector<std::string> words, const std::string& help,
                                std::function<void(std::size_t)> store);

template <class E>
CLI::Option* add_choice(CLI::App& app, const std::string& name, E& value,
                        const std::vector<std::pair<std::string, E>>& choices,
                        const std::string& help) {
    std::vector<std::string> words;
    std::string initial;
    for (const auto& [word, meaning] : choices) {
        words.push_back(word);
        if (meaning == value) initial = word;
    }
    return add_checked_choice(app, name, initial, std::move(words), help,
                              [&value, choices](std::size_t i) { value = choices[i].second; });
}

/// The nearest of `names` to what was typed, if one is near enough to have been meant.
std::optional<std::string> nearest(std::string_view typed, const std::vector<std::string>& names);

}  // namespace zc::cmd
