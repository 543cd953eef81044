// Octets that grow at their end: what makes zone images out of many short pieces.
//
// A std::vector does the same, but looks for room, and calls out, with each piece; here there is
// `room` for many at once, and what it gives is not filled with zeros first.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>

#include "base/octets.h"

namespace zc::base {

class OctetBuffer {
public:
    std::size_t size() const noexcept { return size_; }
    bool empty() const noexcept { return size_ == 0; }
    std::uint8_t* data() noexcept { return octets_.get(); }
    const std::uint8_t* data() const noexcept { return octets_.get(); }
    std::uint8_t& operator[](std::size_t at) noexcept { return octets_[at]; }
    std::uint8_t operator[](std::size_t at) const noexcept { return octets_[at]; }
    operator Octets() const noexcept { return {octets_.get(), size_}; }

    /// Keeps its memory.
    void clear() noexcept { size_ = 0; }
    /// Forgets what is behind the first `octets`.
    void shorten(std::size_t octets) noexcept { size_ = std::min(size_, octets); }

    /// Where up to `octets` more may be written; they count when `wrote_until` says so. Valid until
    /// the next call that needs room. Throws std::bad_alloc, and is then as it was.
    std::uint8_t* room(std::size_t octets) {
        if (capacity_ - size_ < octets) grow(octets);
        return octets_.get() + size_;
    }
    void wrote_until(const std::uint8_t* end) noexcept {
        size_ = static_cast<std::size_t>(end - octets_.get());
    }

    void append(Octets more) {
        if (more.empty()) return;
        std::memcpy(room(more.size()), more.data(), more.size());
        size_ += more.size();
    }
    void append(std::uint8_t octet) {
        *room(1) = octet;
        ++size_;
    }
    /// In the order of this machine, as zone images have numbers.
    template <class T>
    requires std::is_unsigned_v<T>
    void append_number(T value) {
        std::memcpy(room(sizeof value), &value, sizeof value);
        size_ += sizeof value;
    }

private:
    void grow(std::size_t octets) {
        constexpr std::size_t octets_first = 256;
        const std::size_t wanted = std::max({octets_first, size_ + octets, 2 * capacity_});
        auto more = std::make_unique_for_overwrite<std::uint8_t[]>(wanted);
        if (size_ != 0) std::memcpy(more.get(), octets_.get(), size_);
        octets_ = std::move(more);
        capacity_ = wanted;
    }

    std::unique_ptr<std::uint8_t[]> octets_;
    std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace zc::base
