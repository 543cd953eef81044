#include <array>
#include <ctime>
#include <filesystem>
#include <fstream>

#include <sys/resource.h>
#include <unistd.h>

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

std::string utc_text(base::Instant instant) {
    if (instant == base::Instant{}) return "never";
    const std::time_t seconds = instant.unix_seconds();
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    static_cast<void>(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts));
    return text.data();
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

stats::Gauges Node::Impl::gauges() const {
    stats::Gauges out;
    out.version = ZC_VERSION;
    out.zones = counts_.zones;
    out.zones_failed = counts_.failed;
    out.records = counts_.records;
    out.zone_octets = answers_ ? catalogue_->octets() : 0;  // until then the loading thread has it
    out.resident_octets = resident_octets();
    out.file_descriptors = open_descriptors();
    out.workers = server_->workers();
    out.uptime = runtime::monotonic() - started_;
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    out.cpu_user = duration_of(usage.ru_utime);
    out.cpu_system = duration_of(usage.ru_stime);
    out.loaded = loaded_at_;
    return out;
}

http::Response Node::Impl::metrics() const {
    http::Response response;
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    response.body =
        stats::prometheus(server_->totals(), gauges(), configuration_.options.metric_names);
    return response;
}

term::Json Node::Impl::health() const {
    term::Json json = term::Json::object();
    const bool healthy = state_ == State::serving || state_ == State::reloading;
    json.set("healthy", term::Json::boolean(healthy)).set("state", to_string(state_));
    return json;
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
    json.set("zones", number(now.zones)).set("zones_failed", number(now.zones_failed));
    json.set("records", number(now.records)).set("zone_octets", number(now.zone_octets));
    json.set("resident_octets", number(now.resident_octets));
    json.set("queries", std::move(queries));
    json.set("connections", number(totals.connections_open()));
    json.set("loaded", utc_text(now.loaded));
    json.set("source", store_ ? store_->path() : files_->path());
    json.set("refused", answers_ ? refusals_.json() : term::Json::array());
    return json;
}

}  // namespace zc::cmd
