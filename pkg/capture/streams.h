// Inside of package capture: messages out of TCP streams (RFC 7766 section 8: two octets of length
// before each), as far as segments of them were captured. Pure.
//
// A capture begins in the middle of streams and has holes. A direction of a stream is in step when
// the place of the next message is known: after its SYN, or where a message seems to begin.
// Segments from behind a hole wait for the rest; when it does not come, the direction is out of
// step, and each octet that follows is looked at: a length, a header that fits the direction and a
// question that can be read make the beginning of a message, wherever in a segment they stand and
// however they are cut.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <unordered_map>
#include <vector>

#include "base/octets.h"
#include "base/time.h"
#include "dns/types.h"

namespace zc::capture {

inline constexpr std::size_t streams_max = 16384;
inline constexpr std::uint64_t streams_octets_max = std::uint64_t{24} << 20;  // all that wait
inline constexpr std::size_t pieces_max = 128;  // behind a hole, of one direction
inline constexpr base::Duration hole_wait = base::Duration::seconds(2);

enum class Direction : std::uint8_t { to_server, to_client };

struct Flow {
    dns::Address client{}, server{};
    std::uint16_t client_port = 0;
    bool operator==(const Flow&) const = default;
};

struct Segment {
    Flow flow;
    Direction direction{};
    std::uint32_t sequence = 0;
    bool syn = false, fin = false, rst = false;
    base::Octets payload;            // as captured
    std::size_t payload_octets = 0;  // as sent
};

/// Takes the messages that were found. A virtual class because the tests are the second one.
class StreamSink {
public:
    virtual ~StreamSink() = default;
    virtual void message(const Segment& by, base::Octets message) = 0;
    virtual void hole() = 0;       // once for each that lost something
    virtual void malformed() = 0;  // a length of less than a header; an end inside of a message
};

class Streams {
public:
    explicit Streams(StreamSink& sink) : sink_(sink) {}
    void add(const Segment& segment, base::Instant clock);
    /// Nothing more comes.
    void finish();

private:
    struct Piece {
        std::uint32_t sequence;
        base::Instant since;
        std::vector<std::uint8_t> octets;
    };
    struct Half {
        bool in_step = false, hole_told = false, closed = false;
        std::uint32_t next = 0;
        // In step: of a message. Out of step: what may still turn out to be the beginning of one.
        std::vector<std::uint8_t> partial;
        std::vector<Piece> pieces;          // behind a hole, by sequence
    };
    struct Stream {
        Flow flow;
        std::array<Half, 2> halves;
    };
    using Order = std::list<Stream>;  // least recently used first
    struct Hash {
        std::size_t operator()(const Flow& flow) const noexcept;
    };

    void payload(Half& half, const Segment& segment, std::uint32_t sequence, base::Octets octets,
                 base::Instant clock);
    void consume(Half& half, const Segment& segment, base::Octets octets);
    void search(Half& half, const Segment& segment, std::uint32_t sequence, base::Octets octets);
    void take_pieces(Half& half, const Segment& segment);
    void lose_step(Half& half);
    void cross_hole(Half& half, const Segment& segment);
    void clear(Half& half);
    /// Moves `keeping_` off the stream that is about to go from its place.
    void leave(Order::iterator stream) {
        if (keeping_ == stream) ++keeping_;
    }
    /// Takes what can be taken of the segments that wait, and gives the rest up.
    void settle(Stream& stream, Direction direction);
    void settle(Stream& stream);

    StreamSink& sink_;
    Order streams_;
    std::unordered_map<Flow, Order::iterator, Hash> by_flow_;
    std::uint64_t octets_ = 0;  // in partial and pieces of all
    // No stream before it in `streams_` keeps anything: who is used goes to the end, and only who
    // is used comes to keep something.
    Order::iterator keeping_ = streams_.end();
};

}  // namespace zc::capture
