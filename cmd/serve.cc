// zonectl serve: run a node until it is told to stop.
#include <memory>

#include "node.h"
#include "verbs.h"

namespace zc::cmd {

Action define_serve(CLI::App& app) {
    // The flags are defined here for help and checks; their values are read again at each reload,
    // so the node reads them itself.
    auto options = std::make_shared<ServeOptions>();
    add_serve_flags(app, *options);
    return [options](Invocation& invocation) {
        auto configuration = read_serve_configuration(invocation.arguments);
        if (!configuration) {
            for (const Error& error : configuration.error()) invocation.terminal.complain(error);
            return 2;
        }
        Node node(std::move(*configuration), invocation.arguments, invocation.terminal);
        return node.run();
    };
}

}  // namespace zc::cmd
