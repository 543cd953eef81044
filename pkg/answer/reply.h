// Writing a response: RRsets out of images into a message, with compression and a limit.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/octets.h"
#include "dns/message.h"
#include "dns/types.h"
#include "zone/lookup.h"

namespace zc::answer {

enum class Section : std::uint8_t { answer, authority, additional };

/// An owner name as it will stand in the message: `at` is where the whole name already stands. When
/// it stands nowhere yet, `at` is 0 and the first record writes `prefix` and then the name at
/// `suffix_at` (the root for 0).
struct Owner {
    std::uint32_t at = 0;
    std::size_t size = 0;  // octets of the whole name, uncompressed
    base::Octets prefix;
    std::uint32_t suffix_at = 0;
};

inline constexpr std::uint32_t pointer_max = 0x3fff;

/// The message under construction. A record that does not fit leaves no trace and returns false.
class Reply {
public:
    Reply(std::uint8_t* message, std::uint32_t at, std::uint32_t limit) noexcept
        : message_(message), at_(at), limit_(limit) {}

    std::uint32_t size() const noexcept { return at_; }
    const std::uint8_t* message() const noexcept { return message_; }
    std::uint16_t count(Section section) const noexcept {
        return counts_[static_cast<std::size_t>(section)];
    }

    /// Where the suffix of `octets` octets of the name that stands at `at`, `size` octets long,
    /// stands.
    std::uint32_t locate(std::uint32_t at, std::size_t size, std::size_t octets) const noexcept {
        if (at == dns::header_octets)
            return static_cast<std::uint32_t>(at + size - octets);  // the question has no pointers
        for (;;) {
            const std::uint8_t length = message_[at];
            if ((length & 0xc0U) == 0xc0) {
                at = base::load_u16(message_ + at) & pointer_max;
            } else if (size <= octets) {
                return at;
            } else {
                size -= std::size_t{1} + length;
                at += 1U + length;
            }
        }
    }

    /// Where the RDATA of the record that stands at `at` begins.
    std::uint32_t rdata_of(std::uint32_t at) const noexcept {
        for (; (message_[at] & 0xc0U) != 0xc0; at += 1U + message_[at])
            if (message_[at] == 0) return at + 11;
        return at + 12;
    }

    enum class Signatures : std::uint8_t { without, with, only };
    /// Appends an RRset, or only the signatures over it. `ttl_wire`: in the octets of a message.
    bool put(Section section, const zone::RrSetRef& set, Owner owner, std::uint32_t ttl_wire,
             std::uint32_t signature_ttl_max, Signatures signatures) noexcept;

    /// Appends one record with RDATA `first` and then, when `pointer` is not 0, a compression
    /// pointer to it.
    bool put_record(Section section, Owner owner, dns::RrType type, dns::RrClass rrclass,
                    std::uint32_t ttl, base::Octets first, std::uint32_t pointer) noexcept;

    /// Back to what it was: everything behind `size` and all counts go.
    void truncate(std::uint32_t size) noexcept {
        at_ = size;
        counts_[0] = counts_[1] = counts_[2] = 0;
    }

private:
    class FarNames;

    /// put() where compression pointers do not reach what they should, 16 KiB into a message.
    bool put_far(Section section, const zone::RrSetRef& set, const Owner& owner,
                 std::uint32_t ttl_wire, std::uint32_t signature_ttl_max,
                 Signatures signatures) noexcept;
    /// Copies the labels of the name at `at` as far as no pointer reaches them; gives how many
    /// octets. `at` becomes where a pointer finds the rest, 0 when that is the root.
    std::size_t copy_far_labels(std::uint32_t& at, std::uint8_t* out) const noexcept;
    /// `owner` so that pointers reach what it points to; `labels` keeps the labels before that.
    Owner within_reach(const Owner& owner,
                       std::uint8_t (&labels)[dns::name_octets_max]) const noexcept;

    bool put_signatures(Section section, const std::uint8_t* signatures, Owner& owner,
                        std::uint32_t ttl_max) noexcept;
    /// Writes owner, type, class, TTL, length; null when `octets` more do not fit.
    std::uint8_t* begin_record(Owner& owner, std::uint16_t type_wire, std::uint32_t ttl_wire,
                               std::size_t octets) noexcept;

    std::uint8_t* message_;
    std::uint32_t at_;
    std::uint32_t limit_;
    std::uint16_t counts_[3] = {0, 0, 0};
};

}  // namespace zc::answer
