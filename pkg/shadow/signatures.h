// Whether two sides whose signatures differ both have good ones: with the DNSKEYs of the signer
// from zone data, or as that side gives them.
//
// What has verified is remembered by RRset and signature for a while: signatures made ahead come
// with every answer again, and ldns takes a tenth of a millisecond for one.
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
#include "dns/message.h"
#include "shadow/tally.h"
#include "store/catalogue.h"

namespace zc::shadow {

class SignatureCheck {
public:
    static constexpr std::size_t signers_max = 8;        // in one response; others are an error
    static constexpr std::size_t zones_kept_max = 1024;  // with their keys
    static constexpr std::size_t verified_kept_max = 65536;
    static constexpr auto kept_for = base::Duration::seconds(60);

    explicit SignatureCheck(const store::Catalogue* zones_or_null)
        : zones_or_null_(zones_or_null) {}

    /// Signers whose keys are not known yet for that side, at most signers_max.
    std::vector<dns::Name> missing(Side side, const dns::Message& response, base::Instant now);
    /// Takes them from zone data; false when it does not have them.
    bool learn_from_zones(Side side, const dns::Name& signer, base::Instant now);
    /// The question for them.
    static std::vector<std::uint8_t> keys_query(const dns::Name& signer);
    /// Its answer; empty: there was none, which is remembered too.
    void learn(Side side, const dns::Name& signer, base::Octets response, base::Instant now);

    /// Errors: `invalid`, with the RRset and what is wrong; `not_found`: a signer has no DNSKEY;
    /// `unsupported`: its algorithm is not known here. Nothing is missing.
    Status verify(Side side, const dns::Message& response, base::Instant now);

private:
    struct Keys {
        std::vector<dns::Record> records;
        std::uint64_t hash = 0;
        base::Instant until{};
    };
    void keep(Side side, const dns::Name& signer, std::vector<dns::Record> records,
              base::Instant now);
    const Keys* keys_or_null(Side side, const dns::Name& signer, base::Instant now);

    const store::Catalogue* zones_or_null_;
    std::map<std::string, Keys> keys_;  // by side and folded signer
    std::unordered_set<std::uint64_t> verified_;
    base::Instant verified_until_{};
};

}  // namespace zc::shadow
