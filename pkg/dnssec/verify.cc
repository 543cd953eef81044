#include "dnssec/verify.h"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include <ldns/ldns.h>

#include "base/octets.h"
#include "dns/presentation.h"

namespace zc::dnssec {

namespace {

using dns::Record;
using dns::RrType;

struct FreeRr {
    void operator()(ldns_rr* rr) const noexcept { ldns_rr_free(rr); }
};
using Rr = std::unique_ptr<ldns_rr, FreeRr>;
struct FreeList {
    void operator()(ldns_rr_list* list) const noexcept { ldns_rr_list_deep_free(list); }
};
using RrList = std::unique_ptr<ldns_rr_list, FreeList>;

void append_u16(std::vector<std::uint8_t>& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}

/// Null when ldns does not know what to make of it.
Rr to_ldns(const Record& record) {
    std::vector<std::uint8_t> wire(record.owner.wire().begin(), record.owner.wire().end());
    append_u16(wire, static_cast<std::size_t>(record.type));
    append_u16(wire, static_cast<std::size_t>(record.rr_class));
    append_u16(wire, record.ttl >> 16);
    append_u16(wire, record.ttl & 0xffffU);
    append_u16(wire, record.rdata.size());
    wire.insert(wire.end(), record.rdata.begin(), record.rdata.end());
    ldns_rr* rr = nullptr;
    std::size_t at = 0;
    if (ldns_wire2rr(&rr, wire.data(), wire.size(), &at, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
        return nullptr;
    return Rr(rr);
}

/// The fields of an RRSIG (RFC 4034 section 3.1).
struct Signature {
    RrType covered{};
    std::uint8_t algorithm = 0, labels = 0;
    std::uint32_t original_ttl = 0, expiration = 0, inception = 0;
    std::uint16_t key_tag = 0;
    dns::Name signer;
};

Result<Signature> read_signature(const Record& record) {
    base::Reader in{base::Octets(record.rdata)};
    Signature out;
    out.covered = static_cast<RrType>(in.u16());
    out.algorithm = in.u8();
    out.labels = in.u8();
    out.original_ttl = in.u32();
    out.expiration = in.u32();
    out.inception = in.u32();
    out.key_tag = in.u16();
    if (!in.ok()) return fail(Errc::invalid, "an RRSIG that is cut off");
    ZC_TRY(out.signer, dns::read_name(in));
    return out;
}

/// Labels without the root's and a leading asterisk (RFC 4034 section 3.1.3).
std::size_t labels_of(dns::NameView name) {
    return name.labels() - (name.is_wildcard() ? 1U : 0U);
}

/// RFC 1982: `a` is later than `b`.
bool is_later(std::uint32_t a, std::uint32_t b) {
    return static_cast<std::int32_t>(a - b) > 0;
}

/// YYYYMMDDHHmmSS, as RRSIGs have it in presentation format.
std::string time_text(std::uint32_t seconds) {
    // Days since 1970-01-01 to a date: Howard Hinnant's civil_from_days.
    const std::uint32_t z = seconds / 86400 + 719468, era = z / 146097, day_of_era = z % 146097;
    const std::uint32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const std::uint32_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::uint32_t shifted = (5 * day_of_year + 2) / 153;
    const std::uint32_t day = day_of_year - (153 * shifted + 2) / 5 + 1;
    const std::uint32_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    const std::uint32_t year = year_of_era + era * 400 + (month <= 2 ? 1U : 0U);
    std::string out = std::to_string(year);
    for (const std::uint32_t part :
         {month, day, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60})
        out += (part < 10 ? "0" : "") + std::to_string(part);
    return out;
}

/// RFC 4034 section 2.1: a zone key, of protocol 3, not revoked (RFC 5011 section 2.1).
bool is_zone_key(const Record& key) {
    if (key.type != RrType::dnskey || key.rdata.size() < 4) return false;
    const std::uint16_t flags = base::load_u16(key.rdata.data());
    return (flags & 0x0100U) != 0 && (flags & 0x0080U) == 0 && key.rdata[2] == 3;
}

class Verifier {
public:
    Verifier(const std::vector<Record>& keys, base::Instant now)
        : now_(now.unix_seconds()), keys_(ldns_rr_list_new()) {
        for (const Record& key : keys) {
            if (!is_zone_key(key)) continue;
            Rr rr = to_ldns(key);
            if (rr == nullptr) continue;
            signer_ = key.owner;
            ldns_rr_list_push_rr(keys_.get(), rr.release());
        }
    }

    /// A known fault comes before one that nobody can tell.
    Status section(const std::vector<Record>& records) const {
        Status unsupported;
        for (const Record& record : records) {
            if (record.type != RrType::rrsig) continue;
            const auto signature = read_signature(record);
            if (!signature) return fail(Errc::invalid, of(record.owner, RrType{}) + " is cut off");
            if (!dns::equal(signature->signer, signer_)) continue;
            Status verified = one(records, record, *signature);
            if (!verified && verified.error().code != Errc::unsupported) return verified;
            if (unsupported) unsupported = std::move(verified);
        }
        return unsupported;
    }
    bool has_keys() const { return ldns_rr_list_rr_count(keys_.get()) != 0; }

private:
    static std::string of(dns::NameView owner, RrType covered) {
        return "RRSIG over " + dns::to_string(covered) + " of " + dns::to_string(owner);
    }

    Status one(const std::vector<Record>& records, const Record& record,
               const Signature& signature) const {
        const std::string what = of(record.owner, signature.covered);
        RrList set(ldns_rr_list_new());
        for (const Record& other : records) {
            if (other.type != signature.covered || other.rr_class != record.rr_class ||
                !dns::equal(other.owner, record.owner))
                continue;
            if (other.ttl > signature.original_ttl)  // RFC 4035 section 5.3.3
                return fail(Errc::invalid, what + ": TTL " + std::to_string(other.ttl) +
                                               ", the signed one is " +
                                               std::to_string(signature.original_ttl));
            Rr rr = to_ldns(other);
            if (rr == nullptr)
                return fail(Errc::unsupported, what + ": ldns cannot read the RRset");
            ldns_rr_list_push_rr(set.get(), rr.release());
        }
        if (!record.owner.view().is_within(signature.signer))
            return fail(Errc::invalid, what + ": the signer " + dns::to_string(signature.signer) +
                                           " is not above it");
        if (signature.labels > labels_of(record.owner))
            return fail(Errc::invalid, what + ": has " + std::to_string(signature.labels) +
                                           " labels, more than the owner");
        if (is_later(signature.inception, now_))
            return fail(Errc::invalid,
                        what + ": not valid before " + time_text(signature.inception));
        if (is_later(now_, signature.expiration))
            return fail(Errc::invalid, what + ": expired at " + time_text(signature.expiration));
        // RFC 4035 section 5.3.1: whether ldns knows the algorithm or not.
        if (!has_key(signature.algorithm, signature.key_tag))
            return fail(Errc::invalid, what + ": no key " + std::to_string(signature.key_tag) +
                                           " of algorithm " + std::to_string(signature.algorithm) +
                                           " in the zone");
        // Signatures alone are what QTYPE RRSIG asks for.
        if (ldns_rr_list_rr_count(set.get()) == 0)
            return fail(Errc::unsupported, what + ": without the RRset");

        const Rr rrsig = to_ldns(record);
        if (rrsig == nullptr) return fail(Errc::invalid, what + ": ldns cannot read it");
        ldns_rr_list* good = ldns_rr_list_new();
        const ldns_status status =
            ldns_verify_rrsig_keylist_notime(set.get(), rrsig.get(), keys_.get(), good);
        ldns_rr_list_free(good);
        if (status == LDNS_STATUS_OK) return {};
        const bool is_known =
            status != LDNS_STATUS_CRYPTO_UNKNOWN_ALGO && status != LDNS_STATUS_CRYPTO_ALGO_NOT_IMPL;
        return fail(is_known ? Errc::invalid : Errc::unsupported,
                    what + ": " + ldns_get_errorstr_by_id(status));
    }

    bool has_key(std::uint8_t algorithm, std::uint16_t tag) const {
        for (std::size_t i = 0; i < ldns_rr_list_rr_count(keys_.get()); ++i) {
            const ldns_rr* const key = ldns_rr_list_rr(keys_.get(), i);
            if (ldns_rdf2native_int8(ldns_rr_dnskey_algorithm(key)) == algorithm &&
                ldns_calc_keytag(key) == tag)
                return true;
        }
        return false;
    }

    std::uint32_t now_;
    RrList keys_;
    dns::Name signer_;
};

}  // namespace

Status verify_signatures(const dns::Message& response, const std::vector<dns::Record>& keys,
                         base::Instant now) {
    const Verifier verifier(keys, now);
    if (!verifier.has_keys()) return fail(Errc::invalid, "no DNSKEY to verify with");
    Status answer = verifier.section(response.answer);
    if (!answer && answer.error().code == Errc::invalid) return answer;
    Status authority = verifier.section(response.authority);
    return authority ? answer : authority;
}

}  // namespace zc::dnssec
