#include "shadow/tally.h"

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

}  // namespace zc::shadow
