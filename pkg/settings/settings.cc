#include "settings/settings.h"

#include <algorithm>
#include <string>
#include <utility>

#include "settings/codec.h"

namespace zc::settings {
namespace {

// A value behind each tag, in the order of tags; what has its default is left out. Numbers are base
// 128, low groups first; texts have their length before them.
enum class Tag : std::uint8_t {
    kind = 1,
    master = 2,
    account = 3,
    options = 4,
    catalog = 5,
    notified_serial = 6,
    last_check = 7,
    metadata = 8,
    comment = 9,
    key = 10,
    kept = 11,
    tsig_key = 12,
    supermaster = 13,
    left_out = 14,
    key_id = 15,  // of the key before it
};

constexpr std::uint64_t kind_max = static_cast<std::uint64_t>(Kind::consumer);
constexpr std::uint64_t why_max = static_cast<std::uint64_t>(KeptRecord::Why::no_image);

}  // namespace

std::string_view to_string(Kind kind) noexcept {
    switch (kind) {
        case Kind::native:
            return "Native";
        case Kind::primary:
            return "Master";
        case Kind::secondary:
            return "Slave";
        case Kind::producer:
            return "Producer";
        case Kind::consumer:
            return "Consumer";
    }
    return "Native";
}

void give_ids(ZoneSettings& zone) {
    std::uint32_t id = 0;
    const auto is_taken = [&](std::uint32_t wanted) {
        return std::ranges::any_of(zone.keys,
                                   [&](const CryptoKey& key) { return key.id == wanted; });
    };
    for (CryptoKey& key : zone.keys) {
        if (key.id != 0) continue;
        do ++id;
        while (is_taken(id));
        key.id = id;
    }
    std::ranges::sort(zone.keys);
}

std::vector<std::uint8_t> encode(const ZoneSettings& zone) {
    Encoder out;
    if (zone.kind != Kind::native) out.tag(Tag::kind).number(static_cast<std::uint64_t>(zone.kind));
    for (const std::string& master : zone.masters) out.tag(Tag::master).text(master);
    if (!zone.account.empty()) out.tag(Tag::account).text(zone.account);
    if (zone.options) out.tag(Tag::options).text(*zone.options);
    if (zone.catalog) out.tag(Tag::catalog).text(*zone.catalog);
    if (zone.notified_serial) out.tag(Tag::notified_serial).number(*zone.notified_serial);
    if (zone.last_check) out.tag(Tag::last_check).signed_number(*zone.last_check);
    for (const auto& [kind, content] : zone.metadata)
        out.tag(Tag::metadata).text(kind).text(content);
    for (const Comment& comment : zone.comments) {
        out.tag(Tag::comment).text(comment.name).text(comment.type);
        out.text(comment.account).text(comment.comment).signed_number(comment.modified_at);
    }
    for (const CryptoKey& key : zone.keys) {
        out.tag(Tag::key).number(key.flags);
        out.number((key.active ? 1U : 0U) | (key.published ? 2U : 0U)).text(key.content);
        if (key.id != 0) out.tag(Tag::key_id).number(key.id);
    }
    for (const KeptRecord& kept : zone.kept) {
        out.tag(Tag::kept).number(static_cast<std::uint64_t>(kept.why));
        out.number(kept.disabled ? 1 : 0).text(kept.name).text(kept.type).text(kept.content);
        out.number(static_cast<std::uint32_t>(kept.ttl)).signed_number(kept.prio);
    }
    for (const LeftOut& one : zone.left_out)
        out.tag(Tag::left_out).text(one.record).text(one.reason);
    return out.take();
}

namespace {

Metadata metadata_of(Decoder& in) {
    Metadata metadata;
    metadata.kind = in.text();
    metadata.content = in.text();
    return metadata;
}

Comment comment_of(Decoder& in) {
    Comment comment;
    comment.name = in.text();
    comment.type = in.text();
    comment.account = in.text();
    comment.comment = in.text();
    comment.modified_at = in.signed_number();
    return comment;
}

CryptoKey key_of(Decoder& in) {
    CryptoKey key;
    key.flags = static_cast<std::uint16_t>(in.number(UINT16_MAX));
    const std::uint64_t bits = in.number(3);
    key.active = (bits & 1) != 0;
    key.published = (bits & 2) != 0;
    key.content = in.text();
    return key;
}

KeptRecord kept_of(Decoder& in) {
    KeptRecord kept;
    kept.why = static_cast<KeptRecord::Why>(in.number(why_max));
    kept.disabled = in.number(1) != 0;
    kept.name = in.text();
    kept.type = in.text();
    kept.content = in.text();
    kept.ttl = static_cast<std::int32_t>(in.number(UINT32_MAX));
    const std::int64_t prio = in.signed_number();
    if (prio < INT32_MIN || prio > INT32_MAX) in.fail();
    kept.prio = static_cast<std::int32_t>(prio);
    return kept;
}

LeftOut left_out_of(Decoder& in) {
    LeftOut one;
    one.record = in.text();
    one.reason = in.text();
    return one;
}

}  // namespace

Status decode(base::Octets octets, ZoneSettings& zone) {
    zone = {};
    Decoder in(octets);
    while (in.more()) {
        switch (static_cast<Tag>(in.tag())) {
            case Tag::kind:
                zone.kind = static_cast<Kind>(in.number(kind_max));
                break;
            case Tag::master:
                zone.masters.push_back(in.text());
                break;
            case Tag::account:
                zone.account = in.text();
                break;
            case Tag::options:
                zone.options = in.text();
                break;
            case Tag::catalog:
                zone.catalog = in.text();
                break;
            case Tag::notified_serial:
                zone.notified_serial = static_cast<std::uint32_t>(in.number(UINT32_MAX));
                break;
            case Tag::last_check:
                zone.last_check = in.signed_number();
                break;
            case Tag::metadata:
                zone.metadata.push_back(metadata_of(in));
                break;
            case Tag::comment:
                zone.comments.push_back(comment_of(in));
                break;
            case Tag::key:
                zone.keys.push_back(key_of(in));
                break;
            case Tag::key_id:
                if (zone.keys.empty() || zone.keys.back().id != 0)
                    in.fail();
                else
                    zone.keys.back().id = static_cast<std::uint32_t>(in.number(UINT32_MAX));
                break;
            case Tag::kept:
                zone.kept.push_back(kept_of(in));
                break;
            case Tag::left_out:
                zone.left_out.push_back(left_out_of(in));
                break;
            case Tag::tsig_key:
            case Tag::supermaster:
                in.fail();
                break;
            default:
                in.fail();  // the octet is foreign: any value may stand there
        }
    }
    return in.status();
}

Result<Kind> decode_kind(base::Octets octets) {
    // It is the lowest tag, so it stands first or not at all.
    Decoder in(octets);
    if (!in.more() || static_cast<Tag>(in.tag()) != Tag::kind) return Kind::native;
    const std::uint64_t kind = in.number(kind_max);
    ZC_TRY_STATUS(in.status());
    return static_cast<Kind>(kind);
}

std::vector<std::uint8_t> encode(std::span<const TsigKey> keys) {
    Encoder out;
    for (const TsigKey& key : keys)
        out.tag(Tag::tsig_key).text(key.name).text(key.algorithm).text(key.secret);
    return out.take();
}

std::vector<std::uint8_t> encode(std::span<const Supermaster> supermasters) {
    Encoder out;
    for (const Supermaster& one : supermasters)
        out.tag(Tag::supermaster).text(one.ip).text(one.nameserver).text(one.account);
    return out.take();
}

Result<std::vector<TsigKey>> decode_tsig_keys(base::Octets octets) {
    std::vector<TsigKey> keys;
    Decoder in(octets);
    while (in.more()) {
        if (static_cast<Tag>(in.tag()) != Tag::tsig_key) in.fail();
        TsigKey key;
        key.name = in.text();
        key.algorithm = in.text();
        key.secret = in.text();
        keys.push_back(std::move(key));
    }
    ZC_TRY_STATUS(in.status());
    return keys;
}

Result<std::vector<Supermaster>> decode_supermasters(base::Octets octets) {
    std::vector<Supermaster> supermasters;
    Decoder in(octets);
    while (in.more()) {
        if (static_cast<Tag>(in.tag()) != Tag::supermaster) in.fail();
        Supermaster one;
        one.ip = in.text();
        one.nameserver = in.text();
        one.account = in.text();
        supermasters.push_back(std::move(one));
    }
    ZC_TRY_STATUS(in.status());
    return supermasters;
}

}  // namespace zc::settings
