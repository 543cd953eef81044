// Nanoseconds a query inside respond(), by number of zones and size of the batch. Catalogues are
// made here: a zone has nine records, and each query asks in a zone that was chosen at random.
// `zones` 2100000 needs 2 GB and half a minute to make.
//
//     answer_bench --benchmark_filter=batch:32/zones:2100000
#include <array>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "answer/answer.h"
#include "base/check.h"
#include "base/seed.h"
#include "dns/message.h"
#include "dns/presentation.h"

namespace zc::answer {
namespace {

constexpr std::size_t queries_made = std::size_t{1} << 20;
constexpr std::size_t query_octets_max =
    64;  // one slot; read in order, so that the processor fetches them ahead

struct Slot {
    std::array<std::uint8_t, query_octets_max> octets;
};

std::string apex_text(std::uint64_t number) {
    static constexpr const char* ends[] = {"com", "net", "org", "example"};
    return "customer" + std::to_string(number * 7919 % 10000019) + "." + ends[number % 4] + ".";
}

struct World {
    catalogue::Catalogue zones;
    std::vector<Slot> slots{queries_made};
    std::vector<std::uint8_t> sizes = std::vector<std::uint8_t>(queries_made);
    Identity node;

    explicit World(std::size_t count) : zones(0x5eed, count) {
        zone::Builder builder;
        std::vector<std::uint8_t> rdata;
        for (std::uint64_t i = 0; i < count; ++i) {
            const dns::Name apex = *dns::Name::parse(apex_text(i));
            builder.begin(apex);
            const auto add = [&](const char* label, dns::RrType type, const char* text) {
                const dns::Name owner = *dns::Name::parse(label, apex);
                rdata.clear();
                ZC_CHECK(dns::parse_rdata(text, type, apex, rdata).has_value());
                ZC_CHECK(builder.add({owner, type, 3600, rdata}, zone::Builder::Rdata::checked)
                             .has_value());
            };
            add("@", dns::RrType::soa,
                "ns1.hoster.net. hostmaster.hoster.net. 2024010101 10800 3600 604800 3600");
            add("@", dns::RrType::ns, "ns1.hoster.net.");
            add("@", dns::RrType::ns, "ns2.hoster.net.");
            add("@", dns::RrType::a, "192.0.2.1");
            add("@", dns::RrType::mx, "10 mail");
            add("@", dns::RrType::txt, "\"v=spf1 mx -all\"");
            add("www", dns::RrType::a, "192.0.2.2");
            add("mail", dns::RrType::a, "192.0.2.3");
            add("ftp", dns::RrType::cname, "www");
            auto image = builder.build();
            ZC_CHECK(image.has_value());
            zones.insert({apex, *std::move(image)});
        }
        base::Seed seed(count);
        for (std::size_t i = 0; i < queries_made; ++i) {
            static constexpr struct {
                const char* label;
                dns::RrType type;
            } mix[] = {{"www", dns::RrType::a},     {"www", dns::RrType::a},
                       {"www", dns::RrType::a},     {"@", dns::RrType::a},
                       {"@", dns::RrType::mx},      {"mail", dns::RrType::a},
                       {"www", dns::RrType::aaaa},  {"ftp", dns::RrType::a},
                       {"nothing", dns::RrType::a}, {"@", dns::RrType::txt}};
            const auto& [label, type] = mix[seed.below(std::size(mix))];
            const dns::Name apex = *dns::Name::parse(apex_text(seed.below(count)));
            dns::QueryOptions options;
            if (seed.below(2) == 0) options.edns.emplace();
            const auto query = dns::encode_query(*dns::Name::parse(label, apex), type, options);
            ZC_CHECK(query.size() <= query_octets_max);
            std::copy(query.begin(), query.end(), slots[i].octets.begin());
            sizes[i] = static_cast<std::uint8_t>(query.size());
        }
    }
};

/// One at a time: the largest fills the memory of a small machine.
World& world(std::size_t zones) {
    static std::size_t made = 0;
    static std::unique_ptr<World> current;
    if (made != zones) {
        current.reset();
        current = std::make_unique<World>(zones);
        made = zones;
    }
    return *current;
}

void respond_batches(benchmark::State& state) {
    World& here = world(static_cast<std::size_t>(state.range(1)));
    const auto size = static_cast<std::size_t>(state.range(0));
    std::vector<std::array<std::uint8_t, 1232>> responses(size);
    std::vector<Exchange> batch(size);
    std::size_t at = 0;
    std::uint64_t octets = 0;
    for (auto _ : state) {
        for (std::size_t i = 0; i < size; ++i, at = (at + 1) % queries_made)
            batch[i] = {base::Octets(here.slots[at].octets).first(here.sizes[at]),
                        responses[i],
                        {dns::Transport::udp, {{192, 0, 2, 1}, 4}, {}, &here.node},
                        {}};
        respond(batch, here.zones);
        octets += batch[0].outcome.response_octets;
    }
    ZC_CHECK(octets > 0);
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(size));
    state.counters["a_query"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(size),
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK(respond_batches)
    ->Name("respond")
    ->ArgNames({"batch", "zones"})
    ->ArgsProduct({{1, 8, 32, 64}, {10'000, 200'000, 2'100'000}})
    ->MinTime(1.0);

}  // namespace
}  // namespace zc::answer
