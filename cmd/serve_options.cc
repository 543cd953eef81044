#include "serve_options.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <sstream>
#include <utility>

#include <unistd.h>

#include "control.h"
#include "verbs.h"
#include "whole_file.h"

namespace zc::cmd {
namespace {

constexpr std::string_view none = "none";
constexpr std::uint16_t metrics_port_default = 9453;
constexpr std::size_t identity_octets_max = 255;  // one character-string of a TXT record

Result<net::Endpoint> parse_listen(std::string_view text) {
    return net::parse_endpoint(text);
}

std::string check_identity(const std::string& text) {
    if (text.size() <= identity_octets_max) return {};
    return "found " + std::to_string(text.size()) + " octets, limit is " +
           std::to_string(identity_octets_max);
}

bool is_loopback(const dns::Address& address) {
    if (address.size == 4) return address.octets[0] == 127;
    std::array<std::uint8_t, 16> loopback{};
    loopback[15] = 1;
    return address.size == 16 && address.octets == loopback;
}

std::optional<std::array<std::uint8_t, 16>> parse_secret(std::string_view text) {
    std::array<std::uint8_t, 16> out{};
    if (text.size() != 2 * out.size()) return std::nullopt;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        unsigned digit = 0;
        if (c >= '0' && c <= '9') {
            digit = static_cast<unsigned>(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            digit = static_cast<unsigned>(c - 'a' + 10);
        } else if (c >= 'A' && c <= 'F') {
            digit = static_cast<unsigned>(c - 'A' + 10);
        } else {
            return std::nullopt;
        }
        out[i / 2] = static_cast<std::uint8_t>(out[i / 2] * 16U + digit);
    }
    return out;
}

/// No error quotes the file: its content is secret.
Result<answer::CookieSecrets> read_secrets(const std::string& path) {
    constexpr std::size_t octets_max = 1 << 16;
    ZC_TRY(std::string text, read_whole(path, octets_max));
    std::istringstream in(std::move(text));
    answer::CookieSecrets out;
    std::size_t found = 0;
    std::string line;
    for (std::uint64_t number = 1; std::getline(in, line); ++number) {
        if (line.empty() || line.front() == '#') continue;
        const auto secret = parse_secret(line);
        if (!secret)
            return fail(Errc::malformed, "wanted 32 hexadecimal digits and nothing else",
                        {path, number});
        if (found == 2)
            return fail(Errc::limit, "found a third secret, wanted two", {path, number});
        (found++ == 0 ? out.current : out.previous) = *secret;
    }
    if (found == 0) return fail(Errc::malformed, "found no secret", {path});
    if (found == 1) out.previous = out.current;
    return out;
}

std::string host_name() {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) return {};
    return name.data();
}

void add_zone_flags(CLI::App& app, ServeOptions& options) {
    const std::string group = "Zones";
    add_text(app, "--zones", options.zones, "PATH",
             "Directory of ORIGIN.zone files at any depth, a list file of lines "
             "ORIGIN<TAB>FILE, or one ORIGIN.zone file")
        ->group(group);
    add_text(app, "--store", options.store, "FILE",
             "Store that zonectl import has made, in place of zone files")
        ->group(group);
    add_switch(app, "--strict", options.strict,
               "Do not start when any zone is bad, or has records outside of it")
        ->group(group);
    add_switch(
        app, "--progressive", options.progressive,
        "Serve what is loaded while the rest loads; names in zones still to come get SERVFAIL")
        ->group(group);
    add_number(app, ingest::ZoneFileOptions::threads_limit, options.load_threads,
               "Threads that load zones; 0 is one a core")
        ->group(group);
    add_number(app, dns::default_ttl_limit, options.default_ttl,
               "TTL of records when the zone file gives none")
        ->group(group);
}

void add_socket_flags(CLI::App& app, ServeOptions& options) {
    const std::string group = "Sockets";
    add_list(app, "--listen", options.listen, "ADDR:PORT", "Where to answer, over UDP and TCP",
             parses(parse_listen))
        ->group(group);
    add_number(app, server::Options::workers_limit, options.workers,
               "Workers, each with sockets of its own; 0 is one a core")
        ->group(group);
    add_switch(app, "--pin", options.pin, "Keep each worker on a core of its own")->group(group);
    add_number(app, server::Options::receive_octets_limit, options.receive_octets,
               "Receive buffer of a UDP socket: bigger loses fewer in a burst, answers later")
        ->group(group);
    add_number(app, server::Options::send_octets_limit, options.send_octets,
               "Send buffer of a UDP socket")
        ->group(group);
    add_list(app, "--proxy-from", options.proxy_from, "PREFIX",
             "Senders that must speak PROXY protocol version 2", parses(dns::parse_prefix))
        ->group(group);
}

void add_tcp_flags(CLI::App& app, ServeOptions& options) {
    const std::string group = "TCP";
    server::TcpLimits& tcp = options.tcp;
    add_number(app, tcp.connections_limit, tcp.connections_max,
               "Connections of all workers; at the limit the one idle longest makes room")
        ->group(group);
    add_number(app, tcp.connections_per_prefix_limit, tcp.connections_per_prefix_max,
               "Connections of one /24 or /56")
        ->group(group);
    add_number(app, tcp.idle_limit, tcp.idle, "A connection may be without a query")->group(group);
    add_number(app, tcp.lifetime_limit, tcp.lifetime, "A connection may last, whatever it does")
        ->group(group);
    add_number(app, tcp.write_stall_limit, tcp.write_stall,
               "A reader may take for what waits for it")
        ->group(group);
    add_number(app, tcp.queries_limit, tcp.queries_max, "Queries of one connection; 0 is no limit")
        ->group(group);
    add_number(app, tcp.output_octets_limit, tcp.output_octets_max,
               "Octets that may wait for one slow reader")
        ->group(group);
    add_number(
        app, tcp.kept_octets_limit, tcp.kept_octets_max,
        "Octets that a worker keeps for all connections: what has arrived of messages, answers "
        "not taken. A /24 or /56 has an eighth; at the limit the prefix with most makes room")
        ->group(group);
}

void add_rate_limit_flags(CLI::App& app, ServeOptions& options) {
    const std::string group = "Response rate limiting";
    server::RateLimit& limit = options.rate_limit;
    add_choice<server::RateLimit::Mode>(app, "--rrl", limit.mode,
                                        {{"off", server::RateLimit::Mode::off},
                                         {"log", server::RateLimit::Mode::log_only},
                                         {"on", server::RateLimit::Mode::on}},
                                        "log counts what on would hold back")
        ->group(group);
    add_number(app, limit.responses_limit, limit.responses_per_second,
               "Equal answers to one network")
        ->group(group);
    add_number(app, limit.all_responses_limit, limit.all_responses_per_second,
               "All answers to one network, whatever zone they are of; 0 is ten times --rrl-rate")
        ->group(group);
    add_number(app, limit.burst_limit, limit.burst_seconds,
               "As many seconds of the rates may come at once")
        ->group(group);
    add_number(app, limit.slip_limit, limit.slip,
               "Every N-th answer held back is sent truncated instead; 0 is none")
        ->group(group);
    add_number(app, limit.ipv4_bits_limit, limit.ipv4_bits, "Prefix length of an IPv4 network")
        ->group(group);
    add_number(app, limit.ipv6_bits_limit, limit.ipv6_bits, "Prefix length of an IPv6 network")
        ->group(group);
    add_number(app, server::Options::rate_limit_entries_limit, options.rate_limit_entries,
               "Networks that a worker remembers, 16 octets each")
        ->group(group);
}

void add_answer_flags(CLI::App& app, ServeOptions& options) {
    const std::string group = "Answers";
    add_number(app, answer::Identity::udp_octets_limit, options.udp_octets,
               "Largest UDP answer, and what EDNS offers")
        ->group(group);
    add_text(app, "--nsid", options.nsid, "TEXT", "Name server identifier (RFC 5001)",
             check_identity)
        ->group(group);
    add_text(app, "--version-string", options.version, "TEXT",
             "What version.bind tells; none hides it", check_identity)
        ->group(group);
    add_text(app, "--server-id", options.server_id, "TEXT",
             "What id.server and hostname.bind tell, else the host's name; none hides it",
             check_identity)
        ->group(group);
    add_switch(app, "--cookies", options.cookies, "Answer DNS cookies (RFC 7873)", "no-cookies")
        ->group(group);
    add_text(app, "--cookie-secret-file", options.cookie_secret_file, "FILE",
             "Cookie secrets, 32 hexadecimal digits a line: the current one, then the one before; "
             "the same on all nodes of an anycast address")
        ->group(group);
}

void add_operation_flags(CLI::App& app, ServeOptions& options) {
    const std::string group = "Operation";
    options.control = std::string(control_path_default);
    add_text(app, "--control", options.control, "PATH",
             "Control socket, for zonectl status and the like; none is none")
        ->group(group);
    add_text(app, "--metrics", options.metrics, "ADDR:PORT",
             "Loopback address for /metrics (Prometheus) and /health",
             parses(parse_metrics_endpoint))
        ->group(group);
    add_choice<stats::Names>(
        app, "--metric-names", options.metric_names,
        {{"zonectl", stats::Names::zonectl}, {"both", stats::Names::zonectl_and_pdns}},
        "both adds PowerDNS's pdns_auth_* names")
        ->group(group);
    add_choice<runtime::Level>(app, "--log-level", options.log_level,
                               {{"error", runtime::Level::error},
                                {"warning", runtime::Level::warning},
                                {"info", runtime::Level::info},
                                {"debug", runtime::Level::debug}},
                               "Least important events that are logged")
        ->group(group);
    add_choice<runtime::LogFormat>(
        app, "--log-format", options.log_format,
        {{"text", runtime::LogFormat::text}, {"json", runtime::LogFormat::json}},
        "Form of the log on stderr")
        ->group(group);
    add_text(app, "--user", options.user, "USER", "Become this user once the sockets are bound")
        ->group(group);
    add_text(app, "--group", options.group, "GROUP", "Become this group, else the user's own")
        ->group(group);
    add_number(app, ServeOptions::drain_limit, options.drain,
               "At the end, let answers under way be read for so long")
        ->group(group);
}

}  // namespace

