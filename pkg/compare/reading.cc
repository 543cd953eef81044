#include "compare/reading.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "compare/zone_data.h"
#include "dns/presentation.h"

namespace zc::compare {

std::string_view to_string(Proof::Of of) noexcept {
    switch (of) {
        case Proof::Of::no_type:
            return "no type";
        case Proof::Of::no_name:
            return "no name";
        case Proof::Of::no_wildcard:
            return "no wildcard";
        case Proof::Of::expanded:
            return "expanded";
        case Proof::Of::wildcard_no_type:
            return "wildcard, no type";
        case Proof::Of::unsigned_cut:
            return "unsigned cut";
    }
    return "";
}

namespace {

using dns::Name;
using dns::NameView;
using dns::Rcode;
using dns::Rdata;
using dns::RrSet;
using dns::RrType;

/// Only names that grow get so far, and those end in YXDOMAIN before.
constexpr std::size_t links_max = 300;
/// The least that a server has to follow; servers stop at 8 to 40, or never.
constexpr std::size_t links_followed_min = 8;

std::string text(NameView name) {
    return dns::to_string(name);
}
std::string text(RrType type) {
    return dns::to_string(type);
}

/// The name's ancestor with `labels` labels, in the case it has.
Name suffix(NameView name, std::size_t labels) {
    NameView view = name;
    for (std::size_t have = name.labels(); have > labels; --have) view = view.parent();
    return Name(view);
}

/// Where the walk down from the apex ends.
struct Place {
    enum class Kind : std::uint8_t { exact, wildcard, missing, cut, dname };
    Kind kind{};
    Name at;        // the name, the wildcard, the closest encloser, the cut, the DNAME's owner
    Name encloser;  // for wildcard and missing
};

/// RFC 1034 section 4.3.2 step 3: down, label by label, starting at the apex.
enum class AtCut : std::uint8_t { refer, answer_nsec };
Place walk_down(const ZoneData& zone, NameView name, RrType qtype, AtCut at_cut = AtCut::refer) {
    const std::size_t labels = name.labels();
    for (std::size_t have = zone.labels();; ++have) {
        const Name here = suffix(name, have);
        const bool last = have == labels;
        // Step 3b. The cut's DS is the parent's own (RFC 4035 section 3.1.4.1).
        const bool of_parent =
            qtype == RrType::ds || (qtype == RrType::nsec && at_cut == AtCut::answer_nsec);
        if (zone.is_cut(here) && !(last && of_parent)) return {Place::Kind::cut, here, here};
        if (last) return {Place::Kind::exact, here, here};
        // RFC 6672 section 3.2 step 3c: before the next label is looked for.
        if (zone.has(here, RrType::dname)) return {Place::Kind::dname, here, here};
        if (zone.exists(suffix(name, have + 1))) continue;
        const auto wildcard = wildcard_of(here);
        if (wildcard && zone.exists(*wildcard)) return {Place::Kind::wildcard, *wildcard, here};
        return {Place::Kind::missing, here, here};
    }
}

/// Reads one question.
class Lookup {
public:
    Lookup(const catalogue::Catalogue& zones, const QueryFacts& query)
        : zones_(zones), query_(query) {}

