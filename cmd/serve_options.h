// The options of `zonectl serve`, and those of the parts of a node that are made of them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "answer/answer.h"
#include "base/result.h"
#include "flags.h"
#include "ingest/zone_files.h"
#include "node/node.h"
#include "node/settings.h"
#include "runtime/log.h"
#include "server/server.h"
#include "settings.h"
#include "stats/report.h"
#include "verbs.h"

namespace zc::cmd {

struct ServeOptions {
    std::string zones;
    std::string store;  // in place of `zones`
    bool strict = false;
    bool progressive = false;
    std::uint32_t load_threads = 0;
    std::uint32_t default_ttl = dns::default_ttl_limit.initial;

    std::vector<std::string> listen = {"0.0.0.0:53", "[::]:53"};
    std::uint32_t workers = 0;
    bool pin = false;
    std::uint32_t receive_octets = server::Options().receive_octets;
    std::uint32_t send_octets = server::Options().send_octets;
    std::vector<std::string> proxy_from;
    server::TcpLimits tcp;
    server::RateLimit rate_limit;
    std::uint32_t rate_limit_entries = server::Options().rate_limit_entries;

    std::uint16_t udp_octets = answer::Identity().udp_octets_max;
    std::string nsid;
    std::string version;    // empty: zonectl's own; "none": not told
    std::string server_id;  // empty: the host's name; "none": not told
    bool cookies = true;
    std::string cookie_secret_file;

    std::string control;  // "none": no control socket
    std::string metrics;  // empty: none
    stats::Names metric_names = stats::Names::zonectl;
    runtime::Level log_level = runtime::Level::info;
    runtime::LogFormat log_format = runtime::LogFormat::text;
    std::string user;
    std::string group;
    static constexpr base::Limit<base::Duration> drain_limit = {
        .name = "drain",
        .min = base::Duration(),
        .initial = base::Duration::seconds(5),
        .max = base::Duration::seconds(3600)};
    base::Duration drain = drain_limit.initial;
};

void add_serve_flags(CLI::App& app, ServeOptions& options);

/// The flags whose change a reload takes over; every other needs a restart.
std::span<const std::string_view> reloadable_keys();

/// Reads the file of cookie secrets: 32 hexadecimal digits a line, the current one first, then, if
/// there is one, the one before it. Without a file the secrets of `fallback` stay.
Result<std::shared_ptr<const answer::Identity>> identity(const ServeOptions& options,
                                                         const answer::CookieSecrets& fallback);

/// Where metrics are served. Only loopback addresses: the figures are nobody else's business.
Result<net::Endpoint> parse_metrics_endpoint(std::string_view text);

/// The settings of `zonectl serve` in environment and file. Errors: all mistakes that can be seen
/// without a command line, which may still name the zones.
Resolution resolve_serve(const Globals& globals, const Environment& environment);

/// The options as they stand now in arguments, environment and file: for the start and for each
/// reload.
struct ServeConfiguration {
    ServeOptions options;
    std::vector<Setting> settings;
};
/// Errors: all that is wrong with them.
tl::expected<ServeConfiguration, std::vector<Error>> read_serve_configuration(
    const std::vector<std::string>& arguments);

/// The part of it that a node keeps until it ends. Errors: `invalid`, for flags that do not go
/// together; single values have been checked when they were parsed. `draw_seed` is the caller's to give.
Result<node::Options> node_options(const ServeConfiguration& configuration);
/// The part that a reload can change. Errors: as `node_options`; those of `identity`.
Result<node::Settings> node_settings(const ServeConfiguration& configuration,
                                     const answer::CookieSecrets& fallback);

}  // namespace zc::cmd
