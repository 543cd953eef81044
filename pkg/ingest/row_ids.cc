#include "ingest/row_ids.h"

#include <algorithm>
#include <optional>

namespace zc::ingest {

namespace {

constexpr std::size_t lines_shown_max = 3;

}  // namespace

IdSet::Page* IdSet::page_or_null(std::int64_t number) {
    if (last_or_null_ != nullptr && number == number_) return last_or_null_;
    if (pages_.size() < pages_max_) {
        last_or_null_ = &pages_[number];
    } else {
        const auto found = pages_.find(number);
        if (found == pages_.end()) {
            is_full_ = true;
            return nullptr;
        }
        last_or_null_ = &found->second;
    }
    number_ = number;
    return last_or_null_;
}

void IdSet::make_bits(Page& page) {
    page.bits.resize((1 << page_bits) / 64);
    for (const std::uint16_t each : page.sorted)
        page.bits[each / 64] |= std::uint64_t{1} << each % 64;
    page.sorted = {};
}

bool IdSet::add(std::int64_t id) {
    Page* const page = page_or_null(id >> page_bits);
    if (page == nullptr) return true;
    const auto low = static_cast<std::uint16_t>(id & ((1 << page_bits) - 1));
    if (page->bits.empty()) {
        std::vector<std::uint16_t>& sorted = page->sorted;
        const auto at = sorted.empty() || sorted.back() < low
                            ? sorted.end()
                            : std::ranges::lower_bound(sorted, low);
        if (at != sorted.end() && *at == low) return false;
        sorted.insert(at, low);
        if (sorted.size() == sorted_max) make_bits(*page);
        return true;
    }
    std::uint64_t& word = page->bits[low / 64];
    const std::uint64_t bit = std::uint64_t{1} << low % 64;
    return (std::exchange(word, word | bit) & bit) == 0;
}

void IdSet::add(IdRun run) {
    while (run.count > 0) {
        const std::int64_t low = run.first & ((1 << page_bits) - 1);
        const std::int64_t count = std::min(run.count, (std::int64_t{1} << page_bits) - low);
        Page* const page = page_or_null(run.first >> page_bits);
        const bool is_dense = count >= static_cast<std::int64_t>(sorted_max);
        if (page != nullptr && page->bits.empty() && is_dense) make_bits(*page);
        if (page != nullptr && !page->bits.empty()) {
            for (std::int64_t at = low; at < low + count;) {
                const auto shift = static_cast<unsigned>(at % 64);
                const std::int64_t taken = std::min<std::int64_t>(64 - shift, low + count - at);
                page->bits[static_cast<std::size_t>(at / 64)] |= ~std::uint64_t{0} >> (64 - taken)
                                                                                          << shift;
                at += taken;
            }
        } else {
            for (std::int64_t i = 0; page != nullptr && i < count; ++i) add(run.first + i);
        }
        run.count -= count;
        if (run.count > 0) run.first += count;
    }
}

bool IdSet::contains(std::int64_t id) const {
    const auto found = pages_.find(id >> page_bits);
    if (found == pages_.end()) return false;
    const Page& page = found->second;
    const auto low = static_cast<std::uint16_t>(id & ((1 << page_bits) - 1));
    if (page.bits.empty()) return std::ranges::binary_search(page.sorted, low);
    return (page.bits[low / 64] >> low % 64 & 1U) != 0;
}

void RowIds::Copy::add(std::span<const IdRun> runs) {
    const std::lock_guard lock(mutex_);
    for (const IdRun& run : runs) ids_.add(run);
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
