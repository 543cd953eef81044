// What a node is made of, for the files that make it up: node.cc (start, signals, stop),
// node_zones.cc (loading, reloading), node_status.cc (what it tells of itself).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "catalogue/catalogue.h"
#include "catalogue/not_served.h"
#include "http/server.h"
#include "ingest/zone_files.h"
#include "load/load.h"
#include "load/store_watch.h"
#include "node.h"
#include "node/served.h"
#include "runtime/clock.h"
#include "runtime/log.h"
#include "runtime/notify.h"
#include "runtime/random.h"
#include "runtime/signals.h"
#include "runtime/workers.h"
#include "server/server.h"
#include "stats/report.h"

namespace zc::cmd {

namespace asio = boost::asio;
using asio::awaitable;

constexpr std::ptrdiff_t batches_waiting_max =
    4;  // of zones for the control thread; then loading waits
constexpr std::size_t not_served_told_max = 1000;        // zones named by `zonectl status`
constexpr std::chrono::milliseconds retry_interval{10};  // where there was no memory

enum class State : std::uint8_t { loading, serving, reloading, stopping };

/// What the system gives, never a guess.
template <class T>
T random_value() {
    auto value = runtime::random_value<T>();
    if (!value) throw std::runtime_error("the system gives no random octets");
    return *value;
}

/// A reload, for those who wait for it.
struct Reload {
    explicit Reload(asio::io_context& io) : done(io, asio::steady_timer::time_point::max()) {}

    asio::steady_timer done;  // never expires: cancelled when the report is there
    term::Json report;
};

/// What flags, environment and files say now, or why not. Read on the loading thread: a disk may
/// hang, and the control thread has to hear signals.
struct SettingsNow {
    ServeConfiguration configuration;
    server::Settings server;
    std::shared_ptr<const answer::Identity> identity;
    std::vector<Error> errors;  // then nothing else is here
};

/// What zone files, or a store, turned out to hold, and which zones are not there any more.
struct Found {
    std::optional<node::Served::Frozen> frozen;  // what the loading thread compared with
    std::optional<SettingsNow> settings;         // of a reload
    node::ZoneChanges changes;
    std::vector<std::string> nameless;  // what is wrong in a store, of no zone that can be named
    /// Everything, when it is not known what changed in a store; then there are no changes, and
    /// the report is made.
    std::optional<node::Served::Replacement> all;
    node::ChangeReport report;
};

/// The workers, who answer from what is served.
class ServerReaders final : public node::Readers {
public:
    explicit ServerReaders(std::optional<server::Server>& server) noexcept : server_(server) {}
    void make_room() override { server_->make_room(); }
    void publish(const catalogue::Catalogue& catalogue, catalogue::Garbage&& garbage) override {
        server_->publish(catalogue, std::move(garbage));
    }

private:
    std::optional<server::Server>& server_;  // there before anything is published
};

/// What control knows of the store while the loading thread may have `LoadedStore`.
struct ServedStore {
    store::Position position;  // that is served
    base::Instant committed_at;
    std::uint64_t mapped_octets = 0;

    std::uint64_t read = 0;         // how often; what was seen before the last one is old news
    load::StoreWatch::Seen newest;  // as the store stands
    std::string problem;            // why that is not known
    bool behind() const noexcept { return problem.empty() && newest.position != position; }
};

http::Response json_response(const term::Json& json, unsigned status = 200);

/// "2026-01-31T12:00:05Z", or "never" for `Instant{}`.
std::string utc_text(base::Instant instant);

const Setting* find_setting_or_null(const std::vector<Setting>& settings, const std::string& key);

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
    std::vector<http::Route> public_routes();
    std::vector<http::Route> control_routes();
    void watch_signals();
    void start_tick();

    // On the loading thread.
    using Failed = void (Impl::*)(const std::string& message);
    template <class Work>
    void begin_long_work(Work work, Failed failed);
    void first_load();
    Result<ingest::ZoneFileTotals> load_into_catalogue(catalogue::NotServed& not_served);
    Result<ingest::ZoneFileTotals> load_progressively();
    Result<ingest::ZoneFileTotals> load_store(catalogue::NotServed& not_served);
    void rescan(node::Served::Frozen frozen);
    Result<ingest::ZoneFileTotals> look_at_store(Found& found);
    node::NewZone new_zone(ingest::LoadedZone&& zone) const;
    load::LoadProgress store_progress();
    void log_load(const load::LoadReport& report);
    ingest::ZoneProgress progress();
    void log_refused(const ingest::LoadedZone& zone);
    void log_not_served(std::string_view zone, catalogue::Reason reason, std::string_view detail);
    void log_not_served(const catalogue::NotServed& not_served);
    void log_doubts(const ingest::LoadedZone& zone);