void add_serve_flags(CLI::App& app, ServeOptions& options) {
    add_zone_flags(app, options);
    add_socket_flags(app, options);
    add_answer_flags(app, options);
    add_tcp_flags(app, options);
    add_rate_limit_flags(app, options);
    add_operation_flags(app, options);
    app.footer("Signals: HUP reloads, TERM and INT answer what has arrived and end.");
}

std::span<const std::string_view> reloadable_keys() {
    static constexpr std::array<std::string_view, 28> keys = {"cookie-secret-file",
                                                              "cookies",
                                                              "default-ttl",
                                                              "drain",
                                                              "load-threads",
                                                              "metric-names",
                                                              "nsid",
                                                              "proxy-from",
                                                              "rrl",
                                                              "rrl-all-rate",
                                                              "rrl-burst",
                                                              "rrl-ipv4",
                                                              "rrl-ipv6",
                                                              "rrl-rate",
                                                              "rrl-slip",
                                                              "server-id",
                                                              "tcp-connections",
                                                              "tcp-idle",
                                                              "tcp-connections-per-prefix",
                                                              "tcp-lifetime",
                                                              "tcp-memory",
                                                              "tcp-output",
                                                              "tcp-queries",
                                                              "tcp-write-stall",
                                                              "udp-octets-max",
                                                              "version-string",
                                                              "json",
                                                              "color"};
    return keys;
}

