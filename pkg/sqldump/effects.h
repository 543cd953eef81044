// Which rows of PowerDNS's tables a statement may change, without
// following it.
//
// A dump may hold any statement. Most change no row. One that may change rows of PowerDNS's tables
// is an error, since an import does not carry it out: a wrong zone is worse than none. The tokens
// of the statement tell: it names a table, or something that stands for one, and has a word of
// change or calls a function.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sqldump/lexer.h"
#include "sqldump/tables.h"

namespace zc::sqldump {

constexpr std::size_t columns_of_table_max = 1600;  // PostgreSQL's own limit

/// Each function begins with the current token behind the statement's first word, or with that
/// word, and leaves the token that ends the statement.
class DumpEffects : protected SqlLexer {
protected:
    DumpEffects(ByteSource& source, const std::string& name, std::unique_ptr<char[]> buffer,
                DumpChoice choice)
        : SqlLexer(source, name, std::move(buffer)), tables_(std::move(choice)) {}

    struct Mentions {
        std::string table;            // the first one of PowerDNS's
        std::string table_with_rows;  // the first one that has rows
    };
    /// Things in this dump that stand for a table of PowerDNS's.
    enum class StandIn : std::uint8_t {
        text,     // a variable whose text names the table: code may run that text
        view,     // a view or partition of the table: its rows are rows of the table
        routine,  // its body names the table and changes rows: a call of it may do so
        runner,   // a view whose query calls such a routine: a read of it may do so
    };
    static constexpr std::size_t stand_in_kinds = 4;
    /// The tokens of a statement so far say that it does this.
    struct Effect {
        std::string table;       // of PowerDNS's: named plainly, by a stand-in, or in a string
        std::string through;     // the same, by a routine of this dump that it calls
        bool changes = false;    // it has a word like INSERT
        bool runs_code = false;  // it calls a function that is not the database's own
        // The tokens before this one.
        std::string before;  // the word or name
        bool is_own = true;  // it is none of pg_catalog's
        bool may_change = false;
        std::string last, last_but_one;  // plain words
    };

    // Names and places in a statement.
    Status qualified(std::vector<std::string>& parts);
    void skip_if_exists();
    Status column_names(std::vector<std::string>& columns);
    void skip_statement();

    // The end of a statement, by what it may do.
    Status end_harmless(Effect* effect_or_null = nullptr);
    Status end_query(std::string_view verb, std::uint64_t line);
    Status end_change(std::string_view verb, std::uint64_t line);
    Status change_of_rows(std::string_view verb, std::initializer_list<std::string_view> until,
                          std::uint64_t line);
    void note(Effect& effect);
    void mention(const std::vector<std::string>& parts, Mentions& out);
    Status mentions(std::initializer_list<std::string_view> until, Mentions& out);
    void note_unknown_effect(const std::string& verb, std::uint64_t line);

    // Tables that a text means.
    Status stand_in(StandIn kind, const std::string& name, const std::string& table);
    std::string stood_for(StandIn kind, const std::string& name) const;
    std::string table_meant(const std::string& word);
    std::string table_meant_in(std::string_view text);
    std::string table_meant_in_token();

    // Errors: the statement would change rows, or how text is read, in a way that is not followed.
    Status refuse_effect(std::string_view what, const std::string& table, std::uint64_t line);
    Status refuse_query(std::string_view verb, const Effect& effect, std::uint64_t line);
    Status refuse_stand_in(std::string_view what, const DumpTable& table, std::uint64_t line);
    Status refuse_call(std::string_view verb, const std::string& function);
    Status refuse_setting(std::string_view name, std::string_view wanted, std::uint64_t line) const;

    DumpTables tables_;
    struct UnknownEffect {
        std::uint64_t line = 0;  // of the first
        std::uint64_t statements = 0;
    };
    /// By verb: statements that run code which stands elsewhere, in a procedure or a variable.
    std::map<std::string, UnknownEffect> unknown_effects_;
    /// By kind, and by name in lower case: the table.
    std::array<std::map<std::string, std::string>, stand_in_kinds> stand_ins_;
};

/// Whether a statement with this word changes rows or tables, or runs code that does.
bool is_word_of_change(std::string_view word) noexcept;

}  // namespace zc::sqldump
