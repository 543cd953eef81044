// Inside of package ingest: which zones were seen, by hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace zc::ingest {

/// A set of 64-bit hashes: open addressing, 8 octets a slot, at most two thirds full.
class KeySet {
public:
    /// For so many keys, as nearly as is known.
    void reserve(std::size_t keys) {
        while (keys * 3 >= slots_.size() * 2) grow();
    }
    /// False when it was there already.
    bool add(std::uint64_t key) {
        if (count_ * 3 >= slots_.size() * 2) grow();
        if (!place(key)) return false;
        ++count_;
        return true;
    }

private:
    bool place(std::uint64_t key) noexcept {
        if (key == 0) key = 1;  // 0 is an empty slot
        const std::size_t mask = slots_.size() - 1;
        for (std::size_t at = key & mask;; at = (at + 1) & mask) {
            if (slots_[at] == key) return false;
            if (slots_[at] == 0) {
                slots_[at] = key;
                return true;
            }
        }
    }
    void grow() {
        std::vector<std::uint64_t> old(slots_.size() * 2);
        old.swap(slots_);
        for (const std::uint64_t key : old) {
            if (key != 0) place(key);
        }
    }

    std::vector<std::uint64_t> slots_ = std::vector<std::uint64_t>(1024);
    std::size_t count_ = 0;
};

}  // namespace zc::ingest
