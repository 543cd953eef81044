#include "answer/reply.h"

#include <bit>

namespace zc::answer {

namespace {

constexpr std::uint16_t to_wire(std::uint16_t value) noexcept {
    return static_cast<std::uint16_t>((value << 8) | (value >> 8));
}
constexpr std::uint32_t ttl_of(std::uint32_t wire) noexcept {
    return __builtin_bswap32(wire);
}

}  // namespace

std::uint8_t* Reply::begin_record(Owner& owner, std::uint16_t type_wire, std::uint32_t ttl_wire,
                                  std::size_t octets) noexcept {
    std::uint8_t* out = message_ + at_;
    std::size_t owner_octets = 2;
    if (owner.size == 1)
        owner_octets = 1;
    else if (owner.at == 0)
        owner_octets = owner.prefix.size() + (owner.suffix_at == 0 ? 1 : 2);
    if (at_ + owner_octets + 10 + octets > limit_) return nullptr;
    if (owner.size == 1) {
        *out = 0;
    } else if (owner.at != 0) {
        base::store_u16(out, static_cast<std::uint16_t>(0xc000U | owner.at));
    } else {
        std::memcpy(out, owner.prefix.data(), owner.prefix.size());
        if (owner.suffix_at == 0)
            out[owner.prefix.size()] = 0;
        else
            base::store_u16(out + owner.prefix.size(),
                            static_cast<std::uint16_t>(0xc000U | owner.suffix_at));
        if (at_ <= pointer_max) owner.at = at_;
    }
    out += owner_octets;
    constexpr std::uint16_t class_in = to_wire(1);
    const std::uint16_t length = to_wire(static_cast<std::uint16_t>(octets));
    std::memcpy(out, &type_wire, 2);
    std::memcpy(out + 2, &class_in, 2);
    std::memcpy(out + 4, &ttl_wire, 4);
    std::memcpy(out + 8, &length, 2);
    at_ += static_cast<std::uint32_t>(owner_octets + 10 + octets);
    return out + 10;
}

bool Reply::put_signatures(Section section, const std::uint8_t* signatures, Owner& owner,
                           std::uint32_t ttl_max) noexcept {
    const unsigned count = *signatures++;
    auto ttl_wire = zone::load<std::uint32_t>(signatures);
    signatures += 4;
    if (ttl_of(ttl_wire) > ttl_max) ttl_wire = ttl_of(ttl_max);
    for (unsigned i = 0; i < count; ++i) {
        const base::Octets rdata = zone::next_rdata(signatures);
        std::uint8_t* out = begin_record(
            owner, to_wire(static_cast<std::uint16_t>(dns::RrType::rrsig)), ttl_wire, rdata.size());
        if (out == nullptr) return false;
        std::memcpy(out, rdata.data(), rdata.size());
    }
    counts_[static_cast<std::size_t>(section)] =
        static_cast<std::uint16_t>(counts_[static_cast<std::size_t>(section)] + count);
    return true;
}

bool Reply::put(Section section, const zone::RrSetRef& set, Owner owner, std::uint32_t ttl_wire,
                std::uint32_t signature_ttl_max, Signatures signatures) noexcept {
    const std::uint32_t start = at_;
    const std::uint16_t count_before = count(section);
    if ((owner.at | owner.suffix_at) > pointer_max) [[unlikely]]
        return put_far(section, set, owner, ttl_wire, signature_ttl_max, signatures);
    const std::uint8_t* at = set.records;
    if (signatures == Signatures::only) {
        at = set.behind_records();
    } else {
        const std::uint16_t type_wire = to_wire(static_cast<std::uint16_t>(set.type));
        for (std::uint32_t i = 0; i < set.count; ++i) {
            const base::Octets rdata = zone::next_rdata(at);
            std::uint8_t* out = begin_record(owner, type_wire, ttl_wire, rdata.size());
            if (out == nullptr) {
                at_ = start;
                return false;
            }
            std::memcpy(out, rdata.data(), rdata.size());
        }
        std::uint32_t patch_at = start;
        for (std::uint32_t i = 0; i < set.patch_count; ++i) {
            patch_at += set.patches[i];
            if (set.patches[i] == 255) continue;  // a long way to the next pointer
            std::uint8_t* pointer = message_ + patch_at;
            const std::uint16_t value = base::load_u16(pointer);
            const std::uint32_t target = value >= zone::pointer_to_suffix
                                             ? locate(owner.at, owner.size, value & 0xffU)
                                             : start + value;
            if (target > pointer_max) [[unlikely]] {
                at_ = start;
                return put_far(section, set, owner, ttl_wire, signature_ttl_max, signatures);
            }
            base::store_u16(pointer, static_cast<std::uint16_t>(0xc000U | target));
            patch_at += 2;
        }
        counts_[static_cast<std::size_t>(section)] =
            static_cast<std::uint16_t>(count_before + set.count);
    }
    if (signatures != Signatures::without && set.has_signatures() &&
        !put_signatures(section, at, owner, signature_ttl_max)) {
        at_ = start;
        counts_[static_cast<std::size_t>(section)] = count_before;
        return false;
    }
    return true;
}

std::size_t Reply::copy_far_labels(std::uint32_t& at, std::uint8_t* out) const noexcept {
    std::size_t octets = 0;
    while (at > pointer_max) {
        const std::uint8_t length = message_[at];
        if ((length & 0xc0U) == 0xc0) {
            at = base::load_u16(message_ + at) & pointer_max;
        } else if (length == 0) {
            at = 0;
        } else {
            std::memcpy(out + octets, message_ + at, std::size_t{1} + length);
            octets += std::size_t{1} + length;
            at += 1U + length;
        }
    }
    return octets;
}

Owner Reply::within_reach(const Owner& owner,
                          std::uint8_t (&labels)[dns::name_octets_max]) const noexcept {
    if ((owner.at | owner.suffix_at) <= pointer_max) return owner;
    std::size_t octets = 0;
    std::uint32_t at = owner.at;
    if (at == 0) {
        octets = owner.prefix.size();
        std::memcpy(labels, owner.prefix.data(), octets);
        at = owner.suffix_at;
    }
    octets += copy_far_labels(at, labels + octets);
    return {0, owner.size, base::Octets(labels, octets), at};
}

/// RDATA of one RRset with its names written out as far as no pointer reaches them. Pointers of the
/// image are places of a message in which the records stand as put() writes them, so those places
/// are counted here.
class Reply::FarNames {
public:
    FarNames(const Reply& reply, const zone::RrSetRef& set, const Owner& owner) noexcept
        : reply_(reply), set_(set), owner_(owner), head_(owner.size == 1 ? 11 : 12) {
        next_ = {.at = 0, .octets = set.records, .rdata_end = 0, .patch = 0, .patch_at = 0};
        to_patch(next_);
    }

