// Random zones and random questions: what respond() says is what RFC 1034 section 4.3.2, read word
// by word over a std::map, says.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "answer/answer.h"
#include "base/seed.h"
#include "dns/message.h"
#include "dns/presentation.h"
#include "zone/random_zone.h"

namespace zc::answer {
namespace {

using dns::Rcode;
using dns::RrType;
using zone::random::Path;
using zone::random::Record;
using zone::random::Reference;

dns::Name folded(dns::Name name) {
    name.fold_case();
    return name;
}

struct Set {
    std::uint32_t ttl = 0xffffffff;
    std::set<std::string> texts;
    std::vector<dns::Rdata> rdatas;
};

struct ModelZone {
    dns::Name apex;
    Reference names;
    std::map<Path, std::map<RrType, Set>> sets;

    ModelZone(const dns::Name& apex_name, const std::vector<Record>& records)
        : apex(folded(apex_name)), names(apex, records) {
        for (Record one : records) {
            dns::fold_rdata(one.type, one.rdata);
            Set& set = sets[zone::random::path(one.owner)][one.type];
            set.ttl = std::min(set.ttl, one.ttl);
            if (set.texts.insert(dns::rdata_text(one.type, one.rdata)).second)
                set.rdatas.push_back(one.rdata);
        }
    }
    const Set* find(const Path& at, RrType type) const {
        const auto owner = sets.find(at);
        if (owner == sets.end()) return nullptr;
        const auto set = owner->second.find(type);
        return set == owner->second.end() ? nullptr : &set->second;
    }
};

struct Answer {
    Rcode rcode = Rcode::noerror;
    bool aa = false;
    std::multiset<std::string> answer, authority, additional;

    bool operator==(const Answer&) const = default;
    std::string text() const {
        std::string out = dns::to_string(rcode) + (aa ? " aa\n" : "\n");
        for (const auto& one : answer) out += "answer " + one + '\n';
        for (const auto& one : authority) out += "authority " + one + '\n';
        for (const auto& one : additional) out += "additional " + one + '\n';
        return out;
    }
};

void put(std::multiset<std::string>& section, const dns::Name& owner, RrType type, const Set& set,
         std::uint32_t ttl_max = 0xffffffff) {
    for (const std::string& text : set.texts)
        section.insert(dns::to_string(owner) + " " + std::to_string(std::min(ttl_max, set.ttl)) +
                       " " + dns::to_string(type) + " " + text);
}

class Model {
public:
    std::vector<ModelZone> zones;

    const ModelZone* zone_of(const dns::Name& name, RrType type) const {
        const ModelZone* best = nullptr;
        const ModelZone* second = nullptr;
        for (const ModelZone& one : zones) {
            if (!name.view().is_within(one.apex)) continue;
            if (best == nullptr || one.apex.size() > best->apex.size()) {
                second = best;
                best = &one;
            } else if (second == nullptr || one.apex.size() > second->apex.size()) {
                second = &one;
            }
        }
        // RFC 4035 section 3.1.4.1.
        if (type == RrType::ds && best != nullptr && second != nullptr &&
            dns::equal(best->apex, name)) {
            const auto found = second->names.find(name);
            if (found.kind == Reference::Kind::delegation && found.node == zone::random::path(name))
                return second;
        }
        return best;
    }

    /// Whether an ALIAS at the name itself gives its answer.
    bool is_flattened(const dns::Name& name, RrType type) const {
        const ModelZone* zone = zone_of(name, type);
        if (zone == nullptr) return false;
        const auto found = zone->names.find(name);
        return found.kind != Reference::Kind::dname && found.kind != Reference::Kind::delegation &&
               found.kind != Reference::Kind::nxdomain && zone->find(found.node, type) == nullptr &&
               !flatten(*zone, found.node, name, type).texts.empty();
    }

