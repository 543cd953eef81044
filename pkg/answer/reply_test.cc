#include "answer/reply.h"

#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "dns/presentation.h"
#include "testkit/script.h"
#include "zone/random_zone.h"

namespace zc::answer {
namespace {

using dns::RrType;
constexpr auto minfo = static_cast<RrType>(14);
using Octets = std::vector<std::uint8_t>;

/// One record as it was read out of a message.
std::string text_of(const dns::Name& owner, RrType type, std::uint32_t ttl, base::Octets rdata) {
    return dns::to_string(owner) + ' ' + std::to_string(ttl) + ' ' + dns::to_string(type) + ' ' +
           dns::rdata_text(type, rdata);
}

/// A message of which only the question and the octets behind `start` mean something: all else
/// leads astray who follows a pointer there.
struct Draft {
    Octets octets = Octets(65535, 0xff);
    std::uint32_t question_end = 0;

    explicit Draft(const dns::Name& qname) {
        std::copy(qname.wire().begin(), qname.wire().end(), octets.begin() + 12);
        question_end = static_cast<std::uint32_t>(12 + qname.size() + 4);
    }

    std::vector<std::string> records(std::uint32_t start, std::uint32_t end) const {
        std::vector<std::string> out;
        base::Reader reader{base::Octets(octets).first(end)};
        reader.seek(start);
        while (reader.remaining() != 0) {
            auto owner = dns::read_name(reader);
            REQUIRE(owner.has_value());
            const auto type = static_cast<RrType>(reader.u16());
            reader.u16();
            const std::uint32_t ttl = reader.u32();
            const std::uint16_t size = reader.u16();
            dns::Rdata rdata;
            REQUIRE(dns::read_rdata(reader, type, size, rdata).has_value());
            owner->fold_case();
            out.push_back(text_of(*owner, type, ttl, rdata));
        }
        return out;
    }
};

/// An RRset with names in it, many or few, that share suffixes with each other and with the owner.
std::vector<std::string> random_rdata(base::Seed& seed, RrType type) {
    zone::random::Shape shape{.apex = seed.below(3) == 0 ? "elsewhere.test." : "far.example."};
    const auto name = [&] { return zone::random::random_name(seed, shape); };
    std::set<std::string> out;
    const std::size_t wanted = type == RrType::soa  ? 1
                               : seed.below(4) == 0 ? 200 + seed.below(1000)
                                                    : 1 + seed.below(8);
    for (std::size_t i = 0; i < wanted; ++i) {
        std::string target = name();
        if (wanted > 8 && seed.below(2) == 0) target = "n" + std::to_string(i) + '.' + target;
        if (type == RrType::mx) target = std::to_string(seed.below(3)) + ' ' + target;
        if (type == minfo) target += ' ' + name();
        if (type == RrType::soa) target += ' ' + name() + " 1 2 3 4 5";
        out.insert(target);
    }
    return {out.begin(), out.end()};
}

TEST_CASE("an RRset reads the same wherever in a message it and its owner's name stand") {
    const auto apex = zone::random::name("far.example.");
    base::Seed seed{20};
    std::size_t far = 0;
    for (int round = 0; round < 400; ++round) {
        static constexpr RrType types[] = {RrType::mx, RrType::ns, RrType::soa, RrType::ptr, minfo};
        const RrType type = types[seed.below(std::size(types))];
        zone::Builder builder;
        builder.begin(apex);
        const auto add = [&](const std::string& owner, RrType of, const std::string& rdata) {
            REQUIRE(builder.add(zone::random::record(owner, of, rdata, 60).view()).has_value());
        };
        const std::string owner = type == RrType::soa ? "far.example." : "o.far.example.";
        if (type != RrType::soa) add("far.example.", RrType::soa, "ns. h. 1 2 3 4 5");
        for (const std::string& rdata : random_rdata(seed, type)) add(owner, type, rdata);
        const auto image = builder.build();
        REQUIRE(image.has_value());
        std::vector<std::string> wanted;
        zone::for_each_record(
            zone::Zone(image->octets().data()), [&](const dns::RecordView& record) {
                if (record.type != type || dns::to_string(record.owner) != owner) return;
                wanted.push_back(text_of(dns::Name(record.owner), type, record.ttl, record.rdata));
            });

        zone::LookupName wire;
        wire.assign(zone::random::name(owner));
        const zone::ImageView view(image->octets().data());
        zone::RrSetRef set;
        REQUIRE(view.find(wire, 2).node.find(type, set));

        // The owner's name: the question, or further back, whole or with a pointer to the apex.
        Draft draft(zone::random::name(owner));
        std::uint32_t at = draft.question_end + static_cast<std::uint32_t>(seed.below(20000));
        Owner written{12, wire.size, {}, 0};
        if (seed.below(2) == 0) {
            const bool whole = seed.below(2) == 0;
            const std::size_t octets = whole ? wire.size : wire.size - apex.size();
            std::copy_n(wire.octets, octets, draft.octets.begin() + at);
            written.at = at;
            if (!whole)
                base::store_u16(&draft.octets[at + octets],
                                static_cast<std::uint16_t>(0xc000 + 12 + octets));
            at += static_cast<std::uint32_t>(octets + 2 + seed.below(9000));
        }
        Reply reply(draft.octets.data(), at, 65535);
        const bool fits = reply.put(Section::answer, set, written, set.ttl_wire, 0xffffffff,
                                    Reply::Signatures::without);
        CAPTURE(round);
        CAPTURE(at);
        if (!fits) {
            CHECK(reply.size() == at);
            CHECK(reply.count(Section::answer) == 0);
            std::size_t octets = 0;  // at most: every name whole
            for (const std::string& text : wanted) octets += 30 + text.size();
            CHECK(at + octets > 65535);
            continue;
        }
        CHECK(reply.count(Section::answer) == wanted.size());
        CHECK(draft.records(at, reply.size()) == wanted);
        far += at > 0x1fff;
    }
    CHECK(far > 200);
}

}  // namespace
}  // namespace zc::answer
