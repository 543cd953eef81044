#include "node.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <ranges>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control.h"
#include "http/server.h"
#include "ingest/zone_files.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/memory.h"
#include "runtime/notify.h"
#include "runtime/privilege.h"
#include "runtime/signals.h"
#include "server/server.h"
#include "stats/report.h"
#include "store/catalogue.h"
#include "verbs.h"
#include "writer/load.h"

namespace zc::cmd {
namespace {

namespace asio = boost::asio;
using asio::awaitable;

constexpr auto tick = std::chrono::seconds(1);
constexpr base::Duration log_progress_interval = base::Duration::seconds(10);
constexpr base::Duration load_patience = base::Duration::seconds(60);
constexpr base::Duration publish_interval = base::Duration::milliseconds(250);
constexpr std::size_t publish_zones_max = 1 << 16;  // handed to the control thread at once
constexpr std::ptrdiff_t batches_waiting_max = 4;   // so many of those, then loading waits
constexpr std::size_t reload_details_max = 1000;    // zones named in a report; the rest is counted
constexpr std::size_t refusals_kept_max = 1000;     // zones whose error `zonectl status` can tell
constexpr std::size_t errors_logged_max = 10;       // of one zone
constexpr std::uint64_t zones_logged_max = 1000;    // refused zones with lines of their own

enum class State : std::uint8_t { loading, serving, reloading, stopping };

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

template <class T>
T value_or_throw(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().text());
    return std::move(*result);
}
void check_or_throw(const Status& status) {
    if (!status) throw std::runtime_error(status.error().text());
}

template <class T>
T random_value() {
    T out{};
    if (::getrandom(&out, sizeof(out), 0) != ssize_t{sizeof(out)})
        throw std::runtime_error("the system gives no random octets");
    return out;
}

std::string environment_variable(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): nobody sets it here
    return value == nullptr ? "" : value;
}

/// Half the interval in which systemd wants a sign of life; none when it wants none.
std::optional<std::chrono::microseconds> watchdog_interval() {
    const std::string interval = environment_variable("WATCHDOG_USEC");
    const std::string process = environment_variable("WATCHDOG_PID");
    if (interval.empty() || (!process.empty() && process != std::to_string(::getpid())))
        return std::nullopt;
    const long long microseconds = std::strtoll(interval.c_str(), nullptr, 10);
    if (microseconds <= 0) return std::nullopt;
    return std::chrono::microseconds(microseconds / 2);
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

http::Response json_response(const term::Json& json, unsigned status = 200) {
    http::Response response;
    response.status = status;
    response.content_type = "application/json";
    response.body = json.serialize() + '\n';
    return response;
}

/// A reload, for those who wait for it.
struct Reload {
    explicit Reload(asio::io_context& io) : done(io, asio::steady_timer::time_point::max()) {}

    asio::steady_timer done;  // never expires: cancelled when the report is there
    term::Json report;
};

/// What a reload did, for its report.
struct Tally {
    std::uint64_t added = 0;
    std::uint64_t changed = 0;
    std::uint64_t unchanged = 0;
    std::uint64_t removed = 0;
    std::uint64_t failed = 0;
    term::Json details = term::Json::array();

    void detail(const dns::Name& apex, std::string_view what, std::optional<std::uint32_t> serial,
                const std::vector<Error>& errors) {
        if (details.elements().size() == reload_details_max) return;
        term::Json json = term::Json::object();
        json.set("zone", dns::to_string(apex)).set("what", what);
        if (serial) json.set("serial", term::Json::number(std::uint64_t{*serial}));
        term::Json texts = term::Json::array();
        for (const Error& error : errors) texts.add(term::Json::string(error.text()));
        json.set("errors", std::move(texts));
        details.add(std::move(json));
    }
};

/// What zone files, or a store, turned out to hold, and which zones are not there any more.
struct Haul {
    std::vector<ingest::LoadedZone> zones;
    std::vector<dns::Name> removed;
    /// Everything, when it is not known what changed in a store; then nothing else is here.
    std::unique_ptr<store::Catalogue> fresh;
    Tally fresh_tally;
    writer::LoadReport fresh_report;
};

/// Why zones have no content, or not their latest: by apex, the first error of each; for `zonectl
/// status`.
class Refusals {
public:
    void add(const ingest::LoadedZone& zone) {
        if (errors_.size() < refusals_kept_max && !zone.errors.empty())
            errors_.insert_or_assign(dns::to_string(zone.apex), zone.errors.front().text());
    }
    void forget(const dns::Name& apex) {
        if (!errors_.empty()) errors_.erase(dns::to_string(apex));
    }
    term::Json json() const {
        term::Json out = term::Json::array();
        for (const auto& [apex, error] : errors_) {
            term::Json json = term::Json::object();
            json.set("zone", apex).set("error", error);
            out.add(std::move(json));
        }
        return out;
    }

private:
    std::map<std::string, std::string> errors_;
};

/// Sums over the catalogue. Atomic because the first load counts on its own thread while control is
/// asked.
struct Counts {
    std::atomic<std::uint64_t> zones{0};
    std::atomic<std::uint64_t> failed{0};
    std::atomic<std::uint64_t> records{0};
};

const Setting* find_setting_or_null(const std::vector<Setting>& settings, const std::string& key) {
    const auto at = std::find_if(settings.begin(), settings.end(),
                                 [&](const Setting& setting) { return setting.key == key; });
    return at == settings.end() ? nullptr : &*at;
}

}  // namespace

