#include "capture/dnstap.h"

#include <algorithm>
#include <cstring>

namespace zc::capture {

namespace {

constexpr std::size_t length_octets = 4;
constexpr std::uint32_t field_content_type = 1;

// The wire types of protobuf. dnstap has no field of 64 fixed bits.
enum class Wire : std::uint8_t { varint = 0, fixed64 = 1, octets = 2, fixed32 = 5 };

struct Field {
    std::uint64_t number = 0;
    Wire wire{};
    std::uint64_t value = 0;  // varint, fixed
    base::Octets octets;
};

std::uint64_t read_varint(base::Reader& in) noexcept {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        const std::uint8_t octet = in.u8();
        value |= std::uint64_t{octet & 0x7fU} << shift;
        if ((octet & 0x80U) == 0) return value;
    }
    in.fail();
    return 0;
}

/// The next field, or false at the end or when it is none (`in.ok()`).
bool read_field(base::Reader& in, Field& field) noexcept {
    if (!in.ok() || in.at_end()) return false;
    const std::uint64_t key = read_varint(in);
    field = {key >> 3U, static_cast<Wire>(key & 7U), 0, {}};
    switch (field.wire) {
        case Wire::varint:
            field.value = read_varint(in);
            break;
        case Wire::fixed64:
            in.skip(8);
            break;
        case Wire::octets: {
            const std::uint64_t length = read_varint(in);
            if (length > in.remaining())
                in.fail();
            else
                field.octets = in.octets(static_cast<std::size_t>(length));
            break;
        }
        case Wire::fixed32:
            field.value = __builtin_bswap32(in.u32());
            break;
        default:
            in.fail();
            break;
    }
    if (field.number == 0) in.fail();
    return in.ok();
}

// Numbers of the schema's fields.
namespace tap_field {
constexpr std::uint64_t message = 14, type = 15;
}
namespace message_field {
constexpr std::uint64_t type = 1, protocol = 3, query_address = 4, response_address = 5,
                        query_port = 6, query_seconds = 8, query_nanoseconds = 9, query = 10,
                        response_seconds = 12, response_nanoseconds = 13, response = 14;
}
constexpr std::uint64_t tap_message = 1;
constexpr std::uint64_t auth_query = 1, auth_response = 2, client_query = 5, client_response = 6;
constexpr std::uint64_t message_type_max = 14;

bool set_address(dns::Address& address, base::Octets octets) noexcept {
    if (octets.size() != 4 && octets.size() != 16) return octets.empty();
    address = {};
    std::memcpy(address.octets.data(), octets.data(), octets.size());
    address.size = static_cast<std::uint8_t>(octets.size());
    return true;
}

dns::Transport transport_of(std::uint64_t protocol) noexcept {
    switch (protocol) {
        case 2:
        case 6:
            return dns::Transport::tcp;  // 6: DNSCrypt
        case 3:
        case 7:
            return dns::Transport::dot;  // 7: QUIC, whose messages are as long
        case 4:
            return dns::Transport::doh;
        default:
            return dns::Transport::udp;
    }
}

}  // namespace

