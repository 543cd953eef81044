// DNS messages in a stream of octets: two octets of length before each message (RFC 1035
// section 4.2.2, RFC 7766 section 8).
//
// The reader looks at octets that the caller holds. It copies nothing and knows no socket.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>

#include "base/octets.h"
#include "dns/message.h"

namespace zc::net {

inline constexpr std::size_t length_octets = 2;
inline constexpr std::size_t framed_octets_max = length_octets + dns::message_octets_max;

/// The octets before a message, which is at most `dns::message_octets_max` long.
inline std::array<std::uint8_t, length_octets> length_of(base::Octets message) noexcept {
    std::array<std::uint8_t, length_octets> out{};
    base::store_u16(out.data(), static_cast<std::uint16_t>(message.size()));
    return out;
}

/// Cuts octets into the messages that have arrived whole.
class FrameReader {
public:
    explicit FrameReader(base::Octets octets) noexcept : octets_(octets) {}

    /// The next whole message; it lies in the octets given. Nothing: the rest is part of a message,
    /// or there is none. A message may be empty.
    std::optional<base::Octets> next() noexcept {
        const std::uint8_t* const here = octets_.data() + at_;
        const std::size_t left = octets_.size() - at_;
        if (left < length_octets) return std::nullopt;
        const std::size_t size = base::load_u16(here);
        if (left - length_octets < size) return std::nullopt;
        at_ += length_octets + size;
        return base::Octets(here + length_octets, size);
    }

    /// Octets of the messages given so far, with their lengths.
    std::size_t taken() const noexcept { return at_; }
    base::Octets rest() const noexcept { return octets_.subspan(at_); }
    /// How many octets more the next message needs; 0: it is whole.
    std::size_t missing() const noexcept {
        const base::Octets left = rest();
        if (left.size() < length_octets) return length_octets - left.size();
        const std::size_t whole = length_octets + base::load_u16(left.data());
        return whole - std::min(whole, left.size());
    }

private:
    base::Octets octets_;
    std::size_t at_ = 0;
};

/// Writes messages with their lengths one after the other into room of the caller's.
class FrameWriter {
public:
    explicit FrameWriter(base::MutableOctets room) noexcept : room_(room) {}

    /// Room for the next message, at most `dns::message_octets_max`; `commit` takes what was
    /// written there. Empty when there is no room for a length.
    base::MutableOctets next() const noexcept {
        const std::size_t left = room_.size() - size_;
        if (left < length_octets) return {};
        return room_.subspan(size_ + length_octets,
                             std::min(left - length_octets, dns::message_octets_max));
    }
    /// `octets` of a message stand at the start of `next()`.
    void commit(std::size_t octets) noexcept {
        base::store_u16(room_.data() + size_, static_cast<std::uint16_t>(octets));
        size_ += length_octets + octets;
    }
    /// False: it does not fit, and nothing is written.
    bool put(base::Octets message) noexcept {
        const std::size_t left = room_.size() - size_;
        if (left < length_octets || left - length_octets < message.size()) return false;
        std::uint8_t* const to = room_.data() + size_ + length_octets;
        if (!message.empty()) std::memcpy(to, message.data(), message.size());
        commit(message.size());
        return true;
    }

    base::Octets written() const noexcept { return room_.first(size_); }
    std::size_t size() const noexcept { return size_; }
    void clear() noexcept { size_ = 0; }

private:
    base::MutableOctets room_;
    std::size_t size_ = 0;
};

}  // namespace zc::net
