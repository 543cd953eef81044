// The faults of a response by the reading of zone data.
#include <algorithm>
#include <array>
#include <utility>

#include "compare/denial.h"
#include "compare/reading.h"
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

std::string text(NameView name) {
    return dns::to_string(name);
}
std::string text(RrType type) {
    return dns::to_string(type);
}

constexpr std::size_t npos = static_cast<std::size_t>(-1);

/// Records of one owner, type and class, as far as a section has them.
struct Group {
    Name owner;
    RrType type{};
    dns::RrClass rr_class{};
    std::vector<const Record*> records;
    std::size_t first = 0;  // place of the first one in its section
};

RrType covered(const Record& signature) {
    return signature.rdata.size() < 2 ? RrType{}
                                      : static_cast<RrType>(base::load_u16(signature.rdata.data()));
}

std::vector<Group> groups_of(const std::vector<Record>& section) {
    std::vector<Group> out;
    for (std::size_t i = 0; i < section.size(); ++i) {
        const Record& record = section[i];
        auto group = std::ranges::find_if(out, [&](const Group& one) {
            return one.type == record.type && one.rr_class == record.rr_class &&
                   dns::equal(one.owner, record.owner);
        });
        if (group == out.end())
            group = out.insert(out.end(), {record.owner, record.type, record.rr_class, {}, i});
        group->records.push_back(&record);
    }
    return out;
}

bool is_dnssec(RrType type) {
    return type == RrType::rrsig || type == RrType::nsec || type == RrType::nsec3;
}

class Checker {
public:
    Checker(const Reading& reading, const QueryFacts& query, const dns::Message& response,
            RuleSet& taken, const Policy& policy)
        : reading_(reading),
          query_(query),
          response_(response),
          taken_(taken),
          policy_(policy),
          answer_(groups_of(response.answer)),
          authority_(groups_of(response.authority)),
          additional_(groups_of(response.additional)) {}

    std::vector<Fault> run() {
        check();
        std::ranges::stable_sort(faults_, {}, &Fault::what);
        return std::move(faults_);
    }

private:
    using Asks = Reading::Asks;

    void fault(What what, std::string sentence, std::string clause, std::size_t step) {
        faults_.push_back({what, std::move(sentence), std::move(clause), step});
    }
    std::size_t last_step() const { return reading_.steps.empty() ? 0 : reading_.steps.size() - 1; }
    bool is_refusal() const {
        return response_.answer.empty() &&
               (response_.rcode == Rcode::refused || response_.rcode == Rcode::notimp ||
                response_.rcode == Rcode::formerr || response_.rcode == Rcode::notauth);
    }

    void check() {
        header();
        switch (reading_.asks) {
            case Asks::server_identity:
                taken_.add(Rule::server_identity);
                return;
            case Asks::other_class:
                if (!is_refusal())
                    fault(What::rcode,
                          dns::to_string(response_.rcode) + " for a class that no zone here has",
                          "RFC 1035 section 4.1.1", last_step());
                return;
            case Asks::transfer:
                // A transfer, its refusal in some form, "come over TCP", an IXFR's single SOA.
                if (response_.rcode == Rcode::noerror || is_refusal()) return;
                break;
            case Asks::meta_type:
                if (is_refusal()) return;
                break;
            case Asks::zone_data:
                break;
        }
        // "Come over TCP" before anything is looked up (RFC 8482 section 4.4).
        if (query_.qtype == RrType::any && response_.tc && response_.rcode == Rcode::noerror &&
            response_.answer.empty() && reading_.asks == Asks::zone_data) {
            taken_.add(Rule::any_subset);
            return;
        }
        // Some servers refuse class ANY; RFC 1034 section 3.7.1 does not ask for more.
        if (query_.qclass == dns::RrClass::any && is_refusal()) return;
        if (!reading_.served || !reading_.readable) {
            rcode(reading_.rcode);
            if (!reading_.served) {
                authoritative(false);
                if (!response_.answer.empty())
                    fault(What::answer, "records for a name that is in no zone here",
                          "RFC 1034 section 4.3.2", last_step());
                if (!response_.authority.empty())
                    fault(What::authority,
                          "records in AUTHORITY for a name that is in no zone here",
                          "RFC 1034 section 4.3.2", last_step());
            }
            return;
        }
        if (reading_.asks == Asks::transfer) {
            rcode(Rcode::refused);
            return;
        }
        if (response_.tc) {
            truncated();
            return;
        }
        if (gives_up()) return;
        choose();
        rcode(stop_ ? Rcode::noerror : reading_.rcode);
        authoritative(reading_.authoritative);
        answers();
        authority();
        glue();
        proofs();
    }