    Reading run() {
        reading_.asks = kind_of_question();
        if (reading_.asks == Reading::Asks::server_identity ||
            reading_.asks == Reading::Asks::other_class) {
            reading_.served = true;
            reading_.rcode = Rcode::refused;
            step(query_.qname,
                 "class " + dns::to_string(query_.qclass) +
                     (reading_.asks == Reading::Asks::server_identity
                          ? " is about the server itself: it may tell or not"
                          : " is not that of the zones here"),
                 "RFC 1035 section 3.2.4");
            return std::move(reading_);
        }
        name_ = query_.qname;
        find_zone();
        if (!zone_) {
            reading_.rcode = Rcode::refused;
            reading_.where = Where::negative;
            reading_.ends = "a name that is in no zone here";
            reading_.ends_clause = "RFC 1035 section 4.1.1";
            step(name_, text(name_) + " is in no zone here", "RFC 1034 section 4.3.2 step 2");
            return std::move(reading_);
        }
        reading_.served = true;
        note_zone();
        if (!zone_->serves()) {
            unreadable();
            return std::move(reading_);
        }
        if (reading_.asks == Reading::Asks::transfer) {
            reading_.rcode = Rcode::refused;
            step(name_, "who may transfer a zone is the server's own policy",
                 "RFC 5936 section 2.2.1");
            return std::move(reading_);
        }
        seen_.push_back(folded(name_));
        while (look_up()) {
        }
        finish();
        if (nsec_at_cut_) {
            Lookup other(zones_, query_);
            other.at_cut_ = AtCut::answer_nsec;
            reading_.others.push_back(other.run());
        }
        return std::move(reading_);
    }

private:
    static Name folded(Name name) {
        name.fold_case();
        return name;
    }
    Reading::Asks kind_of_question() const {
        using Asks = Reading::Asks;
        if (query_.qclass == dns::RrClass::ch) return Asks::server_identity;
        if (query_.qclass != dns::RrClass::in && query_.qclass != dns::RrClass::any)
            return Asks::other_class;
        if (query_.qtype == RrType::axfr || query_.qtype == RrType::ixfr) return Asks::transfer;
        const auto number = static_cast<std::uint16_t>(query_.qtype);
        if (query_.qtype != RrType::any && !dns::is_data_type(query_.qtype) && number < 256)
            return Asks::meta_type;
        return Asks::zone_data;
    }

    void step(NameView name, std::string sentence, std::string clause,
              std::vector<RrSet> records = {}) {
        reading_.steps.push_back(
            {Name(name), std::move(sentence), std::move(clause), std::move(records)});
    }
    std::size_t this_step() const { return reading_.steps.size() - 1; }
    void ends(std::string what, std::string clause) {
        reading_.ends = std::move(what);
        reading_.ends_clause = std::move(clause);
    }

    /// RFC 1034 section 4.3.2 step 2; for DS RFC 4035 section 3.1.4.1.
    void find_zone() {
        zone_.reset();
        ds_from_child_ = false;
        const auto nearest = zones_.find(name_);
        if (!nearest) return;
        zone_.emplace(*nearest);
        if (query_.qtype != RrType::ds || name_.view().is_root() ||
            !dns::equal(nearest->apex(), name_))
            return;
        const auto above = zones_.find(name_.view().parent());
        ds_from_child_ = true;
        if (!above) return;
        const ZoneData parent(*above);
        if (parent.serves()) {
            // Only the zone that has the cut is the parent: another one would deny the child whole.
            const Place place = walk_down(parent, name_, RrType::ds);
            if (place.kind != Place::Kind::exact || !parent.is_cut(name_)) return;
        }
        ds_from_child_ = false;
        zone_.emplace(*above);
    }

    void note_zone() {
        reading_.apex = Name(zone_->apex());
        reading_.serial = zone_->serial();
        if (!zone_->serves()) return;
        const auto soa = zone_->find(zone_->apex(), RrType::soa);
        const auto ns = zone_->find(zone_->apex(), RrType::ns);
        reading_.is_signed = zone_->is_signed();
        reading_.any_signed |= reading_.is_signed;
        if (ns) reading_.apex_ns.push_back(ns->set);
        std::string sentence =
            text(name_) + " is in the zone " + text(zone_->apex()) + ", the closest of those here";
        if (query_.qtype == RrType::ds && ds_from_child_)
            sentence += "; no zone here has the cut at which its DS would be, so the child answers";
        else if (query_.qtype == RrType::ds && !dns::equal(zone_->apex(), name_) &&
                 zones_.find_exact(name_))
            sentence += " that may have its DS: DS lies on the parent's side of a cut";
        step(name_, std::move(sentence),
             query_.qtype == RrType::ds ? "RFC 4035 section 3.1.4.1"
                                        : "RFC 1034 section 4.3.2 step 2",
             soa ? std::vector<RrSet>{soa->set} : std::vector<RrSet>{});
    }