struct Node::Impl {
    Impl(ServeConfiguration configuration, std::vector<std::string> arguments,
         term::Terminal& terminal);
    ~Impl();

    int run();

private:
    // At the start.
    void bind_control();
    void bind_metrics();
    void drop_root();
    void route(http::Server& server, bool is_control);
    void watch_signals();
    void start_tick();

    // On the loading thread.
    using Failed = void (Impl::*)(const std::string& message);
    template <class Work>
    void begin_long_work(Work work, Failed failed);
    void first_load();
    Result<ingest::ZoneFileTotals> load_into_catalogue();
    Result<ingest::ZoneFileTotals> load_progressively();
    Result<ingest::ZoneFileTotals> load_store();
    void rescan();
    Result<ingest::ZoneFileTotals> look_at_store(Haul& haul);
    writer::LoadProgress store_progress();
    ingest::ZoneFileTotals totals_of(const writer::LoadReport& report);
    ingest::ZoneProgress progress();
    void log_refused(const ingest::LoadedZone& zone);

    // On the control thread.
    void start_serving();
    void loaded(const Result<ingest::ZoneFileTotals>& result);
    void load_failed(const std::string& message) { give_up("load_failed", message); }
    void reload_failed(const std::string& message);
    void give_up(std::string_view event, const std::string& message);
    void publish(Haul haul, Tally* tally_or_null);
    void replace_all(Haul haul, Tally& tally);
    std::shared_ptr<Reload> ask_for_reload();
    void begin_reload();
    void finish_reload(Haul haul, const Result<ingest::ZoneFileTotals>& result);
    std::vector<Error> take_over_settings(term::Json& report);
    void on_tick();
    void tell_progress();
    void shut_down(std::string_view why);

    stats::Gauges gauges() const;
    term::Json status() const;
    term::Json health() const;
    http::Response metrics() const;
    awaitable<http::Response> reload_and_wait();

    ServeConfiguration configuration_;     // as of the last reload
    const std::vector<Setting> at_start_;  // what only a restart can change has these values
    const std::vector<std::string> arguments_;
    term::Terminal& terminal_;
    const runtime::Notifier notifier_{environment_variable("NOTIFY_SOCKET")};
    const base::Duration started_ = runtime::monotonic();

    asio::io_context io_{1};
    asio::signal_set signals_{io_};
    asio::steady_timer timer_{io_};
    std::chrono::microseconds tick_ = tick;

    // One of the two. The catalogue borrows from the store's mapped images.
    std::optional<ingest::ZoneFiles> files_;
    std::optional<writer::LoadedStore> store_;
    answer::CookieSecrets secrets_;  // for when no file gives them
    std::shared_ptr<const answer::Identity> identity_;
    std::unique_ptr<store::Catalogue> catalogue_;
    std::optional<server::Server> server_;  // after what it reads, to end before it
    std::optional<http::Server> control_;
    std::optional<http::Server> metrics_;
    std::optional<runtime::Log> log_;  // after privileges are dropped: it has a thread

