// The log of a store: changes that were accepted, in their order, durable before the zones are that
// they change.
//
// A node that is written to appends entries, and brings the rows and images of zones forward behind
// them (folding). The state of a store is its rows, and on top of a zone's row the entries above its
// version that touch it. So one changed record costs the disk some hundred octets, in a zone of any
// size; and a zone that changes a hundred times a second is written once.
//
// For the store an entry is octets. The caller of `append` says which zones were folded, and up to
// where every entry is in rows.
//
// Crash safety: an append is one transaction. When it returned, the entries outlast a power cut, and
// all that it folded with them.
//
// Threads: an object belongs to one thread at a time; a `LogCheckpoints` may work beside it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "base/time.h"
#include "store/store.h"

namespace zc::store {

/// An entry at its position.
struct LogEntry {
    std::uint64_t position = 0;
    std::uint64_t value = 0;  // random, as of all positions
    base::Instant at;
    base::Octets entry;  // empty: a commit that changed rows itself (an import)
    base::Octets undo;   // what the entry took away, for history and for going back
};

/// A request that must be known again after a restart. The store knows only that they come in the
/// order of `met`.
struct LogRequest {
    std::array<std::uint8_t, 16> id{};
    std::uint64_t met = 0, position = 0;
    std::uint32_t attempt = 0;
    std::uint8_t kind = 0;
};

/// A zone as it stands after the entry at `version`, which is the last that touches it.
struct FoldedZone {
    Zone zone;  // of one that is removed the key alone
    base::Octets image;
    std::uint64_t version = 0;
    bool is_removed = false;
};

/// The content of one transaction.
struct LogAppend {
    std::span<const LogEntry> entries;  // from `position().number + 1` on; may be none
    std::span<const LogRequest> requests;
    base::Octets head;  // the caller's, as it is after the last entry
    std::span<const FoldedZone> folded;
    /// Every entry up to here is in rows once this is committed. Not below what it was.
    std::uint64_t folded_up_to = 0;
};

class LogFile {
public:
    /// Makes this process the one node that writes to the store, until the object is destroyed: a
    /// lock on FILE-node says so. A store of an older format is raised. A store that is read-only
    /// stays as it is.
    /// Errors: `busy` another node has the store, or another process changes it; `io` it may not be
    /// written; `full`; and those of `Snapshot::open`.
    static Result<LogFile> open(const std::string& path);
    LogFile(LogFile&&) noexcept;
    LogFile& operator=(LogFile&&) noexcept;
    ~LogFile();

    /// The position that this process left, or found.
    const Position& position() const noexcept;
    std::uint64_t folded_up_to() const noexcept;
    const std::vector<std::uint8_t>& head() const noexcept;  // empty: nobody gave one yet

    /// Durable when it returns. Errors, of which nothing was done: `conflict` another process (an
    /// import) has changed the store: `refresh` and look at it; `busy` another process held the lock
    /// for longer than 5 s; `full` no space left, and it may be tried again.
    /// `io`: the system failed at writing or syncing. Only a store that is opened again shows whether
    /// the append is there: this object does nothing more, and every later call fails with `io`.
    Status append(const LogAppend& what);
    /// Takes over the position that another process left.
    Status refresh();

    /// The entries above `after`, in their order; false ends it. A short look each: no lock is held
    /// between two calls of `each`. Those that were trimmed are not there.
    Status read(std::uint64_t after, const std::function<bool(const LogEntry&)>& each);
    /// The requests that `append` was given and `forget_requests` left, oldest first.
    Status read_requests(const std::function<void(const LogRequest&)>& each);

    /// Requests met up to there are gone.
    Status forget_requests(std::uint64_t met_up_to);
    /// Entries up to there are gone, but for what is not folded yet.
    Status trim(std::uint64_t up_to);
    /// Merges what is left of SQLite's write-ahead log into the file, so that the next append begins it
    /// anew: short behind `LogCheckpoints::run`, which does the most of it. Errors: as there.
    Status checkpoint();
    /// Octets of entries and undos that are kept.
    Result<std::uint64_t> octets();

private:
    struct Work;
    explicit LogFile(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

/// Says that this process is the node of the store, until the last owner of the value is gone, though it
/// does not write yet: others ask it for changes. `LogFile::open` says so itself, and needs this gone.
/// Errors: `busy` another process says so; `io` it may not be said here.
Result<std::shared_ptr<void>> claim(const std::string& path);

/// Tells the file at `path` from every other on this machine, copies of it too. Empty: there is none,
/// or it may not be looked at.
std::string file_identity(const std::string& path);

/// Reads single zones as their rows stand, beside a `LogFile` and on another thread.
class RowReader {
public:
    static Result<RowReader> open(const std::string& path);
    RowReader(RowReader&&) noexcept;
    RowReader& operator=(RowReader&&) noexcept;
    ~RowReader();

    /// A row and its image (empty: it has none); both live until the next call.
    struct Found {
        StoredZone zone;
        base::Octets image;
    };
    /// Nothing: there is no such zone. Errors: `malformed` when the image does not fit the digest;
    /// `io`.
    Result<std::optional<Found>> find(base::Octets key);
    /// Ends the look of the last `find`: until then SQLite's write-ahead log cannot begin anew.
    void let_go() noexcept;

private:
    struct Work;
    explicit RowReader(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

/// Reads single entries of a log, beside a `LogFile` and in other processes too. Each call sees what
/// is durable then.
class LogReader {
public:
    /// Errors: those of `Snapshot::open`; `unsupported`: a store of a format without a log.
    static Result<LogReader> open(const std::string& path);
    LogReader(LogReader&&) noexcept;
    LogReader& operator=(LogReader&&) noexcept;
    ~LogReader();

    /// Nothing: no entry has that position. The entry is empty for a commit that changed rows
    /// itself, and for one that was trimmed. Octets live until the next call.
    Result<std::optional<LogEntry>> find(std::uint64_t position);
    /// The position of the last entry.
    Result<std::uint64_t> last_position();
    /// Every entry up to here is in rows.
    Result<std::uint64_t> folded_up_to();
    /// The version of the row of this zone. When there is no row: the version at which one was
    /// removed, as long as that is known, or 0. Cost of the latter: linear in the changes that are
    /// known, 0.1 s for a million.
    Result<std::uint64_t> last_version(base::Octets key);

private:
    struct Work;
    explicit LogReader(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

/// Merges SQLite's write-ahead log into the file, beside the appends and never inside one.
class LogCheckpoints {
public:
    static Result<LogCheckpoints> open(const std::string& path);
    LogCheckpoints(LogCheckpoints&&) noexcept;
    LogCheckpoints& operator=(LogCheckpoints&&) noexcept;
    ~LogCheckpoints();

    /// As far as no reader stands in the way. Errors: `full`, `io`: nothing is lost, and it may be
    /// tried again.
    Status run();

private:
    struct Work;
    explicit LogCheckpoints(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::store