    void unreadable() {
        reading_.readable = false;
        reading_.rcode = Rcode::servfail;
        const char* why = "";
        switch (zone_->state()) {
            case zone::State::serving:
                break;
            case zone::State::pending:
                why = "is not loaded yet";
                break;
            case zone::State::broken:
                why = "was refused: its data is broken";
                break;
            case zone::State::unsigned_:
                why = "should be signed and is not";
                break;
        }
        ends("a name of a zone that cannot be read here", "RFC 1035 section 4.1.1");
        step(name_, "the zone " + text(zone_->apex()) + " " + why, "RFC 1035 section 4.1.1");
    }

    /// Adds an RRset to ANSWER unless it stands there (RFC 2181 section 5): a DNAME may lead a
    /// chain more than once.
    void add_answer(RrSet set, std::vector<Rdata> signatures, bool synthesised) {
        for (const RrSet& one : reading_.answer)
            if (one.type == set.type && dns::equal(one.owner, set.owner)) return;
        reading_.answer.push_back(std::move(set));
        reading_.facts.push_back({this_step(), synthesised, std::move(signatures)});
    }
    void prove(Proof::Of of, NameView encloser) {
        if (zone_->has_nsec() || zone_->has_nsec3())
            reading_.proofs.push_back({of, name_, Name(encloser), Name(zone_->apex()), this_step(),
                                       is_opted_out(of, encloser)});
    }
    /// Whether of the wildcard that `of` is about nothing can be proved, since names that only
    /// opted-out delegations make have no NSEC3 (RFC 5155 section 7.1).
    bool is_opted_out(Proof::Of of, NameView encloser) const {
        if (!zone_->has_nsec3()) return false;
        if (of == Proof::Of::wildcard_no_type) {
            const auto wildcard = wildcard_of(encloser);
            return wildcard && !zone_->has_nsec3_of(*wildcard);
        }
        if (of != Proof::Of::no_wildcard || zone_->has_nsec3_of(encloser)) return false;
        // The closest provable encloser is higher up, and may well have a wildcard.
        while (encloser.labels() > zone_->labels() && !zone_->has_nsec3_of(encloser))
            encloser = encloser.parent();
        const auto wildcard = wildcard_of(encloser);
        return wildcard && zone_->exists(*wildcard);
    }
    /// RFC 2308 sections 3 and 5.
    std::optional<Held> negative_soa() const {
        auto soa = zone_->find(zone_->apex(), RrType::soa);
        if (!soa) return soa;
        const Rdata& rdata = soa->set.rdatas.front();
        soa->set.ttl = std::min(soa->set.ttl, base::load_u32(rdata.data() + rdata.size() - 4));
        return soa;
    }
    void put_soa() {
        auto soa = negative_soa();
        if (!soa) return;
        reading_.soa = std::move(soa->set);
        reading_.soa_signatures = std::move(soa->signatures);
    }

    /// One turn; true when the lookup starts again with another name.
    bool look_up() {
        const Place place = walk_down(*zone_, name_, query_.qtype, at_cut_);
        if (place.kind == Place::Kind::cut) return refer(place.at);
        reading_.authoritative = true;
        switch (place.kind) {
            case Place::Kind::cut:
                break;
            case Place::Kind::exact:
            case Place::Kind::wildcard:
                return at_name(place);
            case Place::Kind::dname:
                return redirect(place.at);
            case Place::Kind::missing: {
                reading_.rcode = Rcode::nxdomain;
                set_where(Where::negative);
                const auto wildcard = wildcard_of(place.encloser);
                ends("a name that does not exist", "RFC 2308 section 2.1");
                step(name_,
                     text(name_) + " does not exist; the closest encloser is " +
                         text(place.encloser) + (wildcard ? ", which has no wildcard" : "") +
                         ": NXDOMAIN",
                     "RFC 1034 section 4.3.2 step 3c, RFC 4592 section 3.3.1");
                put_soa();
                prove(Proof::Of::no_name, place.encloser);
                if (wildcard) prove(Proof::Of::no_wildcard, place.encloser);
                return false;
            }
        }
        return false;
    }

