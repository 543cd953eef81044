#include "stats/metric.h"

#include <array>

#include "stats/counters.h"

namespace zc::stats {
namespace {

// Prometheus wants the upper edges in seconds, as text that does not change.
constexpr std::array<std::string_view, Histogram::buckets> edge_texts = {
    "1e-06",    "2e-06",    "4e-06",    "8e-06",    "1.6e-05",  "3.2e-05",  "6.4e-05",  "0.000128",
    "0.000256", "0.000512", "0.001024", "0.002048", "0.004096", "0.008192", "0.016384", "0.032768",
    "0.065536", "0.131072", "0.262144", "0.524288", "1.048576", "+Inf"};
static_assert(Histogram::edge(20) == 1'048'576'000);
constexpr LabelSet edges = {"le", edge_texts};

}  // namespace

Metric::Metric(std::string_view name, std::string_view help, std::span<const std::uint64_t> counts,
               base::Duration sum)
    : Metric(name, Kind::histogram, help) {
    sum_ = sum.as_seconds();
    std::uint64_t so_far = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
        so_far += counts[i];
        add({edges[i]}, so_far);
    }
}

}  // namespace zc::stats
