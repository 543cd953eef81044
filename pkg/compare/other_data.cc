#include "compare/other_data.h"

#include <algorithm>
#include <map>
#include <span>
#include <tuple>
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

/// Types that signing makes, or a server by its settings. An operator may write the other types of
/// DNSSEC into a zone.
bool is_made_by_signing(RrType type) {
    return type == RrType::rrsig || type == RrType::nsec || type == RrType::nsec3 ||
           type == RrType::nsec3param;
}
/// Asked for these, servers go ways of their own: they stand beside a CNAME or are made (RFC 4035
/// section 2.5; of RFC 2535 some know KEY and SIG still).
bool is_asked_apart(RrType type) {
    return is_made_by_signing(type) || type == RrType::key || type == RrType::sig;
}
bool is_address(RrType type) {
    return type == RrType::a || type == RrType::aaaa;
}

/// In canonical form, sorted, each once.
std::vector<Rdata> canonical_set(RrType type, std::vector<Rdata> rdatas) {
    for (Rdata& rdata : rdatas) rdata = canonical_rdata(type, std::move(rdata));
    std::ranges::sort(rdatas);
    rdatas.erase(std::unique(rdatas.begin(), rdatas.end()), rdatas.end());
    return rdatas;
}

std::uint32_t apart(std::uint32_t a, std::uint32_t b) {
    return a > b ? a - b : b - a;
}

/// An RRset of the response, as far as a section has it.
struct Given {
    enum class In : std::uint8_t { answer, authority, additional };
    In in{};
    Name owner;
    RrType type{};
    std::vector<Rdata> rdatas;  // a canonical set
    std::uint32_t ttl = 0;
    bool is_mixed = false;  // TTLs
};
using In = Given::In;

std::vector<Given> given_of(const dns::Message& response) {
    std::vector<Given> out;
    std::map<std::tuple<In, RrType, std::vector<std::uint8_t>>, std::size_t> known;
    const auto take = [&](In in, const std::vector<Record>& section) {
        for (const Record& record : section) {
            if (record.rr_class != dns::RrClass::in) continue;
            Name folded = record.owner;
            folded.fold_case();
            const base::Octets wire = folded.wire();
            const auto [at, is_new] =
                known.try_emplace({in, record.type, {wire.begin(), wire.end()}}, out.size());
            if (is_new) out.push_back({in, record.owner, record.type, {}, record.ttl, false});
            Given& set = out[at->second];
            set.rdatas.push_back(record.rdata);
            set.is_mixed |= set.ttl != record.ttl;
        }
    };
    take(In::answer, response.answer);
    take(In::authority, response.authority);
    take(In::additional, response.additional);
    for (Given& set : out) set.rdatas = canonical_set(set.type, std::move(set.rdatas));
    return out;
}

/// ANY may be answered with a HINFO that says why it is not (RFC 8482 section 4.2).
bool is_refused_any(RrType type, const Rdata& rdata) {
    static constexpr std::string_view words = "\7RFC8482";
    return type == RrType::hinfo && rdata.size() >= words.size() &&
           std::equal(words.begin(), words.end(), rdata.begin());
}

/// The place of the first DNAME among the links; the number of links if there is none.
std::size_t first_dname(const Reading& reading) {
    const auto links = std::span(reading.answer).first(reading.links);
    const auto found = std::ranges::find(links, RrType::dname, &RrSet::type);
    return static_cast<std::size_t>(found - links.begin());
}

class Witness {
public:
    Witness(const catalogue::Catalogue& zones, const Reading& reading, const QueryFacts& query,
            const dns::Message& response, const Policy& policy)
        : zones_(zones),
          reading_(reading),
          query_(query),
          response_(response),
          policy_(policy),
          given_(given_of(response)),
          dnames_from_(first_dname(reading)),
          refuses_any_(query.qtype == RrType::any &&
                       std::ranges::any_of(response.answer, [](const Record& record) {
                           return is_refused_any(record.type, record.rdata);
                       })) {}

