// A large image changed by copying what stays. Inside of this package.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/octets.h"
#include "zone/change.h"
#include "zone/zone.h"

namespace zc::zone {

/// All sets with records that shall stand at a node, in the order of sets. They stay valid until the
/// image is made.
using SetsAt = std::function<std::vector<SetView>(base::Octets key)>;

/// The image that `Builder` makes of the records of `before` when at the nodes `keys` the sets of
/// `sets_at` stand instead, octet for octet. Nodes that the change does not touch are copied, with
/// offsets shifted; `sets_at` may be asked for others too (parents, what a zone cut hides, cuts whose
/// glue changes).
///
/// None: whoever asks has to build the zone anew, because
/// - the image is narrow, or will be: that is quick;
/// - the zone has NSEC3, whose order all nodes know by number;
/// - the change touches a good part of all nodes;
/// - the image is one that `Builder` would not make today;
/// - a rule forbids the zone: `Builder` finds the words.
///
/// Cost: one pass over the image, and a copy of it. In: `keys` each once, in any order.
std::optional<Image> splice(const Zone& before, const std::vector<base::Octets>& keys,
                            const SetsAt& sets_at);

}  // namespace zc::zone
