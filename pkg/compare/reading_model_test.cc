// Two opinions of the same RFCs: what answer::respond() says is faultless by the reading, for
// random zones and for signed ones; and what is changed in a right response is found.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "answer/answer.h"
#include "base/seed.h"
#include "compare/reading.h"
#include "dns/presentation.h"
#include "testkit/script.h"
#include "zone/random_zone.h"

namespace zc::compare {
namespace {

using dns::Rcode;
using dns::RrType;
using zone::random::Record;

enum class Dnssec : std::uint8_t { no, yes };

struct Case {
    QueryFacts query;
    Reading reading;
    dns::Message response;

    std::string text() const {
        std::string out = dns::to_string(query.qname) + " " + dns::to_string(query.qtype) +
                          (query.dnssec_ok ? " do\n" : "\n");
        for (const ReadingStep& one : reading.steps)
            out += "step " + dns::to_string(one.name) + ": " + one.sentence + "\n";
        for (const dns::RrSet& one : reading.answer)
            out += "wanted " + dns::to_string(one.owner) + " " + dns::to_string(one.type) + "\n";
        return out + dns::message_text(response);
    }
    std::vector<Fault> faults() const {
        RuleSet taken;
        return faults_of(reading, query, response, taken);
    }
};

std::string text_of(const std::vector<Fault>& faults) {
    std::string out;
    for (const Fault& one : faults)
        out += "fault " + std::to_string(static_cast<int>(one.what)) + ": " + one.sentence + " (" +
               one.clause + ")\n";
    return out;
}

Case ask(const catalogue::Catalogue& zones, const dns::Name& name, RrType type, Dnssec dnssec,
         std::vector<std::uint8_t>& buffer) {
    static const answer::Identity node;
    Case out;
    out.query.qname = name;
    out.query.qtype = type;
    dns::QueryOptions options;
    if (dnssec == Dnssec::yes) {
        options.edns.emplace();
        options.edns->dnssec_ok = true;
        out.query.edns = out.query.dnssec_ok = true;
    }
    const auto query = dns::encode_query(name, type, options);
    const answer::Outcome outcome = answer::respond(
        query, {.transport = dns::Transport::tcp, .client = {}, .now = {}, .node = &node}, zones,
        buffer);
    const auto message = dns::parse_message(base::Octets(buffer).first(outcome.response_octets));
    REQUIRE(message.has_value());
    out.response = *message;
    out.reading = read_zones(zones, out.query);
    return out;
}

constexpr RrType types[] = {RrType::a,     RrType::aaaa,  RrType::mx,  RrType::txt,
                            RrType::cname, RrType::ns,    RrType::ds,  RrType::soa,
                            RrType::dname, RrType::ptr,   RrType::srv, static_cast<RrType>(65280),
                            RrType::any,   RrType::rrsig, RrType::nsec};

/// Zones out of a seed, as in the model test of `answer`.
struct World {
    explicit World(std::uint64_t number) : seed(number), zones(seed.next()) {
        for (const std::string_view apex : apexes) {
            if (seed.below(3) == 0) continue;
            const zone::random::Shape shape{.apex = apex,
                                            .owners = 1 + seed.below(number % 15 == 14 ? 400 : 40),
                                            .depth_max = 1 + seed.below(4)};
            std::vector<Record> records = zone::random::records(seed, shape);
            for (Record& one : records)
                if (!interesting.empty() &&
                    (one.type == RrType::cname || one.type == RrType::dname) &&
                    seed.below(3) == 0) {
                    const dns::Name& to = interesting[seed.below(interesting.size())];
                    one.rdata.assign(to.wire().begin(), to.wire().end());
                }
            for (const Record& one : records) {
                interesting.push_back(one.owner);
                if (one.type == RrType::cname) aliases.push_back(one.owner);
                static constexpr std::uint8_t label[] = {'b'};
                if (one.type == RrType::dname)
                    if (const auto below = dns::Name::join(label, one.owner))
                        aliases.push_back(*below);
            }
            const dns::Name name = zone::random::name(apex);
            auto image = zone::random::build(name, records);
            REQUIRE(image.has_value());
            zones.insert({name, *std::move(image)});
        }
    }
    dns::Name some_name(std::size_t i) {
        if (i % 3 == 0 && !interesting.empty()) return interesting[seed.below(interesting.size())];
        if (i % 3 == 1 && !aliases.empty()) return aliases[seed.below(aliases.size())];
        const zone::random::Shape shape{.apex = apexes[seed.below(std::size(apexes))],
                                        .depth_max = 5};
        return zone::random::name(zone::random::random_name(seed, shape));
    }