    bool refer(const Name& cut) {
        set_where(Where::delegation);
        // The NSEC at a cut is the parent's own data (RFC 4035 section 2.3), but no clause excepts
        // it from the referral as DS is.
        nsec_at_cut_ =
            query_.qtype == RrType::nsec && dns::equal(cut, name_) && zone_->has(cut, RrType::nsec);
        const auto ns = zone_->find(cut, RrType::ns);
        ZC_CHECK(ns.has_value());
        ends(dns::equal(cut, name_) ? "a name that is delegated" : "a name below a zone cut",
             "RFC 1034 section 4.3.2 step 3b");
        step(name_,
             text(cut) + " has NS and is not the apex, so it is a zone cut: " +
                 (dns::equal(cut, name_) ? "it" : text(name_)) +
                 " belongs to another zone, whose servers are named",
             "RFC 1034 section 4.3.2 step 3b", {ns->set});
        reading_.cut = with_owner(ns->set, cut);
        if (const auto ds = zone_->find(cut, RrType::ds)) {
            reading_.ds = with_owner(ds->set, cut);
            reading_.ds_signatures = ds->signatures;
        } else {
            prove_cut(cut);
        }
        for (const Rdata& rdata : ns->set.rdatas) {
            const NameView server{base::Octets(rdata)};
            // RFC 9471 section 2.1: in-domain are those at or below the cut.
            if (!server.is_within(cut)) continue;
            for (const RrType type : {RrType::a, RrType::aaaa})
                if (const auto address = zone_->find(server, type)) {
                    const bool here = std::ranges::any_of(reading_.glue, [&](const RrSet& one) {
                        return one.type == type && dns::equal(one.owner, server);
                    });
                    if (!here) reading_.glue.push_back(address->set);
                }
        }
        if (!reading_.glue.empty())
            step(cut, "name servers of " + text(cut) + " below it need their addresses beside them",
                 "RFC 9471 section 3.1", reading_.glue);
        return false;
    }
    void prove_cut(const Name& cut) {
        if (zone_->has_nsec() || zone_->has_nsec3())
            reading_.proofs.push_back({Proof::Of::unsigned_cut, cut,
                                       suffix(cut, cut.view().labels() - 1), Name(zone_->apex()),
                                       this_step()});
    }

    static RrSet with_owner(RrSet set, NameView owner) {
        set.owner = Name(owner);
        return set;
    }