    // On the control thread.
    void start_serving();
    void loaded(const Result<ingest::ZoneFileTotals>& result,
                std::optional<catalogue::NotServed> not_served);
    void take_over_first_load(const Result<ingest::ZoneFileTotals>& result,
                              std::optional<catalogue::NotServed> not_served);
    std::optional<catalogue::Reason> reason_of(const ingest::LoadedZone& zone) const;
    void store_was_read();
    void look_whether_behind();
    void store_seen(std::uint64_t look, const Result<load::StoreWatch::Seen>& seen);
    void load_failed(const std::string& message) { give_up("load_failed", message); }
    void reload_failed(const std::string& message);
    void give_up(std::string_view event, const std::string& message);
    void publish(Found found, node::ChangeReport& report);
    void not_published(const Error& error);
    template <class Work>
    static void tell(Work work) noexcept;
    template <class Work>
    static void sooner_or_later(Work work) noexcept;
    std::shared_ptr<Reload> ask_for_reload();
    void begin_reload();
    void finish_reload(Found found, const Result<ingest::ZoneFileTotals>& result);
    void tell_of_reload(const Result<ingest::ZoneFileTotals>& result, const Status& published,
                        node::ChangeReport& changes, const std::vector<std::string>& nameless,
                        std::optional<SettingsNow> now);
    SettingsNow read_settings() const;
    std::vector<Error> take_over_settings(SettingsNow next, term::Json& report);
    void on_tick();
    void look_around();
    void tell_progress();
    void watch_image_file();
    void await_image_file_events();
    void shut_down(std::string_view why);
    base::Duration left_to_end() const;
    void end_without_waiting();

    stats::Gauges gauges() const;
    term::Json not_served_json() const;
    term::Json store_json() const;
    term::Json status() const;
    term::Json health(const catalogue::NotServedLimit* limit_or_null) const;
    http::Response answer_health(const http::Request& request) const;
    http::Response metrics() const;
    awaitable<http::Response> reload_and_wait();

    ServeConfiguration configuration_;     // as of the last reload
    const std::vector<Setting> at_start_;  // what only a restart can change has these values
    const std::vector<std::string> arguments_;
    term::Terminal& terminal_;
    const runtime::Notifier notifier_;
    const base::Duration started_ = runtime::monotonic();

    asio::io_context io_{1};
    asio::signal_set signals_{io_};
    asio::steady_timer timer_{io_};
    asio::posix::stream_descriptor image_file_events_{io_};
    std::chrono::microseconds tick_ = std::chrono::seconds(1);  // less when the watchdog wants it

    // One of the two. The catalogue borrows from the store's mapped images.
    std::optional<ingest::ZoneFiles> files_;
    std::optional<load::LoadedStore> store_;
    answer::CookieSecrets secrets_;  // for when no file gives them
    std::shared_ptr<const answer::Identity> identity_;
    ServerReaders readers_{server_};
    std::optional<node::Served> served_;
    std::optional<server::Server> server_;  // after what it reads, to end before it
    std::optional<http::Server> control_;
    std::optional<http::Server> metrics_;
    std::optional<runtime::Log> log_;  // after privileges are dropped: it has a thread

    State state_ = State::loading;
    int code_ = 0;
    bool answers_ = false;  // workers run; from then on control alone has the catalogue
    std::optional<ServedStore> served_store_;  // once loaded
    std::unique_ptr<load::BackgroundStoreWatch> watch_;
    std::uint64_t records_told_ = 0;
    std::uint64_t refused_logged_ = 0;
    std::uint64_t left_out_logged_ = 0;
    std::uint64_t costly_logged_ = 0;
    std::atomic<bool> stop_loading_{false};
    std::counting_semaphore<batches_waiting_max> batch_room_{batches_waiting_max};
    std::thread long_work_;
    std::future<void> long_work_done_;
    base::Duration end_by_;  // on the monotonic clock, once stopping
    /// A foreign hand was at the mapped image file, and what it hit is not loaded anew yet.
    bool image_file_changed_ = false;
    base::Duration image_file_retry_;  // not before
    bool read_all_anew_ = false;       // at the next reload: what was read last was not taken over
    std::shared_ptr<Reload> reload_;   // the one under way
    std::shared_ptr<Reload>
        reload_next_;  // asked for since it began: may not have seen the latest files
};

/// For words whose loss is borne, where something must be done whether they can be said or not.
template <class Work>
void Node::Impl::tell(Work work) noexcept {
    static_cast<void>(runtime::caught([&work] { work(); }));
}

/// For the little without which the node would be deaf. Who holds the memory gives it back.
template <class Work>
void Node::Impl::sooner_or_later(Work work) noexcept {
    while (!runtime::caught([&work] { work(); })) std::this_thread::sleep_for(retry_interval);
}

/// Runs `work` on the loading thread; should it throw, `failed` is told on the control thread.
template <class Work>
void Node::Impl::begin_long_work(Work work, Failed failed) {
    // The one before has posted its result as its last act: this does not wait.
    if (long_work_.joinable()) long_work_.join();
    const runtime::SignalsBlocked blocked;
    std::promise<void> done;
    long_work_done_ = done.get_future();
    long_work_ =
        std::thread([this, failed, work = std::move(work), done = std::move(done)]() mutable {
            const Status status = runtime::caught(work);
            if (!status)
                sooner_or_later([&] {
                    asio::post(io_, [this, failed, message = status.error().message] {
                        (this->*failed)(message);
                    });
                });
            done.set_value();
        });
}

}  // namespace zc::cmd
