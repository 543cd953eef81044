#include "sqldump/lexer.h"

#include <array>
#include <charconv>

#include "dns/name.h"

namespace zc::sqldump {

namespace {

constexpr std::size_t buffer_octets_max =
    row_octets_max + copy_block_octets;               // of one line of COPY, one token
constexpr std::uint32_t version_of_no_mysql = 99999;  // of /*!99999 …*/; MariaDB passes it over too
constexpr std::uint32_t version_of_no_server = 999999;  // of /*!999999 …*/, which none executes

/// The octet that MySQL reads for a backslash and `c`.
char mysql_escaped(char c) noexcept {
    switch (c) {
        case 'n':
            return '\n';
        case 't':
            return '\t';
        case 'r':
            return '\r';
        case 'b':
            return '\b';
        case '0':
            return '\0';
        case 'Z':
            return '\x1a';
        default:
            return c;
    }
}

/// Octets of which a word consists, and of which a number does.
enum OctetClass : std::uint8_t { in_word = 1, in_number = 2 };
constexpr std::array<std::uint8_t, 256> octet_classes = [] {
    std::array<std::uint8_t, 256> classes{};
    for (std::size_t i = 0; i < classes.size(); ++i) {
        const char c = static_cast<char>(i);
        if (is_word(c)) classes[i] = in_word | in_number;
        if (c == '.' || c == '+' || c == '-') classes[i] = in_number;
    }
    return classes;
}();

/// Where `quote` or a backslash stands, or the size of `text`.
std::size_t find_stop(std::string_view text, char quote, bool backslashes) noexcept {
    if (!backslashes) return std::min(text.find(quote), text.size());
    std::size_t at = 0;
    while (at < text.size() && text[at] != quote && text[at] != '\\') ++at;
    return at;
}

bool ends_in_escape(std::string_view text) noexcept {
    const std::size_t last = text.find_last_not_of('\\');
    return (text.size() - (last == std::string_view::npos ? 0 : last + 1)) % 2 == 1;
}

}  // namespace

/// How many newlines; 16 octets at a time, plain code for every processor.
std::uint64_t count_lines(std::string_view text) noexcept {
    using Block __attribute__((vector_size(16))) = signed char;
    std::uint64_t count = 0;
    std::size_t at = 0;
    while (text.size() - at >= sizeof(Block)) {
        // Each lane counts down from 0 for at most 127 blocks.
        Block lanes{};
        const std::size_t blocks = std::min<std::size_t>((text.size() - at) / sizeof(Block), 127);
        for (std::size_t i = 0; i < blocks; ++i, at += sizeof(Block)) {
            Block block;
            std::memcpy(&block, text.data() + at, sizeof block);
            lanes += block == '\n';
        }
        for (std::size_t i = 0; i < sizeof(Block); ++i)
            count += static_cast<std::uint8_t>(-lanes[i]);
    }
    for (; at < text.size(); ++at) count += text[at] == '\n' ? 1U : 0U;
    return count;
}

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char folded = static_cast<char>(c | 0x20);
    return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : 16;
}

std::string octets_of_hex(std::string_view digits) {
    std::string octets;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        octets += static_cast<char>(hex_value(digits[i]) % 16 * 16 + hex_value(digits[i + 1]) % 16);
    }
    return octets;
}

void append_utf8(std::string& out, std::uint32_t point) {
    if (point < 0x80) {
        out += static_cast<char>(point);
        return;
    }
    const int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    constexpr std::array<std::uint32_t, 4> first = {0, 0xc0, 0xe0, 0xf0};
    out += static_cast<char>(first[static_cast<std::size_t>(more)] | (point >> (6 * more)));
    for (int i = more - 1; i >= 0; --i)
        out += static_cast<char>(0x80U | (point >> (6 * i) & 0x3fU));
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(dns::fold(static_cast<std::uint8_t>(c)));
    return out;
}

std::string mysql_unescaped(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        out += mysql_escaped(++i < text.size() ? text[i] : '\'');
    }
    return out;
}

