#include "edit/past.h"

#include <memory>
#include <utility>

#include "fold/stored_zone.h"
#include "replica/entry.h"
#include "writer/undo.h"

namespace zc::edit {
namespace {

using zone::Change;

Result<Change> change_of(replica::ZoneChange& zone) {
    if (zone.op != replica::Op::remove)
        return Change::decode(static_cast<Change::Kind>(zone.op), zone.name,
                              std::move(zone.data.octets));
    zone::ChangeMaker maker;
    maker.begin(zone.name, Change::Kind::remove);
    return maker.make();
}

/// The changes of one zone in an entry, oldest first, and the version that they stand on.
struct InEntry {
    std::vector<PastChange> changes;
    std::uint64_t base = 0;
};

Result<InEntry> changes_in(const store::LogEntry& row, dns::NameView apex) {
    InEntry out;
    ZC_TRY(replica::Entry entry, replica::decode(row.entry));
    ZC_TRY(auto undos, writer::decode_undo(entry, row.undo));
    std::size_t number = 0;
    for (replica::Change& change : entry.changes)
        for (replica::ZoneChange& zone : change.zones) {
            auto& undo = undos[number++];
            if (!undo || !dns::equal(zone.name, apex)) continue;
            if (out.changes.empty()) out.base = zone.base;
            PastChange one;
            one.position = row.position;
            one.at = row.at;
            one.who = change.who;
            one.where = change.where;
            one.made_the_zone = zone.base == 0;
            one.undo = *std::move(undo);
            ZC_TRY(one.change, change_of(zone));
            out.changes.push_back(std::move(one));
        }
    return out;
}

bool names(base::Octets octets, dns::NameView apex, Status& bad) {
    const auto entry = replica::decode(octets);
    if (!entry) {
        bad = tl::unexpected<Error>(entry.error());
        return false;
    }
    for (const replica::Change& change : entry->changes)
        for (const replica::ZoneChange& zone : change.zones)
            if (dns::equal(zone.name, apex)) return true;
    return false;
}

}  // namespace

Result<std::uint64_t> last_version(store::LogReader& log, dns::NameView zone) {
    const std::string key = fold::key_of(zone);
    ZC_TRY(const std::uint64_t folded, log.folded_up_to());
    ZC_TRY(const std::uint64_t last, log.last_position());
    for (std::uint64_t position = last; position > folded; --position) {
        ZC_TRY(const auto row, log.find(position));
        if (!row || row->entry.empty()) continue;
        Status bad;
        if (names(row->entry, zone, bad)) return position;
        ZC_TRY_STATUS(bad);
    }
    return log.last_version(fold::octets_of(key));
}

Result<PastOfZone> read_past(store::LogReader& log, dns::NameView zone, std::uint64_t version,
                             std::uint64_t after, std::size_t changes_max) {
    PastOfZone out;
    if (version == 0) {
        ZC_TRY(version, last_version(log, zone));
    }
    ZC_TRY(const std::uint64_t last, log.last_position());
    if (version > last)
        return fail(Errc::busy,
                    "zone " + dns::to_string(zone) + " is being changed at this moment, try again");
    out.oldest = version;
    while (out.oldest > after && out.changes.size() < changes_max) {
        ZC_TRY(const auto row, log.find(out.oldest));
        if (!row || row->entry.empty()) break;
        ZC_TRY(InEntry in_entry, changes_in(*row, zone));
        if (in_entry.changes.empty()) break;
        out.oldest = in_entry.base;
        for (auto one = in_entry.changes.rbegin(); one != in_entry.changes.rend(); ++one)
            out.changes.push_back(std::move(*one));
    }
    return out;
}

Past past_of_store(const std::string& path) {
    // Shared by the copies of the function, which is one reader of the log.
    auto log = std::make_shared<std::optional<store::LogReader>>();
    return [path, log](dns::NameView zone, std::uint64_t version,
                       std::uint64_t after) -> Result<PastOfZone> {
        if (!*log) {
            ZC_TRY(store::LogReader opened, store::LogReader::open(path));
            log->emplace(std::move(opened));
        }
        return read_past(**log, zone, version, after);
    };
}

}  // namespace zc::edit
