#include "replica/entry.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace zc::replica {

namespace {

constexpr std::uint32_t magic = 0x5a434c45;  // "ZCLE"
constexpr std::uint8_t entry_format = 1;
constexpr std::size_t hash_octets = 8;
constexpr std::uint8_t data_here = 0, data_in_segment = 1;

class Encoder {
public:
    void u8(std::uint64_t value) { octets_.push_back(static_cast<std::uint8_t>(value)); }
    void u16(std::uint64_t value) { number(value, 2); }
    void u32(std::uint64_t value) { number(value, 4); }
    void u64(std::uint64_t value) { number(value, 8); }
    void octets(base::Octets more) { octets_.insert(octets_.end(), more.begin(), more.end()); }
    void text(std::string_view text) {
        u8(text.size());
        octets_.insert(octets_.end(), text.begin(), text.end());
    }
    void data(const Data& data) {
        if (data.is_segment()) {
            u8(data_in_segment);
            u64(data.segment.octets);
            octets(data.segment.sha256);
        } else {
            u8(data_here);
            u32(data.octets.size());
            octets(data.octets);
        }
    }
    std::vector<std::uint8_t>& whole() noexcept { return octets_; }

private:
    void number(std::uint64_t value, unsigned octets) {
        while (octets-- > 0) u8(value >> (8 * octets));
    }
    std::vector<std::uint8_t> octets_;
};

class Decoder {
public:
    explicit Decoder(base::Octets octets) noexcept : in_(octets) {}

    std::uint8_t u8() noexcept { return in_.u8(); }
    std::uint16_t u16() noexcept { return in_.u16(); }
    std::uint32_t u32() noexcept { return in_.u32(); }
    std::uint64_t u64() noexcept {
        const std::uint64_t high = in_.u32();
        return high << 32 | in_.u32();
    }
    template <std::size_t N>
    std::array<std::uint8_t, N> array() noexcept {
        std::array<std::uint8_t, N> out{};
        const base::Octets from = in_.octets(N);
        std::ranges::copy(from, out.begin());
        return out;
    }
    std::string text() {
        const base::Octets octets = in_.octets(in_.u8());
        return {octets.begin(), octets.end()};
    }
    dns::Name name() {
        const base::Octets octets = in_.octets(in_.u8());
        auto name = dns::Name::from_wire(octets);
        if (!name) {
            in_.fail();
            return {};
        }
        dns::Name folded = *name;
        folded.fold_case();
        if (!std::ranges::equal(folded.wire(), name->wire())) in_.fail();
        return folded;
    }
    Data data() {
        Data data;
        const std::uint8_t where = in_.u8();
        if (where == data_in_segment) {
            data.segment.octets = u64();
            data.segment.sha256 = array<32>();
            if (data.segment.octets == 0) in_.fail();
        } else if (where == data_here) {
            const base::Octets octets = in_.octets(in_.u32());
            data.octets.assign(octets.begin(), octets.end());
        } else {
            in_.fail();
        }
        return data;
    }
    Op op() noexcept {
        const std::uint8_t op = in_.u8();
        if (op < static_cast<std::uint8_t>(Op::patch) || op > static_cast<std::uint8_t>(Op::remove))
            in_.fail();
        return static_cast<Op>(op);
    }
    bool ok() const noexcept { return in_.ok(); }
    bool at_end() const noexcept { return in_.ok() && in_.at_end(); }
    void fail() noexcept { in_.fail(); }
    std::size_t offset() const noexcept { return in_.offset(); }

private:
    base::Reader in_;
};

void encode_body(Encoder& out, const Change& change) {
    if (change.kind == Change::Kind::zones) {
        out.u16(change.zones.size());
        for (const ZoneChange& zone : change.zones) {
            out.u8(zone.name.size());
            out.octets(zone.name.wire());
            out.u64(zone.base);
            out.u8(static_cast<std::uint8_t>(zone.op));
            out.data(zone.data);
            out.data(zone.signatures);
        }
    } else if (change.kind == Change::Kind::named) {
        out.u16(change.named.size());
        for (const NamedChange& named : change.named) {
            out.text(named.name);
            out.u64(named.base);
            out.u8(static_cast<std::uint8_t>(named.op));
            out.data(named.data);
        }
    }
}

void decode_body(Decoder& in, Change& change) {
    if (change.kind == Change::Kind::zones) {
        for (unsigned left = in.u16(); left > 0 && in.ok(); --left) {
            ZoneChange zone;
            zone.name = in.name();
            zone.base = in.u64();
            zone.op = in.op();
            zone.data = in.data();
            zone.signatures = in.data();
            change.zones.push_back(std::move(zone));
        }
    } else if (change.kind == Change::Kind::named) {
        for (unsigned left = in.u16(); left > 0 && in.ok(); --left) {
            NamedChange named;
            named.name = in.text();
            named.base = in.u64();
            named.op = in.op();
            named.data = in.data();
            change.named.push_back(std::move(named));
        }
    }
}

/// The rule that forbids the change in an entry; null: none does.
const char* fault_or_null(const Change& change) {
    std::set<base::Octets, decltype([](base::Octets a, base::Octets b) {
                 return std::ranges::lexicographical_compare(a, b);
             })>
        names;
    for (const ZoneChange& zone : change.zones) {
        if (!names.insert(zone.name.wire()).second) return "a zone twice in one change";
        if (zone.op == Op::remove && zone.data != Data{}) return "a removal with data";
    }
    std::set<std::string_view> texts;
    for (const NamedChange& named : change.named) {
        if (named.op == Op::patch) return "a patch of what has no parts";
        if (named.op == Op::remove && named.data != Data{}) return "a removal with data";
        if (!texts.insert(named.name).second) return "a name twice in one change";
    }
    std::set<RequestId> requests;
    for (const Request& request : change.requests)
        if (!requests.insert(request.id).second) return "a request twice in one change";
    return nullptr;
}

Status over(std::string_view what, std::size_t found, std::size_t limit) {
    if (found <= limit) return {};
    return fail(Errc::limit, "entry of the log: " + std::string(what) + ": " +
                                 std::to_string(found) + ", limit is " + std::to_string(limit));
}

tl::unexpected<Error> malformed(const std::string& what, std::size_t at) {
    return fail(Errc::malformed, "entry of the log: " + what + " at octet " + std::to_string(at));
}

Status decode_change(Decoder& in, Change& change) {
    const std::uint8_t kind = in.u8();
    if (!in.ok()) return malformed("cut off", in.offset());
    if (kind < static_cast<std::uint8_t>(Change::Kind::zones) ||
        kind > static_cast<std::uint8_t>(Change::Kind::noop))
        return malformed("unknown kind of change " + std::to_string(kind), in.offset());
    change.kind = static_cast<Change::Kind>(kind);
    for (unsigned left = in.u8(); left > 0 && in.ok(); --left) {
        Request request;
        request.id.octets = in.array<16>();
        request.attempt = in.u32();
        request.since = in.u64();
        change.requests.push_back(request);
    }
    change.who = in.text();
    change.where = in.text();
    decode_body(in, change);
    if (!in.ok()) return malformed("cut off, or no name, operation or data", in.offset());
    if (const char* fault = fault_or_null(change)) return malformed(fault, in.offset());
    return {};
}

}  // namespace

