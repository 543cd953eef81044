// Queries a second out of each kind of source, on one core. "pairs" are query and answer.
#include <string>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "base/seed.h"
#include "capture/dnstap.h"
#include "capture/packet_builder.h"
#include "capture/sources.h"
#include "dns/presentation.h"

namespace zc::capture {
namespace {

using namespace building;

constexpr std::size_t made = 200'000;

Octets usual_answer(const Octets& message) {
    Octets answer = answer_to(message);
    answer[7] = 1;
    const std::uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, 1};
    answer.insert(answer.begin() + static_cast<std::ptrdiff_t>(message.size()), record,
                  record + sizeof record);
    return answer;
}

/// Answers come some microseconds after their queries, others in between; one in a thousand never.
const Octets& pcap_file() {
    static const Octets octets = [] {
        PcapFile file;
        base::Seed seed(1);
        std::vector<std::pair<Ends, Octets>> late;
        double at = 1'700'000'000;
        for (std::size_t i = 0; i < made; ++i) {
            at += 0.00001;
            const Ends from = ends(static_cast<std::uint16_t>(1024 + seed.below(60000)));
            const Octets message =
                query("www.customer" + std::to_string(seed.below(2'000'000)) + ".example.",
                      static_cast<std::uint16_t>(seed.next()));
            file.add(udp_packet(from, message), at);
            late.emplace_back(from.back(), usual_answer(message));
            if (late.size() == 16) {
                const std::size_t which = seed.below(late.size());
                if (i % 1000 != 0) file.add(udp_packet(late[which].first, late[which].second), at);
                late.erase(late.begin() + static_cast<std::ptrdiff_t>(which));
            }
        }
        return file.octets();
    }();
    return octets;
}

const Octets& text_file() {
    static const Octets octets = [] {
        std::string text;
        base::Seed seed(1);
        for (std::size_t i = 0; i < made; ++i)
            text += "www.customer" + std::to_string(seed.below(2'000'000)) + ".example. " +
                    (seed.below(3) == 0 ? "AAAA\n" : "A\n");
        return Octets(text.begin(), text.end());
    }();
    return octets;
}

std::uint64_t read_all(Source& source) {
    Batch batch;
    std::uint64_t queries = 0;
    while (!source.ended()) {
        ZC_CHECK(source.read(batch).has_value());
        queries += batch.size();
        benchmark::DoNotOptimize(batch.queries().data());
    }
    return queries;
}

void run(benchmark::State& state, const Octets& octets, SourceOptions::Answers answers,
         std::uint64_t least) {
    SourceOptions options;
    options.answers = answers;
    std::uint64_t queries = 0;
    for (auto _ : state) {
        auto source = open_input(Input::memory(octets), options);
        ZC_CHECK(source.has_value());
        const std::uint64_t here = read_all(**source);
        ZC_CHECK(here >= least);
        queries += here;
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(queries));
}

void pcap_pairs(benchmark::State& state) {
    run(state, pcap_file(), SourceOptions::Answers::wanted, made * 99 / 100);
}
BENCHMARK(pcap_pairs)->Unit(benchmark::kMillisecond);

void pcap_queries(benchmark::State& state) {
    run(state, pcap_file(), SourceOptions::Answers::ignored, made);
}
BENCHMARK(pcap_queries)->Unit(benchmark::kMillisecond);

void text_lines(benchmark::State& state) {
    run(state, text_file(), SourceOptions::Answers::ignored, made);
}
BENCHMARK(text_lines)->Unit(benchmark::kMillisecond);

void zones(benchmark::State& state) {
    const auto count = static_cast<std::size_t>(state.range(0));
    catalogue::Catalogue catalogue(1, count);
    zone::Builder builder;
    for (std::size_t i = 0; i < count; ++i) {
        const dns::Name apex =
            *dns::Name::parse("customer" + std::to_string(i * 7919 % 10000019) + ".example.");
        builder.begin(apex);
        const auto report = dns::read_master(
            "@ 60 SOA ns hm 1 2 3 4 5\n@ 60 NS ns\n@ 60 MX 10 mail\n@ 60 A 192.0.2.1\nns 60 A "
            "192.0.2.2\nwww 60 A 192.0.2.3\nmail 60 A 192.0.2.4\nftp 60 CNAME www\n*.w 60 TXT x\n",
            {.origin = apex},
            [&](const dns::RecordView& record, std::uint64_t) { return builder.add(record); });
        ZC_CHECK(report.errors.empty());
        catalogue.insert({apex, *builder.build()});
    }
    std::uint64_t queries = 0;
    for (auto _ : state) queries += read_all(*from_zones(catalogue, {}));
    state.SetItemsProcessed(static_cast<std::int64_t>(queries));
}
BENCHMARK(zones)->Arg(20000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace zc::capture
