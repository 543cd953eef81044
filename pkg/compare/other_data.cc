#include "compare/other_data.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "compare/zone_data.h"
#include "dns/presentation.h"

namespace zc::compare {

namespace {

using dns::Name;
using dns::NameView;
using dns::Rcode;
using dns::Rdata;
using dns::Record;
using dns::RrSet;
using dns::RrType;

std::string of(RrType type, NameView owner) {
    return dns::to_string(type) + " of " + dns::to_string(owner);
}

/// What signing makes, or a server of its settings. The rest of DNSSEC's types an operator may
/// write into a zone.
bool is_made_by_signing(RrType type) {
    return type == RrType::rrsig || type == RrType::nsec || type == RrType::nsec3 ||
           type == RrType::nsec3param;
}
/// Asked for these, servers go ways of their own: they stand beside a CNAME or are made (RFC 4035
/// section 2.5; of RFC 2535 some know KEY and SIG still).
bool is_asked_apart(RrType type) {
    return is_made_by_signing(type) || type == RrType::key || type == RrType::sig;
}

class Witness {
public:
    Witness(const store::Catalogue& zones, const Reading& reading, const QueryFacts& query,
            const dns::Message& response, const Policy& policy)
        : zones_(zones), reading_(reading), query_(query), response_(response), policy_(policy) {}

    std::optional<std::string> run() const {
        if (reading_.asks != Reading::Asks::zone_data || !reading_.served || !reading_.readable)
            return std::nullopt;
        // ANY and RRSIG some servers refuse as such (RFC 8482).
        if (response_.answer.empty() && query_.qtype != RrType::any &&
            query_.qtype != RrType::rrsig &&
            (response_.rcode == Rcode::refused || response_.rcode == Rcode::notauth))
            return "refuses a name of the zone " + dns::to_string(reading_.apex) +
                   ", which is served here";
        if (auto found = strange_record()) return found;
        if (auto found = signing()) return found;
        if (response_.tc ||
            (response_.rcode != Rcode::noerror && response_.rcode != Rcode::nxdomain))
            return std::nullopt;
        if (auto found = existence()) return found;
        for (std::size_t i = 0; i < reading_.answer.size(); ++i) {
            if (reading_.facts[i].synthesised) continue;
            if (auto found = missing_record(i)) return found;
        }
        if (auto found = cut()) return found;
        for (std::size_t i = 0; i < reading_.answer.size(); ++i)
            if (!reading_.facts[i].synthesised)
                if (auto found = other_ttl(response_.answer, reading_.answer[i])) return found;
        if (reading_.cut) return other_ttl(response_.authority, *reading_.cut);
        return std::nullopt;
    }

private:
    /// The zones that serve and have `name` at or below their apex, the closest first.
    std::vector<ZoneData> zones_around(NameView name) const {
        std::vector<ZoneData> out;
        for (auto zone = zones_.find(name); zone; zone = zones_.find(zone->apex().parent())) {
            if (const ZoneData data(*zone); data.serves()) out.push_back(data);
            if (zone->apex().is_root()) break;
        }
        return out;
    }
    bool is_same(const Record& record, const Rdata& given, const Rdata& held) const {
        const Rdata here = canonical_rdata(record.type, held);
        if (given == here) return true;
        if (record.type != RrType::soa || !policy_.rules.has(Rule::serial)) return false;
        const auto lag = serials_apart(given, here);
        return lag && *lag <= policy_.serial_lag;
    }
    /// Whether the record stands at `name`, or can be made of what stands there.
    bool comes_from(const ZoneData& zone, NameView name, const Record& record,
                    const Rdata& given) const {
        if (const auto held = zone.find(name, record.type))
            for (const Rdata& rdata : held->set.rdatas)
                if (is_same(record, given, rdata)) return true;
        if (zone.has(name, RrType::lua)) return true;
        return (record.type == RrType::a || record.type == RrType::aaaa) &&
               zone.has(name, RrType::alias);
    }
    /// RFC 6672 section 2.2.
    static bool is_made_by_dname(const ZoneData& zone, NameView owner, const Record& record) {
        if (record.type != RrType::cname) return false;
        const auto dname = zone.find(owner, RrType::dname);
        if (!dname) return false;
        const base::Octets whole = record.owner.wire();
        const base::Octets kept = whole.first(whole.size() - owner.size());
        const Rdata& to = dname->set.rdatas.front();
        Rdata made(kept.begin(), kept.end());
        made.insert(made.end(), to.begin(), to.end());
        return canonical_rdata(RrType::cname, std::move(made)) ==
               canonical_rdata(RrType::cname, record.rdata);
    }
    bool is_here(const std::vector<ZoneData>& around, const Record& record) const {
        const Rdata given = canonical_rdata(record.type, record.rdata);
        for (const ZoneData& zone : around) {
            if (comes_from(zone, record.owner, record, given)) return true;
            for (NameView above = record.owner; above.labels() > zone.labels();) {
                above = above.parent();
                if (is_made_by_dname(zone, above, record)) return true;
                const auto wildcard = wildcard_of(above);
                if (wildcard && comes_from(zone, *wildcard, record, given)) return true;
            }
        }
        return false;
    }
    std::optional<std::string> strange_record() const {
        for (const auto* section : {&response_.answer, &response_.authority, &response_.additional})
            for (const Record& record : *section) {
                if (record.rr_class != dns::RrClass::in || !dns::is_data_type(record.type) ||
                    is_made_by_signing(record.type))
                    continue;
                const auto around = zones_around(record.owner);
                if (around.empty())
                    return "gives " + of(record.type, record.owner) + ", which is in no zone here";
                if (!is_here(around, record))
                    return "gives " + of(record.type, record.owner) + " with the data " +
                           dns::rdata_text(record.type, record.rdata) + ", which no zone here has";
            }
        return std::nullopt;
    }

