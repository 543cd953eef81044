#include "compare/zone_data.h"

#include <algorithm>
#include <utility>

#include "base/octets.h"
#include "dns/presentation.h"

namespace zc::compare {

using dns::Name;
using dns::NameView;
using dns::Rdata;
using dns::RrType;

ZoneData::ZoneData(zone::Zone zone)
    : zone_(zone), view_(zone.image()), labels_(zone.apex().labels()) {}

zone::NodeRef ZoneData::node(NameView name) const {
    zone::LookupName lookup;
    lookup.assign(name);
    return view_.ancestor(lookup, static_cast<std::uint8_t>(labels_), lookup.labels);
}

bool ZoneData::is_signed() const {
    const auto soa = find(apex(), RrType::soa);
    return (soa && !soa->signatures.empty()) || has(apex(), RrType::dnskey) || has_nsec() ||
           has_nsec3();
}

bool ZoneData::has_nsec3_of(NameView name) const {
    const zone::NodeRef at = node(name);
    return at && at.nsec3_self() != zone::none;
}

bool ZoneData::exists(NameView name) const {
    return static_cast<bool>(node(name));
}

bool ZoneData::has(NameView name, RrType type) const {
    zone::RrSetRef set;
    const zone::NodeRef at = node(name);
    return at && at.find(type, set);
}

std::vector<Held> ZoneData::sets(NameView name) const {
    std::vector<Held> out;
    const zone::NodeRef at = node(name);
    if (!at) return out;
    zone::for_each_record(zone_, at, [&](const dns::RecordView& record) {
        const bool signature = record.type == RrType::rrsig;
        const RrType type =
            signature ? static_cast<RrType>(base::load_u16(record.rdata.data())) : record.type;
        auto held =
            std::ranges::find_if(out, [&](const Held& one) { return one.set.type == type; });
        if (held == out.end())
            held = out.insert(out.end(), {{Name(name), type, record.ttl, {}}, 0, {}});
        Rdata rdata(record.rdata.begin(), record.rdata.end());
        if (signature) {
            held->signature_ttl = record.ttl;
            held->signatures.push_back(std::move(rdata));
        } else {
            held->set.rdatas.push_back(std::move(rdata));
        }
    });
    return out;
}

std::optional<Held> ZoneData::find(NameView name, RrType type) const {
    if (!has(name, type)) return std::nullopt;
    for (Held& one : sets(name))
        if (one.set.type == type && !one.set.rdatas.empty()) return std::move(one);
    return std::nullopt;
}

bool is_hidden(RrType type) noexcept {
    return dns::is_powerdns_only(type);
}

std::optional<Name> wildcard_of(NameView encloser) {
    static constexpr std::uint8_t asterisk[] = {'*'};
    auto name = Name::join(asterisk, encloser);
    if (!name) return std::nullopt;
    return *name;
}

Rdata canonical_rdata(RrType type, Rdata rdata) {
    dns::fold_rdata(type, rdata);
    return rdata;
}

NsecRdata nsec_of(const Rdata& rdata) {
    NsecRdata out;
    std::size_t root = 0;  // of the next name
    while (root < rdata.size() && rdata[root] != 0) root += 1U + rdata[root];
    if (root >= rdata.size()) return out;
    out.next = Name(NameView(base::Octets(rdata).first(root + 1)));
    base::Octets rest = base::Octets(rdata).subspan(root + 1);
    while (rest.size() >= 2 && rest.size() - 2 >= rest[1]) {
        const base::Octets bits = rest.subspan(2, rest[1]);
        for (std::size_t bit = 0; bit < 8 * bits.size(); ++bit)
            if ((bits[bit / 8] & (0x80U >> (bit % 8))) != 0)
                out.types.push_back(static_cast<RrType>((std::size_t{rest[0]} << 8U) | bit));
        rest = rest.subspan(2 + bits.size());
    }
    return out;
}

std::optional<std::uint32_t> serials_apart(const Rdata& a, const Rdata& b) noexcept {
    // SERIAL is the first of five numbers at the end (RFC 1035 section 3.3.13).
    constexpr std::size_t numbers = 20;
    if (a.size() != b.size() || a.size() < numbers) return std::nullopt;
    const auto in_a = base::Octets(a).last(numbers), in_b = base::Octets(b).last(numbers);
    const auto is_same = [](base::Octets x, base::Octets y) {
        return std::equal(x.begin(), x.end(), y.begin());
    };
    if (!is_same(base::Octets(a).first(a.size() - numbers), base::Octets(b)) ||
        !is_same(in_a.subspan(4), in_b.subspan(4)))
        return std::nullopt;
    const std::uint32_t apart = base::load_u32(in_a.data()) - base::load_u32(in_b.data());
    return std::min(apart, 0U - apart);
}

}  // namespace zc::compare
