// Inside of package front: what the threads of the live front give to one another: those that pass
// queries on to those that ask the new server, and these to the one that compares.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/octets.h"
#include "base/time.h"
#include "dns/types.h"
#include "judge/stretch.h"
#include "stats/counters.h"

namespace zc::front {

using Message = std::vector<std::uint8_t>;

/// A query and what came back; an empty answer did not come.
struct Observed {
    Message query, older, newer;
    dns::Transport transport = dns::Transport::udp;
    // For who asks the new server:
    Message proxy;         // goes before its copy of the query; empty: nothing does
    base::Duration since;  // runtime::monotonic when it was given
};

inline std::size_t octets_of(const Observed& seen) noexcept {
    return sizeof seen + seen.query.size() + seen.older.size() + seen.newer.size() +
           seen.proxy.size();
}

/// Copies into memory that is kept from use to use. The memory of one huge message is given back.
/// False: there is no memory.
[[nodiscard]] bool assign(Message& to, base::Octets octets) noexcept;

/// Gives back what memory a huge message needed, and forgets that.
void give_back(Message& message) noexcept;
inline void shrink(Observed& seen) noexcept {
    for (Message* message : {&seen.query, &seen.older, &seen.newer}) give_back(*message);
}

/// A bounded queue from one thread to another. A pair is swapped in and out, so that its memory
/// goes round and nothing is allocated once it runs.
class ObservedQueue {
public:
    static constexpr std::size_t ring_max = 4096;  // a power of two
    static constexpr std::size_t octets_max = std::size_t{8} << 20;

    /// False: full, `pair` is as it was. Otherwise `pair` is an old one, to be used again.
    bool push(Observed& pair) noexcept {
        const std::size_t at = pushed_.load(std::memory_order_relaxed);
        if (at - popped_.load(std::memory_order_acquire) == ring_max) return false;
        const std::size_t octets = octets_of(pair);
        if (put_octets_ + octets - taken_octets_.load(std::memory_order_relaxed) > octets_max)
            return false;
        put_octets_ += octets;
        std::swap(ring_[at % ring_max], pair);
        pushed_.store(at + 1, std::memory_order_release);
        return true;
    }
    bool pop(Observed& pair) noexcept {
        const std::size_t at = popped_.load(std::memory_order_relaxed);
        if (at == pushed_.load(std::memory_order_acquire)) return false;
        shrink(pair);
        std::swap(ring_[at % ring_max], pair);
        taken_octets_.store(taken_octets_.load(std::memory_order_relaxed) + octets_of(pair),
                            std::memory_order_relaxed);
        popped_.store(at + 1, std::memory_order_release);
        return true;
    }

private:
    std::vector<Observed> ring_ = std::vector<Observed>(ring_max);
    alignas(64) std::atomic<std::size_t> pushed_{0};
    std::size_t put_octets_ = 0;  // ever, of who pushes
    alignas(64) std::atomic<std::size_t> popped_{0};
    std::atomic<std::size_t> taken_octets_{0};  // ever, of who pops
};

/// One thread's share of what Front tells, and its way to the next thread.
struct Channel {
    ObservedQueue pairs;
    stats::Counter dropped;  // queries that were to be compared and were not
    stats::Counter queries, answers;
    stats::Counter repeats;   // datagrams sent to the new server again
    stats::Counter given_up;  // queries that had to give way to newer ones, connections refused
    std::atomic<std::int64_t> connections{0};
    std::array<std::array<stats::Counter, ask::stray_count>, judge::sides> strays;

    void give(Observed& pair) noexcept {
        if (!pairs.push(pair)) dropped.add(1);
    }
    void stray(judge::Side side, ask::Stray what) noexcept {
        strays[static_cast<std::size_t>(side)][static_cast<std::size_t>(what)].add(1);
    }
};

/// The parts of a message that decide where it goes.
struct Glance {
    bool response = false;
    bool compared = false;  // one question of opcode QUERY, no transfer: both servers may be asked
    bool transfer = false;  // AXFR or IXFR: over TCP, answered with any number of messages
    base::Octets question;  // empty: there is none that can be read
    std::uint32_t records = 0;  // of ANSWER and AUTHORITY, as the header counts them
};
/// Nothing for what is shorter than a header.
std::optional<Glance> glance(base::Octets message) noexcept;

/// The same question, octet for octet but for the case of letters (a server may not change it, but
/// the client is the one to mind).
bool same_question(base::Octets a, base::Octets b) noexcept;

/// How much of the question an answer must have, besides the ID of one in flight.
enum class Belief : std::uint8_t {
    /// The question, octet for octet (RFC 5452 section 9.1): a client may rely on the case of its
    /// letters. Where the query has none that can be read here, the answer may say nothing that
    /// could be of another: no records, and no question that the query does not begin with.
    exact,
    /// The question but for the case of letters, or none: of a server whose answers nobody gets,
    /// such an answer is a fault to be told.
    lenient,
};
bool believes(Belief belief, base::Octets query, const Glance& answer) noexcept;

}  // namespace zc::front
