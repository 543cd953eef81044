#include "stats/report.h"

#include <array>
#include <charconv>
#include <initializer_list>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <boost/json.hpp>

namespace zc::stats {
namespace {

using Value = std::variant<std::uint64_t, double>;
using Label = std::pair<std::string_view, std::string_view>;

struct Sample {
    std::vector<Label> labels;  // of static strings
    Value value;
};

struct Metric {
    enum class Kind : std::uint8_t { counter, gauge, histogram };

    std::string_view name;  // without the prefix
    Kind kind;
    std::string_view help;
    std::vector<Sample> samples;  // of a histogram: its buckets, cumulative, the last one is all
    double sum = 0;               // of a histogram
};

constexpr std::array<std::string_view, transports> transport_labels = {"udp", "tcp", "dot", "doh"};
constexpr std::array<std::string_view, families> family_labels = {"ipv4", "ipv6"};

/// One sample for each transport and family; those of a transport that was never used only for
/// plain DNS.
template <class Get>
std::vector<Sample> per_channel(const Totals& totals, Get get) {
    std::vector<Sample> samples;
    for (std::size_t t = 0; t < transports; ++t) {
        for (std::size_t f = 0; f < families; ++f) {
            const Totals::PerChannel& channel = totals.channels[t][f];
            if (t > static_cast<std::size_t>(dns::Transport::tcp) && channel.queries == 0) continue;
            samples.push_back(
                {{{"transport", transport_labels[t]}, {"family", family_labels[f]}}, get(channel)});
        }
    }
    return samples;
}

std::vector<Sample> responses_samples(const Totals& totals) {
    std::vector<Sample> samples;
    for (std::size_t slot = 0; slot < rcode_slots; ++slot) {
        auto of_rcode = per_channel(
            totals, [slot](const Totals::PerChannel& channel) { return channel.responses[slot]; });
        for (Sample& sample : of_rcode) {
            sample.labels.emplace_back("rcode", rcode_label(slot));
            samples.push_back(std::move(sample));
        }
    }
    return samples;
}

std::vector<Sample> histogram_samples(const Totals& totals) {
    // Prometheus wants the upper edges in seconds, as text that does not change.
    static constexpr std::array<std::string_view, Histogram::buckets> edges = {
        "1e-06",    "2e-06",    "4e-06",    "8e-06",    "1.6e-05",  "3.2e-05",
        "6.4e-05",  "0.000128", "0.000256", "0.000512", "0.001024", "0.002048",
        "0.004096", "0.008192", "0.016384", "0.032768", "0.065536", "0.131072",
        "0.262144", "0.524288", "1.048576", "+Inf"};
    static_assert(Histogram::edge(20) == 1'048'576'000);
    std::vector<Sample> samples;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < edges.size(); ++i) {
        sum += totals.batches[i];
        samples.push_back({{{"le", edges[i]}}, sum});
    }
    return samples;
}

/// Every metric there is: name, kind, help, and where its figures come from.
std::vector<Metric> metrics(const Totals& totals, const Gauges& gauges) {
    using Kind = Metric::Kind;
    using Channel = Totals::PerChannel;
    const auto one = [](Value value) { return std::vector<Sample>{{{}, value}}; };
    std::vector<Sample> qtypes;
    for (std::size_t slot = 0; slot < qtype_slots; ++slot)
        qtypes.push_back({{{"qtype", qtype_label(slot)}}, totals.qtypes[slot]});
    std::vector<Sample> dropped;
    for (std::size_t i = 0; i < drops; ++i)
        dropped.push_back({{{"reason", to_string(static_cast<Drop>(i))}}, totals.dropped[i]});
    dropped.push_back({{{"reason", "socket_overflow"}}, totals.socket_overflows});
    std::vector<Sample> not_served;
    for (const auto& [reason, zones] : gauges.zones_not_served)
        not_served.push_back({{{"reason", reason}}, zones});

    std::vector<Metric> out = {
        {"queries_total", Kind::counter, "Queries that arrived, malformed ones included.",
         per_channel(totals, [](const Channel& c) { return c.queries; })},
        {"responses_total", Kind::counter, "Responses sent, by RCODE.", responses_samples(totals)},
        {"queries_by_type_total", Kind::counter, "Queries answered, by QTYPE.", std::move(qtypes)},
        {"response_octets_total", Kind::counter, "Octets of DNS messages sent.",
         per_channel(totals, [](const Channel& c) { return c.response_octets; })},
        {"truncated_total", Kind::counter, "Responses sent with TC.",
         per_channel(totals, [](const Channel& c) { return c.truncated; })},
        {"queries_edns_total", Kind::counter, "Queries with EDNS.",
         per_channel(totals, [](const Channel& c) { return c.edns; })},
        {"queries_do_total", Kind::counter, "Queries that ask for DNSSEC records.",
         per_channel(totals, [](const Channel& c) { return c.dnssec_ok; })},
        {"queries_cookie_valid_total", Kind::counter, "Queries with a valid server cookie.",
         per_channel(totals, [](const Channel& c) { return c.cookie_valid; })},
        {"drops_total", Kind::counter,
         "Queries not answered, or answered only in part, by reason; would_limit were answered.",
         std::move(dropped)},
        {"batch_seconds", Kind::histogram,
         "Time from a batch's receipt to its responses' departure; one UDP batch in 16 is timed.",
         histogram_samples(totals), static_cast<double>(totals.batch_nanoseconds) / 1e9},
        {"batches_total", Kind::counter, "Batches of queries received together.",
         one(totals.batch_count)},
        {"tcp_connections", Kind::gauge, "TCP connections open now.",
         one(totals.connections_open())},
        {"tcp_accepted_total", Kind::counter, "TCP connections accepted.",
         one(totals.connections_accepted)},
        {"tcp_refused_total", Kind::counter, "TCP connections closed at once, over a limit.",
         one(totals.connections_refused)},
        {"tcp_timed_out_total", Kind::counter,
         "TCP connections closed because they were idle, too old, or too slow to read.",
         one(totals.connections_timed_out)},
        {"zones", Kind::gauge, "Zones known, those that are not served too.", one(gauges.zones)},
        {"zones_not_served", Kind::gauge,
         "Zones known but not served, answered with SERVFAIL, by reason.", std::move(not_served)},
        {"zones_outdated", Kind::gauge,
         "Zones served as they were, since what came later was refused.",
         one(gauges.zones_outdated)},
        {"records", Kind::gauge, "Records in the zones served.", one(gauges.records)},
        {"zone_octets", Kind::gauge, "Memory that holds the zones.", one(gauges.zone_octets)},
        {"zones_loaded_timestamp_seconds", Kind::gauge, "When zones were last published.",
         one(static_cast<double>(gauges.loaded.nanoseconds) / 1e9)},
        {"workers", Kind::gauge, "Workers that answer queries.", one(gauges.workers)},
        {"resident_octets", Kind::gauge, "Resident memory of the process.",
         one(gauges.resident_octets)},
        {"file_descriptors", Kind::gauge, "Open file descriptors.", one(gauges.file_descriptors)},
        {"cpu_user_seconds_total", Kind::counter, "Processor time in user space.",
         one(gauges.cpu_user.as_seconds())},
        {"cpu_system_seconds_total", Kind::counter, "Processor time in the kernel.",
         one(gauges.cpu_system.as_seconds())},
        {"uptime_seconds", Kind::gauge, "Time since the start.", one(gauges.uptime.as_seconds())},
    };
    if (gauges.store) {
        const Gauges::Store& store = *gauges.store;
        out.push_back({"store_position_served", Kind::gauge,
                       "Number of the store's commit that is served.", one(store.position_served)});
        out.push_back({"store_committed_served_timestamp_seconds", Kind::gauge,
                       "When that was committed.",
                       one(static_cast<double>(store.committed_served.nanoseconds) / 1e9)});
        out.push_back({"store_position", Kind::gauge, "Number of the store's last commit.",
                       one(store.position)});
        out.push_back({"store_behind", Kind::gauge,
                       "1 when what is served is not the store's last commit.",
                       one(std::uint64_t{store.behind})});
    }
    return out;
}

/// PowerDNS's figures that we have too, under its names; the values mean what PowerDNS means by
/// them.
std::vector<Metric> pdns_metrics(const Totals& totals, const Gauges& gauges) {
    using Kind = Metric::Kind;
    const auto counter = [](std::string_view name, std::string_view help, std::uint64_t value) {
        return Metric{name, Kind::counter, help, {{{}, value}}};
    };
    const auto gauge = [](std::string_view name, std::string_view help, std::uint64_t value) {
        return Metric{name, Kind::gauge, help, {{{}, value}}};
    };
    const auto udp = static_cast<std::size_t>(dns::Transport::udp);
    const auto tcp = static_cast<std::size_t>(dns::Transport::tcp);
    const auto& channels = totals.channels;
    const auto of = [&](std::size_t transport, std::uint64_t Totals::PerChannel::*field) {
        return channels[transport][0].*field + channels[transport][1].*field;
    };
    const std::uint64_t mean_us = [&] {
        std::uint64_t timed = 0;
        for (const std::uint64_t count : totals.batches) timed += count;
        return timed == 0 ? 0 : totals.batch_nanoseconds / timed / 1000;
    }();
    return {
        counter("udp_queries", "Number of UDP queries received",
                totals.queries(dns::Transport::udp)),
        counter("udp4_queries", "Number of IPv4 UDP queries received", channels[udp][0].queries),
        counter("udp6_queries", "Number of IPv6 UDP queries received", channels[udp][1].queries),
        counter("tcp_queries", "Number of TCP queries received",
                totals.queries(dns::Transport::tcp)),
        counter("tcp4_queries", "Number of IPv4 TCP queries received", channels[tcp][0].queries),
        counter("tcp6_queries", "Number of IPv6 TCP queries received", channels[tcp][1].queries),
        counter("udp_answers", "Number of answers sent out over UDP",
                totals.responses(dns::Transport::udp)),
        counter("tcp_answers", "Number of answers sent out over TCP",
                totals.responses(dns::Transport::tcp)),
        counter("udp_answers_bytes", "Total size of answers sent out over UDP",
                of(udp, &Totals::PerChannel::response_octets)),
        counter("tcp_answers_bytes", "Total size of answers sent out over TCP",
                of(tcp, &Totals::PerChannel::response_octets)),
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
                of(udp, &Totals::PerChannel::dnssec_ok)),
        gauge("latency", "Average number of microseconds needed to answer a question", mean_us),
        gauge("open_tcp_connections", "Number of currently open TCP connections",
              totals.connections_open()),
        gauge("zone_cache_size", "Number of zones in memory", gauges.zones),
        gauge("fd_usage", "Number of open file descriptors", gauges.file_descriptors),
        gauge("real_memory_usage", "Actual unique use of memory in bytes", gauges.resident_octets),
        counter("uptime", "Uptime of process in seconds",
                static_cast<std::uint64_t>(gauges.uptime.whole_seconds())),
        counter("user_msec", "CPU milliseconds spent in user space",
                static_cast<std::uint64_t>(gauges.cpu_user.nanoseconds / 1'000'000)),
        counter("sys_msec", "CPU milliseconds spent in the kernel",
                static_cast<std::uint64_t>(gauges.cpu_system.nanoseconds / 1'000'000)),
    };
}

void put_value(std::string& out, Value value) {
    std::array<char, 32> text{};
    const auto end = std::visit(
        [&](auto number) { return std::to_chars(text.data(), text.data() + text.size(), number); },
        value);
    out.append(text.data(), end.ptr);
}

void put_sample(std::string& out, std::string_view name, const Sample& sample) {
    out += name;
    for (std::size_t i = 0; i < sample.labels.size(); ++i) {
        out += i == 0 ? '{' : ',';
        out += sample.labels[i].first;
        out += "=\"";
        out += sample.labels[i].second;
        out += '"';
    }
    if (!sample.labels.empty()) out += '}';
    out += ' ';
    put_value(out, sample.value);
    out += '\n';
}

void put_prometheus(std::string& out, std::string_view prefix, const std::vector<Metric>& all) {
    static constexpr std::array<std::string_view, 3> kinds = {"counter", "gauge", "histogram"};
    for (const Metric& metric : all) {
        const std::string name = std::string(prefix) + std::string(metric.name);
        out += "# HELP " + name + ' ';
        out += metric.help;
        out += "\n# TYPE " + name + ' ';
        out += kinds[static_cast<std::size_t>(metric.kind)];
        out += '\n';
        const bool histogram = metric.kind == Metric::Kind::histogram;
        for (const Sample& sample : metric.samples)
            put_sample(out, histogram ? name + "_bucket" : name, sample);
        if (histogram) {
            put_sample(out, name + "_sum", {{}, metric.sum});
            put_sample(out, name + "_count", {{}, metric.samples.back().value});
        }
    }
}

/// `version` as a label value; it is the one text here that is not of a closed set.
void put_info(std::string& out, std::string_view name, std::string_view version) {
    out += "# HELP ";
    out += name;
    out += " The version, as a label.\n# TYPE ";
    out += name;
    out += " gauge\n";
    out += name;
    out += "{version=\"";
    for (const char c : version) {
        if (c == '"' || c == '\\') out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    out += "\"} 1\n";
}

boost::json::value to_json(Value value) {
    return std::visit([](auto number) { return boost::json::value(number); }, value);
}

boost::json::value to_json(const Metric& metric) {
    if (metric.kind != Metric::Kind::histogram && !metric.samples.empty() &&
        metric.samples[0].labels.empty())
        return to_json(metric.samples[0].value);
    boost::json::array samples;
    for (const Sample& sample : metric.samples) {
        boost::json::object object;
        for (const Label& label : sample.labels) object.emplace(label.first, label.second);
        object.emplace("value", to_json(sample.value));
        samples.push_back(std::move(object));
    }
    if (metric.kind != Metric::Kind::histogram) return samples;
    boost::json::object histogram;
    histogram.emplace("buckets", std::move(samples));
    histogram.emplace("sum", metric.sum);
    histogram.emplace("count", to_json(metric.samples.back().value));
    return histogram;
}

}  // namespace

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
    for (std::size_t i = 0; i < Histogram::buckets; ++i) batches[i] += worker.batches.count(i);
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

std::string prometheus(const Totals& totals, const Gauges& gauges, Names names) {
    std::string out;
    put_prometheus(out, "zonectl_", metrics(totals, gauges));
    put_info(out, "zonectl_info", gauges.version);
    if (names == Names::zonectl_and_pdns) {
        put_prometheus(out, "pdns_auth_", pdns_metrics(totals, gauges));
        put_info(out, "pdns_auth_info", gauges.version);
    }
    return out;
}

std::string json(const Totals& totals, const Gauges& gauges) {
    boost::json::object out;
    out.emplace("version", gauges.version);
    for (const Metric& metric : metrics(totals, gauges)) out.emplace(metric.name, to_json(metric));
    return boost::json::serialize(out);
}

}  // namespace zc::stats
