#include "answer/answer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "answer/query.h"
#include "answer/reply.h"
#include "base/check.h"
#include "catalogue/lookup.h"
#include "catalogue/not_served.h"
#include "dns/base32hex.h"
#include "zone/lookup.h"

namespace zc::answer {

static_assert(hash_rounds_free == zone::nsec3_iterations_ordinary + 1);

namespace {

using dns::Rcode;
using dns::RrType;
using zone::ImageView;
using zone::Kind;
using zone::Match;
using zone::NodeRef;
using zone::RrSetRef;
using zone::node_flag::cname;

constexpr std::size_t links_max = 40;  // CNAME and DNAME steps of one answer
constexpr std::size_t denials_max =
    64;  // NSEC or NSEC3 records of one answer: one for each wildcard in a chain, then 3
constexpr std::uint32_t hash_rounds_max =
    1000;  // of NSEC3, 60 to 200 ns each: a chain of wildcards goes on only below
constexpr std::size_t nsid_octets_max =
    128;  // so that an OPT always fits beside a question in 512 octets
constexpr std::size_t prefetch_lines =
    4;  // of an image: HOTPATH figures 184, 123, 111, 109, 105 ns for 1, 2, 3, 4, 6
constexpr std::uint32_t no_ttl_max = 0xffffffff;
constexpr std::uint32_t chaos_ttl = 5;  // as PowerDNS

constexpr std::uint16_t option_nsid = 3, option_cookie = 10, option_keepalive = 11, option_ede = 15;
constexpr std::uint16_t flag_qr = 0x8000, flag_aa = 0x0400, flag_tc = 0x0200, flag_rd = 0x0100;

/// A name being looked up, and where it stands in the response.
struct Step {
    const zone::LookupName* name;
    const catalogue::SuffixHashes* hashes;
    std::uint32_t at;
};

/// A DNAME that stands in the response already, so that no record appears twice.
struct UsedDname {
    const std::uint8_t* node;
    std::uint32_t rdata_at;
};

/// The proof that a name answered from a wildcard is not there itself. It belongs into the
/// authority section, which begins when the chain has ended: until then it waits, with the owner
/// name as it can be written.
struct Expansion {
    const std::uint8_t* item;  // a node with NSEC, or an NSEC3 with its hash
    Owner owner;
    bool nsec3;
};

/// Answers one query. Lives on the stack for that long.
class Responder {
public:
    Responder(Exchange& exchange, const Query& query, const catalogue::Table& table) noexcept
        : exchange_(exchange),
          query_(query),
          table_(table),
          node_(*exchange.arrival.node),
          reply_(exchange.response.data(), query.question_end, limit(exchange, query)) {}

    void run() noexcept;

private:
    static std::uint32_t option_octets(const Exchange& exchange, const Query& query) noexcept {
        if (!query.edns) return 0;
        const Identity& node = *exchange.arrival.node;
        std::size_t octets = 11;
        if (query.has_cookie) octets += 4 + client_cookie_octets + server_cookie_octets;
        if (query.wants_nsid && !node.nsid.empty())
            octets += 4 + std::min(node.nsid.size(), nsid_octets_max);
        if (query.wants_keepalive && node.tcp_keepalive != 0) octets += 6;
        return static_cast<std::uint32_t>(octets);
    }
    static std::size_t response_octets_max(const Exchange& exchange, const Query& query) noexcept {
        std::size_t octets = std::min<std::size_t>(exchange.response.size(), 65535);
        if (exchange.arrival.transport == dns::Transport::udp) {
            // RFC 6891 section 6.2.3: less than 512 counts as 512.
            std::size_t client = 512;
            if (query.edns)
                client = std::max<std::size_t>(
                    512, std::min(query.edns_udp_octets, exchange.arrival.node->udp_octets_max));
            octets = std::min(octets, client);
        }
        return octets;
    }
    /// Without what the OPT takes.
    static std::uint32_t limit(const Exchange& exchange, const Query& query) noexcept {
        return static_cast<std::uint32_t>(response_octets_max(exchange, query)) -
               option_octets(exchange, query);
    }

    /// How the answer goes on after one name of the chain.
    enum class Link : std::uint8_t {
        settled,  // it does not: all is said
        follow,   // with the next name
    };
    /// The next name of a chain, and where it stands in the response.
    struct Next {
        zone::LookupName& name;
        std::uint32_t at = 0;
    };

    void answer() noexcept;
    const std::uint8_t* hinted_zone() noexcept;
    bool enter_zone(const Step& step) noexcept;
    Link answer_name(const Step& step, bool may_follow, Next& next) noexcept;
    Link answer_match(const Step& step, const Match& match, bool may_follow, Next& next) noexcept;
    bool may_visit(std::uint64_t hash, std::size_t links) noexcept;
    void answer_chaos() noexcept;
    bool leave_to_caller() noexcept;
    void report() noexcept;
    void finish() noexcept;
    void close_over_budget() noexcept;
    void put_header(std::uint8_t* out) const noexcept;
    std::uint32_t put_opt(std::uint8_t* out, std::uint32_t at) const noexcept;
    std::uint32_t put_tsig_error(std::uint8_t* out, std::uint32_t at) const noexcept;
    void settle(Rcode rcode) noexcept { rcode_ = rcode; }
    void settle(Rcode rcode, dns::Ede ede) noexcept {
        rcode_ = rcode;
        ede_ = static_cast<std::uint16_t>(ede);
        has_ede_ = true;
    }
    void settle(Rcode rcode, dns::Ede ede, std::string_view text) noexcept {
        // Header, question, OPT, keepalive, cookie, NSID and this.
        static_assert(dns::header_octets + 259 + 11 + 6 + 28 + 4 + nsid_octets_max + 6 +
                          catalogue::ede_text_octets_max <=
                      512);
        settle(rcode, ede);
        ede_text_ = text;
    }
    void need(bool fits) noexcept { truncated_ = truncated_ || !fits; }

    const std::uint8_t* find_zone(const Step& step, std::uint8_t& labels) const noexcept;
    bool seen(std::uint64_t hash) noexcept;
    std::uint32_t dname_at_or_none(NodeRef node) const noexcept;
    bool stands_already(const Match& match) const noexcept {
        return match.kind == Kind::exact && dname_at_or_none(match.node) != 0;
    }

