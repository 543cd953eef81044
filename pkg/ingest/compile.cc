#include "ingest/compile.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <limits>
#include <utility>

#include "dns/name_text.h"
#include "dns/presentation.h"
#include "dns/rrset.h"
#include "ingest/database_name.h"
#include "ingest/denial_chain.h"
#include "ingest/hash.h"
#include "sqldump/session_settings.h"

namespace zc::ingest {

namespace {

using dns::RrType;

constexpr std::size_t shown_octets_max = 300;  // of a record in a finding
constexpr std::size_t masters_max = 64;
constexpr std::uint64_t rules_version =
    5;  // counts up when the same rows come to another zone than before
constexpr std::string_view odd_character =
    "a character in the name for which PowerDNS looks up nothing";
constexpr std::string_view odd_character_effect =
    "answered (RFC 2181 section 11); PowerDNS gives SERVFAIL";
constexpr std::string_view servfail = "SERVFAIL for the apex and all names below";
constexpr std::string_view doubtful_octets_effect =
    "taken as they stand in the dump; what the database gives to PowerDNS may be others";

std::optional<std::int64_t> parse_integer(const Value& value) noexcept {
    if (!value) return std::nullopt;
    std::int64_t number = 0;
    constexpr std::size_t digits_safe = 18;  // no overflow
    if (!value->empty() && value->size() <= digits_safe) {
        bool digits = true;
        for (const char c : *value) {
            digits = digits && c >= '0' && c <= '9';
            number = number * 10 + (c - '0');
        }
        if (digits) return number;
    }
    const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
    if (error != std::errc() || end != value->data() + value->size()) return std::nullopt;
    return number;
}

/// The range of INT in PowerDNS's schema; SQLite puts more into such a column.
std::int32_t int_column(const Value& value, std::int64_t when_null) noexcept {
    using Limits = std::numeric_limits<std::int32_t>;
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(
        parse_integer(value).value_or(when_null), Limits::min(), Limits::max()));
}

/// A boolean as PostgreSQL reads it, with blanks around it; the numbers of MySQL and SQLite, 1 and 0;
/// MySQL's BIT. The readers of those two have made text plain.
enum class Flag : std::uint8_t { no, yes, null, other };
Flag flag_of_words(std::string_view text) noexcept {
    constexpr std::string_view blanks = " \t\n\r\f\v";
    const std::size_t begin = std::min(text.find_first_not_of(blanks), text.size());
    text.remove_prefix(begin);
    text = text.substr(0, text.find_last_not_of(blanks) + 1);
    const auto boolean = sqldump::postgresql_boolean(text);
    return !boolean ? Flag::other : *boolean ? Flag::yes : Flag::no;
}
Flag parse_flag(const Value& value) noexcept {
    if (!value) return Flag::null;
    if (value->size() != 1) return flag_of_words(*value);
    switch (value->front()) {
        case 'f':
        case '0':
        case '\0':
            return Flag::no;
        case 't':
        case '1':
        case '\1':
            return Flag::yes;
        default:
            return flag_of_words(*value);
    }
}

bool has_octet_above_127(std::string_view text) noexcept {
    std::size_t at = 0;
    std::uint64_t all = 0;
    for (; text.size() - at >= sizeof all; at += sizeof all) {
        std::uint64_t block = 0;
        std::memcpy(&block, text.data() + at, sizeof block);
        all |= block;
    }
    for (; at < text.size(); ++at) all |= static_cast<std::uint8_t>(text[at]);
    return (all & 0x8080808080808080U) != 0;
}

/// Whether a `disabled` that is no boolean is a number, or text in SQLite, where no text is a number
/// (its reader puts text in quotes).
bool is_not_zero(std::string_view text) noexcept {
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, number);
    return text.starts_with('\'') || (error == std::errc() && at == end);
}

/// Whether there is something that is no number.
bool is_no_integer(const Value& value) noexcept {
    return value && !parse_integer(value);
}

constexpr std::array<bool, 256> powerdns_octets = [] {
    std::array<bool, 256> table{};
    for (const char c : std::string_view("abcdefghijklmnopqrstuvwxyz0123456789-_*./@ \\:"))
        table[static_cast<std::uint8_t>(c)] = true;
    return table;
}();

/// Whether PowerDNS looks the name up in its database, the labels of `apex` at its end not counted.
/// With other octets it answers SERVFAIL at once, where RFC 2181 section 11 has labels of any.
bool powerdns_looks_up(dns::NameView name, dns::NameView apex) noexcept {
    for (; name.size() > apex.size(); name = name.parent()) {
        for (const std::uint8_t octet : name.wire().subspan(1, name.wire()[0]))
            if (!powerdns_octets[octet]) return false;
    }
    return true;
}

std::string text_of(const Value& value) {
    return std::string(value.value_or(std::string_view()));
}

Field field_of(const Value& value) {
    return value ? Field(std::string(*value)) : Field();
}

std::optional<Kind> parse_kind(std::string_view text) {
    std::string upper(text);
    for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    if (upper == "NATIVE" || upper.empty()) return Kind::native;
    if (upper == "MASTER" || upper == "PRIMARY") return Kind::primary;
    if (upper == "SLAVE" || upper == "SECONDARY") return Kind::secondary;
    if (upper == "PRODUCER") return Kind::producer;
    if (upper == "CONSUMER") return Kind::consumer;
    return std::nullopt;
}

/// PowerDNS looks for names in lower case and without a final dot.
std::string_view odd_name(const DatabaseName& scan, bool finds_capitals) noexcept {
    if (scan.final_dot) return "a name with a final dot";
    if (scan.capitals && !finds_capitals) return "a name with capitals";
    return {};
}

