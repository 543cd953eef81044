#include "settings/settings_change.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "settings/codec.h"

namespace zc::settings {
namespace {

enum class Part : std::uint8_t {
    kind = 1,
    masters = 2,
    account = 3,
    options = 4,
    catalog = 5,
    metadata = 6,
    comments = 7,
    key = 8,
    kept = 9,
    left_out = 10,
};

constexpr std::uint64_t kind_max = static_cast<std::uint64_t>(Kind::consumer);
constexpr std::uint64_t why_max = static_cast<std::uint64_t>(KeptRecord::Why::no_image);

void encode_field(Encoder& out, const Field& field) {
    out.number(field ? 1 : 0);
    if (field) out.text(*field);
}
Field decode_field(Decoder& in) {
    return in.number(1) != 0 ? Field(in.text()) : Field();
}

template <class T, class Read>
std::vector<T> decode_list(Decoder& in, const Read& read) {
    std::vector<T> out;
    for (std::uint64_t left = in.number(); left > 0 && in.ok(); --left) out.push_back(read());
    return out;
}

/// Replaces those of `list`, which is sorted, that `is_of` finds, by `wanted`; gives what they were.
template <class T, class IsOf>
std::vector<T> replace(std::vector<T>& list, std::vector<T> wanted, const IsOf& is_of) {
    std::vector<T> was;
    std::ranges::copy_if(list, std::back_inserter(was), is_of);
    std::erase_if(list, is_of);
    list.insert(list.end(), std::make_move_iterator(wanted.begin()),
                std::make_move_iterator(wanted.end()));
    std::ranges::sort(list);
    return was;
}

template <class T>
void set(std::optional<T>& undo, T& stands, const std::optional<T>& wanted) {
    if (!wanted || *wanted == stands) return;
    undo = std::exchange(stands, *wanted);
}

void sort_all(SettingsChange& change) {
    for (auto& one : change.metadata) std::ranges::sort(one.contents);
    for (auto& one : change.comments) std::ranges::sort(one.comments);
    for (auto& one : change.kept) std::ranges::sort(one.kept);
    std::ranges::sort(change.metadata);
    std::ranges::sort(change.comments);
    std::ranges::sort(change.keys);
    std::ranges::sort(change.kept);
    if (change.left_out) std::ranges::sort(*change.left_out);
}

/// Whether each name stands once.
bool is_definite(const SettingsChange& change) {
    const auto each_once = [](const auto& list, const auto& name) {
        for (std::size_t i = 1; i < list.size(); ++i)
            if (name(list[i - 1]) == name(list[i])) return false;
        return true;
    };
    const auto of_set = [](const auto& one) { return std::tie(one.name, one.type); };
    return each_once(change.metadata, [](const auto& one) { return std::tie(one.kind); }) &&
           each_once(change.comments, of_set) && each_once(change.kept, of_set) &&
           each_once(change.keys, [](const auto& one) { return std::tie(one.id); });
}

void decode_part(Decoder& in, SettingsChange& change) {
    switch (static_cast<Part>(in.tag())) {
        case Part::kind:
            change.kind = static_cast<Kind>(in.number(kind_max));
            break;
        case Part::masters:
            change.masters = decode_list<std::string>(in, [&] { return in.text(); });
            break;
        case Part::account:
            change.account = in.text();
            break;
        case Part::options:
            change.options = decode_field(in);
            break;
        case Part::catalog:
            change.catalog = decode_field(in);
            break;
        case Part::metadata: {
            SettingsChange::MetadataOfKind one{in.text(), {}};
            one.contents = decode_list<std::string>(in, [&] { return in.text(); });
            change.metadata.push_back(std::move(one));
            break;
        }
        case Part::comments: {
            SettingsChange::CommentsOfSet one;
            one.name = in.text();
            one.type = in.text();
            one.comments = decode_list<Comment>(in, [&] {
                Comment comment{.name = one.name, .type = one.type, .account = {}, .comment = {}};
                comment.account = in.text();
                comment.comment = in.text();
                comment.modified_at = in.signed_number();
                return comment;
            });
            change.comments.push_back(std::move(one));
            break;
        }
        case Part::key: {
            SettingsChange::KeyOfId one;
            one.id = static_cast<std::uint32_t>(in.number(UINT32_MAX));
            if (in.number(1) != 0) {
                CryptoKey& key = one.key.emplace();
                key.id = one.id;
                key.flags = static_cast<std::uint16_t>(in.number(UINT16_MAX));
                const std::uint64_t bits = in.number(3);
                key.active = (bits & 1) != 0;
                key.published = (bits & 2) != 0;
                key.content = in.text();
            }
            change.keys.push_back(std::move(one));
            break;
        }
        case Part::kept: {
            SettingsChange::KeptOfSet one;
            one.name = in.text();
            one.type = in.text();
            one.kept = decode_list<KeptRecord>(in, [&] {
                KeptRecord kept;
                kept.why = static_cast<KeptRecord::Why>(in.number(why_max));
                kept.disabled = in.number(1) != 0;
                kept.name = one.name;
                kept.type = one.type;
                kept.content = in.text();
                kept.ttl = static_cast<std::int32_t>(in.number(UINT32_MAX));
                kept.prio = static_cast<std::int32_t>(in.signed_number());
                return kept;
            });
            change.kept.push_back(std::move(one));
            break;
        }
        case Part::left_out:
            change.left_out = decode_list<LeftOut>(in, [&] {
                LeftOut one;
                one.record = in.text();
                one.reason = in.text();
                return one;
            });
            break;
        default:
            in.fail();  // the octet is foreign: any value may stand there
    }
}

}  // namespace

std::vector<std::uint8_t> encode(SettingsChange change) {
    sort_all(change);
    Encoder out;
    if (change.kind) out.tag(Part::kind).number(static_cast<std::uint64_t>(*change.kind));
    if (change.masters) {
        out.tag(Part::masters).number(change.masters->size());
        for (const std::string& master : *change.masters) out.text(master);
    }
    if (change.account) out.tag(Part::account).text(*change.account);
    if (change.options) encode_field(out.tag(Part::options), *change.options);
    if (change.catalog) encode_field(out.tag(Part::catalog), *change.catalog);
    for (const auto& one : change.metadata) {
        out.tag(Part::metadata).text(one.kind).number(one.contents.size());
        for (const std::string& content : one.contents) out.text(content);
    }
    for (const auto& one : change.comments) {
        out.tag(Part::comments).text(one.name).text(one.type).number(one.comments.size());
        for (const Comment& comment : one.comments)
            out.text(comment.account).text(comment.comment).signed_number(comment.modified_at);
    }
    for (const auto& one : change.keys) {
        out.tag(Part::key).number(one.id).number(one.key ? 1 : 0);
        if (!one.key) continue;
        out.number(one.key->flags);
        out.number((one.key->active ? 1U : 0U) | (one.key->published ? 2U : 0U));
        out.text(one.key->content);
    }
    for (const auto& one : change.kept) {
        out.tag(Part::kept).text(one.name).text(one.type).number(one.kept.size());
        for (const KeptRecord& kept : one.kept) {
            out.number(static_cast<std::uint64_t>(kept.why)).number(kept.disabled ? 1 : 0);
            out.text(kept.content).number(static_cast<std::uint32_t>(kept.ttl));
            out.signed_number(kept.prio);
        }
    }
    if (change.left_out) {
        out.tag(Part::left_out).number(change.left_out->size());
        for (const LeftOut& one : *change.left_out) out.text(one.record).text(one.reason);
    }
    return out.take();
}

Result<SettingsChange> decode_change(base::Octets octets) {
    SettingsChange change;
    Decoder in(octets);
    while (in.more()) decode_part(in, change);
    ZC_TRY_STATUS(in.status());
    if (!is_definite(change) || !std::ranges::equal(encode(change), octets))
        return fail(Errc::malformed, "a change of a zone's settings is not in canonical form");
    return change;
}

SettingsChange apply(ZoneSettings& zone, const SettingsChange& change) {
    give_ids(zone);
    SettingsChange undo;
    set(undo.kind, zone.kind, change.kind);
    set(undo.masters, zone.masters, change.masters);
    set(undo.account, zone.account, change.account);
    set(undo.options, zone.options, change.options);
    set(undo.catalog, zone.catalog, change.catalog);
    for (const auto& one : change.metadata) {
        std::vector<Metadata> wanted;
        for (const std::string& content : one.contents) wanted.push_back({one.kind, content});
        std::ranges::sort(wanted);
        const auto was =
            replace(zone.metadata, wanted, [&](const Metadata& m) { return m.kind == one.kind; });
        if (was == wanted) continue;
        SettingsChange::MetadataOfKind& back = undo.metadata.emplace_back();
        back.kind = one.kind;
        for (const Metadata& metadata : was) back.contents.push_back(metadata.content);
    }
    for (const auto& one : change.comments) {
        auto wanted = one.comments;
        std::ranges::sort(wanted);
        auto was = replace(zone.comments, wanted, [&](const Comment& comment) {
            return comment.name == one.name && comment.type == one.type;
        });
        if (was != wanted) undo.comments.push_back({one.name, one.type, std::move(was)});
    }
    for (const auto& one : change.keys) {
        std::vector<CryptoKey> wanted;
        if (one.key) wanted.push_back(*one.key);
        const auto was =
            replace(zone.keys, wanted, [&](const CryptoKey& key) { return key.id == one.id; });
        if (was == wanted) continue;
        undo.keys.push_back({one.id, was.empty() ? std::nullopt : std::optional(was[0])});
    }
    for (const auto& one : change.kept) {
        auto wanted = one.kept;
        std::ranges::sort(wanted);
        auto was = replace(zone.kept, wanted, [&](const KeptRecord& kept) {
            return kept.name == one.name && kept.type == one.type;
        });
        if (was != wanted) undo.kept.push_back({one.name, one.type, std::move(was)});
    }
    set(undo.left_out, zone.left_out, change.left_out);
    sort_all(undo);
    return undo;
}

SettingsChange difference(ZoneSettings before, ZoneSettings after) {
    give_ids(before);
    give_ids(after);
    SettingsChange all;  // what `after` has, and that what it has not is none
    all.kind = after.kind;
    all.masters = after.masters;
    all.account = after.account;
    all.options = after.options;
    all.catalog = after.catalog;
    all.left_out = after.left_out;
    std::set<std::string> kinds;
    std::set<std::pair<std::string, std::string>> commented, kept;
    std::set<std::uint32_t> ids;
    for (const ZoneSettings* zone : {&before, &after}) {
        for (const Metadata& one : zone->metadata) kinds.insert(one.kind);
        for (const Comment& one : zone->comments) commented.emplace(one.name, one.type);
        for (const KeptRecord& one : zone->kept) kept.emplace(one.name, one.type);
        for (const CryptoKey& one : zone->keys) ids.insert(one.id);
    }
    for (const std::string& kind : kinds) {
        SettingsChange::MetadataOfKind one{kind, {}};
        for (const Metadata& metadata : after.metadata)
            if (metadata.kind == kind) one.contents.push_back(metadata.content);
        all.metadata.push_back(std::move(one));
    }
    for (const auto& [name, type] : commented) {
        SettingsChange::CommentsOfSet one{name, type, {}};
        for (const Comment& comment : after.comments)
            if (comment.name == name && comment.type == type) one.comments.push_back(comment);
        all.comments.push_back(std::move(one));
    }
    for (const auto& [name, type] : kept) {
        SettingsChange::KeptOfSet one{name, type, {}};
        for (const KeptRecord& record : after.kept)
            if (record.name == name && record.type == type) one.kept.push_back(record);
        all.kept.push_back(std::move(one));
    }
    for (const std::uint32_t id : ids) {
        SettingsChange::KeyOfId one{id, std::nullopt};
        for (const CryptoKey& key : after.keys)
            if (key.id == id) one.key = key;
        all.keys.push_back(std::move(one));
    }
    // Applied to `before` it gives `after`, and its undo applied to that is the least that goes back;
    // the undo of the undo is the least that goes forward.
    const SettingsChange back = apply(before, all);
    return apply(before, back);
}

}  // namespace zc::settings
