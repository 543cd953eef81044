// Bounds-checked reading and writing of octets in network order; the first error sticks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace zc::base {

using Octets = std::span<const std::uint8_t>;
using MutableOctets = std::span<std::uint8_t>;

inline std::uint16_t load_u16(const std::uint8_t* at) noexcept {
    return static_cast<std::uint16_t>((at[0] << 8) | at[1]);
}
inline std::uint32_t load_u32(const std::uint8_t* at) noexcept {
    return (std::uint32_t{at[0]} << 24) | (std::uint32_t{at[1]} << 16) |
           (std::uint32_t{at[2]} << 8) | at[3];
}
inline void store_u16(std::uint8_t* at, std::uint16_t value) noexcept {
    at[0] = static_cast<std::uint8_t>(value >> 8);
    at[1] = static_cast<std::uint8_t>(value);
}
inline void store_u32(std::uint8_t* at, std::uint32_t value) noexcept {
    at[0] = static_cast<std::uint8_t>(value >> 24);
    at[1] = static_cast<std::uint8_t>(value >> 16);
    at[2] = static_cast<std::uint8_t>(value >> 8);
    at[3] = static_cast<std::uint8_t>(value);
}

/// Reads from the front. After a read past the end every read gives 0 (or an empty span) and `ok()`
/// is false, so a parser may read a whole structure and ask once.
class Reader {
public:
    explicit Reader(Octets octets) noexcept : octets_(octets) {}

    std::uint8_t u8() noexcept { return take(1) ? octets_[at_ - 1] : std::uint8_t{0}; }
    std::uint16_t u16() noexcept {
        return take(2) ? load_u16(&octets_[at_ - 2]) : std::uint16_t{0};
    }
    std::uint32_t u32() noexcept {
        return take(4) ? load_u32(&octets_[at_ - 4]) : std::uint32_t{0};
    }
    Octets octets(std::size_t count) noexcept {
        return take(count) ? octets_.subspan(at_ - count, count) : Octets{};
    }
    void skip(std::size_t count) noexcept { take(count); }
    /// Moves to `offset` from the start of the whole, backwards too.
    void seek(std::size_t offset) noexcept {
        if (offset > octets_.size())
            ok_ = false;
        else
            at_ = offset;
    }
    void fail() noexcept { ok_ = false; }

    bool ok() const noexcept { return ok_; }
    bool at_end() const noexcept { return at_ == octets_.size(); }
    std::size_t offset() const noexcept { return at_; }
    std::size_t remaining() const noexcept { return ok_ ? octets_.size() - at_ : 0; }
    Octets whole() const noexcept { return octets_; }

private:
    bool take(std::size_t count) noexcept {
        if (!ok_ || octets_.size() - at_ < count) return ok_ = false;
        at_ += count;
        return true;
    }

    Octets octets_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

/// Writes to the front of a buffer the caller owns. A write that does not fit is dropped whole,
/// `ok()` is false from then on, and `size()` stays where it was.
class Writer {
public:
    explicit Writer(MutableOctets octets) noexcept : octets_(octets) {}

    void u8(std::uint8_t value) noexcept {
        if (std::uint8_t* at = take(1)) *at = value;
    }
    void u16(std::uint16_t value) noexcept {
        if (std::uint8_t* at = take(2)) store_u16(at, value);
    }
    void u32(std::uint32_t value) noexcept {
        if (std::uint8_t* at = take(4)) store_u32(at, value);
    }
    void octets(Octets source) noexcept {
        if (source.empty()) return;
        if (std::uint8_t* at = take(source.size())) std::memcpy(at, source.data(), source.size());
    }
    /// Replaces two octets that were written before.
    void patch_u16(std::size_t offset, std::uint16_t value) noexcept {
        if (offset <= at_ && at_ - offset >= 2)
            store_u16(&octets_[offset], value);
        else
            ok_ = false;
    }

    bool ok() const noexcept { return ok_; }
    std::size_t size() const noexcept { return at_; }
    std::size_t remaining() const noexcept { return octets_.size() - at_; }
    Octets written() const noexcept { return octets_.first(at_); }

private:
    std::uint8_t* take(std::size_t count) noexcept {
        if (!ok_ || octets_.size() - at_ < count) {
            ok_ = false;
            return nullptr;
        }
        at_ += count;
        return octets_.data() + at_ - count;
    }

    MutableOctets octets_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

}  // namespace zc::base
