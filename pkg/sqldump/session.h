// Statements and commands that change how the rest of a dump is read: SET
// and its relatives, SELECT set_config, \connect, DELIMITER.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sqldump/effects.h"
#include "sqldump/session_settings.h"

namespace zc::sqldump {

/// A setting that decides how text is read is followed, or is an error.
class DumpSession : protected DumpEffects {
protected:
    using DumpEffects::DumpEffects;

    Status set();
    Status reset(std::uint64_t line);
    Status alter_default();
    Status select(std::uint64_t line);
    Status code(std::string_view verb, bool is_block, std::uint64_t line);
    Status command();
    Status set_delimiter();
    void end_transaction();

    bool in_transaction_ = false;     // BEGIN without COMMIT
    bool autocommit_is_off_ = false;  // SET autocommit=0, of MySQL's
    /// The encoding of the text; empty: the dump did not tell.
    Setting<std::string> encoding_;

private:
    /// How far SET reaches. `unnamed`: no word says; `unknown`: servers differ; `none`: nothing
    /// before a restart.
    enum class Scope : std::uint8_t { unnamed, session, local, global, unknown, none };
    struct SetStatement {
        std::uint64_t line = 0;
        bool is_scope_carried = false;      // GLOBAL, from a name before
        std::vector<std::string> assigned;  // so far; @@ before a setting
    };
    /// The left side of one assignment.
    struct Assigned {
        std::string name;  // in lower case
        Scope scope = Scope::unnamed;
        bool is_users = false;    // a variable: @a
        bool is_word = false;     // its first part is a plain word
        bool is_in_list = false;  // others stand before it
        bool is_value = false;    // no name at all: the 2 of SET a = 1, 2
    };
    Status assignment(SetStatement& statement, bool is_first);
    bool take_scope(Scope& scope);
    Status assigned_name(SetStatement& statement, Assigned& out);
    Status assign(SetStatement& statement, const Assigned& to);
    Status set_postgresql(std::string_view name, const std::optional<std::string>& value,
                          Scope scope, std::uint64_t line);
    Status set_names(Scope scope, std::uint64_t line);
    Status set_encoding(const std::string& encoding, Scope scope, std::uint64_t line);
    Status set_mysql(SetStatement& statement, const std::string& name, Scope scope);
    Status set_users_variable(SetStatement& statement, const std::string& name);
    Status skip_value(const std::string& assigned);
    Status evaluate(const SetStatement& statement, const std::string& assigned,
                    std::optional<std::string>& out, int depth);
    Status set_config(std::uint64_t line);
    Status set_search_path();
    void remember(const std::string& variable, std::optional<std::string> value);
    void apply_strings();
    void begin_session();
    Status connect(std::string_view arguments);

    /// PostgreSQL's standard_conforming_strings: a backslash is itself, or an escape.
    enum class Strings : std::uint8_t { standard, escapes, unknown };
    Setting<Strings> strings_;
    Strings default_strings_ = Strings::standard;
    Strings later_strings_ = Strings::standard;  // the default of sessions that begin later
    /// MySQL's. Settings that the server has before the dump sets any count as empty.
    std::string sql_mode_, default_sql_mode_;
    std::map<std::string, std::string> users_variables_;  // @a, by name in lower case
};

}  // namespace zc::sqldump
