// Values of the settings by which a database reads the text of a dump.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace zc::sqldump {

struct Token;

/// A boolean as PostgreSQL reads it: an unambiguous start of true, false, yes, no, on or off, or 1
/// or 0, in any case, without blanks around it.
std::optional<bool> postgresql_boolean(std::string_view text) noexcept;

/// MySQL's sql_mode as far as it concerns strings.
struct SqlMode {
    bool no_backslash_escapes = false;  // a backslash is itself
    bool ansi_quotes = false;           // "…" is a name
};
/// Names of modes with commas between them. Nothing: a mode that is not known, or one in which
/// values change (EMPTY_STRING_IS_NULL).
std::optional<SqlMode> parse_sql_mode(std::string_view text);

/// The encoding of a dump's text.
enum class Encoding : std::uint8_t {
    utf8,    // or octets that are not looked at: SQL_ASCII, binary
    other,   // ASCII is ASCII in it; octets above 127 are not UTF-8
    unsafe,  // an octet of ASCII may be a part of another character
};
/// The encoding with a name as PostgreSQL's client_encoding or MySQL's SET NAMES takes it. Nothing:
/// not known.
std::optional<Encoding> encoding_of(std::string_view name);

/// The family of MySQL's charset of that name: "utf8" for all of its UTF-8, "binary" for those that
/// are not looked at.
std::string charset_family(std::string_view name);

/// A setting that decides how text is read and that `text` names, in any case; or empty.
std::string_view setting_in(std::string_view text) noexcept;

/// CHARACTER SET a, CHARSET = a, COLLATE a_ci among the tokens of a definition, one at a time.
class CharsetClause {
public:
    void step(const Token& token);
    /// As `charset_family` has it; empty: none was named.
    const std::string& charset() const noexcept { return charset_; }

private:
    enum class State : std::uint8_t { none, character, charset, collation };
    State state_ = State::none;
    bool is_explicit_ = false;
    std::string charset_;
};

/// A setting that may have a value of its own in a transaction: SET LOCAL.
template <typename T>
class Setting {
public:
    Setting() = default;
    explicit Setting(T value) : session_(std::move(value)) {}
    const T& now() const noexcept { return local_ ? *local_ : session_; }
    void set_session(T value) {
        session_ = std::move(value);
        local_.reset();
    }
    void set_local(T value) { local_ = std::move(value); }
    void end_transaction() noexcept { local_.reset(); }

private:
    T session_{};
    std::optional<T> local_;
};

}  // namespace zc::sqldump