/// As `scan_database_name`, for a name that ends as the zone's does, `apex_text`: false when it has
/// to be read octet by octet, also because of its capitals. Nearly all names of a zone end so.
bool scan_name_in_zone(std::string_view text, std::string_view apex_text, dns::NameView apex,
                       dns::NameBuffer& out, std::uint16_t& octets) noexcept {
    if (apex_text.empty() || !text.ends_with(apex_text)) return false;
    std::string_view rest = text.substr(0, text.size() - apex_text.size());
    if (rest.size() + apex.size() > dns::name_octets_max) return false;
    // Each label's length stands where the dot before it was; the first one's is new.
    std::size_t length_at = 0;
    std::size_t label = 0;
    for (std::size_t i = 0; i < rest.size(); ++i) {
        const char c = rest[i];
        if (c == '\\' || (c >= 'A' && c <= 'Z')) return false;
        if (c != '.') {
            out[i + 1] = static_cast<std::uint8_t>(c);
            ++label;
            continue;
        }
        if (label == 0 || label > dns::label_octets_max) return false;
        out[length_at] = static_cast<std::uint8_t>(label);
        length_at = i + 1;
        label = 0;
    }
    if (label != 0) return false;  // it ends within a label
    std::memcpy(&out[rest.size()], apex.wire().data(), apex.size());
    octets = static_cast<std::uint16_t>(rest.size() + apex.size());
    return true;
}

}  // namespace

void ZoneCompiler::Index::begin(std::size_t items) {
    std::size_t slots = 64;
    while (slots < items * 2) slots *= 2;
    mask_ = slots - 1;
    if (slots_.size() < slots) slots_.resize(slots);
    if (++epoch_ == 0) {
        std::ranges::fill(slots_, Slot{});
        epoch_ = 1;
    }
}

template <class Equal>
std::uint32_t ZoneCompiler::Index::find_or_add(std::uint64_t hash, std::uint32_t fresh,
                                               const Equal& equal) {
    for (std::size_t at = hash & mask_;; at = (at + 1) & mask_) {
        Slot& slot = slots_[at];
        if (slot.epoch != epoch_) {
            slot = {epoch_, fresh};
            return fresh;
        }
        if (equal(slot.value)) return slot.value;
    }
}

template <class Equal>
std::optional<std::uint32_t> ZoneCompiler::Index::find(std::uint64_t hash,
                                                       const Equal& equal) const {
    for (std::size_t at = hash & mask_;; at = (at + 1) & mask_) {
        const Slot& slot = slots_[at];
        if (slot.epoch != epoch_) return std::nullopt;
        if (equal(slot.value)) return slot.value;
    }
}

Finding ZoneCompiler::finding(Acceptance acceptance, const Row& row, std::string reason,
                              std::string effect) const {
    Finding finding{.acceptance = acceptance,
                    .table = row.table,
                    .line = row.line,
                    .source = options_.source,
                    .zone = zone_text_,
                    .record = {},
                    .reason = std::move(reason),
                    .effect = std::move(effect)};
    const std::size_t first =
        row.table == Table::tsigkeys || row.table == Table::supermasters ? 0 : 1;
    // The columns that say which row it is; never a key or secret.
    const std::size_t shown = row.table == Table::records      ? 4
                              : row.table == Table::cryptokeys ? 2
                              : row.table == Table::tsigkeys || row.table == Table::domains
                                  ? first + 1
                                  : 3;
    for (std::size_t i = first; i < shown; ++i) {
        if (i != first) finding.record += ' ';
        finding.record += row.values[i].value_or("NULL").substr(0, shown_octets_max);
    }
    if (finding.record.size() > shown_octets_max)
        finding.record = finding.record.substr(0, shown_octets_max) + "…";
    return finding;
}

void ZoneCompiler::refuse(const Row& row, std::string reason, std::string effect) {
    ++count(row.table).of(Fate::refused);
    zone_.findings.push_back(
        finding(Acceptance::refused, row, std::move(reason), std::move(effect)));
}

void ZoneCompiler::doubt(const Row& row, std::string reason, std::string effect) {
    ++count(row.table).doubtful;
    zone_.findings.push_back(
        finding(Acceptance::doubtful, row, std::move(reason), std::move(effect)));
}

void ZoneCompiler::refuse_item(Item& item, std::string reason, std::string effect) {
    item.acceptance = Acceptance::refused;
    zone_.findings.push_back(
        finding(Acceptance::refused, row_of(item), std::move(reason), std::move(effect)));
}

void ZoneCompiler::doubt_item(Item& item, std::string reason, std::string effect) {
    if (item.acceptance == Acceptance::taken) item.acceptance = Acceptance::doubtful;
    zone_.findings.push_back(
        finding(Acceptance::doubtful, row_of(item), std::move(reason), std::move(effect)));
}

void ZoneCompiler::doubt_zone(std::string reason, std::string effect) {
    RowSums& domains = count(Table::domains);
    if (domains.doubtful == 0) ++domains.doubtful;
    zone_.findings.push_back({.acceptance = Acceptance::doubtful,
                              .table = Table::domains,
                              .line = done_->line,
                              .source = options_.source,
                              .zone = zone_text_,
                              .record = {},
                              .reason = std::move(reason),
                              .effect = std::move(effect)});
}

/// It is not served, and all of it counts as that.
void ZoneCompiler::refuse_zone(std::string reason) {
    zone_.findings.push_back({.acceptance = Acceptance::refused,
                              .table = Table::domains,
                              .line = done_->line,
                              .source = options_.source,
                              .zone = zone_text_,
                              .record = {},
                              .reason = std::move(reason),
                              .effect = std::string(servfail)});
}

bool ZoneCompiler::is_same_owner(const Item& item, dns::NameView name) const noexcept {
    return item.owner_size == name.size() &&
           std::memcmp(&octets_[item.owner_at], name.wire().data(), name.size()) == 0;
}

void ZoneCompiler::begin(std::span<const RowStore::Bucket::Ref> refs, CompiledDomain& into) {
    refs_ = refs;
    done_ = &into;
    zone_ = {};
    zone_text_.clear();
    apex_text_ = {};
    presigned_ = disabled_soa_ = false;
    octets_.clear();
    items_.clear();
    empties_.clear();
    done_->rows = refs.size();
    for (const RowStore::Bucket::Ref& ref : refs) ++count(ref.table).read;
}

/// Whether the first row is of domains. Tables are in the order of the enumeration.
bool ZoneCompiler::has_domain() const noexcept {
    return !refs_.empty() && refs_[0].table == Table::domains && refs_[0].domain > domain_malformed;
}