    void header() {
        if (!response_.qr)
            fault(What::flags, "a message without QR, which is no response",
                  "RFC 1035 section 4.1.1", 0);
        if (response_.opcode != dns::Opcode::query)
            fault(What::flags, "opcode " + dns::to_string(response_.opcode) + " for a query",
                  "RFC 1035 section 4.1.1", 0);
        if (response_.rd != query_.recursion_desired)
            fault(What::flags, "RD other than in the query", "RFC 1035 section 4.1.1", 0);
        // Servers without EDNS are none that ask or answer here, so one of these is a mistake.
        const bool regular =
            response_.rcode == Rcode::noerror || response_.rcode == Rcode::nxdomain;
        if (regular && response_.edns.has_value() != query_.edns)
            fault(What::cosmetic,
                  query_.edns ? "no OPT for a query with EDNS" : "OPT for a query without EDNS",
                  "RFC 6891 section 6.1.1, section 7", 0);
        if (response_.cd)
            fault(What::flags, "CD, which an authoritative answer clears", "RFC 4035 section 3.1.6",
                  0);
        if (response_.z) fault(What::flags, "Z, which is reserved", "RFC 1035 section 4.1.1", 0);
    }

    void rcode(Rcode wanted) {
        if (response_.rcode == wanted) return;
        fault(What::rcode,
              dns::to_string(response_.rcode) + " for " +
                  (reading_.ends.empty() ? std::string("this question") : reading_.ends),
              reading_.ends_clause.empty() ? "RFC 1035 section 4.1.1" : reading_.ends_clause,
              last_step());
    }
    void authoritative(bool wanted) {
        if (response_.aa == wanted) return;
        // A server that gives up or refuses has one fault by that, not two.
        if (response_.rcode != reading_.rcode && response_.rcode != Rcode::nxdomain &&
            response_.rcode != Rcode::noerror)
            return;
        if (!wanted)
            fault(What::flags,
                  query_.qclass == dns::RrClass::any ? "AA for class ANY"
                  : reading_.cut                     ? "AA in a referral"
                                                     : "AA for a name that is in no zone here",
                  query_.qclass == dns::RrClass::any ? "RFC 1035 section 6.2"
                                                     : "RFC 1034 section 4.3.2 step 3b",
                  last_step());
        else
            fault(What::flags, "no AA, although the first name is in a zone here",
                  "RFC 1035 section 4.1.1, RFC 1034 section 4.3.2 step 3a", 0);
    }

    void truncated() {
        if (query_.qtype == RrType::any) taken_.add(Rule::any_subset);
        // Where ANSWER did not fit, RCODE is perhaps that of the chain so far.
        if (!(reading_.links != 0 && response_.rcode == Rcode::noerror)) rcode(reading_.rcode);
        authoritative(reading_.authoritative);
    }

    /// SERVFAIL where a rule allows it.
    bool gives_up() {
        if (response_.rcode != Rcode::servfail) return false;
        for (const Reading::Stop& stop : reading_.may_stop) {
            if (!stop.or_servfail) continue;
            std::size_t matched = 0;
            for (const Group& group : answer_) {
                if (group.type == RrType::rrsig) continue;
                if (matched == reading_.links || !is(group, reading_.answer[matched])) return false;
                ++matched;
            }
            taken_.add(stop.rule);
            return true;
        }
        return false;
    }

    static bool is(const Group& group, const RrSet& set) {
        return group.type == set.type && group.rr_class == dns::RrClass::in &&
               dns::equal(group.owner, set.owner);
    }
    std::size_t links_given() const {
        return static_cast<std::size_t>(std::ranges::count_if(
            answer_, [](const Group& group) { return group.type != RrType::rrsig; }));
    }
    const Group* find(const std::vector<Group>& section, NameView owner, RrType type) const {
        for (const Group& group : section)
            if (group.type == type && dns::equal(group.owner, owner)) return &group;
        return nullptr;
    }

