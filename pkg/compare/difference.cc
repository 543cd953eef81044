// The slow way: what is different between two responses, in facts, labels and lines.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "base/octets.h"
#include "compare/compare.h"
#include "compare/form.h"
#include "compare/matching.h"
#include "dns/message.h"
#include "dns/presentation.h"
#include "dns/types.h"

namespace zc::compare {

namespace {

using dns::RrType;
using Items = std::vector<const Item*>;

// Fewer links than these are followed by every server we know; so a shorter chain is no limit.
constexpr std::size_t links_followed_by_all = 5;
constexpr std::size_t links_before_servfail = 10;

/// One thing that differs.
struct Facet {
    What what{};
    std::string text;     // "answer=-A"
    std::string general;  // likewise, for the cause: "answer=-QTYPE"
};

/// How an RRset differs.
enum class RrsetChange : std::uint8_t {
    only_older,  // -
    only_newer,  // +
    fewer,       // ~-  both have it, the newer lacks records
    more,        // ~+
    other,       // ~
    serial,
    signatures,
    ttl,
};

/// An RRset that differs, in its section.
struct ChangedRrset {
    Section section{};
    What what{};  // of which part of the answer it is
    RrsetChange change{};
    const Item* sample = nullptr;  // a record of it
};

bool is_signature_type(std::uint16_t type) {
    return type == static_cast<std::uint16_t>(RrType::rrsig) ||
           type == static_cast<std::uint16_t>(RrType::sig);
}

/// The types that servers treat apart when they are asked for: some rule of their own says what is
/// answered.
bool is_special(std::uint16_t type) {
    switch (static_cast<RrType>(type)) {
        case RrType::any:
        case RrType::rrsig:
        case RrType::sig:
        case RrType::ds:
        case RrType::nsec:
        case RrType::nsec3:
        case RrType::nxt:
        case RrType::key:
        case RrType::cname:
        case RrType::dname:
            return true;
        default:  // the numbers are open; what has a meaning in questions alone is special too
            return type >= 128 && type <= 255;
    }
}

std::string type_text(std::uint16_t type) {
    return dns::to_string(static_cast<RrType>(type));
}

/// The zone that signed the records at `owner` in ANSWER; null: nothing says.
const Item* signature_at_or_null(const Form& form, dns::NameView owner) {
    for (const Item& item : form.section(Section::answer))
        if (item.is(RrType::rrsig) && dns::equal(item.owner_view(), owner)) return &item;
    return nullptr;
}

dns::NameView signer_of(const Item& rrsig) {
    std::size_t end = rrsig_signer_at;
    while (rrsig.rdata[end] != 0) end += 1U + rrsig.rdata[end];
    return dns::NameView(rrsig.rdata_view().subspan(rrsig_signer_at, end + 1 - rrsig_signer_at));
}

/// Labels that two names have in common, from the right.
std::size_t common_labels(dns::NameView a, dns::NameView b) {
    while (!a.is_root() && !b.is_within(a)) a = a.parent();
    return a.labels();
}

/// The last link of the shorter chain leads into another zone, as the responses show it: by
/// signers, by the SOA or NS of the zone at the end of the longer one, or as the names have nothing
/// in common. Names that share as little as a top-level domain may be of one zone; without zone
/// data that stays open.
bool leaves_zone(const Chain& chain, const Form& shorter, const Form& longer,
                 const Chain& longer_chain) {
    const dns::NameView owner = chain.last_link_or_null->owner_view();
    const dns::NameView target = chain.last;
    for (const Form* form : {&shorter, &longer}) {
        const Item* const by = signature_at_or_null(*form, owner);
        if (by == nullptr) continue;
        const dns::NameView apex = signer_of(*by);
        if (!target.is_within(apex)) return true;
        const Item* const target_by = signature_at_or_null(longer, target);
        if (target_by != nullptr) return !dns::equal(signer_of(*target_by), apex);
    }
    if (longer_chain.links == chain.links)
        for (const Item& item : longer.section(Section::authority))
            if (item.is(RrType::soa) || is_courtesy_ns(longer, longer_chain, item))
                return !owner.is_within(item.owner_view());
    return common_labels(owner, target) == 0;
}

class Differ {
public:
    Differ(const Asked& asked, base::Octets question, const Policy& policy, Form& older,
           Form& newer)
        : asked_(asked), wanted_(question), policy_(policy), older_(older), newer_(newer) {
        for (Form* form : {&older_, &newer_})
            for (Item& item : form->items) {
                item.run = 0;
                item.dropped = false;
            }
        older_chain_ = chain_of(older_, wanted_);
        newer_chain_ = chain_of(newer_, wanted_);
        older_refers_ = is_referral(older_, older_chain_);
        newer_refers_ = is_referral(newer_, newer_chain_);
        find_header_facets();
        find_changes();
    }

    Where where() const;
    std::vector<Facet> facets(RuleSet needed) const;
    std::optional<Rule> legal() const;
    /// The link with which one side ends, where the other goes on.
    const Item* open_end_or_null() const;
    std::string cause(What what, const std::vector<Facet>& facets, std::optional<Rule> legal) const;

private:
    void find_header_facets();
    void find_message_signatures();
    void find_changes();
    void compare_set(Section section, What what, const Items& older, const Items& newer);
    bool ttls_differ(Section section, const Items& older, const Items& newer) const;
    What what_of(Section section, const Item& item) const;
    bool chain_order_differs() const;
    Facet facet_of(Section section, What what) const;
    bool has_header_facet_but(std::string_view allowed) const;
    bool any_subset() const;
    bool chain_loop() const;
    bool stops_early(const Form& shorter, const Chain& shorter_chain, const Form& longer,
                     const Chain& longer_chain) const;
    bool stops_at_zone_end(const Form& shorter, const Chain& shorter_chain, const Form& longer,
                           const Chain& longer_chain) const {
        return stops_early(shorter, shorter_chain, longer, longer_chain) &&
               leaves_zone(shorter_chain, shorter, longer, longer_chain);
    }
    bool chain_limit(const Form& shorter, const Chain& shorter_chain, const Form& longer,
                     const Chain& longer_chain) const;
    bool truncation() const;