    std::optional<std::string> run() const {
        if (!tells()) return std::nullopt;
        if (auto found = whole_zone()) return found;
        for (const Given& set : given_)
            if (auto found = strange(set)) return found;
        if (auto found = signing()) return found;
        if (response_.tc || refuses_any_ ||
            (response_.rcode != Rcode::noerror && response_.rcode != Rcode::nxdomain))
            return std::nullopt;
        if (auto found = existence()) return found;
        for (std::size_t i = 0; i < reading_.answer.size(); ++i)
            if (!reading_.facts[i].synthesised)
                if (auto found = in_answer(i)) return found;
        return reading_.cut ? at_cut() : soa_ttl();
    }

    std::optional<std::string> run_of_right() const {
        if (!tells()) return std::nullopt;
        for (const Given& set : given_) {
            const bool is_glue = set.in == In::additional && reading_.cut && is_address(set.type) &&
                                 set.owner.view().is_within(reading_.cut->owner);
            if (is_glue)
                if (auto found = strange(set)) return found;
            if (set.type == RrType::nsec)
                if (auto found = strange_nsec(set)) return found;
        }
        return std::nullopt;
    }

private:
    bool tells() const {
        return reading_.asks == Reading::Asks::zone_data && reading_.served && reading_.readable;
    }

    // ------------------------------------------------------------------ what is here

    /// The zones that have `name` at or below their apex, the closest first.
    struct Around {
        std::vector<ZoneData> zones;  // those that serve
        bool is_readable = true;      // the closest serves
    };
    Around around(NameView name) const {
        Around out;
        bool is_closest = true;
        for (auto zone = zones_.find(name); zone; zone = zones_.find(zone->apex().parent())) {
            const ZoneData data(*zone);
            if (data.serves()) out.zones.push_back(data);
            if (is_closest) out.is_readable = data.serves();
            is_closest = false;
            if (zone->apex().is_root()) break;
        }
        return out;
    }

    /// Those out of which an RRset may come: ANSWER has data of the closest, or DS of the one
    /// above.
    static std::span<const ZoneData> zones_for(const Given& set, const Around& around) {
        const bool is_of_closest = set.in == In::answer && set.type != RrType::ds;
        return std::span(around.zones)
            .first(is_of_closest ? std::min<std::size_t>(1, around.zones.size())
                                 : around.zones.size());
    }

    /// Without LUA, PowerDNS knows nothing of a name that has only such records.
    static bool owns_records(const std::vector<Held>& sets) {
        return std::ranges::any_of(sets, [](const Held& one) {
            return !one.set.rdatas.empty() && one.set.type != RrType::lua;
        });
    }

    /// Collects what a zone has for an RRset of the response.
    struct Here {
        std::vector<Rdata> rdatas;
        bool any = false;  // anything may be made there
    };
    void collect(const std::vector<Held>& sets, const Given& given, Here& here) const {
        for (const Held& one : sets) {
            const auto& rdatas = one.set.rdatas;
            if (dns::to_powerdns(one.set.type) == given.type)
                here.rdatas.insert(here.rdatas.end(), rdatas.begin(), rdatas.end());
            if (one.set.type == RrType::lua && given.in != In::authority)
                here.any |= std::ranges::any_of(rdatas, [&](const Rdata& rdata) {
                    return rdata.size() >= 2 &&
                           static_cast<RrType>(base::load_u16(rdata.data())) == given.type;
                });
            if (one.set.type == RrType::alias && is_address(given.type)) made(given, here);
        }
    }
    /// The addresses of an ALIAS: any, but where the reading knows them.
    void made(const Given& given, Here& here) const {
        const auto& computed = reading_.computed;
        if (given.in == In::answer && computed && computed->type == given.type &&
            dns::equal(computed->owner, given.owner) && !computed->rdatas.empty())
            here.rdatas.insert(here.rdatas.end(), computed->rdatas.begin(), computed->rdatas.end());
        else
            here.any = true;
    }
    /// RFC 6672 section 2.2: the CNAME of a DNAME that stands above.
    static void redirected(const std::vector<Held>& sets, NameView above, const Given& given,
                           Here& here) {
        if (given.type != RrType::cname) return;
        for (const Held& one : sets) {
            if (one.set.type != RrType::dname || one.set.rdatas.empty()) continue;
            const base::Octets whole = given.owner.wire();
            const base::Octets kept = whole.first(whole.size() - above.size());
            const Rdata& to = one.set.rdatas.front();
            Rdata target(kept.begin(), kept.end());
            target.insert(target.end(), to.begin(), to.end());
            here.rdatas.push_back(std::move(target));
        }
    }
    /// Goes through what may stand for `owner`: the name, and the wildcard next above that no name
    /// with records keeps off. Empty non-terminals are passed: not all servers know of them.
    template <typename Each, typename Above>
    static void for_each_source(const ZoneData& zone, NameView owner, const Each& each,
                                const Above& each_above) {
        std::vector<Held> sets = zone.sets(owner);
        each(sets);
        bool is_kept_off = owns_records(sets);
        for (NameView above = owner; above.labels() > zone.labels();) {
            above = above.parent();
            if (const auto wildcard = is_kept_off ? std::nullopt : wildcard_of(above)) {
                sets = zone.sets(*wildcard);
                each(sets);
                is_kept_off = owns_records(sets);
            }
            sets = zone.sets(above);
            each_above(sets, above);
            is_kept_off |= owns_records(sets);
        }
    }
    void collect(const ZoneData& zone, const Given& given, Here& here) const {
        for_each_source(
            zone, given.owner, [&](const std::vector<Held>& sets) { collect(sets, given, here); },
            [&](const std::vector<Held>& sets, NameView above) {
                redirected(sets, above, given, here);
            });
    }

