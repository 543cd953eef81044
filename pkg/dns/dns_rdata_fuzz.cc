// Two octets of type, then RDATA. If that is well-formed, it is printed, parsed back to the same octets,
// and folded in place; ldns is asked whether it finds it well-formed too.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>  // before ldns, which makes `false` a macro
#include <string>
#include <vector>

#include <ldns/ldns.h>

#include "base/check.h"
#include "dns/presentation.h"

using namespace zc;
using dns::RrType;

namespace {

/// A type about whose RDATA ldns and we disagree, and over what.
struct Disagreement {
    std::string_view type, why;
};

constexpr std::array stricter_than_ldns = {
    Disagreement{"APL", "items are not looked into"},
    Disagreement{"CAA", "tags of other octets than letters and digits"},
    Disagreement{"CSYNC", "bitmaps are not looked into"},
    Disagreement{"HIP", "empty identity tags and keys"},
    Disagreement{"HTTPS", "parameters are not looked into"},
    Disagreement{"IPSECKEY", "gateways are not looked into"},
    Disagreement{"LOC", "sizes, latitudes and longitudes without limit"},
    Disagreement{"NSAP-PTR", "is a string to it, not a name"},
    Disagreement{"NSEC", "bitmaps are not looked into"},
    Disagreement{"NSEC3", "bitmaps are not looked into, the next hash may be empty"},
    Disagreement{"NXT", "bitmaps are not looked into"},
    Disagreement{"SVCB", "parameters are not looked into"},
    // Without a row there: any octets.
    Disagreement{"A6", "unknown"},
    Disagreement{"ALIAS", "unknown"},
    Disagreement{"AMTRELAY", "unknown"},
    Disagreement{"AVC", "unknown"},
    Disagreement{"BRID", "unknown"},
    Disagreement{"CLA", "unknown"},
    Disagreement{"DOA", "unknown"},
    Disagreement{"DSYNC", "unknown"},
    Disagreement{"HHIT", "unknown"},
    Disagreement{"IPN", "unknown"},
    Disagreement{"LUA", "unknown"},
    Disagreement{"NINFO", "unknown"},
    Disagreement{"RESINFO", "unknown"},
    Disagreement{"RKEY", "unknown"},
    Disagreement{"SINK", "unknown"},
    Disagreement{"TA", "unknown"},
    Disagreement{"WALLET", "unknown"},
};

constexpr std::array laxer_than_ldns = {
    Disagreement{"CAA", "an empty value is no field to it"},
    Disagreement{"CSYNC", "a bitmap without types is no field to it (RFC 7477 allows it)"},
    Disagreement{"HIP", "has a limit of servers"},
    Disagreement{"KEY", "no key is no field to it (RFC 2535 section 3.1.2)"},
    Disagreement{"NSAP-PTR", "is a string to it, not a name"},
    Disagreement{"SINK", "wants octets behind the subcoding"},
    Disagreement{"URI", "an empty target is no field to it"},
};

template <std::size_t size>
bool listed(const std::array<Disagreement, size>& list, std::string_view type) {
    return std::ranges::find(list, type, &Disagreement::type) != list.end();
}

/// ldns takes RDATA that ends between two fields, drops what is behind the last, and follows
/// pointers out of it: all that is no acceptance.
bool ldns_accepts(std::uint16_t number, base::Octets rdata) {
    std::vector<std::uint8_t> wire(11 + rdata.size());  // owner, type, class, TTL, length
    base::store_u16(&wire[1], number);
    base::store_u16(&wire[3], 1);
    base::store_u16(&wire[9], static_cast<std::uint16_t>(rdata.size()));
    std::ranges::copy(rdata, wire.begin() + 11);
    ldns_rr* rr = nullptr;
    std::size_t at = 0;
    if (ldns_wire2rr(&rr, wire.data(), wire.size(), &at, LDNS_SECTION_ANSWER) != LDNS_STATUS_OK)
        return false;
    std::vector<std::uint8_t> fields;
    for (std::size_t i = 0; i < ldns_rr_rd_count(rr); ++i) {
        const ldns_rdf* const field = ldns_rr_rdf(rr, i);
        fields.insert(fields.end(), ldns_rdf_data(field),
                      ldns_rdf_data(field) + ldns_rdf_size(field));
    }
    const bool whole =
        ldns_rr_rd_count(rr) >= ldns_rr_descriptor_minimum(ldns_rr_descript(number)) &&
        std::ranges::equal(fields, rdata);
    ldns_rr_free(rr);
    return whole;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2 || size > 2 + 0xffff) return 0;
    const std::uint16_t number = base::load_u16(data);
    const auto type = static_cast<RrType>(number);
    const base::Octets rdata(data + 2, size - 2);
    const Status checked = dns::check_rdata(type, rdata);
    const std::string mnemonic = dns::record_type_text(type);
    // Without the lengths that ldns does not look at.
    base::Reader alone(rdata);
    std::vector<std::uint8_t> copied;
    const bool well_formed =
        dns::read_rdata(alone, type, static_cast<std::uint16_t>(rdata.size()), copied) &&
        std::ranges::equal(copied, rdata);
    ZC_CHECK(!checked || well_formed);

    if (!dns::fields_of(type).empty()) {
        const bool theirs = ldns_accepts(number, rdata);
        if (theirs && !well_formed && !listed(stricter_than_ldns, mnemonic)) {
            std::fprintf(stderr, "ldns accepts: %s\n",
                         checked ? "" : checked.error().message.c_str());
            std::abort();
        }
        if (!theirs && well_formed && !listed(laxer_than_ldns, mnemonic)) {
            std::fprintf(stderr, "ldns refuses: %s %s\n", mnemonic.c_str(),
                         dns::rdata_text(type, rdata).c_str());
            std::abort();
        }
    }
    if (!checked) return 0;

    const std::string text = dns::rdata_text(type, rdata);
    std::vector<std::uint8_t> again;
    const Status parsed = dns::parse_rdata(text, type, dns::NameView(), again);
    if (!parsed)
        std::fprintf(stderr, "%s %s: %s\n", mnemonic.c_str(), text.c_str(),
                     parsed.error().message.c_str());
    ZC_CHECK(parsed.has_value());
    ZC_CHECK(std::ranges::equal(again, rdata));
    ZC_CHECK(text.find('\n') == std::string::npos);

    std::array<dns::NamePlace, dns::rdata_names_max> places;
    const std::size_t names = dns::names_in(type, rdata, places);
    for (const dns::NamePlace& place : std::span(places).first(names)) {
        ZC_CHECK(place.offset + std::size_t{place.octets} <= rdata.size());
        ZC_CHECK(dns::Name::from_wire(rdata.subspan(place.offset, place.octets)).has_value());
    }
    dns::fold_rdata(type, again);
    ZC_CHECK(dns::check_rdata(type, again).has_value());

    base::Reader message(rdata);
    std::vector<std::uint8_t> read;
    ZC_CHECK(
        dns::read_rdata(message, type, static_cast<std::uint16_t>(rdata.size()), read).has_value());
    ZC_CHECK(std::ranges::equal(read, rdata));
    return 0;
}