/// Takes the apex out of the row of domains. Gives the reason where the rows belong to no zone.
std::string ZoneCompiler::find_apex() {
    if (refs_.empty()) return {};
    if (!has_domain()) {
        if (refs_[0].domain == domain_null)
            return "the id of the domain is NULL: the row belongs to no zone";
        if (refs_[0].domain == domain_malformed) return "the id of the domain is no number";
        return "domain_id " + std::to_string(refs_[0].domain) + " is in no row of domains";
    }
    const Row row = RowStore::Bucket::read(refs_[0]);
    done_->line = row.line;
    dns::NameBuffer buffer;
    const std::string_view name = row.values[column::domain_name].value_or(std::string_view());
    const DatabaseName scan = scan_database_name(name, buffer);
    odd_name_ = odd_name(scan, options_.finds_capitals);
    done_->written_as_powerdns = scan.is_as_powerdns_writes();
    if (!row.values[column::domain_name]) return "a domain without a name";
    if (scan.fault != dns::NameFault::none) return dns::name_error(scan, name).message;
    zone_.apex = dns::Name(dns::NameView(base::Octets(buffer).first(scan.octets)));
    // An escaped dot in front would make it the end of another name.
    if (name.find('\\') == std::string_view::npos && !name.ends_with('.') && !scan.capitals)
        apex_text_ = name;
    return {};
}

void ZoneCompiler::refuse_all_rows(const std::string& why) {
    if (!refs_.empty() && refs_[0].domain > domain_malformed)
        zone_text_ = std::to_string(refs_[0].domain);
    for (const RowStore::Bucket::Ref& ref : refs_) {
        const bool is_domain = ref.table == Table::domains;
        refuse(RowStore::Bucket::read(ref),
               is_domain || !has_domain() ? why : "of a domain that was refused: " + why,
               ref.table == Table::records ? "not answered" : "not taken over");
    }
    done_->findings = std::move(zone_.findings);
}

/// False: stopped.
bool ZoneCompiler::judge_rows() {
    for (std::uint32_t i = 0; i < refs_.size(); ++i) {
        if ((i & 0xfff) == 0xfff && options_.stopped && options_.stopped()) return false;
        const Row row = RowStore::Bucket::read(refs_[i]);
        if (row.table == Table::records) {
            record_row(row, i);
        } else if (row.table == Table::domains) {
            if (i == 0) {
                domain_row(row);
            } else {
                refuse(row, "a second row of domains with id " + std::to_string(row.domain),
                       "the first counts");
            }
        } else {
            side_row(row);
        }
    }
    return true;
}

void ZoneCompiler::compile(std::span<const RowStore::Bucket::Ref> refs, CompiledDomain& into) {
    begin(refs, into);
    if (const std::string why = find_apex(); !why.empty()) return refuse_all_rows(why);

    done_->apex = zone_.apex;
    done_->id = refs[0].domain;
    if (!options_.repeated_names.empty()) {
        const auto key =
            name_key(RowStore::Bucket::read(refs[0]).values[column::domain_name].value_or(""));
        done_->shares_name = key && std::ranges::binary_search(options_.repeated_names, *key);
    }
    const std::uint64_t digest = digest_rows();
    // Rows that share a name are compiled each: the records decide which of them counts.
    if (!done_->shares_name && options_.is_unchanged && !has_doubtful_octets() &&
        options_.is_unchanged(zone_.apex, digest)) {
        for (RowSums& table : done_->counts) table.all(Fate::unchanged);
        done_->unchanged = true;
        return;
    }
    zone_text_ = dns::to_string(zone_.apex);
    if (!judge_rows()) return;
    find_owners();
    settle_aliases_of_names();
    settle_ttls();
    look_at_auth();
    look_below_dnames();
    look_at_empty_names();
    look_at_signatures();
    build();
    settle_state();
    count_rows();
    std::ranges::sort(zone_.metadata);
    std::ranges::sort(zone_.comments);
    std::ranges::sort(zone_.keys);
    std::ranges::sort(zone_.kept);
    std::ranges::stable_sort(zone_.findings, {}, &Finding::line);
    zone_.rows_digest = zone_.findings.empty() ? digest : 0;
    into.zone = std::move(zone_);
}

std::uint64_t ZoneCompiler::digest_rows() const noexcept {
    std::uint64_t sum = 0;  // whatever the order
    for (const RowStore::Bucket::Ref& ref : refs_) sum += RowStore::Bucket::hash(ref);
    const std::array<std::uint64_t, 6> all = {rules_version,
                                              sum,
                                              refs_.size(),
                                              static_cast<std::uint64_t>(options_.repair),
                                              static_cast<std::uint64_t>(options_.unsigned_zones),
                                              options_.default_ttl};
    const std::uint64_t digest =
        hash64({reinterpret_cast<const std::uint8_t*>(all.data()), sizeof all});
    return digest == 0 ? 1 : digest;  // 0 is none
}

bool ZoneCompiler::has_doubtful_octets(const Row& row) const noexcept {
    std::uint32_t columns = options_.octets.columns[static_cast<std::size_t>(row.table)];
    for (std::size_t i = 0; columns != 0; ++i, columns >>= 1) {
        if ((columns & 1) != 0 && row.values[i] && has_octet_above_127(*row.values[i])) return true;
    }
    return false;
}

bool ZoneCompiler::has_doubtful_octets() const noexcept {
    if (options_.octets.reason.empty()) return false;
    return std::ranges::any_of(refs_, [this](const RowStore::Bucket::Ref& ref) {
        return has_doubtful_octets(RowStore::Bucket::read(ref));
    });
}