    /// The next record's RDATA; empty when it is none that this can write (all that have pointers
    /// are).
    base::Octets next() noexcept {
        const base::Octets rdata = zone::next_rdata(next_.octets);
        std::uint32_t at = next_.rdata_end + head_;
        next_.rdata_end = at + static_cast<std::uint32_t>(rdata.size());
        written_ = 0;
        const std::uint8_t* from = rdata.data();
        while (next_.patch < set_.patch_count && next_.patch_at < next_.rdata_end) {
            const std::size_t before = next_.patch_at - at;
            if (!append(from, before)) return {};
            if (!append_name(base::load_u16(from + before))) return {};
            from += before + 2;
            at = next_.patch_at + 2;
            next_.patch_at = at;
            ++next_.patch;
            to_patch(next_);
        }
        if (!append(from, next_.rdata_end - at)) return {};
        return {rdata_, written_};
    }

private:
    static constexpr std::size_t octets_max = 3 * dns::name_octets_max;  // SOA: two names and 20
    static constexpr std::size_t places_max = 64;  // as many as an RRset of an image points to

    struct Place {
        std::uint32_t at;            // in the layout; of the octet behind the last record for next_
        const std::uint8_t* octets;  // in the image
        std::uint32_t rdata_end;     // of the record, in the layout
        std::uint32_t patch;         // the first pointer at or behind `at`, and where it stands
        std::uint32_t patch_at;
    };

    /// Moves over what is no pointer in the list of distances.
    void to_patch(Place& place) const noexcept {
        for (; place.patch < set_.patch_count; ++place.patch) {
            place.patch_at += set_.patches[place.patch];
            if (set_.patches[place.patch] != 255) return;
        }
    }

    bool append(const std::uint8_t* octets, std::size_t size) noexcept {
        if (octets_max - written_ < size) return false;
        std::memcpy(rdata_ + written_, octets, size);
        written_ += size;
        return true;
    }

    /// To the rest of a name; 0 is the root, which needs none.
    bool append_pointer(std::uint32_t at) noexcept {
        std::uint8_t octets[2] = {0, 0};
        if (at != 0) base::store_u16(octets, static_cast<std::uint16_t>(0xc000U | at));
        return append(octets, at == 0 ? 1 : 2);
    }

