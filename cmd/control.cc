// zonectl status, health, reload, stop: questions to a running node over its control socket.
#include "control.h"

#include <algorithm>
#include <memory>

#include "catalogue/not_served.h"
#include "flags.h"
#include "http/client.h"
#include "verbs.h"

namespace zc::cmd {
namespace {

constexpr std::size_t zones_shown_max = 10;

struct ControlOptions {
    std::string socket{control_path_default};
    base::Duration timeout;
    std::string max_not_served;  // of health; empty: no limit
};

void add_control_flags(CLI::App& app, ControlOptions& options, base::Duration timeout) {
    const base::Limit<base::Duration> timeout_limit = {.name = "timeout",
                                                       .min = base::Duration::seconds(1),
                                                       .initial = timeout,
                                                       .max = base::Duration::seconds(86'400)};
    add_text(app, "--control", options.socket, "PATH", "Control socket of the node");
    add_number(app, timeout_limit, options.timeout, "Time to wait for its answer");
}

/// The node's answer as JSON. Errors of transport, and any status but `wanted` and 503.
Result<term::Json> ask(const ControlOptions& options, const char* method,
                       const std::string& target) {
    ZC_TRY(const http::Received response,
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

/// "3 not served (2 withheld, 1 broken)"
std::string not_served_text(const term::Json& not_served) {
    std::string reasons;
    for (const auto& [name, count] : not_served.members()) {
        if (name == "total" || count.integer() == 0) continue;
        std::string word = name;
        std::replace(word.begin(), word.end(), '_', ' ');
        reasons += (reasons.empty() ? "" : ", ") + count_of(count) + ' ' + word;
    }
    return count_of(not_served["total"]) + " not served" +
           (reasons.empty() ? "" : " (" + reasons + ')');
}

/// "position 3-00f3a1b2c3d4e5f6 of 2026-01-31T12:00:05Z; behind: the store is at …"
std::string store_text(const term::Json& store) {
    const auto at = [](const term::Json& position, const term::Json& committed) {
        return std::string(position.text()) +
               (committed.is_null() ? "" : " of " + std::string(committed.text()));
    };
    std::string out = "position " + at(store["position"], store["committed"]);
    if (store["behind"].truth())
        out += "; behind: the store is at " +
               at(store["newest_position"], store["newest_committed"]) +
               ", zonectl reload takes it over";
    if (!store["problem"].is_null())
        out += "; it cannot be read now: " + std::string(store["problem"].text());
    return out;
}

/// The first of `zones`, and how many more there are.
void list_zones(term::Table& table, const char* title, const term::Json& count,
                const term::Json& zones) {
    std::size_t shown = 0;
    for (const term::Json& one : zones.elements()) {
        if (shown == zones_shown_max) break;
        ++shown;
        const std::string reason(one["reason"].text());
        table.row({title, std::string(one["zone"].text()) + ": " +
                              (reason.empty() ? "" : reason + ": ") +
                              std::string(one["error"].text())});
    }
    const auto total = static_cast<std::uint64_t>(count.integer());
    if (total > shown)
        table.row({title, "and " + term::grouped(total - shown) +
                              " more: --json and the node's log name the first thousand"});
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
    table.row({"zones", count_of(json["zones"]) + ", " + not_served_text(json["not_served"])});
    table.row({"records", count_of(json["records"])});
    table.row({"memory of zones",
               term::octets_in_words(static_cast<std::uint64_t>(json["zone_octets"].integer()))});
    table.row({"memory of all", term::octets_in_words(static_cast<std::uint64_t>(
                                    json["resident_octets"].integer()))});
    table.row({"queries", "UDP " + count_of(json["queries"]["udp"]) + ", TCP " +
                              count_of(json["queries"]["tcp"])});
    table.row({"connections", count_of(json["connections"])});
    table.row({"last loaded", std::string(json["loaded"].text())});
    if (json["store"].is_object()) table.row({"store", store_text(json["store"])});
    list_zones(table, "not served", json["not_served"]["total"], json["not_served_zones"]);
    list_zones(table, "outdated", json["outdated"], json["outdated_zones"]);
    terminal.out(table.text());
    return 0;
}

int run_health(const ControlOptions& options, Invocation& invocation) {
    const std::string query = options.max_not_served.empty()
                                  ? std::string()
                                  : "?max-not-served=" + http::escape(options.max_not_served);
    const auto health = ask(options, "GET", "/health" + query);
    if (!health) return complain(invocation, health.error());
    if (invocation.terminal.json()) {
        invocation.terminal.out(*health);
    } else {
        invocation.terminal.line(std::string((*health)["state"].text()) + ", " +
                                 count_of((*health)["zones"]) +
                                 ((*health)["zones"].integer() == 1 ? " zone, " : " zones, ") +
                                 not_served_text((*health)["not_served"]));
    }
    return (*health)["healthy"].truth() ? 0 : 1;
}

void print_reload(term::Terminal& terminal, const term::Json& report) {
    const term::Json& zones = report["zones"];
    terminal.line("zones: " + count_of(zones["added"]) + " added, " + count_of(zones["changed"]) +
                  " changed, " + count_of(zones["removed"]) + " removed, " +
                  count_of(zones["failed"]) + " failed, " + count_of(zones["unchanged"]) +
                  " unchanged; " + count_of(zones["total"]) + " in all, " +
                  not_served_text(zones["not_served"]));
    if (report["store"].is_object()) terminal.line("store: " + store_text(report["store"]));
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
    invocation.done = "the node has reloaded";
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
    invocation.done = "the node is stopping";
    if (invocation.terminal.json()) {
        invocation.terminal.out(*answer);
    } else {
        invocation.terminal.out("stopping\n");
    }
    return 0;
}

Action asks(CLI::App& app, base::Duration timeout,
            int (*run)(const ControlOptions& options, Invocation& invocation)) {
    auto options = std::make_shared<ControlOptions>();
    add_control_flags(app, *options, timeout);
    return [options, run](Invocation& invocation) { return run(*options, invocation); };
}

}  // namespace

Action define_status(CLI::App& app) {
    return asks(app, base::Duration::seconds(10), run_status);
}

Action define_health(CLI::App& app) {
    app.footer(
        "Exit code 0: serving. 1: loading, stopping, or more zones are not served than "
        "--max-not-served allows. 2: the node could not be asked, or no node is running. Without "
        "--max-not-served, zones that are not served change nothing: the zone of one customer must "
        "not take a site off the net. GET /health?max-not-served=N of --metrics answers the same "
        "by status 200 or 503. Made for routing daemons and load balancers.");
    auto options = std::make_shared<ControlOptions>();
    add_control_flags(app, *options, base::Duration::seconds(2));
    add_text(app, "--max-not-served", options->max_not_served, "N|N%",
             "Zones, or percent of them, that may be not served (withheld, broken, refused, "
             "damaged, not loaded); default: no limit",
             parses(catalogue::NotServedLimit::parse));
    return [options](Invocation& invocation) { return run_health(*options, invocation); };
}

Action define_reload(CLI::App& app) {
    app.footer(
        "Re-reads zone files that have changed, and settings that can change at run time. No query "
        "is lost. A zone whose file is bad keeps its last good content. Exit code 1: a change was "
        "not taken over.");
    return asks(app, base::Duration::seconds(3600), run_reload);
}

Action define_stop(CLI::App& app) {
    return asks(app, base::Duration::seconds(10), run_stop);
}

}  // namespace zc::cmd
