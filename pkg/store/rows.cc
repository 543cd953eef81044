#include "store/rows.h"

#include <algorithm>
#include <cstring>

#include <xxhash.h>

namespace zc::store {

DigestOctets octets_of(const Digest& digest) noexcept {
    DigestOctets out;
    for (std::size_t i = 0; i < 8; ++i) {
        out[i] = static_cast<std::uint8_t>(digest.high >> (56 - 8 * i));
        out[8 + i] = static_cast<std::uint8_t>(digest.low >> (56 - 8 * i));
    }
    return out;
}

Digest share_of(base::Octets key, const Digest& digest) noexcept {
    const XXH128_hash_t hash = XXH3_128bits_withSeed(key.data(), key.size(), digest.low);
    return {hash.low64 ^ digest.high, hash.high64};
}

Digest& operator+=(Digest& sum, const Digest& share) noexcept {
    sum.low += share.low;
    sum.high += share.high;
    return sum;
}

Digest& operator-=(Digest& sum, const Digest& share) noexcept {
    sum.low -= share.low;
    sum.high -= share.high;
    return sum;
}

Result<Digest> digest_from(base::Octets octets, const std::string& path) {
    if (octets.size() != 16)
        return fail(Errc::malformed,
                    "digest of " + std::to_string(octets.size()) + " octets, wanted 16",
                    {.source = path});
    Digest digest;
    for (std::size_t i = 0; i < 8; ++i) {
        digest.high = digest.high << 8 | octets[i];
        digest.low = digest.low << 8 | octets[8 + i];
    }
    return digest;
}

base::Octets octets_of(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string string_of(base::Octets octets) {
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

Result<Meta> read_meta(Database& database) {
    const std::string& path = database.path();
    ZC_TRY(const std::int64_t application, database.integer("PRAGMA application_id"));
    if (application != application_id)
        return fail(Errc::malformed, "an SQLite database, but no zonectl store", {.source = path});
    Meta meta;
    ZC_TRY(meta.format, database.integer("PRAGMA user_version"));
    if (meta.format < 1 || meta.format > format_version)
        return fail(Errc::unsupported,
                    "store of format " + std::to_string(meta.format) +
                        ", this zonectl knows 1 to " + std::to_string(format_version) +
                        (meta.format > format_version ? "; a newer zonectl made it" : ""),
                    {.source = path});
    ZC_TRY(Statement statement,
           database.prepare(meta.format == 1
                                ? "SELECT store, position, log_base FROM meta"
                                : "SELECT store, meta.position, log_base, zones, value, at "
                                  "FROM meta JOIN log ON log.position = meta.position"));
    ZC_TRY(const bool row, statement.step());
    if (!row || statement.octets(0).size() != meta.position.store.size() ||
        statement.integer(1) < 0 || statement.integer(2) < 0)
        return fail(Errc::malformed, "store without its id or position", {.source = path});
    std::ranges::copy(statement.octets(0), meta.position.store.begin());
    meta.position.number = static_cast<std::uint64_t>(statement.integer(1));
    meta.log_base = static_cast<std::uint64_t>(statement.integer(2));
    meta.folded_up_to = meta.position.number;
    if (meta.format == 1) return meta;
    ZC_TRY(meta.zones, digest_from(statement.octets(3), path));
    meta.position.value = static_cast<std::uint64_t>(statement.integer(4));
    meta.committed_at = base::Instant{statement.integer(5) * 1000};
    meta.folded_up_to = meta.position.number;
    if (meta.format == 2) return meta;
    ZC_TRY(const std::int64_t folded, database.integer("SELECT folded FROM folding"));
    meta.folded_up_to = static_cast<std::uint64_t>(folded);
    return meta;
}

Result<Digest> digest_zones(Database& database) {
    ZC_TRY(Statement rows, database.prepare("SELECT key, digest FROM zones"));
    Digest sum;
    for (;;) {
        ZC_TRY(const bool row, rows.step());
        if (!row) return sum;
        ZC_TRY(const Digest digest, digest_from(rows.octets(1), database.path()));
        sum += share_of(rows.octets(0), digest);
    }
}

Status raise_format(Database& database) {
    ZC_TRY(Meta meta, read_meta(database));
    if (meta.format == format_version) return {};
    if (meta.format == 1) {
        // Earlier changes are not known any more.
        ZC_TRY(meta.zones, digest_zones(database));
        meta.position.value = value_of(meta.zones);
        ZC_TRY_STATUS(
            database.execute(std::string("DROP TABLE changes;") + changes_schema + log_schema +
                             "ALTER TABLE meta ADD COLUMN zones BLOB NOT NULL DEFAULT x''"));
        ZC_TRY(Statement add, database.prepare("INSERT INTO log VALUES(?, ?, 0, NULL, NULL)"));
        add.bind(1, static_cast<std::int64_t>(meta.position.number));
        add.bind(2, static_cast<std::int64_t>(meta.position.value));
        ZC_TRY_STATUS(add.run());
        ZC_TRY(Statement set_meta, database.prepare("UPDATE meta SET log_base = ?, zones = ?"));
        const DigestOctets zones = octets_of(meta.zones);
        set_meta.bind(1, static_cast<std::int64_t>(meta.position.number));
        set_meta.bind(2, base::Octets(zones));
        ZC_TRY_STATUS(set_meta.run());
    } else {
        ZC_TRY_STATUS(database.execute(
            "ALTER TABLE log ADD COLUMN entry BLOB; ALTER TABLE log ADD COLUMN undo BLOB"));
    }
    return database.execute(std::string(folding_schema) +
                            "INSERT INTO folding SELECT position, x'', (SELECT ifnull(max(id), 0) "
                            "FROM zones) FROM meta;"
                            "PRAGMA user_version=" +
                            std::to_string(format_version));
}

Result<std::int64_t> read_id_last(Database& database, std::int64_t format) {
    if (format >= 3) return database.integer("SELECT ids FROM folding");
    return database.integer("SELECT ifnull(max(id), 0) FROM zones");
}

std::string not_folded(const Meta& meta) {
    return std::to_string(meta.position.number - meta.folded_up_to) +
           " changes are in its log and not yet in its zones";
}

std::uint64_t value_of(const Digest& zones) noexcept {
    return zones.low ^ zones.high;
}

Result<StoredZone> zone_of(const Statement& row, const std::string& path) {
    StoredZone zone;
    zone.key = row.octets(0);
    zone.id = row.integer(1);
    zone.version = static_cast<std::uint64_t>(row.integer(2));
    zone.state = static_cast<std::uint8_t>(row.integer(3));
    zone.serial = static_cast<std::uint32_t>(row.integer(4));
    zone.records = static_cast<std::uint64_t>(row.integer(5));
    zone.source = static_cast<std::uint64_t>(row.integer(6));
    ZC_TRY(zone.digest, digest_from(row.octets(7), path));
    zone.settings = row.octets(8);
    return zone;
}

void bind_zone(Statement& statement, int first, const Zone& zone, std::int64_t id,
               std::uint64_t version, const DigestOctets& digest) {
    statement.bind(first, zone.key).bind(first + 1, id);
    statement.bind(first + 2, static_cast<std::int64_t>(version));
    statement.bind(first + 3, std::int64_t{zone.state});
    statement.bind(first + 4, std::int64_t{zone.serial});
    statement.bind(first + 5, static_cast<std::int64_t>(zone.records));
    statement.bind(first + 6, static_cast<std::int64_t>(zone.source));
    statement.bind(first + 7, base::Octets(digest)).bind(first + 8, zone.settings);
}

std::string to_string(const Position& position) {
    static constexpr char hex[] = "0123456789abcdef";
    std::string out = std::to_string(position.number) + '-';
    for (int shift = 60; shift >= 0; shift -= 4) out += hex[position.value >> shift & 15];
    return out;
}

Digest digest_of(const Zone& zone, base::Octets image) noexcept {
    // The row's own fields become the seed of the image's hash: one digest for both, and no
    // copying.
    std::array<std::uint8_t, 32> numbers{};
    const auto put = [&numbers](std::size_t at, std::uint64_t value) {
        for (std::size_t i = 0; i < 8; ++i)
            numbers[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
    };
    put(0, zone.state);
    put(8, zone.serial);
    put(16, zone.records);
    put(24, zone.key.size());
    std::uint64_t seed = XXH3_64bits(numbers.data(), numbers.size());
    seed = XXH3_64bits_withSeed(zone.key.data(), zone.key.size(), seed);
    seed = XXH3_64bits_withSeed(zone.settings.data(), zone.settings.size(), seed);
    const XXH128_hash_t hash = XXH3_128bits_withSeed(image.data(), image.size(), seed);
    return {hash.low64, hash.high64};
}

}  // namespace zc::store
