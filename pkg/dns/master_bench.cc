// Records a second out of master files of the kind hosting has: nine to ten records a zone, and
// each type alone.
#include <string>

#include <benchmark/benchmark.h>

#include "dns/presentation.h"

using namespace zc;

namespace {

std::string hosting_zone(int number) {
    const std::string name = "customer-" + std::to_string(number) + ".example";
    return "$ORIGIN " + name + ".\n$TTL 3600\n" +
           "@\tIN\tSOA\tns1.hosting.example. hostmaster.hosting.example. (\n\t\t2024010101 7200 "
           "900 1209600 300 )\n"
           "@\tIN\tNS\tns1.hosting.example.\n@\tIN\tNS\tns2.hosting.example.\n"
           "@\t300\tIN\tA\t192.0.2.17\n@\tIN\tAAAA\t2001:db8:12::17\n@\tIN\tMX\t10 mail\n"
           "@\tIN\tTXT\t\"v=spf1 mx include:_spf.hosting.example -all\"\n"
           "www\tIN\tCNAME\t" +
           name + ".\nmail\tIN\tA\t192.0.2.18\n";
}

std::string repeated(const std::string& line) {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "host" + std::to_string(i) + line;
    return text;
}

void read(benchmark::State& state, const std::string& text, int files) {
    const dns::MasterOptions options;
    std::uint64_t records = 0;
    std::uint64_t octets = 0;
    const auto record = [&octets](const dns::RecordView& view, std::uint64_t) {
        octets += view.owner.size() + view.rdata.size();
        return Status();
    };
    for (auto _ : state) {
        const std::size_t size = text.size() / static_cast<std::size_t>(files);
        for (int i = 0; i < files; ++i) {
            const auto report = dns::read_master(
                std::string_view(text).substr(static_cast<std::size_t>(i) * size, size), options,
                record);
            if (!report.errors.empty()) state.SkipWithError(report.errors[0].text().c_str());
            records += report.records;
        }
    }
    benchmark::DoNotOptimize(octets);
    state.SetItemsProcessed(static_cast<std::int64_t>(records));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations()) *
                            static_cast<std::int64_t>(text.size()));
}

void hosting_zones_one_file_each(benchmark::State& state) {
    std::string text;
    for (int i = 1000; i < 2000; ++i) text += hosting_zone(i);  // of one length
    read(state, text, 1000);
}
BENCHMARK(hosting_zones_one_file_each);

void one_type(benchmark::State& state, const std::string& line) {
    read(state, repeated(line), 1);
}
BENCHMARK_CAPTURE(one_type, a, "\tIN\tA\t192.0.2.17\n");
BENCHMARK_CAPTURE(one_type, aaaa, "\tIN\tAAAA\t2001:db8:12::17\n");
BENCHMARK_CAPTURE(one_type, cname, " 3600 IN CNAME www.hosting.example.\n");
BENCHMARK_CAPTURE(one_type, mx, "\tMX\t10 mail.hosting.example.\n");
BENCHMARK_CAPTURE(one_type, txt, "\tTXT\t\"v=spf1 mx include:_spf.hosting.example -all\"\n");
BENCHMARK_CAPTURE(one_type, ds, "\tDS\t60485 13 2 2BB183AF5F22588179A53B0A98631FAD1A292118\n");
BENCHMARK_CAPTURE(one_type, https, "\tHTTPS\t1 . alpn=h2,h3 ipv4hint=192.0.2.1\n");

void rdata_of_a_row(benchmark::State& state) {
    const dns::Name root;
    std::vector<std::uint8_t> out;
    for (auto _ : state) {
        out.clear();
        benchmark::DoNotOptimize(
            dns::parse_rdata("10 mail.hosting.example.", dns::RrType::mx, root, out));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(rdata_of_a_row);

void print_soa(benchmark::State& state) {
    std::vector<std::uint8_t> wire;
    const auto parsed =
        dns::parse_rdata("ns1.hosting.example. hm.hosting.example. 2024010101 7200 900 1209600 300",
                         dns::RrType::soa, dns::NameView(), wire);
    if (!parsed) state.SkipWithError("not parsed");
    std::string out;
    for (auto _ : state) {
        out.clear();
        dns::append_rdata_text(out, dns::RrType::soa, wire);
        benchmark::DoNotOptimize(out.data());
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(print_soa);

void names_in_mx(benchmark::State& state) {
    const std::vector<std::uint8_t> wire = {0,   10,  4,   'm', 'a', 'i', 'l', 7,
                                            'e', 'x', 'a', 'm', 'p', 'l', 'e', 0};
    std::array<dns::NamePlace, dns::rdata_names_max> places;
    for (auto _ : state) benchmark::DoNotOptimize(dns::names_in(dns::RrType::mx, wire, places));
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(names_in_mx);

}  // namespace
