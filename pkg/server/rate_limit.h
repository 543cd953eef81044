// Response rate limiting: how many equal answers a network may be sent, so that nobody can be
// flooded through us.
//
// The address of a UDP query can be forged. The limit therefore counts by the network that would
// receive the answers and by the rate key of the answer: one number for all answers of a kind out
// of a zone, see answer::Outcome. Each pair has a token bucket. A second bucket counts everything
// that goes to the network, so that nobody gets around the first by asking many zones in turn. A
// client that has shown a valid cookie or speaks TCP has proved its address and is not limited.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/octets.h"
#include "base/time.h"
#include "dns/types.h"

namespace zc::server {

struct RateLimit {
    enum class Mode : std::uint8_t { off, log_only, on };

    Mode mode = Mode::off;
    std::uint32_t responses_per_second = 20;  // 1..100000, for each network and rate key
    std::uint32_t all_responses_per_second =
        0;  // 1..1000000, for each network; 0: ten times the rate of one key
    std::uint32_t burst_seconds = 1;  // 1..40: as many seconds of them may come at once, but never
                                      // more than `burst_responses_max`
    std::uint32_t slip =
        2;  // every n-th limited answer goes out empty and truncated, so that a real client
            // among the forged ones gets through over TCP; 0: none, 1: all. 0..100
    std::uint8_t ipv4_bits = 24;  // 8..32: the network of an IPv4 client
    std::uint8_t ipv6_bits = 56;  // 16..64
    bool operator==(const RateLimit&) const = default;

    static constexpr std::uint32_t burst_responses_max = 4'000'000;
    std::uint32_t all_rate() const noexcept {
        return all_responses_per_second != 0 ? all_responses_per_second : responses_per_second * 10;
    }
};

/// The token buckets of one worker: a fixed table, four buckets of a 64-octet line at a time; of
/// the four the one that was idle longest makes room. Never allocates after construction. One
/// thread.
class RateLimiter {
public:
    enum class Verdict : std::uint8_t { pass, slip, drop };

    /// `seed` is secret: it keys the hash. `entries`: rounded up to a power of two, at least 4; 16
    /// octets each, and memory is used only as far as it is touched.
    RateLimiter(std::uint64_t seed, std::size_t entries);

    /// Takes a token for one answer, out of the key's bucket and then out of the network's: an
    /// answer that the first holds back takes none from the second. `now` may go back: then no
    /// token is added. Does not look at `limit.mode`.
    Verdict take(const RateLimit& limit, const dns::Address& client, std::uint32_t rate_key,
                 base::Instant now) noexcept;

private:
    struct Bucket;
    struct Line;
    Verdict take(const RateLimit& limit, std::uint64_t hash, std::uint32_t rate,
                 base::Instant now) noexcept;

    struct Free {
        void operator()(void* memory) const noexcept;
    };

    std::uint64_t seed_;
    std::size_t line_mask_;
    std::unique_ptr<void, Free> memory_;
    Line* lines_;  // in `memory_`, on the boundary of a cache line
};

/// Makes `response` an empty truncated one: header with TC, question, and its OPT record if it has
/// one. Gives the new length; `response` is a message of our own, but any octets are safe.
std::size_t slip(base::MutableOctets response) noexcept;

}  // namespace zc::server
