// What zone data says to a question: the lookup of RFC 1034 section 4.3.2 step by step, for people
// who want to know who is right.
//
// Written from the RFCs alone and apart from package `answer`: it shares the image and its index
// with it, and no line of the algorithm. Slow and plain on purpose.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "compare/compare.h"
#include "compare/rules.h"
#include "dns/message.h"
#include "dns/rrset.h"
#include "store/catalogue.h"

namespace zc::compare {

/// One step of the lookup, as a sentence, with the records of the zone that decide it.
struct Step {
    dns::Name name;        // that is looked up in this step
    std::string sentence;  // "www.example. does not exist; the closest encloser is example., whose
                           // wildcard *.example. is the source of synthesis"
    std::string clause;    // "RFC 4592 section 3.3.1"
    std::vector<dns::RrSet> records;
};

/// A denial that a response with DO has to prove (RFC 4035 section 3.1.3, RFC 5155 section 7.2).
struct Proof {
    enum class Of : std::uint8_t { no_type, no_name, no_wildcard, wildcard_no_type, unsigned_cut };
    Of of{};
    dns::Name name;              // that is denied
    dns::Name closest_encloser;  // where it matters
};

/// What a right response has. Optional things are those that a rule lets servers differ in.
struct Reading {
    Where where{};
    bool served = false;   // false: the name is in no zone here, nothing else is set, REFUSED
    bool readable = true;  // false: the zone stands for SERVFAIL (broken, pending)
    dns::Rcode rcode{};
    bool authoritative = false;
    /// The RRsets of ANSWER in the order of the chain, owners as synthesised. A response may stop
    /// behind any RRset named in `may_stop_after` (index, rule), with NOERROR.
    std::vector<dns::RrSet> answer;
    struct Stop {
        std::size_t after;
        Rule rule;
    };
    std::vector<Stop> may_stop_after;
    std::optional<dns::RrSet> soa;  // in AUTHORITY of a negative answer, TTL as RFC 2308 wants it
    std::optional<dns::RrSet> cut;  // NS of a referral
    std::optional<dns::RrSet> ds;   // of the cut, where it has one
    std::vector<dns::RrSet> glue;   // in-domain: has to be there
    std::vector<Proof> proofs;      // wanted with DO in a signed zone
    bool is_signed = false;         // the zone at the end of the chain has RRSIGs
    std::uint32_t serial = 0;       // of that zone
    dns::Name apex;                 // of that zone
    std::vector<Step> steps;
};

/// Reads. `zones` must hold validated images. Cost: microseconds; allocates.
Reading read_zones(const store::Catalogue& zones, const QueryFacts& query);

/// A way in which a response does not say what the zone data says.
struct Fault {
    What what{};
    std::string sentence;  // "NXDOMAIN for a name that has names below it"
    std::string clause;    // "RFC 8020 section 2"
    std::size_t step = 0;  // of the reading, at which it parts from it
};

/// What is wrong with `response` by the reading, the most telling first; empty: it is right. Rules
/// that it took for that (any_subset, stops_at_zone_end …) are added to `taken`.
std::vector<Fault> faults_of(const Reading& reading, const QueryFacts& query,
                             const dns::Message& response, RuleSet& taken);

}  // namespace zc::compare