Status SqlLexer::read_more() {
    if (begin_ == end_) {
        begin_ = end_ = 0;
    } else if (begin_ != 0) {
        std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    if (end_ == capacity_) {
        if (capacity_ >= buffer_octets_max) {
            return fail(Errc::limit,
                        "a row of more than " + std::to_string(row_octets_max) + " octets",
                        {name_, line_});
        }
        auto larger = std::make_unique_for_overwrite<char[]>(capacity_ * 2);
        std::memcpy(larger.get(), buffer_.get(), end_);
        buffer_ = std::move(larger);
        capacity_ *= 2;
    }
    ZC_TRY(const std::size_t count,
           source_.read(std::span<char>(buffer_.get() + end_, capacity_ - end_)));
    end_ += count;
    ended_ = count == 0;
    return {};
}

void SqlLexer::skip_line(std::string* kept_or_null) {
    while (pull()) {
        const std::string_view rest(buffer_.get() + begin_, end_ - begin_);
        const std::size_t newline = rest.find('\n');
        const std::size_t count = std::min(newline, rest.size());
        if (kept_or_null != nullptr && kept_or_null->size() < line_octets_max)
            *kept_or_null += rest.substr(0, count);
        begin_ += count;
        if (newline != std::string_view::npos) return;  // the newline itself is the next blank
    }
}

void SqlLexer::comment() {
    std::string text;
    skip_line(&text);
    while (!text.empty() && is_blank(text.back())) text.pop_back();
    const std::size_t start = text.find_first_not_of(" \t");
    const std::string_view words =
        start == std::string::npos ? std::string_view{} : std::string_view(text).substr(start);
    if (words == "PostgreSQL database dump") ++dump_;
    if (words == "PostgreSQL database dump" || words == "PostgreSQL database cluster dump")
        ++ends_wanted_;
    if (words == "PostgreSQL database dump complete" ||
        words == "PostgreSQL database cluster dump complete")
        --ends_wanted_;
    if (words.starts_with("MySQL dump ") || words.starts_with("MariaDB dump ")) {
        found(Dialect::mysql);
        ++ends_wanted_;
    }
    if (words.starts_with("Dump completed")) --ends_wanted_;
}

/// Behind "/*". True: its text is executed (/*!40101 … */ of MySQL's) and comes as tokens.
bool SqlLexer::block_comment() {
    if ((dialect_ == Dialect::mysql || dialect_ == Dialect::unknown) && !in_conditional_ &&
        (ahead("!") || ahead("M!"))) {
        found(Dialect::mysql);
        while (take() != '!') {
        }
        std::uint32_t version = 0;
        for (int digits = 0; digits < 6 && is_digit(look()); ++digits)
            version = version * 10 + static_cast<std::uint32_t>(take() - '0');
        if (version < version_of_no_server && version != version_of_no_mysql)
            return in_conditional_ = true;
    }
    int depth = 1;
    while (depth > 0 && pull()) {  // PostgreSQL's nest, MySQL's do not
        const char c = take();
        if (c == '*' && look() == '/') {
            take();
            --depth;
        } else if (c == '/' && look() == '*' && dialect_ != Dialect::mysql) {
            take();
            ++depth;
        }
    }
    if (depth > 0 && !failure_)
        failure_ =
            Error{Errc::malformed, "the dump is cut off inside of a comment", {name_, line_}};
    return false;
}

/// The first evidence counts.
void SqlLexer::found(Dialect dialect) {
    if (dialect_ != Dialect::unknown) return;
    dialect_ = dialect;
    if (dialect != Dialect::mysql) return;
    if (guessed_line_ != 0 && !failure_) {
        failure_ = Error{Errc::malformed,
                         "this is MySQL's, where a backslash in a string is an escape, and line " +
                             std::to_string(guessed_line_) +
                             " has one: say --from mysql-dump, or --from pg-dump if it is not",
                         {name_, line_}};
    }
}

void SqlLexer::refuse_long_string() {
    failure_ = Error{Errc::limit,
                     "a string of more than " + std::to_string(row_octets_max) + " octets",
                     {name_, line_}};
    token_.kind = Token::Kind::end;
}

void SqlLexer::refuse_unknown_backslash() {
    failure_ = Error{Errc::unsupported,
                     "a backslash in a string, and standard_conforming_strings is not known: an "
                     "ALTER … SET before \\connect changed its default; SET it",
                     {name_, line_}};
    token_.kind = Token::Kind::end;
}

void SqlLexer::quoted(char quote, bool backslashes) {
    for (;;) {
        if (!pull()) {
            token_.kind = Token::Kind::end;
            return;
        }
        const std::string_view rest(buffer_.get() + begin_, end_ - begin_);
        const std::size_t stop = find_stop(rest, quote, backslashes);
        if (token_.text.size() + stop > row_octets_max) {
            refuse_long_string();
            return;
        }
        const std::string_view plain = rest.substr(0, stop);
        token_.text += plain;
        line_ += count_lines(plain);
        begin_ += stop;
        if (stop == rest.size()) continue;
        if (take() == quote) {
            if (look() == quote) {
                token_.text += take();  // doubled: one
                continue;
            }
            if (backslashes_unknown_ && !backslashes && quote == '\'' &&
                token_.text.find('\\') != std::string::npos)
                return refuse_unknown_backslash();
            if (dialect_ != Dialect::unknown || backslashes || quote != '\'') return;
            token_.escapes_guessed = token_.text.find('\\') != std::string::npos;
            if (!token_.escapes_guessed || !ends_in_escape(token_.text)) return;
            // A string ended by \', or one of MySQL's with a quote in it: octets that cannot stand
            // behind a string tell, and zone2sql writes no string that ends in a backslash.
            const char behind = look();
            if (!in_select_of_insert_ &&
                (is_blank(behind) ||
                 std::string_view(",);:").find(behind) != std::string_view::npos))
                return;
            found(Dialect::mysql);
            if (failure_) {
                token_.kind = Token::Kind::end;
                return;
            }
            token_.text = mysql_unescaped(token_.text);
            token_.escapes_guessed = false;
            backslashes = true;
            continue;
        }
        if (pull()) escape(take());
    }
}

/// Behind the backslash of E'…', or of any string of MySQL's. `c` is taken.
void SqlLexer::escape(char c) {
    const bool is_simple = c == 'n' || c == 't' || c == 'r' || c == 'b';
    if (is_simple || dialect_ == Dialect::mysql) {
        token_.text += mysql_escaped(c);
        return;
    }
    // PostgreSQL: \ooo, \xhh, \uxxxx, \Uxxxxxxxx.
    const bool is_octal = c >= '0' && c <= '7';
    const std::size_t digits_max = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : is_octal ? 3 : 0;
    std::string digits(is_octal ? 1 : 0, c);
    while (digits.size() < digits_max && hex_value(look()) < (is_octal ? 8 : 16)) digits += take();
    if (digits.empty()) {
        token_.text += c;
        return;
    }
    std::uint32_t point = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), point, is_octal ? 8 : 16);
    if (c == 'u' || c == 'U') {
        append_utf8(token_.text, std::min<std::uint32_t>(point, 0x10ffff));
    } else {
        token_.text += static_cast<char>(point);
    }
}

