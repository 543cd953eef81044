#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>
#include <unordered_set>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/check.h"
#include "base/octet_buffer.h"
#include "runtime/random.h"
#include "runtime/workers.h"
#include "sqlite/sqlite.h"
#include "store/file.h"
#include "store/image_file.h"
#include "store/log_file.h"
#include "store/rows.h"
#include "store/store.h"

namespace zc::store {
namespace {

// Zones asked for one by one before the whole table is read into memory: by then the reading (0.6 s
// at 2.1 million zones) costs less than going on.
constexpr std::uint64_t lookups_before_index = 20'000;
// An image of at most so many octets waits for others to be written with.
constexpr std::size_t image_octets_waiting_max = 65'536;
// Rows of a new store's zones that are asked for before they are written.
constexpr std::size_t rows_ahead = 8;
// Rows of `changes` that are kept. A reader that is farther behind looks at everything, which is
// then cheaper anyway.
constexpr std::uint64_t changes_rows_max = 1'000'000;

constexpr std::array<const char*, 3> side_files = {"-wal", "-shm", "-journal"};

/// Those of SQLite's beside a file that is gone would be taken for its successor's.
void remove_side_files(const std::string& path) noexcept {
    for (const char* const suffix : side_files) ::unlink((path + suffix).c_str());
}

}  // namespace

void clear_leftovers(const std::string& store_path) noexcept {
    remove_leftover(image_file_path(store_path) + ".new");
    const std::string path = store_path + "-new";
    const auto is_there = [](const std::string& file) { return ::access(file.c_str(), F_OK) == 0; };
    if (!is_there(path) && std::ranges::none_of(side_files, [&](const char* suffix) {
            return is_there(path + suffix);
        }))
        return;
    // With a new file of ours under this name nobody begins another store meanwhile.
    const auto own = LockedFile::create(path);
    if (own) remove_side_files(path);
}

namespace {

/// The rows of a store in memory, for comparing everything with them.
class Index {
public:
    struct Entry {
        std::uint64_t source;
        Digest digest;
        std::int64_t id;
        std::uint32_t key_at_high;  // of `keys_`
        std::uint32_t key_at_low;
        std::uint16_t key_octets;
        bool touched;
    };

    void reserve(std::size_t zones) {
        entries_.reserve(zones);
        keys_.reserve(zones * key_octets_typical);
    }

    Entry* find_or_null(base::Octets key) noexcept {
        if (slots_.empty()) return nullptr;
        const std::uint64_t hash = XXH3_64bits(key.data(), key.size());
        const std::size_t mask = slots_.size() - 1;
        for (std::size_t at = hash & mask; slots_[at].number != 0; at = (at + 1) & mask) {
            if (slots_[at].tag != tag_of(hash)) continue;
            Entry& entry = entries_[slots_[at].number - 1];
            if (entry.key_octets == key.size() &&
                std::memcmp(this->key(entry).data(), key.data(), key.size()) == 0)
                return &entry;
        }
        return nullptr;
    }

    /// `key` is not there yet.
    Entry& add(base::Octets key, const Entry& entry) {
        append(key, entry);
        if (entries_.size() * 2 > slots_.size()) {
            place_all();
        } else {
            place(entries_.size(), XXH3_64bits(key.data(), key.size()));
        }
        return entries_.back();
    }

    /// As `add`, for many: they are found after `place_all`.
    void append(base::Octets key, Entry entry) {
        const std::uint64_t at = keys_.size();
        entry.key_at_high = static_cast<std::uint32_t>(at >> 32);
        entry.key_at_low = static_cast<std::uint32_t>(at);
        entry.key_octets = static_cast<std::uint16_t>(key.size());
        keys_.insert(keys_.end(), key.begin(), key.end());
        entries_.push_back(entry);
    }

    void place_all() {
        std::size_t slots = 16;
        while (slots < entries_.size() * 2) slots *= 2;
        slots_.assign(slots, {});
        // Each entry's slot misses the cache; asked for ahead, the misses overlap.
        std::array<std::uint64_t, 16> hashes{};
        for (std::size_t first = 0; first < entries_.size(); first += hashes.size()) {
            const std::size_t count = std::min(hashes.size(), entries_.size() - first);
            for (std::size_t i = 0; i < count; ++i) {
                const base::Octets key = this->key(entries_[first + i]);
                hashes[i] = XXH3_64bits(key.data(), key.size());
                __builtin_prefetch(&slots_[hashes[i] & (slots - 1)], 1);
            }
            for (std::size_t i = 0; i < count; ++i) place(first + i + 1, hashes[i]);
        }
    }

