#include "server/counters.h"

#include <algorithm>

namespace zc::server {
namespace {

constexpr std::array<std::string_view, rcode_slots> rcode_names = {
    "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",  "REFUSED",   "YXDOMAIN",
    "YXRRSET", "NXRRSET", "NOTAUTH",  "NOTZONE",  "BADVERS", "BADCOOKIE", "other"};

constexpr std::array<std::string_view, qtype_slots> qtype_names = {
    "A",     "NS",    "CNAME", "SOA",   "PTR",  "HINFO",  "MX",         "TXT",  "AAAA", "SRV",
    "NAPTR", "DNAME", "DS",    "RRSIG", "NSEC", "DNSKEY", "NSEC3PARAM", "TLSA", "CDS",  "CDNSKEY",
    "SVCB",  "HTTPS", "SPF",   "IXFR",  "AXFR", "ANY",    "CAA",        "other"};

constexpr std::array<std::string_view, drops + 1> drop_reasons = {
    "malformed", "rate_limited", "slipped", "would_limit", "send_failed",
    "unanswered", "socket_overflow"};

constexpr std::array<std::uint8_t, detail::qtype_table_size> invert_qtypes() {
    std::array<std::uint8_t, detail::qtype_table_size> table{};
    table.fill(qtype_slots - 1);
    for (std::size_t slot = 0; slot < counted_qtypes.size(); ++slot)
        table.at(static_cast<std::size_t>(counted_qtypes[slot])) = static_cast<std::uint8_t>(slot);
    return table;
}

}  // namespace

constinit const stats::LabelSet rcode_label = {"rcode", rcode_names};
constinit const stats::LabelSet qtype_label = {"qtype", qtype_names};
constinit const stats::LabelSet drop_label = {"reason", drop_reasons};

constinit const std::array<std::uint8_t, detail::qtype_table_size> detail::qtype_slot_of =
    invert_qtypes();

std::size_t rcode_slot(dns::Rcode rcode) noexcept {
    const auto number = static_cast<std::size_t>(rcode);
    if (number <= static_cast<std::size_t>(dns::Rcode::notzone)) return number;
    const auto* found = std::find(counted_rcodes.begin(), counted_rcodes.end(), rcode);
    return static_cast<std::size_t>(found - counted_rcodes.begin());  // the end is "other"
}

void Totals::add(const WorkerCounters& worker) noexcept {
    for (std::size_t t = 0; t < transports; ++t) {
        for (std::size_t f = 0; f < families; ++f) {
            const Channel& from = worker.channels[t][f];
            PerChannel& to = channels[t][f];
            to.queries += from.queries.value();
            to.response_octets += from.response_octets.value();
            to.truncated += from.truncated.value();
            to.edns += from.edns.value();
            to.dnssec_ok += from.dnssec_ok.value();
            to.cookie_valid += from.cookie_valid.value();
            for (std::size_t i = 0; i < rcode_slots; ++i)
                to.responses[i] += from.responses[i].value();
        }
    }
    for (std::size_t i = 0; i < qtype_slots; ++i) qtypes[i] += worker.qtypes[i].value();
    for (std::size_t i = 0; i < drops; ++i) dropped[i] += worker.dropped[i].value();
    for (std::size_t i = 0; i < stats::Histogram::buckets; ++i)
        batches[i] += worker.batches.count(i);
    batch_nanoseconds += worker.batches.nanoseconds();
    batch_count += worker.batch_count.value();
    // Closed first: a connection that opens and closes in between must not make the difference
    // negative.
    connections_closed += worker.connections_closed.value();
    connections_accepted += worker.connections_accepted.value();
    connections_refused += worker.connections_refused.value();
    connections_timed_out += worker.connections_timed_out.value();
}

std::uint64_t Totals::queries(dns::Transport transport) const noexcept {
    std::uint64_t sum = 0;
    for (const PerChannel& channel : channels[static_cast<std::size_t>(transport)])
        sum += channel.queries;
    return sum;
}

std::uint64_t Totals::responses(dns::Transport transport) const noexcept {
    std::uint64_t sum = 0;
    for (const PerChannel& channel : channels[static_cast<std::size_t>(transport)])
        for (const std::uint64_t count : channel.responses) sum += count;
    return sum;
}

std::uint64_t Totals::responses(dns::Rcode rcode) const noexcept {
    std::uint64_t sum = 0;
    for (const auto& of_transport : channels)
        for (const PerChannel& channel : of_transport) sum += channel.responses[rcode_slot(rcode)];
    return sum;
}

}  // namespace zc::server
