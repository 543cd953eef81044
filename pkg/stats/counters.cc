#include "stats/counters.h"

#include <algorithm>
#include <bit>

namespace zc::stats {
namespace {

constexpr std::array<std::string_view, rcode_slots> rcode_labels = {
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",   "YXDOMAIN",
    "YXRRSET", "NXRRSET", "NOTAUTH",  "NOTZONE",  "BADVERS", "BADCOOKIE", "other"};

constexpr std::array<std::string_view, qtype_slots> qtype_labels = {
    "A",     "NS",    "CNAME", "SOA",   "PTR",  "HINFO",  "MX",         "TXT",  "AAAA", "SRV",
    "NAPTR", "DNAME", "DS",    "RRSIG", "NSEC", "DNSKEY", "NSEC3PARAM", "TLSA", "CDS",  "CDNSKEY",
    "SVCB",  "HTTPS", "SPF",   "IXFR",  "AXFR", "ANY",    "CAA",        "other"};

constexpr std::array<std::string_view, drops> drop_labels = {"malformed", "rate_limited", "slipped",
                                                             "would_limit", "send_failed"};

constexpr std::array<std::uint8_t, detail::qtype_table_size> invert_qtypes() {
    std::array<std::uint8_t, detail::qtype_table_size> table{};
    table.fill(qtype_slots - 1);
    for (std::size_t slot = 0; slot < counted_qtypes.size(); ++slot)
        table.at(static_cast<std::size_t>(counted_qtypes[slot])) = static_cast<std::uint8_t>(slot);
    return table;
}

}  // namespace

constinit const std::array<std::uint8_t, detail::qtype_table_size> detail::qtype_slot_of =
    invert_qtypes();

std::size_t rcode_slot(dns::Rcode rcode) noexcept {
    const auto number = static_cast<std::size_t>(rcode);
    if (number <= static_cast<std::size_t>(dns::Rcode::notzone)) return number;
    const auto* found = std::find(counted_rcodes.begin(), counted_rcodes.end(), rcode);
    return static_cast<std::size_t>(found - counted_rcodes.begin());  // the end is "other"
}

std::string_view rcode_label(std::size_t slot) noexcept {
    return rcode_labels[slot];
}

std::string_view qtype_label(std::size_t slot) noexcept {
    return qtype_labels[slot];
}

std::string_view to_string(Drop drop) noexcept {
    return drop_labels[static_cast<std::size_t>(drop)];
}

void Histogram::add(base::Duration taken) noexcept {
    // A wall clock that was set back in between: the shortest.
    const auto nanoseconds =
        static_cast<std::uint64_t>(std::max<std::int64_t>(taken.nanoseconds, 1));
    const auto bucket = static_cast<std::size_t>(std::bit_width((nanoseconds - 1) / 1000));
    counts_[std::min(bucket, buckets - 1)].add(1);
    nanoseconds_.add(nanoseconds);
}

}  // namespace zc::stats
