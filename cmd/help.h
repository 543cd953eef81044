// Help texts of at most 80 columns, from the CLI11 tree.
#pragma once

#include <string>
#include <vector>

#include <CLI/App.hpp>

namespace zc::cmd {

inline constexpr std::size_t help_columns = 80;

/// The text of `zonectl help VERB` and `zonectl VERB --help`.
std::string help_text(const CLI::App& verb);
/// "zonectl zone check [flags] FILE..."; two lines for a verb that acts and has verbs below it.
std::vector<std::string> usage_lines(const CLI::App& verb);
/// "--listen ADDR:PORT", "-o, --output FILE", "--cookies, --no-cookies".
std::string flag_usage(const CLI::Option& option);
/// The help text of a flag with its range and default: "UDP and TCP port (1..65535, default 53)".
std::string flag_text(const CLI::Option& option);

}  // namespace zc::cmd