Result<std::shared_ptr<const answer::Identity>> identity(const ServeOptions& options,
                                                         const answer::CookieSecrets& fallback) {
    auto out = std::make_shared<answer::Identity>();
    out->nsid = options.nsid;
    out->version = options.version.empty() ? "zonectl " ZC_VERSION : options.version;
    if (options.version == none) out->version.clear();
    out->hostname = options.server_id.empty() ? host_name() : options.server_id;
    if (options.server_id == none) out->hostname.clear();
    out->cookies = fallback;
    if (!options.cookie_secret_file.empty()) {
        ZC_TRY(out->cookies, read_secrets(options.cookie_secret_file));
    }
    out->cookies.enabled = options.cookies;
    out->udp_octets_max = options.udp_octets;
    constexpr std::int64_t unit_nanoseconds = 100'000'000;  // RFC 7828 section 3.1
    out->tcp_keepalive = static_cast<std::uint16_t>(
        std::min<std::int64_t>(options.tcp.idle.nanoseconds / unit_nanoseconds, 0xffff));
    return std::shared_ptr<const answer::Identity>(std::move(out));
}

Result<net::Endpoint> parse_metrics_endpoint(std::string_view text) {
    ZC_TRY(const net::Endpoint endpoint, net::parse_endpoint(text, metrics_port_default));
    if (!is_loopback(endpoint.address))
        return fail(Errc::invalid,
                    "found " + dns::to_string(endpoint.address) + ", wanted a loopback address");
    return endpoint;
}

