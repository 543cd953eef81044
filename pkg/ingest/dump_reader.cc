#include "ingest/dump_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

namespace zc::ingest {

namespace {

constexpr std::size_t buffer_octets_max =
    row_octets_max + copy_block_octets;  // of one line of COPY, one token
constexpr std::size_t identifier_octets_max = 256;
constexpr std::size_t columns_of_table_max = 1600;  // PostgreSQL's own limit
constexpr std::size_t function_arguments_max = 8;
constexpr int expression_depth_max = 16;

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

bool is_word_start(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_word(char c) noexcept {
    return is_word_start(c) || is_digit(c) || c == '$';
}
bool is_blank(char c) noexcept {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

/// 16 for what is no digit.
int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    const char folded = static_cast<char>(c | 0x20);
    return folded >= 'a' && folded <= 'f' ? folded - 'a' + 10 : 16;
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

struct Token {
    enum class Kind : std::uint8_t {
        end,     // of the source
        word,    // a key word or plain identifier, in lower case; NULL, TRUE
        name,    // a quoted identifier
        string,  // a literal, unescaped
        number,  // digits, sign, point, exponent as written
        symbol,  // one octet of punctuation
    };
    Kind kind = Kind::end;
    std::string text;
    bool is(char symbol) const noexcept { return kind == Kind::symbol && text[0] == symbol; }
    bool is(std::string_view word) const noexcept { return kind == Kind::word && text == word; }
};

class DumpReader {
public:
    DumpReader(ByteSource& source, const std::string& name, RowPipeline& pipeline)
        : source_(source),
          name_(name),
          pipeline_(pipeline),
          buffer_(pipeline.buffer()),
          capacity_(copy_block_octets) {}

    Status run();

private:
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

    // Tokens.
    void next();
    void skip_line(std::string* kept_or_null = nullptr);
    void skip_block_comment();
    void comment();
    void quoted(char quote, bool backslashes);
    void escape(char c);
    void dollar_quoted();
    void word();
    void number();

    // Statements.
    Status statement();
    void skip_statement();
    Status table_name(std::string& table);
    Status column_names(std::vector<std::string>& columns);
    Status create_table();
    Status copy();
    Status copy_data(const std::shared_ptr<const TableLayout>& layout, const std::string& table,
                     std::uint64_t line);
    Status insert();
    Status tuple(std::vector<std::optional<std::string>>& values, bool& usable);
    Status expression(std::optional<std::string>& out, bool& usable, int depth);
    Status call(const std::string& function, std::optional<std::string>& out, bool& usable,
                int depth);
    Status arguments(std::vector<std::optional<std::string>>& out, bool& usable, int depth);

    Result<std::shared_ptr<const TableLayout>> layout_of(const std::string& table,
                                                         std::vector<std::string> columns,
                                                         std::uint64_t line);
    Status cut_off(const char* where) const {
        return fail(Errc::malformed, std::string("the dump is cut off ") + where, {name_, line_});
    }
    Status unexpected(const char* wanted) {
        if (failure_) return tl::unexpected<Error>(*failure_);
        if (token_.kind == Token::Kind::end) return cut_off("inside of a statement");
        return fail(Errc::malformed,
                    "found \"" + token_.text.substr(0, 60) + "\", wanted " + wanted,
                    {name_, line_});
    }

    ByteSource& source_;
    const std::string& name_;
    RowPipeline& pipeline_;
    std::unique_ptr<char[]> buffer_;
    std::size_t capacity_;
    std::size_t begin_ = 0, end_ = 0;
    bool ended_ = false;
    std::optional<Error> failure_;
    std::uint64_t line_ = 1;
    Token token_;
    bool at_line_start_ = true;  // of the token that is next, but for blanks

    // What the comments and statements so far say of the dump.
    bool mysql_ = false;                   // backslashes in strings are escapes, ` quotes names
    bool backslashes_in_strings_ = false;  // PostgreSQL with standard_conforming_strings off
    int ends_wanted_ = 0;  // headers that promise a closing comment, less the closing comments
    bool in_transaction_ = false;  // BEGIN without COMMIT
    std::map<std::string, std::vector<std::string>>
        created_;                                 // columns by table, from CREATE TABLE
    std::map<std::string, std::string> schemas_;  // of our tables
};

Status DumpReader::read_more() {
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

void DumpReader::skip_line(std::string* kept_or_null) {
    while (pull()) {
        const std::string_view rest(buffer_.get() + begin_, end_ - begin_);
        const std::size_t newline = rest.find('\n');
        const std::size_t count = std::min(newline, rest.size());
        if (kept_or_null != nullptr && kept_or_null->size() < identifier_octets_max)
            *kept_or_null += rest.substr(0, count);
        begin_ += count;
        if (newline != std::string_view::npos) return;  // the newline itself is the next blank
    }
}

void DumpReader::comment() {
    std::string text;
    skip_line(&text);
    while (!text.empty() && is_blank(text.back())) text.pop_back();
    const std::size_t start = text.find_first_not_of(" \t");
    const std::string_view words =
        start == std::string::npos ? std::string_view{} : std::string_view(text).substr(start);
    if (words == "PostgreSQL database dump" || words == "PostgreSQL database cluster dump")
        ++ends_wanted_;
    if (words == "PostgreSQL database dump complete" ||
        words == "PostgreSQL database cluster dump complete")
        --ends_wanted_;
    if (words.starts_with("MySQL dump ") || words.starts_with("MariaDB dump ")) {
        mysql_ = true;
        ++ends_wanted_;
    }
    if (words.starts_with("Dump completed")) --ends_wanted_;
}

void DumpReader::skip_block_comment() {
    // PostgreSQL's nest, MySQL's do not. A conditional one (/*!40101 SET … */) holds nothing that
    // matters here.
    for (int depth = 1; depth > 0 && pull();) {
        const char c = take();
        if (c == '*' && look() == '/') {
            take();
            --depth;
        } else if (c == '/' && look() == '*' && !mysql_) {
            take();
            ++depth;
        } else if (c == '!' && depth == 1) {
            mysql_ = true;
        }
    }
}

void DumpReader::quoted(char quote, bool backslashes) {
    for (;;) {
        if (!pull()) {
            token_.kind = Token::Kind::end;
            return;
        }
        const std::string_view rest(buffer_.get() + begin_, end_ - begin_);
        const char stops[3] = {quote, backslashes ? '\\' : quote, '\0'};
        std::size_t stop = backslashes ? rest.find_first_of(stops) : rest.find(quote);
        stop = std::min(stop, rest.size());
        if (token_.text.size() + stop > row_octets_max) {
            failure_ = Error{Errc::limit,
                             "a string of more than " + std::to_string(row_octets_max) + " octets",
                             {name_, line_}};
            token_.kind = Token::Kind::end;
            return;
        }
        const std::string_view plain = rest.substr(0, stop);
        token_.text += plain;
        line_ += count_lines(plain);
        begin_ += stop;
        if (stop == rest.size()) continue;
        if (take() == quote) {
            if (look() != quote) return;
            token_.text += take();  // doubled: one
            continue;
        }
        if (pull()) escape(take());
    }
}

/// Behind the backslash of E'…', or of any string of MySQL's. `c` is taken.
void DumpReader::escape(char c) {
    switch (c) {
        case 'n':
            token_.text += '\n';
            return;
        case 't':
            token_.text += '\t';
            return;
        case 'r':
            token_.text += '\r';
            return;
        case 'b':
            token_.text += '\b';
            return;
        default:
            break;
    }
    if (mysql_) {
        token_.text += c == '0' ? '\0' : c == 'Z' ? '\x1a' : c;
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

void DumpReader::dollar_quoted() {
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
    }
    token_.kind = Token::Kind::end;
}

void DumpReader::word() {
    token_.kind = Token::Kind::word;
    while (is_word(look()) && token_.text.size() < identifier_octets_max) {
        token_.text += static_cast<char>(dns::fold(static_cast<std::uint8_t>(take())));
    }
    // E'…' has escapes whatever the setting; N'…', B'…', _utf8mb4'…' and _binary '…' are strings as
    // they stand.
    const bool escapes = token_.text == "e";
    if (look() == '\'' &&
        (escapes || token_.text == "n" || token_.text == "b" || token_.text.starts_with('_'))) {
        take();
        token_.kind = Token::Kind::string;
        token_.text.clear();
        quoted('\'', escapes || mysql_ || backslashes_in_strings_);
    } else if (token_.text == "x" && look() == '\'') {
        take();
        token_.text.clear();
        quoted('\'', false);
        token_.kind = Token::Kind::number;
        token_.text.insert(0, "0x");
    }
}

void DumpReader::number() {
    token_.kind = Token::Kind::number;
    while ((is_word(look()) || look() == '.' || look() == '+' || look() == '-') &&
           token_.text.size() < row_octets_max) {
        token_.text += take();
    }
}

void DumpReader::next() {
    token_.text.clear();
    token_.kind = Token::Kind::end;
    while (pull()) {
        const char c = buffer_[begin_];
        if (is_blank(c)) {
            if (c == '\n') at_line_start_ = true;
            take();
            continue;
        }
        const bool first = std::exchange(at_line_start_, false);
        if (first && c == '\\') {  // psql's \restrict, \connect
            skip_line();
            continue;
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
                if (mysql_) {
                    skip_line();
                    continue;
                }
                break;
            case '/':
                if (look() == '*') {
                    take();
                    skip_block_comment();
                    continue;
                }
                break;
            case '\'':
                token_.kind = Token::Kind::string;
                return quoted('\'', mysql_ || backslashes_in_strings_);
            case '"':
                token_.kind = mysql_ ? Token::Kind::string : Token::Kind::name;
                return quoted('"', mysql_);
            case '`':
                mysql_ = true;
                token_.kind = Token::Kind::name;
                return quoted('`', false);
            case '$':
                return dollar_quoted();
            default:
                break;
        }
        token_.kind = Token::Kind::symbol;
        token_.text.assign(1, c);
        return;
    }
}

void DumpReader::skip_statement() {
    while (token_.kind != Token::Kind::end && !token_.is(';')) next();
}

Status DumpReader::table_name(std::string& table) {
    // schema.table, each plain or quoted; the current token is the first of it.
    std::string schema;
    for (;;) {
        if (token_.kind != Token::Kind::word && token_.kind != Token::Kind::name)
            return unexpected("the name of a table");
        table = lower(token_.text);
        next();
        if (!token_.is('.')) break;
        schema = table;
        next();
    }
    if (table_of(table)) {
        const auto [at, added] = schemas_.emplace(table, schema);
        if (!added && at->second != schema) {
            return fail(Errc::invalid,
                        "table " + table + " stands in two schemas, " + at->second + " and " +
                            schema + ": dump one of them",
                        {name_, line_});
        }
    }
    return {};
}

Status DumpReader::column_names(std::vector<std::string>& columns) {
    // The current token is "(".
    do {
        next();
        if (token_.kind != Token::Kind::word && token_.kind != Token::Kind::name)
            return unexpected("the name of a column");
        if (columns.size() == columns_of_table_max) return unexpected("fewer columns");
        columns.push_back(lower(token_.text));
        next();
    } while (token_.is(','));
    if (!token_.is(')')) return unexpected("\",\" or \")\"");
    next();
    return {};
}

Status DumpReader::create_table() {
    next();
    if (token_.is("if")) {  // IF NOT EXISTS
        next();
        next();
        next();
    }
    std::string table;
    ZC_TRY_STATUS(table_name(table));
    if (!token_.is('(')) return {};  // CREATE TABLE … AS, PARTITION OF
    std::vector<std::string> columns;
    do {
        next();
        const bool is_name = token_.kind == Token::Kind::name;
        const bool is_constraint =
            token_.is("constraint") || token_.is("primary") || token_.is("unique") ||
            token_.is("key") || token_.is("foreign") || token_.is("check") || token_.is("index") ||
            token_.is("fulltext") || token_.is("exclude") || token_.is("like");
        if (is_name || (token_.kind == Token::Kind::word && !is_constraint)) {
            if (columns.size() == columns_of_table_max) return unexpected("fewer columns");
            columns.push_back(lower(token_.text));
        }
        for (int depth = 0; token_.kind != Token::Kind::end; next()) {
            if (depth == 0 && (token_.is(',') || token_.is(')'))) break;
            if (token_.is('(')) ++depth;
            if (token_.is(')')) --depth;
        }
    } while (token_.is(','));
    created_[table] = std::move(columns);
    return {};
}

Result<std::shared_ptr<const TableLayout>> DumpReader::layout_of(const std::string& table,
                                                                 std::vector<std::string> columns,
                                                                 std::uint64_t line) {
    const auto ours = table_of(table);
    if (!ours) return std::shared_ptr<const TableLayout>();
    if (columns.empty()) {
        const auto created = created_.find(table);
        if (created == created_.end()) {
            return fail(Errc::malformed,
                        "rows of table " + table +
                            " without column names and no CREATE TABLE before: dump with the "
                            "schema, or with --column-inserts",
                        {name_, line});
        }
        columns = created->second;
    }
    return pipeline_.layout(*ours, columns, line);
}

Status DumpReader::copy() {
    const std::uint64_t line = line_;
    next();
    std::string table;
    ZC_TRY_STATUS(table_name(table));
    std::vector<std::string> columns;
    if (token_.is('(')) ZC_TRY_STATUS(column_names(columns));
    if (!token_.is("from")) return {};  // COPY … TO
    next();
    if (!token_.is("stdin")) return {};
    next();
    if (token_.kind == Token::Kind::end) return unexpected("\";\"");
    if (!token_.is(';')) {
        return fail(Errc::unsupported,
                    "COPY with options; wanted the text format, as pg_dump writes it",
                    {name_, line_});
    }
    ZC_TRY(const auto layout, layout_of(table, std::move(columns), line));
    std::string rest;
    skip_line(&rest);
    if (!pull())
        return failure_ ? Status(tl::unexpected<Error>(*failure_)) : cut_off("inside of COPY");
    take();
    at_line_start_ = true;
    return copy_data(layout, table, line);
}

/// Where in `text`, which starts at the start of a line, a line "\." begins; or npos.
std::size_t find_end_of_copy(std::string_view text) noexcept {
    for (std::size_t at = 0; (at = text.find('\\', at)) != std::string_view::npos; ++at) {
        if (at != 0 && text[at - 1] != '\n') continue;
        const std::string_view line = text.substr(at);
        if (line.starts_with("\\.\n") || line.starts_with("\\.\r\n") || line == "\\." ||
            line == "\\.\r")
            return at;
    }
    return std::string_view::npos;
}

Status DumpReader::copy_data(const std::shared_ptr<const TableLayout>& layout,
                             const std::string& table, std::uint64_t line) {
    std::uint64_t foreign_rows = 0;
    for (;;) {
        const std::string_view text(buffer_.get() + begin_, end_ - begin_);
        // Whole lines only; the last one counts as whole at the end of the source.
        std::size_t whole = text.rfind('\n');
        whole = whole == std::string_view::npos ? 0 : whole + 1;
        const std::size_t stop = find_end_of_copy(ended_ ? text : text.substr(0, whole));
        const std::size_t data = std::min(stop, whole);
        if (data == 0 && stop == std::string_view::npos) {
            if (ended_) return cut_off("inside of COPY");
            ZC_TRY_STATUS(read_more());
            continue;
        }
        const std::uint64_t lines = count_lines(text.substr(0, data));
        if (data != 0) {
            if (layout) {
                CopyBlock block{.octets = std::move(buffer_),
                                .begin = begin_,
                                .end = begin_ + data,
                                .first_line = line_,
                                .layout = layout};
                const std::size_t rest = text.size() - data;
                if (rest > copy_block_octets) {
                    buffer_ = std::make_unique_for_overwrite<char[]>(capacity_);
                } else {
                    buffer_ = pipeline_.buffer();
                    capacity_ = copy_block_octets;
                }
                std::memcpy(buffer_.get(), text.data() + data, rest);
                begin_ = 0;
                end_ = rest;
                ZC_TRY_STATUS(pipeline_.copy_block(std::move(block)));
            } else {
                foreign_rows += lines;
                begin_ += data;
            }
            line_ += lines;
        }
        if (stop != std::string_view::npos) {
            skip_line();
            if (!layout) pipeline_.foreign_table(table, foreign_rows, line);
            return {};
        }
    }
}

/// X'…' and 0x…: two digits an octet.
std::string octets_of_hex(std::string_view digits) {
    std::string octets;
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
        octets += static_cast<char>(hex_value(digits[i]) % 16 * 16 + hex_value(digits[i + 1]) % 16);
    }
    return octets;
}

/// SQLite's unistr(): \XXXX, \uXXXX, \+XXXXXX, \UXXXXXXXX and \\. False for another escape.
bool decode_unistr(std::string_view text, std::string& out) {
    while (!text.empty()) {
        const std::size_t stop = std::min(text.find('\\'), text.size());
        out += text.substr(0, stop);
        text.remove_prefix(stop);
        if (text.empty()) return true;
        text.remove_prefix(1);
        if (text.starts_with('\\')) {
            out += '\\';
            text.remove_prefix(1);
            continue;
        }
        std::size_t digits = 4;
        if (text.starts_with('u'))
            text.remove_prefix(1);
        else if (text.starts_with('+'))
            text.remove_prefix(1), digits = 6;
        else if (text.starts_with('U'))
            text.remove_prefix(1), digits = 8;
        std::uint32_t point = 0;
        const char* const end = text.data() + std::min(digits, text.size());
        const auto [at, error] = std::from_chars(text.data(), end, point, 16);
        if (error != std::errc() || at != text.data() + digits || point > 0x10ffff) return false;
        text.remove_prefix(digits);
        append_utf8(out, point);
    }
    return true;
}

Status DumpReader::arguments(std::vector<std::optional<std::string>>& out, bool& usable,
                             int depth) {
    // The current token is "("; afterwards it is the one behind ")".
    do {
        next();
        if (out.size() == function_arguments_max) return unexpected("fewer arguments");
        ZC_TRY_STATUS(expression(out.emplace_back(), usable, depth + 1));
    } while (token_.is(','));
    if (!token_.is(')')) return unexpected("\",\" or \")\"");
    next();
    return {};
}

/// What sqlite3 .dump writes for text with newlines: replace('a\nb','\n',char(10)),
/// unistr('a\u000ab').
Status DumpReader::call(const std::string& function, std::optional<std::string>& out, bool& usable,
                        int depth) {
    std::vector<std::optional<std::string>> given;
    ZC_TRY_STATUS(arguments(given, usable, depth));
    const bool complete =
        std::ranges::all_of(given, [](const auto& argument) { return argument.has_value(); });
    if (!complete) {  // NOLINT(bugprone-branch-clone): nor is a function that is not known
        usable = false;
    } else if (function == "replace" && given.size() == 3 && !given[1]->empty()) {
        std::string replaced;
        std::string_view rest = *given[0];
        for (std::size_t at = 0; (at = rest.find(*given[1])) != std::string_view::npos;) {
            replaced.append(rest.substr(0, at)).append(*given[2]);
            rest.remove_prefix(at + given[1]->size());
            if (replaced.size() > row_octets_max) return unexpected("a shorter text");
        }
        out = replaced.append(rest);
    } else if (function == "char" && given.size() == 1) {
        std::uint32_t point = 0;
        const std::string& digits = *given[0];
        const auto [at, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), point);
        usable = usable && error == std::errc() && point <= 0x10ffff;
        append_utf8(out.emplace(), usable ? point : 0);
    } else if (function == "unistr" && given.size() == 1) {
        usable = decode_unistr(*given[0], out.emplace()) && usable;
    } else {
        usable = false;
    }
    return {};
}

Status DumpReader::expression(std::optional<std::string>& out, bool& usable, int depth) {
    // The current token is the first of it; afterwards it is the one behind.
    if (depth > expression_depth_max) return unexpected("a value that is less nested");
    std::string function;
    switch (token_.kind) {
        case Token::Kind::string:
            out = std::exchange(token_.text, {});
            break;
        case Token::Kind::number:
            if (token_.text.starts_with("0x") || token_.text.starts_with("0X")) {
                out = octets_of_hex(std::string_view(token_.text).substr(2));
            } else {
                out = std::exchange(token_.text, {});
            }
            break;
        case Token::Kind::word:
            if (token_.text.starts_with('_')) {  // _binary 'text'
                next();
                return expression(out, usable, depth + 1);
            }
            if (token_.text == "null") {
                out.reset();
            } else {
                function = token_.text;
                out = token_.text;  // true, false
            }
            break;
        case Token::Kind::end:
        case Token::Kind::name:
        case Token::Kind::symbol:
            return unexpected("a value");
    }
    next();
    if (!function.empty() && token_.is('(')) {
        ZC_TRY_STATUS(call(function, out, usable, depth));
    } else if (!function.empty() && function != "true" && function != "false") {
        usable = false;
    }
    // Another kind of expression: passed over, and its row refused. A cast ('…'::text) changes
    // nothing.
    const bool is_cast = token_.is(':');
    for (int open = 0; token_.kind != Token::Kind::end; next()) {
        if (open == 0 && (token_.is(',') || token_.is(')'))) return {};
        if (!is_cast) usable = false;
        if (token_.is('(')) ++open;
        if (token_.is(')')) --open;
    }
    return unexpected("\",\" or \")\"");
}

Status DumpReader::tuple(std::vector<std::optional<std::string>>& values, bool& usable) {
    // The current token is "("; afterwards it is the one behind ")".
    values.clear();
    usable = true;
    do {
        next();
        if (values.size() == columns_of_table_max) return unexpected("fewer values");
        bool value_usable = true;
        ZC_TRY_STATUS(expression(values.emplace_back(), value_usable, 0));
        if (!value_usable) values.back().reset();
        usable = usable && value_usable;
    } while (token_.is(','));
    next();
    return {};
}

Status DumpReader::insert() {
    const std::uint64_t line = line_;
    next();
    if (token_.is("ignore")) next();
    if (!token_.is("into")) return {};
    next();
    std::string table;
    ZC_TRY_STATUS(table_name(table));
    std::vector<std::string> columns;
    if (token_.is('(')) ZC_TRY_STATUS(column_names(columns));
    while (token_.is("overriding") || token_.is("system") || token_.is("user") ||
           token_.is("value"))
        next();
    if (!token_.is("values")) return {};  // INSERT … SELECT
    ZC_TRY(const auto layout, layout_of(table, std::move(columns), line));
    next();
    std::vector<std::optional<std::string>> values;
    std::vector<Value> views;
    std::uint64_t foreign_rows = 0;
    while (token_.is('(')) {
        const std::uint64_t row_line = line_;
        bool usable = true;
        ZC_TRY_STATUS(tuple(values, usable));
        if (!layout) {
            ++foreign_rows;
        } else if (!usable && layout->table != Table::cryptokeys) {
            // A key goes on without what could not be read: its zone must not be served as if it
            // had none.
            std::string record;
            for (const auto& part : values)
                record += (record.empty() ? "" : ", ") + part.value_or("NULL").substr(0, 60);
            ZC_TRY_STATUS(pipeline_.refuse(layout->table, row_line, std::move(record),
                                           "a value that is an expression, wanted a literal"));
        } else {
            views.assign(values.begin(), values.end());
            ZC_TRY_STATUS(pipeline_.row(*layout, views, row_line));
        }
        if (!token_.is(',')) break;
        next();
    }
    if (!layout) pipeline_.foreign_table(table, foreign_rows, line);
    return {};
}

Status DumpReader::statement() {
    if (token_.is("copy")) {
        ZC_TRY_STATUS(copy());
        if (token_.is(';')) return {};  // its data is read
    } else if (token_.is("insert") || token_.is("replace")) {
        ZC_TRY_STATUS(insert());
    } else if (token_.is("create")) {
        next();
        while (token_.is("unlogged") || token_.is("temporary") || token_.is("global") ||
               token_.is("local"))
            next();
        if (token_.is("table")) ZC_TRY_STATUS(create_table());
    } else if (token_.is("set")) {
        next();
        if (token_.is("standard_conforming_strings")) {
            next();
            next();
            backslashes_in_strings_ = token_.text == "off";
        }
    } else if (token_.is("begin") || token_.is("start")) {
        in_transaction_ = true;
    } else if (token_.is("commit") || token_.is("end")) {
        in_transaction_ = false;
    } else if (token_.is("rollback")) {
        return fail(Errc::malformed,
                    "the dump rolls itself back: the program that wrote it met an error",
                    {name_, line_});
    } else if (token_.is("delimiter")) {  // of the mysql client: routines follow, up to the line
                                          // that sets it back
        std::string rest;
        do {
            rest.clear();
            skip_line(&rest);
            if (!pull()) break;
            take();
        } while (lower(rest) != "delimiter ;");
        token_ = {.kind = Token::Kind::symbol, .text = ";"};
        return {};
    } else if (token_.kind != Token::Kind::word) {
        return unexpected("a statement of SQL");
    }
    skip_statement();
    if (failure_) return tl::unexpected<Error>(*failure_);
    if (token_.kind == Token::Kind::end) return cut_off("inside of a statement");
    return {};
}

Status DumpReader::run() {
    for (next(); token_.kind != Token::Kind::end; next()) {
        if (token_.is(';')) continue;
        ZC_TRY_STATUS(statement());
    }
    if (failure_) return tl::unexpected<Error>(*failure_);
    if (mysql_) pipeline_.set_finds_capitals();
    if (ends_wanted_ > 0)
        return cut_off(
            "before the line with which the program that wrote it says that it is complete");
    if (in_transaction_) return cut_off("before its COMMIT");
    const auto knows = [this](Table table) {
        return pipeline_.saw(table) || created_.contains(std::string(to_string(table)));
    };
    if (!knows(Table::domains) || !knows(Table::records)) {
        return fail(Errc::malformed,
                    std::string("table ") + (knows(Table::domains) ? "records" : "domains") +
                        " does not occur: no dump of a PowerDNS database, or only a part of one",
                    {name_, 0});
    }
    return {};
}

}  // namespace

Status read_dump(ByteSource& source, const std::string& name, RowPipeline& pipeline) {
    return DumpReader(source, name, pipeline).run();
}

}  // namespace zc::ingest
