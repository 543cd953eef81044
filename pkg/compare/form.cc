#include "compare/form.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace zc::compare {

namespace {

constexpr std::size_t header_octets = 12;
constexpr std::size_t record_octets = 10;  // type, class, TTL and length, behind the owner
constexpr std::size_t pointer_max = 0x3fff;
constexpr std::size_t rdata_octets_max = 0xffff;
// Nobody follows more links; a longer chain is compared all the same, only not followed here.
constexpr std::size_t links_followed_max = 256;

/// Any of `octets` is a capital (A to Z), eight at a time.
bool has_capital(const std::uint8_t* octets, std::size_t count) noexcept {
    constexpr std::uint64_t ones = 0x0101010101010101U;
    const auto capitals = [](std::uint64_t word) {
        const std::uint64_t seven_bits = word & (ones * 0x7f);
        const std::uint64_t from_a = seven_bits + ones * (0x80 - 'A');
        const std::uint64_t behind_z = seven_bits + ones * (0x7f - 'Z');
        return (from_a ^ behind_z) & ~word & (ones * 0x80);
    };
    if (count < 8) {
        for (std::size_t i = 0; i < count; ++i)
            if (octets[i] >= 'A' && octets[i] <= 'Z') return true;
        return false;
    }
    std::uint64_t found = 0;
    std::uint64_t word = 0;
    for (std::size_t at = 0; at + 8 <= count; at += 8) {
        std::memcpy(&word, octets + at, 8);
        found |= capitals(word);
    }
    std::memcpy(&word, octets + count - 8, 8);
    return (found | capitals(word)) != 0;
}

void copy_folded(std::uint8_t* to, const std::uint8_t* from, std::size_t octets) noexcept {
    for (std::size_t i = 0; i < octets; ++i) to[i] = dns::fold(from[i]);
}

bool equal_octets(const std::uint8_t* a, const std::uint8_t* b, std::size_t octets) noexcept {
    return a == b || std::memcmp(a, b, octets) == 0;
}

constexpr std::uint16_t type_a6 = 38;

}  // namespace

Arena::Arena() {
    pieces_.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(piece_octets));
}

void Arena::next_piece() {
    ++at_;
    used_ = 0;
    if (at_ == pieces_.size())
        pieces_.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(piece_octets));
}

RdataShape rdata_shape(dns::RrType type) noexcept {
    switch (static_cast<std::uint16_t>(type)) {
        case 2:   // NS
        case 3:   // MD
        case 4:   // MF
        case 5:   // CNAME
        case 7:   // MB
        case 8:   // MG
        case 9:   // MR
        case 12:  // PTR
        case 39:  // DNAME
            return {.names = 1, .folds = true, .tail_octets = 0};
        case 6:  // SOA
            return {.names = 2, .folds = true, .tail_octets = soa_numbers_octets};
        case 14:  // MINFO
        case 17:  // RP
            return {.names = 2, .folds = true, .tail_octets = 0};
        case 15:  // MX
        case 18:  // AFSDB
        case 21:  // RT
        case 36:  // KX
            return {.prefix_octets = 2, .names = 1, .folds = true, .tail_octets = 0};
        case 23:     // NSAP-PTR
        case 65401:  // ALIAS
            return {.names = 1, .tail_octets = 0};
        case 24:  // SIG
        case 46:  // RRSIG
            return {.prefix_octets = rrsig_signer_at, .names = 1, .folds = true};
        case 26:  // PX
            return {.prefix_octets = 2, .names = 2, .folds = true, .tail_octets = 0};
        case 30:  // NXT
            return {.names = 1, .folds = true};
        case 33:  // SRV
            return {.prefix_octets = 6, .names = 1, .folds = true, .tail_octets = 0};
        case 35:  // NAPTR
            return {.prefix_octets = 4, .texts = 3, .names = 1, .folds = true, .tail_octets = 0};
        case 47:   // NSEC
        case 249:  // TKEY
        case 250:  // TSIG
            return {.names = 1};
        case 58:  // TALINK
            return {.names = 2, .tail_octets = 0};
        case 64:  // SVCB
        case 65:  // HTTPS
            return {.prefix_octets = 2, .names = 1};
        case 66:  // DSYNC
            return {.prefix_octets = 5, .names = 1, .tail_octets = 0};
        case 107:  // LP
            return {.prefix_octets = 2, .names = 1, .tail_octets = 0};
        default:  // the numbers are open
            return {};
    }
}

