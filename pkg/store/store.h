// The store: one SQLite file that keeps every zone, and the position of its last change.
//
// SQLite is the truth. The image file beside it (image_file.h) is a checkpoint that a node maps.
// The caller decides what a zone is: for the store it is a key, a few numbers and two blocks of
// octets. STORE.md is the format: tables, digests, keys, settings, limits, older formats.
//
// Crash safety: kill -9 or a full disk at any instant leaves the old state or the new one. A store
// that exists changes in one transaction. A new one is built in FILE-new, synced, and renamed to
// FILE, never over a file that exists.
//
// Positions: each commit that changes something gives the next number and a random value. A zone's
// version is the number of the commit that last changed it. The random value tells histories apart:
// a store that was put back from a backup counts the same numbers again.
//
// Threads: an object belongs to one thread at a time. Any number of processes may read while one
// changes.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "base/time.h"

namespace zc::store {

struct FoldedZone;  // log_file.h
struct LogEntry;    // log_file.h

/// A store with a higher number is refused (`unsupported`).
inline constexpr std::int64_t format_version = 3;

inline constexpr std::size_t key_octets_max = 1024;
inline constexpr std::uint64_t image_octets_max = 1'000'000'000;  // SQLite's own limit of a value
inline constexpr std::uint64_t settings_octets_max = 1'000'000'000;

/// One state of one history of one store. Equal positions have equal content.
struct Position {
    std::array<std::uint8_t, 16> store{};  // random, made with the store
    std::uint64_t number = 0;              // commits so far
    std::uint64_t value = 0;               // random, of the commit that made this state
    bool operator==(const Position&) const = default;
};

/// "42-00f3a1b2c3d4e5f6": number, and value in hexadecimal.
std::string to_string(const Position& position);

struct Digest {
    std::uint64_t low = 0, high = 0;
    bool operator==(const Digest&) const = default;
};

/// A zone without its image. `key` and `settings` are borrowed wherever this struct is handed over.
struct Zone {
    base::Octets key;           // unique; 1 … key_octets_max octets
    std::uint8_t state = 0;     // the caller's
    std::uint32_t serial = 0;   // the caller's, for lists
    std::uint64_t records = 0;  // the caller's, for lists
    std::uint64_t source = 0;   // the caller's: hash of what the zone was made from; 0 none
    base::Octets settings;      // the caller's; may be empty
};

/// A zone as it stands in the store. `digest` is over all of Zone but `source`, and the image:
/// XXH3-128.
struct StoredZone : Zone {
    std::int64_t id = 0;  // of its image
    std::uint64_t version = 0;
    Digest digest;
};

/// A zone of `Snapshot::changed_since`.
struct ChangedZone {
    std::string key;
    bool removed = false;  // by its last change; else the store has it, or is damaged
    bool operator==(const ChangedZone&) const = default;
};

/// The digest of a zone with this image.
Digest digest_of(const Zone& zone, base::Octets image) noexcept;

/// One consistent state of a store, however long it is looked at and whatever is committed
/// meanwhile.
class Snapshot {
public:
    /// Writes nothing where nothing can be written: on a read-only or full disk, in a folder of
    /// somebody else's. A read of a store there while another process changes it is `busy`.
    /// Errors: `not_found`, `malformed` (no store, or damaged), `unsupported` (newer format), `io`,
    /// `busy`.
    /// `conflict`: changes are in the log (log_file.h) and not yet in zones; with `Tail::known` the
    /// caller sees to them, and the zones are those without them.
    enum class Tail : std::uint8_t { refused, known };
    static Result<Snapshot> open(const std::string& path, Tail tail = Tail::refused);
    Snapshot(Snapshot&&) noexcept;
    Snapshot& operator=(Snapshot&&) noexcept;
    ~Snapshot();

    const Position& position() const noexcept;
    /// When it was committed; `Instant{}`: not known (format 1).
    base::Instant committed_at() const noexcept;
    /// The format of the file: 1 to `format_version`.
    std::int64_t format() const noexcept;
    /// Every entry of the log up to here is in zones.
    std::uint64_t folded_up_to() const noexcept;
    /// The number of zones. Cost: linear, 0.1 s for 2.1 million.
    Result<std::uint64_t> zones();

    /// Every zone from `first_key` on, in the order of keys; false ends it.
    Status for_each(base::Octets first_key, const std::function<bool(const StoredZone&)>& each);
    /// Every zone with its image (empty: it has none), in the order of `id`, which is that of the
    /// disk. An image that does not fit its digest comes as `damaged`, with the octets as they are.
    enum class Image : std::uint8_t { good, damaged };
    /// `damaged`: the zones are not those that were stored. One is missing, stands there twice or
    /// has another key; which one, only the digest of a zone with another key tells.
    enum class Set : std::uint8_t { whole, damaged };
    Result<Set> for_each_image(
        const std::function<bool(const StoredZone&, base::Octets image, Image)>& each);

    /// The zone with this key, and then its image: for one zone. The pointers live until the next
    /// call. Errors: `malformed` when the image does not fit the digest.
    Result<const StoredZone*> find_or_null(base::Octets key);
    Result<base::Octets> image(const StoredZone& zone);

