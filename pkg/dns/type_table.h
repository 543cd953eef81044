// Inside of package dns: the table of RR types, one row each, and the look-ups everything else is
// built on.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "dns/presentation.h"
#include "dns/types.h"

namespace zc::dns {

inline constexpr std::size_t fields_max = 9;  // RRSIG

struct TypeRow {
    std::uint16_t number = 0;
    std::string_view mnemonic;
    std::array<Field, fields_max> fields{};
    std::uint8_t field_count = 0;  // 0: RFC 3597's \# form alone
    std::uint8_t name_end =
        0;                    // how many fields up to and with the last that has a name; 0: no name
    bool has_folded = false;  // one of its names is lower case in canonical form
};

/// The row of `type`, or null for a type without mnemonic.
const TypeRow* type_row_or_null(RrType type) noexcept;

/// The type of a mnemonic (in any case; "*" is ANY) or of TYPEnnn, as a number in messages; 0x10000
/// when it is neither.
inline constexpr std::uint32_t type_unknown = 0x10000;
std::uint32_t find_type(std::string_view text) noexcept;

/// `text` is TYPEnnn.
bool is_generic_type(std::string_view text) noexcept;

/// `text` without regard to case is `lower`, which has no capitals.
bool equals_folded(std::string_view text, std::string_view lower) noexcept;

}  // namespace zc::dns
