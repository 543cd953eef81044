// Man pages and shell completions as texts, from the CLI11 tree.
#pragma once

#include <map>
#include <string>

#include <CLI/App.hpp>

namespace zc::cmd {

/// File name → content: "zonectl.1", and a page for each verb.
std::map<std::string, std::string> man_pages(const CLI::App& root);
/// File name → content: "zonectl.bash", "_zonectl" for zsh, "zonectl.fish".
std::map<std::string, std::string> completions(const CLI::App& root);

}  // namespace zc::cmd