    // ------------------------------------------------------------------ records

    bool is_tolerated(const Given& set, const Rdata& rdata, const std::vector<Rdata>& here) const {
        if (refuses_any_ && is_refused_any(set.type, rdata)) return true;
        return set.type == RrType::soa && policy_.rules.has(Rule::serial) &&
               std::ranges::any_of(here, [&](const Rdata& one) {
                   const auto lag = serials_apart(rdata, one);
                   return lag && *lag <= policy_.serial_lag;
               });
    }
    std::optional<std::string> strange(const Given& set) const {
        if (set.type == RrType::nsec) return strange_nsec(set);
        const bool is_transaction = set.type == RrType::sig && set.in == In::additional;
        if (!dns::is_data_type(set.type) || is_made_by_signing(set.type) || is_transaction)
            return std::nullopt;
        const Around zones = around(set.owner);
        if (!zones.is_readable) {
            if (set.in == In::additional) return std::nullopt;
            return "gives " + of(set.type, set.owner) + ", of a zone that cannot be read here";
        }
        if (zones.zones.empty()) {
            const bool is_recursed =
                reading_.links != 0 && response_.ra && query_.recursion_desired;
            if (is_recursed) return std::nullopt;
            return "gives " + of(set.type, set.owner) + ", which is in no zone here";
        }
        Here here;
        for (const ZoneData& zone : zones_for(set, zones)) collect(zone, set, here);
        if (here.any) return std::nullopt;
        here.rdatas = canonical_set(set.type, std::move(here.rdatas));
        for (const Rdata& rdata : set.rdatas)
            if (!std::ranges::binary_search(here.rdatas, rdata) &&
                !is_tolerated(set, rdata, here.rdatas))
                return "gives " + of(set.type, set.owner) + " with the data " +
                       dns::rdata_text(set.type, rdata) + ", which no zone here has";
        return std::nullopt;
    }
    /// Types that an NSEC lists, and the name has not; a next name that is not here. Those made for
    /// one denial list what they like of a name and lead to the next one that there can be, or have
    /// an owner that is not there (RFC 4470, RFC 9824).
    std::optional<std::string> strange_nsec(const Given& set) const {
        std::vector<RrType> here = {RrType::rrsig, RrType::nsec};
        bool is_here = false;
        const Around zones = around(set.owner);
        if (!zones.is_readable) return std::nullopt;
        for (const ZoneData& zone : zones_for(set, zones))
            for (const Held& one : zone.sets(set.owner)) {
                if (one.set.rdatas.empty()) continue;
                is_here = true;
                here.push_back(dns::to_powerdns(one.set.type));
                if (one.set.type == RrType::alias)
                    here.insert(here.end(), {RrType::a, RrType::aaaa});
                if (one.set.type == RrType::lua)
                    for (const Rdata& rdata : one.set.rdatas)
                        if (rdata.size() >= 2)
                            here.push_back(static_cast<RrType>(base::load_u16(rdata.data())));
            }
        // In ANSWER it may be a wildcard's.
        if (!is_here && set.in == In::answer) return std::nullopt;
        for (const Rdata& rdata : set.rdatas) {
            const NsecRdata nsec = nsec_of(rdata);
            const base::Octets next = nsec.next.wire();
            const bool is_made_up = next.size() > 1 && next[0] == 1 && next[1] == 0;
            if (is_made_up && dns::equal(nsec.next.view().parent(), set.owner)) continue;
            for (const RrType type : nsec.types)
                if (dns::is_data_type(type) && std::ranges::find(here, type) == here.end())
                    return "gives NSEC of " + dns::to_string(set.owner) + " with the type " +
                           dns::to_string(type) + ", which is not here";
            const auto around_next = around(nsec.next);
            if (is_here && !is_made_up && around_next.is_readable &&
                std::ranges::none_of(around_next.zones,
                                     [&](const ZoneData& zone) { return zone.exists(nsec.next); }))
                return "gives NSEC of " + dns::to_string(set.owner) + " with the next name " +
                       dns::to_string(nsec.next) + ", which is not here";
        }
        return std::nullopt;
    }

