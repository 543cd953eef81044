#include "node/node.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <utility>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <unistd.h>

#include "edit/changes.h"
#include "edit/past.h"
#include "http/server.h"
#include "load/store_watch.h"
#include "node/figures.h"
#include "node/image_file_events.h"
#include "node/loader.h"
#include "node/reload_queue.h"
#include "node/report.h"
#include "node/routes.h"
#include "node/without_memory.h"
#include "node/writing.h"
#include "node/zones.h"
#include "runtime/clock.h"
#include "runtime/mapped_file.h"
#include "runtime/notify.h"
#include "runtime/signals.h"
#include "runtime/workers.h"
#include "store/image_file.h"
#include "store/log_file.h"

namespace zc::node {
namespace {

namespace asio = boost::asio;
using asio::awaitable;

constexpr base::Duration load_patience = base::Duration::seconds(60);
constexpr base::Duration log_progress_interval = base::Duration::seconds(10);
constexpr base::Duration end_patience_min = base::Duration::seconds(1);  // with a shorter drain
constexpr base::Duration last_words_patience = base::Duration::milliseconds(200);
constexpr std::chrono::microseconds tick_max = std::chrono::seconds(1);

template <class T>
T value_or_throw(Result<T> result) {
    if (!result) throw std::runtime_error(result.error().text());
    return std::move(*result);
}

void check_or_throw(const Status& status) {
    if (!status) throw std::runtime_error(status.error().text());
}

/// The workers, who answer from what is served.
class ServerReaders final : public Readers {
public:
    explicit ServerReaders(std::optional<server::Server>& server) noexcept : server_(server) {}
    void make_room() override { server_->make_room(); }
    void publish(const catalogue::Catalogue& catalogue, catalogue::Garbage&& garbage) override {
        server_->publish(catalogue, std::move(garbage));
    }

private:
    std::optional<server::Server>& server_;  // there before anything is published
};

/// False: the text is no number.
bool read_number(const std::string& text, std::uint64_t& number) {
    const char* const end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, number);
    return read.ec == std::errc() && read.ptr == end;
}

std::unique_ptr<Source> open_source(const Options& options) {
    return value_or_throw(options.store.empty() ? open_zone_files(options.zones)
                                                : open_store(options.store));
}

}  // namespace

class Node::Impl final : public Routed {
public:
    Impl(Options options, Settings settings, ReadSettings read_settings);

    Ending run();

private:
    // The start.
    void bind_server();
    void bind_control();
    void bind_metrics();
    void drop_root();
    void start_log();
    void watch_signals();
    void start_tick();
    void start_serving();
    void start_watching_store();

    // The first load.
    void begin_first_load();
    void take_names(Served::Replacement all);
    void take_some(ZoneChanges zones);
    void loaded(LookResult found, const Status& status);
    void take_first(LookResult found, const Status& status);
    void tell_serving();

    // Changes.
    void claim_store();
    Status begin_writing();
    void look_at_store_again();
    writer::Writer* writer_or_null() noexcept {
        return writing_ ? writing_->writer_or_null() : nullptr;
    }
    void end_writing();
    void take_written(std::vector<writer::PublishedZone> zones);
    void take_other_writer();

    // Reloads.
    std::shared_ptr<Reload> ask_for_reload();
    void begin_reload_if_wanted();
    void reload_failed(const std::string& error);
    void finish_reload(Looked looked);
    std::vector<Error> take_over(tl::expected<Settings, std::vector<Error>> next,
                                 std::vector<SettingChange>& changes);
    void tell_reloaded(ReloadReport report, const std::vector<Error>& problems);
    void end_reload(const Status& told);
    void not_published(const Error& error);

    LookTask next_look();
    LoadProgress progress();

    // Now and then.
    void on_tick();
    void look_around();
    void tell_progress();
    void store_seen(std::uint64_t look, const Result<load::StoreWatch::Seen>& seen);
    void look_at_image_file();

    // Reports.
    ZoneCount count() const;
    Figures figures() const;
    void tell_store_read();
    term::Json health(const catalogue::NotServedLimit* limit_or_null) const override;
    std::string metrics() const override;
    term::Json status() const override;
    awaitable<http::Response> reload() override;
    awaitable<http::Response> changes(http::Request request) override;
    Result<writer::Writer*> writer_for(const http::Request& request);
    void stop_soon() override;

