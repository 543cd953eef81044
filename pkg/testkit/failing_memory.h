// Allocations that fail, for tests of what happens then. It replaces operator new: one file of a
// test program includes it.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace zc::testkit {

/// While it lives, this thread gets memory, whatever others get.
class SparedThread {
public:
    SparedThread() noexcept : before_(is_spared_) { is_spared_ = true; }
    ~SparedThread() { is_spared_ = before_; }
    SparedThread(const SparedThread&) = delete;
    SparedThread& operator=(const SparedThread&) = delete;
    static bool is_spared() noexcept { return is_spared_; }

private:
    static inline thread_local bool is_spared_ = false;
    const bool before_;
};

/// While one lives, allocations of its thread alone fail.
class FailingThread {
public:
    FailingThread() noexcept {
        is_here_ = true;
        ++threads_;
    }
    ~FailingThread() {
        is_here_ = false;
        --threads_;
    }
    FailingThread(const FailingThread&) = delete;
    FailingThread& operator=(const FailingThread&) = delete;
    static bool may_fail() noexcept { return is_here_ || threads_ == 0; }

private:
    static inline thread_local bool is_here_ = false;
    static inline std::atomic<int> threads_ = 0;
};

/// While it lives, allocations of threads that are not spared fail: the one with this number,
/// counted from 1, or all of them. One at a time.
class FailingMemory {
public:
    static constexpr std::uint64_t all = ~std::uint64_t{0};
    explicit FailingMemory(std::uint64_t number) noexcept {
        asked_ = 0;
        failing_ = number;
    }
    ~FailingMemory() { stop(); }
    FailingMemory(const FailingMemory&) = delete;
    FailingMemory& operator=(const FailingMemory&) = delete;

    /// From here on none fails, and none is counted.
    static void stop() noexcept { failing_ = none; }
    /// How many allocations there were.
    static std::uint64_t asked() noexcept { return asked_; }

    /// The allocation of operator new.
    static void* allocate(std::size_t octets) {
        if (const std::uint64_t failing = failing_; failing != none && !SparedThread::is_spared() &&
                                                    FailingThread::may_fail() &&
                                                    (++asked_ == failing || failing == all))
            throw std::bad_alloc();
        // NOLINTNEXTLINE(cppcoreguidelines-no-malloc): this is what operator new stands on
        if (void* memory = std::malloc(octets == 0 ? 1 : octets)) return memory;
        throw std::bad_alloc();
    }
    static void* allocate_or_null(std::size_t octets) noexcept {
        try {
            return allocate(octets);
        } catch (const std::bad_alloc&) {
            return nullptr;
        }
    }

private:
    static constexpr std::uint64_t none = 0;
    static inline std::atomic<std::uint64_t> asked_ = 0;
    static inline std::atomic<std::uint64_t> failing_ = none;
};

}  // namespace zc::testkit

// NOLINTBEGIN(misc-definitions-in-headers): these must not be inline. Nor inlined: then gcc sees
// malloc go with delete, and free with new, and warns of either.
// NOLINTBEGIN(cppcoreguidelines-no-malloc)
[[gnu::noinline]] void* operator new(std::size_t octets) {
    return zc::testkit::FailingMemory::allocate(octets);
}
[[gnu::noinline]] void* operator new[](std::size_t octets) {
    return zc::testkit::FailingMemory::allocate(octets);
}
// The library's own would not go with the operators below.
[[gnu::noinline]] void* operator new(std::size_t octets, const std::nothrow_t& /*tag*/) noexcept {
    return zc::testkit::FailingMemory::allocate_or_null(octets);
}
[[gnu::noinline]] void* operator new[](std::size_t octets, const std::nothrow_t& /*tag*/) noexcept {
    return zc::testkit::FailingMemory::allocate_or_null(octets);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t /*octets*/) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete[](void* memory, std::size_t /*octets*/) noexcept {
    std::free(memory);
}
// NOLINTEND(cppcoreguidelines-no-malloc)
// NOLINTEND(misc-definitions-in-headers)