    State state_ = State::loading;
    int code_ = 0;
    bool answers_ = false;  // workers run; from then on control alone has the catalogue
    base::Instant loaded_at_;
    Counts counts_;
    Refusals refusals_;  // the loading thread's until `loaded`, without --progressive
    std::uint64_t records_told_ = 0;
    std::uint64_t refused_logged_ = 0;
    std::atomic<bool> stop_loading_{false};
    std::counting_semaphore<batches_waiting_max> batch_room_{batches_waiting_max};
    std::thread long_work_;
    std::shared_ptr<Reload> reload_;  // the one under way
    std::shared_ptr<Reload>
        reload_next_;  // asked for since it began: may not have seen the latest files
};

Node::Impl::Impl(ServeConfiguration configuration, std::vector<std::string> arguments,
                 term::Terminal& terminal)
    : configuration_(std::move(configuration)),
      at_start_(configuration_.settings),
      arguments_(std::move(arguments)),
      terminal_(terminal) {
    if (configuration_.options.store.empty()) {
        files_.emplace(value_or_throw(ingest::ZoneFiles::open(configuration_.options.zones)));
    } else {
        store_.emplace(value_or_throw(writer::LoadedStore::open(configuration_.options.store)));
    }
    // From here on a signal waits for `run`, which ends in order: the control socket is not left
    // behind.
    for (const int number : {SIGHUP, SIGINT, SIGTERM}) signals_.add(number);
    const ServeOptions& options = configuration_.options;
    secrets_.current = random_value<decltype(secrets_.current)>();
    secrets_.previous = random_value<decltype(secrets_.previous)>();
    identity_ = value_or_throw(identity(options, secrets_));
    catalogue_ = std::make_unique<store::Catalogue>(random_value<std::uint64_t>(),
                                                    store_ ? store_->zones_expected() : 0,
                                                    runtime::advise_huge_pages);
    server_.emplace(value_or_throw(server_options(options, random_value<std::uint64_t>())),
                    *catalogue_, identity_);
    bind_control();
    bind_metrics();
    drop_root();
}

Node::Impl::~Impl() {
    stop_loading_ = true;
    if (long_work_.joinable()) long_work_.join();
}

void Node::Impl::bind_control() {
    const ServeOptions& options = configuration_.options;
    if (options.control == "none") return;
    const Setting* setting = find_setting_or_null(configuration_.settings, "control");
    const bool wanted = setting != nullptr && setting->origin != Origin::built_in;
    // The default place is made by the unit file (RuntimeDirectory). A node started by hand has
    // none, which is no reason not to serve.
    const std::filesystem::path folder = std::filesystem::path(options.control).parent_path();
    if (!wanted && ::access(folder.c_str(), W_OK) != 0) return;
    control_.emplace(io_, http::Limits{});
    route(*control_, true);
    check_or_throw(control_->listen_unix(options.control));
}

void Node::Impl::bind_metrics() {
    const ServeOptions& options = configuration_.options;
    if (options.metrics.empty()) return;
    const net::Endpoint endpoint = value_or_throw(parse_metrics_endpoint(options.metrics));
    metrics_.emplace(io_, http::Limits{});
    route(*metrics_, false);
    value_or_throw(metrics_->listen_tcp(dns::to_string(endpoint.address), endpoint.port));
}

void Node::Impl::drop_root() {
    const ServeOptions& options = configuration_.options;
    // Root that was not told to be somebody else stays root with all it may: without, it could not
    // even read the zone files of others.
    if (::geteuid() == 0 && options.user.empty()) return;
    check_or_throw(runtime::drop_privileges({options.user, options.group}));
}

void Node::Impl::route(http::Server& server, bool is_control) {
    server.route("GET", "/health", [this](http::Request) -> awaitable<http::Response> {
        const term::Json json = health();
        co_return json_response(json, json["healthy"].truth() ? 200 : 503);
    });
    server.route("GET", "/metrics",
                 [this](http::Request) -> awaitable<http::Response> { co_return metrics(); });
    if (!is_control) return;
    server.route("GET", "/status", [this](http::Request) -> awaitable<http::Response> {
        co_return json_response(status());
    });
    server.route("POST", "/reload", [this](const http::Request&) -> awaitable<http::Response> {
        return reload_and_wait();
    });
    server.route("POST", "/stop", [this](http::Request) -> awaitable<http::Response> {
        term::Json json = term::Json::object();
        json.set("state", "stopping");
        asio::post(io_, [this] { shut_down("asked"); });  // runs once the response is on its way
        co_return json_response(json);
    });
}

