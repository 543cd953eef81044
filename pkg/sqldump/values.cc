#include "sqldump/values.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "sqldump/powerdns_tables.h"

namespace zc::sqldump {

namespace {

constexpr std::size_t function_arguments_max = 8;

constexpr int expression_depth_max = 16;

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

}  // namespace

/// Whether it is 0x… or 0b…: X'…' and B'…' come as that too.
bool is_digits(std::string_view text) noexcept {
    return text.size() >= 2 && text[0] == '0' &&
           (text[1] == 'x' || text[1] == 'X' || text[1] == 'b' || text[1] == 'B');
}

/// Their octets, of 0b… from the right. False: another digit.
bool octets_of(std::string& text) {
    const std::string_view digits = std::string_view(text).substr(2);
    if (text[1] == 'x' || text[1] == 'X') {
        text = octets_of_hex(digits);
        return true;
    }
    std::string octets((digits.size() + 7) / 8, '\0');
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const std::size_t bit = digits.size() - 1 - i;
        if (digits[i] != '0' && digits[i] != '1') return false;
        if (digits[i] == '1')
            octets[octets.size() - 1 - bit / 8] |= static_cast<char>(1U << (bit % 8));
    }
    text = std::move(octets);
    return true;
}

/// Their number in decimal. False: another digit, or more than 63 bits.
bool number_of(std::string& text) {
    const int base = text[1] == 'x' || text[1] == 'X' ? 16 : 2;
    std::int64_t number = 0;
    const char* const end = text.data() + text.size();
    if (text.size() > 2) {
        const auto [at, error] = std::from_chars(text.data() + 2, end, number, base);
        if (error != std::errc() || at != end) return false;
    }
    text = std::to_string(number);
    return true;
}

/// A number as MySQL and SQLite read it in text, with blanks around it. Nothing: no number, or one
/// of more than 32 bits.
std::optional<double> parse_number(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    if (text.starts_with('+')) text.remove_prefix(1);
    double number = 0;
    const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const bool is_all = error == std::errc() && at == text.data() + text.size();
    if (!is_all || !(std::abs(number) < 2147483648.0)) return std::nullopt;
    return number;
}

Status SqlValues::arguments(std::vector<std::optional<std::string>>& out, bool& usable, int depth) {
    // The current token is "("; afterwards it is the one behind ")".
    std::optional<std::string> one_too_many;
    do {
        next();
        if (out.empty() && token_.is(')')) break;  // now()
        const bool fits = out.size() < function_arguments_max;
        usable = usable && fits;
        ZC_TRY_STATUS(expression(fits ? out.emplace_back() : one_too_many, usable, depth + 1));
    } while (token_.is(','));
    if (!token_.is(')')) return unexpected("\",\" or \")\"");
    next();
    return {};
}

/// The calls that sqlite3 .dump writes for text with newlines: replace('a\nb','\n',char(10)),
/// unistr('a\u000ab').
Status SqlValues::call(const std::string& function, std::optional<std::string>& out, bool& usable,
                       int depth) {
    ZC_TRY_STATUS(refuse_call("INSERT", function));
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

/// Behind a value: "::" and the name of a type, which change nothing in text.
void SqlValues::cast(bool& usable) {
    // The current token is the first ":".
    while (token_.is(':')) {
        next();
        if (!token_.is(':')) {
            usable = false;
            return;
        }
        next();
        for (; is_name(); next()) {
            if (token_.kind == Token::Kind::string) usable = false;
            next();
            if (!token_.is('.')) break;
        }
        while (token_.is("varying") || token_.is("precision")) next();
        if (token_.is('(')) {
            do next();
            while (token_.kind == Token::Kind::number || token_.is(','));
            if (!token_.is(')')) usable = false;
            if (token_.is(')')) next();
        }
        while (token_.is('[') || token_.is(']')) next();
    }
}

/// The first token of an expression, where that is a value. `function`: a word, which may be the
/// name of one. False: no value begins here.
Result<bool> SqlValues::first_value(std::optional<std::string>& out, bool& usable,
                                    std::string& function, int depth) {
    switch (token_.kind) {
        case Token::Kind::string:
            if (token_.escapes_guessed && guessed_line_ == 0) guessed_line_ = line_;
            out = std::exchange(token_.text, {});
            form_ = SqlValue::Form::string;
            return true;
        case Token::Kind::number:
            form_ = is_digits(token_.text) ? SqlValue::Form::digits : SqlValue::Form::number;
            if (form_ == SqlValue::Form::digits && depth != 0) {
                usable = octets_of(token_.text) && usable;  // they are a part of another value
                form_ = SqlValue::Form::string;
            }
            out = std::exchange(token_.text, {});
            return true;
        case Token::Kind::word:
            if (token_.text == "null") {
                out.reset();
            } else {
                function = token_.text;
                out = token_.text;  // true, false
            }
            return true;
        case Token::Kind::end:
        case Token::Kind::stop:
            break;
        case Token::Kind::symbol:
            if (token_.is(',') || token_.is(')')) break;
            return false;
        case Token::Kind::name:
            return false;
    }
    return tl::unexpected<Error>(unexpected("a value").error());
}

/// The current token is the first of it; afterwards it is the one behind.
Status SqlValues::expression(std::optional<std::string>& out, bool& usable, int depth) {
    if (depth > expression_depth_max) return unexpected("a value that is less nested");
    if (token_.kind == Token::Kind::word && token_.text.starts_with('_')) {  // _binary 'text'
        next();
        return expression(out, usable, depth + 1);
    }
    std::string function;
    ZC_TRY(const bool is_value, first_value(out, usable, function, depth));
    if (is_value) {
        next();
        if (!function.empty() && token_.is('(')) {
            ZC_TRY_STATUS(call(function, out, usable, depth));
            form_ = SqlValue::Form::string;
        } else if (!function.empty() && function != "true" && function != "false") {
            usable = false;
            default_seen_ = function == "default" && (token_.is(',') || token_.is(')'));
        }
        if (token_.is(':')) cast(usable);
    }
    // Another kind of expression: passed over.
    for (int open = 0; token_.kind != Token::Kind::end && !token_.is_stop(); next()) {
        if (open == 0 && (token_.is(',') || token_.is(')'))) return {};
        usable = false;
        if (token_.is('(')) ZC_TRY_STATUS(refuse_call("INSERT", function));
        function = is_name() ? token_.text : "";
        if (token_.is('(')) ++open;
        if (token_.is(')')) --open;
    }
    return unexpected("\",\" or \")\"");
}

Status SqlValues::tuple(std::vector<SqlValue>& values) {
    // The current token is "("; afterwards it is the one behind ")".
    values.clear();
    do {
        next();
        if (values.size() == columns_of_table_max) return unexpected("fewer values");
        SqlValue& value = values.emplace_back();
        bool usable = true;
        default_seen_ = false;
        form_ = SqlValue::Form::other;
        ZC_TRY_STATUS(expression(value.text, usable, 0));
        value.form = form_;
        if (usable) continue;
        value.kind = default_seen_ ? SqlValue::Kind::fallback : SqlValue::Kind::expression;
        value.text.reset();
    } while (token_.is(','));
    next();
    return {};
}

}  // namespace zc::sqldump
