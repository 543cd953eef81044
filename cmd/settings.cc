#include "settings.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <set>
#include <sstream>

#include <toml++/toml.h>
#include <unistd.h>

#include "verbs.h"
#include "whole_file.h"

namespace zc::cmd {
namespace {

std::string_view name_of(Kind kind) {
    switch (kind) {
        case Kind::boolean:
            return "true or false";
        case Kind::number:
            return "a whole number";
        case Kind::text:
            return "a string";
    }
    return "";
}

Entry::Value value_of(const toml::node& node) {
    Entry::Value value;
    value.line = node.source().begin.line;
    if (const auto* text = node.as_string()) {
        value.text = text->get();
        value.found = "a string";
    } else if (const auto* number = node.as_integer()) {
        value.text = std::to_string(number->get());
        value.kind = Kind::number;
        value.found = "a whole number";
    } else if (const auto* truth = node.as_boolean()) {
        value.text = truth->get() ? "true" : "false";
        value.kind = Kind::boolean;
        value.found = "true or false";
    } else {
        value.scalar = false;
        if (node.is_table()) value.found = "a table";
        if (node.is_array()) value.found = "an array";
        if (node.is_floating_point()) value.found = "a number with a fraction";
        if (node.is_date() || node.is_time() || node.is_date_time()) value.found = "a date or time";
    }
    return value;
}

void collect(const toml::table& table, const std::string& name, std::vector<Entry>& out) {
    for (const auto& [key, node] : table) {
        const std::string word(key.str());
        if (const auto* inner = node.as_table()) {
            const std::string inner_name = name.empty() ? word : name + '.' + word;
            // Kept even when empty: a table that is no verb is a mistake whatever stands in it.
            if (inner->empty())
                out.push_back({inner_name, "", node.source().begin.line, false, {}});
            collect(*inner, inner_name, out);
            continue;
        }
        Entry entry;
        entry.table = name;
        entry.key = word;
        entry.line = key.source().begin.line;
        if (const auto* array = node.as_array()) {
            entry.list = true;
            for (const toml::node& element : *array) entry.values.push_back(value_of(element));
        } else {
            entry.values.push_back(value_of(node));
        }
        out.push_back(std::move(entry));
    }
}

/// Sets `option` to `texts` through its own checks. The message of what is wrong, or nothing.
std::string try_values(CLI::Option& option, const std::vector<std::string>& texts) {
    option.clear();
    try {
        for (const std::string& text : texts) option.add_result(text);
        if (!texts.empty()) option.run_callback();
        return {};
    } catch (const CLI::Error& error) {
        option.clear();
        // CLI11 begins with the name of the flag, which the place tells already.
        std::string message = error.what();
        const std::string prefix = option.get_name() + ": ";
        if (message.starts_with(prefix)) message.erase(0, prefix.size());
        return message;
    }
}

Status apply_entry(CLI::Option& option, const Entry& entry, const std::string& path) {
    const Flag flag = describe(option);
    const auto wrong = [&](std::uint64_t line, const std::string& message) {
        return fail(Errc::malformed, entry.key + ": " + message, {path, line});
    };
    if (entry.list && !flag.list)
        return wrong(entry.line, "found an array, wanted " + std::string(name_of(flag.kind)));
    std::vector<std::string> texts;
    for (const Entry::Value& value : entry.values) {
        if (!value.scalar || value.kind != flag.kind)
            return wrong(value.line,
                         "found " + value.found + ", wanted " + std::string(name_of(flag.kind)));
        // One by one first, so that the line of a bad element is known.
        const std::string message = try_values(option, {value.text});
        if (!message.empty()) return wrong(value.line, message);
        texts.push_back(value.text);
    }
    const std::string message = try_values(option, texts);
    if (!message.empty()) return wrong(entry.line, message);
    return {};
}

std::vector<std::string> split_commas(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, ',');)
        if (!part.empty()) out.push_back(part);
    return out;
}

