// The things that a zone has beside the records that are answered, as values and as octets:
// PowerDNS's kind, primaries, account, metadata, comments, keys, the records that no image can hold,
// and which rows an import refused. And those beside all zones: TSIG keys and supermasters.
//
// Canonical: equal settings give equal octets, so that a digest tells whether something changed.
// Most zones have none, and then no octets.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/octets.h"
#include "base/result.h"

namespace zc::settings {

/// A value of a column that may be NULL. Presentation text as it stood there, unescaped.
using Field = std::optional<std::string>;

struct Metadata {
    std::string kind, content;
    auto operator<=>(const Metadata&) const = default;
    /// That the zone's records came signed. As PowerDNS reads it; with any other content it signs
    /// the zone itself.
    bool presigned() const noexcept { return kind == "PRESIGNED" && content == "1"; }
};
struct Comment {
    std::string name, type, account, comment;
    std::int64_t modified_at = 0;
    auto operator<=>(const Comment&) const = default;
};
struct CryptoKey {
    std::uint32_t id = 0;     // within its zone, and for ever; 0: none has been given yet
    std::uint16_t flags = 0;  // 257 with the SEP bit, 256 without
    bool active = true;
    bool published = true;
    std::string content;  // BIND's private key text
    auto operator<=>(const CryptoKey&) const = default;
};
struct TsigKey {
    std::string name, algorithm, secret;
};
struct Supermaster {
    std::string ip, nameserver, account;
};

/// A row of `records` that cannot live in the image and must not be lost: kept word for word.
struct KeptRecord {
    enum class Why : std::uint8_t {
        disabled,       // never answered
        powerdns_only,  // ALIAS, LUA, URL, …: answered by policy; its name exists in the image
        no_image,       // the zone has no image: all of its records are here
    };
    Why why = Why::disabled;
    bool disabled = false;
    std::string name;           // as in the database, no final dot
    std::string type, content;  // content without prio
    std::int32_t ttl = 0;       // of a disabled one anything that the column holds
    std::int32_t prio = 0;
    auto operator<=>(const KeptRecord&) const = default;
};

/// A record that is not answered because the import refused it, for those who find it missing.
struct LeftOut {
    std::string record;  // as in its Finding; empty: the zone itself is not served
    std::string reason;
    auto operator<=>(const LeftOut&) const = default;
};

enum class Kind : std::uint8_t { native, primary, secondary, producer, consumer };
std::string_view to_string(
    Kind kind) noexcept;  // PowerDNS's words: "Native", "Master", "Slave", "Producer", "Consumer"

/// The settings of one zone. `domains.id` is not among it: it means nothing outside the database that
/// gave it.
struct ZoneSettings {
    Kind kind = Kind::native;
    std::vector<std::string> masters;  // "192.0.2.1", "192.0.2.1:5300", "[2001:db8::1]:53"
    std::string account;
    Field options;  // JSON text
    Field catalog;
    std::optional<std::uint32_t> notified_serial;
    std::optional<std::int64_t> last_check;
    // Sorted: a database gives its rows in any order, and in another one after it was restored.
    std::vector<Metadata> metadata;  // kinds may repeat
    std::vector<Comment> comments;
    std::vector<CryptoKey> keys;
    std::vector<KeptRecord> kept;
    std::vector<LeftOut> left_out;  // of a store, which has no findings; sorted
};

/// Gives each key without an id the least one that no other key has, in the order of keys.
void give_ids(ZoneSettings& zone);

std::vector<std::uint8_t> encode(const ZoneSettings& zone);
/// Errors: `malformed`; then `zone` is as it may be.
Status decode(base::Octets octets, ZoneSettings& zone);
/// The kind alone: for lists.
Result<Kind> decode_kind(base::Octets octets);

/// The names of what stands in a store beside its zones.
inline constexpr std::string_view tsig_keys_name = "tsigkeys";
inline constexpr std::string_view supermasters_name = "supermasters";

std::vector<std::uint8_t> encode(std::span<const TsigKey> keys);
std::vector<std::uint8_t> encode(std::span<const Supermaster> supermasters);
Result<std::vector<TsigKey>> decode_tsig_keys(base::Octets octets);
Result<std::vector<Supermaster>> decode_supermasters(base::Octets octets);

}  // namespace zc::settings
