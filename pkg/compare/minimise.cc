#include "compare/minimise.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "answer/answer.h"
#include "compare/reading.h"
#include "dns/presentation.h"
#include "zone/lookup.h"
#include "zone/zone.h"

namespace zc::compare {

namespace {

using dns::Name;
using dns::NameView;
using dns::Rdata;
using dns::RrType;

struct Record {
    Name owner;
    RrType type{};
    std::uint32_t ttl = 0;
    Rdata rdata;
};
struct ZoneData {
    Name apex;
    zone::State state = zone::State::serving;
    std::vector<Record> records;
};

/// A difference: zones, a question, what both sides say, and what is right.
struct Scene {
    std::vector<ZoneData> zones;
    QueryFacts facts;
    dns::Transport transport{};
    std::vector<std::uint8_t> query;
    std::optional<dns::Message> older, newer;  // absent: no answer, or none that can be read
    std::string right;                         // the right response, its records in order
};

/// In what way a side is wrong: what must stay.
struct Mark {
    bool wrong = false;
    What what{};
    std::string clause, sentence;
    bool operator==(const Mark& other) const {
        return wrong == other.wrong && what == other.what && clause == other.clause;
    }
};

std::uint64_t records_of(const std::vector<ZoneData>& zones) {
    return std::accumulate(
        zones.begin(), zones.end(), std::uint64_t{0},
        [](std::uint64_t sum, const ZoneData& one) { return sum + one.records.size(); });
}

dns::Message respond(const catalogue::Catalogue& zones, const Scene& scene) {
    static const answer::Identity node;
    std::vector<std::uint8_t> out(dns::message_octets_max);
    const answer::Outcome outcome = answer::respond(
        scene.query, {.transport = scene.transport, .client = {}, .now = {}, .node = &node}, zones,
        out);
    auto message = dns::parse_message(base::Octets(out).first(outcome.response_octets));
    return message ? *std::move(message) : dns::Message{};
}

std::string sorted_text(const dns::Message& message) {
    const std::string text = dns::message_text(message);
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(text.substr(at, end - at));
        for (char& c : lines.back()) c = static_cast<char>(dns::fold(static_cast<std::uint8_t>(c)));
        at = end + 1;
    }
    std::ranges::sort(lines);
    return std::accumulate(
        lines.begin(), lines.end(), std::string(),
        [](std::string all, const std::string& line) { return std::move(all) + line + '\n'; });
}

Mark mark(const Reading& reading, const QueryFacts& facts,
          const std::optional<dns::Message>& message) {
    if (!message)
        return {true, What::timeout, "", "does not answer, or not with a message that can be read"};
    RuleSet taken;
    const auto faults = faults_of(reading, facts, *message, taken);
    if (faults.empty()) return {};
    return {true, faults[0].what, faults[0].clause, "gives " + faults[0].sentence};
}

/// False when a zone cannot be built any more.
bool build(const std::vector<ZoneData>& zones, catalogue::Catalogue& out) {
    zone::Builder builder;
    for (const ZoneData& one : zones) {
        if (one.state != zone::State::serving) {
            out.insert({one.apex, zone::placeholder(one.apex, one.state)});
            continue;
        }
        builder.begin(one.apex);
        for (const Record& record : one.records)
            if (!builder.add({record.owner, record.type, record.ttl, record.rdata},
                             zone::Builder::Rdata::checked))
                return false;
        auto image = builder.build();
        if (!image) return false;
        out.insert({one.apex, *std::move(image)});
    }
    return true;
}

/// A name in another form; the same for all names of a scene.
using Renaming = std::function<Name(NameView)>;

/// As `dns::names_in`, and the target of an ALIAS out of zone data. (A record with its number in a
/// message has octets of any kind.)
std::size_t names_in(RrType type, const Rdata& rdata,
                     std::span<dns::NamePlace, dns::rdata_names_max> places) {
    if (type != RrType::alias) return dns::names_in(type, rdata, places);
    const auto target = Name::from_wire(rdata);
    if (!target || target->size() != rdata.size()) return 0;
    places[0] = {0, static_cast<std::uint16_t>(rdata.size()), dns::Field::name};
    return 1;
}

void rename_rdata(RrType type, Rdata& rdata, const Renaming& rename) {
    dns::NamePlace places[dns::rdata_names_max];
    const std::size_t count = names_in(type, rdata, places);
    for (std::size_t i = count; i-- > 0;) {
        const std::size_t offset = places[i].offset, octets = places[i].octets;
        const Name name = rename(NameView(base::Octets(rdata).subspan(offset, octets)));
        const auto at = rdata.begin() + static_cast<std::ptrdiff_t>(offset);
        rdata.erase(at, at + static_cast<std::ptrdiff_t>(octets));
        rdata.insert(rdata.begin() + static_cast<std::ptrdiff_t>(offset), name.wire().begin(),
                     name.wire().end());
    }
}

dns::Message renamed(dns::Message message, const Renaming& rename) {
    for (auto* section : {&message.answer, &message.authority, &message.additional})
        for (dns::Record& record : *section) {
            record.owner = rename(record.owner);
            rename_rdata(record.type, record.rdata, rename);
        }
    return message;
}

class Shrinker {
public:
    Shrinker(Scene scene, Mark older, Mark newer, std::uint64_t trials_max)
        : scene_(std::move(scene)),
          older_(std::move(older)),
          newer_(std::move(newer)),
          trials_max_(trials_max) {}

