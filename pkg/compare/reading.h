// The answer that zone data gives to a question: the lookup of RFC 1034 section 4.3.2 step by step,
// for people who want to know who is right.
//
// It is written from the RFCs alone. It shares the image and its index with package `answer`, and
// no line of the algorithm. It is slow and plain on purpose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "catalogue/catalogue.h"
#include "compare/compare.h"
#include "compare/rules.h"
#include "dns/message.h"
#include "dns/rrset.h"

namespace zc::compare {

/// One step of the lookup, as a sentence, with the records of the zone that decide it.
struct ReadingStep {
    dns::Name name;        // that is looked up in this step
    std::string sentence;  // "www.example. does not exist; the closest encloser is example., whose
                           // wildcard *.example. is the source of synthesis"
    std::string clause;    // "RFC 4592 section 3.3.1"
    std::vector<dns::RrSet> records;
};

/// A denial that a response with DO has to prove (RFC 4035 section 3.1.3, RFC 5155 section 7.2).
struct Proof {
    enum class Of : std::uint8_t {
        no_type,           // the name is there, the type is not; an empty non-terminal too
        no_name,           // the name is not there
        no_wildcard,       // nor is a wildcard that could answer for it
        expanded,          // the name is not there: a wildcard answers for it
        wildcard_no_type,  // the name is not there, and its wildcard has not the type
        unsigned_cut,      // the cut has no DS
    };
    Of of{};
    dns::Name name;              // that is looked up; the cut
    dns::Name closest_encloser;  // where it matters
    dns::Name apex;              // of the zone whose NSECs or NSEC3s are to prove it
    std::size_t step = 0;        // of the reading
    // Nothing can be proved about the wildcard: it, or the encloser, exists only by opted-out
    // delegations, and such names have no NSEC3 (RFC 5155 section 7.1).
    bool opted_out = false;
};
std::string_view to_string(Proof::Of of) noexcept;

/// The contents of a right response. Optional are the things that a rule lets servers differ in.
struct Reading {
    /// The kind of question. All kinds but `zone_data` are about the server: zone data says little
    /// or nothing about them, and neither side is at fault for much.
    enum class Asks : std::uint8_t {
        zone_data,
        server_identity,  // class CH
        other_class,      // HS, NONE …; REFUSED
        transfer,         // AXFR, IXFR: who may have one is the server's policy
        meta_type,  // OPT, TSIG, MAILA …: a refusal in some form, or as any type that is not there
    };
    Asks asks = Asks::zone_data;
    Where where{};
    bool served = false;   // false: the name is in no zone here, nothing else is set, REFUSED
    bool readable = true;  // false: the zone stands for SERVFAIL (broken, pending)
    dns::Rcode rcode{};
    bool authoritative = false;
    /// The RRsets of ANSWER in the order of the chain, owners as synthesised.
    std::vector<dns::RrSet> answer;
    /// One for each RRset of `answer`.
    struct Fact {
        std::size_t step = 0;
        bool synthesised = false;            // the CNAME that a DNAME makes
        std::vector<dns::Rdata> signatures;  // RRSIGs over it
    };
    std::vector<Fact> facts;
    std::size_t links = 0;  // the first so many of `answer` are CNAMEs and DNAMEs that are followed
    /// A response may also end with the first `rrsets` of `answer`, with NOERROR.
    struct Stop {
        std::size_t rrsets = 0;
        Rule rule{};
        bool or_servfail = false;       // or SERVFAIL, with as much of the chain as it likes
        std::optional<dns::RrSet> soa;  // that AUTHORITY has to have then
        std::vector<dns::Rdata> soa_signatures;
        std::optional<dns::RrSet> cut;  // NS that AUTHORITY may have then
    };
    std::vector<Stop> may_stop;
    std::optional<dns::RrSet> soa;  // in AUTHORITY of a negative answer, TTL as RFC 2308 wants it
    std::vector<dns::Rdata> soa_signatures;
    std::optional<dns::RrSet> cut;  // NS of a referral
    std::optional<dns::RrSet> ds;   // of the cut, where it has one
    std::vector<dns::Rdata> ds_signatures;
    std::vector<dns::RrSet> glue;  // in-domain: has to be there
    std::vector<Proof> proofs;     // wanted with DO in a signed zone
    /// PowerDNS's ALIAS or LUA stand at the name, and A, AAAA or what the LUA record makes is asked
    /// for: instead of NODATA a response may have this RRset. Without RDATA: with any, since what
    /// it is cannot be read here. Which of both is wanted is the operator's decision.
    std::optional<dns::RrSet> computed;
    /// Other readings of the clauses, whole, that a response may follow as well (NSEC at a cut).
    std::vector<Reading> others;
    std::vector<dns::RrSet> apex_ns;  // of the zones that the lookup touches: optional in AUTHORITY
    bool is_signed = false;           // the zone at the end of the chain has RRSIGs
    bool any_signed = false;          // a zone on the way has: where a response may stop
    std::uint32_t serial = 0;         // of that zone
    dns::Name apex;                   // of that zone
    std::string ends;                 // what the last name is: "a name that has names below it"
    std::string ends_clause;          // what says what follows from that: "RFC 8020 section 2"
    std::vector<ReadingStep> steps;
};

/// Reads. `zones` must hold validated images. Cost: microseconds; allocates.
Reading read_zones(const catalogue::Catalogue& zones, const QueryFacts& query);

/// A way in which a response does not say what the zone data says.
struct Fault {
    What what{};
    std::string sentence;  // what it gives: "NXDOMAIN for a name that has names below it"
    std::string clause;    // "RFC 8020 section 2"
    std::size_t step = 0;  // of the reading, at which it parts from it
};

/// The faults of `response` by the reading, the most telling first; empty: it is right. Rules that
/// it needs to be right (any_subset, stops_at_zone_end, apex_ns …) are added to `taken`; the
/// tolerances of `policy` count. `signatures` in `taken`: it has RRSIGs that the zone has not, and
/// somebody has still to verify them (dnssec/verify.h). A response with TC is judged by RCODE and
/// AA alone; `octets_wanted` helps to say whether the right answer would have fitted.
std::vector<Fault> faults_of(const Reading& reading, const QueryFacts& query,
                             const dns::Message& response, RuleSet& taken,
                             const Policy& policy = Policy());

/// The octets of the smallest right response without DO, OPT included where there is one; with DO
/// none is given, as the records of proofs are not part of a reading.
std::optional<std::size_t> octets_wanted(const Reading& reading, const QueryFacts& query);

}  // namespace zc::compare