    /// `place.at` is the name, or the wildcard that answers for it.
    bool at_name(const Place& place) {
        const bool synthesised = place.kind == Place::Kind::wildcard;
        const std::vector<Held> sets = zone_->sets(place.at);
        const auto find = [&](RrType type) -> const Held* {
            for (const Held& one : sets)
                if (one.set.type == type && !one.set.rdatas.empty()) return &one;
            return nullptr;
        };
        if (synthesised) {
            step(name_,
                 text(name_) + " does not exist; the closest encloser is " + text(place.encloser) +
                     ", whose wildcard " + text(place.at) + " is the source of synthesis",
                 "RFC 4592 section 3.3.1", visible(sets));
        }
        const std::string owner = synthesised ? text(place.at) : text(name_);
        const auto found = [&](RrType type) {
            set_where(synthesised                                          ? Where::wildcard
                      : query_.qtype == RrType::ds && zone_->is_cut(name_) ? Where::delegation
                                                                           : Where::exact);
            ends(synthesised ? "a name that a wildcard answers" : "a name that has the type",
                 synthesised ? "RFC 4592 section 3.3.1" : "RFC 1034 section 4.3.2 step 3a");
            step(name_, owner + " has " + text(type) + ": that is the answer",
                 "RFC 1034 section 4.3.2 step 3a");
        };

        if (const Held* wanted = is_hidden(query_.qtype) ? nullptr : find(query_.qtype)) {
            found(query_.qtype);
            reading_.steps.back().records = {wanted->set};
            if (synthesised) prove(Proof::Of::expanded, place.encloser);
            add_answer(with_owner(wanted->set, name_), wanted->signatures, false);
            return false;
        }
        if (query_.qtype == RrType::any && std::ranges::any_of(sets, [](const Held& one) {
                return !one.set.rdatas.empty() && !is_hidden(one.set.type);
            })) {
            found(RrType::any);
            reading_.steps.back().sentence =
                owner + " has these RRsets: ANY may be answered with some of them or all";
            reading_.steps.back().clause = "RFC 8482 section 4";
            reading_.steps.back().records = visible(sets);
            if (synthesised) prove(Proof::Of::expanded, place.encloser);
            for (const Held& one : sets)
                if (!one.set.rdatas.empty() && !is_hidden(one.set.type))
                    add_answer(with_owner(one.set, name_), one.signatures, false);
            return false;
        }
        if (query_.qtype == RrType::rrsig) {
            RrSet signatures{name_, RrType::rrsig, 0, {}};
            for (const Held& one : sets) {
                if (!one.signatures.empty()) signatures.ttl = one.signature_ttl;
                signatures.rdatas.insert(signatures.rdatas.end(), one.signatures.begin(),
                                         one.signatures.end());
            }
            if (!signatures.rdatas.empty()) {
                found(RrType::rrsig);
                reading_.steps.back().sentence =
                    owner + " has signatures: some of them or all are the answer";
                if (synthesised) prove(Proof::Of::expanded, place.encloser);
                add_answer(std::move(signatures), {}, false);
                return false;
            }
        }
        if (const Held* alias = find(RrType::cname)) return follow(place, *alias);
        no_type(place, sets);
        return false;
    }

    static std::vector<RrSet> visible(const std::vector<Held>& sets) {
        std::vector<RrSet> out;
        for (const Held& one : sets)
            if (!one.set.rdatas.empty()) out.push_back(one.set);
        return out;
    }

    bool follow(const Place& place, const Held& alias) {
        const bool synthesised = place.kind == Place::Kind::wildcard;
        const Name target{NameView(base::Octets(alias.set.rdatas.front()))};
        step(name_,
             text(synthesised ? place.at : name_) + " is an alias (CNAME) of " + text(target) +
                 ": the CNAME goes into the answer, and the lookup starts again with that name",
             synthesised ? "RFC 4592 section 4.3, RFC 1034 section 4.3.2 step 3c"
                         : "RFC 1034 section 3.6.2, section 4.3.2 step 3a",
             {alias.set});
        // RRSIG and NSEC may stand beside a CNAME, so some servers take a question for them as one
        // about this name (RFC 4035 section 2.5), and others do not.
        if (query_.qtype == RrType::rrsig || query_.qtype == RrType::nsec) {
            if (auto soa = negative_soa())
                reading_.may_stop.push_back({reading_.answer.size(), Rule::any_subset, false,
                                             std::move(soa->set), std::move(soa->signatures),
                                             std::nullopt});
        }
        if (synthesised) prove(Proof::Of::expanded, place.encloser);
        add_answer(with_owner(alias.set, name_), alias.signatures, false);
        saw_cname_ = true;
        return go_on(target);
    }