    /// Whether the response is one that ends before the reading does.
    void choose() {
        wanted_ = reading_.answer.size();
        const std::size_t given = links_given();
        if (given > wanted_ || response_.rcode != Rcode::noerror) return;
        const bool has_soa = std::ranges::any_of(
            authority_, [](const Group& one) { return one.type == RrType::soa; });
        if (given == wanted_) {
            // The same RRsets: what else it has tells which it is.
            const bool is_complete =
                reading_.rcode == Rcode::noerror && !reading_.soa && !reading_.cut;
            const bool has_cut =
                reading_.cut && find(authority_, reading_.cut->owner, RrType::ns) != nullptr;
            if (is_complete || has_cut || (has_soa && reading_.soa)) return;
        }
        // Several rules may let it end there: best the one whose AUTHORITY fits too.
        for (const Reading::Stop& stop : reading_.may_stop) {
            if (stop.rrsets != given || (stop.soa && !has_soa)) continue;
            // With the SOA that closes the whole chain, a link is missing.
            if (!stop.soa && reading_.soa && find(authority_, reading_.soa->owner, RrType::soa))
                continue;
            if (stop_ == nullptr || (has_soa && stop.soa)) stop_ = &stop;
        }
        if (stop_ == nullptr) return;
        wanted_ = given;
        taken_.add(stop_->rule);
    }

    // ------------------------------------------------------------------ RRsets

    void same_set(const Group& group, const RrSet& set, What what, std::size_t step,
                  const std::string& where) {
        std::vector<Rdata> wanted, given;
        for (const Rdata& rdata : set.rdatas) wanted.push_back(canonical_rdata(set.type, rdata));
        for (const Record* record : group.records)
            given.push_back(canonical_rdata(set.type, record->rdata));
        std::ranges::sort(wanted);
        std::ranges::sort(given);
        wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
        const std::string of = text(set.type) + " of " + text(set.owner) + where;
        if (std::ranges::adjacent_find(given) != given.end()) {
            fault(what, "a record twice among " + of, "RFC 2181 section 5", step);
            given.erase(std::unique(given.begin(), given.end()), given.end());
        }
        if (set.type == RrType::soa && wanted.size() == 1 && given.size() == 1 &&
            serial_only(wanted[0], given[0]))
            given = wanted;
        for (const Rdata& rdata : given)
            if (!std::ranges::binary_search(wanted, rdata)) {
                fault(what,
                      of + " with the data " + dns::rdata_text(set.type, rdata) +
                          ", which the zone has not",
                      "RFC 1034 section 4.3.2, RFC 2181 section 5", step);
                break;
            }
        for (const Rdata& rdata : wanted)
            if (!std::ranges::binary_search(given, rdata)) {
                fault(what,
                      of + " without the data " + dns::rdata_text(set.type, rdata) +
                          ", which the zone has",
                      "RFC 1034 section 4.3.2, RFC 2181 section 5", step);
                break;
            }
    }
    /// SOAs that differ in their serials, by no more than the policy allows.
    bool serial_only(const Rdata& wanted, const Rdata& given) {
        const auto lag = serials_apart(wanted, given);
        if (!lag || *lag == 0 || !policy_.rules.has(Rule::serial) || *lag > policy_.serial_lag)
            return false;
        taken_.add(Rule::serial);
        return true;
    }

    bool ttl_is(std::uint32_t given, std::uint32_t wanted) {
        if (given == wanted) return true;
        if (!policy_.rules.has(Rule::ttl)) return false;
        const std::uint32_t apart = given > wanted ? given - wanted : wanted - given;
        if (apart > policy_.ttl_tolerance) return false;
        taken_.add(Rule::ttl);
        return true;
    }
    void same_ttl(const Group& group, std::uint32_t wanted, std::size_t step, const char* clause) {
        for (const Record* record : group.records)
            if (!ttl_is(record->ttl, wanted)) {
                fault(What::ttl,
                      "TTL " + std::to_string(record->ttl) + " of " + text(group.owner) + " " +
                          text(group.type) + ", where " + std::to_string(wanted) + " is right",
                      clause, step);
                return;
            }
    }

