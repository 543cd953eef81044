// CREATE, ALTER and DROP: which tables, columns, views, triggers and
// routines the dump has at each of its statements.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sqldump/session.h"

namespace zc::sqldump {

/// A table's columns and their defaults are followed as far as rows of PowerDNS's tables need them;
/// a change behind rows that would change those rows is an error.
class DumpSchema : protected DumpSession {
protected:
    using DumpSession::DumpSession;

    /// How rows come.
    enum class Rows : std::uint8_t { copied, inserted };

    Status create();
    Status alter(std::uint64_t line);
    Status drop(std::uint64_t line);
    /// An error where a trigger or rule stands before rows and fires for them.
    Status refuse_fired(const DumpTable& table, Rows rows, std::uint64_t line);

private:
    /// The body of a routine, trigger or rule.
    struct Body {
        std::string table;     // of PowerDNS's: the body names it
        bool changes = false;  // it has a word like INSERT, or calls a routine that has
    };
    /// Columns of CREATE TABLE.
    struct Columns {
        std::vector<DumpColumn> known;
        std::vector<std::string> odd_defaults;
        bool are_known = false;
    };
    // CREATE TABLE and views: create.cc.
    Status create_table(bool temporary, bool foreign, std::uint64_t line);
    Status columns_of_create(Columns& columns);
    Status column_of_create(Columns& columns);
    Status end_create_table(DumpTable& table, Columns& columns, bool foreign, std::string& charset,
                            std::uint64_t line);
    Status create_view(bool materialized, std::uint64_t line);
    Status view_query(DumpTable& view, bool materialized, std::uint64_t line);
    Status show(DumpTable& view, const std::string& table);
    Status parents(DumpTable& table, std::vector<DumpColumn>& columns, std::uint64_t line);
    Status attach(DumpTable& child, DumpTable& parent, std::uint64_t line);
    Status detach(DumpTable& child, std::uint64_t line);
    bool is_literal() const noexcept;

    // ALTER: alter.cc.
    Status alter_others_table(DumpTable& table, const std::vector<std::string>& parts,
                              std::uint64_t line);
    Status alter_rename(DumpTable& table, const std::vector<std::string>& parts,
                        std::uint64_t line);
    Result<bool> alter_family(DumpTable& table, std::uint64_t line);
    Status alter_action(DumpTable& table, std::uint64_t line);
    Status add_or_drop(DumpTable& table, bool adds, std::uint64_t line);
    Status change_or_modify(DumpTable& table, bool renames, std::uint64_t line);
    Status alter_column(DumpTable& table, std::uint64_t line);
    Status alter_other(std::uint64_t line);
    Status rename_view(const DumpTable& view, std::vector<std::string> parts);
    Status refuse_alter(const DumpTable& table, std::string_view action, std::uint64_t line);
    Status columns_change(DumpTable& table, std::string_view action, std::uint64_t line);
    static void set_default(DumpTable& table, const std::string& column,
                            std::optional<std::string> literal, bool is_odd);
    static void forget_columns(DumpTable& table);

    // Triggers, rules and bodies: triggers.cc.
    Status create_routine();
    Status create_trigger(std::uint64_t line);
    Status create_rule(std::uint64_t line);
    Status alter_triggers(DumpTable& table);
    Status drop_trigger();
    Status end_body(Body* body_or_null = nullptr);
};

}  // namespace zc::sqldump