    base::Octets key(const Entry& entry) const noexcept {
        const std::uint64_t at = std::uint64_t{entry.key_at_high} << 32 | entry.key_at_low;
        return base::Octets(keys_).subspan(at, entry.key_octets);
    }
    std::vector<Entry>& entries() noexcept { return entries_; }

private:
    static constexpr std::size_t key_octets_typical = 24;
    /// So that an entry, which misses the cache, is only looked at when it is the one.
    struct Slot {
        std::uint32_t number, tag;  // of the entry, from 1
    };
    static std::uint32_t tag_of(std::uint64_t hash) noexcept {
        return static_cast<std::uint32_t>(hash >> 32);
    }
    void place(std::size_t number, std::uint64_t hash) noexcept {
        const std::size_t mask = slots_.size() - 1;
        std::size_t at = hash & mask;
        while (slots_[at].number != 0) at = (at + 1) & mask;
        slots_[at] = {static_cast<std::uint32_t>(number), tag_of(hash)};
    }

    std::vector<Entry> entries_;
    std::vector<Slot> slots_;  // open addressing, at most half full
    std::vector<std::uint8_t> keys_;
};

/// A row of `zones` of a store that is being made: they are written at the end, in the order of
/// keys.
struct NewZone {
    std::uint64_t at;  // of key, then settings, in `octets`
    std::uint64_t records, source;
    Digest digest;
    std::uint32_t serial, settings_octets, number;  // `number` - 1: its place; the image's id
    std::uint16_t key_octets;
    std::uint8_t state;
};

}  // namespace

struct Update::Work {
    std::string path;
    LockedFile new_file;  // of a store that is being made; removed, if not published, after SQLite
                          // has closed it
    Database database;
    std::optional<Transaction> transaction;
    Meta meta;
    Counts counts;
    bool is_new = false;
    bool changed_named = false;
    bool changed_sources = false;
    bool log_given_up = false;
    bool is_behind = false;  // the log is ahead of zones, and `fold` has not been called
    bool has_folded = false;

    // A store that is there.
    Statement find, find_settings, put_zone, put_image, put_change, put_source, remove_zone,
        remove_image;
    std::string durability_problem;
    std::uint64_t next_value = 0;  // of the position that the commit gives
    Index index;
    bool indexed = false;
    std::uint64_t lookups = 0;
    std::unordered_set<std::string> touched;  // before there was an index
    std::int64_t id_last = 0;

    // One that is being made.
    struct NewImage {
        std::uint32_t number;
        std::uint32_t octets;
    };
    Inserting add_images;
    std::vector<NewImage> images_waiting;
    std::vector<std::uint8_t> images_waiting_octets;
    std::vector<NewZone> new_zones;
    base::OctetBuffer new_octets;  // keys and settings of `new_zones`
    std::uint64_t image_octets = 0, written_back = 0;

    base::Octets key_of(const NewZone& zone) const {
        return base::Octets(new_octets).subspan(zone.at, zone.key_octets);
    }