int Node::Impl::run() {
    const ServeOptions& options = configuration_.options;
    {
        const runtime::SignalsBlocked blocked;
        log_.emplace(runtime::Log::Options{options.log_level, options.log_format, STDERR_FILENO});
    }
    if (::geteuid() == 0) log_->warning("runs_as_root", {{"wanted", "--user"}});
    if (!control_ && options.control != "none")
        log_->info("no_control_socket", {{"wanted", "--control"}});
    watch_signals();
    start_tick();
    begin_long_work([this] { first_load(); }, &Impl::load_failed);
    io_.run();
    if (long_work_.joinable()) long_work_.join();
    log_->info("ended", {{"code", code_}});
    return code_;
}

void Node::Impl::watch_signals() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
        if (error) return;
        if (number == SIGHUP) {
            ask_for_reload();
        } else {
            shut_down(number == SIGINT ? "interrupt" : "terminate");
        }
        if (state_ != State::stopping) watch_signals();
    });
}

void Node::Impl::start_tick() {
    if (const auto watchdog = watchdog_interval()) tick_ = std::min(tick_, *watchdog);
    on_tick();
}

void Node::Impl::on_tick() {
    server_->collect();
    static_cast<void>(notifier_.watchdog());
    if (state_ == State::loading) tell_progress();
    timer_.expires_after(tick_);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) on_tick();
    });
}

/// To the service manager, which must not lose patience while millions of files are read.
void Node::Impl::tell_progress() {
    const std::uint64_t records = counts_.records.load(std::memory_order_relaxed);
    if (std::exchange(records_told_, records) == records) return;
    static_cast<void>(notifier_.status("loading, " + std::to_string(records) + " records"));
    static_cast<void>(notifier_.extend_timeout(load_patience));
}

/// Runs `work` on the loading thread; should it throw, `failed` is told on the control thread.
template <class Work>
void Node::Impl::begin_long_work(Work work, Failed failed) {
    // The one before has posted its result as its last act: this does not wait.
    if (long_work_.joinable()) long_work_.join();
    const runtime::SignalsBlocked blocked;
    long_work_ = std::thread([this, failed, work = std::move(work)] {
        try {
            work();
        } catch (const std::exception& exception) {
            asio::post(io_, [this, failed, message = std::string(exception.what())] {
                (this->*failed)(message);
            });
        }
    });
}

ingest::ZoneProgress Node::Impl::progress() {
    const base::Instant start = runtime::now();
    auto bar = std::make_shared<term::Progress>(terminal_, "zones", start);
    return [this, bar, start, logged = start](const ingest::ZoneFileTotals& so_far) mutable {
        const base::Instant now = runtime::now();
        if (terminal_.redraws()) return bar->update(so_far.zones, 0, now);
        if (now - logged < log_progress_interval) return;
        logged = now;
        log_->info("loading", {{"zones", so_far.zones},
                               {"records", so_far.records},
                               {"seconds", (now - start).as_seconds()}});
    };
}

void Node::Impl::log_refused(const ingest::LoadedZone& zone) {
    if (refused_logged_++ >= zones_logged_max) return;
    const std::string apex = dns::to_string(zone.apex);
    for (std::size_t i = 0; i < std::min(zone.errors.size(), errors_logged_max); ++i)
        log_->warning("zone_refused", {{"zone", apex}, {"error", zone.errors[i].text()}});
    if (zone.errors.size() > errors_logged_max)
        log_->warning("zone_refused",
                      {{"zone", apex}, {"more_errors", zone.errors.size() - errors_logged_max}});
}

void Node::Impl::first_load() {
    auto result = store_                               ? load_store()
                  : configuration_.options.progressive ? load_progressively()
                                                       : load_into_catalogue();
    asio::post(io_, [this, result = std::move(result)] { loaded(result); });
}

/// Before anything is served: straight into the catalogue, which nobody reads yet.
Result<ingest::ZoneFileTotals> Node::Impl::load_into_catalogue() {
    ingest::ZoneFileOptions options = zone_file_options(configuration_.options);
    options.stop_or_null = &stop_loading_;
    const auto sink = [this](std::span<ingest::LoadedZone> zones) {
        for (ingest::LoadedZone& zone : zones) {
            if (!zone.errors.empty()) {
                log_refused(zone);
                refusals_.add(zone);
                counts_.failed += 1;
            }
            counts_.zones += 1;
            counts_.records += zone.records;
            catalogue_->insert({zone.apex, std::move(zone.image)});
        }
    };
    auto totals = files_->load(options, sink, progress());
    // The images have been copied together; what they were built in is not needed again.
    runtime::release_free_memory();
    return totals;
}

