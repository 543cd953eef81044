// A node: zones loaded, answered from, looked at again, and reported on, from its start to its end.
//
// The thread that calls `run` is the control thread: it alone has what is served (served.h), the HTTP
// routes (routes.h), timers and signals. One more thread does the long work (the first load, a reload),
// one piece at a time, and hands over values. The workers are server::Server's.
//
//     node::Node node(std::move(options), std::move(settings), read_settings);
//     const node::Ending ending = node.run();
//     if (ending.thread_left) std::_Exit(ending.code);
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/seed_source.h"
#include "base/time.h"
#include "net/endpoint.h"
#include "node/settings.h"
#include "runtime/log.h"
#include "runtime/privilege.h"
#include "server/server.h"

namespace zc::node {

/// Shows how far a load is; called on the loading thread.
using Bar = std::function<void(std::uint64_t zones, base::Instant now)>;

/// These stay as they are until the node ends.
struct Options {
    std::string zones;  // files: a directory, a list or one file; empty: `store`
    std::string store;
    bool strict = false;       // do not start when a zone is bad
    bool progressive = false;  // of zone files: answer what is loaded while the rest loads

    server::Options server;              // its settings are not used: see `Settings`
    std::optional<std::string> control;  // path of the control socket; nothing: none
    /// No control socket, if its folder cannot be written to.
    bool control_may_be_missing = false;
    std::optional<net::Endpoint> metrics;  // a loopback address; nothing: none
    runtime::Log::Options log;
    runtime::Drop become;  // empty: stay root, or drop capabilities

    std::string version;
    std::string notify_socket;               // of the service manager; empty: none
    std::optional<base::Duration> watchdog;  // it wants a sign of life as often as that
    base::SeedSource draw_seed;  // secret: a key for each table that strangers fill; must be given
    /// Makes the bar of a load that begins at `start`. Empty: the log tells each 10 s.
    std::function<Bar(base::Instant start)> make_bar;
};

struct Ending {
    int code = 0;  // 0: told to stop; 2: nothing could be served
    /// A thread stands in a system call that may never return (a hung disk). The process must end
    /// without waiting for it: the destructor would.
    bool thread_left = false;
};

class Node {
public:
    /// Binds every socket, gives up root. Nothing is answered yet. From here on SIGHUP, SIGINT and
    /// SIGTERM wait for `run`.
    /// Throws std::runtime_error for what an operator has to mend: port in use, no such directory,
    /// …
    Node(Options options, Settings settings, ReadSettings read_settings);
    ~Node();
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    /// Loads, serves, until SIGINT, SIGTERM or POST /stop. SIGHUP and POST /reload look at source
    /// and settings again. Call it once.
    Ending run();

private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace zc::node
