// Inside of package ingest: PowerDNS's columns type, content and prio, as RDATA.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dns/name.h"
#include "dns/types.h"
#include "ingest/powerdns.h"

namespace zc::ingest {

/// How a row's type is treated.
struct RecordType {
    enum class Treatment : std::uint8_t {
        data,           // answered
        powerdns_only,  // kept, answered by policy: its name exists, the type is never answered
        unknown,        // refused
    };
    Treatment treatment = Treatment::unknown;
    dns::RrType type{};  // powerdns_only: `alias` or, for all others, `lua`
};
/// The numbers that PowerDNS has for ALIAS and LUA are opaque data with content in generic form
/// (RFC 3597), as from anyone else; with content of theirs they are what PowerDNS takes them for.
RecordType record_type(std::string_view text, std::string_view content) noexcept;

struct ContentOutcome {
    Acceptance acceptance = Acceptance::taken;  // never taken with a reason
    std::string reason;
    std::string effect;
};

struct ContentContext {
    dns::NameView apex;  // for an SOA that lacks fields
    Repair repair = Repair::no;
};

/// Appends the RDATA of one row; nothing when it is refused. Names in `content` are absolute with
/// or without a final dot. `prio` is the number in front of the content of MX and SRV, absent when
/// it is NULL, and means nothing for other types.
ContentOutcome append_rdata(std::vector<std::uint8_t>& out, dns::RrType type,
                            std::string_view content, std::optional<std::int64_t> prio,
                            const ContentContext& context);

/// RDATA under which a PowerDNS-only record stands in an image: the target's name for ALIAS, for
/// others LUA's form with type and content as text.
ContentOutcome append_powerdns_only(std::vector<std::uint8_t>& out, dns::RrType type,
                                    std::string_view type_text, std::string_view content);

}  // namespace zc::ingest
