// zonectl serve: run a node until it is told to stop.
#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include <unistd.h>

#include "node/node.h"
#include "runtime/random.h"
#include "serve_options.h"
#include "verbs.h"

namespace zc::cmd {
namespace {

/// The operator has to mend it: `main` tells it.
template <class T>
T value_or_throw(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().text());
    return std::move(*result);
}

std::string environment_variable(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it here
    return value == nullptr ? "" : value;
}

/// Half the interval in which systemd wants a sign of life; none when it wants none.
std::optional<base::Duration> watchdog_interval() {
    const std::string interval = environment_variable("WATCHDOG_USEC");
    const std::string process = environment_variable("WATCHDOG_PID");
    if (interval.empty() || (!process.empty() && process != std::to_string(::getpid())))
        return std::nullopt;
    const long long microseconds = std::strtoll(interval.c_str(), nullptr, 10);
    if (microseconds <= 0) return std::nullopt;
    constexpr long long day = 86'400'000'000;
    return base::Duration::microseconds(std::min(microseconds, day) / 2);
}

/// Cookie secrets for when no file gives them.
answer::CookieSecrets random_secrets() {
    answer::CookieSecrets out;
    out.current = value_or_throw(runtime::random_value<decltype(out.current)>());
    out.previous = value_or_throw(runtime::random_value<decltype(out.previous)>());
    return out;
}

node::Bar make_bar(term::Terminal& terminal, base::Instant start) {
    auto bar = std::make_shared<term::Progress>(terminal, "zones", start);
    return [bar](std::uint64_t zones, base::Instant now) { bar->update(zones, 0, now); };
}

int run_serve(Invocation& invocation) {
    const std::vector<std::string> arguments = invocation.arguments;
    auto configuration = read_serve_configuration(arguments);
    if (!configuration) {
        for (const Error& error : configuration.error()) invocation.terminal.complain(error);
        return 2;
    }
    const answer::CookieSecrets secrets = random_secrets();
    const auto read_again = [arguments,
                             secrets]() -> tl::expected<node::Settings, std::vector<Error>> {
        auto next = read_serve_configuration(arguments);
        if (!next) return tl::unexpected(std::move(next).error());
        auto settings = node_settings(*next, secrets);
        if (!settings) return tl::unexpected(std::vector<Error>{settings.error()});
        return *std::move(settings);
    };
    node::Options options = value_or_throw(node_options(*configuration));
    options.draw_seed = [] { return value_or_throw(runtime::random_value<std::uint64_t>()); };
    options.notify_socket = environment_variable("NOTIFY_SOCKET");
    options.watchdog = watchdog_interval();
    term::Terminal& terminal = invocation.terminal;
    if (terminal.redraws())
        options.make_bar = [&terminal](base::Instant start) { return make_bar(terminal, start); };

    node::Node node(std::move(options), value_or_throw(node_settings(*configuration, secrets)),
                    read_again);
    const node::Ending ending = node.run();
    // NOLINTNEXTLINE(concurrency-mt-unsafe): the other threads have ended, but for one that hangs.
    if (ending.thread_left) std::_Exit(ending.code);
    return ending.code;
}

}  // namespace

Action define_serve(CLI::App& app) {
    // The flags are defined here for help and checks. `read_serve_configuration` reads their values
    // at the start and at each reload.
    auto options = std::make_shared<ServeOptions>();
    add_serve_flags(app, *options);
    return [options](Invocation& invocation) { return run_serve(invocation); };
}

}  // namespace zc::cmd
