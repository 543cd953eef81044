// What a store knows of a zone beside its image, as octets: PowerDNS's settings, metadata,
// comments, keys, the records that no image can hold, and which rows an import refused.
//
// Canonical: equal settings give equal octets, so that a digest tells whether something changed.
// Most zones have none, and then no octets. `domains.id` is not kept: it means nothing outside the
// database that gave it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "ingest/powerdns.h"
#include "journal/journal.h"

namespace zc::writer {

/// All of `zone` but apex, state, hidden, image, records, source_id and findings.
std::vector<std::uint8_t> encode_settings(const ingest::ImportedZone& zone);
/// Fills the same fields; the others stay. Errors: `malformed`.
Status decode_settings(base::Octets octets, ingest::ImportedZone& zone);
/// The kind alone: for lists.
Result<ingest::Kind> decode_kind(base::Octets octets);

/// The names of what stands in a store beside its zones (journal::Update::set_named).
inline constexpr std::string_view tsig_keys_name = "tsigkeys";
inline constexpr std::string_view supermasters_name = "supermasters";

std::vector<std::uint8_t> encode(std::span<const ingest::TsigKey> keys);
std::vector<std::uint8_t> encode(std::span<const ingest::Supermaster> supermasters);
Result<std::vector<ingest::TsigKey>> decode_tsig_keys(base::Octets octets);
Result<std::vector<ingest::Supermaster>> decode_supermasters(base::Octets octets);

/// A stored zone's state: zone::State, and whether it is hidden.
inline constexpr std::uint8_t hidden_bit = 0x80;
std::uint8_t encode_state(zone::State state, bool hidden) noexcept;
/// Errors: `malformed`.
struct StoredState {
    zone::State state;
    bool hidden;
};
Result<StoredState> decode_state(std::uint8_t octet);

/// A stored zone as it was imported. Its image is checked before it is copied: what is damaged is
/// an error, `malformed`.
Result<ingest::ImportedZone> imported_zone(const journal::StoredZone& zone, base::Octets image);

}  // namespace zc::writer
