// Inside of package front: the questions that the live front has in flight to one server.
//
// A table of fixed size, found by ID. A question waits for its answer, in the order in which it was
// asked; an answered one is kept for a moment, so that a second answer is known as one. Nothing is
// allocated after construction, but by what `T` holds.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/octets.h"
#include "base/seed.h"
#include "base/time.h"
#include "front/pair.h"

namespace zc::front {

inline constexpr std::uint32_t in_flight_most =
    32768;  // half of all IDs, so that one is found soon

/// An answer that was not read yet is not late: after a stall many may lie in the sockets. But a
/// server that sends without end keeps nobody waiting for good.
class Unread {
public:
    static constexpr base::Duration longest = base::Duration::milliseconds(100);

    /// After a look at the sockets, `more` of which have something left. True: what has waited for
    /// too long may be given up.
    bool may_expire(bool more, base::Duration now) noexcept {
        if (!std::exchange(is_there_, more) && more) since_ = now;
        return !more || now - since_ >= longest;
    }

private:
    bool is_there_ = false;
    base::Duration since_;
};

/// `T` has a member `query`: the message under whose ID and question an answer is taken, and
/// `shrink`, which gives back what memory huge messages needed. `Marks`: how many ages there are at
/// which something is done with a question that still waits.
template <class T, std::size_t Marks = 0>
class InFlight {
public:
    using Index = std::int32_t;
    static constexpr Index none = -1;
    static constexpr base::Duration kept = base::Duration::milliseconds(5);

    /// Room for `size` questions, 1..in_flight_most.
    InFlight(std::size_t size, std::uint64_t seed, Belief belief)
        : slots_(size), random_(seed), belief_(belief) {
        index_of_.fill(none);
        next_.fill(none);
        free_.reserve(size);
        for (std::size_t i = size; i > 0; --i) free_.push_back(static_cast<Index>(i - 1));
    }

    T& operator[](Index index) noexcept { return slot(index).value; }
    std::size_t size() const noexcept { return slots_.size(); }
    bool any_waits() const noexcept { return waiting_.oldest != none; }
    /// The question that waits longest, or none.
    Index longest() const noexcept { return waiting_.oldest; }
    bool is_answered(Index index) const noexcept { return slot(index).answered; }
    std::uint16_t id(Index index) const noexcept { return slot(index).id; }

    /// None when all of them wait. IDs are such as nobody can guess, and seldom the same twice in a
    /// short time.
    Index take(base::Duration now) noexcept {
        if (free_.empty()) {
            if (answered_.oldest == none) return none;
            release(answered_.oldest);
        }
        const Index index = free_.back();
        free_.pop_back();
        Slot& one = slot(index);
        do one.id = static_cast<std::uint16_t>(random_.next());
        while (index_of_[one.id] != none);
        index_of_[one.id] = index;
        one.since = now;
        one.answered = false;
        append(waiting_, index);
        for (Index& next : next_)
            if (next == none) next = index;
        return index;
    }
    /// How many octets of messages it holds now; `octets` is the sum.
    void hold(Index index, std::size_t octets) noexcept {
        octets_ += octets;
        octets_ -= std::exchange(slot(index).octets, octets);
    }
    std::size_t octets() const noexcept { return octets_; }
    /// It waits no longer; for `kept` it is still found.
    void answered(Index index, base::Duration now) noexcept {
        leave(index);
        Slot& one = slot(index);
        one.since = now;
        one.answered = true;
        append(answered_, index);
    }
    void release(Index index) noexcept {
        leave(index);
        hold(index, 0);
        slot(index).value.shrink();
        index_of_[slot(index).id] = none;
        free_.push_back(index);
    }

    /// The question whose answer `message` is, answered before or not; else what it is instead. The
    /// ID alone does not make an answer: see Belief.
    struct Attribution {
        Index index = none;
        ask::Stray stray{};  // if there is none
    };
    Attribution find(base::Octets message) const noexcept {
        const auto seen = glance(message);
        if (!seen || !seen->response) return {none, ask::Stray::no_message};
        const Index index = index_of_[base::load_u16(message.data())];
        if (index == none) return {none, ask::Stray::late};
        if (!believes(belief_, slot(index).value.query, *seen))
            return {none, ask::Stray::other_question};
        return {index, {}};
    }

    /// Lets go of what was kept for long enough. True: something still is.
    bool forget(base::Duration now) noexcept {
        while (answered_.oldest != none && now - slot(answered_.oldest).since >= kept)
            release(answered_.oldest);
        return answered_.oldest != none;
    }
    /// Lets go of all that was answered: where room is scarce.
    void forget_answered() noexcept {
        while (answered_.oldest != none) release(answered_.oldest);
    }
    bool has_waited(Index index, base::Duration now, base::Duration age) const noexcept {
        return now - slot(index).since >= age;
    }
    /// Calls `due(index)` for each that waits and has come to `age` since the last call; once in
    /// its life for each mark.
    template <class Due>
    void pass(std::size_t mark, base::Duration now, base::Duration age, Due due) noexcept {
        Index& next = next_[mark];
        while (next != none && has_waited(next, now, age)) {
            const Index index = next;
            next = slot(index).after;
            due(index);
        }
    }

private:
    struct Slot {
        T value;
        base::Duration since;
        std::size_t octets = 0;
        Index before = none, after = none;
        std::uint16_t id = 0;
        bool answered = false;
    };
    struct List {
        Index oldest = none, youngest = none;
    };

    Slot& slot(Index index) noexcept { return slots_[static_cast<std::size_t>(index)]; }
    const Slot& slot(Index index) const noexcept { return slots_[static_cast<std::size_t>(index)]; }
    void append(List& list, Index index) noexcept {
        Slot& one = slot(index);
        one.before = list.youngest;
        one.after = none;
        (list.youngest != none ? slot(list.youngest).after : list.oldest) = index;
        list.youngest = index;
    }
    void leave(Index index) noexcept {
        const Slot& one = slot(index);
        List& list = one.answered ? answered_ : waiting_;
        (one.before != none ? slot(one.before).after : list.oldest) = one.after;
        (one.after != none ? slot(one.after).before : list.youngest) = one.before;
        if (one.answered) return;
        for (Index& next : next_)
            if (next == index) next = one.after;
    }

    std::vector<Slot> slots_;
    std::vector<Index> free_;
    std::array<Index, 65536> index_of_{};
    List waiting_, answered_;
    std::array<Index, Marks> next_{};  // the first that has not come to the mark
    std::size_t octets_ = 0;
    base::Seed random_;
    const Belief belief_;
};

}  // namespace zc::front