    /// RRSIGs over `set` in `section`, against those that the zone has.
    void signatures(const std::vector<Group>& section, const RrSet& set,
                    const std::vector<Rdata>& zone_has, std::size_t step) {
        if (!query_.dnssec_ok) return;  // said once for all of the message
        std::size_t count = 0;
        if (const Group* group = find(section, set.owner, RrType::rrsig))
            for (const Record* record : group->records) {
                if (covered(*record) != set.type) continue;
                ++count;
                if (std::ranges::find(zone_has, record->rdata) == zone_has.end())
                    taken_.add(Rule::signatures);
            }
        if (zone_has.empty() == (count == 0)) return;
        if (count == 0)
            fault(What::proofs,
                  "no RRSIG over " + text(set.type) + " of " + text(set.owner) +
                      ", which the zone has signed",
                  "RFC 4035 section 3.1.1", step);
        else
            fault(What::proofs,
                  "an RRSIG over " + text(set.type) + " of " + text(set.owner) +
                      ", which the zone has not signed",
                  "RFC 4035 section 3.1.1", step);
    }

    // ------------------------------------------------------------------ ANSWER

    bool asks_for_several() const {
        return query_.qtype == RrType::any || query_.qtype == RrType::rrsig;
    }

    void answers() {
        const bool several = asks_for_several() && wanted_ > reading_.links;
        const std::size_t fixed = several ? reading_.links : wanted_;
        std::vector<bool> known(answer_.size(), false);
        const auto place_of = [&](const RrSet& set) {
            for (std::size_t i = 0; i < answer_.size(); ++i)
                if (is(answer_[i], set)) return i;
            return npos;
        };
        std::size_t behind = 0;
        bool in_order = true;
        for (std::size_t i = 0; i < fixed; ++i) {
            const RrSet& set = reading_.answer[i];
            const Reading::Fact& fact = reading_.facts[i];
            const std::size_t at = place_of(set);
            if (at == npos) {
                fault(What::answer, "no " + text(set.type) + " of " + text(set.owner),
                      set.type == RrType::dname || fact.synthesised ? "RFC 6672 section 3.1"
                                                                    : "RFC 1034 section 4.3.2",
                      fact.step);
                continue;
            }
            known[at] = true;
            if (answer_[at].first < behind) in_order = false;
            behind = answer_[at].first;
            same_set(answer_[at], set, What::answer, fact.step, "");
            if (fact.synthesised && answer_[at].records[0]->ttl == 0 && set.ttl != 0)
                taken_.add(Rule::dname_cname_ttl);
            else
                same_ttl(answer_[at], set.ttl, fact.step, "RFC 2181 section 5.2");
            signatures(answer_, set, fact.signatures, fact.step);
        }
        if (!in_order)
            fault(What::answer, "the links of the chain in another order", "RFC 1034 section 4.3.1",
                  reading_.facts[0].step);
        if (several) some_of(known);
        for (std::size_t i = 0; i < answer_.size(); ++i) {
            if (known[i]) continue;
            const Group& group = answer_[i];
            if (group.type == RrType::rrsig) {
                stray_signature(group);
                continue;
            }
            if (is_computed(group)) continue;
            fault(
                What::answer,
                text(group.type) + " of " + text(group.owner) + " for " +
                    (reading_.ends.empty() || stop_ != nullptr ? "a question that has not led there"
                                                               : reading_.ends),
                reading_.ends_clause, last_step());
        }
    }

    /// RRSIGs in ANSWER that were not asked for.
    void stray_signature(const Group& group) {
        const bool asked = asks_for_several() && !reading_.answer.empty() &&
                           dns::equal(group.owner, reading_.answer.back().owner);
        if (asked) return;
        if (!query_.dnssec_ok) {
            not_asked_for(group);
            return;
        }
        for (const Record* record : group.records)
            if (find(answer_, group.owner, covered(*record)) == nullptr)
                fault(What::proofs,
                      "an RRSIG over " + text(covered(*record)) + " of " + text(group.owner) +
                          ", which is not there",
                      "RFC 4035 section 3.1.1", last_step());
    }
    void not_asked_for(const Group& group) {
        fault(What::proofs,
              text(group.type) + " of " + text(group.owner) + " in a response without DO",
              "RFC 4035 section 3.1, RFC 3225 section 3", last_step());
    }