    static constexpr std::string_view apexes[] = {"example.", "a.example.", "b.a.example.",
                                                  "www.example.", "net."};
    base::Seed seed;
    catalogue::Catalogue zones;
    std::vector<dns::Name> interesting, aliases;
};

TEST_CASE("what respond() says of random zones is faultless by the reading") {
    std::vector<std::uint8_t> buffer(65535);
    std::map<Where, int> wheres;
    for (std::uint64_t number = 0; number < 30; ++number) {
        World world(number);
        for (std::size_t i = 0; i < 200; ++i) {
            const dns::Name name = world.some_name(i);
            const RrType type = types[world.seed.below(std::size(types))];
            const Case one = ask(world.zones, name, type,
                                 world.seed.below(3) == 0 ? Dnssec::yes : Dnssec::no, buffer);
            const auto faults = one.faults();
            REQUIRE_MESSAGE(faults.empty(),
                            "seed " << number << ", " << one.text() << text_of(faults));
            if (one.reading.served) ++wheres[one.reading.where];
        }
    }
    for (std::size_t i = 0; i < where_count; ++i) CHECK(wheres[static_cast<Where>(i)] > 20);
}

/// The signed sample zones, and every name in and around them.
struct Signed {
    Signed() : zones(1) {
        for (const char* apex :
             {"nsec.example.", "nsec3.example.", "example.com.", "example.net."}) {
            const std::string file = std::string(apex, std::string_view(apex).size() - 1);
            dns::MasterOptions options;
            options.origin = zone::random::name(apex);
            options.include = [](std::string_view path,
                                 std::uint32_t) -> Result<dns::IncludedText> {
                return dns::IncludedText{testkit::read_testdata("zones/" + std::string(path)),
                                         std::string(path)};
            };
            zone::Builder builder;
            builder.begin(options.origin);
            const std::string octets = testkit::read_testdata("zones/" + file + ".zone");
            const auto report = dns::read_master(
                octets, options, [&](const dns::RecordView& record, std::uint64_t) -> Status {
                    if (record.type != RrType::nsec3) names.insert(dns::to_string(record.owner));
                    return builder.add(record);
                });
            REQUIRE_MESSAGE(report.errors.empty(), report.errors[0].text());
            auto image = builder.build();
            REQUIRE(image.has_value());
            zones.insert({options.origin, *std::move(image)});
        }
    }
    /// Names, those below them, their wildcards and their ancestors.
    std::set<std::string> questions() const {
        std::set<std::string> out;
        for (const std::string& name : names) {
            out.insert(name);
            out.insert("zz." + name);
            out.insert("a.b." + name);
            out.insert("*." + name);
            const std::size_t dot = name.find('.');
            if (dot + 1 < name.size()) out.insert(name.substr(dot + 1));
            if (dot + 1 < name.size()) out.insert("00" + name);
        }
        return out;
    }
    catalogue::Catalogue zones;
    std::set<std::string> names;
};

TEST_CASE("what respond() says of the signed zones is faultless by the reading, proofs too") {
    const Signed world;
    std::vector<std::uint8_t> buffer(65535);
    std::set<Proof::Of> proved;
    int asked = 0;
    for (const std::string& name : world.questions())
        for (const RrType type : types)
            for (const Dnssec dnssec : {Dnssec::no, Dnssec::yes}) {
                const Case one = ask(world.zones, zone::random::name(name), type, dnssec, buffer);
                const auto faults = one.faults();
                CHECK_MESSAGE(faults.empty(), one.text() << text_of(faults));
                for (const Proof& proof : one.reading.proofs) proved.insert(proof.of);
                ++asked;
            }
    CHECK(asked > 1000);
    CHECK(proved.size() == 6);
}

/// Changes one thing in a right response at a time; what the reading makes of it.
class Mutator {
public:
    void run(const Case& right) {
        Case one = right;
        one.response.rcode =
            right.response.rcode == Rcode::nxdomain ? Rcode::noerror : Rcode::nxdomain;
        expect(one, What::rcode, "another rcode");
        one = right;
        one.response.rcode = Rcode::refused;
        if (right.reading.served) expect(one, What::rcode, "REFUSED");
        one = right;
        one.response.aa = !one.response.aa;
        expect(one, What::flags, "AA");
        one = right;
        one.response.rd = !one.response.rd;
        expect(one, What::flags, "RD");
        section(right, &dns::Message::answer);
        section(right, &dns::Message::authority);
        section(right, &dns::Message::additional);
        // A record that does not belong there.
        one = right;
        one.response.answer.push_back(
            {right.query.qname, static_cast<RrType>(65290), dns::RrClass::in, 5, {1}});
        expect(one, What::answer, "a record more");
        one = right;
        one.response.authority.push_back(
            {zone::random::name("lies."), RrType::ns, dns::RrClass::in, 5, {0}});
        expect(one, What::authority, "a referral");
        if (!right.reading.soa) {
            one = right;
            one.response.authority.push_back(
                {zone::random::name("lies."), RrType::soa, dns::RrClass::in, 5,
                 zone::random::record("lies.", RrType::soa, "a. b. 1 2 3 4 5").rdata});
            expect(one, What::authority, "a SOA");
        }
    }

