// Domain names in wire format (RFC 1035 section 3.1), never compressed here.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/octets.h"
#include "base/result.h"

namespace zc::dns {

inline constexpr std::size_t name_octets_max =
    255;  // RFC 1035 section 2.3.4, the root label included
inline constexpr std::size_t label_octets_max = 63;
inline constexpr std::size_t name_labels_max = 127;  // without the root label

/// ASCII capitals to lower case, all other octets as they are (RFC 4343).
constexpr std::uint8_t fold(std::uint8_t octet) noexcept {
    return octet >= 'A' && octet <= 'Z' ? static_cast<std::uint8_t>(octet | 0x20U) : octet;
}

/// A borrowed, valid, uncompressed name: labels with their lengths, ending in the root's zero
/// octet. Made by those who have checked it: `Name`, `parse_wire`, an image that was validated.
class NameView {
public:
    /// The root.
    constexpr NameView() noexcept = default;
    /// `wire` is a whole valid name; not checked again.
    constexpr explicit NameView(base::Octets wire) noexcept : wire_(wire) {}

    constexpr base::Octets wire() const noexcept { return wire_; }
    constexpr std::size_t size() const noexcept { return wire_.size(); }
    constexpr bool is_root() const noexcept { return wire_.size() == 1; }
    /// The leftmost label without its length octet; empty for the root.
    base::Octets label() const noexcept { return wire_.subspan(1, wire_[0]); }
    /// Without the leftmost label. Not for the root.
    NameView parent() const noexcept { return NameView(wire_.subspan(1U + wire_[0])); }
    /// Labels without the root's: 0 for the root, 2 for "example.com.".
    std::size_t labels() const noexcept {
        std::size_t count = 0;
        for (std::size_t at = 0; wire_[at] != 0; at += 1U + wire_[at]) ++count;
        return count;
    }
    bool is_wildcard() const noexcept {
        return wire_.size() > 2 && wire_[0] == 1 && wire_[1] == '*';
    }
    /// At or below `ancestor`, case ignored.
    bool is_within(NameView ancestor) const noexcept;

private:
    static constexpr std::uint8_t root_octet = 0;
    base::Octets wire_{&root_octet, 1};
};

/// Same name, case ignored.
bool equal(NameView a, NameView b) noexcept;
/// Canonical order (RFC 4034 section 6.1): by labels from the right, case ignored.
std::strong_ordering compare(NameView a, NameView b) noexcept;

/// An owned name: 256 octets, no allocation. Keeps the case it was given.
class Name {
public:
    /// The root.
    Name() noexcept = default;
    /// Copies a valid name.
    explicit Name(NameView view) noexcept : size_(static_cast<std::uint8_t>(view.size())) {
        std::memcpy(octets_.data(), view.wire().data(), view.size());
    }

    /// Presentation format (RFC 1035 section 5.1): escapes \X and \DDD; with or without the final
    /// dot the name is absolute. "." is the root; the empty text is an error, as are an empty
    /// label, one of more than 63 octets, a name of more than 255.
    static Result<Name> parse(std::string_view text);
    /// The same, but a text without final dot is relative to `origin`, and "@" is the origin.
    static Result<Name> parse(std::string_view text, NameView origin);
    /// Exactly one uncompressed name and nothing behind it.
    static Result<Name> from_wire(base::Octets wire);
    /// The name `label` + `parent`; an error when too long.
    static Result<Name> join(base::Octets label, NameView parent);

    NameView view() const noexcept { return NameView(base::Octets(octets_.data(), size_)); }
    // NOLINTNEXTLINE(google-explicit-constructor): a borrowed self
    operator NameView() const noexcept { return view(); }
    base::Octets wire() const noexcept { return view().wire(); }
    std::size_t size() const noexcept { return size_; }
    /// Capitals to lower case, in place.
    void fold_case() noexcept;

private:
    friend Result<Name> read_name(base::Reader& message);
    std::array<std::uint8_t, name_octets_max + 1> octets_{};
    std::uint8_t size_ = 1;
};

/// Reads a possibly compressed name of a message (RFC 1035 section 4.1.4) at the reader's place.
/// Pointers must lead strictly backwards, so the work is bounded. The reader ends behind the name
/// as it stands there.
Result<Name> read_name(base::Reader& message);

/// Appends `name` in presentation format with the final dot: \. \\ \" and such escaped, octets
/// outside 33..126 as \DDD. The root is ".".
void append_text(std::string& out, NameView name);
std::string to_string(NameView name);

}  // namespace zc::dns
