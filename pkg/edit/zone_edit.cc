#include "edit/zone_edit.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dns/presentation.h"
#include "settings/settings_change.h"
#include "zone/apply.h"

namespace zc::edit {
namespace {

using dns::RrType;
using settings::SettingsChange;
using zone::Change;
using Verb = Command::Verb;

constexpr std::size_t soa_numbers_octets = 20;  // serial, refresh, retry, expire, minimum
// Those that PowerDNS gives to a new zone.
constexpr std::string_view soa_numbers = " 1 10800 3600 604800 3600";

tl::unexpected<Error> no_zone(dns::NameView apex) {
    return fail(Errc::not_found, "there is no zone " + dns::to_string(apex));
}

/// Calls `each` with the sets of one node of an image.
template <class Each>
void for_sets_at(const zone::Zone& zone, base::Octets owner, const Each& each) {
    std::array<std::uint8_t, dns::name_octets_max> octets{};
    std::ranges::copy(owner, octets.begin());
    std::ranges::copy(zone.apex().wire(),
                      octets.begin() + static_cast<std::ptrdiff_t>(owner.size()));
    zone::LookupName name;
    name.assign(dns::NameView(base::Octets(octets).first(owner.size() + zone.apex().size())));
    const zone::ImageView view(zone.image());
    const zone::NodeRef node =
        view.ancestor(name, static_cast<std::uint8_t>(zone.apex().labels()), name.labels);
    if (node) zone::for_each_set(zone, node, each);
}

bool serves(const fold::ZoneState& state) {
    return state.state == zone::State::serving && state.image != nullptr;
}

/// Whether somebody else has signed the zone: its SOA record has a signature.
bool is_signed(const fold::ZoneState& state) {
    if (!serves(state)) return false;
    bool found = false;
    for_sets_at(zone::Zone(state.image->octets().data()), {},
                [&](const zone::SetView& set) { found = found || set.key.covered == RrType::soa; });
    return found;
}

std::vector<dns::Rdata> rdatas_of(const zone::SetView& set) {
    std::vector<dns::Rdata> out;
    set.for_each_rdata([&](base::Octets rdata) { out.emplace_back(rdata.begin(), rdata.end()); });
    return out;
}

}  // namespace

ZoneEdit::ZoneEdit(dns::NameView apex, const fold::ZoneState& before)
    : apex_(apex), before_(before), exists_(before.exists()) {
    apex_.fold_case();
}

Status ZoneEdit::read_settings() {
    if (settings_before_) return {};
    settings::ZoneSettings stood;
    ZC_TRY_STATUS(settings::decode(before_.settings_octets(), stood));
    settings_before_ = stood;
    if (!settings_) settings_ = std::move(stood);
    return {};
}

Status ZoneEdit::apply(const Command& command, const EditContext& context) {
    ZC_TRY_STATUS(read_settings());
    if (command.verb == Verb::zone_create) return create(command);
    if (command.verb == Verb::zone_revert) return revert(command, context);
    if (!exists_) return no_zone(apex_);
    switch (command.verb) {
        case Verb::zone_create:
        case Verb::zone_revert:
            break;
        case Verb::zone_delete:
            return remove();
        case Verb::zone_set:
            settings::apply(*settings_, command.settings);
            break;
        case Verb::record_add:
            return add_records(command);
        case Verb::record_set:
            return set_records(command);
        case Verb::record_rm:
            return remove_records(command);
        case Verb::meta_set:
        case Verb::meta_add:
        case Verb::meta_rm:
            set_metadata(command);
            break;
        case Verb::comment_set:
        case Verb::comment_rm:
            set_comments(command, context);
            break;
    }
    return {};
}

Status ZoneEdit::create(const Command& command) {
    if (exists_) return fail(Errc::exists, "zone " + dns::to_string(apex_) + " is there already");
    exists_ = is_whole_ = true;
    sets_.clear();
    settings_.emplace();
    const dns::Name& primary = command.servers.empty() ? apex_ : command.servers.front();
    static constexpr std::array<std::uint8_t, 10> hostmaster = {'h', 'o', 's', 't', 'm',
                                                                'a', 's', 't', 'e', 'r'};
    ZC_TRY(const dns::Name mailbox, dns::Name::join(hostmaster, apex_));
    dns::Rdata soa;
    ZC_TRY_STATUS(dns::parse_rdata(
        dns::to_string(primary) + ' ' + dns::to_string(mailbox) + std::string(soa_numbers),
        RrType::soa, dns::NameView(), soa));
    sets_[{{}, RrType::soa}] = {ttl_default, {std::move(soa)}};
    Set servers{ttl_default, {}};
    for (const dns::Name& server : command.servers)
        servers.rdatas.emplace_back(server.wire().begin(), server.wire().end());
    std::ranges::sort(servers.rdatas);
    servers.rdatas.erase(std::unique(servers.rdatas.begin(), servers.rdatas.end()),
                         servers.rdatas.end());
    if (!servers.rdatas.empty()) sets_[{{}, RrType::ns}] = std::move(servers);
    return {};
}

Status ZoneEdit::remove() {
    exists_ = false;
    is_whole_ = true;
    sets_.clear();
    settings_.emplace();
    return {};
}

/// Whether records may be changed by hand.
Status ZoneEdit::check_records() const {
    if (is_whole_) return {};
    if (!serves(before_))
        return fail(Errc::invalid, "zone " + dns::to_string(apex_) +
                                       " is not served, since its records cannot be: wanted the "
                                       "whole zone anew");
    if (is_signed(before_))
        return fail(Errc::unsupported,
                    "zone " + dns::to_string(apex_) +
                        " comes signed, and a record without its signature would be bogus: change "
                        "it where it is signed");
    return {};
}

ZoneEdit::Key ZoneEdit::key_of(const Command& command) const {
    const base::Octets wire = command.owner.wire();
    const base::Octets key = wire.first(wire.size() - apex_.size());
    return {{key.begin(), key.end()}, command.type};
}

Result<ZoneEdit::Set> ZoneEdit::look(const Key& key) const {
    if (const auto found = sets_.find(key); found != sets_.end()) return found->second;
    Set out;
    if (is_whole_ || !serves(before_)) return out;
    for_sets_at(zone::Zone(before_.image->octets().data()), key.owner,
                [&](const zone::SetView& set) {
                    if (set.key.type != key.type || set.key.covered != key.covered) return;
                    out = {set.ttl, rdatas_of(set)};
                });
    return out;
}

Status ZoneEdit::set_records(const Command& command) {
    ZC_TRY_STATUS(check_records());
    const Key key = key_of(command);
    ZC_TRY(const Set stood, look(key));
    const std::uint32_t ttl_before = stood.rdatas.empty() ? ttl_default : stood.ttl;
    Set wanted{command.ttl.value_or(ttl_before), command.rdatas};
    if (wanted != stood) sets_[key] = std::move(wanted);
    return {};
}

Status ZoneEdit::add_records(const Command& command) {
    ZC_TRY_STATUS(check_records());
    const Key key = key_of(command);
    ZC_TRY(const Set stood, look(key));
    Set wanted{command.ttl.value_or(stood.rdatas.empty() ? ttl_default : stood.ttl), {}};
    std::ranges::set_union(stood.rdatas, command.rdatas, std::back_inserter(wanted.rdatas));
    if (wanted != stood) sets_[key] = std::move(wanted);
    return {};
}

Status ZoneEdit::remove_records(const Command& command) {
    ZC_TRY_STATUS(check_records());
    const Key key = key_of(command);
    ZC_TRY(const Set stood, look(key));
    Set wanted{stood.ttl, {}};
    if (!command.rdatas.empty())
        std::ranges::set_difference(stood.rdatas, command.rdatas,
                                    std::back_inserter(wanted.rdatas));
    if (wanted != stood) sets_[key] = std::move(wanted);
    return {};
}

void ZoneEdit::set_metadata(const Command& command) {
    SettingsChange::MetadataOfKind one{command.kind, {}};
    std::vector<std::string> stood;
    for (const settings::Metadata& each : settings_->metadata)
        if (each.kind == command.kind) stood.push_back(each.content);
    std::ranges::sort(stood);
    if (command.verb == Verb::meta_set)
        one.contents = command.values;
    else if (command.verb == Verb::meta_add)
        std::ranges::set_union(stood, command.values, std::back_inserter(one.contents));
    else if (!command.values.empty())
        std::ranges::set_difference(stood, command.values, std::back_inserter(one.contents));
    SettingsChange change;
    change.metadata.push_back(std::move(one));
    settings::apply(*settings_, change);
}

/// A name as PowerDNS's database has it.
std::string ZoneEdit::settings_name(dns::NameView owner) const {
    std::string name = dns::to_string(owner);
    if (!owner.is_root()) name.pop_back();
    return name;
}

void ZoneEdit::set_comments(const Command& command, const EditContext& context) {
    SettingsChange::CommentsOfSet one{
        settings_name(command.owner), dns::record_type_text(command.type), {}};
    std::vector<std::string> stood;
    for (const settings::Comment& each : settings_->comments)
        if (each.name == one.name && each.type == one.type) stood.push_back(each.comment);
    std::vector<std::string> wanted = command.values;
    std::ranges::sort(stood);
    std::ranges::sort(wanted);
    if (stood == wanted) return;  // its time stays
    for (const std::string& text : wanted)
        one.comments.push_back({one.name, one.type, context.who, text, context.now});
    SettingsChange change;
    change.comments.push_back(std::move(one));
    settings::apply(*settings_, change);
}

Status ZoneEdit::revert(const Command& command, const EditContext& context) {
    if (context.past_or_null == nullptr || !*context.past_or_null)
        return fail(Errc::unsupported, "no history is kept here");
    const bool is_changed = is_whole_ || !sets_.empty() ||
                            settings::encode(*settings_) != settings::encode(*settings_before_);
    if (is_changed)
        return fail(Errc::unsupported,
                    "zone " + dns::to_string(apex_) +
                        " is changed before its revert, wanted the revert first");
    ZC_TRY(const PastOfZone past, (*context.past_or_null)(apex_, before_.version, command.version));
    if (!exists_ && past.changes.empty()) return no_zone(apex_);
    if (past.oldest != command.version)
        return fail(Errc::invalid, "zone " + dns::to_string(apex_) + " has no version " +
                                       std::to_string(command.version) +
                                       " that is known, wanted one that zone history tells");
    std::optional<std::uint32_t> newest;
    for (const PastChange& one : past.changes) {
        ZC_TRY_STATUS(take_back(one.undo));
        if (!newest) newest = serial();
    }
    if (!before_.exists() && newest) set_serial(zone::serial_next(*newest));
    return {};
}

Status ZoneEdit::take_back(const zone::Change& undo) {
    if (undo.kind() != Change::Kind::patch) {
        exists_ = undo.kind() == Change::Kind::put;
        is_whole_ = true;
        sets_.clear();
        settings_.emplace();
    }
    for (Change::Cursor sets(undo); sets.more();) {
        const zone::SetView set = sets.next();
        Key key{{set.key.owner.begin(), set.key.owner.end()}, set.key.type, set.key.covered};
        sets_[std::move(key)] = {set.ttl, rdatas_of(set)};
    }
    if (undo.settings().empty()) return {};
    ZC_TRY(const SettingsChange back, settings::decode_change(undo.settings()));
    settings::apply(*settings_, back);
    return {};
}

std::optional<std::uint32_t> ZoneEdit::serial() const {
    const auto soa = sets_.find({{}, RrType::soa});
    if (soa == sets_.end() || soa->second.rdatas.size() != 1) return std::nullopt;
    const dns::Rdata& rdata = soa->second.rdatas.front();
    if (rdata.size() < soa_numbers_octets) return std::nullopt;
    return base::load_u32(&rdata[rdata.size() - soa_numbers_octets]);
}

/// Secondaries may have the zone as it was when it was removed: it goes on behind that.
void ZoneEdit::set_serial(std::uint32_t serial) {
    dns::Rdata& rdata = sets_.at({{}, RrType::soa}).rdatas.front();
    base::store_u32(&rdata[rdata.size() - soa_numbers_octets], serial);
}

Result<std::optional<zone::Change>> ZoneEdit::change() const {
    if (!exists_ && !before_.exists()) return std::nullopt;
    zone::ChangeMaker maker;
    const Change::Kind kind = !exists_    ? Change::Kind::remove
                              : is_whole_ ? Change::Kind::put
                                          : Change::Kind::patch;
    maker.begin(apex_, kind);
    if (exists_) {
        for (const auto& [key, set] : sets_) {
            if (kind == Change::Kind::put && set.rdatas.empty()) continue;
            std::array<std::uint8_t, dns::name_octets_max> octets{};
            std::ranges::copy(key.owner, octets.begin());
            std::ranges::copy(apex_.wire(),
                              octets.begin() + static_cast<std::ptrdiff_t>(key.owner.size()));
            const dns::NameView owner(base::Octets(octets).first(key.owner.size() + apex_.size()));
            const std::vector<base::Octets> rdatas(set.rdatas.begin(), set.rdatas.end());
            ZC_TRY_STATUS(maker.set(owner, key.type, set.ttl, rdatas, key.covered));
        }
        if (settings_) {
            const std::vector<std::uint8_t> differ =
                settings::encode(settings::difference(*settings_before_, *settings_));
            if (!differ.empty()) maker.settings(differ);
        }
    }
    ZC_TRY(zone::Change made, maker.make());
    return std::optional<zone::Change>(std::move(made));
}

}  // namespace zc::edit