    /// Writes the name that the pointer `value` of the image means.
    bool append_name(std::uint16_t value) noexcept {
        while (value < zone::pointer_to_suffix) {
            Place place = find(value);
            for (;;) {
                if (place.patch < set_.patch_count && place.at == place.patch_at) break;
                const std::size_t octets = std::size_t{1} + *place.octets;
                if (!append(place.octets, octets)) return false;
                if (octets == 1) return true;
                place.octets += octets;
                place.at += static_cast<std::uint32_t>(octets);
            }
            value = base::load_u16(place.octets);
        }
        if (owner_.at == 0) return false;
        std::uint32_t at = reply_.locate(owner_.at, owner_.size, value & 0xffU);
        std::uint8_t labels[dns::name_octets_max];
        return append(labels, reply_.copy_far_labels(at, labels)) && append_pointer(at);
    }

    /// The place that is `at` octets behind the start of the first record. Thousands of pointers
    /// lead to few places, so those found are kept.
    Place find(std::uint32_t at) noexcept {
        for (std::size_t i = 0; i < place_count_; ++i)
            if (places_[i].at == at) return places_[i];
        Place place{.at = at, .octets = set_.records, .rdata_end = 0, .patch = 0, .patch_at = 0};
        base::Octets rdata;
        while (place.rdata_end <= at) {
            rdata = zone::next_rdata(place.octets);
            place.rdata_end += head_ + static_cast<std::uint32_t>(rdata.size());
        }
        place.octets = rdata.data() + rdata.size() - (place.rdata_end - at);
        to_patch(place);
        while (place.patch < set_.patch_count && place.patch_at < at) {
            place.patch_at += 2;
            ++place.patch;
            to_patch(place);
        }
        if (place_count_ < places_max) places_[place_count_++] = place;
        return place;
    }

    const Reply& reply_;
    const zone::RrSetRef& set_;
    const Owner& owner_;
    std::uint32_t head_;  // octets of a record before its RDATA, in the layout
    Place next_;
    std::size_t written_ = 0;
    std::size_t place_count_ = 0;
    std::uint8_t rdata_[octets_max];
    Place places_[places_max];
};

bool Reply::put_far(Section section, const zone::RrSetRef& set, const Owner& owner,
                    std::uint32_t ttl_wire, std::uint32_t signature_ttl_max,
                    Signatures signatures) noexcept {
    const std::uint32_t start = at_;
    const std::uint16_t count_before = count(section);
    std::uint8_t labels[dns::name_octets_max];
    Owner written = within_reach(owner, labels);
    bool fits = true;
    const std::uint8_t* at = set.records;
    if (signatures != Signatures::only) {
        FarNames records(*this, set, owner);
        const std::uint16_t type_wire = to_wire(static_cast<std::uint16_t>(set.type));
        for (std::uint32_t i = 0; i < set.count && fits; ++i) {
            base::Octets rdata = zone::next_rdata(at);
            if (set.patch_count != 0) rdata = records.next();
            std::uint8_t* out = begin_record(written, type_wire, ttl_wire, rdata.size());
            fits = out != nullptr && (set.patch_count == 0 || !rdata.empty());
            if (fits) std::memcpy(out, rdata.data(), rdata.size());
        }
        counts_[static_cast<std::size_t>(section)] =
            static_cast<std::uint16_t>(count_before + set.count);
    }
    if (fits && signatures != Signatures::without && set.has_signatures())
        fits = put_signatures(section, set.behind_records(), written, signature_ttl_max);
    if (fits) return true;
    at_ = start;
    counts_[static_cast<std::size_t>(section)] = count_before;
    return false;
}

bool Reply::put_record(Section section, Owner owner, dns::RrType type, dns::RrClass rrclass,
                       std::uint32_t ttl, base::Octets first, std::uint32_t pointer) noexcept {
    std::uint8_t labels[dns::name_octets_max];
    if ((owner.at | owner.suffix_at) > pointer_max) [[unlikely]]
        owner = within_reach(owner, labels);
    std::uint8_t* out = begin_record(owner, to_wire(static_cast<std::uint16_t>(type)), ttl_of(ttl),
                                     first.size() + (pointer == 0 ? 0 : 2));
    if (out == nullptr) return false;
    base::store_u16(out - 8, static_cast<std::uint16_t>(rrclass));
    std::memcpy(out, first.data(), first.size());
    if (pointer != 0)
        base::store_u16(out + first.size(), static_cast<std::uint16_t>(0xc000U | pointer));
    ++counts_[static_cast<std::size_t>(section)];
    return true;
}

}  // namespace zc::answer
