#include "server/rate_limit.h"

#include <algorithm>
#include <array>
#include <vector>

#include <doctest/doctest.h>

using namespace zc;
using namespace zc::server;
using Verdict = RateLimiter::Verdict;

namespace {

constexpr base::Instant start{1'700'000'000'000'000'000};

dns::Address ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    dns::Address address;
    address.octets = {a, b, c, d};
    address.size = 4;
    return address;
}

dns::Address ipv6(std::uint8_t seventh, std::uint8_t eighth, std::uint8_t last) {
    dns::Address address;
    address.octets = {0x20, 0x01, 0x0d, 0xb8, 0, 1, seventh, eighth};
    address.octets[15] = last;
    address.size = 16;
    return address;
}

/// How many of `queries` answers at one instant pass.
int passed(RateLimiter& limiter, const RateLimit& limit, const dns::Address& client,
           base::Instant now, int queries, std::uint32_t rate_key = 1) {
    int count = 0;
    for (int i = 0; i < queries; ++i)
        count += limiter.take(limit, client, rate_key, now) == Verdict::pass;
    return count;
}

}  // namespace

TEST_CASE("a burst passes up to the capacity, and then as many as the rate refills") {
    RateLimiter limiter(7, 1024);
    const RateLimit limit{.responses_per_second = 10, .burst_seconds = 3};
    const auto client = ipv4(192, 0, 2, 1);
    CHECK(passed(limiter, limit, client, start, 100) == 30);
    CHECK(passed(limiter, limit, client, start + base::Duration::milliseconds(99), 100) == 0);
    CHECK(passed(limiter, limit, client, start + base::Duration::milliseconds(100), 100) == 1);
    CHECK(passed(limiter, limit, client, start + base::Duration::milliseconds(600), 100) == 5);
    // A long rest fills it, and no more than that.
    CHECK(passed(limiter, limit, client, start + base::Duration::seconds(3600), 100) == 30);
}

