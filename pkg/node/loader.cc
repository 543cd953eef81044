#include "node/loader.h"

#include <chrono>
#include <memory>
#include <utility>

#include <boost/asio/post.hpp>

#include "node/without_memory.h"

namespace zc::node {

namespace asio = boost::asio;

Loader::Loader(asio::io_context& control, runtime::Log& log,
               std::function<LoadProgress()> make_progress)
    : control_(control), zone_log_(log), make_progress_(std::move(make_progress)) {}

Loader::~Loader() {
    stop();
}

void Loader::load(LookTask task, FirstLoad to) {
    task.zone_files.stop_or_null = &stop_;
    LookFailed failed = to.failed;
    const auto work = [this, task = std::move(task), to = std::move(to)] {
        const LoadProgress progress = make_progress_();
        const Handover batches = handover(to);
        Look look = look_of(task, progress);
        if (to.names) look.handover_or_null = &batches;
        LookResult found;
        Status status = task.source.load(look, found);
        asio::post(control_,
                   [loaded = to.loaded, found = std::move(found),
                    status = std::move(status)]() mutable { loaded(std::move(found), status); });
    };
    begin(work, std::move(failed));
}

void Loader::look_again(LookTask task, Served::Frozen frozen, ReadSettings read_settings,
                        std::function<void(Looked looked)> done, LookFailed failed) {
    task.zone_files.stop_or_null = &stop_;
    // The frozen view goes back to the control thread with the finds, or is gone before `failed`.
    auto work = [this, task = std::move(task), frozen = std::move(frozen),
                 read_settings = std::move(read_settings), done = std::move(done)]() mutable {
        const LoadProgress progress = make_progress_();
        Looked looked;
        looked.frozen.emplace(std::move(frozen));
        looked.settings = read_settings();
        looked.status = task.source.look_again(looked.frozen->catalogue(), look_of(task, progress),
                                               looked.found);
        asio::post(control_, [done = std::move(done), looked = std::move(looked)]() mutable {
            done(std::move(looked));
        });
    };
    begin(std::move(work), std::move(failed));
}

void Loader::begin(std::function<void()> work, LookFailed failed) {
    thread_.begin(std::move(work), [this, failed = std::move(failed)](const std::string& error) {
        sooner_or_later([&] { asio::post(control_, [failed, error] { failed(error); }); });
    });
}

/// Called on the loading thread.
Handover Loader::handover(const FirstLoad& to) {
    const auto names = [this, &to](Served::Replacement all) {
        asio::post(control_,
                   [names = to.names, all = std::move(all)]() mutable { names(std::move(all)); });
    };
    const auto zones = [this, &to](ZoneChanges some) {
        while (!batch_room_.try_acquire_for(std::chrono::milliseconds(100)))
            if (stop_) return;
        asio::post(control_, [this, zones = to.zones, some = std::move(some)]() mutable {
            batch_room_.release();
            zones(std::move(some));
        });
    };
    return {names, zones};
}

Look Loader::look_of(const LookTask& task, const LoadProgress& progress) {
    return {.seed = task.seed,
            .zone_files = task.zone_files,
            .log = zone_log_,
            .arriving = arriving_,
            .progress = progress};
}

}  // namespace zc::node
