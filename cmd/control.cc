// zonectl status, health, reload, stop: questions to a running node over its control socket.
#include "control.h"

#include <algorithm>
#include <memory>

#include "http/client.h"
#include "verbs.h"

namespace zc::cmd {
namespace {

constexpr std::size_t refused_shown_max = 10;

struct ControlOptions {
    std::string socket{control_path_default};
    base::Duration timeout = base::Duration::seconds(10);
};

void add_control_flags(CLI::App& app, ControlOptions& options, std::uint64_t timeout_default) {
    options.timeout = base::Duration::seconds(static_cast<std::int64_t>(timeout_default));
    add_text(app, "--control", options.socket, "PATH", "Control socket of the node");
    add_seconds(app, "--timeout", options.timeout, {1, 86400}, "How long to wait for its answer");
}

/// The node's answer as JSON. Errors of transport, and any status but `wanted` and 503.
Result<term::Json> ask(const ControlOptions& options, const char* method, const char* target) {
    ZC_TRY(const http::Response response,
           http::request(options.socket, method, target, "", options.timeout));
    if (response.status != 200 && response.status != 503)
        return fail(Errc::io, "the node answered status " + std::to_string(response.status) + ": " +
                                  response.body);
    return term::parse_json(response.body);
}

int complain(Invocation& invocation, const Error& error) {
    invocation.terminal.complain(error);
    return 2;
}

std::string count_of(const term::Json& json) {
    return term::grouped(static_cast<std::uint64_t>(json.integer()));
}

int run_status(const ControlOptions& options, Invocation& invocation) {
    const auto status = ask(options, "GET", "/status");
    if (!status) return complain(invocation, status.error());
    term::Terminal& terminal = invocation.terminal;
    if (terminal.json()) {
        terminal.out(*status);
        return 0;
    }
    const term::Json& json = *status;
    term::Table table({{"", term::Table::Align::left}, {"", term::Table::Align::left}});
    table.row({"state", std::string(json["state"].text())});
    table.row({"version", std::string(json["version"].text())});
    table.row({"process", std::to_string(json["pid"].integer())});
    table.row(
        {"up for", term::in_words(base::Duration::seconds(json["uptime_seconds"].integer()))});
    for (const term::Json& listen : json["listen"].elements())
        table.row({"listens at", std::string(listen.text())});
    table.row({"workers", count_of(json["workers"])});
    table.row(
        {"zones", count_of(json["zones"]) + ", " + count_of(json["zones_failed"]) + " failed"});
    table.row({"records", count_of(json["records"])});
    table.row({"memory of zones",
               term::octets_in_words(static_cast<std::uint64_t>(json["zone_octets"].integer()))});
    table.row({"memory of all", term::octets_in_words(static_cast<std::uint64_t>(
                                    json["resident_octets"].integer()))});
    table.row({"queries", "UDP " + count_of(json["queries"]["udp"]) + ", TCP " +
                              count_of(json["queries"]["tcp"])});
    table.row({"connections", count_of(json["connections"])});
    table.row({"last loaded", std::string(json["loaded"].text())});
    const auto& refused = json["refused"].elements();
    for (std::size_t i = 0; i < std::min(refused.size(), refused_shown_max); ++i)
        table.row({"refused", std::string(refused[i]["zone"].text()) + ": " +
                                  std::string(refused[i]["error"].text())});
    if (refused.size() > refused_shown_max) table.row({"refused", "and more: --json tells them"});
    terminal.out(table.text());
    return 0;
}

int run_health(const ControlOptions& options, Invocation& invocation) {
    const auto health = ask(options, "GET", "/health");
    if (!health) {
        invocation.terminal.complain(health.error());
        // Nobody there, or no answer in time: whatever asks wants to hear "no".
        const bool answered_no =
            health.error().code == Errc::not_found || health.error().code == Errc::timeout;
        return answered_no ? 1 : 2;
    }
    if (invocation.terminal.json()) {
        invocation.terminal.out(*health);
    } else {
        invocation.terminal.line(std::string((*health)["state"].text()));
    }
    return (*health)["healthy"].truth() ? 0 : 1;
}

void print_reload(term::Terminal& terminal, const term::Json& report) {
    const term::Json& zones = report["zones"];
    terminal.line("zones: " + count_of(zones["added"]) + " added, " + count_of(zones["changed"]) +
                  " changed, " + count_of(zones["removed"]) + " removed, " +
                  count_of(zones["failed"]) + " failed");
    for (const term::Json& each : zones["details"].elements()) {
        std::string line =
            "  " + std::string(each["zone"].text()) + ' ' + std::string(each["what"].text());
        if (!each["serial"].is_null())
            line += ", serial " + std::to_string(each["serial"].integer());
        terminal.line(line);
        for (const term::Json& error : each["errors"].elements())
            terminal.line("    " + std::string(error.text()));
    }
    for (const term::Json& problem : report["problems"].elements())
        terminal.line("problem: " + std::string(problem.text()));
    for (const term::Json& setting : report["settings"].elements())
        terminal.line("setting " + std::string(setting["key"].text()) + ": " +
                      (setting["applied"].truth() ? "applied" : "needs a restart"));
}

int run_reload(const ControlOptions& options, Invocation& invocation) {
    const auto report = ask(options, "POST", "/reload");
    if (!report) return complain(invocation, report.error());
    if (!(*report)["error"].is_null())
        return complain(invocation, Error{Errc::busy, std::string((*report)["error"].text()), {}});
    if (invocation.terminal.json()) {
        invocation.terminal.out(*report);
    } else {
        print_reload(invocation.terminal, *report);
    }
    return (*report)["ok"].truth() ? 0 : 1;
}

int run_stop(const ControlOptions& options, Invocation& invocation) {
    const auto answer = ask(options, "POST", "/stop");
    if (!answer) return complain(invocation, answer.error());
    if (invocation.terminal.json()) {
        invocation.terminal.out(*answer);
    } else {
        invocation.terminal.out("stopping\n");
    }
    return 0;
}

Action asks(CLI::App& app, std::uint64_t timeout_default,
            int (*run)(const ControlOptions& options, Invocation& invocation)) {
    auto options = std::make_shared<ControlOptions>();
    add_control_flags(app, *options, timeout_default);
    return [options, run](Invocation& invocation) { return run(*options, invocation); };
}

}  // namespace

Action define_status(CLI::App& app) {
    return asks(app, 10, run_status);
}

Action define_health(CLI::App& app) {
    app.footer(
        "Exit code 0: serving all its zones. 1: loading, stopping, or nobody answers. For "
        "routing daemons and load balancers.");
    return asks(app, 2, run_health);
}

Action define_reload(CLI::App& app) {
    app.footer(
        "Re-reads zone files that have changed, and settings that can change at run time. No "
        "query is lost; a zone whose file is bad keeps its last good content. Exit code 1: "
        "something could not be taken over.");
    return asks(app, 3600, run_reload);
}

Action define_stop(CLI::App& app) {
    return asks(app, 10, run_stop);
}

}  // namespace zc::cmd
