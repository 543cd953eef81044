// Two responses to one question: the same, and by which rules; or different, and in what.
//
// The common case costs little: responses that are equal octet for octet (ID aside) are read once.
// Others are brought into canonical form side by side, in memory that is kept for it. Only a real
// difference allocates.
//
// No rule hides these: RCODE, AA, the answer set and the order of its chain, a referral, SOA and
// TTL of negative answers, missing proofs, TC where the data would have fitted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "compare/rules.h"
#include "dns/message.h"
#include "dns/types.h"

namespace zc::compare {

/// The two sides of a comparison: the server that is, and the one that is to take its place.
enum class Party : std::uint8_t { older, newer };

/// The thing that differs. Where several do, the first of these: it tells most.
enum class What : std::uint8_t {
    timeout,    // one answered, the other did not
    malformed,  // an answer that is no DNS message, or no answer to this question
    rcode,
    flags,   // AA, TC where it would have fitted, RD not copied, RA, AD, QR, TSIG …
    answer,  // the records of ANSWER, their chain's order included
    ttl,
    authority,  // SOA of negative answers, NS of a referral
    proofs,     // RRSIG, NSEC, NSEC3, DS of a referral: missing, invalid, or others
    glue,       // addresses that a referral needs, or that both have in ADDITIONAL and differ
    cosmetic,   // what a rule would cover that is switched off (case, order, compression, EDNS …)
};
inline constexpr std::size_t what_count = static_cast<std::size_t>(What::cosmetic) + 1;
/// "timeout", "malformed", …, "answer", "TTL": for reports; and `parse_what` back.
std::string_view to_string(What what) noexcept;
Result<What> parse_what(std::string_view text);

/// Where in the lookup (RFC 1034 section 4.3.2) the question leads.
enum class Where : std::uint8_t {
    exact,               // the name is there, with the type or without
    cname_chain,         // a CNAME is followed
    dname,               // a DNAME is followed
    wildcard,            // synthesised (RFC 4592)
    empty_non_terminal,  // the name has nothing but names below it
    delegation,          // a referral, or DS at a cut
    negative,            // the name is missing
};
inline constexpr std::size_t where_count = static_cast<std::size_t>(Where::negative) + 1;
std::string_view to_string(Where where) noexcept;
Result<Where> parse_where(std::string_view text);

/// One question, and how it was asked.
struct Asked {
    base::Octets query;  // a message that parse_query has taken
    dns::Transport transport = dns::Transport::udp;
};

/// The question of a query message, as far as comparing needs it. Errors, `malformed`: no question
/// or several, a response, an opcode other than QUERY, octets behind the end. The right answer to
/// such a message is not defined.
struct QueryFacts {
    dns::Name qname;  // as asked, case kept
    dns::RrType qtype{};
    dns::RrClass qclass = dns::RrClass::in;
    bool edns = false;
    bool dnssec_ok = false;
    bool recursion_desired = false;
    std::uint16_t udp_octets_max =
        512;  // what the client takes (RFC 6891 section 6.2.5: at least 512)
    std::uint16_t question_octets = 0;  // of the header and the question together
};
Result<QueryFacts> read_query(base::Octets query);

/// The faults of a message as a response to `query`, whatever the zone holds: not readable, another
/// ID or question, section counts, OPT out of place, a record twice, chain out of order, larger
/// than the client takes. Empty: none. The sender's address is not looked at: whoever receives
/// checks it.
std::vector<std::string> response_problems(const Asked& asked, base::Octets response);

struct Sameness {
    bool same = false;
    /// The rules without which they would not be the same; none exactly when they are equal octet
    /// for octet, ID aside. Also set when nothing but rules that are switched off keeps them apart.
    RuleSet needed;
};

/// One line of a side-by-side view.
struct DifferenceLine {
    enum class In : std::uint8_t { both, older, newer };
    In in = In::both;
    std::string section;  // "header", "answer", "authority", "additional", "edns"
    std::string text;     // "www.example. 3600 A 192.0.2.1", "rcode NXDOMAIN"
};

/// How two responses differ that `same` does not take for the same.
struct Difference {
    What what{};
    Where where{};  // as far as the responses tell; zone data knows better (reading.h)
    /// Facts in a fixed order, only those that differ, of the older / of the newer:
    ///
    ///   answered=1/0  malformed=ok/WORD     alone; nothing else is looked at
    ///   rcode=NOERROR/NXDOMAIN  aa=1/0  tc, rd, ra, z, ad, cd, question, signed, edns,
    ///                                   edns-version, do, edns-flags likewise; behind tc nothing
    ///                                   follows, as a client uses nothing of a truncated message.
    ///                                   `signed` is by TSIG or SIG(0); signed=otherwise: by
    ///                                   another key or algorithm, or with another error
    ///   answer=…  authority=…  proofs=…  glue=…   RRsets by type: +T only the newer has it, -T
    ///                                   only the older; both have it: ~+T the newer has more
    ///                                   records, ~-T fewer, ~T others. RRSIGs only where what they
    ///                                   sign is on both sides, or on none. "serial", "signatures":
    ///                                   nothing else is other
    ///   answer=order  answer=ttl (authority, glue, proofs)
    ///   cosmetic=RULE,RULE              that are switched off
    std::vector<std::string> facets;
    /// Groups differences that mostly have one cause. It has the labels, the facets of the most
    /// telling kind (QTYPE stands for the type asked for), the kind of answer of each side, and the
    /// type if servers treat it apart (ANY, RRSIG, DS, NSEC …). A rule of the kind `legal` stands
    /// there by name instead of the facets. The place is left out where a side looked nothing up
    /// (timeout, malformed, REFUSED …). Names and addresses of a zone never stand there. A text
    /// longer than `cause_octets_max` is cut and ends in a hash of the whole.
    std::string cause;
    static constexpr std::size_t cause_octets_max = 256;
    /// A rule of the kind `legal` that covers all of it, as far as the responses tell.
    std::optional<Rule> legal;
    /// Set where one response ends with a link of the chain and the other, all else alike, goes on
    /// from there, and nothing in them tells whether the link leads into another zone.
    struct OpenEnd {
        dns::Name owner, target;  // of that link
        std::string cause;        // when it does
    };
    std::optional<OpenEnd> open_end;
    /// Somebody has found that it does: both servers have another zone for `target` than for
    /// `owner` (RFC 1034 section 4.3.2 step 3a lets them go on there; who asks goes on itself).
    void leaves_zone();
    std::vector<DifferenceLine> lines;  // everything of both, in the order of a message
};

/// Compares. Holds the memory it works in: one object for each thread.
class Comparer {
public:
    explicit Comparer(const Policy& policy);
    ~Comparer();
    Comparer(Comparer&&) noexcept;
    Comparer& operator=(Comparer&&) noexcept;

    /// In: any octets as responses; IDs are not looked at, the question must be the query's, letter
    /// case included. Cost: at most 1 µs for a pair of ordinary size that is the same. Memory is
    /// kept: for the worst message of 64 KiB 8 MiB a side. With `signatures` in `needed` the caller
    /// has still to verify both (dnssec/verify.h).
    Sameness same(const Asked& asked, base::Octets older, base::Octets newer);
    /// The slow way, for a pair that is not the same. An empty response is a timeout.
    Difference difference(const Asked& asked, base::Octets older, base::Octets newer) const;

    const Policy& policy() const noexcept;

private:
    struct Work;
    std::unique_ptr<Work> work_;
};

/// A response in canonical form, as octets: equal for responses that are the same under `policy`
/// but for its tolerances (ttl, serial, signatures). For tests of properties: canonical(m) read as
/// a message again has the same canonical form. Records that apex_ns and extra_additional let one
/// side leave out are never in it, so different responses may have equal forms. Empty for a message
/// that `same` does not take as a response to the query.
std::vector<std::uint8_t> canonical(const Asked& asked, base::Octets response,
                                    const Policy& policy);

}  // namespace zc::compare
