#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <boost/asio/redirect_error.hpp>
#include <unistd.h>

#include "control.h"
#include "node_impl.h"
#include "runtime/mapped_file.h"
#include "runtime/memory.h"
#include "runtime/privilege.h"
#include "store/image_file.h"

namespace zc::cmd {
namespace {

constexpr base::Duration load_patience = base::Duration::seconds(60);
constexpr base::Duration image_file_patience =
    base::Duration::seconds(10);  // between two tries to load anew
constexpr base::Duration end_patience_min = base::Duration::seconds(1);  // with a shorter drain
constexpr base::Duration last_words_patience = base::Duration::milliseconds(200);

template <class T>
T value_or_throw(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().text());
    return std::move(*result);
}

void check_or_throw(const Status& status) {
    if (!status) throw std::runtime_error(status.error().text());
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

}  // namespace

const Setting* find_setting_or_null(const std::vector<Setting>& settings, const std::string& key) {
    const auto at = std::find_if(settings.begin(), settings.end(),
                                 [&](const Setting& setting) { return setting.key == key; });
    return at == settings.end() ? nullptr : &*at;
}

Node::Impl::Impl(ServeConfiguration configuration, std::vector<std::string> arguments,
                 term::Terminal& terminal)
    : configuration_(std::move(configuration)),
      at_start_(configuration_.settings),
      arguments_(std::move(arguments)),
      terminal_(terminal),
      notifier_(environment_variable("NOTIFY_SOCKET")) {
    if (configuration_.options.store.empty()) {
        files_.emplace(value_or_throw(ingest::ZoneFiles::open(configuration_.options.zones)));
    } else {
        store_.emplace(value_or_throw(load::LoadedStore::open(configuration_.options.store)));
    }
    // From here on a signal waits for `run`, which ends in order: the control socket is not left
    // behind.
    for (const int number : {SIGHUP, SIGINT, SIGTERM}) signals_.add(number);
    const ServeOptions& options = configuration_.options;
    secrets_.current = random_value<decltype(secrets_.current)>();
    secrets_.previous = random_value<decltype(secrets_.previous)>();
    identity_ = value_or_throw(identity(options, secrets_));
    served_.emplace(std::make_unique<catalogue::Catalogue>(random_value<std::uint64_t>(),
                                                           store_ ? store_->zones_expected() : 0,
                                                           runtime::advise_huge_pages),
                    readers_);
    server_.emplace(value_or_throw(server_options(options, random_value<std::uint64_t>())),
                    served_->catalogue(), identity_);
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
    control_->add(public_routes());
    control_->add(control_routes());
    check_or_throw(control_->listen_unix(options.control));
}

void Node::Impl::bind_metrics() {
    const ServeOptions& options = configuration_.options;
    if (options.metrics.empty()) return;
    const net::Endpoint endpoint = value_or_throw(parse_metrics_endpoint(options.metrics));
    metrics_.emplace(io_, http::Limits{});
    metrics_->add(public_routes());
    value_or_throw(metrics_->listen_tcp(endpoint));
}

void Node::Impl::drop_root() {
    const ServeOptions& options = configuration_.options;
    // Root that was not told to be somebody else stays root with all it may: without, it could not
    // even read the zone files of others.
    if (::geteuid() == 0 && options.user.empty()) return;
    check_or_throw(runtime::drop_privileges({options.user, options.group}));
}

/// What the metrics port tells, and the control socket too.
std::vector<http::Route> Node::Impl::public_routes() {
    const auto health = [this](http::Request request) -> awaitable<http::Response> {
        co_return answer_health(request);
    };
    const auto metrics = [this](http::Request) -> awaitable<http::Response> {
        co_return this->metrics();
    };
    return {{"GET", "/health", health}, {"GET", "/metrics", metrics}};
}

/// What the control socket alone tells and does.
std::vector<http::Route> Node::Impl::control_routes() {
    const auto status = [this](http::Request) -> awaitable<http::Response> {
        co_return json_response(this->status());
    };
    const auto reload = [this](const http::Request&) -> awaitable<http::Response> {
        return reload_and_wait();
    };
    const auto stop = [this](http::Request) -> awaitable<http::Response> {
        term::Json json = term::Json::object();
        json.set("state", "stopping");
        asio::post(io_, [this] { shut_down("asked"); });  // runs once the response is on its way
        co_return json_response(json);
    };
    return {{"GET", "/status", status}, {"POST", "/reload", reload}, {"POST", "/stop", stop}};
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
    for (bool more = true; more && state_ != State::stopping;) {
        const Status ran = runtime::caught([&] { more = io_.run_one() != 0; });
        if (!ran) tell([&] { log_->error("control_failed", {{"error", ran.error().message}}); });
    }
    // What is left are responses on their way.
    const auto finish = [this] {
        io_.run_for(std::chrono::nanoseconds(left_to_end().nanoseconds));
    };
    while (!runtime::caught(finish)) {
    }
    if (long_work_.joinable()) {
        using std::future_status;
        const auto left = std::chrono::nanoseconds(left_to_end().nanoseconds);
        if (long_work_done_.wait_for(left) != future_status::ready) end_without_waiting();
        long_work_.join();
    }
    tell([this] { log_->info("ended", {{"code", code_}}); });
    log_->finish(std::max(left_to_end(), last_words_patience));
    return code_;
}

/// Until the process has to be gone; not below 0.
base::Duration Node::Impl::left_to_end() const {
    return std::max(end_by_ - runtime::monotonic(), base::Duration());
}

/// The loading thread stands in a call to the system that may never return: a hung disk or network
/// file system. All that others see of the node is ended, so is the process.
void Node::Impl::end_without_waiting() {
    tell([this] {
        log_->warning("ends_without_waiting", {{"for", "the loading thread"}});
        log_->info("ended", {{"code", code_}});
    });
    log_->finish(last_words_patience);
    std::_Exit(code_);
}

void Node::Impl::watch_signals() {
    sooner_or_later([this] {
        signals_.async_wait([this](const boost::system::error_code& error, int number) {
            if (error) return;
            if (number == SIGHUP) {
                const Status asked = runtime::caught([this] { ask_for_reload(); });
                if (!asked)
                    tell([&] { log_->error("no_reload", {{"error", asked.error().message}}); });
            } else {
                shut_down(number == SIGINT ? "interrupt" : "terminate");
            }
            if (state_ != State::stopping) watch_signals();
        });
    });
}

void Node::Impl::start_tick() {
    if (const auto watchdog = watchdog_interval()) tick_ = std::min(tick_, *watchdog);
    on_tick();
}

void Node::Impl::on_tick() {
    // What there is no memory for is done at the next.
    static_cast<void>(runtime::caught([this] { look_around(); }));
    sooner_or_later([this] {
        timer_.expires_after(tick_);
        timer_.async_wait([this](const boost::system::error_code& error) {
            if (!error) on_tick();
        });
    });
}

void Node::Impl::look_around() {
    const bool all_freed = server_->collect() == 0;
    if (store_ && all_freed && state_ == State::serving) store_->forget_old_images();
    static_cast<void>(notifier_.watchdog());
    if (state_ == State::loading) tell_progress();
    if (store_ && answers_) watch_image_file();
    look_whether_behind();
}

/// The kernel's word of a write to the image file comes at once, a tick later at the latest it is
/// found without.
void Node::Impl::await_image_file_events() {
    if (!image_file_events_.is_open()) {
        const int own = ::dup(runtime::mapped_file_events());
        if (own < 0) return;
        image_file_events_.assign(own);
    }
    sooner_or_later([this] {
        image_file_events_.async_wait(asio::posix::descriptor_base::wait_read,
                                      [this](const boost::system::error_code& error) {
                                          if (error) return;
                                          if (runtime::take_mapped_file_events())
                                              tell([this] { watch_image_file(); });
                                          await_image_file_events();
                                      });
    });
}

/// Whatever was written over the image file must not be answered for longer than a tick: a reload
/// finds what it hit, and loads all anew from the store.
void Node::Impl::watch_image_file() {
    const base::Duration now = runtime::monotonic();
    if (runtime::mapped_file_changed() && !image_file_changed_) {
        image_file_changed_ = true;
        image_file_retry_ = now;
        tell([this] {
            log_->error("image_file_changed",
                        {{"file", store::image_file_path(store_->path())},
                         {"wanted", "nobody but zonectl writes it; SERVFAIL for what was hit"}});
        });
    }
    if (!image_file_changed_ || state_ != State::serving || now < image_file_retry_) return;
    image_file_retry_ = now + image_file_patience;
    static_cast<void>(ask_for_reload());
}

/// To the service manager, which must not lose patience while millions of files are read.
void Node::Impl::tell_progress() {
    const std::uint64_t records = served_->records();
    if (std::exchange(records_told_, records) == records) return;
    static_cast<void>(notifier_.status("loading, " + std::to_string(records) + " records"));
    static_cast<void>(notifier_.extend_timeout(load_patience));
}

void Node::Impl::start_serving() {
    if (answers_ || state_ == State::stopping) return;
    const runtime::SignalsBlocked blocked;
    const Status started = runtime::caught([this] { server_->start(); });
    if (!started) return give_up("start_failed", started.error().message);
    answers_ = true;
}

void Node::Impl::give_up(std::string_view event, const std::string& message) {
    tell([&] { log_->error(event, {{"error", message}}); });
    code_ = 2;
    shut_down("failed");
}

awaitable<http::Response> Node::Impl::reload_and_wait() {
    const std::shared_ptr<Reload> reload = ask_for_reload();
    boost::system::error_code cancelled;
    co_await reload->done.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    if (reload->report.is_object()) co_return json_response(reload->report);
    term::Json json = term::Json::object();
    json.set("error", state_ == State::stopping
                          ? "the node is stopping"
                          : "no memory for the report, wanted: another reload");
    co_return json_response(json, 503);
}

void Node::Impl::shut_down(std::string_view why) {
    if (state_ == State::stopping) return;
    state_ = State::stopping;
    end_by_ = runtime::monotonic() + std::max(configuration_.options.drain, end_patience_min);
    tell([&] {
        log_->info("stopping", {{"why", why}});
        static_cast<void>(notifier_.stopping());
        static_cast<void>(notifier_.extend_timeout(configuration_.options.drain + load_patience));
    });
    // Back to the system's own handling: a second Ctrl-C ends the process at once.
    boost::system::error_code ignored;
    signals_.clear(ignored);
    signals_.cancel(ignored);
    timer_.cancel();
    image_file_events_.close(ignored);
    stop_loading_ = true;
    if (control_) control_->stop();
    if (metrics_) metrics_->stop();
    for (const auto& reload : {reload_, reload_next_})
        if (reload) reload->done.cancel();
    if (answers_) {
        const std::size_t cut = server_->drain(configuration_.options.drain);
        tell([&] { log_->info("drained", {{"connections_cut", cut}}); });
    }
    // Nothing is left to do on io_ but to send the responses under way; then run() returns.
}

Node::Node(ServeConfiguration configuration, std::vector<std::string> arguments,
           term::Terminal& terminal)
    : impl_(std::make_unique<Impl>(std::move(configuration), std::move(arguments), terminal)) {}
Node::~Node() = default;
int Node::run() {
    return impl_->run();
}

}  // namespace zc::cmd
