#include "node/report.h"

#include <algorithm>
#include <utility>

#include "base/utc_text.h"
#include "dns/presentation.h"
#include "node/figures.h"

namespace zc::node {
namespace {

constexpr std::size_t zones_named_max = 1000;

term::Json number(std::uint64_t n) {
    return term::Json::number(n);
}

term::Json not_served_json(const catalogue::NotServed& not_served) {
    term::Json json = term::Json::object();
    json.set("total", number(not_served.total()));
    for (std::size_t i = 0; i < catalogue::reasons; ++i) {
        const auto reason = static_cast<catalogue::Reason>(i);
        json.set(catalogue::to_string(reason), number(not_served.of(reason)));
    }
    return json;
}

term::Json store_json(const StoreState& store) {
    const auto time = [](base::Instant instant) {
        return instant == base::Instant{} ? term::Json() : term::Json::string(utc_text(instant));
    };
    term::Json json = term::Json::object();
    json.set("position", store::to_string(store.served().position));
    json.set("committed", time(store.served().committed_at));
    json.set("newest_position", store::to_string(store.newest().position));
    json.set("newest_committed", time(store.newest().committed_at));
    json.set("behind", term::Json::boolean(store.behind()));
    if (!store.problem().empty()) json.set("problem", store.problem());
    return json;
}

term::Json not_served_zones_json(const catalogue::NotServed& not_served) {
    term::Json out = term::Json::array();
    not_served.for_each([&](const catalogue::NotServed::Item& item) {
        if (out.elements().size() == zones_named_max) return false;
        term::Json one = term::Json::object();
        one.set("zone", item.zone).set("reason", catalogue::to_string(item.reason));
        one.set("error", item.detail.empty() ? catalogue::sentence_of(item.reason) : item.detail);
        out.add(std::move(one));
        return true;
    });
    return out;
}

term::Json outdated_zones_json(const Served& served) {
    term::Json out = term::Json::array();
    served.for_each_outdated([&](const std::string& zone, const std::string& error) {
        if (out.elements().size() == zones_named_max) return false;
        term::Json one = term::Json::object();
        one.set("zone", zone).set("error", error);
        out.add(std::move(one));
        return true;
    });
    return out;
}

template <class Text>
term::Json texts_json(const std::vector<Text>& texts) {
    term::Json out = term::Json::array();
    for (const Text& text : texts) out.add(term::Json::string(text));
    return out;
}

term::Json details_json(const ChangeReport& changes) {
    term::Json out = term::Json::array();
    for (const ChangeReport::Detail& detail : changes.details) {
        term::Json json = term::Json::object();
        json.set("zone", dns::to_string(detail.apex)).set("what", to_string(detail.what));
        if (detail.serial) json.set("serial", number(*detail.serial));
        json.set("errors", texts_json(detail.errors));
        out.add(std::move(json));
    }
    return out;
}

}  // namespace

std::string_view to_string(State state) noexcept {
    switch (state) {
        case State::loading:
            return "loading";
        case State::serving:
            return "serving";
        case State::reloading:
            return "reloading";
        case State::stopping:
            return "stopping";
    }
    return "";
}

std::string utc_text(base::Instant instant) {
    if (instant == base::Instant{}) return "never";
    return base::utc_text(instant, base::UtcForm::iso);
}

term::Json health_json(State state, ZoneCount count, const Served& served,
                       const catalogue::NotServedLimit* limit_or_null) {
    const std::uint64_t not_served = served.not_served().total();
    const bool too_many =
        limit_or_null != nullptr && limit_or_null->exceeded(not_served, count.zones);
    const bool answers = state == State::serving || state == State::reloading;
    term::Json json = term::Json::object();
    json.set("healthy", term::Json::boolean(answers && !too_many)).set("state", to_string(state));
    json.set("zones", number(count.zones)).set("not_served", not_served_json(served.not_served()));
    return json;
}

term::Json status_json(const Standing& standing) {
    const Served& served = standing.zones.served();
    const Figures& figures = standing.figures;
    const server::Totals& totals = standing.totals;
    term::Json listen = term::Json::array();
    for (const net::Endpoint& endpoint : standing.listen)
        listen.add(term::Json::string(net::to_string(endpoint)));
    term::Json queries = term::Json::object();
    queries.set("udp", number(totals.queries(dns::Transport::udp)));
    queries.set("tcp", number(totals.queries(dns::Transport::tcp)));

    term::Json json = term::Json::object();
    json.set("state", to_string(standing.state)).set("version", figures.version);
    json.set("pid", term::Json::number(standing.process));
    json.set("uptime_seconds", term::Json::number(figures.uptime.whole_seconds()));
    json.set("listen", std::move(listen)).set("workers", number(figures.workers));
    json.set("zones", number(figures.zones))
        .set("not_served", not_served_json(served.not_served()));
    json.set("records", number(figures.records)).set("zone_octets", number(figures.zone_octets));
    json.set("resident_octets", number(figures.process.resident_octets));
    json.set("queries", std::move(queries));
    json.set("connections", number(totals.connections_open()));
    json.set("loaded", utc_text(figures.loaded));
    json.set("source", standing.zones.source_path());
    if (const StoreState* store = standing.zones.store_or_null())
        json.set("store", store_json(*store));
    json.set("not_served_zones", not_served_zones_json(served.not_served()));
    json.set("outdated", number(served.outdated()));
    json.set("outdated_zones", outdated_zones_json(served));
    if (standing.zones.image_file().changed())
        json.set("image_file", "was changed by another program, everything is being loaded anew");
    return json;
}

std::uint64_t unchanged(const ChangeReport& report, const Served& served) {
    const std::uint64_t total = served.catalogue().size();
    return total - std::min(report.added + report.changed + report.failed, total);
}

term::Json reload_json(const ReloadReport& report, const Zones& zones) {
    const Served& served = zones.served();
    const ChangeReport& changes = report.zones;
    term::Json counts = term::Json::object();
    counts.set("added", number(changes.added)).set("changed", number(changes.changed));
    counts.set("removed", number(changes.removed)).set("failed", number(changes.failed));
    counts.set("unchanged", number(unchanged(changes, served)));
    counts.set("total", number(served.catalogue().size()));
    counts.set("not_served", not_served_json(served.not_served()));
    counts.set("outdated", number(served.outdated()));
    counts.set("details", details_json(changes));

    term::Json settings = term::Json::array();
    for (const SettingChange& change : report.settings) {
        term::Json one = term::Json::object();
        one.set("key", change.key).set("applied", term::Json::boolean(change.applied));
        settings.add(std::move(one));
    }
    term::Json json = term::Json::object();
    json.set("ok", term::Json::boolean(report.ok())).set("zones", std::move(counts));
    json.set("problems", texts_json(report.problems)).set("settings", std::move(settings));
    if (const StoreState* store = zones.store_or_null()) json.set("store", store_json(*store));
    return json;
}

}  // namespace zc::node