    std::uint64_t trials() const { return trials_; }
    const Scene& scene() const { return scene_; }

    void run(const std::set<std::string>& near_names) {
        keep_near(near_names);
        without_zones();
        for (;;) {
            const std::uint64_t before = records_of(scene_.zones);
            without(&same_owner);
            without(&same_rrset);
            without([](const Record&, const Record&) { return false; });
            if (records_of(scene_.zones) == before || trials_ >= trials_max_) break;
        }
        // Signatures cover the names, so the names stay.
        const bool is_signed = std::ranges::any_of(scene_.zones, [](const ZoneData& one) {
            return std::ranges::any_of(one.records, [](const Record& record) {
                return record.type == RrType::rrsig || record.type == RrType::nsec ||
                       record.type == RrType::nsec3;
            });
        });
        if (is_signed) return;
        while (drop_label()) {
        }
        shorten_labels();
    }

private:
    static bool same_owner(const Record& a, const Record& b) {
        return dns::equal(a.owner, b.owner);
    }
    static bool same_rrset(const Record& a, const Record& b) {
        return a.type == b.type && dns::equal(a.owner, b.owner);
    }

    bool holds(const Scene& scene) {
        ++trials_;
        catalogue::Catalogue zones(1, scene.zones.size());
        if (!build(scene.zones, zones)) return false;
        const Reading reading = read_zones(zones, scene.facts);
        return mark(reading, scene.facts, scene.older) == older_ &&
               mark(reading, scene.facts, scene.newer) == newer_ &&
               sorted_text(respond(zones, scene)) == scene.right;
    }
    /// Takes `zones` in place of those at hand if they still show it.
    bool take(std::vector<ZoneData> zones) {
        if (trials_ >= trials_max_) return false;
        std::swap(scene_.zones, zones);
        if (holds(scene_)) return true;
        std::swap(scene_.zones, zones);
        return false;
    }

    /// Everything far from the lookup at once: from any size to a handful, mostly.
    void keep_near(const std::set<std::string>& near_names) {
        std::vector<ZoneData> zones = scene_.zones;
        for (ZoneData& one : zones)
            std::erase_if(one.records, [&](const Record& record) {
                Name owner = record.owner;
                owner.fold_case();
                return record.type != RrType::soa && !near_names.contains(dns::to_string(owner));
            });
        take(std::move(zones));
    }

    void without_zones() {
        for (std::size_t i = scene_.zones.size(); i-- > 0;) {
            std::vector<ZoneData> zones = scene_.zones;
            zones.erase(zones.begin() + static_cast<std::ptrdiff_t>(i));
            take(std::move(zones));
        }
    }

