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

#include "base/limit.h"
#include "base/octets.h"
#include "base/time.h"
#include "dns/types.h"

namespace zc::server {

struct RateLimit {
    enum class Mode : std::uint8_t { off, log_only, on };

    Mode mode = Mode::off;

    static constexpr base::Limit<std::uint32_t> responses_limit = {.name = "rrl-rate",
                                                                   .min = 1,
                                                                   .initial = 20,
                                                                   .max = 100'000,
                                                                   .unit = base::Unit::per_second};
    std::uint32_t responses_per_second = responses_limit.initial;  // for each network and rate key

    static constexpr base::Limit<std::uint32_t> all_responses_limit = {
        .name = "rrl-all-rate",
        .min = 0,
        .initial = 0,
        .max = 1'000'000,
        .unit = base::Unit::per_second};
    std::uint32_t all_responses_per_second =
        all_responses_limit.initial;  // for each network; 0: ten times the rate of one key

    static constexpr base::Limit<std::uint32_t> burst_limit = {
        .name = "rrl-burst", .min = 1, .initial = 1, .max = 40, .unit = base::Unit::seconds};
    std::uint32_t burst_seconds =
        burst_limit.initial;  // as many seconds of the rates may come at once, but never more than
                              // `burst_responses_max`

    static constexpr base::Limit<std::uint32_t> slip_limit = {
        .name = "rrl-slip", .min = 0, .initial = 2, .max = 100};
    std::uint32_t slip =
        slip_limit.initial;  // every n-th limited answer goes out empty and truncated, so that a
                             // real client among the forged ones gets through over TCP; 0: none,
                             // 1: all

    static constexpr base::Limit<std::uint8_t> ipv4_bits_limit = {
        .name = "rrl-ipv4", .min = 8, .initial = 24, .max = 32, .unit = base::Unit::bits};
    std::uint8_t ipv4_bits = ipv4_bits_limit.initial;  // the network of an IPv4 client
    static constexpr base::Limit<std::uint8_t> ipv6_bits_limit = {
        .name = "rrl-ipv6", .min = 16, .initial = 56, .max = 64, .unit = base::Unit::bits};
    std::uint8_t ipv6_bits = ipv6_bits_limit.initial;  // of an IPv6 client
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
