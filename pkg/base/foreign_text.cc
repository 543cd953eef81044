#include "base/foreign_text.h"

#include <algorithm>
#include <array>

namespace zc::base {
namespace {

struct Range {
    char32_t first, last;
};
// Sorted; see the header.
constexpr std::array hidden = {
    Range{0x00, 0x1f},     Range{0x7f, 0x9f},     Range{0xad, 0xad},       Range{0x61c, 0x61c},
    Range{0x180e, 0x180e}, Range{0x200b, 0x200f}, Range{0x2028, 0x202e},   Range{0x2060, 0x206f},
    Range{0xfeff, 0xfeff}, Range{0xfff9, 0xfffb}, Range{0xe0000, 0xe007f},
};

bool is_hidden(char32_t code_point) {
    const auto* const at = std::ranges::lower_bound(hidden, code_point, {}, &Range::last);
    return at != hidden.end() && at->first <= code_point;
}

/// Printable ASCII that no form has to change.
constexpr std::array<bool, 256> plain = [] {
    std::array<bool, 256> out{};
    for (std::size_t c = ' '; c < 0x7f; ++c) out[c] = true;
    for (const char c : {'"', '\\', '<', '>', '&', '\''}) out[static_cast<std::size_t>(c)] = false;
    return out;
}();

char32_t code_point_of(std::string_view sequence) {
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(sequence[i]); };
    if (sequence.size() == 1) return octet(0);
    char32_t out = octet(0) & (0xffU >> (sequence.size() + 1));
    for (std::size_t i = 1; i < sequence.size(); ++i) out = out << 6U | (octet(i) & 0x3fU);
    return out;
}

constexpr std::string_view hex_digits = "0123456789abcdef";

void put_octets(std::string& out, std::string_view octets, std::string_view before) {
    for (const char c : octets) {
        const auto octet = static_cast<unsigned char>(c);
        out += before;
        out += hex_digits[octet >> 4U];
        out += hex_digits[octet & 0xfU];
    }
}

void put_unit(std::string& out, char32_t unit) {
    out += "\\u";
    for (int shift = 12; shift >= 0; shift -= 4)
        out += hex_digits[(unit >> static_cast<unsigned>(shift)) & 0xfU];
}

void put_hidden(std::string& out, std::string_view sequence, Form form) {
    const char c = sequence.front();
    if (form == Form::lines && (c == '\n' || c == '\t')) {
        out += c;
    } else if (form == Form::html && c == '\n') {
        out += c;
    } else if (c == '\n') {
        out += "\\n";
    } else if (c == '\r') {
        out += "\\r";
    } else if (c == '\t') {
        out += "\\t";
    } else if (form == Form::json) {
        const char32_t code_point = code_point_of(sequence);
        if (code_point > 0xffff) {
            put_unit(out, 0xd800 + ((code_point - 0x10000) >> 10U));
            put_unit(out, 0xdc00 + ((code_point - 0x10000) & 0x3ffU));
        } else {
            put_unit(out, code_point);
        }
    } else {
        put_octets(out, sequence, "\\x");
    }
}

void put_visible(std::string& out, std::string_view sequence, Form form) {
    const char c = sequence.front();
    if (c == '\\' && (form == Form::column || form == Form::json)) {
        out += "\\\\";
    } else if (c == '"' && form == Form::json) {
        out += "\\\"";
    } else if (form == Form::html && c == '&') {
        out += "&amp;";
    } else if (form == Form::html && c == '<') {
        out += "&lt;";
    } else if (form == Form::html && c == '>') {
        out += "&gt;";
    } else if (form == Form::html && c == '"') {
        out += "&quot;";
    } else if (form == Form::html && c == '\'') {
        out += "&#39;";
    } else {
        out += sequence;
    }
}

}  // namespace

std::size_t utf8_octets(std::string_view text) noexcept {
    const auto octet = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (text.empty()) return 0;
    const unsigned char first = octet(0);
    if (first < 0x80) return 1;
    std::size_t size = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (first >= 0xc2 && first <= 0xdf) {
        size = 2;
    } else if ((first & 0xf0U) == 0xe0) {
        size = 3;
        if (first == 0xe0) low = 0xa0;   // not longer than needed
        if (first == 0xed) high = 0x9f;  // no surrogates
    } else if (first >= 0xf0 && first <= 0xf4) {
        size = 4;
        if (first == 0xf0) low = 0x90;
        if (first == 0xf4) high = 0x8f;  // up to U+10FFFF
    }
    if (size == 0 || text.size() < size) return 0;
    if (octet(1) < low || octet(1) > high) return 0;
    for (std::size_t i = 2; i < size; ++i)
        if ((octet(i) & 0xc0U) != 0x80) return 0;
    return size;
}

void append_foreign(std::string& out, std::string_view text, Form form) {
    out.reserve(out.size() + text.size());
    while (!text.empty()) {
        const auto* const end = std::ranges::find_if_not(
            text, [](char c) { return plain[static_cast<unsigned char>(c)]; });
        const auto plain_octets = static_cast<std::size_t>(end - text.begin());
        out += text.substr(0, plain_octets);
        text.remove_prefix(plain_octets);
        if (text.empty()) return;
        const std::size_t size = utf8_octets(text);
        if (size == 0) {
            // In JSON the backslash is a character of the value.
            put_octets(out, text.substr(0, 1), form == Form::json ? "\\\\x" : "\\x");
        } else if (is_hidden(code_point_of(text.substr(0, size)))) {
            put_hidden(out, text.substr(0, size), form);
        } else {
            put_visible(out, text.substr(0, size), form);
        }
        text.remove_prefix(std::max<std::size_t>(size, 1));
    }
}

std::string foreign(std::string_view text, Form form) {
    std::string out;
    append_foreign(out, text, form);
    return out;
}

}  // namespace zc::base