base::Octets question_of(base::Octets query) noexcept {
    if (query.size() < header_octets || base::load_u16(&query[4]) != 1) return {};
    std::size_t at = header_octets;
    while (true) {
        if (at >= query.size() || query[at] > dns::label_octets_max) return {};
        const std::size_t label = query[at];
        at += 1 + label;
        if (at - header_octets > dns::name_octets_max) return {};
        if (label == 0) break;
    }
    if (query.size() < at || query.size() - at < 4) return {};
    return query.subspan(header_octets, at + 4 - header_octets);
}

Wanted::Wanted(base::Octets question) {
    ZC_CHECK(question.size() > 4);
    name = dns::Name(dns::NameView(question.first(question.size() - 4)));
    name.fold_case();
    type = base::load_u16(&question[question.size() - 4]);
    rr_class = base::load_u16(&question[question.size() - 2]);
}

const char* Form::read(base::Octets question, base::Octets response) {
    message_ = response;
    octets = response.size();
    items.clear();
    section_begin = {};
    arena_.clear();
    for (Known& each : known_) each.offset = 0;
    edns = false;
    edns_size = edns_flags = 0;
    edns_version = 0;
    edns_options = {};
    opt_at = 0;

    if (response.size() < header_octets) return "header";
    const std::uint16_t word = base::load_u16(&response[2]);
    flags = word & 0xfff0U;
    rcode = word & 0x000fU;
    if ((flags & 0x8000U) == 0) return "no-response";
    if ((flags & 0x7800U) != 0) return "opcode";
    std::size_t at = header_octets;
    has_question = base::load_u16(&response[4]) != 0;
    if (has_question) {
        if (base::load_u16(&response[4]) != 1 || question.empty() ||
            response.size() - at < question.size() ||
            std::memcmp(&response[at], question.data(), question.size()) != 0)
            return "question";
        HeldName name{.kept = &response[at], .octets = question.size() - 4};
        set_folded(name);
        known(at) = {name, at};
        at += question.size();
    }
    for (std::size_t i = 0; i < section_count; ++i) {
        section_begin[i] = items.size();
        for (std::size_t count = base::load_u16(&response[6 + 2 * i]); count > 0; --count)
            if (const char* fault = read_record(at, static_cast<Section>(i))) return fault;
    }
    section_begin[section_count] = items.size();
    if (at != response.size()) return "trailing";
    // A server that cannot make sense of a query may send back its header alone, with the error.
    if (!has_question && (rcode == 0 || !items.empty())) return "question";
    return nullptr;
}

bool Form::is_identical(const Form& other) const noexcept {
    return octets == other.octets && octets > 2 &&
           std::memcmp(&message_[2], &other.message_[2], octets - 2) == 0;
}

const char* Form::read_record(std::size_t& at, Section section) {
    HeldName owner;
    std::size_t next = at;
    if (const char* fault = read_name(at, owner, next)) return fault;
    if (message_.size() - next < record_octets) return "cut-off";
    const std::uint8_t* fixed = message_.data() + next;
    const std::size_t rdata_octets = base::load_u16(fixed + 8);
    const std::size_t owner_in_place = next - at;
    next += record_octets;
    if (message_.size() - next < rdata_octets) return "cut-off";
    const std::uint16_t type = base::load_u16(fixed);
    if (type == static_cast<std::uint16_t>(dns::RrType::opt)) {
        if (section != Section::additional || edns || owner.octets != 1) return "opt";
        edns = true;
        edns_size = base::load_u16(fixed + 2);
        rcode = static_cast<std::uint16_t>(rcode | fixed[4] << 4U);
        edns_version = fixed[5];
        edns_flags = base::load_u16(fixed + 6);
        edns_options = message_.subspan(next, rdata_octets);
        opt_at = items.size() - section_begin[static_cast<std::size_t>(Section::additional)];
        base::Reader options(edns_options);
        while (!options.at_end()) {
            options.skip(2);
            options.skip(options.u16());
            if (!options.ok()) return "opt";
        }
        at = next + rdata_octets;
        return nullptr;
    }
    Item& item = items.emplace_back();
    item.owner = owner.folded;
    item.owner_kept = owner.kept;
    item.owner_octets = static_cast<std::uint32_t>(owner.octets);
    item.type = type;
    item.rr_class = base::load_u16(fixed + 2);
    item.ttl = base::load_u32(fixed + 4);
    if (const char* fault = read_rdata(item, next, rdata_octets)) return fault;
    item.saved_octets = static_cast<std::uint32_t>(item.owner_octets - owner_in_place +
                                                   item.rdata_octets - rdata_octets);
    at = next + rdata_octets;
    return nullptr;
}

