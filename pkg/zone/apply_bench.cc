// Seconds that a change of one RRset takes in a zone of so many records, beside those that building
// the zone anew takes. `plain`: an address at each name. `delegations`: two name servers below each
// cut, and their addresses.
//
//     zone_bench --benchmark_filter=records:1000000
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <benchmark/benchmark.h>

#include "base/check.h"
#include "dns/presentation.h"
#include "zone/apply.h"

namespace zc::zone {
namespace {

enum Shape : std::int64_t { plain, delegations };

void add(Builder& builder, const std::string& owner, dns::RrType type, std::string_view text) {
    static const dns::Name apex = *dns::Name::parse("example.");
    std::vector<std::uint8_t> rdata;
    ZC_CHECK(dns::parse_rdata(text, type, apex, rdata).has_value());
    ZC_CHECK(
        builder.add({*dns::Name::parse(owner, apex), type, 3600, rdata}, Builder::Rdata::checked)
            .has_value());
}

/// Built once for each shape and size.
const Image& image_of(std::int64_t shape, std::int64_t records) {
    static std::map<std::pair<std::int64_t, std::int64_t>, Image> images;
    Image& image = images[{shape, records}];
    if (!image.octets().empty()) return image;
    Builder builder;
    builder.begin(*dns::Name::parse("example."));
    add(builder, "@", dns::RrType::soa, "ns1 hostmaster 1 7200 900 86400 300");
    add(builder, "@", dns::RrType::ns, "ns1");
    add(builder, "ns1", dns::RrType::a, "192.0.2.1");
    char name[32];
    for (std::int64_t i = 0; i < (shape == plain ? records : records / 4); ++i) {
        std::snprintf(name, sizeof name, "host%lld", static_cast<long long>(i * 7919 % 10000019));
        const std::string owner = name;
        if (shape == plain) {
            add(builder, owner, dns::RrType::a, "192.0.2." + std::to_string(i % 250));
            continue;
        }
        for (const char* server : {"a.ns.", "b.ns."}) {
            add(builder, owner, dns::RrType::ns, server + owner);
            add(builder, server + owner, dns::RrType::a, "192.0.2." + std::to_string(i % 250));
        }
    }
    image = *builder.build();
    return image;
}

/// Another address at a name in the middle, or at a new one each time.
void change(benchmark::State& state) {
    const Zone zone(image_of(state.range(0), state.range(1)).octets().data());
    const bool is_new = state.range(2) != 0;
    ApplyScratch scratch;
    const ContentSum sum;
    const dns::Name apex(zone.apex());
    unsigned round = 0;
    for (auto _ : state) {
        ++round;
        ChangeMaker maker;
        maker.begin(apex, Change::Kind::patch);
        const std::uint8_t address[] = {10, 0, static_cast<std::uint8_t>(round >> 8),
                                        static_cast<std::uint8_t>(round)};
        const base::Octets rdata(address);
        const std::string owner = is_new ? "new" + std::to_string(round) : std::string("ns1");
        ZC_CHECK(
            maker.set(*dns::Name::parse(owner, apex), dns::RrType::a, 60, {&rdata, 1}).has_value());
        const Change made = *maker.make();
        auto applied = apply(apex, &zone, sum, {&made, 1}, scratch);
        ZC_CHECK(applied.has_value());
        benchmark::DoNotOptimize(applied->image.octets().data());
        state.counters["spliced"] = applied->was_spliced ? 1 : 0;
    }
}

void build_anew(benchmark::State& state) {
    const Zone zone(image_of(state.range(0), state.range(1)).octets().data());
    Builder builder;
    for (auto _ : state) {
        builder.begin(zone.apex());
        for_each_record(zone, [&](const dns::RecordView& record) {
            ZC_CHECK(builder.add(record, Builder::Rdata::checked).has_value());
        });
        auto image = builder.build();
        benchmark::DoNotOptimize(image->octets().data());
    }
}

const std::vector<std::vector<std::int64_t>> sizes = {{plain, delegations},
                                                      {10, 1000, 100000, 1000000}};

BENCHMARK(build_anew)
    ->ArgNames({"shape", "records"})
    ->ArgsProduct(sizes)
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(change)
    ->ArgNames({"shape", "records", "new"})
    ->ArgsProduct({sizes[0], sizes[1], {0, 1}})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace zc::zone
