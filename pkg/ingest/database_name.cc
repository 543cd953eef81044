#include "ingest/database_name.h"

#include <algorithm>
#include <array>

#include "ingest/hash.h"

namespace zc::ingest {

DatabaseName scan_database_name(std::string_view text, dns::NameBuffer& out) noexcept {
    const bool is_root = text.empty();
    if (is_root) text = ".";
    DatabaseName scan{dns::scan_name(text, out)};
    scan.final_dot = scan.absolute && !is_root;
    // For a label that is too long `octets` are those of the label, and more than the buffer holds.
    if (scan.fault != dns::NameFault::none) return scan;
    if (!scan.absolute) {
        if (scan.octets >= dns::name_octets_max) {
            scan.fault = dns::NameFault::name_limit;
            return scan;
        }
        out[scan.octets++] = 0;
    }
    // Length octets are below 64, so that they are no capitals.
    for (std::size_t i = 0; i < scan.octets; ++i) {
        const std::uint8_t folded = dns::fold(out[i]);
        scan.capitals |= folded != out[i];
        out[i] = folded;
    }
    return scan;
}

std::optional<std::uint64_t> name_key(std::string_view text) noexcept {
    // Labels with dots between, whatever octets they have: a dot in a label makes two names one.
    std::array<std::uint8_t, dns::name_octets_max> plain;
    std::size_t size = 0;
    if (text.find('\\') == std::string_view::npos) {
        if (text.ends_with('.')) text.remove_suffix(1);
        if (text.size() > plain.size()) return std::nullopt;
        for (const char c : text) plain[size++] = dns::fold(static_cast<std::uint8_t>(c));
        return hash64(base::Octets(plain).first(size));
    }
    dns::NameBuffer buffer;
    const DatabaseName scan = scan_database_name(text, buffer);
    if (scan.fault != dns::NameFault::none) return std::nullopt;
    for (std::size_t at = 0; buffer[at] != 0; at += buffer[at] + std::size_t{1}) {
        if (at != 0) plain[size++] = '.';
        for (std::size_t i = 1; i <= buffer[at]; ++i) plain[size++] = buffer[at + i];
    }
    return hash64(base::Octets(plain).first(size));
}

}  // namespace zc::ingest
