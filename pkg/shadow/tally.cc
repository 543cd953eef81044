#include "shadow/tally.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace zc::shadow {
namespace {

template <std::size_t count>
void add_each(std::array<std::uint64_t, count>& to,
              const std::array<std::uint64_t, count>& from) noexcept {
    for (std::size_t i = 0; i < count; ++i) to[i] += from[i];
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

std::string_view to_string(Stray stray) noexcept {
    switch (stray) {
        case Stray::late:
            return "late";
        case Stray::twice:
            return "twice";
        case Stray::other_source:
            return "other-source";
        case Stray::other_id:
            return "other-id";
        case Stray::other_question:
            return "other-question";
        case Stray::no_message:
            return "no-message";
        case Stray::reset:
            return "reset";
    }
    return "";
}

void Tally::add(const Tally& other) noexcept {
    asked += other.asked;
    compared += other.compared;
    timed_out += other.timed_out;
    dropped += other.dropped;
    malformed += other.malformed;
    same += other.same;
    identical += other.identical;
    explained += other.explained;
    unexplained += other.unexplained;
    add_each(by_rule, other.by_rule);
    add_each(by_what, other.by_what);
    add_each(by_where, other.by_where);
    add_each(by_verdict, other.by_verdict);
    for (std::size_t side = 0; side < sides; ++side) add_each(stray[side], other.stray[side]);
    add_each(timeouts, other.timeouts);
    add_each(repeats, other.repeats);
    unconfirmed += other.unconfirmed;
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

std::size_t hash_of(const CaseCount& one) noexcept {
    const std::size_t labels = static_cast<std::size_t>(one.what) << 16U |
                               static_cast<std::size_t>(one.where) << 8U |
                               static_cast<std::size_t>(one.verdict);
    return std::hash<std::string>()(one.cause) ^ (labels * 0x9e3779b97f4a7c15U);
}

bool is_same_case(const CaseCount& a, const CaseCount& b) noexcept {
    return a.what == b.what && a.where == b.where && a.verdict == b.verdict && a.cause == b.cause;
}

// Most stretches have one case or two.
constexpr std::size_t searched_in_order = 8;
// A power of two, so that at most half of the places are taken: of `cases_max` and the other causes
// by their labels.
constexpr std::size_t places = 4 * CaseCounts::cases_max;
static_assert(2 * (CaseCounts::cases_max +
                   compare::what_count * compare::where_count * compare::verdict_count) <=
                  places &&
              places <= 65536);

}  // namespace

CaseCount* CaseCounts::find_or_null(const CaseCount& like) noexcept {
    if (places_.empty()) {
        const auto found = std::find_if(items_.begin(), items_.end(), [&](const CaseCount& one) {
            return is_same_case(one, like);
        });
        return found == items_.end() ? nullptr : &*found;
    }
    for (std::size_t at = hash_of(like) % places_.size();; at = (at + 1) % places_.size()) {
        if (places_[at] == 0) return nullptr;
        CaseCount& one = items_[places_[at] - 1U];
        if (is_same_case(one, like)) return &one;
    }
}

void CaseCounts::enter(std::size_t item) noexcept {
    std::size_t at = hash_of(items_[item]) % places_.size();
    while (places_[at] != 0) at = (at + 1) % places_.size();
    places_[at] = static_cast<std::uint16_t>(item + 1);
}

std::uint64_t CaseCounts::add(CaseCount one) {
    CaseCount* known = find_or_null(one);
    if (known == nullptr && items_.size() >= cases_max) {
        one.cause = other_causes;
        known = find_or_null(one);
    }
    if (known != nullptr) return known->count += one.count;
    octets_ += sizeof one + one.cause.capacity();
    items_.push_back(std::move(one));
    const std::size_t size = items_.size();
    if (size > searched_in_order && size * 2 > places_.size()) {
        // Grows with what is in it: there may be thousands of stretches with a few dozen cases.
        octets_ -= places_.size() * sizeof(places_[0]);
        places_.assign(std::min(places, std::max<std::size_t>(64, places_.size() * 4)), 0);
        octets_ += places_.size() * sizeof(places_[0]);
        for (std::size_t i = 0; i < size; ++i) enter(i);
    } else if (!places_.empty()) {
        enter(size - 1);
    }
    return items_.back().count;
}

bool Stretch::keep(Sample&& sample) {
    const std::size_t more = octets_of(sample);
    if (samples.size() >= samples_max || samples_octets_max - samples_octets < more) return false;
    samples_octets += more;
    samples.push_back(std::move(sample));
    return true;
}

}  // namespace zc::shadow