    const Asked& asked_;
    Wanted wanted_;
    const Policy& policy_;
    Form& older_;
    Form& newer_;
    Chain older_chain_, newer_chain_;
    bool older_refers_ = false, newer_refers_ = false;
    std::vector<Facet> header_;
    std::vector<ChangedRrset> changes_;
};

void Differ::find_header_facets() {
    const auto note = [&](What what, std::string_view name, const std::string& a,
                          const std::string& b) {
        if (a == b) return;
        const std::string text = std::string(name) + "=" + a + "/" + b;
        header_.push_back({what, text, text});
    };
    note(What::rcode, "rcode", dns::to_string(static_cast<dns::Rcode>(older_.rcode)),
         dns::to_string(static_cast<dns::Rcode>(newer_.rcode)));
    const auto bit = [](std::uint16_t flags, unsigned mask) {
        return std::string((flags & mask) != 0 ? "1" : "0");
    };
    static constexpr struct {
        std::string_view name;
        unsigned mask;
    } bits[] = {{"aa", 0x0400}, {"tc", 0x0200}, {"rd", 0x0100}, {"ra", 0x0080},
                {"z", 0x0040},  {"ad", 0x0020}, {"cd", 0x0010}};
    for (const auto& [name, mask] : bits)
        note(What::flags, name, bit(older_.flags, mask), bit(newer_.flags, mask));
    note(What::flags, "question", older_.has_question ? "1" : "0", newer_.has_question ? "1" : "0");
    find_message_signatures();
    note(What::flags, "edns", older_.edns ? "1" : "0", newer_.edns ? "1" : "0");
    if (!older_.edns || !newer_.edns) return;
    note(What::flags, "edns-version", std::to_string(older_.edns_version),
         std::to_string(newer_.edns_version));
    note(What::flags, "do", bit(older_.edns_flags, 0x8000), bit(newer_.edns_flags, 0x8000));
    note(What::flags, "edns-flags", std::to_string(older_.edns_flags & 0x7fffU),
         std::to_string(newer_.edns_flags & 0x7fffU));
}

void Differ::find_message_signatures() {
    const auto of = [](const Form& form) -> const Item* {
        for (const Item& item : form.section(Section::additional))
            if (is_message_signature(item)) return &item;
        return nullptr;
    };
    const Item* const a = of(older_);
    const Item* const b = of(newer_);
    if (a == nullptr && b == nullptr) return;
    if (a != nullptr && b != nullptr && same_owner(*a, *b) && equal_but_mac(*a, *b)) return;
    const std::string text = std::string("signed=") + (a == nullptr   ? "0/1"
                                                       : b == nullptr ? "1/0"
                                                                      : "otherwise");
    header_.push_back({What::flags, text, text});
}

What Differ::what_of(Section section, const Item& item) const {
    if (is_signature_type(item.type) && !(section == Section::answer && item.type == wanted_.type))
        return What::proofs;
    switch (section) {
        case Section::answer:
            return What::answer;
        case Section::authority:
            return item.is(RrType::nsec) || item.is(RrType::nsec3) || item.is(RrType::ds)
                       ? What::proofs
                       : What::authority;
        case Section::additional:
            return What::glue;
    }
    return What::answer;
}

bool Differ::ttls_differ(Section section, const Items& older, const Items& newer) const {
    for (std::size_t i = 0; i < older.size(); ++i) {
        const Item& a = *older[i];
        const Item& b = *newer[i];
        if (a.ttl == b.ttl) continue;
        const Item* const a_dname = dname_of_or_null(older_, a);
        const Item* const b_dname = dname_of_or_null(newer_, b);
        if (policy_.rules.has(Rule::dname_cname_ttl) && section == Section::answer &&
            a_dname != nullptr && b_dname != nullptr && (a.ttl == 0 || a.ttl == a_dname->ttl) &&
            (b.ttl == 0 || b.ttl == b_dname->ttl))
            continue;
        const bool is_negative_ttl =
            section == Section::authority &&
            (a.is(RrType::soa) || a.covered() == static_cast<std::uint16_t>(RrType::soa));
        const std::uint32_t apart = a.ttl > b.ttl ? a.ttl - b.ttl : b.ttl - a.ttl;
        if (policy_.rules.has(Rule::ttl) && !is_negative_ttl && apart <= policy_.ttl_tolerance)
            continue;
        return true;
    }
    return false;
}

/// A SOA without its serial; the type and the signer of an RRSIG.
std::vector<std::uint8_t> rdata_without_version(const Item& item) {
    std::vector<std::uint8_t> out(item.rdata, item.rdata + item.rdata_octets);
    if (item.is(RrType::soa)) {
        const auto at = out.end() - static_cast<std::ptrdiff_t>(soa_numbers_octets);
        std::fill(at, at + 4, std::uint8_t{0});
    }
    if (item.is(RrType::rrsig)) {
        std::size_t end = rrsig_signer_at;
        while (out[end] != 0) end += 1U + out[end];
        out.resize(end + 1);
        std::fill(out.begin() + rrsig_expiration_at, out.begin() + rrsig_signer_at,
                  std::uint8_t{0});
    }
    return out;
}

std::uint32_t serial_of(const Item& soa) {
    return base::load_u32(soa.rdata + soa.rdata_octets - soa_numbers_octets);
}

void Differ::compare_set(Section section, What what, const Items& older, const Items& newer) {
    const Item* const sample = older.empty() ? newer.front() : older.front();
    const auto add = [&](RrsetChange change) {
        changes_.push_back({section, what, change, sample});
    };
    if (newer.empty()) return add(RrsetChange::only_older);
    if (older.empty()) return add(RrsetChange::only_newer);
    const auto before = [](const Item* a, const Item* b) { return compare_data(*a, *b) < 0; };
    Items gone;
    Items come;
    std::set_difference(older.begin(), older.end(), newer.begin(), newer.end(),
                        std::back_inserter(gone), before);
    std::set_difference(newer.begin(), newer.end(), older.begin(), older.end(),
                        std::back_inserter(come), before);
    const bool versions_alone =
        gone.size() == come.size() && !gone.empty() &&
        (sample->is(RrType::soa) || sample->is(RrType::rrsig)) &&
        std::equal(gone.begin(), gone.end(), come.begin(), [](const Item* a, const Item* b) {
            return a->rr_class == b->rr_class &&
                   rdata_without_version(*a) == rdata_without_version(*b);
        });
    if (versions_alone && sample->is(RrType::soa)) {
        const std::uint32_t a = serial_of(*gone.front());
        const std::uint32_t b = serial_of(*come.front());
        if (!policy_.rules.has(Rule::serial) || policy_.serial_lag == 0 ||
            std::min(a - b, b - a) > policy_.serial_lag)
            add(RrsetChange::serial);
    } else if (versions_alone) {
        if (!policy_.rules.has(Rule::signatures)) add(RrsetChange::signatures);
    } else if (!gone.empty() || !come.empty()) {
        return add(come.empty()   ? RrsetChange::fewer
                   : gone.empty() ? RrsetChange::more
                                  : RrsetChange::other);
    }
    if (ttls_differ(section, older, newer)) add(RrsetChange::ttl);
}

void Differ::find_changes() {
    struct Sides {
        Items older, newer;
    };
    // By type first: a fixed order that no name has a part in.
    using Key = std::tuple<std::uint16_t, std::uint16_t, std::string_view>;
    for (const Section section : {Section::answer, Section::authority, Section::additional}) {
        std::map<Key, Sides> sets;
        const auto collect = [&](Form& form, Items Sides::*side) {
            for (const Item& item : form.section(section)) {
                const std::string_view owner(reinterpret_cast<const char*>(item.owner),
                                             item.owner_octets);
                (sets[{item.type, item.covered(), owner}].*side).push_back(&item);
            }
        };
        collect(older_, &Sides::older);
        collect(newer_, &Sides::newer);
        const auto has = [&](const Items Sides::*side, std::uint16_t type, std::string_view owner) {
            const auto at = sets.find({type, std::uint16_t{0}, owner});
            return at != sets.end() && !(at->second.*side).empty();
        };
        for (auto& [key, sides] : sets) {
            const auto& [type, covered, owner] = key;
            const auto by_data = [](const Item* a, const Item* b) { return is_before(*a, *b); };
            std::sort(sides.older.begin(), sides.older.end(), by_data);
            std::sort(sides.newer.begin(), sides.newer.end(), by_data);
            const bool one_side = sides.older.empty() || sides.newer.empty();
            const bool of_older = !sides.older.empty();
            const Item& sample = *(of_older ? sides.older : sides.newer).front();
            const Form& form = of_older ? older_ : newer_;
            if (section == Section::additional && is_message_signature(sample)) continue;
            if (one_side && section == Section::authority &&
                is_courtesy_ns(form, of_older ? older_chain_ : newer_chain_, sample) &&
                !(covered != 0 && has(of_older ? &Sides::newer : &Sides::older, covered, owner)))
                continue;
            if (one_side && section == Section::additional &&
                !is_needed_glue(form, of_older ? older_refers_ : newer_refers_, sample))
                continue;
            // Signatures go with what they sign; where that is missing, they say nothing more.
            if (one_side && covered != 0 &&
                has(&Sides::older, covered, owner) != has(&Sides::newer, covered, owner))
                continue;
            compare_set(section, what_of(section, sample), sides.older, sides.newer);
        }
    }
}

bool Differ::chain_order_differs() const {
    const auto owners = [](Form& form) {
        number_runs(form.section(Section::answer));
        std::vector<std::string> out;
        for (Item& item : form.section(Section::answer)) {
            if (!item.is(RrType::rrsig) && item.run == out.size())
                out.emplace_back(reinterpret_cast<const char*>(item.owner), item.owner_octets);
            item.run = 0;
        }
        return out;
    };
    return owners(older_) != owners(newer_);
}

/// "answer=+CNAME,-A" of the changes of one kind.
Facet Differ::facet_of(Section section, What what) const {
    std::set<std::string> texts;
    std::set<std::string> general;
    for (const ChangedRrset& change : changes_) {
        if (change.section != section || change.what != what) continue;
        const char* sign = nullptr;
        switch (change.change) {
            case RrsetChange::only_older:
                sign = "-";
                break;
            case RrsetChange::only_newer:
                sign = "+";
                break;
            case RrsetChange::fewer:
                sign = "~-";
                break;
            case RrsetChange::more:
                sign = "~+";
                break;
            case RrsetChange::other:
                sign = "~";
                break;
            case RrsetChange::serial:
                texts.insert("serial");
                general.insert("serial");
                continue;
            case RrsetChange::signatures:
                texts.insert("signatures");
                general.insert("signatures");
                continue;
            case RrsetChange::ttl:
                continue;  // a facet of its own
        }
        const std::string type = type_text(change.sample->type);
        texts.insert(sign + type);
        // For the cause: one fault shows with many types, as many as were asked for.
        std::string kind = type;
        if (what == What::glue)
            kind = "address";
        else if (wanted_.is(RrType::any))
            kind = "*";
        else if (change.sample->type == wanted_.type && !is_special(wanted_.type))
            kind = "QTYPE";
        general.insert(sign + kind);
    }
    Facet out{.what = what, .text = {}, .general = {}};
    const auto join = [](const std::set<std::string>& parts) {
        std::string text;
        for (const std::string& part : parts) text += (text.empty() ? "" : ",") + part;
        return text;
    };
    if (!texts.empty()) {
        std::string name(to_string(what));
        if (what == What::answer && section != Section::answer) name = "authority";
        out.text = name + "=" + join(texts);
        out.general = name + "=" + join(general);
    }
    return out;
}

std::vector<Facet> Differ::facets(RuleSet needed) const {
    std::vector<Facet> out = header_;
    // Behind TC a client uses nothing of it (RFC 2181 section 9): what is cut off is no further
    // difference.
    if (older_.tc() != newer_.tc()) return out;
    const auto add = [&](Facet facet) {
        if (!facet.text.empty()) out.push_back(std::move(facet));
    };
    add(facet_of(Section::answer, What::answer));
    if (out.size() == header_.size() && chain_order_differs())
        add({What::answer, "answer=order", "answer=order"});
    bool any_ttl = false;
    for (const auto& [section, name] :
         {std::pair(Section::answer, "answer"), std::pair(Section::authority, "authority"),
          std::pair(Section::additional, "glue")}) {
        const auto ttl_of = [&, of = section](bool proofs) {
            return std::ranges::any_of(changes_, [&](const ChangedRrset& change) {
                return change.section == of && change.change == RrsetChange::ttl &&
                       (change.what == What::proofs) == proofs;
            });
        };
        if (ttl_of(false)) {
            any_ttl = true;
            add({What::ttl, std::string(name) + "=ttl", std::string(name) + "=ttl"});
        }
    }
    // Signatures have the TTL of what they sign.
    if (!any_ttl && std::ranges::any_of(changes_, [](const ChangedRrset& change) {
            return change.change == RrsetChange::ttl;
        }))
        add({What::ttl, "proofs=ttl", "proofs=ttl"});
    add(facet_of(Section::authority, What::authority));
    std::set<std::string> proofs;  // of all sections as one
    Facet all{.what = What::proofs, .text = {}, .general = {}};
    for (const Section section : {Section::answer, Section::authority, Section::additional}) {
        Facet facet = facet_of(section, What::proofs);
        if (facet.text.empty() || !proofs.insert(facet.text).second) continue;
        const std::string prefix = "proofs=";
        all.text += all.text.empty() ? facet.text : "," + facet.text.substr(prefix.size());
        all.general +=
            all.general.empty() ? facet.general : "," + facet.general.substr(prefix.size());
    }
    add(std::move(all));
    add(facet_of(Section::additional, What::glue));

    std::string cosmetic;
    for (const Rule rule :
         {Rule::record_order, Rule::name_case, Rule::compression, Rule::apex_ns,
          Rule::extra_additional, Rule::edns_size, Rule::edns_options, Rule::message_signature})
        if (needed.has(rule) && !policy_.rules.has(rule))
            cosmetic += (cosmetic.empty() ? "" : ",") + std::string(row_of(rule).name);
    if (!cosmetic.empty()) add({What::cosmetic, "cosmetic=" + cosmetic, "cosmetic=" + cosmetic});
    return out;
}

Where Differ::where() const {
    const auto any_of = [&](Section section, const auto& test) {
        return std::ranges::any_of(older_.section(section), test) ||
               std::ranges::any_of(newer_.section(section), test);
    };
    // At its owner a DNAME is an ordinary record, and so is a CNAME that is asked for.
    if (any_of(Section::answer, [&](const Item& item) {
            return item.is(RrType::dname) && item.owner_octets != wanted_.name.size();
        }))
        return Where::dname;
    if (older_chain_.links + newer_chain_.links > 0) return Where::cname_chain;
    if (older_refers_ || newer_refers_) return Where::delegation;
    const auto is_expanded = [](const Item& item) {
        return item.is(RrType::rrsig) &&
               item.rdata[rrsig_labels_at] + (item.owner_view().is_wildcard() ? 1U : 0U) <
                   item.owner_view().labels();
    };
    if (any_of(Section::answer, is_expanded)) return Where::wildcard;
    constexpr auto nxdomain = static_cast<std::uint16_t>(dns::Rcode::nxdomain);
    if (older_.rcode == nxdomain || newer_.rcode == nxdomain) return Where::negative;
    if (wanted_.is(RrType::ds)) return Where::delegation;
    return Where::exact;
}

// Whether a difference is legal, as far as two responses tell. Each of these says yes only where
// both responses show it: a fault that is hidden is worse than a question too many.

/// Header facets other than the one that begins with `allowed`.
bool Differ::has_header_facet_but(std::string_view allowed) const {
    return std::ranges::any_of(header_, [&](const Facet& facet) {
        return allowed.empty() || !facet.text.starts_with(allowed);
    });
}

/// Every record of ANSWER of `some` is in that of `all`; TTLs aside.
bool answers_within(const Form& some, const Form& all) {
    const auto sorted = [](const Form& form) {
        Items items;
        for (const Item& item : form.section(Section::answer)) items.push_back(&item);
        std::sort(items.begin(), items.end(),
                  [](const Item* a, const Item* b) { return is_before(*a, *b); });
        return items;
    };
    const Items part = sorted(some);
    const Items whole = sorted(all);
    return std::includes(whole.begin(), whole.end(), part.begin(), part.end(),
                         [](const Item* a, const Item* b) { return compare_data(*a, *b) < 0; });
}

bool has_in_authority(const Form& form, RrType type) {
    return std::ranges::any_of(form.section(Section::authority),
                               [&](const Item& item) { return item.is(type); });
}

bool Differ::any_subset() const {
    if (!wanted_.is(RrType::any) && !is_signature_type(wanted_.type)) return false;
    if (wanted_.is(RrType::any) && asked_.transport == dns::Transport::udp &&
        (older_.tc() || newer_.tc()))
        return !has_header_facet_but("tc=");
    if (has_header_facet_but({})) return false;
    if (older_.section(Section::answer).empty() || newer_.section(Section::answer).empty())
        return false;
    const auto is_owner_in = [](const Form& form, const Item& item) {
        return std::ranges::any_of(form.section(Section::answer),
                                   [&](const Item& other) { return same_owner(item, other); });
    };
    return std::ranges::all_of(changes_, [&](const ChangedRrset& change) {
        const bool one_side =
            change.change == RrsetChange::only_older || change.change == RrsetChange::only_newer;
        // RRSIG is one RRset for each type covered; those of one type by several keys, too, may be
        // sent in part.
        if (!one_side &&
            !(is_signature_type(wanted_.type) &&
              (change.change == RrsetChange::fewer || change.change == RrsetChange::more)))
            return false;
        if (change.section == Section::answer)
            return is_owner_in(older_, *change.sample) && is_owner_in(newer_, *change.sample);
        return change.what == What::proofs;
    });
}

bool Differ::chain_loop() const {
    if (!older_chain_.comes_back && !newer_chain_.comes_back) return false;
    const auto ends_well = [](const Form& form) {
        return form.is_noerror() || form.rcode == static_cast<std::uint16_t>(dns::Rcode::servfail);
    };
    if (!ends_well(older_) || !ends_well(newer_) || older_.tc() || newer_.tc()) return false;
    if (older_.rcode == newer_.rcode && has_header_facet_but({})) return false;
    const Form& looping = older_chain_.comes_back ? older_ : newer_;
    const Form& other = older_chain_.comes_back ? newer_ : older_;
    return answers_within(other, looping) || answers_within(looping, other);
}

bool Differ::stops_early(const Form& shorter, const Chain& shorter_chain, const Form& longer,
                         const Chain& longer_chain) const {
    if (!shorter.is_noerror() || shorter.tc() || longer.tc() || shorter_chain.links == 0 ||
        shorter_chain.is_final || longer_chain.links < shorter_chain.links)
        return false;
    if (has_in_authority(shorter, RrType::soa) || has_in_authority(shorter, RrType::ns))
        return false;
    // Instead of a link into another zone it may be one below a cut, whose referral is missing.
    if (is_referral(longer, longer_chain) && longer_chain.links == shorter_chain.links)
        return false;
    if (has_header_facet_but("rcode=") || !answers_within(shorter, longer)) return false;
    return std::ranges::all_of(changes_, [&](const ChangedRrset& change) {
        return change.change ==
               (&shorter == &older_ ? RrsetChange::only_newer : RrsetChange::only_older);
    });
}

const Item* Differ::open_end_or_null() const {
    if (!policy_.rules.has(Rule::stops_at_zone_end)) return nullptr;
    if (stops_early(older_, older_chain_, newer_, newer_chain_))
        return older_chain_.last_link_or_null;
    if (stops_early(newer_, newer_chain_, older_, older_chain_))
        return newer_chain_.last_link_or_null;
    return nullptr;
}

bool Differ::chain_limit(const Form& shorter, const Chain& shorter_chain, const Form& longer,
                         const Chain& longer_chain) const {
    constexpr auto servfail = static_cast<std::uint16_t>(dns::Rcode::servfail);
    if (longer_chain.links <= shorter_chain.links && !longer_chain.is_final) return false;
    if (shorter.tc() || longer.tc() || shorter_chain.comes_back || longer_chain.comes_back)
        return false;
    if (shorter.rcode == servfail && shorter.section(Section::answer).empty())
        return longer_chain.links > links_before_servfail;
    if (shorter_chain.is_final || shorter_chain.links < links_followed_by_all ||
        longer_chain.links < shorter_chain.links)
        return false;
    if (!shorter.is_noerror() && shorter.rcode != servfail) return false;
    if (has_in_authority(shorter, RrType::soa) || has_in_authority(shorter, RrType::ns))
        return false;
    return !has_header_facet_but("rcode=") && answers_within(shorter, longer);
}

bool Differ::truncation() const {
    if (asked_.transport != dns::Transport::udp || (!older_.tc() && !newer_.tc())) return false;
    if (older_.tc() && newer_.tc()) return header_.empty();
    if (has_header_facet_but("tc=")) return false;
    const auto facts = read_query(asked_.query);
    if (!facts) return false;
    const Form& cut = older_.tc() ? older_ : newer_;
    const Form& whole = older_.tc() ? newer_ : older_;
    // A server's own limit is not in its response; what it offers to take is mostly the same.
    const std::size_t limit = std::min<std::size_t>(
        facts->udp_octets_max, cut.edns ? std::max<std::size_t>(cut.edns_size, 512) : 512);
    return whole.octets <= facts->udp_octets_max && whole.octets > limit;
}

std::optional<Rule> Differ::legal() const {
    const auto found = [&]() -> std::optional<Rule> {
        if (wanted_.rr_class == static_cast<std::uint16_t>(dns::RrClass::ch) &&
            (wanted_.is(RrType::txt) || wanted_.is(RrType::any)))
            return Rule::server_identity;
        if (any_subset()) return Rule::any_subset;
        if (chain_loop()) return Rule::chain_loop;
        if (stops_at_zone_end(older_, older_chain_, newer_, newer_chain_) ||
            stops_at_zone_end(newer_, newer_chain_, older_, older_chain_))
            return Rule::stops_at_zone_end;
        if (chain_limit(older_, older_chain_, newer_, newer_chain_) ||
            chain_limit(newer_, newer_chain_, older_, older_chain_))
            return Rule::chain_limit;
        if (truncation()) return Rule::truncation;
        return std::nullopt;
    }();
    return found && policy_.rules.has(*found) ? found : std::nullopt;
}

/// The server did not look the name up.
bool is_refusal(const Form& form) {
    switch (static_cast<dns::Rcode>(form.rcode)) {
        case dns::Rcode::noerror:
        case dns::Rcode::nxdomain:
        case dns::Rcode::yxdomain:
        case dns::Rcode::servfail:  // as often as not in the middle of it
            return false;
        default:  // twelve bits
            return true;
    }
}

std::string_view kind_of(const Form& form, const Chain& chain, bool refers) {
    if (refers) return "referral";
    if (chain.is_final) return "data";
    if (chain.links > 0) return "link";
    return has_in_authority(form, RrType::soa) ? "negative" : "empty";
}

/// A server may give as many types as a message holds.
std::string bounded(std::string cause) {
    if (cause.size() <= Difference::cause_octets_max) return cause;
    std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a: the same in every run and on every machine
    for (const char c : cause) hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3;
    std::string tail = " … #";
    for (int shift = 60; shift >= 0; shift -= 4) tail += "0123456789abcdef"[hash >> shift & 0xf];
    cause.resize(Difference::cause_octets_max - tail.size());
    return cause + tail;
}

/// One bug is one cause, whatever names and types it shows with; and two bugs are two.
std::string Differ::cause(What what, const std::vector<Facet>& facets,
                          std::optional<Rule> legal) const {
    std::string out(to_string(what));
    const auto add = [&out](std::string_view word) {
        out += ' ';
        out += word;
    };
    if (!legal && what == What::rcode && (is_refusal(older_) || is_refusal(newer_))) {
        // A zone that one side has not: no matter what is asked in it.
        const auto rcode = [](const Form& form) {
            return is_refusal(form) ? dns::to_string(static_cast<dns::Rcode>(form.rcode))
                                    : std::string("looked-up");
        };
        add("rcode=" + rcode(older_) + "/" + rcode(newer_));
        return out;
    }
    if (!legal && what == What::flags && older_.aa() == newer_.aa() && older_.tc() == newer_.tc()) {
        // CD, AD, RA and such: a server sets them whatever is asked.
        for (const Facet& facet : facets)
            if (facet.what == what) add(facet.general);
        return out;
    }
    add(to_string(where()));
    if (legal) {
        // A legal difference is one case, whatever the records are that show it.
        add(row_of(*legal).name);
    } else {
        for (const Facet& facet : facets)
            if (facet.what == what) add(facet.general);
        const std::string_view older = kind_of(older_, older_chain_, older_refers_);
        const std::string_view newer = kind_of(newer_, newer_chain_, newer_refers_);
        if ((what == What::rcode || what == What::flags) && older_.tc() == newer_.tc() &&
            older != newer)
            add(std::string(older) + "/" + std::string(newer));
    }
    if (is_special(wanted_.type)) add(type_text(wanted_.type));
    return bounded(std::move(out));
}

/// The lines of both responses, each with whose it is.
class SideBySide {
public:
    explicit SideBySide(std::vector<DifferenceLine>& out) : out_(out) {}

