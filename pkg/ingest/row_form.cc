#include "ingest/row_form.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace zc::ingest {

namespace {

static_assert(std::endian::native == std::endian::little, "common_tail looks at eight octets");

constexpr std::size_t varint_octets_max = 10;
constexpr std::size_t tail_value_octets_min = 8;  // shorter values have no tail
constexpr std::size_t tail_octets_max = 255;

constexpr std::uint8_t table_bits = 0x07, same_table = 0x08, same_domain = 0x10, next_line = 0x20;
static_assert(tables_count <= table_bits + 1);
static_assert(columns_max - 1 <= 8, "a bit of `same` for each value");

std::uint8_t* put_varint(std::uint8_t* at, std::uint64_t value) noexcept {
    while (value >= 0x80) {
        *at++ = static_cast<std::uint8_t>(value | 0x80);
        value >>= 7;
    }
    *at++ = static_cast<std::uint8_t>(value);
    return at;
}

std::size_t varint_octets(std::uint64_t value) noexcept {
    std::size_t octets = 1;
    while (value >= 0x80) {
        value >>= 7;
        ++octets;
    }
    return octets;
}

constexpr std::uint64_t zigzag(std::uint64_t difference) noexcept {
    return (difference << 1) ^ (0 - (difference >> 63));
}
constexpr std::uint64_t unzigzag(std::uint64_t value) noexcept {
    return (value >> 1) ^ (0 - (value & 1));
}

/// memcpy for values, of which nearly all are short: a call costs more than the copying.
void copy_octets(void* to, const void* from, std::size_t octets) noexcept {
    auto* const out = static_cast<std::uint8_t*>(to);
    const auto* const in = static_cast<const std::uint8_t*>(from);
    const auto ends = [&]<class T>(T first) {  // two that overlap
        T last;
        std::memcpy(&first, in, sizeof first);
        std::memcpy(&last, in + octets - sizeof last, sizeof last);
        std::memcpy(out, &first, sizeof first);
        std::memcpy(out + octets - sizeof last, &last, sizeof last);
    };
    struct Sixteen {
        std::uint64_t low, high;
    };
    if (octets > 32) {
        std::memcpy(to, from, octets);
    } else if (octets >= 16) {
        ends(Sixteen{});
    } else if (octets >= 8) {
        ends(std::uint64_t{});
    } else if (octets >= 4) {
        ends(std::uint32_t{});
    } else if (octets >= 2) {
        ends(std::uint16_t{});
    } else if (octets == 1) {
        *out = *in;
    }
}

/// memcmp, as `copy_octets`.
bool is_same(const char* a, const char* b, std::size_t octets) noexcept {
    const auto ends = [&]<class T>(T of_a) {
        T of_b;
        std::memcpy(&of_a, a, sizeof of_a);
        std::memcpy(&of_b, b, sizeof of_b);
        if (of_a != of_b) return false;
        std::memcpy(&of_a, a + octets - sizeof of_a, sizeof of_a);
        std::memcpy(&of_b, b + octets - sizeof of_b, sizeof of_b);
        return of_a == of_b;
    };
    if (octets > 16) return std::memcmp(a, b, octets) == 0;
    if (octets >= 8) return ends(std::uint64_t{});
    if (octets >= 4) return ends(std::uint32_t{});
    if (octets >= 2) return ends(std::uint16_t{});
    return octets == 0 || *a == *b;
}

/// How many octets the two have in common at their ends, up to `tail_octets_max`.
std::size_t common_tail(std::string_view a, std::string_view b) noexcept {
    const std::size_t most = std::min({a.size(), b.size(), tail_octets_max});
    const char* const a_end = a.data() + a.size();
    const char* const b_end = b.data() + b.size();
    std::size_t tail = 0;
    for (; tail + 8 <= most; tail += 8) {
        std::uint64_t of_a = 0;
        std::uint64_t of_b = 0;
        std::memcpy(&of_a, a_end - tail - 8, 8);
        std::memcpy(&of_b, b_end - tail - 8, 8);
        if (of_a != of_b) return tail + static_cast<std::size_t>(std::countl_zero(of_a ^ of_b)) / 8;
    }
    while (tail < most && a_end[-1 - static_cast<std::ptrdiff_t>(tail)] ==
                              b_end[-1 - static_cast<std::ptrdiff_t>(tail)])
        ++tail;
    return tail;
}

}  // namespace

std::size_t RowPacker::octets_max(const Row& row) noexcept {
    const std::size_t count = columns_count(row.table);
    std::size_t octets = 2 + 2 * varint_octets_max;
    for (std::size_t i = first_value(row.table); i < count; ++i)
        octets += varint_octets_max + 1 + (row.values[i] ? row.values[i]->size() : 0);
    return octets;
}

