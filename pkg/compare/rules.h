// Differences that two right responses may have: a table of named rules, each with the clause it
// stands on, so that each can be counted, explained and switched off.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/limit.h"
#include "base/result.h"

namespace zc::compare {

enum class RuleKind : std::uint8_t {
    normalise,  // what it covers is not looked at: the responses count as the same
    legal,      // the responses differ, and both are right
};

// clang-format off
enum class Rule : std::uint8_t {
    // normalise
    record_order,      // of records in an RRset, of RRsets in a section; never of the links of a chain
    name_case,         // of owner names and of the names in RDATA that canonical form folds
    compression,       // pointers against whole names
    apex_ns,           // NS of the zone itself in AUTHORITY of an answer that needs none, and their addresses:
                       // on one side and not on the other. Records that both have must be the same
    extra_additional,  // likewise in ADDITIONAL, but for the glue that a referral needs, and for what
                       // signs the message (TSIG, SIG(0)), which is no record of a zone: one side alone
                       // that has it is never overlooked
    edns_size,         // the UDP size a server offers
    edns_options,      // cookies, NSID, EDE, padding …
    ttl,               // within Policy::ttl_tolerance; not of the SOA of a negative answer
    serial,            // SOA serials within Policy::serial_lag
    signatures,        // RRSIGs over the same, as many, by the same signer with the same algorithm, of other
                       // validity or key: both verify
    dname_cname_ttl,   // of the CNAME that a DNAME makes: the DNAME's, or 0
    message_signature, // TSIG and SIG(0) that both sides have: time and MAC. Key, algorithm, error, and
                       // whether it is signed at all, must be the same
    // legal
    stops_at_zone_end,  // a CNAME into another zone served here: followed by one, not by the other. Zone data
                        // says so, or the responses, or both servers when they are asked for the SOAs
    chain_loop,         // how a chain that comes back ends
    chain_limit,        // how many links are followed
    any_subset,         // which RRsets answer ANY and RRSIG; TC for ANY over UDP
    truncation,         // TC on one side only, the whole answers are the same, and the other side's fits
    server_identity,    // CH TXT: what a server says of itself
    rotating,           // each side draws from a set, and over several askings the sets are the same
};
// clang-format on
inline constexpr std::size_t rule_count = static_cast<std::size_t>(Rule::rotating) + 1;

class RuleSet {
public:
    constexpr void add(Rule rule) noexcept { bits_ |= bit(rule); }
    constexpr void remove(Rule rule) noexcept { bits_ &= ~bit(rule); }
    constexpr bool has(Rule rule) const noexcept { return (bits_ & bit(rule)) != 0; }
    constexpr void join(RuleSet other) noexcept { bits_ |= other.bits_; }
    constexpr bool empty() const noexcept { return bits_ == 0; }
    constexpr std::uint32_t bits() const noexcept { return bits_; }
    static constexpr RuleSet from_bits(std::uint32_t bits) noexcept {
        RuleSet set;
        set.bits_ = bits;
        return set;
    }
    static constexpr RuleSet all() noexcept { return from_bits((1U << rule_count) - 1); }
    constexpr bool operator==(const RuleSet&) const noexcept = default;

private:
    static constexpr std::uint32_t bit(Rule rule) noexcept {
        return 1U << static_cast<unsigned>(rule);
    }
    std::uint32_t bits_ = 0;
};
static_assert(rule_count <= 32);

struct RuleRow {
    Rule rule{};
    std::string_view name;  // "record-order": in flags, counters, reports
    RuleKind kind{};
    std::string_view clause;  // "RFC 2181 section 5"
    std::string_view reason;  // one sentence
};
/// All, in the order of the enumeration.
std::span<const RuleRow> rules() noexcept;
const RuleRow& row_of(Rule rule) noexcept;
/// By name. Error: `not_found`, with the names there are.
Result<Rule> parse_rule(std::string_view name);

/// The rules and tolerances by which two responses are the same.
struct Policy {
    RuleSet rules = RuleSet::all();
    static constexpr base::Limit<std::uint32_t> ttl_tolerance_limit = {.name = "ttl-tolerance",
                                                                       .min = 0,
                                                                       .initial = 0,
                                                                       .max = 604'800,
                                                                       .unit = base::Unit::seconds};
    std::uint32_t ttl_tolerance = ttl_tolerance_limit.initial;  // either way. 0: TTLs must be equal
    static constexpr base::Limit<std::uint32_t> serial_lag_limit = {
        .name = "serial-lag", .min = 0, .initial = 0, .max = 1'000'000};
    // How far SOA serials may be apart (RFC 1982). 0: not at all.
    std::uint32_t serial_lag = serial_lag_limit.initial;

    /// No rule: all but the ID must be equal octet for octet.
    static constexpr Policy strict() noexcept {
        return {.rules = {}, .ttl_tolerance = 0, .serial_lag = 0};
    }
};

}  // namespace zc::compare
