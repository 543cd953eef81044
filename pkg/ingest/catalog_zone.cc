#include "ingest/catalog_zone.h"

#include <algorithm>
#include <unordered_map>
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
    const bool is_member = is_label(above, "zones") && above.parent().size() == apex_.size();
    const bool is_property = !is_member && above.parent().size() > apex_.size() &&
                             is_label(above.parent(), "zones") &&
                             above.parent().parent().size() == apex_.size();
    if (!is_member && !is_property) return;
    Entry entry{dns::Name(is_member ? owner : above), {}, {}};
    entry.member.fold_case();
    if (is_property && record.type == dns::RrType::txt && is_label(owner, "group")) {
        entry.text = dns::rdata_text(record.type, record.rdata);
        if (entry.text.size() >= 2 && entry.text.front() == '"' && entry.text.back() == '"')
            entry.text = entry.text.substr(1, entry.text.size() - 2);
        groups_.push_back(std::move(entry));
        return;
    }
    if (record.type != dns::RrType::ptr || (is_property && !is_label(owner, "coo"))) return;
    auto target = dns::Name::from_wire(record.rdata);
    if (!target) return;  // the reader of the message has checked it
    entry.target = *target;
    entry.target.fold_case();
    (is_member ? members_ : new_catalogs_).push_back(std::move(entry));
}

Result<std::vector<CatalogMember>> CatalogZone::members() {
    const base::Location where{"catalog zone " + dns::to_string(apex_), 0};
    if (versions_.size() != 1)
        return fail(Errc::invalid,
                    std::to_string(versions_.size()) + " TXT records at version." +
                        dns::to_string(apex_) + ", wanted one: is it a catalog zone?",
                    where);
    if (versions_[0] != "\"2\"")
        return fail(Errc::invalid, "catalog version " + versions_[0] + ", wanted \"2\"", where);
    KeySet owners, zones;
    std::vector<CatalogMember> out;
    std::unordered_map<std::uint64_t, std::size_t> place_of;  // in `out`, by the key of the label
    for (const Entry& entry : members_) {
        const std::uint64_t owner = zone_key(entry.member);
        if (!owners.add(owner))
            return fail(Errc::invalid,
                        "more than one PTR record at " + dns::to_string(entry.member), where);
        if (!zones.add(zone_key(entry.target))) continue;
        place_of.emplace(owner, out.size());
        const auto first = entry.member.view().label();
        std::vector<std::uint8_t> label = {static_cast<std::uint8_t>(first.size())};
        label.insert(label.end(), first.begin(), first.end());
        label.push_back(0);
        out.push_back({entry.target, dns::to_string(dns::Name::from_wire(label).value()), {}, {}});
    }
    for (const Entry& entry : new_catalogs_) {
        const auto place = place_of.find(zone_key(entry.member));
        if (place == place_of.end()) continue;  // of no member
        std::string& new_catalog = out[place->second].new_catalog;
        if (!new_catalog.empty())
            return fail(Errc::invalid,
                        "more than one PTR record at coo." + dns::to_string(entry.member), where);
        new_catalog = dns::to_string(entry.target);
    }
    for (Entry& entry : groups_) {
        const auto place = place_of.find(zone_key(entry.member));
        if (place != place_of.end()) out[place->second].groups.push_back(std::move(entry.text));
    }
    for (CatalogMember& member : out) {
        std::ranges::sort(member.groups);
        member.groups.erase(std::unique(member.groups.begin(), member.groups.end()),
                            member.groups.end());
    }
    return out;
}

std::string powerdns_options(const CatalogMember& member, std::string_view role) {
    const auto quoted = [](std::string_view text) {
        std::string out = "\"";
        for (const char octet : text) {  // printable ASCII: presentation form
            if (octet == '"' || octet == '\\') out += '\\';
            out += octet;
        }
        return out + '"';
    };
    std::string out = "{" + quoted(role) + ":{";
    if (!member.new_catalog.empty()) out += "\"coo\":" + quoted(member.new_catalog) + ',';
    if (!member.groups.empty()) {
        out += "\"group\":[";
        for (const std::string& group : member.groups)
            out += quoted(group) + (&group == &member.groups.back() ? "]," : ",");
    }
    return out + "\"unique\":" + quoted(member.label) + "}}";
}

}  // namespace zc::ingest
