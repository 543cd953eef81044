#include "compare/matching.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace zc::compare {

namespace {

using enum Rule;

/// How far apart two serials are, the shorter way round (RFC 1982 section 3.2, 32 bits).
std::uint32_t serial_distance(std::uint32_t a, std::uint32_t b) noexcept {
    return std::min(a - b, b - a);
}

std::uint32_t distance(std::uint32_t a, std::uint32_t b) noexcept {
    return a > b ? a - b : b - a;
}

/// Octets that are equal folded and not as they were kept. Where the folded ones differ too (by
/// another rule), that is no matter of case.
bool case_differs(const std::uint8_t* a_kept, const std::uint8_t* a, const std::uint8_t* b_kept,
                  const std::uint8_t* b, std::size_t octets) noexcept {
    if (a_kept == a && b_kept == b) return false;
    for (std::size_t i = 0; i < octets; ++i)
        if (a[i] == b[i] && a_kept[i] != b_kept[i]) return true;
    return false;
}

bool equal_rdata(const Item& a, const Item& b) noexcept {
    return a.rdata_octets == b.rdata_octets && (a.rdata_octets == 0 || a.rdata == b.rdata ||
                                                std::memcmp(a.rdata, b.rdata, a.rdata_octets) == 0);
}

/// Two SOA that are the same but for serials at most `lag` apart.
bool equal_but_serial(const Item& a, const Item& b, std::uint32_t lag) noexcept {
    if (a.rdata_octets != b.rdata_octets) return false;
    const std::size_t at = a.rdata_octets - soa_numbers_octets;
    return serial_distance(base::load_u32(a.rdata + at), base::load_u32(b.rdata + at)) <= lag &&
           std::memcmp(a.rdata, b.rdata, at) == 0 &&
           std::memcmp(a.rdata + at + 4, b.rdata + at + 4, soa_numbers_octets - 4) == 0;
}

/// Two RRSIGs over the same by the same signer with the same algorithm. Another algorithm is not
/// equal: a validator may know the one and not the other.
bool equal_but_signature(const Item& a, const Item& b) noexcept {
    if (std::memcmp(a.rdata, b.rdata, rrsig_expiration_at) != 0) return false;
    for (std::size_t at = rrsig_signer_at;;) {  // both have a whole name there
        const std::size_t label = a.rdata[at];
        if (label != b.rdata[at] || std::memcmp(a.rdata + at, b.rdata + at, 1 + label) != 0)
            return false;
        if (label == 0) return true;
        at += 1 + label;
    }
}

/// As many records are matched by their keys; more are sorted.
constexpr std::size_t keys_max = 32;

std::uint64_t eight_at(const std::uint8_t* octets) noexcept {
    std::uint64_t out = 0;
    std::memcpy(&out, octets, sizeof out);
    return out;
}

/// Some octets of `octets`, from its begin, middle and end.
std::uint64_t sample(const std::uint8_t* octets, std::size_t count, std::uint64_t seed) noexcept {
    constexpr std::uint64_t odd = 0x9e3779b97f4a7c15U;  // 2^64 over the golden ratio
    if (count < 8) {
        for (std::size_t i = 0; i < count; ++i) seed = seed << 8U ^ octets[i];
        return seed * odd;
    }
    seed = (seed ^ eight_at(octets)) * odd;
    seed = (std::rotl(seed, 32) ^ eight_at(octets + (count - 8) / 2)) * odd;
    return (std::rotl(seed, 32) ^ eight_at(octets + count - 8)) * odd;
}

/// The same for two records of the same data; seldom for others.
std::uint64_t key_of(const Item& item) noexcept {
    const std::uint64_t sizes = std::uint64_t{item.owner_octets} << 32U | item.rdata_octets;
    const std::uint64_t of_owner =
        sample(item.owner, item.owner_octets, sizes ^ std::uint64_t{item.type} << 16U);
    return sample(item.rdata, item.rdata_octets, of_owner);
}

struct TsigFields {
    bool is_whole = false;
    bool is_signed = false;  // an error about the key is told without a MAC
    std::uint16_t error = 0;
};
/// Behind the name of the algorithm, which ends at `at` (RFC 8945 section 4.2).
TsigFields tsig_fields(const Item& item, std::size_t at) noexcept {
    constexpr std::size_t mac_size_at = 8, mac_at = 10;  // behind time and fudge
    const base::Octets rest = item.rdata_view().subspan(at);
    if (rest.size() < mac_at) return {};
    const std::size_t mac = base::load_u16(&rest[mac_size_at]);
    if (rest.size() - mac_at < mac || rest.size() - mac_at - mac < 4) return {};
    return {true, mac != 0, base::load_u16(&rest[mac_at + mac + 2])};
}

}  // namespace