const char* Form::read_rdata(Item& item, std::size_t at, std::size_t octets_in_place) {
    const auto type = static_cast<dns::RrType>(item.type);
    RdataShape shape = rdata_shape(type);
    const std::uint8_t* start = message_.data() + at;
    item.rdata = item.rdata_kept = start;
    item.rdata_octets = static_cast<std::uint32_t>(octets_in_place);
    if (item.type == type_a6) {
        // RFC 2874 section 3.1: bits that are left to the name, then so many octets less.
        if (octets_in_place == 0 || start[0] > 128) return "rdata";
        shape = {.prefix_octets = static_cast<std::uint8_t>(1 + (128 - start[0] + 7) / 8),
                 .names = static_cast<std::uint8_t>(start[0] == 0 ? 0 : 1),
                 .folds = true,
                 .tail_octets = 0};
        if (shape.names == 0) return octets_in_place == shape.prefix_octets ? nullptr : "rdata";
    }
    if (shape.names == 0) {
        const bool internet = item.rr_class == static_cast<std::uint16_t>(dns::RrClass::in);
        if ((type == dns::RrType::a && internet && octets_in_place != 4) ||
            (type == dns::RrType::aaaa && octets_in_place != 16))
            return "rdata";
        return nullptr;
    }

    const std::size_t end = at + octets_in_place;
    std::size_t next = at + shape.prefix_octets;
    for (std::size_t i = 0; i < shape.texts && next < end; ++i) next += 1U + message_[next];
    if (next > end) return "rdata";
    const std::size_t names_at = next;
    std::array<HeldName, 2> names;
    std::size_t octets_whole = 0;
    bool in_place = true;
    bool in_lower_case = true;
    for (std::size_t i = 0; i < shape.names; ++i) {
        const std::size_t name_at = next;
        if (const char* fault = read_name(name_at, names[i], next)) return fault;
        if (next > end) return "rdata";
        octets_whole += names[i].octets;
        // A pointer can lead to a name of as many octets as it has itself ("a." is three).
        in_place = in_place && names[i].kept == message_.data() + name_at;
        in_lower_case = in_lower_case && names[i].kept == names[i].folded;
    }
    if (shape.tail_octets >= 0 && end - next != static_cast<std::size_t>(shape.tail_octets))
        return "rdata";

    if (shape.names == 1 && names_at == at && next == end) {  // nothing but a name
        item.rdata_kept = names[0].kept;
        item.rdata = shape.folds ? names[0].folded : names[0].kept;
        item.rdata_octets = static_cast<std::uint32_t>(names[0].octets);
        return nullptr;
    }
    const std::size_t before = names_at - at;
    const std::size_t whole = before + octets_whole + (end - next);
    if (whole > rdata_octets_max) return "rdata";
    item.rdata_octets = static_cast<std::uint32_t>(whole);
    const auto lay = [&](bool folded) {
        std::uint8_t* const to = arena_.room(whole);
        std::memcpy(to, start, before);
        std::size_t size = before;
        for (const HeldName& name : std::span(names).first(shape.names)) {
            std::memcpy(to + size, folded ? name.folded : name.kept, name.octets);
            size += name.octets;
        }
        std::memcpy(to + size, message_.data() + next, end - next);
        arena_.keep(whole);
        return to;
    };
    if (!in_place) item.rdata_kept = lay(false);
    item.rdata = shape.folds && !in_lower_case ? lay(true) : item.rdata_kept;
    return nullptr;
}

const char* Form::read_name(std::size_t start, HeldName& name, std::size_t& next) {
    // As dns::read_name takes it, pointers strictly backwards, so that the work is bounded.
    const std::uint8_t* const message = message_.data();
    const std::size_t size = message_.size();
    std::size_t at = start;
    while (true) {  // the labels in place
        if (at >= size) return "cut-off";
        const std::size_t length = message[at];
        if (length == 0) {
            name.kept = message + start;
            name.octets = at + 1 - start;
            next = at + 1;
            break;
        }
        if (length >= 0xc0) {
            if (size - at < 2) return "cut-off";
            std::size_t target = base::load_u16(message + at) & pointer_max;
            next = at + 2;
            if (target >= start) return "pointer";
            const Known& at_target = known(target);
            const bool is_known = at_target.offset == target && target != 0;
            if (at == start && is_known) {
                name = at_target.name;
                return nullptr;
            }
            constexpr std::size_t slack = 16;
            std::uint8_t* const to = arena_.room(dns::name_octets_max + 1 + slack);
            std::size_t laid = at - start;
            std::memcpy(to, message + start, laid);
            if (is_known) {
                if (laid + at_target.name.octets > dns::name_octets_max) return "name";
                std::memcpy(to + laid, at_target.name.kept, at_target.name.octets);
                laid += at_target.name.octets;
            } else {
                std::size_t segment = target;
                while (true) {
                    const std::size_t label = message[target];
                    if (label >= 0xc0) {
                        if (size - target < 2) return "cut-off";
                        target = base::load_u16(message + target) & pointer_max;
                        if (target >= segment) return "pointer";
                        segment = target;
                        continue;
                    }
                    if (label > dns::label_octets_max) return "name";
                    if (size - target <= label) return "cut-off";
                    if (laid + 1 + label > dns::name_octets_max) return "name";
                    std::memcpy(to + laid, message + target, 1 + label);
                    laid += 1 + label;
                    if (label == 0) break;
                    target += 1 + label;
                    if (target >= size) return "cut-off";
                }
            }
            name.kept = to;
            name.octets = laid;
            arena_.keep(laid);
            break;
        }
        if (length > dns::label_octets_max) return "name";
        at += 1 + length;
        if (at - start >= dns::name_octets_max) return "name";  // the root's octet is to come
    }
    set_folded(name);
    if (start <= pointer_max) known(start) = {name, start};
    return nullptr;
}

