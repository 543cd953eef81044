// Whether a store has moved on since it was loaded, for a node to say that it is behind.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "journal/journal.h"

namespace zc::writer {

/// Threads: an object belongs to one thread at a time.
class StoreWatch {
public:
    struct Seen {
        journal::Position position;
        base::Instant committed_at;  // `Instant{}`: not known
    };

    explicit StoreWatch(std::string path);
    ~StoreWatch();
    StoreWatch(StoreWatch&&) noexcept;
    StoreWatch& operator=(StoreWatch&&) noexcept;

    /// Where the store stands. Cost: stat of the file and of its WAL; when one of them has changed
    /// since the last call, and each 60th time in any case, the store is opened: about 1 ms.
    /// Errors: those of journal::Snapshot::open.
    Result<Seen> look();

private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::writer
