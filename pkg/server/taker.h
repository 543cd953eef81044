// Messages that somebody else answers: UPDATE, NOTIFY, AXFR, IXFR.
//
// Workers answer queries at once and out of memory. An answer that takes time, or many messages, is
// the business of a taker. A worker hands it the message and gets an `Answering`, which it asks for
// messages whenever there is room for one. So no answer waits in memory for a slow reader, and the
// taker may make each message when it is asked for.
//
//     worker   Taker::take(message, waker)  ->  Answering, or nothing: answered as without a taker
//     worker   Answering::next(room)        ->  `later`
//     anybody  Waker::wake()
//     worker   Answering::next(room)        ->  `message`, … , `last`, and destroys it
//
// Order: over TCP, queries of the same connection are answered meanwhile, and several messages may
// be with the taker at once. Answers may overtake each other, as RFC 7766 section 6.2.1.1 allows;
// the messages of one answer keep their order. Over UDP an answer is one message.
//
// An `Answering` is destroyed as soon as nobody waits for it any more: it has given its last
// message, its client has gone, or the server stops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "answer/answer.h"
#include "base/octets.h"
#include "base/time.h"
#include "dns/types.h"

namespace zc::server {

/// Messages that the taker may have of one TCP connection; no more is read from it until one of
/// them is answered.
inline constexpr std::size_t taken_of_connection_max = 32;
/// Datagrams that the taker may have of one worker; one more is answered as without a taker.
inline constexpr std::size_t taken_datagrams_max = 256;
/// A connection or a datagram is given up when the taker has given nothing for so long.
inline constexpr base::Duration taken_time = base::Duration::seconds(60);

struct HandedOver {
    answer::HandOver kind = answer::HandOver::none;
    base::Octets message;  // as it arrived: well-formed, its TSIG not verified; valid in the call
    dns::Transport transport = dns::Transport::udp;
    dns::Address client;
    base::Instant arrived;
};

/// The answer to one message. A worker calls it on its own thread and not twice at once.
class Answering {
public:
    Answering() = default;
    virtual ~Answering() = default;
    Answering(const Answering&) = delete;
    Answering& operator=(const Answering&) = delete;

    struct Next {
        enum class Is : std::uint8_t {
            later,    // not yet: asked again after `Waker::wake`
            message,  // one message of `octets`; more follow
            last,     // one message of `octets`, and none after it
            none,     // there is no (further) message
        };
        Is is = Is::none;
        std::size_t octets = 0;  // a header at least
    };
    /// Writes the next message at the start of `room`: over TCP 65535 octets, over UDP as many as
    /// the client takes. Must not block: the connections of a worker wait meanwhile.
    virtual Next next(base::MutableOctets room) noexcept = 0;
};

class Bell;

/// Tells a worker that an `Answering` has something to give. Any thread, at any time: when nobody
/// waits any more it does nothing.
class Waker {
public:
    Waker() = default;
    explicit Waker(std::shared_ptr<Bell> bell) noexcept : bell_(std::move(bell)) {}
    void wake() const noexcept;

private:
    std::shared_ptr<Bell> bell_;  // shared with the worker, which it may outlive
};

/// Given to a server at its start; outlives it.
class Taker {
public:
    virtual ~Taker() = default;
    /// Always the same.
    virtual answer::HandOvers takes() const noexcept = 0;
    /// Workers call it, several at once. Must not block. Null: not now, and the message is answered
    /// as without a taker.
    virtual std::unique_ptr<Answering> take(const HandedOver& message, Waker waker) noexcept = 0;
};

}  // namespace zc::server
