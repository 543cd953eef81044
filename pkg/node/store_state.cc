#include "node/store_state.h"

#include <utility>

namespace zc::node {

bool StoreState::was_read(const StoreStand& stand) {
    const bool is_first = reads_++ == 0;
    const bool moved = is_first || served_.position != stand.position;
    if (!moved) {
        served_.mapped_octets = stand.mapped_octets;
        return false;
    }
    served_ = stand;
    newest_ = {stand.position, stand.committed_at};
    return true;
}

void StoreState::was_written(const store::Position& position, base::Instant at) {
    ++reads_;  // a look that is under way may have seen the store before
    served_.position = position;
    served_.committed_at = at;
    newest_ = {position, at};
}

StoreState::News StoreState::seen(std::uint64_t look, const Result<load::StoreWatch::Seen>& seen) {
    if (look != reads_) return News::none;
    if (!seen) {
        std::string problem = seen.error().text();
        const bool is_known = problem == problem_;
        problem_ = std::move(problem);
        return is_known ? News::none : News::unreadable;
    }
    const bool was_behind = behind();
    problem_.clear();
    newest_ = *seen;
    return behind() && !was_behind ? News::newer : News::none;
}

ImageFileState::Advice ImageFileState::look(bool changed, bool may_reload,
                                            base::Duration now) noexcept {
    Advice out;
    if (changed && !changed_) {
        changed_ = true;
        retry_at_ = now;
        out.tell = true;
    }
    if (!changed_ || !may_reload || now < retry_at_) return out;
    retry_at_ = now + retry_interval;
    out.reload = true;
    return out;
}

}  // namespace zc::node