bool equal_but_mac(const Item& a, const Item& b) noexcept {
    if (a.type != b.type) return false;
    if (!a.is(dns::RrType::tsig)) return equal_but_signature(a, b);
    std::size_t end = 0;  // of the algorithm, a whole name
    while (a.rdata[end] != 0) end += 1U + a.rdata[end];
    ++end;
    if (b.rdata_octets < end || std::memcmp(a.rdata, b.rdata, end) != 0) return false;
    const TsigFields of_a = tsig_fields(a, end);
    const TsigFields of_b = tsig_fields(b, end);
    return of_a.is_whole && of_b.is_whole && of_a.is_signed == of_b.is_signed &&
           of_a.error == of_b.error;
}

bool Matcher::match_record(const Item& a, const Item& b, Section section, RuleSet& needed) const {
    if (a.type != b.type || a.rr_class != b.rr_class || !same_owner(a, b)) return false;
    if (!equal_rdata(a, b)) {
        if (a.is(dns::RrType::soa) && policy_->serial_lag > 0 &&
            equal_but_serial(a, b, policy_->serial_lag))
            needed.add(serial);
        else if (a.is(dns::RrType::rrsig) && equal_but_signature(a, b))
            needed.add(signatures);
        else if (section == Section::additional && is_message_signature(a) &&
                 is_message_signature(b) && equal_but_mac(a, b))
            needed.add(message_signature);
        else
            return false;
    }
    if (a.ttl != b.ttl) {
        const Item* const a_dname = dname_of_or_null(*older_, a);
        const Item* const b_dname = dname_of_or_null(*newer_, b);
        // How long a negative answer holds is the zone's to say (RFC 2308 section 5): no tolerance.
        const bool is_negative_ttl =
            section == Section::authority &&
            (a.is(dns::RrType::soa) || a.covered() == static_cast<std::uint16_t>(dns::RrType::soa));
        if (section == Section::answer && a_dname != nullptr && b_dname != nullptr &&
            (a.ttl == 0 || a.ttl == a_dname->ttl) && (b.ttl == 0 || b.ttl == b_dname->ttl))
            needed.add(dname_cname_ttl);
        else if (!is_negative_ttl && distance(a.ttl, b.ttl) <= policy_->ttl_tolerance)
            needed.add(ttl);
        else
            return false;
    }
    if (case_differs(a.owner_kept, a.owner, b.owner_kept, b.owner, a.owner_octets) ||
        // Signatures of two sizes: the names in them end where both have octets.
        case_differs(a.rdata_kept, a.rdata, b.rdata_kept, b.rdata,
                     std::min(a.rdata_octets, b.rdata_octets)))
        needed.add(name_case);
    return true;
}

bool Matcher::match_in_order(std::span<const Item> a, std::span<const Item> b, Section section,
                             RuleSet& needed) {
    if (a.size() != b.size()) return false;
    RuleSet used;
    bool recoded = false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (!match_record(a[i], b[i], section, used)) return false;
        recoded = recoded || a[i].saved_octets != b[i].saved_octets;
    }
    needed.join(used);
    recoded_ = recoded_ || recoded;
    return true;
}

