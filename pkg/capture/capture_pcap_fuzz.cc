// Any octets as a capture: a file as libpcap reads it, or packets of a chosen link without a file
// around them, which reaches deeper. An input is one octet of choices, then the file, or packets of
// two octets of length and one of time each. Checked are the promises of every source: an answer
// has its query's ID, going on behind a query gives exactly the rest, and the same is skipped each
// time.
#include <pcap/dlt.h>

#include "capture/packets.h"
#include "capture/reading.h"
#include "capture/sources.h"

namespace {

using namespace zc;  // NOLINT(google-build-using-namespace): a program of its own
using namespace zc::capture;

constexpr int links[] = {DLT_EN10MB,    DLT_RAW,        DLT_NULL, DLT_LOOP,
                         DLT_LINUX_SLL, DLT_LINUX_SLL2, DLT_IPV4, DLT_IPV6};

struct Choices {
    SourceOptions options;
    bool file = false;
    int link = 0;
};

Reading read_packets(base::Octets input, const Choices& choices, std::uint64_t behind) {
    Reading reading;
    constexpr std::uint64_t seed = 1;
    Pairing pairing(choices.options.answers, seed, reading.counts);
    pairing.resume_behind(behind);
    Packets packets(choices.link, choices.options.port, pairing);
    Batch batch;
    const auto drain = [&] {
        do {
            batch.clear();
            pairing.drain(batch);
            for (const Query& query : batch.queries())
                reading.queries.push_back({{query.message.begin(), query.message.end()},
                                           {query.recorded.begin(), query.recorded.end()},
                                           query.transport,
                                           "",
                                           query.at,
                                           query.position});
        } while (batch.full());
    };
    base::Reader in(input);
    base::Instant at{};
    while (in.remaining() >= 3) {
        const std::uint16_t octets = in.u16();
        const std::uint8_t time = in.u8();
        at = at + base::Duration::milliseconds(time * 100);
        const base::Octets packet = in.octets(std::min<std::size_t>(octets, in.remaining()));
        // The last is cut off by the end of the input.
        packets.add(packet, octets, at);
        drain();
    }
    packets.finish();
    drain();
    ZC_CHECK(pairing.empty());
    return reading;
}

std::optional<Reading> read(base::Octets input, const Choices& choices, std::uint64_t behind) {
    if (!choices.file) return read_packets(input, choices, behind);
    auto source = open_pcap(Input::memory(input), choices.options);
    if (!source) {
        ZC_CHECK(!source.error().message.empty());
        return std::nullopt;
    }
    ZC_CHECK((*source)->resume_behind(behind).has_value());
    return read_all(**source);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    Choices choices;
    if ((data[0] & 1U) != 0) choices.options.answers = SourceOptions::Answers::wanted;
    choices.file = (data[0] & 2U) != 0;
    choices.link = links[(data[0] >> 2U) % std::size(links)];
    const base::Octets input(data + 1, size - 1);

    const auto all = read(input, choices, 0);
    if (!all) return 0;
    std::uint64_t last = 0;
    for (const Given& query : all->queries) {
        ZC_CHECK(query.position > last);
        last = query.position;
        if (choices.options.answers == SourceOptions::Answers::ignored)
            ZC_CHECK(query.recorded.empty());
        else
            ZC_CHECK(query.recorded.size() >= 12 && query.recorded[0] == query.message[0] &&
                     query.recorded[1] == query.message[1] && (query.recorded[2] & 0x80U) != 0);
    }
    const std::size_t half = all->queries.size() / 2;
    const auto rest = read(input, choices, half == 0 ? 0 : all->queries[half - 1].position);
    ZC_CHECK(rest && rest->queries.size() == all->queries.size() - half);
    for (std::size_t i = 0; i < rest->queries.size(); ++i)
        ZC_CHECK(rest->queries[i].message == all->queries[half + i].message &&
                 rest->queries[i].recorded == all->queries[half + i].recorded &&
                 rest->queries[i].position == all->queries[half + i].position);
    if (half == 0) ZC_CHECK(rest->counts.skipped == all->counts.skipped);
    return 0;
}