    /// ANY and RRSIG: RRsets of the name, all or some.
    void some_of(std::vector<bool>& known) {
        std::size_t given = 0, all = 0;
        for (std::size_t i = reading_.links; i < reading_.answer.size(); ++i) {
            const RrSet& set = reading_.answer[i];
            const std::size_t step = reading_.facts[i].step;
            ++all;
            for (std::size_t at = 0; at < answer_.size(); ++at) {
                if (!is(answer_[at], set)) continue;
                known[at] = true;
                ++given;
                if (set.type == RrType::rrsig) {
                    some_signatures(answer_[at], set, step);
                    continue;
                }
                same_set(answer_[at], set, What::answer, step, "");
                same_ttl(answer_[at], set.ttl, step, "RFC 2181 section 5.2");
            }
        }
        if (given == all) return;
        if (given != 0) {
            taken_.add(Rule::any_subset);
            return;
        }
        // RFC 8482 section 4.2: a HINFO that says so.
        static constexpr std::string_view cpu = "\7RFC8482";
        for (std::size_t at = 0; at < answer_.size(); ++at) {
            const Group& group = answer_[at];
            if (group.type != RrType::hinfo ||
                !dns::equal(group.owner, reading_.answer.back().owner))
                continue;
            const Rdata& rdata = group.records[0]->rdata;
            if (rdata.size() < cpu.size() ||
                !std::equal(cpu.begin(), cpu.end(), rdata.begin(), [](char a, std::uint8_t b) {
                    return static_cast<std::uint8_t>(a) == b;
                }))
                continue;
            known[at] = true;
            taken_.add(Rule::any_subset);
            return;
        }
        if (query_.qtype == RrType::any && std::ranges::any_of(answer_, [&](const Group& one) {
                return one.type == RrType::rrsig &&
                       dns::equal(one.owner, reading_.answer.back().owner);
            })) {
            taken_.add(Rule::any_subset);
            return;
        }
        fault(What::answer,
              "nothing of what " + text(reading_.answer.back().owner) + " has, asked for " +
                  text(query_.qtype),
              "RFC 8482 section 4", last_step());
    }
    void some_signatures(const Group& group, const RrSet& set, std::size_t step) {
        std::size_t of_zone = 0;
        for (const Record* record : group.records) {
            const bool here = std::ranges::find(set.rdatas, record->rdata) != set.rdatas.end();
            if (here)
                ++of_zone;
            else if (std::ranges::any_of(set.rdatas, [&](const Rdata& rdata) {
                         return std::equal(rdata.begin(), rdata.begin() + 2, record->rdata.begin());
                     }))
                taken_.add(Rule::signatures);
            else
                fault(What::answer,
                      "an RRSIG over " + text(covered(*record)) + " of " + text(set.owner) +
                          ", which the zone has not signed",
                      "RFC 4035 section 3.1.1", step);
        }
        if (of_zone < set.rdatas.size()) taken_.add(Rule::any_subset);
    }

    bool is_computed(const Group& group) {
        if (!reading_.computed || stop_ != nullptr || !is(group, *reading_.computed)) return false;
        computed_given_ = true;
        if (!reading_.computed->rdatas.empty())
            for (const Record* record : group.records)
                if (std::ranges::find(reading_.computed->rdatas, record->rdata) ==
                    reading_.computed->rdatas.end())
                    fault(What::answer,
                          "an address of " + text(group.owner) + " that its ALIAS's target has not",
                          "", last_step());
        return true;
    }

    // ------------------------------------------------------------------ AUTHORITY

