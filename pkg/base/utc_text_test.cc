#include "base/utc_text.h"

#include <doctest/doctest.h>

namespace zc::base {
namespace {

TEST_CASE("utc_text: each form, a leap day, the first and the last second") {
    constexpr Instant leap_day{1'709'210'096'000'123'999};  // 2024-02-29 12:34:56.000123999
    CHECK(utc_text(leap_day, UtcForm::plain) == "2024-02-29 12:34:56 UTC");
    CHECK(utc_text(leap_day, UtcForm::iso) == "2024-02-29T12:34:56Z");
    CHECK(utc_text(leap_day, UtcForm::iso_micros) == "2024-02-29T12:34:56.000123Z");
    CHECK(utc_text({}, UtcForm::plain) == "1970-01-01 00:00:00 UTC");
    CHECK(utc_text({INT64_MAX}, UtcForm::iso) == "2262-04-11T23:47:16Z");

    std::string line = "at ";
    append_utc(line, {}, UtcForm::iso_micros);
    CHECK(line == "at 1970-01-01T00:00:00.000000Z");
}

}  // namespace
}  // namespace zc::base
