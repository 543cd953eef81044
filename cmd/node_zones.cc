#include <algorithm>
#include <map>
#include <ranges>

#include "node_impl.h"
#include "runtime/mapped_file.h"
#include "runtime/memory.h"

namespace zc::cmd {
namespace {

constexpr base::Duration log_progress_interval = base::Duration::seconds(10);
constexpr base::Duration publish_interval = base::Duration::milliseconds(250);
constexpr std::size_t publish_zones_max = 1 << 16;  // handed to the control thread at once
constexpr std::size_t errors_logged_max = 10;       // of one zone
constexpr std::uint64_t zones_logged_max = 1000;    // refused zones with lines of their own

term::Json details_json(const node::ChangeReport& changes) {
    term::Json out = term::Json::array();
    for (const node::ChangeReport::Detail& detail : changes.details) {
        term::Json json = term::Json::object();
        json.set("zone", dns::to_string(detail.apex)).set("what", to_string(detail.what));
        if (detail.serial) json.set("serial", term::Json::number(std::uint64_t{*detail.serial}));
        term::Json errors = term::Json::array();
        for (const std::string& error : detail.errors) errors.add(term::Json::string(error));
        json.set("errors", std::move(errors));
        out.add(std::move(json));
    }
    return out;
}

}  // namespace

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

void Node::Impl::log_not_served(std::string_view zone, catalogue::Reason reason,
                                std::string_view detail) {
    if (refused_logged_++ >= zones_logged_max) return;
    log_->warning("zone_not_served",
                  {{"zone", zone},
                   {"reason", catalogue::to_string(reason)},
                   {"error", detail.empty() ? catalogue::sentence_of(reason) : detail}});
}

void Node::Impl::log_not_served(const catalogue::NotServed& not_served) {
    not_served.for_each([this](const catalogue::NotServed::Item& item) {
        log_not_served(item.zone, item.reason, item.detail);
        return refused_logged_ < zones_logged_max;
    });
}

/// What there is to say of a zone that is served: records that it is served without, the cost of
/// its proofs.
void Node::Impl::log_doubts(const ingest::LoadedZone& zone) {
    if (!zone.costly.empty() && costly_logged_++ < zones_logged_max)
        log_->warning("zone_costly", {{"zone", dns::to_string(zone.apex)}, {"why", zone.costly}});
    if (zone.left_out.empty() || left_out_logged_++ >= zones_logged_max) return;
    const std::string apex = dns::to_string(zone.apex);
    for (std::size_t i = 0; i < std::min(zone.left_out.size(), errors_logged_max); ++i)
        log_->warning("record_left_out", {{"zone", apex}, {"error", zone.left_out[i].text()}});
    if (zone.left_out_count > errors_logged_max)
        log_->warning("record_left_out",
                      {{"zone", apex}, {"more", zone.left_out_count - errors_logged_max}});
}

void Node::Impl::first_load() {
    // With --progressive control keeps the set from the first zone on.
    std::optional<catalogue::NotServed> not_served;
    if (store_ || !configuration_.options.progressive) not_served.emplace();
    auto result = store_       ? load_store(*not_served)
                  : not_served ? load_into_catalogue(*not_served)
                               : load_progressively();
    asio::post(io_,
               [this, result = std::move(result), not_served = std::move(not_served)]() mutable {
                   loaded(result, std::move(not_served));
               });
}

/// As `Served` wants it.
node::NewZone Node::Impl::new_zone(ingest::LoadedZone&& zone) const {
    const auto reason = reason_of(zone);
    return {.apex = zone.apex,
            .image = std::move(zone.image),
            .records = zone.records,
            .reason = reason,
            .errors = std::move(zone.errors)};
}

/// Why nothing can be served of what the source gave; nothing when something can.
std::optional<catalogue::Reason> Node::Impl::reason_of(const ingest::LoadedZone& zone) const {
    const auto reason = load::reason_of(zone.state);
    if (reason != catalogue::Reason::broken) return reason;
    if (!store_) return catalogue::Reason::refused;
    return zone.errors.empty() ? catalogue::Reason::broken : catalogue::Reason::damaged;
}

/// Before anything is served: straight into the catalogue, which nobody reads yet.
Result<ingest::ZoneFileTotals> Node::Impl::load_into_catalogue(catalogue::NotServed& not_served) {
    ingest::ZoneFileOptions options = zone_file_options(configuration_.options);
    options.stop_or_null = &stop_loading_;
    const auto sink = [&](std::span<ingest::LoadedZone> zones) {
        for (ingest::LoadedZone& zone : zones) {
            if (!zone.errors.empty()) {
                log_refused(zone);
                not_served.put(zone.apex, catalogue::Reason::refused, zone.errors.front().text());
            }
            log_doubts(zone);
            served_->count(1, zone.records);
            served_->unpublished().insert({zone.apex, std::move(zone.image)});
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
        served_->unpublished().insert(
            {dns::Name(apex), zone::placeholder(apex, zone::State::pending)});
        served_->count(1, 0);
    };
    if (auto listed = files_->list(announce); !listed) return listed;
    log_->info("zones_listed", {{"zones", served_->zones()}});
    asio::post(io_, [this] {
        served_->set_all_not_loaded();
        start_serving();
    });

    auto batch = std::make_shared<Found>();
    base::Duration flushed = runtime::monotonic();
    const auto flush = [&] {
        while (!batch_room_.try_acquire_for(std::chrono::milliseconds(100)))
            if (stop_loading_) return;
        asio::post(io_, [this, batch] {
            batch_room_.release();
            const Status status = runtime::caught([&] {
                node::ChangeReport ignored;
                publish(std::move(*batch), ignored);
            });
            if (!status) not_published(status.error());
        });
        batch = std::make_shared<Found>();
        flushed = runtime::monotonic();
    };
    ingest::ZoneFileOptions options = zone_file_options(configuration_.options);
    options.stop_or_null = &stop_loading_;
    const auto sink = [&](std::span<ingest::LoadedZone> zones) {
        for (ingest::LoadedZone& zone : zones) {
            if (!zone.errors.empty()) log_refused(zone);
            log_doubts(zone);
            batch->changes.zones.push_back(new_zone(std::move(zone)));
        }
        if (batch->changes.zones.size() >= publish_zones_max ||
            runtime::monotonic() - flushed >= publish_interval)
            flush();
    };
    auto result = files_->load(options, sink, progress());
    flush();
    return result;
}

load::LoadProgress Node::Impl::store_progress() {
    const ingest::ZoneProgress report = progress();
    return [report](std::uint64_t done, std::uint64_t /*total*/) {
        ingest::ZoneFileTotals so_far;
        so_far.zones = done;
        report(so_far);
    };
}

/// Tells what was found, and counts the zones as they now are.
void Node::Impl::log_load(const load::LoadReport& report) {
    using From = load::LoadReport::From;
    if (report.from != From::image_file)
        log_->warning(report.from == From::heap ? "image_file_unwritable" : "image_file_rebuilt",
                      {{"why", report.why}});
    log_not_served(report.not_served);
    for (const auto& [apex, why] : report.costly)
        log_->warning("zone_costly", {{"zone", dns::to_string(apex)}, {"why", why}});
    if (report.costly_count > report.costly.size())
        log_->warning("zone_costly", {{"more", report.costly_count - report.costly.size()}});
}

/// Before anything is served, as `load_into_catalogue`.
Result<ingest::ZoneFileTotals> Node::Impl::load_store(catalogue::NotServed& not_served) {
    store::clear_leftovers(store_->path());
    ZC_TRY(load::LoadReport report, store_->load(served_->unpublished(), store_progress()));
    runtime::release_free_memory();  // 16 octets a zone, for sorting them
    log_load(report);
    served_->set_counts(report.zones, report.records);
    ingest::ZoneFileTotals totals;
    totals.zones = report.zones;
    totals.records = report.records;
    totals.broken = report.not_served.of(catalogue::Reason::broken) +
                    report.not_served.of(catalogue::Reason::damaged);
    not_served = std::move(report.not_served);
    return totals;
}

/// On the control thread, when the loading thread has ended: takes over where the store is.
void Node::Impl::store_was_read() {
    if (!store_) return;
    const bool first = !served_store_;
    if (first) {
        const runtime::SignalsBlocked blocked;
        served_store_.emplace();
        watch_ = std::make_unique<load::BackgroundStoreWatch>(
            store_->path(), [this](std::uint64_t look, const auto& seen) {
                asio::post(io_, [this, look, seen] { store_seen(look, seen); });
            });
    }
    ServedStore& store = *served_store_;
    ++store.read;
    store.mapped_octets = store_->mapped_octets();
    if (!first && store.position == store_->position()) return;
    store.position = store_->position();
    store.committed_at = store_->committed_at();
    store.newest = {store.position, store.committed_at};
    log_->info("store_read", {{"position", store::to_string(store.position)},
                              {"committed", utc_text(store.committed_at)}});
}

/// Each second, while nothing is being loaded.
void Node::Impl::look_whether_behind() {
    if (served_store_ && state_ == State::serving) watch_->look(served_store_->read);
}

void Node::Impl::store_seen(std::uint64_t look, const Result<load::StoreWatch::Seen>& seen) {
    ServedStore& store = *served_store_;
    if (look != store.read || state_ == State::stopping) return;
    const bool was_behind = store.behind();
    if (!seen) {
        std::string problem = seen.error().text();
        if (problem != store.problem) log_->warning("store_unreadable", {{"error", problem}});
        store.problem = std::move(problem);
        return;
    }
    store.problem.clear();
    store.newest = *seen;
    if (store.behind() && !was_behind)
        log_->info("store_is_newer", {{"position", store::to_string(store.newest.position)},
                                      {"committed", utc_text(store.newest.committed_at)},
                                      {"served", store::to_string(store.position)}});
}

void Node::Impl::loaded(const Result<ingest::ZoneFileTotals>& result,
                        std::optional<catalogue::NotServed> not_served) {
    if (state_ == State::stopping) return;
    const Status status =
        runtime::caught([&] { take_over_first_load(result, std::move(not_served)); });
    if (!status) give_up("load_failed", status.error().message);
}

void Node::Impl::take_over_first_load(const Result<ingest::ZoneFileTotals>& result,
                                      std::optional<catalogue::NotServed> not_served) {
    const ServeOptions& options = configuration_.options;
    if (!result) return give_up("zones_unreadable", result.error().text());
    for (const Error& problem : result->problems)
        log_->warning("zone_source_problem", {{"error", problem.text()}});
    if (options.strict && (result->broken != 0 || result->problems_count != 0))
        return give_up("refuses_to_start", std::to_string(result->broken) + " bad zones, " +
                                               std::to_string(result->problems_count) +
                                               " problems of the source, and --strict");
    if (not_served) served_->set_not_served(*std::move(not_served));
    if (store_) store_->taken();
    store_was_read();
    start_serving();
    if (!answers_) return;
    if (store_) await_image_file_events();
    state_ = State::serving;
    served_->set_loaded(runtime::now());
    for (const net::Endpoint& endpoint : server_->endpoints())
        log_->info("listens", {{"address", net::to_string(endpoint)}});
    log_->info("serving", {{"zones", served_->zones()},
                           {"not_served", served_->not_served().total()},
                           {"records", served_->records()},
                           {"workers", server_->workers()},
                           {"seconds", (runtime::monotonic() - started_).as_seconds()}});
    static_cast<void>(notifier_.status("serving " + std::to_string(served_->zones()) + " zones"));
    static_cast<void>(notifier_.ready());
    if (reload_next_) {
        reload_ = std::exchange(reload_next_, nullptr);
        begin_reload();
    }
}

/// Throws when there is no memory, as what it calls; `not_published` has all read again.
void Node::Impl::publish(Found found, node::ChangeReport& report) {
    if (state_ == State::stopping) return;
    if (!found.all) return served_->apply(std::move(found.changes), runtime::now(), report);
    served_->replace(*std::move(found.all), runtime::now());
    store_->taken();
    report = std::move(found.report);
}

/// The next reload reads everything, since nothing remembers what was not taken over.
void Node::Impl::not_published(const Error& error) {
    read_all_anew_ = true;
    tell([&] {
        log_->error("not_published",
                    {{"error", error.message},
                     {"wanted", "memory, and a reload; what was served before still is"}});
    });
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
    // Nobody is at them now, and no catalogue borrows from what was not taken.
    if (std::exchange(read_all_anew_, false)) {
        if (store_) store_->not_taken();
        if (files_) files_->forget();
    }
    const Status begun = runtime::caught([this] {
        static_cast<void>(notifier_.reloading());
        log_->info("reload_begins");
        begin_long_work([this, frozen = served_->freeze()]() mutable { rescan(std::move(frozen)); },
                        &Impl::reload_failed);
    });
    if (!begun) reload_failed(begun.error().message);
}

/// On the loading thread. What is frozen goes back to the control thread with what was found.
void Node::Impl::rescan(node::Served::Frozen frozen) {
    auto found = std::make_shared<Found>();
    found->frozen.emplace(std::move(frozen));
    found->settings = read_settings();
    if (store_) {
        auto result = look_at_store(*found);
        asio::post(io_, [this, found, result = std::move(result)] {
            finish_reload(std::move(*found), result);
        });
        return;
    }
    ingest::ZoneFileOptions options = zone_file_options(configuration_.options);
    options.stop_or_null = &stop_loading_;
    const auto sink = [&](std::span<ingest::LoadedZone> zones) {
        for (ingest::LoadedZone& zone : zones) {
            if (!zone.errors.empty()) log_refused(zone);
            log_doubts(zone);
            found->changes.zones.push_back(new_zone(std::move(zone)));
        }
    };
    const auto each_known = [&found](const std::function<void(dns::NameView)>& each) {
        found->frozen->catalogue().for_each([&](zone::Zone zone) { each(zone.apex()); });
    };
    const auto removed = [&](dns::NameView apex) { found->changes.removed.emplace_back(apex); };
    auto result = files_->rescan(options, sink, each_known, removed, progress());
    asio::post(io_, [this, found, result = std::move(result)] {
        finish_reload(std::move(*found), result);
    });
}

/// On the loading thread, as `rescan`.
Result<ingest::ZoneFileTotals> Node::Impl::look_at_store(Found& found) {
    ZC_TRY(load::StoreChanges news, store_->changes());
    if (news.blocks_lost > 0) log_->error("images_lost", {{"mebibytes", news.blocks_lost}});
    if (news.everything) {
        // The images of the load before the last: nobody reads them any more.
        store_->forget_old_images();
        auto fresh = std::make_unique<catalogue::Catalogue>(
            random_value<std::uint64_t>(), store_->zones_expected(), runtime::advise_huge_pages);
        ZC_TRY(load::LoadReport loaded, store_->load(*fresh, store_progress()));
        log_load(loaded);
        const catalogue::Catalogue& served = found.frozen->catalogue();
        std::uint64_t kept = 0;
        std::map<std::string, std::string> problems;
        if (!loaded.problem.empty()) found.nameless.push_back(loaded.problem);
        for (const load::DamagedZone& damaged : loaded.damaged) {
            if (damaged.nameless)
                found.nameless.push_back(damaged.problem);
            else
                problems.emplace(dns::to_string(damaged.apex), damaged.problem);
        }
        using What = node::ChangeReport::What;
        fresh->for_each([&](zone::Zone zone) {
            // What a foreign hand has hit cannot be compared: it counts as changed.
            bool is_old = false;
            bool same = false;
            const auto compare = [&]() noexcept {
                const std::optional<zone::Zone> old = served.find_exact(zone.apex());
                is_old = old.has_value();
                same = old && std::ranges::equal(old->octets(), zone.octets());
            };
            if (!runtime::guarded(compare)) {
                is_old = true;
                same = false;
            }
            if (is_old) ++kept;
            if (zone.state() == zone::State::broken && !problems.empty()) {
                const auto problem = problems.find(dns::to_string(zone.apex()));
                if (problem != problems.end())
                    return found.report.add(
                        zone.apex(), What::failed, std::nullopt,
                        {Error{Errc::malformed, problem->second, {store_->path()}}});
            }
            if (!is_old || !same)
                found.report.add(zone.apex(), is_old ? What::changed : What::added, zone.serial());
        });
        found.report.removed = served.size() - std::min<std::uint64_t>(kept, served.size());
        found.all.emplace(node::Served::Replacement{std::move(fresh), loaded.zones, loaded.records,
                                                    std::move(loaded.not_served)});
        return ingest::ZoneFileTotals();
    }
    std::map<std::string, std::string> problems;
    for (const load::DamagedZone& damaged : news.damaged) {
        if (damaged.nameless)
            found.nameless.push_back(damaged.problem);
        else
            problems.emplace(dns::to_string(damaged.apex), damaged.problem);
    }
    for (catalogue::ApexChange& change : news.changes) {
        auto* const image = std::get_if<zone::Image>(&change.image);
        if (image == nullptr) {
            found.changes.removed.push_back(change.apex);
            continue;
        }
        ingest::LoadedZone zone;
        zone.apex = change.apex;
        zone.image = std::move(*image);
        const zone::Zone view(zone.image.octets().data());
        zone.state = view.state();
        zone.records = view.records();
        zone.costly = zone::costly_hashing(view);
        log_doubts(zone);
        if (const auto problem = problems.find(dns::to_string(zone.apex));
            problem != problems.end())
            zone.errors.push_back(Error{Errc::malformed, problem->second, {store_->path()}});
        if (!zone.errors.empty())
            log_refused(zone);
        else if (const auto reason = reason_of(zone))
            log_not_served(dns::to_string(zone.apex), *reason, "");
        found.changes.zones.push_back(new_zone(std::move(zone)));
    }
    return ingest::ZoneFileTotals();
}

/// What is served stays as it was.
void Node::Impl::reload_failed(const std::string& message) {
    read_all_anew_ = true;
    finish_reload({}, fail(Errc::io, message));
}

/// On the loading thread.
SettingsNow Node::Impl::read_settings() const {
    SettingsNow out;
    auto next = read_serve_configuration(arguments_);
    if (!next) {
        out.errors = std::move(next).error();
        return out;
    }
    auto settings = server_settings(next->options);
    auto told = identity(next->options, secrets_);
    if (!settings) out.errors.push_back(settings.error());
    if (settings && !told) out.errors.push_back(told.error());
    if (!out.errors.empty()) return out;
    out.configuration = *std::move(next);
    out.server = *std::move(settings);
    out.identity = *std::move(told);
    return out;
}

/// Gives what can change now to those it concerns. All of it or, when anything is wrong, nothing.
std::vector<Error> Node::Impl::take_over_settings(SettingsNow next, term::Json& report) {
    if (!next.errors.empty()) return std::move(next.errors);
    if (const Status status = server_->publish(std::move(next.server)); !status)
        return {status.error()};
    server_->publish(next.identity);

    const auto reloadable = reloadable_keys();
    const auto add = [&](const std::string& key, bool applied) {
        term::Json json = term::Json::object();
        json.set("key", key).set("applied", term::Json::boolean(applied));
        report.add(std::move(json));
        log_->info("setting_changed", {{"key", key}, {"applied", applied}});
    };
    for (const Setting& setting : next.configuration.settings) {
        const bool now = std::ranges::find(reloadable, setting.key) != reloadable.end();
        const Setting* before =
            find_setting_or_null(now ? configuration_.settings : at_start_, setting.key);
        const bool secrets_changed =
            setting.key == "cookie-secret-file" &&
            (next.identity->cookies.current != identity_->cookies.current ||
             next.identity->cookies.previous != identity_->cookies.previous);
        if (before == nullptr || before->values != setting.values || secrets_changed)
            add(setting.key, now);
    }
    identity_ = std::move(next.identity);
    configuration_ = std::move(next.configuration);
    return {};
}

void Node::Impl::finish_reload(Found found, const Result<ingest::ZoneFileTotals>& result) {
    if (state_ == State::stopping) return;
    node::ChangeReport changes;
    found.frozen.reset();
    std::optional<SettingsNow> now = std::move(found.settings);
    const std::vector<std::string> nameless = std::move(found.nameless);
    const Status published = runtime::caught([&] {
        for (const std::string& problem : nameless) served_->put_nameless(problem);
        publish(std::move(found), changes);
        if (!read_all_anew_) store_was_read();
    });
    if (!published) not_published(published.error());
    found = {};
    const Status told = runtime::caught(
        [&] { tell_of_reload(result, published, changes, nameless, std::move(now)); });
    if (!told) tell([&] { log_->error("reload_not_told", {{"error", told.error().message}}); });
    state_ = State::serving;
    tell([this] { static_cast<void>(notifier_.ready()); });
    reload_->done.cancel();
    reload_ = std::exchange(reload_next_, nullptr);
    if (reload_) begin_reload();
}

void Node::Impl::tell_of_reload(const Result<ingest::ZoneFileTotals>& result,
                                const Status& published, node::ChangeReport& changes,
                                const std::vector<std::string>& nameless,
                                std::optional<SettingsNow> now) {
    if (result && served_store_) served_store_->problem.clear();
    // Whatever was not looked at, or found as it is served.
    const std::uint64_t total = served_->catalogue().size();
    const std::uint64_t unchanged =
        total - std::min(changes.added + changes.changed + changes.failed, total);
    term::Json settings = term::Json::array();
    std::vector<Error> errors;
    if (now) errors = take_over_settings(*std::move(now), settings);

    term::Json problems = term::Json::array();
    const auto add_problem = [&](const Error& error) {
        problems.add(term::Json::string(error.text()));
        log_->warning("reload_problem", {{"error", error.text()}});
    };
    for (const Error& error : errors) add_problem(error);
    for (const std::string& problem : nameless)
        add_problem(Error{Errc::malformed, problem, {store_->path()}});
    if (!result) add_problem(result.error());
    if (!published) add_problem(published.error());
    if (result && published) image_file_changed_ = false;
    if (store_ && !image_file_events_.is_open()) await_image_file_events();
    if (result)
        for (const Error& problem : result->problems) add_problem(problem);

    const auto number = [](std::uint64_t n) { return term::Json::number(n); };
    term::Json zones = term::Json::object();
    zones.set("added", number(changes.added)).set("changed", number(changes.changed));
    zones.set("removed", number(changes.removed)).set("failed", number(changes.failed));
    zones.set("unchanged", number(unchanged)).set("total", number(total));
    zones.set("not_served", not_served_json()).set("outdated", number(served_->outdated()));
    zones.set("details", details_json(changes));
    const bool ok = changes.failed == 0 && problems.elements().empty();
    term::Json report = term::Json::object();
    report.set("ok", term::Json::boolean(ok)).set("zones", std::move(zones));
    report.set("problems", std::move(problems)).set("settings", std::move(settings));
    if (served_store_) report.set("store", store_json());
    log_->info("reloaded", {{"added", changes.added},
                            {"changed", changes.changed},
                            {"removed", changes.removed},
                            {"failed", changes.failed},
                            {"unchanged", unchanged},
                            {"total", total},
                            {"not_served", served_->not_served().total()},
                            {"ok", ok}});
    reload_->report = std::move(report);
}

}  // namespace zc::cmd
