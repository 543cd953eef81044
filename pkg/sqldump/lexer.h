// SQL text as tokens, of the dialects in which dumps come.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "runtime/byte_source.h"

namespace zc::sqldump {

using runtime::ByteSource;

/// Text is read in pieces of this size.
inline constexpr std::size_t copy_block_octets = std::size_t{2} << 20;
inline constexpr std::size_t row_octets_max = std::size_t{64} << 20;
constexpr std::size_t identifier_octets_max = 256;
constexpr std::size_t line_octets_max = 4096;  // of a comment or command that is looked at

constexpr bool is_word_start(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}
constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
constexpr bool is_word(char c) noexcept {
    return is_word_start(c) || is_digit(c) || c == '$';
}
inline bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

/// 16 for what is no digit.
int hex_value(char c) noexcept;
/// X'…' and 0x…: two digits an octet.
std::string octets_of_hex(std::string_view digits);
void append_utf8(std::string& out, std::uint32_t point);
/// ASCII alone.
std::string lower(std::string_view text);
/// How many newlines.
std::uint64_t count_lines(std::string_view text) noexcept;
/// A string that was read without escapes, as MySQL reads it; a backslash at its end escapes the quote
/// behind it.
std::string mysql_unescaped(std::string_view text);
inline bool is_one_of(std::string_view word,
                      std::initializer_list<std::string_view> words) noexcept {
    return std::ranges::find(words, word) != words.end();
}

/// The SQL of a dump, as far as it is known. It decides what a backslash in a string is.
enum class Dialect : std::uint8_t { unknown, postgresql, mysql, sqlite };

struct Token {
    enum class Kind : std::uint8_t {
        end,     // of the source
        stop,    // of a statement: ";", or what DELIMITER says
        word,    // a key word or plain identifier, in lower case; NULL, TRUE
        name,    // a quoted identifier
        string,  // a literal, unescaped
        number,  // digits, sign, point, exponent as written
        symbol,  // one octet of punctuation
    };
    Kind kind = Kind::end;
    bool escapes_guessed = false;  // a backslash, in a dialect that is not known
    std::string text;
    bool is_stop() const noexcept { return kind == Kind::stop; }
    bool is(char symbol) const noexcept { return kind == Kind::symbol && text[0] == symbol; }
    bool is(std::string_view word) const noexcept { return kind == Kind::word && text == word; }
};

/// Octets of a source as tokens, one at a time. A reader of statements is one of these: it looks at
/// `token_` and tells what it learns of the dialect.
///
/// Comments are passed over, but for what their programs promise in them (that an end comes) and
/// for MySQL's conditional ones, whose text is executed there and comes as tokens.
class SqlLexer {
public:
    SqlLexer(const SqlLexer&) = delete;
    SqlLexer& operator=(const SqlLexer&) = delete;

protected:
    /// `buffer` holds `copy_block_octets`.
    SqlLexer(ByteSource& source, const std::string& name, std::unique_ptr<char[]> buffer)
        : source_(source), name_(name), buffer_(std::move(buffer)), capacity_(copy_block_octets) {}
    ~SqlLexer() = default;

    // Octets. `pull` makes sure that there is one at `begin_`, or says that there is none.
    Status read_more();
    bool pull() {
        if (begin_ != end_) return true;
        if (ended_ || failure_) return false;
        if (Status status = read_more(); !status) failure_ = std::move(status).error();
        return begin_ != end_;
    }
    /// The next octet without taking it; 0 at the end.
    char look() { return pull() ? buffer_[begin_] : '\0'; }
    char take() {
        if (!pull()) return '\0';
        const char c = buffer_[begin_++];
        line_ += c == '\n' ? 1 : 0;
        return c;
    }

    /// Whether the octets that are next are `text`. None is taken.
    bool ahead(std::string_view text) {
        while (end_ - begin_ < text.size() && !ended_ && !failure_) {
            if (Status status = read_more(); !status) failure_ = std::move(status).error();
        }
        return std::string_view(buffer_.get() + begin_, end_ - begin_).starts_with(text);
    }
    bool at_delimiter() { return !delimiter_.empty() && ahead(delimiter_); }

    // Tokens.
    void next();
    /// Appends to the token the octets for which `is` holds: no newlines, and nothing from where
    /// DELIMITER's text begins.
    template <typename Is>
    void take_while(Is is, std::size_t octets_max);
    void skip_line(std::string* kept_or_null = nullptr);
    bool block_comment();
    void comment();
    void quoted(char quote, bool backslashes);
    void escape(char c);
    void dollar_quoted();
    void refuse_long_string();
    void refuse_unknown_backslash();
    void word();
    void unicode_name();
    void number();
    void found(Dialect dialect);
    bool has_escapes() const noexcept {
        return dialect_ == Dialect::mysql ? !no_backslash_escapes_ : backslashes_in_strings_;
    }

    bool is_name() const noexcept {
        // SQLite takes a string for a name.
        return token_.kind == Token::Kind::word || token_.kind == Token::Kind::name ||
               token_.kind == Token::Kind::string;
    }
    Status cut_off(const char* where) const {
        return fail(Errc::malformed, std::string("the dump is cut off ") + where, {name_, line_});
    }
    Status unexpected(std::string_view wanted) {
        if (failure_) return tl::unexpected<Error>(*failure_);
        if (token_.kind == Token::Kind::end) return cut_off("inside of a statement");
        return fail(Errc::malformed,
                    "found \"" + token_.text.substr(0, 60) + "\", wanted " + std::string(wanted),
                    {name_, line_});
    }

    ByteSource& source_;
    const std::string& name_;
    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_;
    std::size_t begin_ = 0, end_ = 0;
    bool ended_ = false;
    std::optional<Error> failure_;
    std::uint64_t line_ = 1;
    Token token_;
    bool at_statement_start_ = true;

    // The dump, as the comments and statements so far tell it.
    Dialect dialect_ = Dialect::unknown;
    std::uint64_t guessed_line_ = 0;  // where a backslash was read before the dialect was known
    bool backslashes_in_strings_ = false;  // PostgreSQL with standard_conforming_strings off
    bool backslashes_unknown_ = false;     // what a backslash is there is not known
    bool no_backslash_escapes_ = false;    // MySQL with that in sql_mode
    bool ansi_quotes_ = false;             // MySQL's "…" is a name
    bool in_conditional_ = false;          // of /*!40101 … */, which MySQL executes
    bool in_select_of_insert_ = false;     // as zone2sql writes it
    std::string delimiter_;                // instead of ";", from DELIMITER; empty: ";"
    int dump_ = 0;         // how many of pg_dump's have begun: several may stand in one file
    int ends_wanted_ = 0;  // headers that promise a closing comment, less the closing comments
};

}  // namespace zc::sqldump