/// The names of all zones first, then their content in batches while the workers answer.
Result<ingest::ZoneFileTotals> Node::Impl::load_progressively() {
    const auto announce = [this](dns::NameView apex) {
        catalogue_->insert({dns::Name(apex), zone::placeholder(apex, zone::State::pending)});
        counts_.zones += 1;
    };
    if (auto listed = files_->list(announce); !listed) return listed;
    log_->info("zones_listed", {{"zones", counts_.zones.load()}});
    asio::post(io_, [this] { start_serving(); });

    auto batch = std::make_shared<Haul>();
    base::Duration flushed = runtime::monotonic();
    const auto flush = [&] {
        while (!batch_room_.try_acquire_for(std::chrono::milliseconds(100)))
            if (stop_loading_) return;
        asio::post(io_, [this, batch] {
            batch_room_.release();
            publish(std::move(*batch), nullptr);
        });
        batch = std::make_shared<Haul>();
        flushed = runtime::monotonic();
    };
    ingest::ZoneFileOptions options = zone_file_options(configuration_.options);
    options.stop_or_null = &stop_loading_;
    const auto sink = [&](std::span<ingest::LoadedZone> zones) {
        for (ingest::LoadedZone& zone : zones) {
            if (!zone.errors.empty()) log_refused(zone);
            batch->zones.push_back(std::move(zone));
        }
        if (batch->zones.size() >= publish_zones_max ||
            runtime::monotonic() - flushed >= publish_interval)
            flush();
    };
    auto result = files_->load(options, sink, progress());
    flush();
    return result;
}

writer::LoadProgress Node::Impl::store_progress() {
    const ingest::ZoneProgress report = progress();
    return [report](std::uint64_t done, std::uint64_t /*total*/) {
        ingest::ZoneFileTotals so_far;
        so_far.zones = done;
        report(so_far);
    };
}

/// Tells what was found, and counts the zones as they now are.
ingest::ZoneFileTotals Node::Impl::totals_of(const writer::LoadReport& report) {
    using From = writer::LoadReport::From;
    if (report.from != From::image_file)
        log_->warning(report.from == From::heap ? "image_file_unwritable" : "image_file_rebuilt",
                      {{"why", report.why}});
    ingest::ZoneFileTotals totals;
    totals.zones = report.zones;
    totals.records = report.records;
    totals.broken = report.broken;
    for (const writer::DamagedZone& damaged : report.damaged) {
        ingest::LoadedZone zone;
        zone.apex = damaged.apex;
        zone.errors.push_back(Error{Errc::malformed, damaged.problem, {store_->path()}});
        log_refused(zone);
        refusals_.add(zone);
    }
    counts_.zones = report.zones;
    counts_.records = report.records;
    counts_.failed = report.broken;
    return totals;
}

/// Before anything is served, as `load_into_catalogue`.
Result<ingest::ZoneFileTotals> Node::Impl::load_store() {
    ZC_TRY(const writer::LoadReport report, store_->load(*catalogue_, store_progress()));
    return totals_of(report);
}

void Node::Impl::start_serving() {
    if (answers_ || state_ == State::stopping) return;
    const runtime::SignalsBlocked blocked;
    server_->start();
    answers_ = true;
}

void Node::Impl::give_up(std::string_view event, const std::string& message) {
    log_->error(event, {{"error", message}});
    code_ = 2;
    shut_down("failed");
}

void Node::Impl::loaded(const Result<ingest::ZoneFileTotals>& result) {
    if (state_ == State::stopping) return;
    const ServeOptions& options = configuration_.options;
    if (!result) return give_up("zones_unreadable", result.error().text());
    for (const Error& problem : result->problems)
        log_->warning("zone_source_problem", {{"error", problem.text()}});
    if (options.strict && (result->broken != 0 || result->problems_count != 0))
        return give_up("refuses_to_start", std::to_string(result->broken) + " bad zones, " +
                                               std::to_string(result->problems_count) +
                                               " problems of the source, and --strict");
    start_serving();
    state_ = State::serving;
    loaded_at_ = runtime::now();
    for (const net::Endpoint& endpoint : server_->endpoints())
        log_->info("listens", {{"address", net::to_string(endpoint)}});
    log_->info("serving", {{"zones", counts_.zones.load()},
                           {"failed", counts_.failed.load()},
                           {"records", counts_.records.load()},
                           {"workers", server_->workers()},
                           {"seconds", (runtime::monotonic() - started_).as_seconds()}});
    static_cast<void>(
        notifier_.status("serving " + std::to_string(counts_.zones.load()) + " zones"));
    static_cast<void>(notifier_.ready());
    if (reload_next_) {
        reload_ = std::exchange(reload_next_, nullptr);
        begin_reload();
    }
}