    void authority() {
        const std::optional<RrSet> none;
        const auto& soa = stop_ != nullptr ? stop_->soa : computed_given_ ? none : reading_.soa;
        const auto& cut = stop_ != nullptr ? stop_->cut : reading_.cut;
        const bool cut_needed = stop_ == nullptr && cut;
        const std::size_t step = last_step();
        bool has_soa = false, has_cut = false, has_ds = false;
        for (const Group& group : authority_) {
            const std::string of = text(group.type) + " of " + text(group.owner);
            if (group.type == RrType::soa) {
                if (soa && is(group, *soa)) {
                    has_soa = true;
                    same_set(group, *soa, What::authority, step, " in AUTHORITY");
                    // A question for SOA looks for the zone: some servers answer it with TTL 0,
                    // so that nobody caches where the zone is not (RFC 1035 section 3.2.1).
                    if (query_.qtype == RrType::soa && group.records[0]->ttl == 0 &&
                        policy_.rules.has(Rule::ttl))
                        taken_.add(Rule::ttl);
                    else
                        same_ttl(group, soa->ttl, step, "RFC 2308 section 3, section 5");
                    signatures(authority_, *soa,
                               stop_ != nullptr ? stop_->soa_signatures : reading_.soa_signatures,
                               step);
                } else if (!computed_given_) {
                    fault(What::authority,
                          of + (soa ? ", although the name is in " + text(soa->owner)
                                    : " in a response that is not negative"),
                          "RFC 2308 section 3", step);
                }
            } else if (group.type == RrType::ns) {
                if (cut && is(group, *cut)) {
                    has_cut = true;
                    same_set(group, *cut, What::authority, step, " in AUTHORITY");
                    same_ttl(group, cut->ttl, step, "RFC 2181 section 5.2");
                } else {
                    other_ns(group, cut_needed);
                }
            } else if (group.type == RrType::ds) {
                if (!query_.dnssec_ok) {
                    not_asked_for(group);
                } else if (stop_ != nullptr && cut && dns::equal(group.owner, cut->owner)) {
                    continue;
                } else if (reading_.ds && is(group, *reading_.ds) && stop_ == nullptr) {
                    has_ds = true;
                    same_set(group, *reading_.ds, What::proofs, step, " in AUTHORITY");
                    same_ttl(group, reading_.ds->ttl, step, "RFC 2181 section 5.2");
                    signatures(authority_, *reading_.ds, reading_.ds_signatures, step);
                } else {
                    fault(What::proofs, of + ", which is not to be there", "RFC 4035 section 3.1.4",
                          step);
                }
            } else if (is_dnssec(group.type)) {
                if (!query_.dnssec_ok) not_asked_for(group);
            } else {
                fault(What::authority, of + " in AUTHORITY", "RFC 1034 section 4.3.2", step);
            }
        }
        if (soa && !has_soa)
            fault(What::authority, "no SOA of " + text(soa->owner) + " in a negative response",
                  "RFC 2308 section 3", step);
        if (cut_needed && !has_cut)
            fault(What::authority, "no NS of the cut " + text(cut->owner),
                  "RFC 1034 section 4.3.2 step 3b", step);
        if (stop_ == nullptr && reading_.ds && query_.dnssec_ok && reading_.is_signed && !has_ds)
            fault(What::proofs, "no DS of the cut " + text(reading_.ds->owner),
                  "RFC 4035 section 3.1.4.1", step);
    }

    /// NS that no referral needs: the zone's own may be there, others mislead.
    void other_ns(const Group& group, bool referral) {
        for (const RrSet& ns : reading_.apex_ns) {
            if (referral || !is(group, ns)) continue;
            taken_.add(Rule::apex_ns);
            same_set(group, ns, What::authority, last_step(), " in AUTHORITY");
            same_ttl(group, ns.ttl, last_step(), "RFC 2181 section 5.2");
            return;
        }
        fault(What::authority,
              "NS of " + text(group.owner) + " in AUTHORITY, " +
                  (referral ? "which is not the cut" : "a referral that leads nowhere"),
              "RFC 1034 section 4.3.2 step 3b", last_step());
    }

    // ------------------------------------------------------------------ ADDITIONAL

