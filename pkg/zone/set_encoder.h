// One RRset with its signatures and glue, as the octets that stand for it in an image (IMAGE.md).
// Inside of this package.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/octet_buffer.h"
#include "base/octets.h"
#include "dns/name.h"
#include "dns/types.h"

namespace zc::zone {

/// Keeps memory between RRsets; one a thread.
class SetEncoder {
public:
    /// In canonical form and order, each record once.
    struct Set {
        dns::NameView owner;
        dns::RrType type{};
        std::uint32_t ttl = 0;
        std::span<const base::Octets> records;  // none: signatures alone
        std::uint32_t signatures_ttl = 0;
        std::span<const base::Octets> signatures;
    };
    struct Glue {
        std::uint16_t index = 0;  // of the NS record in its RRset
        std::uint32_t node = 0;   // any number that tells the caller which node it means
    };
    /// Where the offset of a node has to be written once it is known.
    struct Fixup {
        std::uint32_t at = 0;  // in `out`
        std::uint32_t node = 0;
    };
    /// Glue of the NS records of a cut: the caller fills it before each call, or leaves it empty.
    std::vector<Glue> glue_in_domain, glue_sibling;

    /// Appends the RRset to `out` and its fixups to `fixups`; gives the octets that its records take
    /// in a message. At most 65,535 records and 255 signatures.
    std::size_t encode(base::OctetBuffer& out, const Set& set, std::vector<Fixup>& fixups);

private:
    static constexpr std::size_t places_max = 64;  // keeps a set of thousands of PTR linear
    struct Place {  // a suffix that a name in the RRset's RDATA has written out
        base::Octets suffix;
        std::uint16_t offset = 0;
    };
    /// How a name is written: the first `octets` of it, and then the pointer.
    struct Compressed {
        std::size_t octets;
        std::optional<std::uint16_t> pointer;
    };

    std::size_t encode_records(const Set& set);
    Compressed compress(base::Octets name, std::size_t name_at, dns::NameView owner);
    void encode_signatures(const Set& set);
    void encode_glue_counts();
    void put_glue(base::OctetBuffer& out, std::vector<Fixup>& fixups) const;

    base::OctetBuffer body_;  // lengths and RDATA, signatures, how much glue
    std::vector<std::uint8_t> patches_;
    std::array<Place, places_max> places_{};
    std::size_t places_count_ = 0;
};

}  // namespace zc::zone