    std::optional<std::string> signing() const {
        bool has_signature = false, has_record = false;
        for (const auto* section : {&response_.answer, &response_.authority})
            for (const Record& record : *section) {
                has_record = true;
                has_signature |= record.type == RrType::rrsig;
                if (!is_made_by_signing(record.type)) continue;
                const Around zones = around(record.owner);
                if (!zones.is_readable || zones.zones.empty()) continue;
                const RrType covered =
                    record.type == RrType::rrsig && record.rdata.size() >= 2
                        ? static_cast<RrType>(base::load_u16(record.rdata.data()))
                        : record.type;
                // These the zone above may have at this name.
                const bool is_of_any =
                    covered == RrType::ds || covered == RrType::nsec || covered == RrType::nsec3;
                if (std::ranges::none_of(
                        std::span(zones.zones).first(is_of_any ? zones.zones.size() : 1),
                        &ZoneData::is_signed))
                    return "gives " + of(record.type, record.owner) +
                           ", which is in no zone that is signed here";
            }
        if (query_.dnssec_ok && response_.edns && !refuses_any_ && has_record && !has_signature &&
            !response_.tc && reading_.links == 0 && reading_.is_signed)
            return "gives no signature, and the zone " + dns::to_string(reading_.apex) +
                   " is signed here";
        return std::nullopt;
    }

    // ------------------------------------------------------------------ denials

    const Given* find(In in, NameView owner, RrType type) const {
        for (const Given& set : given_)
            if (set.in == in && set.type == type && dns::equal(set.owner, owner)) return &set;
        return nullptr;
    }
    bool has_soa() const {
        return std::ranges::any_of(given_, [](const Given& one) {
            return one.in == In::authority && one.type == RrType::soa;
        });
    }

    std::optional<std::string> whole_zone() const {
        const Around zones = around(query_.qname);
        if (!zones.is_readable || zones.zones.empty()) return std::nullopt;
        // Its DS is asked for on either side.
        const NameView closest = zones.zones.front().apex();
        if (query_.qtype == RrType::ds && dns::equal(closest, query_.qname)) return std::nullopt;
        const std::string apex = dns::to_string(closest);
        // ANY and RRSIG some servers refuse as such (RFC 8482).
        if (response_.answer.empty() && query_.qtype != RrType::any &&
            query_.qtype != RrType::rrsig &&
            (response_.rcode == Rcode::refused || response_.rcode == Rcode::notauth))
            return "refuses a name of the zone " + apex + ", which is served here";
        for (const Given& set : given_) {
            if (set.in != In::authority) continue;
            const bool is_apex = dns::equal(set.owner, closest);
            if (set.type == RrType::soa && !is_apex && reading_.links == 0 &&
                closest.is_within(set.owner))
                return "answers out of the zone " + dns::to_string(set.owner) + ", and the zone " +
                       apex + " is served here";
            if (set.type == RrType::ns && is_apex && !response_.aa && response_.answer.empty() &&
                !has_soa())
                return "refers to the zone " + apex + ", which is served here";
        }
        return std::nullopt;
    }

