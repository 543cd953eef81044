#include "store/log_file.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "runtime/random.h"
#include "store/rows.h"

namespace zc::store {
namespace {

constexpr std::int64_t signed_of(std::uint64_t value) noexcept {
    return static_cast<std::int64_t>(value);
}

/// Whether this process is the node of a store. SQLite's own locks go with the first descriptor of
/// FILE that the process closes, so this is another file.
class NodeLock {
public:
    static Result<NodeLock> take(const std::string& store_path) {
        const std::string path = store_path + "-node";
        NodeLock lock;
        lock.fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (lock.fd_ < 0) return base::fail_errno(errno, "open " + path);
        if (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
            if (errno == EWOULDBLOCK)
                return fail(Errc::busy, "another node has the store open", {.source = store_path});
            return base::fail_errno(errno, "lock " + path);
        }
        return lock;
    }
    NodeLock() = default;
    NodeLock(NodeLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    NodeLock& operator=(NodeLock&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~NodeLock() {
        // The file stays: who removed it could not know whether somebody waits for its lock.
        if (fd_ >= 0) ::close(fd_);
    }

private:
    int fd_ = -1;
};

/// One transaction of rows that the folding changes.
struct Folding {
    Statement find, put_zone, put_image, put_change, remove_zone, remove_image;

    Status prepare(Database& database) {
        ZC_TRY(find, database.prepare("SELECT digest, id, version FROM zones WHERE key = ?"));
        ZC_TRY(put_zone,
               database.prepare("INSERT OR REPLACE INTO zones VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"));
        ZC_TRY(put_image, database.prepare("INSERT OR REPLACE INTO images VALUES(?, ?)"));
        ZC_TRY(put_change, database.prepare("INSERT OR REPLACE INTO changes VALUES(?, ?, ?)"));
        ZC_TRY(remove_zone, database.prepare("DELETE FROM zones WHERE key = ?"));
        ZC_TRY(remove_image, database.prepare("DELETE FROM images WHERE id = ?"));
        return {};
    }
};

}  // namespace

struct LogFile::Work {
    std::string path;
    NodeLock lock;
    Database database;
    Meta meta;
    std::uint64_t folded_up_to = 0;
    std::vector<std::uint8_t> head;
    std::int64_t id_last = 0;
    Statement add_entry, add_request, set_meta, set_folding, entries, read_position;
    Folding folding;
    std::optional<Error> broken;  // the system failed: nothing in memory is trusted any more

