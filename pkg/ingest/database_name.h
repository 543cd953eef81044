// Inside of package ingest: names as PowerDNS's database writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "dns/name_text.h"

namespace zc::ingest {

/// A name of the database in wire form, lower case; `octets` of the buffer.
struct DatabaseName : dns::NameScan {
    bool capitals = false, final_dot = false;
    /// Lower case, without a final dot: as PowerDNS looks for it.
    bool is_as_powerdns_writes() const noexcept { return !capitals && !final_dot; }
};

/// Reads a name without its final dot, the root empty or a dot. Others are read too, and say so.
DatabaseName scan_database_name(std::string_view text, dns::NameBuffer& out) noexcept;

/// The same for all spellings of a name; hardly ever for two names. Absent for what is none. Most
/// names are only folded for it.
std::optional<std::uint64_t> name_key(std::string_view text) noexcept;

}  // namespace zc::ingest
