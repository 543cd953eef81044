#include "fold/zone_state.h"

#include <algorithm>
#include <utility>

#include "dns/presentation.h"
#include "fold/stored_zone.h"
#include "settings/settings.h"
#include "settings/settings_change.h"

namespace zc::fold {
namespace {

using settings::SettingsChange;
using settings::ZoneSettings;
using zone::Change;
using zone::ChangeMaker;

using SharedSettings = std::shared_ptr<const std::vector<std::uint8_t>>;

SharedSettings shared(const ZoneSettings& zone) {
    std::vector<std::uint8_t> octets = settings::encode(zone);
    if (octets.empty()) return nullptr;
    return std::make_shared<const std::vector<std::uint8_t>>(std::move(octets));
}

/// Whether answers without signatures made here would be bogus.
bool wants_signing(const ZoneSettings& zone) {
    const bool presigned = std::ranges::any_of(
        zone.metadata, [](const settings::Metadata& one) { return one.presigned(); });
    return !presigned && std::ranges::any_of(
                             zone.keys, [](const settings::CryptoKey& key) { return key.active; });
}

/// Removes the rows that stood for the records of a zone without an image; gives the change that
/// brings them back.
SettingsChange drop_rows_without_image(ZoneSettings& zone) {
    SettingsChange change;
    for (const settings::KeptRecord& row : zone.kept) {
        if (row.why != settings::KeptRecord::Why::no_image) continue;
        const bool is_known = std::ranges::any_of(change.kept, [&](const auto& one) {
            return one.name == row.name && one.type == row.type;
        });
        if (is_known) continue;
        auto& left = change.kept.emplace_back();
        left.name = row.name;
        left.type = row.type;
        for (const settings::KeptRecord& other : zone.kept)
            if (other.name == row.name && other.type == row.type &&
                other.why != settings::KeptRecord::Why::no_image)
                left.kept.push_back(other);
    }
    return settings::apply(zone, change);
}

/// Adds what undoes an earlier change: it has the last word.
void join(SettingsChange& into, SettingsChange more) {
    std::erase_if(into.kept, [&](const auto& one) {
        return std::ranges::any_of(more.kept, [&](const auto& earlier) {
            return earlier.name == one.name && earlier.type == one.type;
        });
    });
    into.kept.insert(into.kept.end(), std::make_move_iterator(more.kept.begin()),
                     std::make_move_iterator(more.kept.end()));
}

/// Applies one change after the other. Records are applied by zone::apply all at once, since each
/// image costs; settings here.
class Advancing {
public:
    Advancing(dns::NameView apex, const ZoneState& before) : apex_(apex), before_(before) {}

    Status run(std::span<const Change> in_order, std::uint64_t version, zone::ApplyScratch& scratch,
               std::vector<Error>* problems_or_null) {
        ZC_TRY_STATUS(read_settings());
        for (const Change& change : in_order) ZC_TRY_STATUS(check_records(change));
        ZC_TRY(zone::Applied applied, apply_records(in_order, scratch, problems_or_null));
        bool records_differ = false;
        for (std::size_t i = 0; i < in_order.size(); ++i) {
            records_differ = records_differ || applied.steps[i].differs;
            ZC_TRY_STATUS(take(in_order[i], std::move(applied.steps[i])));
        }
        const bool differs = std::ranges::any_of(
            advanced.effects, [](const Effect& effect) { return effect.differs; });
        advanced.state = before_;
        if (!differs) return {};
        if (!exists_) {
            advanced.state = {};
            return {};
        }
        ZoneState& state = advanced.state;
        state.version = version;
        state.source = source_changed_here;
        if (settings_differ_) state.settings = shared(settings_);
        if (!applied.image.octets().empty() && (records_differ || !before_.image)) {
            state.image = std::make_shared<const zone::Image>(std::move(applied.image));
            state.state = zone::State::serving;
            state.hidden = false;
            const zone::Zone zone(state.image->octets().data());
            state.serial = zone.serial();
            state.records = zone.records();
        }
        // A zone that is served without its signatures on purpose stays so.
        const bool is_new = !wanted_signing_ || before_.state == zone::State::unsigned_;
        if (wants_signing(settings_) && is_new && state.state == zone::State::serving)
            return fail(Errc::unsupported, "zone " + dns::to_string(apex_) +
                                               " has active DNSSEC keys, and is not signed here");
        return {};
    }