TEST_CASE("refilling loses nothing when it comes in small steps") {
    RateLimiter limiter(7, 1024);
    const RateLimit limit{.responses_per_second = 3};
    const auto client = ipv4(192, 0, 2, 1);
    int count = passed(limiter, limit, client, start, 100);
    for (int ms = 1; ms <= 10'000; ++ms)
        count += passed(limiter, limit, client, start + base::Duration::milliseconds(ms), 2);
    CHECK(count == 3 + 30);
}

TEST_CASE("a network is limited as one, and its neighbour is another") {
    RateLimiter limiter(7, 1024);
    const RateLimit limit{.responses_per_second = 5};
    CHECK(passed(limiter, limit, ipv4(192, 0, 2, 1), start, 3) == 3);
    CHECK(passed(limiter, limit, ipv4(192, 0, 2, 255), start, 3) == 2);
    CHECK(passed(limiter, limit, ipv4(192, 0, 3, 1), start, 3) == 3);
    CHECK(passed(limiter, limit, ipv6(0xaa, 0, 1), start, 3) == 3);
    CHECK(passed(limiter, limit, ipv6(0xaa, 0xff, 2), start, 3) ==
          2);  // the eighth octet is beyond /56
    CHECK(passed(limiter, limit, ipv6(0xab, 0, 1), start, 3) == 3);
}

TEST_CASE("another rate key is another bucket") {
    RateLimiter limiter(7, 1024);
    const RateLimit limit{.responses_per_second = 5};
    CHECK(passed(limiter, limit, ipv4(192, 0, 2, 1), start, 9, 1) == 5);
    CHECK(passed(limiter, limit, ipv4(192, 0, 2, 1), start, 9, 2) == 5);
}

TEST_CASE("every n-th limited answer slips, none with 0, all with 1") {
    const auto client = ipv4(192, 0, 2, 1);
    for (const std::uint32_t slip : {0U, 1U, 2U, 3U}) {
        RateLimiter limiter(7, 1024);
        const RateLimit limit{.responses_per_second = 1, .slip = slip};
        limiter.take(limit, client, 1, start);
        int slipped = 0;
        for (int i = 0; i < 12; ++i)
            slipped += limiter.take(limit, client, 1, start) == Verdict::slip;
        CAPTURE(slip);
        CHECK(slipped == (slip == 0 ? 0 : 12 / static_cast<int>(slip)));
    }
}

TEST_CASE("a clock that is set back gives no tokens, and then goes on") {
    RateLimiter limiter(7, 1024);
    const RateLimit limit{.responses_per_second = 2};
    const auto client = ipv4(192, 0, 2, 1);
    CHECK(passed(limiter, limit, client, start, 9) == 2);
    CHECK(passed(limiter, limit, client, start - base::Duration::seconds(60), 9) == 0);
    CHECK(passed(limiter, limit, client, start - base::Duration::seconds(59), 9) == 2);
}

TEST_CASE("in a full line the bucket that was idle longest makes room") {
    RateLimiter limiter(7, 4);  // one line of four: the buckets of two networks
    const RateLimit limit{.responses_per_second = 1};
    for (std::uint8_t i = 0; i < 2; ++i)
        CHECK(passed(limiter, limit, ipv4(10, 0, i, 0), start + base::Duration::milliseconds(i),
                     2) == 1);
    const auto later = start + base::Duration::milliseconds(10);
    CHECK(passed(limiter, limit, ipv4(10, 0, 9, 0), later, 2) ==
          1);  // takes the place of the first
    CHECK(passed(limiter, limit, ipv4(10, 0, 1, 0), later, 2) == 0);
    CHECK(passed(limiter, limit, ipv4(10, 0, 0, 0), later, 2) == 1);  // forgotten, and new again
}

TEST_CASE("who asks many zones in turn is limited by all that goes to his network") {
    RateLimiter limiter(7, 1 << 16);
    const RateLimit limit{.responses_per_second = 20};
    CHECK(limit.all_rate() == 200);
    const auto round = [&](const RateLimit& with, base::Instant now) {
        int count = 0;
        for (std::uint32_t rate_key = 1; rate_key <= 1000; ++rate_key)
            count += passed(limiter, with, ipv4(192, 0, 2, static_cast<std::uint8_t>(rate_key)), now,
                            4, rate_key);
        return count;
    };
    CHECK(round(limit, start) == 200);
    CHECK(round(limit, start + base::Duration::milliseconds(500)) == 100);
    // The neighbour has buckets of his own.
    CHECK(passed(limiter, limit, ipv4(192, 0, 3, 1), start, 30, 1) == 20);
    const RateLimit lower{.responses_per_second = 20, .all_responses_per_second = 50};
    CHECK(round(lower, start + base::Duration::seconds(100)) == 50);
}

TEST_CASE("an answer that the bucket of a rate key holds back takes nothing from the network's") {
    RateLimiter limiter(7, 1024);
    const RateLimit limit{.responses_per_second = 5, .all_responses_per_second = 12};
    CHECK(passed(limiter, limit, ipv4(192, 0, 2, 1), start, 1000, 1) == 5);
    CHECK(passed(limiter, limit, ipv4(192, 0, 2, 1), start, 1000, 2) == 5);
    CHECK(passed(limiter, limit, ipv4(192, 0, 2, 1), start, 1000, 3) == 2);
}

TEST_CASE("the highest rates and bursts do not overflow") {
    RateLimiter limiter(7, 1024);
    const RateLimit limit{.responses_per_second = 1'000'000, .burst_seconds = 60};
    CHECK(passed(limiter, limit, ipv4(192, 0, 2, 1), start, 5'000'000) == 4'000'000);
    CHECK(passed(limiter, limit, ipv4(192, 0, 2, 1), start + base::Duration::milliseconds(1),
                 5'000'000) == 1000);
}

TEST_CASE("a forged crowd does not take the bucket of a network that goes on being limited") {
    RateLimiter limiter(7, 1 << 12);
    const RateLimit limit{.responses_per_second = 1};
    int count = 0;
    for (std::uint32_t i = 0; i < 100'000; ++i) {
        const auto now = start + base::Duration::microseconds(i);
        limiter.take(limit,
                     ipv4(10, static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 0),
                     1, now);
        if (i % 4 == 0) count += passed(limiter, limit, ipv4(192, 0, 2, 1), now, 1);
    }
    CHECK(count <= 10);  // one, and a few more for the times it was pushed out
}

TEST_CASE("a slipped answer is its header with TC, its question and its OPT record") {
    // Answer to www.example. A with one record and OPT.
    std::vector<std::uint8_t> response = {0x12, 0x34, 0x84, 0x00, 0,    1,   0,   1,   0,
                                          0,    0,    1,  // header
                                          3,    'w',  'w',  'w',  7,    'e', 'x', 'a', 'm',
                                          'p',  'l',  'e',  0,    0,    1,   0,   1,  // question
                                          0xc0, 12,   0,    1,    0,    1,   0,   0,   0,
                                          60,   0,    4,    192,  0,    2,   1,  // A
                                          0,    0,    41,   4,    0xd0, 0,   0,   0,   0,
                                          0,    3,    7,    7,    7};  // OPT with three octets
    const std::vector<std::uint8_t> wanted = {
        0x12, 0x34, 0x86, 0x00, 0,   1,   0,   0,   0,   0, 0, 1, 3, 'w', 'w',
        'w',  7,    'e',  'x',  'a', 'm', 'p', 'l', 'e', 0, 0, 1, 0, 1,   0,
        0,    41,   4,    0xd0, 0,   0,   0,   0,   0,   3, 7, 7, 7};
    const std::size_t size = slip(response);
    response.resize(size);
    CHECK(response == wanted);

    // Without OPT, and again: nothing more to take away.
    std::vector<std::uint8_t> plain(wanted.begin(), wanted.begin() + 29);
    plain[11] = 0;
    CHECK(slip(plain) == 29);
    CHECK(plain[11] == 0);
}

TEST_CASE("slipping is safe for any octets") {
    std::vector<std::uint8_t> octets(64);
    std::uint32_t random = 1;
    for (int round = 0; round < 20'000; ++round) {
        for (std::uint8_t& octet : octets)
            octet = static_cast<std::uint8_t>((random = random * 1'664'525 + 1'013'904'223) >> 24);
        octets[4] = octets[6] = octets[8] = octets[10] = 0;
        const std::size_t size = static_cast<std::size_t>(round) % octets.size();
        CHECK(slip(base::MutableOctets(octets).first(size)) <= size);
    }
}
