#include <algorithm>
#include <optional>
#include <unordered_set>
#include <utility>

#include <sys/stat.h>

#include "base/check.h"
#include "store/file.h"
#include "store/image_file.h"
#include "store/log_file.h"
#include "store/rows.h"
#include "store/store.h"

namespace zc::store {
namespace {

constexpr std::int64_t first_format_with_entries = 3;

/// The file of a store, as far as reading it without locks depends on it.
struct Stamp {
    bool whole = false;  // it is there, and nothing stands in a log beside it
    struct stat file {};

    static Stamp of(const std::string& path) {
        Stamp stamp;
        struct stat log {};
        const bool logged = ::stat((path + "-wal").c_str(), &log) == 0 && log.st_size > 0;
        stamp.whole = ::stat(path.c_str(), &stamp.file) == 0 && !logged;
        return stamp;
    }
    bool operator==(const Stamp& other) const {
        return whole == other.whole && file.st_ino == other.file.st_ino &&
               file.st_dev == other.file.st_dev && file.st_size == other.file.st_size &&
               file.st_mtim.tv_sec == other.file.st_mtim.tv_sec &&
               file.st_mtim.tv_nsec == other.file.st_mtim.tv_nsec;
    }
};

}  // namespace

struct Snapshot::Work {
    Database database;
    std::optional<Transaction> reading;
    Meta meta;
    Statement by_key, by_id;
    StoredZone found;
    std::optional<Stamp> stamp;  // when it is read without locks

