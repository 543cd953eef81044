#include "zone/apply.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "base/seed.h"
#include "dns/presentation.h"
#include "testkit/rounds.h"
#include "zone/random_zone.h"

namespace {

using namespace zc;
using dns::RrType;
using zone::Change;
using zone::ChangeMaker;
using zone::ContentSum;
using zone::SerialRule;
using zone::Zone;
using zone::random::Record;

/// A zone as the simplest thing that can hold one: its records by set.
struct Model {
    struct Key {
        zone::random::Path owner;
        RrType type, covered;
        bool operator<(const Key& other) const {
            const zone::random::Canonical before;
            if (before(owner, other.owner)) return true;
            if (before(other.owner, owner)) return false;
            if (type != other.type) return type < other.type;
            return covered < other.covered;
        }
    };
    struct Set {
        dns::Name owner;
        std::uint32_t ttl = 0;
        std::vector<dns::Rdata> rdatas;
    };
    std::map<Key, Set> sets;

    static Key key(const Record& record) {
        return {zone::random::path(record.owner), record.type,
                record.type == RrType::rrsig
                    ? static_cast<RrType>(base::load_u16(record.rdata.data()))
                    : RrType{}};
    }
    void add(const Record& record) {
        Set& set = sets.try_emplace(key(record), Set{record.owner, record.ttl, {}}).first->second;
        set.ttl = std::min(set.ttl, record.ttl);
        set.rdatas.push_back(record.rdata);
    }
    std::vector<Record> records() const {
        std::vector<Record> out;
        for (const auto& [key, set] : sets)
            for (const dns::Rdata& rdata : set.rdatas)
                out.push_back({set.owner, key.type, set.ttl, rdata});
        return out;
    }
};

std::vector<base::Octets> views(const std::vector<dns::Rdata>& rdatas) {
    return {rdatas.begin(), rdatas.end()};
}

void put_serial(Model& model, const dns::Name& apex, std::uint32_t serial) {
    const auto found = model.sets.find({zone::random::path(apex), RrType::soa, RrType{}});
    REQUIRE(found != model.sets.end());
    dns::Rdata& soa = found->second.rdatas.at(0);
    base::store_u32(&soa[soa.size() - 20], serial);
}

Result<zone::Image> build(const dns::Name& apex, const Model& model) {
    return zone::random::build(apex, model.records());
}

bool same_octets(const zone::Image& a, const zone::Image& b) {
    return std::ranges::equal(a.octets(), b.octets());
}

/// The records of a zone; if its seed says so, with NSEC as a signer gives them, at its apex or not.
std::vector<Record> zone_records(base::Seed& seed, const zone::random::Shape& shape) {
    std::vector<Record> out = zone::random::records(seed, shape);
    if (seed.below(3) == 0) return out;
    const std::size_t plain = out.size();
    for (std::size_t i = seed.below(10) == 0 ? 1 : 0; i < plain; ++i) {
        if (i > 0 && seed.below(2) == 0) continue;
        Record nsec = zone::random::record(shape.apex, RrType::nsec, "a. A NSEC");
        nsec.owner = out[i].owner;
        out.push_back(nsec);
    }
    return out;
}

/// A patch of some sets out of another random zone, of the model's own, and of nothing.
Change random_patch(base::Seed& seed, const zone::random::Shape& shape, const dns::Name& apex,
                    Model& model, std::size_t sets) {
    Model next = model;
    Model touched;
    const auto touch = [&](const Model::Key& key, const Model::Set& set) {
        touched.sets[key] = set;
        if (set.rdatas.empty())
            next.sets.erase(key);
        else
            next.sets[key] = set;
    };
    Model other;
    for (const Record& record : zone_records(seed, shape)) other.add(record);
    for (const auto& [key, set] : other.sets) {
        if (key.type == RrType::soa || seed.below(other.sets.size()) >= sets) continue;
        touch(key, set);
    }
    const Model was = model;
    for (const auto& [key, set] : was.sets) {
        if (key.type == RrType::soa || seed.below(was.sets.size()) >= sets) continue;
        touch(key, {set.owner, 0, {}});
    }
    model = next;
    ChangeMaker maker;
    maker.begin(apex, Change::Kind::patch);
    for (const auto& [key, set] : touched.sets)
        REQUIRE(maker.set(set.owner, key.type, set.ttl, views(set.rdatas), key.covered));
    auto made = maker.make();
    REQUIRE(made);
    return *std::move(made);
}

}  // namespace

