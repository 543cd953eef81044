// From the metrics of all packages to the text that monitoring reads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "stats/metric.h"

namespace zc::stats {

enum class Names : std::uint8_t {
    zonectl,           // zonectl_*
    zonectl_and_pdns,  // and pdns_auth_*, where PowerDNS has the same figure: boards keep working
};

/// All metrics of a process, in the order in which they are printed.
struct Report {
    std::string version;  // the one label whose value is not of a closed set
    std::vector<Metric> metrics;
    std::vector<Metric> pdns_metrics;

    /// Takes the metrics of one package.
    void add(std::vector<Metric> own, std::vector<Metric> pdns);
};

/// Prometheus text exposition format 0.0.4.
std::string prometheus(const Report& report, Names names);
/// One JSON object with the metrics of `metrics`; keys are their names without prefix and are an
/// interface.
std::string json(const Report& report);

}  // namespace zc::stats
