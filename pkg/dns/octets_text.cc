#include "dns/octets_text.h"

#include <array>
#include <charconv>
#include <string_view>

namespace zc::dns {

void append_decimal(std::string& out, std::uint64_t value) {
    std::array<char, 20> digits{};
    out.append(digits.data(),
               std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
}

void append_decimal(std::string& out, std::uint64_t value, std::size_t width) {
    const std::size_t start = out.size();
    append_decimal(out, value);
    const std::size_t digits = out.size() - start;
    if (digits < width) out.insert(start, width - digits, '0');
}

void append_hex(std::string& out, base::Octets octets) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (const std::uint8_t octet : octets) {
        out += digits[octet >> 4U];
        out += digits[octet & 0xfU];
    }
}

void append_escaped(std::string& out, std::uint8_t octet) {
    out += '\\';
    append_decimal(out, octet, 3);
}

void append_string_octets(std::string& out, base::Octets octets) {
    for (const std::uint8_t octet : octets) {
        if (octet == '"' || octet == '\\') {
            out += '\\';
        } else if (octet < ' ' || octet > '~') {
            append_escaped(out, octet);
            continue;
        }
        out += static_cast<char>(octet);
    }
}

void append_quoted(std::string& out, base::Octets octets) {
    out += '"';
    append_string_octets(out, octets);
    out += '"';
}

}  // namespace zc::dns
