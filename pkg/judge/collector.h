// From a pair of responses to what is counted and kept: shared by the run over a source and by the
// live front.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "base/time.h"
#include "catalogue/catalogue.h"
#include "compare/compare.h"
#include "compare/rules.h"
#include "compare/verdict.h"
#include "judge/stretch.h"

namespace zc::judge {

/// Two responses to one question; empty: there was none. Borrowed.
struct Pair {
    std::uint64_t position = 0;  // in the source
    base::Instant at{};
    compare::Asked asked;  // a question that compare::read_query takes
    base::Octets older, newer;
};

/// Links of chains that are known to lead from one zone into another. Bounded.
class ZoneEnds {
public:
    static constexpr std::size_t known_max = 4096;
    bool knows(const compare::Difference::OpenEnd& end) const;
    void learn(const compare::Difference::OpenEnd& end);

private:
    std::unordered_set<std::string> known_;  // owner and target
};

/// Octet for octet the same, but for the ID: messages or not.
bool identical(base::Octets a, base::Octets b) noexcept;
/// TC is set, whether it is a message otherwise or not.
bool is_truncated(base::Octets message) noexcept;

/// Counts and judges into stretches. One for each thread; the stretch is given with each call, so
/// that several may be open at a time. Every call counts one question as asked, and as one of
/// compared, timed out, dropped and malformed, except `same` when it does not return `yes`.
///
/// Memory: bounded, whatever servers make up. Causes beyond `causes_max` are counted as one,
/// CaseCounts::other_causes, and no samples of them are kept. The samples of one case are bounded
/// by number and by octets (one of any size fits), and so are all that one collector keeps in its
/// life.
class Collector {
public:
    static constexpr std::size_t causes_max = 4096;
    /// Samples of one case (cause, labels and verdict): in one stretch, and from one collector.
    static constexpr std::uint64_t samples_a_stretch = 4, samples_a_cause = 32;
    static constexpr std::size_t samples_octets_a_cause = std::size_t{256} << 10;
    static constexpr std::size_t samples_octets_max = std::size_t{64} << 20;

    /// `zones_or_null`: see runs::Options. It outlives the collector.
    Collector(const compare::Policy& policy, const catalogue::Catalogue* zones_or_null);
    ~Collector();
    Collector(const Collector&) = delete;
    Collector& operator=(const Collector&) = delete;

    compare::Comparer& comparer() noexcept;

    /// The cheap part. `yes`: they are, and are counted. `if_verified`: they are if the signatures
    /// of both verify (SignatureCheck): nothing is counted, `verified` does. `no`: nothing is
    /// counted.
    enum class Same : std::uint8_t { yes, if_verified, no };
    Same same(Stretch& into, const compare::Asked& asked, base::Octets older, base::Octets newer);
    void verified(Stretch& into, const Pair& pair) noexcept;

    /// The outcome of verifying the signatures of an answer.
    struct Signatures {
        Signatures() = default;
        /// As SignatureCheck::verify says it.
        explicit Signatures(const Status& verified);
        bool good() const noexcept { return wrong.empty(); }
        bool bad() const noexcept { return !wrong.empty() && !unknown; }
        std::string wrong;     // what does not verify; empty: all do, or there are none
        bool unknown = false;  // `wrong` is not known to be wrong: nobody here can verify it
    };
    /// Judges, counts and keeps a pair whose answers are equal except for signatures, where one
    /// side's signatures do not verify.
    void bad_signatures(Stretch& into, const Pair& pair, const std::array<Signatures, 2>& told);

    /// The outcome of asking again, as far as judging needs it.
    struct Again {
        bool older_unstable = false, newer_unstable = false;  // differs from itself
        bool sets_equal = false;               // over all askings, both sides drew from one set
        bool serials_differed = false;         // of the zone, when the difference was seen
        bool agreed_later = false;             // the last time both answered
        base::Octets referee;                  // its answer; empty: none
        std::array<Signatures, 2> signatures;  // of the old server, of the new one
        /// Asked over TCP, since an answer was truncated, it gave none: of each side.
        std::array<bool, 2> whole_missing{};
    };
    /// Judges a difference, timeouts (an empty side) included. `difference`: what
    /// Comparer::difference says of the pair.
    /// Signatures that only one side gives and that do not verify are that side's fault, whatever
    /// else is right. Nothing is explained by what nobody has seen: not while nobody can verify
    /// signatures of the new server that the old one does not give over the same, and no
    /// truncation while a whole answer is missing.
    compare::Judgement judgement(const Pair& pair, const compare::Difference& difference,
                                 const Again& again);
    /// Counts and keeps it with that judgement, and with one of `judgement`.
    void difference(Stretch& into, const Pair& pair, const compare::Difference& difference,
                    compare::Judgement judgement, base::Octets referee);
    void difference(Stretch& into, const Pair& pair, const compare::Difference& difference,
                    const Again& again);
    /// Counts and keeps what somebody else has judged. `facets` and `cause`: see
    /// compare::Difference.
    void judged(Stretch& into, const Pair& pair, compare::Judgement judgement,
                std::vector<std::string> facets, const std::string& cause,
                base::Octets referee = {});

    /// A question that cannot be asked, and one that was not.
    static void malformed_question(Stretch& into) noexcept;
    static void dropped(Stretch& into) noexcept;

    /// How the asking again of a difference ended.
    enum class AgainOutcome : std::uint8_t {
        same_again,  // it stayed
        otherwise,   // it did not
        silent,      // a side did not answer
    };
    void asked_again(const std::string& cause, AgainOutcome outcome);
    /// Whether one more difference of this cause is worth asking again: not when `stayed_max` of
    /// them stayed, nor when there are too many causes; and of those behind as many in a row that
    /// were not answered, one in silent_probe is.
    bool worth_asking(const std::string& cause, std::uint64_t stayed_max);
    static constexpr std::uint64_t silent_probe = 16;

private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::judge
