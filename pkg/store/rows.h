// The rows of a store as SQLite has them, for all who read or write them (STORE.md). Inside of this
// package.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/octets.h"
#include "base/result.h"
#include "base/time.h"
#include "sqlite/sqlite.h"
#include "store/store.h"

namespace zc::store {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

inline constexpr std::int64_t application_id = 0x7a63746c;  // "zctl", in SQLite's header
// 8 KiB: 20 % faster to fill than 4 KiB with images of 330 octets; larger pages win little more and
// cost every small change in the write-ahead log.
inline constexpr const char* page_size = "PRAGMA page_size=8192";

// Format 1 had no table `log`; format 2 had it without its last two columns, and no table after it.
inline constexpr const char* changes_schema = R"(
CREATE TABLE changes(version INTEGER, key BLOB, removed INTEGER NOT NULL, PRIMARY KEY(version, key)) WITHOUT ROWID;
)";
inline constexpr const char* log_schema = R"(
CREATE TABLE log(position INTEGER PRIMARY KEY, value INTEGER NOT NULL, at INTEGER NOT NULL, entry BLOB, undo BLOB);
)";
inline constexpr const char* folding_schema = R"(
CREATE TABLE folding(folded INTEGER NOT NULL, head BLOB NOT NULL, ids INTEGER NOT NULL);
CREATE TABLE requests(number INTEGER PRIMARY KEY, id BLOB NOT NULL, met INTEGER NOT NULL, position INTEGER NOT NULL,
  attempt INTEGER NOT NULL, kind INTEGER NOT NULL);
CREATE TABLE local(key BLOB PRIMARY KEY, last_check INTEGER, expires INTEGER, notified INTEGER) WITHOUT ROWID;
)";
inline constexpr const char* schema = R"(
CREATE TABLE meta(store BLOB NOT NULL, position INTEGER NOT NULL, log_base INTEGER NOT NULL, zones BLOB NOT NULL);
CREATE TABLE zones(key BLOB PRIMARY KEY, id INTEGER NOT NULL, version INTEGER NOT NULL, state INTEGER NOT NULL,
  serial INTEGER NOT NULL, records INTEGER NOT NULL, source INTEGER NOT NULL, digest BLOB NOT NULL,
  settings BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE images(id INTEGER PRIMARY KEY, image BLOB NOT NULL);
CREATE TABLE named(name TEXT PRIMARY KEY, octets BLOB NOT NULL) WITHOUT ROWID;
)";
inline constexpr const char* zone_columns =
    "key, id, version, state, serial, records, source, digest, settings";

using DigestOctets = std::array<std::uint8_t, 16>;

DigestOctets octets_of(const Digest& digest) noexcept;

/// The digest of a set of zones is the sum of this over its zones: it follows each change at once,
/// and knows a row with another key or an older state, though that fits its own digest.
Digest share_of(base::Octets key, const Digest& digest) noexcept;

Digest& operator+=(Digest& sum, const Digest& share) noexcept;
Digest& operator-=(Digest& sum, const Digest& share) noexcept;

Result<Digest> digest_from(base::Octets octets, const std::string& path);

base::Octets octets_of(std::string_view text) noexcept;
std::string string_of(base::Octets octets);

struct Meta {
    std::int64_t format = format_version;
    Position position;
    std::uint64_t log_base = 0;
    Digest zones;  // of their set; format 1: 0
    base::Instant committed_at;
    std::uint64_t folded_up_to = 0;  // entries of the log that are in rows
};

/// The position of a store of format 1 has no value yet.
Result<Meta> read_meta(Database& database);

/// The digest of the set of zones as it stands. Cost: linear, 0.6 s for 2.1 million.
Result<Digest> digest_zones(Database& database);

/// The highest id that a zone has, or had: the next zone gets one more. A zone without an image has one
/// too. Cost, of an older format: linear, 0.15 s for 2.1 million.
Result<std::int64_t> read_id_last(Database& database, std::int64_t format);

/// Raises a store of an older format to this one, inside of the caller's transaction: it is undone
/// with it.
Status raise_format(Database& database);

/// The words for a store whose log is ahead of its rows.
std::string not_folded(const Meta& meta);

/// Stands for the random value in a position of format 1.
std::uint64_t value_of(const Digest& zones) noexcept;

/// The row that `statement` (SELECT zone_columns …) stands at; borrows from it.
Result<StoredZone> zone_of(const Statement& row, const std::string& path);

inline constexpr int zone_columns_count = 9;

/// `first`: the parameter of the first column.
void bind_zone(Statement& statement, int first, const Zone& zone, std::int64_t id,
               std::uint64_t version, const DigestOctets& digest);

/// INSERT of many rows, some by one statement: a statement for each costs nearly twice as much.
class Inserting {
public:
    static constexpr std::size_t rows_max = 32;  // more win nothing

    Inserting() = default;
    static Result<Inserting> prepare(Database& database, const std::string& table, int columns) {
        std::string row = "(?";
        for (int i = 1; i < columns; ++i) row += ",?";
        row += ')';
        const std::string insert = "INSERT INTO " + table + " VALUES" + row;
        std::string many = insert;
        for (std::size_t i = 1; i < rows_max; ++i) many += ',' + row;
        Inserting out;
        out.columns_ = columns;
        ZC_TRY(out.one_, database.prepare(insert));
        ZC_TRY(out.many_, database.prepare(many));
        return out;
    }

    /// Inserts `count` rows, at most `rows_max`. `bind(statement, first, i)` binds row `i` to the
    /// parameters from `first` on; what it borrows stays until this returns.
    template <class Bind>
    Status run(std::size_t count, const Bind& bind) {
        if (count == rows_max) {
            for (std::size_t i = 0; i < count; ++i)
                bind(many_, 1 + columns_ * static_cast<int>(i), i);
            return many_.run();
        }
        for (std::size_t i = 0; i < count; ++i) {
            bind(one_, 1, i);
            ZC_TRY_STATUS(one_.run());
        }
        return {};
    }

private:
    int columns_ = 0;
    Statement one_, many_;
};

}  // namespace zc::store
