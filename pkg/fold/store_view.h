// One state of a store whose log may be ahead of its rows: the rows, and on top of them the zones that
// the log has changed since. It reads like a store::Snapshot.
//
// Memory: the zones that the entries behind the rows touch. All others come from the rows.
// Threads: an object belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "base/time.h"
#include "fold/tail.h"
#include "store/store.h"

namespace zc::fold {

class StoreView {
public:
    using Image = store::Snapshot::Image;
    using Set = store::Snapshot::Set;

    /// Errors: those of store::Snapshot::open but `conflict`, and those of read_tail. A zone whose
    /// row is damaged stays as its row is, and is told as damaged.
    static Result<StoreView> open(const std::string& path);
    StoreView(StoreView&&) noexcept;
    StoreView& operator=(StoreView&&) noexcept;
    ~StoreView();

    /// As store::Snapshot has them.
    const store::Position& position() const noexcept;
    base::Instant committed_at() const noexcept;
    std::int64_t format() const noexcept;
    Result<std::uint64_t> zones();
    Status for_each(base::Octets first_key,
                    const std::function<bool(const store::StoredZone&)>& each);
    /// Zones that have no row yet come last. `id` of a zone from the log is 0.
    Result<Set> for_each_image(
        const std::function<bool(const store::StoredZone&, base::Octets image, Image)>& each);
    Result<const store::StoredZone*> find_or_null(base::Octets key);
    Result<base::Octets> image(const store::StoredZone& zone);
    Result<std::optional<std::vector<store::ChangedZone>>> changed_since(
        const store::Position& since);
    Result<std::vector<std::uint8_t>> named(std::string_view name);

    /// The zones of the log that are not in rows.
    const ZonesAhead& ahead() const noexcept;

private:
    struct Work;
    explicit StoreView(std::unique_ptr<Work> work) noexcept;
    std::unique_ptr<Work> work_;
};

}  // namespace zc::fold
