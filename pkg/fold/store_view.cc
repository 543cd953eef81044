#include "fold/store_view.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <utility>

#include "fold/stored_zone.h"

namespace zc::fold {
namespace {

using store::ChangedZone;
using store::Snapshot;
using store::StoredZone;

std::string_view text_of(base::Octets key) noexcept {
    return {reinterpret_cast<const char*>(key.data()), key.size()};
}

StoredZone stored_of(const std::string& key, const ZoneState& state) {
    StoredZone zone;
    static_cast<store::Zone&>(zone) = row_of(key, state);
    zone.version = state.version;
    zone.digest = store::digest_of(zone, state.image_octets());
    return zone;
}

/// Nothing: the row or its image is damaged.
Result<std::optional<ZoneState>> read_row(Snapshot& rows, const std::string& key) {
    const auto damaged_or = [](const Error& error) -> Result<std::optional<ZoneState>> {
        if (error.code != Errc::malformed) return tl::unexpected<Error>(error);
        return std::nullopt;
    };
    const auto found = rows.find_or_null(octets_of(key));
    if (!found) return damaged_or(found.error());
    if (*found == nullptr) return ZoneState{};
    const StoredZone row = **found;
    const auto image = rows.image(row);
    if (!image) return damaged_or(image.error());
    auto state = state_of(row, *image);
    if (!state) return damaged_or(state.error());
    return *std::move(state);
}

}  // namespace

struct StoreView::Work {
    Snapshot rows;
    ZonesAhead ahead;
    StoredZone found;

    explicit Work(Snapshot opened) : rows(std::move(opened)) {}
};

StoreView::StoreView(std::unique_ptr<Work> work) noexcept : work_(std::move(work)) {}
StoreView::StoreView(StoreView&&) noexcept = default;
StoreView& StoreView::operator=(StoreView&&) noexcept = default;
StoreView::~StoreView() = default;

Result<StoreView> StoreView::open(const std::string& path) {
    ZC_TRY(Snapshot opened, Snapshot::open(path, Snapshot::Tail::known));
    auto work = std::make_unique<Work>(std::move(opened));
    Snapshot& rows = work->rows;
    if (rows.folded_up_to() == rows.position().number) return StoreView(std::move(work));
    TailSource source;
    source.path = path;
    source.for_each_entry = [&rows](const auto& each) {
        return rows.for_each_entry(rows.folded_up_to(), each);
    };
    source.row = [&rows](const std::string& key) { return read_row(rows, key); };
    ZC_TRY(work->ahead, read_tail(source));
    return StoreView(std::move(work));
}

const store::Position& StoreView::position() const noexcept {
    return work_->rows.position();
}
base::Instant StoreView::committed_at() const noexcept {
    return work_->rows.committed_at();
}
std::int64_t StoreView::format() const noexcept {
    return work_->rows.format();
}
const ZonesAhead& StoreView::ahead() const noexcept {
    return work_->ahead;
}

Result<std::uint64_t> StoreView::zones() {
    ZC_TRY(std::uint64_t count, work_->rows.zones());
    for (const auto& [key, zone] : work_->ahead) {
        if (zone.state.exists()) ++count;
        if (zone.row_version != 0 && count > 0) --count;
    }
    return count;
}

Status StoreView::for_each(base::Octets first_key,
                           const std::function<bool(const StoredZone&)>& each) {
    const ZonesAhead& ahead = work_->ahead;
    auto next = ahead.lower_bound(text_of(first_key));
    bool more = true;
    const auto give_next = [&] {
        if (next->second.state.exists()) more = each(stored_of(next->first, next->second.state));
        ++next;
        return more;
    };
    ZC_TRY_STATUS(work_->rows.for_each(first_key, [&](const StoredZone& row) {
        const std::string_view key = text_of(row.key);
        while (more && next != ahead.end() && next->first < key) give_next();
        if (!more) return false;
        if (next != ahead.end() && next->first == key) return give_next();
        return more = each(row);
    }));
    while (more && next != ahead.end()) give_next();
    return {};
}

Result<StoreView::Set> StoreView::for_each_image(
    const std::function<bool(const StoredZone&, base::Octets, Image)>& each) {
    const ZonesAhead& ahead = work_->ahead;
    std::set<std::string_view> met;
    bool more = true;
    const auto give = [&](const std::string& key, const ZoneState& state) {
        if (state.exists()) more = each(stored_of(key, state), state.image_octets(), Image::good);
        return more;
    };
    ZC_TRY(const Set set,
           work_->rows.for_each_image([&](const StoredZone& row, base::Octets image, Image state) {
               const auto at = ahead.empty() ? ahead.end() : ahead.find(text_of(row.key));
               if (at == ahead.end()) return more = each(row, image, state);
               met.insert(at->first);
               return give(at->first, at->second.state);
           }));
    for (auto at = ahead.begin(); more && at != ahead.end(); ++at)
        if (!met.contains(at->first)) give(at->first, at->second.state);
    return set;
}

Result<const StoredZone*> StoreView::find_or_null(base::Octets key) {
    const auto at = work_->ahead.find(text_of(key));
    if (at == work_->ahead.end()) return work_->rows.find_or_null(key);
    if (!at->second.state.exists()) return nullptr;
    work_->found = stored_of(at->first, at->second.state);
    return &work_->found;
}

Result<base::Octets> StoreView::image(const StoredZone& zone) {
    const auto at = work_->ahead.find(text_of(zone.key));
    if (at == work_->ahead.end()) return work_->rows.image(zone);
    return at->second.state.image_octets();
}

Result<std::optional<std::vector<ChangedZone>>> StoreView::changed_since(
    const store::Position& since) {
    ZC_TRY(auto folded, work_->rows.changed_since(since));
    if (!folded) return folded;
    std::vector<ChangedZone> of_log;
    for (const auto& [key, zone] : work_->ahead)
        if (zone.last > since.number) of_log.push_back({key, !zone.state.exists()});
    if (of_log.empty()) return folded;
    // A zone of both is as the log says.
    std::vector<ChangedZone> all;
    std::ranges::set_union(of_log, *folded, std::back_inserter(all), {}, &ChangedZone::key,
                           &ChangedZone::key);
    return std::optional(std::move(all));
}

Result<std::vector<std::uint8_t>> StoreView::named(std::string_view name) {
    return work_->rows.named(name);
}

}  // namespace zc::fold
