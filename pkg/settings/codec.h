// Values as octets: numbers base 128, low groups first; texts with their length before them. Inside
// of this package.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/octets.h"
#include "base/result.h"

namespace zc::settings {

class Encoder {
public:
    template <class Tag>
    Encoder& tag(Tag tag) {
        octets_.push_back(static_cast<std::uint8_t>(tag));
        return *this;
    }
    Encoder& number(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7)
            octets_.push_back(static_cast<std::uint8_t>(value | 0x80));
        octets_.push_back(static_cast<std::uint8_t>(value));
        return *this;
    }
    /// Small ones of either sign are short.
    Encoder& signed_number(std::int64_t value) {
        const auto bits = static_cast<std::uint64_t>(value);
        return number(value < 0 ? ~bits << 1 | 1 : bits << 1);
    }
    Encoder& text(std::string_view text) {
        number(text.size());
        octets_.insert(octets_.end(), text.begin(), text.end());
        return *this;
    }
    std::vector<std::uint8_t> take() { return std::move(octets_); }

private:
    std::vector<std::uint8_t> octets_;
};

class Decoder {
public:
    explicit Decoder(base::Octets octets) noexcept : in_(octets) {}

    bool more() const noexcept { return in_.ok() && !in_.at_end(); }
    std::uint8_t tag() noexcept { return in_.u8(); }
    std::uint64_t number() noexcept {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64; shift += 7) {
            const std::uint8_t octet = in_.u8();
            if (shift == 63 && octet > 1) break;  // more than 64 bits
            value |= std::uint64_t{octet & 0x7fU} << shift;
            if (octet < 0x80) return value;
        }
        in_.fail();
        return 0;
    }
    std::int64_t signed_number() noexcept {
        const std::uint64_t value = number();
        return static_cast<std::int64_t>((value & 1) != 0 ? ~(value >> 1) : value >> 1);
    }
    /// At most `max`.
    std::uint64_t number(std::uint64_t max) noexcept {
        const std::uint64_t value = number();
        if (value > max) in_.fail();
        return value;
    }
    std::string text() {
        const std::uint64_t size = number();
        if (size > in_.remaining()) in_.fail();
        const base::Octets octets = in_.ok() ? in_.octets(size) : base::Octets{};
        return {octets.begin(), octets.end()};
    }
    bool ok() const noexcept { return in_.ok(); }
    void fail() noexcept { in_.fail(); }
    Status status() const {
        if (in_.ok()) return {};
        return zc::fail(Errc::malformed, "settings of a zone are cut off or unknown at octet " +
                                             std::to_string(in_.offset()));
    }

private:
    base::Reader in_;
};

}  // namespace zc::settings
