#include "ingest/catalog_zone.h"

#include <algorithm>
#include <utility>

#include "dns/presentation.h"
#include "ingest/key_set.h"
#include "ingest/zone_walk.h"

namespace zc::ingest {

namespace {

bool is_label(dns::NameView name, std::string_view wanted) {
    return std::ranges::equal(name.label(), wanted, {}, dns::fold,
                              [](char c) { return static_cast<std::uint8_t>(c); });
}

}  // namespace

void CatalogZone::add(const dns::RecordView& record) {
    const dns::NameView owner = record.owner;
    if (!owner.is_within(apex_) || owner.size() == apex_.size()) return;
    const dns::NameView above = owner.parent();
    if (above.size() == apex_.size()) {
        if (record.type == dns::RrType::txt && is_label(owner, "version"))
            versions_.push_back(dns::rdata_text(record.type, record.rdata));
        return;
    }
    if (record.type != dns::RrType::ptr || !is_label(above, "zones") ||
        above.parent().size() != apex_.size())
        return;
    auto zone = dns::Name::from_wire(record.rdata);
    if (!zone) return;  // the reader of the message has checked it
    Member member{dns::Name(owner), *zone};
    member.label_owner.fold_case();
    member.zone.fold_case();
    members_.push_back(member);
}

Result<std::vector<dns::Name>> CatalogZone::members() {
    const base::Location where{"catalog zone " + dns::to_string(apex_), 0};
    if (versions_.size() != 1)
        return fail(Errc::invalid,
                    std::to_string(versions_.size()) + " TXT records at version." +
                        dns::to_string(apex_) + ", wanted one: is it a catalog zone?",
                    where);
    if (versions_[0] != "\"2\"")
        return fail(Errc::invalid, "catalog version " + versions_[0] + ", wanted \"2\"", where);
    KeySet owners, zones;
    std::vector<dns::Name> out;
    for (const Member& member : members_) {
        if (!owners.add(zone_key(member.label_owner)))
            return fail(Errc::invalid,
                        "more than one PTR record at " + dns::to_string(member.label_owner), where);
        if (zones.add(zone_key(member.zone))) out.push_back(member.zone);
    }
    return out;
}

}  // namespace zc::ingest