/// Words that shells and unit files use for a switch.
std::string boolean_word(std::string text) {
    for (const char* yes : {"1", "yes", "on"})
        if (text == yes) return "true";
    for (const char* no : {"0", "no", "off"})
        if (text == no) return "false";
    return text;
}

Status apply_variable(CLI::Option& option, const std::string& variable, const std::string& text) {
    const Flag flag = describe(option);
    std::vector<std::string> texts = {text};
    if (flag.list) texts = split_commas(text);
    if (flag.kind == Kind::boolean) {
        texts.front() = boolean_word(text);
        if (texts.front() != "true" && texts.front() != "false")
            return fail(Errc::malformed, "found '" + text + "', wanted true or false", {variable});
    }
    const std::string message = try_values(option, texts);
    if (!message.empty()) return fail(Errc::malformed, message, {variable});
    return {};
}

CLI::Option* find_flag_or_null(CLI::App& app, const std::string& key) {
    CLI::Option* option = app.get_option_no_throw("--" + key);
    if (option == nullptr || option == app.get_help_ptr()) return nullptr;
    const Flag flag = describe(*option);
    return flag.configurable && flag.name == key ? option : nullptr;
}

std::string dotted(std::string path) {
    std::replace(path.begin(), path.end(), ' ', '.');
    return path;
}

std::vector<std::string> keys_of(const CLI::App& app) {
    std::vector<std::string> out;
    for (const CLI::Option* option : options_of(app)) {
        const Flag flag = describe(*option);
        if (flag.configurable) out.push_back(flag.name);
    }
    return out;
}

tl::unexpected<Error> unknown_key(const Entry& entry, const std::string& path,
                                  const std::vector<std::string>& known, const std::string& whose) {
    std::string message = "no flag of " + whose + " is called '" + entry.key + "'";
    if (const auto meant = nearest(entry.key, known)) message += "; did you mean '" + *meant + "'?";
    return fail(Errc::invalid, message, {path, entry.line});
}

Status check_entry(const Entry& entry, const std::string& path, CLI::App& root) {
    std::vector<CLI::App*> verbs = all_verbs(root);
    if (!entry.table.empty()) {
        const auto at = std::find_if(verbs.begin(), verbs.end(), [&](const CLI::App* verb) {
            return dotted(path_of(*verb)) == entry.table;
        });
        if (at == verbs.end())
            return fail(Errc::invalid,
                        "found the table [" + entry.table + "], and there is no such verb",
                        {path, entry.line});
        if (entry.key.empty()) return {};
        CLI::Option* option = find_flag_or_null(**at, entry.key);
        if (option == nullptr)
            return unknown_key(entry, path, keys_of(**at), "zonectl " + path_of(**at));
        return apply_entry(*option, entry, path);
    }
    verbs.push_back(&root);
    std::vector<std::string> known;
    Status first_error;
    bool found = false;
    for (CLI::App* verb : verbs) {
        if (CLI::Option* option = find_flag_or_null(*verb, entry.key)) {
            Status status = apply_entry(*option, entry, path);
            if (status) return {};
            if (!found) first_error = std::move(status);
            found = true;
        }
        for (std::string& key : keys_of(*verb)) known.push_back(std::move(key));
    }
    if (found) return first_error;
    return unknown_key(entry, path, known, "any verb");
}

const Entry* find_entry_or_null(const ConfigFile* file_or_null, const std::string& table,
                                const std::string& key) {
    if (file_or_null == nullptr) return nullptr;
    for (const Entry& entry : file_or_null->entries)
        if (entry.table == table && entry.key == key) return &entry;
    return nullptr;
}

}  // namespace

Environment environment_of_process() {
    constexpr std::string_view prefix = "ZONECTL_";
    Environment out;
    for (char** at = environ; at != nullptr && *at != nullptr; ++at) {
        const std::string_view variable = *at;
        const std::size_t equals = variable.find('=');
        if (equals == std::string_view::npos || !variable.starts_with(prefix)) continue;
        // An empty variable is how many tools unset one.
        if (equals + 1 == variable.size()) continue;
        out.emplace(variable.substr(0, equals), variable.substr(equals + 1));
    }
    return out;
}

