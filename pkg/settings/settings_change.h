// A change of what a zone has beside its records, as a value and as canonical octets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "settings/settings.h"

namespace zc::settings {

/// Each field that is set replaces the zone's; all else stays. An element of a list replaces the one
/// of its name: other names of the list stay. Equal changes are equal octets.
///
/// Fields that one node changes by itself (the serial last notified, the last check of a primary) are
/// not here.
struct SettingsChange {
    struct MetadataOfKind {
        std::string kind;
        std::vector<std::string> contents;  // none: no such metadata any more
        auto operator<=>(const MetadataOfKind&) const = default;
    };
    struct CommentsOfSet {
        std::string name, type;
        std::vector<Comment> comments;
        auto operator<=>(const CommentsOfSet&) const = default;
    };
    struct KeyOfId {
        std::uint32_t id = 0;
        std::optional<CryptoKey> key;
        auto operator<=>(const KeyOfId&) const = default;
    };
    struct KeptOfSet {
        std::string name, type;
        std::vector<KeptRecord> kept;
        auto operator<=>(const KeptOfSet&) const = default;
    };

    std::optional<Kind> kind = {};
    std::optional<std::vector<std::string>> masters = {};
    std::optional<std::string> account = {};
    std::optional<Field> options = {}, catalog = {};  // a Field without text: none any more
    std::vector<MetadataOfKind> metadata = {};
    std::vector<CommentsOfSet> comments = {};
    std::vector<KeyOfId> keys = {};
    std::vector<KeptOfSet> kept = {};
    std::optional<std::vector<LeftOut>> left_out = {};

    bool operator==(const SettingsChange&) const = default;
    bool empty() const { return *this == SettingsChange{}; }
};

/// None of an empty change. Sorts what has no order.
std::vector<std::uint8_t> encode(SettingsChange change);
/// Errors, `malformed`: cut off, unknown, or not what `encode` makes.
Result<SettingsChange> decode_change(base::Octets octets);

/// Changes `zone`; gives the change that undoes it, which is empty when nothing differs.
SettingsChange apply(ZoneSettings& zone, const SettingsChange& change);

/// The change that makes `after` of `before`. Keys without ids are given them first.
SettingsChange difference(ZoneSettings before, ZoneSettings after);

}  // namespace zc::settings
