#include "server/rate_limit.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "dns/message.h"

namespace zc::server {
namespace {

constexpr std::uint32_t token = 1000;  // in thousandths, so that slow refilling is exact enough
static_assert(std::uint64_t{RateLimit::burst_responses_max} * token <= UINT32_MAX);
constexpr std::uint64_t all_keys = std::uint64_t{1} << 32U;
constexpr std::size_t line_buckets = 4;
constexpr std::uint16_t type_opt = static_cast<std::uint16_t>(dns::RrType::opt);

/// The first `bits` of the address, as a number; 64 bits are the most a limit may name.
std::uint64_t network_of(const dns::Address& address, const RateLimit& limit) noexcept {
    const unsigned bits = address.size == 4 ? limit.ipv4_bits : limit.ipv6_bits;
    std::uint64_t upper = 0;
    for (std::size_t i = 0; i < 8; ++i)
        upper = upper << 8 | address.octets[i];  // zeros after IPv4's four
    return bits == 0 ? 0 : upper >> (64 - bits) << (64 - bits);
}

/// Both halves of a 128-bit product, folded: one instruction that mixes all bits.
std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

struct RateLimiter::Bucket {
    std::uint32_t tag;       // upper hash bits, never 0 when in use
    std::uint32_t tokens;    // in thousandths
    std::uint32_t since_ms;  // when tokens were last added; wraps after 49 days
    std::uint32_t limited;   // answers since the last that was not limited
};

struct alignas(64) RateLimiter::Line {
    std::array<Bucket, line_buckets> buckets;
};

void RateLimiter::Free::operator()(void* memory) const noexcept {
    std::free(memory);
}

RateLimiter::RateLimiter(std::uint64_t seed, std::size_t entries)
    : seed_(seed), line_mask_(std::bit_ceil(std::max(entries, line_buckets)) / line_buckets - 1) {
    static_assert(sizeof(Bucket) == 16 && sizeof(Line) == 64);
    // calloc's large blocks are fresh pages, zero without being touched; but aligned to 16 octets.
    std::size_t room = (line_mask_ + 2) * sizeof(Line);
    void* memory = std::calloc(room, 1);
    if (memory == nullptr) throw std::bad_alloc();
    memory_.reset(memory);
    lines_ = static_cast<Line*>(
        std::align(alignof(Line), (line_mask_ + 1) * sizeof(Line), memory, room));
}

RateLimiter::Verdict RateLimiter::take(const RateLimit& limit, const dns::Address& client,
                                       std::uint32_t rate_key, base::Instant now) noexcept {
    const std::uint64_t network = network_of(client, limit) ^ client.size;
    const std::uint64_t of_network = mix(network ^ seed_, 0x9e3779b97f4a7c15U);
    const std::uint64_t key = seed_ | 0x8000000000000001U;
    const Verdict verdict =
        take(limit, mix(of_network ^ rate_key, key), limit.responses_per_second, now);
    if (verdict != Verdict::pass) return verdict;
    // A rate key has 32 bits: this bucket is no key's.
    return take(limit, mix(of_network ^ all_keys, key), limit.all_rate(), now);
}

RateLimiter::Verdict RateLimiter::take(const RateLimit& limit, std::uint64_t hash,
                                       std::uint32_t rate, base::Instant now) noexcept {
    Line& line = lines_[hash & line_mask_];
    const std::uint32_t tag = static_cast<std::uint32_t>(hash >> 32) | 1U;
    const auto now_ms = static_cast<std::uint32_t>(now.nanoseconds / 1'000'000);
    const auto capacity = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(std::uint64_t{rate} * limit.burst_seconds,
                                RateLimit::burst_responses_max) *
        token);

    Bucket* bucket = nullptr;
    for (Bucket& candidate : line.buckets)
        if (candidate.tag == tag) bucket = &candidate;
    if (bucket == nullptr) {
        bucket = &*std::max_element(line.buckets.begin(), line.buckets.end(),
                                    [&](const Bucket& a, const Bucket& b) {
                                        if ((a.tag == 0) != (b.tag == 0)) return b.tag == 0;
                                        return now_ms - a.since_ms < now_ms - b.since_ms;
                                    });
        *bucket = {.tag = tag, .tokens = capacity, .since_ms = now_ms, .limited = 0};
    }

    // A clock set back looks like 49 days minus a bit: that is no refill, but a new start of
    // counting.
    const std::uint32_t passed_ms = now_ms - bucket->since_ms;
    if (passed_ms < UINT32_MAX / 2) {
        const std::uint64_t refilled =
            bucket->tokens + std::uint64_t{passed_ms} * rate;  // per ms: rate thousandths
        bucket->tokens = static_cast<std::uint32_t>(std::min<std::uint64_t>(refilled, capacity));
    }
    bucket->since_ms = now_ms;

    if (bucket->tokens >= token) {
        bucket->tokens -= token;
        bucket->limited = 0;
        return Verdict::pass;
    }
    ++bucket->limited;
    return limit.slip != 0 && bucket->limited % limit.slip == 0 ? Verdict::slip : Verdict::drop;
}

std::size_t slip(base::MutableOctets response) noexcept {
    if (response.size() < dns::header_octets) return 0;
    base::Reader in(response);
    in.skip(4);
    const unsigned questions = in.u16();
    unsigned records = in.u16();
    records += in.u16();
    records += in.u16();
    const auto skip_name = [&in] {
        for (std::uint8_t length = in.u8(); in.ok() && length != 0; length = in.u8()) {
            if (length >= 0xc0) {
                in.skip(1);
                return;
            }
            in.skip(length);
        }
    };
    for (unsigned i = 0; i < questions && in.ok(); ++i) {
        skip_name();
        in.skip(4);
    }
    if (!in.ok()) return 0;
    std::size_t size = in.offset();
    // The OPT record stays: without it a client would take us for a server that knows no EDNS (RFC
    // 6891 section 7).
    base::Octets opt;
    for (unsigned i = 0; i < records && in.ok(); ++i) {
        const std::size_t start = in.offset();
        skip_name();
        const std::uint16_t type = in.u16();
        in.skip(6);
        in.skip(in.u16());
        if (in.ok() && type == type_opt)
            opt = base::Octets(response).subspan(start, in.offset() - start);
    }
    if (!opt.empty()) std::memmove(response.data() + size, opt.data(), opt.size());
    size += opt.size();
    response[2] |= 0x02;  // TC
    for (std::size_t i = 6; i < dns::header_octets; ++i) response[i] = 0;
    response[11] = opt.empty() ? 0 : 1;
    return size;
}

}  // namespace zc::server
