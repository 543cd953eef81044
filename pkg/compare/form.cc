#include "compare/form.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "dns/message.h"

namespace zc::compare {

namespace {

constexpr std::size_t record_octets = 10;  // type, class, TTL and length, behind the owner
constexpr std::size_t pointer_max = 0x3fff;
constexpr std::size_t rdata_octets_max = 0xffff;
// Nobody follows more links; a longer chain is compared all the same, only not followed here.
constexpr std::size_t links_followed_max = 256;

constexpr std::uint64_t eight_of = 0x0101010101010101U;  // times an octet: eight of it

/// Octets of 0x40 to 0x5f, or of 0xc0 to 0xdf: capitals, and few others that names have ("_").
std::uint64_t maybe_capitals(std::uint64_t word) noexcept {
    return word & ~(word << 1U) & eight_of * 0x40;
}

std::uint64_t capitals(std::uint64_t word) noexcept {
    const std::uint64_t seven_bits = word & eight_of * 0x7f;
    const std::uint64_t from_a = seven_bits + eight_of * (0x80 - 'A');
    const std::uint64_t behind_z = seven_bits + eight_of * (0x7f - 'Z');
    return (from_a ^ behind_z) & ~word & eight_of * 0x80;
}

/// `of` finds something in any of `octets`, eight at a time.
template <std::uint64_t (*of)(std::uint64_t) noexcept>
bool any(const std::uint8_t* octets, std::size_t count) noexcept {
    std::uint64_t word = 0;
    if (count < 8) {
        std::memcpy(&word, octets, count);  // the rest stays 0, which is no capital
        return of(word) != 0;
    }
    std::uint64_t found = 0;
    for (std::size_t at = 0; at + 8 < count; at += 8) {
        std::memcpy(&word, octets + at, 8);
        found |= of(word);
    }
    std::memcpy(&word, octets + count - 8, 8);
    return (found | of(word)) != 0;
}

/// Any of `octets` is a capital (A to Z).
bool has_capital(const std::uint8_t* octets, std::size_t count) noexcept {
    return any<maybe_capitals>(octets, count) && any<capitals>(octets, count);
}

void copy_folded(std::uint8_t* to, const std::uint8_t* from, std::size_t octets) noexcept {
    for (std::size_t i = 0; i < octets; ++i) to[i] = dns::fold(from[i]);
}

bool equal_octets(const std::uint8_t* a, const std::uint8_t* b, std::size_t octets) noexcept {
    return a == b || std::memcmp(a, b, octets) == 0;
}

constexpr std::uint16_t type_a6 = 38;

constexpr std::uint8_t root_octet = 0;
constexpr HeldName root{.folded = &root_octet, .kept = &root_octet, .octets = 1};

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

namespace {

constexpr RdataShape shape_of(std::uint16_t type) noexcept {
    switch (type) {
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
        case 23:  // NSAP-PTR
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

/// The shapes of the types that are met in masses, made at compile time.
constexpr auto shapes = [] {
    std::array<RdataShape, 256> out;
    for (std::size_t type = 0; type < out.size(); ++type)
        out[type] = shape_of(static_cast<std::uint16_t>(type));
    return out;
}();

}  // namespace

RdataShape rdata_shape(dns::RrType type) noexcept {
    const auto number = static_cast<std::uint16_t>(type);
    return number < shapes.size() ? shapes[number] : shape_of(number);
}

base::Octets question_of(base::Octets query) noexcept {
    if (query.size() < dns::header_octets || base::load_u16(&query[4]) != 1) return {};
    std::size_t at = dns::header_octets;
    while (true) {
        if (at >= query.size() || query[at] > dns::label_octets_max) return {};
        const std::size_t label = query[at];
        at += 1 + label;
        if (at - dns::header_octets > dns::name_octets_max) return {};
        if (label == 0) break;
    }
    if (query.size() < at || query.size() - at < 4) return {};
    return query.subspan(dns::header_octets, at + 4 - dns::header_octets);
}

Wanted::Wanted(base::Octets question) {
    ZC_CHECK(question.size() > 4);
    name = dns::Name(dns::NameView(question.first(question.size() - 4)));
    name.fold_case();
    type = base::load_u16(&question[question.size() - 4]);
    rr_class = base::load_u16(&question[question.size() - 2]);
}

/// Reads one message into a form. `record` handles the common names and records itself and calls
/// functions for the rest.
class Form::Pass {
public:
    explicit Pass(Form& form) noexcept
        : form_(form), message_(form.message_.data()), size_(form.message_.size()) {}

    const char* record(std::size_t& at, Section section) {
        HeldName owner;
        std::size_t next = at;
        if (const char* fault = name(at, owner, next)) return fault;
        if (size_ - next < record_octets) return "cut-off";
        const std::uint8_t* const fixed = message_ + next;
        const std::size_t rdata_octets = base::load_u16(fixed + 8);
        const std::size_t saved = owner.octets - (next - at);
        next += record_octets;
        if (size_ - next < rdata_octets) return "cut-off";
        at = next + rdata_octets;
        const std::uint16_t type = base::load_u16(fixed);
        if (type == static_cast<std::uint16_t>(dns::RrType::opt))
            return section == Section::additional && owner.octets == 1
                       ? opt(fixed, next, rdata_octets)
                       : "opt";
        Item& item = form_.items[items_++];
        item = {.owner = owner.folded,
                .rdata = message_ + next,
                .owner_kept = owner.kept,
                .rdata_kept = message_ + next,
                .owner_octets = static_cast<std::uint32_t>(owner.octets),
                .rdata_octets = static_cast<std::uint32_t>(rdata_octets),
                .ttl = base::load_u32(fixed + 4),
                .type = type,
                .rr_class = base::load_u16(fixed + 2)};
        if (const char* fault = rdata(item, next, rdata_octets)) return fault;
        item.saved_octets = static_cast<std::uint32_t>(saved + item.rdata_octets - rdata_octets);
        return nullptr;
    }

    std::size_t items() const noexcept { return items_; }

private:
    const char* opt(const std::uint8_t* fixed, std::size_t at, std::size_t rdata_octets) {
        if (form_.edns) return "opt";
        form_.edns = true;
        form_.edns_size = base::load_u16(fixed + 2);
        form_.rcode = static_cast<std::uint16_t>(form_.rcode | fixed[4] << 4U);
        form_.edns_version = fixed[5];
        form_.edns_flags = base::load_u16(fixed + 6);
        form_.edns_options = form_.message_.subspan(at, rdata_octets);
        form_.opt_at = items_ - form_.section_begin[static_cast<std::size_t>(Section::additional)];
        base::Reader options(form_.edns_options);
        while (!options.at_end()) {
            options.skip(2);
            options.skip(options.u16());
            if (!options.ok()) return "opt";
        }
        return nullptr;
    }

    const char* rdata(Item& item, std::size_t at, std::size_t rdata_octets) {
        const RdataShape shape = rdata_shape(static_cast<dns::RrType>(item.type));
        if (shape.names == 0) {
            const bool internet = item.rr_class == static_cast<std::uint16_t>(dns::RrClass::in);
            if ((item.is(dns::RrType::a) && internet && rdata_octets != 4) ||
                (item.is(dns::RrType::aaaa) && rdata_octets != 16))
                return "rdata";
            return item.type == type_a6 ? a6(item, at, rdata_octets) : nullptr;
        }
        if (shape.names > 1 || shape.texts > 0) return named(item, shape, at, rdata_octets);
        const std::size_t end = at + rdata_octets;
        const std::size_t name_at = at + shape.prefix_octets;
        if (name_at > end) return "rdata";
        HeldName only;
        std::size_t next = name_at;
        if (const char* fault = name(name_at, only, next)) return fault;
        if (next > end) return "rdata";
        if (shape.tail_octets >= 0 && end - next != static_cast<std::size_t>(shape.tail_octets))
            return "rdata";
        if (name_at == at && next == end) {  // nothing but a name
            item.rdata_kept = only.kept;
            item.rdata = shape.folds ? only.folded : only.kept;
            item.rdata_octets = static_cast<std::uint32_t>(only.octets);
            return nullptr;
        }
        // As it stands. A pointer can lead to a name of as many octets as it has itself ("a."
        // is three), so those are no sign.
        if (only.kept == message_ + name_at && (only.in_lower_case() || !shape.folds))
            return nullptr;
        return lay(item, shape, at, name_at, std::span(&only, 1), next, end);
    }

    /// RFC 2874 section 3.1: bits that are left to the name, then so many octets less.
    [[gnu::noinline]] const char* a6(Item& item, std::size_t at, std::size_t rdata_octets) {
        if (rdata_octets == 0 || message_[at] > 128) return "rdata";
        const RdataShape shape{
            .prefix_octets = static_cast<std::uint8_t>(1 + (128 - message_[at] + 7) / 8),
            .names = static_cast<std::uint8_t>(message_[at] == 0 ? 0 : 1),
            .folds = true,
            .tail_octets = 0};
        if (shape.names == 0) return rdata_octets == shape.prefix_octets ? nullptr : "rdata";
        return named(item, shape, at, rdata_octets);
    }

    /// RDATA of any shape that has names.
    [[gnu::noinline]] const char* named(Item& item, const RdataShape& shape, std::size_t at,
                                        std::size_t rdata_octets) {
        const std::size_t end = at + rdata_octets;
        std::size_t next = at + shape.prefix_octets;
        for (std::size_t i = 0; i < shape.texts && next < end; ++i) next += 1U + message_[next];
        if (next > end) return "rdata";
        const std::size_t names_at = next;
        std::array<HeldName, 2> names;
        for (HeldName& each : std::span(names).first(shape.names)) {
            if (const char* fault = name(next, each, next)) return fault;
            if (next > end) return "rdata";
        }
        if (shape.tail_octets >= 0 && end - next != static_cast<std::size_t>(shape.tail_octets))
            return "rdata";
        return lay(item, shape, at, names_at, std::span(names).first(shape.names), next, end);
    }

    /// Copies RDATA with its names whole, and folded, where it does not stand so: octets from `at`,
    /// `names` from `names_at` to `names_end`, the rest to `end`.
    [[gnu::noinline]] const char* lay(Item& item, const RdataShape& shape, std::size_t at,
                                      std::size_t names_at, std::span<const HeldName> names,
                                      std::size_t names_end, std::size_t end) {
        std::size_t whole = names_at - at + end - names_end;
        std::size_t place = names_at;
        bool in_place = true;
        bool in_lower_case = true;
        for (const HeldName& each : names) {
            whole += each.octets;
            in_place = in_place && each.kept == message_ + place;
            in_lower_case = in_lower_case && each.in_lower_case();
            place += each.octets;
        }
        if (whole > rdata_octets_max) return "rdata";
        item.rdata_octets = static_cast<std::uint32_t>(whole);
        const auto copy = [&](bool folded) {
            std::uint8_t* const to = form_.arena_.room(whole);
            std::memcpy(to, message_ + at, names_at - at);
            std::size_t size = names_at - at;
            for (const HeldName& each : names) {
                std::memcpy(to + size, folded ? each.folded : each.kept, each.octets);
                size += each.octets;
            }
            std::memcpy(to + size, message_ + names_end, end - names_end);
            form_.arena_.keep(whole);
            return to;
        };
        if (!in_place) item.rdata_kept = copy(false);
        item.rdata = shape.folds && !in_lower_case ? copy(true) : item.rdata_kept;
        return nullptr;
    }

    /// As dns::read_name takes it, pointers strictly backwards, so that the work is bounded.
    const char* name(std::size_t start, HeldName& out, std::size_t& next) {
        // Twice what most are: a pointer to one that was read, the signer of the signature before.
        if (size_ - start >= 2 && message_[start] >= 0xc0) {
            const std::size_t target = base::load_u16(message_ + start) & pointer_max;
            const Known& at_target = form_.known(target);
            if (target < start && form_.is_at(at_target, target)) {
                out = at_target.name;
                next = start + 2;
                return nullptr;
            }
        } else if (const HeldName& whole = form_.last_whole_;
                   whole.octets <= size_ - start && message_[start] == whole.kept[0] &&
                   std::memcmp(message_ + start, whole.kept, whole.octets) == 0) {
            out.kept = message_ + start;
            out.folded = whole.in_lower_case() ? out.kept : whole.folded;
            out.octets = whole.octets;
            next = start + whole.octets;
            return nullptr;
        }
        return name_in_labels(start, out, next);
    }

    [[gnu::noinline]] const char* name_in_labels(std::size_t start, HeldName& out,
                                                 std::size_t& next) {
        std::size_t at = start;
        while (true) {
            if (at >= size_) return "cut-off";
            const std::size_t length = message_[at];
            if (length == 0) {
                next = at + 1;
                out.kept = message_ + start;
                out.octets = next - start;
                out.folded = form_.folded_of(out, out.octets, true);
                form_.last_whole_ = out;
                break;
            }
            if (length >= 0xc0) {
                if (size_ - at < 2) return "cut-off";
                next = at + 2;
                if (const char* fault = linked_name(start, at, out)) return fault;
                break;
            }
            if (length > dns::label_octets_max) return "name";
            at += 1 + length;
            if (at - start >= dns::name_octets_max) return "name";  // the root's octet is to come
        }
        if (start <= pointer_max) form_.known(start) = {out, form_.stamp(start)};
        return nullptr;
    }

    /// The name of the labels from `start` to `at` and of the pointer there.
    const char* linked_name(std::size_t start, std::size_t at, HeldName& out) {
        const std::size_t first_target = base::load_u16(message_ + at) & pointer_max;
        if (first_target >= start) return "pointer";
        const std::size_t in_place = at - start;
        std::uint8_t* const to = form_.arena_.room(dns::name_octets_max + 1);
        std::memcpy(to, message_ + start, in_place);
        std::size_t laid = in_place;
        Known& at_target = form_.known(first_target);
        const bool is_known = form_.is_at(at_target, first_target);
        if (is_known) {
            if (laid + at_target.name.octets > dns::name_octets_max) return "name";
            std::memcpy(to + laid, at_target.name.kept, at_target.name.octets);
            laid += at_target.name.octets;
        } else {
            std::size_t target = first_target;
            std::size_t segment = target;
            while (true) {
                const std::size_t label = message_[target];
                if (label >= 0xc0) {
                    if (size_ - target < 2) return "cut-off";
                    target = base::load_u16(message_ + target) & pointer_max;
                    if (target >= segment) return "pointer";
                    segment = target;
                    continue;
                }
                if (label > dns::label_octets_max) return "name";
                if (size_ - target <= label) return "cut-off";
                if (laid + 1 + label > dns::name_octets_max) return "name";
                std::memcpy(to + laid, message_ + target, 1 + label);
                laid += 1 + label;
                if (label == 0) break;
                target += 1 + label;
                if (target >= size_) return "cut-off";
            }
        }
        form_.arena_.keep(laid);
        out.kept = to;
        out.octets = laid;
        out.folded = form_.folded_of(out, in_place, is_known && at_target.name.in_lower_case());
        if (!is_known)
            at_target = {.name = {.folded = out.folded + in_place,
                                  .kept = out.kept + in_place,
                                  .octets = out.octets - in_place},
                         .stamp = form_.stamp(first_target)};
        return nullptr;
    }

    Form& form_;
    const std::uint8_t* const message_;
    const std::size_t size_;
    std::size_t items_ = 0;
};

const char* Form::read(base::Octets question, base::Octets response) {
    message_ = response;
    octets = response.size();
    section_begin = {};
    arena_.clear();
    if (++generation_ == 0) {  // stamps of 2^32 messages ago would come back
        known_ = {};
        generation_ = 1;
    }
    last_whole_ = root;
    edns = false;
    edns_size = edns_flags = 0;
    edns_version = 0;
    edns_options = {};
    opt_at = 0;

    if (response.size() < dns::header_octets) return "header";
    const std::uint16_t word = base::load_u16(&response[2]);
    flags = word & 0xfff0U;
    rcode = word & 0x000fU;
    if ((flags & 0x8000U) == 0) return "no-response";
    if ((flags & 0x7800U) != 0) return "opcode";
    std::size_t at = dns::header_octets;
    has_question = base::load_u16(&response[4]) != 0;
    if (has_question) {
        if (base::load_u16(&response[4]) != 1 || question.empty() ||
            response.size() - at < question.size() ||
            std::memcmp(&response[at], question.data(), question.size()) != 0)
            return "question";
        HeldName name{.kept = &response[at], .octets = question.size() - 4};
        name.folded = folded_of(name, name.octets, true);
        known(at) = {name, stamp(at)};
        at += question.size();
    }
    const auto count = [&](std::size_t i) -> std::size_t {
        return base::load_u16(&response[6 + 2 * i]);
    };
    items.resize(std::min(count(0) + count(1) + count(2),
                          response.size() / (record_octets + 1)));  // no more have room
    Pass pass(*this);
    for (std::size_t i = 0; i < section_count; ++i) {
        section_begin[i] = pass.items();
        for (std::size_t left = count(i); left > 0; --left)
            if (const char* fault = pass.record(at, static_cast<Section>(i))) return fault;
    }
    section_begin[section_count] = pass.items();
    items.resize(pass.items());
    if (at != response.size()) return "trailing";
    // A server that cannot make sense of a query may send back its header alone, with the error.
    if (!has_question && (rcode == 0 || !items.empty())) return "question";
    return nullptr;
}

const std::uint8_t* Form::folded_of(const HeldName& name, std::size_t in_place,
                                    bool rest_in_lower_case) {
    if (!has_capital(name.kept, rest_in_lower_case ? in_place : name.octets)) return name.kept;
    std::uint8_t* const to = arena_.room(name.octets);
    copy_folded(to, name.kept, name.octets);
    arena_.keep(name.octets);
    return to;
}

bool Form::is_identical(const Form& other) const noexcept {
    return octets == other.octets && octets > 2 &&
           std::memcmp(&message_[2], &other.message_[2], octets - 2) == 0;
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
