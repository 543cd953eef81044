#include "dns/name.h"

#include <algorithm>

#include "base/check.h"
#include "base/foreign_text.h"
#include "dns/name_text.h"
#include "dns/octets_text.h"

namespace zc::dns {

namespace {

/// Eight octets at once, capitals to lower case. Lengths of labels (0..63) are no capitals, so
/// whole names in wire format may be folded without looking where their labels are.
std::uint64_t fold8(std::uint64_t octets) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101U;
    const std::uint64_t low = octets & (0x7f * ones);
    const std::uint64_t from_a = low + (0x80 - 'A') * ones;       // high bit: at least 'A'
    const std::uint64_t above_z = low + (0x80 - 'Z' - 1) * ones;  // high bit: more than 'Z'
    const std::uint64_t capital = from_a & ~above_z & ~octets & (0x80 * ones);
    return octets | (capital >> 2U);
}

std::uint64_t load8(const std::uint8_t* at) noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, at, sizeof value);
    return value;
}

bool equal_folded(const std::uint8_t* a, const std::uint8_t* b, std::size_t size) noexcept {
    for (; size >= 8; size -= 8, a += 8, b += 8) {
        const std::uint64_t x = load8(a);
        const std::uint64_t y = load8(b);
        if (x != y && fold8(x) != fold8(y)) return false;
    }
    for (std::size_t i = 0; i < size; ++i)
        if (fold(a[i]) != fold(b[i])) return false;
    return true;
}

constexpr bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}

/// Offsets of the labels, leftmost first; returns how many, without the root.
std::size_t label_offsets(NameView name,
                          std::array<std::uint8_t, name_labels_max>& offsets) noexcept {
    const base::Octets wire = name.wire();
    std::size_t count = 0;
    for (std::size_t at = 0; wire[at] != 0; at += 1U + wire[at])
        offsets[count++] = static_cast<std::uint8_t>(at);
    return count;
}

}  // namespace

bool NameView::is_within(NameView ancestor) const noexcept {
    if (size() < ancestor.size()) return false;
    const std::size_t start = size() - ancestor.size();
    std::size_t at = 0;
    while (at < start) at += 1U + wire_[at];
    return at == start &&
           equal_folded(wire_.data() + start, ancestor.wire_.data(), ancestor.size());
}

bool equal(NameView a, NameView b) noexcept {
    return a.size() == b.size() && equal_folded(a.wire().data(), b.wire().data(), a.size());
}

std::strong_ordering compare(NameView a, NameView b) noexcept {
    std::array<std::uint8_t, name_labels_max> a_offsets;
    std::array<std::uint8_t, name_labels_max> b_offsets;
    std::size_t a_count = label_offsets(a, a_offsets);
    std::size_t b_count = label_offsets(b, b_offsets);
    while (a_count > 0 && b_count > 0) {
        const std::uint8_t* a_label = a.wire().data() + a_offsets[--a_count];
        const std::uint8_t* b_label = b.wire().data() + b_offsets[--b_count];
        const std::size_t shared = std::min(a_label[0], b_label[0]);
        for (std::size_t i = 1; i <= shared; ++i) {
            const auto order = fold(a_label[i]) <=> fold(b_label[i]);
            if (order != 0) return order;
        }
        if (a_label[0] != b_label[0]) return a_label[0] <=> b_label[0];
    }
    return a_count <=> b_count;
}

