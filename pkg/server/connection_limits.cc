#include "server/connection_limits.h"

#include <new>

#include "base/seed.h"

namespace zc::server {
namespace {

constexpr std::size_t ipv4_octets = 3;
constexpr std::size_t ipv6_octets = 7;

}  // namespace

std::uint64_t connection_network(const dns::Address& client) noexcept {
    const std::size_t octets = client.size == 4 ? ipv4_octets : ipv6_octets;
    std::uint64_t network = client.size;  // keeps the families apart
    for (std::size_t i = 0; i < octets; ++i) network = network << 8 | client.octets[i];
    return network;
}

std::size_t ConnectionLimits::Hash::operator()(std::uint64_t network) const noexcept {
    return base::Seed(seed ^ network).next();
}

bool ConnectionLimits::open(std::uint32_t max) {
    const std::lock_guard lock(mutex_);
    if (open_ >= max) return false;
    ++open_;
    return true;
}

void ConnectionLimits::close() {
    const std::lock_guard lock(mutex_);
    --open_;
}

bool ConnectionLimits::enter(std::uint64_t network, std::uint32_t max) {
    const std::lock_guard lock(mutex_);
    try {
        std::uint32_t& count = networks_[network];  // a limit is at least 1, so no entry stays at 0
        if (count >= max) return false;
        ++count;
        return true;
    } catch (const std::bad_alloc&) {
        return false;
    }
}

void ConnectionLimits::leave(std::uint64_t network) {
    const std::lock_guard lock(mutex_);
    const auto found = networks_.find(network);
    if (--found->second == 0) networks_.erase(found);
}

}  // namespace zc::server
