#include "ingest/row_ids.h"

#include <algorithm>
#include <optional>

namespace zc::ingest {

namespace {

constexpr std::size_t lines_shown_max = 3;

}  // namespace

bool IdSet::add(std::int64_t id) {
    const std::int64_t number = id >> page_bits;
    if (page_or_null_ == nullptr || number != number_) {
        if (pages_.size() < pages_max_) {
            page_or_null_ = &pages_[number];
        } else {
            const auto found = pages_.find(number);
            if (found == pages_.end()) {
                is_full_ = true;
                return true;
            }
            page_or_null_ = &found->second;
        }
        number_ = number;
    }
    Page& page = *page_or_null_;
    const auto low = static_cast<std::uint16_t>(id & ((1 << page_bits) - 1));
    if (page.bits.empty()) {
        const auto at = page.sorted.empty() || page.sorted.back() < low
                            ? page.sorted.end()
                            : std::ranges::lower_bound(page.sorted, low);
        if (at != page.sorted.end() && *at == low) return false;
        page.sorted.insert(at, low);
        if (page.sorted.size() < sorted_max) return true;
        page.bits.resize((1 << page_bits) / 64);
        for (const std::uint16_t each : page.sorted)
            page.bits[each / 64] |= std::uint64_t{1} << each % 64;
        page.sorted = {};
        return true;
    }
    std::uint64_t& word = page.bits[low / 64];
    const std::uint64_t bit = std::uint64_t{1} << low % 64;
    return (std::exchange(word, word | bit) & bit) == 0;
}

bool IdSet::contains(std::int64_t id) const {
    const auto found = pages_.find(id >> page_bits);
    if (found == pages_.end()) return false;
    const Page& page = found->second;
    const auto low = static_cast<std::uint16_t>(id & ((1 << page_bits) - 1));
    if (page.bits.empty()) return std::ranges::binary_search(page.sorted, low);
    return (page.bits[low / 64] >> low % 64 & 1U) != 0;
}

void RowIds::Copy::add(std::span<const std::int64_t> ids) {
    const std::lock_guard lock(mutex_);
    for (const std::int64_t id : ids) ids_.add(id);
}

Status RowIds::check(const std::string& source) const {
    if (copies_.empty() || (copies_.size() == 1 && insert_line_ == 0)) return {};
    struct Part {
        const IdSet* ids;
        std::uint64_t line;
        const char* verb;
    };
    std::vector<Part> parts;
    for (const Copy& copy : copies_) parts.push_back({&copy.ids_, copy.line_, "COPY"});
    if (insert_line_ != 0) parts.push_back({&inserted_, insert_line_, "INSERT"});
    std::ranges::stable_sort(parts, {}, &Part::line);
    IdSet all;
    for (const Part& part : parts) {
        std::optional<std::int64_t> twice;
        part.ids->for_each([&](std::int64_t id) {
            if (!all.add(id)) twice = std::min(twice.value_or(id), id);
        });
        if (!twice) continue;
        const Part& other = *std::ranges::find_if(
            parts, [&](const Part& each) { return each.ids->contains(*twice); });
        return fail(Errc::malformed,
                    std::string(part.verb) + " of table " + table_ + " in line " +
                        std::to_string(part.line) + " has a row with the id " +
                        std::to_string(*twice) + ", and so has " + other.verb + " in line " +
                        std::to_string(other.line) +
                        ": two dumps in one file; import them one by one",
                    {source, part.line});
    }
    return {};
}

std::string RowIds::lines_of_unknown() const {
    if (copies_.size() < 2 || std::ranges::all_of(copies_, [](const Copy& copy) {
            return copy.has_ids_ && copy.ids_.is_complete();
        }))
        return {};
    std::string text;
    std::size_t shown = 0;
    for (const Copy& copy : copies_) {
        if (++shown > lines_shown_max) return text + ", …";
        text += (text.empty() ? "" : ", ") + std::to_string(copy.line_);
    }
    return text;
}

}  // namespace zc::ingest