    /// Zones changed or removed after `since`, each once, in the order of keys. Cost: what changed.
    /// Nothing (`nullopt`) when that is not known any more, or `since` is no state that this store
    /// has gone through: look at everything then.
    Result<std::optional<std::vector<ChangedZone>>> changed_since(const Position& since);

    /// The entries of the log above the position `after`, in their order; false ends it. They are
    /// valid during the call of `each`, which may look up zones here. A position whose entry was
    /// trimmed, or that never had one, has no octets.
    Status for_each_entry(std::uint64_t after, const std::function<bool(const LogEntry&)>& each);

    /// The octets that `Update::set_named` put; empty if none.
    Result<std::vector<std::uint8_t>> named(std::string_view name);

    /// Reads all there is: SQLite's own integrity check, every digest, that of the set of zones,
    /// every image's owner.
    /// `each_problem` gets one line a problem ("zone … : image does not fit its digest"; `key` is
    /// empty where no zone is meant). Gives their number.
    Result<std::uint64_t> check(
        const std::function<void(base::Octets key, const std::string& problem)>& each_problem);

private:
    struct Work;
    explicit Snapshot(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

/// Changes of an update. A zone put as it stood counts as unchanged.
struct Counts {
    std::uint64_t added = 0, changed = 0, removed = 0, unchanged = 0;
    std::uint64_t stayed = 0;  // they differ, and were left as they are (`put_unless`)
    std::uint64_t differing() const noexcept { return added + changed + removed; }
};

/// One change of a store: all of it or nothing. Destroyed without `commit`: nothing happened.
class Update {
public:
    enum class Missing : std::uint8_t { error, create };  // when there is no store at `path`
    static constexpr base::Duration wait_initial = base::Duration::seconds(5);
    /// Takes the writer's lock at once; another writer is waited for no longer than `wait`. Errors:
    /// `busy` another process changes the store (or builds one there), and those of
    /// `Snapshot::open`; `exists` something that is no store stands there.
    /// With `Tail::known` also a store whose log is ahead of its zones; then `fold` comes first.
    static Result<Update> begin(const std::string& path, Missing missing,
                                base::Duration wait = wait_initial,
                                Snapshot::Tail tail = Snapshot::Tail::refused);
    Update(Update&&) noexcept;
    Update& operator=(Update&&) noexcept;
    ~Update();

    /// True when there was no store before: every zone is new.
    bool is_new() const noexcept;

    /// True: changes are in the log and not yet in zones. `fold` has to bring them there.
    bool is_behind_log() const noexcept;
    /// Brings the zones that the log is ahead of to where it is: all of them, each once. This update
    /// counts nothing of it, and readers see those changes at their own positions. Nobody else
    /// changes the store while this update has its lock, so a `Snapshot` that is opened now has what
    /// it takes. Without another change `commit` leaves all of it undone: a node may be about to do
    /// it. Call it before anything else.
    Status fold(std::span<const FoldedZone> zones);

    /// Adds or replaces. A zone that is equal in all (digest) is left alone; only its `source` is renewed.
    /// `image` empty: none. Cost: 1 µs a zone of a new store; 3 µs to find an unchanged one
    /// among 2.1 million, less when most are asked for.
    Status put(const Zone& zone, base::Octets image);
    /// The same, but a zone that differs and stands there with the source `staying` (not 0) is left
    /// as it is, and counts as `stayed`. False: that was so.
    Result<bool> put_unless(const Zone& zone, base::Octets image, std::uint64_t staying);
    /// True, and the zone counts as unchanged, when its `source` is this and not 0. As cheap as a
    /// hash table after the first few thousand calls. Any thread, but not beside another call.
    Result<bool> is_unchanged(base::Octets key, std::uint64_t source);
    /// The same for several threads at once, as long as none of them calls anything else here.
    /// Nothing: it takes `is_unchanged` to tell, which reads the store for the first ones.
    std::optional<bool> is_unchanged_shared(base::Octets key, std::uint64_t source) noexcept;
    /// The settings of the zone as it stands now; empty when there is none. Always empty in a new store.
    Result<std::vector<std::uint8_t>> settings(base::Octets key);
    /// Removing what is not there is no error and counts nothing.
    Status remove(base::Octets key);
    /// Removes every zone that was neither put nor found unchanged here, and for which `may_go`
    /// returns true. It is asked before.
    Status remove_untouched(
        const std::function<bool(base::Octets key, std::uint64_t source)>& may_go);
    /// Octets of the caller under a name; equal octets change nothing, empty ones remove it.
    Status set_named(std::string_view name, base::Octets octets);

    const Counts& counts() const noexcept;
    /// The position that `commit` will give if anything differs, for those that have to know before.
    Position next_position() const noexcept;

    /// Makes it durable. The position is the old one when nothing differs. Afterwards the update is
    /// over, also on error. `now` is the time that the commit has in the store.
    Result<Position> commit(base::Instant now);
    /// After a `commit` that gave a position: not empty when a new store is in its place and whole,
    /// but its name may not outlast a power loss.
    const std::string& durability_problem() const noexcept;

private:
    struct Work;
    explicit Update(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

/// Removes pieces of stores and image files that killed processes were making. Files that another
/// process is making stay, as do those that may not be removed.
void clear_leftovers(const std::string& store_path) noexcept;

}  // namespace zc::store