    /// All reads before this call were of one state.
    Status check_unchanged() const {
        if (!stamp || *stamp == Stamp::of(database.path())) return {};
        return fail(Errc::busy, "another process changed it while it was read",
                    {.source = database.path()});
    }
};

Snapshot::Snapshot(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
Snapshot::Snapshot(Snapshot&&) noexcept = default;
Snapshot& Snapshot::operator=(Snapshot&&) noexcept = default;
Snapshot::~Snapshot() = default;

Result<Snapshot> Snapshot::open(const std::string& path, Tail tail) {
    const auto opened = [&path, tail](Database::Mode mode) -> Result<Snapshot> {
        ZC_TRY(Database database, Database::open(path, mode));
        auto work = std::make_unique<Work>();
        work->database = std::move(database);
        ZC_TRY(auto reading, Transaction::begin(work->database, Transaction::Kind::deferred));
        work->reading.emplace(std::move(reading));
        ZC_TRY(work->meta, read_meta(work->database));
        if (tail == Tail::refused && work->meta.folded_up_to != work->meta.position.number)
            return fail(Errc::conflict, not_folded(work->meta), {.source = path});
        if (work->meta.format == 1) {
            // A damaged row is told by who reads it.
            const auto digest = digest_zones(work->database);
            if (!digest && digest.error().code != Errc::malformed)
                return tl::unexpected<Error>(digest.error());
            if (digest) work->meta.position.value = value_of(*digest);
        }
        ZC_TRY(work->by_key, work->database.prepare(std::string("SELECT ") + zone_columns +
                                                    " FROM zones WHERE key = ?"));
        ZC_TRY(work->by_id, work->database.prepare("SELECT image FROM images WHERE id = ?"));
        return Snapshot(std::move(work));
    };
    auto snapshot = opened(Database::Mode::read_only);
    if (snapshot || snapshot.error().code == Errc::malformed ||
        snapshot.error().code == Errc::unsupported || snapshot.error().code == Errc::busy ||
        snapshot.error().code == Errc::conflict)
        return snapshot;
    // To read a store SQLite makes FILE-shm beside it, the memory that it shares with writers. That
    // needs a place: not on a read-only disk, in a folder of somebody else's, or on a full disk.
    const Stamp stamp = Stamp::of(path);
    auto other =
        opened(stamp.whole ? Database::Mode::unchanging : Database::Mode::with_foreign_memory);
    if (!other) return snapshot;
    if (stamp.whole) {
        other->work_->stamp = stamp;
        ZC_TRY_STATUS(other->work_->check_unchanged());
    }
    return other;
}

const Position& Snapshot::position() const noexcept {
    return work_->meta.position;
}

base::Instant Snapshot::committed_at() const noexcept {
    return work_->meta.committed_at;
}

std::int64_t Snapshot::format() const noexcept {
    return work_->meta.format;
}

std::uint64_t Snapshot::folded_up_to() const noexcept {
    return work_->meta.folded_up_to;
}

Result<std::uint64_t> Snapshot::zones() {
    ZC_TRY(const std::int64_t count, work_->database.integer("SELECT count(*) FROM zones"));
    ZC_TRY_STATUS(work_->check_unchanged());
    return static_cast<std::uint64_t>(count);
}

Status Snapshot::for_each(base::Octets first_key,
                          const std::function<bool(const StoredZone&)>& each) {
    Database& database = work_->database;
    ZC_TRY(Statement rows, database.prepare(std::string("SELECT ") + zone_columns +
                                            " FROM zones WHERE key >= ? ORDER BY key"));
    rows.bind(1, first_key);
    for (;;) {
        ZC_TRY(const bool row, rows.step());
        if (!row) return work_->check_unchanged();
        ZC_TRY(const StoredZone zone, zone_of(rows, database.path()));
        if (!each(zone)) return work_->check_unchanged();
    }
}

Result<Snapshot::Set> Snapshot::for_each_image(
    const std::function<bool(const StoredZone&, base::Octets, Image)>& each) {
    // Images lie in the order of their ids and zones in that of their keys: so all zones are read
    // first (80 octets each), which is 20 times faster than 2.1 million look-ups all over the file.
    Database& database = work_->database;
    struct Row {
        StoredZone zone;
        std::size_t at;  // of key and settings in `octets`
        std::size_t key_octets, settings_octets;
    };
    std::vector<Row> rows;
    std::vector<std::uint8_t> octets;
    Digest sum;
    ZC_TRY_STATUS(for_each({}, [&](const StoredZone& zone) {
        sum += share_of(zone.key, zone.digest);
        rows.push_back({zone, octets.size(), zone.key.size(), zone.settings.size()});
        octets.insert(octets.end(), zone.key.begin(), zone.key.end());
        octets.insert(octets.end(), zone.settings.begin(), zone.settings.end());
        return true;
    }));
    for (Row& row : rows) {
        row.zone.key = base::Octets(octets).subspan(row.at, row.key_octets);
        row.zone.settings =
            base::Octets(octets).subspan(row.at + row.key_octets, row.settings_octets);
    }
    std::ranges::sort(rows, {}, [](const Row& row) { return row.zone.id; });

    const Set set = work_->meta.format == 1 || sum == work_->meta.zones ? Set::whole : Set::damaged;
    const auto give = [&each](const StoredZone& zone, base::Octets image) {
        const bool good = digest_of(zone, image) == zone.digest;
        return each(zone, image, good ? Image::good : Image::damaged);
    };
    ZC_TRY(Statement images, database.prepare("SELECT id, image FROM images ORDER BY id"));
    std::int64_t image_id = 0;  // where `images` stands; ids begin at 1
    bool more = true;
    bool readable = true;  // a damaged page ends the walk, not the zones on other pages
    for (const Row& row : rows) {
        while (readable && more && image_id < row.zone.id) {
            const auto step = images.step();
            if (!step && step.error().code != Errc::malformed)
                return tl::unexpected<Error>(step.error());
            readable = step.has_value();
            more = readable && *step;
            if (more) image_id = images.integer(0);
        }
        if (!readable) {
            const auto image = this->image(row.zone);
            if (!image && image.error().code != Errc::malformed)
                return tl::unexpected<Error>(image.error());
            const bool go_on =
                image ? each(row.zone, *image, Image::good) : each(row.zone, {}, Image::damaged);
            if (!go_on) return set;
            continue;
        }
        const bool has_image = more && image_id == row.zone.id;
        if (!give(row.zone, has_image ? images.octets(1) : base::Octets{})) return set;
    }
    ZC_TRY_STATUS(work_->check_unchanged());
    return set;
}

Result<const StoredZone*> Snapshot::find_or_null(base::Octets key) {
    Work& work = *work_;
    work.by_key.reset();
    work.by_key.bind(1, key);
    ZC_TRY(const bool row, work.by_key.step());
    ZC_TRY_STATUS(work.check_unchanged());
    if (!row) return nullptr;
    ZC_TRY(work.found, zone_of(work.by_key, work.database.path()));
    return &work.found;
}

Result<base::Octets> Snapshot::image(const StoredZone& zone) {
    Work& work = *work_;
    work.by_id.reset();
    work.by_id.bind(1, zone.id);
    ZC_TRY(const bool row, work.by_id.step());
    const base::Octets image = row ? work.by_id.octets(0) : base::Octets{};
    ZC_TRY_STATUS(work.check_unchanged());
    if (digest_of(zone, image) != zone.digest)
        return fail(Errc::malformed, "zone does not fit its digest",
                    {.source = work.database.path()});
    return image;
}

Result<std::optional<std::vector<ChangedZone>>> Snapshot::changed_since(const Position& since) {
    Work& work = *work_;
    using Zones = std::optional<std::vector<ChangedZone>>;
    const Position& now = work.meta.position;
    if (since == now) return Zones(std::vector<ChangedZone>());
    if (work.meta.format == 1 || since.store != now.store || since.number < work.meta.log_base ||
        since.number >= now.number)
        return Zones();
    ZC_TRY(Statement past, work.database.prepare("SELECT value FROM log WHERE position = ?"));
    past.bind(1, static_cast<std::int64_t>(since.number));
    ZC_TRY(const bool known, past.step());
    if (!known || static_cast<std::uint64_t>(past.integer(0)) != since.value) return Zones();
    // In the order of versions: of a zone that changed twice the last row counts.
    ZC_TRY(Statement rows, work.database.prepare("SELECT key, removed FROM changes "
                                                 "WHERE version > ? ORDER BY version, key"));
    rows.bind(1, static_cast<std::int64_t>(since.number));
    std::vector<ChangedZone> all;
    for (;;) {
        ZC_TRY(const bool row, rows.step());
        if (!row) break;
        all.push_back({string_of(rows.octets(0)), rows.integer(1) != 0});
    }
    ZC_TRY_STATUS(work.check_unchanged());
    std::ranges::stable_sort(all, {}, &ChangedZone::key);
    std::vector<ChangedZone> zones;
    for (ChangedZone& zone : all) {
        if (!zones.empty() && zones.back().key == zone.key) zones.pop_back();
        zones.push_back(std::move(zone));
    }
    return Zones(std::move(zones));
}

Status Snapshot::for_each_entry(std::uint64_t after,
                                const std::function<bool(const LogEntry&)>& each) {
    if (work_->meta.format < first_format_with_entries) return {};
    ZC_TRY(Statement rows, work_->database.prepare("SELECT position, value, at, entry, undo FROM "
                                                   "log WHERE position > ? ORDER BY position"));
    rows.bind(1, static_cast<std::int64_t>(after));
    for (;;) {
        ZC_TRY(const bool row, rows.step());
        if (!row) return work_->check_unchanged();
        LogEntry entry;
        entry.position = static_cast<std::uint64_t>(rows.integer(0));
        entry.value = static_cast<std::uint64_t>(rows.integer(1));
        entry.at = base::Instant{rows.integer(2) * 1000};
        entry.entry = rows.octets(3);
        entry.undo = rows.octets(4);
        if (!each(entry)) return work_->check_unchanged();
    }
}

Result<std::vector<std::uint8_t>> Snapshot::named(std::string_view name) {
    ZC_TRY(Statement rows, work_->database.prepare("SELECT octets FROM named WHERE name = ?"));
    rows.bind(1, name);
    ZC_TRY(const bool row, rows.step());
    if (!row) return std::vector<std::uint8_t>();
    const base::Octets octets = rows.octets(0);
    return std::vector<std::uint8_t>(octets.begin(), octets.end());
}

Result<std::uint64_t> Snapshot::check(
    const std::function<void(base::Octets key, const std::string& problem)>& each_problem) {
    Database& database = work_->database;
    std::uint64_t problems = 0;
    const auto report = [&](base::Octets key, const std::string& problem) {
        ++problems;
        each_problem(key, problem);
    };
    ZC_TRY(Statement integrity, database.prepare("PRAGMA integrity_check"));
    for (;;) {
        const auto row = integrity.step();
        if (!row) {
            if (row.error().code != Errc::malformed) return tl::unexpected<Error>(row.error());
            report({}, row.error().message);
            break;
        }
        if (!*row) break;
        if (integrity.text(0) != "ok") report({}, std::string(integrity.text(0)));
    }
    std::vector<std::int64_t> owned;
    const auto zones = for_each_image([&](const StoredZone& zone, base::Octets, Image image) {
        owned.push_back(zone.id);
        if (image == Image::damaged)
            report(zone.key, "key, image or settings do not fit the digest");
        return true;
    });
    if (!zones) {
        if (zones.error().code != Errc::malformed) return tl::unexpected<Error>(zones.error());
        report({}, zones.error().message);
        return problems;
    }
    if (*zones == Set::damaged)
        report({},
               "the set of zones does not fit its digest: a zone is missing, has another key "
               "or an older state");
    for (std::size_t i = 1; i < owned.size(); ++i)
        if (owned[i] == owned[i - 1])
            report({}, "image " + std::to_string(owned[i]) + " belongs to two zones");
    ZC_TRY(Statement orphans, database.prepare("SELECT id FROM images ORDER BY id"));
    auto owner = owned.begin();
    for (;;) {
        const auto row = orphans.step();
        if (!row || !*row) break;  // an unreadable page was reported above
        const std::int64_t id = orphans.integer(0);
        while (owner != owned.end() && *owner < id) ++owner;
        if (owner == owned.end() || *owner != id)
            report({}, "image " + std::to_string(id) + " belongs to no zone");
    }
    return problems;
}

}  // namespace zc::store