    Owner name_owner(const Step& step) const noexcept { return {step.at, step.name->size, {}, 0}; }
    Owner suffix_owner(const Step& step, std::size_t octets) const noexcept {
        return {octets == 1 ? 0 : reply_.locate(step.at, step.name->size, octets), octets, {}, 0};
    }
    Owner node_owner(const Step& step, NodeRef node) const noexcept;
    std::uint32_t wire_ttl(const RrSetRef& set) const noexcept { return set.ttl_wire; }

    void put_positive(const Step& step, const Match& match, const RrSetRef& set) noexcept;
    void put_any(const Step& step, const Match& match) noexcept;
    void put_signatures(const Step& step, const Match& match) noexcept;
    void put_referral(const Step& step, const Match& match) noexcept;
    void put_soa(const Step& step) noexcept;
    void put_nodata(const Step& step, const Match& match) noexcept;
    void put_nxdomain(const Step& step, const Match& match) noexcept;
    Link put_dname(const Step& step, const Match& match, Next& next) noexcept;
    bool put_alias(const Step& step, const Match& match) noexcept;

    bool proofs() const noexcept {
        return query_.dnssec_ok && image_.is(zone::image_flag::nsec | zone::image_flag::nsec3);
    }
    void prove_expansion(const Step& step, const Match& match) noexcept;
    void put_expansions() noexcept;
    void put_nsec(NodeRef node, const Owner& owner) noexcept;
    void put_nsec(const Step& step, NodeRef node) noexcept {
        put_nsec(node, node_owner(step, node));
    }
    void put_nsec_of_wildcard(const Step& step, const Match& match) noexcept;
    void put_nsec3(const std::uint8_t* item, Owner owner) noexcept;
    void put_nsec3(const Step& step, std::uint32_t index) noexcept {
        if (index != zone::none) put_nsec3(image_.nsec3_item(index), nsec3_owner(step));
    }
    Owner nsec3_owner(const Step& step) const noexcept;
    bool may_hash(const Step& step, std::uint32_t rounds) noexcept;
    std::uint32_t next_closer(const Step& step, std::size_t encloser_labels) noexcept;
    void cover_next_closer(const Step& step, std::size_t encloser_labels) noexcept {
        put_nsec3(step, next_closer(step, encloser_labels));
    }
    void prove_closest_encloser(const Step& step, std::size_t labels) noexcept;
    bool fresh_denial(const std::uint8_t* item) noexcept;

