// Where the zones of a node come from: zone files, or a store.
//
// Each call is one look. It gives what it found as values and touches nothing of the node: the control
// thread takes them over (zones.h).
//
// Threads: a source belongs to the loading thread while a look is under way, and to the control thread
// at any other time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "catalogue/catalogue.h"
#include "ingest/zone_files.h"
#include "node/served.h"
#include "node/zone_log.h"
#include "store/store.h"

namespace zc::node {

/// The zones that a first load has brought so far. Any thread.
struct Arriving {
    std::atomic<std::uint64_t> zones{0}, records{0};
};

/// Takes zones while the rest still loads. It is called on the loading thread, and may wait.
struct Handover {
    std::function<void(Served::Replacement names)>
        names;  // once, first: all zones, as placeholders
    std::function<void(ZoneChanges zones)> zones;
};

/// Called now and then, with how much is done.
using LoadProgress = std::function<void(std::uint64_t zones, std::uint64_t records)>;

/// Given to a look.
struct Look {
    std::uint64_t seed;  // of a new catalogue; secret
    const ingest::ZoneFileOptions& zone_files;
    ZoneLog& log;
    Arriving& arriving;
    const LoadProgress& progress;
    /// Null: zones are served when all are loaded.
    const Handover* handover_or_null = nullptr;
};

/// The finds of a look.
struct LookResult {
    std::optional<Served::Replacement> all;  // everything anew; then `changes` is empty
    ZoneChanges changes;
    ChangeReport differences;           // of `all`, from what was served
    /// Damage of a store that belongs to no zone with a name. `all` counts it as not served.
    std::vector<std::string> nameless;
    std::vector<Error> problems;        // of the source and of no zone; the first of them
    std::uint64_t problems_count = 0;
    std::uint64_t broken = 0;  // zones, of a first load
};

/// The state of a store that was read.
struct StoreStand {
    store::Position position;
    base::Instant committed_at;  // `Instant{}`: not known
    std::uint64_t mapped_octets = 0;
};

class Source {
public:
    virtual ~Source() = default;
    virtual const std::string& path() const noexcept = 0;

    /// Everything, into a new catalogue. An error: nothing can be served.
    virtual Status load(const Look& look, LookResult& found) = 0;
    /// Finds the changes since the last look; `served` is what the node serves now. After an error
    /// `found` has to be taken over nevertheless.
    virtual Status look_again(const catalogue::Catalogue& served, const Look& look,
                              LookResult& found) = 0;

    /// The finds of the last look are served now.
    virtual void taken() noexcept = 0;
    /// The finds of the last look are lost: the next look finds everything.
    virtual void not_taken() noexcept = 0;

    /// Nothing: it is not a store.
    virtual std::optional<StoreStand> stand() const noexcept = 0;
    /// No catalogue but the last one is read any more.
    virtual void only_last_is_read() noexcept = 0;
};

/// A directory, a list or one file. Errors: `not_found`, `io`.
Result<std::unique_ptr<Source>> open_zone_files(const std::string& path);
/// Errors: those of store::Snapshot::open.
Result<std::unique_ptr<Source>> open_store(const std::string& path);

}  // namespace zc::node