void Node::Impl::publish(Haul haul, Tally* tally_or_null) {
    if (state_ == State::stopping) return;
    Tally ignored;
    Tally& tally = tally_or_null != nullptr ? *tally_or_null : ignored;
    if (haul.fresh) return replace_all(std::move(haul), tally);
    std::vector<store::Change> changes;
    const auto forget = [this](const zone::Zone& old) {
        counts_.records -= old.records();
        if (old.state() == zone::State::broken) counts_.failed -= 1;
    };
    for (ingest::LoadedZone& zone : haul.zones) {
        const std::optional<zone::Zone> old = catalogue_->find_exact(zone.apex);
        const bool failed = !zone.errors.empty();
        if (failed) {
            const bool keeps = old && old->state() == zone::State::serving;
            tally.failed += 1;
            refusals_.add(zone);
            tally.detail(zone.apex, keeps ? "failed, last good content is kept" : "failed",
                         keeps ? std::optional(old->serial()) : std::nullopt, zone.errors);
            if (keeps) continue;
            counts_.failed += 1;
        } else {
            refusals_.forget(zone.apex);
            if (zone.state == zone::State::broken) counts_.failed += 1;  // a store says so
            const base::Octets octets = zone.image.octets();
            if (old && std::ranges::equal(old->octets(), octets)) {
                if (zone.state == zone::State::broken) counts_.failed -= 1;
                tally.unchanged += 1;
                continue;
            }
            (old ? tally.changed : tally.added) += 1;
            tally.detail(zone.apex, old ? "changed" : "added", zone::Zone(octets.data()).serial(),
                         {});
        }
        if (old) forget(*old);
        counts_.records += zone.records;
        changes.push_back({zone.apex, std::move(zone.image)});
    }
    for (const dns::Name& apex : haul.removed) {
        const std::optional<zone::Zone> old = catalogue_->find_exact(apex);
        if (!old) continue;
        forget(*old);
        refusals_.forget(apex);
        tally.removed += 1;
        tally.detail(apex, "removed", std::nullopt, {});
        changes.push_back({apex, std::nullopt});
    }
    if (changes.empty()) return;
    store::Catalogue::Next next = store::Catalogue::with(std::move(catalogue_), std::move(changes));
    catalogue_ = std::move(next.catalogue);
    server_->publish(*catalogue_, std::move(next.garbage));
    counts_.zones = catalogue_->size();
    loaded_at_ = runtime::now();
}

void Node::Impl::replace_all(Haul haul, Tally& tally) {
    tally = std::move(haul.fresh_tally);
    static_cast<void>(totals_of(haul.fresh_report));
    std::unique_ptr<store::Catalogue> old = std::exchange(catalogue_, std::move(haul.fresh));
    server_->publish(*catalogue_, store::Catalogue::retire(std::move(old)));
    loaded_at_ = runtime::now();
}

std::shared_ptr<Reload> Node::Impl::ask_for_reload() {
    if (state_ != State::serving) {
        if (!reload_next_) reload_next_ = std::make_shared<Reload>(io_);
        return reload_next_;
    }
    reload_ = std::make_shared<Reload>(io_);
    std::shared_ptr<Reload> mine = reload_;
    begin_reload();
    return mine;
}

void Node::Impl::begin_reload() {
    state_ = State::reloading;
    static_cast<void>(notifier_.reloading());
    log_->info("reload_begins");
    begin_long_work([this] { rescan(); }, &Impl::reload_failed);
}

