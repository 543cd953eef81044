#include <filesystem>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

#include "base/utc_text.h"
#include "node_impl.h"

namespace zc::cmd {
namespace {

std::string_view to_string(State state) {
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

base::Duration duration_of(const timeval& time) {
    return base::Duration::seconds(time.tv_sec) + base::Duration::microseconds(time.tv_usec);
}

std::uint64_t resident_octets() {
    std::ifstream in("/proc/self/statm");
    std::uint64_t all = 0;
    std::uint64_t resident = 0;
    in >> all >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t open_descriptors() {
    std::error_code error;
    std::uint64_t count = 0;
    for (std::filesystem::directory_iterator at("/proc/self/fd", error), end; !error && at != end;
         at.increment(error))
        ++count;
    return count;
}

}  // namespace

std::string utc_text(base::Instant instant) {
    if (instant == base::Instant{}) return "never";
    return base::utc_text(instant, base::UtcForm::iso);
}

http::Response json_response(const term::Json& json, unsigned status) {
    http::Response response;
    response.status = status;
    response.content_type = "application/json";
    response.body = json.serialize() + '\n';
    return response;
}

stats::Gauges Node::Impl::gauges() const {
    stats::Gauges out;
    out.version = ZC_VERSION;
    out.zones = served_->zones();
    for (std::size_t i = 0; i < catalogue::reasons; ++i) {
        const auto reason = static_cast<catalogue::Reason>(i);
        out.zones_not_served.emplace_back(catalogue::to_string(reason),
                                          served_->not_served().of(reason));
    }
    out.zones_outdated = served_->outdated();
    out.records = served_->records();
    out.zone_octets =
        answers_ ? served_->catalogue().octets() : 0;  // until then the loading thread has it
    if (served_store_) {
        out.zone_octets += served_store_->mapped_octets;
        out.store = stats::Gauges::Store{.position_served = served_store_->position.number,
                                         .committed_served = served_store_->committed_at,
                                         .position = served_store_->newest.position.number,
                                         .behind = served_store_->behind()};
    }
    out.resident_octets = resident_octets();
    out.file_descriptors = open_descriptors();
    out.workers = server_->workers();
    out.uptime = runtime::monotonic() - started_;
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    out.cpu_user = duration_of(usage.ru_utime);
    out.cpu_system = duration_of(usage.ru_stime);
    out.loaded = served_->loaded_at();
    return out;
}

http::Response Node::Impl::metrics() const {
    http::Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body =
        stats::prometheus(server_->totals(), gauges(), configuration_.options.metric_names);
    return response;
}

term::Json Node::Impl::not_served_json() const {
    term::Json json = term::Json::object();
    json.set("total", term::Json::number(served_->not_served().total()));
    for (std::size_t i = 0; i < catalogue::reasons; ++i) {
        const auto reason = static_cast<catalogue::Reason>(i);
        json.set(catalogue::to_string(reason),
                 term::Json::number(served_->not_served().of(reason)));
    }
    return json;
}

term::Json Node::Impl::store_json() const {
    const ServedStore& store = *served_store_;
    const auto time = [](base::Instant instant) {
        return instant == base::Instant{} ? term::Json() : term::Json::string(utc_text(instant));
    };
    term::Json json = term::Json::object();
    json.set("position", store::to_string(store.position));
    json.set("committed", time(store.committed_at));
    json.set("newest_position", store::to_string(store.newest.position));
    json.set("newest_committed", time(store.newest.committed_at));
    json.set("behind", term::Json::boolean(store.behind()));
    if (!store.problem.empty()) json.set("problem", store.problem);
    return json;
}

term::Json Node::Impl::health(const catalogue::NotServedLimit* limit_or_null) const {
    term::Json json = term::Json::object();
    const std::uint64_t zones = served_->zones();
    const std::uint64_t not_served = served_->not_served().total();
    const bool healthy = (state_ == State::serving || state_ == State::reloading) &&
                         (limit_or_null == nullptr || !limit_or_null->exceeded(not_served, zones));
    json.set("healthy", term::Json::boolean(healthy)).set("state", to_string(state_));
    json.set("zones", term::Json::number(zones)).set("not_served", not_served_json());
    return json;
}

http::Response Node::Impl::answer_health(const http::Request& request) const {
    std::optional<catalogue::NotServedLimit> limit;
    if (const auto at = request.query.find("max-not-served"); at != request.query.end()) {
        auto parsed = catalogue::NotServedLimit::parse(at->second);
        if (!parsed) {
            http::Response response;
            response.status = 400;
            response.body = "max-not-served: " + parsed.error().message + '\n';
            return response;
        }
        limit = *parsed;
    }
    const term::Json json = health(limit ? &*limit : nullptr);
    return json_response(json, json["healthy"].truth() ? 200 : 503);
}

term::Json Node::Impl::status() const {
    const stats::Gauges now = gauges();
    const stats::Totals totals = server_->totals();
    const auto number = [](std::uint64_t n) { return term::Json::number(n); };
    term::Json listen = term::Json::array();
    for (const net::Endpoint& endpoint : server_->endpoints())
        listen.add(term::Json::string(net::to_string(endpoint)));
    term::Json queries = term::Json::object();
    queries.set("udp", number(totals.queries(dns::Transport::udp)));
    queries.set("tcp", number(totals.queries(dns::Transport::tcp)));
    term::Json json = term::Json::object();
    json.set("state", to_string(state_)).set("version", now.version);
    json.set("pid", term::Json::number(std::int64_t{::getpid()}));
    json.set("uptime_seconds", term::Json::number(now.uptime.whole_seconds()));
    json.set("listen", std::move(listen)).set("workers", number(now.workers));
    json.set("zones", number(now.zones)).set("not_served", not_served_json());
    json.set("records", number(now.records)).set("zone_octets", number(now.zone_octets));
    json.set("resident_octets", number(now.resident_octets));
    json.set("queries", std::move(queries));
    json.set("connections", number(totals.connections_open()));
    json.set("loaded", utc_text(now.loaded));
    json.set("source", store_ ? store_->path() : files_->path());
    if (served_store_) json.set("store", store_json());
    term::Json named = term::Json::array();
    served_->not_served().for_each([&](const catalogue::NotServed::Item& item) {
        if (named.elements().size() == not_served_told_max) return false;
        term::Json one = term::Json::object();
        one.set("zone", item.zone).set("reason", catalogue::to_string(item.reason));
        one.set("error", item.detail.empty() ? catalogue::sentence_of(item.reason) : item.detail);
        named.add(std::move(one));
        return true;
    });
    json.set("not_served_zones", std::move(named));
    term::Json outdated = term::Json::array();
    served_->for_each_outdated([&](const std::string& zone, const std::string& error) {
        if (outdated.elements().size() == not_served_told_max) return false;
        term::Json one = term::Json::object();
        one.set("zone", zone).set("error", error);
        outdated.add(std::move(one));
        return true;
    });
    json.set("outdated", number(served_->outdated())).set("outdated_zones", std::move(outdated));
    if (image_file_changed_)
        json.set("image_file", "was changed by another hand, all is being loaded anew");
    return json;
}

}  // namespace zc::cmd
