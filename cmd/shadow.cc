// zonectl shadow: stands before the old server and asks the new one beside it, live.
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "comparison.h"
#include "flags.h"
#include "front/front.h"
#include "net/endpoint.h"
#include "runtime/clock.h"
#include "runtime/workers.h"
#include "stop.h"
#include "verbs.h"

namespace zc::cmd {
namespace {

constexpr base::Duration flush_interval = base::Duration::milliseconds(1000);
constexpr std::chrono::milliseconds look_interval{100};

enum class ProxyTo : std::uint8_t { none, older, newer, both };

struct ShadowOptions {
    std::vector<std::string> listen;
    std::string older, newer, zone_data;
    front::Options front;
    ProxyTo proxy = ProxyTo::none;
    ComparisonOptions comparison;
};

Status prepare(ShadowOptions& options, std::optional<runs::OpenStore>& zones) {
    ZC_TRY_STATUS(options.comparison.check());
    if (options.listen.empty()) return fail(Errc::invalid, "--listen: wanted ADDRESS:PORT");
    for (const std::string& text : options.listen) {
        ZC_TRY(net::Endpoint endpoint, net::parse_endpoint(text));
        options.front.listeners.push_back(endpoint);
    }
    for (auto& [flag, text, target] : {std::tuple{"--old", &options.older, &options.front.older},
                                       std::tuple{"--new", &options.newer, &options.front.newer}}) {
        if (text->empty())
            return fail(Errc::invalid,
                        std::string(flag) + ": wanted a server, such as 192.0.2.1:53");
        ZC_TRY(*target, runs::parse_target(*text));
        if (target->kind != runs::Target::Kind::server)
            return fail(Errc::invalid,
                        std::string(flag) + ": found '" + *text + "', wanted ADDRESS[:PORT]");
    }
    front::Options& front = options.front;
    front.policy = options.comparison.settings.policy;
    front.proxy_to_older = options.proxy == ProxyTo::older || options.proxy == ProxyTo::both;
    front.proxy_to_newer = options.proxy == ProxyTo::newer || options.proxy == ProxyTo::both;
    if (!options.zone_data.empty()) {
        ZC_TRY(zones, runs::OpenStore::open(options.zone_data));
        front.zones_or_null = &zones->zones();
    }
    results::RunSettings& settings = options.comparison.settings;
    settings.zone_data = options.zone_data;
    settings.timeout = front.timeout;
    settings.lag = front.lag;
    return {};
}

term::Json front_json(const front::Front::Passed& passed) {
    term::Json json = term::Json::object();
    json.set("queries", term::Json::number(passed.queries));
    json.set("answers", term::Json::number(passed.answers));
    json.set("given_up", term::Json::number(passed.given_up));
    return json;
}

std::string front_text(const front::Front::Passed& passed) {
    return "passed on " + term::grouped(passed.queries) + " queries and " +
           term::grouped(passed.answers) + " answers" +
           (passed.given_up == 0 ? std::string()
                                 : "; " + term::grouped(passed.given_up) +
                                       " found no room: they got SERVFAIL, or no connection");
}

std::string addresses_of(const front::Front& front) {
    std::string out;
    for (const net::Endpoint& endpoint : front.endpoints())
        out += (out.empty() ? "" : ", ") + net::to_string(endpoint);
    return out;
}

/// Keeps what the front has compared, and draws the screen, until Ctrl-C. Nothing ends because
/// there was no memory for it. If the results cannot take an answer, it is lost to them alone: the
/// client still gets it. An error: results that could not be written.
Status keep_until_stopped(front::Front& front, results::Results& results, std::uint64_t run,
                          const std::string& zone_data, term::Terminal& terminal,
                          ComparisonView& view, const StopOnSignals& signals) {
    Status kept;
    const auto or_say_so = [&terminal](const std::string_view lost, const auto& work) {
        const Status status = runtime::caught(work);
        if (!status)
            static_cast<void>(runtime::caught(
                [&] { terminal.warn(status.error().message + ": " + std::string(lost)); }));
    };
    const auto keep = [&] {
        judge::Stretch stretch = front.take();
        if (!kept) return;
        std::vector<judge::Stretch> one;
        one.push_back(std::move(stretch));
        name_left_out(terminal, zone_data, one);
        kept = results.add(run, std::move(one), runtime::now());
        if (!kept)
            terminal.complain(
                Error{kept.error().code,
                      kept.error().message + "; comparing has ended, clients are still answered",
                      kept.error().where});
    };
    for (base::Duration flushed = runtime::monotonic(); !signals.flag();) {
        std::this_thread::sleep_for(look_interval);
        if (runtime::monotonic() - flushed >= flush_interval) {
            flushed = runtime::monotonic();
            or_say_so("comparisons of the last second are lost", keep);
        }
        if (!kept) continue;
        or_say_so("the screen is not drawn", [&] {
            if (const Status shown = view.update(results, run); !shown)
                terminal.warn(shown.error().text());
        });
    }
    front.stop();
    or_say_so("comparisons of the last second are lost", keep);
    return kept;
}

int run_shadow(ShadowOptions options, Invocation& invocation) {
    term::Terminal& terminal = invocation.terminal;
    const auto give_up = [&terminal](const Error& error) {
        terminal.complain(error);
        return 2;
    };
    std::optional<runs::OpenStore> zones;
    if (const Status status = prepare(options, zones); !status) return give_up(status.error());
    warn_of_one_side(terminal, "--old", options.front.older, "--new", options.front.newer);
    auto results = results::Results::open(options.comparison.results);
    if (!results) return give_up(results.error());
    if (const Status status = results->claim(options.older, options.newer); !status)
        return give_up(status.error());

    const StopOnSignals signals;
    // Throws when a port is taken; `main` tells it.
    front::Front front(options.front);
    const std::string at = addresses_of(front);
    results::RunInfo info;
    info.started = runtime::now();
    info.source = "live at " + at;
    info.older = options.older;
    info.newer = options.newer;
    info.settings = options.comparison.settings.json().serialize();
    auto run = results->begin(info);
    if (!run) return give_up(run.error());
    terminal.say("listening at " + at + ", before " + options.older + ", beside " + options.newer);

    Outcome outcome;
    ComparisonView view(terminal, info, 0);
    const Status kept =
        keep_until_stopped(front, *results, *run, options.zone_data, terminal, view, signals);
    view.finish();
    outcome.took = view.running();
    outcome.front = front_json(front.passed());
    if (!kept) return 2;
    if (const Status status = results->finish(*run, runtime::now()); !status)
        return give_up(status.error());
    if (const Status status = collect(outcome, *results, options.comparison, *run, 0); !status)
        return give_up(status.error());
    if (const Status status = tell(terminal, *results, options.comparison, outcome); !status)
        return give_up(status.error());
    if (!terminal.json()) terminal.line(front_text(front.passed()));
    return outcome.met() ? 0 : 1;
}

std::string check_server(const std::string& text) {
    const auto target = runs::parse_target(text);
    if (!target) return target.error().message;
    return target->kind == runs::Target::Kind::server ? std::string()
                                                      : "wanted ADDRESS[:PORT] of a server";
}

}  // namespace

Action define_shadow(CLI::App& app) {
    auto options = std::make_shared<ShadowOptions>();
    add_list(
        app, "--listen", options->listen, "ADDR:PORT", "Address that clients ask, over UDP and TCP",
        parses<net::Endpoint>([](std::string_view text) { return net::parse_endpoint(text); }));
    const char* const sides = "Compared";
    add_text(app, "--old", options->older, "ADDR:PORT",
             "Old server: clients get its answers as they are", check_server)
        ->group(sides);
    add_text(app, "--new", options->newer, "ADDR:PORT",
             "New server: asked the same; over UDP after the client has its answer", check_server)
        ->group(sides);
    add_text(app, "--zone-data", options->zone_data, "STORE",
             "Store whose zones decide who is right")
        ->group(sides);
    add_choice<ProxyTo>(app, "--proxy-to", options->proxy,
                        {{"none", ProxyTo::none},
                         {"old", ProxyTo::older},
                         {"new", ProxyTo::newer},
                         {"both", ProxyTo::both}},
                        "Servers that get the client's address, in a PROXY protocol v2 header "
                        "before each message. Differences are not asked again then")
        ->group(sides);
    add_rules(app, options->comparison);
    add_number(app, front::Options::lag_limit, options->front.lag,
               "Time in which the sides may have different versions of a zone; differences are "
               "asked again until it has passed")
        ->group("Allowed differences");

    const char* const limits = "Limits";
    add_number(app, front::Options::one_in_limit, options->front.one_in,
               "Compare one query in N; the others only pass through")
        ->group(limits);
    add_number(app, front::Options::workers_limit, options->front.workers,
               "Workers for UDP, two threads each; 0 is one a core")
        ->group(limits);
    add_number(app, front::Options::in_flight_limit, options->front.in_flight_max,
               "Queries in flight of each worker; at the limit the oldest one gets SERVFAIL")
        ->group(limits);
    add_number(app, front::Options::timeout_limit, options->front.timeout,
               "Time after which a side has not answered")
        ->group(limits);
    add_number(app, front::Options::tcp_clients_limit, options->front.tcp_clients_max,
               "TCP connections of clients")
        ->group(limits);
    add_number(app, front::Options::tcp_idle_limit, options->front.tcp_idle,
               "Time without a query after which a TCP connection is closed")
        ->group(limits);
    add_results(app, options->comparison);
    app.footer(
        "Clients get the old server's answers, octet for octet, whatever happens to the new server "
        "and to the results. Ctrl-C or SIGTERM ends it; queries under way are still answered. Exit "
        "code 0: clean. 1: differences that nothing explains. 2: could not compare. "
        "zonectl-migrate(7) tells more.");
    return [options](Invocation& invocation) { return run_shadow(*options, invocation); };
}

}  // namespace zc::cmd