    /// The name that the lookup ends with; null when the response does not come so far.
    const Name* last_name_or_null(Name& kept) const {
        if (reading_.links == 0) return &query_.qname;
        if (dnames_from_ < reading_.links) return nullptr;
        for (std::size_t i = 0; i < reading_.links; ++i)
            if (!find(In::answer, reading_.answer[i].owner, reading_.answer[i].type))
                return nullptr;
        kept = Name(NameView(base::Octets(reading_.answer[reading_.links - 1].rdatas.front())));
        return &kept;
    }
    /// Signers that make denials as they answer deny a name with an NSEC of its own (RFC 9824).
    bool denies_by_its_own_nsec(NameView name) const {
        return find(In::authority, name, RrType::nsec) != nullptr;
    }
    /// For a server that does not know of the empty non-terminals between.
    bool may_be_of_wildcard(NameView name) const {
        const Around zones = around(name);
        bool found = false;
        if (!zones.zones.empty())
            for_each_source(
                zones.zones.front(), name,
                [&](const std::vector<Held>& sets) { found |= owns_records(sets); },
                [](const std::vector<Held>&, NameView) {});
        return found;
    }
    std::optional<std::string> existence() const {
        Name kept;
        const Name* last = last_name_or_null(kept);
        if (last == nullptr || reading_.cut || is_asked_apart(query_.qtype)) return std::nullopt;
        const std::string name = dns::to_string(*last);
        if (reading_.rcode == Rcode::nxdomain) {
            const bool is_bare = response_.answer.empty() && reading_.links == 0 && response_.aa;
            const bool ends_here = find(In::answer, *last, query_.qtype) == nullptr &&
                                   find(In::answer, *last, RrType::cname) == nullptr;
            if (response_.rcode == Rcode::noerror && (has_soa() || is_bare) && ends_here &&
                !denies_by_its_own_nsec(*last) && !may_be_of_wildcard(*last))
                return "says that " + name + " exists, which it does not here";
            return std::nullopt;
        }
        if (response_.rcode != Rcode::nxdomain) return std::nullopt;
        const Around zones = around(*last);
        if (!zones.is_readable || zones.zones.empty()) return std::nullopt;
        for (const Held& held : zones.zones.front().sets(*last))
            if (!held.set.rdatas.empty() && held.set.type != RrType::lua)
                return "says that " + name + " does not exist, which has " +
                       dns::record_type_text(held.set.type) + " here";
        return std::nullopt;
    }

    /// How the response has an RRset that is here otherwise; nothing if it has it so.
    std::optional<std::string> otherwise(const Given& given, const RrSet& set) const {
        if (is_made_by_signing(set.type)) return std::nullopt;
        for (const Rdata& rdata : canonical_set(set.type, set.rdatas))
            if (!std::ranges::binary_search(given.rdatas, rdata) &&
                !is_tolerated(given, rdata, given.rdatas))
                return "gives " + of(set.type, set.owner) + " without the data " +
                       dns::rdata_text(set.type, rdata) + ", which is here";
        if (given.is_mixed || apart(given.ttl, set.ttl) <= tolerance()) return std::nullopt;
        return "gives " + of(set.type, set.owner) + " with the TTL " + std::to_string(given.ttl) +
               ", which is " + std::to_string(set.ttl) + " here";
    }
    std::optional<std::string> in_answer(std::size_t i) const {
        const RrSet& set = reading_.answer[i];
        if (const Given* given = find(In::answer, set.owner, set.type))
            return otherwise(*given, set);
        // DS is asked for on either side of a cut, too.
        if ((i >= dnames_from_ && dnames_from_ < reading_.links) || is_asked_apart(query_.qtype) ||
            (set.type == RrType::ds && find(In::authority, set.owner, RrType::soa)))
            return std::nullopt;
        // Some of what ANY asks for is enough (RFC 8482 section 4).
        if (query_.qtype == RrType::any && !response_.answer.empty()) return std::nullopt;
        const bool is_first = i == 0 && response_.answer.empty() && response_.aa;
        if (!is_first && !has_soa() && response_.rcode != Rcode::nxdomain) return std::nullopt;
        return "denies " + of(set.type, set.owner) + ", which is here";
    }

