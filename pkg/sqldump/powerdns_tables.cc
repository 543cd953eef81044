#include "sqldump/powerdns_tables.h"

#include <algorithm>

namespace zc::sqldump {

namespace {

constexpr std::array<std::string_view, 9> domains_columns = {
    "id",      "name",    "master", "last_check", "type", "notified_serial",
    "account", "options", "catalog"};
constexpr std::array<std::string_view, 8> records_columns = {
    "domain_id", "name", "type", "content", "ttl", "prio", "disabled", "auth"};
constexpr std::array<std::string_view, 3> metadata_columns = {"domain_id", "kind", "content"};
constexpr std::array<std::string_view, 6> comments_columns = {"domain_id",   "name",    "type",
                                                              "modified_at", "account", "comment"};
constexpr std::array<std::string_view, 5> keys_columns = {"domain_id", "flags", "active",
                                                          "published", "content"};
constexpr std::array<std::string_view, 3> tsig_columns = {"name", "algorithm", "secret"};
constexpr std::array<std::string_view, 3> supermasters_columns = {"ip", "nameserver", "account"};

static_assert(columns_count(Table::domains) == domains_columns.size());
static_assert(columns_count(Table::records) == records_columns.size());
static_assert(columns_count(Table::domainmetadata) == metadata_columns.size());
static_assert(columns_count(Table::comments) == comments_columns.size());
static_assert(columns_count(Table::cryptokeys) == keys_columns.size());
static_assert(columns_count(Table::tsigkeys) == tsig_columns.size());
static_assert(columns_count(Table::supermasters) == supermasters_columns.size());
static_assert(columns_count(Table::other) == 0);

}  // namespace

std::string_view to_string(Table table) noexcept {
    switch (table) {
        case Table::domains:
            return "domains";
        case Table::records:
            return "records";
        case Table::domainmetadata:
            return "domainmetadata";
        case Table::comments:
            return "comments";
        case Table::cryptokeys:
            return "cryptokeys";
        case Table::tsigkeys:
            return "tsigkeys";
        case Table::supermasters:
            return "supermasters";
        case Table::other:
            return "other";
    }
    return "other";
}

std::span<const std::string_view> columns_of(Table table) noexcept {
    switch (table) {
        case Table::domains:
            return domains_columns;
        case Table::records:
            return records_columns;
        case Table::domainmetadata:
            return metadata_columns;
        case Table::comments:
            return comments_columns;
        case Table::cryptokeys:
            return keys_columns;
        case Table::tsigkeys:
            return tsig_columns;
        case Table::supermasters:
            return supermasters_columns;
        case Table::other:
            return {};
    }
    return {};
}

bool is_ignored_column(Table table, std::string_view column) noexcept {
    if (table != Table::domains && column == "id") return true;
    return table == Table::records && (column == "ordername" || column == "change_date");
}

std::optional<Table> table_of(std::string_view name) noexcept {
    for (std::size_t i = 0; i < static_cast<std::size_t>(Table::other); ++i) {
        if (to_string(static_cast<Table>(i)) == name) return static_cast<Table>(i);
    }
    return std::nullopt;
}

}  // namespace zc::sqldump