/// On the loading thread. Control does not touch the catalogue meanwhile: only a reload changes it.
void Node::Impl::rescan() {
    auto haul = std::make_shared<Haul>();
    if (store_) {
        auto result = look_at_store(*haul);
        asio::post(io_, [this, haul, result = std::move(result)] {
            finish_reload(std::move(*haul), result);
        });
        return;
    }
    ingest::ZoneFileOptions options = zone_file_options(configuration_.options);
    options.stop_or_null = &stop_loading_;
    const auto sink = [&](std::span<ingest::LoadedZone> zones) {
        for (ingest::LoadedZone& zone : zones) {
            if (!zone.errors.empty()) log_refused(zone);
            haul->zones.push_back(std::move(zone));
        }
    };
    const auto each_known = [this](const std::function<void(dns::NameView)>& each) {
        catalogue_->for_each([&](zone::Zone zone) { each(zone.apex()); });
    };
    const auto removed = [&](dns::NameView apex) { haul->removed.emplace_back(apex); };
    auto result = files_->rescan(options, sink, each_known, removed, progress());
    asio::post(
        io_, [this, haul, result = std::move(result)] { finish_reload(std::move(*haul), result); });
}

/// On the loading thread, as `rescan`.
Result<ingest::ZoneFileTotals> Node::Impl::look_at_store(Haul& haul) {
    ZC_TRY(writer::StoreChanges news, store_->changes());
    if (news.everything) {
        // The images of the load before the last: nobody reads them any more.
        store_->forget_old_images();
        haul.fresh = std::make_unique<store::Catalogue>(
            random_value<std::uint64_t>(), store_->zones_expected(), runtime::advise_huge_pages);
        ZC_TRY(haul.fresh_report, store_->load(*haul.fresh, store_progress()));
        Tally& tally = haul.fresh_tally;
        std::uint64_t kept = 0;
        haul.fresh->for_each([&](zone::Zone zone) {
            const auto old = catalogue_->find_exact(zone.apex());
            if (old) ++kept;
            if (old && std::ranges::equal(old->octets(), zone.octets())) {
                ++tally.unchanged;
                return;
            }
            ++(old ? tally.changed : tally.added);
            tally.detail(dns::Name(zone.apex()), old ? "changed" : "added", zone.serial(), {});
        });
        tally.removed = catalogue_->size() - kept;
        return ingest::ZoneFileTotals();
    }
    std::map<std::string, std::string> problems;
    for (const writer::DamagedZone& damaged : news.damaged)
        problems.emplace(dns::to_string(damaged.apex), damaged.problem);
    for (store::Change& change : news.changes) {
        if (!change.image) {
            haul.removed.push_back(change.apex);
            continue;
        }
        ingest::LoadedZone zone;
        zone.apex = change.apex;
        zone.image = *std::move(change.image);
        const zone::Zone view(zone.image.octets().data());
        zone.state = view.state();
        zone.records = view.records();
        if (const auto problem = problems.find(dns::to_string(zone.apex));
            problem != problems.end())
            zone.errors.push_back(Error{Errc::malformed, problem->second, {store_->path()}});
        if (!zone.errors.empty()) log_refused(zone);
        haul.zones.push_back(std::move(zone));
    }
    return ingest::ZoneFileTotals();
}

/// What is served stays as it was.
void Node::Impl::reload_failed(const std::string& message) {
    finish_reload({}, fail(Errc::io, message));
}

/// Reads flags, environment and file again, and gives what can change now to those it concerns. All
/// of it or, when anything is wrong, nothing.
std::vector<Error> Node::Impl::take_over_settings(term::Json& report) {
    auto next = read_serve_configuration(arguments_);
    if (!next) return next.error();
    auto settings = server_settings(next->options);
    if (!settings) return {settings.error()};
    auto told = identity(next->options, secrets_);
    if (!told) return {told.error()};
    if (const Status status = server_->publish(std::move(*settings)); !status)
        return {status.error()};
    server_->publish(*told);

    const auto reloadable = reloadable_keys();
    const auto add = [&](const std::string& key, bool applied) {
        term::Json json = term::Json::object();
        json.set("key", key).set("applied", term::Json::boolean(applied));
        report.add(std::move(json));
        log_->info("setting_changed", {{"key", key}, {"applied", applied}});
    };
    for (const Setting& setting : next->settings) {
        const bool now = std::ranges::find(reloadable, setting.key) != reloadable.end();
        const Setting* before =
            find_setting_or_null(now ? configuration_.settings : at_start_, setting.key);
        const bool secrets_changed = setting.key == "cookie-secret-file" &&
                                     ((*told)->cookies.current != identity_->cookies.current ||
                                      (*told)->cookies.previous != identity_->cookies.previous);
        if (before == nullptr || before->values != setting.values || secrets_changed)
            add(setting.key, now);
    }
    identity_ = *told;
    configuration_ = std::move(*next);
    return {};
}

