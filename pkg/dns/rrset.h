// One resource record and one RRset as plain values, RDATA in uncompressed wire format.
#pragma once

#include <cstdint>
#include <vector>

#include "base/octets.h"
#include "dns/name.h"
#include "dns/types.h"

namespace zc::dns {

inline constexpr std::uint32_t ttl_seconds_max = 0x7fffffff;  // RFC 2181 section 8

/// A borrowed record of class IN. `rdata`: names in it are whole, 0..65535 octets.
struct RecordView {
    NameView owner;
    RrType type{};
    std::uint32_t ttl = 0;  // seconds
    base::Octets rdata;
};

using Rdata = std::vector<std::uint8_t>;

/// An owned RRset (RFC 2181 section 5).
struct RrSet {
    Name owner;
    RrType type{};
    std::uint32_t ttl = 0;
    std::vector<Rdata> rdatas;
};

}  // namespace zc::dns