    std::optional<std::string> at_cut() const {
        const RrSet& ns = *reading_.cut;
        // Nor tells a question for DS: servers ask either side of a cut, and those above it.
        const bool is_plain = dnames_from_ == reading_.links && !is_asked_apart(query_.qtype) &&
                              query_.qtype != RrType::ds;
        const bool is_own = std::ranges::any_of(given_, [&](const Given& one) {
            return one.in == In::answer && one.owner.view().is_within(ns.owner);
        });
        if (is_plain && reading_.links == 0 && response_.aa && is_own)
            return "answers itself for a name at or below the zone cut " +
                   dns::to_string(ns.owner) + ", which is here";
        for (const In in : {In::authority, In::answer})
            if (const Given* given = find(in, ns.owner, RrType::ns)) {
                if (auto found = otherwise(*given, ns)) return found;
                return beside_cut();
            }
        const bool is_bare = reading_.links == 0 && response_.aa && response_.answer.empty() &&
                             response_.authority.empty();
        if (!is_plain || (!has_soa() && !is_bare && response_.rcode != Rcode::nxdomain))
            return std::nullopt;
        return "knows nothing of the zone cut " + dns::to_string(ns.owner) + ", which is here";
    }
    std::optional<std::string> beside_cut() const {
        if (reading_.ds)
            if (const Given* given = find(In::authority, reading_.ds->owner, RrType::ds))
                if (auto found = otherwise(*given, *reading_.ds)) return found;
        for (const RrSet& glue : reading_.glue)
            if (const Given* given = find(In::additional, glue.owner, glue.type))
                if (auto found = otherwise(*given, glue)) return found;
        return std::nullopt;
    }

    /// A SOA of a negative answer: servers take its TTL, MINIMUM, or the smaller one (RFC 2308
    /// section 3).
    std::optional<std::string> soa_ttl() const {
        if (!reading_.soa) return std::nullopt;
        const Given* given = find(In::authority, reading_.soa->owner, RrType::soa);
        const auto zone = zones_.find_exact(reading_.soa->owner);
        const auto held = zone ? ZoneData(*zone).find(zone->apex(), RrType::soa) : std::nullopt;
        if (!given || !held) return std::nullopt;
        const Rdata& rdata = held->set.rdatas.front();
        const std::uint32_t here[] = {held->set.ttl,
                                      base::load_u32(rdata.data() + rdata.size() - 4), 0};
        if (std::ranges::any_of(
                here, [&](std::uint32_t ttl) { return apart(given->ttl, ttl) <= tolerance(); }))
            return std::nullopt;
        return "gives SOA of " + dns::to_string(reading_.soa->owner) + " with the TTL " +
               std::to_string(given->ttl) + ", which is " + std::to_string(here[0]) + " here";
    }
    std::uint32_t tolerance() const {
        return policy_.rules.has(Rule::ttl) ? policy_.ttl_tolerance : 0;
    }

    const catalogue::Catalogue& zones_;
    const Reading& reading_;
    const QueryFacts& query_;
    const dns::Message& response_;
    const Policy& policy_;
    const std::vector<Given> given_;
    const std::size_t dnames_from_;  // of the reading's links: what follows is redirected
    const bool refuses_any_;
};

}  // namespace

std::optional<std::string> other_data(const catalogue::Catalogue& zones, const Reading& reading,
                                      const QueryFacts& query, const dns::Message& response,
                                      const Policy& policy) {
    return Witness(zones, reading, query, response, policy).run();
}

std::optional<std::string> other_data_of_right(const catalogue::Catalogue& zones,
                                               const Reading& reading, const QueryFacts& query,
                                               const dns::Message& response, const Policy& policy) {
    return Witness(zones, reading, query, response, policy).run_of_right();
}

}  // namespace zc::compare