Result<std::vector<std::uint8_t>> encode(const Entry& entry) {
    ZC_TRY_STATUS(over("changes", entry.changes.size(), changes_max));
    Encoder out;
    out.u32(magic);
    out.u8(entry_format);
    out.octets(entry.log.octets);
    out.u32(entry.epoch);
    out.octets(entry.origin.octets);
    out.u64(static_cast<std::uint64_t>(entry.at));
    out.u16(entry.changes.size());
    for (const Change& change : entry.changes) {
        ZC_TRY_STATUS(over("requests of a change", change.requests.size(), requests_max));
        ZC_TRY_STATUS(over("octets of who", change.who.size(), text_octets_max));
        ZC_TRY_STATUS(over("octets of where", change.where.size(), text_octets_max));
        ZC_TRY_STATUS(over("zones of a change", change.zones.size(), zones_max));
        ZC_TRY_STATUS(over("names of a change", change.named.size(), zones_max));
        for (const NamedChange& named : change.named)
            ZC_TRY_STATUS(over("octets of a name", named.name.size(), text_octets_max));
        if (const char* fault = fault_or_null(change))
            return fail(Errc::invalid, std::string("entry of the log: ") + fault);
        out.u8(static_cast<std::uint8_t>(change.kind));
        out.u8(change.requests.size());
        for (const Request& request : change.requests) {
            out.octets(request.id.octets);
            out.u32(request.attempt);
            out.u64(request.since);
        }
        out.text(change.who);
        out.text(change.where);
        encode_body(out, change);
    }
    ZC_TRY_STATUS(over("octets", out.whole().size() + hash_octets, entry_octets_max));
    out.u64(XXH3_64bits(out.whole().data(), out.whole().size()));
    return std::move(out.whole());
}

Result<Entry> decode(base::Octets octets) {
    if (octets.size() > entry_octets_max)
        return malformed("more than " + std::to_string(entry_octets_max) + " octets", 0);
    Decoder in(octets);
    if (in.u32() != magic || !in.ok()) return malformed("no entry", 0);
    const std::uint8_t format = in.u8();
    if (in.ok() && format != entry_format)
        return fail(Errc::unsupported, "entry of the log: format " + std::to_string(format) +
                                           ", this program knows " + std::to_string(entry_format));
    if (octets.size() < hash_octets) return malformed("cut off", octets.size());
    const std::size_t body = octets.size() - hash_octets;
    Decoder tail(octets.subspan(body));
    if (tail.u64() != XXH3_64bits(octets.data(), body)) return malformed("wrong hash", body);
    Entry entry;
    entry.log.octets = in.array<16>();
    entry.epoch = in.u32();
    entry.origin.octets = in.array<16>();
    entry.at = static_cast<std::int64_t>(in.u64());
    const unsigned changes = in.u16();
    if (!in.ok() || changes > changes_max) return malformed("number of changes", in.offset());
    for (unsigned i = 0; i < changes; ++i)
        ZC_TRY_STATUS(decode_change(in, entry.changes.emplace_back()));
    if (!in.ok() || in.offset() != body) return malformed("more than its changes", in.offset());
    return entry;
}

}  // namespace zc::replica