    // The end.
    void give_up(std::string_view event, const std::string& error);
    void shut_down(std::string_view why);
    base::Duration left_to_end() const;
    Ending end();

    const Options options_;
    Settings settings_;  // as of the last reload
    const std::vector<SettingValue> at_start_;
    const ReadSettings read_settings_;
    const runtime::Notifier notifier_;
    const base::Duration started_ = runtime::monotonic();

    asio::io_context io_{1};
    asio::signal_set signals_{io_};
    asio::steady_timer timer_{io_};
    ImageFileEvents image_file_events_{io_, [this] { look_at_image_file(); }};
    std::chrono::microseconds tick_ = tick_max;  // less when the service manager wants it

    ServerReaders readers_{server_};
    Zones zones_;
    std::optional<server::Server> server_;  // after the zones that it reads, to end before them
    std::optional<http::Server> control_;
    std::optional<http::Server> metrics_;
    std::optional<runtime::Log> log_;  // after privileges are dropped: it has a thread
    std::unique_ptr<load::BackgroundStoreWatch> store_watch_;
    std::optional<Writing> writing_;  // of a store
    std::shared_ptr<void> claim_;     // of the store, until there is a writer
    const edit::Past past_ = edit::past_of_store(options_.store);
    bool other_writer_ = false;      // has changed the store: the next look takes it over
    bool takes_other_over_ = false;  // the look that is under way
    bool writer_pauses_ = false;     // for that look
    /// The loop goes on until the writer has closed.
    std::optional<asio::executor_work_guard<asio::io_context::executor_type>> until_written_;

    State state_ = State::loading;
    int code_ = 0;
    bool answers_ = false;  // workers run
    std::uint64_t records_told_ = 0;
    base::Duration end_by_;  // on the monotonic clock, once stopping
    ReloadQueue reloads_{io_};
    std::optional<Loader> loader_;  // once there is a log; last, to end before what it uses
};

// The start.

Node::Impl::Impl(Options options, Settings settings, ReadSettings read_settings)
    : options_(std::move(options)),
      settings_(std::move(settings)),
      at_start_(settings_.values),
      read_settings_(std::move(read_settings)),
      notifier_(options_.notify_socket),
      zones_(open_source(options_), readers_, options_.draw_seed) {
    // From here on a signal waits for `run`, which ends in order: the control socket is not left
    // behind.
    for (const int number : {SIGHUP, SIGINT, SIGTERM}) signals_.add(number);
    bind_server();
    bind_control();
    bind_metrics();
    drop_root();
}

void Node::Impl::bind_server() {
    server::Options options = options_.server;
    options.settings = settings_.server;
    options.draw_seed = options_.draw_seed;
    server_.emplace(std::move(options), zones_.served().catalogue(), settings_.identity);
}

void Node::Impl::bind_control() {
    if (!options_.control) return;
    const std::filesystem::path folder = std::filesystem::path(*options_.control).parent_path();
    if (options_.control_may_be_missing && ::access(folder.c_str(), W_OK) != 0) return;
    control_.emplace(io_, http::Limits{});
    control_->add(open_routes(*this));
    control_->add(control_routes(*this));
    check_or_throw(control_->listen_unix(*options_.control));
}

void Node::Impl::bind_metrics() {
    if (!options_.metrics) return;
    metrics_.emplace(io_, http::Limits{});
    metrics_->add(open_routes(*this));
    value_or_throw(metrics_->listen_tcp(*options_.metrics));
}

void Node::Impl::drop_root() {
    // Root that was not told to be somebody else stays root with all it may: without, it could not
    // even read the zone files of others.
    if (::geteuid() == 0 && options_.become.user.empty()) return;
    check_or_throw(runtime::drop_privileges(options_.become));
}

void Node::Impl::start_log() {
    {
        const runtime::SignalsBlocked blocked;
        log_.emplace(options_.log);
    }
    loader_.emplace(io_, *log_, [this] { return progress(); });
    if (::geteuid() == 0) log_->warning("runs_as_root", {{"wanted", "--user"}});
    if (!control_ && options_.control) log_->info("no_control_socket", {{"wanted", "--control"}});
}

