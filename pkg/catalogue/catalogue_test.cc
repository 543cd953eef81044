#include "catalogue/catalogue.h"

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "base/seed.h"
#include "catalogue/lookup.h"
#include "dns/name.h"
#include "zone/zone.h"

namespace zc::catalogue {
namespace {

dns::Name name(std::string_view text) {
    auto parsed = dns::Name::parse(text);
    REQUIRE(parsed.has_value());
    return *std::move(parsed);
}

ApexChange put(std::string_view apex, zone::State state = zone::State::pending) {
    return {name(apex), zone::placeholder(name(apex), state)};
}
ApexChange removal(std::string_view apex) {
    return {name(apex), Removed()};
}

/// A catalogue by another way: apexes, in lower case, and the state that their image says.
using Reference = std::map<std::string, zone::State>;

std::string folded(std::string_view text) {
    dns::Name apex = name(text);
    apex.fold_case();
    return dns::to_string(apex);
}

std::optional<std::string> longest(const Reference& reference, const dns::Name& wanted) {
    for (dns::NameView at = wanted;; at = at.parent()) {
        const std::string text = folded(dns::to_string(at));
        if (reference.contains(text)) return text;
        if (at.is_root()) return std::nullopt;
    }
}

void check_same(const Catalogue& catalogue, const Reference& reference) {
    CHECK(catalogue.size() == reference.size());
    Reference found;
    catalogue.for_each([&](zone::Zone zone) {
        CHECK(found.emplace(dns::to_string(zone.apex()), zone.state()).second);
    });
    CHECK(found == reference);
}

void check_find(const Catalogue& catalogue, const Reference& reference, std::string_view text) {
    const dns::Name wanted = name(text);
    const auto zone = catalogue.find(wanted);
    const auto apex = longest(reference, wanted);
    REQUIRE_MESSAGE(zone.has_value() == apex.has_value(), text);
    if (zone) CHECK_MESSAGE(dns::to_string(zone->apex()) == *apex, text);
    if (zone) CHECK_MESSAGE(zone->state() == reference.at(*apex), text);
    const auto exact = catalogue.find_exact(wanted);
    CHECK_MESSAGE(exact.has_value() == reference.contains(folded(text)), text);
    if (exact) CHECK(dns::equal(exact->apex(), wanted));
}

/// Few labels, so that apexes are below each other, and repeat.
std::string random_apex(base::Seed& seed) {
    static const char* const labels[] = {"a",    "b",   "c",   "example", "EXAMPLE",
                                         "x--1", "org", "Net", R"(\000)", R"(\.)"};
    std::string text;
    for (std::size_t i = seed.below(5); i > 0; --i)
        text += std::string(labels[seed.below(std::size(labels))]) + ".";
    return text.empty() ? "." : text;
}

TEST_CASE("an empty catalogue has nothing") {
    const Catalogue catalogue(1);
    CHECK(catalogue.size() == 0);
    CHECK(!catalogue.find(name("example.")).has_value());
    CHECK(!catalogue.find(name(".")).has_value());
    CHECK(!catalogue.find_exact(name(".")).has_value());
    CHECK(catalogue.octets() > 0);
}

TEST_CASE("the longest apex that is a suffix is found, whatever the case, and by labels only") {
    Catalogue catalogue(2);
    for (const char* apex :
         {"example.", "Sub.example.", "d.c.b.a.sub.example.", "xn--a.", R"(a\.example.)"})
        catalogue.insert(put(apex));
    const auto apex_of = [&](std::string_view wanted) {
        const auto zone = catalogue.find(name(wanted));
        return zone ? dns::to_string(zone->apex()) : "none";
    };
    CHECK(apex_of("example.") == "example.");
    CHECK(apex_of("www.EXAMPLE.") == "example.");
    CHECK(apex_of("SUB.example.") == "sub.example.");
    CHECK(apex_of("c.b.a.sub.example.") == "sub.example.");
    CHECK(apex_of("x.D.c.b.a.sub.example.") == "d.c.b.a.sub.example.");
    CHECK(apex_of("notexample.") == "none");
    CHECK(apex_of("subexample.") == "none");
    CHECK(apex_of("example.com.") == "none");
    CHECK(apex_of("a.example.") == "example.");
    CHECK(apex_of(R"(x.a\.example.)") == R"(a\.example.)");
    CHECK(apex_of(".") == "none");
    catalogue.insert(put("."));
    CHECK(apex_of("example.com.") == ".");
    CHECK(apex_of(".") == ".");
    CHECK(apex_of("www.example.") == "example.");
    std::string labels;
    for (int i = 0; i < 127; ++i) labels += "l.";
    catalogue.insert(put(labels));
    CHECK(apex_of(labels) == labels);
    CHECK(apex_of(labels.substr(2)) == ".");
}

TEST_CASE("inserting, replacing and removing at random gives what a std::map gives") {
    for (std::uint64_t number = 0; number < 20; ++number) {
        base::Seed seed(number);
        Catalogue catalogue(seed.next(), number % 2 == 0 ? 0 : 5000);
        Reference reference;
        for (int i = 0; i < 400; ++i) {
            const std::string apex = random_apex(seed);
            if (seed.below(3) == 0) {
                catalogue.insert(removal(apex));
                reference.erase(folded(apex));
            } else {
                const zone::State state = static_cast<zone::State>(1 + seed.below(3));
                catalogue.insert(put(apex, state));
                reference[folded(apex)] = state;
            }
            check_find(catalogue, reference, random_apex(seed));
        }
        check_same(catalogue, reference);
    }
}

TEST_CASE(
    "with() gives a new catalogue, and the old one stays as it was until its garbage is "
    "destroyed") {
    for (std::uint64_t number = 0; number < 10; ++number) {
        base::Seed seed(100 + number);
        Reference reference;
        auto catalogue = std::make_unique<Catalogue>(seed.next(), number % 2 == 0 ? 0 : 3000);
        // Several old catalogues live at the same time, as they do while readers are slow; the
        // oldest goes first.
        std::vector<std::pair<const Catalogue*, Reference>> old;
        std::vector<Garbage> garbage;
        for (int round = 0; round < 60; ++round) {
            std::vector<ApexChange> changes;
            Reference next = reference;
            for (std::size_t i = seed.below(8); i > 0; --i) {
                const std::string apex = random_apex(seed);
                if (seed.below(3) == 0) {
                    changes.push_back(removal(apex));
                    next.erase(folded(apex));
                } else {
                    const zone::State state = static_cast<zone::State>(1 + seed.below(3));
                    changes.push_back(put(apex, state));
                    next[folded(apex)] = state;
                }
            }
            old.emplace_back(catalogue.get(), reference);
            Catalogue::Next result = Catalogue::with(std::move(catalogue), std::move(changes));
            catalogue = std::move(result.catalogue);
            reference = next;
            if (seed.below(3) == 0 && !garbage.empty()) {
                garbage.back().join(std::move(result.garbage));
            } else {
                garbage.push_back(std::move(result.garbage));
            }
            CHECK(garbage.back().octets() > 0);
            check_same(*catalogue, reference);
            for (const auto& [pointer, content] : old) check_same(*pointer, content);
            if (seed.below(5) == 0) {
                garbage.clear();  // all readers have moved on
                old.clear();
                check_same(*catalogue, reference);
            }
        }
        // Either may go first.
        if (number % 2 == 0) garbage.clear();
        catalogue.reset();
    }
}

TEST_CASE("a catalogue grows past what it was made for, in place and by with()") {
    Catalogue bulk(7);
    for (int i = 0; i < 20000; ++i) bulk.insert(put("z" + std::to_string(i) + ".example."));
    CHECK(bulk.size() == 20000);
    CHECK((std::size_t{1} << bulk.table().shard_bits) > 1);

    auto catalogue = std::make_unique<Catalogue>(8);
    for (int round = 0; round < 10; ++round) {
        std::vector<ApexChange> changes;
        for (int i = 0; i < 2000; ++i)
            changes.push_back(put("z" + std::to_string(2000 * round + i) + ".example."));
        const Catalogue* before = catalogue.get();
        auto next = Catalogue::with(std::move(catalogue), std::move(changes));
        CHECK(before->size() == static_cast<std::size_t>(2000 * round));
        CHECK(!before->find(name("z" + std::to_string(2000 * round) + ".example.")));
        if (round > 0) CHECK(before->find(name("x.z0.example.")).has_value());
        catalogue = std::move(next.catalogue);
    }
    CHECK(catalogue->size() == 20000);
    for (int i = 0; i < 20000; i += 7) {
        const dns::Name wanted = name("www.z" + std::to_string(i) + ".example.");
        REQUIRE(bulk.find(wanted).has_value());
        REQUIRE(catalogue->find(wanted).has_value());
    }
    CHECK(!bulk.find(name("z20000.example.")));
    // And shrinks to nothing.
    std::vector<ApexChange> changes;
    for (int i = 0; i < 20000; ++i)
        changes.push_back(removal("z" + std::to_string(i) + ".example."));
    catalogue = std::move(Catalogue::with(std::move(catalogue), std::move(changes)).catalogue);
    CHECK(catalogue->size() == 0);
    CHECK(!catalogue->find(name("z0.example.")));
    CHECK(catalogue->table().depths[0] == 0);
}

TEST_CASE("a borrowed image is used and never freed") {
    const zone::Image image = zone::placeholder(name("example."), zone::State::broken);
    auto catalogue = std::make_unique<Catalogue>(9);
    catalogue->insert({name("Example."), BorrowedImage{image.octets().data()}});
    CHECK(catalogue->find_exact(name("example."))->image() == image.octets().data());
    const std::uint64_t octets = catalogue->octets();
    // Replaced by one of its own, and that by the borrowed one again.
    catalogue->insert(put("example."));
    CHECK(catalogue->octets() > octets);
    auto next = Catalogue::with(std::move(catalogue), [&] {
        std::vector<ApexChange> changes;
        changes.push_back({name("example."), BorrowedImage{image.octets().data()}});
        return changes;
    }());
    CHECK(next.catalogue->octets() == octets);
    CHECK(next.catalogue->find_exact(name("example."))->state() == zone::State::broken);
    next.catalogue.reset();
    CHECK(zone::Zone(image.octets().data()).state() == zone::State::broken);
}

TEST_CASE("a bulk load gives what inserting one by one gives, in whatever order parts come") {
    for (std::uint64_t number = 0; number < 12; ++number) {
        base::Seed seed(number);
        // Sometimes many in few shards, so that shards overflow, and that the root has to grow.
        const bool many = number % 3 == 0;
        std::vector<zone::Image> images;
        std::map<std::string, const std::uint8_t*> last;  // of each apex
        constexpr std::size_t parts = 7;
        std::array<std::vector<const std::uint8_t*>, parts> of_part;
        for (int i = 0; i < (many ? 9000 : 300); ++i) {
            dns::Name apex = name(many ? "z" + std::to_string(seed.below(8000)) + ".example."
                                       : random_apex(seed));
            apex.fold_case();
            images.push_back(zone::placeholder(apex, static_cast<zone::State>(1 + seed.below(3))));
            of_part[seed.below(parts)].push_back(images.back().octets().data());
        }
        for (const auto& part : of_part)
            for (const std::uint8_t* image : part)
                last[dns::to_string(zone::Zone(image).apex())] = image;

        const std::size_t expected = number % 2 == 0 ? 0 : 20'000;
        auto catalogue = std::make_unique<Catalogue>(number, expected);
        {
            Catalogue::BulkLoad load(*catalogue, parts);
            for (std::size_t part = parts; part-- > 0;) load.add(part, of_part[part]);
            for (std::size_t range = load.ranges(); range-- > 0;) load.place(range);
            load.finish();
        }
        Catalogue one_by_one(number, expected);
        for (const auto& part : of_part)
            for (const std::uint8_t* image : part)
                one_by_one.insert({dns::Name(zone::Zone(image).apex()), BorrowedImage{image}});

        CHECK(catalogue->size() == last.size());
        // The root grows once, not on the way.
        if (!many || expected > 0) CHECK(catalogue->octets() == one_by_one.octets());
        CHECK(catalogue->table().depths[0] == one_by_one.table().depths[0]);
        for (const auto& [apex, image] : last) {
            const auto found = catalogue->find_exact(name(apex));
            REQUIRE(found.has_value());
            CHECK(found->image() == image);
        }
        // It can be changed as any other.
        std::vector<ApexChange> changes;
        for (const auto& [apex, image] : last) changes.push_back(removal(apex));
        auto next = Catalogue::with(std::move(catalogue), std::move(changes));
        CHECK(next.catalogue->size() == 0);
        CHECK(next.catalogue->table().depths[0] == 0);
    }
}

TEST_CASE("the octets of owned images are counted as they come and go") {
    Catalogue catalogue(10);
    const std::uint64_t empty = catalogue.octets();
    catalogue.insert(put("example."));
    const std::uint64_t one = catalogue.octets();
    CHECK(one == empty + zone::placeholder(name("example."), zone::State::pending).octets().size());
    catalogue.insert(put("example.", zone::State::broken));
    CHECK(catalogue.octets() == one);
    catalogue.insert(removal("example."));
    CHECK(catalogue.octets() == empty);
    catalogue.insert(removal("example."));
    CHECK(catalogue.size() == 0);
}

TEST_CASE("a tag is only a hint: names of the same tag are told apart by their apex") {
    // A catalogue of one shard with many zones: 16 bits of tag collide, and buckets overflow into
    // the next.
    Catalogue catalogue(11);
    Reference reference;
    for (int i = 0; i < 4000; ++i) {
        const std::string apex = "n" + std::to_string(i) + ".";
        catalogue.insert(put(apex));
        reference[apex] = zone::State::pending;
    }
    REQUIRE(catalogue.table().shard_bits == 0);
    std::size_t wrong_hints = 0;
    for (int i = 0; i < 100000; ++i) {
        zone::LookupName wanted;
        wanted.assign(name("m" + std::to_string(i) + "."));
        SuffixHashes hashes;
        hash_suffixes(wanted, catalogue.table().seed, hashes);
        wrong_hints += probe_tag_or_null(catalogue.table(), hashes.of[1]) != nullptr;
        CHECK(probe_or_null(catalogue.table(), hashes.of[1], wanted.view().wire()) == nullptr);
    }
    CHECK(wrong_hints > 0);
    check_same(catalogue, reference);
}

}  // namespace
}  // namespace zc::catalogue