void ZoneCompiler::domain_row(const Row& row) {
    zone_.source_id = row.domain;
    if (has_doubtful_octets(row))
        doubt_zone(options_.octets.reason, std::string(doubtful_octets_effect));
    if (!powerdns_looks_up(zone_.apex, dns::NameView())) {
        doubt_zone("a character in the zone's name for which PowerDNS looks up nothing",
                   std::string(odd_character_effect));
    }
    if (!odd_name_.empty())
        doubt_zone(std::string(odd_name_),
                   "answered; PowerDNS answers too, and does not find its metadata and keys");
    zone_.account = text_of(row.values[column::domain_account]);
    zone_.options = field_of(row.values[column::options]);
    zone_.catalog = field_of(row.values[column::catalog]);
    const std::string_view kind = row.values[column::domain_type].value_or(std::string_view());
    if (const auto parsed = parse_kind(kind)) {
        zone_.kind = *parsed;
    } else {
        doubt_zone("kind " + dns::quoted_excerpt(kind) +
                       ", wanted NATIVE, MASTER, SLAVE, PRODUCER or CONSUMER",
                   "taken as NATIVE");
    }
    const auto number = [&](std::size_t column_at, const char* name, std::int64_t maximum) {
        const Value& value = row.values[column_at];
        const auto parsed = parse_integer(value);
        if (value && (!parsed || *parsed < 0 || *parsed > maximum)) {
            doubt_zone(std::string(name) + " " + dns::quoted_excerpt(*value) + " is no such number",
                       "taken as NULL");
            return std::optional<std::int64_t>();
        }
        return parsed;
    };
    zone_.last_check =
        number(column::last_check, "last_check", std::numeric_limits<std::int64_t>::max());
    if (const auto serial = number(column::notified_serial, "notified_serial",
                                   std::numeric_limits<std::uint32_t>::max())) {
        zone_.notified_serial = static_cast<std::uint32_t>(*serial);
    }
    std::string_view rest = row.values[column::master].value_or(std::string_view());
    while (true) {
        const std::size_t begin = rest.find_first_not_of(",; \t");
        if (begin == std::string_view::npos) break;
        rest.remove_prefix(begin);
        const std::size_t size = std::min(rest.find_first_of(",; \t"), rest.size());
        if (zone_.masters.size() == masters_max) {
            doubt_zone("more than " + std::to_string(masters_max) + " masters",
                       "the others are not taken over");
            break;
        }
        zone_.masters.emplace_back(rest.substr(0, size));
        rest.remove_prefix(size);
    }
}

void ZoneCompiler::side_row(const Row& row) {
    if (has_doubtful_octets(row))
        doubt(row, options_.octets.reason, std::string(doubtful_octets_effect));
    switch (row.table) {
        case Table::domainmetadata: {
            if (!row.values[column::kind])
                return refuse(row, "metadata without a kind", "not taken over");
            Metadata metadata{text_of(row.values[column::kind]),
                              text_of(row.values[column::metadata_content])};
            presigned_ |= metadata.presigned();
            zone_.metadata.push_back(std::move(metadata));
            break;
        }
        case Table::comments:
            if (!row.values[column::comment_name] || !row.values[column::comment_type]) {
                return refuse(row, "a comment without name or type", "not taken over");
            }
            zone_.comments.push_back({text_of(row.values[column::comment_name]),
                                      text_of(row.values[column::comment_type]),
                                      text_of(row.values[column::comment_account]),
                                      text_of(row.values[column::comment]),
                                      parse_integer(row.values[column::modified_at]).value_or(0)});
            if (is_no_integer(row.values[column::modified_at]))
                doubt(row, "modified_at is no number", "taken as 0");
            break;
        case Table::cryptokeys: {
            const auto flags = parse_integer(row.values[column::flags]);
            const bool has_flags = flags && *flags >= 0 && *flags <= 65535;
            const Flag active = parse_flag(row.values[column::active]);
            const Flag published = parse_flag(row.values[column::published]);
            // Also one that is refused is a key: the zone is signed, here and in what is exported.
            zone_.keys.push_back(
                {.flags = has_flags ? static_cast<std::uint16_t>(*flags) : std::uint16_t{0},
                 .active = active == Flag::yes || active == Flag::other,
                 .published = published != Flag::no,
                 .content = text_of(row.values[column::key_content])});
            if (active == Flag::other || published == Flag::other)
                doubt(row, "active or published is no boolean", "taken as true");
            if (!has_flags || !row.values[column::key_content])
                return refuse(row, "a key without flags of 0 to 65535 or without content",
                              "what is missing is 0 or empty");
            break;
        }
        case Table::domains:
        case Table::records:
        case Table::tsigkeys:
        case Table::supermasters:
        case Table::other:
            return;
    }
    ++count(row.table).of(Fate::served);
}

std::optional<std::uint32_t> ZoneCompiler::ttl_of(const Row& row, Acceptance& acceptance) {
    const Value& value = row.values[column::ttl];
    if (!value) return options_.default_ttl;
    const auto ttl = parse_integer(value);
    if (ttl && *ttl >= 0 && *ttl <= std::int64_t{dns::ttl_seconds_max})
        return static_cast<std::uint32_t>(*ttl);
    std::string reason = "TTL " + dns::quoted_excerpt(*value) + ", wanted 0 to 2147483647 seconds";
    if (options_.repair == Repair::no || !ttl) {
        refuse(row, std::move(reason));
        return std::nullopt;
    }
    // RFC 2181 section 8: a TTL with its highest bit set counts as zero.
    acceptance = Acceptance::repaired;
    zone_.findings.push_back(
        finding(Acceptance::repaired, row, std::move(reason), "answered with TTL 0"));
    return 0;
}

/// An empty non-terminal, as rectify makes it. They are recomputed.
void ZoneCompiler::row_without_type(const Row& row, bool is_disabled, std::uint32_t ref) {
    ++count(Table::records).of(Fate::without_type);
    dns::NameBuffer buffer;
    const Value& name = row.values[column::record_name];
    const DatabaseName scan = scan_database_name(name.value_or(std::string_view()), buffer);
    if (!name || is_disabled || scan.fault != dns::NameFault::none) return;
    const dns::NameView owner(base::Octets(buffer).first(scan.octets));
    if (!owner.is_within(zone_.apex)) return;
    empties_.push_back({static_cast<std::uint32_t>(octets_.size()),
                        static_cast<std::uint16_t>(owner.size()), ref, 0, false});
    octets_.insert(octets_.end(), owner.wire().begin(), owner.wire().end());
}