    Exchange& exchange_;
    const Query& query_;
    const catalogue::Table& table_;
    const Identity& node_;
    Reply reply_;
    ImageView image_{nullptr};
    std::uint32_t hash_rounds_ = 0;
    std::uint8_t apex_labels_ = 0;
    Rcode rcode_ = Rcode::noerror;
    std::uint16_t ede_ = 0;
    bool has_ede_ = false;
    std::string_view ede_text_;  // static
    bool authoritative_ = false;
    bool truncated_ = false;
    bool over_budget_ = false;  // its NSEC3 hashes would cost more than there is
    bool wildcard_ = false;
    std::uint8_t denial_count_ = 0;
    std::uint8_t dname_count_ = 0;
    std::uint8_t link_count_ = 0;
    std::uint8_t expansion_count_ = 0;
    const std::uint8_t* denials_[denials_max];
    // In a union so that they are not initialised: 2 KiB of zeros a query cost 25 ns.
    union {
        Expansion expansions_[links_max + 1];  // NOLINT(readability-identifier-naming): private
    };
    UsedDname dnames_[links_max];
    std::uint64_t links_[links_max + 1];
};

/// The zone for a name. For DS at an apex that is the zone above when it is here and has the cut
/// (RFC 4035 section 3.1.4.1).
const std::uint8_t* Responder::find_zone(const Step& step, std::uint8_t& labels) const noexcept {
    const zone::LookupName& name = *step.name;
    const std::uint8_t* own =
        catalogue::find_or_null(table_, name, *step.hashes, name.labels, labels);
    if (query_.qtype != RrType::ds || own == nullptr || labels == 0 || labels != name.labels)
        return own;
    std::uint8_t above_labels = 0;
    const std::uint8_t* above =
        catalogue::find_or_null(table_, name, *step.hashes, labels - std::size_t{1}, above_labels);
    if (above == nullptr) return own;
    // A zone above that cannot answer may have a DS: NODATA out of the child would deny it. One
    // that can and has no cut here is not the parent: its NXDOMAIN would deny the whole child.
    if (ImageView(above).state() == zone::State::serving) {
        const Match match = ImageView(above).find(name, above_labels);
        if (match.kind != Kind::delegation || match.encloser_labels != name.labels) return own;
    }
    labels = above_labels;
    return above;
}

bool Responder::seen(std::uint64_t hash) noexcept {
    for (std::size_t i = 0; i < link_count_; ++i)
        if (links_[i] == hash) return true;
    return false;
}

/// Owner of a record of the zone at hand that need not be part of the name: as much as they share
/// is pointed to.
Owner Responder::node_owner(const Step& step, NodeRef node) const noexcept {
    const base::Octets key = node.key();
    const zone::LookupName& name = *step.name;
    const std::size_t apex_octets = image_.apex_octets();
    std::uint8_t places[dns::name_labels_max + 1];
    std::size_t labels = 0;
    for (std::size_t at = 0; at < key.size(); at += key[at] + std::size_t{1})
        places[labels++] = static_cast<std::uint8_t>(at);
    std::size_t shared = 0;  // labels below the apex
    while (shared < labels && shared + apex_labels_ < name.labels) {
        const std::uint8_t* ours = key.data() + places[labels - 1 - shared];
        const std::uint8_t* theirs =
            name.octets + name.label_at[name.labels - apex_labels_ - 1U - shared];
        if (*ours != *theirs || std::memcmp(ours, theirs, *ours + std::size_t{1}) != 0) break;
        ++shared;
    }
    const std::size_t prefix = shared == labels ? key.size()
                               : shared == 0    ? key.size()
                                                : places[labels - shared];
    const std::size_t suffix = (shared == labels ? key.size() : key.size() - prefix) + apex_octets;
    if (shared == labels) return suffix_owner(step, key.size() + apex_octets);
    return {0, key.size() + apex_octets, key.first(prefix),
            suffix == 1 ? 0 : reply_.locate(step.at, name.size, suffix)};
}

/// Where the DNAME of a node stands in the message already, its RDATA; 0 when it does not. It can
/// redirect a chain to its own owner and then be asked for there: a record stands in an answer once
/// (RFC 2181 section 5).
std::uint32_t Responder::dname_at_or_none(NodeRef node) const noexcept {
    for (std::size_t i = 0; i < dname_count_; ++i)
        if (dnames_[i].node == node.at()) return dnames_[i].rdata_at;
    return 0;
}

void Responder::put_positive(const Step& step, const Match& match, const RrSetRef& set) noexcept {
    if (set.type == RrType::dname && stands_already(match)) return;
    need(reply_.put(Section::answer, set, name_owner(step), wire_ttl(set), no_ttl_max,
                    query_.dnssec_ok ? Reply::Signatures::with : Reply::Signatures::without));
    if (match.kind == Kind::wildcard && proofs()) prove_expansion(step, match);
}

/// RFC 8482 allows any subset. Over UDP none: TC sends those who mean it to TCP, and the others get
/// no amplification.
void Responder::put_any(const Step& step, const Match& match) noexcept {
    if (exchange_.arrival.transport == dns::Transport::udp) {
        truncated_ = true;
        return;
    }
    const auto signatures = query_.dnssec_ok ? Reply::Signatures::with : Reply::Signatures::without;
    // An RRset that does not fit is left out, as long as there is another.
    bool data = false, some = false;
    for (const std::uint8_t* at = match.node.rrsets(); *at != 0;) {
        const RrSetRef set = RrSetRef::decode(at);
        // PowerDNS's own types stand in an image so that their names exist and export has them.
        // They are no DNS: never answered. (ALIAS has an effect: see put_alias.)
        if (image_.hides(set.type)) {
            at = set.end;
            continue;
        }
        data |= set.count != 0;
        const bool here = set.type == RrType::dname && stands_already(match);
        some |= here;
        some |= set.count != 0 && !here &&
                reply_.put(Section::answer, set, name_owner(step), set.ttl_wire, no_ttl_max,
                           signatures);
        at = set.end;
    }
    if (!data) return put_nodata(step, match);  // signatures alone
    need(some);
    if (match.kind == Kind::wildcard && proofs()) prove_expansion(step, match);
}

void Responder::put_signatures(const Step& step, const Match& match) noexcept {
    for (const std::uint8_t* at = match.node.rrsets(); *at != 0;) {
        const RrSetRef set = RrSetRef::decode(at);
        // With DO the signatures of a DNAME that led here stand beside it already.
        const bool here = query_.dnssec_ok && set.type == RrType::dname && stands_already(match);
        if (set.has_signatures() && !here)
            need(reply_.put(Section::answer, set, name_owner(step), set.ttl_wire, no_ttl_max,
                            Reply::Signatures::only));
        at = set.end;
    }
    if (match.kind == Kind::wildcard && proofs()) prove_expansion(step, match);
}

void Responder::put_soa(const Step& step) noexcept {
    RrSetRef soa;
    if (!image_.apex_node().find(RrType::soa, soa)) return;
    const std::uint8_t* at = soa.records;
    const base::Octets rdata = zone::next_rdata(at);
    // RFC 2308 sections 3 and 5: the lesser of the SOA's TTL and its MINIMUM, which closes the
    // RDATA.
    const std::uint32_t minimum =
        std::min(soa.ttl(), base::load_u32(rdata.data() + rdata.size() - 4));
    need(reply_.put(Section::authority, soa, suffix_owner(step, image_.apex_octets()),
                    __builtin_bswap32(minimum), minimum,
                    query_.dnssec_ok ? Reply::Signatures::with : Reply::Signatures::without));
}

bool Responder::fresh_denial(const std::uint8_t* item) noexcept {
    for (std::size_t i = 0; i < denial_count_; ++i)
        if (denials_[i] == item) return false;
    if (denial_count_ == denials_max) return false;
    denials_[denial_count_++] = item;
    return true;
}

void Responder::put_nsec(NodeRef node, const Owner& owner) noexcept {
    RrSetRef nsec;
    if (!node || !node.find(RrType::nsec, nsec) || !fresh_denial(node.at())) return;
    need(reply_.put(Section::authority, nsec, owner, nsec.ttl_wire, no_ttl_max,
                    Reply::Signatures::with));
}

/// The hash's label is still to come before it.
Owner Responder::nsec3_owner(const Step& step) const noexcept {
    const std::size_t apex_octets = image_.apex_octets();
    return {0,
            33 + apex_octets,
            {},
            apex_octets == 1 ? 0 : reply_.locate(step.at, step.name->size, apex_octets)};
}

void Responder::put_nsec3(const std::uint8_t* item, Owner owner) noexcept {
    if (!fresh_denial(item)) return;
    std::uint8_t label[33];
    label[0] = 32;
    dns::to_base32hex(base::Octets(item, zone::nsec3_hash_octets), label + 1);
    owner.prefix = base::Octets(label, 33);
    const RrSetRef set = RrSetRef::decode(item + zone::nsec3_hash_octets);
    need(reply_.put(Section::authority, set, owner, set.ttl_wire, no_ttl_max,
                    Reply::Signatures::with));
}

/// Counts the rounds of one hash. False: the answer is not made, see `finish`.
bool Responder::may_hash(const Step& step, std::uint32_t rounds) noexcept {
    const std::uint32_t counted =
        rounds - std::min(rounds, hash_rounds_free - std::min(hash_rounds_free, hash_rounds_));
    hash_rounds_ += rounds;
    HashBudget* budget = exchange_.arrival.hash_budget;
    if (counted == 0 || budget == nullptr) return true;
    if (over_budget_ ||
        !budget->take(step.hashes->of[apex_labels_], counted, exchange_.arrival.now))
        over_budget_ = true;
    return !over_budget_;
}

/// RFC 5155 section 7.2.1: the NSEC3 that covers the name one label longer than the closest
/// encloser.
std::uint32_t Responder::next_closer(const Step& step, std::size_t encloser_labels) noexcept {
    const std::size_t labels = encloser_labels + 1;
    if (labels > step.name->labels || image_.nsec3_count() == 0) return zone::none;
    const RrSetRef set = RrSetRef::decode(image_.nsec3_item(0) + zone::nsec3_hash_octets);
    const std::uint8_t* at = set.records;
    const base::Octets parameters = zone::next_rdata(at);
    if (!may_hash(step, base::load_u16(&parameters[2]) + 1U)) return zone::none;
    std::uint8_t hash[zone::nsec3_hash_octets];
    zone::nsec3_hash(dns::NameView(step.name->suffix(step.name->labels - labels)), parameters,
                     hash);
    bool matches = false;
    return image_.nsec3_at_or_before(hash, matches);
}

/// RFC 5155 section 7.2.1, from the name's ancestor with `labels` labels upwards: with opt-out the
/// first that has an NSEC3 is the closest provable encloser.
void Responder::prove_closest_encloser(const Step& step, std::size_t labels) noexcept {
    for (;; --labels) {
        const NodeRef node = image_.ancestor(*step.name, apex_labels_, labels);
        if (node && node.nsec3_self() != zone::none) {
            put_nsec3(step, node.nsec3_self());
            break;
        }
        if (labels == apex_labels_) break;
    }
    cover_next_closer(step, labels);
}

/// A wildcard's answer needs the proof that the name itself is not there: RFC 4035 section 3.1.3.3,
/// RFC 5155 section 7.2.6.
void Responder::prove_expansion(const Step& step, const Match& match) noexcept {
    if (image_.is(zone::image_flag::nsec)) {
        const NodeRef node = image_.nsec_at_or_before(*step.name);
        expansions_[expansion_count_++] = {node.at(), node_owner(step, node), false};
    } else if (const std::uint32_t index = next_closer(step, match.encloser_labels);
               index != zone::none) {
        expansions_[expansion_count_++] = {image_.nsec3_item(index), nsec3_owner(step), true};
    }
}

void Responder::put_expansions() noexcept {
    for (std::size_t i = 0; i < expansion_count_; ++i) {
        const Expansion& expansion = expansions_[i];
        if (expansion.nsec3)
            put_nsec3(expansion.item, expansion.owner);
        else
            put_nsec(NodeRef(expansion.item), expansion.owner);
    }
}

/// The NSEC that covers the wildcard below the closest encloser: it is not there, or an empty
/// non-terminal.
void Responder::put_nsec_of_wildcard(const Step& step, const Match& match) noexcept {
    const base::Octets encloser =
        step.name->suffix(step.name->labels - std::size_t{match.encloser_labels});
    if (encloser.size() + 2 > dns::name_octets_max) return;  // no such wildcard can be
    zone::LookupName wildcard;
    wildcard.octets[0] = 1;
    wildcard.octets[1] = '*';
    std::memcpy(wildcard.octets + 2, encloser.data(), encloser.size());
    wildcard.size = static_cast<std::uint8_t>(encloser.size() + 2);
    wildcard.mark_labels();
    put_nsec(step, image_.nsec_at_or_before(wildcard));
}

void Responder::put_nodata(const Step& step, const Match& match) noexcept {
    put_soa(step);
    if (!proofs()) return;
    if (image_.is(zone::image_flag::nsec)) {
        // RFC 4035 sections 3.1.3.1 and 3.1.3.4. An empty non-terminal has no NSEC, the one before
        // covers it.
        RrSetRef nsec;
        const bool own = match.node.find(RrType::nsec, nsec);
        if (own) put_nsec(step, match.node);
        if (match.kind == Kind::wildcard || !own)
            put_nsec(step, image_.nsec_at_or_before(*step.name));
        if (match.kind == Kind::wildcard && !own) put_nsec_of_wildcard(step, match);
        return;
    }
    if (match.kind == Kind::wildcard) {  // RFC 5155 section 7.2.5
        prove_closest_encloser(step, match.encloser_labels);
        put_nsec3(step, match.node.nsec3_self());
    } else if (match.node.nsec3_self() != zone::none) {  // 7.2.3
        put_nsec3(step, match.node.nsec3_self());
    } else {  // 7.2.4, and empty non-terminals that only opted-out delegations make
        prove_closest_encloser(step, match.encloser_labels);
    }
}

void Responder::put_nxdomain(const Step& step, const Match& match) noexcept {
    put_soa(step);
    if (!proofs()) return;
    if (image_.is(zone::image_flag::nsec)) {  // RFC 4035 section 3.1.3.2
        put_nsec(step, image_.nsec_at_or_before(*step.name));
        put_nsec_of_wildcard(step, match);
        return;
    }
    // RFC 5155 section 7.2.2. Where the encloser has no NSEC3 (opt-out), the provable one's
    // wildcard is denied.
    prove_closest_encloser(step, match.encloser_labels);
    for (std::size_t labels = match.encloser_labels;; --labels) {
        const NodeRef node = image_.ancestor(*step.name, apex_labels_, labels);
        if (node && node.nsec3_self() != zone::none) {
            put_nsec3(step, node.nsec3_wildcard());
            return;
        }
        if (labels == apex_labels_) return;
    }
}

void Responder::put_referral(const Step& step, const Match& match) noexcept {
    RrSetRef ns;
    if (!match.node.find(RrType::ns, ns)) return;
    const std::size_t cut_octets = match.node.key().size() + image_.apex_octets();
    const Owner owner = suffix_owner(step, cut_octets);
    const std::uint32_t start = reply_.size();
    if (!reply_.put(Section::authority, ns, owner, ns.ttl_wire, no_ttl_max,
                    Reply::Signatures::without)) {
        truncated_ = true;
        return;
    }
    if (proofs()) {  // RFC 4035 section 3.1.4, RFC 5155 section 7.2.7
        RrSetRef ds;
        if (match.node.find(RrType::ds, ds)) {
            need(reply_.put(Section::authority, ds, owner, ds.ttl_wire, no_ttl_max,
                            Reply::Signatures::with));
        } else if (image_.is(zone::image_flag::nsec)) {
            put_nsec(step, match.node);
        } else if (match.node.nsec3_self() != zone::none) {
            put_nsec3(step, match.node.nsec3_self());
        } else {
            prove_closest_encloser(step, match.encloser_labels);
        }
    }
    put_expansions();  // before the glue, which is another section
    if (!ns.has_glue() || truncated_) return;
    const std::uint8_t* glue = ns.behind_records();
    if (ns.has_signatures()) {
        const unsigned signatures = *glue;
        glue += 5;
        for (unsigned i = 0; i < signatures; ++i) zone::next_rdata(glue);
    }
    const auto [in_domain, all] = RrSetRef::glue_counts(glue);
    unsigned record = 0;
    std::uint32_t at = start;  // of that NS record in the message
    for (unsigned i = 0; i < all; ++i, glue += 6) {
        const unsigned wanted = zone::load<std::uint16_t>(glue);
        if (wanted < record) {  // sibling glue starts over
            record = 0;
            at = start;
        }
        std::uint32_t rdata_at = reply_.rdata_of(at);
        for (; record < wanted; ++record) {
            at = rdata_at + base::load_u16(reply_.message() + rdata_at - 2);
            rdata_at = reply_.rdata_of(at);
        }
        const NodeRef target = image_.node_at(zone::load<std::uint32_t>(glue + 2));
        for (const RrType type : {RrType::a, RrType::aaaa}) {
            RrSetRef addresses;
            if (!target.find(type, addresses)) continue;
            const bool fits =
                reply_.put(Section::additional, addresses, {rdata_at, 2, {}, 0}, addresses.ttl_wire,
                           no_ttl_max, Reply::Signatures::without);
            if (!fits && i < in_domain)
                truncated_ = true;  // RFC 9471 section 3.1: in-domain glue has to be there
        }
    }
}

/// The name that a DNAME makes of `name`, whose last `owner_octets` are the DNAME's owner. False: it
/// would be longer than a name may be (RFC 6672 section 2.2).
bool dname_target(const RrSetRef& set, const zone::LookupName& name, std::size_t owner_octets,
                  zone::LookupName& target) noexcept {
    const std::uint8_t* records = set.records;
    const base::Octets rdata = zone::next_rdata(records);
    const std::size_t prefix = name.size - owner_octets;
    if (prefix + rdata.size() > dns::name_octets_max) return false;
    std::memcpy(target.octets, name.octets, prefix);
    std::memcpy(target.octets + prefix, rdata.data(), rdata.size());
    target.size = static_cast<std::uint8_t>(prefix + rdata.size());
    target.mark_labels();
    return true;
}

/// Puts the DNAME above the name, unless it stands in the answer already, and the CNAME that it
/// makes of the name.
Responder::Link Responder::put_dname(const Step& step, const Match& match, Next& next) noexcept {
    RrSetRef set;
    if (!match.node.find(RrType::dname, set)) return Link::settled;
    const std::size_t owner_octets = match.node.key().size() + image_.apex_octets();
    if (dname_at_or_none(match.node) == 0) {
        const Owner owner = suffix_owner(step, owner_octets);
        const std::uint32_t start = reply_.size();
        if (!reply_.put(Section::answer, set, owner, set.ttl_wire, no_ttl_max,
                        query_.dnssec_ok ? Reply::Signatures::with : Reply::Signatures::without)) {
            truncated_ = true;
            return Link::settled;
        }
        dnames_[dname_count_++] = {match.node.at(), reply_.rdata_of(start)};
    }
    zone::LookupName& target = next.name;
    if (!dname_target(set, *step.name, owner_octets, target)) {
        settle(Rcode::yxdomain);  // RFC 6672 section 2.2
        return Link::settled;
    }
    const std::size_t prefix = step.name->size - owner_octets;
    const UsedDname& last = dnames_[dname_count_ - 1];
    const std::uint32_t rdata_at = last.node == match.node.at() ? last.rdata_at : 0;
    const bool root = prefix + 1U == target.size;
    const bool pointed = rdata_at != 0 && rdata_at <= pointer_max && !root;
    const std::uint32_t start = reply_.size();
    // RFC 6672 section 3.1: with the DNAME's TTL, and without a signature.
    if (!reply_.put_record(Section::answer, name_owner(step), RrType::cname, dns::RrClass::in,
                           set.ttl(), base::Octets(target.octets, pointed ? prefix : target.size),
                           pointed ? rdata_at : 0)) {
        truncated_ = true;
        return Link::settled;
    }
    next.at = reply_.rdata_of(start);
    return query_.qtype == RrType::cname ? Link::settled : Link::follow;
}

/// Where the CNAME of `owner` leads. Its only pointer can be one into the owner name.
void cname_target(const RrSetRef& set, const zone::LookupName& owner,
                  zone::LookupName& target) noexcept {
    const std::uint8_t* records = set.records;
    const base::Octets rdata = zone::next_rdata(records);
    const std::size_t suffix =
        set.patch_count == 0 ? 0 : base::load_u16(rdata.data() + rdata.size() - 2) & 0xffU;
    const std::size_t labels = suffix == 0 ? rdata.size() : rdata.size() - 2;
    std::memcpy(target.octets, rdata.data(), labels);
    std::memcpy(target.octets + labels, owner.octets + owner.size - suffix, suffix);
    target.size = static_cast<std::uint8_t>(labels + suffix);
    target.mark_labels();
}

/// ALIAS: the addresses of its target, under the name that was asked for. Followed through CNAME,
/// DNAME and further ALIAS into zones served here, when the question is asked and not before, so
/// that they are right whatever changes there. False when there are none, which is NODATA: as
/// PowerDNS without a resolver. TTL: the least on the way. No signature covers the name and these
/// addresses together, so that none is given. A loop ends at `links_max`: it puts nothing into the
/// response, so that only time has to be bounded.
__attribute__((noinline)) bool Responder::put_alias(const Step& step, const Match& match) noexcept {
    RrSetRef set;
    if (!match.node.find(image_.alias_type(), set)) return false;
    zone::LookupName names[2];
    catalogue::SuffixHashes hashes;
    std::uint32_t ttl = no_ttl_max;
    const zone::LookupName* owner = step.name;
    NodeRef node = match.node;
    ImageView image = image_;
    std::uint8_t labels = apex_labels_;
    for (std::size_t links = 0; links < links_max; ++links) {
        zone::LookupName& target = names[links & 1U];
        ttl = std::min(ttl, set.ttl());
        const std::uint8_t* records = set.records;
        switch (set.type) {
            case RrType::cname:
                cname_target(set, *owner, target);
                break;
            case RrType::dname:
                if (!dname_target(set, *owner, node.key().size() + image.apex_octets(), target))
                    return false;
                break;
            default:
                target.assign(dns::NameView(zone::next_rdata(records)));
        }
        catalogue::hash_suffixes(target, table_.seed, hashes);
        const std::uint8_t* next = find_zone({&target, &hashes, 0}, labels);
        if (next == nullptr) return false;
        image = ImageView(next);
        if (image.state() != zone::State::serving) return false;
        const Match found = image.find(target, labels);
        if (found.kind == Kind::nxdomain || found.kind == Kind::delegation) return false;
        owner = &target;
        node = found.node;
        if (found.kind == Kind::dname) {
            if (!node.find(RrType::dname, set)) return false;
            continue;
        }
        if (node.find(query_.qtype, set)) {
            const std::uint32_t least = std::min(ttl, set.ttl());
            need(reply_.put(Section::answer, set, name_owner(step), __builtin_bswap32(least),
                            no_ttl_max, Reply::Signatures::without));
            return true;
        }
        if (!node.find(RrType::cname, set) && !node.find(image.alias_type(), set)) return false;
    }
    return false;
}

/// The image that the probe stage found by its tag, if it is the zone of the question.
const std::uint8_t* Responder::hinted_zone() noexcept {
    if (query_.image == nullptr || query_.qtype == RrType::ds) return nullptr;
    // The tag is only a hint: look at the apex.
    const ImageView hint(query_.image);
    const base::Octets suffix =
        query_.name.suffix(query_.name.labels - std::size_t{query_.image_labels});
    if (hint.apex_octets() != suffix.size() ||
        std::memcmp(hint.apex_at(), suffix.data(), suffix.size()) != 0)
        return nullptr;
    apex_labels_ = query_.image_labels;
    return query_.image;
}

/// Finds the zone of the question. False: all is said, the records of the zone do not matter.
bool Responder::enter_zone(const Step& step) noexcept {
    const std::uint8_t* found = hinted_zone();
    if (found == nullptr) found = find_zone(step, apex_labels_);
    // Transfers, NOTIFY and UPDATE are about a zone. For names that are no apex here the answer is
    // NOTAUTH (RFC 5936 section 2.2.1, RFC 2136 section 3.1.2).
    const bool transfer = query_.qtype == RrType::axfr || query_.qtype == RrType::ixfr;
    const bool of_zone = transfer || query_.opcode != dns::Opcode::query;
    if (found == nullptr || (of_zone && apex_labels_ != query_.name.labels)) {
        settle(of_zone ? Rcode::notauth : Rcode::refused, dns::Ede::not_authoritative);
        return false;
    }
    image_ = ImageView(found);
    exchange_.outcome.rate_key = static_cast<std::uint32_t>(query_.hashes.of[apex_labels_]);
    if (query_.opcode != dns::Opcode::query) {
        // NOTIFY and UPDATE: nobody may, unless somebody takes them.
        if (!leave_to_caller()) settle(Rcode::refused, dns::Ede::prohibited);
        return false;
    }
    switch (image_.state()) {
        case zone::State::serving:
            break;
        case zone::State::pending:
            settle(Rcode::servfail, dns::Ede::not_ready, catalogue::ede_text_of(image_.state()));
            return false;
        case zone::State::broken:
        case zone::State::unsigned_:
            settle(Rcode::servfail, dns::Ede::invalid_data, catalogue::ede_text_of(image_.state()));
            return false;
    }
    if (!transfer) return true;
    if (!leave_to_caller()) settle(Rcode::refused, dns::Ede::prohibited);
    return false;
}

/// Whether the caller has this message answered. The outcome says so then, and no response is made.
bool Responder::leave_to_caller() noexcept {
    HandOver kind = HandOver::none;
    if (query_.opcode == dns::Opcode::update && query_.qtype == RrType::soa)
        kind = HandOver::update;
    else if (query_.opcode == dns::Opcode::notify)
        kind = HandOver::notify;
    else if (query_.opcode == dns::Opcode::query && query_.qtype == RrType::ixfr)
        kind = HandOver::ixfr;
    else if (query_.opcode == dns::Opcode::query && query_.qtype == RrType::axfr &&
             exchange_.arrival.transport != dns::Transport::udp)
        kind = HandOver::axfr;  // RFC 5936 section 4.2: not over UDP
    if (query_.qclass != dns::RrClass::in || !exchange_.arrival.takes.has(kind)) return false;
    exchange_.outcome.handed_over = kind;
    exchange_.outcome.late_octets_max =
        static_cast<std::uint16_t>(response_octets_max(exchange_, query_));
    report();
    return true;
}

/// The facts about the query, for the outcome.
void Responder::report() noexcept {
    Outcome& outcome = exchange_.outcome;
    outcome.qtype = query_.qtype;
    outcome.opcode = query_.opcode;
    outcome.edns = query_.edns;
    outcome.dnssec_ok = query_.dnssec_ok;
    outcome.cookie_valid = query_.cookie_valid;
}

/// The answer at a node: one that the question names, or the wildcard that stands for it.
Responder::Link Responder::answer_match(const Step& step, const Match& match, bool may_follow,
                                        Next& next) noexcept {
    authoritative_ = true;
    wildcard_ = wildcard_ || match.kind == Kind::wildcard;
    exchange_.outcome.rate_key =
        match.kind == Kind::wildcard
            ? static_cast<std::uint32_t>(step.hashes->of[apex_labels_]) + 2
            : static_cast<std::uint32_t>(query_.hashes.of[query_.name.labels]);
    RrSetRef set;
    if (!image_.hides(query_.qtype) && match.node.find(query_.qtype, set)) {
        put_positive(step, match, set);
    } else if (query_.qtype == RrType::any && !match.node.empty()) {
        put_any(step, match);
    } else if (query_.qtype == RrType::rrsig && query_.opcode == dns::Opcode::query &&
               !match.node.empty()) {
        const std::uint16_t before = reply_.count(Section::answer);
        put_signatures(step, match);
        if (reply_.count(Section::answer) == before && !truncated_) put_nodata(step, match);
    } else if (match.node.is(cname) && query_.qtype != RrType::nsec &&
               match.node.find(RrType::cname, set)) {
        // NSEC may stand beside a CNAME (RFC 4035 section 2.5), so a question for it is about this
        // name.
        if (!may_follow) return Link::settled;
        const std::uint32_t start = reply_.size();
        put_positive(step, match, set);
        if (truncated_) return Link::settled;
        cname_target(set, *step.name, next.name);
        next.at = reply_.rdata_of(start);
        return Link::follow;
    } else if ((query_.qtype != RrType::a && query_.qtype != RrType::aaaa) ||
               !put_alias(step, match)) {
        put_nodata(step, match);
    }
    return Link::settled;
}

/// Answers one name of the chain out of the zone at hand.
Responder::Link Responder::answer_name(const Step& step, bool may_follow, Next& next) noexcept {
    const Match match = image_.find(*step.name, apex_labels_);
    switch (match.kind) {
        case Kind::delegation:
            if (query_.qtype != RrType::ds || match.encloser_labels != step.name->labels) {
                put_referral(step, match);
                return Link::settled;
            }
            [[fallthrough]];  // DS at the cut is the parent's own
        case Kind::exact:
        case Kind::wildcard:
            return answer_match(step, match, may_follow, next);
        case Kind::nxdomain:
            authoritative_ = true;
            settle(Rcode::nxdomain);
            exchange_.outcome.rate_key =
                static_cast<std::uint32_t>(step.hashes->of[apex_labels_]) + 1;
            put_nxdomain(step, match);
            return Link::settled;
        case Kind::dname:
            authoritative_ = true;
            return may_follow ? put_dname(step, match, next) : Link::settled;
    }
    return Link::settled;
}

/// Whether the chain goes on with the name of that hash. False ends it with its links so far.
bool Responder::may_visit(std::uint64_t hash, std::size_t links) noexcept {
    if (links == 0) links_[link_count_++] = query_.hashes.of[query_.name.labels];
    if (seen(hash)) return false;  // a loop
    // Forty wildcards with 500 iterations each would be 2 ms of work for one packet.
    if (hash_rounds_ > hash_rounds_max) return false;
    if (link_count_ <= links_max) links_[link_count_++] = hash;
    return true;
}

void Responder::answer() noexcept {
    zone::LookupName names[2];
    catalogue::SuffixHashes hashes[2];
    Step step{&query_.name, &query_.hashes, dns::header_octets};
    if (!enter_zone(step)) return;
    for (std::size_t links = 0;; ++links) {
        Next next{names[links & 1U]};
        if (answer_name(step, links < links_max, next) == Link::settled || truncated_ ||
            over_budget_)
            return;
        catalogue::SuffixHashes& next_hashes = hashes[links & 1U];
        catalogue::hash_suffixes(next.name, table_.seed, next_hashes);
        if (!may_visit(next_hashes.of[next.name.labels], links)) return;
        step = {&next.name, &next_hashes, next.at};
        const std::uint8_t* zone = find_zone(step, apex_labels_);
        // Outside, or in a zone that cannot answer now: the chain so far is right, the resolver
        // asks for the rest.
        if (zone == nullptr || ImageView(zone).state() != zone::State::serving) return;
        image_ = ImageView(zone);
    }
}

void Responder::answer_chaos() noexcept {
    static constexpr struct {
        std::string_view name;
        bool version;
    } names[] = {{"\7version\4bind", true},
                 {"\7version\6server", true},
                 {"\10hostname\4bind", false},
                 {"\2id\6server", false}};
    if (query_.opcode != dns::Opcode::query) return settle(Rcode::notauth);
    const std::string_view asked(reinterpret_cast<const char*>(query_.name.octets),
                                 query_.name.size - std::size_t{1});
    for (const auto& [name, version] : names) {
        if (asked != name) continue;
        const std::string& text = version ? node_.version : node_.hostname;
        if (text.empty()) break;
        authoritative_ = true;
        if (query_.qtype != RrType::txt && query_.qtype != RrType::any) return;
        std::uint8_t rdata[256];
        const std::size_t octets = std::min<std::size_t>(text.size(), 255);
        rdata[0] = static_cast<std::uint8_t>(octets);
        // NOLINTNEXTLINE(bugprone-not-null-terminated-result): a character-string has its length.
        std::memcpy(rdata + 1, text.data(), octets);
        need(reply_.put_record(Section::answer, {dns::header_octets, query_.name.size, {}, 0},
                               RrType::txt, dns::RrClass::ch, chaos_ttl,
                               base::Octets(rdata, octets + 1), 0));
        return;
    }
    settle(Rcode::refused);
}

void Responder::run() noexcept {
    // First, because names further down may point into it.
    if (query_.has_question)
        std::memcpy(exchange_.response.data() + dns::header_octets,
                    exchange_.query.data() + dns::header_octets,
                    query_.question_end - dns::header_octets);
    switch (query_.verdict) {
        case Verdict::answer:
            if (query_.has_question) {
                answer();
                if (exchange_.outcome.handed_over != HandOver::none) [[unlikely]]
                    return;
                put_expansions();
            }
            break;
        case Verdict::drop:
            return;
        case Verdict::formerr:
            settle(Rcode::formerr);
            break;
        case Verdict::notimp:
            settle(Rcode::notimp);
            break;
        case Verdict::badvers:
            settle(Rcode::badvers);
            break;
        case Verdict::refused:
            settle(Rcode::refused);
            break;
        case Verdict::notauth:
            // Signed, and no key is known here: RFC 8945 section 5.2. A taker may know it.
            if (query_.has_question && leave_to_caller()) return;
            settle(Rcode::notauth);
            break;
        case Verdict::chaos:
            answer_chaos();
            break;
    }
    finish();
}

/// An answer without its proof would be bogus.
void Responder::close_over_budget() noexcept {
    // Over TCP the client's address is its own, but its questions may still be a flood: the
    // resolver asks another server, or later.
    truncated_ = exchange_.arrival.transport == dns::Transport::udp;
    if (truncated_) return;
    reply_.truncate(query_.question_end);
    authoritative_ = false;
    settle(Rcode::servfail, dns::Ede::unsupported_nsec3_iterations);
}

void Responder::put_header(std::uint8_t* out) const noexcept {
    const auto rcode = static_cast<std::uint16_t>(rcode_);
    std::uint16_t flags =
        static_cast<std::uint16_t>(flag_qr | (static_cast<unsigned>(query_.opcode) << 11) |
                                   (query_.flags & flag_rd) | (rcode & 15U));
    if (authoritative_ && query_.qclass != dns::RrClass::any)
        flags |= flag_aa;  // RFC 1035 section 6.2: never for QCLASS *
    if (truncated_) flags |= flag_tc;
    base::store_u16(out, query_.id);
    base::store_u16(out + 2, flags);
    base::store_u16(out + 4, query_.has_question ? 1 : 0);
    base::store_u16(out + 6, reply_.count(Section::answer));
    base::store_u16(out + 8, reply_.count(Section::authority));
    base::store_u16(out + 10, static_cast<std::uint16_t>(reply_.count(Section::additional) +
                                                         (query_.edns ? 1 : 0)));
}

/// Writes the OPT record at `at`; gives where it ends. `limit` has left room for it.
std::uint32_t Responder::put_opt(std::uint8_t* out, std::uint32_t at) const noexcept {
    std::uint8_t* opt = out + at;
    opt[0] = 0;
    base::store_u16(opt + 1, static_cast<std::uint16_t>(RrType::opt));
    base::store_u16(opt + 3, node_.udp_octets_max);
    opt[5] = static_cast<std::uint8_t>(static_cast<std::uint16_t>(rcode_) >> 4);
    opt[6] = 0;  // version
    base::store_u16(opt + 7, query_.dnssec_ok ? 0x8000 : 0);
    std::uint8_t* option = opt + 11;
    if (query_.has_cookie) {
        base::store_u16(option, option_cookie);
        base::store_u16(option + 2, client_cookie_octets + server_cookie_octets);
        std::memcpy(option + 4, query_.client_cookie, client_cookie_octets);
        make_server_cookie(query_.client_cookie, exchange_.arrival.client,
                           exchange_.arrival.now.unix_seconds(), node_.cookies.current,
                           option + 4 + client_cookie_octets);
        option += 4 + client_cookie_octets + server_cookie_octets;
    }
    if (query_.wants_nsid && !node_.nsid.empty()) {
        const std::size_t octets = std::min(node_.nsid.size(), nsid_octets_max);
        base::store_u16(option, option_nsid);
        base::store_u16(option + 2, static_cast<std::uint16_t>(octets));
        std::memcpy(option + 4, node_.nsid.data(), octets);
        option += 4 + octets;
    }
    if (query_.wants_keepalive && node_.tcp_keepalive != 0) {
        base::store_u16(option, option_keepalive);
        base::store_u16(option + 2, 2);
        base::store_u16(option + 4, node_.tcp_keepalive);
        option += 6;
    }
    if (has_ede_) {  // only with answers that are short: question and OPT
        base::store_u16(option, option_ede);
        base::store_u16(option + 2, static_cast<std::uint16_t>(2 + ede_text_.size()));
        base::store_u16(option + 4, ede_);
        if (!ede_text_.empty()) std::memcpy(option + 6, ede_text_.data(), ede_text_.size());
        option += 6 + ede_text_.size();
    }
    base::store_u16(opt + 9, static_cast<std::uint16_t>(option - opt - 11));
    return static_cast<std::uint32_t>(option - out);
}

/// Writes at `at` that the key of the query's TSIG is not known, if there is room; gives the end.
std::uint32_t Responder::put_tsig_error(std::uint8_t* out, std::uint32_t at) const noexcept {
    std::uint8_t tsig[tsig_error_octets_max];
    const std::size_t octets = make_tsig_error(exchange_.query, query_.tsig_at, tsig);
    // Two long names may not fit: NOTAUTH alone says enough.
    if (at + octets > response_octets_max(exchange_, query_)) return at;
    std::memcpy(out + at, tsig, octets);
    base::store_u16(out + 10, static_cast<std::uint16_t>(query_.edns ? 2 : 1));
    return at + static_cast<std::uint32_t>(octets);
}

void Responder::finish() noexcept {
    std::uint8_t* out = exchange_.response.data();
    if (over_budget_) close_over_budget();
    // A client that is told to come again over TCP needs nothing more (RFC 2181 section 9).
    if (truncated_) reply_.truncate(query_.question_end);
    std::uint32_t at = reply_.size();
    put_header(out);
    if (query_.edns) at = put_opt(out, at);
    if (query_.verdict == Verdict::notauth && query_.tsig_at != 0) at = put_tsig_error(out, at);

    Outcome& outcome = exchange_.outcome;
    outcome.response_octets = static_cast<std::uint16_t>(at);
    outcome.rcode = rcode_;
    outcome.truncated = truncated_;
    outcome.wildcard = wildcard_;
    report();
}

/// Reads one query; when the zones decide, hashes its name and asks for the table's cache lines.
void stage_parse(const Exchange& exchange, Query& query, const catalogue::Table& table) noexcept {
    parse(exchange, query);
    if (query.verdict != Verdict::answer || !query.has_question) return;
    catalogue::hash_suffixes(query.name, table.seed, query.hashes);
    for (std::size_t n = 0; n <= query.name.labels; ++n)
        if (table.has_depth(n)) catalogue::prefetch(table, query.hashes.of[n]);
}

/// Finds the image by its tag and asks for its first cache lines.
void stage_probe(Query& query, const catalogue::Table& table) noexcept {
    if (query.verdict != Verdict::answer || !query.has_question) return;
    for (std::size_t n = query.name.labels + std::size_t{1}; n-- > 0;) {
        if (!table.has_depth(n)) continue;
        const std::uint8_t* image = catalogue::probe_tag_or_null(table, query.hashes.of[n]);
        if (image == nullptr) continue;
        query.image = image;
        query.image_labels = static_cast<std::uint8_t>(n);
        for (std::size_t line = 0; line < prefetch_lines; ++line)
            __builtin_prefetch(image + 64 * line);
        return;
    }
}

}  // namespace

bool HashBudget::take(std::uint64_t zone, std::uint32_t rounds, base::Instant now) noexcept {
    constexpr std::int64_t second = 1'000'000'000;
    if (now.nanoseconds < since_.nanoseconds || now.nanoseconds - second >= since_.nanoseconds) {
        since_ = now;
        left_ = of_a_second_;
        used_.fill(0);
    }
    std::uint32_t& used = used_[zone % used_.size()];
    if (std::uint64_t{used} + 2 * std::uint64_t{rounds} > left_) return false;
    used += rounds;
    left_ -= rounds;
    return true;
}

void respond(std::span<Exchange> batch, const catalogue::Catalogue& zones) noexcept {
    const catalogue::Table& table = zones.table();
    Query queries[batch_max];  // 50 KiB of stack, of which each query touches some 300 octets
    while (!batch.empty()) {
        const std::size_t count = std::min(batch.size(), std::size(queries));
        for (std::size_t i = 0; i < count; ++i) stage_parse(batch[i], queries[i], table);
        for (std::size_t i = 0; i < count; ++i) stage_probe(queries[i], table);
        for (std::size_t i = 0; i < count; ++i) {
            batch[i].outcome = {};
            Responder(batch[i], queries[i], table).run();
        }
        batch = batch.subspan(count);
    }
}

Outcome respond(base::Octets query, const Arrival& arrival, const catalogue::Catalogue& zones,
                base::MutableOctets response) noexcept {
    Exchange one{query, response, arrival, {}};
    respond(std::span(&one, 1), zones);
    return one.outcome;
}

}  // namespace zc::answer