    bool redirect(const Name& owner) {
        saw_dname_ = true;
        const auto dname = zone_->find(owner, RrType::dname);
        ZC_CHECK(dname.has_value());
        const NameView to{base::Octets(dname->set.rdatas.front())};
        step(name_,
             text(owner) + " has a DNAME, which redirects all names below it to below " + text(to),
             "RFC 6672 section 3.2 step 3c", {dname->set});
        add_answer(with_owner(dname->set, owner), dname->signatures, false);

        const base::Octets whole = name_.wire();
        std::vector<std::uint8_t> wire(whole.begin(),
                                       whole.end() - static_cast<std::ptrdiff_t>(owner.size()));
        wire.insert(wire.end(), to.wire().begin(), to.wire().end());
        if (wire.size() > dns::name_octets_max) {
            reading_.rcode = Rcode::yxdomain;
            ends("a name that its DNAME makes too long", "RFC 6672 section 2.2");
            step(name_,
                 "the name that it makes would have " + std::to_string(wire.size()) +
                     " octets, 255 are the limit: YXDOMAIN",
                 "RFC 6672 section 2.2, section 3.2 step 3c");
            reading_.links = reading_.answer.size();
            return false;
        }
        const Name target{NameView(base::Octets(wire))};
        step(name_, text(name_) + " becomes " + text(target) + ", said by a CNAME that is made",
             "RFC 6672 section 3.1");
        RrSet cname{name_, RrType::cname, dname->set.ttl, {{wire.begin(), wire.end()}}};
        add_answer(std::move(cname), {}, true);
        if (query_.qtype == RrType::cname) {
            ends("a name below a DNAME, whose CNAME is asked for",
                 "RFC 1034 section 4.3.2 step 3a");
            reading_.links = reading_.answer.size();
            return false;
        }
        if (query_.qtype == RrType::any)
            reading_.may_stop.push_back(
                {reading_.answer.size(), Rule::any_subset, false, std::nullopt, {}, std::nullopt});
        return go_on(target);
    }

    /// The chain goes on with `target`; false when it ends with what it has.
    bool go_on(const Name& target) {
        reading_.links = reading_.answer.size();
        if (std::ranges::any_of(seen_, [&](const Name& one) { return dns::equal(one, target); })) {
            ends("a chain that comes back", "RFC 1034 section 3.6.2");
            step(target, text(target) + " was looked up already: the chain is a loop",
                 "RFC 1034 section 5.2.2");
            reading_.may_stop.push_back(
                {reading_.answer.size(), Rule::chain_loop, true, std::nullopt, {}, std::nullopt});
            return false;
        }
        ++link_count_;
        if (link_count_ >= links_followed_min)
            reading_.may_stop.push_back(
                {reading_.answer.size(), Rule::chain_limit, true, std::nullopt, {}, std::nullopt});
        if (link_count_ == links_max) {
            ends("a chain that is too long", "RFC 1034 section 3.6.2");
            return false;
        }
        seen_.push_back(target);
        const ZoneData before = *zone_;
        name_ = target;
        find_zone();
        if (!zone_) {
            ends("a name in no zone here, at the end of a chain", "RFC 1034 section 4.3.2 step 3a");
            step(target,
                 text(target) + " is in no zone here: the answer ends with the chain so far",
                 "RFC 1034 section 4.3.2, RFC 6604 section 3");
            zone_ = before;
            return false;
        }
        if (dns::equal(zone_->apex(), before.apex())) return true;
        Reading::Stop stop{reading_.answer.size(),
                           Rule::stops_at_zone_end,
                           !zone_->serves(),
                           std::nullopt,
                           {},
                           std::nullopt};
        // A server that keeps to the first zone sees a cut there.
        if (target.view().is_within(before.apex())) {
            const Place place = walk_down(before, target, query_.qtype);
            if (place.kind == Place::Kind::cut)
                if (const auto ns = before.find(place.at, RrType::ns))
                    stop.cut = with_owner(ns->set, place.at);
        }
        reading_.may_stop.push_back(std::move(stop));
        if (!zone_->serves()) {
            ends("a name of a zone that cannot be read here, at the end of a chain",
                 "RFC 1034 section 4.3.2 step 3a");
            step(target,
                 text(target) + " is in the zone " + text(zone_->apex()) +
                     ", which cannot answer now: the answer ends with the chain so far",
                 "RFC 1034 section 4.3.2");
            zone_ = before;
            return false;
        }
        note_zone();
        return true;
    }

