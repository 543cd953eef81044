#include "capture/streams.h"

#include <algorithm>
#include <cstring>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/check.h"
#include "capture/sources.h"
#include "dns/name.h"

namespace zc::capture {

namespace {

constexpr std::size_t length_octets = 2;
constexpr std::int32_t window_max = 1 << 20;  // what lies farther is not of this stream

std::int32_t distance(std::uint32_t from, std::uint32_t to) noexcept {
    return static_cast<std::int32_t>(to - from);
}

/// Whether a message begins here, with its length before it: that, its header and its question have
/// to be seen. `perhaps`: less is there than that.
enum class Begins : std::uint8_t { no, perhaps, yes };
Begins begins_message(base::Octets octets, Direction direction) noexcept {
    constexpr std::uint16_t qr_bit = 0x8000, opcode_bits = 0x7800, reserved_bit = 0x0040;
    constexpr unsigned record_octets_min = 11;  // a root owner, and no RDATA
    const auto has = [&](std::size_t count) { return octets.size() >= count; };
    const auto field = [&](std::size_t at) { return base::load_u16(&octets[length_octets + at]); };
    if (!has(length_octets)) return Begins::perhaps;
    const std::size_t length = base::load_u16(octets.data());
    if (length < dns::header_octets + 5) return Begins::no;  // 5: the shortest question
    if (!has(length_octets + 4)) return Begins::perhaps;
    const std::uint16_t flags = field(2);
    const bool is_response = (flags & qr_bit) != 0;
    if (is_response != (direction == Direction::to_client) || (flags & reserved_bit) != 0)
        return Begins::no;
    if ((flags & opcode_bits) >> 11U > static_cast<unsigned>(dns::Opcode::update))
        return Begins::no;
    if (!has(length_octets + dns::header_octets)) return Begins::perhaps;
    const unsigned answers = field(6), others = unsigned{field(8)} + field(10);
    // A query for an incremental transfer has an SOA in its authority section (RFC 1995).
    constexpr unsigned others_of_query_max = 4;
    if (field(4) != 1 || (!is_response && (answers != 0 || others > others_of_query_max)) ||
        (answers + others) * record_octets_min > length - dns::header_octets)
        return Begins::no;
    std::size_t at = length_octets + dns::header_octets;
    const std::size_t name = at;
    for (;;) {
        if (!has(at + 1)) return Begins::perhaps;
        const std::size_t label = octets[at];
        if (label > dns::label_octets_max || at + 1 + label - name >= dns::name_octets_max)
            return Begins::no;
        at += 1 + label;
        if (label == 0) break;
    }
    if (at + 4 > length_octets + length) return Begins::no;
    if (!has(at + 4)) return Begins::perhaps;
    const std::uint16_t qclass = base::load_u16(&octets[at + 2]);
    const bool is_class =
        qclass == 1 || qclass == 3 || qclass == 4 || qclass == 254 || qclass == 255;
    return base::load_u16(&octets[at]) != 0 && is_class ? Begins::yes : Begins::no;
}

/// A response without a question (FORMERR, the messages of a transfer but the first) has too little
/// to be known by, except where a segment begins with it.
bool begins_without_question(base::Octets octets, Direction direction) noexcept {
    if (direction != Direction::to_client || octets.size() < length_octets + dns::header_octets)
        return false;
    const std::uint8_t* const header = octets.data() + length_octets;
    return base::load_u16(octets.data()) >= dns::header_octets && (header[2] & 0x80U) != 0 &&
           (header[3] & 0x40U) == 0 && base::load_u16(header + 4) == 0;
}

}  // namespace

std::size_t Streams::Hash::operator()(const Flow& flow) const noexcept {
    std::uint8_t key[sizeof flow.client + sizeof flow.server + 2];
    std::memcpy(key, &flow.client, sizeof flow.client);
    std::memcpy(key + sizeof flow.client, &flow.server, sizeof flow.server);
    base::store_u16(key + sizeof flow.client + sizeof flow.server, flow.client_port);
    return XXH3_64bits(key, sizeof key);
}

void Streams::clear(Half& half) {
    octets_ -= half.partial.size();
    for (const Piece& piece : half.pieces) octets_ -= piece.octets.size();
    half.partial.clear();
    half.pieces.clear();
}

void Streams::settle(Stream& stream, Direction direction) {
    Half& half = stream.halves[static_cast<std::size_t>(direction)];
    Segment segment;
    segment.flow = stream.flow;
    segment.direction = direction;
    while (!half.pieces.empty()) cross_hole(half, segment);  // each time takes one at least
    if (!half.partial.empty()) lose_step(half);
    half.hole_told = false;
}

void Streams::settle(Stream& stream) {
    settle(stream, Direction::to_server);
    settle(stream, Direction::to_client);
}

void Streams::lose_step(Half& half) {
    octets_ -= half.partial.size();
    half.partial.clear();
    half.in_step = false;
    if (!half.hole_told) sink_.hole();
    half.hole_told = true;
}

void Streams::add(const Segment& segment, base::Instant clock) {
    const auto known = by_flow_.find(segment.flow);
    if (known == by_flow_.end()) {
        if (segment.payload_octets == 0 && !segment.syn) return;
        if (streams_.size() == streams_max) {
            settle(streams_.front());
            by_flow_.erase(streams_.front().flow);
            leave(streams_.begin());
            streams_.pop_front();
        }
        streams_.push_back({segment.flow, {}});
        by_flow_.emplace(segment.flow, std::prev(streams_.end()));
    } else {
        leave(known->second);
        streams_.splice(streams_.end(), streams_, known->second);
    }
    if (keeping_ == streams_.end()) --keeping_;
    Stream& stream = streams_.back();
    Half& half = stream.halves[static_cast<std::size_t>(segment.direction)];
    std::uint32_t sequence = segment.sequence;
    if (segment.rst) {
        settle(stream);
        for (Half& each : stream.halves) each.closed = true;
        return;
    }
    if (segment.syn) {
        settle(stream, segment.direction);  // of an earlier connection with the same ports
        half = {};
        half.in_step = true;
        half.next = ++sequence;
    }
    if (half.closed) return;
    if (segment.payload_octets != 0) {
        payload(half, segment, sequence, segment.payload, clock);
        if (segment.payload.size() < segment.payload_octets && half.in_step) {
            // The rest was never captured: counted by who cut it.
            half.hole_told = true;
            lose_step(half);
        }
    }
    const std::uint32_t end = sequence + static_cast<std::uint32_t>(segment.payload_octets);
    if (segment.fin && (!half.in_step || half.next == end)) {
        if (half.in_step && !half.partial.empty()) sink_.malformed();
        if (!half.in_step && !half.partial.empty()) lose_step(half);
        clear(half);
        half.closed = true;
    }
    // The least recently used go first; the one at hand is the last.
    for (; octets_ > streams_octets_max; ++keeping_) {
        ZC_CHECK(keeping_ != streams_.end());
        settle(*keeping_);
    }
}

void Streams::payload(Half& half, const Segment& segment, std::uint32_t sequence,
                      base::Octets octets, base::Instant clock) {
    const std::int32_t ahead = distance(half.next, sequence);
    if (half.in_step && (ahead > window_max || ahead < -window_max)) {
        lose_step(half);
        clear(half);
    }
    if (!half.in_step) return search(half, segment, sequence, octets);
    if (ahead > 0) {
        const auto place = std::find_if(
            half.pieces.begin(), half.pieces.end(),
            [&](const Piece& piece) { return distance(sequence, piece.sequence) >= 0; });
        if (place != half.pieces.end() && place->sequence == sequence &&
            place->octets.size() >= octets.size())
            return;
        half.pieces.insert(place, {sequence, clock, {octets.begin(), octets.end()}});
        octets_ += octets.size();
        const auto oldest =
            std::min_element(half.pieces.begin(), half.pieces.end(),
                             [](const Piece& a, const Piece& b) { return a.since < b.since; });
        if (half.pieces.size() > pieces_max || clock - oldest->since > hole_wait)
            cross_hole(half, segment);
        return;
    }
    const auto before = static_cast<std::size_t>(-ahead);
    if (before >= octets.size()) return;  // sent again
    consume(half, segment, octets.subspan(before));
    take_pieces(half, segment);
}

/// Out of step: looks for the beginning of a message in `octets` and what came right before.
void Streams::search(Half& half, const Segment& segment, std::uint32_t sequence,
                     base::Octets octets) {
    if (!half.partial.empty()) {
        const std::int32_t ahead = distance(half.next, sequence);
        if (ahead > 0 || ahead < -window_max) {
            lose_step(half);
        } else {
            const auto before = static_cast<std::size_t>(-ahead);
            if (before >= octets.size()) return;  // sent again
            octets = octets.subspan(before);
            sequence += static_cast<std::uint32_t>(before);
        }
    }
    const std::size_t border = half.partial.size();
    half.next = sequence + static_cast<std::uint32_t>(octets.size());
    half.partial.insert(half.partial.end(), octets.begin(), octets.end());
    octets_ += octets.size();
    const base::Octets all = half.partial;
    std::size_t at = 0, keep = all.size();
    for (; at < all.size(); ++at) {
        const Begins begins = begins_message(all.subspan(at), segment.direction);
        if (begins == Begins::yes) break;
        if (begins == Begins::perhaps) keep = std::min(keep, at);
        if (at == border && begins_without_question(all.subspan(at), segment.direction)) break;
    }
    const bool found = at < all.size();
    const std::size_t gone = found ? at : keep;
    octets_ -= gone;
    half.partial.erase(half.partial.begin(),
                       half.partial.begin() + static_cast<std::ptrdiff_t>(gone));
    // A hole is not told again for what leads to the next message; where nothing was lost (the
    // capture begins between two messages), not at all.
    if (!half.hole_told && gone != 0) {
        sink_.hole();
        half.hole_told = true;
    }
    if (!found) return;
    half.in_step = true;
    half.hole_told = false;
    consume(half, segment, {});
    take_pieces(half, segment);
}

void Streams::take_pieces(Half& half, const Segment& segment) {
    std::size_t taken = 0;
    for (; taken < half.pieces.size(); ++taken) {
        Piece& piece = half.pieces[taken];
        const std::int32_t ahead = distance(half.next, piece.sequence);
        if (ahead > 0) break;
        octets_ -= piece.octets.size();
        const auto before = static_cast<std::size_t>(-ahead);
        if (before < piece.octets.size())
            consume(half, segment, base::Octets(piece.octets).subspan(before));
    }
    half.pieces.erase(half.pieces.begin(),
                      half.pieces.begin() + static_cast<std::ptrdiff_t>(taken));
}

void Streams::cross_hole(Half& half, const Segment& segment) {
    lose_step(half);
    std::vector<Piece> pieces = std::exchange(half.pieces, {});
    for (Piece& piece : pieces) octets_ -= piece.octets.size();
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        const Piece& piece = pieces[i];
        if (half.in_step && distance(half.next, piece.sequence) > 0) {
            // Another hole: what is behind it waits on.
            for (; i < pieces.size(); ++i) {
                octets_ += pieces[i].octets.size();
                half.pieces.push_back(std::move(pieces[i]));
            }
            return;
        }
        payload(half, segment, piece.sequence, piece.octets, piece.since);
    }
}

void Streams::consume(Half& half, const Segment& segment, base::Octets octets) {
    half.next += static_cast<std::uint32_t>(octets.size());
    const bool kept = !half.partial.empty();
    if (kept) {
        octets_ += octets.size();
        half.partial.insert(half.partial.end(), octets.begin(), octets.end());
        octets = half.partial;
    }
    while (octets.size() >= length_octets) {
        const std::size_t length = base::load_u16(octets.data());
        if (octets.size() - length_octets < length) break;
        if (length < dns::header_octets)
            sink_.malformed();
        else
            sink_.message(segment, octets.subspan(length_octets, length));
        octets = octets.subspan(length_octets + length);
    }
    if (kept) {
        octets_ -= half.partial.size() - octets.size();
        half.partial.erase(half.partial.begin(),
                           half.partial.end() - static_cast<std::ptrdiff_t>(octets.size()));
    } else if (!octets.empty()) {
        octets_ += octets.size();
        half.partial.assign(octets.begin(), octets.end());
    }
}

void Streams::finish() {
    for (Stream& stream : streams_) settle(stream);
    streams_.clear();
    keeping_ = streams_.end();
    by_flow_.clear();
}

}  // namespace zc::capture