    Answer ask(dns::Name name, RrType type) const {
        Answer out;
        std::set<std::string> seen;
        const ModelZone* zone = zone_of(name, type);
        if (zone == nullptr) {
            out.rcode = Rcode::refused;
            return out;
        }
        for (int links = 0;; ++links) {
            if (!seen.insert(dns::to_string(name)).second) return out;
            const auto found = zone->names.find(name);
            const bool ds_at_cut = found.kind == Reference::Kind::delegation &&
                                   type == RrType::ds && found.node == zone::random::path(name);
            if (found.kind == Reference::Kind::delegation && !ds_at_cut) {
                refer(*zone, name, found.labels, out);
                return out;
            }
            out.aa = true;
            std::optional<dns::Name> target;
            if (found.kind == Reference::Kind::dname) {
                if (links == 40) return out;
                const Set& set = *zone->find(found.node, RrType::dname);
                const dns::Name owner = suffix(name, found.labels);
                const std::string first = dns::to_string(owner) + " ";
                if (std::ranges::none_of(out.answer, [&](const std::string& text) {
                        return text.starts_with(first) && text.find(" DNAME ") != std::string::npos;
                    }))
                    put(out.answer, owner, RrType::dname, set);
                std::vector<std::uint8_t> wire(
                    name.wire().begin(),
                    name.wire().end() - static_cast<std::ptrdiff_t>(owner.size()));
                wire.insert(wire.end(), set.rdatas[0].begin(), set.rdatas[0].end());
                if (wire.size() > 255) {
                    out.rcode = Rcode::yxdomain;
                    return out;
                }
                target = dns::Name(dns::NameView(wire));
                out.answer.insert(dns::to_string(name) + " " + std::to_string(set.ttl) + " CNAME " +
                                  dns::to_string(*target));
                if (type == RrType::cname) return out;
            } else if (found.kind == Reference::Kind::nxdomain) {
                out.rcode = Rcode::nxdomain;
                deny(*zone, out);
                return out;
            } else if (const Set* set = zone->find(found.node, type)) {
                // A DNAME that led the chain to its own owner stands there once (RFC 2181 section
                // 5).
                const std::string first = dns::to_string(name) + " ";
                if (type != RrType::dname ||
                    std::ranges::none_of(out.answer, [&](const std::string& text) {
                        return text.starts_with(first) && text.find(" DNAME ") != std::string::npos;
                    }))
                    put(out.answer, name, type, *set);
                return out;
            } else if (const Set* alias = zone->find(found.node, RrType::cname)) {
                if (links == 40) return out;
                put(out.answer, name, RrType::cname, *alias);
                target = dns::Name(dns::NameView(alias->rdatas[0]));
            } else if (const Set addresses = flatten(*zone, found.node, name, type);
                       !addresses.texts.empty()) {
                put(out.answer, name, type, addresses);
                return out;
            } else {
                deny(*zone, out);
                return out;
            }
            name = *target;
            zone = zone_of(name, type);
            if (zone == nullptr) return out;
        }
    }

private:
    /// The addresses of the ALIAS at a name, with the least TTL on the way to them.
    Set flatten(const ModelZone& first, Path node, dns::Name name, RrType type) const {
        if (type != RrType::a && type != RrType::aaaa) return {};
        const ModelZone* zone = &first;
        RrType link = RrType::alias;
        Set out;
        for (int links = 0; links < 40; ++links) {
            const Set* set = zone->find(node, link);
            if (set == nullptr) return {};
            out.ttl = std::min(out.ttl, set->ttl);
            const dns::Rdata& rdata = *std::ranges::min_element(set->rdatas);
            std::vector<std::uint8_t> wire;
            if (link == RrType::dname) {
                const std::size_t owner = suffix(name, node.size()).size();
                wire.assign(name.wire().begin(),
                            name.wire().end() - static_cast<std::ptrdiff_t>(owner));
            }
            wire.insert(wire.end(), rdata.begin(), rdata.end());
            if (wire.size() > 255) return {};
            name = folded(dns::Name(dns::NameView(wire)));
            zone = zone_of(name, type);
            if (zone == nullptr) return {};
            const auto found = zone->names.find(name);
            if (found.kind == Reference::Kind::nxdomain ||
                found.kind == Reference::Kind::delegation)
                return {};
            node = found.node;
            if (found.kind == Reference::Kind::dname) {
                link = RrType::dname;
            } else if (const Set* addresses = zone->find(node, type)) {
                out.ttl = std::min(out.ttl, addresses->ttl);
                out.texts = addresses->texts;
                return out;
            } else {
                link = zone->find(node, RrType::cname) != nullptr ? RrType::cname : RrType::alias;
            }
        }
        return {};
    }
    static dns::Name suffix(const dns::Name& name, std::size_t labels) {
        dns::NameView view = name;
        while (view.labels() > labels) view = view.parent();
        return dns::Name(view);
    }
    static void deny(const ModelZone& zone, Answer& out) {
        const Set& soa = *zone.find(zone.names.apex, RrType::soa);
        put(out.authority, zone.apex, RrType::soa, soa,
            base::load_u32(soa.rdatas[0].data() + soa.rdatas[0].size() - 4));
    }
    static void refer(const ModelZone& zone, const dns::Name& name, std::size_t labels,
                      Answer& out) {
        const dns::Name cut = suffix(name, labels);
        const Set& ns = *zone.find(zone::random::path(cut), RrType::ns);
        put(out.authority, cut, RrType::ns, ns);
        for (const dns::Rdata& rdata : ns.rdatas) {
            const dns::Name target{dns::NameView(rdata)};
            if (!target.view().is_within(zone.apex)) continue;
            for (const RrType type : {RrType::a, RrType::aaaa})
                if (const Set* glue = zone.find(zone::random::path(target), type))
                    put(out.additional, target, type, *glue);
        }
    }
};

TEST_CASE(
    "random questions to random zones are answered as the RFCs' algorithm over a map answers "
    "them") {
    constexpr std::string_view apexes[] = {"example.", "a.example.", "b.a.example.", "www.example.",
                                           "net."};
    static constexpr RrType types[] = {RrType::a,   RrType::aaaa,  RrType::mx,
                                       RrType::txt, RrType::cname, RrType::ns,
                                       RrType::ds,  RrType::soa,   RrType::dname,
                                       RrType::ptr, RrType::srv,   static_cast<RrType>(65280)};
    std::map<Rcode, int> rcodes;
    std::size_t chains = 0, referrals = 0, flattened = 0;
    for (std::uint64_t number = 0; number < 100; ++number) {
        base::Seed seed(number);
        Model model;
        catalogue::Catalogue zones(seed.next());
        std::vector<dns::Name> interesting, aliases, hosts;
        for (const std::string_view apex : apexes) {
            if (seed.below(3) == 0) continue;
            const zone::random::Shape shape{.apex = apex,
                                            .owners = 1 + seed.below(number % 15 == 14 ? 400 : 40),
                                            .depth_max = 1 + seed.below(4)};
            std::vector<Record> records = zone::random::records(seed, shape);
            // Names of other zones as targets, so that chains cross.
            for (Record& one : records) {
                if (!interesting.empty() &&
                    (one.type == RrType::cname || one.type == RrType::dname) &&
                    seed.below(3) == 0) {
                    const dns::Name& to = interesting[seed.below(interesting.size())];
                    one.rdata.assign(to.wire().begin(), to.wire().end());
                }
                if (one.type == RrType::a || one.type == RrType::aaaa ||
                    one.type == RrType::cname || one.type == RrType::alias)
                    hosts.push_back(one.owner);
                if (!hosts.empty() && one.type == RrType::txt && seed.below(4) != 0) {
                    const dns::Name& to = hosts[seed.below(hosts.size())];
                    one.type = RrType::alias;
                    one.rdata.assign(to.wire().begin(), to.wire().end());
                }
            }
            for (const Record& one : records) {
                interesting.push_back(one.owner);
                if (one.type == RrType::cname || one.type == RrType::alias)
                    aliases.push_back(one.owner);
                static constexpr std::uint8_t label[] = {'b'};
                if (one.type == RrType::dname)
                    if (const auto below = dns::Name::join(label, one.owner))
                        aliases.push_back(*below);
            }
            const dns::Name name = zone::random::name(apex);
            auto image = zone::random::build(name, records);
            REQUIRE(image.has_value());
            zones.insert({name, *std::move(image)});
            model.zones.emplace_back(name, records);
        }
        std::vector<std::uint8_t> buffer(65535);
        const Identity node;
        for (int i = 0; i < 300; ++i) {
            const zone::random::Shape shape{.apex = apexes[seed.below(std::size(apexes))],
                                            .depth_max = 5};
            dns::Name name = zone::random::name(zone::random::random_name(seed, shape));
            if (i % 3 == 0 && !interesting.empty())
                name = interesting[seed.below(interesting.size())];
            if (i % 3 == 1 && !aliases.empty()) name = aliases[seed.below(aliases.size())];
            name.fold_case();
            // Names with a chain or an ALIAS are asked for addresses more often.
            const RrType type = types[seed.below(i % 6 == 1 ? 2 : std::size(types))];
            const auto query = dns::encode_query(name, type, {});
            const Outcome outcome = respond(
                query, {.transport = dns::Transport::tcp, .client = {}, .now = {}, .node = &node},
                zones, buffer);
            const auto message =
                dns::parse_message(base::Octets(buffer).first(outcome.response_octets));
            REQUIRE(message.has_value());
            Answer got{message->rcode, message->aa, {}, {}, {}};
            for (const dns::Record& one : message->answer) got.answer.insert(dns::record_text(one));
            for (const dns::Record& one : message->authority)
                got.authority.insert(dns::record_text(one));
            for (const dns::Record& one : message->additional)
                got.additional.insert(dns::record_text(one));
            const Answer wanted = model.ask(name, type);
            REQUIRE_MESSAGE(got == wanted, "seed " << number << ", " << dns::to_string(name) << " "
                                                   << dns::to_string(type) << "\nwanted:\n"
                                                   << wanted.text() << "got:\n"
                                                   << got.text());
            ++rcodes[got.rcode];
            flattened += model.is_flattened(name, type);
            chains += got.answer.size() > 2 && message->answer[0].type != type;
            referrals += !got.aa && !got.authority.empty();
        }
    }
    // The zones were worth asking.
    for (const Rcode rcode : {Rcode::noerror, Rcode::nxdomain, Rcode::refused})
        CHECK(rcodes[rcode] > 1000);
    CHECK(chains > 1000);
    CHECK(referrals > 500);
    CHECK(flattened > 200);
}

}  // namespace
}  // namespace zc::answer
