// The octets of one connection, as steps that never block. TLS is another implementation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "net/socket.h"

namespace zc::http {

/// What became of one step.
struct Step {
    enum class Kind : std::uint8_t {
        done,         // `octets` were moved, at least one
        wants_read,   // nothing yet: again once the descriptor is readable
        wants_write,  // nothing yet: again once it is writable
        end,          // of a read: the client sends no more
        failed,       // the connection is of no more use
    };
    Kind kind = Kind::failed;
    std::size_t octets = 0;
};

class Transport {
public:
    Transport() = default;
    virtual ~Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;

    virtual Step read(std::span<char> into) noexcept = 0;
    virtual Step write(std::span<const char> octets) noexcept = 0;
    /// Says that no more will be written. `done` is the good outcome, with no octets.
    virtual Step end_writing() noexcept = 0;
    /// To wait on, until the transport is destroyed.
    virtual int descriptor() const noexcept = 0;
};

/// Makes the transport of a connection just accepted. The socket does not block.
using Transports = std::function<std::unique_ptr<Transport>(net::Descriptor socket)>;

/// The octets as they are.
std::unique_ptr<Transport> plain_transport(net::Descriptor socket);

}  // namespace zc::http
