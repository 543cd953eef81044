// Which addresses are this machine's own, and whether two names lead to one server.
#pragma once

#include "net/endpoint.h"

namespace zc::net {

/// `address` in the form in which two that mean the same are equal: an IPv4-mapped one (RFC 4291
/// section 2.5.5.2) as IPv4; 0.0.0.0 and ::, which a client reaches its own machine by, as the
/// loopback address of their family.
dns::Address canonical(const dns::Address& address) noexcept;

/// Whether packets sent there come to this machine: a loopback address, or one of an interface.
bool is_own(const dns::Address& address);

/// Whether packets sent to `target` come to the one who listens at `listener` on this machine.
bool leads_to(const Endpoint& target, const Endpoint& listener);

/// Whether packets sent to `a` and to `b` come to one server, by UDP or TCP: they are equal, or both
/// are this machine's and somebody listens at their port for all addresses, as far as /proc/net
/// tells.
bool is_one_server(const Endpoint& a, const Endpoint& b);

}  // namespace zc::net
