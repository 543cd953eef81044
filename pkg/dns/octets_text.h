// Inside of package dns: numbers and octets as text.
#pragma once

#include <cstdint>
#include <string>

#include "base/octets.h"

namespace zc::dns {

void append_decimal(std::string& out, std::uint64_t value);
/// With leading zeros up to `width`.
void append_decimal(std::string& out, std::uint64_t value, std::size_t width);
/// Two lower-case digits an octet.
void append_hex(std::string& out, base::Octets octets);
/// \DDD (RFC 1035 section 5.1).
void append_escaped(std::string& out, std::uint8_t octet);
/// The inside of a quoted string (RFC 1035 section 5.1): \" \\ and \DDD for what is not printable
/// ASCII.
void append_string_octets(std::string& out, base::Octets octets);
/// The same with its quotes.
void append_quoted(std::string& out, base::Octets octets);

}  // namespace zc::dns
