#include "zone/zone.h"

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include <doctest/doctest.h>

#include "base/seed.h"
#include "dns/presentation.h"
#include "zone/lookup.h"
#include "zone/random_zone.h"

namespace zc::zone {
namespace {

using dns::RrType;
using random::name;
using random::record;
using random::Record;

constexpr std::string_view soa_rdata = "ns.example. hostmaster.example. 1 7200 900 86400 300";

Image built(const std::vector<Record>& records, std::string_view apex = "example.") {
    auto image = random::build(name(apex), records);
    REQUIRE_MESSAGE(image.has_value(), image.error().text());
    return *std::move(image);
}

ImageView view(const Image& image) {
    return ImageView(image.octets().data());
}

/// The records of a small zone with everything that has a form of its own.
std::vector<Record> everything() {
    return {record("example.", RrType::soa, soa_rdata),
            record("example.", RrType::ns, "ns.example."),
            record("example.", RrType::ns, "ns.sub.example."),
            record("example.", RrType::rrsig,
                   "NS 13 1 3600 20800101000000 20200101000000 1 example. c2ln"),
            record("example.", RrType::nsec, "a.b.example. NS SOA RRSIG NSEC"),
            record("a.b.example.", RrType::mx, "10 mail.b.example."),
            record("a.b.example.", RrType::mx, "20 mail.other."),
            record("a.b.example.", RrType::mx, "30 backup.mail.other."),
            record("*.b.example.", RrType::txt, std::string(254, 't')),
            record("c.example.", RrType::cname, "a.b.example."),
            record("d.example.", RrType::dname, "b.example."),
            record("sub.example.", RrType::ns, "ns.sub.example."),
            record("ns.sub.example.", RrType::a, "192.0.2.1"),
            record("ns.sub.example.", RrType::aaaa, "2001:db8::1"),
            record("u.example.", static_cast<RrType>(65280), "\\# 1 00")};
}

using Row = std::tuple<std::string, RrType, std::uint32_t, std::string>;

std::vector<Row> rows(const Image& image) {
    std::vector<Row> out;
    for_each_record(Zone(image.octets().data()), [&](const dns::RecordView& one) {
        out.emplace_back(dns::to_string(one.owner), one.type, one.ttl,
                         dns::rdata_text(one.type, one.rdata));
    });
    return out;
}

/// The records that for_each_record must give back, worked out without the builder: sorted, folded,
/// each once, one TTL a set.
std::vector<Row> expected_rows(const std::vector<Record>& records) {
    using Key = std::tuple<random::Path, unsigned,
                           unsigned>;  // owner, type with SOA first, 1 for a signature over it
    struct Less {
        bool operator()(const Key& a, const Key& b) const {
            const random::Canonical before;
            if (before(std::get<0>(a), std::get<0>(b))) return true;
            if (before(std::get<0>(b), std::get<0>(a))) return false;
            return std::tie(std::get<1>(a), std::get<2>(a)) <
                   std::tie(std::get<1>(b), std::get<2>(b));
        }
    };
    struct Set {
        std::string owner;
        RrType type{};
        std::uint32_t ttl = 0xffffffff;
        std::set<dns::Rdata> rdatas;
    };
    std::map<Key, Set, Less> sets;
    for (const Record& one : records) {
        dns::Name owner = one.owner;
        owner.fold_case();
        dns::Rdata rdata = one.rdata;
        dns::fold_rdata(one.type, rdata);
        const bool signature = one.type == RrType::rrsig;
        const auto type = signature ? static_cast<RrType>(base::load_u16(rdata.data())) : one.type;
        Set& set = sets[{random::path(owner), type == RrType::soa ? 0 : static_cast<unsigned>(type),
                         signature}];
        set.owner = dns::to_string(owner);
        set.type = one.type;
        set.ttl = std::min(set.ttl, one.ttl);
        set.rdatas.insert(rdata);
    }
    std::vector<Row> out;
    for (const auto& [key, set] : sets)
        for (const dns::Rdata& rdata : set.rdatas)
            out.emplace_back(set.owner, set.type, set.ttl, dns::rdata_text(set.type, rdata));
    return out;
}

TEST_CASE("records come back as they were added: sorted, folded, once, with one TTL a set") {
    for (std::uint64_t number = 0; number < 300; ++number) {
        base::Seed seed(number);
        random::Shape shape{.apex = number % 5 == 0   ? "."
                                    : number % 5 == 1 ? "a.B.c."
                                                      : "example.",
                            .owners = 1 + seed.below(60)};
        std::vector<Record> records = random::records(seed, shape);
        const Image image = built(records, shape.apex);
        CHECK_MESSAGE(rows(image) == expected_rows(records), "seed " << number);
        const auto valid = validate(image.octets());
        CHECK_MESSAGE(valid.has_value(), "seed " << number << ": " << valid.error().text());
        CHECK(Zone(image.octets().data()).records() == expected_rows(records).size());
    }
}

TEST_CASE("the same content in another order, another case, or twice gives the same octets") {
    for (std::uint64_t number = 0; number < 100; ++number) {
        base::Seed seed(1000 + number);
        const random::Shape shape{.owners = 1 + seed.below(60)};
        std::vector<Record> records = random::records(seed, shape);
        const Image image = built(records);
        random::shuffle(records, seed);
        for (std::size_t i = 0; i < 5; ++i) {  // doubles, with a TTL that is not lower
            Record twin = records[seed.below(records.size())];
            twin.ttl += 7;
            std::string owner = dns::to_string(twin.owner);
            for (char& c : owner)
                if (c >= 'a' && c <= 'z' && seed.below(2) == 0)
                    c = static_cast<char>(c - 'a' + 'A');
            twin.owner = name(owner);
            records.push_back(twin);
        }
        const Image again = built(records, "EXAMPLE.");
        CHECK_MESSAGE(std::ranges::equal(image.octets(), again.octets()), "seed " << number);
        CHECK(digest(image.octets()) == digest(again.octets()));
        CHECK(image.octets().size() == view(image).size());
        CHECK(reinterpret_cast<std::uintptr_t>(image.octets().data()) % 8 == 0);
    }
}

TEST_CASE("a builder is empty after building, after a failure, and after begin") {
    const Image alone = built(everything());
    Builder builder;
    builder.begin(name("other."));
    CHECK(builder.add(record("x.other.", RrType::a, "192.0.2.1").view()).has_value());
    CHECK(builder.records() == 1);
    CHECK(!builder.build());
    CHECK(builder.records() == 0);
    for (int round = 0; round < 2; ++round) {
        builder.begin(name("left.over."));
        CHECK(builder.add(record("x.left.over.", RrType::a, "192.0.2.1").view()).has_value());
        CHECK(!builder.add(record("elsewhere.", RrType::a, "192.0.2.1").view()));
        builder.begin(name("example."));
        for (const Record& one : everything()) CHECK(builder.add(one.view()).has_value());
        auto image = builder.build();
        REQUIRE(image.has_value());
        CHECK(std::ranges::equal(image->octets(), alone.octets()));
    }
}

TEST_CASE("what is no zone data is refused when it is added") {
    Builder builder;
    builder.begin(name("example."));
    const dns::Rdata four = {192, 0, 2, 1}, three = {192, 0, 2};
    const auto code = [&](const dns::RecordView& one) {
        const auto added = builder.add(one);
        return added ? std::string("ok")
                     : std::string(base::to_string(added.error().code)) + ": " +
                           added.error().message;
    };
    const dns::Name owner = name("a.example."), outside = name("a.example.org."),
                    similar = name("aexample.");
    CHECK(code({owner, RrType::a, 0x7fffffff, four}) == "ok");
    CHECK(code({owner, RrType::a, 0x80000000, four}) ==
          "limit: TTL of 2147483648 s, limit is 2147483647");
    CHECK(code({outside, RrType::a, 1, four}) ==
          "invalid: a.example.org. is not in the zone example.");
    CHECK(code({similar, RrType::a, 1, four}) == "invalid: aexample. is not in the zone example.");
    CHECK(code({name("."), RrType::a, 1, four}) == "invalid: . is not in the zone example.");
    for (const unsigned type : {41U, 128U, 249U, 250U, 251U, 252U, 255U})
        CHECK(code({owner, static_cast<RrType>(type), 1, four}).starts_with("invalid: type "));
    CHECK(code({owner, RrType::a, 1, three}).starts_with("malformed: "));
    CHECK(code({owner, RrType::mx, 1, three}).starts_with("malformed: "));
    const dns::Rdata large(65536);
    CHECK(code({owner, RrType::null, 1, large}).starts_with("limit: "));
    // A label's octets may look like the end of the apex: \007example\000 inside a label is no
    // suffix.
    CHECK(code({name(R"(a\007example.)"), RrType::a, 1, four}) ==
          "invalid: a\\007example. is not in the zone example.");
}

TEST_CASE("a signature over a type that is no zone data is refused") {
    Builder builder;
    builder.begin(name("example."));
    for (const char* type : {"TYPE0", "TYPE41", "TYPE255", "TYPE65535"}) {
        const Record one =
            record("example.", RrType::rrsig,
                   std::string(type) + " 13 1 3600 20800101000000 20200101000000 1 example. c2ln");
        CHECK(builder.add(one.view()).error().message.starts_with("RRSIG over type "));
    }
}

TEST_CASE("ALIAS and LUA are kept apart from opaque data of PowerDNS's numbers") {
    const std::vector<Record> plain = {record("example.", RrType::soa, soa_rdata)};
    CHECK(view(built(plain)).format() == image_format_first);
    std::vector<Record> records = plain;
    records.push_back(record("a.example.", RrType::alias, "target.example."));
    records.push_back(record("a.example.", RrType::lua, "A \"x\""));
    records.push_back(record("a.example.", RrType::powerdns_alias, "\\# 2 0102"));
    records.push_back(record("a.example.", RrType::powerdns_lua, "\\# 2 0304"));
    records.push_back(record("a.example.", RrType::rrsig,
                             "TYPE65401 13 2 3600 20800101000000 20200101000000 1 example. c2ln"));
    const Image image = built(records);
    CHECK(view(image).format() == image_format);
    CHECK(validate(image.octets()).has_value());
    CHECK(rows(image) == expected_rows(records));
    CHECK(view(image).hides(RrType::alias));
    CHECK(view(image).hides(RrType::lua));
    CHECK_FALSE(view(image).hides(RrType::powerdns_alias));
    CHECK_FALSE(view(image).hides(RrType::powerdns_lua));
    RrSetRef set;
    CHECK(view(image).node(1).find(view(image).alias_type(), set));
    CHECK(view(image).node(1).find(RrType::powerdns_alias, set));
    CHECK(set.has_signatures());
    // LUA beside a CNAME is other data.
    records = plain;
    records.push_back(record("a.example.", RrType::cname, "b.example."));
    records.push_back(record("a.example.", RrType::lua, "A \"x\""));
    CHECK(random::build(name("example."), records).error().message ==
          "a.example. has CNAME and LUA, a CNAME stands alone (RFC 2181 section 10.1)");
}

TEST_CASE("an image of format 1 has ALIAS and LUA under PowerDNS's numbers, and is read as that") {
    const std::vector<Record> records = {record("example.", RrType::soa, soa_rdata),
                                         record("a.example.", RrType::alias, "target.example."),
                                         record("a.example.", RrType::lua, "A \"x\""),
                                         record("a.example.", RrType::a, "192.0.2.1")};
    Builder builder;
    builder.begin(name("example."), Builder::Rules::before);
    for (const Record& one : records) CHECK(builder.add(one.view()).has_value());
    const auto image = builder.build();
    REQUIRE(image.has_value());
    CHECK(view(*image).format() == image_format_first);
    CHECK(validate(image->octets()).has_value());
    RrSetRef set;
    CHECK(view(*image).node(1).find(RrType::powerdns_alias, set));
    CHECK_FALSE(view(*image).node(1).find(RrType::alias, set));
    for (const RrType type :
         {RrType::alias, RrType::lua, RrType::powerdns_alias, RrType::powerdns_lua})
        CHECK(view(*image).hides(type));
    auto wanted = expected_rows(records);
    auto read = rows(*image);
    std::ranges::sort(wanted);
    std::ranges::sort(read);
    CHECK(read == wanted);
    // Built from its own records it becomes one of format 2 with the same content.
    const Image again = built(records);
    CHECK(view(again).format() == image_format);
    read = rows(again);
    std::ranges::sort(read);
    CHECK(read == wanted);
}

TEST_CASE("an image that an older build made is valid, and means what it meant") {
    constexpr std::string_view hex =
        "c300000001000c010500060005616c696173047465737400b6ba6e722600660086009a00ae000000"
        "90060126000000012c0210021e036e7331800c0168800c0000000100001c2000000e100012750000"
        "00012c9002010d000000012c011006036e7331800c00000201618179ff0115000000012c10036e73"
        "3105616c69617304746573740000000201678179ff0109000000012c04026e7300000002016c817a"
        "ff0109000000012c0400010178000004036e733180010109000000012c04c000020100";
    dns::Rdata octets;
    for (std::size_t i = 0; i < hex.size(); i += 2)
        octets.push_back(
            static_cast<std::uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
    const Image image{base::Octets(octets)};
    CHECK(view(image).format() == image_format_first);
    CHECK(validate(image.octets()).has_value());
    std::string text;
    for (const auto& [owner, type, ttl, rdata] : rows(image))
        text += owner + ' ' + dns::record_type_text(type) + ' ' + rdata + '\n';
    CHECK(text ==
          "alias.test. SOA ns1.alias.test. h.alias.test. 1 7200 3600 1209600 300\n"
          "alias.test. NS ns1.alias.test.\n"
          "a.alias.test. ALIAS ns1.alias.test.\n"
          "g.alias.test. ALIAS ns.\n"
          "l.alias.test. LUA A \"x\"\n"
          "ns1.alias.test. A 192.0.2.1\n");
}

TEST_CASE("all targets of a delegation are glue, those below the cut first, however many") {
    const auto zone = [](std::size_t siblings, std::size_t inside, Builder::Rules rules) {
        Builder builder;
        builder.begin(name("example."), rules);
        const auto add = [&](const Record& one) { REQUIRE(builder.add(one.view()).has_value()); };
        add(record("example.", RrType::soa, soa_rdata));
        for (std::size_t i = 0; i < siblings + inside; ++i) {
            // Siblings are first in canonical order.
            const std::string target = i < siblings ? "a" + std::to_string(i) + ".example."
                                                    : "z" + std::to_string(i) + ".sub.example.";
            add(record("sub.example.", RrType::ns, target));
            add(record(target, RrType::a, "192.0.2.1"));
        }
        auto image = builder.build();
        REQUIRE(image.has_value());
        return *std::move(image);
    };
    const auto glue = [](const Image& image) {
        const ImageView in = view(image);
        for (std::uint32_t i = 0; i < in.names(); ++i) {
            RrSetRef ns;
            if (!in.node(i).is(node_flag::cut) || !in.node(i).find(RrType::ns, ns)) continue;
            const std::uint8_t* at = ns.behind_records();
            const auto [in_domain, all] = RrSetRef::glue_counts(at);
            CHECK(at + 6 * std::size_t{all} == ns.end);
            for (unsigned each = 0; each < all; ++each)
                CHECK((in.node_at(load<std::uint32_t>(at + 6 * std::size_t{each} + 2)).key()[1] ==
                       'z') == (each < in_domain));
            return std::pair(in_domain, all);
        }
        return std::pair(0U, 0U);
    };
    const auto now = Builder::Rules::now, before = Builder::Rules::before;
    CHECK(glue(zone(0, 255, now)) == std::pair(255U, 255U));
    CHECK(std::ranges::equal(zone(100, 155, now).octets(), zone(100, 155, before).octets()));
    for (const auto& [siblings, inside] :
         {std::pair<unsigned, unsigned>{0, 256}, {300, 20}, {20, 300}, {256, 0}, {1000, 1000}}) {
        const Image image = zone(siblings, inside, now);
        CHECK(glue(image) == std::pair(inside, siblings + inside));
        CHECK(view(image).format() == image_format);
        CHECK(validate(image.octets()).has_value());
    }
    // As it was before, when siblings could displace the others.
    const Image capped = zone(300, 20, before);
    CHECK(glue(capped) == std::pair(0U, 255U));
    CHECK(validate(capped.octets()).has_value());
}

TEST_CASE("NSEC3 with more than 500 iterations is refused, unless there is another chain") {
    const auto build = [](const std::vector<const char*>& params, Builder::Rules rules) {
        Builder builder;
        builder.begin(name("example."), rules);
        CHECK(builder.add(record("example.", RrType::soa, soa_rdata).view()).has_value());
        for (const char* param : params)
            CHECK(builder.add(record("example.", RrType::nsec3param, param).view()).has_value());
        return builder.build();
    };
    const auto now = Builder::Rules::now;
    CHECK(build({"1 0 500 ab"}, now).has_value());
    CHECK(build({"1 0 501 ab"}, now).error().message ==
          "example. has NSEC3 with 501 iterations, limit is 500 (RFC 9276 section 3.2)");
    CHECK_FALSE(build({"1 0 65535 -"}, now).has_value());
    CHECK(build({"1 0 2500 -", "1 0 5 -"}, now).has_value());
    CHECK(build({"1 1 2500 -"}, now).has_value());  // flags: not offered (RFC 5155 section 4.1.2)
    // Images that were built before stay readable.
    const auto image = build({"1 0 2500 -"}, Builder::Rules::before);
    REQUIRE(image.has_value());
    CHECK(validate(image->octets()).has_value());
}

TEST_CASE("a zone whose proofs take more than 150 rounds of hashing is told") {
    const auto told = [](unsigned iterations) {
        const auto image =
            random::build(name("example."), random::nsec3_zone("example.", iterations));
        REQUIRE(image.has_value());
        return costly_hashing(Zone(image->octets().data()));
    };
    CHECK(told(0).empty());
    CHECK(told(150).empty());
    CHECK(told(151) ==
          "NSEC3 with 151 iterations, RFC 9276 section 3.1 wants 0; more than 150 are hashed only "
          "so often a second");
    CHECK(told(500).starts_with("NSEC3 with 500 iterations"));
    const Image nothing = placeholder(name("example."), State::broken);
    CHECK(costly_hashing(Zone(nothing.octets().data())).empty());
}

TEST_CASE("every problem of a zone is reported, not only the first") {
    Builder builder;
    builder.begin(name("example."));
    for (const Record& one :
         {record("a.example.", RrType::cname, "b."), record("a.example.", RrType::cname, "c."),
          record("b.example.", RrType::cname, "c."), record("b.example.", RrType::a, "192.0.2.1"),
          record("c.example.", RrType::dname, "c."), record("c.example.", RrType::dname, "d."),
          record("d.example.", RrType::soa, soa_rdata)})
        CHECK(builder.add(one.view()).has_value());
    std::vector<Error> errors;
    const auto image = builder.build(nullptr, &errors);
    REQUIRE(!image);
    REQUIRE(errors.size() == 5);
    CHECK(image.error().message == errors[0].message);
    CHECK(errors[0].message == "example. has no SOA record at the apex, a zone needs one");
    CHECK(errors[1].message == "a.example. has 2 CNAME records, limit is 1");
    CHECK(errors[2].message ==
          "b.example. has CNAME and A, a CNAME stands alone (RFC 2181 section 10.1)");
    CHECK(errors[3].message == "c.example. has 2 DNAME records, limit is 1 (RFC 6672 section 2.4)");
    CHECK(errors[4].message == "d.example. has an SOA record, only the apex has one");
    for (const Error& error : errors) CHECK(error.code == Errc::invalid);
}

TEST_CASE("an RRset of more records than sixteen bits count is refused, one of 65535 is not") {
    for (const std::uint32_t count : {65535U, 65536U}) {
        Builder builder;
        builder.begin(name("example."));
        CHECK(builder.add(record("example.", RrType::soa, soa_rdata).view()).has_value());
        const dns::Name owner = name("a.example.");
        for (std::uint32_t i = 0; i < count; ++i) {
            const dns::Rdata rdata = {10, static_cast<std::uint8_t>(i >> 16),
                                      static_cast<std::uint8_t>(i >> 8),
                                      static_cast<std::uint8_t>(i)};
            CHECK(builder.add({owner, RrType::a, 60, rdata}).has_value());
        }
        const auto image = builder.build();
        CHECK(image.has_value() == (count == 65535));
        if (image)
            CHECK(rows(*image).size() == 65536);
        else
            CHECK(image.error().message ==
                  "a.example. A: 65536 records in one RRset, limit is 65535");
    }
}

TEST_CASE("more than 255 signatures over one RRset are refused") {
    for (const int count : {255, 256}) {
        std::vector<Record> records = {record("example.", RrType::soa, soa_rdata)};
        for (int i = 0; i < count; ++i)
            records.push_back(record("example.", RrType::rrsig,
                                     "SOA 13 1 3600 20800101000000 20200101000000 " +
                                         std::to_string(i) + " example. c2ln"));
        CHECK(random::build(name("example."), records).has_value() == (count == 255));
    }
}

TEST_CASE("what is legal but suspicious is a warning") {
    Builder builder;
    builder.begin(name("example."));
    for (const Record& one : {record("example.", RrType::soa, soa_rdata),
                              record("example.", RrType::ns, "ns.example."),
                              record("example.", RrType::ns, "alias.example."),
                              record("alias.example.", RrType::cname, "host.example."),
                              record("host.example.", RrType::a, "192.0.2.1"),
                              record("lame.example.", RrType::ns, "ns.lame.example."),
                              record("lame.example.", RrType::ns, "ns.elsewhere."),
                              record("nowhere.example.", RrType::cname, "missing.example."),
                              record("outside.example.", RrType::cname, "missing.elsewhere."),
                              record("wild.example.", RrType::cname, "x.w.example."),
                              record("*.w.example.", RrType::a, "192.0.2.2"),
                              record("ent.example.", RrType::cname, "e.example."),
                              record("x.e.example.", RrType::a, "192.0.2.3"),
                              record("below.example.", RrType::cname, "x.lame.example."),
                              record("mx.example.", RrType::mx, "10 alias.example."),
                              record("txt.lame.example.", RrType::txt, "hidden"),
                              record("both.example.", RrType::ns, "ns.elsewhere."),
                              record("both.example.", RrType::dname, "elsewhere."),
                              record("example.", RrType::nsec3param, "1 0 0 -"),
                              record("example.", RrType::nsec3param, "1 0 10 -"),
                              record("example.", RrType::nsec3param, "1 0 2501 -"),
                              record("example.", RrType::nsec3param, "1 1 0 -"),
                              record("example.", RrType::nsec3param, "2 0 0 -")})
        REQUIRE(builder.add(one.view()).has_value());
    std::vector<Warning> warnings;
    REQUIRE(builder.build(&warnings).has_value());
    std::vector<std::string> texts;
    for (const Warning& warning : warnings)
        texts.push_back(dns::to_string(warning.owner) + ": " + warning.message);
    const std::vector<std::string> wanted = {
        "example.: NSEC3 with 10 iterations, RFC 9276 section 3.1 wants 0: validators may take the "
        "zone for unsigned",
        "example.: NSEC3 with 2501 iterations is not used, limit is 500",
        "example.: NSEC3PARAM with flags 1 is not used (RFC 5155 section 4.1.2)",
        "example.: NSEC3PARAM of hash algorithm 2 is not used, 1 is the only one there is (RFC "
        "5155 "
        "section 11)",
        "example.: NS target ns.example. has no address in the zone",
        "example.: NS target alias.example. is a CNAME (RFC 2181 section 10.3)",
        "both.example.: DNAME beside NS is never answered, it belongs into the child zone (RFC "
        "6672 "
        "section 2.4)",
        "lame.example.: NS ns.lame.example. has no glue",
        "txt.lame.example.: TXT below the zone cut lame.example. is never answered",
        "mx.example.: MX target alias.example. is a CNAME (RFC 2181 section 10.3)",
        "nowhere.example.: CNAME target missing.example. does not exist in the zone",
    };
    REQUIRE(texts.size() == wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) CHECK(texts[i] == wanted[i]);
}

TEST_CASE("what can never be answered is a warning, and glue is none") {
    constexpr const char* ds =
        "1 8 2 0000000000000000000000000000000000000000000000000000000000000000";
    struct Case {
        std::vector<Record> records;
        std::vector<std::string> wanted;
    };
    const std::string string = '"' + std::string(255, 'x') + '"';
    std::vector<Record> large;
    for (int i = 100; i < 350; ++i)
        large.push_back(record("large.example.", RrType::txt, string + " " + std::to_string(i)));
    const std::vector<Case> table = {
        {{record("sub.example.", RrType::ns, "ns.sub.example."),
          record("sub.example.", RrType::ns, "ns.other.example."),
          record("other.example.", RrType::ns, "ns.sub.example."),
          record("ns.sub.example.", RrType::a, "192.0.2.1"),
          record("ns.other.example.", RrType::aaaa, "2001:db8::1"),
          record("www.sub.example.", RrType::a, "192.0.2.1"),
          record("www.sub.example.", RrType::a, "192.0.2.2"),
          record("ns.sub.example.", RrType::txt, "x"),
          record("sub.example.", RrType::ds,
                 "1 8 2 "
                 "00000000000000000000000000000000000000000000000000000"
                 "00000000000"),
          record("sub.example.", RrType::mx, "10 mail.elsewhere."),
          record("sub.example.", RrType::a, "192.0.2.1")},
         {"sub.example.: A at a zone cut is never answered, it belongs into the child zone",
          "sub.example.: MX at a zone cut is never answered, it belongs into the child zone",
          "ns.sub.example.: TXT below the zone cut sub.example. is never answered",
          "www.sub.example.: A below the zone cut sub.example. is never answered, no NS names "
          "it"}},
        {{record("self.example.", RrType::ns, "self.example."),
          record("self.example.", RrType::a, "192.0.2.1")},
         {}},
        {{record("d.example.", RrType::dname, "elsewhere."),
          record("x.d.example.", RrType::a, "192.0.2.1"), record("x.d.example.", RrType::txt, "x"),
          record("d.example.", RrType::txt, "beside it is fine"),
          record("example.", RrType::ns, "x.d.example."),
          record("cut.example.", RrType::ns, "y.d.example."),
          record("y.d.example.", RrType::a, "192.0.2.1")},
         {"example.: NS target x.d.example. is below the DNAME d.example., which is answered "
          "instead of its address",
          "x.d.example.: A below the DNAME d.example. is never answered",
          "x.d.example.: TXT below the DNAME d.example. is never answered"}},
        {{record("*.example.", RrType::ns, "ns.elsewhere."), record("*.w.example.", RrType::ds, ds),
          record("*.w.example.", RrType::txt, "fine")},
         {"*.example.: NS at a wildcard delegates nothing (RFC 4592 section 4.2)",
          "*.w.example.: DS at a wildcard is never answered (RFC 4592 section 4.6)"}},
        {{record("example.", RrType::ds, ds), record("nowhere.example.", RrType::ds, ds),
          record("cut.example.", RrType::ds, ds),
          record("cut.example.", RrType::ns, "ns.elsewhere.")},
         {"example.: DS at the apex belongs into the zone above (RFC 4035 section 2.4)",
          "nowhere.example.: DS without NS secures no delegation (RFC 4035 section 2.4)"}},
        {large, {"large.example.: TXT of 68000 octets fits into no message"}},
        {{record("a.example.", RrType::cname, "x.y.w.example."),
          record("b.example.", RrType::cname, "y.w.example."),
          record("c.example.", RrType::cname, "x.w.example."),
          record("*.w.example.", RrType::txt, "x"), record("z.y.w.example.", RrType::txt, "x")},
         {"a.example.: CNAME target x.y.w.example. does not exist in the zone"}},
    };
    for (const Case& row : table) {
        Builder builder;
        builder.begin(name("example."));
        REQUIRE(builder.add(record("example.", RrType::soa, soa_rdata).view()).has_value());
        REQUIRE(builder.add(record("example.", RrType::ns, "ns.elsewhere.").view()).has_value());
        for (const Record& one : row.records) REQUIRE(builder.add(one.view()).has_value());
        std::vector<Warning> warnings;
        REQUIRE(builder.build(&warnings).has_value());
        std::vector<std::string> texts;
        for (const Warning& warning : warnings)
            texts.push_back(dns::to_string(warning.owner) + ": " + warning.message);
        CHECK(texts == row.wanted);
    }
}

TEST_CASE("building hears the stop wherever it is, and the builder is good for the next zone") {
    Builder builder;
    const auto add = [&builder] {
        builder.begin(name("example."));
        REQUIRE(builder.add(record("example.", RrType::soa, soa_rdata).view()));
        REQUIRE(builder.add(record("b.example.", RrType::a, "192.0.2.1").view()));
        REQUIRE(builder.add(record("a.example.", RrType::a, "192.0.2.1").view()));
    };
    add();
    const Image image = *builder.build();
    int heard = 0;
    for (int when = 1; heard == when - 1; ++when) {
        add();
        int asked = 0;
        const auto built = builder.build(nullptr, nullptr, [&] { return ++asked == when; });
        if (!built) {
            CHECK(built.error().code == Errc::interrupted);
            ++heard;
        } else {
            CHECK(std::ranges::equal(built->octets(), image.octets()));
        }
    }
    CHECK(heard >= 3);
}

TEST_CASE("up to 255 names an image is narrow, above that it is wide") {
    for (const std::size_t names :
         {std::size_t{1}, std::size_t{2}, std::size_t{16}, std::size_t{17}, std::size_t{18},
          std::size_t{255}, std::size_t{256}, std::size_t{257}}) {
        std::vector<Record> records = {record("example.", RrType::soa, soa_rdata)};
        for (std::size_t i = 1; i < names; ++i)
            records.push_back(
                record("n" + std::to_string(i) + ".example.", RrType::a, "192.0.2.1"));
        const Image image = built(records);
        CHECK(view(image).names() == names);
        CHECK(Zone(image.octets().data()).names() == names);
        CHECK(view(image).is(image_flag::wide) == (names > 255));
        CHECK(validate(image.octets()).has_value());
        CHECK(rows(image) == expected_rows(records));
    }
}

TEST_CASE("up to 65535 octets an image is narrow, above that it is wide") {
    const auto zone_of = [](std::size_t octets) {
        std::vector<Record> records = {record("example.", RrType::soa, soa_rdata)};
        for (std::size_t i = 0; i < 8; ++i) {
            records.push_back(record("t" + std::to_string(i) + ".example.", RrType::null, "\\# 0"));
            records.back().rdata.assign(i < 7 ? 8000 : octets, 0x55);
        }
        return records;
    };
    const std::size_t most = 5000 + 65535 - built(zone_of(5000)).octets().size();
    CHECK(built(zone_of(most)).octets().size() == 65535);
    for (const bool wide : {false, true}) {
        const std::vector<Record> records = zone_of(most + (wide ? 1 : 0));
        const Image image = built(records);
        CHECK(view(image).is(image_flag::wide) == wide);
        CHECK(validate(image.octets()).has_value());
        CHECK(rows(image) == expected_rows(records));
    }
}

TEST_CASE("large RRsets, large RDATA and long names come back as they were") {
    std::vector<Record> records = {record("example.", RrType::soa, soa_rdata)};
    for (int i = 0; i < 700;
         ++i) {  // more than 255 records, and pointers; more than 64 KiB further down
        records.push_back(
            record("mx.example.", RrType::mx,
                   std::to_string(i) + " host" + std::to_string(i % 50) + ".mail.sub.other."));
        records.push_back(
            record("big.example.", RrType::txt, std::string(200, 'x') + " " + std::to_string(i)));
        records.push_back(
            record("ptr.example.", RrType::ptr,
                   "a" + std::to_string(i) + "." + std::string(60, 'p') + ".example."));
    }
    for (const std::size_t octets : {0U, 1U, 253U, 254U, 255U, 256U, 65535U}) {
        Record one = record("null" + std::to_string(octets) + ".example.", RrType::null, "\\# 0");
        one.rdata.assign(octets, 0x11);
        records.push_back(one);
        Record unknown = one;
        unknown.type = static_cast<RrType>(65000);
        records.push_back(unknown);
    }
    std::string labels;
    for (int i = 0; i < 123; ++i) labels += "l.";
    records.push_back(
        record(labels + "example.", RrType::a, "192.0.2.1"));  // 124 labels and 255 octets
    records.push_back(
        record("x." + labels.substr(2) + "example.", RrType::cname, labels + "example."));
    const Image image = built(records);
    CHECK(view(image).depth() == 123);
    CHECK(rows(image) == expected_rows(records));
    CHECK(validate(image.octets()).has_value());
}

TEST_CASE("a name of 127 labels in the root zone is found") {
    std::string labels;
    for (int i = 0; i < 127; ++i) labels += "l.";
    const std::vector<Record> records = {record(".", RrType::soa, ". . 1 2 3 4 5"),
                                         record(labels, RrType::a, "192.0.2.1")};
    const Image image = built(records, ".");
    CHECK(view(image).names() == 128);
    CHECK(rows(image) == expected_rows(records));
    LookupName wanted;
    wanted.assign(name(labels));
    CHECK(wanted.labels == 127);
    CHECK(view(image).find(wanted, 0).kind == Kind::exact);
}

TEST_CASE(
    "names in RDATA are compressed against the owner and the names before, never against the "
    "asterisk") {
    const std::vector<Record> records = {
        record("example.", RrType::soa, soa_rdata),
        record("*.w.example.", RrType::mx, "1 mail.w.example."),
        record("*.w.example.", RrType::mx, "2 *.w.example."),
        record("mx.example.", RrType::mx, "1 a.mail.other."),
        record("mx.example.", RrType::mx, "2 b.mail.other."),
        record("mx.example.", RrType::mx, "3 mx.example."),
        record("srv.example.", RrType::srv, "1 2 3 srv.example."),
    };
    const Image image = built(records);
    CHECK(rows(image) == expected_rows(records));
    const auto octets_of = [&](std::string_view owner, RrType type) {
        LookupName wanted;
        wanted.assign(name(owner));
        const Match match = view(image).find(wanted, 1);
        RrSetRef set;
        REQUIRE(match.node.find(type, set));
        std::vector<std::size_t> octets;
        const std::uint8_t* at = set.records;
        for (std::uint32_t i = 0; i < set.count; ++i) octets.push_back(next_rdata(at).size());
        return octets;
    };
    // Preference; then mail and a pointer; * and a pointer to w.example. (not to the owner's own
    // asterisk).
    CHECK(octets_of("*.w.example.", RrType::mx) == std::vector<std::size_t>{2 + 5 + 2, 2 + 2 + 2});
    // a.mail.other. in full, b and a pointer into it, a pointer to the owner.
    CHECK(octets_of("mx.example.", RrType::mx) ==
          std::vector<std::size_t>{2 + 14, 2 + 2 + 2, 2 + 2});
    // SRV's name is not one of RFC 1035's (RFC 3597 section 4).
    CHECK(octets_of("srv.example.", RrType::srv) == std::vector<std::size_t>{6 + 13});
}

/// A copy at the end of its own allocation: reading behind it is seen under ASan.
std::vector<std::uint8_t> exact(base::Octets octets) {
    return {octets.begin(), octets.end()};
}

/// Either refused, or the image of another zone: then rebuilding it gives the same octets, and
/// answering from it is safe.
void check_refused_or_canonical(const std::vector<std::uint8_t>& image,
                                const std::vector<Row>& original, const char* what,
                                std::size_t at) {
    if (!validate(image)) return;
    const ImageView changed(image.data());
    if (changed.state() != State::serving) return;
    std::vector<Record> records;
    for_each_record(Zone(image.data()), [&](const dns::RecordView& one) {
        records.push_back(
            {dns::Name(one.owner), one.type, one.ttl, {one.rdata.begin(), one.rdata.end()}});
    });
    const auto again = random::build(changed.apex(), records);
    REQUIRE_MESSAGE(again.has_value(), what << " at " << at);
    CHECK_MESSAGE(std::ranges::equal(again->octets(), image), what << " at " << at);
    CHECK_MESSAGE(rows(*again) != original, what << " at " << at);
}

TEST_CASE("an image with one bit changed is refused, or is the canonical image of another zone") {
    const Image image = built(everything());
    const std::vector<Row> original = rows(image);
    std::vector<std::uint8_t> octets = exact(image.octets());
    for (std::size_t at = 0; at < octets.size(); ++at) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            octets[at] ^= static_cast<std::uint8_t>(1U << bit);
            check_refused_or_canonical(octets, original, "bit", 8 * at + bit);
            octets[at] ^= static_cast<std::uint8_t>(1U << bit);
        }
    }
}

TEST_CASE("an image with one octet changed is refused, or is the canonical image of another zone") {
    const Image image = built(everything());
    const std::vector<Row> original = rows(image);
    std::vector<std::uint8_t> octets = exact(image.octets());
    for (std::size_t at = 0; at < octets.size(); ++at) {
        const std::uint8_t before = octets[at];
        for (const unsigned value : {0U, 1U, 2U, 63U, 64U, 127U, 128U, 192U, 254U, 255U}) {
            octets[at] = static_cast<std::uint8_t>(value);
            if (octets[at] != before) check_refused_or_canonical(octets, original, "octet", at);
        }
        octets[at] = before;
    }
}

TEST_CASE("no bit of the header, the index, the flags and the links can be changed") {
    for (const std::size_t names : {std::size_t{4}, std::size_t{300}}) {
        std::vector<Record> records = everything();
        for (std::size_t i = 0; i < names; ++i)
            records.push_back(
                record("n" + std::to_string(i) + ".example.", RrType::a, "192.0.2.1"));
        const Image image = built(records);
        const ImageView original = view(image);
        std::vector<std::uint8_t> octets = exact(image.octets());
        std::vector<std::size_t> places;
        const auto header = static_cast<std::size_t>(original.apex_at() - image.octets().data());
        for (std::size_t at = 0; at < header; ++at) places.push_back(at);
        const auto index = static_cast<std::size_t>(original.index() - image.octets().data());
        base::Seed seed(names);
        for (std::size_t i = 0; i < 200; ++i)
            places.push_back(index + seed.below(original.nodes_begin() - index));
        for (std::size_t i = 0; i < 200; ++i) {  // flags of nodes, and the offsets of their glue
            const auto at = static_cast<std::size_t>(
                original.node(static_cast<std::uint32_t>(seed.below(original.names()))).at() -
                image.octets().data());
            places.push_back(at);
        }
        for (std::size_t at = image.octets().size() - 4 * original.nsec_count();
             at < image.octets().size(); ++at)
            places.push_back(at);
        for (const std::size_t at : places) {
            const unsigned bit = 1U << seed.below(8);
            octets[at] ^= static_cast<std::uint8_t>(bit);
            CHECK_MESSAGE(!validate(octets), names << " names, octet " << at << ", bit " << bit);
            octets[at] ^= static_cast<std::uint8_t>(bit);
        }
    }
}

TEST_CASE("an image cut off anywhere, or with something behind it, is refused") {
    for (const bool wide : {false, true}) {
        std::vector<Record> records = everything();
        for (int i = 0; wide && i < 300; ++i)
            records.push_back(
                record("n" + std::to_string(i) + ".example.", RrType::a, "192.0.2.1"));
        const Image image = built(records);
        for (std::size_t size = 0; size < image.octets().size(); size += wide ? 37 : 1) {
            CHECK(!validate(exact(image.octets().first(size))));
            // And with the size as the header says it.
            std::vector<std::uint8_t> claimed = exact(image.octets().first(size));
            const auto stated = static_cast<std::uint32_t>(size);
            if (size >= 4) std::memcpy(claimed.data(), &stated, 4);
            CHECK(!validate(claimed));
        }
        std::vector<std::uint8_t> longer = exact(image.octets());
        longer.push_back(0);
        CHECK(!validate(longer));
        const auto stated = static_cast<std::uint32_t>(longer.size());
        std::memcpy(longer.data(), &stated, 4);
        CHECK(!validate(longer));
    }
}

TEST_CASE("the head of an image tells its size, format, apex and where its nodes are") {
    std::vector<Record> many = everything();
    for (int i = 0; i < 300; ++i)
        many.push_back(record("n" + std::to_string(i) + ".example.", RrType::a, "192.0.2.1"));
    const Image images[] = {built(everything()), built(many),
                            placeholder(name("example."), State::broken)};
    for (const Image& image : images) {
        const base::Octets octets = image.octets();
        CHECK(validate_head(octets));
        for (std::size_t size = 0; size < octets.size(); size += 1 + size / 50)
            CHECK(!validate_head(exact(octets.first(size))));
        // Size, format, length of the apex, its first label.
        const auto apex_at =
            static_cast<std::size_t>(ImageView(octets.data()).apex_at() - octets.data());
        for (const std::size_t at : {std::size_t{0}, std::size_t{4}, std::size_t{6}, apex_at}) {
            std::vector<std::uint8_t> damaged = exact(octets);
            damaged[at] ^= 0x20;
            CHECK_MESSAGE(!validate_head(damaged), "octet " << at);
        }
    }
    // Cut off, with the size as the header says it: no read goes beyond it.
    std::vector<std::uint8_t> cut = exact(images[1].octets().first(images[1].octets().size() / 2));
    const auto stated = static_cast<std::uint32_t>(cut.size());
    std::memcpy(cut.data(), &stated, 4);
    for (std::size_t at = 4; at < cut.size(); ++at) {
        const std::uint8_t before = cut[at];
        cut[at] = 0xff;
        static_cast<void>(validate_head(cut));
        cut[at] = before;
    }
}

TEST_CASE("images with random damage never crash the validation") {
    base::Seed seed(77);
    for (int round = 0; round < 2000; ++round) {
        const random::Shape shape{.apex = round % 3 == 0 ? "." : "example.",
                                  .owners = 1 + seed.below(30)};
        static std::vector<std::uint8_t> octets;
        if (round % 20 == 0)
            octets = exact(built(random::records(seed, shape), shape.apex).octets());
        std::vector<std::uint8_t> damaged = octets;
        for (std::size_t i = 0, hits = 1 + seed.below(4); i < hits; ++i) {
            const std::size_t at = seed.below(damaged.size());
            if (seed.below(4) == 0) {
                damaged.erase(damaged.begin() + static_cast<std::ptrdiff_t>(at),
                              damaged.begin() + static_cast<std::ptrdiff_t>(
                                                    at + seed.below(damaged.size() - at)));
                if (damaged.empty()) damaged.push_back(0);
            } else {
                damaged[at] = static_cast<std::uint8_t>(seed.next());
            }
        }
        const auto size = static_cast<std::uint32_t>(damaged.size());
        if (damaged.size() >= 4 && seed.below(2) == 0) std::memcpy(damaged.data(), &size, 4);
        if (damaged != octets && validate(damaged)) {
            // It may be another zone's image; then it can be read.
            std::uint64_t count = 0;
            for_each_record(Zone(damaged.data()), [&](const dns::RecordView&) { ++count; });
            CHECK(count == Zone(damaged.data()).records());
        }
    }
}

TEST_CASE("a placeholder has an apex and a state, and passes validation as it is") {
    for (const State state : {State::pending, State::broken, State::unsigned_}) {
        for (const char* apex : {".", "example.", "A.Long.Name.Example."}) {
            const Image image = placeholder(name(apex), state);
            const Zone zone(image.octets().data());
            CHECK(zone.state() == state);
            CHECK(dns::equal(zone.apex(), name(apex)));
            CHECK(zone.serial() == 0);
            CHECK(zone.records() == 0);
            CHECK(zone.names() == 0);
            CHECK(validate(image.octets()).has_value());
            CHECK(rows(image).empty());
            for (std::size_t size = 0; size < image.octets().size(); ++size)
                CHECK(!validate(exact(image.octets().first(size))));
            std::vector<std::uint8_t> octets = exact(image.octets());
            octets.push_back(0);
            CHECK(!validate(octets));
        }
    }
    // No capitals in an apex, and no image that serves without records.
    const Image image = placeholder(name("example."), State::pending);
    std::vector<std::uint8_t> octets = exact(image.octets());
    octets[13] = 'E';
    CHECK(!validate(octets));
    octets[13] = 'e';
    CHECK(validate(octets).has_value());
    octets[5] = 0;
    CHECK(!validate(octets));
}

TEST_CASE("a zone tells its serial, and digests differ") {
    std::vector<Record> records = everything();
    const Image one = built(records);
    CHECK(Zone(one.octets().data()).serial() == 1);
    CHECK(Zone(one.octets().data()).state() == State::serving);
    records[0] = record("example.", RrType::soa,
                        "ns.example. hostmaster.example. 4294967295 7200 900 86400 300");
    const Image other = built(records);
    CHECK(Zone(other.octets().data()).serial() == 4294967295U);
    CHECK(!(digest(one.octets()) == digest(other.octets())));
}

}  // namespace
constexpr const char* ds = "1 8 2 0000000000000000000000000000000000000000000000000000000000000000";

