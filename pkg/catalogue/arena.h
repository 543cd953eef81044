// Memory for what is loaded in bulk and freed at once: few large blocks, so that huge pages can
// back them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "catalogue/catalogue.h"

namespace zc::catalogue {

inline constexpr std::size_t huge_page_octets = std::size_t{2} << 20;

/// One aligned piece of memory, told to `advise` when it is large enough to matter.
class Block {
public:
    Block(std::size_t octets, Advise advise)
        : octets_((octets + huge_page_octets - 1) / huge_page_octets * huge_page_octets) {
        // A small block stays small: a node with ten zones is not charged a huge page.
        const bool large = octets >= huge_page_octets / 2;
        if (!large) octets_ = (octets + 63) / 64 * 64;
        at_ =
            static_cast<std::uint8_t*>(std::aligned_alloc(large ? huge_page_octets : 64, octets_));
        if (at_ == nullptr) throw std::bad_alloc();
        if (large && advise != nullptr) advise(at_, octets_);
    }
    ~Block() { std::free(at_); }
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;

    std::uint8_t* at() const noexcept { return at_; }
    std::size_t octets() const noexcept { return octets_; }
    bool contains(const void* place) const noexcept {
        const auto where = reinterpret_cast<std::uintptr_t>(place),
                   begin = reinterpret_cast<std::uintptr_t>(at_);
        return where - begin < octets_;
    }

private:
    std::uint8_t* at_ = nullptr;
    std::size_t octets_;
};

/// Hands out memory front to back and takes none back. One zone's bulk-loaded image is left behind
/// at most once, since its successor is allocated alone: dead octets in here never outgrow those
/// that were loaded.
class Arena {
public:
    explicit Arena(Advise advise) noexcept : advise_(advise) {}

    std::uint8_t* copy(base::Octets octets) {
        const std::size_t wanted = (octets.size() + 7) & ~std::size_t{7};
        if (wanted > left_) {
            // Blocks grow with what is in them, so that a small catalogue takes little.
            std::size_t size = total_ < first_octets ? first_octets : total_ / 4;
            size = size < block_octets_max ? size : block_octets_max;
            size = size > wanted ? size : wanted;
            blocks_.push_back(std::make_unique<Block>(size, advise_));
            next_ = blocks_.back()->at();
            left_ = blocks_.back()->octets();
            total_ += left_;
        }
        std::uint8_t* to = next_;
        std::memcpy(to, octets.data(), octets.size());
        next_ += wanted;
        left_ -= wanted;
        return to;
    }

private:
    static constexpr std::size_t first_octets = std::size_t{256} << 10;
    static constexpr std::size_t block_octets_max = std::size_t{32} << 20;
    Advise advise_;
    std::vector<std::unique_ptr<Block>> blocks_;
    std::uint8_t* next_ = nullptr;
    std::size_t left_ = 0;
    std::size_t total_ = 0;
};

}  // namespace zc::catalogue
