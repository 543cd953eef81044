#include "zone/apply.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "base/check.h"
#include "dns/presentation.h"
#include "zone/lookup.h"
#include "zone/splice.h"

namespace zc::zone {

namespace {

using dns::RrType;

constexpr std::size_t soa_numbers_octets = 20;  // serial, refresh, retry, expire, minimum

struct OwnedKey {
    std::vector<std::uint8_t> owner;
    RrType type{}, covered{};
    SetKey view() const noexcept { return {owner, type, covered}; }
};
struct KeyOrder {
    using is_transparent = void;
    bool operator()(const OwnedKey& a, const OwnedKey& b) const noexcept {
        return compare(a.view(), b.view()) < 0;
    }
    bool operator()(const OwnedKey& a, const SetKey& b) const noexcept {
        return compare(a.view(), b) < 0;
    }
    bool operator()(const SetKey& a, const OwnedKey& b) const noexcept {
        return compare(a, b.view()) < 0;
    }
};

/// The set at a key; the key is elsewhere.
struct Standing {
    std::uint32_t ttl = 0, count = 0;
    std::vector<std::uint8_t> records;

    SetView view(const SetKey& key) const noexcept {
        return {.key = key, .ttl = ttl, .count = count, .records = records};
    }
    void assign(const SetView& set) {
        ttl = set.ttl;
        count = set.count;
        records.assign(set.records.begin(), set.records.end());
    }
};

bool is_of_nsec3(const SetKey& key) noexcept {
    return key.type == RrType::nsec3 || key.covered == RrType::nsec3;
}

/// The one record of a SOA set; empty when there is none, or more than one.
base::Octets soa_of(const SetView& set) noexcept {
    return set.count == 1 ? set.records.subspan(2) : base::Octets{};
}
std::uint32_t serial_of(const SetView& set) noexcept {
    const base::Octets soa = soa_of(set);
    return soa.empty() ? 0 : base::load_u32(&soa[soa.size() - soa_numbers_octets]);
}
/// Whether two SOA sets differ in nothing, or in the serial alone.
bool same_but_for_serial(const SetView& a, const SetView& b) noexcept {
    const base::Octets x = soa_of(a), y = soa_of(b);
    if (a.ttl != b.ttl || x.empty() || x.size() != y.size()) return false;
    const std::size_t serial_at = x.size() - soa_numbers_octets;
    return std::ranges::equal(x.first(serial_at), y.first(serial_at)) &&
           std::ranges::equal(x.subspan(serial_at + 4), y.subspan(serial_at + 4));
}

constexpr SetKey soa_key{{}, RrType::soa, RrType{}};

}  // namespace

struct ApplyScratch::Work {
    Builder builder;
    ChangeMaker maker;
};

ApplyScratch::ApplyScratch() : work_(std::make_unique<Work>()) {}
ApplyScratch::~ApplyScratch() = default;
ApplyScratch::ApplyScratch(ApplyScratch&&) noexcept = default;
ApplyScratch& ApplyScratch::operator=(ApplyScratch&&) noexcept = default;

namespace {

/// A zone with changes on top of its image.
class Overlay {
public:
    Overlay(dns::NameView apex, const Zone* before_or_null, const ContentSum& content)
        : apex_(apex), before_(before_or_null), content_(content) {
        apex_.fold_case();
        exists_ = before_ != nullptr;
    }

    bool exists() const noexcept { return exists_; }
    /// Nothing of the image before is left.
    bool is_whole() const noexcept { return before_ == nullptr; }
    const ContentSum& content() const noexcept { return content_; }
    dns::NameView apex() const noexcept { return apex_; }

    /// The set at `key` now. Valid until the next call.
    SetView look(const SetKey& key) { return entry(key).now.view(key); }

    void replace(const SetView& set) {
        Standing& now = entry(set.key).now;
        content_.subtract(apex_, now.view(set.key));
        now.assign(set);
        content_.add(apex_, set);
    }

    /// Every set that stands, in order.
    template <class Each>
    void for_each(const Each& each) {
        if (before_ != nullptr)
            for_each_set(*before_, [&](const SetView& set) { take_from_image(set); });
        for (const auto& [key, entry] : entries_)
            if (entry.now.count != 0) each(entry.now.view(key.view()));
    }

    void remove_zone() {
        before_ = nullptr;
        entries_.clear();
        content_ = {};
        exists_ = false;
    }
    void make_zone() { exists_ = true; }