void ZoneCompiler::disabled_row(const Row& row) {
    const Flag disabled = parse_flag(row.values[column::disabled]);
    ++count(Table::records).of(Fate::disabled);
    dns::NameBuffer buffer;
    const DatabaseName scan =
        scan_database_name(row.values[column::record_name].value_or(std::string_view()), buffer);
    if (row.values[column::record_type] == "SOA" && scan.fault == dns::NameFault::none &&
        equal(dns::NameView(base::Octets(buffer).first(scan.octets)), zone_.apex)) {
        disabled_soa_ = true;
    }
    if (disabled != Flag::yes) {
        doubt(row,
              disabled == Flag::null
                  ? "disabled is NULL, wanted a boolean"
                  : "disabled is " + dns::quoted_excerpt(*row.values[column::disabled]) +
                        ", wanted a boolean",
              disabled == Flag::null || is_not_zero(*row.values[column::disabled])
                  ? "not answered, as by PowerDNS; kept as disabled"
                  : "kept as disabled, and not answered");
    }
    if (is_no_integer(row.values[column::ttl]) || is_no_integer(row.values[column::prio]))
        doubt(row, "of a disabled row, a TTL or prio that is no number", "kept as the default");
    if (has_doubtful_octets(row))
        doubt(row, options_.octets.reason, std::string(doubtful_octets_effect));
    zone_.kept.push_back({.why = KeptRecord::Why::disabled,
                          .disabled = true,
                          .name = text_of(row.values[column::record_name]),
                          .type = text_of(row.values[column::record_type]),
                          .content = text_of(row.values[column::record_content]),
                          .ttl = int_column(row.values[column::ttl], options_.default_ttl),
                          .prio = int_column(row.values[column::prio], 0)});
}

/// The owner's octets go into `buffer`. Nothing: the row is refused.
std::optional<ZoneCompiler::ScannedOwner> ZoneCompiler::owner_of_row(const Row& row,
                                                                     dns::NameBuffer& buffer) {
    const std::string_view name = *row.values[column::record_name];
    ScannedOwner owner;
    if (scan_name_in_zone(name, apex_text_, zone_.apex, buffer, owner.octets)) return owner;
    const DatabaseName scan = scan_database_name(name, buffer);
    if (scan.fault != dns::NameFault::none) {
        refuse(row, dns::name_error(scan, name).message);
        return std::nullopt;
    }
    owner.octets = scan.octets;
    owner.odd = odd_name(scan, options_.finds_capitals);
    if (!dns::NameView(base::Octets(buffer).first(owner.octets)).is_within(zone_.apex)) {
        refuse(row, "the name is outside of zone " + zone_text_);
        return std::nullopt;
    }
    return owner;
}

/// The type of a row at `owner`. Nothing: the row is refused.
std::optional<RecordType> ZoneCompiler::type_of_row(const Row& row, dns::NameView owner) {
    const std::string_view text = *row.values[column::record_type];
    const RecordType type = record_type(text, *row.values[column::record_content]);
    if (type.treatment == RecordType::Treatment::unknown) {
        refuse(row, "type " + dns::quoted_excerpt(text) + " is none of a zone's");
        return std::nullopt;
    }
    if (type.type == RrType::soa && owner.size() != zone_.apex.size()) {
        refuse(row, "an SOA below the apex");
        return std::nullopt;
    }
    const bool has_prio = type.type == RrType::mx || type.type == RrType::srv;
    if (has_prio && is_no_integer(row.values[column::prio])) {
        refuse(row,
               "prio " + dns::quoted_excerpt(*row.values[column::prio]) + ", wanted 0 to 65535");
        return std::nullopt;
    }
    return type;
}

void ZoneCompiler::record_row(const Row& row, std::uint32_t ref) {
    const std::string_view type_text = row.values[column::record_type].value_or(std::string_view());
    const Flag disabled = parse_flag(row.values[column::disabled]);
    if (type_text.empty()) return row_without_type(row, disabled != Flag::no, ref);
    if (disabled != Flag::no) return disabled_row(row);
    const Value& name = row.values[column::record_name];
    const Value& content = row.values[column::record_content];
    if (!name || !content) return refuse(row, std::string(name ? "content" : "name") + " is NULL");

    dns::NameBuffer buffer;
    const auto scanned = owner_of_row(row, buffer);
    if (!scanned) return;
    const dns::NameView owner(base::Octets(buffer).first(scanned->octets));
    const auto type = type_of_row(row, owner);
    if (!type) return;
    Item item{};
    item.acceptance = Acceptance::taken;
    const auto ttl = ttl_of(row, item.acceptance);
    if (!ttl) return;

    item.owner_at = static_cast<std::uint32_t>(octets_.size());
    item.owner_size = static_cast<std::uint16_t>(owner.size());
    octets_.insert(octets_.end(), owner.wire().begin(), owner.wire().end());
    item.rdata_at = static_cast<std::uint32_t>(octets_.size());
    const bool only_powerdns = type->treatment == RecordType::Treatment::powerdns_only;
    ContentOutcome outcome =
        only_powerdns
            ? append_powerdns_only(octets_, type->type, type_text, *content)
            : append_rdata(octets_, type->type, *content, parse_integer(row.values[column::prio]),
                           {.apex = zone_.apex, .repair = options_.repair});
    if (outcome.acceptance == Acceptance::refused) {
        octets_.resize(item.owner_at);
        return refuse(row, std::move(outcome.reason), std::move(outcome.effect));
    }
    if (outcome.acceptance != Acceptance::taken) {
        if (item.acceptance != Acceptance::repaired) item.acceptance = outcome.acceptance;
        zone_.findings.push_back(
            finding(outcome.acceptance, row, std::move(outcome.reason), std::move(outcome.effect)));
    }
    item.owner_hash = hash64(owner.wire());
    item.rdata_size = static_cast<std::uint16_t>(octets_.size() - item.rdata_at);
    item.ref = ref;
    item.ttl = *ttl;
    item.type = type->type;
    const Flag auth = parse_flag(row.values[column::auth]);
    item.without_auth = auth == Flag::no || auth == Flag::null;
    item.fate = only_powerdns ? Fate::powerdns_only : Fate::served;
    items_.push_back(item);
    if (!powerdns_looks_up(owner, zone_.apex)) {
        doubt_item(items_.back(), std::string(odd_character), std::string(odd_character_effect));
    }
    if (!scanned->odd.empty())
        doubt_item(items_.back(), std::string(scanned->odd),
                   "answered; PowerDNS does not find this row");
    if (has_doubtful_octets(row))
        doubt_item(items_.back(), options_.octets.reason, std::string(doubtful_octets_effect));
}

