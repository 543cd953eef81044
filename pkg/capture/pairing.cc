#include "capture/pairing.h"

#include <algorithm>
#include <array>
#include <cstring>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"
#include "capture/sources.h"
#include "dns/message.h"
#include "dns/name.h"

namespace zc::capture {

namespace {

// The queue's bounds, looked at between packets. 5 s at 50,000 queries a second; in a faster
// recording a query without answer is given up sooner, which is still a thousand times the time
// that a server needs.
// Less than a power of two by what one packet may bring, so that the rings do not double for it.
constexpr std::uint64_t entries_limit = (std::uint64_t{1} << 18) - 8192;
constexpr std::uint64_t octets_limit = std::uint64_t{31} << 20;
constexpr base::Duration answer_wait = base::Duration::seconds(5);

constexpr std::size_t entries_begin = 1024;
constexpr std::size_t octets_begin = std::size_t{256} << 10;  // stays in the second cache

/// Octets of the one question of `message` behind its header, or 0 when it has not one that can be
/// read. A compression pointer has nothing to point to there.
std::size_t question_octets(base::Octets message) noexcept {
    if (base::load_u16(&message[4]) != 1) return 0;
    std::size_t at = dns::header_octets;
    while (at < message.size() && message[at] != 0) {
        if (message[at] > dns::label_octets_max) return 0;
        at += 1U + message[at];
        if (at - dns::header_octets >= dns::name_octets_max) return 0;
    }
    return at < message.size() && message.size() - at >= 5 ? at + 5 - dns::header_octets : 0;
}

bool is_response(base::Octets message) noexcept {
    return (message[2] & 0x80U) != 0;
}
bool is_plain(base::Octets message) noexcept {
    return (message[2] & 0x78U) == 0;
}

/// Whether `response` can be one to `query`: of its ID, and its question or none, as a FORMERR may
/// have.
bool answers(base::Octets query, base::Octets response) noexcept {
    if (query.size() < dns::header_octets || response.size() < dns::header_octets) return false;
    if (!is_response(response) || base::load_u16(&query[0]) != base::load_u16(&response[0]))
        return false;
    if (base::load_u16(&response[4]) == 0) return true;
    const std::size_t question = question_octets(query);
    if (question == 0 || question_octets(response) != question) return false;
    const std::size_t name_end = dns::header_octets + question - 4;
    for (std::size_t i = dns::header_octets; i < name_end; ++i)
        if (dns::fold(query[i]) != dns::fold(response[i])) return false;
    return std::memcmp(&query[name_end], &response[name_end], 4) == 0;
}

/// Writes the query that `response`, which has a question, may be the answer to: its own flags RD
/// and CD, EDNS where the server used it. How much the client took is not known: as much as it got.
void write_query_of(base::Writer& out, base::Octets response, dns::Transport transport) {
    constexpr std::uint16_t rd_and_cd = 0x0110, tc_bit = 0x0200;
    constexpr std::size_t edns_octets_usual = 1232, edns_octets_least = 512;
    const std::uint16_t flags = base::load_u16(&response[2]);
    const auto message = dns::parse_message(response);
    const auto edns = message ? message->edns : std::nullopt;
    out.octets(response.first(2));
    out.u16(flags & rd_and_cd);
    out.u16(1);
    out.u32(0);
    out.u16(edns ? 1 : 0);
    out.octets(response.subspan(dns::header_octets, question_octets(response)));
    if (!edns) return;
    // A truncated answer says that there is more than its client took.
    const bool truncated = (flags & tc_bit) != 0;
    std::size_t taken = truncated ? edns_octets_least : edns_octets_usual;
    if (transport == dns::Transport::udp) taken = std::max(taken, response.size());
    out.u8(0);
    out.u16(static_cast<std::uint16_t>(dns::RrType::opt));
    out.u16(static_cast<std::uint16_t>(taken));
    out.u32(edns->dnssec_ok ? 0x8000U : 0U);  // RFC 3225
    out.u16(0);
}

}  // namespace

Pairing::Pairing(SourceOptions::Answers answers, std::uint64_t seed, SourceCounts& counts)
    : wanted_(answers == SourceOptions::Answers::wanted),
      seed_(seed),
      counts_(counts),
      entries_(entries_begin),
      octets_(octets_begin),
      table_(2 * entries_begin) {}

bool Pairing::make_key(const Sighting& seen, Key& key) {
    const base::Octets message = seen.message;
    if (message.size() < dns::header_octets) {
        skip(Skipped::malformed);
        return false;
    }
    if (!is_plain(message)) {
        skip(Skipped::other_operation);
        return false;
    }
    const std::size_t question = question_octets(message);
    if (question == 0) {
        // Some servers leave the question out of a FORMERR, and all but the first message of a
        // transfer may: nobody's answer.
        skip(is_response(message) ? Skipped::orphan : Skipped::malformed);
        return false;
    }
    const std::uint8_t* const type = &message[dns::header_octets + question - 4];
    const auto qtype = static_cast<dns::RrType>(base::load_u16(type));
    if (qtype == dns::RrType::axfr || qtype == dns::RrType::ixfr) {
        skip(Skipped::other_operation);
        return false;
    }
    if (!wanted_ && asked_) return true;

    std::uint8_t* at = key.octets;
    const auto put = [&at](const void* from, std::size_t count) {
        std::memcpy(at, from, count);
        at += count;
    };
    put(&seen.client, sizeof seen.client);
    put(&seen.server, sizeof seen.server);
    put(message.data(), 2);
    put(&seen.client_port, sizeof seen.client_port);
    *at++ = static_cast<std::uint8_t>(seen.transport);
    // Length octets are below 'A': the whole name may be folded as it is.
    for (std::size_t i = 0; i < question - 4; ++i)
        *at++ = dns::fold(message[dns::header_octets + i]);
    put(type, 4);
    key.size = static_cast<std::size_t>(at - key.octets);
    key.hash = XXH3_64bits_withSeed(key.octets, key.size, seed_);
    return true;
}

bool Pairing::take_query(const Sighting& seen, Key& key) {
    if (seen.message.size() >= dns::header_octets && is_response(seen.message)) {
        skip(Skipped::malformed);
        return false;
    }
    if (!make_key(seen, key)) return false;
    asked_ = true;
    return true;
}

void Pairing::query(const Sighting& seen) {
    Key key;
    if (!take_query(seen, key)) return;
    if (!wanted_) {
        append(seen, key).state = State::ready;
        return;
    }
    expire_early();
    if (const auto early = early_.empty() ? std::nullopt : early_.take(key.hash, key.view())) {
        // Without an answer: both were in one frame, which came before this one.
        if (!early->answer.empty()) answer(append(seen, key), early->answer);
        return;
    }
    append(seen, key);
    link(last_, key);
}

void Pairing::response(const Sighting& seen) {
    if (!wanted_ && asked_) return;
    if (seen.message.size() >= dns::header_octets && !is_response(seen.message)) {
        skip(Skipped::malformed);
        return;
    }
    Key key;
    if (!make_key(seen, key)) return;
    const std::uint64_t number = wanted_ ? find(key) : 0;
    if (number == 0 || overdue(entry(number))) return add_early(seen, key, seen.message);
    unlink(number);
    answer(entry(number), seen.message);
}

void Pairing::exchange(const Sighting& seen, base::Octets response) {
    if (!wanted_) return query(seen);
    if (!answers(seen.message, response)) {
        query(seen);
        return skip(Skipped::malformed);
    }
    Key key;
    if (!take_query(seen, key)) return;
    const std::uint64_t number = find(key);
    if (number != 0) {
        unlink(number);
        answer(entry(number), response);
        return;
    }
    answer(append(seen, key), response);
    add_early(seen, key, {});
}

void Pairing::add_early(const Sighting& seen, const Key& key, base::Octets response) {
    const base::Octets name = key.view();
    early_.add(key.hash, {.key = {name.begin(), name.end()},
                          .answer = {response.begin(), response.end()},
                          .transport = seen.transport,
                          .client = seen.client,
                          .client_port = seen.client_port,
                          .at = seen.at,
                          .arrived = clock_});
    expire_early();
}

void Pairing::expire_early() {
    const base::Instant until = finished_ ? base::Instant{INT64_MAX} : clock_ - answer_wait;
    while (const auto alone = early_.expire(until)) take_alone(*alone);
}

/// An answer that nobody has asked for. Where the recording has nothing but answers, the question
/// in it is asked, as its client must have asked it; beside queries it may be forged.
void Pairing::take_alone(const EarlyAnswer& alone) {
    if (asked_ && wanted_) skip(Skipped::orphan);
    if (asked_) return;
    std::array<std::uint8_t, query_octets_max> octets{};
    base::Writer out(octets);
    write_query_of(out, alone.answer, alone.transport);
    if (!out.ok()) return skip(Skipped::orphan);
    const Sighting seen{.message = base::Octets(octets).first(out.size()),
                        .transport = alone.transport,
                        .client = alone.client,
                        .server = {},
                        .client_port = alone.client_port,
                        .at = alone.at};
    Entry& added = append(seen, {});
    added.alone = true;
    added.state = State::ready;
    if (wanted_) answer(added, alone.answer);
}

void Pairing::finish() {
    finished_ = true;
    expire_early();
}

Pairing::Entry& Pairing::append(const Sighting& seen, const Key& key) {
    if (last_ + 1 - first_ == entries_.size()) {
        std::vector<Entry> larger(entries_.size() * 2);
        for (std::uint64_t number = first_; number <= last_; ++number)
            larger[number & (larger.size() - 1)] = entry(number);
        entries_ = std::move(larger);
    }
    const std::uint64_t message_at = put(seen.message);
    const std::uint64_t key_at = wanted_ ? put(key.view()) : 0;
    Entry& added = entry(++last_);
    added = {};
    added.message_at = message_at;
    added.message_octets = static_cast<std::uint32_t>(seen.message.size());
    added.key_at = key_at;
    added.key_octets = wanted_ ? static_cast<std::uint32_t>(key.size) : 0;
    added.hash = key.hash;
    added.transport = seen.transport;
    added.client = seen.client;
    added.client_port = seen.client_port;
    added.at = seen.at;
    added.arrived = clock_;
    return added;
}

void Pairing::answer(Entry& entry, base::Octets response) {
    entry.answer_at = put(response);
    entry.answer_octets = static_cast<std::uint32_t>(response.size());
    entry.state = State::ready;
}

std::uint64_t Pairing::put(base::Octets added) {
    for (;;) {
        const std::size_t room = octets_.size();
        std::uint64_t at = octets_end_;
        const std::size_t to_edge = room - (at & (room - 1));
        if (added.size() > to_edge) at += to_edge;
        if (at + added.size() - octets_begin_ <= room) {
            std::memcpy(&octets_[at & (room - 1)], added.data(), added.size());
            octets_end_ = at + added.size();
            return at;
        }
        // A piece that crosses no edge of the smaller ring crosses none of the larger.
        std::vector<std::uint8_t> larger(room * 2);
        for (std::uint64_t from = octets_begin_; from < octets_end_;) {
            const std::size_t count = static_cast<std::size_t>(
                std::min<std::uint64_t>(octets_end_ - from, room - (from & (room - 1))));
            std::memcpy(&larger[from & (larger.size() - 1)], &octets_[from & (room - 1)], count);
            from += count;
        }
        octets_ = std::move(larger);
    }
}

std::uint64_t Pairing::find(const Key& key) noexcept {
    for (std::uint64_t number = table_[key.hash & (table_.size() - 1)]; number != 0;) {
        const Entry& here = entry(number);
        if (here.hash == key.hash && here.key_octets == key.size &&
            std::memcmp(octets(here.key_at, here.key_octets).data(), key.octets, key.size) == 0)
            return number;
        number = here.next_in_bucket;
    }
    return 0;
}

void Pairing::link(std::uint64_t number, const Key& key) {
    if (const std::uint64_t first = find(key); first != 0) {
        Entry& head = entry(first);
        entry(head.last_of_key).next_of_key = number;
        head.last_of_key = number;
        return;
    }
    if (keys_ >= table_.size() / 2) grow_table();
    std::uint64_t& bucket = table_[key.hash & (table_.size() - 1)];
    Entry& added = entry(number);
    added.last_of_key = number;
    added.next_in_bucket = bucket;
    bucket = number;
    ++keys_;
}

void Pairing::unlink(std::uint64_t number) noexcept {
    Entry& gone = entry(number);
    std::uint64_t* at = &table_[gone.hash & (table_.size() - 1)];
    while (*at != number) {
        ZC_CHECK(*at != 0);
        at = &entry(*at).next_in_bucket;
    }
    if (gone.next_of_key == 0) {
        *at = gone.next_in_bucket;
        --keys_;
        return;
    }
    Entry& heir = entry(gone.next_of_key);
    heir.next_in_bucket = gone.next_in_bucket;
    heir.last_of_key = gone.last_of_key;
    *at = gone.next_of_key;
}

void Pairing::grow_table() {
    std::vector<std::uint64_t> smaller(table_.size() * 2);
    smaller.swap(table_);
    for (std::uint64_t number : smaller) {
        while (number != 0) {
            Entry& here = entry(number);
            const std::uint64_t next = here.next_in_bucket;
            std::uint64_t& bucket = table_[here.hash & (table_.size() - 1)];
            here.next_in_bucket = bucket;
            bucket = number;
            number = next;
        }
    }
}

bool Pairing::overdue(const Entry& entry) const noexcept {
    return clock_ - entry.arrived > answer_wait;
}

void Pairing::drain(Batch& batch) {
    expire_early();
    while (first_ <= last_ && !batch.full()) {
        Entry& head = entry(first_);
        if (head.state == State::waiting) {
            const bool over =
                last_ - first_ >= entries_limit || octets_end_ - octets_begin_ >= octets_limit;
            if (!finished_ && !over && !overdue(head)) return;
            // The oldest of all is the oldest of its key.
            unlink(first_);
            head.state = State::given_up;
        }
        if (first_ > resume_) {
            if (head.state == State::given_up) {
                ++counts_.skipped[static_cast<std::size_t>(Skipped::unanswered)];
            } else {
                batch.add({.message = octets(head.message_at, head.message_octets),
                           .recorded = head.answer_octets == 0
                                           ? base::Octets{}
                                           : octets(head.answer_at, head.answer_octets),
                           .transport = head.transport,
                           .client = head.client,
                           .client_port = head.client_port,
                           .at = head.at,
                           .position = first_});
                ++counts_.queries;
                if (head.alone) ++counts_.from_answers;
            }
        }
        ++first_;
        octets_begin_ = first_ <= last_ ? entry(first_).message_at : octets_end_;
    }
}

}  // namespace zc::capture