void Form::set_folded(HeldName& name) {
    name.folded = name.kept;
    if (!has_capital(name.kept, name.octets)) return;
    std::uint8_t* const to = arena_.room(name.octets);
    copy_folded(to, name.kept, name.octets);
    arena_.keep(name.octets);
    name.folded = to;
}

bool same_owner(const Item& a, const Item& b) noexcept {
    return a.owner_octets == b.owner_octets && equal_octets(a.owner, b.owner, a.owner_octets);
}

namespace {

bool is_owner(const Item& item, dns::NameView folded) noexcept {
    return item.owner_octets == folded.size() &&
           equal_octets(item.owner, folded.wire().data(), item.owner_octets);
}

}  // namespace

int compare_sets(const Item& a, const Item& b) noexcept {
    const auto order = [](std::uint32_t x, std::uint32_t y) { return x < y ? -1 : 1; };
    if (a.run != b.run) return order(a.run, b.run);
    if (a.owner_octets != b.owner_octets) return order(a.owner_octets, b.owner_octets);
    if (a.owner != b.owner)
        if (const int owner = std::memcmp(a.owner, b.owner, a.owner_octets); owner != 0)
            return owner;
    if (a.type != b.type) return order(a.type, b.type);
    if (a.covered() != b.covered()) return order(a.covered(), b.covered());
    return 0;
}

namespace {

/// Orders RDATA; what a rule lets differ (the serial of a SOA, time and key of a signature) comes
/// last, so that records which differ in nothing else stand at the same place on both sides.
int compare_rdata(const Item& a, const Item& b) noexcept {
    if (a.rdata_octets != b.rdata_octets) {
        // Signatures of different algorithms and key sizes have different lengths: still by what
        // they sign first. All others by length.
        if (!a.is(dns::RrType::rrsig)) return a.rdata_octets < b.rdata_octets ? -1 : 1;
    }
    const std::size_t common = std::min(a.rdata_octets, b.rdata_octets);
    if (a.is(dns::RrType::soa) && common >= soa_numbers_octets &&
        a.rdata_octets == b.rdata_octets) {
        const std::size_t serial_at = common - soa_numbers_octets;
        if (const int names = std::memcmp(a.rdata, b.rdata, serial_at); names != 0) return names;
        const int numbers =
            std::memcmp(a.rdata + serial_at + 4, b.rdata + serial_at + 4, soa_numbers_octets - 4);
        if (numbers != 0) return numbers;
    }
    if (const int octets = std::memcmp(a.rdata, b.rdata, common); octets != 0) return octets;
    if (a.rdata_octets != b.rdata_octets) return a.rdata_octets < b.rdata_octets ? -1 : 1;
    return 0;
}

}  // namespace

int compare_data(const Item& a, const Item& b) noexcept {
    if (const int sets = compare_sets(a, b); sets != 0) return sets;
    if (a.rr_class != b.rr_class) return a.rr_class < b.rr_class ? -1 : 1;
    return compare_rdata(a, b);
}

bool is_before(const Item& a, const Item& b) noexcept {
    if (const int data = compare_data(a, b); data != 0) return data < 0;
    if (a.ttl != b.ttl) return a.ttl < b.ttl;
    // Twice the same but for case: in an order all the same, so that the pairs are right.
    if (const int owner = std::memcmp(a.owner_kept, b.owner_kept, a.owner_octets); owner != 0)
        return owner < 0;
    return std::memcmp(a.rdata_kept, b.rdata_kept, a.rdata_octets) < 0;
}