    Status usable() const {
        if (broken) return tl::unexpected<Error>(*broken);
        return {};
    }
    /// Keeps an error after which nobody knows what the disk has.
    Status noted(Status status) {
        if (!status && status.error().code != Errc::full && status.error().code != Errc::busy &&
            status.error().code != Errc::conflict)
            broken = status.error();
        return status;
    }
    Status read_state();
    Status prepare();
    Status fold(const FoldedZone& one, Digest& zones, std::int64_t& id);
    Status append(const LogAppend& what);
};

LogFile::LogFile(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
LogFile::LogFile(LogFile&&) noexcept = default;
LogFile& LogFile::operator=(LogFile&&) noexcept = default;
LogFile::~LogFile() = default;

Result<LogFile> LogFile::open(const std::string& path) {
    auto work = std::make_unique<Work>();
    work->path = path;
    {
        // A file that is no store gets no lock file beside it.
        ZC_TRY(const Snapshot looked, Snapshot::open(path, Snapshot::Tail::known));
        static_cast<void>(looked);
    }
    ZC_TRY(work->lock, NodeLock::take(path));
    ZC_TRY(work->database, Database::open(path, Database::Mode::read_write));
    Database& database = work->database;
    // FULL: a commit is durable when it returns. Checkpoints are made beside it (LogCheckpoints).
    ZC_TRY_STATUS(database.execute(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0"));
    {
        ZC_TRY(auto transaction, Transaction::begin(database, Transaction::Kind::immediate));
        ZC_TRY_STATUS(raise_format(database));
        ZC_TRY_STATUS(transaction.commit());
    }
    ZC_TRY_STATUS(work->read_state());
    ZC_TRY_STATUS(work->prepare());
    return LogFile(std::move(work));
}

Status LogFile::Work::read_state() {
    ZC_TRY(meta, read_meta(database));
    ZC_TRY(Statement state, database.prepare("SELECT folded, head FROM folding"));
    ZC_TRY(const bool row, state.step());
    if (!row) return fail(Errc::malformed, "store without the state of its log", {.source = path});
    folded_up_to = static_cast<std::uint64_t>(state.integer(0));
    head.assign(state.octets(1).begin(), state.octets(1).end());
    ZC_TRY(id_last, read_id_last(database, meta.format));
    return {};
}

Status LogFile::Work::prepare() {
    ZC_TRY(add_entry, database.prepare("INSERT INTO log VALUES(?, ?, ?, ?, ?)"));
    ZC_TRY(add_request, database.prepare("INSERT INTO requests VALUES(NULL, ?, ?, ?, ?, ?)"));
    ZC_TRY(set_meta, database.prepare("UPDATE meta SET position = ?, zones = ?"));
    ZC_TRY(set_folding, database.prepare("UPDATE folding SET folded = ?, head = ?, ids = ?"));
    ZC_TRY(entries, database.prepare("SELECT position, value, at, entry, undo FROM log "
                                     "WHERE position > ? ORDER BY position LIMIT 64"));
    ZC_TRY(read_position, database.prepare("SELECT meta.position, value FROM meta "
                                           "JOIN log ON log.position = meta.position"));
    return folding.prepare(database);
}

const Position& LogFile::position() const noexcept {
    return work_->meta.position;
}
std::uint64_t LogFile::folded_up_to() const noexcept {
    return work_->folded_up_to;
}
const std::vector<std::uint8_t>& LogFile::head() const noexcept {
    return work_->head;
}

Status LogFile::Work::fold(const FoldedZone& one, Digest& zones, std::int64_t& id) {
    folding.find.bind(1, one.zone.key);
    ZC_TRY(const bool is_there, folding.find.step());
    std::int64_t image_id = 0;
    if (is_there) {
        ZC_TRY(const Digest digest, digest_from(folding.find.octets(0), path));
        image_id = folding.find.integer(1);
        ZC_CHECK(static_cast<std::uint64_t>(folding.find.integer(2)) < one.version);
        zones -= share_of(one.zone.key, digest);
    }
    folding.find.reset();
    if (one.is_removed) {
        if (is_there) {
            folding.remove_zone.bind(1, one.zone.key);
            ZC_TRY_STATUS(folding.remove_zone.run());
            folding.remove_image.bind(1, image_id);
            ZC_TRY_STATUS(folding.remove_image.run());
        }
    } else {
        if (!is_there) image_id = ++id;
        const Digest digest = digest_of(one.zone, one.image);
        const DigestOctets octets = octets_of(digest);
        bind_zone(folding.put_zone, 1, one.zone, image_id, one.version, octets);
        ZC_TRY_STATUS(folding.put_zone.run());
        if (one.image.empty()) {
            folding.remove_image.bind(1, image_id);
            ZC_TRY_STATUS(folding.remove_image.run());
        } else {
            folding.put_image.bind(1, image_id).bind(2, one.image);
            ZC_TRY_STATUS(folding.put_image.run());
        }
        zones += share_of(one.zone.key, digest);
    }
    folding.put_change.bind(1, signed_of(one.version)).bind(2, one.zone.key);
    folding.put_change.bind(3, std::int64_t{one.is_removed ? 1 : 0});
    return folding.put_change.run();
}

Status LogFile::append(const LogAppend& what) {
    ZC_TRY_STATUS(work_->usable());
    return work_->noted(work_->append(what));
}

Status LogFile::Work::append(const LogAppend& what) {
    ZC_CHECK(what.folded_up_to >= folded_up_to);
    ZC_TRY(auto transaction, Transaction::begin(database, Transaction::Kind::immediate));
    {
        ZC_TRY(const bool row, read_position.step());
        const bool is_ours =
            row && static_cast<std::uint64_t>(read_position.integer(0)) == meta.position.number &&
            static_cast<std::uint64_t>(read_position.integer(1)) == meta.position.value;
        read_position.reset();
        if (!is_ours)
            return fail(Errc::conflict, "another process has changed the store", {.source = path});
    }
    Position position = meta.position;
    for (const LogEntry& one : what.entries) {
        ZC_CHECK(one.position == position.number + 1);
        position.number = one.position;
        position.value = one.value;
        add_entry.bind(1, signed_of(one.position)).bind(2, signed_of(one.value));
        add_entry.bind(3, one.at.nanoseconds / 1000).bind(4, one.entry).bind(5, one.undo);
        ZC_TRY_STATUS(add_entry.run());
    }
    ZC_CHECK(what.folded_up_to <= position.number);
    for (const LogRequest& one : what.requests) {
        add_request.bind(1, base::Octets(one.id)).bind(2, signed_of(one.met));
        add_request.bind(3, signed_of(one.position)).bind(4, std::int64_t{one.attempt});
        add_request.bind(5, std::int64_t{one.kind});
        ZC_TRY_STATUS(add_request.run());
    }
    Digest zones = meta.zones;
    std::int64_t id = id_last;
    for (const FoldedZone& one : what.folded) ZC_TRY_STATUS(fold(one, zones, id));
    const DigestOctets octets = octets_of(zones);
    set_meta.bind(1, signed_of(position.number)).bind(2, base::Octets(octets));
    ZC_TRY_STATUS(set_meta.run());
    set_folding.bind(1, signed_of(what.folded_up_to)).bind(2, what.head).bind(3, id);
    ZC_TRY_STATUS(set_folding.run());
    ZC_TRY_STATUS(transaction.commit());
    meta.position = position;
    meta.zones = zones;
    id_last = id;
    folded_up_to = what.folded_up_to;
    head.assign(what.head.begin(), what.head.end());
    return {};
}

Status LogFile::refresh() {
    ZC_TRY_STATUS(work_->usable());
    return work_->noted(work_->read_state());
}

Status LogFile::read(std::uint64_t after, const std::function<bool(const LogEntry&)>& each) {
    ZC_TRY_STATUS(work_->usable());
    struct Held {
        LogEntry entry;
        std::vector<std::uint8_t> octets;
    };
    for (;;) {
        std::vector<Held> some;  // a look ends before the caller does anything with what it saw
        work_->entries.bind(1, signed_of(after));
        for (;;) {
            ZC_TRY(const bool row, work_->entries.step());
            if (!row) break;
            Held& held = some.emplace_back();
            held.entry.position = static_cast<std::uint64_t>(work_->entries.integer(0));
            held.entry.value = static_cast<std::uint64_t>(work_->entries.integer(1));
            held.entry.at = base::Instant{work_->entries.integer(2) * 1000};
            const base::Octets entry = work_->entries.octets(3), undo = work_->entries.octets(4);
            held.octets.assign(entry.begin(), entry.end());
            held.octets.insert(held.octets.end(), undo.begin(), undo.end());
            held.entry.entry = base::Octets(held.octets).first(entry.size());
            held.entry.undo = base::Octets(held.octets).subspan(entry.size());
        }
        if (some.empty()) return {};
        for (const Held& held : some)
            if (!each(held.entry)) return {};
        after = some.back().entry.position;
    }
}

Status LogFile::read_requests(const std::function<void(const LogRequest&)>& each) {
    ZC_TRY_STATUS(work_->usable());
    ZC_TRY(Statement rows,
           work_->database.prepare(
               "SELECT id, met, position, attempt, kind FROM requests ORDER BY number"));
    for (;;) {
        ZC_TRY(const bool row, rows.step());
        if (!row) return {};
        LogRequest one;
        if (rows.octets(0).size() != one.id.size())
            return fail(Errc::malformed, "request with a wrong id", {.source = work_->path});
        std::ranges::copy(rows.octets(0), one.id.begin());
        one.met = static_cast<std::uint64_t>(rows.integer(1));
        one.position = static_cast<std::uint64_t>(rows.integer(2));
        one.attempt = static_cast<std::uint32_t>(rows.integer(3));
        one.kind = static_cast<std::uint8_t>(rows.integer(4));
        each(one);
    }
}

Status LogFile::forget_requests(std::uint64_t met_up_to) {
    ZC_TRY_STATUS(work_->usable());
    // They are numbered in the order of `met`, so those that go are the first.
    ZC_TRY(Statement drop,
           work_->database.prepare(
               "DELETE FROM requests WHERE number < ifnull((SELECT number FROM "
               "requests WHERE met > ? ORDER BY number LIMIT 1), 9223372036854775807)"));
    drop.bind(1, signed_of(met_up_to));
    return work_->noted(drop.run());
}

Status LogFile::trim(std::uint64_t up_to) {
    ZC_TRY_STATUS(work_->usable());
    // The row of the position itself stays: its value is part of it.
    const std::uint64_t last = std::min(
        {up_to, work_->folded_up_to, std::max<std::uint64_t>(work_->meta.position.number, 1) - 1});
    ZC_TRY(auto transaction, Transaction::begin(work_->database, Transaction::Kind::immediate));
    ZC_TRY(Statement drop, work_->database.prepare(
                               "UPDATE log SET entry = NULL, undo = NULL WHERE position <= ? AND "
                               "(entry IS NOT NULL OR undo IS NOT NULL)"));
    drop.bind(1, signed_of(last));
    ZC_TRY_STATUS(work_->noted(drop.run()));
    return work_->noted(transaction.commit());
}

Status LogFile::checkpoint() {
    ZC_TRY_STATUS(work_->usable());
    return work_->database.execute("PRAGMA wal_checkpoint(PASSIVE)");
}

Result<std::uint64_t> LogFile::octets() {
    ZC_TRY_STATUS(work_->usable());
    ZC_TRY(const std::int64_t octets,
           work_->database.integer(
               "SELECT sum(ifnull(length(entry), 0) + ifnull(length(undo), 0)) FROM log"));
    return static_cast<std::uint64_t>(octets);
}

Result<std::shared_ptr<void>> claim(const std::string& path) {
    ZC_TRY(NodeLock lock, NodeLock::take(path));
    return std::shared_ptr<void>(std::make_shared<NodeLock>(std::move(lock)));
}

std::string file_identity(const std::string& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return {};
    return std::to_string(found.st_dev) + "-" + std::to_string(found.st_ino);
}

struct RowReader::Work {
    std::string path;
    Database database;
    Statement find;
};

RowReader::RowReader(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
RowReader::RowReader(RowReader&&) noexcept = default;
RowReader& RowReader::operator=(RowReader&&) noexcept = default;
RowReader::~RowReader() = default;

Result<RowReader> RowReader::open(const std::string& path) {
    auto work = std::make_unique<Work>();
    work->path = path;
    ZC_TRY(work->database, Database::open(path, Database::Mode::read_only));
    ZC_TRY(work->find, work->database.prepare(
                           "SELECT key, zones.id, version, state, serial, records, source, digest, "
                           "settings, image FROM zones LEFT JOIN images ON images.id = zones.id "
                           "WHERE key = ?"));
    return RowReader(std::move(work));
}

void RowReader::let_go() noexcept {
    work_->find.reset();
}

Result<std::optional<RowReader::Found>> RowReader::find(base::Octets key) {
    Statement& row = work_->find;
    row.reset();
    row.bind(1, key);
    ZC_TRY(const bool is_there, row.step());
    if (!is_there) return std::nullopt;
    Found found;
    ZC_TRY(found.zone, zone_of(row, work_->path));
    found.image = row.octets(zone_columns_count);
    if (digest_of(found.zone, found.image) != found.zone.digest)
        return fail(Errc::malformed, "the zone does not fit its digest", {.source = work_->path});
    return found;
}

struct LogReader::Work {
    std::string path;
    Database database;
    Statement find, version, changed;
    std::vector<std::uint8_t> octets;  // of what was found last
};

LogReader::LogReader(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
LogReader::LogReader(LogReader&&) noexcept = default;
LogReader& LogReader::operator=(LogReader&&) noexcept = default;
LogReader::~LogReader() = default;

Result<LogReader> LogReader::open(const std::string& path) {
    {
        ZC_TRY(const Snapshot looked, Snapshot::open(path, Snapshot::Tail::known));
        if (looked.format() < format_version)
            return fail(Errc::unsupported,
                        "a store of format " + std::to_string(looked.format()) +
                            " has no log of changes, wanted format " +
                            std::to_string(format_version),
                        {.source = path});
    }
    auto work = std::make_unique<Work>();
    work->path = path;
    ZC_TRY(work->database, Database::open(path, Database::Mode::read_only));
    Database& database = work->database;
    ZC_TRY(work->find,
           database.prepare("SELECT value, at, entry, undo FROM log WHERE position = ?"));
    ZC_TRY(work->version, database.prepare("SELECT version FROM zones WHERE key = ?"));
    ZC_TRY(work->changed, database.prepare("SELECT max(version) FROM changes WHERE key = ?"));
    return LogReader(std::move(work));
}

Result<std::optional<LogEntry>> LogReader::find(std::uint64_t position) {
    Statement& row = work_->find;
    row.bind(1, signed_of(position));
    ZC_TRY(const bool is_there, row.step());
    if (!is_there) return std::nullopt;
    LogEntry found;
    found.position = position;
    found.value = static_cast<std::uint64_t>(row.integer(0));
    found.at = base::Instant{row.integer(1) * 1000};
    const base::Octets entry = row.octets(2), undo = row.octets(3);
    work_->octets.assign(entry.begin(), entry.end());
    work_->octets.insert(work_->octets.end(), undo.begin(), undo.end());
    found.entry = base::Octets(work_->octets).first(entry.size());
    found.undo = base::Octets(work_->octets).subspan(entry.size());
    // A row that is still looked at would hold up checkpoints until the next call.
    row.reset();
    return found;
}

Result<std::uint64_t> LogReader::last_position() {
    ZC_TRY(const std::int64_t position, work_->database.integer("SELECT position FROM meta"));
    return static_cast<std::uint64_t>(position);
}

Result<std::uint64_t> LogReader::folded_up_to() {
    ZC_TRY(const std::int64_t position, work_->database.integer("SELECT folded FROM folding"));
    return static_cast<std::uint64_t>(position);
}

Result<std::uint64_t> LogReader::last_version(base::Octets key) {
    std::uint64_t version = 0;
    for (Statement* row : {&work_->version, &work_->changed}) {
        row->bind(1, key);
        ZC_TRY(const bool is_there, row->step());
        if (is_there) version = static_cast<std::uint64_t>(row->integer(0));
        row->reset();
        if (version != 0) break;
    }
    return version;
}

struct LogCheckpoints::Work {
    Database database;
};

LogCheckpoints::LogCheckpoints(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
LogCheckpoints::LogCheckpoints(LogCheckpoints&&) noexcept = default;
LogCheckpoints& LogCheckpoints::operator=(LogCheckpoints&&) noexcept = default;
LogCheckpoints::~LogCheckpoints() = default;

Result<LogCheckpoints> LogCheckpoints::open(const std::string& path) {
    auto work = std::make_unique<Work>();
    ZC_TRY(work->database, Database::open(path, Database::Mode::read_write));
    ZC_TRY_STATUS(work->database.execute("PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0"));
    return LogCheckpoints(std::move(work));
}

Status LogCheckpoints::run() {
    return work_->database.execute("PRAGMA wal_checkpoint(PASSIVE)");
}

}  // namespace zc::store
