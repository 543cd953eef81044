#include "compare/compare.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/octets.h"
#include "compare/form.h"
#include "compare/matching.h"

namespace zc::compare {

namespace {

constexpr std::array<std::string_view, what_count> what_names = {
    "timeout", "malformed", "rcode",  "flags", "answer",
    "TTL",     "authority", "proofs", "glue",  "cosmetic"};
constexpr std::array<std::string_view, where_count> where_names = {
    "exact", "cname-chain", "dname", "wildcard", "empty-non-terminal", "delegation", "negative"};

template <class T, std::size_t size>
Result<T> parse_label(const std::array<std::string_view, size>& names, std::string_view text,
                      const char* kind) {
    const auto* const found = std::ranges::find(names, text);
    if (found != names.end()) return static_cast<T>(found - names.begin());
    std::string known;
    for (const std::string_view name : names)
        known += (known.empty() ? "" : ", ") + std::string(name);
    return fail(Errc::not_found,
                "no " + std::string(kind) + " \"" + std::string(text) + "\"; there are " + known);
}

void put_u16(std::vector<std::uint8_t>& out, std::size_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8U));
    out.push_back(static_cast<std::uint8_t>(value));
}

void put_u32(std::vector<std::uint8_t>& out, std::uint32_t value) {
    put_u16(out, value >> 16U);
    put_u16(out, value & 0xffffU);
}

void put(std::vector<std::uint8_t>& out, base::Octets octets) {
    out.insert(out.end(), octets.begin(), octets.end());
}

}  // namespace

std::string_view to_string(What what) noexcept {
    return what_names[static_cast<std::size_t>(what)];
}

Result<What> parse_what(std::string_view text) {
    return parse_label<What>(what_names, text, "label");
}

std::string_view to_string(Where where) noexcept {
    return where_names[static_cast<std::size_t>(where)];
}

Result<Where> parse_where(std::string_view text) {
    return parse_label<Where>(where_names, text, "place");
}

struct Comparer::Work {
    explicit Work(const Policy& given) : policy(given) {}

    Policy policy;
    Form older, newer;
    Matcher matcher;
};

Comparer::Comparer(const Policy& policy) : work_(std::make_unique<Work>(policy)) {}
Comparer::~Comparer() = default;
Comparer::Comparer(Comparer&&) noexcept = default;
Comparer& Comparer::operator=(Comparer&&) noexcept = default;

const Policy& Comparer::policy() const noexcept {
    return work_->policy;
}

Sameness Comparer::same(const Asked& asked, base::Octets older, base::Octets newer) {
    Work& work = *work_;
    const base::Octets question = question_of(asked.query);
    if (question.empty() || older.size() < 2 || newer.size() < 2) return {};
    if (work.older.read(question, older) != nullptr) return {};
    if (older.size() == newer.size() && std::memcmp(&older[2], &newer[2], older.size() - 2) == 0)
        return {.same = true, .needed = {}};
    if (work.newer.read(question, newer) != nullptr) return {};
    Sameness out;
    // All rules are tried, so that the same rules are named whatever the policy; then it is asked
    // whether it has them.
    if (!work.matcher.match(work.older, work.newer, question, work.policy, out.needed)) return {};
    out.same = (out.needed.bits() & ~work.policy.rules.bits()) == 0;
    return out;
}

std::vector<std::uint8_t> canonical(const Asked& asked, base::Octets response,
                                    const Policy& policy) {
    Form form;
    const base::Octets question = question_of(asked.query);
    if (question.empty() || form.read(question, response) != nullptr) return {};
    const Wanted wanted(question);
    const Chain chain = chain_of(form, wanted);
    const bool refers = is_referral(form, chain);
    const RuleSet rules = policy.rules;

    for (Item& item : form.section(Section::additional))
        item.dropped = !is_needed_glue(form, refers, item) && !is_message_signature(item) &&
                       rules.has(Rule::extra_additional);
    if (rules.has(Rule::apex_ns)) {
        const std::span<const Item> authority =
            static_cast<const Form&>(form).section(Section::authority);
        for (Item& item : form.section(Section::additional))
            item.dropped =
                item.dropped ||
                (!authority.empty() && is_address_of_ns(form, item) &&
                 std::ranges::any_of(authority, [&](const Item& ns) {
                     return ns.is(dns::RrType::ns) && is_courtesy_ns(form, chain, ns) &&
                            dns::equal(dns::NameView(ns.rdata_view()), item.owner_view());
                 }));
        for (Item& item : form.section(Section::authority))
            item.dropped = is_courtesy_ns(form, chain, item);
    }

    std::vector<std::uint8_t> out;
    put_u16(out, 0);
    put_u16(out, form.flags | (form.rcode & 0xfU));
    put_u16(out, form.has_question ? 1 : 0);
    for (const Section section : {Section::answer, Section::authority, Section::additional}) {
        auto count = static_cast<std::size_t>(std::ranges::count_if(
            form.section(section), [](const Item& item) { return !item.dropped; }));
        if (section == Section::additional && form.edns) ++count;
        put_u16(out, count);
    }
    if (form.has_question) put(out, question);

    const auto put_opt = [&] {
        out.push_back(0);
        put_u16(out, static_cast<std::uint16_t>(dns::RrType::opt));
        put_u16(out, rules.has(Rule::edns_size) ? 0 : form.edns_size);
        out.push_back(static_cast<std::uint8_t>(form.rcode >> 4U));
        out.push_back(form.edns_version);
        put_u16(out, form.edns_flags);
        const base::Octets options =
            rules.has(Rule::edns_options) ? base::Octets() : form.edns_options;
        put_u16(out, options.size());
        put(out, options);
    };
    const auto put_item = [&](const Item& item) {
        const bool folded = rules.has(Rule::name_case);
        put(out, {folded ? item.owner : item.owner_kept, item.owner_octets});
        put_u16(out, item.type);
        put_u16(out, item.rr_class);
        const Item* dname =
            rules.has(Rule::dname_cname_ttl) ? dname_of_or_null(form, item) : nullptr;
        put_u32(out, dname != nullptr && item.ttl == 0 ? dname->ttl : item.ttl);
        put_u16(out, item.rdata_octets);
        put(out, {folded ? item.rdata : item.rdata_kept, item.rdata_octets});
    };
    for (const Section section : {Section::answer, Section::authority, Section::additional}) {
        std::vector<const Item*> order;
        if (section == Section::answer) number_runs(form.section(section));
        for (const Item& item : form.section(section)) order.push_back(&item);
        if (rules.has(Rule::record_order))
            std::sort(order.begin(), order.end(),
                      [](const Item* a, const Item* b) { return is_before(*a, *b); });
        const bool opt_inside = section == Section::additional && form.edns;
        const std::size_t opt_at = rules.has(Rule::record_order) ? order.size() : form.opt_at;
        for (std::size_t i = 0; i <= order.size(); ++i) {
            if (opt_inside && i == opt_at) put_opt();
            if (i < order.size() && !order[i]->dropped) put_item(*order[i]);
        }
    }
    return out;
}

}  // namespace zc::compare