namespace {

struct Ran {
    int applied = 0, refused = 0, spliced = 0;
};

/// Random changes of one random zone, a few at a time, each held against `Builder`; and each undone.
void change_at_random(base::Seed& seed, const zone::random::Shape& shape, int steps, Ran& ran) {
    zone::ApplyScratch scratch;
    const dns::Name apex = zone::random::name(shape.apex);
    Model model;
    for (const Record& record : zone_records(seed, shape)) model.add(record);
    auto first = build(apex, model);
    REQUIRE(first);
    zone::Image image = *std::move(first);
    ContentSum sum = zone::content_of(Zone(image.octets().data()));
    for (int step = 0; step < steps; ++step) {
        const Model before = model;
        std::vector<Change> changes;
        for (std::uint64_t n = 1 + seed.below(3); n > 0; --n)
            changes.push_back(random_patch(seed, shape, apex, model, 1 + seed.below(4)));
        const Zone zone(image.octets().data());
        const auto made = zone::apply(apex, &zone, sum, changes, scratch);
        std::uint32_t serial = zone.serial();
        if (made) {
            REQUIRE(made->steps.size() == changes.size());
            for (const zone::Step& one : made->steps) {
                REQUIRE(one.serial_before == serial);
                REQUIRE(one.serial == (one.differs ? zone::serial_next(serial) : serial));
                serial = one.serial;
            }
        }
        put_serial(model, apex, serial);
        const auto wanted = build(apex, model);
        REQUIRE(made.has_value() == wanted.has_value());
        if (!made) {
            REQUIRE(made.error().text() == wanted.error().text());
            model = before;
            ++ran.refused;
            continue;
        }
        ++ran.applied;
        ran.spliced += made->was_spliced ? 1 : 0;
        REQUIRE(same_octets(made->image, *wanted));
        const Zone after(made->image.octets().data());
        REQUIRE(made->steps.back().content == zone::content_of(after));
        // Undone from the last to the first.
        std::vector<Change> undos;
        for (const zone::Step& one : made->steps)
            if (one.differs) undos.insert(undos.begin(), one.undo);
        const auto undone = zone::apply(apex, &after, made->steps.back().content, undos, scratch);
        REQUIRE(undone);
        REQUIRE(same_octets(undone->image, image));
        if (!undone->steps.empty()) REQUIRE(undone->steps.back().content == sum);
        sum = made->steps.back().content;
        image = zone::Image(made->image.octets());
    }
}

/// The tests below take so many times as long.
int times() {
    return testkit::rounds("ZC_CHANGES", 1);
}

}  // namespace

TEST_CASE("changes give octet for octet the zone that its records give; undone, the one before") {
    base::Seed seed(11);
    Ran ran;
    for (int round = 0; round < 25 * times(); ++round) {
        zone::random::Shape shape;
        shape.owners = 1 + seed.below(40);
        shape.odd_labels = seed.below(2) == 0;
        if (seed.below(4) == 0) shape.apex = ".";
        change_at_random(seed, shape, 20, ran);
    }
    CHECK(ran.applied > 300);
    CHECK(ran.refused > 5);
}

TEST_CASE("so do changes of large zones, and of those that become large or small") {
    base::Seed seed(12);
    Ran ran;
    for (int round = 0; round < 6 * times(); ++round) {
        zone::random::Shape shape;
        shape.owners = round % 3 == 0 ? 130 + seed.below(80) : 300 + seed.below(500);
        shape.odd_labels = seed.below(2) == 0;
        shape.depth_max = 2 + seed.below(4);
        if (seed.below(4) == 0) shape.apex = ".";
        change_at_random(seed, shape, 25, ran);
    }
    MESSAGE(ran.applied, " applied, ", ran.spliced, " of them spliced, ", ran.refused, " refused");
    CHECK(ran.spliced > 40);
}

TEST_CASE("octets of a change come back as the change, and no other octets do") {
    base::Seed seed(12);
    for (int round = 0; round < 200; ++round) {
        zone::random::Shape shape;
        const dns::Name apex = zone::random::name(shape.apex);
        Model model;
        for (const Record& record : zone::random::records(seed, shape)) model.add(record);
        const Change change = random_patch(seed, shape, apex, model, 5);
        const std::vector<std::uint8_t> octets(change.octets().begin(), change.octets().end());
        const auto back = Change::decode(change.kind(), apex, octets);
        REQUIRE(back);
        CHECK(std::ranges::equal(back->octets(), change.octets()));
        auto shorter = octets;
        shorter.resize(seed.below(octets.size()));
        CHECK_FALSE(Change::decode(change.kind(), apex, shorter));
        // Octets that are taken read whole, and the same octets are made of them.
        auto changed = octets;
        changed[seed.below(changed.size())] = static_cast<std::uint8_t>(seed.next());
        if (const auto taken = Change::decode(change.kind(), apex, changed)) {
            ChangeMaker maker;
            maker.begin(apex, taken->kind(), taken->serial_rule());
            maker.settings(taken->settings());
            for (Change::Cursor sets(*taken); sets.more();) {
                const zone::SetView set = sets.next();
                std::vector<std::uint8_t> owner(set.key.owner.begin(), set.key.owner.end());
                owner.insert(owner.end(), apex.wire().begin(), apex.wire().end());
                std::vector<base::Octets> rdatas;
                set.for_each_rdata([&](base::Octets rdata) { rdatas.push_back(rdata); });
                REQUIRE(maker.set(dns::NameView(owner), set.key.type, set.ttl, rdatas,
                                  set.key.covered));
            }
            const auto again = maker.make();
            REQUIRE(again);
            CHECK(std::ranges::equal(again->octets(), taken->octets()));
        }
    }
}

