// Changes of a zone that anybody may have written: what is taken is canonical, can be applied or is
// refused, and is undone octet for octet.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "zone/apply.h"
#include "zone/random_zone.h"

namespace {

namespace zone = zc::zone;
using zc::dns::RrType;

const zone::Image& image_before() {
    static const zone::Image image = [] {
        using zone::random::record;
        std::vector<zone::random::Record> records = {
            record("example.", RrType::soa, "ns hostmaster 7 7200 900 86400 300"),
            record("example.", RrType::ns, "ns.example."),
            record("ns.example.", RrType::a, "192.0.2.1"),
            record("cut.example.", RrType::ns, "a.cut.example."),
            record("cut.example.", RrType::ns, "ns.example."),
            record("a.cut.example.", RrType::a, "192.0.2.2"),
            record("d.example.", RrType::dname, "other."),
            record("*.w.example.", RrType::txt, "\"wild\""),
            record("b.c.example.", RrType::cname, "ns.example."),
        };
        // So many that it is wide.
        for (int i = 0; i < 300; ++i)
            records.push_back(
                record("n" + std::to_string(i) + ".example.", RrType::a, "192.0.2.3"));
        return *zone::random::build(zone::random::name("example."), records);
    }();
    return image;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    static const zc::dns::Name apex = zone::random::name("example.");
    const auto kind = static_cast<zone::Change::Kind>(1 + data[0] % 3);
    const std::vector<std::uint8_t> octets(data + 1, data + size);
    const auto change = zone::Change::decode(kind, apex, octets);
    if (!change) return 0;
    ZC_CHECK(std::ranges::equal(change->octets(), octets));
    const zone::Zone before(image_before().octets().data());
    static const zone::ContentSum content = zone::content_of(before);
    static zone::ApplyScratch scratch;
    const auto applied = zone::apply(apex, &before, content, {&*change, 1}, scratch);
    if (!applied) return 0;
    const zone::Step& step = applied->steps.at(0);
    if (applied->image.octets().empty()) {
        ZC_CHECK(kind == zone::Change::Kind::remove);
        return 0;
    }
    const zone::Zone after(applied->image.octets().data());
    ZC_CHECK(zone::validate(applied->image.octets()).has_value());
    ZC_CHECK(step.content == zone::content_of(after));
    if (!step.differs) {
        ZC_CHECK(std::ranges::equal(applied->image.octets(), image_before().octets()));
        return 0;
    }
    const auto undone = zone::apply(apex, &after, step.content, {&step.undo, 1}, scratch);
    ZC_CHECK(undone.has_value());
    ZC_CHECK(std::ranges::equal(undone->image.octets(), image_before().octets()));
    return 0;
}
