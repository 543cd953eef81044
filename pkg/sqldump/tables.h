// Which table of which database a statement of a dump means, and whose
// rows are taken.
//
// A dump may hold several databases (pg_dumpall, mysqldump --databases) and schemas. Ids of domains
// are numbers of one database, so rows of two never come together: the rows of one place are taken,
// those of a second one are an error, unless the operator chose.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "sqldump/powerdns_tables.h"

namespace zc::sqldump {

struct DumpColumn {
    std::string name;                     // lower case
    std::optional<std::string> fallback;  // a literal DEFAULT that is not NULL
    std::string charset = {};             // of MySQL's, by `charset_family`; empty: the table's
};

/// Where a table stands. \connect named `database` last. `schema` is PostgreSQL's schema or MySQL's
/// database: the name before the dot, or the one of USE or search_path. Empty: not named.
struct DumpPlace {
    std::string database;
    std::string schema;
    bool operator==(const DumpPlace&) const = default;
};

struct DumpTrigger {
    std::string name;
    std::uint64_t line = 0;
    bool is_rule = false;    // of PostgreSQL's, which COPY does not fire
    bool on_insert = false;  // it fires for a row that comes
    bool on_change = false;  // it fires for UPDATE, DELETE or TRUNCATE
    bool is_off = false;     // by DISABLE TRIGGER
    std::string into;        // a table of PowerDNS's that its body names and may change
};

struct DumpTable {
    DumpPlace place;
    std::string name;  // as the reader folds it: PostgreSQL's "Domains" is another one than domains
    std::optional<Table> ours;
    bool created = false;  // by CREATE TABLE, and not dropped
    bool named = false;    // by CREATE TABLE, COPY or INSERT
    bool is_view = false;
    std::string charset;  // of MySQL's; empty: not known; "several": changed by ALTER TABLE
    std::string shows;    // the table of PowerDNS's of which this one, none of them, is a view
    std::optional<std::vector<DumpColumn>> columns;  // of CREATE TABLE, where they are known
    /// The table is a partition of that one, or inherits from it: its rows are rows of that one.
    DumpTable* parent_or_null = nullptr;
    std::uint64_t rows_line = 0;  // of the first statement with rows; 0: none
    std::uint64_t rows_passed_over = 0;
    std::vector<DumpTrigger> triggers;
    std::vector<std::string> odd_defaults;  // columns whose default is no literal, or not known
    std::string missing_column;             // for which it is none of PowerDNS's
    std::vector<std::string>
        columns_with_rows;  // of another table: of its first statement with rows
};

class DumpTables {
public:
    explicit DumpTables(DumpChoice choice) : choice_(std::move(choice)) {}

    // Unqualified names mean this from here on.
    void connect(std::string database);          // \connect
    void use(std::string database);              // USE, of MySQL
    void search_path(std::vector<std::string>);  // SET search_path; empty: not known

    /// MySQL's: the name before the dot is a database.
    void set_mysql() { is_mysql_ = true; }

    /// The table of a name: one to three parts, as written. Made if it was never named.
    DumpTable& find(const std::vector<std::string>& parts);
    /// The same for CREATE TABLE: one that is created under another qualifier is another one.
    DumpTable& create(const std::vector<std::string>& parts);
    /// The same, and nothing is made.
    DumpTable* find_or_null(const std::vector<std::string>& parts);

    /// ATTACH PARTITION, INHERIT, PARTITION OF, INHERITS: from here on rows of `child` are rows of
    /// `parent`, and with a parent that is PowerDNS's of that one. Gives a table that had rows
    /// before that became PowerDNS's, or null.
    const DumpTable* attach(DumpTable& child, DumpTable& parent);
    /// One of PowerDNS's with rows that inherits from `table`, or null.
    const DumpTable* heir_with_rows_or_null(const DumpTable& table) const;
    /// DROP TRIGGER or RULE, of every table or of that one.
    void drop_trigger(const std::string& name, const DumpTable* table_or_null);
    /// DETACH PARTITION, NO INHERIT.
    void detach(DumpTable& child);

    /// Whether rows of this table are to be taken; false: of a place that was not chosen. Errors:
    /// `invalid`, naming both, when rows of another place are taken already.
    Result<bool> admit(DumpTable& table, std::uint64_t line, const std::string& source);
    /// Whether the operator's choice leaves the place in.
    bool is_chosen(const DumpPlace& place) const;
    bool has_choice() const { return !choice_.database.empty() || !choice_.schema.empty(); }

    /// Whether a statement named the table, where rows are taken from (or could be, if there are
    /// none).
    bool knows(Table table) const;
    /// Whether it is a view or a foreign table there.
    bool is_view(Table table) const;
    /// Whether rows of that place are taken, or could be.
    bool may_hold(const DumpPlace& place) const;
    /// Whether anything of PowerDNS's that has rows stands there.
    bool has_rows(std::string_view schema_or_database) const;
    /// All that were named, in order of places.
    std::vector<const DumpTable*> all() const;
    /// "database pdns, schema public"
    std::string shown(const DumpPlace& place) const;
    std::string shown_choice() const;
    /// Every place that has a table of PowerDNS's.
    std::string shown_places() const;

private:
    using Key = std::tuple<std::string, std::string, std::string>;
    DumpTable* at(const std::string& database, const std::string& schema, const std::string& name);
    DumpTable& make(const std::string& schema, const std::string& name);
    DumpPlace place_of(const std::vector<std::string>& parts);
    std::set<std::string> schemas() const;
    void name_the_unnamed(const std::string& schema);

    const DumpChoice choice_;
    std::string database_;
    std::optional<std::string> used_;
    std::vector<std::string> path_;
    std::map<std::string, bool> closed_;  // by database: unqualified names there stay apart
    std::map<Key, std::unique_ptr<DumpTable>> tables_;
    bool is_mysql_ = false;
    struct Holder {
        DumpPlace place;
        std::string table;
        std::uint64_t line;
    };
    std::optional<Holder> holder_;
};

}  // namespace zc::sqldump
