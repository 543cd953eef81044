// The state of a store to which another process may write: whether the node is behind it, and whether
// another hand was at the mapped image file. Both classes decide only. The node looks and acts.
//
// Threads: one, the control thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "load/store_watch.h"
#include "node/source.h"

namespace zc::node {

/// The state of a store that is served, and the newest one.
class StoreState {
public:
    /// The store was read, and this is served now. True: it is not what was served before.
    bool was_read(const StoreStand& stand);
    /// This node has written to the store, and what it wrote is served.
    void was_written(const store::Position& position, base::Instant at);
    /// The store could be read again after `problem`.
    void is_readable() { problem_.clear(); }

    /// The number of a look that begins now. A look that began before the last `was_read` says
    /// nothing new.
    std::uint64_t look_number() const noexcept { return reads_; }
    enum class News : std::uint8_t { none, newer, unreadable };
    /// Takes what a look has seen, and gives what was not known before.
    News seen(std::uint64_t look, const Result<load::StoreWatch::Seen>& seen);

    const StoreStand& served() const noexcept { return served_; }
    const load::StoreWatch::Seen& newest() const noexcept { return newest_; }
    /// Why it is not known where the store stands; empty: it is known.
    const std::string& problem() const noexcept { return problem_; }
    /// The store has more than what is served.
    bool behind() const noexcept {
        return problem_.empty() && newest_.position != served_.position;
    }

private:
    StoreStand served_;
    load::StoreWatch::Seen newest_;
    std::string problem_;
    std::uint64_t reads_ = 0;
};

/// Decides when all must be loaded anew because another hand has written to the mapped image file.
/// Until that is done, what was hit gets SERVFAIL.
class ImageFileState {
public:
    static constexpr base::Duration retry_interval = base::Duration::seconds(10);

    struct Advice {
        bool tell = false;    // it was not known before
        bool reload = false;  // now
    };
    /// `changed`: the system says that the file is not as it was. `may_reload`: no load is under
    /// way. `now`: monotonic.
    Advice look(bool changed, bool may_reload, base::Duration now) noexcept;
    void was_loaded_anew() noexcept { changed_ = false; }
    bool changed() const noexcept { return changed_; }

private:
    bool changed_ = false;
    base::Duration retry_at_;
};

}  // namespace zc::node
