// Which zones `export` and `zone export` write as zone files.
#pragma once

#include <string>

#include "ingest/powerdns.h"

namespace zc::cmd {

/// Empty: it may be written. Else what to say behind "zone example.com.".
inline std::string why_no_zone_file(const ingest::ImportedZone& zone, bool serve_unsigned) {
    if (zone.image.octets().empty())
        return std::string(zone.hidden ? "has a disabled SOA" : "is broken") +
               ": it has no records that a zone file could hold";
    // A server of this file would give bogus answers.
    if (zone.state == zone::State::unsigned_ && !serve_unsigned)
        return "is signed by PowerDNS, and has no signatures here (--serve-unsigned overrides)";
    return {};
}

}  // namespace zc::cmd