void SqlLexer::dollar_quoted() {
    // $tag$ … $tag$; a single $ otherwise (a parameter in a function body outside of quotes does
    // not occur in dumps).
    std::string tag = "$";
    while (is_word(look()) && look() != '$' && tag.size() < identifier_octets_max) tag += take();
    if (look() != '$') {
        token_.kind = Token::Kind::symbol;
        token_.text = "$";
        return;
    }
    tag += take();
    token_.kind = Token::Kind::string;
    token_.text.clear();
    std::string tail;
    while (pull()) {
        tail += take();
        if (tail.size() > tag.size()) {
            token_.text += tail[0];
            tail.erase(0, 1);
        }
        if (tail == tag) return;
        if (token_.text.size() > row_octets_max) {
            refuse_long_string();
            return;
        }
    }
    token_.kind = Token::Kind::end;
}

template <typename Is>
void SqlLexer::take_while(Is is, std::size_t octets_max) {
    while (token_.text.size() < octets_max && pull()) {
        if (at_delimiter()) return;
        const std::size_t room = octets_max - token_.text.size();
        const std::size_t looked_at = delimiter_.empty() ? std::min(end_ - begin_, room) : 1;
        const char* const from = buffer_.get() + begin_;
        std::size_t size = 0;
        while (size < looked_at && is(static_cast<std::uint8_t>(from[size]))) ++size;
        token_.text.append(from, size);
        begin_ += size;
        if (size < looked_at) return;
    }
}

void SqlLexer::word() {
    token_.kind = Token::Kind::word;
    take_while([](std::uint8_t c) { return (octet_classes[c] & in_word) != 0; },
               identifier_octets_max);
    for (char& c : token_.text) c = static_cast<char>(dns::fold(static_cast<std::uint8_t>(c)));
    // E'…' has escapes whatever the setting; N'…', _utf8mb4'…' and _binary '…' are strings as they
    // stand. X'…' and B'…' are numbers of those digits, or the octets.
    const bool escapes = token_.text == "e";
    if (look() == '\'' && (escapes || token_.text == "n" || token_.text.starts_with('_'))) {
        take();
        if (escapes) found(Dialect::postgresql);
        token_.kind = Token::Kind::string;
        token_.text.clear();
        quoted('\'', escapes || has_escapes());
    } else if (token_.text == "u" && dialect_ != Dialect::mysql && ahead("&\"")) {
        take();
        take();
        token_.text.clear();
        quoted('"', false);
        if (token_.kind == Token::Kind::end) return;
        token_.kind = Token::Kind::name;
        unicode_name();
    } else if ((token_.text == "x" || token_.text == "b") && look() == '\'') {
        take();
        const std::string prefix = "0" + token_.text;
        token_.text.clear();
        token_.kind = Token::Kind::number;
        quoted('\'', false);
        if (token_.kind == Token::Kind::number) token_.text.insert(0, prefix);
    }
}

