// From a pair of responses to what is counted and kept: shared by the run over a source and by the
// live front.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/octets.h"
#include "base/time.h"
#include "compare/compare.h"
#include "compare/rules.h"
#include "compare/verdict.h"
#include "shadow/tally.h"
#include "store/catalogue.h"

namespace zc::shadow {

/// Collects one stretch. One thread's own.
class Collector {
public:
    /// `zones_or_null`: see RunOptions. Both outlive the collector.
    Collector(const compare::Policy& policy, const store::Catalogue* zones_or_null);
    ~Collector();
    Collector(const Collector&) = delete;
    Collector& operator=(const Collector&) = delete;

    compare::Comparer& comparer() noexcept;

    /// The cheap part: counts the pair and gives true when it is the same; otherwise counts
    /// nothing. Both are responses to `asked` by ID and question.
    bool same(const compare::Asked& asked, base::Octets older, base::Octets newer) noexcept;

    /// What asking again has shown.
    struct Again {
        bool older_unstable = false, newer_unstable = false;  // differs from itself
        bool sets_equal = false;  // over all askings, both sides drew from one set (`rotating`)
        bool serials_differed = false, agreed_later = false;  // (`in_flight`)
        base::Octets referee;                                 // its answer; empty: none
    };
    /// Judges, counts and keeps a difference, timeouts (an empty side) included.
    void difference(std::uint64_t position, base::Instant now, const compare::Asked& asked,
                    base::Octets older, base::Octets newer, const Again& again);
    /// A question that cannot be asked, and one that was not.
    void malformed_question() noexcept;
    void dropped() noexcept;
    Tally& tally() noexcept;  // for strays, repeats, timeouts

    /// How often this cause was seen by this collector: to bound asking again.
    std::uint64_t seen(const std::string& cause) const noexcept;

    /// What has come together since the last `take`, and begins anew; `first` and `last` are the
    /// caller's.
    Stretch take();

private:
    struct Work;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::shadow
