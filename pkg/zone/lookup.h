// The inside of an image: header, index, nodes and RRsets, and how a name is found in it.
//
// IMAGE.md is the format, octet by octet. A test compares its constants with those below.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <functional>

#include "base/octets.h"
#include "dns/name.h"
#include "dns/types.h"
#include "zone/zone.h"

namespace zc::zone {

static_assert(std::endian::native == std::endian::little, "images are little-endian");

/// An image is of format 2 only when it has something that format 1 cannot say. In format 1
/// - ALIAS and LUA have PowerDNS's numbers 65401 and 65402, and no other data has them;
/// - a delegation has glue of at most 255 name servers, in the order of its NS records.
inline constexpr std::uint8_t image_format_first = 1;
inline constexpr std::uint8_t image_format = 2;
inline constexpr std::size_t narrow_names_max = 255;
inline constexpr std::size_t narrow_octets_max = 65535;
inline constexpr std::size_t probes_max = 64;  // in a wide index; behind that: binary search
inline constexpr std::uint32_t none = 0xffffffff;
inline constexpr std::size_t nsec3_hash_octets =
    20;  // SHA-1, the only algorithm there is (RFC 5155 section 11)
/// Iterations of NSEC3. RFC 9276 wants 0 of those who sign and lets validators take a zone with
/// more for unsigned; they see that it has more by the NSEC3 records of a response, so those have
/// to be in it. `Builder` warns of such a zone, and refuses one with more than the maximum (RFC
/// 9276 section 3.2). Up to `nsec3_iterations_ordinary` (what BIND and Knot still take for signed)
/// an answer's hash is as cheap as all else; more is counted, see answer::HashBudget.
inline constexpr std::uint16_t nsec3_iterations_ordinary = 150;
inline constexpr std::uint16_t nsec3_iterations_max = 500;
/// RFC 5155 section 10.3, for the longest keys: images that were built before the limit was lower
/// have so many, and other servers may send them.
inline constexpr std::uint16_t nsec3_iterations_known_max = 2500;
inline constexpr std::uint16_t pointer_to_suffix = 0x8000;
inline constexpr std::uint16_t pointer_offset_max =
    0x1fff;  // so that it can be moved by up to 8 KiB

template <class T>
T load(const std::uint8_t* at) noexcept {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

namespace image_flag {
inline constexpr std::uint8_t state = 0x03, wide = 0x04, has_signed_header = 0x08, nsec = 0x10,
                              nsec3 = 0x20;
}
namespace node_flag {
inline constexpr std::uint8_t cut = 0x01;       // NS below the apex, not occluded
inline constexpr std::uint8_t occluded = 0x02;  // below a cut or a DNAME
inline constexpr std::uint8_t wildcard_child = 0x04;
inline constexpr std::uint8_t dname = 0x08;  // owns a DNAME, not occluded
inline constexpr std::uint8_t cname = 0x10;
inline constexpr std::uint8_t nsec3_links = 0x20;
}  // namespace node_flag
namespace rrset_flag {
inline constexpr std::uint8_t always = 0x80, type16 = 0x01, count16 = 0x02, octets32 = 0x04,
                              signatures = 0x08, patches = 0x10, glue = 0x20, patches16 = 0x40;
}

/// A length octet and the RDATA behind it; moves `at` to the next.
inline base::Octets next_rdata(const std::uint8_t*& at) noexcept {
    std::size_t octets = *at++;
    if (octets == 255) {
        octets = load<std::uint16_t>(at);
        at += 2;
    }
    const base::Octets rdata(at, octets);
    at += octets;
    return rdata;
}

/// One RRset inside an image, decoded. 56 octets on the stack, nothing is copied.
struct RrSetRef {
    dns::RrType type{};
    std::uint32_t count = 0;  // 0: signatures without the RRset they cover
    std::uint32_t patch_count = 0;
    std::uint32_t ttl_wire = 0;  // as it goes into a message
    const std::uint8_t* patches = nullptr;
    const std::uint8_t* records = nullptr;
    const std::uint8_t* end = nullptr;  // the next RRset or the node's end
    std::uint8_t flags = 0;

    std::uint32_t ttl() const noexcept {
        return base::load_u32(reinterpret_cast<const std::uint8_t*>(&ttl_wire));
    }
    bool has_signatures() const noexcept { return (flags & rrset_flag::signatures) != 0; }
    bool has_glue() const noexcept { return (flags & rrset_flag::glue) != 0; }
    /// The targets of an NS RRset with addresses in the zone: first those that are below the cut.
    /// `at` is where they begin, and moves to the first.
    struct GlueCounts {
        unsigned in_domain, all;
    };
    static GlueCounts glue_counts(const std::uint8_t*& at) noexcept {
        GlueCounts counts{at[0], at[1]};
        at += 2;
        if (counts.in_domain <= counts.all) return counts;
        counts = {load<std::uint16_t>(at), load<std::uint16_t>(at + 2)};
        at += 4;
        return counts;
    }

    /// `at` is an RRset (its flags octet is not 0).
    static RrSetRef decode(const std::uint8_t* at) noexcept {
        RrSetRef set;
        set.flags = *at++;
        if ((set.flags & (rrset_flag::type16 | rrset_flag::count16 | rrset_flag::octets32 |
                          rrset_flag::patches)) == 0) {
            set.type = static_cast<dns::RrType>(at[0]);
            set.count = at[1];
            set.end = at + 4 + load<std::uint16_t>(at + 2);
            std::memcpy(&set.ttl_wire, at + 4, 4);
            set.records = at + 8;
            return set;
        }
        std::uint32_t type = *at++;
        if (set.flags & rrset_flag::type16) type |= static_cast<std::uint32_t>(*at++) << 8;
        set.type = static_cast<dns::RrType>(type);
        set.count = *at++;
        if (set.flags & rrset_flag::count16) set.count |= static_cast<std::uint32_t>(*at++) << 8;
        std::uint32_t octets = load<std::uint16_t>(at);
        at += 2;
        if (set.flags & rrset_flag::octets32) {
            octets |= static_cast<std::uint32_t>(load<std::uint16_t>(at)) << 16;
            at += 2;
        }
        set.end = at + octets;
        std::memcpy(&set.ttl_wire, at, 4);
        at += 4;
        if (set.flags & rrset_flag::patches) {
            set.patch_count = *at++;
            if (set.flags & rrset_flag::patches16)
                set.patch_count |= static_cast<std::uint32_t>(*at++) << 8;
            set.patches = at;
            at += set.patch_count;
        }
        set.records = at;
        return set;
    }
    /// Behind the records: where signatures or glue begin.
    const std::uint8_t* behind_records() const noexcept {
        const std::uint8_t* at = records;
        for (std::uint32_t i = 0; i < count; ++i) next_rdata(at);
        return at;
    }
};

/// One owner name (or empty non-terminal) inside an image.
class NodeRef {
public:
    constexpr NodeRef() noexcept = default;
    explicit NodeRef(const std::uint8_t* at) noexcept : at_(at) {}
    explicit operator bool() const noexcept { return at_ != nullptr; }
    bool operator==(const NodeRef&) const noexcept = default;
    const std::uint8_t* at() const noexcept { return at_; }
    std::uint8_t flags() const noexcept { return at_[0]; }
    bool is(std::uint8_t flag) const noexcept { return (at_[0] & flag) != 0; }
    base::Octets key() const noexcept { return {at_ + 2, at_[1]}; }
    std::uint32_t nsec3_self() const noexcept {
        return is(node_flag::nsec3_links) ? load<std::uint32_t>(behind_key()) : none;
    }
    std::uint32_t nsec3_wildcard() const noexcept {
        return is(node_flag::nsec3_links) ? load<std::uint32_t>(behind_key() + 4) : none;
    }
    const std::uint8_t* rrsets() const noexcept {
        return behind_key() + (is(node_flag::nsec3_links) ? 8 : 0);
    }
    bool empty() const noexcept { return *rrsets() == 0; }

    /// False when there is none with records; then `set` is unchanged unless it has signatures
    /// only.
    bool find(dns::RrType type, RrSetRef& set) const noexcept {
        for (const std::uint8_t* at = rrsets(); *at != 0;) {
            const RrSetRef here = RrSetRef::decode(at);
            if (here.type == type && here.count != 0) {
                set = here;
                return true;
            }
            at = here.end;
        }
        return false;
    }

private:
    const std::uint8_t* behind_key() const noexcept { return at_ + 2 + at_[1]; }
    const std::uint8_t* at_ = nullptr;
};

/// A name on its way through lookups: wire format in lower case, with the places of its labels.
struct LookupName {
    std::uint8_t octets[dns::name_octets_max + 9];  // what is behind `size` is of no meaning
    std::uint8_t label_at[dns::name_labels_max +
                          1];  // of each label, left to right; then of the root's octet
    std::uint8_t size = 0;     // with the root's octet
    std::uint8_t labels = 0;

    dns::NameView view() const noexcept { return dns::NameView(base::Octets(octets, size)); }
    /// The name without its `count` leftmost labels.
    base::Octets suffix(std::size_t count) const noexcept {
        return base::Octets(octets + label_at[count],
                            static_cast<std::size_t>(size) - label_at[count]);
    }
    /// From a valid name in any case.
    void assign(dns::NameView name) noexcept;
    /// Fills `label_at` and `labels` from `octets` and `size`.
    void mark_labels() noexcept;
};

/// Mixes one label (`size` octets behind its length octet) into the hash of the labels to its
/// right.
inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
inline std::uint64_t hash_label(std::uint64_t hash, const std::uint8_t* label,
                                std::size_t size) noexcept {
    constexpr std::uint64_t k0 = 0xa0761d6478bd642fU, k1 = 0xe7037ed1a0b428dbU;
    // Overlapping loads instead of a loop over octets: no read outside the label, two
    // multiplications for up to 16 octets.
    std::uint64_t a = 0, b = 0;
    if (size >= 4) {
        std::size_t left = size;
        const std::uint8_t* at = label;
        while (left > 16) {
            hash = mix(hash ^ load<std::uint64_t>(at) ^ k0, load<std::uint64_t>(at + 8) ^ k1);
            at += 16;
            left -= 16;
        }
        if (size >= 8) {
            a = load<std::uint64_t>(left >= 8 ? at : label + size - 8);
            b = load<std::uint64_t>(label + size - 8);
        } else {
            a = load<std::uint32_t>(label);
            b = load<std::uint32_t>(label + size - 4);
        }
    } else if (size > 0) {
        a = (static_cast<std::uint64_t>(label[0]) << 16) |
            (static_cast<std::uint64_t>(label[size >> 1]) << 8) | label[size - 1];
    }
    return mix(hash ^ a ^ k0, b ^ k1 ^ (static_cast<std::uint64_t>(size) << 56) ^ hash);
}
inline constexpr std::uint64_t image_hash_start = 0x9e3779b97f4a7c15U;

enum class Kind : std::uint8_t {
    exact,       // `node` is the name
    wildcard,    // `node` is the source of synthesis (RFC 4592), `encloser` its parent
    nxdomain,    // `encloser` is the closest encloser
    delegation,  // `node` is the zone cut at or above the name
    dname,       // `node` owns the DNAME above the name
};

/// The nodes of a zone for a name. No name is ever below more than one of cut and DNAME: the topmost
/// counts.
struct Match {
    Kind kind{};
    NodeRef node;
    NodeRef encloser;                  // for exact: the node itself
    std::uint8_t encloser_labels = 0;  // labels of the closest encloser (the node, the cut, the
                                       // DNAME's owner), the apex's included
};

/// Read access to an image that was built here or validated.
class ImageView {
public:
    explicit ImageView(const std::uint8_t* image) noexcept : at_(image) {}

    std::uint32_t size() const noexcept { return load<std::uint32_t>(at_); }
    std::uint8_t format() const noexcept { return at_[4]; }
    std::uint8_t flags() const noexcept { return at_[5]; }
    bool is(std::uint8_t flag) const noexcept { return (at_[5] & flag) != 0; }
    /// The number under which this image has ALIAS.
    dns::RrType alias_type() const noexcept {
        return format() == image_format_first ? dns::RrType::powerdns_alias : dns::RrType::alias;
    }
    /// RRsets of this number are ALIAS and LUA here, which are never answered.
    bool hides(dns::RrType type) const noexcept {
        return dns::is_powerdns_only(type) ||
               (format() == image_format_first && dns::from_powerdns(type) != type);
    }
    State state() const noexcept { return static_cast<State>(at_[5] & image_flag::state); }
    std::uint8_t apex_octets() const noexcept { return at_[6]; }
    std::uint8_t depth() const noexcept { return at_[7]; }
    std::uint32_t names() const noexcept {
        return is(image_flag::wide) ? load<std::uint32_t>(at_ + 8) : load<std::uint16_t>(at_ + 8);
    }
    std::uint32_t records() const noexcept {
        return is(image_flag::wide) ? load<std::uint32_t>(at_ + 12) : load<std::uint16_t>(at_ + 10);
    }
    const std::uint8_t* signed_header() const noexcept {
        return at_ + (is(image_flag::wide) ? 16 : 12);
    }
    const std::uint8_t* apex_at() const noexcept {
        return signed_header() + (is(image_flag::has_signed_header) ? 20 : 0);
    }
    dns::NameView apex() const noexcept {
        return dns::NameView(base::Octets(apex_at(), apex_octets()));
    }
    const std::uint8_t* index() const noexcept { return apex_at() + apex_octets(); }

    NodeRef node_at(std::uint32_t offset) const noexcept { return NodeRef(at_ + offset); }
    /// The i-th in canonical order; 0 is the apex.
    NodeRef node(std::uint32_t i) const noexcept {
        if (is(image_flag::wide)) return node_at(load<std::uint32_t>(index() + std::size_t{4} * i));
        return node_at(load<std::uint16_t>(index() + (names() - 1) + std::size_t{2} * i));
    }
    NodeRef apex_node() const noexcept { return node(0); }
    /// Where the nodes begin; they stand one behind the other.
    std::uint32_t nodes_begin() const noexcept {
        return static_cast<std::uint32_t>(apex_node().at() - at_);
    }

    std::uint32_t nsec_count() const noexcept {
        return is(image_flag::has_signed_header) ? load<std::uint32_t>(signed_header() + 4) : 0;
    }
    std::uint32_t nsec3_count() const noexcept {
        return is(image_flag::has_signed_header) ? load<std::uint32_t>(signed_header() + 12) : 0;
    }
    NodeRef nsec_node(std::uint32_t i) const noexcept {
        return node_at(load<std::uint32_t>(at_ + load<std::uint32_t>(signed_header() + 8) +
                                           std::size_t{4} * i));
    }
    /// The i-th by hash: 20 octets of hash, then its NSEC3 RRset.
    const std::uint8_t* nsec3_item(std::uint32_t i) const noexcept {
        return at_ + load<std::uint32_t>(at_ + load<std::uint32_t>(signed_header() + 16) +
                                         std::size_t{4} * i);
    }

    /// The node with this key, `hash` being that of its labels from `image_hash_start` on. Null
    /// when there is none.
    NodeRef probe(std::uint64_t hash, base::Octets key) const noexcept;

    /// The node of `name`'s ancestor with `labels` labels (the apex's included; at least as many as
    /// it has). Null when there is none.
    NodeRef ancestor(const LookupName& name, std::uint8_t apex_labels,
                     std::size_t labels) const noexcept;

    /// Finds `name`, which is at or below the apex.
    Match find(const LookupName& name, std::uint8_t apex_labels) const noexcept;

    /// The last node with NSEC whose name is before or equal to `name` in canonical order: the
    /// record that matches or covers it. Null when the zone has no NSEC.
    NodeRef nsec_at_or_before(const LookupName& name) const noexcept;

    /// Index of the NSEC3 whose hash is `hash`, or the nearest before it (the last one for a hash
    /// before the first): `matches` tells which. `none` when there are no NSEC3.
    std::uint32_t nsec3_at_or_before(base::Octets hash, bool& matches) const noexcept;

private:
    const std::uint8_t* at_;
};

/// The records of one node of `zone`, whole, in the order of `for_each_record`.
void for_each_record(const Zone& zone, NodeRef node,
                     const std::function<void(const dns::RecordView&)>& record);

/// NSEC3's hash of `name` (lower case), RFC 5155 section 5; `rdata` is an NSEC3PARAM's or begins
/// like one: algorithm, flags, iterations, salt. Allocates nothing. Cost: iterations + 1 rounds of
/// SHA-1, 60 to 200 ns each.
void nsec3_hash(dns::NameView name, base::Octets rdata,
                std::uint8_t (&hash)[nsec3_hash_octets]) noexcept;

/// Canonical order of two keys (labels relative to the same apex), RFC 4034 section 6.1: below 0,
/// 0, above 0.
int compare_keys(base::Octets a, base::Octets b) noexcept;

}  // namespace zc::zone
