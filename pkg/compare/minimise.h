// A difference made as small as it gets: the fewest records of the zones, and the shortest
// question, that still show it, as a text test.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "catalogue/catalogue.h"
#include "compare/compare.h"

namespace zc::compare {

struct Minimised {
    std::string script;  // of the form of testdata/answer/: zone blocks, a query, what is right
    std::uint64_t records_before = 0, records_after = 0;
    std::uint64_t trials = 0;
};

/// Shrinks. `older` and `newer` are what the servers answered; the side that `zones` says is wrong
/// must stay wrong in the same way (label, clause) by the reading of what is left, and the right
/// answer must stay the same octets in canonical form. Only zones that the lookup touches are kept.
/// `trials_max` bounds the work; what is reached by then is given. Errors: `invalid`, the reading
/// finds no side wrong, so that there is nothing to keep.
Result<Minimised> minimise(const catalogue::Catalogue& zones, const Asked& asked,
                           base::Octets older, base::Octets newer,
                           std::uint64_t trials_max = 20'000);

}  // namespace zc::compare