    /// Delta debugging, zone by zone: groups of records that stand together are removed in chunks
    /// that halve.
    void without(const std::function<bool(const Record&, const Record&)>& together) {
        for (std::size_t z = 0; z < scene_.zones.size(); ++z) {
            std::vector<std::vector<Record>> groups;
            std::vector<Record> fixed;
            for (const Record& record : scene_.zones[z].records) {
                if (record.type == RrType::soa)
                    fixed.push_back(record);
                else if (!groups.empty() && together(groups.back().front(), record))
                    groups.back().push_back(record);
                else
                    groups.push_back({record});
            }
            for (std::size_t chunk = std::max<std::size_t>(1, groups.size() / 2);;
                 chunk = (chunk + 1) / 2) {
                for (std::size_t begin = 0; begin < groups.size() && trials_ < trials_max_;) {
                    const std::size_t end = std::min(groups.size(), begin + chunk);
                    std::vector<Record> records = fixed;
                    for (std::size_t i = 0; i < groups.size(); ++i)
                        if (i < begin || i >= end)
                            records.insert(records.end(), groups[i].begin(), groups[i].end());
                    std::swap(scene_.zones[z].records, records);
                    if (holds(scene_)) {
                        groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(begin),
                                     groups.begin() + static_cast<std::ptrdiff_t>(end));
                    } else {
                        std::swap(scene_.zones[z].records, records);
                        begin = end;
                    }
                }
                if (chunk == 1 || trials_ >= trials_max_) break;
            }
        }
    }

    bool take_renamed(const Renaming& rename) {
        if (trials_ >= trials_max_) return false;
        Scene next = scene_;
        for (ZoneData& one : next.zones) {
            one.apex = rename(one.apex);
            for (Record& record : one.records) {
                record.owner = rename(record.owner);
                rename_rdata(record.type, record.rdata, rename);
            }
        }
        next.facts.qname = rename(next.facts.qname);
        const auto query = dns::parse_message(next.query);
        if (!query || query->questions.size() != 1) return false;
        dns::Message asked = *query;
        asked.questions[0].name = next.facts.qname;
        const auto octets = dns::encode_message(asked);
        if (!octets) return false;
        next.query = *octets;
        if (next.older) next.older = renamed(*std::move(next.older), rename);
        if (next.newer) next.newer = renamed(*std::move(next.newer), rename);
        catalogue::Catalogue zones(1);
        if (!build(scene_.zones, zones)) return false;
        next.right = sorted_text(renamed(respond(zones, scene_), rename));
        if (!holds(next)) return false;
        scene_ = std::move(next);
        return true;
    }

    /// Takes one label out of the question, and out of all names that end like it. Apexes stay, and
    /// what is below one does not become one.
    bool drop_label() {
        std::size_t apex_labels = 0;
        for (const ZoneData& one : scene_.zones)
            if (scene_.facts.qname.view().is_within(one.apex))
                apex_labels = std::max(apex_labels, one.apex.view().labels());
        if (scene_.facts.qname.view().labels() <= apex_labels + 1) return false;
        for (NameView at = scene_.facts.qname; at.labels() > apex_labels; at = at.parent()) {
            const Name with(at);
            const Name without(at.parent());
            const Renaming rename = [&](NameView name) {
                if (!name.is_within(with)) return Name(name);
                std::vector<std::uint8_t> wire(
                    name.wire().begin(),
                    name.wire().end() - static_cast<std::ptrdiff_t>(with.size()));
                wire.insert(wire.end(), without.wire().begin(), without.wire().end());
                return Name(NameView(base::Octets(wire)));
            };
            if (take_renamed(rename)) return true;
        }
        return false;
    }