TEST_CASE("a zone is made by a put, changed by the difference of another, and removed") {
    base::Seed seed(13);
    zone::ApplyScratch scratch;
    for (int round = 0; round < 60; ++round) {
        const zone::random::Shape shape{.owners = 1 + seed.below(60)};
        const dns::Name apex = zone::random::name(shape.apex);
        const auto one = zone::random::build(apex, zone::random::records(seed, shape));
        const auto two = zone::random::build(apex, zone::random::records(seed, shape));
        REQUIRE((one && two));
        const Zone first(one->octets().data()), second(two->octets().data());
        const auto put = zone::whole(first);
        REQUIRE(put);
        const auto made = zone::apply(apex, nullptr, {}, {&*put, 1}, scratch);
        REQUIRE(made);
        CHECK(same_octets(made->image, *one));
        CHECK(made->steps[0].differs);
        CHECK(made->steps[0].undo.kind() == Change::Kind::remove);

        // Both ways to the second zone: put whole, and by the sets that differ.
        const auto other = zone::whole(second);
        REQUIRE(other);
        const auto patch = zone::difference(first, *other);
        REQUIRE(patch);
        const auto replaced =
            zone::apply(apex, &first, made->steps[0].content, {&*other, 1}, scratch);
        const auto patched =
            zone::apply(apex, &first, made->steps[0].content, {&*patch, 1}, scratch);
        REQUIRE((replaced && patched));
        CHECK(same_octets(replaced->image, patched->image));
        CHECK(replaced->steps[0].serial == zone::serial_next(first.serial()));
        const Zone after(replaced->image.octets().data());
        CHECK(replaced->steps[0].content == zone::content_of(after));
        const auto undone = zone::apply(apex, &after, replaced->steps[0].content,
                                        {&replaced->steps[0].undo, 1}, scratch);
        REQUIRE(undone);
        CHECK(same_octets(undone->image, *one));

        ChangeMaker maker;
        maker.begin(apex, Change::Kind::remove);
        const auto remove = maker.make();
        REQUIRE(remove);
        const auto gone = zone::apply(apex, &first, made->steps[0].content, {&*remove, 1}, scratch);
        REQUIRE(gone);
        CHECK(gone->image.octets().empty());
        CHECK(gone->steps[0].content == ContentSum{});
        const auto back = zone::apply(apex, nullptr, {}, {&gone->steps[0].undo, 1}, scratch);
        REQUIRE(back);
        CHECK(same_octets(back->image, *one));
    }
}

TEST_CASE(
    "serials: greater ones are kept, others raised by one, 0 skipped, mirrored ones as given") {
    zone::ApplyScratch scratch;
    const dns::Name apex = zone::random::name("example.");
    struct Row {
        std::uint32_t before, given;
        SerialRule rule;
        std::uint32_t after;
    };
    const std::vector<Row> rows = {
        {7, 9, SerialRule::raise, 9},
        {7, 7, SerialRule::raise, 8},
        {7, 5, SerialRule::raise, 8},
        {0xffffffff, 3, SerialRule::raise, 3},           // RFC 1982: greater
        {0xffffffff, 0xfffffffe, SerialRule::raise, 1},  // 0 is skipped
        {1, 0x80000001, SerialRule::raise, 2},           // not comparable
        {1, 0x80000000, SerialRule::raise, 0x80000000},
        {7, 5, SerialRule::mirror, 5},
    };
    const auto soa = [](std::uint32_t serial) {
        return zone::random::record("example.", RrType::soa,
                                    ". . " + std::to_string(serial) + " 1 2 3 4");
    };
    for (const Row& row : rows) {
        CAPTURE(row.before);
        CAPTURE(row.given);
        const auto image = zone::random::build(apex, {soa(row.before)});
        REQUIRE(image);
        const Zone zone(image->octets().data());
        const Record given = soa(row.given);
        const Record address = zone::random::record("www.example.", RrType::a, "192.0.2.1");
        ChangeMaker maker;
        maker.begin(apex, Change::Kind::patch, row.rule);
        const base::Octets soa_rdata(given.rdata), address_rdata(address.rdata);
        REQUIRE(maker.set(apex, RrType::soa, 3600, {&soa_rdata, 1}));
        REQUIRE(maker.set(address.owner, RrType::a, 60, {&address_rdata, 1}));
        const auto change = maker.make();
        REQUIRE(change);
        const auto applied =
            zone::apply(apex, &zone, zone::content_of(zone), {&*change, 1}, scratch);
        REQUIRE(applied);
        CHECK(Zone(applied->image.octets().data()).serial() == row.after);
        CHECK(applied->steps[0].serial == row.after);

        // The same once more has nothing new, and leaves the serial; mirrored too.
        if (zone::serial_greater(row.given, row.after)) continue;
        const Zone after(applied->image.octets().data());
        const auto again =
            zone::apply(apex, &after, applied->steps[0].content, {&*change, 1}, scratch);
        REQUIRE(again);
        CHECK_FALSE(again->steps[0].differs);
        CHECK(again->steps[0].serial == row.after);
        CHECK(same_octets(again->image, applied->image));
    }
}