    /// The image of what stands now.
    Status build(Builder& builder, Applied& applied, std::vector<Error>* problems_or_null) {
        if (before_ != nullptr) {
            auto spliced = splice(*before_, owners(), [this](base::Octets key) {
                take_node(key);
                return sets_at(key);
            });
            if (spliced) {
                applied.image = *std::move(spliced);
                applied.was_spliced = true;
                return {};
            }
        }
        builder.begin(apex_);
        Status added;
        const auto add = [&](const SetView& set) {
            std::uint8_t owner[dns::name_octets_max];
            std::ranges::copy(set.key.owner, owner);
            std::ranges::copy(apex_.wire(), owner + set.key.owner.size());
            const dns::NameView name(base::Octets(owner, set.key.owner.size() + apex_.size()));
            set.for_each_rdata([&](base::Octets rdata) {
                if (added)
                    added =
                        builder.add({name, set.key.type, set.ttl, rdata}, Builder::Rdata::checked);
            });
        };
        if (before_ != nullptr)
            for_each_set(*before_, [&](const SetView& set) {
                if (!entries_.contains(set.key)) add(set);
            });
        for (const auto& [key, entry] : entries_) add(entry.now.view(key.view()));
        if (!added) {
            if (problems_or_null != nullptr) *problems_or_null = {added.error()};
            return tl::unexpected<Error>(std::move(added).error());
        }
        ZC_TRY(applied.image, builder.build(nullptr, problems_or_null));
        return {};
    }

private:
    struct Entry {
        Standing now;
    };

    Entry& entry(const SetKey& key) {
        if (const auto found = entries_.find(key); found != entries_.end()) return found->second;
        if (before_ != nullptr) {
            if (is_of_nsec3(key)) {
                // Their owners are no nodes, so they are taken all at once.
                if (!std::exchange(has_nsec3_, true))
                    for_each_set(*before_, [&](const SetView& set) {
                        if (is_of_nsec3(set.key)) take_from_image(set);
                    });
            } else {
                take_node(key.owner);
            }
        }
        if (const auto found = entries_.find(key); found != entries_.end()) return found->second;
        return entries_.try_emplace(own(key)).first->second;
    }

    std::vector<base::Octets> owners() const {
        std::vector<base::Octets> out;
        for (const auto& [key, entry] : entries_)
            if (out.empty() || compare_keys(out.back(), key.owner) != 0)
                out.emplace_back(key.owner);
        return out;
    }
    /// The entries at a node that have records.
    std::vector<SetView> sets_at(base::Octets owner) const {
        std::vector<SetView> out;
        for (auto at = entries_.lower_bound(SetKey{owner, RrType{}, RrType{}});
             at != entries_.end() && compare_keys(at->first.owner, owner) == 0; ++at)
            if (at->second.now.count != 0) out.push_back(at->second.now.view(at->first.view()));
        return out;
    }

    /// The sets of one node become entries.
    void take_node(base::Octets key);

    void take_from_image(const SetView& set) {
        if (entries_.contains(set.key)) return;
        entries_.try_emplace(own(set.key)).first->second.now.assign(set);
    }

    static OwnedKey own(const SetKey& key) {
        return {{key.owner.begin(), key.owner.end()}, key.type, key.covered};
    }

    dns::Name apex_;
    const Zone* before_;
    ContentSum content_;
    bool exists_ = false;
    bool has_nsec3_ = false;
    std::map<OwnedKey, Entry, KeyOrder> entries_;
};

void Overlay::take_node(base::Octets key) {
    if (before_->state() != State::serving) return;
    const ImageView view(before_->image());
    NodeRef node = view.apex_node();
    if (!key.empty()) {
        std::uint8_t label_at[dns::name_labels_max];
        std::size_t labels = 0;
        for (std::size_t at = 0; at < key.size(); at += 1U + key[at])
            label_at[labels++] = static_cast<std::uint8_t>(at);
        std::uint64_t hash = image_hash_start;
        while (labels > 0) {
            const std::uint8_t* label = key.data() + label_at[--labels];
            hash = hash_label(hash, label + 1, *label);
        }
        node = view.probe(hash, key);
    }
    if (node) for_each_set(*before_, node, [&](const SetView& set) { take_from_image(set); });
}

/// Applies one change after the other.
class Applier {
public:
    Applier(Overlay& zone, ChangeMaker& maker) noexcept : zone_(zone), maker_(maker) {}

    Result<Step> apply(const Change& change) {
        Step step;
        step.serial_before = serial();
        const bool existed = zone_.exists();
        if (change.kind() == Change::Kind::remove) {
            step.differs = existed;
            if (existed) {
                ZC_TRY(step.undo, everything());
            }
            zone_.remove_zone();
            return step;
        }
        maker_.begin(zone_.apex(), Change::Kind::patch, SerialRule::mirror);
        soa_.reset();
        for (Change::Cursor sets(change); sets.more();) {
            const SetView set = sets.next();
            if (compare(set.key, soa_key) == 0) {
                soa_.emplace().assign(set);
            } else if (replace(set)) {
                step.differs = true;
            }
        }
        if (change.kind() == Change::Kind::put && remove_all_but(change)) step.differs = true;
        if (change_soa(change, step.differs, existed)) step.differs = true;
        if (!existed) {
            step.differs = true;
            zone_.make_zone();
            maker_.begin(zone_.apex(), Change::Kind::remove, SerialRule::mirror);
        }
        if (step.differs) {
            ZC_TRY(step.undo, maker_.make());
        }
        step.serial = serial();
        step.content = zone_.content();
        return step;
    }

private:
    std::uint32_t serial() { return zone_.exists() ? serial_of(zone_.look(soa_key)) : 0; }

