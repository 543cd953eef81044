// The cost of comparing one pair of responses, reading both included.
//
//     compare_bench --benchmark_filter=same
//     compare_bench --benchmark_filter=same --benchmark_repetitions=20 --benchmark_min_time=0.05
//         --benchmark_report_aggregates_only    # min: on a processor that others use too
#include <algorithm>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "compare/compare.h"
#include "compare/message_script.h"

namespace zc::compare {
namespace {

using script::Encoder;
using script::Names;

struct Pair {
    script::Octets query, older, newer;
};

Pair pair(const char* name, dns::RrType type, bool dnssec_ok, const char* older, Names older_names,
          const char* newer, Names newer_names) {
    const dns::Question question{.name = *dns::Name::parse(name), .type = type};
    dns::QueryOptions options;
    options.edns = dns::Edns{};
    options.edns->dnssec_ok = dnssec_ok;
    return {.query = dns::encode_query(question.name, type, options),
            .older = Encoder(older_names).encode(script::message_from_text(question, older)),
            .newer = Encoder(newer_names).encode(script::message_from_text(question, newer))};
}

void with_min(benchmark::internal::Benchmark* of) {
    of->ComputeStatistics(
        "min", [](const std::vector<double>& times) { return *std::ranges::min_element(times); });
}

void compare(benchmark::State& state, const Pair& of, bool needs_rules) {
    Comparer comparer{Policy{}};
    const Asked asked{.query = of.query, .transport = dns::Transport::udp};
    const Sameness same = comparer.same(asked, of.older, of.newer);
    ZC_CHECK(same.same && same.needed.empty() != needs_rules);
    for (auto _ : state) {
        const Sameness out = comparer.same(asked, of.older, of.newer);
        benchmark::DoNotOptimize(out);
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}

constexpr const char* address = R"(NOERROR aa
answer www.customer17.com. 3600 A 192.0.2.1
answer www.customer17.com. 3600 A 192.0.2.2
edns 1232
)";

void same_identical_address(benchmark::State& state) {
    compare(state,
            pair("www.customer17.com.", dns::RrType::a, false, address, Names::pointers, address,
                 Names::pointers),
            false);
}
BENCHMARK(same_identical_address)->Apply(with_min);

// A response without NS and one with NS in AUTHORITY, in other order, without compression.
void same_courtesy_ns(benchmark::State& state) {
    compare(state,
            pair("www.customer17.com.", dns::RrType::a, false, address, Names::pointers,
                 R"(NOERROR aa
answer www.customer17.com. 3600 A 192.0.2.2
answer www.customer17.com. 3600 A 192.0.2.1
authority customer17.com. 3600 NS ns1.hoster.net.
authority customer17.com. 3600 NS ns2.hoster.net.
edns 4096
)",
                 Names::pointers),
            true);
}
BENCHMARK(same_courtesy_ns)->Apply(with_min);

void same_chain_in_other_case(benchmark::State& state) {
    compare(state,
            pair("WwW.customer17.com.", dns::RrType::a, false, R"(NOERROR aa
answer WwW.customer17.com. 3600 CNAME web.customer17.com.
answer web.customer17.com. 3600 CNAME Edge.Hoster.net.
answer Edge.Hoster.net. 60 A 192.0.2.2
answer Edge.Hoster.net. 60 A 192.0.2.1
edns 1232
)",
                 Names::pointers, R"(NOERROR aa
answer www.customer17.com. 3600 CNAME web.customer17.com.
answer web.customer17.com. 3600 CNAME edge.hoster.net.
answer edge.hoster.net. 60 A 192.0.2.1
answer edge.hoster.net. 60 A 192.0.2.2
edns 1232
)",
                 Names::whole),
            true);
}
BENCHMARK(same_chain_in_other_case)->Apply(with_min);