void ZoneCompiler::find_owners() {
    owners_.clear();
    owner_index_.begin(items_.size());
    for (std::uint32_t i = 0; i < items_.size(); ++i) {
        Item& item = items_[i];
        const auto fresh = static_cast<std::uint32_t>(owners_.size());
        item.owner = owner_index_.find_or_add(item.owner_hash, fresh, [&](std::uint32_t at) {
            const Item& other = items_[owners_[at].item];
            return other.owner_hash == item.owner_hash && is_same_owner(other, owner_name(item));
        });
        if (item.owner == fresh) owners_.push_back({.item = i});
        Owner& owner = owners_[item.owner];
        if (item.type == RrType::cname) {
            ++owner.cnames;
        } else if (!dns::may_stand_beside_cname(item.type)) {
            ++owner.others;
        }
        if (item.type == RrType::dname) ++owner.dnames;
        if (item.type == RrType::ns) owner.has_ns = true;
    }
}

void ZoneCompiler::settle_aliases_of_names() {
    // CNAME and DNAME stand alone and once. The one with the smallest RDATA counts, so that the
    // choice does not depend on the order of the rows.
    const auto is_conflict = [](const Owner& owner) {
        return owner.cnames > 1 || owner.dnames > 1 || (owner.cnames != 0 && owner.others != 0);
    };
    if (std::ranges::none_of(owners_, is_conflict)) return;
    std::vector<const Item*> chosen_cname(owners_.size());
    std::vector<const Item*> chosen_dname(owners_.size());
    const auto choose = [this](const Item*& chosen, const Item& item) {
        if (chosen == nullptr || std::ranges::lexicographical_compare(rdata(item), rdata(*chosen)))
            chosen = &item;
    };
    const auto is_apex = [this](const Item& item) { return item.owner_size == zone_.apex.size(); };
    for (const Item& item : items_) {
        if (item.type == RrType::cname && !is_apex(item)) choose(chosen_cname[item.owner], item);
        if (item.type == RrType::dname) choose(chosen_dname[item.owner], item);
    }
    for (Item& item : items_) {
        if (!is_conflict(owners_[item.owner])) continue;
        const Item* cname = chosen_cname[item.owner];
        const Item* dname = chosen_dname[item.owner];
        if (item.type == RrType::cname) {
            if (is_apex(item) && owners_[item.owner].others != 0) {
                refuse_item(item,
                            "a CNAME at the apex, beside other records (RFC 1034 section 3.6.2)",
                            "the other records are answered");
            } else if (cname != nullptr && !std::ranges::equal(rdata(item), rdata(*cname))) {
                refuse_item(item, "a second CNAME at one name (RFC 2181 section 10.1)",
                            "the first in order of RDATA is answered");
            }
        } else if (cname != nullptr && !dns::may_stand_beside_cname(item.type)) {
            refuse_item(item, "stands beside a CNAME (RFC 1034 section 3.6.2)",
                        "the CNAME is answered, as PowerDNS does");
        } else if (item.type == RrType::dname && dname != nullptr &&
                   !std::ranges::equal(rdata(item), rdata(*dname))) {
            refuse_item(item, "a second DNAME at one name (RFC 6672 section 2.4)",
                        "the first in order of RDATA is answered");
        }
    }
}

void ZoneCompiler::settle_ttls() {
    sets_.clear();
    set_index_.begin(items_.size());
    bool differ = false;
    // Signatures are of the RRset they cover and have its TTL (RFC 4034 section 3.1.4): no RRset of
    // their own.
    const auto counts = [](const Item& item) {
        return item.type != RrType::rrsig && item.acceptance != Acceptance::refused;
    };
    const auto set_of = [this](const Item& item, std::uint32_t fresh) {
        const std::uint64_t hash =
            item.owner_hash ^ (static_cast<std::uint64_t>(item.type) * 0x9e3779b97f4a7c15U);
        return set_index_.find_or_add(hash, fresh, [&](std::uint32_t at) {
            return sets_[at].owner == item.owner && sets_[at].type == item.type;
        });
    };
    for (const Item& item : items_) {
        if (!counts(item)) continue;
        const auto fresh = static_cast<std::uint32_t>(sets_.size());
        const std::uint32_t at = set_of(item, fresh);
        if (at == fresh) {
            sets_.push_back({item.owner, item.type, item.ttl, item.ttl});
            continue;
        }
        sets_[at].ttl_lowest = std::min(sets_[at].ttl_lowest, item.ttl);
        sets_[at].ttl_highest = std::max(sets_[at].ttl_highest, item.ttl);
        differ = differ || sets_[at].ttl_lowest != sets_[at].ttl_highest;
    }
    if (!differ) return;
    for (Item& item : items_) {
        if (!counts(item)) continue;
        const Set& set = sets_[set_of(item, 0)];
        if (item.ttl == set.ttl_lowest) continue;
        doubt_item(item,
                   "TTL " + std::to_string(item.ttl) + ", others of the RRset have " +
                       std::to_string(set.ttl_lowest) + " (RFC 2181 section 5.2)",
                   "answered with TTL " + std::to_string(set.ttl_lowest));
    }
}

const ZoneCompiler::Owner* ZoneCompiler::find_owner(dns::NameView name) const noexcept {
    const auto at = owner_index_.find(hash64(name.wire()), [&](std::uint32_t owner) {
        return is_same_owner(items_[owners_[owner].item], name);
    });
    return at ? &owners_[*at] : nullptr;
}

void ZoneCompiler::look_at_auth() {
    // auth = 0 is right at and below zone cuts only; elsewhere PowerDNS answers as if the row were
    // not there.
    for (Item& item : items_) {
        if (!item.without_auth || item.acceptance == Acceptance::refused) continue;
        bool below_cut = false;
        for (dns::NameView name = owner_name(item); name.size() > zone_.apex.size() && !below_cut;
             name = name.parent()) {
            const Owner* owner = find_owner(name);
            below_cut = owner != nullptr && owner->has_ns;
        }
        if (!below_cut)
            doubt_item(item, "auth is 0 or NULL, and there is no zone cut above",
                       "answered; PowerDNS answers NODATA");
    }
}

