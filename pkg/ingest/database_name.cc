#include "ingest/database_name.h"

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

}  // namespace zc::ingest
