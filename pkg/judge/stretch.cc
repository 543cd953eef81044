#include "judge/stretch.h"

#include <utility>

namespace zc::judge {
namespace {

template <std::size_t count>
void add_each(std::array<std::uint64_t, count>& to, const std::array<std::uint64_t, count>& from,
              std::uint64_t times) noexcept {
    for (std::size_t i = 0; i < count; ++i) to[i] += from[i] * times;
}

}  // namespace

std::string_view to_string(Side side) noexcept {
    switch (side) {
        case Side::older:
            return "old";
        case Side::newer:
            return "new";
        case Side::referee:
            return "referee";
    }
    return "";
}

void Sums::add(const Sums& other, std::uint64_t times) noexcept {
    asked += other.asked * times;
    compared += other.compared * times;
    timed_out += other.timed_out * times;
    dropped += other.dropped * times;
    malformed += other.malformed * times;
    same += other.same * times;
    identical += other.identical * times;
    explained += other.explained * times;
    unexplained += other.unexplained * times;
    add_each(by_rule, other.by_rule, times);
    add_each(by_what, other.by_what, times);
    add_each(by_where, other.by_where, times);
    add_each(by_verdict, other.by_verdict, times);
    for (std::size_t side = 0; side < sides; ++side)
        add_each(stray[side], other.stray[side], times);
    add_each(timeouts, other.timeouts, times);
    add_each(repeats, other.repeats, times);
    asked_again += other.asked_again * times;
    unconfirmed += other.unconfirmed * times;
}

std::size_t octets_of(const Sample& sample) noexcept {
    std::size_t out = sizeof sample + sample.query.capacity() + sample.older.capacity() +
                      sample.newer.capacity() + sample.referee.capacity() +
                      sample.judgement.sentence.capacity() + sample.judgement.clause.capacity() +
                      sample.cause.capacity();
    for (const std::string& facet : sample.facets) out += sizeof facet + facet.capacity();
    return out;
}

namespace {

std::string key_of(const CaseCount& one) {
    return one.cause + static_cast<char>(one.what) + static_cast<char>(one.where) +
           static_cast<char>(one.verdict);
}

// About what a node of the map takes beside its key.
constexpr std::size_t node_octets = 80;

}  // namespace

std::uint64_t CaseCounts::add(CaseCount one) {
    auto at = places_.find(key_of(one));
    if (at == places_.end() && items_.size() >= cases_max) {
        one.cause = other_causes;
        at = places_.find(key_of(one));
    }
    if (at != places_.end()) return items_[at->second].count += one.count;
    std::string key = key_of(one);
    octets_ += sizeof one + one.cause.capacity() + key.capacity() + node_octets;
    places_.emplace(std::move(key), items_.size());
    items_.push_back(std::move(one));
    return items_.back().count;
}

bool Stretch::keep(Sample&& sample) {
    const std::size_t more = octets_of(sample);
    if (samples.size() >= samples_max || samples_octets_max - samples_octets < more) return false;
    samples_octets += more;
    samples.push_back(std::move(sample));
    return true;
}

}  // namespace zc::judge