    int found = 0, legal = 0, missed = 0;
    std::string first_missed;
    std::map<What, int> whats;

private:
    static bool is_required(const Case& right, const dns::Record& record) {
        return std::ranges::any_of(right.reading.glue, [&](const dns::RrSet& set) {
            return set.type == record.type && dns::equal(set.owner, record.owner);
        });
    }
    static RrType covered(const dns::Record& record) {
        return record.type == RrType::rrsig
                   ? static_cast<RrType>(base::load_u16(record.rdata.data()))
                   : record.type;
    }
    static What what_of(const Case& right, std::vector<dns::Record> dns::Message::*section,
                        const dns::Record& record) {
        if (section == &dns::Message::additional) return What::glue;
        if (section == &dns::Message::answer)
            return record.type == RrType::rrsig && right.query.qtype != RrType::rrsig
                       ? What::proofs
                       : What::answer;
        return record.type == RrType::soa || record.type == RrType::ns ? What::authority
                                                                       : What::proofs;
    }

    void section(const Case& right, std::vector<dns::Record> dns::Message::*of) {
        const auto& records = right.response.*of;
        for (std::size_t i = 0; i < records.size(); ++i) {
            const dns::Record& record = records[i];
            if (of == &dns::Message::additional && !is_required(right, record)) continue;
            const What what = what_of(right, of, record);
            Case one = right;
            // One of several signatures over the same is enough.
            const auto same = std::ranges::count_if(records, [&](const dns::Record& other) {
                return other.type == record.type && covered(other) == covered(record) &&
                       dns::equal(other.owner, record.owner);
            });
            (one.response.*of).erase((one.response.*of).begin() + static_cast<std::ptrdiff_t>(i));
            if (record.type != RrType::rrsig || same == 1)
                expect(one, what, "without " + dns::record_text(record));
            if (record.type == RrType::rrsig) continue;  // ldns says whether another verifies
            one = right;
            (one.response.*of)[i].ttl += 7;
            if (record.type != RrType::nsec && record.type != RrType::nsec3)
                expect(one, what == What::glue ? What::glue : What::ttl, "another TTL");
            one = right;
            if (record.rdata.size() > 1 && dns::fold(record.rdata[1]) == record.rdata[1] &&
                record.type != RrType::nsec && record.type != RrType::nsec3) {
                dns::Record& changed = (one.response.*of)[i];
                const auto number = static_cast<std::size_t>(changed.type);
                changed.rdata.back() ^= number == 2 || number == 5 || number == 39 ||
                                                number == 12 || number == 15 || number == 33
                                            ? 0
                                            : 1;
                if (changed.rdata != record.rdata) expect(one, what, "other data");
            }
            one = right;
            (one.response.*of)[i].owner = zone::random::name("lies.");
            expect(one, what, "another owner");
        }
    }

    void expect(const Case& one, What what, const std::string& change) {
        RuleSet taken;
        const auto faults = faults_of(one.reading, one.query, one.response, taken);
        if (faults.empty()) {
            // A rule may make it right, and it says which.
            for (const RuleRow& row : rules())
                if (row.kind == RuleKind::legal && taken.has(row.rule)) {
                    ++legal;
                    return;
                }
            miss(one, change);
        } else if (std::ranges::none_of(faults,
                                        [&](const Fault& fault) { return fault.what == what; })) {
            miss(one, change + ", found as\n" + text_of(faults));
        } else {
            ++found;
            ++whats[what];
        }
    }
    void miss(const Case& one, const std::string& change) {
        if (missed++ < 3) first_missed += change + "\n" + one.text();
    }
};

TEST_CASE("what is changed in a right response is found, under the right label") {
    std::vector<std::uint8_t> buffer(65535);
    Mutator mutator;
    for (std::uint64_t number = 100; number < 106; ++number) {
        World world(number);
        for (std::size_t i = 0; i < 100; ++i) {
            const RrType type = types[world.seed.below(12)];
            mutator.run(ask(world.zones, world.some_name(i), type, Dnssec::no, buffer));
        }
    }
    const Signed world;
    for (const std::string& name : world.questions())
        for (const RrType type : {RrType::a, RrType::mx, RrType::ds})
            mutator.run(ask(world.zones, zone::random::name(name), type, Dnssec::yes, buffer));
    CHECK_MESSAGE(mutator.missed == 0, mutator.first_missed);
    CHECK(mutator.found > 3000);
    CHECK(mutator.legal < mutator.found / 10);
    for (const What what : {What::rcode, What::flags, What::answer, What::ttl, What::authority,
                            What::proofs, What::glue})
        CHECK(mutator.whats[what] > 40);
}

}  // namespace
}  // namespace zc::compare
