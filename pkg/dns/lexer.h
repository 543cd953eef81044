// Inside of package dns: the words of a master file (RFC 1035 section 5.1).
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace zc::dns {

/// A word or quoted string as it stands in the text, escapes and all, without its quotes.
struct Token {
    std::string_view text;
    bool quoted = false;
    bool escaped = false;  // has a backslash

    bool is_word(std::string_view word) const noexcept { return !quoted && text == word; }
};

/// Splits text into entries and entries into tokens: blanks, comments, parentheses over several
/// lines, quotes (which may go over several lines too); lines end in LF, CRLF or CR. Allocates
/// nothing; borrows the text.
class Lexer {
public:
    enum class Fault : std::uint8_t { none, quote_open, parenthesis_open, parenthesis_closed };

    explicit Lexer(std::string_view text) noexcept
        : at_(text.data()), end_(text.data() + text.size()) {}

    /// The next token of this entry, or false at the end of the entry's last line, of the text, or
    /// at a fault.
    bool next(Token& token) noexcept;
    /// Directly behind the token just read, no blank between, stands a quoted string: alpn="h2".
    bool quote_follows() const noexcept { return at_ != end_ && *at_ == '"'; }
    /// Goes behind the end of the entry's last line, whatever is left in it. `next()` and this may
    /// be called in any order; the fault of the entry is forgotten.
    void skip_entry() noexcept;

    bool at_end() const noexcept { return at_ == end_; }
    /// A blank is next: at the start of a line, the owner is the last one.
    bool at_blank() const noexcept { return at_ != end_ && (*at_ == ' ' || *at_ == '\t'); }
    std::uint64_t line() const noexcept { return line_; }
    Fault fault() const noexcept { return fault_; }
    std::uint64_t parenthesis_line() const noexcept { return parenthesis_line_; }
    std::uint64_t quote_line() const noexcept { return quote_line_; }
    /// Quoted strings with a line end in them so far, and the line where the first of them begins.
    std::uint64_t strings_over_lines() const noexcept { return strings_over_lines_; }
    std::uint64_t string_over_lines_line() const noexcept { return string_over_lines_line_; }

private:
    enum class Class : std::uint8_t {
        ordinary,
        blank,
        line_end,
        backslash,
        quote,
        open,
        close,
        comment
    };
    static constexpr std::array<Class, 256> classes = [] {
        std::array<Class, 256> made{};
        made[' '] = made['\t'] = Class::blank;
        made['\n'] = made['\r'] = Class::line_end;
        made['\\'] = Class::backslash;
        made['"'] = Class::quote;
        made['('] = Class::open;
        made[')'] = Class::close;
        made[';'] = Class::comment;
        return made;
    }();
    static Class class_of(char c) noexcept { return classes[static_cast<std::uint8_t>(c)]; }

    /// Octets of the largest RDATA as escaped text. Behind a forgotten quote, no more is read.
    static constexpr std::ptrdiff_t quoted_octets_max = 4 * 65535;

    void skip_line_end() noexcept;
    void skip_comment() noexcept;
    bool next_quoted(Token& token) noexcept;
    bool stop(Fault fault) noexcept {
        fault_ = fault;
        return false;
    }

    const char* at_;
    const char* end_;
    std::uint64_t line_ = 1;
    std::uint64_t parenthesis_line_ = 0;  // of the outermost open one
    std::uint64_t quote_line_ = 0;        // of the one that is not closed
    std::uint64_t strings_over_lines_ = 0, string_over_lines_line_ = 0;
    std::uint32_t depth_ = 0;
    Fault fault_ = Fault::none;
};

inline void Lexer::skip_line_end() noexcept {
    if (*at_ == '\r' && end_ - at_ >= 2 && at_[1] == '\n') ++at_;
    ++at_;
    ++line_;
}

inline bool Lexer::next(Token& token) noexcept {
    if (fault_ != Fault::none) return false;
    for (;; ++at_) {
        if (at_ == end_) return depth_ == 0 ? false : stop(Fault::parenthesis_open);
        switch (class_of(*at_)) {
            case Class::blank:
                continue;
            case Class::ordinary:
            case Class::backslash: {
                const char* const start = at_;
                token.quoted = false;
                token.escaped = false;
                while (true) {
                    while (at_ != end_ && class_of(*at_) == Class::ordinary) ++at_;
                    if (at_ == end_ || *at_ != '\\') break;
                    token.escaped = true;
                    ++at_;
                    // An escaped line end is none in a word: the backslash is its last octet, and a
                    // fault.
                    if (at_ != end_ && class_of(*at_) != Class::line_end) ++at_;
                }
                token.text = {start, static_cast<std::size_t>(at_ - start)};
                return true;
            }
            case Class::line_end:
                if (depth_ == 0) return false;
                skip_line_end();
                --at_;
                continue;
            case Class::comment:
                skip_comment();
                --at_;
                continue;
            case Class::open:
                if (depth_++ == 0) parenthesis_line_ = line_;
                continue;
            case Class::close:
                if (depth_ == 0) return stop(Fault::parenthesis_closed);
                --depth_;
                continue;
            case Class::quote:
                return next_quoted(token);
        }
    }
}

}  // namespace zc::dns