    void glue() {
        if (stop_ != nullptr) return;
        for (const RrSet& set : reading_.glue) {
            const Group* group = find(additional_, set.owner, set.type);
            if (group == nullptr) {
                fault(What::glue,
                      "no " + text(set.type) + " of " + text(set.owner) +
                          ", without which the name server cannot be reached",
                      "RFC 9471 section 3.1", last_step());
                continue;
            }
            same_set(*group, set, What::glue, last_step(), " as glue");
            if (std::ranges::any_of(group->records, [&](const Record* record) {
                    return !ttl_is(record->ttl, set.ttl);
                }))
                fault(What::glue,
                      "another TTL of " + text(set.type) + " of " + text(set.owner) + " as glue",
                      "RFC 2181 section 5.2", last_step());
        }
        const auto is_glue = [&](const Group& group) {
            return std::ranges::any_of(reading_.glue,
                                       [&](const RrSet& set) { return is(group, set); });
        };
        if (std::ranges::any_of(additional_, [&](const Group& group) { return !is_glue(group); }))
            taken_.add(Rule::extra_additional);
    }

    // ------------------------------------------------------------------ proofs

    void proofs() {
        if (!query_.dnssec_ok) return;
        const Denials denials(response_.authority);
        for (const Proof& proof : reading_.proofs) {
            if (computed_given_ && proof.of != Proof::Of::expanded) continue;
            if (stop_ != nullptr && (stop_->rrsets == 0 || proof.of != Proof::Of::expanded ||
                                     proof.step > reading_.facts[stop_->rrsets - 1].step))
                continue;
            // An answer to ANY or RRSIG that has nothing of the wildcard needs no proof of it.
            if (!denials.prove(proof, query_.qtype))
                fault(What::proofs, Denials::wanted(proof, query_.qtype), Denials::clause(proof),
                      proof.step);
        }
        // A response that stops may have its proofs from a zone before the last.
        const bool is_signed = stop_ != nullptr ? reading_.any_signed : reading_.is_signed;
        for (const Group& group : authority_) {
            if (group.type != RrType::nsec && group.type != RrType::nsec3) continue;
            const Group* over = find(authority_, group.owner, RrType::rrsig);
            const bool is_over =
                over != nullptr && std::ranges::any_of(over->records, [&](const Record* record) {
                    return covered(*record) == group.type;
                });
            if (!is_over && is_signed)
                fault(What::proofs,
                      "no RRSIG over " + text(group.type) + " of " + text(group.owner),
                      "RFC 4035 section 3.1.3", last_step());
            if (!is_signed && reading_.proofs.empty())
                fault(What::proofs,
                      text(group.type) + " of " + text(group.owner) + ", although the zone " +
                          text(reading_.apex) + ", where the lookup ends, is not signed",
                      "RFC 4035 section 3.1.3", last_step());
        }
    }

    const Reading& reading_;
    const QueryFacts& query_;
    const dns::Message& response_;
    RuleSet& taken_;
    const Policy& policy_;
    std::vector<Group> answer_, authority_, additional_;
    std::vector<Fault> faults_;
    const Reading::Stop* stop_ = nullptr;
    std::size_t wanted_ = 0;  // so many RRsets of the reading's answer have to be there
    bool computed_given_ = false;
};

}  // namespace

std::vector<Fault> faults_of(const Reading& reading, const QueryFacts& query,
                             const dns::Message& response, RuleSet& taken, const Policy& policy) {
    RuleSet took = taken;
    std::vector<Fault> faults = Checker(reading, query, response, took, policy).run();
    if (!faults.empty())
        for (const Reading& other : reading.others) {
            RuleSet took_there = taken;
            if (!Checker(other, query, response, took_there, policy).run().empty()) continue;
            taken = took_there;
            taken.add(Rule::any_subset);
            return {};
        }
    taken = took;
    return faults;
}

std::optional<std::size_t> octets_wanted(const Reading& reading, const QueryFacts& query) {
    if (query.dnssec_ok) return std::nullopt;
    dns::Message message;
    message.questions.push_back({query.qname, query.qtype, query.qclass});
    if (query.edns) message.edns.emplace();
    const auto put = [](std::vector<Record>& section, const RrSet& set) {
        for (const Rdata& rdata : set.rdatas)
            section.push_back({set.owner, set.type, dns::RrClass::in, set.ttl, rdata});
    };
    for (const RrSet& set : reading.answer) put(message.answer, set);
    if (reading.soa) put(message.authority, *reading.soa);
    if (reading.cut) put(message.authority, *reading.cut);
    for (const RrSet& set : reading.glue) put(message.additional, set);
    const auto octets = dns::encode_message(message);
    if (!octets) return std::nullopt;
    return octets->size();
}

}  // namespace zc::compare
