// Inside of package server: one TCP connection, as its loop keeps it between events.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "base/time.h"
#include "dns/types.h"
#include "net/stream.h"
#include "server/late.h"
#include "server/counters.h"

namespace zc::server {

struct Connection;
using Connections = std::list<Connection>;

struct Connection {
    /// The step of the stream that is to be repeated when the socket is ready.
    enum class Doing : std::uint8_t {
        proxy_header,  // a read of the header that a listed sender begins with
        handshake,
        reading,
        writing,  // the reader has not taken what there is; nothing is read meanwhile
    };

    std::unique_ptr<net::Stream> stream;
    const net::StreamMaker* streams = nullptr;  // makes the stream that follows a PROXY header
    Doing doing = Doing::reading;
    std::uint32_t events = 0;  // that epoll waits for
    dns::Address client;       // from the PROXY header, if there was one
    Family family = Family::ipv4;
    dns::Transport transport = dns::Transport::tcp;
    bool counted = false;       // in its network's limit
    bool ending = false;        // to be closed as soon as its answers are taken
    bool input_ended = false;   // the client sends no more, and waits for a late answer
    bool full = false;          // the taker has as many of its messages as it may
    bool holds_more = false;    // the stream holds octets, of which the socket does not tell
    bool broken = false;        // the stream is good for nothing any more
    bool evicted = false;       // to be closed at the end of the round: another needs its memory
    bool is_ready = false;      // in the list of those that go on without an event
    std::uint64_t network = 0;  // the client's, see connection_network
    std::uint32_t queries = 0;
    base::Duration opened;
    base::Duration since;  // of the last query; writing: when the reader last took something
    std::vector<std::uint8_t> input;   // part of a message; or messages that are not answered yet
    std::vector<std::uint8_t> output;  // answers that the reader has not taken
    std::size_t output_taken = 0;
    std::list<LateAnswer> late;  // messages that are with the taker
    Connections* list = nullptr;
    Connections::iterator self;
    Connection* next_ready = nullptr;

    std::size_t kept() const noexcept { return input.size() + output.size(); }
    bool may_read() const noexcept {
        return doing == Doing::reading && !input_ended && !full && !ending;
    }
};

}  // namespace zc::server
