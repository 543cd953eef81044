// Whether two sides whose signatures differ both have good ones. The DNSKEYs of the signer come
// from zone data, or from that side.
//
// RRsets that verified are remembered with their signature for a while: signatures made ahead come
// with every answer again, and ldns takes 0.1 ms for one.
//
// Memory: bounded. Threads: an object belongs to one thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/octets.h"
#include "base/result.h"
#include "base/time.h"
#include "catalogue/catalogue.h"
#include "dns/message.h"
#include "judge/stretch.h"

namespace zc::judge {

class SignatureCheck {
public:
    static constexpr std::size_t signers_max = 8;        // in one response; others are an error
    static constexpr std::size_t zones_kept_max = 1024;  // with their keys
    static constexpr std::size_t verified_kept_max = 65536;
    static constexpr auto kept_for = base::Duration::seconds(60);
    static constexpr auto silence_kept_for = base::Duration::seconds(5);  // no answer for keys
    static constexpr std::size_t rrsets_max = 16;  // asked for, of one response
    static constexpr std::size_t rrsets_kept_max = 1024;
    static constexpr auto rrset_kept_for = base::Duration::seconds(5);
    /// Keys that are younger are not asked for again because something does not verify.
    static constexpr auto fresh_for = base::Duration::seconds(2);

    explicit SignatureCheck(const catalogue::Catalogue* zones_or_null)
        : zones_or_null_(zones_or_null) {}

    /// Signers whose keys are not known yet for that side, at most signers_max.
    std::vector<dns::Name> missing(Side side, const dns::Message& response, base::Instant now);
    /// Takes them from zone data; false when it does not have them.
    bool learn_from_zones(Side side, const dns::Name& signer, base::Instant now);
    /// The question for them.
    static std::vector<std::uint8_t> keys_query(const dns::Name& signer);
    /// Its answer; empty: there was none, which is remembered for a short time. So is a refusal or
    /// a failure: only who says NOERROR, and gives no DNSKEY, has none.
    void learn(Side side, const dns::Name& signer, base::Octets response, base::Instant now);

    /// An answer to QTYPE RRSIG has signatures but not the RRsets they sign.
    struct Rrset {
        dns::Name owner;
        dns::RrType type{};
    };
    /// Those over which `response` has signatures, which it does not have itself, and which are not
    /// known for that side; at most rrsets_max.
    std::vector<Rrset> missing_rrsets(Side side, const dns::Message& response, base::Instant now);
    static std::vector<std::uint8_t> rrset_query(const Rrset& rrset);
    void learn_rrset(Side side, const Rrset& rrset, base::Octets response, base::Instant now);

    /// The signatures of all sections. Errors: `invalid`, with the RRset and its fault. Where
    /// nobody here can tell: `not_found`, a signer has no DNSKEY; `timeout`, a signer did not
    /// answer when asked for its keys, or nobody has asked; `unsupported`, as
    /// dnssec::verify_signatures, and for a signature over an RRset that was asked for and does not
    /// match it: the RRset may have changed since.
    Status verify(Side side, const dns::Message& response, base::Instant now);
    /// Lets go of the keys by which `response` did not verify, where they are not fresh, and of the
    /// RRsets: a zone may have got new ones since. True: there were such, and they are missing now.
    bool forget_old(Side side, const dns::Message& response, base::Instant now);

private:
    struct Keys {
        std::vector<dns::Record> records;
        std::uint64_t hash = 0;
        base::Instant since{}, until{};
        bool is_silence = false;
    };
    void keep(Side side, const dns::Name& signer, Keys keys, base::Instant now);
    const Keys* keys_or_null(Side side, const dns::Name& signer, base::Instant now);

    const catalogue::Catalogue* zones_or_null_;
    struct KnownRrset {
        std::vector<dns::Record> records;  // none: that side does not say
        base::Instant until{};
    };
    const KnownRrset* rrset_or_null(const std::string& key, base::Instant now) const;

    std::map<std::string, Keys> keys_;          // by side and folded signer
    std::map<std::string, KnownRrset> rrsets_;  // by side, type and folded owner
    std::unordered_set<std::uint64_t> verified_;
    base::Instant verified_until_{};
};

/// Every signature of `newer`, with the RRset it is over, stands in `older` too: what a validator
/// makes of them it makes of both. TTLs aside. False when one of them is no message.
bool signs_no_more(base::Octets newer, base::Octets older);

}  // namespace zc::judge
