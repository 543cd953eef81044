// Two octets of type, then RDATA: what is well-formed is printed, parsed back to the same octets,
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

/// ldns looks at the shape of fields only, and at none inside of some types: what we refuse beyond
/// that.
constexpr std::array stricter_than_ldns = {
    "APL",
    "CAA",
    "CSYNC",
    "GPOS",
    "HTTPS",
    "IPSECKEY",
    "LOC",
    "NSEC",
    "NSEC3",
    "NXT",
    "SVCB",
    "WKS",
    // No octets where a key, digest or string is wanted.
    "ATMA",
    // Types that ldns has no row for.
    "A6",
    "AMTRELAY",
    "AVC",
    "BRID",
    "CLA",
    "DOA",
    "DSYNC",
    "HHIT",
    "IPN",
    "LUA",
    "NINFO",
    "RESINFO",
    "RKEY",
    "SINK",
    "TA",
    "WALLET",
    "ALIAS",
};

bool ldns_accepts(std::uint16_t type, base::Octets rdata) {
    std::vector<std::uint8_t> wire = {0,
                                      static_cast<std::uint8_t>(type >> 8U),
                                      static_cast<std::uint8_t>(type),
                                      0,
                                      1,
                                      0,
                                      0,
                                      0,
                                      0,
                                      static_cast<std::uint8_t>(rdata.size() >> 8U),
                                      static_cast<std::uint8_t>(rdata.size())};
    wire.insert(wire.end(), rdata.begin(), rdata.end());
    ldns_rr* rr = nullptr;
    std::size_t at = 0;
    const ldns_status status =
        ldns_wire2rr(&rr, wire.data(), wire.size(), &at, LDNS_SECTION_ANSWER);
    ldns_rr_free(rr);
    return status == LDNS_STATUS_OK;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2 || size > 2 + 0xffff) return 0;
    const std::uint16_t number = base::load_u16(data);
    const auto type = static_cast<RrType>(number);
    const base::Octets rdata(data + 2, size - 2);
    const Status checked = dns::check_rdata(type, rdata);
    const std::string mnemonic = dns::to_string(type);

    if (!dns::fields_of(type).empty()) {
        const bool theirs = ldns_accepts(number, rdata);
        if (theirs && !checked &&
            std::ranges::find(stricter_than_ldns, mnemonic) == stricter_than_ldns.end()) {
            std::fprintf(stderr, "ldns accepts this %s: %s\n", mnemonic.c_str(),
                         checked.error().message.c_str());
            std::abort();
        }
        if (!theirs && checked) {
            std::fprintf(stderr, "ldns refuses this %s: %s\n", mnemonic.c_str(),
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
