// An entry of the ordered log: changes that took effect at one position, and who asked for them.
//
//   entry    magic u32 = "ZCLE" | format u8 = 1 | log id [16] | epoch u32 | origin [16] | at i64, µs |
//            changes u16 | change … | XXH3-64 of all before it, u64
//   change   kind u8 | requests u8 | {id [16] | attempt u32 | since u64} … | who | where | body
//            who, where   octets u8 | text
//   body     zones    count u16 | {name octets u8 | name | base u64 | op u8 | data | signatures} …
//            named    count u16 | {name octets u8 | name | base u64 | op u8 | data} …
//            abort, noop   nothing
//            data, signatures   0 u8 | octets u32 | octets …      here
//                               1 u8 | octets u64 | SHA-256 [32]  a segment, which is kept elsewhere
//
// Numbers are in network order. Data and signatures are octets here: other packages read them. Equal
// entries are equal octets.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "dns/name.h"

namespace zc::replica {

inline constexpr std::size_t changes_max = 512;             // of an entry
inline constexpr std::size_t requests_max = 255;            // of a change
inline constexpr std::size_t zones_max = 65535;             // of a change
inline constexpr std::size_t entry_octets_max = 256 << 10;  // data over 192 KiB goes as a segment
inline constexpr std::size_t inline_octets_max = 192 << 10;
inline constexpr std::size_t text_octets_max = 255;  // who, and from where

/// Random, so that no two logs, nodes or requests have one.
struct Id {
    std::array<std::uint8_t, 16> octets{};
    auto operator<=>(const Id&) const = default;
};
using LogId = Id;
using NodeId = Id;
using RequestId = Id;

/// A client's request, as the log knows it.
struct Request {
    RequestId id;
    std::uint32_t attempt = 0;  // an origin builds a change again when it was in conflict
    /// How many request ids the log had met when the request came in. A request that lands more than
    /// `window` ids later is void, so that an id need not be remembered for ever.
    std::uint64_t since = 0;
    bool operator==(const Request&) const = default;
};

/// Octets of a change that are too many for an entry.
struct Segment {
    std::uint64_t octets = 0;
    std::array<std::uint8_t, 32> sha256{};
    bool operator==(const Segment&) const = default;
};
struct Data {
    std::vector<std::uint8_t> octets;
    Segment segment;  // its octets are 0: there is none, `octets` are all
    bool is_segment() const noexcept { return segment.octets != 0; }
    bool operator==(const Data&) const = default;
};

enum class Op : std::uint8_t { patch = 1, put = 2, remove = 3 };

struct ZoneChange {
    dns::Name name;
    std::uint64_t base = 0;  // the version that the change stands on; 0: there is no such zone
    Op op = Op::patch;
    Data data;        // zone::Change; none of a removal
    Data signatures;  // of sets that this change touches, made here
};
/// A change of something that belongs to no zone: a TSIG key, an autoprimary, a token.
struct NamedChange {
    std::string name;
    std::uint64_t base = 0;
    Op op = Op::put;  // put or remove
    Data data;
};

struct Change {
    enum class Kind : std::uint8_t {
        zones = 1,
        named = 2,
        abort = 3,  // of its requests: each that has not been applied is void from now on
        noop = 4,   // its requests are remembered, and change nothing
    };
    Kind kind = Kind::zones;
    std::vector<Request> requests;
    std::string who, where;          // a token's or user's name; an address, or the control socket
    std::vector<ZoneChange> zones;   // each zone once
    std::vector<NamedChange> named;  // each name once
};

struct Entry {
    LogId log;
    std::uint32_t epoch = 0;
    NodeId origin;
    std::int64_t at = 0;  // µs since 1970 by the origin's clock; no verdict looks at it
    std::vector<Change> changes;
};

/// Errors, `limit`: one of those above; `invalid`: a zone or a name twice in a change.
Result<std::vector<std::uint8_t>> encode(const Entry& entry);
/// Octets of a log or a peer: every bound is checked, and that they are those of `encode`. Errors,
/// `malformed`: what, and at which octet; `unsupported`: a format that is not known here.
Result<Entry> decode(base::Octets octets);

}  // namespace zc::replica