/// U&"…": \XXXX and \+XXXXXX, and \\ for a backslash.
void SqlLexer::unicode_name() {
    std::string name;
    std::string_view text = token_.text;
    bool is_good = true;
    while (is_good && !text.empty()) {
        const char c = text.front();
        text.remove_prefix(1);
        if (c != '\\' || text.starts_with('\\')) {
            if (c == '\\') text.remove_prefix(1);
            name += c;
            continue;
        }
        const std::size_t digits = text.starts_with('+') ? 6 : 4;
        if (digits == 6) text.remove_prefix(1);
        std::uint32_t point = 0;
        const char* const end = text.data() + std::min(digits, text.size());
        const auto [at, error] = std::from_chars(text.data(), end, point, 16);
        is_good = error == std::errc() && at == text.data() + digits && point <= 0x10ffff;
        if (!is_good) break;
        text.remove_prefix(digits);
        append_utf8(name, point);
    }
    while (is_blank(look())) take();
    if (look() == 'U' || look() == 'u') {
        while (end_ - begin_ < 7 && !ended_ && !failure_)
            if (Status status = read_more(); !status) failure_ = std::move(status).error();
        const std::string_view rest(buffer_.get() + begin_, end_ - begin_);
        is_good = is_good && lower(rest.substr(0, 7)) != "uescape";
    }
    if (!is_good && !failure_) {
        failure_ = Error{Errc::unsupported,
                         "the name U&\"" + token_.text.substr(0, 60) +
                             "\" with other escapes than \\XXXX and \\+XXXXXX",
                         {name_, line_}};
        token_.kind = Token::Kind::end;
    }
    token_.text = std::move(name);
}

void SqlLexer::number() {
    token_.kind = Token::Kind::number;
    take_while([](std::uint8_t c) { return (octet_classes[c] & in_number) != 0; }, row_octets_max);
}

void SqlLexer::next() {
    token_.text.clear();
    token_.kind = Token::Kind::end;
    token_.escapes_guessed = false;
    while (pull()) {
        const char c = buffer_[begin_];
        if (is_blank(c)) {
            take();
            continue;
        }
        if (at_delimiter()) {
            for (std::size_t i = 0; i < delimiter_.size(); ++i) token_.text += take();
            token_.kind = Token::Kind::stop;
            return;
        }
        if (is_word_start(c)) return word();
        if (is_digit(c)) return number();
        take();
        switch (c) {
            case '-':
                if (look() == '-') {
                    take();
                    comment();
                    continue;
                }
                if (is_digit(look())) {
                    token_.text = "-";
                    return number();
                }
                break;
            case '#':
                if (dialect_ == Dialect::mysql ||
                    (dialect_ == Dialect::unknown && at_statement_start_)) {
                    found(Dialect::mysql);
                    skip_line();
                    continue;
                }
                break;
            case '/':
                if (look() == '*') {
                    take();
                    block_comment();
                    continue;
                }
                break;
            case '*':
                if (in_conditional_ && look() == '/') {
                    take();
                    in_conditional_ = false;
                    continue;
                }
                break;
            case '\'':
                token_.kind = Token::Kind::string;
                return quoted('\'', has_escapes());
            case '"':
                token_.kind = dialect_ == Dialect::mysql && !ansi_quotes_ ? Token::Kind::string
                                                                          : Token::Kind::name;
                return quoted('"', token_.kind == Token::Kind::string && has_escapes());
            case '`':
                found(Dialect::mysql);
                token_.kind = Token::Kind::name;
                return quoted('`', false);
            case '$':
                if (dialect_ == Dialect::mysql) break;
                return dollar_quoted();
            case ';':
                token_.kind = Token::Kind::stop;
                token_.text = ";";
                return;
            default:
                break;
        }
        token_.kind = Token::Kind::symbol;
        token_.text.assign(1, c);
        return;
    }
}

}  // namespace zc::sqldump
