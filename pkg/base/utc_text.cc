#include "base/utc_text.h"

#include <array>
#include <cstdio>
#include <ctime>

namespace zc::base {

void append_utc(std::string& out, Instant instant, UtcForm form) {
    const std::time_t seconds = instant.nanoseconds / 1'000'000'000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    const auto put = [&](const char* pattern) {
        out.append(text.data(), std::strftime(text.data(), text.size(), pattern, &parts));
    };
    switch (form) {
        case UtcForm::plain:
            return put("%Y-%m-%d %H:%M:%S UTC");
        case UtcForm::iso:
            return put("%Y-%m-%dT%H:%M:%SZ");
        case UtcForm::iso_micros:
            break;
    }
    put("%Y-%m-%dT%H:%M:%S");
    const long micros = static_cast<long>(instant.nanoseconds % 1'000'000'000 / 1000);
    const int printed = std::snprintf(text.data(), text.size(), ".%06ldZ", micros);
    out.append(text.data(), static_cast<std::size_t>(printed));
}

std::string utc_text(Instant instant, UtcForm form) {
    std::string out;
    append_utc(out, instant, form);
    return out;
}

}  // namespace zc::base
