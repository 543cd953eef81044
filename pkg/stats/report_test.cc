#include "stats/report.h"

#include <array>

#include <doctest/doctest.h>

#include "stats/counters.h"

namespace zc::stats {
namespace {

using Kind = Metric::Kind;

constexpr std::array<std::string_view, 2> family_names = {"ipv4", "ipv6"};
constexpr LabelSet family = {"family", family_names};
constexpr std::array<std::string_view, 1> reason_names = {"withheld"};
constexpr LabelSet reason = {"reason", reason_names};

Report report() {
    Report out;
    out.version = "1.2\"\\\n";
    Metric queries("queries_total", Kind::counter, "Queries.");
    queries.add({family[0], reason[0]}, std::uint64_t{1}).add({family[1], reason[0]}, 2.5);
    std::array<std::uint64_t, Histogram::buckets> counts{};
    counts[0] = 3;
    counts[Histogram::buckets - 1] = 4;
    out.add({queries, {"zones", Kind::gauge, "Zones.", std::uint64_t{7}}},
            {{"fd_usage", Kind::gauge, "Open files", std::uint64_t{9}}});
    out.add({{"batch_seconds", "Times.", counts, base::Duration::milliseconds(1500)}}, {});
    return out;
}

}  // namespace

TEST_CASE("metrics of several packages are printed one after another") {
    const std::string text = prometheus(report(), Names::zonectl_and_pdns);
    CHECK(
        text.starts_with("# HELP zonectl_queries_total Queries.\n"
                         "# TYPE zonectl_queries_total counter\n"
                         "zonectl_queries_total{family=\"ipv4\",reason=\"withheld\"} 1\n"
                         "zonectl_queries_total{family=\"ipv6\",reason=\"withheld\"} 2.5\n"
                         "# HELP zonectl_zones Zones.\n"
                         "# TYPE zonectl_zones gauge\n"
                         "zonectl_zones 7\n"
                         "# HELP zonectl_batch_seconds Times.\n"
                         "# TYPE zonectl_batch_seconds histogram\n"
                         "zonectl_batch_seconds_bucket{le=\"1e-06\"} 3\n"));
    CHECK(
        text.ends_with("zonectl_batch_seconds_bucket{le=\"+Inf\"} 7\n"
                       "zonectl_batch_seconds_sum 1.5\n"
                       "zonectl_batch_seconds_count 7\n"
                       "# HELP zonectl_info The version, as a label.\n"
                       "# TYPE zonectl_info gauge\n"
                       "zonectl_info{version=\"1.2\\\"\\\\\\n\"} 1\n"
                       "# HELP pdns_auth_fd_usage Open files\n"
                       "# TYPE pdns_auth_fd_usage gauge\n"
                       "pdns_auth_fd_usage 9\n"
                       "# HELP pdns_auth_info The version, as a label.\n"
                       "# TYPE pdns_auth_info gauge\n"
                       "pdns_auth_info{version=\"1.2\\\"\\\\\\n\"} 1\n"));
    CHECK(prometheus(report(), Names::zonectl).find("pdns_auth") == std::string::npos);
}

TEST_CASE("JSON has a number for a metric without labels, else a list") {
    const std::string text = json(report());
    CHECK(
        text.find("\"queries_total\":[{\"family\":\"ipv4\",\"reason\":\"withheld\",\"value\":1}") !=
        std::string::npos);
    CHECK(text.find("\"zones\":7") != std::string::npos);
    CHECK(text.find("\"sum\":1.5E0,\"count\":7") != std::string::npos);
}

}  // namespace zc::stats
