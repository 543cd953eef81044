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
    if (owner.size != 1 && owner.at > pointer_max) return false;  // nothing can point there
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
            if (target > pointer_max) {
                at_ = start;
                return false;
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

bool Reply::put_record(Section section, Owner owner, dns::RrType type, dns::RrClass rrclass,
                       std::uint32_t ttl, base::Octets first, std::uint32_t pointer) noexcept {
    if (owner.size != 1 && owner.at > pointer_max) return false;
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
