// Changes applied to a zone: the new image, what stood there before, and the sum of what stands
// there now. A function of its arguments, so that every node that applies the same changes to the
// same zone has the same zone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "zone/change.h"
#include "zone/zone.h"

namespace zc::zone {

/// The effect of one change.
struct Step {
    /// Gives the zone as it was, octet for octet, when it is applied to the zone after this change:
    /// a `patch` of the sets that differ, a `remove` when this change made the zone, a `put` when it
    /// removed the zone. It mirrors the serial. Empty when nothing differs.
    Change undo;
    ContentSum content;  // of the zone after this change
    std::uint32_t serial_before = 0, serial = 0;
    /// False: the zone had all of it already, and keeps its serial.
    bool differs = false;
};

struct Applied {
    Image image;  // empty when the last change removes the zone
    /// The image was made by copying what stays, which takes a fraction of building it.
    bool was_spliced = false;
    std::vector<Step> steps;
};

/// Keeps memory between calls; one a thread.
class ApplyScratch {
public:
    ApplyScratch();
    ~ApplyScratch();
    ApplyScratch(ApplyScratch&&) noexcept;
    ApplyScratch& operator=(ApplyScratch&&) noexcept;

private:
    friend Result<Applied> apply(dns::NameView, const Zone*, const ContentSum&,
                                 std::span<const Change>, ApplyScratch&, std::vector<Error>*);
    struct Work;
    std::unique_ptr<Work> work_;
};

/// Applies `in_order` to the zone in `before`, an image without records or null for none. The image
/// is octet for octet what `Builder` makes of the records that are left, and is made once.
///
/// Serials: a change that differs in something moves the serial as its `SerialRule` says; one that
/// gives no SOA record raises it by one; serial 0 is skipped. A SOA record that differs in a serial
/// alone that is not greater is no difference.
///
/// Errors: as `Builder` has them, `invalid` for a zone that a rule forbids (no SOA record, CNAME
/// beside other data), every problem in `problems_or_null`; `limit`. Nothing is changed then.
Result<Applied> apply(dns::NameView apex, const Zone* before_or_null, const ContentSum& content,
                      std::span<const Change> in_order, ApplyScratch& scratch,
                      std::vector<Error>* problems_or_null = nullptr);

/// The patch that makes `after`, a `put`, of `before`: the sets that differ. It saves sending a whole
/// zone when little of it is new.
Result<Change> difference(const Zone& before, const Change& after);

/// RFC 1982: whether `a` is greater than `b`. Two that are 2^31 apart are not comparable: false.
constexpr bool serial_greater(std::uint32_t a, std::uint32_t b) noexcept {
    return static_cast<std::int32_t>(a - b) > 0;
}
/// The next serial; 0 is skipped, since it means "none" to some software.
constexpr std::uint32_t serial_next(std::uint32_t serial) noexcept {
    return serial == 0xffffffff ? 1 : serial + 1;
}

}  // namespace zc::zone
