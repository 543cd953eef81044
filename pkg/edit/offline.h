// Commands on a store that no node has open.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "edit/changes.h"

namespace zc::edit {

struct OfflineOptions {
    std::string path;
    std::function<base::Instant()> now;
    std::function<std::uint64_t()> random;  // of positions
};

/// The writer of a store without a node: its jobs run on the calling thread, one after the other.
class Offline {
public:
    /// Takes the store as a node does. Errors: those of store::LogFile::open; `busy`: a node has it.
    static Result<Offline> open(OfflineOptions options);
    Offline(Offline&&) noexcept;
    Offline& operator=(Offline&&) noexcept;
    /// Without `close` all that was answered is durable, and stays in the log until somebody folds it.
    ~Offline();

    /// As handle_changes; blocks until the answer is durable.
    Answered ask(const Asked& asked);
    /// Brings all changes into rows. The last call. Errors, `full` and others: they are in the log.
    Status close();

private:
    struct Work;
    explicit Offline(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::edit