void same_referral(benchmark::State& state) {
    compare(state,
            pair("www.sub.customer17.com.", dns::RrType::a, false, R"(NOERROR
authority sub.customer17.com. 3600 NS ns1.sub.customer17.com.
authority sub.customer17.com. 3600 NS ns2.sub.customer17.com.
additional ns1.sub.customer17.com. 3600 A 192.0.2.1
additional ns2.sub.customer17.com. 3600 A 192.0.2.2
edns 1232
)",
                 Names::pointers, R"(NOERROR
authority sub.customer17.com. 3600 NS ns2.sub.customer17.com.
authority sub.customer17.com. 3600 NS ns1.sub.customer17.com.
additional ns2.sub.customer17.com. 3600 A 192.0.2.2
additional ns1.sub.customer17.com. 3600 A 192.0.2.1
edns 1232
)",
                 Names::whole),
            true);
}
BENCHMARK(same_referral)->Apply(with_min);

constexpr const char* signed_address = R"(NOERROR aa
answer www.customer17.com. 3600 A 192.0.2.1
answer www.customer17.com. 3600 RRSIG A 13 3 3600 20300101000000 20200101000000 1 customer17.com. MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5
edns 1232 do
)";

void same_signed_address_other_size(benchmark::State& state) {
    std::string other = signed_address;
    other.replace(other.find("1232"), 4, "4096");
    compare(state,
            pair("www.customer17.com.", dns::RrType::a, true, signed_address, Names::pointers,
                 other.c_str(), Names::pointers),
            true);
}
BENCHMARK(same_signed_address_other_size)->Apply(with_min);

std::string nsec3_nxdomain(bool reversed) {
    const std::string signature =
        " 13 3 3600 20300101000000 20200101000000 1 customer17.com. "
        "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5\n";
    const std::string apex = "authority customer17.com. 3600 ";
    std::vector<std::string> records = {
        apex + "SOA ns1.hoster.net. hostmaster.hoster.net. 2024010101 10800 3600 604800 3600\n",
        apex + "RRSIG SOA" + signature};
    for (const char* hash : {"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
                             "b4um86eghhds6nea196smvmlo4ors995"}) {
        const std::string owner = std::string("authority ") + hash + ".customer17.com. 3600 ";
        records.push_back(owner + "NSEC3 1 0 0 - t644ebqk9bibcna874givr6joj62mlhv A RRSIG\n");
        records.push_back(owner + "RRSIG NSEC3" + signature);
    }
    if (reversed) std::reverse(records.begin(), records.end());
    std::string out = "NXDOMAIN aa\n";
    for (const std::string& record : records) out += record;
    return out + "edns 1232 do\n";
}

void same_nsec3_nxdomain_in_order(benchmark::State& state) {
    compare(state,
            pair("nothing.customer17.com.", dns::RrType::a, true, nsec3_nxdomain(false).c_str(),
                 Names::pointers, nsec3_nxdomain(false).c_str(), Names::whole),
            true);
}
BENCHMARK(same_nsec3_nxdomain_in_order)->Apply(with_min);

void same_nsec3_nxdomain_reversed(benchmark::State& state) {
    compare(state,
            pair("nothing.customer17.com.", dns::RrType::a, true, nsec3_nxdomain(false).c_str(),
                 Names::pointers, nsec3_nxdomain(true).c_str(), Names::pointers),
            true);
}
BENCHMARK(same_nsec3_nxdomain_reversed)->Apply(with_min);

void same_identical_nsec3_nxdomain(benchmark::State& state) {
    compare(state,
            pair("nothing.customer17.com.", dns::RrType::a, true, nsec3_nxdomain(false).c_str(),
                 Names::pointers, nsec3_nxdomain(false).c_str(), Names::pointers),
            false);
}
BENCHMARK(same_identical_nsec3_nxdomain)->Apply(with_min);

void difference_of_an_address(benchmark::State& state) {
    const Pair of = pair("www.customer17.com.", dns::RrType::a, false, address, Names::pointers,
                         "NOERROR aa\nanswer www.customer17.com. 3600 A 192.0.2.1\nedns 1232\n",
                         Names::pointers);
    const Comparer comparer{Policy{}};
    const Asked asked{.query = of.query, .transport = dns::Transport::udp};
    for (auto _ : state) {
        const Difference out = comparer.difference(asked, of.older, of.newer);
        benchmark::DoNotOptimize(out.cause.data());
    }
}
BENCHMARK(difference_of_an_address)->Apply(with_min);

}  // namespace
}  // namespace zc::compare
