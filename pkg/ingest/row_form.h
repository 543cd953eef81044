// Inside of package ingest: the two forms in which rows lie in memory.
//
//   plain    what is worked with: the values of a row one after the other, each as
//            varint(octets + 1) and its octets; 0 is NULL
//   packed   what waits in chunks: how a row differs from the one before it in its chunk
//
//   packed row   head u8       bits 0-2 table; bit 3 table as before; bit 4 domain as before;
//                              bit 5 line is the next one
//                [domain]      zigzag varint of the difference, unless bit 4
//                [line]        zigzag varint of the difference, unless bit 5
//                [same u8]     if bit 3: bit n, value n is as before
//                value …       the others: varint(octets + 1), 0 is NULL;
//                              [tail u8] if bit 3 and at least 8 octets: so many at its end are
//                              those at the end of the value before; the octets in front of them
//
// Rows of one zone mostly stand together: neighbours have the zone's name, TTL and flags in common.
// Sketch: a record of 82 octets in a dump takes 70 when it is plain, 35 packed.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "ingest/row_store.h"

namespace zc::ingest {

/// Rows of tables with a domain id have it in front and not among the values.
constexpr std::size_t first_value(Table table) noexcept {
    return table == Table::tsigkeys || table == Table::supermasters ? 0 : 1;
}

inline std::uint64_t take_varint(const std::uint8_t*& at) noexcept {
    std::uint64_t value = *at & 0x7fU;
    for (unsigned shift = 7; (*at++ & 0x80U) != 0; shift += 7)
        value |= std::uint64_t{*at & 0x7fU} << shift;
    return value;
}

/// Packs the rows of one chunk after the other.
class RowPacker {
public:
    /// An upper limit of what `pack` writes.
    static std::size_t octets_max(const Row& row) noexcept;
    /// The next row is the first of a chunk.
    void restart() noexcept { has_before_ = false; }
    /// Gives the end of what it wrote at `at`. `plain_octets` grows by what the row takes there.
    std::uint8_t* pack(const Row& row, std::uint8_t* at, std::uint64_t& plain_octets) noexcept;

private:
    /// A value of the row before; a long one is not remembered.
    struct Remembered {
        static constexpr std::uint8_t null = 254, unknown = 255;
        std::uint8_t octets = unknown;
        std::array<char, 127> text;
    };
    bool has_before_ = false;
    Table table_{};
    std::int64_t domain_ = 0;
    std::uint64_t line_ = 0;
    std::array<Remembered, columns_max> values_;
};

/// Unpacks a chunk, which one `RowPacker` wrote after a `restart`.
class RowUnpacker {
public:
    RowUnpacker(const std::uint8_t* at, const std::uint8_t* end) noexcept : at_(at), end_(end) {}
    bool at_end() const noexcept { return at_ == end_; }
    /// The next row: its values plain at `plain`, which has to stay until the row after it is
    /// unpacked, and moves behind them.
    RowStore::Bucket::Ref unpack(std::uint8_t*& plain) noexcept;

private:
    struct Value {
        const std::uint8_t* text = nullptr;
        std::size_t octets_and_one = 0;  // 0: NULL
    };
    const std::uint8_t* at_;
    const std::uint8_t* end_;
    std::int64_t domain_ = 0;
    std::uint64_t line_ = 0;
    std::array<Value, columns_max> values_;
};

}  // namespace zc::ingest
