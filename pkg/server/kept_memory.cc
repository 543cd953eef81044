#include "server/kept_memory.h"

#include <algorithm>

#include "base/seed.h"

namespace zc::server {
namespace {

constexpr std::size_t network_share = 8;  // a network may keep one part in so many

}  // namespace

std::size_t KeptMemory::Hash::operator()(std::uint64_t network) const noexcept {
    return base::Seed(seed ^ network).next();
}

std::optional<std::uint64_t> KeptMemory::add(std::uint64_t network, std::size_t octets,
                                             std::uint64_t octets_max) {
    std::size_t& of_network = networks_[network];
    octets_ += octets;
    of_network += octets;
    if (of_network > octets_max / network_share) return network;
    if (octets_ <= octets_max) return std::nullopt;
    return std::ranges::max_element(networks_, {}, [](const auto& each) { return each.second; })
        ->first;
}

void KeptMemory::remove(std::uint64_t network, std::size_t octets) noexcept {
    if (octets == 0) return;
    octets_ -= octets;
    const auto of_network = networks_.find(network);
    of_network->second -= octets;
    if (of_network->second == 0) networks_.erase(of_network);
}

}  // namespace zc::server
