#include "dns/base32hex.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

namespace zc::dns {
namespace {

std::string encoded(std::string_view text) {
    const std::vector<std::uint8_t> octets(text.begin(), text.end());
    std::string digits(base32hex_digits(octets.size()), '?');
    CHECK(to_base32hex(octets, digits.data()) == digits.data() + digits.size());
    return digits;
}

struct Decoded {
    std::string octets;
    std::optional<std::uint32_t> left_over;
};
Decoded decoded(std::string_view text) {
    const std::vector<std::uint8_t> digits(text.begin(), text.end());
    Decoded out;
    out.octets.resize(digits.size() * 5 / 8);
    out.left_over = from_base32hex(digits, out.octets.data());
    return out;
}

TEST_CASE("base32hex is as RFC 4648 section 10 has it, in lower case and without padding") {
    CHECK(encoded("") == "");
    CHECK(encoded("f") == "co");
    CHECK(encoded("fo") == "cpng");
    CHECK(encoded("foo") == "cpnmu");
    CHECK(encoded("foob") == "cpnmuog");
    CHECK(encoded("fooba") == "cpnmuoj1");
    CHECK(encoded("foobar") == "cpnmuoj1e8");
}

TEST_CASE("base32hex of any octets reads back, in either case") {
    std::string octets;
    for (int i = 0; i < 70; ++i) {
        std::string digits = encoded(octets);
        CHECK(decoded(digits).octets == octets);
        CHECK(decoded(digits).left_over == 0);
        for (char& c : digits) c = static_cast<char>(c >= 'a' ? c - 'a' + 'A' : c);
        CHECK(decoded(digits).octets == octets);
        octets += static_cast<char>(i * 37 + 200);
    }
}

TEST_CASE("base32hex has 32 digits, and bits behind the last octet are told") {
    for (int c = 0; c < 256; ++c) {
        const bool is_digit =
            (c >= '0' && c <= '9') || (c >= 'a' && c <= 'v') || (c >= 'A' && c <= 'V');
        CAPTURE(c);
        const std::string digits{static_cast<char>(c), '0'};
        CHECK(decoded(digits).left_over.has_value() == is_digit);
    }
    CHECK(decoded("cp").left_over == 1);
    CHECK(decoded("cp").octets == "f");
}

}  // namespace
}  // namespace zc::dns
