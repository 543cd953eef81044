// zonectl help: the help text of a verb.
#include <memory>

#include "help.h"
#include "verbs.h"

namespace zc::cmd {

Action define_help(CLI::App& app) {
    auto words = std::make_shared<std::vector<std::string>>();
    add_list(app, "verb", *words, "VERB", "Verb to explain, one word or two");
    return [words](Invocation& invocation) {
        std::string path;
        for (const std::string& word : *words) path += (path.empty() ? "" : " ") + word;
        Tree tree;
        const CLI::App* verb = find_verb_or_null(tree.root(), path);
        if (verb == nullptr) {
            std::string message = "there is no verb '" + path + '\'';
            std::vector<std::string> known;
            for (const Verb& each : verbs()) known.emplace_back(each.name);
            if (const auto meant = nearest(path, known))
                message += "; did you mean '" + *meant + "'?";
            invocation.terminal.complain(message);
            return 2;
        }
        invocation.terminal.out(help_text(*verb));
        return 0;
    };
}

}  // namespace zc::cmd