bool ZoneCompiler::is_below_dname(dns::NameView name) const noexcept {
    bool found = false;
    while (name.size() > zone_.apex.size()) {
        name = name.parent();
        const Owner* owner = find_owner(name);
        if (owner == nullptr) continue;
        if (owner->dnames != 0) found = true;
        // Names below a zone cut are not answered from here at all.
        if (owner->has_ns && name.size() > zone_.apex.size()) found = false;
    }
    return found;
}

void ZoneCompiler::look_below_dnames() {
    if (std::ranges::none_of(owners_, [](const Owner& owner) { return owner.dnames != 0; })) return;
    for (Item& item : items_) {
        if (item.acceptance == Acceptance::refused || !is_below_dname(owner_name(item))) continue;
        doubt_item(item, "stands below a DNAME (RFC 6672 section 2.4)",
                   "the DNAME is answered; PowerDNS answers this row");
    }
}

void ZoneCompiler::look_at_empty_names() {
    if (empties_.empty()) return;
    const auto wire = [this](const EmptyName& empty) {
        return base::Octets(octets_).subspan(empty.at, empty.size);
    };
    const auto is_named = [&](dns::NameView name) {
        return [&, name](std::uint32_t at) {
            return std::ranges::equal(wire(empties_[at]), name.wire());
        };
    };
    set_index_.begin(empties_.size());
    for (std::uint32_t i = 0; i < empties_.size(); ++i) {
        const dns::NameView name(wire(empties_[i]));
        empties_[i].first = set_index_.find_or_add(hash64(name.wire()), i, is_named(name));
    }
    for (const Item& item : items_) {
        if (item.acceptance == Acceptance::refused) continue;
        for (dns::NameView name = owner_name(item); name.size() > zone_.apex.size();
             name = name.parent()) {
            const auto at = set_index_.find(hash64(name.wire()), is_named(name));
            if (!at) continue;
            if (empties_[*at].has_records) break;  // and so what is above it
            empties_[*at].has_records = true;
        }
    }
    for (const EmptyName& empty : empties_) {
        const dns::NameView name(wire(empty));
        if (name.size() == zone_.apex.size()) continue;
        const Row row = RowStore::Bucket::read(refs_[empty.ref]);
        if (!empties_[empty.first].has_records) {
            doubt(row, "an empty non-terminal without a name below it",
                  "as if it were not here; PowerDNS answers NODATA");
        } else if (!powerdns_looks_up(name, zone_.apex)) {
            doubt(row, std::string(odd_character), std::string(odd_character_effect));
        }
    }
}

void ZoneCompiler::look_at_signatures() {
    bool has_signature = false;
    for (Item& item : items_) {
        if (item.acceptance == Acceptance::refused) continue;
        if (item.type == RrType::rrsig) {
            has_signature = true;
            if (!presigned_)
                doubt_item(item, "a signature in a zone that is not PRESIGNED",
                           "answered; PowerDNS answers as if the row were not there");
        } else if (item.type == RrType::ds && item.owner_size == zone_.apex.size()) {
            doubt_item(item, "a DS at the zone's own name (RFC 4035 section 2.4)",
                       "answered unless the zone above is here and delegates this one; PowerDNS "
                       "answers from the zone above");
        }
    }
    if (presigned_ && !has_signature) {
        doubt_zone("PRESIGNED, but without signatures",
                   "answered without; PowerDNS proves with NSECs that are not signed");
    }
}

std::size_t ZoneCompiler::count_soas() const {
    // PowerDNS's own IXFR leaves the same one twice. Names differ in case and are the same.
    const auto folded = [this](const Item& item) {
        const base::Octets octets = rdata(item);
        std::vector<std::uint8_t> copy(octets.begin(), octets.end());
        dns::fold_rdata(RrType::soa, copy);
        return copy;
    };
    std::size_t soas = 0;
    const Item* first = nullptr;
    for (const Item& item : items_) {
        if (item.type != RrType::soa || item.acceptance == Acceptance::refused) continue;
        if (first == nullptr) first = &item;
        if (&item == first || folded(item) != folded(*first)) ++soas;
    }
    return soas;
}

void ZoneCompiler::build() {
    const std::size_t soas = count_soas();
    done_->has_soa = soas != 0;
    if (soas == 0 && disabled_soa_) {
        zone_.hidden = true;
        zone_.state = zone::State::broken;
        doubt_zone("the SOA is disabled", "as if the zone were not here, as PowerDNS does");
        return keep_everything();
    }
    if (soas != 1) {
        zone_.state = zone::State::broken;
        refuse_zone(soas == 0 ? "no SOA" : "more than one SOA");
        return keep_everything();
    }

    builder_.begin(zone_.apex);
    std::uint64_t added = 0;
    for (Item& item : items_) {
        if (item.acceptance == Acceptance::refused) continue;
        const Status status = builder_.add(
            {.owner = owner_name(item), .type = item.type, .ttl = item.ttl, .rdata = rdata(item)},
            zone::Builder::Rdata::checked);
        if (status) {
            ++added;
        } else {
            refuse_item(item, status.error().message, "not answered");
        }
    }
    if (presigned_) added += add_denial_chain();
    std::vector<Error> errors;
    Result<zone::Image> image = builder_.build(nullptr, &errors, options_.stopped);
    if (!image) {
        zone_.state = zone::State::broken;
        if (errors.empty()) errors.push_back(std::move(image).error());
        std::string reason;
        for (const Error& error : errors) reason += (reason.empty() ? "" : "; ") + error.message;
        refuse_zone(std::move(reason));
        return keep_everything();
    }
    zone_.image = *std::move(image);
    zone_.records = zone::Zone(zone_.image.octets().data()).records();
    if (zone_.records != added) name_duplicates();
    if (std::string costly = zone::costly_hashing(zone::Zone(zone_.image.octets().data()));
        !costly.empty())
        doubt_zone(std::move(costly), std::string(costly_effect));
    keep_powerdns_only();
}