    Status prepare();
    Status read_index();
    struct Old {
        bool there;
        std::uint64_t source;
        Digest digest;
        std::int64_t id;
    };
    Result<Old> look_up(base::Octets key);
    void touch(base::Octets key, const Old& now);
    enum class Left : std::uint8_t { there, removed };
    Status log_change(base::Octets key, Left left);
    Status log_commit(base::Instant now);
    Result<bool> put(const Zone& zone, base::Octets image, std::uint64_t staying);
    Status write_zone(const Zone& zone, base::Octets image, std::int64_t id, std::uint64_t version,
                      const Digest& digest);
    Status fold(const FoldedZone& one);
    Status add_to_new(const Zone& zone, base::Octets image);
    Status add_waiting_images();
    class KeyOrder;
    Result<Position> commit_new(base::Instant now);
    Result<Position> commit_old(base::Instant now);
    std::uint64_t version() const { return meta.position.number + 1; }
    Position next_position() const {
        return {meta.position.store, meta.position.number + 1, next_value};
    }
};

Update::Update(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
Update::Update(Update&&) noexcept = default;
Update& Update::operator=(Update&&) noexcept = default;
Update::~Update() = default;

Result<Update> Update::begin(const std::string& path, Missing missing, base::Duration wait,
                             Snapshot::Tail tail) {
    auto opened = Database::open(path, Database::Mode::read_write, wait);
    if (!opened && (opened.error().code != Errc::not_found || missing == Missing::error))
        return tl::unexpected<Error>(opened.error());

    if (opened) {
        auto work = std::make_unique<Work>();
        work->path = path;
        ZC_TRY(work->next_value, runtime::random_value<decltype(work->next_value)>());
        work->database = *std::move(opened);
        Database& database = work->database;
        ZC_TRY_STATUS(read_meta(database));
        // FULL: a commit is durable when it returns. The cache: most of what a large merge touches.
        ZC_TRY_STATUS(database.execute(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-131072"));
        ZC_TRY(auto transaction, Transaction::begin(database, Transaction::Kind::immediate));
        work->transaction.emplace(std::move(transaction));
        ZC_TRY_STATUS(raise_format(database));
        ZC_TRY(work->meta, read_meta(database));
        work->is_behind = work->meta.folded_up_to != work->meta.position.number;
        if (work->is_behind && tail == Snapshot::Tail::refused)
            return fail(Errc::conflict, not_folded(work->meta), {.source = path});
        ZC_TRY_STATUS(work->prepare());
        return Update(std::move(work));
    }

    ZC_TRY(LockedFile new_file, LockedFile::create(path + "-new"));
    // Beside a store that is gone these would be taken for the new one's.
    remove_side_files(path);
    remove_side_files(path + "-new");
    ZC_TRY(Database database, Database::open(new_file.path(), Database::Mode::read_write));
    auto work = std::make_unique<Work>();
    work->path = path;
    work->new_file = std::move(new_file);
    work->database = std::move(database);
    work->is_new = true;
    Work& made = *work;
    ZC_TRY(made.meta.position.store, runtime::random_value<decltype(made.meta.position.store)>());
    ZC_TRY(made.next_value, runtime::random_value<decltype(made.next_value)>());
    ZC_TRY_STATUS(made.database.execute(
        std::string(page_size) +
        "; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-32768;"
        "PRAGMA application_id=" +
        std::to_string(application_id) + "; PRAGMA user_version=" + std::to_string(format_version) +
        ";" + schema + changes_schema + log_schema + folding_schema + "BEGIN"));
    ZC_TRY(made.add_images, Inserting::prepare(made.database, "images", 2));
    return Update(std::move(work));
}

Status Update::Work::prepare() {
    ZC_TRY(find, database.prepare("SELECT source, digest, id FROM zones WHERE key = ?"));
    ZC_TRY(find_settings, database.prepare("SELECT settings FROM zones WHERE key = ?"));
    ZC_TRY(put_zone,
           database.prepare("INSERT OR REPLACE INTO zones VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)"));
    ZC_TRY(put_image, database.prepare("INSERT OR REPLACE INTO images VALUES(?, ?)"));
    ZC_TRY(put_change, database.prepare("INSERT OR REPLACE INTO changes VALUES(?, ?, ?)"));
    ZC_TRY(put_source, database.prepare("UPDATE zones SET source = ? WHERE key = ?"));
    ZC_TRY(remove_zone, database.prepare("DELETE FROM zones WHERE key = ?"));
    ZC_TRY(remove_image, database.prepare("DELETE FROM images WHERE id = ?"));
    ZC_TRY(id_last, read_id_last(database, meta.format));
    return {};
}

Status Update::Work::read_index() {
    ZC_TRY(const std::int64_t zones, database.integer("SELECT count(*) FROM zones"));
    index.reserve(static_cast<std::size_t>(zones));
    ZC_TRY(Statement rows, database.prepare("SELECT key, source, digest, id FROM zones"));
    for (;;) {
        ZC_TRY(const bool row, rows.step());
        if (!row) break;
        Index::Entry entry{};
        entry.source = static_cast<std::uint64_t>(rows.integer(1));
        ZC_TRY(entry.digest, digest_from(rows.octets(2), path));
        entry.id = rows.integer(3);
        const base::Octets key = rows.octets(0);
        entry.touched = !touched.empty() && touched.contains(string_of(key));
        index.append(key, entry);
    }
    index.place_all();
    touched.clear();
    indexed = true;
    return {};
}

Result<Update::Work::Old> Update::Work::look_up(base::Octets key) {
    if (!indexed && ++lookups > lookups_before_index) ZC_TRY_STATUS(read_index());
    if (indexed) {
        const Index::Entry* const entry = index.find_or_null(key);
        if (entry == nullptr || entry->id == 0) return Old{};  // 0: removed by this update
        return Old{true, entry->source, entry->digest, entry->id};
    }
    find.bind(1, key);
    ZC_TRY(const bool row, find.step());
    if (!row) return Old{};
    ZC_TRY(const Digest digest, digest_from(find.octets(1), path));
    const Old old{true, static_cast<std::uint64_t>(find.integer(0)), digest, find.integer(2)};
    find.reset();
    return old;
}

/// Notes that the zone is to stay, and what it is now.
void Update::Work::touch(base::Octets key, const Old& now) {
    if (!indexed) {
        touched.insert(string_of(key));
        return;
    }
    Index::Entry* entry = index.find_or_null(key);
    if (entry == nullptr) entry = &index.add(key, {});
    entry->source = now.source;
    entry->digest = now.digest;
    entry->id = now.id;
    entry->touched = true;
}

Status Update::Work::log_change(base::Octets key, Left left) {
    if (counts.differing() >= changes_rows_max) {
        // So much that who follows looks at everything anyway.
        if (!log_given_up) ZC_TRY_STATUS(database.execute("DELETE FROM changes"));
        log_given_up = true;
        return {};
    }
    put_change.bind(1, static_cast<std::int64_t>(version())).bind(2, key);
    put_change.bind(3, std::int64_t{left == Left::removed ? 1 : 0});
    return put_change.run();
}

/// The row of the commit that makes `meta.position`.
Status Update::Work::log_commit(base::Instant now) {
    ZC_TRY(Statement add, database.prepare("INSERT INTO log VALUES(?, ?, ?, NULL, NULL)"));
    add.bind(1, static_cast<std::int64_t>(meta.position.number));
    add.bind(2, static_cast<std::int64_t>(meta.position.value));
    add.bind(3, now.nanoseconds / 1000);
    return add.run();
}

bool Update::is_new() const noexcept {
    return work_->is_new;
}

const Counts& Update::counts() const noexcept {
    return work_->counts;
}

Position Update::next_position() const noexcept {
    return work_->next_position();
}

bool Update::is_behind_log() const noexcept {
    return work_->is_behind;
}

Status Update::fold(std::span<const FoldedZone> zones) {
    Work& work = *work_;
    ZC_CHECK(work.is_behind && work.lookups == 0 && work.counts.differing() == 0);
    for (const FoldedZone& one : zones) ZC_TRY_STATUS(work.fold(one));
    work.is_behind = false;
    work.has_folded = true;
    return {};
}

/// Does not count as a look-up: an import that changes a few zones does not read all of them.
Status Update::Work::fold(const FoldedZone& one) {
    find.bind(1, one.zone.key);
    ZC_TRY(const bool is_there, find.step());
    std::int64_t id = 0;
    if (is_there) {
        ZC_TRY(const Digest digest, digest_from(find.octets(1), path));
        id = find.integer(2);
        meta.zones -= share_of(one.zone.key, digest);
    }
    find.reset();
    if (!one.is_removed) {
        if (!is_there) id = ++id_last;
        const Digest digest = digest_of(one.zone, one.image);
        ZC_TRY_STATUS(write_zone(one.zone, one.image, id, one.version, digest));
        meta.zones += share_of(one.zone.key, digest);
    } else if (is_there) {
        remove_zone.bind(1, one.zone.key);
        ZC_TRY_STATUS(remove_zone.run());
        remove_image.bind(1, id);
        ZC_TRY_STATUS(remove_image.run());
    }
    put_change.bind(1, static_cast<std::int64_t>(one.version)).bind(2, one.zone.key);
    put_change.bind(3, std::int64_t{one.is_removed ? 1 : 0});
    return put_change.run();
}

Status Update::put(const Zone& zone, base::Octets image) {
    ZC_TRY(const bool done, work_->put(zone, image, 0));
    ZC_CHECK(done);
    return {};
}

Result<bool> Update::put_unless(const Zone& zone, base::Octets image, std::uint64_t staying) {
    ZC_CHECK(staying != 0);
    return work_->put(zone, image, staying);
}

/// `staying`: a zone of that source stays when it differs; 0: none does.
Result<bool> Update::Work::put(const Zone& zone, base::Octets image, std::uint64_t staying) {
    const auto check = [&](std::string_view what, std::size_t octets, std::size_t limit) -> Status {
        if (octets <= limit) return {};
        return fail(Errc::limit,
                    std::string(what) + " of " + std::to_string(octets) + " octets, limit is " +
                        std::to_string(limit),
                    {.source = path});
    };
    ZC_CHECK(!zone.key.empty());
    ZC_TRY_STATUS(check("key", zone.key.size(), key_octets_max));
    ZC_TRY_STATUS(check("zone image", image.size(), image_octets_max));
    ZC_TRY_STATUS(check("zone settings", zone.settings.size(), settings_octets_max));
    if (is_new) {
        ZC_TRY_STATUS(add_to_new(zone, image));
        return true;
    }

    ZC_TRY(const Old old, look_up(zone.key));
    const Digest digest = digest_of(zone, image);
    if (old.there && old.digest == digest) {
        ++counts.unchanged;
        if (old.source != zone.source) {
            put_source.bind(1, static_cast<std::int64_t>(zone.source)).bind(2, zone.key);
            ZC_TRY_STATUS(put_source.run());
            changed_sources = true;
        }
        touch(zone.key, {true, zone.source, digest, old.id});
        return true;
    }
    if (old.there && staying != 0 && old.source == staying) {
        ++counts.stayed;
        touch(zone.key, old);
        return false;
    }
    const std::int64_t id = old.there ? old.id : ++id_last;
    ZC_TRY_STATUS(write_zone(zone, image, id, version(), digest));
    ZC_TRY_STATUS(log_change(zone.key, Left::there));
    if (old.there) meta.zones -= share_of(zone.key, old.digest);
    meta.zones += share_of(zone.key, digest);
    ++(old.there ? counts.changed : counts.added);
    touch(zone.key, {true, zone.source, digest, id});
    return true;
}

Status Update::Work::write_zone(const Zone& zone, base::Octets image, std::int64_t id,
                                std::uint64_t version, const Digest& digest) {
    const DigestOctets digest_octets = octets_of(digest);
    bind_zone(put_zone, 1, zone, id, version, digest_octets);
    ZC_TRY_STATUS(put_zone.run());
    if (image.empty()) {
        remove_image.bind(1, id);
        return remove_image.run();
    }
    put_image.bind(1, id).bind(2, image);
    return put_image.run();
}

Result<bool> Update::is_unchanged(base::Octets key, std::uint64_t source) {
    Work& work = *work_;
    if (work.is_new || source == 0) return false;
    if (work.indexed) {
        Index::Entry* const entry = work.index.find_or_null(key);
        if (entry == nullptr || entry->id == 0 || entry->source != source) return false;
        ++work.counts.unchanged;
        entry->touched = true;
        return true;
    }
    ZC_TRY(const Work::Old old, work.look_up(key));
    if (!old.there || old.source != source) return false;
    ++work.counts.unchanged;
    work.touch(key, old);
    return true;
}

std::optional<bool> Update::is_unchanged_shared(base::Octets key, std::uint64_t source) noexcept {
    Work& work = *work_;
    if (work.is_new || source == 0) return false;
    if (!work.indexed) return std::nullopt;
    Index::Entry* const entry = work.index.find_or_null(key);
    if (entry == nullptr || entry->id == 0 || entry->source != source) return false;
    std::atomic_ref(work.counts.unchanged).fetch_add(1, std::memory_order_relaxed);
    std::atomic_ref(entry->touched).store(true, std::memory_order_relaxed);
    return true;
}

Result<std::vector<std::uint8_t>> Update::settings(base::Octets key) {
    Work& work = *work_;
    if (work.is_new) return std::vector<std::uint8_t>();
    work.find_settings.bind(1, key);
    ZC_TRY(const bool row, work.find_settings.step());
    if (!row) return std::vector<std::uint8_t>();
    const base::Octets octets = work.find_settings.octets(0);
    std::vector<std::uint8_t> settings(octets.begin(), octets.end());
    work.find_settings.reset();
    return settings;
}

Status Update::remove(base::Octets key) {
    Work& work = *work_;
    ZC_CHECK(!work.is_new);
    ZC_TRY(const Work::Old old, work.look_up(key));
    if (!old.there) return {};
    work.remove_zone.bind(1, key);
    ZC_TRY_STATUS(work.remove_zone.run());
    work.remove_image.bind(1, old.id);
    ZC_TRY_STATUS(work.remove_image.run());
    ZC_TRY_STATUS(work.log_change(key, Work::Left::removed));
    work.meta.zones -= share_of(key, old.digest);
    ++work.counts.removed;
    if (work.indexed) {
        // Nothing is ever taken out of the index: an id of 0 says that it is gone.
        Index::Entry* const entry = work.index.find_or_null(key);
        *entry = {.source = 0,
                  .digest = {},
                  .id = 0,
                  .key_at_high = entry->key_at_high,
                  .key_at_low = entry->key_at_low,
                  .key_octets = entry->key_octets,
                  .touched = true};
    }
    return {};
}

Status Update::remove_untouched(
    const std::function<bool(base::Octets key, std::uint64_t source)>& may_go) {
    Work& work = *work_;
    if (work.is_new) return {};
    if (!work.indexed) ZC_TRY_STATUS(work.read_index());
    for (std::size_t i = 0; i < work.index.entries().size(); ++i) {
        const Index::Entry& entry = work.index.entries()[i];
        if (entry.touched) continue;
        const std::string key = string_of(work.index.key(entry));
        if (!may_go(octets_of(key), entry.source)) continue;
        ZC_TRY_STATUS(remove(octets_of(key)));
    }
    return {};
}

Status Update::set_named(std::string_view name, base::Octets octets) {
    Work& work = *work_;
    ZC_TRY(Statement old, work.database.prepare("SELECT octets FROM named WHERE name = ?"));
    old.bind(1, name);
    ZC_TRY(const bool there, old.step());
    if (there ? std::ranges::equal(old.octets(0), octets) : octets.empty()) return {};
    old.reset();
    ZC_TRY(Statement change,
           work.database.prepare(octets.empty() ? "DELETE FROM named WHERE name = ?"
                                                : "INSERT OR REPLACE INTO named VALUES(?, ?)"));
    change.bind(1, name);
    if (!octets.empty()) change.bind(2, octets);
    ZC_TRY_STATUS(change.run());
    work.changed_named = true;
    return {};
}

Status Update::Work::add_to_new(const Zone& zone, base::Octets image) {
    // 2^32 - 1 zones: the number is 32 bits wide.
    if (new_zones.size() == UINT32_MAX)
        return fail(Errc::limit, "more than 4294967295 zones", {.source = path});
    NewZone row{};
    row.number = static_cast<std::uint32_t>(new_zones.size() + 1);
    row.at = new_octets.size();
    row.key_octets = static_cast<std::uint16_t>(zone.key.size());
    row.settings_octets = static_cast<std::uint32_t>(zone.settings.size());
    row.state = zone.state;
    row.serial = zone.serial;
    row.records = zone.records;
    row.source = zone.source;
    row.digest = digest_of(zone, image);
    meta.zones += share_of(zone.key, row.digest);
    new_octets.append(zone.key);
    new_octets.append(zone.settings);
    new_zones.push_back(row);
    ++counts.added;
    if (image.empty()) return {};
    if (image.size() > image_octets_waiting_max) {
        ZC_TRY_STATUS(add_waiting_images());
        ZC_TRY_STATUS(add_images.run(1, [&](Statement& statement, int first, std::size_t) {
            statement.bind(first, std::int64_t{row.number}).bind(first + 1, image);
        }));
    } else {
        images_waiting.push_back({row.number, static_cast<std::uint32_t>(image.size())});
        images_waiting_octets.insert(images_waiting_octets.end(), image.begin(), image.end());
        if (images_waiting.size() == Inserting::rows_max) ZC_TRY_STATUS(add_waiting_images());
    }
    // The disk begins while the next zones are still being made, so that the sync at the end finds
    // little to do.
    image_octets += image.size();
    if (image_octets - written_back >= LockedFile::write_back_octets) {
        new_file.start_writing_back();
        written_back = image_octets;
    }
    return {};
}

Status Update::Work::add_waiting_images() {
    std::size_t at = 0;
    ZC_TRY_STATUS(add_images.run(images_waiting.size(), [&](Statement& statement, int first,
                                                            std::size_t i) {
        const NewImage& image = images_waiting[i];
        statement.bind(first, std::int64_t{image.number});
        statement.bind(first + 1, base::Octets(images_waiting_octets).subspan(at, image.octets));
        at += image.octets;
    }));
    images_waiting.clear();
    images_waiting_octets.clear();
    return {};
}

/// New zones in the order of their keys, those of one key in that of their numbers. The first part
/// is there at once; the others are sorted by a thread while its rows are written.
class Update::Work::KeyOrder {
public:
    explicit KeyOrder(const Work& work) : work_(work) {
        // The first octets of a key as numbers: nearly all comparisons end there, without a look at
        // the key, which would miss the cache.
        static_assert(std::endian::native == std::endian::little);
        items_.reserve(work.new_zones.size());
        for (std::uint32_t i = 0; i < work.new_zones.size(); ++i) {
            std::array<std::uint64_t, 2> head{};
            const base::Octets key = work.key_of(work.new_zones[i]);
            std::memcpy(head.data(), key.data(), std::min(key.size(), sizeof head));
            items_.push_back({__builtin_bswap64(head[0]), __builtin_bswap64(head[1]), i});
        }
        constexpr std::size_t alone_max = 10'000;
        sorted_ = items_.size();
        if (items_.size() > alone_max) sorted_ /= 4;
        const auto part = items_.begin() + static_cast<std::ptrdiff_t>(sorted_);
        const auto before = [this](const Item& a, const Item& b) { return comes_before(a, b); };
        if (part != items_.end()) {
            std::nth_element(items_.begin(), part, items_.end(), before);
            others_.emplace(
                1, [this, part, before] { std::sort(part, items_.end(), before); }, [] {});
        }
        std::sort(items_.begin(), part, before);
    }

    std::size_t size() const noexcept { return items_.size(); }
    /// Errors: `limit` when there was no thread.
    Status wait_for(std::size_t place) {
        if (place < sorted_) return {};
        sorted_ = items_.size();
        return others_ ? others_->join() : Status{};
    }
    /// `place` has been waited for.
    const NewZone& operator[](std::size_t place) const noexcept {
        return work_.new_zones[items_[place].index];
    }
    /// Whether the one behind it has the same key. Both have been waited for.
    bool is_same_as_next(std::size_t place) const noexcept {
        const Item &one = items_[place], &next = items_[place + 1];
        return one.first == next.first && one.second == next.second &&
               std::ranges::equal(work_.key_of((*this)[place]), work_.key_of((*this)[place + 1]));
    }

private:
    struct Item {
        std::uint64_t first, second;
        std::uint32_t index;
    };
    bool comes_before(const Item& a, const Item& b) const noexcept {
        if (a.first != b.first) return a.first < b.first;
        if (a.second != b.second) return a.second < b.second;
        const base::Octets key_a = work_.key_of(work_.new_zones[a.index]);
        const base::Octets key_b = work_.key_of(work_.new_zones[b.index]);
        const int order =
            std::memcmp(key_a.data(), key_b.data(), std::min(key_a.size(), key_b.size()));
        if (order != 0) return order < 0;
        if (key_a.size() != key_b.size()) return key_a.size() < key_b.size();
        return a.index < b.index;
    }

    const Work& work_;
    std::vector<Item> items_;
    std::size_t sorted_ = 0;  // so many at the front are in their places
    std::optional<runtime::Workers> others_;
};

Result<Position> Update::Work::commit_new(base::Instant now) {
    KeyOrder order(*this);
    meta.position = next_position();
    ZC_TRY_STATUS(add_waiting_images());
    ZC_TRY(Inserting add, Inserting::prepare(database, "zones", zone_columns_count));
    std::array<const NewZone*, Inserting::rows_max> rows{};
    std::size_t rows_count = 0;
    const auto add_rows = [&] {
        std::array<DigestOctets, Inserting::rows_max> digests;
        const std::size_t count = std::exchange(rows_count, 0);
        return add.run(count, [&](Statement& statement, int first, std::size_t i) {
            const NewZone& row = *rows[i];
            Zone zone;
            zone.key = key_of(row);
            zone.state = row.state;
            zone.serial = row.serial;
            zone.records = row.records;
            zone.source = row.source;
            zone.settings =
                base::Octets(new_octets).subspan(row.at + row.key_octets, row.settings_octets);
            digests[i] = octets_of(row.digest);
            bind_zone(statement, first, zone, row.number, meta.position.number, digests[i]);
        });
    };
    ZC_TRY(Statement drop_image, database.prepare("DELETE FROM images WHERE id = ?"));
    for (std::size_t i = 0; i < order.size(); ++i) {
        // In this order each row misses the cache; asked for ahead, the misses overlap.
        if (i + 2 * rows_ahead < order.size()) {
            ZC_TRY_STATUS(order.wait_for(i + 2 * rows_ahead));
            __builtin_prefetch(&order[i + 2 * rows_ahead]);
        }
        if (i + rows_ahead < order.size())
            __builtin_prefetch(new_octets.data() + order[i + rows_ahead].at);
        ZC_TRY_STATUS(order.wait_for(std::min(i + 1, order.size() - 1)));
        const NewZone& row = order[i];
        if (i + 1 < order.size() && order.is_same_as_next(i)) {
            // Put twice: the last one counts, as in a store that is there.
            drop_image.bind(1, std::int64_t{row.number});
            ZC_TRY_STATUS(drop_image.run());
            meta.zones -= share_of(key_of(row), row.digest);
            --counts.added;
            continue;
        }
        rows[rows_count++] = &row;
        if (rows_count == rows.size()) ZC_TRY_STATUS(add_rows());
    }
    ZC_TRY_STATUS(add_rows());
    id_last = static_cast<std::int64_t>(order.size());  // they are numbered from 1 on
    ZC_TRY(Statement set_meta, database.prepare("INSERT INTO meta VALUES(?, 1, 1, ?)"));
    const DigestOctets zones = octets_of(meta.zones);
    set_meta.bind(1, base::Octets(meta.position.store)).bind(2, base::Octets(zones));
    ZC_TRY_STATUS(set_meta.run());
    ZC_TRY_STATUS(log_commit(now));
    ZC_TRY_STATUS(database.execute("INSERT INTO folding VALUES(1, x'', " + std::to_string(id_last) +
                                   "); COMMIT"));
    // Only sets a mark in the header: the file has no log of its own yet.
    ZC_TRY_STATUS(database.execute("PRAGMA journal_mode=WAL"));
    // All statements first: SQLite closes the file, and so merges and removes its log, only when
    // they are gone.
    add = Inserting();
    drop_image = Statement();
    set_meta = Statement();
    add_images = Inserting();
    { const Database closing = std::move(database); }
    ZC_TRY(durability_problem, new_file.publish(path, LockedFile::Target::must_not_exist));
    return meta.position;
}

Result<Position> Update::Work::commit_old(base::Instant now) {
    ZC_CHECK(!is_behind);
    if (counts.differing() == 0 && !changed_named) {
        // A node would not notice that its zones were folded for it: the position stays.
        if (changed_sources && !has_folded) ZC_TRY_STATUS(transaction->commit());
        transaction.reset();
        return meta.position;
    }
    ZC_TRY(const std::int64_t logged, database.integer("SELECT count(*) FROM changes"));
    const std::uint64_t commits = meta.position.number - meta.log_base;
    std::uint64_t log_base = meta.log_base;
    if (static_cast<std::uint64_t>(logged) > changes_rows_max || commits > changes_rows_max)
        log_base = meta.position.number;
    meta.position = next_position();
    ZC_TRY_STATUS(log_commit(now));
    if (log_given_up) log_base = meta.position.number;
    if (log_base != meta.log_base) {
        meta.log_base = log_base;
        ZC_TRY(Statement trim, database.prepare("DELETE FROM changes WHERE version <= ?"));
        trim.bind(1, static_cast<std::int64_t>(log_base));
        ZC_TRY_STATUS(trim.run());
        ZC_TRY(Statement trim_log,
               database.prepare("DELETE FROM log WHERE position < ? AND entry IS NULL"));
        trim_log.bind(1, static_cast<std::int64_t>(log_base));
        ZC_TRY_STATUS(trim_log.run());
    }
    ZC_TRY(Statement set_meta,
           database.prepare("UPDATE meta SET position = ?, log_base = ?, zones = ?"));
    const DigestOctets zones = octets_of(meta.zones);
    set_meta.bind(1, static_cast<std::int64_t>(meta.position.number));
    set_meta.bind(2, static_cast<std::int64_t>(meta.log_base));
    set_meta.bind(3, base::Octets(zones));
    ZC_TRY_STATUS(set_meta.run());
    ZC_TRY_STATUS(
        database.execute("UPDATE folding SET folded = (SELECT position FROM meta), ids = " +
                         std::to_string(id_last)));
    ZC_TRY_STATUS(transaction->commit());
    transaction.reset();
    return meta.position;
}

const std::string& Update::durability_problem() const noexcept {
    return work_->durability_problem;
}

Result<Position> Update::commit(base::Instant now) {
    return work_->is_new ? work_->commit_new(now) : work_->commit_old(now);
}

}  // namespace zc::store
