#include "load/store_watch.h"

#include <array>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

namespace zc::load {
namespace {

// A commit within the clock tick of the last look that leaves the size as it was changes nothing
// that stat tells.
constexpr unsigned looks_between_openings = 60;

/// The file and its WAL as stat tells them.
struct Stamp {
    struct File {
        std::filesystem::file_time_type written{};
        std::uintmax_t octets = 0;
        bool operator==(const File&) const = default;
    };
    std::array<File, 2> files{};
    bool operator==(const Stamp&) const = default;

    static Stamp of(const std::string& path) {
        Stamp out;
        const std::array<std::string, 2> paths = {path, path + "-wal"};
        for (std::size_t i = 0; i < paths.size(); ++i) {
            std::error_code error;
            const auto written = std::filesystem::last_write_time(paths[i], error);
            if (error) continue;
            const auto octets = std::filesystem::file_size(paths[i], error);
            if (!error) out.files[i] = {written, octets};
        }
        return out;
    }
};

}  // namespace

struct StoreWatch::Work {
    std::string path;
    std::optional<Stamp> stamp;
    std::optional<Seen> seen;
    unsigned looks = 0;
};

StoreWatch::StoreWatch(std::string path) : work_(std::make_unique<Work>()) {
    work_->path = std::move(path);
}
StoreWatch::~StoreWatch() = default;
StoreWatch::StoreWatch(StoreWatch&&) noexcept = default;
StoreWatch& StoreWatch::operator=(StoreWatch&&) noexcept = default;

Result<StoreWatch::Seen> StoreWatch::look() {
    Work& work = *work_;
    // Before it is opened: a change that is written meanwhile is seen the next time.
    const Stamp stamp = Stamp::of(work.path);
    const bool due = ++work.looks % looks_between_openings == 0;
    if (work.seen && work.stamp == stamp && !due) return *work.seen;
    work.seen.reset();
    ZC_TRY(const store::Snapshot snapshot,
           store::Snapshot::open(work.path, store::Snapshot::Tail::known));
    work.seen = Seen{snapshot.position(), snapshot.committed_at()};
    work.stamp = stamp;
    return *work.seen;
}

struct BackgroundStoreWatch::Shared {
    StoreWatch watch;  // the thread's
    std::mutex mutex;
    std::condition_variable wakes;
    std::optional<std::uint64_t> wanted;
    Told told;  // empty: the end

    Shared(std::string path, Told on_seen) : watch(std::move(path)), told(std::move(on_seen)) {}

    void run() {
        std::unique_lock lock(mutex);
        for (;;) {
            wakes.wait(lock, [this] { return wanted || !told; });
            if (!told) return;
            const std::uint64_t number = *std::exchange(wanted, std::nullopt);
            lock.unlock();
            Result<StoreWatch::Seen> seen = fail(Errc::limit, "no memory");
            try {
                seen = watch.look();
            } catch (const std::bad_alloc&) {
                // As it says; the next look may find some.
            }
            lock.lock();
            try {
                if (told) told(number, seen);
            } catch (const std::bad_alloc&) {
                // Callers who wait hear of the next look.
            }
        }
    }
};

BackgroundStoreWatch::BackgroundStoreWatch(std::string path, Told told)
    : shared_(std::make_shared<Shared>(std::move(path), std::move(told))) {
    std::thread([shared = shared_] { shared->run(); }).detach();
}

BackgroundStoreWatch::~BackgroundStoreWatch() {
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->told = nullptr;
    }
    shared_->wakes.notify_one();
}

void BackgroundStoreWatch::look(std::uint64_t number) {
    {
        const std::lock_guard lock(shared_->mutex);
        shared_->wanted = number;
    }
    shared_->wakes.notify_one();
}

}  // namespace zc::load
