// A node's reports on itself: /status, /health, a reload. Values in, JSON out. Keys are an interface.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "catalogue/not_served.h"
#include "net/endpoint.h"
#include "node/settings.h"
#include "node/zones.h"
#include "server/counters.h"
#include "term/json.h"

namespace zc::node {

struct Figures;

enum class State : std::uint8_t { loading, serving, reloading, stopping };
std::string_view to_string(State state) noexcept;

/// The zones as they are counted now.
struct ZoneCount {
    std::uint64_t zones = 0, records = 0;
};

/// "2026-01-31T12:00:05Z", or "never" for `Instant{}`.
std::string utc_text(base::Instant instant);

/// "healthy" is false if the node does not serve, or more zones are not served than `limit_or_null` allows.
term::Json health_json(State state, ZoneCount count, const Served& served,
                       const catalogue::NotServedLimit* limit_or_null);

struct Standing {
    State state;
    std::int64_t process = 0;
    const std::vector<net::Endpoint>& listen;
    const Zones& zones;
    const Figures& figures;
    const server::Totals& totals;
};
/// Names at most 1000 zones that are not served, and 1000 outdated ones.
term::Json status_json(const Standing& standing);

struct ReloadReport {
    ChangeReport zones;
    std::vector<std::string> problems;
    std::vector<SettingChange> settings;

    bool ok() const noexcept { return zones.failed == 0 && problems.empty(); }
};
/// Zones that were not looked at, or were found as they are served.
std::uint64_t unchanged(const ChangeReport& report, const Served& served);
term::Json reload_json(const ReloadReport& report, const Zones& zones);

}  // namespace zc::node