std::uint8_t* RowPacker::pack(const Row& row, std::uint8_t* at,
                              std::uint64_t& plain_octets) noexcept {
    const bool beside = has_before_ && table_ == row.table;
    std::uint8_t* const head = at++;
    *head = static_cast<std::uint8_t>(row.table);
    if (!has_before_) {
        domain_ = 0;
        line_ = 0;
    }
    if (row.domain == domain_) {
        *head |= same_domain;
    } else {
        at = put_varint(at, zigzag(static_cast<std::uint64_t>(row.domain) -
                                   static_cast<std::uint64_t>(domain_)));
    }
    if (row.line == line_ + 1) {
        *head |= next_line;
    } else {
        at = put_varint(at, zigzag(row.line - line_));
    }
    std::uint8_t* same = nullptr;
    if (beside) {
        *head |= same_table;
        same = at++;
        *same = 0;
    }
    const std::size_t first = first_value(row.table);
    const std::size_t count = columns_count(row.table);
    for (std::size_t i = first; i < count; ++i) {
        const ingest::Value& value = row.values[i];
        Remembered& before = values_[i];
        if (!value) {
            ++plain_octets;
            if (beside && before.octets == Remembered::null) {
                *same |= static_cast<std::uint8_t>(1U << (i - first));
            } else {
                before.octets = Remembered::null;
                *at++ = 0;
            }
            continue;
        }
        const std::size_t octets = value->size();
        plain_octets += varint_octets(octets + 1) + octets;
        // `null` and `unknown` are lengths that no remembered value has, but others may have them.
        if (beside && octets <= before.text.size() && before.octets == octets &&
            is_same(before.text.data(), value->data(), octets)) {
            *same |= static_cast<std::uint8_t>(1U << (i - first));
            continue;
        }
        at = put_varint(at, octets + 1);
        std::size_t tail = 0;
        if (beside && octets >= tail_value_octets_min) {
            if (before.octets <= before.text.size())
                tail = common_tail(*value, {before.text.data(), before.octets});
            *at++ = static_cast<std::uint8_t>(tail);
        }
        copy_octets(at, value->data(), octets - tail);
        at += octets - tail;
        if (octets <= before.text.size()) {
            before.octets = static_cast<std::uint8_t>(octets);
            copy_octets(before.text.data(), value->data(), octets);
        } else {
            before.octets = Remembered::unknown;
        }
    }
    has_before_ = true;
    table_ = row.table;
    domain_ = row.domain;
    line_ = row.line;
    return at;
}

RowStore::Bucket::Ref RowUnpacker::unpack(std::uint8_t*& plain) noexcept {
    const std::uint8_t head = *at_++;
    RowStore::Bucket::Ref ref{};
    ref.table = static_cast<Table>(head & table_bits);
    if ((head & same_domain) == 0)
        domain_ = static_cast<std::int64_t>(static_cast<std::uint64_t>(domain_) +
                                            unzigzag(take_varint(at_)));
    line_ += (head & next_line) != 0 ? 1 : unzigzag(take_varint(at_));
    ref.domain = domain_;
    ref.line = line_;
    ref.values = plain;
    const bool beside = (head & same_table) != 0;
    const std::uint8_t same = beside ? *at_++ : std::uint8_t{0};
    const std::size_t first = first_value(ref.table);
    const std::size_t count = columns_count(ref.table);
    for (std::size_t i = first; i < count; ++i) {
        Value& value = values_[i];
        if ((same >> (i - first) & 1U) != 0) {
            plain = put_varint(plain, value.octets_and_one);
            if (value.octets_and_one > 1) {
                copy_octets(plain, value.text, value.octets_and_one - 1);
                value.text = plain;
                plain += value.octets_and_one - 1;
            }
            continue;
        }
        const Value before = value;
        value.octets_and_one = take_varint(at_);
        plain = put_varint(plain, value.octets_and_one);
        if (value.octets_and_one <= 1) continue;
        const std::size_t octets = value.octets_and_one - 1;
        const std::size_t tail = beside && octets >= tail_value_octets_min ? *at_++ : 0;
        value.text = plain;
        copy_octets(plain, at_, octets - tail);
        at_ += octets - tail;
        plain += octets - tail;
        if (tail == 0) continue;  // what was before may be NULL
        copy_octets(plain, before.text + (before.octets_and_one - 1 - tail), tail);
        plain += tail;
    }
    ref.octets = static_cast<std::uint32_t>(plain - ref.values);
    return ref;
}

}  // namespace zc::ingest
