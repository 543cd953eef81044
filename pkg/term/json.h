// JSON as a value: what `--json` prints and what the control socket speaks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace zc::term {

/// Null, a boolean, a number, a string, an array, or an object that keeps the order its keys were
/// set in, so that output can be compared octet for octet.
class Json {
public:
    using Member = std::pair<std::string, Json>;

    Json() = default;  // null
    static Json boolean(bool value);
    static Json number(std::int64_t value);
    static Json number(std::uint64_t value);
    static Json number(double value);
    static Json string(std::string_view value);
    static Json array();
    static Json object();

    /// Sets a member; this becomes an object if it was null.
    Json& set(std::string_view key, Json value);
    Json& set(std::string_view key, std::string_view value) { return set(key, string(value)); }
    Json& set(std::string_view key, const char* value) { return set(key, string(value)); }
    /// Appends an element; this becomes an array if it was null.
    Json& add(Json value);

    bool is_null() const noexcept { return value_.index() == 0; }
    bool is_object() const noexcept;
    /// The member, or null for what is not there.
    const Json& operator[](std::string_view key) const noexcept;
    /// Elements of an array; empty for anything else.
    const std::vector<Json>& elements() const noexcept;
    /// Members of an object; empty for anything else.
    const std::vector<Member>& members() const noexcept;
    /// The string, or "" for anything else.
    std::string_view text() const noexcept;
    /// The number as an integer, or 0 for anything else.
    std::int64_t integer() const noexcept;
    double real() const noexcept;
    /// True for `true` alone.
    bool truth() const noexcept;

    /// One line. Strings as base::Form::json: lossless, but for octets that are not UTF-8.
    std::string serialize() const;

private:
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string,
                 std::vector<Json>, std::vector<Member>>
        value_;
};

/// Reads one document. Errors: `malformed`, with the octet where.
Result<Json> parse_json(std::string_view text);

}  // namespace zc::term