Ending Node::Impl::run() {
    start_log();
    watch_signals();
    start_tick();
    begin_first_load();
    for (bool more = true; more && state_ != State::stopping;) {
        const Status ran = runtime::caught([&] { more = io_.run_one() != 0; });
        if (!ran) tell([&] { log_->error("control_failed", {{"error", ran.error().message}}); });
    }
    return end();
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

void Node::Impl::start_serving() {
    if (answers_ || state_ == State::stopping) return;
    const runtime::SignalsBlocked blocked;
    const Status started = runtime::caught([this] { server_->start(); });
    if (!started) return give_up("start_failed", started.error().message);
    answers_ = true;
}

// The first load.

void Node::Impl::begin_first_load() {
    Loader::FirstLoad to;
    if (options_.progressive)
        to.names = [this](Served::Replacement all) { take_names(std::move(all)); };
    to.zones = [this](ZoneChanges some) { take_some(std::move(some)); };
    to.loaded = [this](LookResult found, const Status& status) {
        loaded(std::move(found), status);
    };
    to.failed = [this](const std::string& error) { give_up("load_failed", error); };
    loader_->load(next_look(), std::move(to));
}

void Node::Impl::take_names(Served::Replacement all) {
    if (state_ == State::stopping) return;
    zones_.take_names(std::move(all));
    start_serving();
}

void Node::Impl::take_some(ZoneChanges zones) {
    if (state_ == State::stopping) return;
    const Status taken = zones_.take_some(std::move(zones), runtime::now());
    if (!taken) not_published(taken.error());
}

void Node::Impl::loaded(LookResult found, const Status& status) {
    if (state_ == State::stopping) return;
    const Status taken = runtime::caught([&] { take_first(std::move(found), status); });
    if (!taken) give_up("load_failed", taken.error().message);
}

void Node::Impl::take_first(LookResult found, const Status& status) {
    if (!status) return give_up("zones_unreadable", status.error().text());
    for (const Error& problem : found.problems)
        log_->warning("zone_source_problem", {{"error", problem.text()}});
    if (options_.strict && (found.broken != 0 || found.problems_count != 0))
        return give_up("refuses_to_start", std::to_string(found.broken) + " bad zones, " +
                                               std::to_string(found.problems_count) +
                                               " problems of the source, and --strict");
    zones_.take_first(std::move(found), runtime::now());
    if (zones_.is_store()) {
        start_watching_store();
        tell_store_read();
        claim_store();
    }
    start_serving();
    if (!answers_) return;
    if (zones_.is_store()) image_file_events_.begin();
    state_ = State::serving;
    tell_serving();
    begin_reload_if_wanted();
}

void Node::Impl::tell_serving() {
    const Served& served = zones_.served();
    for (const net::Endpoint& endpoint : server_->endpoints())
        log_->info("listens", {{"address", net::to_string(endpoint)}});
    log_->info("serving", {{"zones", served.zones()},
                           {"not_served", served.not_served().total()},
                           {"records", served.records()},
                           {"workers", server_->workers()},
                           {"seconds", (runtime::monotonic() - started_).as_seconds()}});
    static_cast<void>(notifier_.status("serving " + std::to_string(served.zones()) + " zones"));
    static_cast<void>(notifier_.ready());
}

// Changes.

/// So that commands ask this node for changes. Another process may have the store for a moment, or nothing
/// can be written there: it is tried again at each tick.
void Node::Impl::claim_store() {
    if (claim_ != nullptr || writer_or_null() != nullptr) return;
    if (auto claimed = store::claim(options_.store)) claim_ = *std::move(claimed);
}

/// The process that had the store when the last request came may have gone, so each tries again.
Status Node::Impl::begin_writing() {
    if (!writing_) {
        Writing::To to;
        to.publish = [this](auto zones) { take_written(std::move(zones)); };
        to.reached = [this](const store::Position& position, base::Instant at) {
            zones_.store_or_null()->was_written(position, at);
        };
        to.store_has_moved = [this] { take_other_writer(); };
        writing_.emplace(io_, std::move(to));
    }
    claim_.reset();  // the writer claims the store itself
    if (const Status begun = writing_->begin(options_.store); !begun) {
        claim_store();
        return begun;
    }
    log_->info("takes_changes");
    // All that is served must be of one position before the node adds to it.
    if (writer_or_null()->figures().durable != zones_.store_or_null()->served().position)
        look_at_store_again();
    return {};
}

void Node::Impl::take_written(std::vector<writer::PublishedZone> zones) {
    // Nobody is answered any more, and a thread may still look at what was served.
    if (state_ == State::stopping) return;
    const Status taken =
        runtime::caught([&] { zones_.take_written(std::move(zones), runtime::now()); });
    if (taken) return;
    // They are durable. A look at all rows, for which there may be memory later, finds them.
    not_published(taken.error());
}

/// All that was answered is durable. So that the next start has nothing to replay, the rows are
/// brought up to it, in the time that there is.
void Node::Impl::end_writing() {
    writer::Writer* const writer = writer_or_null();
    if (writer == nullptr) return;
    until_written_.emplace(io_.get_executor());
    if (std::exchange(writer_pauses_, false)) writer->resume();  // that look is lost
    writer->close([this](const Status& closed) {
        if (!closed) tell([&] { log_->error("not_folded", {{"error", closed.error().text()}}); });
        until_written_.reset();
    });
}

/// An import: its changes are served before any change that stands on them is answered.
void Node::Impl::take_other_writer() {
    other_writer_ = true;
    look_at_store_again();
}

void Node::Impl::look_at_store_again() {
    const Status asked = runtime::caught([this] { ask_for_reload(); });
    if (!asked) tell([&] { log_->error("no_reload", {{"error", asked.error().message}}); });
}

// Reloads.

std::shared_ptr<Reload> Node::Impl::ask_for_reload() {
    std::shared_ptr<Reload> mine = reloads_.ask();
    if (state_ == State::serving) begin_reload_if_wanted();
    return mine;
}

void Node::Impl::begin_reload_if_wanted() {
    if (!reloads_.begin_next()) return;
    state_ = State::reloading;
    // A look compares with what is served, so that stays as it is meanwhile.
    if (writer::Writer* const writer = writer_or_null()) {
        writer->pause();
        writer_pauses_ = true;
    }
    takes_other_over_ = std::exchange(other_writer_, false);
    const Status begun = runtime::caught([this] {
        static_cast<void>(notifier_.reloading());
        log_->info("reload_begins");
        loader_->look_again(
            next_look(), zones_.begin_look(), read_settings_,
            [this](Looked looked) { finish_reload(std::move(looked)); },
            [this](const std::string& error) { reload_failed(error); });
    });
    if (!begun) reload_failed(begun.error().message);
}

/// The zones that are served stay as they were.
void Node::Impl::reload_failed(const std::string& error) {
    if (state_ == State::stopping) return;
    zones_.look_failed();
    end_reload(runtime::caught([&] { tell_reloaded({}, {Error{Errc::io, error, {}}}); }));
}

void Node::Impl::finish_reload(Looked looked) {
    if (state_ == State::stopping) return;
    looked.frozen.reset();
    LookResult& found = looked.found;
    ReloadReport report;
    const Status taken = zones_.take(found, looked.status, runtime::now(), report.zones);
    if (!taken) not_published(taken.error());
    end_reload(runtime::caught([&] {
        if (zones_.store_has_moved()) tell_store_read();
        std::vector<Error> problems = take_over(std::move(looked.settings), report.settings);
        for (const std::string& problem : found.nameless)
            problems.push_back(Error{Errc::malformed, problem, {zones_.source_path()}});
        if (!looked.status) problems.push_back(looked.status.error());
        if (!taken) problems.push_back(taken.error());
        std::ranges::move(found.problems, std::back_inserter(problems));
        tell_reloaded(std::move(report), problems);
    }));
}

/// Gives what can change now to those it concerns. All of it or, when anything is wrong, nothing.
std::vector<Error> Node::Impl::take_over(tl::expected<Settings, std::vector<Error>> next,
                                         std::vector<SettingChange>& changes) {
    if (!next) return std::move(next).error();
    if (const Status status = server_->publish(std::move(next->server)); !status)
        return {status.error()};
    server_->publish(next->identity);
    changes = changes_of(next->values, settings_.values, at_start_);
    for (const SettingChange& change : changes)
        log_->info("setting_changed", {{"key", change.key}, {"applied", change.applied}});
    settings_ = *std::move(next);
    return {};
}

void Node::Impl::tell_reloaded(ReloadReport report, const std::vector<Error>& problems) {
    for (const Error& problem : problems) {
        report.problems.push_back(problem.text());
        log_->warning("reload_problem", {{"error", report.problems.back()}});
    }
    if (zones_.is_store()) image_file_events_.begin();
    const Served& served = zones_.served();
    log_->info("reloaded", {{"added", report.zones.added},
                            {"changed", report.zones.changed},
                            {"removed", report.zones.removed},
                            {"failed", report.zones.failed},
                            {"unchanged", unchanged(report.zones, served)},
                            {"total", served.catalogue().size()},
                            {"not_served", served.not_served().total()},
                            {"ok", report.ok()}});
    reloads_.report(reload_json(report, zones_));
}

void Node::Impl::end_reload(const Status& told) {
    if (!told) tell([&] { log_->error("reload_not_told", {{"error", told.error().message}}); });
    state_ = State::serving;
    if (writer::Writer* const writer = writer_or_null()) {
        if (std::exchange(writer_pauses_, false)) writer->resume();
        if (std::exchange(takes_other_over_, false)) writer->store_was_taken_over();
    }
    tell([this] { static_cast<void>(notifier_.ready()); });
    reloads_.end();
    begin_reload_if_wanted();
}

/// The next look reads everything, since nothing remembers what was not taken over.
void Node::Impl::not_published(const Error& error) {
    tell([&] {
        log_->error(
            "not_published",
            {{"error", error.message},
             {"wanted", "memory, then another reload; zones are served as they were before"}});
    });
}

/// The writer for that request. The first one makes it: a node that nobody changes leaves its store as it
/// is.
Result<writer::Writer*> Node::Impl::writer_for(const http::Request& request) {
    if (!zones_.is_store())
        return fail(Errc::busy, "a node that serves zone files takes no changes");
    // Another node may be asked at this socket. A copy of the store is another file too.
    const auto file = request.query.find("file");
    if (file != request.query.end() && file->second != store::file_identity(options_.store))
        return fail(Errc::conflict, "this node serves another file");
    if (writer_or_null() == nullptr) {
        // A look compares with what is served, which a writer would change.
        if (state_ != State::serving)
            return fail(Errc::busy, "the node reads its store, try again");
        ZC_TRY_STATUS(begin_writing());
    }
    return writer_or_null();
}

awaitable<http::Response> Node::Impl::changes(http::Request request) {
    struct Waiting {
        explicit Waiting(asio::io_context& io) : done(io, asio::steady_timer::time_point::max()) {}
        asio::steady_timer done;  // never expires
        std::optional<edit::Answered> answer;
    };
    const auto waiting = std::make_shared<Waiting>(io_);  // shared with the writer's callback
    const Result<writer::Writer*> writer = writer_for(request);
    const auto& query = request.query;
    std::uint64_t first_line = 0;
    if (!writer) {
        waiting->answer = edit::answer_of(writer.error());
    } else if (const auto at = query.find("first-line");
               at != query.end() && !read_number(at->second, first_line)) {
        waiting->answer = edit::answer_of({Errc::invalid, "first-line: wanted a number", {}});
    } else {
        edit::Asked asked;
        asked.body = request.body;
        asked.each = query.contains("each");
        asked.first_line = first_line;
        if (const auto source = query.find("source"); source != query.end())
            asked.source = source->second;
        asked.asker = {"local user", "control socket", runtime::now(), query.contains("dry-run")};
        edit::handle_changes(asked, past_, **writer, [waiting](edit::Answered answer) {
            waiting->answer = std::move(answer);
            waiting->done.cancel();
        });
    }
    boost::system::error_code cancelled;
    if (!waiting->answer)
        co_await waiting->done.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    http::Response response;
    response.content_type = "application/json";
    response.status = waiting->answer ? waiting->answer->status : 503;
    if (waiting->answer) response.body = std::move(waiting->answer->body);
    co_return response;
}

awaitable<http::Response> Node::Impl::reload() {
    const std::shared_ptr<Reload> reload = ask_for_reload();
    boost::system::error_code cancelled;
    co_await reload->done.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    co_return reload_response(reload->report, state_);
}

LookTask Node::Impl::next_look() {
    ingest::ZoneFileOptions zone_files = settings_.zone_files;
    zone_files.now = runtime::now();
    return {zones_.source(), zones_.draw_seed(), std::move(zone_files)};
}

/// Called on the loading thread.
LoadProgress Node::Impl::progress() {
    const base::Instant start = runtime::now();
    const Bar bar = options_.make_bar ? options_.make_bar(start) : Bar();
    return [this, bar, start, logged = start](std::uint64_t zones, std::uint64_t records) mutable {
        const base::Instant now = runtime::now();
        if (bar) return bar(zones, now);
        if (now - logged < log_progress_interval) return;
        logged = now;
        log_->info(
            "loading",
            {{"zones", zones}, {"records", records}, {"seconds", (now - start).as_seconds()}});
    };
}

// Now and then.

void Node::Impl::start_tick() {
    if (options_.watchdog)
        tick_ = std::min(tick_, std::chrono::microseconds(options_.watchdog->nanoseconds / 1000));
    on_tick();
}

void Node::Impl::on_tick() {
    // A step without memory is done at the next tick.
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
    if (all_freed && state_ == State::serving) zones_.source().only_last_is_read();
    static_cast<void>(notifier_.watchdog());
    if (state_ == State::loading) tell_progress();
    if (zones_.is_store() && answers_) look_at_image_file();
    const StoreState* store = zones_.store_or_null();
    if (store != nullptr && state_ == State::serving) store_watch_->look(store->look_number());
    if (store != nullptr && state_ == State::serving) claim_store();
}

/// To the service manager, which must not lose patience while millions of files are read.
void Node::Impl::tell_progress() {
    const std::uint64_t records = count().records;
    if (std::exchange(records_told_, records) == records) return;
    static_cast<void>(notifier_.status("loading, " + std::to_string(records) + " records"));
    static_cast<void>(notifier_.extend_timeout(load_patience));
}

void Node::Impl::start_watching_store() {
    const runtime::SignalsBlocked blocked;
    store_watch_ = std::make_unique<load::BackgroundStoreWatch>(
        zones_.source_path(), [this](std::uint64_t look, const auto& seen) {
            asio::post(io_, [this, look, seen] { store_seen(look, seen); });
        });
}

void Node::Impl::store_seen(std::uint64_t look, const Result<load::StoreWatch::Seen>& seen) {
    if (state_ == State::stopping) return;
    StoreState& store = *zones_.store_or_null();
    // A commit of this node is on the disk before the node hears of it.
    if (writer_or_null() != nullptr && writer_or_null()->figures().waiting > 0) return;
    switch (store.seen(look, seen)) {
        case StoreState::News::none:
            break;
        case StoreState::News::unreadable:
            log_->warning("store_unreadable", {{"error", store.problem()}});
            break;
        case StoreState::News::newer:
            log_->info("store_is_newer", {{"position", store::to_string(store.newest().position)},
                                          {"committed", utc_text(store.newest().committed_at)},
                                          {"served", store::to_string(store.served().position)}});
            break;
    }
}

void Node::Impl::tell_store_read() {
    const StoreStand& stand = zones_.store_or_null()->served();
    log_->info("store_read", {{"position", store::to_string(stand.position)},
                              {"committed", utc_text(stand.committed_at)}});
}

/// Octets that another hand wrote over the image file must not be answered for longer than a tick. A
/// reload finds the zones that they hit, and loads all anew from the store.
void Node::Impl::look_at_image_file() {
    const ImageFileState::Advice advice = zones_.image_file().look(
        runtime::mapped_file_changed(), state_ == State::serving, runtime::monotonic());
    if (advice.tell)
        tell([this] {
            log_->error(
                "image_file_changed",
                {{"file", store::image_file_path(zones_.source_path())},
                 {"wanted", "only zonectl may write it; zones that were hit get SERVFAIL"}});
        });
    if (advice.reload) static_cast<void>(ask_for_reload());
}

// Reports.

/// Until the node answers, the zones that have been loaded so far.
ZoneCount Node::Impl::count() const {
    if (!answers_) return {loader_->arriving().zones, loader_->arriving().records};
    return {zones_.served().zones(), zones_.served().records()};
}

Figures Node::Impl::figures() const {
    return figures_of({.version = options_.version,
                       .workers = server_->workers(),
                       .uptime = runtime::monotonic() - started_,
                       .count = count(),
                       .answers = answers_},
                      zones_, process_figures());
}

term::Json Node::Impl::health(const catalogue::NotServedLimit* limit_or_null) const {
    return health_json(state_, count(), zones_.served(), limit_or_null);
}

std::string Node::Impl::metrics() const {
    return stats::prometheus(metrics_report(server_->totals(), figures()), settings_.metric_names);
}

term::Json Node::Impl::status() const {
    const Figures now = figures();
    const server::Totals totals = server_->totals();
    return status_json({.state = state_,
                        .process = ::getpid(),
                        .listen = server_->endpoints(),
                        .zones = zones_,
                        .figures = now,
                        .totals = totals});
}

// The end.

void Node::Impl::stop_soon() {
    asio::post(io_, [this] { shut_down("asked"); });
}

void Node::Impl::give_up(std::string_view event, const std::string& error) {
    tell([&] { log_->error(event, {{"error", error}}); });
    code_ = 2;
    shut_down("failed");
}

void Node::Impl::shut_down(std::string_view why) {
    if (state_ == State::stopping) return;
    state_ = State::stopping;
    const base::Duration drain = settings_.drain;
    end_by_ = runtime::monotonic() + std::max(drain, end_patience_min);
    tell([&] {
        log_->info("stopping", {{"why", why}});
        static_cast<void>(notifier_.stopping());
        static_cast<void>(notifier_.extend_timeout(drain + load_patience));
    });
    // Back to the system's own handling: a second Ctrl-C ends the process at once.
    boost::system::error_code ignored;
    signals_.clear(ignored);
    signals_.cancel(ignored);
    timer_.cancel();
    image_file_events_.close();
    loader_->stop();
    if (control_) control_->stop();
    if (metrics_) metrics_->stop();
    reloads_.cancel();
    if (answers_) {
        const std::size_t cut = server_->drain(drain);
        tell([&] { log_->info("drained", {{"connections_cut", cut}}); });
    }
    end_writing();
    // Nothing is left to do on io_ but to send the responses under way; then `run` returns.
}

/// Until the process has to be gone; not below 0.
base::Duration Node::Impl::left_to_end() const {
    return std::max(end_by_ - runtime::monotonic(), base::Duration());
}

Ending Node::Impl::end() {
    // Some responses may still be on their way.
    const auto finish = [this] {
        io_.run_for(std::chrono::nanoseconds(left_to_end().nanoseconds));
    };
    while (!runtime::caught(finish)) {
    }
    const bool loads = !loader_->ended_within(left_to_end());
    const bool writes = until_written_.has_value();
    const bool thread_left = loads || writes;
    tell([&] {
        if (loads) log_->warning("ends_without_waiting", {{"for", "the loading thread"}});
        if (writes) log_->warning("ends_without_waiting", {{"for", "the writer"}});
        log_->info("ended", {{"code", code_}});
    });
    // All that others see of the node has ended: with a thread left behind, so does the process.
    log_->finish(thread_left ? last_words_patience : std::max(left_to_end(), last_words_patience));
    return {code_, thread_left};
}

Node::Node(Options options, Settings settings, ReadSettings read_settings)
    : impl_(std::make_unique<Impl>(std::move(options), std::move(settings),
                                   std::move(read_settings))) {}
Node::~Node() = default;
Ending Node::run() {
    return impl_->run();
}

}  // namespace zc::node
