// A zone while commands change it: the sets and settings that differ from what stands, on top of its
// image. Inside of this package.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "dns/rrset.h"
#include "edit/command.h"
#include "edit/past.h"
#include "fold/zone_state.h"
#include "settings/settings.h"
#include "zone/change.h"
#include "zone/lookup.h"

namespace zc::edit {

/// Beside the zone, all that a command depends on.
struct EditContext {
    std::string who;       // the account of comments
    std::int64_t now = 0;  // their time, seconds since 1970
    const Past* past_or_null = nullptr;
};

class ZoneEdit {
public:
    /// `before` outlives it.
    ZoneEdit(dns::NameView apex, const fold::ZoneState& before);

    /// Later commands see the effect of earlier ones. Errors: `not_found` there is no such zone,
    /// `exists`, `invalid` records of a zone that has none that are served, `unsupported` those of one
    /// that comes signed. Nothing more may be applied then.
    Status apply(const Command& command, const EditContext& context);
    bool exists() const noexcept { return exists_; }

    /// All of it as one change; nothing: a zone that was not there and is not. A zone in which nothing
    /// differs gives an empty patch.
    Result<std::optional<zone::Change>> change() const;

private:
    struct Key {
        std::vector<std::uint8_t> owner;
        dns::RrType type{}, covered{};
        bool operator<(const Key& other) const {
            return zone::compare({owner, type, covered}, {other.owner, other.type, other.covered}) <
                   0;
        }
        bool operator==(const Key&) const = default;
    };
    struct Set {
        std::uint32_t ttl = 0;
        std::vector<dns::Rdata> rdatas;  // sorted; none: nothing stands there
        bool operator==(const Set&) const = default;
    };

    Status read_settings();
    Status create(const Command& command);
    Status remove();
    Status set_records(const Command& command);
    Status add_records(const Command& command);
    Status remove_records(const Command& command);
    void set_metadata(const Command& command);
    void set_comments(const Command& command, const EditContext& context);
    Status revert(const Command& command, const EditContext& context);
    Status take_back(const zone::Change& undo);
    std::optional<std::uint32_t> serial() const;  // of one SOA record among what is changed
    void set_serial(std::uint32_t serial);

    Status check_records() const;
    Result<Set> look(const Key& key) const;
    Key key_of(const Command& command) const;
    std::string settings_name(dns::NameView owner) const;

    dns::Name apex_;
    const fold::ZoneState& before_;
    std::optional<settings::ZoneSettings> settings_before_, settings_;  // none: not read yet
    bool exists_;
    bool is_whole_ = false;  // nothing of the image is left
    std::map<Key, Set> sets_;
};

}  // namespace zc::edit