const Chain& Matcher::chain(bool of_older) {
    if (!chains_known_) {
        wanted_ = Wanted(question_);
        older_chain_ = chain_of(*older_, wanted_);
        newer_chain_ = chain_of(*newer_, wanted_);
        older_refers_ = is_referral(*older_, older_chain_);
        newer_refers_ = is_referral(*newer_, newer_chain_);
        chains_known_ = true;
    }
    return of_older ? older_chain_ : newer_chain_;
}

bool Matcher::drop(std::span<Item* const> set, bool of_older, Section section, RuleSet& needed) {
    // Records that both have must be the same, even records that either could leave out: other
    // addresses for the host of an MX are a difference in zone data, wherever they stand.
    Form& form = of_older ? *older_ : *newer_;
    const Form& other = of_older ? *newer_ : *older_;
    const Item& first = *set.front();
    switch (section) {
        case Section::answer:
            return false;
        case Section::authority:
            if (!is_courtesy_ns(form, chain(of_older), first)) return false;
            // Signatures missing from NS that both have: a proof that one leaves out.
            if (first.is(dns::RrType::rrsig) &&
                std::ranges::any_of(other.section(section), [&](const Item& item) {
                    return item.is(dns::RrType::ns) && same_owner(item, first);
                }))
                return false;
            needed.add(apex_ns);
            break;
        case Section::additional: {
            const Chain& at = chain(of_older);
            if (is_needed_glue(form, of_older ? older_refers_ : newer_refers_, first) ||
                is_message_signature(first))
                return false;
            const std::span<const Item> authority =
                static_cast<const Form&>(form).section(Section::authority);
            const bool came_with_ns = std::ranges::any_of(authority, [&](const Item& ns) {
                return ns.dropped && ns.is(dns::RrType::ns) && is_courtesy_ns(form, at, ns) &&
                       ns.rdata_octets == first.owner_octets &&
                       std::memcmp(ns.rdata, first.owner, first.owner_octets) == 0;
            });
            needed.add(came_with_ns && is_address_of_ns(form, first) ? apex_ns : extra_additional);
            break;
        }
    }
    for (Item* item : set) item->dropped = true;
    return true;
}

/// The records that are left stand in the same order on both sides.
bool Matcher::same_order(Section section) const {
    const std::span<const Item> a = static_cast<const Form&>(*older_).section(section);
    const std::span<const Item> b = static_cast<const Form&>(*newer_).section(section);
    RuleSet unused;
    std::size_t at = 0;
    for (const Item& item : a) {
        if (item.dropped) continue;
        while (at < b.size() && b[at].dropped) ++at;
        if (at == b.size() || !match_record(item, b[at], section, unused)) return false;
        ++at;
    }
    return true;
}

bool Matcher::match_by_key(Section section, RuleSet& needed) {
    const std::span<Item> a = older_->section(section);
    const std::span<Item> b = newer_->section(section);
    std::array<std::uint64_t, keys_max> keys;  // of b; not filled: this is on a way that counts
    if (a.size() != b.size() || a.size() > keys.size()) return false;
    if (section == Section::answer) {
        number_runs(a);
        number_runs(b);
    }
    for (std::size_t i = 0; i < b.size(); ++i) keys[i] = key_of(b[i]);
    RuleSet used;
    std::uint64_t taken = 0;
    for (const Item& item : a) {
        const std::uint64_t key = key_of(item);
        std::uint64_t found = 0;
        for (std::size_t i = 0; i < b.size(); ++i) found |= std::uint64_t{keys[i] == key} << i;
        // Twice the same, or as good as: which pairs belong together is for those who sort.
        if (!std::has_single_bit(found) || (taken & found) != 0) return false;
        taken |= found;
        const Item& other = b[static_cast<std::size_t>(std::countr_zero(found))];
        if (item.run != other.run || !match_record(item, other, section, used)) return false;
    }
    // Not the very same data: likewise.
    if (used.has(serial) || used.has(signatures) || used.has(message_signature)) return false;
    used.add(record_order);
    needed.join(used);
    in_order_ = false;
    return true;
}

