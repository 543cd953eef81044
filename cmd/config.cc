// zonectl config check, zonectl config show: the configuration as the verbs would see it.
#include <algorithm>
#include <memory>

#include "flags.h"
#include "serve_options.h"
#include "verbs.h"

namespace zc::cmd {
namespace {

/// Variables that look like ours and set nothing.
std::vector<std::string> unknown_variables(const Environment& environment) {
    std::vector<std::string> known = {"ZONECTL_CONFIG"};
    Tree tree;
    std::vector<CLI::App*> apps = all_verbs(tree.root());
    apps.push_back(&tree.root());
    for (const CLI::App* app : apps)
        for (const CLI::Option* option : options_of(*app)) {
            const Flag flag = describe(*option);
            if (flag.configurable) known.push_back(variable_of(flag.name));
        }
    std::vector<std::string> out;
    for (const auto& [name, value] : environment) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        const auto meant = nearest(name, known);
        out.push_back(name + ": no flag has this variable" +
                      (meant ? "; did you mean " + *meant + "?" : ""));
    }
    return out;
}

term::Json json_of(const Error& error) {
    term::Json json = term::Json::object();
    json.set("source", error.where.source);
    json.set("line", term::Json::number(error.where.line));
    json.set("message", error.message);
    return json;
}

int run_check(Invocation& invocation) {
    const Environment environment = environment_of_process();
    const Resolution resolution = resolve_serve(invocation.globals, environment);
    const std::vector<std::string> warnings = unknown_variables(environment);
    term::Terminal& terminal = invocation.terminal;
    const bool unreadable = resolution.config_path.empty() && !resolution.errors.empty() &&
                            resolution.errors.front().code != Errc::malformed;
    if (unreadable) {
        for (const Error& error : resolution.errors) terminal.complain(error);
        return 2;
    }
    if (terminal.json()) {
        term::Json errors = term::Json::array();
        for (const Error& error : resolution.errors) errors.add(json_of(error));
        term::Json notes = term::Json::array();
        for (const std::string& warning : warnings) notes.add(term::Json::string(warning));
        term::Json document = term::Json::object();
        document.set("file", resolution.config_path);
        document.set("ok", term::Json::boolean(resolution.errors.empty()));
        document.set("errors", std::move(errors)).set("warnings", std::move(notes));
        terminal.out(document);
        return resolution.errors.empty() ? 0 : 1;
    }
    for (const Error& error : resolution.errors) terminal.line(error.text());
    for (const std::string& warning : warnings) terminal.warn(warning);
    if (!resolution.errors.empty()) return 1;
    terminal.out(resolution.config_path.empty()
                     ? "no configuration file: defaults and environment alone\n"
                     : resolution.config_path + ": good\n");
    return 0;
}

/// As it would stand in the file.
std::string toml_of(const Setting& setting) {
    const auto quoted = [&](const std::string& text) {
        if (setting.kind != Kind::text) return text;
        return term::Json::string(text).serialize();  // TOML's basic strings take JSON's escapes
    };
    if (!setting.list) return setting.values.empty() ? "" : quoted(setting.values.back());
    std::string out = "[";
    for (const std::string& value : setting.values)
        out += (out.size() > 1 ? ", " : "") + quoted(value);
    return out + ']';
}

term::Json json_value(const Setting& setting, const std::string& text) {
    if (setting.kind == Kind::boolean) return term::Json::boolean(text == "true");
    if (setting.kind == Kind::number)
        return term::Json::number(static_cast<std::uint64_t>(std::stoull(text)));
    return term::Json::string(text);
}

int run_show(const std::string& path, Invocation& invocation) {
    term::Terminal& terminal = invocation.terminal;
    Tree tree;
    CLI::App* verb = find_verb_or_null(tree.root(), path);
    if (verb == nullptr || tree.action_or_null(*verb) == nullptr) {
        terminal.complain("there is no verb '" + path + "' that has settings");
        return 2;
    }
    const Resolution resolution =
        resolve(*verb, invocation.globals, Reads::all, environment_of_process());
    if (!resolution.errors.empty()) {
        for (const Error& error : resolution.errors) terminal.complain(error);
        return 2;
    }
    if (terminal.json()) {
        term::Json settings = term::Json::array();
        for (const Setting& setting : resolution.settings) {
            term::Json value;
            if (setting.list) {
                value = term::Json::array();
                for (const std::string& text : setting.values) value.add(json_value(setting, text));
            } else if (!setting.values.empty()) {
                value = json_value(setting, setting.values.back());
            }
            term::Json json = term::Json::object();
            json.set("key", setting.key).set("value", std::move(value));
            json.set("origin", to_string(setting.origin)).set("where", setting.where);
            settings.add(std::move(json));
        }
        term::Json document = term::Json::object();
        document.set("verb", path).set("file", resolution.config_path);
        document.set("settings", std::move(settings));
        terminal.out(document);
        return 0;
    }
    using Align = term::Table::Align;
    term::Table table({{"key", Align::left}, {"value", Align::left}, {"from", Align::left}});
    for (const Setting& setting : resolution.settings)
        table.row({setting.key, toml_of(setting),
                   setting.where.empty() ? std::string(to_string(setting.origin)) : setting.where});
    terminal.out(table.text());
    return 0;
}

}  // namespace

Action define_config_check(CLI::App& app) {
    app.footer(
        "Checks the file of --config as zonectl serve would read it. Exit code 1: there are "
        "mistakes; 2: it could not be read.");
    return [](Invocation& invocation) { return run_check(invocation); };
}

Action define_config_show(CLI::App& app) {
    auto words = std::make_shared<std::vector<std::string>>();
    add_list(app, "verb", *words, "VERB", "Verb whose settings are shown; default: serve");
    return [words](Invocation& invocation) {
        std::string path;
        for (const std::string& word : *words) path += (path.empty() ? "" : " ") + word;
        return run_show(path.empty() ? "serve" : path, invocation);
    };
}

}  // namespace zc::cmd
