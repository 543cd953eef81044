#include "sqldump/session_settings.h"

#include <algorithm>
#include <cstddef>

#include "sqldump/lexer.h"

namespace zc::sqldump {

std::optional<bool> postgresql_boolean(std::string_view text) noexcept {
    struct Word {
        std::string_view word;
        std::size_t octets_min;  // that tell it from the others
        bool value;
    };
    static constexpr Word words[] = {{"true", 1, true}, {"false", 1, false}, {"yes", 1, true},
                                     {"no", 1, false},  {"on", 2, true},     {"off", 2, false},
                                     {"1", 1, true},    {"0", 1, false}};
    for (const Word& word : words) {
        if (text.size() < word.octets_min || text.size() > word.word.size()) continue;
        const auto is_same = [](char a, char b) {
            return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
        };
        if (std::equal(text.begin(), text.end(), word.word.begin(), is_same)) return word.value;
    }
    return std::nullopt;
}

std::optional<SqlMode> parse_sql_mode(std::string_view text) {
    // All of MySQL 5.0 to 9 and of MariaDB to 11, but those that are asked for below.
    static constexpr std::string_view others[] = {
        "",
        "allow_invalid_dates",
        "error_for_division_by_zero",
        "high_not_precedence",
        "ignore_bad_table_options",
        "ignore_space",
        "mysql323",
        "mysql40",
        "no_auto_create_user",
        "no_auto_value_on_zero",
        "no_dir_in_create",
        "no_engine_substitution",
        "no_field_options",
        "no_key_options",
        "no_table_options",
        "no_unsigned_subtraction",
        "no_zero_date",
        "no_zero_in_date",
        "only_full_group_by",
        "pad_char_to_full_length",
        "pipes_as_concat",
        "real_as_float",
        "simultaneous_assignment",
        "strict_all_tables",
        "strict_trans_tables",
        "time_round_fractional",
        "time_truncate_fractional",
        "traditional",
    };
    SqlMode mode;
    for (bool is_last = false; !is_last;) {
        const std::size_t comma = std::min(text.find(','), text.size());
        const std::string name = lower(text.substr(0, comma));
        is_last = comma == text.size();
        text.remove_prefix(is_last ? comma : comma + 1);
        if (name == "no_backslash_escapes") {
            mode.no_backslash_escapes = true;
        } else if (is_one_of(name, {"ansi_quotes", "ansi", "db2", "maxdb", "mssql", "oracle",
                                    "postgresql"})) {
            mode.ansi_quotes = true;
        } else if (std::ranges::find(others, name) == std::end(others)) {
            return std::nullopt;
        }
    }
    return mode;
}

std::optional<Encoding> encoding_of(std::string_view name) {
    static constexpr std::string_view safe[] = {"ascii", "binary",  "sqlascii", "unicode",
                                                "utf8",  "utf8mb3", "utf8mb4"};
    // PostgreSQL's client encodings that a server cannot have, except those of single octets.
    // swe7 has letters in the place of the backslash and of brackets.
    static constexpr std::string_view unsafe[] = {
        "big5",     "cp932",      "gb18030",    "gbk",          "johab",     "mskanji",
        "shiftjis", "sjis",       "swe7",       "shiftjis2004", "uhc",       "win932",
        "win936",   "win949",     "win950",     "ucs2",         "utf16",     "utf16le",
        "utf32",    "windows932", "windows936", "windows949",   "windows950"};
    static constexpr std::string_view others[] = {
        "abc",         "alt",         "armscii8",    "cp1250",      "cp1251",       "cp1256",
        "cp1257",      "cp850",       "cp852",       "cp866",       "dec8",         "euccn",
        "eucjis2004",  "eucjp",       "eucjpms",     "euckr",       "euctw",        "gb2312",
        "geostd8",     "greek",       "hebrew",      "hp8",         "iso88591",     "iso885910",
        "iso885913",   "iso885914",   "iso885915",   "iso885916",   "iso88592",     "iso88593",
        "iso88594",    "iso88595",    "iso88596",    "iso88597",    "iso88598",     "iso88599",
        "keybcs2",     "koi8",        "koi8r",       "koi8u",       "latin1",       "latin10",
        "latin2",      "latin3",      "latin4",      "latin5",      "latin6",       "latin7",
        "latin8",      "latin9",      "macce",       "macroman",    "muleinternal", "tcvn",
        "tcvn5712",    "tis620",      "ujis",        "vscii",       "win",          "win1250",
        "win1251",     "win1252",     "win1253",     "win1254",     "win1255",      "win1256",
        "win1257",     "win1258",     "win866",      "win874",      "windows1250",  "windows1251",
        "windows1252", "windows1253", "windows1254", "windows1255", "windows1256",  "windows1257",
        "windows1258", "windows866",  "windows874"};
    std::string bare;  // as PostgreSQL compares them
    for (const char c : lower(name)) {
        if ((c >= 'a' && c <= 'z') || is_digit(c)) bare += c;
    }
    const auto is_among = [&](const auto& names) {
        return std::ranges::find(names, bare) != std::end(names);
    };
    if (is_among(safe)) return Encoding::utf8;
    if (is_among(unsafe)) return Encoding::unsafe;
    if (is_among(others)) return Encoding::other;
    return std::nullopt;
}

std::string charset_family(std::string_view name) {
    std::string family = lower(name);
    if (is_one_of(family, {"utf8", "utf8mb3", "utf8mb4"})) return "utf8";
    return family;
}

void CharsetClause::step(const Token& token) {
    const State state = std::exchange(state_, State::none);
    const bool is_value = token.kind == Token::Kind::word || token.kind == Token::Kind::name ||
                          token.kind == Token::Kind::string;
    if (state == State::charset || state == State::collation) {
        if (token.is('=')) {
            state_ = state;
        } else if (is_value && state == State::charset) {
            charset_ = charset_family(token.text);
            is_explicit_ = true;
        } else if (is_value && !is_explicit_) {
            // latin1_swedish_ci; uca1400_ai_ci tells nothing.
            const std::string charset = token.text.substr(0, token.text.find('_'));
            if (encoding_of(charset)) charset_ = charset_family(charset);
        }
    } else if (state == State::character && token.is("set")) {
        state_ = State::charset;
    } else if (token.is("charset")) {
        state_ = State::charset;
    } else if (token.is("character")) {
        state_ = State::character;
    } else if (token.is("collate")) {
        state_ = State::collation;
    }
}

std::string_view setting_in(std::string_view text) noexcept {
    for (const std::string_view name : {"standard_conforming_strings", "backslash_quote",
                                        "client_encoding", "sql_mode", "character_set_client"}) {
        const auto is_same = [](char a, char b) {
            return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
        };
        if (std::search(text.begin(), text.end(), name.begin(), name.end(), is_same) != text.end())
            return name;
    }
    return {};
}

}  // namespace zc::sqldump
