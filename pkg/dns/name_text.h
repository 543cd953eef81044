// Inside of package dns: reading one name in presentation format, for name.cc and the RDATA and
// master readers.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "dns/name.h"

namespace zc::dns {

enum class NameFault : std::uint8_t {
    none,
    empty,
    empty_label,
    label_limit,
    name_limit,
    escape_cut,  // a backslash at the end, or one or two digits where three are wanted
    escape_over_255,
};

struct NameScan {
    std::uint16_t octets = 0;  // written; for a label_limit the octets of that label
    bool absolute = false;     // ended in an unescaped dot: the root label is written
    NameFault fault = NameFault::none;
};

using NameBuffer = std::array<std::uint8_t, name_octets_max + 1>;

/// Reads `text` (RFC 1035 section 5.1, escapes \X and \DDD; "." is the root) into `out`. A name
/// without final dot is written without the root label. Allocates nothing.
NameScan scan_name(std::string_view text, NameBuffer& out) noexcept;

/// The same, completed with `origin` when it is relative; "@" alone is the origin.
NameScan scan_name(std::string_view text, NameView origin, NameBuffer& out) noexcept;

/// The fault in words, for people.
Error name_error(const NameScan& scan, std::string_view text);

/// At most 64 octets of foreign text for an error message, in quotes, as base::Form::line.
std::string quoted_excerpt(std::string_view text);

}  // namespace zc::dns
