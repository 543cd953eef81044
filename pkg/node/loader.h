// The loading thread: looks at the source, one look at a time, and hands its finds to the control thread
// as values.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <semaphore>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/result.h"
#include "base/time.h"
#include "ingest/zone_files.h"
#include "node/long_work.h"
#include "node/served.h"
#include "node/settings.h"
#include "node/source.h"
#include "node/zone_log.h"
#include "runtime/log.h"

namespace zc::node {

/// One look to make.
struct LookTask {
    Source& source;      // the loading thread's, until the look has ended
    std::uint64_t seed;  // of a new catalogue; secret
    ingest::ZoneFileOptions zone_files;
};

/// The end of a reload's look.
struct Looked {
    std::optional<Served::Frozen> frozen;  // the look has compared with it
    tl::expected<Settings, std::vector<Error>> settings;
    LookResult found;
    Status status;  // of the look
};

/// The look has ended in the middle: its finds are lost.
using LookFailed = std::function<void(const std::string& error)>;

/// Threads: one, the control thread. Everything that a look hands over is called there, by `control`.
class Loader {
public:
    /// Batches of zones that may wait for the control thread. Then loading waits.
    static constexpr std::ptrdiff_t batches_waiting_max = 4;

    /// `make_progress` is called on the loading thread, at the begin of each look.
    Loader(boost::asio::io_context& control, runtime::Log& log,
           std::function<LoadProgress()> make_progress);
    /// As `stop`, and waits for the look.
    ~Loader();
    Loader(const Loader&) = delete;
    Loader& operator=(const Loader&) = delete;

    /// Where a first load goes. Without `names` zones are handed over when all are loaded.
    struct FirstLoad {
        std::function<void(Served::Replacement all)> names;
        std::function<void(ZoneChanges some)> zones;
        std::function<void(LookResult found, const Status& status)> loaded;  // last
        LookFailed failed;                                              // instead of `loaded`
    };
    /// The look before has to be at its end. Throws std::system_error, std::bad_alloc.
    void load(LookTask task, FirstLoad to);
    /// As `load`: a look at settings and source.
    void look_again(LookTask task, Served::Frozen frozen, ReadSettings read_settings,
                    std::function<void(Looked looked)> done, LookFailed failed);

    /// The look under way ends soon, and so does each later one.
    void stop() noexcept { stop_ = true; }
    /// False: the look did not end within `patience`.
    bool ended_within(base::Duration patience) { return thread_.ended_within(patience); }
    /// Zones of the first load so far.
    const Arriving& arriving() const noexcept { return arriving_; }

private:
    void begin(std::function<void()> work, LookFailed failed);
    Handover handover(const FirstLoad& to);
    Look look_of(const LookTask& task, const LoadProgress& progress);

    boost::asio::io_context& control_;
    ZoneLog zone_log_;  // the loading thread's
    const std::function<LoadProgress()> make_progress_;
    Arriving arriving_;
    std::atomic<bool> stop_{false};
    std::counting_semaphore<batches_waiting_max> batch_room_{batches_waiting_max};
    LongWork thread_;  // last, to end before all that it uses
};

}  // namespace zc::node