    /// Whether it differs from what stood there; then that is part of the undo.
    bool replace(const SetView& set) {
        const SetView stood = zone_.look(set.key);
        if (stood.same_content(set)) return false;
        maker_.set(stood);
        zone_.replace(set);
        return true;
    }

    bool remove_all_but(const Change& change) {
        std::vector<OwnedKey> gone;
        Change::Cursor sets(change);
        std::optional<SetKey> named;
        if (sets.more()) named = sets.next().key;
        zone_.for_each([&](const SetView& set) {
            while (named && compare(*named, set.key) < 0) {
                named.reset();
                if (sets.more()) named = sets.next().key;
            }
            const bool is_named = named && compare(*named, set.key) == 0;
            if (!is_named && compare(set.key, soa_key) != 0)
                gone.push_back(
                    {{set.key.owner.begin(), set.key.owner.end()}, set.key.type, set.key.covered});
        });
        for (const OwnedKey& key : gone) replace(SetView{.key = key.view()});
        return !gone.empty();
    }

    /// The SOA record comes last, since its serial depends on whether all else differs.
    bool change_soa(const Change& change, bool differs, bool existed) {
        Standing stood;
        stood.assign(zone_.look(soa_key));
        const SetView before = stood.view(soa_key);
        if (!soa_ && change.kind() == Change::Kind::put) soa_.emplace();  // it has none any more
        const bool is_given = soa_.has_value();
        Standing& now = is_given ? *soa_ : soa_.emplace();
        if (!is_given) now.assign(before);
        const SetView wanted = now.view(soa_key);
        const bool mirrors = change.serial_rule() == SerialRule::mirror;
        // Without one record there is no serial; whether the zone may stand so is for Builder to say.
        if (!soa_of(wanted).empty() && !soa_of(before).empty() && existed && !mirrors) {
            const bool raises = serial_greater(serial_of(wanted), serial_of(before));
            if (!raises) {
                if (!differs && same_but_for_serial(wanted, before)) return false;
                const std::size_t at = now.records.size() - soa_numbers_octets;
                base::store_u32(&now.records[at], serial_next(serial_of(before)));
            }
        }
        return replace(now.view(soa_key));
    }

    Result<Change> everything() {
        maker_.begin(zone_.apex(), Change::Kind::put, SerialRule::mirror);
        zone_.for_each([&](const SetView& set) { maker_.set(set); });
        return maker_.make();
    }

    Overlay& zone_;
    ChangeMaker& maker_;
    std::optional<Standing> soa_;
};

}  // namespace

Result<Applied> apply(dns::NameView apex, const Zone* before_or_null, const ContentSum& content,
                      std::span<const Change> in_order, ApplyScratch& scratch,
                      std::vector<Error>* problems_or_null) {
    Overlay zone(apex, before_or_null, content);
    Applier applier(zone, scratch.work_->maker);
    Applied applied;
    applied.steps.reserve(in_order.size());
    for (const Change& change : in_order) {
        ZC_TRY(Step step, applier.apply(change));
        applied.steps.push_back(std::move(step));
    }
    if (zone.exists()) ZC_TRY_STATUS(zone.build(scratch.work_->builder, applied, problems_or_null));
    return applied;
}

Result<Change> difference(const Zone& before, const Change& after) {
    ZC_CHECK(after.kind() == Change::Kind::put);
    ChangeMaker maker;
    maker.begin(before.apex(), Change::Kind::patch, after.serial_rule());
    maker.settings(after.settings());
    Overlay zone(before.apex(), &before, {});
    Change::Cursor sets(after);
    std::optional<SetView> wanted;
    const auto next = [&] {
        wanted.reset();
        if (sets.more()) wanted = sets.next();
    };
    next();
    zone.for_each([&](const SetView& stood) {
        for (; wanted && compare(wanted->key, stood.key) < 0; next()) maker.set(*wanted);
        if (!wanted || compare(wanted->key, stood.key) != 0) {
            maker.remove(stood.key);
            return;
        }
        if (!wanted->same_content(stood)) maker.set(*wanted);
        next();
    });
    for (; wanted; next()) maker.set(*wanted);
    return maker.make();
}

}  // namespace zc::zone
