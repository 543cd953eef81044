#include "zone/lookup.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <ldns/ldns.h>

#include "base/seed.h"
#include "dns/presentation.h"
#include "zone/random_zone.h"
#include "zone/zone.h"

namespace zc::zone {
namespace {

using dns::RrType;
using random::name;
using random::Path;
using random::record;
using random::Record;
using random::Reference;

Image built(const std::vector<Record>& records, std::string_view apex = "example.") {
    auto image = random::build(name(apex), records);
    REQUIRE_MESSAGE(image.has_value(), image.error().text());
    return *std::move(image);
}

Path path_of(const ImageView& image, NodeRef node) {
    std::vector<std::uint8_t> wire(node.key().begin(), node.key().end());
    wire.insert(wire.end(), image.apex().wire().begin(), image.apex().wire().end());
    return random::path(dns::NameView(wire));
}

Kind kind_of(Reference::Kind kind) {
    switch (kind) {
        case Reference::Kind::exact:
            return Kind::exact;
        case Reference::Kind::wildcard:
            return Kind::wildcard;
        case Reference::Kind::nxdomain:
            return Kind::nxdomain;
        case Reference::Kind::delegation:
            return Kind::delegation;
        case Reference::Kind::dname:
            return Kind::dname;
    }
    return Kind::exact;
}

void check_found(const ImageView& image, const Reference& reference, const dns::Name& wanted) {
    LookupName lookup;
    lookup.assign(wanted);
    const auto apex_labels = static_cast<std::uint8_t>(reference.apex.size());
    const Match match = image.find(lookup, apex_labels);
    const Reference::Expected found = reference.find(wanted);
    CHECK_MESSAGE(match.kind == kind_of(found.kind), dns::to_string(wanted));
    CHECK_MESSAGE(match.encloser_labels == found.labels, dns::to_string(wanted));
    if (found.kind != Reference::Kind::nxdomain) {
        REQUIRE_MESSAGE(static_cast<bool>(match.node), dns::to_string(wanted));
        CHECK_MESSAGE(path_of(image, match.node) == found.node, dns::to_string(wanted));
    } else {
        CHECK(!match.node);
    }
    Path encloser = found.kind == Reference::Kind::exact ||
                            found.kind == Reference::Kind::delegation ||
                            found.kind == Reference::Kind::dname
                        ? found.node
                        : random::path(wanted);
    encloser.resize(found.labels);
    CHECK_MESSAGE(path_of(image, match.encloser) == encloser, dns::to_string(wanted));
}

TEST_CASE("labels without an end are counted up to the limit") {
    LookupName name;
    for (std::uint8_t& octet : name.octets) octet = 1;
    name.mark_labels();
    CHECK(name.labels == dns::name_labels_max);
}

TEST_CASE("what is found in random zones is what RFC 1034's walk finds") {
    for (std::uint64_t number = 0; number < 200; ++number) {
        base::Seed seed(number);
        const random::Shape shape{
            .apex = number % 4 == 0   ? "."
                    : number % 4 == 1 ? "deep.er.example."
                                      : "example.",
            .owners = number % 10 == 9 ? 400 + seed.below(300) : 1 + seed.below(40),
            .depth_max = 1 + seed.below(6)};
        const std::vector<Record> records = random::records(seed, shape);
        const Image image = built(records, shape.apex);
        const ImageView view(image.octets().data());
        const Reference reference(name(shape.apex), records);
        CHECK(view.names() == reference.names.size());
        for (const Record& one : records) check_found(view, reference, one.owner);
        for (int i = 0; i < 300; ++i)
            check_found(view, reference, name(random::random_name(seed, shape)));
    }
}

TEST_CASE("nodes stand in canonical order and have the flags that their content gives") {
    for (std::uint64_t number = 0; number < 100; ++number) {
        base::Seed seed(5000 + number);
        const random::Shape shape{.apex = number % 4 == 0 ? "." : "example.",
                                  .owners = number % 10 == 9 ? 500 : 1 + seed.below(40)};
        const std::vector<Record> records = random::records(seed, shape);
        const Image image = built(records, shape.apex);
        const ImageView view(image.octets().data());
        const Reference reference(name(shape.apex), records);
        std::uint32_t i = 0;
        for (const auto& [path, types] : reference.names) {
            const NodeRef node = view.node(i++);
            REQUIRE(path_of(view, node) == path);
            const bool occluded = reference.below_cut.contains(path);
            Path wildcard = path;
            wildcard.push_back("*");
            CHECK(node.is(node_flag::occluded) == occluded);
            CHECK(node.is(node_flag::cut) == (!occluded && reference.is_cut(path)));
            CHECK(node.is(node_flag::dname) ==
                  (!occluded && !reference.is_cut(path) && types.contains(RrType::dname)));
            CHECK(node.is(node_flag::cname) == types.contains(RrType::cname));
            CHECK(node.is(node_flag::wildcard_child) == reference.names.contains(wildcard));
            CHECK(node.empty() == types.empty());
            if (i > 1) CHECK(compare_keys(view.node(i - 2).key(), node.key()) < 0);
        }
    }
}

TEST_CASE("a wide index with more names in one slot than it probes still finds them all") {
    // 200 names whose hashes begin at one slot of a table of 1024; 64 places are probed.
    std::vector<Record> records = {record("example.", RrType::soa, ". . 1 2 3 4 5")};
    std::vector<std::string> colliding, missing;
    for (int i = 0; colliding.size() < 200 || missing.size() < 50; ++i) {
        const std::string label = "n" + std::to_string(i);
        const std::uint64_t hash = hash_label(
            image_hash_start, reinterpret_cast<const std::uint8_t*>(label.data()), label.size());
        if ((hash & 1023) != 777) continue;
        (colliding.size() < 200 ? colliding : missing).push_back(label);
    }
    for (const std::string& label : colliding)
        records.push_back(record(label + ".example.", RrType::a, "192.0.2.1"));
    for (int i = 0; i < 500; ++i)
        records.push_back(
            record("filler" + std::to_string(i) + ".example.", RrType::a, "192.0.2.1"));
    const Image image = built(records);
    const ImageView view(image.octets().data());
    REQUIRE(view.names() == 701);
    const Reference reference(name("example."), records);
    for (const Record& one : records) check_found(view, reference, one.owner);
    for (const std::string& label : missing)
        check_found(view, reference, name(label + ".example."));
    CHECK(validate(image.octets()).has_value());
}

TEST_CASE("names in a narrow image whose fingerprints are equal are told apart") {
    std::vector<Record> records = {record("example.", RrType::soa, ". . 1 2 3 4 5")};
    std::vector<std::string> missing;
    for (int i = 0, found = 0; found < 60 || missing.size() < 20; ++i) {
        const std::string label = "n" + std::to_string(i);
        const std::uint64_t hash = hash_label(
            image_hash_start, reinterpret_cast<const std::uint8_t*>(label.data()), label.size());
        if ((hash >> 56) != 0x5a) continue;
        if (found++ < 60)
            records.push_back(record(label + ".example.", RrType::a, "192.0.2.1"));
        else
            missing.push_back(label);
    }
    const Image image = built(records);
    const ImageView view(image.octets().data());
    CHECK(!view.is(image_flag::wide));
    const Reference reference(name("example."), records);
    for (const Record& one : records) check_found(view, reference, one.owner);
    for (const std::string& label : missing)
        check_found(view, reference, name(label + ".example."));
}

TEST_CASE("the order of keys is that of RFC 4034 section 6.1") {
    // Its example, and what a plain comparison of octets would get wrong.
    const std::vector<std::string> sorted = {
        "example.",           "a.example.",      "yljkjljk.a.example.",
        "Z.a.example.",       "zABC.a.EXAMPLE.", "z.example.",
        R"(\001.z.example.)", "*.z.example.",    R"(\200.z.example.)"};
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        for (std::size_t j = 0; j < sorted.size(); ++j) {
            dns::Name a = name(sorted[i]), b = name(sorted[j]);
            a.fold_case();
            b.fold_case();
            const int order =
                compare_keys(a.wire().first(a.size() - 9), b.wire().first(b.size() - 9));
            CHECK_MESSAGE((order < 0) == (i < j), sorted[i] << " and " << sorted[j]);
            CHECK((order == 0) == (i == j));
        }
    }
}

/// Adds NSEC as a signer does: at each name with data that is not below a cut.
void add_nsec(std::vector<Record>& records, const Reference& reference) {
    std::set<Path> owners;
    for (const Record& one : std::vector<Record>(records)) {
        const Path at = random::path(one.owner);
        if (reference.below_cut.contains(at) || !owners.insert(at).second) continue;
        dns::Name owner = one.owner;
        owner.fold_case();
        records.push_back({owner, RrType::nsec, 300, {}});
        REQUIRE(dns::parse_rdata("next.example. A NSEC", RrType::nsec, dns::NameView(),
                                 records.back().rdata)
                    .has_value());
    }
}

TEST_CASE(
    "the NSEC that matches or covers a name is the last one in canonical order that is not behind "
    "it") {
    for (std::uint64_t number = 0; number < 60; ++number) {
        base::Seed seed(9000 + number);
        const random::Shape shape{.apex = number % 4 == 0 ? "." : "example.",
                                  .owners = 1 + seed.below(number % 10 == 9 ? 600 : 40)};
        std::vector<Record> records = random::records(seed, shape);
        const Reference reference(name(shape.apex), records);
        add_nsec(records, reference);
        std::set<Path, random::Canonical> owners;
        for (const Record& one : records)
            if (one.type == RrType::nsec) owners.insert(random::path(one.owner));
        const Image image = built(records, shape.apex);
        const ImageView view(image.octets().data());
        CHECK(view.is(image_flag::nsec));
        CHECK(view.nsec_count() == owners.size());
        CHECK(validate(image.octets()).has_value());
        for (int i = 0; i < 200; ++i) {
            const dns::Name wanted = name(random::random_name(seed, shape));
            LookupName lookup;
            lookup.assign(wanted);
            auto behind = owners.upper_bound(random::path(wanted));
            REQUIRE(behind != owners.begin());
            CHECK(path_of(view, view.nsec_at_or_before(lookup)) == *--behind);
        }
    }
}

TEST_CASE("a chain of NSEC that does not begin at the apex proves nothing and is not used") {
    const Image image = built({record("example.", RrType::soa, ". . 1 2 3 4 5"),
                               record("a.example.", RrType::nsec, "example. NSEC")});
    const ImageView view(image.octets().data());
    CHECK(!view.is(image_flag::nsec));
    LookupName lookup;
    lookup.assign(name("b.example."));
    CHECK(!view.nsec_at_or_before(lookup));
    CHECK(validate(image.octets()).has_value());
}

std::string base32hex(const std::uint8_t* octets) {
    static constexpr char digits[] = "0123456789abcdefghijklmnopqrstuv";
    std::string out;
    for (std::size_t bit = 0; bit < 160; bit += 5) {
        unsigned value = 0;
        for (std::size_t i = bit; i < bit + 5; ++i)
            value = value * 2 + ((unsigned{octets[i / 8]} >> (7 - i % 8)) & 1U);
        out += digits[value];
    }
    return out;
}

/// The same by ldns.
std::string ldns_hash(const dns::Name& owner, std::uint16_t iterations,
                      const std::vector<std::uint8_t>& salt) {
    ldns_rdf* in = ldns_dname_new_frm_str(dns::to_string(owner).c_str());
    REQUIRE(in != nullptr);
    std::vector<std::uint8_t> copy = salt;
    copy.push_back(0);  // never empty
    ldns_rdf* hashed = ldns_nsec3_hash_name(in, 1, iterations,
                                            static_cast<std::uint8_t>(salt.size()), copy.data());
    REQUIRE(hashed != nullptr);
    char* text = ldns_rdf2str(hashed);
    const std::string out(text, 32);
    std::free(text);  // NOLINT: malloc'd by ldns
    ldns_rdf_deep_free(hashed);
    ldns_rdf_deep_free(in);
    return out;
}

TEST_CASE("the hash of RFC 5155 is that of its appendix A, and ldns agrees on random names") {
    const std::vector<std::uint8_t> parameters = {1, 0, 0, 12, 4, 0xaa, 0xbb, 0xcc, 0xdd};
    const auto hash_of = [&](const dns::Name& owner, base::Octets rdata) {
        std::uint8_t hash[nsec3_hash_octets];
        nsec3_hash(owner, rdata, hash);
        return base32hex(hash);
    };
    CHECK(hash_of(name("example."), parameters) == "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom");
    CHECK(hash_of(name("*.w.example."), parameters) == "r53bq7cc2uvmubfu5ocmm6pers9tk9en");
    base::Seed seed(5155);
    for (int i = 0; i < 300; ++i) {
        dns::Name owner = name(random::random_name(seed, {.depth_max = 8}));
        owner.fold_case();
        const auto iterations = static_cast<std::uint16_t>(seed.below(i % 50 == 0 ? 2500 : 20));
        std::vector<std::uint8_t> salt(seed.below(i % 10 == 0 ? 256 : 9));
        for (auto& octet : salt) octet = static_cast<std::uint8_t>(seed.next());
        std::vector<std::uint8_t> rdata = {1, 0, static_cast<std::uint8_t>(iterations >> 8),
                                           static_cast<std::uint8_t>(iterations),
                                           static_cast<std::uint8_t>(salt.size())};
        rdata.insert(rdata.end(), salt.begin(), salt.end());
        CHECK(hash_of(owner, rdata) == ldns_hash(owner, iterations, salt));
    }
}

TEST_CASE(
    "links from names to their NSEC3, and the NSEC3 that covers a hash, are what a search through "
    "all finds") {
    for (std::uint64_t number = 0; number < 40; ++number) {
        base::Seed seed(7000 + number);
        const random::Shape shape{.apex = number % 4 == 0 ? "." : "example.",
                                  .owners = 1 + seed.below(number % 10 == 9 ? 400 : 30)};
        std::vector<Record> records = random::records(seed, shape);
        const Reference reference(name(shape.apex), records);
        records.push_back(record(shape.apex, RrType::nsec3param, "1 0 1 ab"));
        const std::vector<std::uint8_t> salt = {0xab};
        const std::string apex_text = shape.apex == "." ? "" : std::string(shape.apex);
        std::map<std::string, Path> hashes;
        for (const auto& [path, types] : reference.names) {
            if (reference.below_cut.contains(path)) continue;
            if (seed.below(8) == 0 && path != reference.apex) continue;  // opted out
            std::vector<std::uint8_t> wire;
            for (auto label = path.rbegin(); label != path.rend(); ++label) {
                wire.push_back(static_cast<std::uint8_t>(label->size()));
                wire.insert(wire.end(), label->begin(), label->end());
            }
            wire.push_back(0);
            hashes[ldns_hash(dns::Name(dns::NameView(wire)), 1, salt)] = path;
        }
        for (const auto& [hash, path] : hashes)
            records.push_back(record(hash + "." + apex_text, RrType::nsec3,
                                     "1 1 1 ab 00000000000000000000000000000000 A"));
        // A chain of other parameters, which has no part in it.
        records.push_back(record("00000000000000000000000000000000." + apex_text, RrType::nsec3,
                                 "1 1 1 cd 00000000000000000000000000000000 A"));
        const Image image = built(records, shape.apex);
        const ImageView view(image.octets().data());
        const auto valid = validate(image.octets());
        CHECK_MESSAGE(valid.has_value(), "seed " << number << ": " << valid.error().text());
        CHECK(view.is(image_flag::nsec3));
        REQUIRE(view.nsec3_count() == hashes.size());
        std::vector<std::string> sorted;
        for (const auto& [hash, path] : hashes) sorted.push_back(hash);
        for (std::uint32_t i = 0; i < view.nsec3_count(); ++i)
            CHECK(base32hex(view.nsec3_item(i)) == sorted[i]);

        const auto at_or_before = [&](const std::string& hash) {
            const auto behind = std::ranges::upper_bound(sorted, hash);
            return static_cast<std::uint32_t>(
                behind == sorted.begin() ? sorted.size() - 1
                                         : static_cast<std::size_t>(behind - sorted.begin()) - 1);
        };
        for (std::uint32_t i = 0; i < view.names(); ++i) {
            const NodeRef node = view.node(i);
            const Path path = path_of(view, node);
            if (reference.below_cut.contains(path)) continue;
            const auto self = std::ranges::find_if(
                hashes, [&](const auto& entry) { return entry.second == path; });
            if (self == hashes.end())
                CHECK(node.nsec3_self() == none);
            else
                CHECK(node.nsec3_self() == at_or_before(self->first));
            std::vector<std::uint8_t> wire = {1, '*'};
            wire.insert(wire.end(), node.key().begin(), node.key().end());
            wire.insert(wire.end(), view.apex().wire().begin(), view.apex().wire().end());
            if (wire.size() <= dns::name_octets_max)
                CHECK(node.nsec3_wildcard() ==
                      at_or_before(ldns_hash(dns::Name(dns::NameView(wire)), 1, salt)));
        }
        for (int i = 0; i < 100; ++i) {
            std::uint8_t hash[nsec3_hash_octets];
            for (auto& octet : hash) octet = static_cast<std::uint8_t>(seed.next());
            if (i < 2) std::ranges::fill(hash, i == 0 ? std::uint8_t{0} : std::uint8_t{255});
            bool matches = true;
            CHECK(view.nsec3_at_or_before(hash, matches) == at_or_before(base32hex(hash)));
            CHECK(!matches);
            const auto item = static_cast<std::uint32_t>(seed.below(view.nsec3_count()));
            CHECK(view.nsec3_at_or_before(base::Octets(view.nsec3_item(item), nsec3_hash_octets),
                                          matches) == item);
            CHECK(matches);
        }
    }
}

}  // namespace
}  // namespace zc::zone