TEST_CASE("an RRset with more to skip between its pointers than can be said has fewer pointers") {
    // 64,999 names that end in the owner's, then 514 that take all of 255 octets and share nothing,
    // then one that ends in the owner's again: 538 patch octets away.
    const dns::Name apex = name("example.");
    Builder builder;
    builder.begin(apex);
    const auto add = [&](const dns::Name& target) {
        REQUIRE(builder.add({apex, RrType::ptr, 60, target.wire()}).has_value());
    };
    const Record soa = record("example.", RrType::soa, ". . 1 7200 900 86400 300");
    REQUIRE(builder.add(soa.view()).has_value());
    for (int i = 0; i < 64'999; ++i) add(name("t" + std::to_string(100'000 + i) + ".example."));
    for (int i = 0; i < 514; ++i)
        add(name("l" + std::to_string(1000 + i) + std::string(58, 'l') + '.' +
                 std::string(63, 'x') + '.' + std::string(63, 'y') + '.' + std::string(61, 'z') +
                 '.'));
    add(name(std::string(63, 'z') + ".example."));
    const auto image = builder.build();
    REQUIRE(image);
    REQUIRE(validate(image->octets()).has_value());
    RrSetRef set;
    REQUIRE(ImageView(image->octets().data()).apex_node().find(RrType::ptr, set));
    CHECK(set.count == 65'514);
    CHECK(set.behind_records() == set.end);
}

}  // namespace zc::zone
