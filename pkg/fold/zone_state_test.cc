// Zones that are not served as they stand: their records, settings and states over changes.
#include "fold/zone_state.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "settings/settings.h"
#include "settings/settings_change.h"
#include "zone/random_zone.h"

using namespace zc;
using fold::ZoneState;
using zone::Change;

namespace {

const dns::Name apex = zone::random::name("a.example.");

ZoneState state_with_records() {
    auto image = zone::random::build(
        apex, {zone::random::record("a.example.", dns::RrType::soa, ". . 7 1 1 1 1"),
               zone::random::record("www.a.example.", dns::RrType::a, "192.0.2.1")});
    REQUIRE(image.has_value());
    ZoneState state;
    state.version = 3;
    state.serial = 7;
    state.records = 2;
    state.image = std::make_shared<const zone::Image>(*std::move(image));
    return state;
}

Change of_kind(Change::Kind kind) {
    zone::ChangeMaker maker;
    maker.begin(apex, kind);
    auto change = maker.make();
    REQUIRE(change);
    return *std::move(change);
}

fold::Advanced advance(const ZoneState& before, const Change& change) {
    zone::ApplyScratch scratch;
    auto advanced = fold::advance(apex, before, {&change, 1}, before.version + 1, scratch);
    REQUIRE_MESSAGE(advanced, advanced.error().text());
    return *std::move(advanced);
}

}  // namespace

TEST_CASE("the records of a withheld zone are in what undoes its removal") {
    ZoneState withheld = state_with_records();
    withheld.state = zone::State::unsigned_;
    const auto gone = advance(withheld, of_kind(Change::Kind::remove));
    CHECK(!gone.state.exists());
    CHECK(gone.effects[0].undo.kind() == Change::Kind::put);
    CHECK(gone.effects[0].undo.sets() == 2);
    const auto back = advance({}, gone.effects[0].undo);
    CHECK(std::ranges::equal(back.state.image_octets(), withheld.image_octets()));
}

TEST_CASE("settings can be changed of a zone whose records no image can hold") {
    settings::SettingsChange account;
    account.account = "ops";
    zone::ChangeMaker maker;
    maker.begin(apex, Change::Kind::patch);
    maker.settings(settings::encode(account));
    const auto change = maker.make();
    REQUIRE(change);
    for (const zone::State state : {zone::State::broken, zone::State::unsigned_}) {
        ZoneState before;
        before.version = 3;
        before.state = state;
        const auto after = advance(before, *change);
        CHECK(after.effects[0].differs);
        CHECK(after.state.version == 4);
        CHECK(after.state.state == state);
        settings::ZoneSettings read;
        REQUIRE(settings::decode(after.state.settings_octets(), read));
        CHECK(read.account == "ops");
        CHECK(!advance(after.state, *change).effects[0].differs);
    }
}

TEST_CASE("a hidden zone that is put whole is served") {
    ZoneState hidden = state_with_records();
    const auto gone = advance(hidden, of_kind(Change::Kind::remove));
    hidden.hidden = true;
    zone::ChangeMaker maker;
    maker.begin(apex, Change::Kind::put);
    for (Change::Cursor sets(gone.effects[0].undo); sets.more();) {
        const zone::SetView set = sets.next();
        if (set.key.type == dns::RrType::soa) maker.set(set);
    }
    const auto put = maker.make();
    REQUIRE(put);
    const auto after = advance(hidden, *put);
    CHECK(after.effects[0].differs);
    CHECK(!after.state.hidden);
    CHECK(after.state.state == zone::State::serving);
}
