#include "ingest/domain_names.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <span>
#include <utility>

#include "ingest/key_set.h"

namespace zc::ingest {

namespace {

constexpr std::size_t part_keys = 2048;  // a set of them stays in the first cache

}  // namespace

void DomainNames::add(std::vector<std::uint64_t>& keys) {
    if (keys.empty()) return;
    const std::lock_guard lock(mutex_);
    count_ += keys.size();
    added_.push_back(std::exchange(keys, {}));
}

std::vector<std::uint64_t> DomainNames::take_repeated() {
    // In parts by their highest bits: a set of all would miss the cache with each.
    const auto bits = static_cast<int>(std::bit_width(count_ / part_keys));
    const auto part_of = [bits](std::uint64_t key) -> std::size_t {
        return bits == 0 ? 0 : key >> (64 - bits);
    };
    std::vector<std::size_t> ends((std::size_t{1} << bits) + 1);
    for (const std::vector<std::uint64_t>& some : added_)
        for (const std::uint64_t key : some) ++ends[part_of(key) + 1];
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    std::vector<std::uint64_t> keys(count_);
    // A part's begin becomes its end, one key after the other.
    for (const std::vector<std::uint64_t>& some : added_)
        for (const std::uint64_t key : some) keys[ends[part_of(key)]++] = key;
    added_.clear();
    count_ = 0;

    std::vector<std::uint64_t> repeated;
    std::size_t begin = 0;
    for (std::size_t part = 0; part + 1 < ends.size(); ++part) {
        KeySet seen;
        seen.reserve(ends[part] - begin);
        for (; begin < ends[part]; ++begin)
            if (!seen.add(keys[begin])) repeated.push_back(keys[begin]);
    }
    std::ranges::sort(repeated);
    repeated.erase(std::unique(repeated.begin(), repeated.end()), repeated.end());
    return repeated;
}

}  // namespace zc::ingest
