// Inside of package capture: dnstap (dnstap.info): frame streams, and what is in a frame. Pure.
//
// Read by hand and not by libfstrm and protobuf-c: libfstrm's reader blocks on one descriptor, and
// a listener has many that have to be left alone after a tenth of a second; protobuf-c allocates
// for each field of each frame, of which we want ten and copy none.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/octets.h"
#include "capture/pairing.h"

namespace zc::capture {

inline constexpr std::string_view dnstap_content = "protobuf:dnstap.Dnstap";
inline constexpr std::size_t frame_octets_max = std::size_t{256}
                                                << 10;  // two messages of 64 KiB, and words
inline constexpr std::size_t control_octets_max = 512;

enum class Control : std::uint8_t { accept = 1, start = 2, stop = 3, ready = 4, finish = 5 };

struct Frame {
    enum class Kind : std::uint8_t { data, control, too_long };
    Kind kind{};
    base::Octets octets;  // data: the frame. Valid until the next call
    Control control{};
    bool dnstap = false;  // control: it names no content type, or ours among others
};

/// Cuts a stream of octets into frames.
class FrameReader {
public:
    /// Where to put more octets, at least one: all that `frame_octets_max` may need is kept.
    base::MutableOctets room();
    void filled(std::size_t count) noexcept { end_ += count; }
    /// The next frame that is whole. A frame over the limit is told once and passed over.
    std::optional<Frame> next() noexcept;
    /// The stream is none: a control frame that is not one. Nothing more comes.
    bool broken() const noexcept { return broken_; }
    /// Octets of a frame that is not whole; a stream that is broken has no frames.
    bool inside() const noexcept { return !broken_ && (end_ != begin_ || passing_ != 0); }

private:
    std::optional<Frame> control(std::size_t length) noexcept;

    std::vector<std::uint8_t> octets_;
    std::size_t begin_ = 0, end_ = 0;
    std::uint64_t passing_ = 0;  // octets of a frame that is too long, still to come
    bool broken_ = false;
};

/// A control frame with our content type (none in STOP and FINISH).
std::vector<std::uint8_t> control_frame(Control control);

/// One message, as a frame tells of it.
struct Tap {
    enum class Kind : std::uint8_t { query, response, other };
    Kind kind{};
    Sighting seen;          // `message`: the query; empty when a response stands alone
    base::Octets response;  // empty: none
};

/// Reads one frame; nothing if it is no dnstap. Messages that clients exchange with an
/// authoritative server or a resolver (AUTH, CLIENT) are queries or responses, all others are
/// `other`.
std::optional<Tap> read_tap(base::Octets frame) noexcept;

/// Gives what a frame tells to `pairing`, or counts why not.
void take_frame(base::Octets frame, Pairing& pairing);

}  // namespace zc::capture
