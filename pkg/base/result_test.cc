#include "base/result.h"

#include <cerrno>
#include <memory>
#include <string>

#include <doctest/doctest.h>

namespace zc {
namespace {

Result<int> positive(int value) {
    if (value <= 0) return fail(Errc::invalid, "found " + std::to_string(value), {"file", 7});
    return value;
}

Result<int> sum(int a, int b) {
    ZC_TRY(const int first, positive(a));
    ZC_TRY(const int second, positive(b));
    return first + second;
}

Status both_positive(int a, int b) {
    ZC_TRY_STATUS(positive(a));
    ZC_TRY_STATUS(positive(b));
    return {};
}

Result<std::unique_ptr<int>> boxed(int value) {
    ZC_TRY(const int checked, positive(value));
    return std::make_unique<int>(checked);
}

Result<int> unboxed(int value) {
    ZC_TRY(const std::unique_ptr<int> box, boxed(value));
    return *box;
}

TEST_CASE("ZC_TRY takes the value, or returns the first error with its code and place") {
    CHECK(sum(1, 2).value() == 3);
    const auto failed = sum(1, -2);
    REQUIRE(!failed);
    CHECK(failed.error().code == Errc::invalid);
    CHECK(failed.error().message == "found -2");
    CHECK(failed.error().where.line == 7);
    CHECK(sum(-1, -2).error().message == "found -1");
}

TEST_CASE("ZC_TRY moves what cannot be copied") {
    CHECK(unboxed(4).value() == 4);
    CHECK(!unboxed(0));
}

TEST_CASE("ZC_TRY_STATUS returns the first error") {
    CHECK(both_positive(1, 2));
    CHECK(both_positive(-1, 2).error().message == "found -1");
    CHECK(both_positive(1, -2).error().message == "found -2");
}

TEST_CASE("an error says where, what kind and what, and leaves out what is not known") {
    CHECK(Error{Errc::malformed, "label of 64 octets, limit is 63", {"a.zone", 12}}.text() ==
          "a.zone:12: malformed: label of 64 octets, limit is 63");
    CHECK(Error{Errc::malformed, "no end", {"a.zone", 0}}.text() == "a.zone: malformed: no end");
    CHECK(Error{Errc::malformed, "no end", {"", 3}}.text() == "line 3: malformed: no end");
    CHECK(Error{Errc::full, "database", {}}.text() == "no space: database");
}

TEST_CASE("the system's errors get the code that a caller decides by") {
    const struct {
        int error_number;
        Errc code;
    } cases[] = {{ENOENT, Errc::not_found}, {ENOSPC, Errc::full},     {EDQUOT, Errc::full},
                 {EBUSY, Errc::busy},       {EADDRINUSE, Errc::busy}, {EACCES, Errc::io}};
    for (const auto& each : cases) {
        CAPTURE(each.error_number);
        CHECK(base::fail_errno(each.error_number, "open x").value().code == each.code);
    }
    CHECK(base::fail_errno(ENOENT, "open x").value().message ==
          "open x: No such file or directory");
}

TEST_CASE("every code has words of its own") {
    for (int i = 0; i <= static_cast<int>(Errc::interrupted); ++i) {
        CHECK(base::to_string(static_cast<Errc>(i)) != "unknown");
        for (int j = 0; j < i; ++j)
            CHECK(base::to_string(static_cast<Errc>(i)) != base::to_string(static_cast<Errc>(j)));
    }
}

}  // namespace
}  // namespace zc
