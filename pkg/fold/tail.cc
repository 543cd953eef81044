#include "fold/tail.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "dns/presentation.h"
#include "fold/stored_zone.h"
#include "replica/entry.h"
#include "zone/apply.h"

namespace zc::fold {
namespace {

using zone::Change;

/// A change of one zone, as its entry has it.
struct LoggedChange {
    std::uint64_t position = 0, base = 0;
    Change change;
};
struct LoggedZone {
    dns::Name apex;
    std::vector<LoggedChange> changes;
};
using LoggedZones = std::map<std::string, LoggedZone, std::less<>>;

Result<Change> change_of(replica::ZoneChange&& zone) {
    if (zone.data.is_segment() || zone.signatures.is_segment() || !zone.signatures.octets.empty())
        return fail(Errc::unsupported,
                    "zone " + dns::to_string(zone.name) + " has data that is kept elsewhere");
    if (zone.op != replica::Op::remove)
        return Change::decode(static_cast<Change::Kind>(zone.op), zone.name,
                              std::move(zone.data.octets));
    zone::ChangeMaker maker;
    maker.begin(zone.name, Change::Kind::remove);
    return maker.make();
}

class TailReader {
public:
    explicit TailReader(const TailSource& source) : source_(source) {}

    Result<ZonesAhead> run() {
        Status read;
        ZC_TRY_STATUS(source_.for_each_entry([&](const store::LogEntry& row) {
            if (!row.entry.empty()) read = take(row);
            return read.has_value();
        }));
        ZC_TRY_STATUS(read);
        ZonesAhead out;
        for (auto& [key, zone] : logged_) {
            ZC_TRY(auto ahead, bring_forward(key, std::move(zone)));
            if (ahead) out.emplace_hint(out.end(), key, *std::move(ahead));
        }
        return out;
    }

private:
    Status take(const store::LogEntry& row) {
        auto entry = replica::decode(row.entry);
        if (!entry) return at_position(row.position, entry.error());
        for (replica::Change& change : entry->changes) {
            if (!change.named.empty())
                return at_position(row.position,
                                   {Errc::unsupported, "a change that belongs to no zone", {}});
            for (replica::ZoneChange& zone : change.zones) {
                const dns::Name apex = zone.name;
                const std::uint64_t base = zone.base;
                auto decoded = change_of(std::move(zone));
                if (!decoded) return at_position(row.position, decoded.error());
                LoggedZone& logged = logged_[key_of(apex)];
                logged.apex = apex;
                logged.changes.push_back({row.position, base, *std::move(decoded)});
            }
        }
        return {};
    }

    /// Nothing: the row has all of it, or is damaged.
    Result<std::optional<ZoneAhead>> bring_forward(const std::string& key, LoggedZone&& zone) {
        ZC_TRY(const std::optional<ZoneState> row, source_.row(key));
        if (!row) return std::nullopt;
        ZoneAhead out;
        out.apex = zone.apex;
        out.row_version = row->version;
        std::vector<Change> changes;
        std::uint64_t version = row->version;
        for (auto at = first_lacking(*row, zone.changes); at != zone.changes.end(); ++at) {
            if (at->base != version)
                return at_position(
                    at->position, {Errc::malformed,
                                   "it changes zone " + dns::to_string(zone.apex) + " at version " +
                                       std::to_string(at->base) + ", and the zone has version " +
                                       std::to_string(version),
                                   {}});
            if (out.first == 0) out.first = at->position;
            out.last = at->position;
            out.octets += at->change.octets().size();
            version = at->change.kind() == Change::Kind::remove ? 0 : at->position;
            changes.push_back(std::move(at->change));
        }
        if (changes.empty()) return std::nullopt;
        auto advanced = advance(zone.apex, *row, changes, out.last, scratch_);
        if (!advanced)
            return at_position(out.last, {Errc::malformed,
                                          "it does not fit zone " + dns::to_string(zone.apex) +
                                              ": " + advanced.error().message,
                                          {}});
        out.state = std::move(advanced->state);
        return out;
    }

    static std::vector<LoggedChange>::iterator first_lacking(const ZoneState& row,
                                                             std::vector<LoggedChange>& changes) {
        if (row.exists())
            return std::ranges::find_if(
                changes, [&](const LoggedChange& one) { return one.position > row.version; });
        if (changes.front().base == 0) return changes.begin();
        const auto removal = std::ranges::find_if(changes, [](const LoggedChange& one) {
            return one.change.kind() == Change::Kind::remove;
        });
        return removal == changes.end() ? changes.begin() : removal + 1;
    }

    tl::unexpected<Error> at_position(std::uint64_t position, const Error& error) const {
        return fail(error.code,
                    "the log at position " + std::to_string(position) + ": " + error.message,
                    {.source = source_.path});
    }

    const TailSource& source_;
    LoggedZones logged_;
    zone::ApplyScratch scratch_;
};

}  // namespace

Result<ZonesAhead> read_tail(const TailSource& source) {
    return TailReader(source).run();
}

Result<ZoneState> state_of(const store::StoredZone& row, base::Octets image) {
    ZC_TRY(const StoredState stored, decode_state(row.state));
    ZoneState out;
    out.version = row.version;
    out.state = stored.state;
    out.hidden = stored.hidden;
    out.source = row.source;
    out.serial = row.serial;
    out.records = row.records;
    if (!row.settings.empty())
        out.settings = std::make_shared<const std::vector<std::uint8_t>>(row.settings.begin(),
                                                                         row.settings.end());
    if (!image.empty()) {
        ZC_TRY_STATUS(zone::validate_head(image));
        out.image = std::make_shared<const zone::Image>(image);
    }
    return out;
}

store::Zone row_of(const std::string& key, const ZoneState& state) {
    store::Zone row;
    row.key = octets_of(key);
    row.state = encode_state(state.state, state.hidden);
    row.serial = state.serial;
    row.records = state.records;
    row.source = state.source;
    row.settings = state.settings_octets();
    return row;
}

store::FoldedZone folded_of(const std::string& key, const ZoneAhead& zone) {
    store::FoldedZone out;
    out.version = zone.last;
    out.is_removed = !zone.state.exists();
    if (out.is_removed) {
        out.zone.key = octets_of(key);
        return out;
    }
    out.zone = row_of(key, zone.state);
    out.image = zone.state.image_octets();
    out.version = zone.state.version;
    return out;
}

}  // namespace zc::fold
