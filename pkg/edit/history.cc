#include "edit/history.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "base/utc_text.h"
#include "dns/presentation.h"
#include "settings/settings_change.h"
#include "zone/apply.h"

namespace zc::edit {
namespace {

using dns::RrType;
using zone::Change;
using zone::SetView;

constexpr std::size_t soa_numbers_octets = 20;  // serial, refresh, retry, expire, minimum

struct SetOrder {
    bool operator()(const zone::SetKey& a, const zone::SetKey& b) const noexcept {
        return zone::compare(a, b) < 0;
    }
};
/// The sets of a change, borrowed.
using Sets = std::map<zone::SetKey, SetView, SetOrder>;

Sets sets_of(const Change& change) {
    Sets out;
    for (Change::Cursor sets(change); sets.more();) {
        const SetView set = sets.next();
        out.emplace(set.key, set);
    }
    return out;
}

/// The one SOA record of a set; empty: there is none.
dns::Rdata soa_of(const Sets& sets) {
    const auto found = sets.find(zone::SetKey{{}, RrType::soa, RrType{}});
    dns::Rdata soa;
    if (found != sets.end())
        found->second.for_each_rdata(
            [&](base::Octets rdata) { soa.assign(rdata.begin(), rdata.end()); });
    return soa.size() < soa_numbers_octets ? dns::Rdata() : soa;
}
std::uint32_t serial_of(const dns::Rdata& soa) {
    return soa.empty() ? 0 : base::load_u32(&soa[soa.size() - soa_numbers_octets]);
}

class Differ {
public:
    Differ(const PastChange& change, dns::NameView apex, HistoryItem& item)
        : change_(change), apex_(apex), item_(item) {
        before_ = sets_of(change.undo);
        after_ = sets_of(change.change);
    }

    void run() {
        serials();
        for (const auto& [key, set] : before_) {
            const auto found = after_.find(key);
            const bool is_soa = key.type == RrType::soa && key.owner.empty();
            if (is_soa && item_.kind == HistoryItem::Kind::changed && same_soa(found)) continue;
            lines(item_.removed, set, found == after_.end() ? nullptr : &found->second);
            if (found != after_.end()) lines(item_.added, found->second, &set);
        }
        if (item_.kind != HistoryItem::Kind::made) return;
        for (const auto& [key, set] : after_) lines(item_.added, set, nullptr);
    }

private:
    /// zone::apply says which serial a change gives.
    void serials() {
        const dns::Rdata before = soa_of(before_), after = soa_of(after_);
        item_.serial_before = serial_of(before);
        if (item_.kind == HistoryItem::Kind::removed) return;
        item_.serial = serial_of(after);
        if (item_.kind == HistoryItem::Kind::made ||
            change_.change.serial_rule() == zone::SerialRule::mirror)
            return;
        if (after.empty() || !zone::serial_greater(item_.serial, item_.serial_before))
            item_.serial = zone::serial_next(item_.serial_before);
    }

    /// Whether the SOA record that the change gives, if it does, differs in its serial alone.
    bool same_soa(Sets::const_iterator after) const {
        if (after == after_.end()) return change_.change.kind() == Change::Kind::patch;
        const dns::Rdata a = soa_of(before_), b = soa_of(after_);
        if (a.empty() || a.size() != b.size()) return false;
        const auto serial_at = static_cast<std::ptrdiff_t>(a.size() - soa_numbers_octets);
        return before_.at(after->first).ttl == after->second.ttl &&
               std::equal(a.begin(), a.begin() + serial_at, b.begin()) &&
               std::equal(a.begin() + serial_at + 4, a.end(), b.begin() + serial_at + 4);
    }

    /// Lines of the records of `set` that are not in the other one, or have another TTL there.
    void lines(std::vector<std::string>& out, const SetView& set, const SetView* other_or_null) {
        std::array<std::uint8_t, dns::name_octets_max> octets{};
        const base::Octets key = set.key.owner;
        std::ranges::copy(key, octets.begin());
        std::ranges::copy(apex_.wire(), octets.begin() + static_cast<std::ptrdiff_t>(key.size()));
        const dns::NameView owner(base::Octets(octets).first(key.size() + apex_.size()));
        set.for_each_rdata([&](base::Octets rdata) {
            bool stands = false;
            if (other_or_null != nullptr && other_or_null->ttl == set.ttl)
                other_or_null->for_each_rdata([&](base::Octets other) {
                    stands = stands || std::ranges::equal(rdata, other);
                });
            if (stands) return;
            std::string line;
            dns::append_record_text(line, {owner, set.key.type, set.ttl, rdata});
            std::ranges::replace(line, '\t', ' ');  // within RDATA it stands escaped
            line.pop_back();
            out.push_back(std::move(line));
        });
    }

