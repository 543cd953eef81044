#include "zone/change.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>

#include <sodium.h>

#include "base/check.h"
#include "dns/presentation.h"
#include "zone/lookup.h"

namespace zc::zone {

namespace {

using dns::RrType;

constexpr std::uint8_t change_format = 1;
constexpr std::size_t head_octets = 2 + 4;  // before the settings
constexpr std::size_t rdatas_max = 65535;   // of a set: an image counts them in 16 bits
constexpr std::size_t change_octets_max = 0xffffffff;

void append_u16(std::vector<std::uint8_t>& out, std::uint16_t value) {
    out.push_back(static_cast<std::uint8_t>(value >> 8));
    out.push_back(static_cast<std::uint8_t>(value));
}
void append_u32(std::vector<std::uint8_t>& out, std::uint32_t value) {
    append_u16(out, static_cast<std::uint16_t>(value >> 16));
    append_u16(out, static_cast<std::uint16_t>(value));
}
void append(std::vector<std::uint8_t>& out, base::Octets octets) {
    out.insert(out.end(), octets.begin(), octets.end());
}

int compare_octets(base::Octets a, base::Octets b) noexcept {
    const int order =
        a.empty() || b.empty() ? 0 : std::memcmp(a.data(), b.data(), std::min(a.size(), b.size()));
    if (order != 0) return order;
    return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

bool is_zone_type(RrType type) noexcept {
    return dns::is_data_type(type) || dns::is_powerdns_only(type);
}

RrType covered_by(base::Octets rrsig) noexcept {
    return static_cast<RrType>(base::load_u16(rrsig.data()));
}

/// The set that begins at `octets[at]`, of a change that was checked; moves `at` behind it.
SetView read_set(base::Octets octets, std::size_t& at) noexcept {
    SetView set;
    const std::size_t key_octets = octets[at++];
    set.key.owner = octets.subspan(at, key_octets);
    at += key_octets;
    set.key.type = static_cast<RrType>(base::load_u16(&octets[at]));
    at += 2;
    if (set.key.type == RrType::rrsig) {
        set.key.covered = static_cast<RrType>(base::load_u16(&octets[at]));
        at += 2;
    }
    set.ttl = base::load_u32(&octets[at]);
    set.count = base::load_u32(&octets[at + 4]);
    at += 8;
    const std::size_t begin = at;
    for (std::uint32_t i = 0; i < set.count; ++i) at += 2U + base::load_u16(&octets[at]);
    set.records = octets.subspan(begin, at - begin);
    return set;
}

tl::unexpected<Error> malformed(std::string what, std::size_t at) {
    return fail(Errc::malformed,
                "change of a zone: " + std::move(what) + " at octet " + std::to_string(at));
}

/// Reads a change that nobody has checked.
class Checker {
public:
    Checker(base::Octets octets, dns::NameView apex, Change::Kind kind) noexcept
        : in_(octets), apex_(apex), kind_(kind) {}

    Status check() {
        const std::uint8_t format = in_.u8();
        if (in_.ok() && format != change_format)
            return fail(Errc::unsupported, "change of a zone: format " + std::to_string(format) +
                                               ", this program knows " +
                                               std::to_string(change_format));
        const std::uint8_t rule = in_.u8();
        if (in_.ok() && rule != static_cast<std::uint8_t>(SerialRule::raise) &&
            rule != static_cast<std::uint8_t>(SerialRule::mirror))
            return malformed("unknown serial rule", 1);
        const std::uint32_t settings = in_.u32();
        in_.skip(settings);
        const std::uint32_t sets = in_.u32();
        if (!in_.ok()) return malformed("cut off", in_.offset());
        if (kind_ == Change::Kind::remove && (settings != 0 || sets != 0))
            return malformed("a removal with content", head_octets);
        for (std::uint32_t i = 0; i < sets; ++i) ZC_TRY_STATUS(set(i));
        if (!in_.at_end()) return malformed("more than its sets", in_.offset());
        return {};
    }

private:
    Status set(std::uint32_t index) {
        const std::size_t begin = in_.offset();
        SetKey key;
        key.owner = in_.octets(in_.u8());
        key.type = static_cast<RrType>(in_.u16());
        if (key.type == RrType::rrsig) key.covered = static_cast<RrType>(in_.u16());
        const std::uint32_t ttl = in_.u32(), count = in_.u32();
        if (!in_.ok()) return malformed("cut off", begin);
        ZC_TRY_STATUS(owner(key.owner, begin));
        if (!is_zone_type(key.type) ||
            (key.type == RrType::rrsig && !dns::is_data_type(key.covered)))
            return malformed("type that is no zone data", begin);
        if (index > 0 && compare(before_, key) >= 0) return malformed("sets out of order", begin);
        if (ttl > dns::ttl_seconds_max || (count == 0 && ttl != 0)) return malformed("TTL", begin);
        if (count > rdatas_max || (count == 0 && kind_ == Change::Kind::put))
            return malformed("number of records", begin);
        before_ = key;
        base::Octets last;
        for (std::uint32_t i = 0; i < count; ++i) {
            const base::Octets rdata = in_.octets(in_.u16());
            if (!in_.ok()) return malformed("cut off", begin);
            ZC_TRY_STATUS(record(key, rdata, begin));
            if (i > 0 && compare_octets(last, rdata) >= 0)
                return malformed("records out of order", begin);
            last = rdata;
        }
        return {};
    }

    Status owner(base::Octets key, std::size_t at) {
        std::size_t label = 0;
        while (label < key.size() && key[label] != 0 && key[label] <= dns::label_octets_max)
            label += 1U + key[label];
        if (label != key.size() || key.size() + apex_.size() > dns::name_octets_max)
            return malformed("owner name", at);
        for (const std::uint8_t octet : key)
            if (dns::fold(octet) != octet) return malformed("capitals in an owner name", at);
        return {};
    }

    Status record(const SetKey& key, base::Octets rdata, std::size_t at) {
        if (!dns::check_rdata(key.type, rdata)) return malformed("RDATA", at);
        if (key.type == RrType::rrsig && covered_by(rdata) != key.covered)
            return malformed("an RRSIG that covers another type", at);
        folded_.assign(rdata.begin(), rdata.end());
        dns::fold_rdata(key.type, folded_);
        if (!std::ranges::equal(folded_, rdata)) return malformed("capitals in RDATA", at);
        return {};
    }

    base::Reader in_;
    dns::NameView apex_;
    Change::Kind kind_;
    SetKey before_;
    std::vector<std::uint8_t> folded_;
};

}  // namespace

int compare(const SetKey& a, const SetKey& b) noexcept {
    const int order = compare_keys(a.owner, b.owner);
    if (order != 0) return order;
    if (a.type != b.type) return a.type < b.type ? -1 : 1;
    if (a.covered != b.covered) return a.covered < b.covered ? -1 : 1;
    return 0;
}

bool SetView::same_content(const SetView& other) const noexcept {
    return ttl == other.ttl && count == other.count && compare_octets(records, other.records) == 0;
}

Result<Change> Change::decode(Kind kind, dns::NameView apex, std::vector<std::uint8_t> octets) {
    ZC_TRY_STATUS(Checker(octets, apex, kind).check());
    Change change;
    change.kind_ = kind;
    change.octets_ = std::move(octets);
    return change;
}

SerialRule Change::serial_rule() const noexcept {
    return octets_.empty() ? SerialRule::raise : static_cast<SerialRule>(octets_[1]);
}

base::Octets Change::settings() const noexcept {
    if (octets_.empty()) return {};
    return base::Octets(octets_).subspan(head_octets, base::load_u32(&octets_[2]));
}

std::uint32_t Change::sets() const noexcept {
    return octets_.empty() ? 0 : base::load_u32(&octets_[head_octets + settings().size()]);
}

Change::Cursor::Cursor(const Change& change) noexcept
    : octets_(change.octets()),
      at_(head_octets + change.settings().size() + 4),
      left_(change.sets()) {}

SetView Change::Cursor::next() noexcept {
    --left_;
    return read_set(octets_, at_);
}

void ChangeMaker::begin(dns::NameView apex, Change::Kind kind, SerialRule rule) {
    apex_ = dns::Name(apex);
    kind_ = kind;
    rule_ = rule;
    settings_.clear();
    data_.clear();
    entries_.clear();
}

void ChangeMaker::settings(base::Octets octets) {
    settings_.assign(octets.begin(), octets.end());
}

Status ChangeMaker::set(dns::NameView owner, RrType type, std::uint32_t ttl,
                        std::span<const base::Octets> rdatas, RrType covered) {
    if (!owner.is_within(apex_))
        return fail(Errc::invalid,
                    dns::to_string(owner) + " is not in the zone " + dns::to_string(apex_));
    if (!is_zone_type(type) || (type == RrType::rrsig && !dns::is_data_type(covered)))
        return fail(
            Errc::invalid,
            "type " + dns::to_string(type == RrType::rrsig ? covered : type) + " is no zone data");
    if (ttl > dns::ttl_seconds_max)
        return fail(Errc::limit, "TTL of " + std::to_string(ttl) + " s, limit is " +
                                     std::to_string(dns::ttl_seconds_max));
    if (rdatas.size() > rdatas_max)
        return fail(Errc::limit, std::to_string(rdatas.size()) +
                                     " records in one RRset, limit is " +
                                     std::to_string(rdatas_max));
    std::vector<std::vector<std::uint8_t>> records;
    records.reserve(rdatas.size());
    for (const base::Octets rdata : rdatas) {
        if (rdata.size() > 65535)
            return fail(Errc::limit,
                        "RDATA of " + std::to_string(rdata.size()) + " octets, limit is 65535");
        ZC_TRY_STATUS(dns::check_rdata(type, rdata));
        if (type == RrType::rrsig && covered_by(rdata) != covered)
            return fail(Errc::invalid, "RRSIG over " + dns::to_string(covered_by(rdata)) +
                                           " among those over " + dns::to_string(covered));
        dns::fold_rdata(type, records.emplace_back(rdata.begin(), rdata.end()));
    }
    std::ranges::sort(records);
    records.erase(std::unique(records.begin(), records.end()), records.end());

    Entry entry{.owner = {data_.size(), owner.size() - apex_.size()},
                .set = {},
                .type = type,
                .covered = type == RrType::rrsig ? covered : RrType{}};
    for (const std::uint8_t octet : owner.wire().first(entry.owner.octets))
        data_.push_back(dns::fold(octet));
    entry.set.at = data_.size();
    append_u32(data_, records.empty() ? 0 : ttl);
    append_u32(data_, static_cast<std::uint32_t>(records.size()));
    for (const auto& record : records) {
        append_u16(data_, static_cast<std::uint16_t>(record.size()));
        append(data_, record);
    }
    entry.set.octets = data_.size() - entry.set.at;
    entries_.push_back(entry);
    return {};
}

void ChangeMaker::set(const SetView& set) {
    Entry entry{.owner = {data_.size(), set.key.owner.size()},
                .set = {},
                .type = set.key.type,
                .covered = set.key.covered};
    append(data_, set.key.owner);
    entry.set.at = data_.size();
    append_u32(data_, set.ttl);
    append_u32(data_, set.count);
    append(data_, set.records);
    entry.set.octets = data_.size() - entry.set.at;
    entries_.push_back(entry);
}

Result<Change> ChangeMaker::make() {
    const auto octets_of = [&](Slice s) { return base::Octets(data_).subspan(s.at, s.octets); };
    const auto key_of = [&](const Entry& entry) {
        return SetKey{octets_of(entry.owner), entry.type, entry.covered};
    };
    const auto before = [&](const Entry& a, const Entry& b) {
        return compare(key_of(a), key_of(b)) < 0;
    };
    if (kind_ == Change::Kind::remove && (!entries_.empty() || !settings_.empty()))
        return fail(Errc::invalid, "removal of " + dns::to_string(apex_) + " with content");
    if (!std::is_sorted(entries_.begin(), entries_.end(), before))
        std::ranges::sort(entries_, before);
    Change change;
    change.kind_ = kind_;
    std::vector<std::uint8_t>& out = change.octets_;
    out.reserve(head_octets + settings_.size() + 4 + data_.size() + 5 * entries_.size());
    out.push_back(change_format);
    out.push_back(static_cast<std::uint8_t>(rule_));
    append_u32(out, static_cast<std::uint32_t>(settings_.size()));
    append(out, settings_);
    append_u32(out, static_cast<std::uint32_t>(entries_.size()));
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        const Entry& entry = entries_[i];
        const base::Octets set = octets_of(entry.set);
        const bool is_twice = i > 0 && !before(entries_[i - 1], entry);
        const bool is_void = kind_ == Change::Kind::put && base::load_u32(&set[4]) == 0;
        if (is_twice || is_void) {
            std::vector<std::uint8_t> owner(octets_of(entry.owner).begin(),
                                            octets_of(entry.owner).end());
            append(owner, apex_.wire());
            return fail(Errc::invalid, dns::to_string(dns::NameView(owner)) + ' ' +
                                           dns::record_type_text(entry.type) +
                                           (is_twice ? " is changed twice" : " has no record"));
        }
        out.push_back(static_cast<std::uint8_t>(entry.owner.octets));
        append(out, octets_of(entry.owner));
        append_u16(out, static_cast<std::uint16_t>(entry.type));
        if (entry.type == RrType::rrsig) append_u16(out, static_cast<std::uint16_t>(entry.covered));
        append(out, set);
    }
    const std::size_t size = out.size();
    begin(apex_, kind_, rule_);
    if (size > change_octets_max)
        return fail(Errc::limit, "change of " + dns::to_string(apex_) + " of more than 4 GB");
    return change;
}

namespace {

ContentSum hash_of(dns::NameView apex, const SetView& set) noexcept {
    crypto_generichash_state state;
    crypto_generichash_init(&state, nullptr, 0, ContentSum::octets_count);
    std::uint8_t head[dns::name_octets_max + 12];
    base::Writer out(head);
    out.octets(set.key.owner);
    out.octets(apex.wire());
    out.u16(static_cast<std::uint16_t>(set.key.type));
    out.u16(static_cast<std::uint16_t>(set.key.covered));
    out.u32(set.ttl);
    out.u32(set.count);
    crypto_generichash_update(&state, out.written().data(), out.size());
    crypto_generichash_update(&state, set.records.data(), set.records.size());
    std::uint8_t hash[ContentSum::octets_count];
    crypto_generichash_final(&state, hash, sizeof hash);
    return ContentSum::from(hash);
}

}  // namespace

void ContentSum::add(const ContentSum& other) noexcept {
    unsigned carry = 0;
    for (std::size_t i = 0; i < octets_count; ++i) {
        carry += unsigned{sum_[i]} + other.sum_[i];
        sum_[i] = static_cast<std::uint8_t>(carry);
        carry >>= 8;
    }
}

void ContentSum::subtract(const ContentSum& other) noexcept {
    unsigned borrow = 0;
    for (std::size_t i = 0; i < octets_count; ++i) {
        const unsigned less = unsigned{other.sum_[i]} + borrow;
        borrow = sum_[i] < less ? 1 : 0;
        sum_[i] = static_cast<std::uint8_t>(sum_[i] - less);
    }
}

void ContentSum::add(dns::NameView apex, const SetView& set) noexcept {
    if (set.count != 0) add(hash_of(apex, set));
}
void ContentSum::subtract(dns::NameView apex, const SetView& set) noexcept {
    if (set.count != 0) subtract(hash_of(apex, set));
}

ContentSum ContentSum::from(std::span<const std::uint8_t, octets_count> octets) noexcept {
    ContentSum sum;
    std::ranges::copy(octets, sum.sum_.begin());
    return sum;
}

namespace {

/// Makes sets of records that come one after the other.
class SetGatherer {
public:
    using Each = std::function<void(const SetView&)>;
    SetGatherer(std::size_t apex_octets, const Each& each) noexcept
        : apex_octets_(apex_octets), each_(each) {}

