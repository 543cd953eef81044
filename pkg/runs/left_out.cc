#include "runs/left_out.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "compare/compare.h"
#include "dns/message.h"
#include "dns/name.h"
#include "fold/store_view.h"
#include "fold/stored_zone.h"
#include "settings/settings.h"
#include "store/store.h"
#include "zone/zone.h"

namespace zc::runs {
namespace {

/// Name and type, as the old server has them.
struct Had {
    dns::Name owner;
    std::string type;
};

struct HadByOlder {
    std::vector<Had> records;
    bool answers = false;
};

HadByOlder had_by_older(const judge::Sample& sample, const compare::QueryFacts& facts) {
    HadByOlder out;
    const auto add = [&out](const dns::Name& owner, dns::RrType type) {
        out.records.push_back({owner, dns::to_string(type)});
    };
    const auto older = dns::parse_message(sample.older);
    if (!older) return out;
    out.answers = !older->answer.empty();
    for (const auto* section : {&older->answer, &older->authority, &older->additional})
        for (const dns::Record& record : *section) add(record.owner, record.type);
    // It may deny what is denied here too, and yet differently.
    add(facts.qname, facts.qtype);
    return out;
}

/// A row of `records` as an import reports it: "www.example MX 20 mail.example", the name as in its
/// database.
struct LeftOutRow {
    dns::Name owner;
    std::string type;
};
std::optional<LeftOutRow> read_row(std::string_view record) {
    const std::string_view name = record.substr(0, record.find(' '));
    std::string_view rest = record.substr(std::min(record.size(), name.size() + 1));
    auto owner = dns::Name::parse(name);
    if (!owner) return std::nullopt;
    LeftOutRow out{*std::move(owner), std::string(rest.substr(0, rest.find(' ')))};
    for (char& c : out.type) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

bool makes(const LeftOutRow& row, const Had& had) {
    if (row.type != had.type) return false;
    const dns::NameView owner = row.owner;
    return dns::equal(owner, had.owner) ||
           (owner.is_wildcard() && had.owner.view().is_within(owner.parent()));
}

Result<std::optional<std::string>> left_out_of(fold::StoreView& store,
                                               const judge::Sample& sample) {
    const auto facts = compare::read_query(sample.query);
    if (!facts) return std::nullopt;
    const store::StoredZone* zone = nullptr;
    for (dns::NameView name = facts->qname;; name = name.parent()) {
        const std::string key = fold::key_of(name);
        ZC_TRY(zone, store.find_or_null(fold::octets_of(key)));
        if (zone != nullptr || name.is_root()) break;
    }
    if (zone == nullptr) return std::nullopt;
    ZC_TRY(const auto state, fold::decode_state(zone->state));
    if (state.state == zone::State::unsigned_) return "withheld: signed by PowerDNS";
    settings::ZoneSettings settings;
    ZC_TRY_STATUS(settings::decode(zone->settings, settings));
    if (state.hidden) return "not served: its SOA is disabled, so PowerDNS did not serve it either";
    const HadByOlder had = had_by_older(sample, *facts);
    std::string found;
    std::size_t more = 0;
    const auto add = [&](const settings::LeftOut& one) {
        if (!found.empty())
            ++more;
        else if (one.record.empty())
            found = "zone refused at import: " + one.reason;
        else
            found = "row refused at import: " + one.record + ": " + one.reason;
    };
    // A row at or below a name makes the name exist, which an answer without records tells.
    for (const bool below : {false, true}) {
        if (!found.empty() || (below && had.answers)) break;
        for (const settings::LeftOut& one : settings.left_out) {
            if (one.record.empty()) {
                if (!below) add(one);
                continue;
            }
            const auto row = read_row(one.record);
            if (row && (below ? row->owner.view().is_within(facts->qname)
                              : std::ranges::any_of(had.records, [&](const Had& name_and_type) {
                                    return makes(*row, name_and_type);
                                })))
                add(one);
        }
    }
    if (found.empty()) return std::nullopt;
    if (more != 0) found += " (and " + std::to_string(more) + " more)";
    return found;
}

}  // namespace

Result<std::optional<std::string>> left_out_of(const std::string& store_path,
                                               const judge::Sample& sample) {
    ZC_TRY(auto store, fold::StoreView::open(store_path));
    return left_out_of(store, sample);
}

Status name_left_out(const std::string& store_path, std::span<judge::Stretch> stretches) {
    std::optional<fold::StoreView> store;  // not longer than it is needed: it holds up the writer
    for (judge::Stretch& stretch : stretches)
        for (judge::Sample& sample : stretch.samples) {
            compare::Judgement& judgement = sample.judgement;
            if (judgement.verdict != compare::Verdict::undecided ||
                judgement.what == compare::What::timeout)
                continue;
            if (!store) {
                ZC_TRY(fold::StoreView opened, fold::StoreView::open(store_path));
                store = std::move(opened);
            }
            ZC_TRY(auto sentence, left_out_of(*store, sample));
            if (sentence) judgement.sentence = *std::move(sentence);
        }
    return {};
}

}  // namespace zc::runs
