// Whether a store has moved on since it was loaded, for a node to say that it is behind.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

namespace zc::load {

/// Threads: an object belongs to one thread at a time.
class StoreWatch {
public:
    struct Seen {
        store::Position position;
        base::Instant committed_at;  // `Instant{}`: not known
    };

    explicit StoreWatch(std::string path);
    ~StoreWatch();
    StoreWatch(StoreWatch&&) noexcept;
    StoreWatch& operator=(StoreWatch&&) noexcept;

    /// Where the store stands. Cost: stat of the file and of its WAL; when one of them has changed
    /// since the last call, and each 60th time in any case, the store is opened: about 1 ms.
    /// Errors: those of store::Snapshot::open.
    Result<Seen> look();

private:
    struct Work;
    std::unique_ptr<Work> work_;
};

/// The same on a thread of its own, for callers who must not wait for a disk that hangs. The thread
/// has the signal mask of the one that makes this.
class BackgroundStoreWatch {
public:
    /// Called on that thread, with the number that was given to `look`. Must not block.
    using Told = std::function<void(std::uint64_t look, const Result<StoreWatch::Seen>& seen)>;

    BackgroundStoreWatch(std::string path, Told told);
    /// Afterwards `told` is not called any more. Does not wait for a look under way: the thread
    /// ends by itself.
    ~BackgroundStoreWatch();
    BackgroundStoreWatch(const BackgroundStoreWatch&) = delete;
    BackgroundStoreWatch& operator=(const BackgroundStoreWatch&) = delete;

    /// Asks for a look and returns at once. One that waits already is taken over by this one.
    void look(std::uint64_t number);

private:
    struct Shared;
    std::shared_ptr<Shared> shared_;  // with the thread, which may outlive this
};

}  // namespace zc::load