    Advanced advanced;

private:
    Status read_settings() {
        exists_ = before_.exists();
        ZC_TRY_STATUS(settings::decode(before_.settings_octets(), settings_));
        wanted_signing_ = exists_ && wants_signing(settings_);
        return {};
    }
    /// Settings alone can be changed of a zone whose records no image can hold.
    Result<zone::Applied> apply_records(std::span<const Change> in_order,
                                        zone::ApplyScratch& scratch,
                                        std::vector<Error>* problems_or_null) {
        const bool are_settings = std::ranges::all_of(in_order, [](const Change& change) {
            return change.kind() == Change::Kind::patch && change.sets() == 0;
        });
        const zone::Zone* const stood = stood_or_null();
        if (!are_settings)
            return zone::apply(apex_, stood, {}, in_order, scratch, problems_or_null);
        zone::Applied applied;
        for (std::size_t i = 0; i < in_order.size(); ++i) {
            zone::Step& step = applied.steps.emplace_back();
            step.serial_before = step.serial = before_.serial;
        }
        return applied;
    }
    const zone::Zone* stood_or_null() {
        if (!exists_) return nullptr;
        // A zone that is withheld has its records too: a removal must know them.
        if (before_.image)
            image_.emplace(before_.image->octets().data());
        else
            image_.emplace((placeholder_ = zone::placeholder(apex_, before_.state)).data());
        return &*image_;
    }

    /// A zone without records has none that a patch could stand on.
    Status check_records(const Change& change) {
        switch (change.kind()) {
            case Change::Kind::put:
                exists_later_ = has_image_later_ = true;
                return {};
            case Change::Kind::remove:
                exists_later_ = has_image_later_ = false;
                return {};
            case Change::Kind::patch:
                break;
        }
        if (!exists_later_.value_or(exists_))
            return fail(Errc::not_found, "there is no zone " + dns::to_string(apex_));
        const bool has_image =
            has_image_later_.value_or(before_.state == zone::State::serving && before_.image);
        if (change.sets() == 0 || has_image) return {};
        return fail(Errc::invalid, "zone " + dns::to_string(apex_) +
                                       " is not served, since its records cannot be: put it whole");
    }

    Status take(const Change& change, zone::Step step) {
        Effect& effect = advanced.effects.emplace_back();
        effect.serial_before = step.serial_before;
        effect.serial = step.serial;
        effect.differs = step.differs;
        const ZoneSettings stood = settings_;
        SettingsChange undo;
        if (change.kind() == Change::Kind::remove) {
            settings_ = {};
            undo = settings::difference({}, stood);
            settings_differ_ = settings_differ_ || !(undo.empty());
            exists_ = false;
        } else {
            if (change.kind() == Change::Kind::put) join(undo, drop_rows_without_image(settings_));
            if (!change.settings().empty()) {
                ZC_TRY(const SettingsChange wanted, settings::decode_change(change.settings()));
                SettingsChange back = settings::apply(settings_, wanted);
                join(back, std::move(undo));
                undo = std::move(back);
            }
            const bool differs = !undo.empty();
            settings_differ_ = settings_differ_ || differs;
            effect.differs = effect.differs || differs;
            exists_ = true;
        }
        if (!effect.differs) return {};
        if (undo.empty() && step.differs) {
            effect.undo = std::move(step.undo);
            return {};
        }
        return make_undo(effect, step, std::move(undo));
    }

    Status make_undo(Effect& effect, const zone::Step& step, SettingsChange undo) {
        const Change::Kind kind = step.differs ? step.undo.kind() : Change::Kind::patch;
        maker_.begin(apex_, kind, zone::SerialRule::mirror);
        if (kind != Change::Kind::remove) {
            if (step.differs)
                for (Change::Cursor sets(step.undo); sets.more();) maker_.set(sets.next());
            maker_.settings(settings::encode(std::move(undo)));
        }
        ZC_TRY(effect.undo, maker_.make());
        return {};
    }

    dns::Name apex_;
    const ZoneState& before_;
    ZoneSettings settings_;
    bool exists_ = false, settings_differ_ = false, wanted_signing_ = false;
    std::optional<bool> exists_later_, has_image_later_;
    zone::Image placeholder_;
    std::optional<zone::Zone> image_;
    ChangeMaker maker_;
};

}  // namespace

Result<Advanced> advance(dns::NameView apex, const ZoneState& before,
                         std::span<const zone::Change> in_order, std::uint64_t version,
                         zone::ApplyScratch& scratch, std::vector<Error>* problems_or_null) {
    Advancing advancing(apex, before);
    ZC_TRY_STATUS(advancing.run(in_order, version, scratch, problems_or_null));
    return std::move(advancing.advanced);
}

}  // namespace zc::fold