    /// Long labels become single letters that no label is yet.
    void shorten_labels() {
        std::set<std::string> labels;  // folded
        const Renaming collect = [&](NameView name) {
            for (NameView at = name; !at.is_root(); at = at.parent()) {
                std::string label;
                for (const std::uint8_t octet : at.label())
                    label.push_back(static_cast<char>(dns::fold(octet)));
                labels.insert(std::move(label));
            }
            return Name(name);
        };
        for (ZoneData& one : scene_.zones)
            for (Record& record : one.records) {
                collect(record.owner);
                rename_rdata(record.type, record.rdata, collect);
            }
        collect(scene_.facts.qname);
        const auto long_labels = labels;
        for (const std::string& old : long_labels) {
            // Labels of a sensible length say more than a letter.
            if (old.size() <= 12 || old[0] == '_') continue;
            std::optional<char> letter;
            for (char c = 'a'; c <= 'z' && !letter; ++c)
                if (!labels.contains(std::string(1, c))) letter = c;
            if (!letter) return;
            const Renaming rename = [&](NameView name) {
                std::vector<std::uint8_t> wire;
                for (NameView at = name; !at.is_root(); at = at.parent()) {
                    const bool same =
                        std::ranges::equal(at.label(), old, [](std::uint8_t a, char b) {
                            return static_cast<char>(dns::fold(a)) == b;
                        });
                    if (same) {
                        wire.push_back(1);
                        wire.push_back(static_cast<std::uint8_t>(*letter));
                    } else {
                        wire.push_back(static_cast<std::uint8_t>(at.label().size()));
                        wire.insert(wire.end(), at.label().begin(), at.label().end());
                    }
                }
                wire.push_back(0);
                return Name(NameView(base::Octets(wire)));
            };
            if (take_renamed(rename)) labels.insert(std::string(1, *letter));
        }
    }

    Scene scene_;
    Mark older_, newer_;
    std::uint64_t trials_max_, trials_ = 0;
};

/// Names that the lookup goes by: each with its ancestors, their wildcards, and the names in the
/// RDATA of what is there.
std::set<std::string> names_near(const Reading& reading, const dns::Message& right) {
    std::set<std::string> out;
    const auto add = [&](NameView name) {
        static constexpr std::uint8_t asterisk[] = {'*'};
        for (NameView at = name;; at = at.parent()) {
            Name folded(at);
            folded.fold_case();
            out.insert(dns::to_string(folded));
            if (auto wildcard = Name::join(asterisk, folded)) out.insert(dns::to_string(*wildcard));
            if (at.is_root()) break;
        }
    };
    const auto add_rdata = [&](RrType type, const Rdata& rdata) {
        dns::NamePlace places[dns::rdata_names_max];
        const std::size_t count = names_in(type, rdata, places);
        for (std::size_t i = 0; i < count; ++i)
            add(NameView(base::Octets(rdata).subspan(places[i].offset, places[i].octets)));
    };
    for (const ReadingStep& one : reading.steps) {
        add(one.name);
        for (const dns::RrSet& set : one.records) {
            add(set.owner);
            for (const Rdata& rdata : set.rdatas) add_rdata(set.type, rdata);
        }
    }
    for (const auto* section : {&right.answer, &right.authority, &right.additional})
        for (const dns::Record& record : *section) {
            add(record.owner);
            add_rdata(record.type, record.rdata);
        }
    return out;
}

std::vector<ZoneData> zones_touched(const catalogue::Catalogue& zones, const Reading& reading,
                                    const QueryFacts& facts) {
    std::vector<ZoneData> out;
    const auto add = [&](NameView name) {
        const auto found = zones.find(name);
        if (!found || std::ranges::any_of(out, [&](const ZoneData& one) {
                return dns::equal(one.apex, found->apex());
            }))
            return;
        ZoneData one{Name(found->apex()), found->state(), {}};
        if (one.state == zone::State::serving)
            zone::for_each_record(*found, [&](const dns::RecordView& record) {
                one.records.push_back({Name(record.owner),
                                       record.type,
                                       record.ttl,
                                       {record.rdata.begin(), record.rdata.end()}});
            });
        out.push_back(std::move(one));
    };
    const auto add_both = [&](NameView name) {
        add(name);
        if (!name.is_root()) add(name.parent());  // that may have the DS
    };
    add_both(facts.qname);
    for (const ReadingStep& one : reading.steps) {
        add_both(one.name);
        for (const dns::RrSet& set : one.records)
            if (set.type == RrType::alias)
                for (const Rdata& rdata : set.rdatas)
                    if (const auto target = Name::from_wire(rdata)) add_both(*target);
    }
    return out;
}