NameScan scan_name(std::string_view text, NameBuffer& out) noexcept {
    if (text.empty()) return {.fault = NameFault::empty};
    if (text == ".") {
        out[0] = 0;
        return {.octets = 1, .absolute = true};
    }
    std::size_t length_at = 0;  // where the length of the current label goes
    std::size_t at = 1;
    const char* p = text.data();
    const char* const end = p + text.size();
    while (p != end) {
        const char c = *p++;
        if (c == '.') {
            const std::size_t label = at - length_at - 1;
            if (label == 0) return {.fault = NameFault::empty_label};
            if (label > label_octets_max)
                return {.octets = static_cast<std::uint16_t>(label),
                        .fault = NameFault::label_limit};
            out[length_at] = static_cast<std::uint8_t>(label);
            length_at = at++;
            if (length_at >= name_octets_max) return {.fault = NameFault::name_limit};
            continue;
        }
        auto octet = static_cast<std::uint8_t>(c);
        if (c == '\\') {
            if (p == end) return {.fault = NameFault::escape_cut};
            if (is_digit(*p)) {
                if (end - p < 3 || !is_digit(p[1]) || !is_digit(p[2]))
                    return {.fault = NameFault::escape_cut};
                const int value = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
                if (value > 255) return {.fault = NameFault::escape_over_255};
                octet = static_cast<std::uint8_t>(value);
                p += 3;
            } else {
                octet = static_cast<std::uint8_t>(*p++);
            }
        }
        // Counts on behind the limit: of a label that long the error tells the length.
        if (at < name_octets_max) out[at] = octet;
        ++at;
    }
    const std::size_t label = at - length_at - 1;
    if (label > label_octets_max)
        return {.octets = static_cast<std::uint16_t>(label), .fault = NameFault::label_limit};
    if (at > name_octets_max) return {.fault = NameFault::name_limit};
    out[length_at] = static_cast<std::uint8_t>(label);
    return {.octets = static_cast<std::uint16_t>(at), .absolute = label == 0};
}

namespace {

/// Completes a relative name with `origin`.
NameScan complete(NameScan scan, NameView origin, NameBuffer& out) noexcept {
    if (scan.absolute || scan.fault != NameFault::none) return scan;
    if (scan.octets + origin.size() > name_octets_max) return {.fault = NameFault::name_limit};
    std::memcpy(out.data() + scan.octets, origin.wire().data(), origin.size());
    return {.octets = static_cast<std::uint16_t>(scan.octets + origin.size()), .absolute = true};
}

}  // namespace

NameScan scan_name(std::string_view text, NameView origin, NameBuffer& out) noexcept {
    return complete(text == "@" ? NameScan{} : scan_name(text, out), origin, out);
}

std::string quoted_excerpt(std::string_view text) {
    constexpr std::size_t shown_max = 64;
    // A character that is cut through is no loss: its rest is shown as octets.
    return '\'' + base::foreign(text.substr(0, shown_max)) + (text.size() > shown_max ? "…'" : "'");
}

Error name_error(const NameScan& scan, std::string_view text) {
    switch (scan.fault) {
        case NameFault::none:
            break;
        case NameFault::empty:
            return {Errc::malformed, "empty name, wanted a name or \".\"", {}};
        case NameFault::empty_label:
            return {Errc::malformed, "name " + quoted_excerpt(text) + " has an empty label", {}};
        case NameFault::label_limit:
            return {Errc::malformed,
                    "label of " + std::to_string(scan.octets) + " octets in name " +
                        quoted_excerpt(text) + ", limit is 63",
                    {}};
        case NameFault::name_limit:
            return {
                Errc::malformed, "name " + quoted_excerpt(text) + " of more than 255 octets", {}};
        case NameFault::escape_cut:
            return {Errc::malformed,
                    "incomplete escape in name " + quoted_excerpt(text) + ", wanted \\X or \\DDD",
                    {}};
        case NameFault::escape_over_255:
            return {Errc::malformed, "escape over \\255 in name " + quoted_excerpt(text), {}};
    }
    ZC_CHECK(scan.fault != NameFault::none);
    return {Errc::malformed, {}, {}};
}

Result<Name> Name::parse(std::string_view text) {
    Name name;
    const NameScan scan = complete(scan_name(text, name.octets_), NameView(), name.octets_);
    if (scan.fault != NameFault::none) return tl::unexpected<Error>(name_error(scan, text));
    name.size_ = static_cast<std::uint8_t>(scan.octets);
    return name;
}

Result<Name> Name::parse(std::string_view text, NameView origin) {
    Name name;
    const NameScan scan = scan_name(text, origin, name.octets_);
    if (scan.fault != NameFault::none) return tl::unexpected<Error>(name_error(scan, text));
    name.size_ = static_cast<std::uint8_t>(scan.octets);
    return name;
}

