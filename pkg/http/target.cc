#include "http/target.h"

#include <optional>
#include <utility>

#include "http/client.h"

namespace zc::http {
namespace {

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return std::nullopt;
}

enum class Plus : std::uint8_t { plus, blank };

Result<std::string> unescape(std::string_view text, Plus plus) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && plus == Plus::blank) {
            out += ' ';
        } else if (text[i] != '%') {
            out += text[i];
        } else {
            const auto high = i + 1 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
            const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
            if (!high || !low)
                return fail(Errc::malformed, "found '%' without two hexadecimal digits");
            const unsigned octet = *high * 16 + *low;
            if (octet == 0) return fail(Errc::malformed, "found %00 in the target");
            out += static_cast<char>(octet);
            i += 2;
        }
    }
    return out;
}

}  // namespace

Result<Target> read_target(std::string_view target) {
    if (target.empty() || target.front() != '/')
        return fail(Errc::malformed, "wanted a target that begins with '/'");
    Target out;
    const std::size_t mark = target.find('?');
    for (std::string_view path = target.substr(0, mark); !path.empty();) {
        path.remove_prefix(1);
        const std::string_view raw = path.substr(0, path.find('/'));
        path.remove_prefix(raw.size());
        ZC_TRY(std::string segment, unescape(raw, Plus::plus));
        (out.path += '/') += segment;
        out.segments.push_back(std::move(segment));
    }
    if (mark == std::string_view::npos) return out;
    std::string_view rest = target.substr(mark + 1);
    for (std::size_t count = 0; !rest.empty(); ++count) {
        if (count == query_parameters_max)
            return fail(Errc::limit, "more than " + std::to_string(query_parameters_max) +
                                         " parameters in the query");
        const std::size_t end = rest.find('&');
        const std::string_view pair = rest.substr(0, end);
        rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
        if (pair.empty()) continue;
        const std::size_t equals = pair.find('=');
        ZC_TRY(std::string name, unescape(pair.substr(0, equals), Plus::blank));
        std::string value;
        if (equals != std::string_view::npos) {
            ZC_TRY(value, unescape(pair.substr(equals + 1), Plus::blank));
        }
        out.query.insert_or_assign(std::move(name), std::move(value));
    }
    return out;
}

std::string escape(std::string_view text) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                                (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
                                c == '~';
        if (unreserved) {
            out += c;
        } else {
            const auto octet = static_cast<unsigned char>(c);
            out += '%';
            out += digits[octet >> 4U];
            out += digits[octet & 15U];
        }
    }
    return out;
}

}  // namespace zc::http