    void add(base::Octets older, base::Octets newer);

private:
    using In = DifferenceLine::In;
    struct Line {
        std::string set;   // what it belongs with: owner and type
        std::string text;  // as it is shown
        std::string key;   // equal for what is the same
    };
    using Lines = std::vector<Line>;

    static Lines header(const Result<dns::Message>& message, base::Octets octets);
    static Lines records(const std::vector<dns::Record>& records);
    static Lines edns(const dns::Message& message);
    void put(const char* section, const Lines& older, const Lines& newer);

    std::vector<DifferenceLine>& out_;
};

SideBySide::Lines SideBySide::header(const Result<dns::Message>& message, base::Octets octets) {
    const auto line = [](std::string set, const std::string& text) {
        return Line{std::move(set), text, text};
    };
    if (octets.empty()) return {line("no response", "no response")};
    if (!message)
        return {line("malformed", "malformed, " + std::to_string(octets.size()) +
                                      " octets: " + message.error().message)};
    Lines out{line("rcode", "rcode " + dns::to_string(message->rcode))};
    std::string flags = "flags";
    const auto flag = [&](bool set, const char* name) {
        if (set) flags += name;
    };
    flag(message->qr, " qr");
    flag(message->aa, " aa");
    flag(message->tc, " tc");
    flag(message->rd, " rd");
    flag(message->ra, " ra");
    flag(message->z, " z");
    flag(message->ad, " ad");
    flag(message->cd, " cd");
    out.push_back(line("flags", flags));
    if (message->opcode != dns::Opcode::query)
        out.push_back(line("opcode", "opcode " + dns::to_string(message->opcode)));
    for (const dns::Question& question : message->questions) {
        std::string text = "question " + dns::to_string(question.name) + " ";
        if (question.rr_class != dns::RrClass::in) text += dns::to_string(question.rr_class) + " ";
        out.push_back(line("question", text + dns::to_string(question.type)));
    }
    if (message->trailing_octets > 0)
        out.push_back(
            line("trailing", "trailing " + std::to_string(message->trailing_octets) + " octets"));
    return out;
}

SideBySide::Lines SideBySide::records(const std::vector<dns::Record>& records) {
    Lines out;
    for (const dns::Record& record : records) {
        dns::Record folded = record;
        folded.owner.fold_case();
        if (!folded.rdata.empty()) dns::fold_rdata(folded.type, folded.rdata);
        out.push_back({dns::to_string(folded.owner) + " " + dns::to_string(record.type),
                       dns::record_text(record), dns::record_text(folded)});
    }
    return out;
}

SideBySide::Lines SideBySide::edns(const dns::Message& message) {
    Lines out;
    if (!message.edns) return out;
    // The lines that dns::message_text has for it.
    dns::Message alone;
    alone.edns = message.edns;
    const std::string text = dns::message_text(alone);
    std::size_t at = text.find('\n');
    while (at != std::string::npos && at + 1 < text.size()) {
        const std::size_t end = text.find('\n', at + 1);
        const std::string line = text.substr(at + 1, end - at - 1);
        out.push_back({line.substr(0, line.find(' ')), line, line});
        at = end;
    }
    return out;
}

void SideBySide::put(const char* section, const Lines& older, const Lines& newer) {
    // Pairs of the same; then each line of the older, and what only the newer has of an RRset
    // behind the last of that RRset, at the end what is left.
    std::multimap<std::string_view, std::size_t> by_key;
    for (std::size_t i = 0; i < newer.size(); ++i) by_key.emplace(newer[i].key, i);
    std::vector<bool> in_both(newer.size(), false);
    std::vector<bool> older_in_both(older.size(), false);
    for (std::size_t i = 0; i < older.size(); ++i) {
        const auto at = by_key.find(older[i].key);
        if (at == by_key.end()) continue;
        older_in_both[i] = in_both[at->second] = true;
        by_key.erase(at);
    }
    std::map<std::string_view, std::size_t> last_of_set;
    for (std::size_t i = 0; i < older.size(); ++i) last_of_set[older[i].set] = i;
    std::vector<bool> put(newer.size(), false);
    const auto put_newer = [&](const auto& test) {
        for (std::size_t i = 0; i < newer.size(); ++i) {
            if (in_both[i] || put[i] || !test(newer[i])) continue;
            put[i] = true;
            out_.push_back({In::newer, section, newer[i].text});
        }
    };
    for (std::size_t i = 0; i < older.size(); ++i) {
        out_.push_back({older_in_both[i] ? In::both : In::older, section, older[i].text});
        if (last_of_set[older[i].set] == i)
            put_newer([&](const Line& line) { return line.set == older[i].set; });
    }
    put_newer([](const Line&) { return true; });
}

void SideBySide::add(base::Octets older, base::Octets newer) {
    const auto parse = [](base::Octets octets) { return dns::parse_message(octets); };
    const auto a = parse(older);
    const auto b = parse(newer);
    put("header", header(a, older), header(b, newer));
    const dns::Message none;
    const dns::Message& left = a ? *a : none;
    const dns::Message& right = b ? *b : none;
    put("answer", records(left.answer), records(right.answer));
    put("authority", records(left.authority), records(right.authority));
    put("additional", records(left.additional), records(right.additional));
    put("edns", edns(left), edns(right));
}

}  // namespace

Difference Comparer::difference(const Asked& asked, base::Octets older, base::Octets newer) const {
    Difference out;
    SideBySide(out.lines).add(older, newer);
    const base::Octets question = question_of(asked.query);
    Form older_form;
    Form newer_form;
    std::string older_fault = "ok";
    std::string newer_fault = "ok";
    const auto read = [&](Form& form, base::Octets octets, std::string& fault) {
        if (question.empty()) {
            fault = "query";
        } else if (const char* found = form.read(question, octets)) {
            fault = found;
        } else if (!dns::parse_message(octets)) {
            // RDATA that is not what its type wants: found by the reader that checks all of it.
            fault = "rdata";
        }
        return fault == "ok";
    };
    const bool older_readable = !older.empty() && read(older_form, older, older_fault);
    const bool newer_readable = !newer.empty() && read(newer_form, newer, newer_fault);
    const auto where_of = [&](Form& form) {
        return Differ(asked, question, policy(), form, form).where();
    };
    if (older.empty() || newer.empty() || !older_readable || !newer_readable) {
        const bool timed_out = older.empty() || newer.empty();
        out.what = timed_out ? What::timeout : What::malformed;
        if (older_readable) out.where = where_of(older_form);
        if (newer_readable) out.where = where_of(newer_form);
        if (timed_out)
            out.facets.push_back(std::string("answered=") + (older.empty() ? "0" : "1") + "/" +
                                 (newer.empty() ? "0" : "1"));
        else
            out.facets.push_back("malformed=" + older_fault + "/" + newer_fault);
        // Nothing in the lookup is the cause of these, or nothing that can be read: one case.
        out.cause = std::string(to_string(out.what)) + " " + out.facets.front();
        return out;
    }

    RuleSet needed;
    Matcher matcher;
    matcher.match(older_form, newer_form, question, policy(), needed);
    Differ differ(asked, question, policy(), older_form, newer_form);
    const std::vector<Facet> facets = differ.facets(needed);
    out.what = What::cosmetic;
    for (const Facet& facet : facets) out.what = std::min(out.what, facet.what);
    out.where = differ.where();
    for (const Facet& facet : facets) out.facets.push_back(facet.text);
    out.legal = differ.legal();
    out.cause = differ.cause(out.what, facets, out.legal);
    const Item* const end = out.legal ? nullptr : differ.open_end_or_null();
    if (end != nullptr)
        out.open_end = {.owner = dns::Name(end->owner_view()),
                        .target = dns::Name(dns::NameView(end->rdata_view())),
                        .cause = differ.cause(out.what, facets, Rule::stops_at_zone_end)};
    return out;
}

void Difference::leaves_zone() {
    legal = Rule::stops_at_zone_end;
    cause = std::move(open_end->cause);
    open_end.reset();
}

namespace {

using Problems = std::vector<std::string>;

void put_question_problem(const dns::Message& message, const QueryFacts& facts, Problems& out) {
    if (message.questions.size() > 1) {
        out.push_back(std::to_string(message.questions.size()) + " questions");
        return;
    }
    if (message.questions.empty()) {
        if (message.rcode == dns::Rcode::noerror || !message.answer.empty())
            out.emplace_back("no question");
        return;
    }
    const dns::Question& question = message.questions.front();
    if (question.type != facts.qtype || question.rr_class != facts.qclass ||
        !dns::equal(question.name, facts.qname))
        out.emplace_back("another question than the query's");
    else if (!std::ranges::equal(question.name.wire(), facts.qname.wire()))
        out.emplace_back("the question in other case than the query's");
}

/// A server with these RCODEs may have read neither OPT nor signature of the query (RFC 6891
/// section 7, RFC 8945 section 5.2).
bool may_not_have_read(dns::Rcode rcode) noexcept {
    return rcode == dns::Rcode::formerr || rcode == dns::Rcode::notimp;
}

bool is_signed(const dns::Message& message) {
    return std::ranges::any_of(message.additional, [](const dns::Record& record) {
        return record.type == RrType::tsig ||
               (record.type == RrType::sig && record.rdata.size() >= 2 &&
                base::load_u16(record.rdata.data()) == 0);
    });
}

void put_signature_problem(const dns::Message& message, base::Octets query, Problems& out) {
    const auto asked = dns::parse_message(query);
    if (!asked || is_signed(message) == is_signed(*asked)) return;
    if (is_signed(message))
        out.emplace_back("a signed message where the query was not");
    else if (!may_not_have_read(message.rcode))
        out.emplace_back("no signature where the query was signed");
}

/// Header, question, OPT, signature and size.
void put_message_problems(const Asked& asked, const QueryFacts& facts, const dns::Message& message,
                          std::size_t octets, Problems& out) {
    if (base::load_u16(asked.query.data()) != message.id)
        out.emplace_back("another ID than the query's");
    if (!message.qr) out.emplace_back("QR is clear");
    if (message.opcode != dns::Opcode::query)
        out.push_back("opcode " + dns::to_string(message.opcode));
    put_question_problem(message, facts, out);
    if (message.trailing_octets > 0)
        out.push_back(std::to_string(message.trailing_octets) + " octets behind the end");
    if (message.rd != facts.recursion_desired) out.emplace_back("RD is not the query's");
    if (message.z) out.emplace_back("Z is set");
    if (message.edns && !facts.edns) out.emplace_back("OPT where the query had none");
    if (!message.edns && facts.edns && !may_not_have_read(message.rcode))
        out.emplace_back("no OPT where the query had one");
    put_signature_problem(message, asked.query, out);
    if (asked.transport == dns::Transport::udp && octets > facts.udp_octets_max)
        out.push_back(std::to_string(octets) + " octets, the client takes " +
                      std::to_string(facts.udp_octets_max));
    if (asked.transport != dns::Transport::udp && message.tc)
        out.push_back("TC over " + std::string(dns::to_string(asked.transport)));
}

void put_records_twice(const Form& form, Problems& out) {
    for (const Section section : {Section::answer, Section::authority, Section::additional}) {
        Items order;
        for (const Item& item : form.section(section)) order.push_back(&item);
        std::sort(order.begin(), order.end(),
                  [](const Item* a, const Item* b) { return is_before(*a, *b); });
        const auto twice = std::adjacent_find(
            order.begin(), order.end(),
            [](const Item* a, const Item* b) { return compare_data(*a, *b) == 0; });
        if (twice != order.end())
            out.push_back("a record twice: " + dns::to_string((*twice)->owner_view()) + " " +
                          type_text((*twice)->type));
    }
}

/// Each name of the chain comes after the CNAME that leads to it, or is the question's; a DNAME is
/// above a name of the chain.
void put_chain_problem(const Form& form, const Wanted& wanted, Problems& out) {
    std::vector<std::string> reached{
        std::string(wanted.name.wire().begin(), wanted.name.wire().end())};
    for (const Item& item : form.section(Section::answer)) {
        if (item.is(RrType::rrsig)) continue;
        const std::string owner(item.owner, item.owner + item.owner_octets);
        const bool in_chain =
            std::ranges::find(reached, owner) != reached.end() ||
            (item.is(RrType::dname) && std::ranges::any_of(reached, [&](const std::string& name) {
                 return dns::NameView(
                            {reinterpret_cast<const std::uint8_t*>(name.data()), name.size()})
                     .is_within(item.owner_view());
             }));
        if (!in_chain) {
            out.push_back("out of the chain's order: " + dns::to_string(item.owner_view()) + " " +
                          type_text(item.type));
            break;
        }
        if (item.is(RrType::cname))
            reached.emplace_back(item.rdata, item.rdata + item.rdata_octets);
    }
}

}  // namespace

std::vector<std::string> response_problems(const Asked& asked, base::Octets response) {
    const auto facts = read_query(asked.query);
    if (!facts) return {"the query: " + facts.error().message};
    const auto message = dns::parse_message(response);
    if (!message) return {"not readable: " + message.error().message};
    Problems out;
    put_message_problems(asked, *facts, *message, response.size(), out);
    Form form;
    if (form.read(question_of(asked.query), response) != nullptr) return out;
    put_records_twice(form, out);
    put_chain_problem(form, Wanted(question_of(asked.query)), out);
    return out;
}

}  // namespace zc::compare