/// After it is known which of them are in the image.
void ZoneCompiler::keep_powerdns_only() {
    for (const Item& item : items_) {
        if (item.fate == Fate::powerdns_only && item.acceptance != Acceptance::refused)
            zone_.kept.push_back(kept_record(item, KeptRecord::Why::powerdns_only));
    }
}

/// How many records were added.
std::uint64_t ZoneCompiler::add_denial_chain() {
    DenialChain chain(zone_.apex);
    for (const Item& item : items_)
        if (item.acceptance != Acceptance::refused)
            chain.add({owner_name(item), item.type, item.ttl, rdata(item)});
    std::string_view nsec3param;
    for (const Metadata& metadata : zone_.metadata)
        if (metadata.kind == "NSEC3PARAM") nsec3param = metadata.content;
    std::uint64_t added = 0;
    for (std::string& problem : chain.rebuild(nsec3param, [&](const dns::RecordView& record) {
             if (builder_.add(record)) ++added;
         }))
        doubt_zone(std::move(problem), "what is not there is not proved: bogus where it matters");
    done_->made = added;
    find_made_anew(nsec3param);
    return added;
}

/// Rows of what would be made without them, too: PowerDNS passes them over and makes it.
void ZoneCompiler::find_made_anew(std::string_view nsec3param) {
    const auto is_row_of_chain = [](const Item& item) {
        return item.acceptance != Acceptance::refused && is_denial(item.type);
    };
    if (std::ranges::none_of(items_, is_row_of_chain)) return;
    const auto record_of = [this](const Item& item) {
        return dns::RecordView{owner_name(item), item.type, item.ttl, rdata(item)};
    };
    DenialChain others(zone_.apex);
    for (const Item& item : items_) {
        if (item.acceptance != Acceptance::refused && !is_denial(item.type))
            others.add(record_of(item));
    }
    MadeDenial made;
    if (!made.make(others, nsec3param)) return;
    for (Item& item : items_) {
        if (is_row_of_chain(item) && made.contains(record_of(item))) item.fate = Fate::made_anew;
    }
}

void ZoneCompiler::name_duplicates() {
    std::vector<Item*> items;
    for (Item& item : items_) {
        if (item.acceptance == Acceptance::refused) continue;
        dns::fold_rdata(item.type,
                        base::MutableOctets(octets_).subspan(item.rdata_at, item.rdata_size));
        items.push_back(&item);
    }
    std::ranges::sort(items, [this](const Item* a, const Item* b) {
        if (a->owner != b->owner) return a->owner < b->owner;
        if (a->type != b->type) return a->type < b->type;
        if (std::ranges::equal(rdata(*a), rdata(*b))) return a->ref < b->ref;
        return std::ranges::lexicographical_compare(rdata(*a), rdata(*b));
    });
    std::size_t first = 0;
    for (std::size_t i = 1; i < items.size(); ++i) {
        const Item& before = *items[i - 1];
        Item& item = *items[i];
        if (before.owner != item.owner || before.type != item.type ||
            !std::ranges::equal(rdata(before), rdata(item))) {
            first = i;
            continue;
        }
        // Where the row itself is kept, it has to make the same RRset again.
        items[first]->ttl = std::min(items[first]->ttl, item.ttl);
        item.fate = Fate::same_twice;
        doubt_item(item, "the same record as in line " + std::to_string(refs_[before.ref].line),
                   "answered once");
    }
}

void ZoneCompiler::keep_everything() {
    for (const Item& item : items_) {
        if (item.acceptance != Acceptance::refused)
            zone_.kept.push_back(kept_record(item, KeptRecord::Why::no_image));
    }
}

KeptRecord ZoneCompiler::kept_record(const Item& item, KeptRecord::Why why) const {
    const Row row = row_of(item);
    return {.why = why,
            .disabled = false,
            .name = text_of(row.values[column::record_name]),
            .type = text_of(row.values[column::record_type]),
            .content = text_of(row.values[column::record_content]),
            .ttl = static_cast<std::int32_t>(item.ttl),
            .prio = int_column(row.values[column::prio], 0)};
}

void ZoneCompiler::settle_state() {
    const bool is_signed_there = !presigned_ && std::ranges::any_of(zone_.keys, &CryptoKey::active);
    if (!is_signed_there || zone_.state != zone::State::serving) return;
    if (options_.unsigned_zones == UnsignedZones::serve) {
        doubt_zone("PowerDNS signs this zone",
                   "answered without signatures: bogus where the parent has a DS");
    } else {
        zone_.state = zone::State::unsigned_;
        refuse_zone("PowerDNS signs this zone, which is not done here yet");
    }
}

void ZoneCompiler::count_rows() {
    const bool is_served = zone_.state == zone::State::serving && !zone_.hidden;
    RowSums& records = count(Table::records);
    for (Item& item : items_) {
        // Listed, but last: other faults of the row weigh more.
        if (item.acceptance == Acceptance::taken && item.fate == Fate::powerdns_only) {
            doubt_item(item, "a type that only PowerDNS has",
                       item.type == RrType::alias
                           ? "kept; the target's A and AAAA when it is served here, else NODATA"
                           : "kept; NODATA");
        }
        Fate fate = item.fate;
        if (item.acceptance == Acceptance::doubtful) ++records.doubtful;
        if (item.acceptance == Acceptance::repaired && fate == Fate::served) fate = Fate::repaired;
        if (!is_served && fate != Fate::same_twice) fate = Fate::not_served;
        if (item.acceptance == Acceptance::refused) fate = Fate::refused;
        ++records.of(fate);
    }
    RowSums& domains = count(Table::domains);
    ++domains.of(is_served ? Fate::served : zone_.hidden ? Fate::not_served : Fate::refused);
    if (is_served) return;
    if (!zone_.hidden) domains.doubtful = 0;
    for (const Table table : {Table::domainmetadata, Table::comments, Table::cryptokeys})
        count(table).move(Fate::served, Fate::not_served, count(table).of(Fate::served));
}

}  // namespace zc::ingest