namespace {

Result<server::Settings> server_settings(const ServeOptions& options) {
    server::Settings out;
    out.tcp = options.tcp;
    out.rate_limit = options.rate_limit;
    for (const std::string& text : options.proxy_from) {
        ZC_TRY(const dns::Prefix prefix, dns::parse_prefix(text));
        out.proxy_senders.push_back(prefix);
    }
    return out;
}

Result<server::Options> server_options(const ServeOptions& options) {
    server::Options out;
    for (const std::string& text : options.listen) {
        ZC_TRY(const net::Endpoint endpoint, net::parse_endpoint(text));
        out.listen.push_back(endpoint);
    }
    out.workers = options.workers;
    out.pin = options.pin;
    out.receive_octets = options.receive_octets;
    out.send_octets = options.send_octets;
    out.rate_limit_entries = options.rate_limit_entries;
    return out;
}

/// Mistakes of options that are good one by one: some exclude each other, a list is too long.
std::vector<Error> mistakes(const ServeOptions& options) {
    std::vector<Error> out;
    const auto add = [&](std::string message) {
        out.push_back(Error{Errc::invalid, std::move(message), {}});
    };
    if (!options.zones.empty() && !options.store.empty())
        add("zones and store: zones come from one of the two");
    if (!options.store.empty() && options.progressive)
        add("store and progressive: a store is there at once");
    if (options.strict && options.progressive)
        add("strict and progressive: a node that already answers cannot refuse to start");
    if (options.user.empty() && !options.group.empty()) add("group: wanted user as well");
    const auto check_server = [&]() -> Status {
        ZC_TRY(server::Options server, server_options(options));
        ZC_TRY(server.settings, server_settings(options));
        return check(server);
    };
    const Status checked = check_server();
    if (!checked) out.push_back(checked.error());
    return out;
}

}  // namespace

Resolution resolve_serve(const Globals& globals, const Environment& environment) {
    ServeOptions options;
    Globals unused;
    CLI::App root;
    add_globals(root, unused);
    CLI::App* serve = root.add_subcommand("serve");
    add_serve_flags(*serve, options);
    Resolution out = resolve(*serve, globals, Reads::all, environment);
    if (out.errors.empty()) out.errors = mistakes(options);
    return out;
}

