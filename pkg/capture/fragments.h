// Inside of package capture: IP datagrams put together from their fragments (RFC 791 section 3.2,
// RFC 8200 section 4.5). Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "base/octets.h"
#include "base/time.h"
#include "dns/types.h"

namespace zc::capture {

inline constexpr std::size_t fragmented_datagrams_max = 1024;  // being put together at a time
inline constexpr std::size_t fragments_max = 64;               // of one datagram
inline constexpr std::uint64_t fragmented_octets_max = std::uint64_t{8} << 20;
inline constexpr base::Duration fragment_wait = base::Duration::seconds(30);

struct Fragment {
    struct Datagram {
        dns::Address source{}, target{};
        std::uint32_t id = 0;
        std::uint8_t protocol = 0;  // IPv6: 0, the ID alone counts
        std::strong_ordering operator<=>(const Datagram& other) const noexcept;
    };
    Datagram of;
    std::size_t offset = 0;  // in octets; a multiple of 8
    bool more = false;       // another one follows
    base::Octets payload;
    std::uint8_t next_protocol = 0;  // IPv6: of the first fragment's header
};

class Fragments {
public:
    struct Whole {
        std::uint8_t next_protocol = 0;
        std::vector<std::uint8_t> payload;
    };
    /// The whole payload when this fragment was the last that was missing. A fragment that was here
    /// before is ignored; one that overlaps another gives its datagram up (RFC 5722), as all that
    /// goes over a limit.
    std::optional<Whole> add(const Fragment& fragment, base::Instant clock);
    /// How many datagrams were given up since the last call, with those that have waited too long.
    std::uint64_t take_lost(base::Instant clock);
    /// Gives all up.
    std::uint64_t finish();

private:
    struct Part {
        std::size_t begin, end;
    };
    struct Building {
        Fragment::Datagram key;
        std::vector<Part> parts;  // by offset, not overlapping
        std::vector<std::uint8_t> payload;
        std::size_t octets = 0;  // that are here
        std::size_t whole = 0;   // 0: the last fragment is not here yet
        std::uint8_t next_protocol = 0;
        base::Instant begun{};
    };
    using Order = std::list<Building>;  // oldest first

    void forget(Order::iterator which);
    void lose(Order::iterator which);

    Order building_;
    std::map<Fragment::Datagram, Order::iterator> by_key_;
    std::uint64_t octets_ = 0, lost_ = 0;
};

inline std::strong_ordering Fragment::Datagram::operator<=>(const Datagram& other) const noexcept {
    if (const auto by_id = id <=> other.id; by_id != 0) return by_id;
    if (const auto by_protocol = protocol <=> other.protocol; by_protocol != 0) return by_protocol;
    if (const auto by_source = source.octets <=> other.source.octets; by_source != 0)
        return by_source;
    if (const auto by_target = target.octets <=> other.target.octets; by_target != 0)
        return by_target;
    return source.size <=> other.source.size;
}

}  // namespace zc::capture
