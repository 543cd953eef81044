#include "compare/denial.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "dns/base32hex.h"
#include "zone/lookup.h"

namespace zc::compare {

namespace {

using dns::Name;
using dns::NameView;
using dns::RrType;

/// RFC 4034 section 4.1.2.
bool has_type(base::Octets bitmap, RrType type) {
    const auto number = static_cast<unsigned>(type);
    for (std::size_t at = 0; bitmap.size() - at >= 2;) {
        const unsigned window = bitmap[at];
        const std::size_t octets = bitmap[at + 1];
        at += 2;
        if (bitmap.size() - at < octets) return false;
        if (window == number >> 8) {
            const unsigned bit = number & 255U;
            return bit / 8 < octets && (bitmap[at + bit / 8] & (0x80U >> (bit % 8))) != 0;
        }
        at += octets;
    }
    return false;
}

/// The octets of a label of an NSEC3's owner name.
std::optional<std::vector<std::uint8_t>> hash_of_label(base::Octets label) {
    std::vector<std::uint8_t> out(label.size() * 5 / 8);
    if (!dns::from_base32hex(label, out.data())) return std::nullopt;
    return out;
}

Name ancestor(NameView name, std::size_t labels) {
    for (std::size_t have = name.labels(); have > labels; --have) name = name.parent();
    return Name(name);
}

std::optional<Name> wildcard_of(NameView encloser) {
    static constexpr std::uint8_t asterisk[] = {'*'};
    auto name = Name::join(asterisk, encloser);
    if (!name) return std::nullopt;
    return *name;
}

/// An NSEC or NSEC3 that matches the name denies the type if it lists neither the type nor a CNAME,
/// which would have been followed. One from above a cut says nothing about the types at the cut
/// (RFC 6840 sections 4.1 and 4.3).
bool denies_type(base::Octets types, RrType qtype) {
    if (has_type(types, qtype)) return false;
    if (has_type(types, RrType::cname)) return false;
    return qtype == RrType::ds || !has_type(types, RrType::ns) || has_type(types, RrType::soa);
}
bool denies_ds(base::Octets types) {
    return has_type(types, RrType::ns) && !has_type(types, RrType::ds) &&
           !has_type(types, RrType::soa);
}
/// Names below an ancestor with these types are not of its zone (RFC 6840 section 4.1).
bool is_cut_or_dname(base::Octets types) {
    return has_type(types, RrType::dname) ||
           (has_type(types, RrType::ns) && !has_type(types, RrType::soa));
}

}  // namespace

namespace {

/// Iterations and salt; the flags may differ.
bool same_parameters(base::Octets a, base::Octets b) {
    return std::ranges::equal(a.subspan(2, 3U + a[4]), b.subspan(2, 3U + b[4]));
}

}  // namespace

Denials::Denials(const std::vector<dns::Record>& authority) {
    for (const dns::Record& record : authority) {
        const base::Octets rdata(record.rdata);
        if (record.type == RrType::nsec) {
            base::Reader reader(rdata);
            auto next = dns::read_name(reader);
            if (!next) continue;
            nsecs_.push_back({record.owner, *next, rdata.subspan(reader.offset())});
        } else if (record.type == RrType::nsec3) {
            base::Reader reader(rdata);
            const std::uint8_t algorithm = reader.u8();
            const std::uint8_t flags = reader.u8();
            const std::uint16_t iterations = reader.u16();
            reader.skip(reader.u8());
            const base::Octets next = reader.octets(reader.u8());
            if (!reader.ok() || algorithm != 1 || iterations > zone::nsec3_iterations_known_max ||
                next.size() != zone::nsec3_hash_octets || record.owner.view().is_root())
                continue;
            auto hash = hash_of_label(record.owner.view().label());
            if (!hash || hash->size() != zone::nsec3_hash_octets) continue;
            const Name apex(record.owner.view().parent());
            const auto first = std::ranges::find_if(
                nsec3s_, [&](const Nsec3& other) { return dns::equal(other.apex, apex); });
            if (first != nsec3s_.end() && !same_parameters(first->rdata, rdata)) continue;
            nsec3s_.push_back({Name(record.owner.view().parent()),
                               rdata,
                               *std::move(hash),
                               {next.begin(), next.end()},
                               rdata.subspan(reader.offset()),
                               (flags & 1U) != 0});
        }
    }
}

bool Denials::prove(const Proof& proof, RrType qtype) const {
    return prove_nsec(proof, qtype) || prove_nsec3(proof, qtype);
}

const Denials::Nsec* Denials::match(NameView name) const {
    const auto found =
        std::ranges::find_if(nsecs_, [&](const Nsec& one) { return dns::equal(one.owner, name); });
    return found == nsecs_.end() ? nullptr : &*found;
}

bool Denials::covers(NameView name) const {
    return std::ranges::any_of(nsecs_, [&](const Nsec& one) {
        // The last NSEC leads back to the apex.
        const bool between =
            dns::compare(one.owner, name) < 0 &&
            (dns::compare(name, one.next) < 0 || dns::compare(one.next, one.owner) <= 0);
        if (!between || one.next.view().is_within(name)) return false;
        return !(name.is_within(one.owner) && is_cut_or_dname(one.types));
    });
}

bool Denials::is_empty_name(NameView name) const {
    return std::ranges::any_of(nsecs_, [&](const Nsec& one) {
        return dns::compare(one.owner, name) < 0 && one.next.view().is_within(name) &&
               !dns::equal(one.next, name);
    });
}

bool Denials::prove_nsec(const Proof& proof, RrType qtype) const {
    if (nsecs_.empty()) return false;
    const auto wildcard = wildcard_of(proof.closest_encloser);
    switch (proof.of) {
        case Proof::Of::no_type: {
            const Nsec* own = match(proof.name);
            return own != nullptr ? denies_type(own->types, qtype) : is_empty_name(proof.name);
        }
        case Proof::Of::no_name:
        case Proof::Of::expanded:
            return covers(proof.name);
        case Proof::Of::no_wildcard:
            return !wildcard || covers(*wildcard);
        case Proof::Of::wildcard_no_type: {
            if (!wildcard || !covers(proof.name)) return false;
            const Nsec* own = match(*wildcard);
            return own != nullptr ? denies_type(own->types, qtype) : is_empty_name(*wildcard);
        }
        case Proof::Of::unsigned_cut: {
            const Nsec* own = match(proof.name);
            return own != nullptr && denies_ds(own->types);
        }
    }
    return false;
}

const std::vector<std::uint8_t>& Denials::hash_of(NameView name, const Nsec3& one) const {
    Name folded(name);
    folded.fold_case();
    auto& hash = hashes_[{dns::to_string(folded), dns::to_string(one.apex)}];
    if (hash.empty()) {
        std::uint8_t octets[zone::nsec3_hash_octets];
        zone::nsec3_hash(folded, one.rdata, octets);
        hash.assign(std::begin(octets), std::end(octets));
    }
    return hash;
}

const Denials::Nsec3* Denials::match3(NameView name, NameView apex) const {
    for (const Nsec3& one : nsec3s_)
        if (dns::equal(one.apex, apex) && hash_of(name, one) == one.hash) return &one;
    return nullptr;
}

const Denials::Nsec3* Denials::cover3(NameView name, NameView apex) const {
    for (const Nsec3& one : nsec3s_) {
        if (!dns::equal(one.apex, apex)) continue;
        const std::vector<std::uint8_t>& hash = hash_of(name, one);
        const bool wraps = one.next <= one.hash;
        const bool behind = one.hash < hash, before = hash < one.next;
        if (wraps ? behind || before : behind && before) return &one;
    }
    return nullptr;
}

/// RFC 5155 section 8.3: the longest ancestor that has an NSEC3, and whose child towards the name
/// is covered.
std::optional<Denials::Encloser> Denials::closest_encloser(NameView name, NameView apex) const {
    const std::size_t apex_labels = apex.labels();
    for (std::size_t labels = name.labels(); labels > apex_labels; --labels) {
        const Name candidate = ancestor(name, labels - 1);
        const Nsec3* own = match3(candidate, apex);
        if (own == nullptr) continue;
        if (is_cut_or_dname(own->types)) return std::nullopt;
        const Nsec3* cover = cover3(ancestor(name, labels), apex);
        if (cover == nullptr) return std::nullopt;
        return Encloser{candidate, cover->opt_out};
    }
    return std::nullopt;
}

bool Denials::prove_nsec3(const Proof& proof, RrType qtype) const {
    if (nsec3s_.empty()) return false;
    const NameView apex = proof.apex;
    // Where opted-out delegations make names exist, the closest encloser that can be proved is
    // higher up (RFC 5155 section 7.2.1).
    const auto encloser_proof = [&]() -> std::optional<Encloser> {
        auto found = closest_encloser(proof.name, apex);
        if (found && !found->opt_out && !dns::equal(found->name, proof.closest_encloser))
            return std::nullopt;
        return found;
    };
    switch (proof.of) {
        case Proof::Of::no_type: {
            if (const Nsec3* own = match3(proof.name, apex)) return denies_type(own->types, qtype);
            // RFC 5155 section 7.2.4, and empty non-terminals that only opted-out delegations make.
            const auto found = closest_encloser(proof.name, apex);
            return found && found->opt_out;
        }
        case Proof::Of::no_name:
            return encloser_proof().has_value();
        case Proof::Of::expanded: {  // RFC 5155 section 7.2.6
            const std::size_t labels = proof.closest_encloser.view().labels() + 1;
            return cover3(ancestor(proof.name, labels), apex) != nullptr;
        }
        case Proof::Of::no_wildcard: {
            const auto found = encloser_proof();
            if (proof.opted_out && found && found->opt_out) return true;
            const auto wildcard = wildcard_of(found ? found->name : proof.closest_encloser);
            return !wildcard || cover3(*wildcard, apex) != nullptr;
        }
        case Proof::Of::wildcard_no_type: {  // RFC 5155 section 7.2.5
            const auto wildcard = wildcard_of(proof.closest_encloser);
            const auto found = encloser_proof();
            if (!wildcard || !found) return false;
            if (const Nsec3* own = match3(*wildcard, apex)) return denies_type(own->types, qtype);
            // No NSEC3 there is: the closest provable encloser and the opt-out span over the next
            // closer name are all that anybody can prove (RFC 5155 section 7.1, section 7.2.1).
            return proof.opted_out && found->opt_out;
        }
        case Proof::Of::unsigned_cut: {
            if (const Nsec3* own = match3(proof.name, apex)) return denies_ds(own->types);
            const auto found = closest_encloser(proof.name, apex);
            return found && found->opt_out;
        }
    }
    return false;
}

std::string Denials::wanted(const Proof& proof, RrType qtype) {
    const std::string name = dns::to_string(proof.name);
    const std::string wildcard =
        "*." + (proof.closest_encloser.view().is_root() ? std::string()
                                                        : dns::to_string(proof.closest_encloser));
    switch (proof.of) {
        case Proof::Of::no_type:
            return "no proof that " + name + " has no " + dns::to_string(qtype);
        case Proof::Of::no_name:
            return "no proof that " + name + " does not exist";
        case Proof::Of::no_wildcard:
            return "no proof that " + wildcard + " does not exist";
        case Proof::Of::expanded:
            return "no proof that " + name + " does not exist, although it comes from " + wildcard;
        case Proof::Of::wildcard_no_type:
            return "no proof that " + name + " does not exist and " + wildcard + " has no " +
                   dns::to_string(qtype);
        case Proof::Of::unsigned_cut:
            return "no proof that the cut " + name + " has no DS";
    }
    return {};
}

std::string Denials::clause(const Proof& proof) {
    switch (proof.of) {
        case Proof::Of::no_type:
            return "RFC 4035 section 3.1.3.1, RFC 5155 section 7.2.3";
        case Proof::Of::no_name:
        case Proof::Of::no_wildcard:
            return "RFC 4035 section 3.1.3.2, RFC 5155 section 7.2.2";
        case Proof::Of::expanded:
            return "RFC 4035 section 3.1.3.3, RFC 5155 section 7.2.6";
        case Proof::Of::wildcard_no_type:
            return "RFC 4035 section 3.1.3.4, RFC 5155 section 7.2.5";
        case Proof::Of::unsigned_cut:
            return "RFC 4035 section 3.1.4, RFC 5155 section 7.2.7";
    }
    return {};
}

}  // namespace zc::compare
