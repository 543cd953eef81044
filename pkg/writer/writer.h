// The one way in for changes of a running node.
//
//     request   ->  rows of its zones are read       (work lane, when they are not known)
//               ->  make(zones)                      control: the changes, on the state they will meet
//               ->  fold::advance                    control; an image over `large_octets` on the work lane
//               ->  an entry of the log, at its position
//               ->  one transaction for all that waits  (log lane): durable
//               ->  Publisher::publish               control: served
//               ->  done(receipt)
//
// The order is decided on the control thread. While one group of entries is being committed, the next is
// computed on top of it. When a commit fails, all that stands on it fails with it, and nothing of it is
// ever published.
//
// Requests for one zone take their turn. A request for a small zone does not wait for one of a large
// zone: that gets its place in the order when its image is made.
//
// Folding: rows and images of changed zones follow in later transactions, some beside each commit and
// the rest when nothing waits. A large image is folded when its entries are worth it, and at the end.
//
// Two writers: when another process (an import) has changed the store, a commit finds it. Nothing of the
// commit is done then. The publisher is told; after `store_was_taken_over` all requests are made again on
// the new state.
//
// Errors of requests, of which nothing was done: those of `Request::make` and of fold::advance; `limit`
// (of a change, or of an entry); `malformed` (the row of the zone is damaged); `full` (no space left; may be tried
// again), `busy` (another process held the store for longer than 5 s), `interrupted` (the node stops).
// `io`: the disk failed. It is not known whether the change is there; the writer refuses all until the
// node is started again.
//
// Threads: one, the control thread. Callbacks come on it too, never inside of `submit`.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "dns/name.h"
#include "fold/zone_state.h"
#include "replica/entry.h"
#include "store/store.h"
#include "writer/crew.h"
#include "zone/change.h"

namespace zc::writer {

/// A zone that a request names, as it stands when the request gets its place.
struct ZoneView {
    dns::NameView apex;
    const fold::ZoneState& state;  // version 0: there is no such zone
};

struct ZoneChange {
    dns::Name apex;  // one of the request's zones, each once
    zone::Change change;
};

struct Request {
    std::vector<dns::Name> zones;  // all that it may change or look at; each once
    /// Makes the changes out of what is there. Called again when another process came between. Zones
    /// are in the order of `zones`.
    std::function<Result<std::vector<ZoneChange>>(const std::vector<ZoneView>&)> make;
    /// A client's: the same request again is told the same outcome, and done once.
    std::optional<replica::RequestId> id = {};
    std::string who = {}, where = {};
};

struct ZoneReceipt {
    dns::Name apex;
    std::uint64_t version = 0;  // 0: it is gone
    std::uint32_t serial_before = 0, serial = 0;
    bool differs = false;
};
struct Receipt {
    std::uint64_t position = 0;    // of the entry; 0: nothing differed, and there is none
    bool was_done_before = false;  // an earlier request with this id did it; `zones` are empty
    std::vector<ZoneReceipt> zones;
};
using Done = std::function<void(Result<Receipt>)>;

/// A zone as it is from now on. `state.exists()` false: it is gone.
struct PublishedZone {
    dns::Name apex;
    fold::ZoneState state;
};

/// Serves what is durable.
class Publisher {
public:
    virtual ~Publisher() = default;
    /// Each zone once.
    virtual void publish(std::vector<PublishedZone> zones) = 0;
    /// All that the store has at this position has been published.
    virtual void reached(const store::Position& position, base::Instant at) = 0;
    /// Another process has changed the store. The publisher takes it over, and then calls
    /// `Writer::store_was_taken_over`.
    virtual void store_has_moved() = 0;
};

struct Options {
    std::string path;                               // of the store
    std::uint64_t checkpoint_octets = 16 << 20;     // written since the last checkpoint, about
    std::size_t fold_beside_commit = 128;           // zones
    std::size_t unfolded_max = 250'000;             // zones; then requests wait for folding
    std::uint64_t unfolded_octets_max = 128 << 20;  // of entries, as above
    std::uint32_t large_octets = 64 << 10;          // images over this are made on the work lane
    std::uint64_t window = 1'000'000;               // request ids that are remembered
    base::Duration idle_before_folding = base::Duration::milliseconds(20);
    base::Duration retry_after = base::Duration::seconds(1);  // a full disk, or a busy store
    std::function<base::Instant()> now;
    std::function<std::uint64_t()> random;  // of positions
    replica::NodeId node = {};
};

/// For status and metrics.
struct Figures {
    std::uint64_t position = 0;  // of the last entry, durable or not
    store::Position durable;     // and published
    std::uint64_t unfolded_zones = 0, unfolded_octets = 0;
    std::uint64_t applied = 0, unchanged = 0, refused = 0, repeated = 0, failed = 0;  // requests
    std::uint64_t commits = 0, entries = 0, folded_zones = 0;
    std::uint64_t waiting = 0;  // requests without an answer
    base::Duration last_commit;
    bool refuses = false;  // the disk failed
};

class Writer {
public:
    /// Takes the store for this process (store/log_file.h) and what its log has beyond the rows:
    /// those zones are given to `publisher` before anything else. Errors: those of LogFile::open, and
    /// `malformed` for a log that does not fit its rows. Reads on the calling thread.
    static Result<std::unique_ptr<Writer>> open(Options options, Crew& crew, Publisher& publisher);
    virtual ~Writer() = default;

    virtual void submit(Request request, Done done) = 0;
    /// The store as it stands now is served.
    virtual void store_was_taken_over() = 0;
    /// While paused nothing is published, so nothing is committed either. Requests wait.
    virtual void pause() = 0;
    virtual void resume() = 0;
    /// Takes no request any more, answers those that are there, folds everything, and calls `done`.
    virtual void close(std::function<void(Status)> done) = 0;

    virtual Figures figures() const = 0;
};

}  // namespace zc::writer