Result<Name> Name::from_wire(base::Octets wire) {
    if (wire.size() > name_octets_max)
        return fail(Errc::malformed,
                    "name of " + std::to_string(wire.size()) + " octets, limit is 255");
    std::size_t at = 0;
    while (at < wire.size() && wire[at] != 0) {
        if (wire[at] > label_octets_max)
            return fail(Errc::malformed,
                        "label length " + std::to_string(wire[at]) + ", limit is 63");
        at += 1U + wire[at];
    }
    if (at >= wire.size()) return fail(Errc::malformed, "name without its end");
    if (at + 1 != wire.size())
        return fail(Errc::malformed,
                    std::to_string(wire.size() - at - 1) + " octets behind the end of the name");
    return Name(NameView(wire));
}

Result<Name> Name::join(base::Octets label, NameView parent) {
    if (label.empty()) return fail(Errc::malformed, "empty label");
    if (label.size() > label_octets_max)
        return fail(Errc::malformed,
                    "label of " + std::to_string(label.size()) + " octets, limit is 63");
    if (1 + label.size() + parent.size() > name_octets_max)
        return fail(Errc::malformed, "name of " + std::to_string(1 + label.size() + parent.size()) +
                                         " octets, limit is 255");
    Name name;
    name.octets_[0] = static_cast<std::uint8_t>(label.size());
    std::memcpy(name.octets_.data() + 1, label.data(), label.size());
    std::memcpy(name.octets_.data() + 1 + label.size(), parent.wire().data(), parent.size());
    name.size_ = static_cast<std::uint8_t>(1 + label.size() + parent.size());
    return name;
}

void Name::fold_case() noexcept {
    for (std::size_t at = 0; at < size_; at += 8) {  // octets_ is a multiple of eight long
        const std::uint64_t folded = fold8(load8(octets_.data() + at));
        std::memcpy(octets_.data() + at, &folded, sizeof folded);
    }
}

Result<Name> read_name(base::Reader& message) {
    const base::Octets whole = message.whole();
    Name name;
    std::size_t size = 0;
    std::size_t at = message.offset();
    std::size_t segment =
        at;  // where the labels being read began: the next pointer must lead before it
    std::size_t end_in_place = 0;  // behind the first pointer; 0: none met yet
    if (!message.ok()) return fail(Errc::malformed, "message ends before the name");
    while (true) {
        if (at >= whole.size()) return fail(Errc::malformed, "message ends inside a name");
        const std::uint8_t length = whole[at];
        if (length >= 0xc0) {
            if (whole.size() - at < 2)
                return fail(Errc::malformed, "message ends inside a compression pointer");
            const std::size_t target = base::load_u16(&whole[at]) & 0x3fffU;
            if (end_in_place == 0) end_in_place = at + 2;
            if (target >= segment)
                return fail(Errc::malformed, "compression pointer that does not lead backwards");
            at = segment = target;
            continue;
        }
        if (length > label_octets_max)
            return fail(Errc::malformed,
                        "label of type " + std::to_string(length >> 6) + ", wanted 0 or 3");
        if (whole.size() - at <= length)
            return fail(Errc::malformed, "message ends inside a label");
        if (size + 1 + length > name_octets_max)
            return fail(Errc::malformed, "name of more than 255 octets");
        std::memcpy(name.octets_.data() + size, &whole[at], 1U + length);
        size += 1U + length;
        at += 1U + length;
        if (length == 0) break;
    }
    message.seek(end_in_place != 0 ? end_in_place : at);
    name.size_ = static_cast<std::uint8_t>(size);
    return name;
}

void append_text(std::string& out, NameView name) {
    if (name.is_root()) {
        out += '.';
        return;
    }
    const base::Octets wire = name.wire();
    for (std::size_t at = 0; wire[at] != 0; at += 1U + wire[at]) {
        for (const std::uint8_t octet : wire.subspan(at + 1, wire[at])) {
            if (octet < 33 || octet > 126) {
                append_escaped(out, octet);
                continue;
            }
            // These have a meaning of their own in master files: quotes, comments, parentheses, origin,
            // directives.
            switch (octet) {
                case '.':
                case '\\':
                case '"':
                case ';':
                case '(':
                case ')':
                case '@':
                case '$':
                    out += '\\';
                    break;
                default:
                    break;
            }
            out += static_cast<char>(octet);
        }
        out += '.';
    }
}

std::string to_string(NameView name) {
    std::string out;
    out.reserve(name.size() + 1);
    append_text(out, name);
    return out;
}

}  // namespace zc::dns
