// Inside of package capture: answers that stand before their queries, or alone.
//
// Servers write their frames from several threads, and captures are merged: a query may come behind
// its answer. An answer without a query waits here for as long as a query waits for its answer; it
// holds nothing else up. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/octets.h"
#include "base/time.h"
#include "capture/source.h"

namespace zc::capture {

struct EarlyAnswer {
    std::vector<std::uint8_t> key;     // under which it is looked for
    std::vector<std::uint8_t> answer;  // empty: it has been given with a query of its own already
    dns::Transport transport{};
    dns::Address client{};
    std::uint16_t client_port = 0;
    base::Instant at{}, arrived{};
};

class EarlyAnswers {
public:
    static constexpr std::size_t answers_max = 16384;
    static constexpr std::size_t octets_max = std::size_t{8} << 20;

    void add(std::uint64_t hash, EarlyAnswer&& answer) {
        octets_ += octets_of(answer);
        by_hash_.emplace(hash, first_ + waiting_.size());
        waiting_.push_back({hash, std::move(answer)});
    }
    /// The oldest under `key`, which is then no longer there.
    std::optional<EarlyAnswer> take(std::uint64_t hash, base::Octets key) {
        const auto [begin, end] = by_hash_.equal_range(hash);
        auto oldest = end;
        for (auto at = begin; at != end; ++at) {
            const std::vector<std::uint8_t>& one = here(at->second).key;
            if (std::equal(one.begin(), one.end(), key.begin(), key.end()) &&
                (oldest == end || at->second < oldest->second))
                oldest = at;
        }
        if (oldest == end) return std::nullopt;
        EarlyAnswer& found = here(oldest->second);
        octets_ -= octets_of(found);
        std::optional<EarlyAnswer> out(std::move(found));
        found = {};
        by_hash_.erase(oldest);
        return out;
    }
    /// The oldest, if it came before `until` or there is no room for all. Those given with a query
    /// of their own go without a word.
    std::optional<EarlyAnswer> expire(base::Instant until) {
        while (!waiting_.empty()) {
            Waiting& front = waiting_.front();
            const bool taken = front.answer.key.empty();
            if (!taken && front.answer.arrived >= until && waiting_.size() <= answers_max &&
                octets_ <= octets_max)
                break;
            std::optional<EarlyAnswer> out;
            if (!taken) out = take(front.hash, std::vector<std::uint8_t>(front.answer.key));
            waiting_.pop_front();
            ++first_;
            if (out && !out->answer.empty()) return out;
        }
        return std::nullopt;
    }
    /// Nothing can be taken.
    bool empty() const noexcept { return by_hash_.empty(); }

private:
    struct Waiting {
        std::uint64_t hash = 0;
        EarlyAnswer answer;  // taken: without a key
    };
    static std::size_t octets_of(const EarlyAnswer& one) noexcept {
        return sizeof(Waiting) + one.key.size() + one.answer.size();
    }
    EarlyAnswer& here(std::uint64_t number) noexcept {
        return waiting_[static_cast<std::size_t>(number - first_)].answer;
    }

    std::deque<Waiting> waiting_;  // by arrival
    std::uint64_t first_ = 0;      // running number of the first of them
    std::unordered_multimap<std::uint64_t, std::uint64_t> by_hash_;  // running numbers
    std::size_t octets_ = 0;
};

}  // namespace zc::capture
