#include "sqldump/values.h"

#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sqldump/powerdns_tables.h"

namespace zc::sqldump {
namespace {

class Text final : public ByteSource {
public:
    explicit Text(std::string_view text) : text_(text) {}
    Result<std::size_t> read(std::span<char> out) override {
        const std::size_t count = std::min(out.size(), text_.size());
        if (count != 0) std::memcpy(out.data(), text_.data(), count);
        text_.remove_prefix(count);
        return count;
    }
    std::uint64_t position() const noexcept override { return 0; }
    std::uint64_t total() const noexcept override { return 0; }

private:
    std::string_view text_;
};

/// Reads "STATEMENT; …; (value, …)" and prints the values.
class Reader : private SqlValues {
public:
    Reader(ByteSource& source, Dialect dialect)
        : SqlValues(source, name, std::make_unique<char[]>(copy_block_octets), {}) {
        found(dialect);
    }

    std::string run() {
        for (next(); !token_.is('('); next()) {
            Status status;
            if (token_.is("set")) status = set();
            if (token_.is("create")) status = create();
            if (!status) return status.error().message;
            if (!token_.is_stop()) return "no statement";
        }
        std::vector<SqlValue> values;
        if (Status status = tuple(values); !status) return status.error().message;
        std::string shown;
        for (const SqlValue& value : values) {
            if (!shown.empty()) shown += ' ';
            if (value.kind == SqlValue::Kind::fallback) shown += "DEFAULT";
            if (value.kind == SqlValue::Kind::expression) shown += "EXPRESSION";
            if (value.kind == SqlValue::Kind::literal) shown += value.text.value_or("NULL");
            if (value.form == SqlValue::Form::digits) shown += "(digits)";
        }
        return shown;
    }

private:
    inline static const std::string name = "test";
};

std::string read(std::string_view text, Dialect dialect = Dialect::postgresql) {
    Text source(text);
    return Reader(source, dialect).run();
}

TEST_CASE("a value of SQL is a literal, DEFAULT, or an expression that is passed over") {
    CHECK(read("(1, 'a''b', NULL, true, -2.5) ;") == "1 a'b NULL true -2.5");
    CHECK(read("(DEFAULT, now(), 1 + 1, (2), \"a\") ;") ==
          "DEFAULT EXPRESSION EXPRESSION EXPRESSION EXPRESSION");
    CHECK(read("('a'::text, 'b'::character varying(255), 'c'::pg_catalog.text[]) ;") == "a b c");
    CHECK(read("('a':text) ;") == "EXPRESSION");
    CHECK(read("(X'4142', 0x43) ;", Dialect::mysql) == "0x4142(digits) 0x43(digits)");
    CHECK(read("(_binary 'a\\nb') ;", Dialect::mysql) == "a\nb");
    CHECK(read("(a b) ;") == "EXPRESSION");
}

TEST_CASE("the calls of sqlite3 .dump are carried out, others are expressions") {
    CHECK(read("(replace('a\\nb\\nc','\\n',char(10))) ;", Dialect::sqlite) == "a\nb\nc");
    CHECK(read("(unistr('a\\u000ab\\\\')) ;", Dialect::sqlite) == "a\nb\\");
    CHECK(read("(unistr('\\uzz')) ;", Dialect::sqlite) == "EXPRESSION");
    CHECK(read("(replace('a','','b'), replace('a','b'), char(1114112)) ;", Dialect::sqlite) ==
          "EXPRESSION EXPRESSION EXPRESSION");
    CHECK(read("(replace(NULL,'a','b')) ;", Dialect::sqlite) == "EXPRESSION");
}

TEST_CASE("values that are cut off or nested too deep are errors") {
    CHECK(read("(1, ") == "the dump is cut off inside of a statement");
    CHECK(read("(1,) ;") == "found \")\", wanted a value");
    CHECK(read("(1;") == "found \";\", wanted \",\" or \")\"");
    std::string nested = "(";
    for (int i = 0; i < 20; ++i) nested += "f(";
    CHECK(read(nested) == "found \"f\", wanted a value that is less nested");
}

TEST_CASE("a call of a routine of the dump that may change rows of PowerDNS's tables is an error") {
    const std::string create =
        "CREATE FUNCTION f() RETURNS integer AS 'DELETE FROM records' LANGUAGE sql; ";
    CHECK(read(create + "(g()) ;") == "EXPRESSION");
    CHECK(read(create + "(1, f()) ;")
              .starts_with("INSERT that runs code and names table records, by way of f: "));
    CHECK(read(create + "(1 + f()) ;")
              .starts_with("INSERT that runs code and names table records, by way of f: "));
}

TEST_CASE("the session decides what a backslash in a value is") {
    CHECK(read("('a\\nb') ;") == "a\\nb");
    CHECK(read("SET standard_conforming_strings = off; ('a\\nb') ;") == "a\nb");
    CHECK(read("SET sql_mode = 'NO_BACKSLASH_ESCAPES'; ('a\\nb') ;", Dialect::mysql) == "a\\nb");
}

TEST_CASE("digits are octets in text and a number in a column of numbers") {
    const auto octets = [](std::string text) { return octets_of(text) ? text : "?"; };
    const auto number = [](std::string text) { return number_of(text) ? text : "?"; };
    CHECK(is_digits("0x41"));
    CHECK_FALSE(is_digits("041"));
    CHECK(octets("0x4142") == "AB");
    CHECK(octets("0b100000101000010") == "AB");
    CHECK(octets("0b12") == "?");
    CHECK(number("0xff") == "255");
    CHECK(number("0b101") == "5");
    CHECK(number("0x") == "0");
    CHECK(number("0x8000000000000000") == "?");
    CHECK(number("0xfg") == "?");
    CHECK(parse_number(" +12 ") == 12.0);
    CHECK(parse_number("1e3") == 1000.0);
    CHECK_FALSE(parse_number("12a").has_value());
    CHECK_FALSE(parse_number("2147483648").has_value());
    CHECK_FALSE(parse_number("nan").has_value());
}

}  // namespace
}  // namespace zc::sqldump
