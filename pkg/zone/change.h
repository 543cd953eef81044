// A change of one zone, as canonical octets: the log keeps them, nodes send them to each other, the
// history shows them. Equal changes are equal octets.
//
//   change     format u8 = 1 | serial rule u8 | settings octets u32 | settings | sets u32 | set …
//   set        key octets u8 | key | type u16 | [covered u16, of an RRSIG] | TTL u32 | count u32 |
//              {RDATA octets u16 | RDATA} …
//
// Numbers are in network order. The key is the owner name without the apex, in lower case. Sets
// ascend by owner in canonical order (RFC 4034 section 6.1), then by type, then by covered type, and
// each stands once. The records of a set are in canonical form (RFC 4034 section 6.2), ascend by
// their octets and stand once each.
//
// RRSIGs form a set for each type that they cover, since their TTL is that of the set they cover
// (RFC 4034 section 3). The signatures in a change are data that somebody else made.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "dns/name.h"
#include "dns/rrset.h"
#include "dns/types.h"
#include "zone/zone.h"

namespace zc::zone {

class NodeRef;

/// The name of a set within its zone.
struct SetKey {
    base::Octets owner;  // the key of its node: the owner name without the apex, in lower case
    dns::RrType type{};
    dns::RrType covered{};  // of an RRSIG; else RrType{}
};
/// In the order of sets within a change: below 0, 0, above 0.
int compare(const SetKey& a, const SetKey& b) noexcept;

/// A set inside the octets of a change. Borrowed.
struct SetView {
    SetKey key;
    std::uint32_t ttl = 0;    // seconds
    std::uint32_t count = 0;  // 0: nothing stands there from now on
    base::Octets records{};   // {octets u16 | RDATA} …

    /// Calls `each` with every RDATA, in order.
    template <class Each>
    void for_each_rdata(const Each& each) const {
        for (std::size_t at = 0; at < records.size();) {
            const std::size_t octets = base::load_u16(&records[at]);
            each(records.subspan(at + 2, octets));
            at += 2 + octets;
        }
    }
    bool same_content(const SetView& other) const noexcept;
};

/// How the SOA's serial moves when a zone changes.
enum class SerialRule : std::uint8_t {
    raise = 1,   // the serial that the change gives when it is greater (RFC 1982), else one more
    mirror = 2,  // as the change gives it, backwards too: of a zone that follows another system
};

/// Immutable, cheap to move. Made by `ChangeMaker` or `decode`, so it is always canonical.
class Change {
public:
    enum class Kind : std::uint8_t {
        patch = 1,   // the sets that are named, and no others
        put = 2,     // all sets of the zone, none empty
        remove = 3,  // the zone goes; names no set
    };

    Change() = default;

    /// Octets of a log or a peer. Every bound and the canonical form are checked, so that whoever
    /// reads them again agrees about what they say. Errors, `malformed`: what, and at which octet;
    /// `unsupported`: a format that is not known here.
    /// In: `apex` of the zone, to know how long its names may be.
    static Result<Change> decode(Kind kind, dns::NameView apex, std::vector<std::uint8_t> octets);

    Kind kind() const noexcept { return kind_; }
    SerialRule serial_rule() const noexcept;
    base::Octets octets() const noexcept { return octets_; }
    /// The octets of a change of settings (package `settings` reads them); none: settings stay.
    base::Octets settings() const noexcept;
    std::uint32_t sets() const noexcept;

    /// Reads the sets one after the other.
    class Cursor {
    public:
        explicit Cursor(const Change& change) noexcept;
        bool more() const noexcept { return left_ != 0; }
        SetView next() noexcept;

    private:
        base::Octets octets_;
        std::size_t at_ = 0;
        std::uint32_t left_ = 0;
    };

private:
    friend class ChangeMaker;
    Kind kind_ = Kind::patch;
    std::vector<std::uint8_t> octets_;
};

/// Collects sets in any order and makes a change of them. Reusable.
class ChangeMaker {
public:
    void begin(dns::NameView apex, Change::Kind kind, SerialRule rule = SerialRule::raise);
    /// From now on exactly `rdatas` stand at (owner, type), all with `ttl`; none: nothing does. For
    /// RRSIGs: those that cover `covered`. Order, capitals in names and duplicates do not matter.
    /// Errors, `invalid`: an owner outside the zone, a type that is no zone data, an RRSIG that
    /// covers another type; `malformed`: RDATA that is not well-formed; `limit`: TTL, RDATA over
    /// 65535 octets.
    Status set(dns::NameView owner, dns::RrType type, std::uint32_t ttl,
               std::span<const base::Octets> rdatas, dns::RrType covered = dns::RrType{});
    /// The same of a set that is canonical already: of a zone, or of another change of this apex.
    void set(const SetView& set);
    /// The set is void from now on.
    void remove(const SetKey& key) { set(SetView{.key = key}); }
    /// Octets of a change of settings.
    void settings(base::Octets octets);
    /// Errors, `invalid`: the same set twice, an empty set in a `put`, a set or settings in a
    /// `remove`; `limit`: more than 4 GB. Afterwards nothing is left.
    Result<Change> make();

private:
    struct Slice {
        std::size_t at = 0, octets = 0;
    };
    struct Entry {
        Slice owner, set;
        dns::RrType type{}, covered{};
    };
    dns::Name apex_;
    Change::Kind kind_ = Change::Kind::patch;
    SerialRule rule_ = SerialRule::raise;
    std::vector<std::uint8_t> settings_, data_;
    std::vector<Entry> entries_;
};

/// A number modulo 2^256 that stands for a multitude of sets: the sum of their BLAKE2b-256 hashes.
/// A change moves it by the sets that it touches, in a zone of any size; it says nothing of images,
/// so releases with different images agree.
class ContentSum {
public:
    static constexpr std::size_t octets_count = 32;
    void add(dns::NameView apex, const SetView& set) noexcept;
    void subtract(dns::NameView apex, const SetView& set) noexcept;
    void add(const ContentSum& other) noexcept;
    void subtract(const ContentSum& other) noexcept;
    /// Least significant octet first.
    std::span<const std::uint8_t, octets_count> octets() const noexcept { return sum_; }
    static ContentSum from(std::span<const std::uint8_t, octets_count> octets) noexcept;
    bool operator==(const ContentSum&) const = default;

private:
    std::array<std::uint8_t, octets_count> sum_{};
};

/// Calls `each` with every set of `zone` that has records: those of its nodes in the order of
/// `for_each_record`, then those of NSEC3 in the order of sets. Valid during the call.
void for_each_set(const Zone& zone, const std::function<void(const SetView&)>& each);
/// The same of one node; NSEC3 have none.
void for_each_set(const Zone& zone, NodeRef node, const std::function<void(const SetView&)>& each);

/// The sum over all sets of `zone`, from nothing. Cost: some 0.5 µs a set.
ContentSum content_of(const Zone& zone);

/// All sets of `zone` as a `put`. Errors, `limit`: they take more than 4 GB.
Result<Change> whole(const Zone& zone);

}  // namespace zc::zone
