// One change of a zone as a person asks for it, in the words of pdnsutil's users.
//
//   zone create ZONE [--ns NAME]...          SOA record with serial 1, and NS records
//   zone delete ZONE
//   zone set ZONE kind KIND                  native, primary, secondary, producer or consumer
//   zone set ZONE account [TEXT]             without TEXT: none any more
//   zone set ZONE primaries [ADDRESS[:PORT]]...
//   zone revert ZONE VERSION                 as it was at VERSION, with a serial that rises
//   record add ZONE NAME TYPE [TTL] RDATA...
//   record set ZONE NAME TYPE [TTL] RDATA... these and no others
//   record rm  ZONE NAME TYPE [RDATA]...     without RDATA: the whole RRset
//   meta set|add|rm ZONE KIND [VALUE]...
//   comment set ZONE NAME TYPE TEXT...
//   comment rm  ZONE NAME TYPE
//
// ZONE is absolute, with or without its final dot. NAME is relative to ZONE, @ is its apex, and with a
// final dot it is absolute. Each RDATA is one word in presentation format. The first word behind TYPE
// is a TTL when it is a number and another word follows.
//
// A name inside of RDATA ends with a dot, or is @. PowerDNS takes one without a dot for absolute, and
// zone files take it for relative, so one of the two readers would be wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "dns/rrset.h"
#include "dns/types.h"
#include "settings/settings_change.h"

namespace zc::edit {

inline constexpr std::uint32_t ttl_default = 3600;  // seconds, of a new RRset

struct Command {
    enum class Verb : std::uint8_t {
        zone_create,
        zone_delete,
        zone_set,
        zone_revert,
        record_add,
        record_set,
        record_rm,
        meta_set,
        meta_add,
        meta_rm,
        comment_set,
        comment_rm,
    };

    Verb verb{};
    dns::Name zone;
    base::Location where;                    // of the line
    dns::Name owner = {};                    // of records and comments
    dns::RrType type{};                      // of them
    std::optional<std::uint32_t> ttl = {};   // seconds
    std::vector<dns::Rdata> rdatas = {};     // in canonical form, sorted, each once
    std::vector<dns::Name> servers = {};     // of zone create
    settings::SettingsChange settings = {};  // of zone set
    std::string kind = {};                   // of metadata
    std::vector<std::string> values = {};    // of metadata, or texts of comments
    std::uint64_t version = 0;               // of zone revert
};

/// Errors, with `where`: `malformed` a word that is not what is wanted in its place, `invalid` a name
/// outside of the zone or one without its final dot, `unsupported` records that are not changed by
/// hand (signatures and denial, which belong to who signs the zone; ALIAS and LUA), `limit`.
Result<Command> parse(std::span<const std::string> words, const base::Location& where = {});

/// The commands of a text, one a line. A line without words has none.
std::vector<Result<Command>> parse_lines(std::string_view text, const std::string& source,
                                         std::uint64_t first_line = 1);

}  // namespace zc::edit
