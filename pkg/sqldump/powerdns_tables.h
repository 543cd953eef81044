// The tables and columns of PowerDNS's generic SQL schema.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace zc::sqldump {

/// The tables of the schema. `other`: a table that is none of PowerDNS's; its rows are counted, no
/// more.
enum class Table : std::uint8_t {
    domains,
    records,
    domainmetadata,
    comments,
    cryptokeys,
    tsigkeys,
    supermasters,
    other
};
inline constexpr std::size_t tables_count = 8;
std::string_view to_string(Table table) noexcept;

/// The columns that are kept, in the order in which a `Row` has them. The first of a table with
/// zones' data is the domain id.
std::span<const std::string_view> columns_of(Table table) noexcept;
/// How many those are, without a call.
constexpr std::size_t columns_count(Table table) noexcept {
    constexpr std::array<std::uint8_t, tables_count> counts = {9, 8, 3, 6, 5, 3, 3, 0};
    return counts[static_cast<std::size_t>(table)];
}
/// Columns that are known and of no use: recomputed, or the row's own number.
bool is_ignored_column(Table table, std::string_view column) noexcept;
std::optional<Table> table_of(std::string_view name) noexcept;

/// Which of several databases in one dump. Empty: there has to be one.
struct DumpChoice {
    std::string database;  // of \connect, USE or, in MySQL, before the dot
    std::string schema;    // of PostgreSQL
};

}  // namespace zc::sqldump