    static RrType covered(const dns::RecordView& record) noexcept {
        return record.type == RrType::rrsig ? covered_by(record.rdata) : RrType{};
    }
    void add(const dns::RecordView& record) {
        const base::Octets key = record.owner.wire().first(record.owner.size() - apex_octets_);
        if (set_.count == 0 || set_.key.type != record.type ||
            set_.key.covered != covered(record) || compare_octets(set_.key.owner, key) != 0) {
            finish();
            std::ranges::copy(key, owner_.begin());
            set_.key = {{owner_.data(), key.size()}, record.type, covered(record)};
            set_.ttl = record.ttl;
        }
        append_u16(records_, static_cast<std::uint16_t>(record.rdata.size()));
        append(records_, record.rdata);
        ++set_.count;
    }
    void finish() {
        set_.records = records_;
        if (set_.count != 0) each_(set_);
        set_ = {};
        records_.clear();
    }

private:
    std::size_t apex_octets_;
    const Each& each_;
    SetView set_;
    std::array<std::uint8_t, dns::name_octets_max> owner_{};
    std::vector<std::uint8_t> records_;
};

}  // namespace

void for_each_set(const Zone& zone, const std::function<void(const SetView&)>& each) {
    SetGatherer gatherer(zone.apex().size(), each);
    // An image keeps the chain that it proves with apart from all others, so the records of one
    // NSEC3 owner may stand at two places.
    struct Apart {
        dns::Name owner;
        RrType type{};
        std::uint32_t ttl = 0;
        dns::Rdata rdata;
        dns::RecordView view() const noexcept { return {owner, type, ttl, rdata}; }
    };
    std::vector<Apart> apart;
    for_each_record(zone, [&](const dns::RecordView& record) {
        if (record.type == RrType::nsec3 || SetGatherer::covered(record) == RrType::nsec3) {
            apart.push_back({dns::Name(record.owner), record.type, record.ttl,
                             dns::Rdata(record.rdata.begin(), record.rdata.end())});
            return;
        }
        gatherer.add(record);
    });
    std::ranges::sort(apart, [](const Apart& a, const Apart& b) {
        const auto order = dns::compare(a.owner, b.owner);
        if (order != 0) return order < 0;
        if (a.type != b.type) return a.type < b.type;
        return a.rdata < b.rdata;
    });
    for (const Apart& one : apart) gatherer.add(one.view());
    gatherer.finish();
}

void for_each_set(const Zone& zone, NodeRef node, const std::function<void(const SetView&)>& each) {
    SetGatherer gatherer(zone.apex().size(), each);
    for_each_record(zone, node, [&](const dns::RecordView& record) { gatherer.add(record); });
    gatherer.finish();
}

ContentSum content_of(const Zone& zone) {
    ContentSum sum;
    for_each_set(zone, [&](const SetView& set) { sum.add(zone.apex(), set); });
    return sum;
}

Result<Change> whole(const Zone& zone) {
    ChangeMaker maker;
    maker.begin(zone.apex(), Change::Kind::put);
    for_each_set(zone, [&](const SetView& set) { maker.set(set); });
    return maker.make();
}

}  // namespace zc::zone
