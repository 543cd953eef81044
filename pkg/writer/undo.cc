#include "writer/undo.h"

#include <utility>

namespace zc::writer {

void append_undo(std::vector<std::uint8_t>& to, const zone::Change& undo) {
    const base::Octets octets = undo.octets();
    std::uint8_t head[5];
    head[0] = octets.empty() && undo.kind() != zone::Change::Kind::remove
                  ? 0
                  : static_cast<std::uint8_t>(undo.kind());
    base::store_u32(head + 1, static_cast<std::uint32_t>(octets.size()));
    to.insert(to.end(), head, head + sizeof head);
    to.insert(to.end(), octets.begin(), octets.end());
}

Result<std::vector<std::optional<zone::Change>>> decode_undo(const replica::Entry& entry,
                                                             base::Octets octets) {
    std::vector<std::optional<zone::Change>> out;
    base::Reader in(octets);
    for (const replica::Change& change : entry.changes)
        for (const replica::ZoneChange& zone : change.zones) {
            const std::uint8_t kind = in.u8();
            const base::Octets undo = in.octets(in.u32());
            if (!in.ok() || kind > 3 || (kind == 0 && !undo.empty()))
                return fail(Errc::malformed, "undo of an entry that does not fit it");
            if (kind == 0) {
                out.emplace_back();
                continue;
            }
            ZC_TRY(zone::Change decoded,
                   zone::Change::decode(static_cast<zone::Change::Kind>(kind), zone.name,
                                        {undo.begin(), undo.end()}));
            out.emplace_back(std::move(decoded));
        }
    if (in.offset() != octets.size()) return fail(Errc::malformed, "octets behind an undo");
    return out;
}

}  // namespace zc::writer
