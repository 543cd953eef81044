#include "judge/signatures.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "dns/presentation.h"
#include "dnssec/verify.h"
#include "zone/lookup.h"
#include "zone/zone.h"

namespace zc::judge {
namespace {

constexpr std::size_t rrsig_signer_offset = 18;  // RFC 4034 section 3.1

std::string folded_octets(dns::NameView name) {
    std::string out;
    for (const std::uint8_t octet : name.wire()) out.push_back(static_cast<char>(dns::fold(octet)));
    return out;
}

std::string key_of(Side side, const dns::Name& signer) {
    return static_cast<char>('0' + static_cast<int>(side)) + folded_octets(signer);
}

std::string key_of(Side side, const std::string& folded_owner, dns::RrType type) {
    return std::to_string(static_cast<int>(side)) + ' ' + std::to_string(static_cast<int>(type)) +
           ' ' + folded_owner;
}

std::uint64_t hash_of(std::string_view octets) noexcept {
    return std::hash<std::string_view>{}(octets);
}

std::optional<dns::Name> signer_of(const dns::Record& rrsig) {
    if (rrsig.rdata.size() <= rrsig_signer_offset) return std::nullopt;
    base::Reader in(rrsig.rdata);
    in.skip(rrsig_signer_offset);
    auto name = dns::read_name(in);
    if (!name) return std::nullopt;
    return *name;
}

std::vector<dns::Name> signers_of(const dns::Message& response) {
    std::vector<dns::Name> signers;
    for (const auto* section : {&response.answer, &response.authority, &response.additional})
        for (const dns::Record& record : *section) {
            if (record.type != dns::RrType::rrsig) continue;
            const auto signer = signer_of(record);
            if (!signer) continue;
            const bool is_known =
                std::any_of(signers.begin(), signers.end(),
                            [&](const auto& other) { return dns::equal(other, *signer); });
            if (!is_known) signers.push_back(*signer);
        }
    return signers;
}

/// An RRset with the signatures over it by one signer, as a message of its own.
struct Signed {
    const std::vector<dns::Record>* section = nullptr;
    std::string owner;  // folded
    dns::RrType type{};
    dns::Message alone;
};

std::vector<Signed> rrsets_signed_by(const dns::Name& signer, const dns::Message& response) {
    std::vector<Signed> sets;
    for (const auto* section : {&response.answer, &response.authority, &response.additional})
        for (const dns::Record& record : *section) {
            dns::RrType type = record.type;
            if (type == dns::RrType::rrsig) {
                const auto by = signer_of(record);
                if (!by || !dns::equal(*by, signer)) continue;
                type = static_cast<dns::RrType>(base::load_u16(record.rdata.data()));
            }
            std::string owner = folded_octets(record.owner);
            auto at = std::find_if(sets.begin(), sets.end(), [&](const Signed& known) {
                return known.section == section && known.type == type && known.owner == owner;
            });
            if (at == sets.end()) {
                sets.push_back(
                    {.section = section, .owner = std::move(owner), .type = type, .alone = {}});
                at = sets.end() - 1;
            }
            at->alone.answer.push_back(record);
        }
    std::erase_if(sets, [](const Signed& set) {
        return std::none_of(
            set.alone.answer.begin(), set.alone.answer.end(),
            [](const dns::Record& record) { return record.type == dns::RrType::rrsig; });
    });
    return sets;
}

bool is_alone(const Signed& set) {
    return std::none_of(set.alone.answer.begin(), set.alone.answer.end(),
                        [&](const dns::Record& record) { return record.type == set.type; });
}

/// The octets of a set and its signatures, whatever the order of the records. The TTL may count, as
/// it must not be above the original one (RFC 4035 section 5.3.3).
enum class TtlCounts : bool { no, yes };
std::string octets_of(const Signed& set, TtlCounts ttl) {
    std::vector<std::string> records;
    for (const dns::Record& record : set.alone.answer) {
        std::string& text = records.emplace_back(std::to_string(static_cast<int>(record.type)));
        text += ' ' + (ttl == TtlCounts::yes ? std::to_string(record.ttl) : std::string()) + ' ';
        text.append(record.rdata.begin(), record.rdata.end());
    }
    std::sort(records.begin(), records.end());
    std::string whole = set.owner + std::to_string(static_cast<int>(set.type));
    for (const std::string& record : records)
        whole += ' ' + std::to_string(record.size()) + ' ' + record;
    return whole;
}

std::uint64_t hash_of(const Signed& set, std::uint64_t keys) {
    return hash_of(std::string_view(std::to_string(keys) + ' ' + octets_of(set, TtlCounts::yes)));
}

}  // namespace

std::vector<std::uint8_t> SignatureCheck::keys_query(const dns::Name& signer) {
    return rrset_query({.owner = signer, .type = dns::RrType::dnskey});
}

const SignatureCheck::Keys* SignatureCheck::keys_or_null(Side side, const dns::Name& signer,
                                                         base::Instant now) {
    const auto found = keys_.find(key_of(side, signer));
    if (found == keys_.end()) return nullptr;
    if (found->second.until < now) {
        keys_.erase(found);
        return nullptr;
    }
    return &found->second;
}

std::vector<dns::Name> SignatureCheck::missing(Side side, const dns::Message& response,
                                               base::Instant now) {
    std::vector<dns::Name> names;
    for (const dns::Name& signer : signers_of(response)) {
        if (keys_or_null(side, signer, now) != nullptr) continue;
        if (names.size() < signers_max) names.push_back(signer);
    }
    return names;
}

/// Zone data knows the keys that are right: a side's own may be those of an impostor.
bool SignatureCheck::learn_from_zones(Side side, const dns::Name& signer, base::Instant now) {
    const auto zone = zones_or_null_ == nullptr ? std::nullopt : zones_or_null_->find_exact(signer);
    if (!zone || zone->state() != zone::State::serving) return false;
    zone::LookupName apex;
    apex.assign(zone->apex());
    const zone::NodeRef node =
        zone::ImageView(zone->image())
            .ancestor(apex, static_cast<std::uint8_t>(apex.labels), apex.labels);
    std::vector<dns::Record> records;
    zone::for_each_record(*zone, node, [&](const dns::RecordView& record) {
        if (record.type == dns::RrType::dnskey)
            records.push_back({.owner = dns::Name(record.owner),
                               .type = record.type,
                               .ttl = record.ttl,
                               .rdata = {record.rdata.begin(), record.rdata.end()}});
    });
    if (records.empty()) return false;
    keep(side, signer, {.records = std::move(records)}, now);
    return true;
}

void SignatureCheck::learn(Side side, const dns::Name& signer, base::Octets response,
                           base::Instant now) {
    Keys keys;
    keys.is_silence = true;
    if (auto message = dns::parse_message(response);
        message && message->rcode == dns::Rcode::noerror) {
        keys.is_silence = false;
        for (dns::Record& record : message->answer)
            if (record.type == dns::RrType::dnskey && dns::equal(record.owner, signer))
                keys.records.push_back(std::move(record));
    }
    keep(side, signer, std::move(keys), now);
}

void SignatureCheck::keep(Side side, const dns::Name& signer, Keys keys, base::Instant now) {
    // The oldest goes: what was learned for the response at hand stays.
    if (keys_.size() >= zones_kept_max)
        keys_.erase(std::min_element(keys_.begin(), keys_.end(), [](const auto& a, const auto& b) {
            return a.second.since < b.second.since;
        }));
    keys.since = now;
    keys.until = now + (keys.is_silence ? silence_kept_for : kept_for);
    std::string octets;
    for (const dns::Record& record : keys.records)
        octets.append(record.rdata.begin(), record.rdata.end());
    keys.hash = hash_of(std::string_view(octets));
    keys_.insert_or_assign(key_of(side, signer), std::move(keys));
}

bool SignatureCheck::forget_old(Side side, const dns::Message& response, base::Instant now) {
    bool any = false;
    for (const dns::Name& signer : signers_of(response)) {
        const auto found = keys_.find(key_of(side, signer));
        if (found == keys_.end() || found->second.is_silence ||
            now < found->second.since + fresh_for)
            continue;
        keys_.erase(found);
        any = true;
    }
    for (const dns::Name& signer : signers_of(response))
        for (const Signed& set : rrsets_signed_by(signer, response))
            if (is_alone(set) && rrsets_.erase(key_of(side, set.owner, set.type)) != 0) any = true;
    return any;
}

const SignatureCheck::KnownRrset* SignatureCheck::rrset_or_null(const std::string& key,
                                                                base::Instant now) const {
    const auto found = rrsets_.find(key);
    return found == rrsets_.end() || found->second.until < now ? nullptr : &found->second;
}

std::vector<SignatureCheck::Rrset> SignatureCheck::missing_rrsets(Side side,
                                                                  const dns::Message& response,
                                                                  base::Instant now) {
    std::vector<Rrset> out;
    for (const dns::Name& signer : signers_of(response))
        for (const Signed& set : rrsets_signed_by(signer, response))
            if (out.size() < rrsets_max && is_alone(set) &&
                rrset_or_null(key_of(side, set.owner, set.type), now) == nullptr)
                out.push_back({.owner = set.alone.answer.front().owner, .type = set.type});
    return out;
}

std::vector<std::uint8_t> SignatureCheck::rrset_query(const Rrset& rrset) {
    return dns::encode_query(rrset.owner, rrset.type,
                             {.edns = dns::Edns{.udp_octets = 1232, .dnssec_ok = true}});
}

void SignatureCheck::learn_rrset(Side side, const Rrset& rrset, base::Octets response,
                                 base::Instant now) {
    std::erase_if(rrsets_, [&](const auto& one) { return one.second.until < now; });
    if (rrsets_.size() >= rrsets_kept_max) rrsets_.clear();
    KnownRrset known{.records = {}, .until = now + rrset_kept_for};
    if (auto message = dns::parse_message(response))
        for (dns::Record& record : message->answer)
            if (record.type == rrset.type && dns::equal(record.owner, rrset.owner))
                known.records.push_back(std::move(record));
    rrsets_.insert_or_assign(key_of(side, folded_octets(rrset.owner), rrset.type),
                             std::move(known));
}

Status SignatureCheck::verify(Side side, const dns::Message& response, base::Instant now) {
    if (verified_until_ < now || verified_.size() >= verified_kept_max) {
        verified_.clear();  // signatures expire
        verified_until_ = now + kept_for;
    }
    const std::vector<dns::Name> signers = signers_of(response);
    if (signers.size() > signers_max)
        return fail(Errc::invalid, "signatures by " + std::to_string(signers.size()) +
                                       " signers, limit is " + std::to_string(signers_max));
    // A known fault is told before one that nobody here can tell.
    Status unknown;
    const auto keep_first = [&unknown](Status&& status) {
        if (unknown) unknown = std::move(status);
    };
    for (const dns::Name& signer : signers) {
        const Keys* keys = keys_or_null(side, signer, now);
        if (keys == nullptr || keys->is_silence) {
            keep_first(fail(Errc::timeout, "signatures by " + dns::to_string(signer) +
                                               ", whose DNSKEY are not to be had"));
            continue;
        }
        if (keys->records.empty()) {
            keep_first(fail(Errc::not_found, "signatures by " + dns::to_string(signer) +
                                                 ", which has no DNSKEY there"));
            continue;
        }
        for (Signed& set : rrsets_signed_by(signer, response)) {
            const auto* const known =
                is_alone(set) ? rrset_or_null(key_of(side, set.owner, set.type), now) : nullptr;
            const bool is_completed = known != nullptr && !known->records.empty();
            if (is_completed)
                set.alone.answer.insert(set.alone.answer.end(), known->records.begin(),
                                        known->records.end());
            const std::uint64_t hash = hash_of(set, keys->hash);
            if (verified_.contains(hash)) continue;
            Status verified = dnssec::verify_signatures(set.alone, keys->records, now);
            if (!verified && is_completed && verified.error().code == Errc::invalid) {
                // The RRset may have changed since: what is wrong without it is wrong.
                std::erase_if(set.alone.answer, [](const dns::Record& record) {
                    return record.type != dns::RrType::rrsig;
                });
                if (Status alone = dnssec::verify_signatures(set.alone, keys->records, now);
                    !alone && alone.error().code == Errc::unsupported)
                    verified = fail(Errc::unsupported, std::move(verified.error().message) +
                                                           " (over what that side has now)");
            }
            if (verified)
                verified_.insert(hash);
            else if (verified.error().code == Errc::invalid)
                return verified;
            else
                keep_first(std::move(verified));
        }
    }
    return unknown;
}

bool signs_no_more(base::Octets newer, base::Octets older) {
    const auto signed_of = [](base::Octets octets) -> std::optional<std::set<std::string>> {
        const auto message = dns::parse_message(octets);
        if (!message) return std::nullopt;
        std::set<std::string> out;
        for (const dns::Name& signer : signers_of(*message))
            for (const Signed& one : rrsets_signed_by(signer, *message))
                out.insert(std::to_string(one.section == &message->answer      ? 0
                                          : one.section == &message->authority ? 1
                                                                               : 2) +
                           octets_of(one, TtlCounts::no));
        return out;
    };
    const auto more = signed_of(newer), all = signed_of(older);
    return more && all && std::ranges::includes(*all, *more);
}

}  // namespace zc::judge