std::string script_of(const Scene& scene, const Mark& older, const Mark& newer) {
    std::string out;
    for (const auto& [mark, who] : {std::pair(&older, "old"), std::pair(&newer, "new")})
        if (mark->wrong)
            out += std::string("# The ") + who + " server " + mark->sentence +
                   (mark->clause.empty() ? "" : " (" + mark->clause + ")") + ".\n";
    catalogue::Catalogue zones(1);
    if (!build(scene.zones, zones)) return out;
    for (const ZoneData& one : scene.zones) {
        const std::string apex = dns::to_string(one.apex);
        if (one.state != zone::State::serving) {
            out += "placeholder " + apex + " " +
                   (one.state == zone::State::pending  ? "pending"
                    : one.state == zone::State::broken ? "broken"
                                                       : "unsigned") +
                   "\n----\nok\n\n";
            continue;
        }
        out += "zone\n";
        zone::for_each_record(*zones.find_exact(one.apex), [&](const dns::RecordView& record) {
            out += dns::record_text({Name(record.owner),
                                     record.type,
                                     dns::RrClass::in,
                                     record.ttl,
                                     {record.rdata.begin(), record.rdata.end()}}) +
                   "\n";
        });
        out += "----\nok\n\n";
    }
    const QueryFacts& facts = scene.facts;
    const dns::Message right = respond(zones, scene);
    RuleSet taken;
    const auto faults = faults_of(read_zones(zones, facts), facts, right, taken);
    for (const Fault& one : faults)
        out += "# By the reading this response has a fault: " + one.sentence + " (" + one.clause +
               ").\n";
    out += "query " + dns::to_string(facts.qname) + " " + dns::to_string(facts.qtype);
    if (facts.dnssec_ok) out += " do";
    if (facts.edns && (!facts.dnssec_ok || facts.udp_octets_max != 1232))
        out += " edns=" + std::to_string(facts.udp_octets_max);
    if (facts.recursion_desired) out += " rd";
    if (facts.qclass != dns::RrClass::in) out += " class=" + dns::to_string(facts.qclass);
    if (scene.transport != dns::Transport::udp) out += " tcp";
    return out + "\n----\n" + dns::message_text(right);
}

}  // namespace

Result<Minimised> minimise(const catalogue::Catalogue& zones, const Asked& asked,
                           base::Octets older, base::Octets newer, std::uint64_t trials_max) {
    Scene scene;
    ZC_TRY(scene.facts, read_query(asked.query));
    scene.transport = asked.transport;
    scene.query.assign(asked.query.begin(), asked.query.end());
    if (auto message = dns::parse_message(older)) scene.older = *std::move(message);
    if (auto message = dns::parse_message(newer)) scene.newer = *std::move(message);

    const Reading reading = read_zones(zones, scene.facts);
    const Mark of_older = mark(reading, scene.facts, scene.older);
    const Mark of_newer = mark(reading, scene.facts, scene.newer);
    if (!of_older.wrong && !of_newer.wrong)
        return fail(Errc::invalid, "by the zone data neither side is wrong: nothing to keep");
    const dns::Message right = respond(zones, scene);
    scene.right = sorted_text(right);
    scene.zones = zones_touched(zones, reading, scene.facts);

    Minimised out;
    out.records_before = records_of(scene.zones);
    Shrinker shrinker(std::move(scene), of_older, of_newer, trials_max);
    shrinker.run(names_near(reading, right));
    out.records_after = records_of(shrinker.scene().zones);
    out.trials = shrinker.trials();
    // With the sentences of what is left: names in them may have become shorter.
    catalogue::Catalogue left(1);
    Mark last_older = of_older, last_newer = of_newer;
    if (build(shrinker.scene().zones, left)) {
        const Reading last = read_zones(left, shrinker.scene().facts);
        last_older = mark(last, shrinker.scene().facts, shrinker.scene().older);
        last_newer = mark(last, shrinker.scene().facts, shrinker.scene().newer);
    }
    out.script = script_of(shrinker.scene(), last_older, last_newer);
    return out;
}

}  // namespace zc::compare
