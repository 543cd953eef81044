// Inside of package ingest: the statements of a dump that give no rows.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ingest/dump_tables.h"
#include "ingest/session_settings.h"
#include "ingest/sql_lexer.h"

namespace zc::ingest {

constexpr std::size_t columns_of_table_max = 1600;  // PostgreSQL's own limit

/// What statements say of tables, and that they change no row. One that changes rows of a table of
/// PowerDNS's is an error, unless that has none yet.
///
/// Each function begins with the current token behind the statement's first word, or with that
/// word, and leaves the token that ends the statement.
class DumpStatements : protected SqlLexer {
protected:
    DumpStatements(ByteSource& source, const std::string& name, std::unique_ptr<char[]> buffer,
                   DumpChoice choice)
        : SqlLexer(source, name, std::move(buffer)), tables_(std::move(choice)) {}

    struct Mentions {
        std::string table;            // the first one of PowerDNS's
        std::string table_with_rows;  // the first one that has rows
    };
    /// What stands in this dump for a table of PowerDNS's.
    enum class StandIn : std::uint8_t {
        text,     // a variable whose text names it: code may run that
        view,     // a view or partition of it: what changes rows of that changes its rows
        routine,  // one whose body names it and changes rows: what calls that may do so
        runner,   // a view whose query calls such a routine: what reads that may do so
    };
    static constexpr std::size_t stand_in_kinds = 4;
    /// What the tokens of a statement say that it does.
    struct Effect {
        std::string table;       // of PowerDNS's: named plainly, by a stand-in, or in a string
        std::string through;     // the same, by a routine of this dump that it calls
        bool changes = false;    // it has a word like INSERT
        bool runs_code = false;  // it calls a function that is not the database's own
        // Of the tokens before.
        std::string before;  // the word or name
        bool is_own = true;  // it is none of pg_catalog's
        bool may_change = false;
        std::string last, last_but_one;  // plain words
    };
    /// How rows come.
    enum class Rows : std::uint8_t { copied, inserted };
    /// The body of a routine, trigger or rule.
    struct Body {
        std::string table;     // of PowerDNS's that it names
        bool changes = false;  // it has a word like INSERT, or calls what has
    };
    Status command();
    Status connect(std::string_view arguments);
    void skip_statement();
    Status end_harmless(Effect* effect_or_null = nullptr);
    Status end_query(std::string_view verb, std::uint64_t line);
    Status end_change(std::string_view verb, std::uint64_t line);
    Status end_body(Body* body_or_null = nullptr);
    Status create_routine();
    Status create_trigger(std::uint64_t line);
    Status create_rule(std::uint64_t line);
    Status alter_triggers(DumpTable& table);
    Status drop_trigger();
    Status refuse_fired(const DumpTable& table, Rows rows, std::uint64_t line);
    void note(Effect& effect);
    Status refuse_query(std::string_view verb, const Effect& effect, std::uint64_t line);
    Status refuse_stand_in(std::string_view what, const DumpTable& table, std::uint64_t line);
    Status refuse_call(std::string_view verb, const std::string& function);
    std::string stood_for(StandIn kind, const std::string& name) const;
    std::string table_meant(const std::string& word);
    std::string table_meant_in(std::string_view text);
    std::string table_meant_in_token();
    Status stand_in(StandIn kind, const std::string& name, const std::string& table);
    Status qualified(std::vector<std::string>& parts);
    void skip_if_exists();
    void mention(const std::vector<std::string>& parts, Mentions& out);
    Status mentions(std::initializer_list<std::string_view> until, Mentions& out);
    Status refuse_effect(std::string_view what, const std::string& table, std::uint64_t line);
    Status change_of_rows(std::string_view verb, std::initializer_list<std::string_view> until,
                          std::uint64_t line);
    Status column_names(std::vector<std::string>& columns);
    Status create();
    Status create_table(bool temporary, bool foreign, std::uint64_t line);
    Status parents(DumpTable& table, std::vector<DumpColumn>& columns, std::uint64_t line);
    Status attach(DumpTable& child, DumpTable& parent, std::uint64_t line);
    Status detach(DumpTable& child, std::uint64_t line);
    Result<bool> alter_family(DumpTable& table, std::uint64_t line);
    Status create_view(bool materialized, std::uint64_t line);
    Status view_query(DumpTable& view, bool materialized, std::uint64_t line);
    Status rename_view(const DumpTable& view, std::vector<std::string> parts);
    Status show(DumpTable& view, const std::string& table);
    Status alter(std::uint64_t line);
    Status alter_action(DumpTable& table, std::uint64_t line);
    Status drop(std::uint64_t line);
    Status select(std::uint64_t line);
    Status set();
    Status set_config(std::uint64_t line);
    Status set_search_path();
    Status reset(std::uint64_t line);
    Status alter_default();
    void begin_session();
    void end_transaction();
    static std::string_view setting_in(std::string_view text) noexcept;
    Status refuse_setting(std::string_view name, std::string_view wanted, std::uint64_t line) const;
    Status set_encoding(const std::string& encoding, std::uint64_t line) {
        return set_encoding(encoding, Scope::session, line);
    }
    void remember(const std::string& variable, std::optional<std::string> value);
    Status code(std::string_view verb, bool is_block, std::uint64_t line);
    Status set_delimiter();
    static void set_default(DumpTable& table, const std::string& column,
                            std::optional<std::string> literal, bool is_odd);
    static void forget_columns(DumpTable& table);
    Status alter_column(DumpTable& table, std::uint64_t line);
    Status alter_other(std::uint64_t line);
    void note_unknown_effect(const std::string& verb, std::uint64_t line);