Result<ConfigFile> ConfigFile::read(const std::string& path) {
    ZC_TRY(const std::string text, read_whole(path, config_octets_max));
    return parse(text, path);
}

Result<ConfigFile> ConfigFile::parse(std::string_view text, const std::string& path) {
    ConfigFile file;
    file.path = path;
    try {
        collect(toml::parse(text, path), "", file.entries);
    } catch (const toml::parse_error& error) {
        return fail(Errc::malformed, "TOML: " + std::string(error.description()),
                    {path, error.source().begin.line});
    }
    std::stable_sort(file.entries.begin(), file.entries.end(),
                     [](const Entry& a, const Entry& b) { return a.line < b.line; });
    return file;
}

std::string_view to_string(Origin origin) noexcept {
    switch (origin) {
        case Origin::built_in:
            return "default";
        case Origin::file:
            return "file";
        case Origin::environment:
            return "environment";
        case Origin::flag:
            return "flag";
    }
    return "";
}

std::vector<Error> check(const ConfigFile& file, CLI::App& root) {
    std::vector<Error> errors;
    for (const Entry& entry : file.entries)
        if (Status status = check_entry(entry, file.path, root); !status)
            errors.push_back(std::move(status).error());
    return errors;
}

Result<std::vector<Setting>> resolve(CLI::App& verb, const Environment& environment,
                                     const ConfigFile* file_or_null) {
    CLI::App* root = &verb;
    while (root->get_parent() != nullptr) root = root->get_parent();
    const std::string table = dotted(path_of(verb));

    std::vector<Setting> settings;
    std::vector<std::pair<CLI::App*, std::string>> keys;
    for (std::string& key : keys_of(verb)) keys.emplace_back(&verb, std::move(key));
    if (root != &verb)
        for (std::string& key : keys_of(*root)) keys.emplace_back(root, std::move(key));

    for (const auto& [app, key] : keys) {
        CLI::Option& option = *app->get_option("--" + key);
        const Flag flag = describe(option);
        Setting setting;
        setting.key = key;
        setting.kind = flag.kind;
        setting.list = flag.list;

        const auto variable = environment.find(variable_of(key));
        const Entry* entry = find_entry_or_null(file_or_null, table, key);
        if (entry == nullptr) entry = find_entry_or_null(file_or_null, "", key);
        if (option.count() > 0) {
            setting.origin = Origin::flag;
            setting.where = "--" + key;
        } else if (variable != environment.end()) {
            ZC_TRY_STATUS(apply_variable(option, variable->first, variable->second));
            setting.origin = Origin::environment;
            setting.where = variable->first;
        } else if (entry != nullptr) {
            ZC_TRY_STATUS(apply_entry(option, *entry, file_or_null->path));
            setting.origin = Origin::file;
            setting.where = file_or_null->path + ':' + std::to_string(entry->line);
        }
        if (setting.origin != Origin::built_in) {
            setting.values = option.results();
        } else if (!flag.default_text.empty()) {
            setting.values = flag.list ? split_commas(flag.default_text)
                                       : std::vector<std::string>{flag.default_text};
        }
        if (flag.kind == Kind::boolean) {
            const bool on =
                !setting.values.empty() && boolean_word(setting.values.back()) == "true";
            setting.values = {on ? "true" : "false"};
        }
        settings.push_back(std::move(setting));
    }

    if (file_or_null != nullptr && !table.empty()) {
        const std::vector<std::string> known = keys_of(verb);
        for (const Entry& entry : file_or_null->entries)
            if (entry.table == table && !entry.key.empty() &&
                find_flag_or_null(verb, entry.key) == nullptr)
                return unknown_key(entry, file_or_null->path, known, "zonectl " + path_of(verb));
    }
    return settings;
}

}  // namespace zc::cmd