bool Matcher::match_sorted(Section section, RuleSet& needed) {
    const auto sort = [&](Form& form, Order& order) {
        const std::span<Item> items = form.section(section);
        if (section == Section::answer) number_runs(items);
        order.clear();
        for (Item& item : items) order.push_back(&item);
        std::sort(order.begin(), order.end(),
                  [](const Item* a, const Item* b) { return is_before(*a, *b); });
    };
    sort(*older_, order_a_);
    sort(*newer_, order_b_);
    const auto set_at = [](const Order& order, std::size_t at) {
        std::size_t end = at + 1;
        while (end < order.size() && compare_sets(*order[at], *order[end]) == 0) ++end;
        return std::span(order).subspan(at, end - at);
    };
    RuleSet used;
    bool dropped = false;
    std::size_t a = 0;
    std::size_t b = 0;
    while (a < order_a_.size() || b < order_b_.size()) {
        const int order = a == order_a_.size()   ? 1
                          : b == order_b_.size() ? -1
                                                 : compare_sets(*order_a_[a], *order_b_[b]);
        if (order < 0) {
            const auto set = set_at(order_a_, a);
            if (!drop(set, true, section, used)) return false;
            a += set.size();
            dropped = true;
        } else if (order > 0) {
            const auto set = set_at(order_b_, b);
            if (!drop(set, false, section, used)) return false;
            b += set.size();
            dropped = true;
        } else {
            const auto a_set = set_at(order_a_, a);
            const auto b_set = set_at(order_b_, b);
            if (a_set.size() != b_set.size()) return false;
            for (std::size_t i = 0; i < a_set.size(); ++i)
                if (!match_record(*a_set[i], *b_set[i], section, used)) return false;
            a += a_set.size();
            b += b_set.size();
        }
    }
    if (!dropped || !same_order(section)) used.add(record_order);
    needed.join(used);
    in_order_ = false;
    return true;
}

bool Matcher::match_section(Section section, RuleSet& needed) {
    return match_in_order(older_->section(section), newer_->section(section), section, needed) ||
           match_by_key(section, needed) || match_sorted(section, needed);
}

bool Matcher::match(Form& older, Form& newer, base::Octets question, const Policy& policy,
                    RuleSet& needed) {
    older_ = &older;
    newer_ = &newer;
    question_ = question;
    policy_ = &policy;
    in_order_ = true;
    recoded_ = chains_known_ = false;
    needed = {};
    if (older.flags != newer.flags || older.rcode != newer.rcode ||
        older.has_question != newer.has_question || older.edns != newer.edns ||
        older.edns_version != newer.edns_version || older.edns_flags != newer.edns_flags)
        return false;
    for (const Section section : {Section::answer, Section::authority, Section::additional})
        if (!match_section(section, needed)) return false;
    if (older.edns_size != newer.edns_size) needed.add(edns_size);
    if (older.edns_options.size() != newer.edns_options.size() ||
        (!older.edns_options.empty() &&
         std::memcmp(older.edns_options.data(), newer.edns_options.data(),
                     older.edns_options.size()) != 0))
        needed.add(edns_options);
    if (in_order_ && older.opt_at != newer.opt_at) needed.add(record_order);

    // How names are written. Records in another order have their whole names at other places, but
    // what all of them save together stays the same, if both sides point wherever they can.
    if (!in_order_) {
        const auto saved_octets = [](const Form& form) {
            std::size_t sum = 0;
            for (const Item& item : form.items) sum += item.dropped ? 0 : item.saved_octets;
            return sum;
        };
        recoded_ = saved_octets(older) != saved_octets(newer);
    }
    if (recoded_ || (needed.empty() && !older.is_identical(newer))) needed.add(compression);
    return true;
}

}  // namespace zc::compare
