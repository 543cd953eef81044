// Inside of package capture: queries in the order of their arrival, each with its answer.
//
// The queue is a ring of entries and a ring of octets, both in order of arrival, so that what is
// given away is freed from the front and nothing is allocated for a query. An answer's octets lie
// behind its query's, so they are freed with it. Pure: packets and frames come in as values.
#pragma once

#include <cstdint>
#include <vector>

#include "base/octets.h"
#include "base/time.h"
#include "capture/early.h"
#include "capture/source.h"

namespace zc::capture {

/// A message as it was seen.
struct Sighting {
    base::Octets message;
    dns::Transport transport = dns::Transport::udp;
    dns::Address client{}, server{};
    std::uint16_t client_port = 0;
    base::Instant at{};
};

class Pairing {
public:
    /// `counts` outlives it. `seed` is secret: whoever knew it could make all keys meet in one
    /// place of the table.
    Pairing(SourceOptions::Answers answers, std::uint64_t seed, SourceCounts& counts);

    /// Queries up to this running number are not given, nor counted what is skipped before it.
    void resume_behind(std::uint64_t number) noexcept { resume_ = number; }

    /// A message from a client to a server, or back, in any order. Takes what is a query with one
    /// question; what is none is counted.
    void query(const Sighting& seen);
    void response(const Sighting& seen);
    /// A query together with its answer, which may have been seen before as a query alone.
    void exchange(const Sighting& query, base::Octets response);

    void skip(Skipped why, std::uint64_t count = 1) noexcept {
        if (last_ >= resume_) counts_.skipped[static_cast<std::size_t>(why)] += count;
    }
    /// The source's time, which never goes back here: what waits too long is given up.
    void advance(base::Instant clock) noexcept {
        if (clock > clock_) clock_ = clock;
    }
    /// No more comes: what still waits is given up.
    void finish();
    /// Fills `batch` with what is settled, in order, until it is full. To be called between
    /// packets: it keeps the queue within its bounds.
    void drain(Batch& batch);
    bool empty() const noexcept { return first_ > last_; }
    /// Running number of the last query taken.
    std::uint64_t last() const noexcept { return last_; }

private:
    enum class State : std::uint8_t { waiting, ready, given_up };
    struct Entry {
        std::uint64_t message_at = 0, key_at = 0, answer_at = 0;  // in the ring of octets
        std::uint32_t message_octets = 0, key_octets = 0, answer_octets = 0;
        State state = State::waiting;
        bool alone = false;  // the query is made of its answer
        dns::Transport transport{};
        std::uint16_t client_port = 0;
        std::uint64_t hash = 0;
        std::uint64_t next_in_bucket = 0;  // numbers of queries; 0 is none. First of its key only
        std::uint64_t next_of_key = 0;
        std::uint64_t last_of_key = 0;  // first of its key only
        base::Instant at{}, arrived{};
        dns::Address client{};
    };
    struct Key {
        std::uint8_t octets[320];
        std::size_t size = 0;
        std::uint64_t hash = 0;
        base::Octets view() const noexcept { return {octets, size}; }
    };

    bool take_query(const Sighting& seen, Key& key);
    void add_early(const Sighting& seen, const Key& key, base::Octets response);
    void expire_early();
    void take_alone(const EarlyAnswer& alone);
    bool make_key(const Sighting& seen, Key& key);
    Entry& entry(std::uint64_t number) noexcept { return entries_[number & (entries_.size() - 1)]; }
    base::Octets octets(std::uint64_t at, std::size_t count) const noexcept {
        return {&octets_[at & (octets_.size() - 1)], count};
    }
    Entry& append(const Sighting& seen, const Key& key);
    void answer(Entry& entry, base::Octets response);
    std::uint64_t find(const Key& key) noexcept;  // the oldest that waits; 0: none
    void link(std::uint64_t number, const Key& key);
    void unlink(std::uint64_t number) noexcept;  // the oldest of its key
    void grow_table();
    std::uint64_t put(base::Octets octets);
    bool overdue(const Entry& entry) const noexcept;

    const bool wanted_;
    const std::uint64_t seed_;
    SourceCounts& counts_;
    bool finished_ = false;
    std::uint64_t resume_ = 0;
    std::uint64_t first_ = 1, last_ = 0;  // in the queue
    base::Instant clock_{};
    std::vector<Entry> entries_;        // a power of two
    std::vector<std::uint8_t> octets_;  // a power of two; nothing in it wraps
    std::uint64_t octets_begin_ = 0, octets_end_ = 0;
    std::vector<std::uint64_t> table_;  // first in each bucket; a power of two
    std::size_t keys_ = 0;
    EarlyAnswers early_;
    bool asked_ = false;  // there are queries in the recording, and not answers alone
};

}  // namespace zc::capture
