// Any octets as a zone image. An input is one octet, whose lowest bit says that the image's size is
// to be written into it, then the image. An image that passes validation is the canonical one of
// its records, and lookups in it are safe.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "zone/lookup.h"
#include "zone/random_zone.h"
#include "zone/zone.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace zc;  // NOLINT(google-build-using-namespace): a program of its own
    if (size == 0 || size > 1 << 20) return 0;
    std::vector<std::uint8_t> octets(data + 1, data + size);
    const auto stated = static_cast<std::uint32_t>(octets.size());
    if ((data[0] & 1U) != 0 && octets.size() >= 4) std::memcpy(octets.data(), &stated, 4);
    if (!zone::validate(octets)) return 0;

    const zone::ImageView image(octets.data());
    std::vector<zone::random::Record> records;
    zone::for_each_record(zone::Zone(octets.data()), [&](const dns::RecordView& one) {
        records.push_back(
            {dns::Name(one.owner), one.type, one.ttl, {one.rdata.begin(), one.rdata.end()}});
    });
    ZC_CHECK(records.size() == image.records());
    if (image.state() != zone::State::serving) return 0;
    std::ranges::reverse(records);
    using Rules = zone::Builder::Rules;
    ZC_CHECK(std::ranges::any_of(std::initializer_list<Rules>{Rules::now, Rules::before},
                                 [&](Rules rules) {
                                     zone::Builder builder;
                                     builder.begin(image.apex(), rules);
                                     for (const zone::random::Record& record : records)
                                         if (!builder.add(record.view())) return false;
                                     const auto again = builder.build();
                                     return again && std::ranges::equal(again->octets(), octets);
                                 }));

    const auto apex_labels = static_cast<std::uint8_t>(image.apex().labels());
    const zone::random::Reference reference(image.apex(), records);
    const auto look_up = [&](const dns::Name& wanted) {
        zone::LookupName name;
        name.assign(wanted);
        const zone::Match match = image.find(name, apex_labels);
        ZC_CHECK(match.encloser_labels == reference.find(wanted).labels);
        image.nsec_at_or_before(name);
    };
    for (std::size_t i = 0; i < records.size() && i < 100; ++i) {
        look_up(records[i].owner);
        static constexpr std::uint8_t label[] = {'q'};
        if (const auto below = dns::Name::join(label, records[i].owner)) look_up(*below);
    }
    return 0;
}