base::MutableOctets FrameReader::room() {
    if (begin_ == end_) begin_ = end_ = 0;
    if (begin_ != 0 && octets_.size() - end_ < octets_.size() / 2) {
        std::memmove(octets_.data(), octets_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    constexpr std::size_t least = std::size_t{64} << 10;
    if (octets_.size() - end_ < least) octets_.resize(std::max(octets_.size() * 2, least));
    return base::MutableOctets(octets_).subspan(end_);
}

std::optional<Frame> FrameReader::next() noexcept {
    if (broken_) return std::nullopt;
    if (passing_ != 0) {
        const auto count =
            static_cast<std::size_t>(std::min<std::uint64_t>(passing_, end_ - begin_));
        begin_ += count;
        passing_ -= count;
        if (passing_ != 0) return std::nullopt;
    }
    if (end_ - begin_ < length_octets) return std::nullopt;
    const std::size_t length = base::load_u32(&octets_[begin_]);
    if (length == 0) {
        if (end_ - begin_ < 2 * length_octets) return std::nullopt;
        return control(base::load_u32(&octets_[begin_ + length_octets]));
    }
    if (length > frame_octets_max) {
        passing_ = std::uint64_t{length} + length_octets;
        return Frame{.kind = Frame::Kind::too_long, .octets = {}};
    }
    if (end_ - begin_ - length_octets < length) return std::nullopt;
    const Frame frame{.kind = Frame::Kind::data,
                      .octets = {&octets_[begin_ + length_octets], length}};
    begin_ += length_octets + length;
    return frame;
}

std::optional<Frame> FrameReader::control(std::size_t length) noexcept {
    if (length > control_octets_max || length < length_octets) {
        broken_ = true;
        return std::nullopt;
    }
    if (end_ - begin_ - 2 * length_octets < length) return std::nullopt;
    base::Reader in(base::Octets(&octets_[begin_ + 2 * length_octets], length));
    begin_ += 2 * length_octets + length;
    Frame frame{.kind = Frame::Kind::control, .octets = {}};
    const std::uint32_t type = in.u32();
    frame.control = static_cast<Control>(type);
    bool any = false;
    while (in.ok() && !in.at_end()) {
        const bool content = in.u32() == field_content_type;
        const base::Octets words = in.octets(in.u32());
        any = any || content;
        if (content && words.size() == dnstap_content.size() &&
            std::memcmp(words.data(), dnstap_content.data(), words.size()) == 0)
            frame.dnstap = true;
    }
    if (!any) frame.dnstap = true;
    if (!in.ok() || type < 1 || type > 5) {
        broken_ = true;
        return std::nullopt;
    }
    return frame;
}

std::vector<std::uint8_t> control_frame(Control control) {
    const bool content = control != Control::stop && control != Control::finish;
    const std::size_t more = content ? 2 * length_octets + dnstap_content.size() : 0;
    std::vector<std::uint8_t> octets(3 * length_octets + more);
    base::Writer out(octets);
    out.u32(0);
    out.u32(static_cast<std::uint32_t>(length_octets + more));
    out.u32(static_cast<std::uint32_t>(control));
    if (content) {
        out.u32(field_content_type);
        out.u32(static_cast<std::uint32_t>(dnstap_content.size()));
        out.octets(
            {reinterpret_cast<const std::uint8_t*>(dnstap_content.data()), dnstap_content.size()});
    }
    return octets;
}

namespace {

/// The field `message` of a frame; nothing if the frame is no dnstap.
std::optional<base::Octets> message_in(base::Octets frame) noexcept {
    base::Reader in(frame);
    Field field;
    base::Octets message;
    std::uint64_t type = 0;
    while (read_field(in, field)) {
        if (field.number == tap_field::message && field.wire == Wire::octets)
            message = field.octets;
        if (field.number == tap_field::type && field.wire == Wire::varint) type = field.value;
    }
    if (!in.ok() || type != tap_message || message.empty()) return std::nullopt;
    return message;
}

/// Fields of a message that have a form of their own in `Tap`.
struct TapNumbers {
    std::uint64_t type = 0, protocol = 0;
    std::uint64_t query_seconds = 0, query_nanoseconds = 0;
    std::uint64_t response_seconds = 0, response_nanoseconds = 0;
};

/// False: a field is cut short, or an address is none.
bool read_fields(base::Octets message, Tap& tap, TapNumbers& numbers) noexcept {
    bool addresses = true;
    Field field;
    base::Reader in(message);
    while (read_field(in, field)) {
        const bool octets = field.wire == Wire::octets;
        switch (field.number) {
            case message_field::type:
                numbers.type = field.value;
                break;
            case message_field::protocol:
                numbers.protocol = field.value;
                break;
            case message_field::query_address:
                if (octets) addresses = set_address(tap.seen.client, field.octets) && addresses;
                break;
            case message_field::response_address:
                if (octets) addresses = set_address(tap.seen.server, field.octets) && addresses;
                break;
            case message_field::query_port:
                tap.seen.client_port = static_cast<std::uint16_t>(field.value);
                break;
            case message_field::query_seconds:
                numbers.query_seconds = field.value;
                break;
            case message_field::query_nanoseconds:
                numbers.query_nanoseconds = field.value;
                break;
            case message_field::query:
                if (octets) tap.seen.message = field.octets;
                break;
            case message_field::response_seconds:
                numbers.response_seconds = field.value;
                break;
            case message_field::response_nanoseconds:
                numbers.response_nanoseconds = field.value;
                break;
            case message_field::response:
                if (octets) tap.response = field.octets;
                break;
            default:
                break;
        }
    }
    return in.ok() && addresses;
}

/// The time of the query, or else of the response; 1970 for one that Instant cannot hold.
base::Instant time_of(const TapNumbers& numbers) noexcept {
    constexpr std::uint64_t seconds_max = 9'000'000'000;  // Instant ends in 2262
    const bool by_query = numbers.query_seconds != 0;
    const std::uint64_t seconds = by_query ? numbers.query_seconds : numbers.response_seconds;
    const std::uint64_t nanoseconds =
        by_query ? numbers.query_nanoseconds : numbers.response_nanoseconds;
    if (seconds >= seconds_max || nanoseconds >= 1'000'000'000) return {};
    return {static_cast<std::int64_t>(seconds * 1'000'000'000 + nanoseconds)};
}

/// Messages between this server and those who ask it; the other types are its own questions, or
/// updates. The type tells nothing more: the contents of the frame tell query from response, and
/// BIND answers an AUTH_QUERY by a CLIENT_RESPONSE if RD was set.
bool is_with_client(std::uint64_t message_type) noexcept {
    return message_type == auth_query || message_type == client_query ||
           message_type == auth_response || message_type == client_response;
}

}  // namespace

std::optional<Tap> read_tap(base::Octets frame) noexcept {
    const auto message = message_in(frame);
    if (!message) return std::nullopt;
    Tap tap;
    TapNumbers numbers;
    if (!read_fields(*message, tap, numbers) || numbers.type == 0 ||
        numbers.type > message_type_max)
        return std::nullopt;
    tap.seen.at = time_of(numbers);
    tap.seen.transport = transport_of(numbers.protocol);
    tap.kind = Tap::Kind::other;
    if (is_with_client(numbers.type)) {
        if (tap.response.empty() && tap.seen.message.empty()) return std::nullopt;
        tap.kind = tap.response.empty() ? Tap::Kind::query : Tap::Kind::response;
    }
    if (std::max(tap.seen.message.size(), tap.response.size()) > 65535) return std::nullopt;
    return tap;
}

void take_frame(base::Octets frame, Pairing& pairing) {
    const auto tap = read_tap(frame);
    if (!tap) return pairing.skip(Skipped::garbage_frame);
    pairing.advance(tap->seen.at);
    // It is the server's own, and not every program tells it with the query.
    Sighting seen = tap->seen;
    seen.server = {};
    switch (tap->kind) {
        case Tap::Kind::query:
            pairing.query(seen);
            break;
        case Tap::Kind::response:
            if (seen.message.empty()) {
                seen.message = tap->response;
                pairing.response(seen);
            } else {
                pairing.exchange(seen, tap->response);
            }
            break;
        case Tap::Kind::other:
            pairing.skip(Skipped::other_operation);
            break;
    }
}

}  // namespace zc::capture