void Node::Impl::finish_reload(Haul haul, const Result<ingest::ZoneFileTotals>& result) {
    if (state_ == State::stopping) return;
    Tally tally;
    publish(std::move(haul), &tally);
    term::Json settings = term::Json::array();
    const std::vector<Error> errors = take_over_settings(settings);

    term::Json problems = term::Json::array();
    const auto add_problem = [&](const Error& error) {
        problems.add(term::Json::string(error.text()));
        log_->warning("reload_problem", {{"error", error.text()}});
    };
    for (const Error& error : errors) add_problem(error);
    if (!result) add_problem(result.error());
    if (result)
        for (const Error& problem : result->problems) add_problem(problem);

    const auto number = [](std::uint64_t n) { return term::Json::number(n); };
    term::Json zones = term::Json::object();
    zones.set("added", number(tally.added)).set("changed", number(tally.changed));
    zones.set("removed", number(tally.removed)).set("failed", number(tally.failed));
    zones.set("unchanged", number(tally.unchanged)).set("total", number(catalogue_->size()));
    zones.set("details", std::move(tally.details));
    const bool ok = tally.failed == 0 && problems.elements().empty();
    term::Json report = term::Json::object();
    report.set("ok", term::Json::boolean(ok)).set("zones", std::move(zones));
    report.set("problems", std::move(problems)).set("settings", std::move(settings));
    log_->info("reloaded", {{"added", tally.added},
                            {"changed", tally.changed},
                            {"removed", tally.removed},
                            {"failed", tally.failed},
                            {"ok", ok}});
    state_ = State::serving;
    static_cast<void>(notifier_.ready());
    reload_->report = std::move(report);
    reload_->done.cancel();
    reload_ = std::exchange(reload_next_, nullptr);
    if (reload_) begin_reload();
}

awaitable<http::Response> Node::Impl::reload_and_wait() {
    const std::shared_ptr<Reload> reload = ask_for_reload();
    boost::system::error_code cancelled;
    co_await reload->done.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (reload->report.is_object()) co_return json_response(reload->report);
    term::Json json = term::Json::object();
    json.set("error", "the node is stopping");
    co_return json_response(json, 503);
}

void Node::Impl::shut_down(std::string_view why) {
    if (state_ == State::stopping) return;
    state_ = State::stopping;
    log_->info("stopping", {{"why", why}});
    static_cast<void>(notifier_.stopping());
    static_cast<void>(notifier_.extend_timeout(configuration_.options.drain + load_patience));
    // Back to the system's own handling: a second Ctrl-C ends the process at once.
    boost::system::error_code ignored;
    signals_.clear(ignored);
    signals_.cancel(ignored);
    timer_.cancel();
    stop_loading_ = true;
    if (control_) control_->stop();
    if (metrics_) metrics_->stop();
    for (const auto& reload : {reload_, reload_next_})
        if (reload) reload->done.cancel();
    if (answers_) {
        const std::size_t cut = server_->drain(configuration_.options.drain);
        log_->info("drained", {{"connections_cut", cut}});
    }
    // Nothing is left to do on io_ but to send the responses under way; then run() returns.
}

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

Node::Node(ServeConfiguration configuration, std::vector<std::string> arguments,
           term::Terminal& terminal)
    : impl_(std::make_unique<Impl>(std::move(configuration), std::move(arguments), terminal)) {}
Node::~Node() = default;
int Node::run() {
    return impl_->run();
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
    const auto add = [&](std::string message) {
        errors.push_back(Error{Errc::invalid, std::move(message), {}});
    };
    if (errors.empty() && options.zones.empty() && options.store.empty())
        add("no zones to serve: wanted --zones PATH, ZONECTL_ZONES or the key zones; or --store "
            "FILE");
    if (!options.zones.empty() && !options.store.empty())
        add("zones and store: zones come from one of the two");
    if (!options.store.empty() && options.progressive)
        add("store and progressive: a store is there at once");
    if (options.strict && options.progressive)
        add("strict and progressive: a node that already answers cannot refuse to start");
    if (options.user.empty() && !options.group.empty()) add("group: wanted user as well");
    if (!errors.empty()) return tl::unexpected(std::move(errors));
    out.settings = std::move(resolution.settings);
    return out;
}

}  // namespace zc::cmd