    DumpTables tables_;
    bool in_transaction_ = false;     // BEGIN without COMMIT
    bool autocommit_is_off_ = false;  // SET autocommit=0, of MySQL's
    /// In which the text comes; empty: it was not told.
    Setting<std::string> encoding_;
    struct UnknownEffect {
        std::uint64_t line = 0;  // of the first
        std::uint64_t statements = 0;
    };
    /// By verb: statements that run what stands elsewhere, in a procedure or a variable.
    std::map<std::string, UnknownEffect> unknown_effects_;
    /// Of each kind by name, in lower case: the table.
    std::array<std::map<std::string, std::string>, stand_in_kinds> stand_ins_;

private:
    /// For what SET counts. `unnamed`: no word says; `unknown`: servers differ; `none`: for nothing
    /// before a restart.
    enum class Scope : std::uint8_t { unnamed, session, local, global, unknown, none };
    struct SetStatement {
        std::uint64_t line = 0;
        bool is_scope_carried = false;      // GLOBAL, from a name before
        std::vector<std::string> assigned;  // so far; @@ before a setting
    };
    Status assignment(SetStatement& statement, bool is_first);
    Status set_postgresql(std::string_view name, const std::optional<std::string>& value,
                          Scope scope, std::uint64_t line);
    Status set_names(Scope scope, std::uint64_t line);
    Status set_encoding(const std::string& encoding, Scope scope, std::uint64_t line);
    Status set_mysql(SetStatement& statement, const std::string& name, Scope scope);
    Status set_users_variable(SetStatement& statement, const std::string& name);
    Status skip_value(const std::string& assigned);
    Status evaluate(const SetStatement& statement, const std::string& assigned,
                    std::optional<std::string>& out, int depth);
    void apply_strings();

    /// PostgreSQL's standard_conforming_strings: a backslash is itself, or an escape.
    enum class Strings : std::uint8_t { standard, escapes, unknown };
    Setting<Strings> strings_;
    Strings default_strings_ = Strings::standard;
    Strings later_strings_ = Strings::standard;  // the default of sessions that begin later
    /// MySQL's. What the server has before the dump says so counts as empty.
    std::string sql_mode_, default_sql_mode_;
    std::map<std::string, std::string> users_variables_;  // @a, by name in lower case
};

}  // namespace zc::ingest
