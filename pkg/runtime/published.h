// One immutable value that control replaces while workers read it: quiescent-state reclamation.
//
// A reader says when it starts and when it stops looking (once a batch, not once a query): two
// plain stores and two loads on a cache line of its own, no lock, no atomic read-modify-write, no
// fence. The writer pays for it: a publication calls membarrier(2), which makes
// every running thread of the process pass a full barrier (some microseconds). A reader that is not
// looking, because it waits for packets say, delays nobody.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

namespace zc::runtime {

/// The part of `Published` that does not depend on the type: readers and since when they read, and
/// values that wait to be freed.
class Grace {
public:
    /// Throws std::system_error when the kernel has no membarrier(2) (Linux before 4.14, or a
    /// seccomp filter).
    explicit Grace(std::size_t readers);

    void enter(std::size_t reader) noexcept {
        slots_[reader].since.store(epoch_.load(std::memory_order_acquire),
                                   std::memory_order_release);
        // The processor may still let the load of the value overtake the store above; the
        // membarrier in `retire` is what makes that harmless. Only the compiler has to be held
        // back.
        std::atomic_signal_fence(std::memory_order_seq_cst);
    }
    void leave(std::size_t reader) noexcept {
        slots_[reader].since.store(0, std::memory_order_release);
    }

    /// Control: the next `retire` throws nothing. Throws std::bad_alloc.
    void make_room();
    /// Control: `garbage` is what readers that entered before this call may still see. Takes it.
    void retire(std::shared_ptr<void> garbage);
    /// Control: destroys what no reader can see any more; gives the number of publications still
    /// waiting.
    std::size_t collect();
    std::size_t readers() const noexcept { return slots_.size(); }

private:
    struct alignas(64) Slot {
        std::atomic<std::uint64_t> since{0};  // the epoch at `enter`; 0: not looking
    };
    struct Retired {
        std::uint64_t epoch = 0;  // readers since this epoch or later cannot see it
        std::shared_ptr<void> garbage;
    };

    std::vector<Slot> slots_;
    std::vector<Retired> retired_;  // oldest first
    alignas(64) std::atomic<std::uint64_t> epoch_{1};
};

/// A pointer to the current `T`. Does not own it: the owner keeps the current one alive, and gives
/// what only earlier readers can see as garbage.
///
/// Threads: `enter` and `leave` by reader i on one thread at a time; all else on one control
/// thread.
template <class T>
class Published {
public:
    Published(const T& initial, std::size_t readers) : grace_(readers), current_(&initial) {}
    Published(const Published&) = delete;
    Published& operator=(const Published&) = delete;

    /// The value stays readable until `leave(reader)`. Not nested.
    const T& enter(std::size_t reader) noexcept {
        grace_.enter(reader);
        return *current_.load(std::memory_order_acquire);
    }
    void leave(std::size_t reader) noexcept { grace_.leave(reader); }

    /// Readers that enter from now on see `next`. `garbage`: any movable value whose destructor
    /// frees what they cannot see any more; it runs in a later `publish` or `collect`, on the
    /// control thread. Throws std::bad_alloc; then `garbage` is still the caller's, and nothing has
    /// changed.
    template <class Garbage>
    void publish(const T& next, Garbage&& garbage) {
        static_assert(!std::is_lvalue_reference_v<Garbage>);
        grace_.make_room();
        // A deleter that knows the type; one owner.
        publish_made(next, std::make_shared<Garbage>(std::forward<Garbage>(garbage)));
    }
    /// Makes room for one `publish_made`, which then throws nothing. Throws std::bad_alloc.
    void make_room() { grace_.make_room(); }
    void publish_made(const T& next, std::shared_ptr<void> garbage) {
        current_.store(&next, std::memory_order_release);
        grace_.retire(std::move(garbage));
        grace_.collect();
    }
    /// Destroys the garbage that nobody can see; gives the number of publications still waiting.
    /// Call it from time to time.
    std::size_t collect() { return grace_.collect(); }
    /// Control's own look at it.
    const T& current() const noexcept { return *current_.load(std::memory_order_relaxed); }

private:
    Grace grace_;
    alignas(64) std::atomic<const T*> current_;
};

}  // namespace zc::runtime