void number_runs(std::span<Item> answer) noexcept {
    const Item* before = nullptr;
    std::uint32_t run = 0;
    for (Item& item : answer) {
        if (item.is(dns::RrType::rrsig)) {
            item.run = std::numeric_limits<std::uint32_t>::max();
            continue;
        }
        if (before != nullptr && !same_owner(*before, item)) ++run;
        item.run = run;
        before = &item;
    }
}

Chain chain_of(const Form& form, const Wanted& wanted) {
    const std::span<const Item> answer = form.section(Section::answer);
    Chain chain{.last = wanted.name.view()};
    // A CNAME answers ANY, but what a DNAME makes of the name is followed (RFC 6672 section 3.1).
    const bool is_any = wanted.is(dns::RrType::any);
    const bool has_dname =
        std::ranges::any_of(answer, [](const Item& item) { return item.is(dns::RrType::dname); });
    std::array<const Item*, links_followed_max> passed;  // not filled: this is on a way that counts
    while (true) {
        const Item* link = nullptr;
        for (const Item& item : answer) {
            if (!is_owner(item, chain.last)) continue;
            if (item.type == wanted.type || (is_any && !item.is(dns::RrType::rrsig) &&
                                             !(has_dname && item.is(dns::RrType::cname))))
                chain.is_final = true;
            if (item.is(dns::RrType::cname) && link == nullptr) link = &item;
        }
        if (chain.is_final || link == nullptr || chain.links == links_followed_max) return chain;
        passed[chain.links++] = link;
        chain.last_link_or_null = link;
        chain.last = dns::NameView(link->rdata_view());
        for (const Item* owner : std::span(passed).first(chain.links))
            chain.comes_back = chain.comes_back || is_owner(*owner, chain.last);
        if (chain.comes_back) return chain;
    }
}

bool is_referral(const Form& form, const Chain& chain) {
    if (!form.is_noerror() || chain.is_final) return false;
    bool ns = false;
    for (const Item& item : form.section(Section::authority)) {
        if (item.is(dns::RrType::soa)) return false;
        ns = ns || item.is(dns::RrType::ns);
    }
    return ns;
}

bool is_courtesy_ns(const Form& form, const Chain& chain, const Item& item) {
    // Without zone data, which NS are the zone's own? A referral is what must never be dropped, and
    // it may come with AA and a full ANSWER too: a CNAME that leads below a cut (RFC 1034 section
    // 4.3.2 step 3b after 3a; AA tells of the first name). But a referral is given instead of data.
    // So where the chain ends in data of the type asked for, and with authority, there is no cut
    // at or above its last name, and NS at or above that name are those of the zone it is in (or,
    // wrongly, of one further up, which misleads nobody who has the answer).
    if (!item.is(dns::RrType::ns) && item.covered() != static_cast<std::uint16_t>(dns::RrType::ns))
        return false;
    return form.aa() && form.is_noerror() && chain.is_final &&
           chain.last.is_within(item.owner_view());
}

namespace {

bool is_address(const Item& item) {
    return item.is(dns::RrType::a) || item.is(dns::RrType::aaaa);
}

}  // namespace

bool is_needed_glue(const Form& form, bool referral, const Item& item) {
    if (!referral || !is_address(item)) return false;
    return std::ranges::any_of(form.section(Section::authority), [&](const Item& ns) {
        return ns.is(dns::RrType::ns) && is_owner(item, dns::NameView(ns.rdata_view())) &&
               item.owner_view().is_within(ns.owner_view());
    });
}

bool is_message_signature(const Item& item) noexcept {
    return item.is(dns::RrType::tsig) ||
           (item.is(dns::RrType::sig) && base::load_u16(item.rdata) == 0);
}

bool is_address_of_ns(const Form& form, const Item& item) {
    if (!is_address(item) && item.covered() != static_cast<std::uint16_t>(dns::RrType::a) &&
        item.covered() != static_cast<std::uint16_t>(dns::RrType::aaaa))
        return false;
    return std::ranges::any_of(form.section(Section::authority), [&](const Item& ns) {
        return ns.is(dns::RrType::ns) && is_owner(item, dns::NameView(ns.rdata_view()));
    });
}

const Item* dname_of_or_null(const Form& form, const Item& cname) {
    if (!cname.is(dns::RrType::cname)) return nullptr;
    for (const Item& item : form.section(Section::answer))
        if (item.is(dns::RrType::dname) && item.owner_octets < cname.owner_octets &&
            cname.owner_view().is_within(item.owner_view()))
            return &item;
    return nullptr;
}

}  // namespace zc::compare