    const PastChange& change_;
    dns::NameView apex_;
    HistoryItem& item_;
    Sets before_, after_;
};

std::vector<std::string> settings_of(const PastChange& change, HistoryItem::Kind kind) {
    std::vector<std::string> out;
    if (kind == HistoryItem::Kind::removed) return out;
    // The undo names what differs; that of a new zone names nothing.
    const base::Octets octets =
        kind == HistoryItem::Kind::made ? change.change.settings() : change.undo.settings();
    if (octets.empty()) return out;
    const auto settings = settings::decode_change(octets);
    if (!settings) return {"settings that cannot be read"};
    if (settings->kind) out.emplace_back("kind");
    if (settings->masters) out.emplace_back("primaries");
    if (settings->account) out.emplace_back("account");
    if (settings->options) out.emplace_back("options");
    if (settings->catalog) out.emplace_back("catalog");
    for (const auto& one : settings->metadata) out.push_back("metadata " + one.kind);
    for (const auto& one : settings->comments)
        out.push_back("comments " + one.name + ' ' + one.type);
    for (const auto& one : settings->keys) out.push_back("key " + std::to_string(one.id));
    for (const auto& one : settings->kept) out.push_back("kept " + one.name + ' ' + one.type);
    if (settings->left_out) out.emplace_back("records left out");
    return out;
}

std::string_view to_string(HistoryItem::Kind kind) {
    switch (kind) {
        case HistoryItem::Kind::made:
            return "made";
        case HistoryItem::Kind::changed:
            return "changed";
        case HistoryItem::Kind::removed:
            break;
    }
    return "removed";
}

term::Json list_of(const std::vector<std::string>& texts) {
    term::Json json = term::Json::array();
    for (const std::string& text : texts) json.add(term::Json::string(text));
    return json;
}

}  // namespace

HistoryItem item_of(const PastChange& change, dns::NameView apex) {
    HistoryItem item;
    item.kind = change.change.kind() == Change::Kind::remove ? HistoryItem::Kind::removed
                : change.made_the_zone                       ? HistoryItem::Kind::made
                                                             : HistoryItem::Kind::changed;
    item.version = change.position;
    item.at = change.at;
    item.who = change.who;
    item.where = change.where;
    Differ(change, apex, item).run();
    // Settings alone leave the serial as it is, and the undo then names no SOA record to tell it.
    const Sets undo = sets_of(change.undo);
    if (item.kind == HistoryItem::Kind::changed && soa_of(undo).empty())
        item.serial_before = item.serial = 0;
    item.settings = settings_of(change, item.kind);
    return item;
}

Result<History> history_of(store::LogReader& log, dns::NameView zone, std::size_t items_max) {
    ZC_TRY(const std::uint64_t version, last_version(log, zone));
    if (version == 0)
        return fail(Errc::not_found, "nothing is known of a zone " + dns::to_string(zone));
    ZC_TRY(const PastOfZone past, read_past(log, zone, version, 0, items_max));
    History out;
    out.oldest = past.oldest;
    for (const PastChange& change : past.changes) out.items.push_back(item_of(change, zone));
    return out;
}

term::Json json_of(const HistoryItem& item) {
    term::Json json = term::Json::object();
    json.set("version", term::Json::number(item.version));
    json.set("at", base::utc_text(item.at, base::UtcForm::iso_micros));
    json.set("who", item.who).set("where", item.where).set("kind", to_string(item.kind));
    json.set("serial_before", term::Json::number(std::uint64_t{item.serial_before}));
    json.set("serial", term::Json::number(std::uint64_t{item.serial}));
    json.set("removed", list_of(item.removed)).set("added", list_of(item.added));
    json.set("settings", list_of(item.settings));
    return json;
}

std::vector<std::string> lines_of(const HistoryItem& item, std::size_t records_max) {
    std::string head = "version " + std::to_string(item.version) + "  " +
                       base::utc_text(item.at, base::UtcForm::iso) + "  " +
                       std::string(to_string(item.kind));
    if (item.kind == HistoryItem::Kind::changed && item.serial != 0)
        head +=
            ", serial " + std::to_string(item.serial_before) + " -> " + std::to_string(item.serial);
    else if (item.kind == HistoryItem::Kind::made)
        head += ", serial " + std::to_string(item.serial);
    if (!item.who.empty()) head += ", by " + item.who;
    if (!item.where.empty()) head += " from " + item.where;
    std::vector<std::string> out{head};
    for (const std::string& setting : item.settings) out.push_back("  ~ " + setting);
    std::size_t shown = 0;
    for (const auto& [mark, list] : {std::pair("  - ", &item.removed), {"  + ", &item.added}})
        for (const std::string& record : *list)
            if (shown++ < records_max) out.push_back(mark + record);
    if (shown > records_max)
        out.push_back("  and " + std::to_string(shown - records_max) + " more records");
    return out;
}

}  // namespace zc::edit
