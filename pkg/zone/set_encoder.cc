#include "zone/set_encoder.h"

#include <cstring>

#include "dns/presentation.h"
#include "zone/lookup.h"

namespace zc::zone {

namespace {

using dns::RrType;

constexpr std::size_t name_suffix_octets_min = 3;  // shorter ones are not worth a pointer
constexpr std::size_t patches_octets_max = 65000;  // of an RRset: no pointer begins behind them
constexpr std::size_t patches_count_max = 65535;   // their number has 16 bits

bool is_same(base::Octets a, base::Octets b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

/// Where numbers and octets of an RRset go whose room was asked for at once.
std::uint8_t* put(std::uint8_t* to, base::Octets octets) {
    if (!octets.empty()) std::memcpy(to, octets.data(), octets.size());
    return to + octets.size();
}
template <class T>
std::uint8_t* put_number(std::uint8_t* to, T value) {
    std::memcpy(to, &value, sizeof value);
    return to + sizeof value;
}

constexpr std::size_t length_octets_max = 3;
/// The length of an RDATA in the image: one octet, or 255 and two.
std::uint8_t* put_length(std::uint8_t* to, std::size_t octets) {
    if (octets < 255) {
        *to++ = static_cast<std::uint8_t>(octets);
        return to;
    }
    *to++ = 255;
    return put_number(to, static_cast<std::uint16_t>(octets));
}

}  // namespace

/// Finds the part of a name at `name_at` in the message that stands in the owner's name, or in an
/// earlier name of the RRset. The rest becomes places to point to.
///
/// Octets that a question shares with names beyond the owner are not used: each query would have
/// to look for them. That is 4 octets when the QNAME is the SOA's MNAME, in 0.085 % of the answers
/// that the differential test compares with Knot's, which are larger in the mean.
SetEncoder::Compressed SetEncoder::compress(base::Octets name, std::size_t name_at,
                                            dns::NameView owner) {
    // A wildcard's own label is not in the name that will be answered.
    const std::size_t owner_usable = owner.is_wildcard() ? owner.size() - 2U : owner.size();
    const std::uint8_t* const owner_end = owner.wire().data() + owner.size();
    const auto is_label_of_owner = [&](std::size_t octets) {  // and not the middle of one
        std::size_t at = 0;
        while (owner.size() - at > octets) at += owner.wire()[at] + std::size_t{1};
        return owner.size() - at == octets;
    };
    const std::size_t known = places_count_;
    std::size_t label = 0;
    for (; name.size() - label >= name_suffix_octets_min; label += name[label] + std::size_t{1}) {
        const base::Octets suffix = name.subspan(label);
        if (suffix.size() <= owner_usable &&
            owner_end[-std::ptrdiff_t(suffix.size())] == suffix[0] &&
            is_same(suffix, {owner_end - suffix.size(), suffix.size()}) &&
            is_label_of_owner(suffix.size()))
            return {label, static_cast<std::uint16_t>(pointer_to_suffix | suffix.size())};
        for (std::size_t p = 0; p < known; ++p)
            if (is_same(places_[p].suffix, suffix)) return {label, places_[p].offset};
        if (places_count_ < places_.size() && name_at + label <= pointer_offset_max)
            places_[places_count_++] = {suffix, static_cast<std::uint16_t>(name_at + label)};
    }
    return {name.size(), std::nullopt};
}

/// Lengths and RDATA into `body_`, what a message has to add to pointers into `patches`; gives
/// the octets that the records take in a message.
std::size_t SetEncoder::encode_records(const Set& set) {
    // The head of a record in a message: owner or pointer, type, class, TTL, length.
    const std::size_t head = set.owner.size() == 1 ? 11 : 12;
    places_count_ = 0;
    std::size_t message_at = 0, patched_to = 0;
    bool has_names = true;  // to compress: all of one type have, or none
    for (const base::Octets rdata : set.records) {
        message_at += head;
        std::uint8_t* const length_at = body_.room(length_octets_max + rdata.size());
        // Compressed it may be shorter than where the length takes three octets.
        const bool is_long = rdata.size() >= 255;
        std::uint8_t* const begin = length_at + (is_long ? length_octets_max : 1);
        std::uint8_t* to = begin;
        std::size_t copied = 0;
        std::array<dns::NamePlace, dns::rdata_names_max> names;
        const std::size_t name_count = has_names ? dns::names_in(set.type, rdata, names) : 0;
        has_names = false;
        for (std::size_t n = 0; n < name_count; ++n) {
            if (names[n].kind != dns::Field::name_compressible) continue;
            has_names = true;
            const base::Octets name = rdata.subspan(names[n].offset, names[n].octets);
            to = put(to, rdata.subspan(copied, names[n].offset - copied));
            copied = names[n].offset + std::size_t{names[n].octets};
            const Compressed made =
                compress(name, message_at + static_cast<std::size_t>(to - begin), set.owner);
            const std::size_t pointer_at =
                message_at + static_cast<std::size_t>(to - begin) + made.octets;
            std::size_t distance = pointer_at - patched_to;
            // Between two pointers may be megabytes, of a set that fits into no message.
            const std::size_t patches_needed = distance / 255 + 1;
            if (!made.pointer || patches_.size() >= patches_octets_max ||
                patches_.size() + patches_needed > patches_count_max) {
                to = put(to, name);
                continue;
            }
            to = put(to, name.first(made.octets));
            for (; distance >= 255; distance -= 255) patches_.push_back(255);
            patches_.push_back(static_cast<std::uint8_t>(distance));
            base::store_u16(to, *made.pointer);
            to += 2;
            patched_to = pointer_at + 2;
        }
        to = put(to, rdata.subspan(copied));
        const auto written = static_cast<std::size_t>(to - begin);
        std::uint8_t* const behind_length = put_length(length_at, written);
        if (behind_length != begin) {
            std::memmove(behind_length, begin, written);
            to = behind_length + written;
        }
        body_.wrote_until(to);
        message_at += written;
    }
    return message_at;
}

void SetEncoder::encode_signatures(const Set& set) {
    std::uint8_t* to = body_.room(5);
    *to++ = static_cast<std::uint8_t>(set.signatures.size());
    base::store_u32(to, set.signatures_ttl);
    body_.wrote_until(to + 4);
    for (const base::Octets rdata : set.signatures) {
        to = body_.room(length_octets_max + rdata.size());
        body_.wrote_until(put(put_length(to, rdata.size()), rdata));
    }
}

/// In a byte each; more than 255 take format 2.
void SetEncoder::encode_glue_counts() {
    const std::size_t glue = glue_in_domain.size() + glue_sibling.size();  // <= NS records
    if (glue <= 255) {
        body_.append(static_cast<std::uint8_t>(glue_in_domain.size()));
        body_.append(static_cast<std::uint8_t>(glue));
    } else {
        body_.append(255);
        body_.append(0);
        body_.append_number(static_cast<std::uint16_t>(glue_in_domain.size()));
        body_.append_number(static_cast<std::uint16_t>(glue));
    }
}

/// Room for all of it has been asked for by `encode`.
void SetEncoder::put_glue(base::OctetBuffer& out, std::vector<Fixup>& fixups) const {
    for (const auto* list : {&glue_in_domain, &glue_sibling}) {
        for (const Glue& one : *list) {
            out.append_number(one.index);
            fixups.push_back({static_cast<std::uint32_t>(out.size()), one.node});
            out.append_number(std::uint32_t{0});
        }
    }
}

std::size_t SetEncoder::encode(base::OctetBuffer& out, const Set& set, std::vector<Fixup>& fixups) {
    body_.clear();
    patches_.clear();
    const std::size_t message_octets = encode_records(set);
    if (!set.signatures.empty()) encode_signatures(set);
    const std::size_t glue = glue_in_domain.size() + glue_sibling.size();
    if (glue > 0) encode_glue_counts();

    std::uint8_t flags = rrset_flag::always;
    if (!set.signatures.empty()) flags |= rrset_flag::signatures;
    if (glue > 0) flags |= rrset_flag::glue;
    if (!patches_.empty()) flags |= rrset_flag::patches;
    if (patches_.size() > 255) flags |= rrset_flag::patches16;
    if (static_cast<std::uint16_t>(set.type) > 255) flags |= rrset_flag::type16;
    if (set.records.size() > 255) flags |= rrset_flag::count16;
    constexpr std::size_t glue_octets = 6, head_octets_max = 1 + 2 + 2 + 4 + 4 + 2;
    const std::size_t octets =
        4 + (patches_.empty() ? 0 : patches_.size() + (patches_.size() > 255 ? 2 : 1)) +
        body_.size() + glue * glue_octets;
    if (octets > 65535) flags |= rrset_flag::octets32;

    const auto put_either = [&](std::uint8_t* to, std::uint8_t flag, std::size_t value) {
        if ((flags & flag) != 0) return put_number(to, static_cast<std::uint16_t>(value));
        *to++ = static_cast<std::uint8_t>(value);
        return to;
    };
    std::uint8_t* to = out.room(head_octets_max + octets);
    *to++ = flags;
    to = put_either(to, rrset_flag::type16, static_cast<std::uint16_t>(set.type));
    to = put_either(to, rrset_flag::count16, set.records.size());
    to = (flags & rrset_flag::octets32) != 0 ? put_number(to, static_cast<std::uint32_t>(octets))
                                             : put_number(to, static_cast<std::uint16_t>(octets));
    base::store_u32(to, set.ttl);
    to += 4;
    if (!patches_.empty()) {
        to = put_either(to, rrset_flag::patches16, patches_.size());
        to = put(to, patches_);
    }
    to = put(to, body_);
    out.wrote_until(to);
    if (glue > 0) put_glue(out, fixups);
    return message_octets;
}

}  // namespace zc::zone
