#include "settings/settings.h"

#include <string>

#include <doctest/doctest.h>

#include "base/seed.h"

namespace {

using namespace zc::settings;  // NOLINT(google-build-using-namespace): the package under test
using zc::base::Seed;

std::string random_text(Seed& seed) {
    std::string text(seed.below(4) == 0 ? 0 : seed.below(300), '\0');
    for (char& octet : text) octet = static_cast<char>(seed.next());
    return text;
}

template <class T, class Make>
std::vector<T> some(Seed& seed, const Make& make) {
    std::vector<T> out;
    for (std::uint64_t n = seed.below(4); n > 0; --n) out.push_back(make());
    return out;
}

ZoneSettings random_zone(Seed& seed) {
    const auto text = [&seed] { return random_text(seed); };
    const auto coin = [&seed] { return seed.below(2) == 0; };
    ZoneSettings zone;
    zone.kind = static_cast<Kind>(seed.below(5));
    zone.masters = some<std::string>(seed, text);
    zone.account = text();
    if (coin()) zone.options = text();
    if (coin()) zone.catalog = text();
    if (coin()) zone.notified_serial = static_cast<std::uint32_t>(seed.next());
    if (coin()) zone.last_check = static_cast<std::int64_t>(seed.next());
    zone.metadata = some<Metadata>(seed, [&] { return Metadata{text(), text()}; });
    zone.comments = some<Comment>(seed, [&] {
        return Comment{text(), text(), text(), text(), static_cast<std::int64_t>(seed.next())};
    });
    zone.keys = some<CryptoKey>(seed, [&] {
        return CryptoKey{static_cast<std::uint32_t>(seed.below(3)),
                         static_cast<std::uint16_t>(seed.next()), coin(), coin(), text()};
    });
    zone.kept = some<KeptRecord>(seed, [&] {
        return KeptRecord{static_cast<KeptRecord::Why>(seed.below(3)),
                          coin(),
                          text(),
                          text(),
                          text(),
                          static_cast<std::int32_t>(seed.next()),
                          static_cast<std::int32_t>(seed.next())};
    });
    zone.left_out = some<LeftOut>(seed, [&] { return LeftOut{text(), text()}; });
    return zone;
}

}  // namespace

TEST_CASE("settings come back as they were, and the same settings give the same octets") {
    Seed seed(5);
    for (int i = 0; i < 500; ++i) {
        const ZoneSettings zone = random_zone(seed);
        const auto octets = encode(zone);
        ZoneSettings back = random_zone(seed);  // whatever stood there is gone
        REQUIRE(decode(octets, back));
        CHECK(encode(back) == octets);
        CHECK(back.kind == zone.kind);
        CHECK(back.masters == zone.masters);
        CHECK(back.account == zone.account);
        CHECK(back.options == zone.options);
        CHECK(back.catalog == zone.catalog);
        CHECK(back.notified_serial == zone.notified_serial);
        CHECK(back.last_check == zone.last_check);
        REQUIRE(back.metadata.size() == zone.metadata.size());
        REQUIRE(back.comments.size() == zone.comments.size());
        REQUIRE(back.keys.size() == zone.keys.size());
        REQUIRE(back.kept.size() == zone.kept.size());
        for (std::size_t n = 0; n < zone.metadata.size(); ++n) {
            CHECK(back.metadata[n].kind == zone.metadata[n].kind);
            CHECK(back.metadata[n].content == zone.metadata[n].content);
        }
        for (std::size_t n = 0; n < zone.comments.size(); ++n) {
            CHECK(back.comments[n].name == zone.comments[n].name);
            CHECK(back.comments[n].type == zone.comments[n].type);
            CHECK(back.comments[n].account == zone.comments[n].account);
            CHECK(back.comments[n].comment == zone.comments[n].comment);
            CHECK(back.comments[n].modified_at == zone.comments[n].modified_at);
        }
        for (std::size_t n = 0; n < zone.keys.size(); ++n) {
            CHECK(back.keys[n].id == zone.keys[n].id);
            CHECK(back.keys[n].flags == zone.keys[n].flags);
            CHECK(back.keys[n].active == zone.keys[n].active);
            CHECK(back.keys[n].published == zone.keys[n].published);
            CHECK(back.keys[n].content == zone.keys[n].content);
        }
        for (std::size_t n = 0; n < zone.kept.size(); ++n) {
            CHECK(back.kept[n].why == zone.kept[n].why);
            CHECK(back.kept[n].disabled == zone.kept[n].disabled);
            CHECK(back.kept[n].name == zone.kept[n].name);
            CHECK(back.kept[n].type == zone.kept[n].type);
            CHECK(back.kept[n].content == zone.kept[n].content);
            CHECK(back.kept[n].ttl == zone.kept[n].ttl);
            CHECK(back.kept[n].prio == zone.kept[n].prio);
        }
        CHECK(decode_kind(octets).value() == zone.kind);
    }
}

TEST_CASE("a zone without settings has no octets; an empty option is not the same as none") {
    ZoneSettings zone;
    CHECK(encode(zone).empty());
    zone.options = "";
    CHECK_FALSE(encode(zone).empty());
}

TEST_CASE("settings cut off or with random octets changed are refused or read, never a crash") {
    Seed seed(6);
    for (int i = 0; i < 200; ++i) {
        const auto octets = encode(random_zone(seed));
        ZoneSettings zone;
        for (std::size_t size = 0; size < octets.size(); size += 1 + size / 8)
            static_cast<void>(decode(zc::base::Octets(octets).first(size), zone));
        for (int round = 0; round < 20 && !octets.empty(); ++round) {
            auto damaged = octets;
            damaged[seed.below(damaged.size())] = static_cast<std::uint8_t>(seed.next());
            static_cast<void>(decode(damaged, zone));
            static_cast<void>(decode_tsig_keys(damaged));
            static_cast<void>(decode_supermasters(damaged));
        }
    }
    const std::uint8_t huge[] = {2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1};
    ZoneSettings zone;
    CHECK_FALSE(decode(huge, zone));
    const std::uint8_t unknown[] = {200};
    CHECK_FALSE(decode(unknown, zone));
    const std::uint8_t kind[] = {1, 5};
    CHECK_FALSE(decode(kind, zone));
    CHECK_FALSE(decode_kind(kind));
}

TEST_CASE("TSIG keys and supermasters come back") {
    const std::vector<TsigKey> keys = {{"a", "hmac-sha256", "c2VjcmV0"}, {"", "", ""}};
    const auto keys_back = decode_tsig_keys(encode(keys)).value();
    REQUIRE(keys_back.size() == 2);
    CHECK(keys_back[0].name == "a");
    CHECK(keys_back[0].algorithm == "hmac-sha256");
    CHECK(keys_back[0].secret == "c2VjcmV0");
    const std::vector<Supermaster> supermasters = {{"192.0.2.1", "ns.example.com", "x"}};
    const auto supermasters_back = decode_supermasters(encode(supermasters)).value();
    REQUIRE(supermasters_back.size() == 1);
    CHECK(supermasters_back[0].nameserver == "ns.example.com");
    CHECK_FALSE(decode_supermasters(encode(keys)));
}