tl::expected<ServeConfiguration, std::vector<Error>> read_serve_configuration(
    const std::vector<std::string>& arguments) {
    ServeConfiguration out;
    Globals globals;
    CLI::App root;
    add_globals(root, globals);
    CLI::App* serve = root.add_subcommand("serve");
    serve->fallthrough();
    add_serve_flags(*serve, out.options);
    if (const Status status = parse(root, arguments); !status)
        return tl::unexpected(std::vector<Error>{status.error()});
    Resolution resolution = resolve(*serve, globals, Reads::all, environment_of_process());
    std::vector<Error> errors = std::move(resolution.errors);
    const ServeOptions& options = out.options;
    if (errors.empty() && options.zones.empty() && options.store.empty())
        errors.push_back(Error{Errc::invalid,
                               "no zones to serve: wanted --zones PATH, ZONECTL_ZONES or the key "
                               "zones; or --store FILE",
                               {}});
    for (Error& error : mistakes(options)) errors.push_back(std::move(error));
    if (!errors.empty()) return tl::unexpected(std::move(errors));
    out.settings = std::move(resolution.settings);
    return out;
}

namespace {

ingest::ZoneFileOptions zone_file_options(const ServeOptions& options) {
    ingest::ZoneFileOptions out;
    out.threads = options.load_threads;
    out.default_ttl = options.default_ttl;
    if (options.strict) out.misplaced = ingest::Misplaced::refuse_zone;
    return out;
}

/// Nobody has asked for the control socket at the place where it is by default.
bool control_is_default(const std::vector<Setting>& settings) {
    const auto at = std::ranges::find(settings, std::string_view("control"), &Setting::key);
    return at == settings.end() || at->origin == Origin::built_in;
}

std::string octets_of(const std::array<std::uint8_t, 16>& secret) {
    return {secret.begin(), secret.end()};
}

/// For telling at a reload what has changed.
std::vector<node::SettingValue> values_of(const std::vector<Setting>& settings,
                                          const answer::CookieSecrets& secrets) {
    const auto reloadable = reloadable_keys();
    std::vector<node::SettingValue> out;
    for (const Setting& setting : settings) {
        node::SettingValue& value = out.emplace_back();
        value.key = setting.key;
        value.values = setting.values;
        value.reloadable = std::ranges::find(reloadable, setting.key) != reloadable.end();
        // New secrets in the same file are a change.
        if (setting.key == "cookie-secret-file")
            for (const auto& secret : {secrets.current, secrets.previous})
                value.values.push_back(octets_of(secret));
    }
    return out;
}

}  // namespace

Result<node::Options> node_options(const ServeConfiguration& configuration) {
    const ServeOptions& options = configuration.options;
    node::Options out;
    out.zones = options.zones;
    out.store = options.store;
    out.strict = options.strict;
    out.progressive = options.progressive;
    ZC_TRY(out.server, server_options(options));
    if (options.control != none) out.control = options.control;
    // The default place is made by the unit file (RuntimeDirectory). A node started by hand has
    // none, which is no reason not to serve.
    out.control_may_be_missing = control_is_default(configuration.settings);
    if (!options.metrics.empty()) {
        ZC_TRY(out.metrics, parse_metrics_endpoint(options.metrics));
    }
    out.log.level = options.log_level;
    out.log.format = options.log_format;
    out.become = {options.user, options.group};
    out.version = ZC_VERSION;
    return out;
}

Result<node::Settings> node_settings(const ServeConfiguration& configuration,
                                     const answer::CookieSecrets& fallback) {
    const ServeOptions& options = configuration.options;
    node::Settings out;
    ZC_TRY(out.server, server_settings(options));
    ZC_TRY(out.identity, identity(options, fallback));
    out.zone_files = zone_file_options(options);
    out.drain = options.drain;
    out.metric_names = options.metric_names;
    out.values = values_of(configuration.settings, out.identity->cookies);
    return out;
}

}  // namespace zc::cmd
