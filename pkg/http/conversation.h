// The conversation with one client: requests read, handed to their routes, answered in order.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>

#include "http/routes.h"
#include "http/server.h"
#include "http/wire.h"
#include "net/endpoint.h"

namespace zc::http {

/// The things that all conversations of one server share. One thread.
struct Conversations {
    Conversations(boost::asio::io_context& io, Limits wanted) : control(io), limits(wanted) {}

    struct One {
        Wire* wire = nullptr;
        bool idle = false;  // waits for a request: may be cut without harm
        boost::asio::cancellation_signal* endless_or_null = nullptr;  // of its endless response
    };

    boost::asio::io_context& control;
    const Limits limits;
    Routes routes;
    std::list<One> open;
    std::uint32_t streams = 0;        // endless responses
    std::uint64_t bodies_octets = 0;  // of requests
    bool stopping = false;

    /// Cuts what waits, ends what is endless, and takes no further request.
    void stop();
};

/// Talks to a client until one of both ends it. `all` lives as long as the conversation.
boost::asio::awaitable<void> converse(std::shared_ptr<Conversations> all,
                                      std::shared_ptr<Wire> wire,
                                      std::optional<net::Endpoint> peer);

}  // namespace zc::http
