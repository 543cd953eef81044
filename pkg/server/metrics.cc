// The metrics of the workers, out of their counters.
#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "server/counters.h"
#include "stats/metric.h"

namespace zc::server {
namespace {

using stats::LabelSet;
using stats::Metric;
using Kind = Metric::Kind;
using PerChannel = Totals::PerChannel;

constexpr std::array<std::string_view, transports> transport_names = {"udp", "tcp", "dot", "doh"};
constexpr LabelSet transport_label = {"transport", transport_names};
constexpr std::array<std::string_view, families> family_names = {"ipv4", "ipv6"};
constexpr LabelSet family_label = {"family", family_names};
/// Calls `each(transport, family, channel)`. A transport that was never used has figures only when
/// it is plain DNS.
template <class Each>
void for_each_channel(const Totals& totals, Each each) {
    for (std::size_t t = 0; t < transports; ++t) {
        for (std::size_t f = 0; f < families; ++f) {
            const PerChannel& channel = totals.channels[t][f];
            if (t > static_cast<std::size_t>(dns::Transport::tcp) && channel.queries == 0) continue;
            each(transport_label[t], family_label[f], channel);
        }
    }
}

Metric per_channel(std::string_view name, std::string_view help, const Totals& totals,
                   std::uint64_t PerChannel::*figure) {
    Metric out(name, Kind::counter, help);
    for_each_channel(totals, [&](auto transport, auto family, const PerChannel& channel) {
        out.add({transport, family}, channel.*figure);
    });
    return out;
}

Metric responses(const Totals& totals) {
    Metric out("responses_total", Kind::counter, "Responses sent, by RCODE.");
    for (std::size_t slot = 0; slot < rcode_slots; ++slot)
        for_each_channel(totals, [&](auto transport, auto family, const PerChannel& channel) {
            out.add({transport, family, rcode_label[slot]}, channel.responses[slot]);
        });
    return out;
}

Metric queries_by_type(const Totals& totals) {
    Metric out("queries_by_type_total", Kind::counter, "Queries answered, by QTYPE.");
    for (std::size_t slot = 0; slot < qtype_slots; ++slot)
        out.add({qtype_label[slot]}, totals.qtypes[slot]);
    return out;
}

Metric dropped(const Totals& totals) {
    Metric out(
        "drops_total", Kind::counter,
        "Queries not answered, or answered only in part, by reason; would_limit were answered.");
    for (std::size_t i = 0; i < drops; ++i) out.add({drop_label[i]}, totals.dropped[i]);
    return out.add({drop_label[drops]}, totals.socket_overflows);
}

std::uint64_t of_both_families(const Totals& totals, dns::Transport transport,
                               std::uint64_t PerChannel::*figure) {
    const auto& channels = totals.channels[static_cast<std::size_t>(transport)];
    return channels[0].*figure + channels[1].*figure;
}

/// Microseconds, as PowerDNS tells it.
std::uint64_t mean_latency(const Totals& totals) {
    std::uint64_t timed = 0;
    for (const std::uint64_t count : totals.batches) timed += count;
    return timed == 0 ? 0 : totals.batch_nanoseconds / timed / 1000;
}

}  // namespace

std::vector<Metric> metrics(const Totals& totals) {
    const base::Duration batch_time{static_cast<std::int64_t>(totals.batch_nanoseconds)};
    return {
        per_channel("queries_total", "Queries that arrived, malformed ones included.", totals,
                    &PerChannel::queries),
        responses(totals),
        queries_by_type(totals),
        per_channel("response_octets_total", "Octets of DNS messages sent.", totals,
                    &PerChannel::response_octets),
        per_channel("truncated_total", "Responses sent with TC.", totals, &PerChannel::truncated),
        per_channel("queries_edns_total", "Queries with EDNS.", totals, &PerChannel::edns),
        per_channel("queries_do_total", "Queries that ask for DNSSEC records.", totals,
                    &PerChannel::dnssec_ok),
        per_channel("queries_cookie_valid_total", "Queries with a valid server cookie.", totals,
                    &PerChannel::cookie_valid),
        dropped(totals),
        {"batch_seconds",
         "Time from a batch's receipt to its responses' departure; one UDP batch in 16 is timed.",
         totals.batches, batch_time},
        {"batches_total", Kind::counter, "Batches of queries received together.",
         totals.batch_count},
        {"tcp_connections", Kind::gauge, "TCP connections open now.", totals.connections_open()},
        {"tcp_accepted_total", Kind::counter, "TCP connections accepted.",
         totals.connections_accepted},
        {"tcp_refused_total", Kind::counter, "TCP connections closed at once, over a limit.",
         totals.connections_refused},
        {"tcp_timed_out_total", Kind::counter,
         "TCP connections closed because they were idle, too old, or too slow to read.",
         totals.connections_timed_out},
    };
}

std::vector<Metric> pdns_metrics(const Totals& totals) {
    constexpr auto udp = dns::Transport::udp;
    constexpr auto tcp = dns::Transport::tcp;
    const auto& udp_channels = totals.channels[static_cast<std::size_t>(udp)];
    const auto& tcp_channels = totals.channels[static_cast<std::size_t>(tcp)];
    const auto counter = [](std::string_view name, std::string_view help, std::uint64_t value) {
        return Metric(name, Kind::counter, help, value);
    };
    const auto gauge = [](std::string_view name, std::string_view help, std::uint64_t value) {
        return Metric(name, Kind::gauge, help, value);
    };
    return {
        counter("udp_queries", "Number of UDP queries received", totals.queries(udp)),
        counter("udp4_queries", "Number of IPv4 UDP queries received", udp_channels[0].queries),
        counter("udp6_queries", "Number of IPv6 UDP queries received", udp_channels[1].queries),
        counter("tcp_queries", "Number of TCP queries received", totals.queries(tcp)),
        counter("tcp4_queries", "Number of IPv4 TCP queries received", tcp_channels[0].queries),
        counter("tcp6_queries", "Number of IPv6 TCP queries received", tcp_channels[1].queries),
        counter("udp_answers", "Number of answers sent out over UDP", totals.responses(udp)),
        counter("tcp_answers", "Number of answers sent out over TCP", totals.responses(tcp)),
        counter("udp_answers_bytes", "Total size of answers sent out over UDP",
                of_both_families(totals, udp, &PerChannel::response_octets)),
        counter("tcp_answers_bytes", "Total size of answers sent out over TCP",
                of_both_families(totals, tcp, &PerChannel::response_octets)),
        counter("noerror_packets", "Number of times a NOERROR packet was sent out",
                totals.responses(dns::Rcode::noerror)),
        counter("nxdomain_packets", "Number of times an NXDOMAIN packet was sent out",
                totals.responses(dns::Rcode::nxdomain)),
        counter("servfail_packets", "Number of times a server-failed packet was sent out",
                totals.responses(dns::Rcode::servfail)),
        counter("unauth_packets", "Number of times a zone we are not auth for was queried",
                totals.responses(dns::Rcode::refused)),
        counter("corrupt_packets", "Number of corrupt packets received",
                totals.dropped[static_cast<std::size_t>(Drop::malformed)] +
                    totals.responses(dns::Rcode::formerr)),
        counter("overload_drops", "Queries dropped because the server was overloaded",
                totals.socket_overflows),
        counter("udp_do_queries", "Number of UDP queries received with DO bit",
                of_both_families(totals, udp, &PerChannel::dnssec_ok)),
        gauge("latency", "Average number of microseconds needed to answer a question",
              mean_latency(totals)),
        gauge("open_tcp_connections", "Number of currently open TCP connections",
              totals.connections_open()),
    };
}

}  // namespace zc::server
