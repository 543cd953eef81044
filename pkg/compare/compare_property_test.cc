// Properties of comparing, over generated responses and over every bit of some: what a server may
// do to a response leaves it the same, and nothing else does.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "compare/compare.h"
#include "compare/form.h"
#include "compare/message_script.h"
#include "dns/presentation.h"

namespace zc::compare {
namespace {

using script::Encoder;
using script::message_from_text;
using script::Names;
using script::Octets;
using script::value;

dns::Question question(const char* name, dns::RrType type) {
    return {.name = value(dns::Name::parse(name)), .type = type};
}

Octets query_of(const dns::Question& asked) {
    dns::QueryOptions options;
    options.edns = dns::Edns{.udp_octets = 4096, .dnssec_ok = true};
    return dns::encode_query(asked.name, asked.type, options);
}

struct Base {
    dns::Question asked;
    std::string text;
    dns::Message message() const { return message_from_text(asked, text); }
};

/// One of each shape, with every field of a response in use somewhere.
const std::vector<Base>& bases() {
    static const std::vector<Base> all = {
        {question("Www.example.", dns::RrType::a), R"(NOERROR aa
answer Www.example. 300 CNAME a.d.example.
answer Www.example. 300 RRSIG CNAME 13 2 300 20300101000000 20200101000000 1 example. c2ln
answer d.example. 300 DNAME t.example.
answer d.example. 300 RRSIG DNAME 13 2 300 20300101000000 20200101000000 1 example. c2ln
answer a.d.example. 300 CNAME a.t.example.
answer a.t.example. 60 A 192.0.2.1
answer a.t.example. 60 A 192.0.2.2
answer a.t.example. 60 RRSIG A 13 2 60 20300101000000 20200101000000 1 example. c2ln
authority t.example. 300 NSEC z.example. A RRSIG
authority t.example. 300 RRSIG NSEC 13 2 300 20300101000000 20200101000000 1 example. c2ln
edns 1232 do
option 10 0102030405060708
)"},
        {question("sub.example.", dns::RrType::mx), R"(NOERROR
authority sub.example. 300 NS ns1.sub.example.
authority sub.example. 300 NS ns2.sub.example.
authority sub.example. 300 DS 1 13 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
authority sub.example. 300 RRSIG DS 13 2 300 20300101000000 20200101000000 1 example. c2ln
additional ns1.sub.example. 300 A 192.0.2.1
additional ns2.sub.example. 300 A 192.0.2.2
additional ns2.sub.example. 300 AAAA 2001:db8::2
edns 1232 do
)"},
        {question("nothing.example.", dns::RrType::a), R"(NXDOMAIN aa
authority example. 300 SOA ns.example. Hostmaster.example. 1 7200 900 86400 300
authority example. 300 RRSIG SOA 13 1 300 20300101000000 20200101000000 1 example. c2ln
authority 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 300 NSEC3 1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr A RRSIG
authority 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. 300 RRSIG NSEC3 13 2 300 20300101000000 20200101000000 1 example. c2ln
edns 1232 do
)"},
        {question("_sip.example.", dns::RrType::srv), R"(NOERROR aa
answer _sip.example. 300 SRV 1 2 3 host.example.
answer _sip.example. 300 SRV 1 2 3 other.example.
edns 1232
)"},
        {question("x.example.", dns::parse_type("TYPE4711").value()), R"(NOERROR aa
answer x.example. 300 TYPE4711 \# 6 c00c03777777
edns 1232 do
)"},
        {question("x.example.", dns::RrType::naptr), R"(NOERROR aa
answer x.example. 300 NAPTR 1 2 "u" "E2U+sip" "!^.*$!sip:x@example!" Target.example.
answer x.example. 300 NAPTR 1 3 "u" "E2U+sip" "" .
edns 1232 do
)"},
    };
    return all;
}

std::uint8_t other_case(std::uint8_t octet) {
    const bool letter = (octet >= 'A' && octet <= 'Z') || (octet >= 'a' && octet <= 'z');
    return letter ? static_cast<std::uint8_t>(octet ^ 0x20U) : octet;
}

void recase(dns::Record& record, base::Seed& seed) {
    Octets owner(record.owner.wire().begin(), record.owner.wire().end());
    for (std::uint8_t& octet : owner)
        if (seed.below(4) == 0) octet = other_case(octet);
    record.owner = value(dns::Name::from_wire(owner));
    std::array<dns::NamePlace, dns::rdata_names_max> places;
    const std::size_t count = dns::names_in(record.type, record.rdata, places);
    for (const dns::NamePlace& place : std::span(places).first(count))
        for (std::size_t i = 0; i < place.octets; ++i)
            if (place.kind != dns::Field::name && seed.below(4) == 0)
                record.rdata[place.offset + i] = other_case(record.rdata[place.offset + i]);
}

template <class Iterator>
void shuffle(Iterator begin, Iterator end, base::Seed& seed) {
    for (auto left = end - begin; left > 1; --left)
        std::swap(begin[left - 1],
                  begin[static_cast<std::ptrdiff_t>(seed.below(static_cast<std::uint64_t>(left)))]);
}

/// All that the rules let a server do to it, at once.
dns::Message disturbed(dns::Message message, base::Seed& seed) {
    // ANSWER: the records of one owner among themselves, signatures anywhere.
    std::vector<dns::Record> signatures;
    std::vector<dns::Record> links;
    for (const dns::Record& record : message.answer)
        (record.type == dns::RrType::rrsig ? signatures : links).push_back(record);
    for (auto run = links.begin(); run != links.end();) {
        auto end = run;
        while (end != links.end() && dns::equal(end->owner, run->owner)) ++end;
        shuffle(run, end, seed);
        run = end;
    }
    for (const dns::Record& signature : signatures)
        links.insert(links.begin() + static_cast<std::ptrdiff_t>(seed.below(links.size() + 1)),
                     signature);
    message.answer = links;
    shuffle(message.authority.begin(), message.authority.end(), seed);
    shuffle(message.additional.begin(), message.additional.end(), seed);
    for (auto* section : {&message.answer, &message.authority, &message.additional})
        for (dns::Record& record : *section) recase(record, seed);
    if (message.edns) {
        message.edns->udp_octets = static_cast<std::uint16_t>(seed.next());
        if (seed.below(2) == 0) message.edns->options.push_back({.code = 3, .value = {1, 2}});
    }
    message.id = static_cast<std::uint16_t>(seed.next());
    return message;
}

/// A response of records that have nothing to do with each other.
dns::Message random_message(const dns::Question& asked, base::Seed& seed) {
    static constexpr const char* names[] = {
        "example.", "www.example.", "a.www.example.", "\\000.example.", ".", "xn--4.test."};
    static constexpr struct {
        const char* type;
        const char* rdata;
    } rdatas[] = {{"A", "192.0.2.1"},
                  {"A", "192.0.2.2"},
                  {"NS", "ns.example."},
                  {"CNAME", "www.example."},
                  {"SOA", "ns.example. hostmaster.example. 1 2 3 4 5"},
                  {"MX", "10 mail.example."},
                  {"TXT", "\"a\" \"b\""},
                  {"AAAA", "2001:db8::1"},
                  {"RRSIG", "A 13 2 300 20300101000000 20200101000000 1 example. c2ln"},
                  {"RRSIG", "NS 8 2 300 20300101000000 20200101000000 1 www.example. c2ln"},
                  {"NSEC", "Www.example. A NS"},
                  {"PX", "1 a.example. b.example."},
                  {"A6", "64 ::1:2:3:4 ns.example."},
                  {"HTTPS", "1 . alpn=h2"},
                  {"DNAME", "example."},
                  {"TYPE65280", "\\# 3 c00c00"}};
    dns::Message out;
    out.qr = true;
    out.aa = seed.below(4) != 0;
    out.tc = seed.below(8) == 0;
    out.rcode = seed.below(3) == 0 ? dns::Rcode::nxdomain : dns::Rcode::noerror;
    out.questions.push_back(asked);
    for (auto* section : {&out.answer, &out.authority, &out.additional})
        for (std::uint64_t count = seed.below(7); count > 0; --count) {
            dns::Record record;
            record.owner = value(dns::Name::parse(names[seed.below(std::size(names))]));
            const auto& [type, rdata] = rdatas[seed.below(std::size(rdatas))];
            record.type = value(dns::parse_type(type));
            REQUIRE(dns::parse_rdata(rdata, record.type, {}, record.rdata).has_value());
            record.ttl = static_cast<std::uint32_t>(seed.below(3));
            section->push_back(record);
        }
    if (seed.below(2) == 0) out.edns = dns::Edns{};
    return out;
}

TEST_CASE("Reordered, recased and recompressed, a response stays the same") {
    base::Seed seed(17);
    Comparer comparer{Policy{}};
    std::size_t identical = 0;
    for (int i = 0; i < 6'000; ++i) {
        const Base& base = bases()[seed.below(bases().size())];
        const dns::Message before =
            seed.below(2) == 0 ? base.message() : random_message(base.asked, seed);
        const dns::Message after = disturbed(before, seed);
        const Octets query = query_of(base.asked);
        const Asked asked{.query = query, .transport = dns::Transport::udp};
        const Octets older = Encoder(Names::random, seed.next()).encode(before);
        const Octets newer = Encoder(Names::random, seed.next()).encode(after, seed.below(2) == 0);
        const Sameness same = comparer.same(asked, older, newer);
        CAPTURE(dns::message_text(before));
        CAPTURE(dns::message_text(after));
        REQUIRE(same.same);
        REQUIRE(canonical(asked, older, Policy{}) == canonical(asked, newer, Policy{}));
        const bool equal = older.size() == newer.size() &&
                           std::equal(older.begin() + 2, older.end(), newer.begin() + 2);
        REQUIRE(same.needed.empty() == equal);
        identical += equal ? 1 : 0;
        // Once more from its canonical form: nothing is lost in it that makes a difference.
        const Octets plain = canonical(asked, older, Policy{});
        REQUIRE(canonical(asked, plain, Policy{}) == plain);
        // Two random messages are hardly ever the same; when they are, so are their forms.
        const Octets other = Encoder(Names::whole).encode(random_message(base.asked, seed));
        if (comparer.same(asked, older, other).same)
            REQUIRE(canonical(asked, other, Policy{}) == plain);
    }
    CHECK(identical < 300);
}

/// The rest of a message after all that the rules cover is made equal, by other code.
std::string significant(const dns::Message& parsed) {
    dns::Message message = parsed;
    message.id = 0;
    for (auto* section : {&message.answer, &message.authority, &message.additional})
        for (dns::Record& record : *section) {
            record.owner.fold_case();
            dns::fold_rdata(record.type, record.rdata);
            if (record.type != dns::RrType::rrsig) continue;
            std::size_t end = 18;
            while (record.rdata[end] != 0) end += 1U + record.rdata[end];
            record.rdata.resize(end + 1);
            std::fill(record.rdata.begin() + 8, record.rdata.begin() + 18, std::uint8_t{0});
            record.rdata.push_back(0);  // a signature has an octet at least
        }
    const dns::Question& asked = message.questions.front();
    std::string out = dns::to_string(asked.name) + " " + dns::to_string(asked.type) + " " +
                      dns::to_string(asked.rr_class);
    if (message.edns) {
        message.edns->udp_octets = 0;
        message.edns->options.clear();
    }
    out += message.qr ? " qr\n" : "\n";
    return out + dns::message_text(message);
}

TEST_CASE("Each bit of a response counts, but for what a rule covers") {
    std::size_t overlooked = 0;
    std::size_t found = 0;
    for (const Base& base : bases()) {
        const Octets query = query_of(base.asked);
        const Asked asked{.query = query, .transport = dns::Transport::udp};
        Comparer comparer{Policy{}};
        for (const Names names : {Names::pointers, Names::whole, Names::random}) {
            const Octets older = Encoder(names, 5).encode(base.message());
            const std::string wanted = significant(*dns::parse_message(older));
            for (std::size_t at = 2; at < older.size(); ++at)
                for (unsigned bit = 0; bit < 8; ++bit) {
                    Octets newer = older;
                    newer[at] = static_cast<std::uint8_t>(newer[at] ^ (1U << bit));
                    const Sameness same = comparer.same(asked, older, newer);
                    const auto parsed = dns::parse_message(newer);
                    const bool covered =
                        parsed && parsed->questions.size() == 1 && significant(*parsed) == wanted;
                    CAPTURE(at);
                    CAPTURE(bit);
                    CAPTURE(base.text);
                    REQUIRE(same.same == covered);
                    REQUIRE(same.needed.empty() == !covered);
                    if (!covered) {
                        const Difference difference = comparer.difference(asked, older, newer);
                        REQUIRE_FALSE(difference.facets.empty());
                        REQUIRE(difference.what != What::cosmetic);
                        REQUIRE(difference.what != What::timeout);
                    }
                    ++(covered ? overlooked : found);
                }
        }
    }
    CHECK(overlooked > 500);
    CHECK(found > 20'000);
}

TEST_CASE("Each record of a response counts: not there, there twice, of another TTL") {
    for (const Base& base : bases()) {
        const Octets query = query_of(base.asked);
        const Asked asked{.query = query, .transport = dns::Transport::udp};
        Comparer comparer{Policy{}};
        const dns::Message before = base.message();
        const Octets older = Encoder(Names::pointers).encode(before);
        for (auto section :
             {&dns::Message::answer, &dns::Message::authority, &dns::Message::additional})
            for (std::size_t i = 0; i < (before.*section).size(); ++i) {
                const auto differs = [&](const dns::Message& after) {
                    const Octets newer = Encoder(Names::pointers).encode(after);
                    return !comparer.same(asked, older, newer).same &&
                           comparer.difference(asked, older, newer).what != What::cosmetic;
                };
                const auto at = static_cast<std::ptrdiff_t>(i);
                dns::Message without = before;
                (without.*section).erase((without.*section).begin() + at);
                CHECK(differs(without));
                dns::Message twice = before;
                (twice.*section).push_back((before.*section)[i]);
                CHECK(differs(twice));
                dns::Message later = before;
                ++(later.*section)[i].ttl;
                CHECK(differs(later));
            }
    }
}

TEST_CASE("The shapes of RDATA are those of the table of types") {
    for (std::uint32_t number = 0; number <= 0xffff; ++number) {
        const auto type = static_cast<dns::RrType>(number);
        if (dns::is_powerdns_only(type)) continue;  // in no message
        if (number == 38) continue;                 // A6: its prefix has a length of its own
        RdataShape wanted;
        std::size_t prefix = 0;
        std::size_t texts = 0;
        std::size_t names = 0;
        std::size_t tail = 0;
        bool open = false;
        bool folds = false;
        for (const dns::Field field : dns::fields_of(type)) {
            std::size_t octets = 0;
            switch (field) {
                case dns::Field::name:
                case dns::Field::name_compressible:
                case dns::Field::name_folded:
                    ++names;
                    folds = field != dns::Field::name;
                    continue;
                case dns::Field::text:
                    if (names == 0) ++texts;
                    open = names > 0;
                    continue;
                case dns::Field::u8:
                case dns::Field::algorithm:
                    octets = 1;
                    break;
                case dns::Field::u16:
                case dns::Field::type:
                case dns::Field::certificate_type:
                    octets = 2;
                    break;
                case dns::Field::dsync_scheme:
                    octets = 1;
                    break;
                case dns::Field::u32:
                case dns::Field::ttl:
                case dns::Field::time:
                case dns::Field::ipv4:
                    octets = 4;
                    break;
                default:
                    open = true;
                    continue;
            }
            (names == 0 ? prefix : tail) += octets;
        }
        const RdataShape shape = rdata_shape(type);
        CAPTURE(number);
        REQUIRE(shape.names == names);
        if (names == 0) continue;
        REQUIRE(shape.prefix_octets == prefix);
        REQUIRE(shape.texts == texts);
        REQUIRE(shape.folds == folds);
        if (shape.tail_octets >= 0) {
            REQUIRE_FALSE(open);
            REQUIRE(static_cast<std::size_t>(shape.tail_octets) == tail);
        } else {
            REQUIRE(open);
        }
    }
}

}  // namespace
}  // namespace zc::compare