    void no_type(const Place& place, const std::vector<Held>& sets) {
        const bool synthesised = place.kind == Place::Kind::wildcard;
        const std::string owner = synthesised ? text(place.at) : text(name_);
        if (sets.empty() && !synthesised) {
            set_where(Where::empty_non_terminal);
            ends("a name that has names below it", "RFC 8020 section 2");
            step(name_,
                 owner +
                     " owns nothing, but there are names below it, so it exists (an empty "
                     "non-terminal): no data, and not NXDOMAIN",
                 "RFC 4592 section 2.2.2, RFC 8020 section 2");
        } else {
            set_where(synthesised                                          ? Where::wildcard
                      : query_.qtype == RrType::ds && zone_->is_cut(name_) ? Where::delegation
                                                                           : Where::exact);
            ends(synthesised ? "a name whose wildcard has not the type"
                             : "a name that exists without the type",
                 synthesised ? "RFC 4592 section 2.2.1" : "RFC 2308 section 2.2");
            step(name_, owner + " has no " + text(query_.qtype) + ": no data",
                 synthesised ? "RFC 4592 section 2.2.1, RFC 2308 section 2.2"
                             : "RFC 2308 section 2.2",
                 visible(sets));
        }
        put_soa();
        prove(synthesised ? Proof::Of::wildcard_no_type : Proof::Of::no_type, place.encloser);
        compute(sets);
    }

    /// The types that PowerDNS may answer out of its own types at this name.
    void compute(const std::vector<Held>& sets) {
        const RrType type = query_.qtype;
        for (const Held& one : sets) {
            if (one.set.rdatas.empty()) continue;
            if (one.set.type == RrType::lua) {
                const bool makes = std::ranges::any_of(one.set.rdatas, [&](const Rdata& rdata) {
                    return rdata.size() >= 2 &&
                           static_cast<RrType>(base::load_u16(rdata.data())) == type;
                });
                if (!makes) continue;
                reading_.computed = RrSet{name_, type, 0, {}};
                step(name_,
                     "a LUA record of PowerDNS is there: a server that runs it may answer what it "
                     "makes, and zone data does not say what that is",
                     "", {one.set});
                return;
            }
            if (one.set.type != RrType::alias || (type != RrType::a && type != RrType::aaaa))
                continue;
            const auto target = Name::from_wire(one.set.rdatas.front());
            if (!target) continue;
            reading_.computed = RrSet{name_, type, 0, {}};
            // Where the target is in a zone here, only its own addresses will do.
            QueryFacts query = query_;
            query.qname = *target;
            Lookup lookup(zones_, query);
            lookup.depth_ = depth_ + 1;
            const Reading there = depth_ < 8 ? lookup.run() : Reading{};
            const bool known = there.served && there.readable && there.answer.size() > there.links;
            if (known) reading_.computed->rdatas = there.answer.back().rdatas;
            step(name_,
                 "an ALIAS of PowerDNS is there: a server may answer with the addresses of " +
                     text(*target) + " instead" +
                     (known ? "" : ", and zone data does not say which those are"),
                 "", {one.set});
            return;
        }
    }

    void set_where(Where where) { reading_.where = where; }

    void finish() {
        if (saw_dname_)
            reading_.where = Where::dname;
        else if (saw_cname_)
            reading_.where = Where::cname_chain;
        if (query_.qclass == dns::RrClass::any)
            reading_.authoritative = false;  // RFC 1035 section 6.2
    }

    const catalogue::Catalogue& zones_;
    const QueryFacts& query_;
    Reading reading_;
    Name name_;
    std::optional<ZoneData> zone_;
    bool ds_from_child_ = false;
    AtCut at_cut_ = AtCut::refer;
    bool nsec_at_cut_ = false;
    bool saw_cname_ = false, saw_dname_ = false;
    std::size_t link_count_ = 0;
    unsigned depth_ = 0;  // of ALIAS in ALIAS
    std::vector<Name> seen_;
};

}  // namespace

Reading read_zones(const catalogue::Catalogue& zones, const QueryFacts& query) {
    return Lookup(zones, query).run();
}

}  // namespace zc::compare
