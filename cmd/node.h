// A node put together: catalogue, workers, control thread, what loads zones, and the order of
// starting and stopping.
//
// The thread that calls `run` is the control thread. One more thread does the long work (the first
// load, a reload), one piece at a time; it hands zones to the control thread, which alone changes
// the catalogue.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "serve_options.h"
#include "term/terminal.h"

namespace zc::cmd {

class Node {
public:
    /// Binds every socket, gives up root. Nothing is answered yet.
    /// Throws std::runtime_error for what an operator has to mend: port in use, no such directory,
    /// …
    Node(ServeConfiguration configuration, std::vector<std::string> arguments,
         term::Terminal& terminal);
    ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    /// Loads, serves, until a signal or `zonectl stop`. Gives the exit code.
    int run();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace zc::cmd
