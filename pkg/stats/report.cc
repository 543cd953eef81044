#include "stats/report.h"

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include <boost/json.hpp>

namespace zc::stats {
namespace {

void put_value(std::string& out, Metric::Value value) {
    std::array<char, 32> text{};
    const auto end = std::visit(
        [&](auto number) { return std::to_chars(text.data(), text.data() + text.size(), number); },
        value);
    out.append(text.data(), end.ptr);
}

void put_sample(std::string& out, std::string_view name, const Metric::Sample& sample) {
    out += name;
    for (std::size_t i = 0; i < sample.labels.size(); ++i) {
        out += i == 0 ? '{' : ',';
        out += sample.labels[i].name();
        out += "=\"";
        out += sample.labels[i].value();
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
        const std::string name = std::string(prefix) + std::string(metric.name());
        out += "# HELP " + name + ' ';
        out += metric.help();
        out += "\n# TYPE " + name + ' ';
        out += kinds[static_cast<std::size_t>(metric.kind())];
        out += '\n';
        const bool histogram = metric.kind() == Metric::Kind::histogram;
        for (const Metric::Sample& sample : metric.samples())
            put_sample(out, histogram ? name + "_bucket" : name, sample);
        if (histogram) {
            put_sample(out, name + "_sum", {{}, metric.sum()});
            put_sample(out, name + "_count", {{}, metric.samples().back().value});
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

boost::json::value to_json(Metric::Value value) {
    return std::visit([](auto number) { return boost::json::value(number); }, value);
}

boost::json::value to_json(const Metric& metric) {
    if (metric.kind() != Metric::Kind::histogram && !metric.samples().empty() &&
        metric.samples()[0].labels.empty())
        return to_json(metric.samples()[0].value);
    boost::json::array samples;
    for (const Metric::Sample& sample : metric.samples()) {
        boost::json::object object;
        for (const Label& label : sample.labels) object.emplace(label.name(), label.value());
        object.emplace("value", to_json(sample.value));
        samples.push_back(std::move(object));
    }
    if (metric.kind() != Metric::Kind::histogram) return samples;
    boost::json::object histogram;
    histogram.emplace("buckets", std::move(samples));
    histogram.emplace("sum", metric.sum());
    histogram.emplace("count", to_json(metric.samples().back().value));
    return histogram;
}

}  // namespace

void Report::add(std::vector<Metric> own, std::vector<Metric> pdns) {
    for (Metric& metric : own) metrics.push_back(std::move(metric));
    for (Metric& metric : pdns) pdns_metrics.push_back(std::move(metric));
}

std::string prometheus(const Report& report, Names names) {
    std::string out;
    put_prometheus(out, "zonectl_", report.metrics);
    put_info(out, "zonectl_info", report.version);
    if (names == Names::zonectl_and_pdns) {
        put_prometheus(out, "pdns_auth_", report.pdns_metrics);
        put_info(out, "pdns_auth_info", report.version);
    }
    return out;
}

std::string json(const Report& report) {
    boost::json::object out;
    out.emplace("version", report.version);
    for (const Metric& metric : report.metrics) out.emplace(metric.name(), to_json(metric));
    return boost::json::serialize(out);
}

}  // namespace zc::stats
