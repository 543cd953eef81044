// An instant as a date and a time of day in UTC.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace zc::base {

enum class UtcForm : std::uint8_t {
    plain,       // "2026-01-31 12:00:05 UTC"
    iso,         // "2026-01-31T12:00:05Z" (RFC 3339)
    iso_micros,  // "2026-01-31T12:00:05.000123Z"
};

/// Fractions that the form does not show are cut off. Exact for years 1970 to 2262.
void append_utc(std::string& out, Instant instant, UtcForm form);
std::string utc_text(Instant instant, UtcForm form);

}  // namespace zc::base
