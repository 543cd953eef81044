// The values of a row as INSERT has them: literals, casts, and the few
// functions that dumps use.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sqldump/schema.h"

namespace zc::sqldump {

/// One value of a row.
struct SqlValue {
    enum class Kind : std::uint8_t { literal, fallback, expression };  // fallback: DEFAULT
    /// How a literal is written; `digits`: 0x… or 0b…, as it stands.
    enum class Form : std::uint8_t { other, string, number, digits };
    std::optional<std::string> text;  // unescaped; absent: NULL, or no literal
    Kind kind = Kind::literal;
    Form form = Form::other;
};

/// Reads values. An expression that is no literal is passed over, unless it calls a routine of the
/// dump that may change rows: that is an error.
class SqlValues : protected DumpSchema {
protected:
    using DumpSchema::DumpSchema;

    /// (value, value, …). The current token is "("; afterwards it is the one behind ")".
    Status tuple(std::vector<SqlValue>& values);

private:
    Status expression(std::optional<std::string>& out, bool& usable, int depth);
    Result<bool> first_value(std::optional<std::string>& out, bool& usable, std::string& function,
                             int depth);
    void cast(bool& usable);
    Status call(const std::string& function, std::optional<std::string>& out, bool& usable,
                int depth);
    Status arguments(std::vector<std::optional<std::string>>& out, bool& usable, int depth);

    bool default_seen_ = false;  // DEFAULT, as the value
    SqlValue::Form form_ = SqlValue::Form::other;
};

/// Whether `text` is 0x… or 0b…: X'…' and B'…' come as that too.
bool is_digits(std::string_view text) noexcept;
/// The octets of `is_digits`; 0b… is read from the right. False: another digit.
bool octets_of(std::string& text);
/// The number of `is_digits`, in decimal. False: another digit, or more than 63 bits.
bool number_of(std::string& text);
/// A number as MySQL and SQLite read it in text, with blanks around it. Nothing: no number, or one
/// of more than 32 bits.
std::optional<double> parse_number(std::string_view text);

}  // namespace zc::sqldump