    std::optional<std::string> signing() const {
        bool has_signature = false, has_record = false;
        for (const auto* section : {&response_.answer, &response_.authority})
            for (const Record& record : *section) {
                has_record = true;
                has_signature |= record.type == RrType::rrsig;
                if (is_made_by_signing(record.type) &&
                    std::ranges::none_of(zones_around(record.owner), &ZoneData::is_signed))
                    return "gives " + of(record.type, record.owner) +
                           ", which is in no zone that is signed here";
            }
        if (query_.dnssec_ok && has_record && !has_signature && !response_.tc &&
            reading_.links == 0 && reading_.is_signed)
            return "gives no signature, and the zone " + dns::to_string(reading_.apex) +
                   " is signed here";
        return std::nullopt;
    }

    bool has_soa() const {
        return std::ranges::any_of(response_.authority,
                                   [](const Record& one) { return one.type == RrType::soa; });
    }
    std::optional<std::string> existence() const {
        if (reading_.links != 0 || reading_.cut) return std::nullopt;
        const std::string name = dns::to_string(query_.qname);
        if (reading_.rcode == Rcode::nxdomain) {
            if (response_.rcode == Rcode::noerror && response_.answer.empty() && has_soa())
                return "says that " + name + " exists, which it does not here";
            return std::nullopt;
        }
        if (response_.rcode != Rcode::nxdomain || reading_.where != Where::exact)
            return std::nullopt;
        for (const ZoneData& zone : zones_around(query_.qname))
            for (const Held& held : zone.sets(query_.qname))
                if (!held.set.rdatas.empty() && !is_hidden(held.set.type))
                    return "says that " + name + " does not exist, which has " +
                           dns::to_string(held.set.type) + " here";
        return std::nullopt;
    }

    static std::vector<const Record*> set_in(const std::vector<Record>& section,
                                             const RrSet& like) {
        std::vector<const Record*> out;
        for (const Record& record : section)
            if (record.type == like.type && dns::equal(record.owner, like.owner))
                out.push_back(&record);
        return out;
    }
    std::optional<std::string> lacks(const std::vector<const Record*>& given,
                                     const RrSet& set) const {
        if (is_made_by_signing(set.type)) return std::nullopt;
        for (const Rdata& rdata : set.rdatas)
            if (std::ranges::none_of(given, [&](const Record* one) {
                    return is_same(*one, canonical_rdata(one->type, one->rdata), rdata);
                }))
                return "gives " + of(set.type, set.owner) + " without the data " +
                       dns::rdata_text(set.type, rdata) + ", which is here";
        return std::nullopt;
    }
    std::optional<std::string> missing_record(std::size_t i) const {
        if (is_asked_apart(query_.qtype)) return std::nullopt;
        const RrSet& set = reading_.answer[i];
        const auto given = set_in(response_.answer, set);
        if (!given.empty()) return lacks(given, set);
        if (reading_.where == Where::dname) return std::nullopt;
        // Some of what ANY asks for is enough (RFC 8482 section 4).
        if (query_.qtype == RrType::any && !response_.answer.empty()) return std::nullopt;
        const bool is_first = i == 0 && response_.answer.empty() && response_.aa;
        if (!is_first && !has_soa() && response_.rcode != Rcode::nxdomain) return std::nullopt;
        return "denies " + of(set.type, set.owner) + ", which is here";
    }
    std::optional<std::string> cut() const {
        if (!reading_.cut || reading_.where == Where::dname) return std::nullopt;
        const RrSet& ns = *reading_.cut;
        for (const auto* section : {&response_.authority, &response_.answer})
            if (const auto given = set_in(*section, ns); !given.empty()) return lacks(given, ns);
        // Nor tells a question for DS: servers ask either side of a cut, and those above it.
        if (is_asked_apart(query_.qtype) || query_.qtype == RrType::ds) return std::nullopt;
        if (!has_soa() && response_.rcode != Rcode::nxdomain) return std::nullopt;
        return "knows nothing of the zone cut " + dns::to_string(ns.owner) + ", which is here";
    }

    std::optional<std::string> other_ttl(const std::vector<Record>& section,
                                         const RrSet& set) const {
        const auto given = set_in(section, set);
        if (given.empty() || is_made_by_signing(set.type)) return std::nullopt;
        const std::uint32_t ttl = given.front()->ttl;
        const bool is_mixed =
            std::ranges::any_of(given, [&](const Record* one) { return one->ttl != ttl; });
        const std::uint32_t apart = ttl > set.ttl ? ttl - set.ttl : set.ttl - ttl;
        if (is_mixed || apart <= (policy_.rules.has(Rule::ttl) ? policy_.ttl_tolerance : 0))
            return std::nullopt;
        return "gives " + of(set.type, set.owner) + " with the TTL " + std::to_string(ttl) +
               ", which is " + std::to_string(set.ttl) + " here";
    }

    const store::Catalogue& zones_;
    const Reading& reading_;
    const QueryFacts& query_;
    const dns::Message& response_;
    const Policy& policy_;
};

}  // namespace

std::optional<std::string> other_data(const store::Catalogue& zones, const Reading& reading,
                                      const QueryFacts& query, const dns::Message& response,
                                      const Policy& policy) {
    return Witness(zones, reading, query, response, policy).run();
}

}  // namespace zc::compare
